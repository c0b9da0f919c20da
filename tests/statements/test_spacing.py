"""Headers whose spaces were lost → the words they are made of; any other text as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.statements.periods import find_dates, fold, read_header
from extractors.statements.spacing import respaced, split

HEADERS = [
    "Three Months Ended", "Three Months Ended August 1, 2015", "Nine months ended September 30,", "Fifty-two weeks ended January 28, 2017",
    "13 Weeks Ended 28 June 2015", "12 Months Ended Feb 1, 2020", "Year Ended December 31, 2018", "Fiscal Years Ended May 31,",
    "For the year ended 31 May 2016", "Half year ended 30 June 2019", "Six months to 30 June 2019", "Quarter Ended Sept. 30, 2020",
    "Period from 1 January 2018 to 31 December 2018", "As of December 31, 2018", "Restated Year ended 31 March 2018", "Prior Year",
    "1. Januar bis 31. Dezember 2023", "neun Monate 2023", "31 de diciembre de 2023", "Seis meses terminados el 30 de junio de 2022",
    "Exercice clos le 31 décembre 2023", "December 31, 2018 and 2017",
]  # fmt: skip


def meaning(header: str) -> tuple[object, ...]:
    read = read_header(header)
    return (
        read.year,
        read.month,
        read.day,
        read.start,
        read.months,
        read.weeks,
        read.relative,
        read.restated,
    )


@given(st.sampled_from(HEADERS), st.booleans(), st.data())
def test_a_header_means_the_same_whichever_of_its_spaces_are_lost(
    header: str, upper: bool, data: st.DataObject
) -> None:
    kept = [letter for letter in header if letter != " " or data.draw(st.booleans())]
    lost = "".join(kept)
    assert meaning(lost.upper() if upper else lost) == meaning(header)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("threemonthsended", ("three", "months", "ended")), ("yearto", ("year", "to")), ("asat", ("as", "at")),
        ("fiscalyearsended", ("fiscal", "years", "ended")), ("december", ("december",)), ("asadjusted", ("as", "adjusted")),
    ],
)  # fmt: skip
def test_runs_of_words(run: str, words: tuple[str, ...]) -> None:
    assert split(run) == words


@pytest.mark.parametrize(
    "run", ["assets", "asset", "today", "marketing", "provided", "decembers", "onto", "income", "yearly", "formats", "into", ""]
)  # fmt: skip
def test_other_words_are_left_alone(run: str) -> None:
    assert split(run) == ()


def test_digits_beside_words_of_time_get_a_space() -> None:
    assert respaced("31march2018to30june2019").text == "31 march 2018 to 30 june 2019"
    assert respaced("note3a").text == "note 3a"
    assert respaced("1st quarter").text == "1st quarter"
    assert respaced("q3fy23").text == "q3fy23"


@given(st.text(alphabet="threemonsdjuly 0123,.-", max_size=40))
def test_nothing_but_spaces_is_added_and_every_letter_knows_its_place(text: str) -> None:
    spaced = respaced(text)
    assert spaced.text.replace(" ", "") == text.replace(" ", "")
    letters = [(i, c) for i, c in enumerate(spaced.text) if c != " "]
    assert all(text[spaced.origin(i)] == c for i, c in letters)


def test_dates_are_placed_in_the_text_as_it_was_given() -> None:
    text = "ThreeMonthsEndedJune30,2018 June30,2017"
    found = find_dates(text)
    assert [(d.year, d.month, d.day) for d in found] == [(2018, 6, 30), (2017, 6, 30)]
    assert [fold(text)[d.at :][:4] for d in found] == ["june", "june"]
