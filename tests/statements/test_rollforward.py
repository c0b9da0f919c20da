"""Rows of equity statements → the evening or the span that each speaks of, by balances, by the title's span, by columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from extractors.statements.periods import Period
from extractors.statements.realign import Placed
from extractors.statements.rollforward import date_by_span, date_rows, mark_moments, period_at
from extractors.statements.statement import Column, LineItem, Value
from schemas.amount import parse_amount
from schemas.box import Box
from schemas.page import ReadCell

YEAR = Period(date(2023, 12, 31), date(2023, 1, 1), 12)
YEAR_BEFORE = Period(date(2022, 12, 31), date(2022, 1, 1), 12)
COLUMNS = (Column(1, "2023", YEAR), Column(2, "2022", YEAR_BEFORE))


def item(label: str, *figures: str) -> LineItem:
    values = tuple(
        Value(
            n,
            Placed(
                ReadCell(page=1, row=0, col=n + 1, text=t, box=Box(0, 0, 9, 9), source="text_layer"),
                t,
                parse_amount(t),
                n + 1,
                1,
            ),
        )
        for n, t in enumerate(figures)
    )
    return LineItem("t1", 0, label, (), 0, not values, False, "money", 1, None, values)


def spans(items: tuple[LineItem, ...]) -> list[tuple[date | None, date | None, int | None] | None]:
    return [(i.period.start, i.period.end, i.period.months) if i.period else None for i in items]


def test_movements_stand_between_dated_balances() -> None:
    rows = [item("Balance at December 31, 2021", "10"), item("Net income", "5"), item("Balance at December 31, 2022", "15"),
            item("Dividends", "(2)"), item("Balance at June 30, 2023", "13"), item("Something after", "1")]  # fmt: skip
    assert spans(date_rows(rows)) == [
        (None, date(2021, 12, 31), None),
        (date(2022, 1, 1), date(2022, 12, 31), 12),
        (None, date(2022, 12, 31), None),
        (date(2023, 1, 1), date(2023, 6, 30), 6),
        (None, date(2023, 6, 30), None),
        None,
    ]


def test_a_first_of_a_month_opens_with_the_evening_before() -> None:
    rows = [
        item("At 1 October 2014", "10"),
        item("Profit for the year", "5"),
        item("At 30 September 2015", "15"),
    ]
    assert spans(date_rows(rows))[:2] == [
        (None, date(2014, 9, 30), None),
        (date(2014, 10, 1), date(2015, 9, 30), 12),
    ]


def test_a_year_of_weeks_may_end_on_a_first() -> None:
    (balance, *_) = date_rows([item("Balance at October 1, 2022", "10")], [date(2022, 10, 1)])
    assert spans((balance,)) == [(None, date(2022, 10, 1), None)]


def test_a_title_dates_undated_balances() -> None:
    rows = [
        item("Balance at beginning of year", "10"),
        item("Net income", "5"),
        item("Balance at end of year", "15"),
    ]
    assert spans(date_by_span(rows, YEAR)) == [
        (None, date(2022, 12, 31), None),
        (date(2023, 1, 1), date(2023, 12, 31), 12),
        (None, date(2023, 12, 31), None),
    ]


@pytest.mark.parametrize(
    ("label", "ends"),
    [
        ("Balance, beginning of period", [date(2022, 12, 31), date(2021, 12, 31)]),
        ("Total shareholders' equity, beginning balances", [date(2022, 12, 31), date(2021, 12, 31)]),
        ("At 1 January", [date(2022, 12, 31), date(2021, 12, 31)]),
        ("期初余额", [date(2022, 12, 31), date(2021, 12, 31)]),
        ("Balance, end of period", [date(2023, 12, 31), date(2022, 12, 31)]),
        ("At 31 December", [date(2023, 12, 31), date(2022, 12, 31)]),
    ],
)
def test_balances_below_periods_state_an_evening(label: str, ends: list[date]) -> None:
    (row,) = mark_moments([item(label, "10", "8")], COLUMNS)
    assert [period_at(row, c) for c in COLUMNS] == [Period(end) for end in ends]


def test_movements_below_periods_keep_them() -> None:
    (row,) = mark_moments([item("Net income", "10", "8")], COLUMNS)
    assert [period_at(row, c) for c in COLUMNS] == [YEAR, YEAR_BEFORE]


def test_an_opening_balance_without_a_known_start_has_no_day() -> None:
    open_ended = Column(1, "2023", replace(YEAR, start=None, months=None))
    (row,) = mark_moments([item("Balance, beginning of period", "10")], [open_ended])
    assert period_at(row, open_ended).end is None


def test_what_changes_the_balance_of_one_evening_is_dated_by_it() -> None:
    rows = date_rows(
        (
            item("Balance, December 31, 2021", "10"),
            item("Impact from adoption of new accounting standards", "(1)"),
            item("Balance, January 1, 2022", "9"),
            item("Net loss", "(2)"),
            item("Balance, December 31, 2022", "7"),
        )
    )
    evening = (None, date(2021, 12, 31), None)
    assert spans(rows)[:3] == [evening] * 3
    assert rows[3].period == replace(
        rows[3].period, end=date(2022, 12, 31), start=date(2022, 1, 1), months=12
    )
