"""Put together what the tiles of one band gave: tables that were cut are joined again, carried headers dropped.

In: per tile its tables, placed on the page (`TileTable`). Out: `TableFragment`s, top to bottom. Nothing is lost: a table that
cannot be joined with the one above stays a table of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from extractors.vision.grounding import GroundedTable
from extractors.vision.tiling import Tile
from schemas.box import Box, union
from schemas.page import ReadCell, TableFragment

CARRIED_SHARE = (
    0.5  # of a row's placed cells that must stand in the carried strip for it to be the carried header
)


@dataclass(frozen=True)
class TileTable:
    """A table of one tile: placed on the page, with its title and the number of its header rows."""

    tile: Tile
    placed: GroundedTable
    title: str | None
    head: int


@dataclass
class _Growing:
    title: str | None
    head: int
    cells: list[ReadCell]
    n_rows: int
    n_columns: int


def merge_tiles(tiles: Sequence[tuple[Tile, Sequence[TileTable]]], page: int) -> tuple[TableFragment, ...]:
    """Return the tables of a band from those of its tiles, which are given top to bottom."""
    out: list[_Growing] = []
    for number, (_, tables) in enumerate(tiles):
        for place, table in enumerate(tables):
            rows, mapping = _own_rows(table), None
            if number > 0 and place == 0 and out and _goes_on(table, rows, len(tiles[number - 1][1])):
                mapping = _columns(out[-1], table)
            if mapping is None:  # a table of its own keeps the carried header
                rows = list(range(table.placed.n_rows))
                out.append(_Growing(table.title, table.head, [], 0, 0))
                mapping = {c: c for c in range(table.placed.n_columns)}
            _append(out[-1], table, rows, mapping)
    return tuple(_fragment(table, page) for table in out if table.cells)


def _own_rows(table: TileTable) -> list[int]:
    """Return the rows that are not the carried header."""
    carried = table.tile.carried
    rows = list(range(table.placed.n_rows))
    if carried is None:
        return rows
    return [row for row in rows if not _is_carried(row, table.placed, carried, table.tile.body)]


def _is_carried(row: int, placed: GroundedTable, carried: Box, body: Box) -> bool:
    boxes = [cell.box for cell in placed.cells if cell.row == row]
    above = sum(carried.contains_center(box) and not body.contains_center(box) for box in boxes)
    return bool(boxes) and above >= CARRIED_SHARE * len(boxes)


def _goes_on(table: TileTable, rows: Sequence[int], n_before: int) -> bool:
    """Tell whether a tile's first table, of which `rows` are its own, is the rest of the last one of the tile above."""
    if n_before == 0:
        return False
    had_carried = len(rows) < table.placed.n_rows
    return had_carried or (table.head == 0 and table.title is None)


def _columns(above: _Growing, below: TileTable) -> dict[int, int] | None:
    """Return which column of the table above each column below goes on; None when they do not stand under each other."""
    if below.placed.n_columns == above.n_columns:
        return {c: c for c in range(above.n_columns)}
    upper, lower = _edges(above.cells), _edges(below.placed.cells)
    mapping: dict[int, int] = {}
    for c in range(below.placed.n_columns):
        if c not in lower:
            continue
        x0, x1 = lower[c]
        shared = {k: min(x1, b) - max(x0, a) for k, (a, b) in upper.items()}
        best = max(shared, key=lambda k: shared[k], default=None)
        if best is None or shared[best] <= 0 or best in mapping.values():
            return None
        mapping[c] = best
    ordered = [mapping[c] for c in sorted(mapping)]
    placed = all(
        cell.col in mapping for cell in below.placed.cells
    )  # joined cells alone do not show a column's edges
    return mapping if placed and ordered == sorted(ordered) else None


def _edges(cells: Sequence[ReadCell]) -> dict[int, tuple[float, float]]:
    """Return the left and right edge of each column, from cells of one column with words of their own."""
    boxes: dict[int, list[Box]] = {}
    for cell in cells:
        if cell.col_span == 1:
            boxes.setdefault(cell.col, []).append(cell.box)
    return {c: (min(b.x0 for b in part), max(b.x1 for b in part)) for c, part in boxes.items()}


def _append(grown: _Growing, table: TileTable, rows: Sequence[int], mapping: dict[int, int]) -> None:
    place = {row: grown.n_rows + i for i, row in enumerate(rows)}
    for cell in table.placed.cells:
        if cell.row in place and cell.col in mapping:
            grown.cells.append(cell.model_copy(update={"row": place[cell.row], "col": mapping[cell.col]}))
    grown.n_rows += len(rows)
    grown.n_columns = max(grown.n_columns, 1 + max(mapping.values(), default=0))


def _fragment(table: _Growing, page: int) -> TableFragment:
    cells = sorted(table.cells, key=lambda cell: (cell.row, cell.col))
    return TableFragment(
        page=page,
        box=union(cell.box for cell in cells),
        n_rows=table.n_rows,
        n_cols=table.n_columns,
        n_header_rows=min(table.head, table.n_rows),
        cells=tuple(cells),
        title=table.title,
        engine="vision",
        confidence=round(fmean(cell.confidence for cell in cells), 6),
    )
