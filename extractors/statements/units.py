"""Can a statement without a unit note borrow the unit of its sisters? Statements → statements with proven scales.

In: a document's statements. Out: the same, where a primary statement that prints no scale has that of a sister statement with which
it shares figures: the same number of several digits printed for the same day in both, twice or more, as net income stands on
the income statement and on the cash flow statement. A balance sheet proves by itself that its amounts are printed in full where its share
capital is the par value times the number of shares that its label writes out. Without such proof the scale stays open, and so does
that of the numbers of shares in a statement that borrows: shared amounts say nothing of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from extractors.statements.parvalue import printed_in_full, written_counts
from extractors.statements.rollforward import period_at
from extractors.statements.scales import UnitNote, own_scale, read_note, scale_of

if TYPE_CHECKING:
    from extractors.statements.statement import Statement

SHARED = 2  # figures that two statements must share
LEAST = 1000  # smaller figures may agree by chance


def borrow_scales(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return the statements, those without a scale with the one that a sister proves."""
    out = [_proven_by_par(s) for s in statements]
    written = frozenset(
        count
        for s in out
        if s.primary and s.kind == "balance_sheet"
        for item in s.items
        for count in written_counts(item.label)
    )
    changed = True
    while changed:
        changed = False
        for index, statement in enumerate(out):
            if statement.scale is not None or not statement.primary:
                continue
            sister = next(
                (s for s in out if s.scale is not None and s.primary and _share(statement, s)), None
            )
            if sister is not None:
                out[index] = _with_scale(statement, sister, written)
                changed = True
    return tuple(out)


def _share(first: Statement, second: Statement) -> bool:
    return len(_figures(first) & _figures(second)) >= SHARED


def _figures(statement: Statement) -> set[tuple[date, Decimal]]:
    """The large printed money figures with the end of their period."""
    found = set()
    for item in statement.items:
        for value in item.values:
            end = period_at(item, statement.columns[value.column]).end
            amount = value.placed.amount
            if (
                item.unit == "money"
                and end
                and amount
                and amount.value is not None
                and abs(amount.value) >= LEAST
            ):
                found.add((end, abs(amount.value)))
    return found


def _proven_by_par(statement: Statement) -> Statement:
    """Return a balance sheet without a unit note with the scale 1 where its own share capital proves it."""
    if statement.scale is not None or not statement.primary or statement.kind != "balance_sheet":
        return statement
    for item in statement.items:
        amounts = [v.placed.amount.value for v in item.values if v.placed.amount and v.placed.amount.value]
        if printed_in_full(item.label, amounts):
            note = UnitNote(f"par value × shares: {item.label}", 1, statement.currency)
            return _scaled(statement, note, ())
    return statement


def _with_scale(statement: Statement, sister: Statement, written: Collection[Decimal]) -> Statement:
    said = read_note(sister.unit_text) if sister.unit_text else None
    cited = f"{sister.unit_text} (as in {sister.title or sister.kind})"
    note = UnitNote(cited, sister.scale, sister.currency, said.share_scale if said else None)
    return _scaled(statement, note, written)


def _scaled(statement: Statement, note: UnitNote, written: Collection[Decimal]) -> Statement:
    """The statement in the unit of `note`; its numbers of shares are printed in full where one of them is `written` out in a label."""
    items = tuple(
        replace(item, scale=scale_of(item.unit, note, own_scale(item.label, item.path)))
        for item in statement.items
    )
    full = _writes_out(statement, written)
    columns = tuple(
        replace(column, share_scale=_share_scale(column.header, note, full))
        if column.counts_shares
        else column
        for column in statement.columns
    )
    return replace(
        statement,
        scale=note.scale,
        unit_text=note.text,
        currency=statement.currency or note.currency,
        items=items,
        columns=columns,
    )


def _writes_out(statement: Statement, written: Collection[Decimal]) -> bool:
    """Tell whether one of the numbers of shares in a statement is `written` out in a label: then all of them are printed in full."""
    return any(
        value.placed.amount is not None and value.placed.amount.value in written
        for item in statement.items
        for value in item.values
        if statement.columns[value.column].counts_shares
    )


def _share_scale(header: str, note: UnitNote, full: bool) -> int | None:
    own = own_scale(header)
    if own is not None or note.share_scale is not None or note.scale == 1:
        return scale_of("shares", note, own)
    return 1 if full else None
