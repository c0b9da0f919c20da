"""What does a row of a drawn table say before its amounts? Labels of every make, their second lines, and running text.

In: a random generator. Out: printed texts without line breaks, all in Latin letters. Two thirds of the labels are no line items of
statements: what is taught are letters, not a vocabulary.
"""

from __future__ import annotations

import numpy as np

from extractors.training.words import (
    CODE_LETTERS,
    LINK_WORDS,
    MONTH_NAMES,
    PROSE_WORDS,
    SECONDS,
    STATEMENT_WORDS,
    abbreviation,
    code,
    date,
    day,
    line_items,
    money,
    name,
    phrase,
    pick,
    random_word,
)

HYPHENED = ("for", "to", "of", "and", "in", "by", "at", "off")
JOINTS = (
    " and ", " of ", ", net of ", " & ", "/", " / ", " – ", " - ", ", ", " for ", " (", " attributable to ", "; ", ": ", " – ", " due to ",
)  # fmt: skip


def second_line(rng: np.random.Generator) -> str:
    """Return how a label goes on in its second line: in small letters."""
    if rng.random() < 0.4:
        return pick(rng, SECONDS)
    if rng.random() < 0.5:
        return long_label(rng)
    text = f"{pick(rng, ('and', 'of', 'in', 'for', 'to', 'from', 'net', 'the', 'by', 'or', 'with', 'und', 'de'))} {phrase(rng, 1, 6)}"
    return text + pick(rng, ("", "", "", ":", ",", ")", " (Note 7)", f" {rng.integers(1990, 2031)}"))


def with_figures(rng: np.random.Generator) -> str:
    """Return a label that has figures in it: years, rates, classes, numbers of shares, references."""
    year, n = int(rng.integers(1990, 2061)), int(rng.integers(1, 60))
    rate = f"{rng.integers(0, 12)}.{pick(rng, ('5', '25', '75', '125', '375', '875', '40', '0'))}%"
    item = pick(rng, line_items())
    shares = f"{rng.integers(1, 900)},{rng.integers(0, 10**6) // 1000:03d},{rng.integers(0, 1000):03d}"
    one, two, head = (
        money(rng),
        money(rng),
        pick(
            rng,
            (
                "Year",
                "Years",
                "Quarter",
                "Three Months",
                "Six Months",
                "Nine Months",
                "Fiscal Year",
                "Period",
            ),
        ),
    )
    forms = (
        f"{item}, net of allowance of {one} and {two}", f"{item}, net of tax of ({one}), ({two})", f"{long_label(rng)} of {one} and {two}",
        f"{item} ({one} and {two})", f"{item} (included {one} and {two} at fair value)", f"{long_label(rng)} (including {one} and {two})", f"{item}: {year}—{n}; {year - 1}—{n + 1}", f"{item}, {one} par value", f"{item} (including {one})", f"{long_label(rng)} {one}", f"({long_label(rng)} {year})",
        f"{head} Ended {pick(rng, MONTH_NAMES[:12])} {n % 31 + 1},", f"{head.lower()} ended {pick(rng, MONTH_NAMES[:12])} {n % 31 + 1}, {year}",
        f"(in {pick(rng, ('millions', 'thousands', 'billions'))}{pick(rng, ('', ', except per share amounts', ', except share data', ' of dollars'))})",
        f"({pick(rng, ('Amounts in millions', 'Millions', 'Dollars in thousands', 'Unaudited; in millions'))}{pick(rng, ('', ', except per share amounts', ', except ratios'))})",
        f"{year} notes", f"{rate} Senior Notes due {year}", f"Note {n}", f"{item} (Note {n})", f"{item} – note {n}", f"Class {pick(rng, CODE_LETTERS)}",
        f"Class {pick(rng, 'ABC')} common stock, ${rng.integers(0, 2)}.{rng.integers(0, 100):02d} par value", f"{item} {year}", f"Level {n % 3 + 1}",
        f"{n} {item.lower()}", f"Tranche {n}", f"{item}, {rate}", f"Due after {n} years", f"{n} to {n + 4} years", f"Balance at December {n % 31 + 1}, {year}",
        f"{shares} shares issued", f"(authorized {shares} shares)", f"LIBOR + {rate}", f"Q{n % 4 + 1} {year}", f"Series {n}-{pick(rng, CODE_LETTERS)}",
        f"Weighted average shares ({n} classes)", f"{pick(rng, 'abcdefgh')}) {item}", f"§ {n} {item}", f"{year}/{(year + 1) % 100:02d} {item}",
        f"{item} ({rate})", f"{day(rng)} {item}", f"Balance, {day(rng)}", f"{item} at {day(rng)}",
    )  # fmt: skip
    return pick(rng, forms)


