"""How do the printed rows above a table's body form its column header?

In: the placed pieces of the header rows, the table's columns and the rules on the page. Out: `HeaderCell`s with row,
column and spans. Lines that stand over each other in one column are one cell; a piece over several columns, or over
a rule that underlines several columns, is a parent that spans them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extractors.columns import Placed, Span
from schemas.box import Box, union
from schemas.page import Rule, Word

STACK_GAP = 0.9  # line heights of white; lines of one heading stand closer than this
UNDERLINE = 1.1  # line heights; how far below its words the rule of a spanning heading runs
FLUSH = 0.3  # line heights; edges closer than this are aligned
OVERHANG = 3.0  # points; a rule may end this far beyond the columns it governs


@dataclass(slots=True)
class HeaderCell:
    """A heading: its words, its columns (first and last), and the row of the header it stands in."""

    words: list[Word]
    first: int
    last: int
    box: Box
    row: int = 0
    rows: int = 1


def header_cells(
    rows: Sequence[Sequence[Placed]], columns: Sequence[Span], rules: Sequence[Rule], height: float
) -> list[HeaderCell]:
    """Return the headings of `rows` (top to bottom), lines stacked and spans widened, each with its row."""
    across = [rule for rule in rules if rule.horizontal]
    lines = [[_heading(item, columns, across, height) for item in row] for row in rows]
    for number in range(len(lines) - 1):
        _widen(lines[number], lines[number + 1 :], columns)
    cells: list[HeaderCell] = []
    for line in lines:
        for cell in line:
            over = _stack(cell, cells, across, height)
            if over is None:
                cells.append(cell)
            else:
                over.words.extend(cell.words)
                over.box = union([over.box, cell.box])
    _number(cells)
    return cells


def _heading(item: Placed, columns: Sequence[Span], across: Sequence[Rule], height: float) -> HeaderCell:
    """A piece as a heading, widened over the columns that the rule right below it underlines."""
    box = item.box
    first, last = _own_column(item, columns, height)
    for rule in across:
        below = (rule.y0 + rule.y1) / 2 - box.y1
        if (
            -0.3 * height <= below <= UNDERLINE * height
            and rule.x0 <= box.x0 + OVERHANG
            and rule.x1 >= box.x1 - OVERHANG
        ):
            under = [n for n, c in enumerate(columns) if rule.x0 - OVERHANG <= c.middle <= rule.x1 + OVERHANG]
            if under and under[0] > 0 and len(under) < len(columns) - 1:
                first, last = min(first, under[0]), max(last, under[-1])
    return HeaderCell(list(item.piece.words), first, last, box)


def _own_column(item: Placed, columns: Sequence[Span], height: float) -> tuple[int, int]:
    """A heading flush with just one of two columns it reaches over is wide, not a parent of both."""
    if item.last != item.first + 1:
        return item.first, item.last
    flush = [
        number
        for number in (item.first, item.last)
        if min(abs(item.box.x1 - columns[number].x1), abs(item.box.x0 - columns[number].x0)) <= FLUSH * height
    ]
    return (flush[0], flush[0]) if len(flush) == 1 else (item.first, item.last)


def _widen(line: list[HeaderCell], below: Sequence[list[HeaderCell]], columns: Sequence[Span]) -> None:
    """Widen a heading that is centred over several columns which have headings of their own below."""
    headed = {column for row in below for cell in row for column in range(cell.first, cell.last + 1)}
    for number, cell in enumerate(line):
        own = columns[cell.first]
        flush = min(abs(cell.box.x0 - own.x0), abs(cell.box.x1 - own.x1)) <= FLUSH * cell.box.height
        if cell.first == 0 or (cell.first == cell.last and flush):
            continue
        low = line[number - 1].last + 1 if number else 1
        high = line[number + 1].first - 1 if number + 1 < len(line) else len(columns) - 1
        middle = (cell.box.x0 + cell.box.x1) / 2
        best = (abs(_middle(columns, cell.first, cell.last) - middle), 0, cell.first, cell.last)
        for first in range(max(low, 1), cell.first + 1):
            for last in range(cell.last, high + 1):
                if all(column in headed for column in range(first, last + 1)):
                    off = abs(_middle(columns, first, last) - middle)
                    if off + 4.0 < best[0]:
                        best = (off, 0, first, last)
        cell.first, cell.last = best[2], best[3]


def _middle(columns: Sequence[Span], first: int, last: int) -> float:
    return (columns[first].x0 + columns[last].x1) / 2


def _stack(
    cell: HeaderCell, cells: Sequence[HeaderCell], across: Sequence[Rule], height: float
) -> HeaderCell | None:
    """The heading right above whose text goes on in `cell`: same columns, close, and no rule between."""
    for other in reversed(cells):
        if other.last < cell.first or cell.last < other.first:
            continue
        same = (other.first, other.last) == (cell.first, cell.last)
        near = cell.box.y0 - other.box.y1 <= STACK_GAP * height
        ruled = any(
            other.box.y1 - 0.3 * height <= (rule.y0 + rule.y1) / 2 <= cell.box.y0 + 0.3 * height
            and rule.x0 < cell.box.x1
            and cell.box.x0 < rule.x1
            for rule in across
        )
        return other if same and near and not ruled else None
    return None


def _number(cells: Sequence[HeaderCell]) -> None:
    """Give every heading its rows: parents stand above their children, and no row beside them is left open.

    Headings are set from the bottom, so a column with fewer levels than its neighbours has its heading in the last
    row; that heading then reaches up to the one above it, or to the top.
    """
    depth: dict[int, int] = {}
    for cell in sorted(cells, key=lambda cell: -cell.box.y0):
        cell.row = max((depth.get(column, 0) for column in range(cell.first, cell.last + 1)), default=0)
        for column in range(cell.first, cell.last + 1):
            depth[column] = cell.row + 1
    n_rows = max((cell.row for cell in cells), default=-1) + 1
    for cell in cells:
        cell.row = n_rows - 1 - cell.row
    for cell in cells:
        over = [o.row for o in cells if o.row < cell.row and o.first <= cell.last and cell.first <= o.last]
        top = max(over, default=-1) + 1
        cell.row, cell.rows = top, cell.row - top + 1
