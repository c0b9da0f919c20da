"""The column header that the printed rows above a table's body form.

In: the placed pieces of the header rows, the table's columns and the rules on the page. Out: `HeaderCell`s with row,
column and spans. Lines that stand over each other in one column are one cell; a piece over several columns, or over
a rule that underlines several columns, is a parent that spans them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extractors.geometry.columns import Placed, Span
from extractors.statements.periods import fold
from extractors.statements.sides import NOTE_HEADER
from schemas.box import Box, union
from schemas.page import Rule, Word

STACK_GAP = 0.9  # line heights of white; lines of one heading stand closer than this
UNDERLINE = 1.1  # line heights; how far below its words the rule of a spanning heading runs
HALF = 0.5  # of a column's width, or of the distance between columns
BETTER = 4.0  # points; how much better centred a wider stretch of columns must be to be taken
FLUSH = 0.3  # line heights; edges closer than this are aligned
LEVEL = 0.4  # of a line's height that two pieces side by side have in common where they are one line
STAGGER = (
    0.15  # of a line's height that a piece of another line has in common with it where they are set staggered
)
OVERHANG = 3.0  # points; a rule may end this far beyond the columns it governs


@dataclass(slots=True)
class HeaderCell:
    """A heading: its words, its columns (first and last), and the row of the header it stands in."""

    words: list[Word]
    first: int
    last: int
    box: Box
    underlined: bool = False  # a rule below it says which columns it spans
    row: int = 0
    rows: int = 1


def header_cells(
    rows: Sequence[Sequence[Placed]],
    columns: Sequence[Span],
    rules: Sequence[Rule],
    height: float,
    stack_gap: float,
) -> list[HeaderCell]:
    """Return the headings of `rows` (top to bottom), lines stacked and spans widened, each with its row.

    `height` is that of a line, `stack_gap` the white between lines of one heading at most, both in points.
    """
    across = [rule for rule in rules if rule.horizontal]
    levelled = _levelled(rows)
    lines = [_headings(row, _staggered(row, levelled), columns, across, height) for row in levelled]
    if not any(
        cell.underlined for line in lines for cell in line
    ):  # where parents are underlined, nothing else spans
        for number in range(len(lines) - 1):
            _widen(lines[number], lines[number + 1 :], columns)
    cells: list[HeaderCell] = []
    for line in lines:
        for cell in line:
            over = _stack(cell, cells, across, height, stack_gap)
            if over is None:
                cells.append(cell)
            else:
                over.words.extend(cell.words)
                over.box = union([over.box, cell.box])
                over.first, over.last, over.underlined = cell.first, cell.last, cell.underlined
    _number(cells)
    return cells


def _levelled(rows: Sequence[Sequence[Placed]]) -> list[list[Placed]]:
    """Put pieces on one line that a slightly turned or unevenly set page has put on two: side by side, and level for the most part."""
    lines: list[list[Placed]] = []
    for row in rows:
        above = lines[-1] if lines else []
        if above and all(_beside(a.box, b.box) for a in above for b in row):
            lines[-1] = sorted([*above, *row], key=lambda item: item.box.x0)
        else:
            lines.append(list(row))
    return lines


def _beside(a: Box, b: Box) -> bool:
    level = min(a.y1, b.y1) - max(a.y0, b.y0) >= LEVEL * min(a.height, b.height)
    return level and (a.x1 <= b.x0 or b.x1 <= a.x0)


def _staggered(row: Sequence[Placed], lines: Sequence[Sequence[Placed]]) -> list[Placed]:
    """The pieces of other lines that reach into a line's height: "Millions of yen", set midway beside "Thousands of / U.S. dollars"."""
    return [
        other
        for line in lines
        if line is not row
        for other in line
        if any(
            min(other.box.y1, item.box.y1) - max(other.box.y0, item.box.y0) >= STAGGER * item.box.height
            for item in row
        )
    ]


def _headings(
    row: Sequence[Placed],
    beside: Sequence[Placed],
    columns: Sequence[Span],
    across: Sequence[Rule],
    height: float,
) -> list[HeaderCell]:
    """The pieces of a line as headings, each widened over the columns that a rule right below it alone underlines.

    `beside` are pieces of other lines that stand partly at this one's height.
    """
    cells = []
    for item in row:
        box = item.box
        first, last = _own_column(item, columns, height)
        cell = HeaderCell(list(item.piece.words), first, last, box)
        for rule in across:
            below = (rule.y0 + rule.y1) / 2 - box.y1
            if not -0.3 * height <= below <= UNDERLINE * height or not _over(box, rule):
                continue
            under = [n for n, c in enumerate(columns) if rule.x0 - OVERHANG <= c.middle <= rule.x1 + OVERHANG]
            apart = [o for o in beside if o.box.x1 <= box.x0 or box.x1 <= o.box.x0]
            alone = sum(o.box.x0 < rule.x1 and rule.x0 < o.box.x1 for o in (*row, *apart)) == 1
            if alone and len(under) > 1 and under[0] > 0:
                cell.first, cell.last, cell.underlined = min(first, under[0]), max(last, under[-1]), True
        cells.append(cell)
    return cells


def _over(box: Box, rule: Rule) -> bool:
    return rule.x0 <= box.x0 + OVERHANG and rule.x1 >= box.x1 - OVERHANG


def _own_column(item: Placed, columns: Sequence[Span], height: float) -> tuple[int, int]:
    """A heading flush with one of two columns, that only touches the other, is wide and not a parent of both."""
    if item.last != item.first + 1:
        return item.first, item.last
    for own, other in ((item.first, item.last), (item.last, item.first)):
        flush = min(abs(item.box.x1 - columns[own].x1), abs(item.box.x0 - columns[own].x0)) <= FLUSH * height
        common = min(item.box.x1, columns[other].x1) - max(item.box.x0, columns[other].x0)
        if flush and common < HALF * (columns[other].x1 - columns[other].x0):
            return own, own
    return item.first, item.last


