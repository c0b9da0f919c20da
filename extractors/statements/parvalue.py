"""Does the par value of a company's shares prove that its amounts are printed in full? Label and printed amounts → yes or no.

In: the label of a balance sheet's row of shares ("Common stock, $0.01 par value, 25,000,000 shares authorized; 12,613,978 issued") and the
amounts printed beside it. Out: whether each is the par value times a number of shares in the label, and the numbers of shares that a
label writes out. A number of eight digits is written out: in thousands it would be shares by the ten thousand million.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.statements.periods import fold

MOST_WRITTEN = Decimal(10**7)  # shares; a number from here on is no number of thousands
LEAST_AMOUNT = 1000  # as printed; a smaller amount may be so by chance
ROUNDED = Decimal(
    "0.2"
)  # of an amount: how far rounding to its leading digits may put it off; scales are decades apart

_PAR = re.compile(
    r"[$£€]\s*(?P<before>\d*\.\d+|\d+)\s*(?:per\s*share\s*)?par\b|\bpar\s*value\s*(?:of\s*|per\s*share\s*(?:of\s*)?)?[,:]?\s*[$£€]\s*(?P<after>\d*\.\d+|\d+)"
)
_COUNT = re.compile(r"(?<![\d.,$£€])\d{1,3}(?:,\d{3})+(?![\d,]*\d)")
_SHARES = re.compile(r"\bshares?\b|\bunits?\b|\bissued\b|\boutstanding\b")
_SCALED = re.compile(r"thousand|million|billion|000'?s")


def written_counts(label: str) -> frozenset[Decimal]:
    """Return the numbers of shares that a label writes out in full."""
    folded = fold(label)
    if not _SHARES.search(folded) or _SCALED.search(folded):
        return frozenset()
    counts = (Decimal(count.replace(",", "")) for count in _COUNT.findall(folded))
    return frozenset(count for count in counts if count >= MOST_WRITTEN)


def printed_in_full(label: str, amounts: Sequence[Decimal]) -> bool:
    """Tell whether every amount is the par value of shares that the label counts, in the unit of the par value itself."""
    par = _PAR.search(fold(label))
    counts = written_counts(label)
    told = [amount for amount in amounts if amount]
    if par is None or not counts or not told:
        return False
    each = Decimal(par["before"] or par["after"])
    return all(
        amount >= LEAST_AMOUNT and any(abs(amount - each * count) <= _room(amount) for count in counts)
        for amount in told
    )


def _room(amount: Decimal) -> Decimal:
    """Half of the last digit that is not a zero: amounts rounded to thousands are printed with zeros behind."""
    text = f"{amount:f}".partition(".")[0]
    zeros = len(text) - len(text.rstrip("0"))
    return min(Decimal(10) ** zeros / 2, ROUNDED * amount)