def long_label(rng: np.random.Generator) -> str:
    """Return words of statements with small words between them, as long labels have."""
    out: list[str] = []
    for _ in range(int(rng.integers(2, 7))):
        kind = rng.random()
        word = pick(rng, STATEMENT_WORDS)
        if kind < 0.09:
            word = random_word(rng) if kind < 0.06 else abbreviation(rng)
        if rng.random() < 0.07:
            word += (
                f"-{pick(rng, HYPHENED)}-{pick(rng, STATEMENT_WORDS)}"
                if rng.random() < 0.4
                else f"-{pick(rng, STATEMENT_WORDS)}"
            )
        if rng.random() < 0.06:
            word = f"({word})"
        elif rng.random() < 0.14:
            word += pick(
                rng,
                (
                    ",",
                    ",",
                    ",",
                    "/" + pick(rng, STATEMENT_WORDS),
                    "'",
                    ";",
                    " (" + pick(rng, STATEMENT_WORDS) + ")",
                ),
            )
        out.append(word)
        if rng.random() < 0.5:
            out.append(pick(rng, LINK_WORDS))
    if len(out) > 1 and out[-1] in LINK_WORDS:
        out.pop()
    return " ".join(out).rstrip(",;")


def sentence(rng: np.random.Generator) -> str:
    """Return a line of running text."""
    out = []
    for _ in range(int(rng.integers(6, 15))):
        kind = rng.random()
        if kind < 0.1:
            out.append(random_word(rng) if kind < 0.05 else money(rng) if kind < 0.08 else date(rng))
        else:
            out.append(
                pick(rng, PROSE_WORDS if kind < 0.6 else STATEMENT_WORDS) + ("," if kind > 0.95 else "")
            )
    text = " ".join(out)
    return text[0].upper() + text[1:] + pick(rng, ("", ".", ",", ":"))


def _cased(rng: np.random.Generator, text: str) -> str:
    kind = rng.random()
    if kind < 0.08:
        return text.upper().replace("ß", "SS")
    if kind < 0.28:
        return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    if kind < 0.93:
        return text[:1].upper() + text[1:]
    return text


def label(rng: np.random.Generator) -> str:
    """Return the label of a row: a line item, words that look like one, a name or a code."""
    kind = rng.random()
    if kind < 0.34:
        text = pick(rng, line_items())
    elif kind < 0.46:
        text = phrase(rng)
    elif kind < 0.6:
        text = long_label(rng)
    elif kind < 0.68:
        text = pick(rng, line_items()) + (joint := pick(rng, JOINTS)) + pick(rng, line_items()).lower()
        text += ")" if joint == " (" else ""
    elif kind < 0.76:
        text = with_figures(rng)
    elif kind < 0.84:
        text = name(rng)
    elif kind < 0.88:
        text = (
            f"{abbreviation(rng)} {phrase(rng, 1, 3)}"
            if rng.random() < 0.5
            else f"{phrase(rng, 1, 3)} ({abbreviation(rng)})"
        )
    elif kind < 0.92:
        text = " ".join(random_word(rng) for _ in range(int(rng.integers(1, 5))))
    elif kind < 0.96:
        text = f"{pick(rng, line_items())} {code(rng)}"
    else:
        text = f"{code(rng)} {phrase(rng, 1, 3)}"
    text = _cased(rng, text)
    tail = rng.random()
    if tail < 0.04:
        text += f" ({pick(rng, ('1', '2', '3', 'a', 'b', 'i', 'ii', 'Note 4', 'note 12', 'in %'))})"
    elif tail < 0.08:
        text += ":"
    elif tail < 0.1:
        text += pick(rng, (":", "*", " *", ", net", " -", " –", "..."))
    elif tail < 0.13:
        text = f"{pick(rng, ('I.', 'II.', 'IV.', 'A.', 'B.', '1.', '2.', '3.', '10.', 'a)', 'b)', '-', '–', '•'))} {text}"
    if rng.random() < 0.5:
        text = text.replace("'", "’")
    return text
