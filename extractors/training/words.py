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
CONCEPTS = Path(__file__).parents[1] / "statements" / "concepts.json"
LAST_LATIN = 0x250  # first code point past Latin Extended-B
DASHES = "–—"  # the other characters that a label may have
CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE_DIGITS = "0123456789"
SPELLING = "abcdefghijklmnopqrstuvwxyz" + CODE_LETTERS + CODE_DIGITS

ACCENTED_SHARE = 0.1  # of invented words


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
def known_words() -> tuple[str, ...]:
    """Return the single words of all texts, of three letters and more."""
    found = {word.strip("(),:;'") for item in line_items() for word in item.split()}
    return tuple(sorted(word for word in found | set(PROSE_WORDS) | set(STATEMENT_WORDS) if len(word) > 2))


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Return one of `items`."""
    return items[int(rng.integers(len(items)))]


def invented_word(rng: np.random.Generator) -> str:
    """Return the head of one word with the tail of another: pronounceable, and in no dictionary."""
    head, tail = pick(rng, known_words()), pick(rng, known_words())
    return head[: int(rng.integers(1, len(head)))] + tail[int(rng.integers(1, len(tail))) :]


def random_word(rng: np.random.Generator) -> str:
    """Return a word of syllables that no list holds, now and then of letters that cannot be spoken."""
    if rng.random() < 0.05:
        return "".join(pick(rng, SPELLING) for _ in range(int(rng.integers(1, 8))))
    n = int(rng.choice((1, 2, 3, 4), p=(0.3, 0.48, 0.18, 0.04)))
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
            random_word(rng) if rng.random() < 0.4 else pick(rng, known_words())
            for _ in range(int(rng.integers(1, 5)))
        )
        return text[:1].upper() + text[1:]
    return (
        f"{pick(rng, known_words()).capitalize()} {code(rng)}" if kind < 0.93 else f"{name(rng)} {date(rng)}"
    )


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
    kind = rng.random()
    if kind < 0.1:  # as telephone and account numbers are written
        return " ".join(
            "".join(pick(rng, CODE_DIGITS) for _ in range(int(rng.integers(2, 6))))
            for _ in range(int(rng.integers(2, 5)))
        )
    if kind < 0.3:
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
    out = [way(rng) if (way := pick(rng, ways)) else pick(rng, known_words()) for _ in range(n)]
    return " ".join(out)


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
        f"{month:02d}/{year}", f"{month:02d}.{year}", f"{number:02d}-{short}-{year % 100:02d}", f"{number} {MONTH_NAMES[month - 1]} {year}", f"{MONTH_NAMES[month - 1]} {number}, {year}",
    )  # fmt: skip
    return pick(rng, forms)


def run_of_months(rng: np.random.Generator, n: int) -> list[str]:
    """Return `n` months or quarters after one another, as they head columns; a year's total may end them."""
    first, long = int(rng.integers(12)), rng.random() < 0.25
    year = f" {rng.integers(1995, 2031)}" if rng.random() < 0.2 else ""
    out = [MONTH_NAMES[(first + i) % 12] for i in range(n)]
    if not long:
        out = [month[:3] for month in out]
    if n < 5 and rng.random() < 0.4:
        form = pick(rng, ("Q", "Quarter ", "H", "Qtr ", "Week "))
        out = [f"{form}{(first + i) % 4 + 1}" for i in range(n)]
    out = [each + year for each in out]
    if n > 2 and rng.random() < 0.3:
        out[-1] = pick(rng, ("Year", "Total", "Full year", "YTD", "FY"))
    return out
