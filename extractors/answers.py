"""Turn what the model answered about the tiles of one band into tables, checked against what is printed there.

In: the band's tiles with their `TileReading`s, and the page's content. Out: a `BandReading`: the tables, and what is to be said of
them. An answer that holds less than half of the printed figures is not of this page: the geometry engine reads the band instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from extractors.geometry import read_tables
from extractors.grounding import fold, ground_table
from extractors.merging import TileTable, merge_tiles
from extractors.rows import Piece, has_digits, measure, pieces, printed_rows
from extractors.tiling import YEAR, Tile
from schemas.box import Box, union
from schemas.page import PageContent, TableFragment, Word
from schemas.reading import ReadTable, TileAnswer

MIN_AGREEMENT = (
    0.5  # of the printed figures that the model must have read; below it its answer is not of this page
)
MIN_FIGURES = 3  # printed figures below which agreement says nothing
MIN_TITLE = 0.8  # of a title's words that must be printed on the page
REACH = (
    2.5  # line heights from a table within which a figure in its columns should have been read as part of it
)
ALIGNED = 2.0  # points between the edges of figures that stand in one column
EXAMPLES = 5  # unread figures that a message names
FALLBACK = "The geometry engine read this part of the page; look over its cells."


@dataclass(frozen=True)
class TileReading:
    """What the model answered about a tile, valid and complete."""

    tile: Tile
    answer: TileAnswer
    confidence: dict[
        tuple[str | int, ...], float
    ]  # probability of the least likely token, by path in the answer


@dataclass(frozen=True)
class BandReading:
    """The tables of a band; `complaint` says what a person must know of them, `raw` is the answer it is about."""

    fragments: tuple[TableFragment, ...]
    complaint: str | None = None
    raw: str | None = None


def read_band(tiles: Sequence[Tile], readings: Sequence[TileReading], content: PageContent) -> BandReading:
    """Return the tables of a band, all of whose tiles have a reading (of the whole or of its parts, top to bottom)."""
    placed: list[tuple[Tile, list[TileTable]]] = []
    claimed: set[int] = set()
    for reading in readings:
        tables, taken = _place(reading, content)
        placed.append((reading.tile, tables))
        claimed |= taken
    figures = _figures(tiles, content)
    unread = [i for i in figures if i not in claimed]
    if len(figures) >= MIN_FIGURES and len(unread) > (1 - MIN_AGREEMENT) * len(figures):
        read = len(figures) - len(unread)
        message = f"The model read {read} of the {len(figures)} figures printed here. {FALLBACK}"
        raw = "\n".join(reading.answer.model_dump_json() for reading in readings)
        why = "the vision model's answer does not fit what is printed here"
        return BandReading(read_by_geometry(tiles, content, why), message, raw)
    fragments = merge_tiles(placed, content.page)
    missing = [
        word for word in (content.words[i] for i in unread) if any(_belongs(word, f) for f in fragments)
    ]
    if not missing:
        return BandReading(fragments)
    some = ", ".join(word.text for word in missing[:EXAMPLES])
    left_out = f"The model left out {len(missing)} of the {len(figures)} figures printed here ({some}); compare with the page."
    return BandReading(fragments, left_out)


def _belongs(word: Word, table: TableFragment) -> bool:
    """Tell whether a printed figure stands in one of a table's columns, inside the table or just above or below it."""
    if not table.box.grow(0.0, REACH * word.box.height).contains_center(word.box):
        return False
    edges = [c.value_box for c in table.cells if c.value_box and c.col_span == 1]
    return any(abs(e.x1 - word.box.x1) < ALIGNED or abs(e.x0 - word.box.x0) < ALIGNED for e in edges)


def _place(reading: TileReading, content: PageContent) -> tuple[list[TileTable], set[int]]:
    """Place the tables of a tile on the page; return them and the indices of the page's words that they read."""
    tile = reading.tile
    free = [i for i, word in enumerate(content.words) if any(p.contains_center(word.box) for p in tile.parts)]
    area = tile.body
    taken: set[int] = set()
    tables = []
    for t, table in enumerate(reading.answer.tables):
        if not any(text.strip() for row in table.rows for text in row):
            continue
        odds = [
            [reading.confidence.get(("tables", t, "rows", r, c), 1.0) for c in range(len(row))]
            for r, row in enumerate(table.rows)
        ]
        placed = ground_table(
            table.rows, [content.words[i] for i in free], content.text_source, content.page, area, odds
        )
        taken |= {free[k] for k in placed.claimed}
        free = [i for i in free if i not in taken]
        tables.append(
            TileTable(tile, placed, _printed_title(table, content), min(table.head, len(table.rows)))
        )
    return tables, taken


def _printed_title(table: ReadTable, content: PageContent) -> str | None:
    """Return a title only when the page bears it out, or has no words to do so."""
    title = " ".join((table.title or "").split())
    if not title or not content.words:
        return title or None
    printed = {fold(word.text) for word in content.words}
    words = title.split()
    return title if sum(fold(word) in printed for word in words) >= MIN_TITLE * len(words) else None


def _figures(tiles: Sequence[Tile], content: PageContent) -> list[int]:
    """Return the indices of the words that print figures in the columns of a band: what a reading must contain."""
    band = union(tile.body for tile in tiles)
    number = {id(word): i for i, word in enumerate(content.words)}
    rows = printed_rows(
        word for word in content.words if word.text.strip() and band.contains_center(word.box)
    )
    blank = measure(content.words).blank
    return [number[id(word)] for row in rows for word in _figures_of(pieces(row.words, blank))]


def _figures_of(row: Sequence[Piece]) -> Iterable[Word]:
    for piece in row[1:]:
        if piece.numeric and not YEAR.fullmatch(piece.text):
            yield from (word for word in piece.words if has_digits(word.text))


def read_by_geometry(tiles: Sequence[Tile], content: PageContent, why: str) -> tuple[TableFragment, ...]:
    """Read a band by words and lines alone, and say so on every cell."""
    band: Box = union(tile.body for tile in tiles)
    part = replace(
        content,
        words=tuple(word for word in content.words if band.contains_center(word.box)),
        rules=tuple(r for r in content.rules if band.y0 <= (r.y0 + r.y1) / 2 <= band.y1),
    )
    note = f"read by geometry: {why}"
    return tuple(
        fragment.model_copy(
            update={
                "cells": tuple(cell.model_copy(update={"note": cell.note or note}) for cell in fragment.cells)
            }
        )
        for fragment in read_tables(part)
    )
