"""How is an amount printed? Numbers of both separator conventions, negatives, percents, dashes, currency signs.

In: a random generator and a `Notation` that a whole row keeps. Out: the cell's text as printed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from extractors.training.words import pick

CURRENCIES = ("$", "$", "$", "$", "$", "€", "£", "¥", "US$", "R$", "C$")
MOST_PERCENT = 4  # digits of a percent's whole part
NEGATIVE_SHARE = 0.2
BEHIND = "-"  # a minus that stands behind its figure
AFTER = (" €", " EUR", " USD", "x", " x", " bps", " bp", "k", "m", " m", "bn", " kr", BEHIND)
DASHES = ("-", "–", "—", "−")
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
    enclosed: bool = False  # a negative's parentheses stand around the currency sign as well
    after: str = ""  # what stands behind every figure: a currency, "x", " bps", a minus


def draw_notation(rng: np.random.Generator) -> Notation:
    """Return how one row writes its numbers."""
    thousands, point = ((",", "."), (",", "."), (",", "."), (".", ","), (".", ","), (" ", ","), ("’", "."), ("", "."))[
        int(rng.integers(8))
    ]  # fmt: skip
    decimals = int(rng.choice(4, p=(0.66, 0.1, 0.21, 0.03)))
    signed = rng.random() < 0.32
    after = "" if signed or rng.random() > 0.03 else pick(rng, AFTER)
    return Notation(
        thousands,
        point,
        decimals,
        pick(rng, ("parentheses", "parentheses", "parentheses", "-", "–")),
        pick(rng, NIL),
        pick(rng, CURRENCIES) if signed else None,
        bool(rng.random() < 0.5),
        pick(rng, ("%", "%", " %")) if not signed and not after and rng.random() < 0.07 else None,
        int(rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), p=(0.06, 0.07, 0.14, 0.15, 0.16, 0.16, 0.1, 0.08, 0.05, 0.03))),
        bool(rng.random() < 0.4),
        after,
    )  # fmt: skip


def draw_kind(rng: np.random.Generator, notation: Notation, plain: bool = False) -> Notation:
    """Return how another column of the same row writes: counts, prices, percents, ratios; `plain` only takes what stands around.

    Separators and the way of negatives stay.
    """
    bare = replace(notation, currency=None, percent=None, after="")
    if plain:
        return bare
    kind = rng.random()
    if kind < 0.3:
        percent = pick(rng, ("%", "%", "%", " %"))
        return replace(
            bare, percent=percent, decimals=int(rng.integers(0, 3)), most_digits=int(rng.integers(1, 4))
        )
    if kind < 0.5:
        return replace(bare, decimals=0, most_digits=int(rng.integers(1, 4)))
    if kind < 0.8:
        return replace(bare, decimals=2, most_digits=int(rng.integers(1, 7)))
    if kind < 0.87:
        return replace(
            bare,
            decimals=int(rng.integers(0, 3)),
            most_digits=int(rng.integers(1, 4)),
            after=pick(rng, AFTER),
        )
    return replace(bare, currency=notation.currency or pick(rng, CURRENCIES), decimals=2)


def write(whole: str, notation: Notation, decimals: str) -> str:
    """Return digits with separators: "1234567" and "89" as 1,234,567.89."""
    head = len(whole) % 3
    groups = ([whole[:head]] if head else []) + [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return notation.thousands.join(groups) + (notation.point + decimals if decimals else "")


def draw_amount(rng: np.random.Generator, notation: Notation) -> str:
    """Return the printed text of one value cell; its currency sign, where it has one, comes first."""
    sign = (notation.currency or "") + (" " if notation.apart and notation.currency else "")
    if rng.random() < 0.07:
        dash = notation.nil in DASHES
        return (
            (sign if dash and rng.random() < 0.7 else "")
            + notation.nil
            + (notation.percent or "" if dash else "")
        )
    n = max(
        1,
        (min(notation.most_digits, MOST_PERCENT) if notation.percent else notation.most_digits)
        - int(rng.integers(0, 3)),
    )
    digits = rng.integers(0, 10, n + notation.decimals)
    if n > 1 and digits[0] == 0:
        digits[0] = rng.integers(1, 10)
    printed = "".join(map(str, digits))
    text = write(printed[:n], notation, printed[n:])
    if notation.percent:
        text += notation.percent
        if rng.random() < 0.2 and notation.negative == "parentheses":
            return f"({text.rstrip('% ')}){notation.percent}"
    negative = rng.random() < NEGATIVE_SHARE
    if notation.after == BEHIND:
        return sign + text + (BEHIND if negative else "")
    text += notation.after
    if negative:
        if notation.negative == "parentheses":
            return f"({sign}{text})" if notation.enclosed and not notation.apart else f"{sign}({text})"
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


def draw_marked(rng: np.random.Generator, amount: str) -> str:
    """Return an amount with the marker of a footnote."""
    return amount + pick(
        rng, (f"({rng.integers(1, 10)})", f" ({rng.integers(1, 10)})", " (a)", "*", "**", " *")
    )


def fits_apart(sign: str) -> bool:
    """Say whether what stands before a figure's first blank is the sign of a currency."""
    return sign in CURRENCIES


def plain(text: str) -> str:
    """Return a cell's text with one form for what print does not tell apart: dashes by their length, straight quotes.

    A dash that stands for nothing is an em dash or a hyphen, one before a figure a hyphen, one between words an en dash.
    """
    text = text.replace("’", "'").replace("“", '"').replace("”", '"')
    if any(dash in text for dash in DASHES[1:]):
        if any(letter.isalpha() for letter in text):
            dash = "–"
        else:
            dash = "-" if any(letter.isdigit() for letter in text) else "—"
        for long in DASHES[1:]:
            text = text.replace(long, dash)
    return text
