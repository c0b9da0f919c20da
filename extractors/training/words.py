"""Which words stand in a drawn table? Line items of financial statements in six languages, headers, and words like them.

In: a random generator. Out: printed texts without line breaks, all in Latin letters. Words of no list are as frequent as those of the
lists, so that a reader learns letters and not a vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from extractors.training.wordlists import (
    ACCENTED,
    CODAS,
    HEADERS,
    LINE_ITEMS,
    LINKS,
    MONTHS,
    NAME_PARTS,
    NAME_TAILS,
    ONSETS,
    PROSE,
    SECOND_LINES,
    UNITS,
    VOWELS,
    WORDS,
)

Item = TypeVar("Item")
CONCEPTS = Path(__file__).parents[1] / "concepts.json"
LAST_LATIN = 0x250  # first code point past Latin Extended-B
DASHES = "–—"  # the other characters that a label may have
CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE_DIGITS = "0123456789"
SPELLING = "abcdefghijklmnopqrstuvwxyz" + CODE_LETTERS + CODE_DIGITS

ACCENTED_SHARE = 0.1  # of invented words
JOINTS = (
    " and ", " of ", ", net of ", " & ", "/", " / ", " – ", " - ", ", ", " for ", " (", " attributable to ", "; ", ": ", " – ", " due to ",
)  # fmt: skip


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for line in text.strip().splitlines() for item in line.split("|"))


MONTH_NAMES = tuple(MONTHS.split())
PROSE_WORDS = tuple(PROSE.split())
STATEMENT_WORDS, LINK_WORDS = tuple(WORDS.split()), tuple(LINKS.split())
SECONDS, TAILS, PARTS, UNIT_NAMES = (
    _items(SECOND_LINES),
    _items(NAME_TAILS),
    tuple(NAME_PARTS.split()),
    tuple(UNITS.split()),
)
FIRST_SOUNDS, MIDDLE_SOUNDS = tuple(ONSETS.split()), tuple(VOWELS.split())
LAST_SOUNDS = ("",) * 6 + tuple(CODAS.split())  # of a syllable


def _is_latin(text: str) -> bool:
    return all(ord(letter) < LAST_LATIN or letter in DASHES for letter in text)


@lru_cache(1)
def line_items() -> tuple[str, ...]:
    """Return the labels that statements print, those of the known concepts among them."""
    entries = json.loads(CONCEPTS.read_text(encoding="utf-8"))["concepts"]
    known = sorted({label for entry in entries for label in entry["labels"] if _is_latin(label)})
    return tuple(item.replace("––", "—") for item in (*_items(LINE_ITEMS), *known))


@lru_cache(1)
def headers() -> tuple[str, ...]:
    """Return what stands above columns."""
    return _items(HEADERS)


@lru_cache(1)
def _words() -> tuple[str, ...]:
    """Return the single words of all texts, of three letters and more."""
    found = {word.strip("(),:;'") for item in line_items() for word in item.split()}
    return tuple(sorted(word for word in found | set(PROSE_WORDS) | set(STATEMENT_WORDS) if len(word) > 2))


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Return one of `items`."""
    return items[int(rng.integers(len(items)))]


def invented_word(rng: np.random.Generator) -> str:
    """Return the head of one word with the tail of another: pronounceable, and in no dictionary."""
    head, tail = pick(rng, _words()), pick(rng, _words())
    return head[: int(rng.integers(1, len(head)))] + tail[int(rng.integers(1, len(tail))) :]


def random_word(rng: np.random.Generator) -> str:
    """Return a word of syllables that no list holds, now and then of letters that cannot be spoken."""
    if rng.random() < 0.12:
        return "".join(pick(rng, SPELLING) for _ in range(int(rng.integers(1, 8))))
    n = int(rng.choice((1, 2, 3, 4), p=(0.25, 0.42, 0.25, 0.08)))
    word = "".join(
        pick(rng, FIRST_SOUNDS) + pick(rng, MIDDLE_SOUNDS) + pick(rng, LAST_SOUNDS) for _ in range(n)
    )
    if rng.random() < ACCENTED_SHARE:
        at = int(rng.integers(len(word)))
        word = word[:at] + pick(rng, ACCENTED.get(word[at], word[at])) + word[at + 1 :]
    return word


def name(rng: np.random.Generator) -> str:
    """Return the name of a person, a place, a product or a company."""
    words = [random_word(rng).capitalize() for _ in range(int(rng.integers(1, 4)))]
    kind = rng.random()
    if kind < 0.35:
        words.append(pick(rng, TAILS))
    elif kind < 0.5:
        words.insert(0, f"{pick(rng, CODE_LETTERS)}.")
    elif kind < 0.6:
        words.insert(
            int(rng.integers(0, 2)),
            pick(rng, PARTS),
        )
    elif kind < 0.7:
        words[-1] += "-" + random_word(rng).capitalize()
    text = " ".join(words)
    return text.upper() if rng.random() < 0.12 else text


def abbreviation(rng: np.random.Generator) -> str:
    """Return capitals as departments, rates and securities are known by, now and then with small letters or figures among them."""
    text = "".join(pick(rng, CODE_LETTERS) for _ in range(int(rng.integers(2, 6))))
    kind = rng.random()
    if kind < 0.15:
        return text[0].lower() + text[1:]
    if kind < 0.25:
        return text + pick(rng, ("s", "x", "o", "i"))
    if kind < 0.35:
        return text + pick(rng, CODE_DIGITS)
    if kind < 0.42:
        return f"{int(rng.integers(1, 10))}{text[:2]}"
    at = int(rng.integers(1, len(text)))
    return f"{text[:at]}&{text[at:]}" if kind < 0.6 else text


