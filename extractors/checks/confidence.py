"""How far can a fact be trusted, and must a person look? A stated fact and what the checks say → the final fact.

In: a fact as stated, what kind of reading it comes from, and its `Outcome`. Out: the fact with `check_status`, `confidence` (0 to 1)
and, where a person must look, `needs_review` with the reason. A figure from a trusted text layer is what the page prints, so only a
contradiction asks for a person; a figure that OCR or a model read also needs a check, a second reading or a sure recogniser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from extractors.checks.suspects import Outcome
from schemas.page import ReadCell
from schemas.records import CheckStatus, Fact

Evidence = Literal["printed", "confirmed", "single"]

UNSURE = "the recogniser was not sure"
UNCONFIRMED = "nothing on the page confirms the reading"
UNCLOSED = "only one of two parentheses is printed"
MISREAD_SIGN = "the sign before the figure cannot be read"
ALONE = "read once, and no check covers it"
ROUNDED = "read once, and what covers it holds only within rounding"
SETTLED_BY_CHECK = (UNSURE, UNCONFIRMED, UNCLOSED, MISREAD_SIGN)  # doubts that a check which holds removes
CHECKED_OCR = 0.60  # recogniser score (0-1) from which a figure that a check confirms is taken as read
# Facts of documents with hand-checked truth, by what stands behind the reading, what the checks say and whether anything
# else is held against it: (right, all). `benchmarks/calibration.py` counts them and prints this table.
COUNTS: dict[tuple[Evidence, CheckStatus, bool], tuple[int, int]] = {
    ("confirmed", "fail", True): (9, 9),
    ("confirmed", "not_evaluable", False): (98, 98),
    ("confirmed", "pass", False): (2687, 2687),
    ("confirmed", "pass", True): (5, 5),
    ("printed", "fail", True): (6, 6),
    ("printed", "not_evaluable", False): (103, 103),
    ("printed", "pass", False): (2611, 2611),
    ("single", "fail", True): (0, 1),
    ("single", "not_evaluable", True): (12, 12),
    ("single", "pass", False): (56, 56),
    ("single", "pass", True): (4, 4),
}
PRIOR_SHARE = {
    False: 0.95,
    True: 0.5,
}  # share of right facts before any was counted: without and with a doubt
PRIOR_FACTS = 10  # counted facts that weigh as much as the prior


def evidence(cell: ReadCell) -> Evidence:
    """Return what stands behind a cell's reading: the page's own text, two readings that agree, or one reading."""
    if cell.source == "text_layer":
        return "printed"
    return "confirmed" if cell.grounding in ("exact", "normalised") else "single"


def evidence_of(fact: Fact) -> Evidence:
    """Return what stands behind a fact's reading, as `evidence` said of its cell."""
    if fact.reading == "text_layer":
        return "printed"
    return "confirmed" if fact.grounding in ("exact", "normalised") else "single"


Counts = Mapping[tuple[Evidence, CheckStatus, bool], tuple[int, int]]


def calibrated(behind: Evidence, status: CheckStatus, flagged: bool, counts: Counts = COUNTS) -> float:
    """Return the share of right facts (0 to 1) among those of the same kind: counted, and smoothed by a beta prior."""
    right, n = counts.get((behind, status, flagged), (0, 0))
    return (right + PRIOR_FACTS * PRIOR_SHARE[flagged]) / (n + PRIOR_FACTS)


def judge(fact: Fact, behind: Evidence, outcome: Outcome | None) -> Fact:
    """Return the fact with the outcome of all checks on it."""
    status: CheckStatus = "not_evaluable"
    reasons = fact.review_reason.split("; ") if fact.review_reason else []
    if outcome is not None:
        if outcome.suspect:
            status = "fail"
        elif outcome.passed:
            status = "pass"
    if status == "pass" and (behind != "single" or fact.confidence >= CHECKED_OCR):
        reasons = [r for r in reasons if r not in SETTLED_BY_CHECK]
    if behind == "single" and not reasons:
        reasons = _alone(fact, status, outcome)
    if outcome is not None and outcome.reasons:
        reasons += list(dict.fromkeys(outcome.reasons))
    return fact.model_copy(
        update={
            "check_status": status,
            "confidence": round(calibrated(behind, status, bool(reasons)), 4),
            "needs_review": bool(reasons),
            "review_reason": "; ".join(reasons) or None,
        }
    )


def _alone(fact: Fact, status: CheckStatus, outcome: Outcome | None) -> list[str]:
    """Return what is to be said of a figure that was read once: a check must cover it to its last digit."""
    if status == "not_evaluable":
        return [ALONE]
    rounded = status == "pass" and outcome is not None and not outcome.told
    return [ROUNDED] if rounded and any(map(str.isdigit, fact.raw_text)) else []
