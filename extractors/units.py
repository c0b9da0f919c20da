"""Can a statement without a unit note borrow the unit of its sisters? Statements → statements with proven scales.

In: a document's statements. Out: the same, where a primary statement that prints no scale has that of a sister statement with which
it shares figures: the same number of several digits printed for the same day in both, twice or more, as net income stands on
the income statement and on the cash flow statement. Without such proof the scale stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from extractors.rollforward import period_at
from extractors.scales import UnitNote, own_scale, scale_of

if TYPE_CHECKING:
    from extractors.statements import Statement

SHARED = 2  # figures that two statements must share
LEAST = 1000  # smaller figures may agree by chance


def borrow_scales(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return the statements, those without a scale with the one that a sister proves."""
    out = list(statements)
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
                out[index] = _with_scale(statement, sister)
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


def _with_scale(statement: Statement, sister: Statement) -> Statement:
    note = UnitNote(sister.unit_text, sister.scale, sister.currency)
    items = tuple(
        replace(item, scale=scale_of(item.unit, note, own_scale(item.label, item.path)))
        for item in statement.items
    )
    cited = f"{sister.unit_text} (as in {sister.title or sister.kind})"
    currency = statement.currency or sister.currency
    columns = tuple(
        replace(column, share_scale=scale_of("shares", note, own_scale(column.header)))
        if column.counts_shares
        else column
        for column in statement.columns
    )
    return replace(
        statement, scale=sister.scale, unit_text=cited, currency=currency, items=items, columns=columns
    )
