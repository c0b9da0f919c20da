"""How a table with a ruled grid is read: which words stand in which ruled cell, and where a ruled row holds several.

In: a `Grid` and the words inside it. Out: a `Draft`, or None where the lines are a frame, a chart or a decoration.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from extractors.columns import Placed
from extractors.draft import Draft, DraftCell, compact, holds_value, settled
from extractors.rows import Measure, Piece, PrintedRow, has_digits, joined, pieces, printed_rows
from extractors.rulings import Grid, GridCell
from extractors.wrap import row_groups
from schemas.box import Box, union
from schemas.page import Word

LUMPS = 0.15  # of the cells; where more hold several columns, the lines are no grid of cells
FAR = 1.0  # line heights; headings of one ruled cell farther apart than this belong to different columns
FEW_BANDS = 3  # ruled rows; a grid of so few has several rows in each, parted by blank lines
BLANK_LINE = 0.8  # line heights of white between two printed lines: a line is left out
FILLED = 0.4  # of the ruled cells; a grid with less text is a chart or a form


def read_ruled(grid: Grid, words: Sequence[Word], scale: Measure) -> Draft | None:
    """Read the table that `grid` rules."""
    inside = _by_cell(grid, words)
    cells = [cell for cell in grid.cells if cell in inside]
    if (
        len({cell.left for cell in cells}) < 2
        or len({cell.top for cell in cells}) < 2
        or len(cells) < FILLED * len(grid.cells)
    ):
        return None
    lumps = {cell for cell in cells if _lump(inside[cell], scale)}
    if len(lumps) > LUMPS * len(cells):
        return None
    cells = _without_title_and_notes(cells, grid)
    for cell in [cell for cell in cells if cell.right > cell.left]:
        parts = _unruled_parts(cell, grid, inside[cell], scale)
        if parts:
            cells.remove(cell)
            cells.extend(parts)
            inside.update(parts)
    few_bands = len({cell.top for cell in cells}) <= FEW_BANDS
    drafts: list[DraftCell] = []
    row = 0
    starts: dict[int, int] = {}
    for band in sorted({cell.top for cell in cells}):
        starts[band] = row
        row += _subrows(band, [c for c in cells if c.top == band], inside, drafts, row, scale, few_bands)
    starts[max(cell.bottom for cell in cells) + 1] = row
    for draft in drafts:
        if draft.row_span < 0:  # spans ruled bands: known once all bands are split
            later = [start for band, start in starts.items() if band > -draft.row_span]
            draft.row_span = min(later, default=row) - draft.row
    drafts = settled(drafts)
    n_rows, n_cols = compact(drafts)
    lefts = [min(c.box.x0 for c in drafts if c.col == col) for col in range(n_cols)]
    return Draft(drafts, n_rows, n_cols, _header_rows(drafts, n_rows), lefts)


def _lump(words: Sequence[Word], scale: Measure) -> bool:
    """Tell whether a ruled cell holds several columns: on one of its lines values stand apart from what is before."""
    return any(
        any(piece.numeric for piece in pieces(row.words, scale.blank)[1:])
        for row in printed_rows(words)
        if len(row.words) > 1
    )


def _unruled_parts(
    cell: GridCell, grid: Grid, words: Sequence[Word], scale: Measure
) -> dict[GridCell, list[Word]]:
    """Cut a ruled cell over several columns whose one line holds headings far apart; empty where it is one heading."""
    rows = printed_rows(words)
    cut = pieces(rows[0].words, scale.blank) if len(rows) == 1 else []
    n_columns = cell.right - cell.left + 1
    apart = all(b.box.x0 - a.box.x1 > FAR * scale.height for a, b in zip(cut, cut[1:], strict=False))
    if len(cut) < 2 or n_columns % len(cut) or not apart:
        return {}
    wide = n_columns // len(cut)
    parts = {}
    for number, piece in enumerate(cut):
        left = cell.left + number * wide
        box = Box(grid.xs[left], cell.box.y0, grid.xs[left + wide], cell.box.y1)
        parts[GridCell(cell.top, cell.bottom, left, left + wide - 1, box)] = list(piece.words)
    return parts


def _by_cell(grid: Grid, words: Sequence[Word]) -> dict[GridCell, list[Word]]:
    inside: dict[GridCell, list[Word]] = defaultdict(list)
    for word in words:
        for cell in grid.cells:
            if cell.box.contains_center(word.box):
                inside[cell].append(word)
                break
    return inside


def _without_title_and_notes(cells: list[GridCell], grid: Grid) -> list[GridCell]:
    """Leave out rows over the whole width at the top (title) and at the bottom (notes)."""
    n_columns = len(grid.xs) - 1
    whole = {cell.top for cell in cells if cell.right - cell.left + 1 == n_columns}
    bands = sorted({cell.top for cell in cells})
    while len(bands) > 2 and bands[0] in whole:
        bands.pop(0)
    while len(bands) > 2 and bands[-1] in whole:
        bands.pop()
    return [cell for cell in cells if cell.top in set(bands)]


def _subrows(
    band: int,
    cells: Sequence[GridCell],
    inside: dict[GridCell, list[Word]],
    drafts: list[DraftCell],
    row: int,
    scale: Measure,
    few_bands: bool,
) -> int:
    """Read one ruled band into `drafts`; return how many rows of the table it holds."""
    single = [cell for cell in cells if cell.bottom == band]
    values = [_value_lines(inside[cell]) for cell in single if cell.left > 0]
    blocks = _blocks(single, inside, scale.height) if few_bands else []
    if len(blocks) > 1:
        for number, block in enumerate(blocks):
            drafts.extend(
                DraftCell(w, row + number, c.left, 1, c.right - c.left + 1) for c, w in block.items()
            )
        drafts.extend(
            DraftCell(inside[c], row, c.left, -c.bottom, c.right - c.left + 1)
            for c in cells
            if c.bottom > band
        )
        return len(blocks)
    if not single or max(values, default=0) < 2:
        drafts.extend(
            DraftCell(inside[c], row, c.left, -c.bottom if c.bottom > band else 1, c.right - c.left + 1)
            for c in cells
        )
        return 1
    rows = printed_rows(word for cell in single for word in inside[cell])
    owner = {id(word): cell for cell in single for word in inside[cell]}
    placed = [_placed(line, owner) for line in rows]
    groups = row_groups(placed, scale)
    for number, group in enumerate(groups):
        parts: dict[GridCell, list[Word]] = defaultdict(list)
        for index in group:
            for word in rows[index].words:
                parts[owner[id(word)]].append(word)
        drafts.extend(DraftCell(w, row + number, c.left, 1, c.right - c.left + 1) for c, w in parts.items())
    drafts.extend(
        DraftCell(inside[c], row, c.left, -c.bottom, c.right - c.left + 1) for c in cells if c.bottom > band
    )
    return len(groups)


def _blocks(
    cells: Sequence[GridCell], inside: dict[GridCell, list[Word]], height: float
) -> list[dict[GridCell, list[Word]]]:
    """The words of a ruled band, cut at every blank line that goes through all its cells."""
    owned = sorted(((word, cell) for cell in cells for word in inside[cell]), key=lambda pair: pair[0].box.y0)
    blocks: list[dict[GridCell, list[Word]]] = []
    bottom = -math.inf
    for word, cell in owned:
        if word.box.y0 - bottom > BLANK_LINE * height:
            blocks.append(defaultdict(list))
        blocks[-1][cell].append(word)
        bottom = max(bottom, word.box.y1)
    return blocks


def _value_lines(words: Sequence[Word]) -> int:
    """How many lines of a cell are numbers, if all are."""
    lines = [joined(row.words) for row in printed_rows(words)]
    return len(lines) if all(has_digits(line) for line in lines) else 0


def _placed(line: PrintedRow, owner: dict[int, GridCell]) -> list[Placed]:
    parts: dict[GridCell, list[Word]] = defaultdict(list)
    for word in line.words:
        parts[owner[id(word)]].append(word)
    return [
        Placed(Piece(tuple(words), union(word.box for word in words)), cell.left, cell.right)
        for cell, words in parts.items()
    ]


def _header_rows(cells: Sequence[DraftCell], n_rows: int) -> int:
    """Rows above the first one with a value beside its label; one where no row has any."""
    for row in range(n_rows):
        if holds_value(cell.text for cell in cells if cell.row == row and cell.col > 0):
            return row
    return min(1, n_rows - 1)
