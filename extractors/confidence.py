"""How far can a fact be trusted, and must a person look? A stated fact and what the checks say → the final fact.

In: a fact as stated and its `Outcome`. Out: the fact with `check_status`, `confidence` (0 to 1) and, where a person must look,
`needs_review` with the reason. A figure from a trusted text layer is what the page prints, so only a contradiction asks for a
person; a figure read by OCR or a model also needs either a check or a sure recogniser behind it.
"""

from __future__ import annotations

from extractors.suspects import Outcome
from schemas.records import CheckStatus, Fact

SURE_OCR = 0.90  # recogniser score (0-1) from which an unchecked figure is taken as read
CHECKED_OCR = 0.60  # the same for a figure that a check confirms
# Share of right values by what stands behind them, from the reliability table in docs/accuracy.md.
BY_EVIDENCE = {
    ("exact", "pass"): 0.999,
    ("exact", "not_evaluable"): 0.995,
    ("exact", "fail"): 0.80,
    ("other", "pass"): 0.995,
    ("other", "not_evaluable"): 0.93,
    ("other", "fail"): 0.45,
}
DOUBTED = 0.5  # of the confidence is left where reading or place is doubtful


def judge(fact: Fact, outcome: Outcome | None) -> Fact:
    """Return the fact with the outcome of all checks on it."""
    status: CheckStatus = "not_evaluable"
    reasons = [fact.review_reason] if fact.review_reason else []
    if outcome is not None:
        if outcome.suspect:
            status = "fail"
            reasons += list(dict.fromkeys(outcome.reasons))
        elif outcome.passed:
            status = "pass"
    if status == "pass" and fact.grounding != "exact" and fact.confidence >= CHECKED_OCR:
        reasons = [r for r in reasons if r != UNSURE]
    source = "exact" if fact.grounding in ("exact", "normalised") else "other"
    confidence = BY_EVIDENCE[source, status]
    if source == "other":
        confidence *= min(1.0, 0.5 + fact.confidence / 2)
    if fact.review_reason:
        confidence *= DOUBTED
    return fact.model_copy(
        update={
            "check_status": status,
            "confidence": round(confidence, 4),
            "needs_review": bool(reasons),
            "review_reason": "; ".join(reasons) or None,
        }
    )


UNSURE = "the recogniser was not sure"
