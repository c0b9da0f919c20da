"""How far can a fact be trusted, and must a person look? A stated fact and what the checks say → the final fact.

In: a fact as stated, what kind of reading it comes from, and its `Outcome`. Out: the fact with `check_status`, `confidence` (0 to 1)
and, where a person must look, `needs_review` with the reason. A figure from a trusted text layer is what the page prints, so only a
contradiction asks for a person; a figure that OCR or a model read also needs a check, a second reading or a sure recogniser.
"""

from __future__ import annotations

from typing import Literal

from extractors.suspects import Outcome
from schemas.page import ReadCell
from schemas.records import CheckStatus, Fact

Evidence = Literal["printed", "confirmed", "single"]

UNSURE = "the recogniser was not sure"
UNCONFIRMED = "nothing on the page confirms the reading"
UNCLOSED = "only one of two parentheses is printed"
MISREAD_SIGN = "the sign before the figure cannot be read"
ALONE = "read once, and no check covers it"
SETTLED_BY_CHECK = (UNSURE, UNCONFIRMED, UNCLOSED, MISREAD_SIGN)  # doubts that a check which holds removes
CHECKED_OCR = 0.60  # recogniser score (0-1) from which a figure that a check confirms is taken as read
# Share of right values by what stands behind them; the reliability table in docs/accuracy.md measures it.
BY_EVIDENCE: dict[tuple[Evidence, CheckStatus], float] = {
    ("printed", "pass"): 0.999,
    ("printed", "not_evaluable"): 0.995,
    ("printed", "fail"): 0.80,
    ("confirmed", "pass"): 0.998,
    ("confirmed", "not_evaluable"): 0.985,
    ("confirmed", "fail"): 0.60,
    ("single", "pass"): 0.995,
    ("single", "not_evaluable"): 0.95,
    ("single", "fail"): 0.40,
}
DOUBTED = 0.5  # of the confidence is left where reading, scale or place is doubtful


def evidence(cell: ReadCell) -> Evidence:
    """Return what stands behind a cell's reading: the page's own text, two readings that agree, or one reading."""
    if cell.source == "text_layer":
        return "printed"
    return "confirmed" if cell.grounding in ("exact", "normalised") else "single"


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
    if behind == "single" and status == "not_evaluable" and not reasons:
        reasons = [ALONE]
    confidence = BY_EVIDENCE[behind, status] * (DOUBTED if reasons else 1.0)
    if behind == "single" and status != "pass":
        confidence *= fact.confidence
    if outcome is not None and outcome.reasons:
        reasons += list(dict.fromkeys(outcome.reasons))
    return fact.model_copy(
        update={
            "check_status": status,
            "confidence": round(confidence, 4),
            "needs_review": bool(reasons),
            "review_reason": "; ".join(reasons) or None,
        }
    )
