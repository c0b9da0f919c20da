"""Headers and captions → periods: forms of dates in seven languages, spans, sister columns, and dates printed and read back."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.statements.periods import (
    Period,
    PrintedDate,
    complete_periods,
    find_dates,
    find_span,
    read_header,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("December 31, 2018", (2018, 12, 31)), ("31 December 2018", (2018, 12, 31)), ("Dec. 31, 2022", (2022, 12, 31)),
        ("30th September 2016", (2016, 9, 30)), ("AsatDecember31,2018", (2018, 12, 31)), ("YEARENDED31MAY2016", (2016, 5, 31)),
        ("2.7.16", (2016, 7, 2)), ("31.12.2018", (2018, 12, 31)), ("2018-12-31", (2018, 12, 31)), ("12/31/2018", (2018, 12, 31)),
        ("31/12/2018", (2018, 12, 31)), ("2023年12月31日", (2023, 12, 31)), ("31. Dezember 2023", (2023, 12, 31)),
        ("31 décembre 2023", (2023, 12, 31)), ("31 de diciembre de 2023", (2023, 12, 31)), ("31 de março de 2023", (2023, 3, 31)),
        ("31 december 2023", (2023, 12, 31)), ("31 Decernber 2016", (2016, 12, 31)), ("Year ended December 31,", (None, 12, 31)),
        ("FY 2023", (2023, None, None)), ("2022/23", (2023, None, None)), ("FY23", (2023, None, None)),
    ],
)  # fmt: skip
def test_printed_dates(text: str, expected: tuple[int | None, int | None, int | None]) -> None:
    found = find_dates(text)
    assert [(d.year, d.month, d.day) for d in found] == [expected]


@pytest.mark.parametrize(
    "text", ["3/4/2018", "31 February 2018", "Net sales", "1,2018", "Note 12", "$ 2,019", "marketing 31"]
)
def test_no_date_is_guessed(text: str) -> None:
    assert [d for d in find_dates(text) if d.month] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Three months ended", (3, None)), ("9 Months Ended", (9, None)), ("52 weeks ended 28 June 2015", (12, 52)),
        ("13 Weeks Ended", (3, 13)), ("Years ended December 31", (12, None)), ("Quarter ended", (3, None)), ("2023年度", (12, None)),
        ("2023年1-6月", (6, None)), ("Geschäftsjahr 2023", (12, None)), ("Exercice clos le", (12, None)), ("Half year ended", (6, None)),
        ("December 31,", (None, None)), ("neun Monate", (9, None)),
    ],
)  # fmt: skip
def test_spans(text: str, expected: tuple[int | None, int | None]) -> None:
    assert find_span(text) == expected


def completed(
    headers: list[str], *captions: str, instant: bool = False, known: tuple[date, ...] = ()
) -> list[Period]:
    return list(
        complete_periods([read_header(h) for h in headers], captions, instant=instant, known_ends=known)
    )


def test_years_under_a_caption() -> None:
    found = completed(["2018", "2017"], "Years ended December 31")
    assert [(p.start, p.end, p.months) for p in found] == [
        (date(2018, 1, 1), date(2018, 12, 31), 12),
        (date(2017, 1, 1), date(2017, 12, 31), 12),
    ]


def test_sister_statements_date_the_year_before() -> None:
    found = completed(
        ["2015", "2014"], "FOR THE YEAR ENDED 28 JUNE 2015", known=(date(2014, 6, 29), date(2015, 6, 28))
    )
    assert [p.end for p in found] == [date(2015, 6, 28), date(2014, 6, 29)]
    assert found[0].start == date(2014, 6, 30)
    assert found[1].start is None


def test_from_to_and_two_digit_years() -> None:
    (found,) = completed(["Period 28.6.15 to 2.7.16"])
    assert (found.start, found.end, found.months) == (date(2015, 6, 28), date(2016, 7, 2), 12)


def test_leap_years_end_on_the_last_of_february() -> None:
    assert [p.end for p in completed(["2020", "2019"], "Year ended February 28, 2019")] == [
        date(2020, 2, 29),
        date(2019, 2, 28),
    ]


def test_chinese_opening_and_closing_balances() -> None:
    found = completed(["期末余额", "期初余额"], "2023年12月31日", instant=True)
    assert [p.end for p in found] == [date(2023, 12, 31), date(2022, 12, 31)]


def test_a_header_over_the_middle_column_speaks_for_all() -> None:
    found = completed(["2017", "Year Ended December 31, 2018", "2019"])
    assert [(p.end, p.months) for p in found] == [(date(y, 12, 31), 12) for y in (2017, 2018, 2019)]


def test_nothing_printed_gives_nothing() -> None:
    assert completed(["Amount", "2018"]) == [Period(text="Amount"), Period(text="2018")]


def test_period_ended_takes_its_months_from_the_end_before() -> None:
    found = completed(["Period ended 31 December 2016", "Period ended 27 December 2015"])
    assert [(p.end, p.months) for p in found] == [(date(2016, 12, 31), 12), (date(2015, 12, 27), 12)]
    assert found[0].start == date(2015, 12, 28)


def test_restated() -> None:
    assert [p.restated for p in completed(["2018", "2017 (restated)"], "December 31")] == [False, True]


FORMS = [
    "{d} {B} {Y}",
    "{B} {d}, {Y}",
    "{d}.{m}.{Y}",
    "{Y}-{m:02d}-{D:02d}",
    "{Y}年{m}月{d}日",
    "as at {d} {B} {Y}",
    "{d}{B}{Y}",
]


@given(st.dates(date(1950, 1, 1), date(2090, 12, 31)), st.sampled_from(FORMS), st.booleans())
def test_a_printed_date_is_read_back(day: date, form: str, upper: bool) -> None:
    text = form.format(d=day.day, D=day.day, m=day.month, Y=day.year, B=day.strftime("%B"))
    found = find_dates(text.upper() if upper else text)
    assert [(x.year, x.month, x.day) for x in found] == [(day.year, day.month, day.day)]


@given(st.text(max_size=60))
def test_any_text_is_safe(text: str) -> None:
    for found in find_dates(text):
        assert isinstance(found, PrintedDate)
        if found.year and found.month and found.day:
            assert date(found.year, found.month, found.day)
    complete_periods([read_header(text)], [text], instant=False)


@given(st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.integers(4, 53))
def test_counted_weeks_give_the_start(end: date, weeks: int) -> None:
    (found,) = completed([f"{weeks} weeks ended {end.day} {end.strftime('%B')} {end.year}"])
    assert found.start == end - timedelta(days=7 * weeks - 1)


def test_a_raised_mark_is_no_digit_of_a_year() -> None:
    assert read_header("2021¹ $'000").year == 2021


def test_a_year_of_weeks_that_ends_on_a_months_last_day_has_no_calendar_start() -> None:
    headers = [read_header("October 30, 2022"), read_header("October 31, 2021")]
    periods = complete_periods(headers, ["Three months ended"], instant=False)
    assert [(p.start, p.end, p.months) for p in periods] == [
        (None, date(2022, 10, 30), 3),
        (None, date(2021, 10, 31), 3),
    ]


def test_a_bare_year_takes_the_end_that_comes_back_every_year() -> None:
    known = [date(2021, 12, 31), date(2022, 3, 15), date(2022, 12, 31)]
    periods = complete_periods([read_header("2022"), read_header("2021")], [], instant=True, known_ends=known)
    assert [p.end for p in periods] == [date(2022, 12, 31), date(2021, 12, 31)]
