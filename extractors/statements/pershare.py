"""Which amount per share, or which average of shares, is this row? A label and the sections above it → a standard concept, or None.

In: a row's label and its path (outermost first). Out: the us-gaap name for basic, diluted or both; of the whole result, of continuing or of
discontinued operations. The words are put together from label and sections, wherever each stands: "Basic" below "Net income per share:",
"Class A" below "Basic", "Diluted net income per share of Class A and Class B stock". Dividends, book values and adjusted figures have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from extractors.statements.periods import fold

Dilution = Literal["basic", "diluted", "both"]

_BASIC = re.compile(r"\bbasic\b|\bunverwassert|\bde\s*base\b|\bbasic[ao]\b|\bgewone\b|基本")
_DILUTED = re.compile(
    r"\bdiluted\b|\bassuming\s*dilution\b|\bverwassert|\bdilue\b|\bdiluid[ao]\b|\bverwaterd|稀释|稀釋"
)
_PER_SHARE = re.compile(
    r"\bper\s*(?:[\w$£€./-]+\s*){0,6}?(?:shares?|ads|adr|unit|stock)\b|\beps\b|\bje\s*aktie\b|\bpar\s*action\b|\bpor\s*accion\b|\bpor\s*acao\b|\bper\s*aandeel\b"
    r"|每股"
)
_SHARE_COUNT = re.compile(
    r"\bshares?\s*(?:outstanding|used)\b|\b(?:weighted|average)\b.*\b(?:shares?|stock|units)\b|\bnumber\s*of\b.*\bshares\b|\bshares\b.*\bcomput|股数"
)
_OTHER = re.compile(
    r"dividend|\bbook\s*value|\bpro[\s-]*forma|adjust|\bnon-?gaap|\bcore\b|headline|exclud|\bbefore\b|cumulative|accounting|impact|effect\b|extraordinary"
    r"|preferred|non-?controlling|minority|price|declared|market|distribut|tangible|asset"
)
_CONTINUING = re.compile(r"\bcontinuing\b|\bfortgefuhrt|\bpoursuivies\b|\bcontinuadas\b|持续经营")
_DISCONTINUED = re.compile(r"\bdiscontinued\b|\baufgegeben|\babandonn|\bdiscontinuadas\b|终止经营")
# What a row may say beside basic, diluted and per share: a class of shares, or the result that it is part of.
_RESULT_LABEL = re.compile(
    r"^\W*(?:(?:total|net|class\s*[a-z]\b|common|ordinary|capital|stock|shares?|per|and|of|the|to|for|from|in|on|attributable|available|shareholders?|stockholders?"
    r"|owners|equity|holders|parent|company|group|income|loss(?:es)?|earnings|profit|result|operations?|continuing|discontinued|year|period|assuming"
    r"|basic|diluted|dilution|cents?|pence|p|unit|ads|adr|ordinary|amounts?)\b\W*)+$"
)
_WHOSE = re.compile(r"\b(?:attributable|available|applicable)\s*to\b.*$")

_NAMES: dict[str, dict[Dilution, str]] = {
    "whole": {
        "basic": "EarningsPerShareBasic",
        "diluted": "EarningsPerShareDiluted",
        "both": "EarningsPerShareBasicAndDiluted",
    },
    "continuing": {
        "basic": "IncomeLossFromContinuingOperationsPerBasicShare",
        "diluted": "IncomeLossFromContinuingOperationsPerDilutedShare",
        "both": "IncomeLossFromContinuingOperationsPerBasicAndDilutedShare",
    },
    "discontinued": {
        "basic": "IncomeLossFromDiscontinuedOperationsNetOfTaxPerBasicShare",
        "diluted": "IncomeLossFromDiscontinuedOperationsNetOfTaxPerDilutedShare",
        "both": "IncomeLossFromDiscontinuedOperationNetOfTaxPerBasicAndDilutedShare",
    },
    "shares": {
        "basic": "WeightedAverageNumberOfSharesOutstandingBasic",
        "diluted": "WeightedAverageNumberOfDilutedSharesOutstanding",
        "both": "WeightedAverageNumberOfShareOutstandingBasicAndDiluted",
    },
}


def share_concept(label: str, path: Sequence[str] = ()) -> str | None:
    """Return the us-gaap name of a row per share or of a row of average shares, None for every other row."""
    texts = [fold(text) for text in (label, *reversed(path))]
    dilution = next((d for text in texts if (d := _dilution(text))), None)
    counted = next((n for text in texts if (n := _nature(text))), None)
    if dilution is None or counted is None or any(_OTHER.search(text) for text in texts[:2]):
        return None
    named = bool(_nature(texts[0]) or _dilution(texts[0]))
    if not named and not _RESULT_LABEL.match(_WHOSE.sub("", texts[0])):
        return None
    operations = "whole"
    if counted == "shares":
        operations = "shares"
    else:
        for text in texts:
            if _DISCONTINUED.search(text) or _CONTINUING.search(text):
                both = _DISCONTINUED.search(text) and _CONTINUING.search(text)
                operations = (
                    "whole" if both else "discontinued" if _DISCONTINUED.search(text) else "continuing"
                )
                break
    return f"us-gaap:{_NAMES[operations][dilution]}"


def _dilution(text: str) -> Dilution | None:
    basic, diluted = bool(_BASIC.search(text)), bool(_DILUTED.search(text))
    if basic and diluted:
        return "both"
    return "basic" if basic else "diluted" if diluted else None


def _nature(text: str) -> Literal["per_share", "shares"] | None:
    """What a text counts: "shares used in computing earnings per share" counts shares."""
    count, per = _SHARE_COUNT.search(text), _PER_SHARE.search(text)
    if count and (per is None or count.start() < per.start()):
        return "shares"
    return "per_share" if per else None
