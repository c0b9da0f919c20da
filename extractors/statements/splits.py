"""Which columns are dated alike because they split one period up? Columns and items → columns, the parts named.

In: the columns of a statement whose columns are periods, and its items. Out: the same columns. Revenue, capital and their total, or
underlying, exceptional and total figures of one year share its date: where every row of them adds up across, the total keeps the date
as the statement's own column, and the others become named parts of it. Columns that are dated alike, print figures side by side and add
up to none of them lose their date: at least one is not theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from os.path import commonprefix
from typing import TYPE_CHECKING

from extractors.statements.periods import Period, fold

if TYPE_CHECKING:
    from extractors.statements.statement import Column, LineItem

LEAST_PARTS = 2  # parts beside a total; fewer are the total printed twice
LEAST_ROWS = 3  # rows that bear a split out
MISREAD = 0.1  # of the rows, and one at least, may fail to add up: a figure is misread
NAME_LETTERS = 3  # letters of a part's name at least

_TOTAL = re.compile(r"\btotal\b|合计|合計|总计|總計|\bgesamt|\bsumme\b|\btotaal\b")


def split_periods(columns: Sequence[Column], items: Sequence[LineItem]) -> tuple[Column, ...]:
    """Return the columns, those of one date parted into a total and its named parts, or without date where they cannot be."""
    out = list(columns)
    for group in _dated_alike(columns, items):
        names = _own_words([columns[i].header for i in group])
        total = _total_of(group, names, items)
        for i, name in zip(group, names, strict=True):
            if total is None:
                out[i] = replace(columns[i], period=Period(text=columns[i].period.text))
            elif i != total:
                out[i] = replace(columns[i], component=name, part_of=total)
    return tuple(out)


def _dated_alike(columns: Sequence[Column], items: Sequence[LineItem]) -> list[list[int]]:
    """Groups of columns of one date of which any two print figures in most rows.

    An inner and an outer amount column share their date, too, but a row prints its figure in one of them.
    """
    rows = [{value.column for value in item.values} for item in items if item.values]
    groups: list[list[int]] = []
    for a, b in combinations(range(len(columns)), 2):
        first, second = columns[a].period, columns[b].period
        alike = first.end and (first.end, first.months) == (second.end, second.months)
        either = sum(bool(row & {a, b}) for row in rows)
        if not alike or 2 * sum({a, b} <= row for row in rows) <= either:
            continue
        group = next((g for g in groups if a in g or b in g), None)
        if group is None:
            groups.append([a, b])
        else:
            group[:] = sorted({*group, a, b})
    return groups


def _own_words(headers: Sequence[str]) -> list[str]:
    """What each header says that the others do not: the words between those that all begin and end with."""
    words = [header.split() for header in headers]
    head = len(commonprefix(words))
    rest = [own[head:] for own in words]
    tail = len(commonprefix([own[::-1] for own in rest]))
    return [" ".join(own[: len(own) - tail]) for own in rest]


def _total_of(group: Sequence[int], names: Sequence[str], items: Sequence[LineItem]) -> int | None:
    """The column of a group that the others, each with a name of its own, add up to; the one called total first, then the outer ones."""
    lettered = [sum(map(str.isalpha, name)) >= NAME_LETTERS for name in names]
    if len(group) <= LEAST_PARTS or len({fold(name) for name in names}) < len(names):
        return None
    called = [i for i, name in zip(group, names, strict=True) if _TOTAL.search(fold(name))]
    for total in called or (group[-1], group[0]):
        parts = [i for i in group if i != total]
        if all(ok for i, ok in zip(group, lettered, strict=True) if i != total) and _adds_up(
            total, parts, items
        ):
            return total
    return None


def _adds_up(total: int, parts: Sequence[int], items: Sequence[LineItem]) -> bool:
    """Tell whether nearly all rows add up across, some of them with figures in several parts."""
    held, several, counted = 0, 0, 0
    for item in items:
        printed = {v.column: v.placed.amount for v in item.values}
        whole = printed.get(total)
        figures = [a for i in parts if (a := printed.get(i)) is not None and a.value is not None]
        if item.unit != "money" or whole is None or whole.value is None or not figures:
            continue
        room = Decimal(len(parts) + 1).scaleb(-whole.decimals) / 2
        holds = abs(whole.value - sum((a.value or Decimal(0) for a in figures), Decimal(0))) <= room
        counted += 1
        held += holds
        several += holds and sum(bool(a.value) for a in figures) > 1
    return held >= LEAST_ROWS and several > 0 and counted - held <= max(1, MISREAD * counted)
