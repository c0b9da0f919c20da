"""Can the same marks be read so that the check holds? A suspect figure and the value a check asks for → the mended fact, or None.

In: a fact that OCR or a model read, and the value with which its failed check would pass. Out: the fact with that value when the very
characters that were read allow it: a point taken for a comma, a letter for a digit, a lost parenthesis. A mended fact stays flagged,
its raw text stays as it was read, and its reason says what was taken for what. What the page's own text prints is never mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from extractors.checks.suspects import plain
from schemas.amount import Amount, confusion_candidates, parse_amount
from schemas.records import Fact

_BRACKETS = re.compile(r"[()（）]")


def mended(fact: Fact, wanted: Decimal | None) -> Fact | None:
    """Return the fact with the value `wanted` (base units) when another reading of its characters gives it; None otherwise."""
    scale = fact.scale
    if wanted is None or wanted == fact.value or scale is None:
        return None
    for amount in _readings(fact.raw_text):
        if amount.value is not None and amount.value * scale == wanted:
            reason = (
                f"read as {fact.raw_text!r}, taken for {plain(amount.value)}: only that makes the rows add up"
            )
            return fact.model_copy(
                update={
                    "value": wanted,
                    "review_reason": reason,
                    "needs_review": True,
                    "reading": "mended",
                }
            )
    return None


def _readings(text: str) -> Iterator[Amount]:
    """The other numbers that the same characters can print."""
    yield from confusion_candidates(text)
    stripped = text.strip()
    bare = _BRACKETS.sub("", stripped)
    others = [bare, f"({bare.strip('-')})"]
    if "." in stripped or " " in stripped:
        others += [stripped.replace(".", ","), stripped.replace(" ", ""), stripped.replace(" ", ",")]
    for other in others:
        amount = parse_amount(other) if other != stripped else None
        if amount is not None:
            yield amount
