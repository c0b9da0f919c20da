"""Which period does a row of an equity statement speak of? Items in printed order → items with a `Period` each.

In: the line items of a statement whose columns are components of equity. Out: the same items; a balance row has the day its label
names, a movement the span between the balances around it, and what changes the balance of one evening ("Balance, December 31, 2021",
"Adoption of a standard", "Balance, January 1, 2022") that evening. Rows that stand between no two dated balances have no period. Where the
columns are periods, opening and closing balances are marked as such, and `period_at` gives the evening that each value states.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from extractors.statements.periods import DAYS_PER_MONTH, Period, find_dates, fold

if TYPE_CHECKING:
    from extractors.statements.statement import Column, LineItem

Moment = Literal["opening", "closing"]

_BALANCE = re.compile(
    r"\bbalances?\b|^as\s*at\b|^at\s+\d|^at\s+[a-z]+\s+\d|余额|^stand\b|^solde|^saldo|\b(?:beginning|end)\s*of\b"
)

_OPENING_ROW = re.compile(
    r"\b(?:beginning|opening|start|brought\s*forward)\b|期初|年初|anfangs|\bouverture\b|\bapertura\b"
)
_CLOSING_ROW = re.compile(
    r"\bbalances?\b.*\b(?:end|ending|closing)\b|\b(?:ending|closing)\b.*\bbalances?\b|\bend\s*of\b|期末|年末"
)


def date_rows(items: Sequence[LineItem], known_ends: Collection[date] = ()) -> tuple[LineItem, ...]:
    """Return the items with periods from the dated balance rows among them.

    `known_ends` are the days that the statements' headers end periods with: a year of 52 weeks may end on the first of a month.
    """
    days = [_balance_day(item, known_ends) for item in items]
    out = []
    for index, item in enumerate(items):
        if days[index] is not None:
            out.append(replace(item, period=Period(end=days[index], text=item.label)))
            continue
        before = next((d for d in reversed(days[:index]) if d), None)
        after = next((d for d in days[index:] if d), None)
        if item.values and before is not None and before == after:
            out.append(replace(item, period=Period(end=after, text=item.label)))
            continue
        if not item.values or before is None or after is None or before > after:
            out.append(item)
            continue
        months = round((after - before).days / DAYS_PER_MONTH)
        out.append(
            replace(item, period=Period(after, before + timedelta(days=1), months or None, text=item.label))
        )
    return tuple(out)


def date_by_span(items: Sequence[LineItem], span: Period) -> tuple[LineItem, ...]:
    """Return the items of a statement over one span whose balances name no day: opening and closing balance, movements between."""
    opening = (
        Period(end=span.start - timedelta(days=1), text=span.text) if span.start else Period(text=span.text)
    )
    out = []
    for item in items:
        folded = fold(item.label)
        if _OPENING_ROW.search(folded):
            out.append(replace(item, period=opening))
        elif _CLOSING_ROW.search(folded):
            out.append(replace(item, period=Period(end=span.end, text=span.text)))
        else:
            out.append(replace(item, period=span))
    return tuple(out)


def mark_moments(items: Sequence[LineItem], columns: Sequence[Column]) -> tuple[LineItem, ...]:
    """Return the items of an equity statement whose columns are periods: its opening and closing balances are marked.

    A balance is known by its words ("Balance, beginning of year") or by the day it names, which begins or ends the columns' periods
    ("At 1 January").
    """
    return tuple(replace(item, moment=_moment(item, columns)) for item in items)


def _moment(item: LineItem, columns: Sequence[Column]) -> Moment | None:
    if not item.values or item.unit != "money":
        return None
    folded = fold(item.label)
    opening, closing = bool(_OPENING_ROW.search(folded)), bool(_CLOSING_ROW.search(folded))
    if opening != closing:
        return "opening" if opening else "closing"
    days = [(d.month, d.day) for d in find_dates(item.label) if d.month and d.day]
    if len(days) != 1 or not _BALANCE.search(folded):
        return None
    starts = {(c.period.start.month, c.period.start.day) for c in columns if c.period.start}
    ends = {(c.period.end.month, c.period.end.day) for c in columns if c.period.end}
    return "opening" if days[0] in starts else "closing" if days[0] in ends else None


def period_at(item: LineItem, column: Column) -> Period:
    """Return the period of one value: the row's own, else the column's, of a balance the evening that it states."""
    period = item.period or column.period
    if item.moment is None or item.period is not None:
        return period
    if item.moment == "closing":
        return replace(period, start=None, months=None)
    evening = period.start - timedelta(days=1) if period.start else None
    return replace(period, end=evening, start=None, months=None)


def _balance_day(item: LineItem, known_ends: Collection[date]) -> date | None:
    """The evening whose balance a row states; "1 October 2014" opens with the balance of 30 September."""
    if not item.values or not _BALANCE.search(fold(item.label)):
        return None
    full = [d for d in find_dates(item.label) if d.year and d.month and d.day]
    if len(full) != 1 or full[0].year is None or full[0].month is None or full[0].day is None:
        return None
    day = date(full[0].year, full[0].month, full[0].day)
    return day - timedelta(days=1) if day.day == 1 and day not in known_ends else day
