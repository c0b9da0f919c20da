"""Turn what the model answered about the tiles of one band into tables, checked against what is printed there.

In: the band's tiles with their `TileReading`s, and the page's content. Out: a `BandReading`: the tables, and what is to be said of
them. A tile without an answer, or with one that holds less than half of the printed figures, is read by the geometry engine instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from extractors.geometry.engine import read_tables
from extractors.pages.rows import Piece, has_digits, measure, pieces, printed_rows
from extractors.vision.grounding import GroundedTable, fold, ground_table
from extractors.vision.merging import TileTable, merge_tiles
from extractors.vision.tiling import YEAR, Tile
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
NO_ANSWER = "the vision model gave no usable answer here"
NO_FIT = "the vision model's answer does not fit what is printed here"
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
class Complaint:
    """What a person must know of the reading of one tile; `raw` is the answer it is about."""

    tile: int
    message: str
    raw: str | None = None


@dataclass(frozen=True)
class BandReading:
    """The tables of a band, and what is to be said of them."""

    fragments: tuple[TableFragment, ...]
    complaints: tuple[Complaint, ...] = ()


def read_band(
    tiles: Sequence[Tile], readings: Sequence[TileReading], content: PageContent, lost: Sequence[Tile] = ()
) -> BandReading:
    """Return the tables of a band from the answers about its tiles, or about parts of them.

    The geometry engine reads the parts that are `lost` (the model gave no answer), and those of which its answer holds less
    than half of the printed figures. Only those parts: what the model read beside them stands.
    """
    parts: list[_Part] = [_Part(tile, None, NO_ANSWER) for tile in lost]
    complaints: list[Complaint] = []
    for reading in readings:
        tables, taken = _place(reading, content)
        figures = _figures([reading.tile], content)
        read = len(taken.intersection(figures))
        if len(figures) >= MIN_FIGURES and read < MIN_AGREEMENT * len(figures):
            parts.append(_Part(reading.tile, None, NO_FIT))
            message = f"The model read {read} of the {len(figures)} figures printed here. {FALLBACK}"
            complaints.append(Complaint(reading.tile.index, message, reading.answer.model_dump_json()))
        else:
            parts.append(_Part(reading.tile, tables, "", taken))
    parts.sort(key=lambda part: part.tile.body.y0)
    if all(part.tables is None for part in parts):
        return BandReading(read_by_geometry(tiles, content, parts[0].why), tuple(complaints))
    parts = _fallen_back(parts, content)
    claimed = set().union(*(part.taken for part in parts))
    fragments = merge_tiles([(part.tile, part.tables or ()) for part in parts], content.page)
    printed = _figures(tiles, content)
    missing = [content.words[i] for i in printed if i not in claimed]
    missing = [word for word in missing if any(_belongs(word, f) for f in fragments)]
    if missing:
        some = ", ".join(word.text for word in missing[:EXAMPLES])
        left_out = f"The model left out {len(missing)} of the {len(printed)} figures printed here ({some}); compare with the page."
        complaints.append(Complaint(tiles[0].index, left_out))
    return BandReading(fragments, tuple(complaints))


@dataclass(frozen=True)
class _Part:
    """A tile of a band, with its tables; without them the geometry engine is to read it."""

    tile: Tile
    tables: list[TileTable] | None
    why: str
    taken: frozenset[int] = frozenset()  # indices of the page's words that its tables hold


def _fallen_back(parts: Sequence[_Part], content: PageContent) -> list[_Part]:
    """Let the geometry engine read the parts without tables, neighbours together."""
    out: list[_Part] = []
    for part in parts:
        if part.tables is None and out and out[-1].tables is None and out[-1].why == part.why:
            body = union((out[-1].tile.body, part.tile.body))
            out[-1] = replace(out[-1], tile=replace(out[-1].tile, body=body))
        else:
            out.append(part)
    return [part if part.tables is not None else _by_geometry(part, content) for part in out]


def _by_geometry(part: _Part, content: PageContent) -> _Part:
    """Read one part by words and lines; where it continues a table it has no header rows of its own."""
    body = part.tile.body
    tables = []
    for fragment in read_by_geometry([part.tile], content, part.why):
        head = fragment.n_header_rows if part.tile.carried is None else 0
        rows = (None,) * fragment.n_rows
        placed = GroundedTable(fragment.cells, fragment.n_rows, fragment.n_cols, fragment.box, rows)
        tables.append(TileTable(part.tile, placed, fragment.title, head))
    taken = frozenset(i for i, word in enumerate(content.words) if body.contains_center(word.box))
    return replace(part, tables=tables, taken=taken)


def _belongs(word: Word, table: TableFragment) -> bool:
    """Tell whether a printed figure stands in one of a table's columns, inside the table or just above or below it."""
    if not table.box.grow(0.0, REACH * word.box.height).contains_center(word.box):
        return False
    edges = [c.value_box for c in table.cells if c.value_box and c.col_span == 1]
    return any(abs(e.x1 - word.box.x1) < ALIGNED or abs(e.x0 - word.box.x0) < ALIGNED for e in edges)


def _place(reading: TileReading, content: PageContent) -> tuple[list[TileTable], frozenset[int]]:
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
    return tables, frozenset(taken)


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
