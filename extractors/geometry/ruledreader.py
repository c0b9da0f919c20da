"""How a table with a ruled grid is read: which words stand in which ruled cell, and where a ruled row holds several.

In: a `Grid` and the words inside it. Out: a `Draft`, or None where the lines are a frame, a chart or a decoration.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from extractors.geometry.captions import CAPTION
from extractors.geometry.columns import Placed
from extractors.geometry.draft import Draft, DraftCell, compact, holds_value, settled
from extractors.geometry.rulings import Grid, GridCell
from extractors.geometry.wrap import row_groups
from extractors.pages.rows import (
    Measure,
    Piece,
    PrintedRow,
    has_digits,
    is_value,
    joined,
    pieces,
    printed_rows,
)
from schemas.box import Box, union
from schemas.page import Word

LUMPS = 0.15  # of the cells; where more hold several columns, the lines are no grid of cells
BROKEN = (
    0.1  # of the cells; where more reach over rows that others keep apart, lines of a scan were not found
)
FAR = 1.0  # line heights; headings of one ruled cell farther apart than this belong to different columns
HEADER_REACH = 1.5  # line heights; the middle of a header row without rules is this close to its grid
ALIGNED = 0.5  # line heights between the right ends of values of one column
LEAST_ROWS = 2  # printed rows in a grid that a row above it may belong to
FEW_BANDS = 3  # ruled rows; a grid of so few has several rows in each, parted by blank lines
BLANK_LINE = 0.8  # line heights of white between two printed lines: a line is left out
FILLED = 0.4  # of the ruled cells; a grid with less text is a chart or a form

Inside = dict[GridCell, list[Word]]  # the words of ruled cells


def read_ruled(grid: Grid, words: Sequence[Word], scale: Measure, scanned: bool = False) -> Draft | None:
    """Read the table that `grid` rules; of a scan, only where its lines were found well enough to go by."""
    inside = _by_cell(grid, words)
    if not _is_filled(grid, inside, scale) or (scanned and _is_broken(grid, inside)):
        return None
    cells = _without_title_and_notes(inside, grid)
    for cell in [cell for cell in cells if cell.right > cell.left]:
        parts = _unruled_parts(cell, grid, inside[cell], scale)
        if parts:
            cells.remove(cell)
            cells.extend(parts)
            inside.update(parts)
    cells = _with_children(cells, inside, grid, scale)
    drafts = settled(_drafts(cells, inside, scale))
    n_rows, n_cols = compact(drafts)
    lefts = [min(c.box.x0 for c in drafts if c.col == col) for col in range(n_cols)]
    return Draft(drafts, n_rows, n_cols, _header_rows(drafts, n_rows), lefts)


def with_rows_beside(grid: Grid, rows: Sequence[PrintedRow], scale: Measure) -> Grid:
    """Return the grid with one more band for a row right above or below it that belongs to its columns.

    Above, such a row has headings for the columns; above or below, a label and values that end where values of the grid end, with no
    other row of values behind it. Rules around a single row set off a total within a table, and are no grid of their own.
    """
    inside = [row for row in rows if grid.ys[0] < row.middle < grid.ys[-1]]
    if len(inside) < LEAST_ROWS:
        return grid
    ends = [p.box.x1 for row in inside for p in pieces(row.words, scale.blank) if p.numeric]
    reach = HEADER_REACH * scale.height
    for number, row in enumerate(rows):
        over, under = 0 <= grid.ys[0] - row.middle <= reach, 0 <= row.middle - grid.ys[-1] <= reach
        if not (over or under):
            continue
        cut = [p for p in pieces(row.words, scale.blank) if grid.xs[0] <= p.box.center[0] <= grid.xs[-1]]
        columns = {bisect(grid.xs, piece.box.center[0]) for piece in cut}
        if CAPTION.match(joined(row.words)) or len(cut) < 2 or len(columns) < len(cut):
            continue
        if any(piece.numeric for piece in cut):
            behind = rows[max(0, number - 1) : number] if over else rows[number + 1 : number + 2]
            if _goes_on(cut, grid, ends, scale) and not any(_near_values(row, r, scale) for r in behind):
                grid = _one_band_more(grid, row, over)
        elif over:
            grid = _one_band_more(grid, row, over)
    return grid


def _one_band_more(grid: Grid, row: PrintedRow, over: bool) -> Grid:
    """Return the grid with a band of cells for `row` above it (`over`) or below it."""
    edges = list(zip(grid.xs, grid.xs[1:], strict=False))
    if over:
        top = row.box.y0 - 1
        band = [GridCell(0, 0, n, n, Box(x0, top, x1, grid.ys[0])) for n, (x0, x1) in enumerate(edges)]
        moved = [replace(cell, top=cell.top + 1, bottom=cell.bottom + 1) for cell in grid.cells]
        return Grid(grid.xs, (top, *grid.ys), (*band, *moved))
    last, bottom = len(grid.ys) - 1, row.box.y1 + 1
    band = [GridCell(last, last, n, n, Box(x0, grid.ys[-1], x1, bottom)) for n, (x0, x1) in enumerate(edges)]
    return Grid(grid.xs, (*grid.ys, bottom), (*grid.cells, *band))


def _goes_on(cut: Sequence[Piece], grid: Grid, ends: Sequence[float], scale: Measure) -> bool:
    """Tell whether a label and values beside a grid are a row of it: each value ends at one of `ends`, where values inside it end."""
    label, *values = cut
    return (
        bisect(grid.xs, label.box.center[0]) == 1
        and not label.numeric
        and all(piece.numeric for piece in values)
        and all(any(abs(end - p.box.x1) <= ALIGNED * scale.height for end in ends) for p in values)
    )


def _near_values(row: PrintedRow, other: PrintedRow, scale: Measure) -> bool:
    """Tell whether `other` is a row of values too, close to `row`: both belong to a table of their own."""
    apart = max(row.box.y0, other.box.y0) - min(row.box.y1, other.box.y1)
    return apart <= BLANK_LINE * scale.height and any(
        piece.numeric for piece in pieces(other.words, scale.blank)[1:]
    )


def _by_cell(grid: Grid, words: Sequence[Word]) -> Inside:
    """The words of every ruled cell that holds any."""
    inside: Inside = defaultdict(list)
    for word in words:
        for cell in grid.cells:
            if cell.box.contains_center(word.box):
                inside[cell].append(word)
                break
    return inside


def _is_filled(grid: Grid, inside: Inside, scale: Measure) -> bool:
    """Tell whether text stands in most ruled cells, in several columns and rows, and not in lumps of columns."""
    columns, bands = {cell.left for cell in inside}, {cell.top for cell in inside}
    lumps = sum(_is_lump(words, scale) for words in inside.values())
    filled = len(inside) >= FILLED * len(grid.cells)
    return len(columns) > 1 and len(bands) > 1 and filled and lumps <= LUMPS * len(inside)


def _is_broken(grid: Grid, inside: Inside) -> bool:
    """Tell whether lines between rows are missing: ruled cells with one line of text in each of several bands."""
    broken = 0
    for cell, words in inside.items():
        bands = (
            {bisect(grid.ys, row.middle) for row in printed_rows(words)} if cell.bottom > cell.top else set()
        )
        broken += len(bands) > 1
    return broken > BROKEN * len(inside)


def _is_lump(words: Sequence[Word], scale: Measure) -> bool:
    """Tell whether a ruled cell holds several columns: on one of its lines values stand apart from what is before."""
    return any(
        any(piece.numeric for piece in pieces(row.words, scale.blank)[1:])
        for row in printed_rows(words)
        if len(row.words) > 1
    )


def _without_title_and_notes(inside: Inside, grid: Grid) -> list[GridCell]:
    """Leave out rows over the whole width: a title of several lines or with a number at the top, notes at the bottom."""
    n_columns = len(grid.xs) - 1
    whole = {cell.top: words for cell, words in inside.items() if cell.right - cell.left + 1 == n_columns}
    bands = sorted({cell.top for cell in inside})
    while len(bands) > 2 and bands[0] in whole and _is_title(whole[bands[0]]):
        bands.pop(0)
    while len(bands) > 2 and bands[-1] in whole:
        bands.pop()
    return [cell for cell in inside if cell.top in set(bands)]


def _is_title(words: Sequence[Word]) -> bool:
    lines = printed_rows(words)
    return len(lines) > 1 or bool(CAPTION.match(joined(lines[0].words)))


def _unruled_parts(cell: GridCell, grid: Grid, words: Sequence[Word], scale: Measure) -> Inside:
    """Cut a ruled cell over several columns whose one line holds pieces far apart; empty where it is one text."""
    rows = printed_rows(words)
    cut = pieces(rows[0].words, scale.blank) if len(rows) == 1 else []
    n_columns = cell.right - cell.left + 1
    apart = all(b.box.x0 - a.box.x1 > FAR * scale.height for a, b in zip(cut, cut[1:], strict=False))
    if len(cut) < 2 or not apart:
        return {}
    if n_columns % len(cut) == 0:
        wide = n_columns // len(cut)
        spans = [(cell.left + n * wide, cell.left + (n + 1) * wide - 1) for n in range(len(cut))]
    else:
        own = [bisect(grid.xs, piece.box.center[0]) - 1 for piece in cut]
        spans = [(column, column) for column in own]
        if len(set(own)) < len(own) or not all(piece.numeric for piece in cut):
            return {}
    parts = {}
    for (left, right), piece in zip(spans, cut, strict=True):
        box = Box(grid.xs[left], cell.box.y0, grid.xs[right + 1], cell.box.y1)
        parts[GridCell(cell.top, cell.bottom, left, right, box)] = list(piece.words)
    return parts


def _with_children(cells: list[GridCell], inside: Inside, grid: Grid, scale: Measure) -> list[GridCell]:
    """Part header cells that hold a heading and, below it without a rule, headings of the single columns.

    The band of such cells becomes two; the other cells of the band reach over both.
    """
    top = min(cell.top for cell in cells)
    parted = {
        cell: parts
        for cell in cells
        if cell.top == cell.bottom == top and cell.right > cell.left
        if (parts := _parent_and_children(cell, grid, inside[cell], scale))
    }
    if not parted:
        return cells
    result = []
    for cell in cells:
        for part, words in (parted.get(cell) or {cell: inside[cell]}).items():
            reaches = cell not in parted and cell.top == top
            moved = replace(
                part,
                top=part.top + (cell.top > top),
                bottom=part.bottom + (cell.top > top or cell.bottom > top or reaches),
            )
            inside[moved] = words
            result.append(moved)
    return result


def _parent_and_children(cell: GridCell, grid: Grid, words: Sequence[Word], scale: Measure) -> Inside:
    """The heading of a cell in its band, and those of its columns in the next band; empty where there are none."""
    rows = printed_rows(words)
    below = next((n for n, row in enumerate(rows) if len(pieces(row.words, scale.blank)) > 1), 0)
    if below == 0:
        return {}
    parts: Inside = {cell: [word for row in rows[:below] for word in row.words]}
    for column in range(cell.left, cell.right + 1):
        box = Box(grid.xs[column], cell.box.y0, grid.xs[column + 1], cell.box.y1)
        own = [word for row in rows[below:] for word in row.words if box.contains_center(word.box)]
        if own:
            parts[GridCell(cell.top + 1, cell.top + 1, column, column, box)] = own
    return parts if len(parts) > 2 else {}


def _drafts(cells: Sequence[GridCell], inside: Inside, scale: Measure) -> list[DraftCell]:
    """The cells of the table: a ruled band is one row, or several where its text shows that rules were left out."""
    bands = sorted({cell.top for cell in cells})
    parts = {band: _rows_of_band(band, cells, inside, len(bands) <= FEW_BANDS, scale) for band in bands}
    starts = dict(zip(bands, accumulate((len(parts[band]) for band in bands), initial=0), strict=False))
    total = sum(len(rows) for rows in parts.values())
    drafts: list[DraftCell] = []
    for band in bands:
        for number, row in enumerate(parts[band]):
            drafts.extend(
                DraftCell(w, starts[band] + number, c.left, 1, c.right - c.left + 1) for c, w in row.items()
            )
        for cell in (cell for cell in cells if cell.top == band < cell.bottom):
            end = next((starts[later] for later in bands if later > cell.bottom), total)
            drafts.append(
                DraftCell(
                    inside[cell], starts[band], cell.left, end - starts[band], cell.right - cell.left + 1
                )
            )
    return drafts


def _rows_of_band(
    band: int, cells: Sequence[GridCell], inside: Inside, few_bands: bool, scale: Measure
) -> list[Inside]:
    """The rows in a ruled band, each with the words of the cells that keep within the band."""
    own = [cell for cell in cells if cell.top == cell.bottom == band]
    if few_bands and len(blocks := _blocks(own, inside, scale.height)) > 1:
        return blocks
    if parted := _header_and_values(own, inside):
        return parted
    if any(_value_lines(inside[cell]) > 1 for cell in own if cell.left > 0):
        return _rows_of_values(own, inside, scale)
    return [{cell: inside[cell] for cell in own}]


def _blocks(cells: Sequence[GridCell], inside: Inside, height: float) -> list[Inside]:
    """The words of a ruled band, cut at every blank line that goes through all its cells."""
    owned = sorted(((word, cell) for cell in cells for word in inside[cell]), key=lambda pair: pair[0].box.y0)
    blocks: list[Inside] = []
    bottom = -math.inf
    for word, cell in owned:
        if word.box.y0 - bottom > BLANK_LINE * height:
            blocks.append(defaultdict(list))
        blocks[-1][cell].append(word)
        bottom = max(bottom, word.box.y1)
    return blocks


def _header_and_values(cells: Sequence[GridCell], inside: Inside) -> list[Inside]:
    """The two rows of a band in which every cell ends with a value below a heading: the line between was not found."""
    lines = {cell: printed_rows(inside[cell]) for cell in cells}
    beside = [rows for cell, rows in lines.items() if cell.left > 0]
    if len(beside) < len(cells) - 1 or not beside or any(len(rows) < 2 for rows in lines.values()):
        return []
    for rows in beside:
        *headings, value = (joined(row.words) for row in rows)
        if not holds_value([value]) or any(is_value(heading) for heading in headings):
            return []
    return [
        {cell: [word for row in rows[:-1] for word in row.words] for cell, rows in lines.items()},
        {cell: list(rows[-1].words) for cell, rows in lines.items()},
    ]


def _value_lines(words: Sequence[Word]) -> int:
    """How many lines of a cell are numbers, if all are."""
    lines = [joined(row.words) for row in printed_rows(words)]
    return len(lines) if all(has_digits(line) for line in lines) else 0


def _rows_of_values(cells: Sequence[GridCell], inside: Inside, scale: Measure) -> list[Inside]:
    """The words of a ruled band by the rows in which its values stand."""
    owner = {id(word): cell for cell in cells for word in inside[cell]}
    lines = printed_rows(word for cell in cells for word in inside[cell])
    rows: list[Inside] = []
    for group in row_groups([_placed(line, owner) for line in lines], scale):
        rows.append(defaultdict(list))
        for word in (word for index in group for word in lines[index].words):
            rows[-1][owner[id(word)]].append(word)
    return rows


def _placed(line: PrintedRow, owner: dict[int, GridCell]) -> list[Placed]:
    parts: Inside = defaultdict(list)
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
