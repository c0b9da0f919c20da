"""Do the rows of a statement add up across? A ledger whose columns are components, or parts of a period → findings.

In: the ledger of a statement and, of an equity statement, the sums found down its columns. Out: one `cross_total` finding for each row and
total column: the total is the sum of components before it (or behind it, where totals stand first), and a later total may take up an
earlier one: equity of the owners, non-controlling interests, total equity. The parts of a period make up its column. Where what the components leave open runs down the page as a column of its own
would, a column has not been read: one finding says so, and no figure is accused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal

from extractors.checks.arithmetic import Row, Sum, find_sums
from extractors.checks.ledger import Ledger, as_printed, room_for
from extractors.checks.suspects import Finding
from extractors.statements.periods import fold
from schemas.records import Check, CheckStatus

LEAST_OPEN = 2  # rows that a column which was not read leaves open

_TOTAL_HEAD = re.compile(
    r"\btotal|合计|合計|总计|總計|\bgesamt|\bsumme\b|\binsgesamt\b|\btotaal|\bsuma\b|\bsomme\b|\bsubtotal|\battributable\s+to\b"
    r"|(?:share|stock)holders?\W*s?\W*\s*(?:equity|funds)\W*$|^\W*(?:net\s+)?equity\W*$"
)


def check_across(
    ledger: Ledger, down: Sequence[Sum], exact: bool = False, printed: Collection[str] = ()
) -> list[Finding]:
    """Return the findings of all total columns. `down` are the sums found among the ledger's rows.

    `exact` and `printed` say how much room rounding gets, see `room_for`.
    """
    counted = {f"{i}:{c.header}" for i, c in enumerate(ledger.statement.columns) if c.counts_shares}
    columns: list[Row] = [
        [None if key[2] in counted else as_printed(row.facts[p]) for row in ledger.rows]
        for p, key in enumerate(ledger.periods)
    ]
    likely = [bool(_TOTAL_HEAD.search(fold(_head(ledger, p)))) for p in range(len(columns))]
    solved = _sums(columns, likely)
    open_sums = [s for s in _unsolved(columns, likely, solved) if _column_lost(s, down)]
    return [
        finding for found in (*solved, *open_sums) for finding in _rows(ledger, found, down, exact, printed)
    ]


def check_parts(ledger: Ledger, exact: bool = False, printed: Collection[str] = ()) -> list[Finding]:
    """Return the findings of the columns that others split up: revenue and capital returns make up the total one."""
    columns = ledger.statement.columns
    findings = []
    for total in sorted({c.part_of for c in columns if c.part_of is not None}):
        addends = tuple(ledger.place[i] for i, c in enumerate(columns) if c.part_of == total)
        place = ledger.place[total]
        rows = [[as_printed(fact) for fact in row.facts] for row in ledger.rows]
        off = tuple(_left_open(row[place], [row[a] for a in addends]) for row in rows)
        findings += _rows(ledger, Sum(place, addends, (1,) * len(addends), off), (), exact, printed)
    return findings


def _sums(columns: Sequence[Row], likely: Sequence[bool]) -> list[Sum]:
    """The sums of components that make up the total columns, from the left; from the right for totals that stand first."""
    forward = [s for s in find_sums(columns, likely, [False] * len(columns)) if _plain(s, likely)]
    solved = {s.total for s in forward}
    if all(i in solved for i, is_total in enumerate(likely) if is_total):
        return forward
    last = len(columns) - 1
    backward = find_sums(columns[::-1], likely[::-1], [False] * len(columns))
    turned = [replace(s, total=last - s.total, addends=tuple(last - a for a in s.addends)) for s in backward]
    exact = [s for s in turned if sum(bool(o) for o in s.off) < LEAST_OPEN]  # columns that stand so are rare
    return forward + [s for s in exact if _plain(s, likely) and s.total not in solved]


def _unsolved(columns: Sequence[Row], likely: Sequence[bool], solved: Sequence[Sum]) -> list[Sum]:
    """Totals that no components make up, each set against all columns before it that no total has taken up."""
    totals, taken = {s.total for s in solved}, {a for s in solved for a in s.addends}
    found = []
    for total, is_total in enumerate(likely):
        addends = [a for a in range(total) if a not in taken and any(v is not None for v in columns[a])]
        if not is_total or total in totals or len(addends) < 2:
            continue
        off = tuple(_left_open(v, [columns[a][row] for a in addends]) for row, v in enumerate(columns[total]))
        found.append(Sum(total, tuple(addends), (1,) * len(addends), off))
        taken |= set(addends)
    return found


def _left_open(total: Decimal | None, addends: Sequence[Decimal | None]) -> Decimal | None:
    """What the components leave of a total; None where it prints none."""
    return None if total is None else total - sum((a or Decimal(0) for a in addends), Decimal(0))


def _plain(found: Sum, likely: Sequence[bool]) -> bool:
    return likely[found.total] and min(found.signs) > 0


def _rows(
    ledger: Ledger, found: Sum, down: Sequence[Sum], exact: bool, printed: Collection[str]
) -> list[Finding]:
    names = [_head(ledger, a) for a in found.addends]
    lost = _column_lost(found, down)
    findings = []
    for row, off in zip(ledger.rows, found.off, strict=True):
        fact = row.facts[found.total]
        parts = [(f, 1) for a in found.addends if (f := row.facts[a]) is not None and f.value is not None]
        if off is None or fact is None or fact.value is None or not parts:
            continue
        room = room_for([fact, *(f for f, _ in parts)], exact, printed)
        off_base = off * (fact.scale or 1)
        holds = abs(off_base) <= room
        status: CheckStatus = "pass" if holds else "not_evaluable" if lost else "fail"
        detail = f"{row.item.label}: total = {' + '.join(names)}" + (
            "" if holds or not lost else " + a column not read"
        )
        check = _check(ledger, detail, fact.col, fact.value - off_base, fact.value, room, status)
        findings.append(
            Finding(
                check,
                ((fact, -1), *parts) if holds or not lost else (),
                off_base if holds or not lost else None,
            )
        )
    if lost:
        head = _head(ledger, found.total) or "total"
        detail = f"{head}: a component is missing among {' + '.join(names)}; what they leave open adds up down the page"
        findings.append(Finding(_check(ledger, detail, None, None, None, None, "fail"), (), None))
    return findings


def _column_lost(found: Sum, down: Sequence[Sum]) -> bool:
    """Tell whether what the components leave open obeys the sums down the page, as the figures of a column do."""
    off = [o if o is not None else Decimal(0) for o in found.off]
    if sum(o != 0 for o in off) < LEAST_OPEN:
        return False
    touched = [s for s in down if off[s.total] or any(off[a] for a in s.addends)]
    return bool(touched) and all(
        off[s.total] == sum((sign * off[a] for a, sign in zip(s.addends, s.signs, strict=True)), Decimal(0))
        for s in touched
    )


def _head(ledger: Ledger, period: int) -> str:
    index = next(i for i, place in ledger.place.items() if place == period)
    column = ledger.statement.columns[index]
    return (
        column.component or column.header
        if column.part_of is not None
        else ledger.periods[period][2].partition(":")[2]
    )


def _check(
    ledger: Ledger,
    detail: str,
    column: int | None,
    expected: Decimal | None,
    actual: Decimal | None,
    tolerance: Decimal | None,
    status: CheckStatus,
) -> Check:
    return Check(table_id=ledger.statement.table.table_id, check="cross_total", detail=detail, column=column, expected=expected,
                 actual=actual, tolerance=tolerance, status=status)  # fmt: skip
