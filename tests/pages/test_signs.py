"""Currency signs as recognisers see them: letters for dollars, dashes joined to signs, thousands of pounds upside down."""

from __future__ import annotations

import pytest

from extractors.pages.ocr import TextWord
from extractors.pages.signs import part_signs, with_dollars, with_pounds
from schemas.box import Box
from schemas.page import Word


def test_a_dash_is_parted_from_the_sign_of_the_next_column() -> None:
    parts = part_signs(TextWord("-$", 100.0, 120.0, 0.9))
    assert [(part.text, part.x0, part.x1) for part in parts] == [("-", 100.0, 110.0), ("$", 114.0, 120.0)]
    for text in ("-", "$", "-5", "5€", "$-"):
        assert [part.text for part in part_signs(TextWord(text, 0.0, 9.0, 0.9))] == [text]


def test_dollar_signs_that_were_read_as_letters() -> None:
    def read(*texts: str) -> list[str]:
        words = [Word(text, Box(10.0 * i, 0, 10.0 * i + 8, 8), 0) for i, text in enumerate(texts)]
        return [word.text for word in with_dollars(words)]

    assert read("Cash", "S", "9,465", "s", "7,722") == ["Cash", "$", "9,465", "$", "7,722"]
    assert read("Cash", "$", "9,465", "S", "-") == ["Cash", "$", "9,465", "$", "-"]
    for texts in (("Class", "S", "12"), ("S", "Corp", "S", "per"), ("S", "12,50", "S", "3,20", "H", "9,00")):
        assert read(*texts) == list(texts)


def pounds(*rows: str) -> list[list[str]]:
    """Return the texts of rows of words after thousands of pounds were set upright."""
    words = [
        Word(text, Box(60.0 * x, 20.0 * y, 60.0 * x + 30, 20.0 * y + 8), y)
        for y, row in enumerate(rows)
        for x, text in enumerate(row.split())
    ]
    upright = with_pounds(words)
    return [[word.text for word in upright if word.line == y] for y in range(len(rows))]


def test_thousands_of_pounds_that_were_read_upside_down() -> None:
    assert pounds("Notes 2016 2015", "003 00.3 00. 0003", "Turnover 62,650 58,002")[1] == ["£'000"] * 4
    assert pounds("Notes £000 000.3", "Turnover 62,650 58,002")[0] == ["Notes", "£000", "£'000"]


@pytest.mark.parametrize(
    "rows",
    [
        ("0001 12,5", "0002 13", "0003 0004"),  # codes
        ("Turnover 003 62,650",),  # beside other figures
        ("Account 0003", "Turnover 62,650"),  # alone
        ("Part 000 000", "Turnover 62,650"),  # nothing says pounds
    ],
)
def test_other_noughts_stay(rows: tuple[str, ...]) -> None:
    assert pounds(*rows) == [row.split() for row in rows]
