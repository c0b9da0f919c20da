"""Which currency signs are printed, where a recogniser saw letters and digits? Recognised words → words with their signs.

In: the words of a page as recognised, points or pixels. Out: the same words: a lone S before figures is a dollar sign, a dash joined
to the sign of the next column is parted from it, and £'000 that was read upside down ("000.3") stands upright.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from extractors.pages.ocr import TextWord
from extractors.pages.rows import printed_rows
from schemas.page import Word

DASH_AND_SIGN = re.compile(r"[-–—][$£€¥]")
DASH_SHARE, SIGN_SHARE = 0.5, 0.3  # of such a word's width
FIGURE = re.compile(r"[(-]?\d[\d.,]*\)?|[-–—]")
# £'000 turned by 180 degrees is 000'3: its noughts look the same, and recognisers were taught to read turned lines.
THOUSAND_POUNDS = "£'000"
TURNED_POUNDS = re.compile(r"0{2,4}[.,'’‘]?3")
PART_OF_IT = re.compile(r"0{2,4}[.,'’‘]?3?|[£Ef]?['’‘.]?0{2,4}")
LETTERED_POUNDS = re.compile(r"[£]['’‘.]?0{2,4}")
CODE = re.compile(r"0\d+")  # numbers that begin with nought count something


def with_dollars(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words with lone letters S before figures as the dollar signs that they are.

    A single one may be a letter; beside an H, which marks credits as S marks debits, all are.
    """
    pairs = [
        (left, right)
        for row in printed_rows(words)
        for left, right in zip(row.words, row.words[1:], strict=False)
        if FIGURE.fullmatch(right.text)
    ]
    lone = {id(left) for left, _ in pairs if left.text in ("S", "s")}
    signs = len(lone) + sum(left.text == "$" for left, _ in pairs)
    if not lone or signs < 2 or any(word.text == "H" for word in words):
        return tuple(words)
    return tuple(replace(word, text="$") if id(word) in lone else word for word in words)


def with_pounds(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words with thousands of pounds upright where a row has nothing with digits but them, turned or in pieces.

    One alone may be a number: a row needs two of them, and a page of codes that begin with nought has none.
    """
    codes = [word for word in words if CODE.fullmatch(word.text) and not PART_OF_IT.fullmatch(word.text)]
    if codes or not any(TURNED_POUNDS.fullmatch(word.text) for word in words):
        return tuple(words)
    turned: set[int] = set()
    for row in printed_rows(words):
        figures = [word for word in row.words if any(map(str.isdigit, word.text))]
        if (
            len(figures) > 1
            and all(PART_OF_IT.fullmatch(word.text) for word in figures)
            and any(TURNED_POUNDS.fullmatch(word.text) for word in figures)
        ):
            turned |= {id(word) for word in figures if not LETTERED_POUNDS.fullmatch(word.text)}
    return tuple(replace(word, text=THOUSAND_POUNDS) if id(word) in turned else word for word in words)


def part_signs(word: TextWord) -> tuple[TextWord, ...]:
    """Part a dash, printed for nil, from the currency sign of the next column, which the recogniser joined to it."""
    if not DASH_AND_SIGN.fullmatch(word.text):
        return (word,)
    width = word.x1 - word.x0
    dash = replace(word, text=word.text[0], x1=word.x0 + DASH_SHARE * width)
    return dash, replace(word, text=word.text[1:], x0=word.x1 - SIGN_SHARE * width)
