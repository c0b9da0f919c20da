"""A suspect figure and the value a check asks for → the same marks read otherwise, or nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.checks.mending import mended
from schemas.amount import CONFUSIONS, parse_amount
from tests.checks.test_suspects import a_fact


@pytest.mark.parametrize(
    ("raw", "value", "wanted"),
    [
        ("2.709", "2.709", "2709"), ("1 234", None, "1234"), ("6O0", None, "600"), ("l50", None, "150"), ("$ (37,740)", "-37740", "37740"),
        ("(381)", "-381", "381"), ("381", "381", "-381"), ("-12", "-12", "-12.0"), ("(12", "12", "-12"),
    ],
)  # fmt: skip
def test_the_same_marks_read_otherwise(raw: str, value: str | None, wanted: str) -> None:
    fact = mended(a_fact("x", value, raw), Decimal(wanted))
    if value is not None and Decimal(value) == Decimal(wanted):
        assert fact is None  # it says so already
        return
    assert fact is not None
    assert (fact.value, fact.raw_text, fact.reading, fact.needs_review) == (
        Decimal(wanted),
        raw,
        "mended",
        True,
    )
    assert fact.review_reason is not None and repr(raw) in fact.review_reason


@pytest.mark.parametrize(
    ("raw", "wanted"), [("150", "160"), ("150", "1500"), ("150", "15"), ("2,709", "2.7"), ("-", "5")]
)
def test_another_digit_is_never_made_up(raw: str, wanted: str) -> None:
    assert mended(a_fact("x", "0" if raw == "-" else raw.replace(",", ""), raw), Decimal(wanted)) is None


def test_the_scale_counts_and_must_be_known() -> None:
    fact = mended(a_fact("x", "2709.000", "2.709", scale=1000), Decimal(2_709_000))
    assert fact is not None and fact.value == Decimal(2_709_000)
    assert mended(a_fact("x", "2.709", "2.709", scale=1000), Decimal(2709)) is None
    unknown = a_fact("x", "2.709", "2.709").model_copy(update={"scale": None})
    assert mended(unknown, Decimal(2709)) is None


def test_without_a_wanted_value_nothing_is_mended() -> None:
    assert mended(a_fact("x", "5"), None) is None


@given(st.integers(1, 999_999), st.sampled_from(sorted(CONFUSIONS)), st.data())
def test_a_letter_is_read_as_the_digit_it_stands_for_and_no_other(
    number: int, letter: str, data: st.DataObject
) -> None:
    text = str(number)
    at = data.draw(st.integers(0, len(text) - 1))
    right = text[:at] + CONFUSIONS[letter] + text[at + 1 :]
    fact = mended(a_fact("x", None, text[:at] + letter + text[at + 1 :]), Decimal(right))
    assert fact is None or fact.value == Decimal(right)
    wrong = text[:at] + str((int(CONFUSIONS[letter]) + 1) % 10) + text[at + 1 :]
    read = parse_amount(text[:at] + letter + text[at + 1 :])
    if read is None or read.value is None:  # else the letter has a meaning of its own: "5b", "3x"
        assert mended(a_fact("x", None, text[:at] + letter + text[at + 1 :]), Decimal(wrong)) is None


@given(
    st.text(max_size=20),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
)
def test_any_text_is_safe_and_a_mend_has_the_value_asked_for(text: str, wanted: Decimal) -> None:
    fact = mended(a_fact("x", "1", text), wanted)
    assert fact is None or fact.value == wanted
