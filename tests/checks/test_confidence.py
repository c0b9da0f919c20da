"""What stands behind a figure, and what a check adds to it or takes away."""

import pytest

from extractors.checks.confidence import ROUNDED, UNSURE, evidence, judge
from extractors.checks.suspects import Outcome
from schemas.box import Box
from schemas.page import ReadCell
from schemas.records import Fact, Grounding, Source
from tests.checks.test_suspects import a_fact


def a_cell(source: Source, grounding: Grounding) -> ReadCell:
    return ReadCell(page=1, row=0, col=0, text="1", box=Box(0, 0, 1, 1), source=source, grounding=grounding)


@pytest.mark.parametrize(
    ("source", "grounding", "expected"),
    [("text_layer", "exact", "printed"), ("ocr", "exact", "confirmed"), ("vision", "normalised", "confirmed"),
     ("ocr", "unavailable", "single"), ("vision", "mismatch", "single")],
)  # fmt: skip
def test_evidence(source: Source, grounding: Grounding, expected: str) -> None:
    assert evidence(a_cell(source, grounding)) == expected


def unsure() -> Fact:
    return a_fact("x", "5").model_copy(
        update={"review_reason": UNSURE, "needs_review": True, "confidence": 0.8}
    )


def test_a_check_that_holds_settles_an_unsure_recogniser() -> None:
    fact = judge(unsure(), "single", Outcome(passed=1, told=1))
    assert (fact.check_status, fact.needs_review, fact.review_reason) == ("pass", False, None)


def test_without_a_check_it_stays_unsure() -> None:
    fact = judge(unsure(), "single", None)
    assert (fact.check_status, fact.needs_review, fact.review_reason) == ("not_evaluable", True, UNSURE)
    assert fact.confidence < judge(a_fact("x", "5"), "single", Outcome(passed=1, told=1)).confidence


def test_a_sum_that_holds_within_rounding_vouches_for_no_figure_that_was_read_once() -> None:
    loose = Outcome(passed=2, told=0)
    fact = judge(a_fact("x", "5"), "single", loose)
    assert (fact.check_status, fact.needs_review, fact.review_reason) == ("pass", True, ROUNDED)
    assert not judge(a_fact("x", "5"), "confirmed", loose).needs_review
    assert not judge(a_fact("x", "5"), "printed", loose).needs_review
    assert not judge(a_fact("x", "0", "—"), "single", loose).needs_review  # a dash has no last digit
    assert not judge(a_fact("x", "5"), "single", Outcome(passed=2, told=1)).needs_review


def test_a_suspect_is_flagged_with_the_reason() -> None:
    fact = judge(
        a_fact("x", "5"), "printed", Outcome(failed=1, suspect=True, reasons=["a = b + c does not add up"])
    )
    assert (fact.check_status, fact.needs_review, fact.review_reason) == (
        "fail",
        True,
        "a = b + c does not add up",
    )


def test_confidence_falls_with_the_evidence() -> None:
    order = [
        judge(a_fact("x", "5"), behind, Outcome(passed=1)).confidence
        for behind in ("printed", "confirmed", "single")
    ]
    assert order == sorted(order, reverse=True)
