"""Which columns of a statement state no period of their own? A column's header and figures → what it compares, or None.

In: header texts and the figures below them. Out: `"change"` (a difference between two periods) or `"percent"` (a growth rate or a share of
a base row). Such columns hold no facts; `extractors.checks.comparisons` holds their figures against the periods beside them. A header counts only
where all its words belong to a comparison: "Foreign exchange reserve" and "Change in fair value reserve" name components of equity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from extractors.statements.periods import MONTH_OF, fold
from schemas.amount import Amount

Aside = Literal["change", "percent"]

PERCENT_SHARE = 0.8  # of a column's figures printed with a percent sign make it a column of percentages
LEAST_PERCENTS = 3  # figures; fewer may be rows of percentages among money

_PERCENT = re.compile(  # "8% preference shares" and "5 percent notes" are names: a digit stands before the sign
    r"(?<![\d.,])(?<!\d )(?:[%％]|\bper\s*cents?\b|\bpercent(?:ages?|uale?)?\b|\bpct\b|\bprozent\w*|\bpourcentages?\b|\bporcentajes?\b"
    r"|\bpercentage[mn]s?\b|\bprocent\b|\bbps\b)"
)
_CHANGE_WORDS = frozenset(
    [
        "change",
        "changes",
        "changed",
        "chg",
        "variance",
        "variances",
        "difference",
        "differences",
        "diff",
        "increase",
        "increases",
        "increased",
        "decrease",
        "decreases",
        "decreased",
        "incr",
        "decr",
        "growth",
        "favorable",
        "favourable",
        "unfavorable",
        "unfavourable",
        "fav",
        "unfav",
        "better",
        "worse",
        "improvement",
        "yoy",
        "qoq",
        "veranderung",
        "veranderungen",
        "abweichung",
        "zuwachs",
        "zunahme",
        "abnahme",
        "variation",
        "variations",
        "evolution",
        "ecart",
        "variacion",
        "variaciones",
        "variacao",
        "variacoes",
        "diferencia",
        "crecimiento",
        "verschil",
        "mutatie",
        "verandering",
        "wijziging",
    ]
)
_VERSUS = frozenset(["vs", "versus", "against", "compared"])
_PLAIN_WORDS = frozenset(
    [
        "a",
        "absolute",
        "abs",
        "amount",
        "amounts",
        "and",
        "ano",
        "an",
        "annee",
        "ans",
        "anno",
        "as",
        "au",
        "b",
        "between",
        "bn",
        "by",
        "comparison",
        "constant",
        "currency",
        "current",
        "das",
        "de",
        "dec",
        "del",
        "der",
        "die",
        "dollar",
        "dollars",
        "du",
        "en",
        "end",
        "ended",
        "ending",
        "eur",
        "euro",
        "euros",
        "exercice",
        "fiscal",
        "five",
        "for",
        "four",
        "from",
        "gbp",
        "im",
        "in",
        "inc",
        "jahr",
        "k",
        "la",
        "last",
        "m",
        "million",
        "millions",
        "mio",
        "mn",
        "month",
        "months",
        "like",
        "net",
        "netto",
        "no",
        "of",
        "on",
        "or",
        "organic",
        "over",
        "period",
        "periods",
        "previous",
        "precedente",
        "anterior",
        "preceding",
        "prior",
        "quarter",
        "quarters",
        "rate",
        "reported",
        "same",
        "six",
        "nine",
        "the",
        "this",
        "thousand",
        "thousands",
        "three",
        "to",
        "tot",
        "total",
        "twelve",
        "u",
        "unaudited",
        "underlying",
        "usd",
        "vorjahr",
        "vorjahres",
        "weeks",
        "with",
        "w",
        "year",
        "years",
        "y",
        "yr",
        "yrs",
        "zum",
        "zu",
    ]
) | frozenset(MONTH_OF)
_CHINESE = re.compile(r"增减|增減|变动(?!表)|變動(?!表)|同比|环比|增长|增長")
_CHINESE_PERCENT = re.compile(r"比例|幅度|百分比|比率|增长率|占.{0,8}比")
_SHORT_CHANGE = re.compile(
    r"\binc\b\W*\bdec\b|\bdec\b\W*\binc\b"
)  # alone, "dec" is a month and "inc" a company
_WORD = re.compile(r"[^\W\d_]+")
_YEAR = re.compile(r"(?:19|20)\d\d")


def aside_kind(header: str) -> Aside | None:
    """Return what a column with this header compares, or None where it can hold a period's own figures."""
    folded = fold(header)
    if _PERCENT.search(folded):
        return "percent"
    if _CHINESE_PERCENT.search(folded):
        return "percent"
    if _CHINESE.search(folded):
        return "change"
    words = _WORD.findall(folded)
    compares = any(word in _CHANGE_WORDS for word in words) or bool(_SHORT_CHANGE.search(folded))
    versus = any(word in _VERSUS for word in words) and len(_YEAR.findall(folded)) >= 2
    if not (compares or versus):
        return None
    known = _CHANGE_WORDS | _VERSUS | _PLAIN_WORDS
    return "change" if all(word in known for word in words) else None


def all_percent(amounts: Sequence[Amount]) -> bool:
    """Tell whether nearly all figures of a column are printed as percentages."""
    printed = [a for a in amounts if not a.nil]
    percents = sum(a.unit == "percent" for a in printed)
    return percents >= LEAST_PERCENTS and percents >= PERCENT_SHARE * len(printed)
