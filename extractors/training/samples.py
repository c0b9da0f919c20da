"""What can a model be taught from one page? Images with the answers that a perfect reader would give.

In: a page's content, a way to render it, and its tables as `TrueTable`s whose cells say whether they may be believed. Out: `Sample`s,
either tiles as a large model sees them (task "table") or strips of one row (task "row"). An image is used only when everything that
it shows is true: every cell in it verified, and every printed figure inside one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from extractors.engine import Pixels, Render
from extractors.pages.rows import has_digits, is_mark, joined
from extractors.training.drawing import PAGE_DPI, DrawnPage
from extractors.vision.bands import RowBand, draw_bands, plan_bands
from extractors.vision.grounding import LEADER
from extractors.vision.tiling import Tile, compose, plan_tiles
from schemas.box import Box, union
from schemas.page import PageContent, Word
from schemas.reading import JOINED_LEFT, JOINED_UP

POINTS = 72 / PAGE_DPI  # points per pixel of a drawn page

TaskKind = Literal["table", "row"]


@dataclass(frozen=True, slots=True)
class TrueCell:
    """A cell of a table on one page: its place in the grid and on the page (points), its text, and whether it is true."""

    row: int
    col: int
    text: str
    box: Box
    verified: bool
    row_span: int = 1
    col_span: int = 1
    corrected: bool = False  # by a person; the page's own words may say something else


@dataclass(frozen=True, slots=True)
class TrueTable:
    """The part of a table that stands on one page."""

    title: str | None
    n_columns: int
    head: int  # header rows, counted from row 0
    cells: tuple[TrueCell, ...]

    @property
    def box(self) -> Box:
        """Around all its cells."""
        return union(cell.box for cell in self.cells)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image, what it is asked for, and the right answer as compact JSON."""

    image: Pixels
    task: TaskKind
    answer: str
    tile: int  # of the page, from 0
    corrected: bool  # a person's correction is part of the answer


def tile_samples(content: PageContent, render: Render, tables: Sequence[TrueTable]) -> Iterator[Sample]:
    """Return the tiles of a page whose tables are verified as a whole."""
    for tile in plan_tiles(content):
        shown = [cell for table in tables for cell in table.cells if _shows(tile, cell.box)]
        printed = [word for word in content.words if _shows(tile, word.box)]
        if not shown or not _all_true(shown, printed):
            continue
        answer = {"tables": [part for part in (_part(table, tile) for table in tables) if part]}
        corrected = any(cell.corrected for cell in shown)
        yield Sample(compose(tile, render), "table", _compact(answer), tile.index, corrected)


def row_samples(content: PageContent, render: Render, tables: Sequence[TrueTable]) -> Iterator[Sample]:
    """Return the strips of a page's table rows that are verified as a whole."""
    tables = [table for table in tables if table.cells]
    bands = plan_bands(content, [table.box for table in tables])
    told = [(band, _row(band, tables[band.table])) for band in bands]
    kept = [(band, cells) for band, cells in told if cells]
    for (band, cells), image in zip(
        kept, draw_bands([band for band, _ in kept], content, render), strict=True
    ):
        texts = [text for text, _ in cells]
        first = cells[0][1]
        answer = texts if first.col == 0 else ["", *texts]
        corrected = any(cell.corrected for _, cell in cells)
        yield Sample(image, "row", _compact(answer), band.index, corrected)