def _widen(line: list[HeaderCell], below: Sequence[list[HeaderCell]], columns: Sequence[Span]) -> None:
    """Widen the headings of a line that are centred over several columns with headings of their own below.

    Where the line's headings can share out all the columns headed below, each centred over its share, they do.
    Otherwise each takes the stretch of columns that it is centred over best.
    """
    parents = [cell for cell in line if cell.first > 0 and not _stands_in_one(cell, below, columns)]
    standing = {
        c for cell in parents for c in range(cell.first, cell.last + 1)
    }  # a title stands over notes as well
    headed = sorted(
        {c for row in below for cell in row for c in range(cell.first, cell.last + 1)}
        - {0}
        - (_notes(below) - standing)
    )
    if not parents or not headed:
        return
    taken = {c for cell in line if cell not in parents for c in range(cell.first, cell.last + 1)}
    free = [column for column in headed if column not in taken]
    shares = _shares([(cell.box.x0 + cell.box.x1) / 2 for cell in parents], free, columns)
    for number, cell in enumerate(parents):
        if shares:
            cell.first, cell.last = min(cell.first, shares[number][0]), max(cell.last, shares[number][1])
            continue
        low = parents[number - 1].last + 1 if number else 1
        high = parents[number + 1].first - 1 if number + 1 < len(parents) else len(columns) - 1
        middle = (cell.box.x0 + cell.box.x1) / 2
        best = (abs(_middle(columns, cell.first, cell.last) - middle), cell.first, cell.last)
        for first in range(max(low, 1), cell.first + 1):
            for last in range(cell.last, high + 1):
                off = abs(_middle(columns, first, last) - middle)
                if off + BETTER < best[0] and all(column in free for column in range(first, last + 1)):
                    best = (off, first, last)
        cell.first, cell.last = best[1:]


def _notes(below: Sequence[list[HeaderCell]]) -> set[int]:
    """The columns headed as notes: they belong to the labels, and no heading of figures spans them."""
    return {
        cell.first
        for row in below
        for cell in row
        if cell.first == cell.last and NOTE_HEADER.match(fold(" ".join(word.text for word in cell.words)))
    }


def _stands_in_one(cell: HeaderCell, below: Sequence[list[HeaderCell]], columns: Sequence[Span]) -> bool:
    """Tell whether a heading keeps within one column, as wide as its values and the headings below are."""
    if cell.first != cell.last:
        return False
    own = columns[cell.first]
    boxes = [
        other.box for row in below for other in row if (other.first, other.last) == (cell.first, cell.first)
    ]
    left, right = min([own.x0, *(b.x0 for b in boxes)]), max([own.x1, *(b.x1 for b in boxes)])
    slack = FLUSH * cell.box.height
    flush = min(abs(cell.box.x0 - own.x0), abs(cell.box.x1 - own.x1)) <= slack
    return flush or (left - slack <= cell.box.x0 and cell.box.x1 <= right + slack)


def _shares(middles: Sequence[float], free: Sequence[int], columns: Sequence[Span]) -> list[tuple[int, int]]:
    """Consecutive stretches of `free`, one for each of `middles` and best centred under all of them; empty where there are none."""
    if not free or free != list(range(free[0], free[-1] + 1)):
        return []
    most = HALF * (columns[free[-1]].x1 - columns[free[0]].x0) / len(free)
    # the best stretches of the headings so far, by the last column that they cover
    best: dict[int, tuple[float, list[tuple[int, int]]]] = {free[0] - 1: (0.0, [])}
    for middle in middles:
        longer: dict[int, tuple[float, list[tuple[int, int]]]] = {}
        for end in free:
            for before, (total, shares) in best.items():
                off = abs(_middle(columns, before + 1, end) - middle) if before < end else most + 1
                if off <= most and (end not in longer or total + off < longer[end][0]):
                    longer[end] = total + off, [*shares, (before + 1, end)]
        best = longer
    return best.get(free[-1], (0.0, []))[1]


def _middle(columns: Sequence[Span], first: int, last: int) -> float:
    return (columns[first].x0 + columns[last].x1) / 2


def _stack(
    cell: HeaderCell,
    cells: Sequence[HeaderCell],
    across: Sequence[Rule],
    height: float,
    stack_gap: float,
) -> HeaderCell | None:
    """The heading right above whose text goes on in `cell`: same columns, close, and no rule between."""
    for other in reversed(cells):
        if other.last < cell.first or cell.last < other.first:
            continue
        same = (other.first, other.last) == (cell.first, cell.last)
        if (
            cell.underlined and not other.underlined
        ):  # lines of one heading, of which the rule runs below the last
            same = cell.first <= other.first and other.last <= cell.last and not _shared(other, cell, cells)
        near = cell.box.y0 - other.box.y1 <= stack_gap
        ruled = any(
            other.box.y1 - 0.3 * height <= (rule.y0 + rule.y1) / 2 <= cell.box.y0 + 0.3 * height
            and rule.x0 < cell.box.x1
            and cell.box.x0 < rule.x1
            for rule in across
        )
        return other if same and near and not ruled else None
    return None


def _shared(over: HeaderCell, cell: HeaderCell, cells: Sequence[HeaderCell]) -> bool:
    """Tell whether other headings stand beside `over` above `cell`, so that `cell` is no further line of it."""
    return any(
        other is not over
        and cell.first <= other.last
        and other.first <= cell.last
        and other.box.y0 < over.box.y1
        and over.box.y0 < other.box.y1
        for other in cells
    )


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
