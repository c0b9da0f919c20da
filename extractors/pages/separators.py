"""Is the mark between a scanned figure's digits a comma or a point? Words and ink → words whose thousands are grouped by one mark.

In: the recognised words of a page (points) and its ink without ruled lines (pixels). Out: the same words; where recognisers take the
short comma of a worn scan for a point ("19.934" for 19,934, a thousandth of it, and every total of the column agrees), it is a comma
again. What decides is the ink: a comma reaches below the line on which the digits stand, and a point stands on it. Where a single
mark does not show it, the others of its column do; a mark that nothing speaks for stays as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from extractors.pages.ocr import Mask
from schemas.page import Word

# How far a mark reaches below the line, in heights of a digit. Measured on company accounts (1-bit, 300 dpi): 672 commas 0.04 (10 % of
# them), 0.19 (50 %), 21 points -0.1 to 0.0; on worn copies of a filing, whose commas were mostly read as points: 265 commas -0.05 (5 %),
# 0.05 (50 %), 0.1 (90 %), 38 points 0.0 (90 %), 0.05 (98 %); points of bold type 0.05.
COMMA = 0.07
SHORT_COMMA = 0.04  # where the page's own commas are as short, or its points before decimals shorter
POINT = 0.02  # a mark that reaches no further is a point, as far as this one figure shows
CLEAN = 0.12  # usual reach of a page's commas from which a mark that looks like a point is one
LOW = 0.6  # of a digit's height from its top; marks stand below, and nothing of a digit does that has nothing above
DEEPEST = 0.45  # of a digit's height below the line: no comma reaches further
SLENDER, WIDE = 0.1, 0.5  # of a digit's height: how wide a mark is
LIFTED = 0.12  # of a digit's height: no mark ends higher above the line
BODY = 0.15  # of the ink of a usual row of pixels: rows of digits have more, tails of commas less
LEAST_HEIGHT = 8  # pixels; in smaller digits nothing can be told
AT_EDGE = 0.2  # of a digit's height: marks stand between digits, not before or behind them
ENOUGH = 2  # figures that are read with commas, or with points before decimals, and say something of the page
# Share of commas, as read and as the ink shows, that speaks for the rest of a page or column. As read they need be few where money
# has a sign, $ or £, with which nobody groups by points.
READ_SO, SHOWN_SO = 0.1, 0.25
FEW_LIKE = 0.3  # of the points before decimals look like commas at most, where the page's points can be told from them
NEARLY_ALL = 0.9  # of a page's figures
FEW = 3  # figures in a column of their own say nothing of their kind
SAME_EDGE = 4.0  # points between the right edges of a column's figures

THOUSANDS = re.compile(r"[^\d.,]*[1-9]\d{0,2}(?:[.,]\d{3})+[^\d.,]*")
DECIMALS = re.compile(r"[^\d.,]*\d+(?:[.,]\d{3})*([.,])\d{1,2}[^\d.,]*")
_MARK = re.compile(r"(?<=\d)[.,](?=\d)")


@dataclass(frozen=True, slots=True)
class _Figure:
    index: int
    right: float  # points
    read: bool  # with commas
    reach: float


def with_commas(words: Sequence[Word], ink: Mask, scale: float) -> tuple[Word, ...]:
    """Return the words with points that are commas set right. `scale` is pixels per point."""
    grouped = [i for i, word in enumerate(words) if THOUSANDS.fullmatch(word.text)]
    if not any("." in words[i].text for i in grouped):
        return tuple(words)
    decimals = [(found[1], word) for word in words if (found := DECIMALS.fullmatch(word.text))]
    points = [_reach(word, ink, scale) for mark, word in decimals if mark == "."]
    if 2 * len(points) < len(decimals):
        return tuple(words)  # points group thousands here
    figures = [
        _Figure(i, words[i].box.x1, "." not in words[i].text, _reach(words[i], ink, scale)) for i in grouped
    ]
    usual = [figure.reach for figure in figures if figure.read]
    if len(usual) >= ENOUGH:
        least = max(SHORT_COMMA, float(np.median(usual)) / 2)
    else:
        told = len(points) >= ENOUGH and sum(r >= SHORT_COMMA for r in points) <= FEW_LIKE * len(points)
        least = SHORT_COMMA if told else COMMA
    read_so = READ_SO if any(sign in word.text for word in words for sign in "$£") else SHOWN_SO
    if not _are_commas(figures, least, read_so):
        return tuple(words)
    clean = len(usual) >= ENOUGH and 2 * least >= CLEAN
    out = list(words)
    for figure in figures:
        column = [other for other in figures if abs(other.right - figure.right) <= SAME_EDGE]
        shown = sum(other.read or other.reach >= least for other in column)
        a_point = clean and -LIFTED <= figure.reach <= POINT
        if not a_point and (shown >= READ_SO * len(column) or len(column) < FEW):
            out[figure.index] = replace(words[figure.index], text=_MARK.sub(",", words[figure.index].text))
    return tuple(out)


def _are_commas(figures: Sequence[_Figure], least: float, read_so: float) -> bool:
    """Tell whether enough of these figures have commas: by their letters, or by letters and ink."""
    read = sum(figure.read for figure in figures)
    shown = sum(figure.read or figure.reach >= least for figure in figures)
    return (read >= ENOUGH and read >= read_so * len(figures)) or (
        shown > ENOUGH and shown >= SHOWN_SO * len(figures)
    )


def groups_by_commas(words: Sequence[Word]) -> bool:
    """Tell whether a page's figures group their thousands by commas, nearly all of them."""
    grouped = ["," in word.text for word in words if THOUSANDS.fullmatch(word.text)]
    return len(grouped) > ENOUGH and sum(grouped) >= NEARLY_ALL * len(grouped)


