"""How is an amount printed? Numbers of both separator conventions, negatives, percents, dashes, currency signs.

In: a random generator and a `Notation` that a whole row keeps. Out: the cell's text as printed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.training.words import pick

CURRENCIES = ("$", "$", "$", "€", "£", "¥", "US$", "R$", "C$")
NIL = ("-", "-", "–", "—", "—", "0", "n/a", "nil", "N/A", "nm", "**")


@dataclass(frozen=True, slots=True)
class Notation:
    """How the numbers of a row are written."""

    thousands: str
    point: str
    decimals: int
    negative: str  # "parentheses", or the sign that stands before
    nil: str
    currency: str | None
    apart: bool  # the currency sign stands at the left of its column, away from the figures
    percent: str | None  # "%" or " %" where the row is in percent
    most_digits: int  # of the whole part


def draw_notation(rng: np.random.Generator) -> Notation:
    """Return how one row writes its numbers."""
    thousands, point = ((",", "."), (",", "."), (",", "."), (".", ","), (".", ","), (" ", ","), ("’", "."), ("", "."))[
        int(rng.integers(8))
    ]  # fmt: skip
    decimals = int(rng.choice(4, p=(0.66, 0.1, 0.21, 0.03)))
    signed = rng.random() < 0.16
    return Notation(
        thousands,
        point,
        decimals,
        pick(rng, ("parentheses", "parentheses", "-", "–")),
        pick(rng, NIL),
        pick(rng, CURRENCIES) if signed else None,
        bool(rng.random() < 0.65),
        pick(rng, ("%", "%", " %")) if not signed and rng.random() < 0.07 else None,
        int(rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), p=(0.06, 0.07, 0.14, 0.15, 0.16, 0.16, 0.1, 0.08, 0.05, 0.03))),
    )  # fmt: skip


def write(whole: str, notation: Notation, decimals: str) -> str:
    """Return digits with separators: "1234567" and "89" as 1,234,567.89."""
    head = len(whole) % 3
    groups = ([whole[:head]] if head else []) + [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return notation.thousands.join(groups) + (notation.point + decimals if decimals else "")


def draw_amount(rng: np.random.Generator, notation: Notation) -> str:
    """Return the printed text of one value cell; its currency sign, where it has one, comes first."""
    if rng.random() < 0.07:
        return notation.nil
    n = max(1, notation.most_digits - int(rng.integers(0, 3)))
    digits = rng.integers(0, 10, n + notation.decimals)
    if n > 1 and digits[0] == 0:
        digits[0] = rng.integers(1, 10)
    printed = "".join(map(str, digits))
    text = write(printed[:n], notation, printed[n:])
    if notation.percent:
        text = text[-6:].lstrip(".,’ ") + notation.percent
    sign = (notation.currency or "") + (" " if notation.apart and notation.currency else "")
    if rng.random() < 0.2:
        if notation.negative == "parentheses":
            return f"{sign}({text})"
        return (
            f"{sign}{notation.negative}{text}"
            if notation.apart or not sign
            else f"{notation.negative}{sign}{text}"
        )
    return sign + text


def draw_note(rng: np.random.Generator) -> str:
    """Return a reference into the notes."""
    n = int(rng.integers(1, 40))
    forms = (str(n), str(n), str(n), f"{n}.{n % 7 + 1}", f"{n}, {n + 2}", f"({n})", f"{n}{'abc'[n % 3]}")
    return pick(rng, forms)
