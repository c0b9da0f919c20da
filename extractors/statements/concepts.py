"""Which standard concept does a printed label mean? A label of a statement → a published concept name, or None.

In: statement kind, label, path. Out: the concept's name from `concepts.json` (us-gaap element names, ifrs-full where us-gaap has
none). A label that is near to two concepts, or to none, has no concept: null is better than a bad guess.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from rapidfuzz import fuzz, process

from extractors.statements.periods import fold
from extractors.statements.pershare import share_concept
from schemas.records import StatementKind

DATA = Path(__file__).with_name("concepts.json")
LIKENESS = 94  # rapidfuzz ratio of two normalised labels from which they are the same but for misread letters
MARGIN = 2.0  # a second concept this near makes the label ambiguous
SHORT = 8  # characters; shorter labels must agree exactly

_BRACKETED = re.compile(r"\((?:note|notes|see|refer)[^)]*\)|\(unaudited\)")
_ORDINAL = re.compile(
    r"^[一二三四五六七八九十]+[、.]\s*|^\([一二三四五六七八九十]+\)\s*|^(?:加|减|其中)[:：]\s*|^(?:add|less|plus)[:：]\s*"
)
# words that name contrary things, without a plural s
_CONTRARIES = tuple(
    frozenset(group.split())
    for group in (
        "debtor creditor",
        "asset liabilitie equity",
        "receivable payable",
        "operating investing financing",
        "continuing discontinued",
        "before after",
        "within after",
        "beginning end",
        "basic diluted",
        "current noncurrent",
        "income expense",
    )
)
_WITH_SHARES = ("income_statement", "comprehensive_income")


def normalise(label: str) -> str:
    """Return a label as it is compared: folded, without notes, ordinals and punctuation."""
    text = _ORDINAL.sub("", _BRACKETED.sub(" ", fold(label)).strip())
    return " ".join(re.sub(r"[^0-9a-z\u0080-\uffff]+", " ", text.replace("&", " and ")).split())


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, str]]:
    """Return for each statement kind: normalised label -> concept."""
    known: dict[str, dict[str, str]] = {}
    for entry in json.loads(DATA.read_text(encoding="utf-8"))["concepts"]:
        for kind in entry["statements"]:
            known.setdefault(kind, {}).update(
                (normalise(label), entry["concept"]) for label in entry["labels"]
            )
    return known


def find_concept(kind: StatementKind, label: str, path: tuple[str, ...] = ()) -> str | None:
    """Return the standard concept that a label of this statement means, or None when that is not sure."""
    text = normalise(label)
    known = _known().get(kind, {})
    if not text or not known:
        return None
    if kind in _WITH_SHARES and (concept := share_concept(label, path)):
        return concept
    if text in known:
        return known[text]
    if len(text) < SHORT:
        return None
    near = process.extract(text, known.keys(), scorer=fuzz.ratio, score_cutoff=LIKENESS - MARGIN, limit=5)
    best = [
        (known[name], score) for name, score, _ in near if score >= LIKENESS and not _contrary(text, name)
    ]
    if not best or any(known[name] != best[0][0] for name, score, _ in near):
        return None
    return best[0][0]


def _contrary(text: str, name: str) -> bool:
    """Tell whether two labels name contrary things in words that look alike: "debtors" is no misread "creditors"."""
    ours, theirs = ({word.removesuffix("s") for word in label.split()} for label in (text, name))
    only_ours, only_theirs = ours - theirs, theirs - ours
    return any(group & only_ours and group & only_theirs for group in _CONTRARIES)