def reach(ink: Mask, n_marks: int) -> float:
    """Return how far the marks between digits reach below the line, in heights of a digit.

    `ink` is the figure alone, with a little paper around it. Of several marks it is the middle one's; -1.0 where they are not found.
    """
    top, line = _standing(ink)
    if line - top < LEAST_HEIGHT or not n_marks:
        return -1.0
    columns = _marks(ink, top, line)
    rest = ink.copy()
    for start, end in columns:
        rest[:, start:end] = False
    top, line = _standing(rest)  # tails of commas are no feet of digits
    height = line - top
    if height < LEAST_HEIGHT:
        return -1.0
    middle, last = round(top + height / 2), round(line + DEEPEST * height)
    marks = []
    for start, end in columns:
        rows = np.flatnonzero(ink[middle:last, start:end].any(axis=1)) + middle
        if len(rows) and rows[-1] + 1 >= line - LIFTED * height:
            marks.append((end - start, float(rows[-1] + 1 - line)))
    if len(marks) < n_marks:
        return -1.0
    return float(np.median([below for _, below in sorted(marks, reverse=True)[:n_marks]])) / height


def _standing(ink: Mask) -> tuple[int, int]:
    """Return the first and the end row of pixels of the digits."""
    across = ink.sum(axis=1)
    if not across.any():
        return 0, 0
    filled = np.flatnonzero(across >= BODY * np.median(across[across > 0]))
    return int(filled[0]), int(filled[-1]) + 1


def _marks(ink: Mask, top: int, line: int) -> list[tuple[int, int]]:
    """Return start and end of the columns that have ink low down alone, as wide as a comma, between digits."""
    height = line - top
    first, last = round(top + LOW * height), round(line + DEEPEST * height)
    alone = ink[first:last].any(axis=0) & ~ink[max(0, round(top - AT_EDGE * height)) : first].any(axis=0)
    return [
        (start, end)
        for start, end in _runs(np.asarray(alone, bool))
        if SLENDER * height <= end - start <= WIDE * height
        and start > AT_EDGE * height
        and end < ink.shape[1] - AT_EDGE * height
    ]


def _runs(columns: Mask) -> list[tuple[int, int]]:
    """Return start and end of each run of true columns."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], columns.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _reach(word: Word, ink: Mask, scale: float) -> float:
    x0, x1 = int(word.box.x0 * scale) - 1, int(word.box.x1 * scale) + 2
    y0, y1 = int(word.box.y0 * scale) - 2, int(word.box.y1 * scale) + 3
    return reach(ink[max(0, y0) : max(1, y1), max(0, x0) : max(1, x1)], len(_MARK.findall(word.text)))
