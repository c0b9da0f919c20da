"""Which strips of a page does a reader of single rows look at? Every row of its tables, cut in white, at the size it was trained on.

In: the tables of a page as words and lines give them (their boxes), the page's words, and a way to render it. Out: `RowBand`s, each a
row of a table or a part of one, cut in the white between rows and between cells (between words where a label is too long), and their
images: grey, STRIP_HEIGHT x STRIP_WIDTH pixels, the text TARGET_TEXT pixels high or a little more or less. Boxes are points on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.engine import Pixels, Render
from extractors.pages.rows import Piece, PrintedRow, measure, pieces, printed_rows
from schemas.box import Box, union
from schemas.page import PageContent, Word

STRIP_HEIGHT, STRIP_WIDTH = 32, 768  # pixels, as the reader was trained
TARGET_TEXT = 20.0  # pixels per em where there is room; on drawn strips 16 read half as many rows wrong again
SMALLEST_TEXT = 16.0  # pixels per em below which a row is cut in two rather than made smaller
LINE_HEIGHT = 1.2  # of the text's size, where only the height of words is known
EDGE = 8  # pixels of white left and right of a row
REACH = 0.3  # line heights of the white around a row that its strip shows, at most
FINE = 2.0  # times the strip's resolution at which the page is rendered before it is scaled down
LARGEST_DPI = 300
BRIGHT = 200  # grey level above which the most frequent grey is taken for paper

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RowBand:
    """A row of a table, or the part of one that fits a strip."""

    index: int  # on the page, from 0
    table: int  # which of the page's tables
    box: Box  # points; what the strip shows
    words: tuple[Word, ...]  # printed in it, from left to right
    scale: float  # pixels per point

    @property
    def n_letters(self) -> int:
        """Letters printed in it."""
        return sum(len(word.text) for word in self.words)


def plan_bands(content: PageContent, tables: Sequence[Box]) -> tuple[RowBand, ...]:
    """Return the row bands of the tables at `tables`, table by table, top to bottom and left to right."""
    out: list[RowBand] = []
    every = printed_rows(word for word in content.words if word.text.strip())
    blank = measure(content.words).blank
    for number, table in enumerate(tables):
        rows = printed_rows(
            word for word in content.words if word.text.strip() and table.grow(1.0).contains_center(word.box)
        )
        if not rows:
            continue
        size = _size(word for row in rows for word in row.words)
        for row in rows:
            top, bottom = _white_around(row, every)
            for part in _parts(pieces(row.words, blank), table, size):
                box, scale = _frame(part, table, size, (top, row.box.y0, row.box.y1, bottom))
                out.append(
                    RowBand(len(out), number, box, tuple(w for piece in part for w in piece.words), scale)
                )
    return tuple(out)


def _white_around(row: PrintedRow, rows: Sequence[PrintedRow]) -> tuple[float, float]:
    """Return where to cut above and below a row: half way to its neighbours, or REACH line heights where they are far."""
    reach = REACH * row.box.height
    top, bottom = row.box.y0 - reach, row.box.y1 + reach
    for other in rows:
        if other.box.x1 < row.box.x0 or other.box.x0 > row.box.x1:
            continue
        if other.middle < row.middle and other.box.y1 > top:
            top = (
                min(row.box.y0, (other.box.y1 + row.box.y0) / 2) if other.box.y1 <= row.box.y0 else row.box.y0
            )
        elif other.middle > row.middle and other.box.y0 < bottom:
            bottom = (
                max(row.box.y1, (other.box.y0 + row.box.y1) / 2) if other.box.y0 >= row.box.y1 else row.box.y1
            )
    return top, bottom


def _size(words: Iterable[Word]) -> float:
    """Return the usual size of words in points per em."""
    return max(1.0, median(word.size or word.box.height / LINE_HEIGHT for word in words))


def _parts(row: Sequence[Piece], table: Box, size: float) -> list[list[Piece]]:
    """Cut a row between its cells where its text, `size` points high, would be smaller than SMALLEST_TEXT on one strip."""
    widest = (STRIP_WIDTH - 2 * EDGE) * size / SMALLEST_TEXT
    if row[-1].box.x1 - min(table.x0, row[0].box.x0) <= widest:
        return [list(row)]
    parts: list[list[Piece]] = []
    for piece in (short for whole in row for short in _shortened(whole, widest)):
        if parts and piece.box.x1 - parts[-1][0].box.x0 <= widest:
            parts[-1].append(piece)
        else:
            parts.append([piece])
    return parts


def _shortened(piece: Piece, widest: float) -> list[Piece]:
    """Cut a piece that is wider than `widest` points between its words."""
    runs: list[list[Word]] = []
    for word in piece.words:
        if runs and word.box.x1 - runs[-1][0].box.x0 <= widest:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [Piece(tuple(run), union(word.box for word in run)) for run in runs]


def _frame(
    part: Sequence[Piece], table: Box, size: float, heights: tuple[float, float, float, float]
) -> tuple[Box, float]:
    """Return what a strip shows of the page, and at how many pixels per point.

    A table that fits has one scale for all its rows, and its left edge is that of every strip. `heights` are those of the white above
    the row, of its words, and of the white below them; of the white a strip shows what it has room for.
    """
    box = union(piece.box for piece in part)
    room = STRIP_WIDTH - 2 * EDGE
    whole = table.width * SMALLEST_TEXT / size <= room
    left, right = (min(table.x0, box.x0), max(table.x1, box.x1)) if whole else (box.x0, box.x1)
    white_top, top, bottom, white_bottom = heights
    scale = min(TARGET_TEXT / size, room / (right - left), STRIP_HEIGHT / (bottom - top))
    spare = (STRIP_HEIGHT / scale - (bottom - top)) / 2
    edge = EDGE / scale
    return Box(
        left - edge, max(white_top, top - spare), right + edge, min(white_bottom, bottom + spare)
    ), scale


def draw_bands(bands: Sequence[RowBand], content: PageContent, render: Render) -> list[Pixels]:
    """Return the strips' images as RGB pixels, in order. The page is rendered once for each table and scale."""
    page = Box(0.0, 0.0, content.width, content.height)
    rendered: dict[tuple[int, int], tuple[Grey, Box, float]] = {}
    out = []
    for band in bands:
        dpi = int(min(LARGEST_DPI, max(1, round(FINE * band.scale * 72))))
        key = (band.table, dpi)
        if key not in rendered:
            alike = [b.box for b in bands if b.table == band.table]
            area = union(alike).intersect(page)
            grey = np.asarray(cv2.cvtColor(render(dpi, area), cv2.COLOR_RGB2GRAY), np.uint8)
            rendered[key] = grey, area, grey.shape[1] / area.width
        out.append(_strip(band, *rendered[key]))
    return out


def _strip(band: RowBand, grey: Grey, area: Box, fine: float) -> Pixels:
    """Cut a band out of a rendered area (`fine` pixels per point) and put it in the middle of a strip."""
    x0, x1 = (round((x - area.x0) * fine) for x in (max(band.box.x0, area.x0), min(band.box.x1, area.x1)))
    y0, y1 = (round((y - area.y0) * fine) for y in (max(band.box.y0, area.y0), min(band.box.y1, area.y1)))
    cut = grey[max(0, y0) : max(y0 + 1, y1), max(0, x0) : max(x0 + 1, x1)]
    factor = band.scale / fine
    wide = min(STRIP_WIDTH, max(1, round(cut.shape[1] * factor)))
    high = min(STRIP_HEIGHT, max(1, round(cut.shape[0] * factor)))
    small = cv2.resize(cut, (wide, high), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    paper = int(np.median(small))
    canvas = np.full((STRIP_HEIGHT, STRIP_WIDTH), paper if paper > BRIGHT else 255, np.uint8)
    top = (STRIP_HEIGHT - high) // 2
    canvas[top : top + high, :wide] = small
    return np.repeat(canvas[:, :, None], 3, axis=2)
