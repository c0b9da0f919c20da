"""Where do dashes stand in a scanned table, printed for nil? The ink and the words of an upright page → its dashes as words, in points.

In: the ink without its ruled lines, and the words already recognised. Out: the words with other signs that a recogniser makes of a dash
(the Chinese numeral one, an underscore) as dashes, and further words for dashes too small for a detector of lines.
A dash is told from dirt, and from those signs, by its company: it stands under or over the figures of a column, and on the row of some word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.engine import Pixels
from schemas.box import Box
from schemas.page import Word

SHORTEST, LONGEST = 0.18, 1.3  # of the font size: a hyphen, an em dash
THICKEST = 0.22  # of the font size
SLENDER = 1.5  # times as long as thick
FILLED = 0.45  # of its box is ink; of a stroke that is not quite level, stairs are left empty
ALONE = 0.8  # of the font size to its left and right is free of other ink
ON_ROW = 0.3  # of the font size between its middle and that of the row's words
IN_COLUMN = 1.0  # of the font size that it may stand beside the column's figures
MOST_MARKS = 20_000  # connected marks on a page; more is noise, and noise holds dashes everywhere
CONFIDENCE = 0.9
ALONG = 0.3  # of the font size: over so much of a stroke its grey is averaged
APART = 0.3  # of the font size: so far above and below a stroke there is paper
LONG_ENOUGH = 0.7  # of the font size: what is as faint and shorter is the edge of a letter
INKY = 130  # of 255: a stroke with a pixel so dark is ink, of a letter or a rule; it is not faint
FAINT = 30  # of 255: by how much a faint stroke is darker than that paper; grain is 3 once it is averaged
SIGN_SHARE = 0.4  # of the width of a sign with a dash right behind it

# one stroke, as a recogniser of many scripts may write it; with a currency sign, or the letter that was made of one
_STROKE = re.compile(r"(?P<sign>[$£€¥Ss])?(?P<dash>[-‐–—―─一ー_]{1,3})")


def with_dashes(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words with each stroke that stands alone in a column of figures as a dash, parted from a sign before it."""
    figures = [word for word in words if any(letter.isdigit() for letter in word.text)]
    if not figures:
        return tuple(words)
    size = float(np.median([word.box.height for word in figures]))
    return tuple(part for word in words for part in _dashed(word, figures, size))


def _dashed(word: Word, figures: Sequence[Word], size: float) -> Iterator[Word]:
    stroke = _STROKE.fullmatch(word.text)
    if stroke is None or not _in_column(word.box, figures, size):
        yield word
        return
    dash = stroke["dash"] if set(stroke["dash"]) <= set("-–—") else "—"
    word = replace(word, confidence=max(word.confidence, CONFIDENCE))  # in doubt is which stroke it is
    if stroke["sign"] is None:
        yield replace(word, text=dash)
        return
    middle = word.box.x0 + SIGN_SHARE * word.box.width
    yield replace(word, text=stroke["sign"], box=word.box._replace(x1=middle))
    yield replace(word, text=dash, box=word.box._replace(x0=middle))


def faint_strokes(pixels: Pixels, words: Sequence[Word], scale: float) -> NDArray[np.bool_]:
    """Return where level strokes are that are too thin and grey to be ink, as dashes on coarse scans are.

    Along a stroke the grain of the paper averages out; what is then darker than the paper above and below it is no grain.
    """
    sizes = [word.box.height for word in words if any(letter.isdigit() for letter in word.text)]
    if not sizes:
        return np.zeros(pixels.shape[:2], bool)
    size = float(np.median(sizes)) * scale
    along, apart = max(3, round(ALONG * size)), max(2, round(APART * size))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.int16)
    even = np.asarray(cv2.blur(grey, (along, 1)), np.int16)
    paper = np.full_like(even, -1)
    paper[apart:-apart] = np.minimum(even[: -2 * apart], even[2 * apart :])
    strokes = paper - even > FAINT
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)
    kept = stats[:, cv2.CC_STAT_WIDTH] >= LONG_ENOUGH * size
    kept[0] = False  # the paper
    kept[np.unique(labels[(paper - grey > INKY) & strokes])] = False
    return np.asarray(kept[labels])


def lonely_dashes(ink: NDArray[np.bool_], words: Sequence[Word], scale: float) -> list[Word]:
    """Return the dashes outside of `words`. `scale` is pixels per point."""
    figures = [word for word in words if any(letter.isdigit() for letter in word.text)]
    if not figures:
        return []
    left = ink.copy()
    for word in words:
        x0, y0, x1, y1 = (round(edge * scale) for edge in word.box.grow(1.0))
        left[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = False
    count, _, stats, _ = cv2.connectedComponentsWithStats(left.astype(np.uint8), connectivity=8)
    if count > MOST_MARKS:
        return []
    size = float(np.median([word.box.height for word in figures]))
    found = []
    for x, y, width, height, area in stats[1:]:
        box = Box(x / scale, y / scale, (x + width) / scale, (y + height) / scale)
        slender = width >= SLENDER * height and area >= FILLED * width * height
        if slender and SHORTEST * size <= box.width <= LONGEST * size and box.height <= THICKEST * size:
            row = _row_of(box, words, size)
            if (
                row
                and _in_column(box, figures, size)
                and _alone(left, x, y, width, height, round(ALONE * size * scale))
            ):
                found.append(Word("-", Box(box.x0, row.y0, box.x1, row.y1), 0, CONFIDENCE))
    first = max(word.line for word in words) + 1
    return [Word(word.text, word.box, first + number, CONFIDENCE) for number, word in enumerate(found)]


def _row_of(box: Box, words: Sequence[Word], size: float) -> Box | None:
    """Return the box of a word on whose row the mark stands."""
    middle = box.center[1]
    return next(
        (w.box for w in words if abs(w.box.center[1] - middle) <= ON_ROW * size and w.text != "-"), None
    )


def _in_column(box: Box, figures: Sequence[Word], size: float) -> bool:
    return any(
        f.box.x0 - IN_COLUMN * size <= box.x0 and box.x1 <= f.box.x1 + IN_COLUMN * size for f in figures
    )


def _alone(ink: NDArray[np.bool_], x: int, y: int, width: int, height: int, reach: int) -> bool:
    """Tell whether there is no other ink beside the mark, within its height and as much above and below."""
    top, bottom = max(0, y - 2 * height), y + 3 * height
    beside = (
        ink[top:bottom, max(0, x - reach) : x].sum() + ink[top:bottom, x + width : x + width + reach].sum()
    )
    return bool(beside == 0)
