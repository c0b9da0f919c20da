"""Answers which pictures on a page show text that the page's text layer does not hold: scanned tables, pasted pages.

In: the upright page's content and its render function. Out: the boxes of those pictures, in points. Charts, photos and
logos have words too, but not in rows: they are left alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.engine import Pixels, Render
from extractors.pages.ocr import Quads, detect_lines
from schemas.box import Box
from schemas.page import PageContent

PICTURE = 0.06  # of the page; a smaller picture is a logo
LOOK_DPI = 100  # enough to see where lines of text are
TEXT_MARKS = 60  # letter-like marks that make a picture worth a look
MARK_HEIGHT, MARK_WIDTH = (4, 30), 50  # pixels at LOOK_DPI
TABLE_ROWS = 6  # rows of two or more pieces of text, among few rows of one: a chart has fewer
TABLE_SHARE = 0.4  # of all rows
LONG_LINES = 8  # lines over more than LONG of the width: running text
LONG = 0.6
SCAN = 0.6  # of the page; such a picture with hardly a word of the layer's own on it is a scanned page
FEW_WORDS, FEW_LINES = 30, 3


def pictures_of_text(content: PageContent, render: Render) -> list[Box]:
    """Return the boxes of the pictures that show rows or lines of text."""
    page = Box(0.0, 0.0, content.width, content.height)
    found: list[Box] = []
    for picture in content.images:
        box = picture.intersect(page)
        if box.area < PICTURE * page.area or any(
            box.intersect(other).area > 0.5 * box.area for other in found
        ):
            continue
        pixels = render(LOOK_DPI, box).copy()
        grey = _without_known_text(pixels, content, box)
        if _letter_marks(grey) < TEXT_MARKS:
            continue
        lines = detect_lines(pixels)
        sparse = box.area > SCAN * page.area and len(content.words) <= FEW_WORDS and len(lines) >= FEW_LINES
        if sparse or _in_rows(lines, pixels.shape[1]):
            found.append(box)
    return found


def _without_known_text(pixels: Pixels, content: PageContent, box: Box) -> NDArray[np.uint8]:
    """Paint over, in place, what the text layer says inside `box`; return the picture in grey."""
    scale = pixels.shape[1] / box.width
    for word in content.words:
        if box.contains_center(word.box):
            x0, y0 = (word.box.x0 - box.x0) * scale, (word.box.y0 - box.y0) * scale
            x1, y1 = (word.box.x1 - box.x0) * scale, (word.box.y1 - box.y0) * scale
            part = pixels[max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2]
            if part.size:
                part[:] = np.median(part.reshape(-1, 3), axis=0)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _letter_marks(grey: NDArray[np.uint8]) -> int:
    """Count connected marks of the size of letters."""
    ink = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 20)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width, height = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    return int(((height >= MARK_HEIGHT[0]) & (height <= MARK_HEIGHT[1]) & (width <= MARK_WIDTH)).sum())


def _in_rows(quads: Quads, width: int) -> bool:
    """Tell whether the detected pieces of text stand in rows like a table's, or in lines like a page's."""
    if len(quads) == 0:
        return False
    tops, bottoms = quads[:, :, 1].min(axis=1), quads[:, :, 1].max(axis=1)
    lengths = quads[:, :, 0].max(axis=1) - quads[:, :, 0].min(axis=1)
    if int((lengths > LONG * width).sum()) >= LONG_LINES:
        return True
    rows: list[int] = []
    last = (-np.inf, 0.0)
    for top, bottom in sorted(zip(tops, bottoms, strict=True), key=lambda edges: float(edges[0] + edges[1])):
        middle, height = (top + bottom) / 2, bottom - top
        if middle - last[0] < 0.5 * min(height, last[1]):
            rows[-1] += 1
        else:
            rows.append(1)
        last = (middle, height)
    shared = sum(pieces >= 2 for pieces in rows)
    return shared >= TABLE_ROWS and shared >= TABLE_SHARE * len(rows)