def _compact(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _shows(tile: Tile, box: Box) -> bool:
    return any(part.contains_center(box) for part in tile.parts)


def _all_true(cells: Sequence[TrueCell], printed: Sequence[Word]) -> bool:
    """Tell whether all cells are verified, and every figure stands in one of them."""
    return all(cell.verified for cell in cells) and all(
        any(cell.box.grow(1.0).contains_center(word.box) for cell in cells)
        for word in printed
        if has_digits(word.text)
    )


def _part(table: TrueTable, tile: Tile) -> dict[str, object] | None:
    """Return what a tile shows of a table, as a `ReadTable`; None when it shows nothing."""
    shown = sorted({cell.row for cell in table.cells if _shows(tile, cell.box)})
    if not shown:
        return None
    at = {row: i for i, row in enumerate(shown)}
    rows = [[""] * table.n_columns for _ in shown]
    for cell in table.cells:
        if cell.row not in at:
            continue
        for down in range(cell.row_span):
            for right in range(cell.col_span):
                if cell.row + down in at and cell.col + right < table.n_columns:
                    mark = JOINED_LEFT if right else JOINED_UP
                    rows[at[cell.row + down]][cell.col + right] = mark if down or right else cell.text
    head = sum(row < table.head for row in shown)
    return {"title": table.title if head and tile.carried is None else None, "head": head, "rows": rows}


def _row(band: RowBand, table: TrueTable) -> list[tuple[str, TrueCell]]:
    """Return the texts of a strip with their cells, left to right; empty when not all of them are known to be true."""
    words: dict[int, list[Word]] = {}
    for word in band.words:
        if LEADER.fullmatch(word.text):
            continue
        holding = [i for i, cell in enumerate(table.cells) if cell.box.grow(0.5).contains_center(word.box)]
        if not holding:
            return []
        words.setdefault(min(holding, key=lambda i: table.cells[i].box.area), []).append(word)
    out = []
    for number, own in words.items():
        cell = table.cells[number]
        alone = cell.box.height < 1.6 * max(word.box.height for word in own)
        if not cell.verified or (cell.corrected and not alone) or any(is_mark(word.text) for word in own):
            return []
        out.append((cell.text if cell.corrected else joined(own), cell))
    return out


def drawn_content(page: DrawnPage) -> PageContent:
    """Return a drawn page's words and size in points, as a text layer would give them."""
    high, wide = page.image.shape
    words: list[Word] = []
    for number, table in enumerate(page.tables):
        for cell in table.cells:
            words.extend(_words(cell.text, _points(cell.box), 1000 * number + cell.row))
    return PageContent(1, wide * POINTS, high * POINTS, 0, "text_layer", tuple(words))


def drawn_tables(page: DrawnPage) -> list[TrueTable]:
    """Return a drawn page's tables in points; all of it is true."""
    return [
        TrueTable(
            None,
            table.n_columns,
            table.n_header_rows,
            tuple(TrueCell(c.row, c.col, c.text, _points(c.box), True) for c in table.cells),
        )
        for table in page.tables
    ]


def drawn_render(page: DrawnPage) -> Render:
    """Return the function that renders a drawn page, or a region of it in points."""

    def render(dpi: int, region: Box | None) -> Pixels:
        high, wide = page.image.shape
        box = region or Box(0, 0, wide * POINTS, high * POINTS)
        x0, y0, x1, y1 = (round(side / POINTS) for side in box)
        cut = page.image[max(0, y0) : max(1, y1), max(0, x0) : max(1, x1)]
        size = max(1, round(cut.shape[1] * dpi / PAGE_DPI)), max(1, round(cut.shape[0] * dpi / PAGE_DPI))
        way = cv2.INTER_AREA if dpi < PAGE_DPI else cv2.INTER_CUBIC
        return np.repeat(
            np.asarray(cv2.resize(cut, size, interpolation=way), np.uint8)[:, :, None], 3, axis=2
        )

    return render


def _points(box: tuple[float, float, float, float]) -> Box:
    return Box(*(side * POINTS for side in box))


def _words(text: str, box: Box, line: int) -> Iterator[Word]:
    """Cut a text at its blanks, its box in proportion to the letters."""
    step, at = box.width / max(1, len(text)), 0
    for token in text.split(" "):
        if token:
            yield Word(
                token, Box(box.x0 + at * step, box.y0, box.x0 + (at + len(token)) * step, box.y1), line
            )
        at += len(token) + 1