def unit(rng: np.random.Generator) -> str:
    """Return a unit or another short entry."""
    return pick(rng, UNIT_NAMES)


def small_text(rng: np.random.Generator) -> str:
    """Return the few words of an entry: what was bought, who was paid."""
    kind = rng.random()
    if kind < 0.4:
        return name(rng)
    if kind < 0.8:
        text = " ".join(
            random_word(rng) if rng.random() < 0.4 else pick(rng, _words())
            for _ in range(int(rng.integers(1, 5)))
        )
        return text[:1].upper() + text[1:]
    return f"{pick(rng, _words()).capitalize()} {code(rng)}" if kind < 0.93 else f"{name(rng)} {date(rng)}"


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
        f"{item} ({one} and {two})", f"{item}, {one} par value", f"{item} (including {one})", f"{long_label(rng)} {one}", f"({long_label(rng)} {year})",
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


def money(rng: np.random.Generator) -> str:
    """Return a sum as it stands in running text."""
    sign = pick(rng, ("$", "$", "$", "$", "£", "€", "US$", ""))
    forms = (f"{rng.integers(1, 999)}", f"{rng.integers(1, 99)},{rng.integers(0, 1000):03d}", f"{rng.integers(0, 99)}.{rng.integers(0, 100):02d}",
             f".{rng.integers(0, 100):02d}", f"{rng.integers(1, 99)}.{rng.integers(0, 10)} million")  # fmt: skip
    return sign + pick(rng, forms)


def column_head(rng: np.random.Generator) -> str:
    """Return what stands above a column: mostly as reports have it."""
    kind = rng.random()
    if kind < 0.75:
        return pick(rng, headers())
    return (
        abbreviation(rng)
        if kind < 0.85
        else name(rng)
        if kind < 0.93
        else pick(rng, ("Note", "%", "Ref", "No.", "#", "Nr."))
    )


def code(rng: np.random.Generator) -> str:
    """Return a number of an order, an article or an account."""
    if rng.random() < 0.25:
        groups = [
            "".join(pick(rng, SPELLING[-36:]) for _ in range(int(rng.integers(1, 6))))
            for _ in range(int(rng.integers(1, 4)))
        ]
        return pick(rng, ("-", "-", "/", ".", "_")).join(groups)
    letters = "".join(pick(rng, CODE_LETTERS) for _ in range(rng.integers(0, 4)))
    digits = "".join(pick(rng, CODE_DIGITS) for _ in range(rng.integers(1, 8)))
    return letters + (pick(rng, ("", "-", " ", "/")) if letters else "") + digits


def phrase(rng: np.random.Generator, least: int = 1, most: int = 5) -> str:
    """Return `least` to `most` words that belong together by nothing but chance; some are invented."""
    n = int(rng.integers(least, most + 1))
    ways = (invented_word, invented_word, random_word, None, None, None, None)
    out = [way(rng) if (way := pick(rng, ways)) else pick(rng, _words()) for _ in range(n)]
    return " ".join(out)


def long_label(rng: np.random.Generator) -> str:
    """Return words of statements with small words between them, as long labels have."""
    out: list[str] = []
    for _ in range(int(rng.integers(2, 7))):
        kind = rng.random()
        word = pick(rng, STATEMENT_WORDS)
        if kind < 0.09:
            word = random_word(rng) if kind < 0.06 else abbreviation(rng)
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


def date(rng: np.random.Generator) -> str:
    """Return a date or a period as it heads a column."""
    year, month, day = int(rng.integers(1995, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    forms = (
        str(year), str(year), str(year), str(year), f"FY{year % 100:02d}", f"{year - 1}/{year % 100:02d}", f"{year - 1}-{year}",
        f"{day:02d}.{month:02d}.{year}", f"{day}/{month}/{year}", f"{year}-{month:02d}-{day:02d}",
        f"{day} {pick(rng, MONTH_NAMES)} {year}", f"{pick(rng, MONTH_NAMES)} {day}, {year}", f"{pick(rng, MONTH_NAMES[:12])[:3]} {year % 100:02d}",
        f"Q{month % 4 + 1} {year}",
    )  # fmt: skip
    return pick(rng, forms)


def day(rng: np.random.Generator) -> str:
    """Return a day as it stands before an entry."""
    year, month, number = int(rng.integers(1995, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    short = MONTH_NAMES[month - 1][:3]
    forms = (
        f"{number:02d} {short} {year}", f"{number} {short} {year}", f"{number:02d} {short}", f"{short} {number}", f"{number:02d}.{month:02d}.{year}",
        f"{number:02d}.{month:02d}.", f"{number:02d}/{month:02d}/{year}", f"{month:02d}/{number:02d}/{year % 100:02d}", f"{year}-{month:02d}-{number:02d}",
        f"{number:02d}-{short}-{year % 100:02d}", f"{number} {MONTH_NAMES[month - 1]} {year}", f"{MONTH_NAMES[month - 1]} {number}, {year}",
    )  # fmt: skip
    return pick(rng, forms)
