"""Where a value is printed: whole words and whole numbers only, in whichever form people print them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.own.words import PrintedPage
from schemas.box import Box
from schemas.page import PageContent, Word


def page_of(*lines: str) -> PrintedPage:
    """A page of lines in type of 5 points a letter; two blanks part columns widely."""
    words = []
    for number, line in enumerate(lines):
        x = 50.0
        for part in line.split("  "):
            for text in part.split():
                words.append(
                    Word(text, Box(x, 50 + 14 * number, x + 5 * len(text), 59 + 14 * number), number)
                )
                x += 5 * len(text) + 2.5
            x += 40
    return PrintedPage(PageContent(1, 595, 842, 0, "text_layer", tuple(words)))


@pytest.mark.parametrize(
    ("line", "value", "printed"),
    [
        ("Total  1,234.50", "1234.5", ["1,234.50"]),
        ("Total  (1,234.50)", "-1234.5", ["(1,234.50)"]),
        ("Total  (1,234.50)", "1234.5", []),
        ("Total  $ 1,234.50", "1234.5", ["$ 1,234.50"]),
        ("The sum is 1,234.50.", "1234.5", ["1,234.50."]),
        ("Rate  12.5 %", "12.5", ["12.5 %"]),
        ("Sold  3.2 million", "3.2", ["3.2 million"]),
        ("Sold  3.2 million", "3200000", ["3.2 million"]),
        ("Amount  1 234 567", "234", []),
        ("Amount  1 234 567", "1234567", ["1 234 567"]),
        ("Year 2012", "12", []),
        ("4  4  5", "4", ["4", "4"]),
    ],
)
def test_numbers(line: str, value: str, printed: list[str]) -> None:
    assert [place.text for place in page_of(line).numbers(Decimal(value))] == printed


@pytest.mark.parametrize(
    ("line", "day", "doubtful"),
    [
        ("Date  2024-11-14", date(2024, 11, 14), False),
        ("Date  14 November 2024", date(2024, 11, 14), False),
        ("on November 14, 2024 we", date(2024, 11, 14), False),
        ("den 14.11.2024", date(2024, 11, 14), False),
        ("le 1er mars 2024", date(2024, 3, 1), False),
        ("2024年11月14日", date(2024, 11, 14), False),
        ("Date  14/11/2024", date(2024, 11, 14), False),
        ("Date  11/14/2024", date(2024, 11, 14), False),
        ("Date  3/4/2024", date(2024, 4, 3), True),
        ("Date  3/4/2024", date(2024, 3, 4), True),
        ("Date  3/4/2024  and 25/4/2024", date(2024, 4, 3), False),
    ],
)
def test_dates(line: str, day: date, doubtful: bool) -> None:
    places = page_of(line).dates(day)
    assert len(places) == 1
    assert (places[0].doubt is not None) is doubtful


def test_days_that_are_not_printed() -> None:
    page = page_of("June 2024", "3/4/2024 and 25/4/2024", "14 November")
    assert page.dates(date(2024, 6, 30)) == []  # a month's name is no day of it
    assert page.dates(date(2024, 3, 4)) == []  # the page puts days first
    assert page.dates(date(2024, 11, 14)) == []


@pytest.mark.parametrize(
    ("lines", "value", "printed", "exact"),
    [
        (["Invoice HS-2024-0871"], "HS-2024-0871", ["HS-2024-0871"], True),
        (["Invoice No.:HS-2024"], "HS-2024", ["No.:HS-2024"], False),
        (
            ["7 Basin Quay,", "Harlow Sound"],
            "7 Basin Quay, Harlow Sound",
            ["7 Basin Quay, Harlow Sound"],
            True,
        ),
        (["don’t pay"], "don't pay", ["don’t pay"], False),
        (["ACME LTD"], "Acme Ltd", ["ACME LTD"], False),
        (["Invoice HS-2024-0871"], "HS-2024", ["HS-2024-0871"], False),
        (["carpet"], "car", [], False),
        (["1,234.50"], "234.50", [], False),
        (["HS 12"], "", [], False),
    ],
)
def test_texts(lines: list[str], value: str, printed: list[str], exact: bool) -> None:
    places = page_of(*lines).texts(value)
    assert [place.text for place in places] == printed
    assert all(place.exact is exact for place in places)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(0, 2))
def test_any_number_is_found_as_it_is_printed(digits: int, places: int) -> None:
    value = Decimal(digits).scaleb(-places)
    (place,) = page_of(f"Net amount  {value:,}  of all").numbers(value)
    assert Decimal(place.text.replace(",", "")) == value


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30))
def test_any_word_is_found(word: str) -> None:
    assert any(place.text == word for place in page_of(f"The {word} stands here").texts(word))
