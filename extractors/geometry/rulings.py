"""The grids that ruled lines draw on a page.

In: a page's rules. Out: `Grid`s: column edges and row edges in points, and which of the rectangles between them are
one cell because the line that would part them is not drawn. A side that is left open (a table ruled inside only) is
closed at the end of the lines that run out to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from schemas.box import Box, union
from schemas.page import Rule

TOUCH = 3.0  # points; lines whose ends miss each other by less are meant to meet
SAME_EDGE = 2.5  # points; parallel lines closer than this are one edge (double rules, jitter)
DRAWN = (
    0.2  # of an edge's length that must be drawn for it to part two cells; scans keep only pieces of lines
)
USUAL_TYPE = 14.0  # points high; the lengths here are for type up to this
MIN_SIDE = 4.0  # points; a band narrower than this holds no text


@dataclass(frozen=True, slots=True)
class GridCell:
    """A ruled cell: first and last band of rows and columns, and its box."""

    top: int
    bottom: int
    left: int
    right: int
    box: Box


@dataclass(frozen=True, slots=True)
class Grid:
    """Ruled cells between column edges `xs` and row edges `ys`, both ascending, in points."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[GridCell, ...]

    @property
    def box(self) -> Box:
        """The outer rectangle."""
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])


def find_grids(rules: Sequence[Rule], line_height: float = USUAL_TYPE) -> list[Grid]:
    """Return every grid of at least two by two ruled cells, or one frame that is parted in one direction.

    `line_height` is that of the page's type in points: a page drawn larger than life misses its corners by more.
    """
    enlarged = max(1.0, line_height / USUAL_TYPE)
    if enlarged > 1.0:
        shrunk = [Rule(*(place / enlarged for place in (r.x0, r.y0, r.x1, r.y1))) for r in rules]
        return [_scaled(grid, enlarged) for grid in find_grids(shrunk)]
    grids = []
    for across, down in _networks(rules):
        grid = _grid(across, down)
        if grid is not None and len(grid.cells) > 1:
            grids.append(grid)
    return grids


def _scaled(grid: Grid, factor: float) -> Grid:
    xs, ys = (tuple(place * factor for place in places) for places in (grid.xs, grid.ys))
    cells = (replace(cell, box=Box(*(place * factor for place in cell.box))) for cell in grid.cells)
    return Grid(xs, ys, tuple(cells))


def _networks(rules: Sequence[Rule]) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Lines that meet, directly or through others, split in horizontal and vertical ones."""
    across = [rule for rule in rules if rule.horizontal]
    down = sorted((rule for rule in rules if not rule.horizontal), key=lambda rule: rule.x0)
    parent = list(range(len(across) + len(down)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i, h in enumerate(across):
        y = (h.y0 + h.y1) / 2
        for j, v in enumerate(down):
            x = (v.x0 + v.x1) / 2
            if x > h.x1 + TOUCH:
                break
            if x >= h.x0 - TOUCH and v.y0 - TOUCH <= y <= v.y1 + TOUCH:
                parent[root(len(across) + j)] = root(i)
    members: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for node in range(len(parent)):
        group = members.setdefault(root(node), ([], []))
        if node < len(across):
            group[0].append(across[node])
        else:
            group[1].append(down[node - len(across)])
    return [group for group in members.values() if len(group[0]) > 1 and group[1]]


def _grid(across: list[Rule], down: list[Rule]) -> Grid | None:
    frame = union(Box(r.x0, r.y0, r.x1, r.y1) for r in [*across, *down])
    xs = _edges([(r.x0 + r.x1) / 2 for r in down], frame.x0, frame.x1)
    ys = _edges([(r.y0 + r.y1) / 2 for r in across], frame.y0, frame.y1)
    if len(xs) < 2 or len(ys) < 2:
        return None
    drawn_down = _drawn([((r.x0 + r.x1) / 2, r.y0, r.y1) for r in down], xs, ys)
    drawn_across = _drawn([((r.y0 + r.y1) / 2, r.x0, r.x1) for r in across], ys, xs)
    cells = []
    taken: set[tuple[int, int]] = set()
    strips = [_strip(row, len(xs) - 1, drawn_down) for row in range(len(ys) - 1)]
    for row, strip in enumerate(strips):
        for left, right in strip:
            if (row, left) in taken:
                continue
            bottom = row
            while (
                bottom + 1 < len(strips)
                and (left, right) in strips[bottom + 1]
                and not any(drawn_across[bottom + 1][column] for column in range(left, right + 1))
            ):
                bottom += 1
                taken.add((bottom, left))
            box = Box(xs[left], ys[row], xs[right + 1], ys[bottom + 1])
            cells.append(GridCell(row, bottom, left, right, box))
    return Grid(tuple(xs), tuple(ys), tuple(cells))


def _edges(places: Iterable[float], first: float, last: float) -> list[float]:
    """Distinct edges in ascending order, closed at `first` and `last`."""
    edges: list[list[float]] = []
    for place in sorted(places):
        if edges and place - edges[-1][-1] <= SAME_EDGE:
            edges[-1].append(place)
        else:
            edges.append([place])
    middles = [sum(edge) / len(edge) for edge in edges]
    if not middles or middles[0] - first > MIN_SIDE:
        middles.insert(0, first)
    if last - middles[-1] > MIN_SIDE:
        middles.append(last)
    return [middles[0], *(b for a, b in zip(middles, middles[1:], strict=False) if b - a > MIN_SIDE)]


def _drawn(
    lines: Sequence[tuple[float, float, float]], edges: Sequence[float], marks: Sequence[float]
) -> list[list[bool]]:
    """For each edge and each stretch between two marks, whether the edge is drawn there."""
    result = []
    for edge in edges:
        near = [(low, high) for place, low, high in lines if abs(place - edge) <= MIN_SIDE]
        row = []
        for start, end in zip(marks, marks[1:], strict=False):
            ink = sum(max(0.0, min(end, high) - max(start, low)) for low, high in near)
            row.append(ink >= DRAWN * (end - start))
        result.append(row)
    return result


def _strip(row: int, n_columns: int, drawn_down: list[list[bool]]) -> list[tuple[int, int]]:
    """The cells of one band: first and last column, parted where the edge between them is drawn."""
    strip = []
    left = 0
    for column in range(n_columns):
        if column == n_columns - 1 or drawn_down[column + 1][row]:
            strip.append((left, column))
            left = column + 1
    return strip
