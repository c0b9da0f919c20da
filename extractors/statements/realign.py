"""Do the figures stand in the columns that the reader gave them? Cells → cells with the column their right edge says.

In: the rows of a table as placed cells and the first row below the header; positions in points. Out: the same rows, with other
column numbers where the figures' right edges contradict the reader's columns (a reader of skewed scans may lay an inner
amount column into its neighbour). Figures are set flush right, so a column is a cluster of right edges. Where edges and columns
agree, or the edges form no clear columns, nothing changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.amount import Amount
from schemas.page import Line, ReadCell

COLUMN_GAP = 10.0  # points between right edges from which they belong to two columns
COLUMN_SPREAD = 16.0  # points; edges that spread wider form no column
MIN_FIGURES = 8  # in the table; fewer say nothing about columns
MARKER_SHARE = 0.1  # of the rows: fewer single digits in a column are footnote markers
HEAD_HEIGHT = 60.0  # points above a table in which loose column headers stand


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell with its number, when it prints one, and the columns it covers."""

    cell: ReadCell
    text: str  # the cell's text, with a parenthesis or percent sign that stood in a cell of its own
    amount: Amount | None
    col: int
    span: int = 1


Grid = dict[int, tuple[Placed, ...]]


@dataclass(frozen=True, slots=True)
class _Cluster:
    left: float
    right: float
    low: float  # smallest and largest right edge
    high: float


def realign(grid: Grid, body: int, n_cols: int) -> tuple[Grid, int]:
    """Return the rows with columns by right edges, and the number of columns; unchanged where there is nothing to mend."""
    markers = _markers(grid, body)
    figures = [
        p
        for row, cells in grid.items()
        if row >= body
        for p in cells
        if p.col > 0 and p.col not in markers and _is_figure(p)
    ]
    clusters = _clusters(figures)
    if len(figures) < MIN_FIGURES or not clusters or not _contradict(figures, clusters):
        return grid, n_cols
    edge = clusters[0].left
    if any(c.high - c.low > COLUMN_SPREAD for c in clusters) or _labels_inside(grid, body, edge):
        return grid, n_cols
    placed = {
        row: tuple(_place(p, clusters, edge, row < body) for p in cells if row < body or p.col not in markers)
        for row, cells in grid.items()
    }
    return placed, len(clusters) + 1


def _markers(grid: Grid, body: int) -> set[int]:
    """Return the columns that hold nothing but a footnote marker or two: single digits beside few of the rows' figures."""
    by_col: dict[int, list[Placed]] = defaultdict(list)
    for row, cells in grid.items():
        for p in cells if row >= body else ():
            by_col[p.col].append(p)
    most = max((len(cells) for cells in by_col.values()), default=0)
    return {
        col
        for col, cells in by_col.items()
        if col > 0
        and len(cells) <= MARKER_SHARE * most
        and all(p.text.isdigit() and len(p.text) == 1 for p in cells)
    }


def _is_figure(placed: Placed) -> bool:
    return placed.amount is not None and not placed.amount.nil and any(c.isdigit() for c in placed.text)


def _clusters(figures: Sequence[Placed]) -> list[_Cluster]:
    groups: list[list[Placed]] = []
    for placed in sorted(figures, key=lambda p: p.cell.box.x1):
        if groups and placed.cell.box.x1 - groups[-1][-1].cell.box.x1 <= COLUMN_GAP:
            groups[-1].append(placed)
        else:
            groups.append([placed])
    return [
        _Cluster(
            min(p.cell.box.x0 for p in g), max(p.cell.box.x1 for p in g), g[0].cell.box.x1, g[-1].cell.box.x1
        )
        for g in groups
    ]


def _nearest(x1: float, clusters: Sequence[_Cluster]) -> int:
    return min(range(len(clusters)), key=lambda i: abs((clusters[i].low + clusters[i].high) / 2 - x1))


def _contradict(figures: Sequence[Placed], clusters: Sequence[_Cluster]) -> bool:
    """Tell whether one column holds figures of two clusters, or one cluster lies in two columns."""
    by_col: dict[int, set[int]] = defaultdict(set)
    by_cluster: dict[int, set[int]] = defaultdict(set)
    for p in figures:
        cluster = _nearest(p.cell.box.x1, clusters)
        by_col[p.col].add(cluster)
        by_cluster[cluster].add(p.col)
    return any(len(s) > 1 for s in [*by_col.values(), *by_cluster.values()])


def _labels_inside(grid: Grid, body: int, edge: float) -> bool:
    """Labels to the right of the first figures: a table of two sides, which has columns of its own."""
    words = [p for row, cells in grid.items() if row >= body for p in cells
             if p.amount is None and p.cell.box.x0 > edge and sum(c.isalpha() for c in p.text) > 3]  # fmt: skip
    return len(words) >= 3


def _place(placed: Placed, clusters: Sequence[_Cluster], edge: float, header: bool) -> Placed:
    box = placed.cell.box
    if header:
        first, count = overlapped(box.x0, box.x1, [(c.left, c.right) for c in clusters], edge)
        return replace(placed, col=first, span=count)
    if placed.amount is None and (box.center[0] < edge or placed.col == 0):
        return replace(placed, col=0, span=1)
    if placed.col == 0 and box.x1 < edge:
        return replace(placed, col=0, span=1)
    return replace(placed, col=1 + _nearest(box.x1, clusters), span=1)


def overlapped(x0: float, x1: float, spans: Sequence[tuple[float, float]], edge: float) -> tuple[int, int]:
    """Return (first column, number of columns) that a header from `x0` to `x1` stands over; column 0 left of `edge`.

    `spans` are the left and right edges of the columns from 1 on.
    """
    over = [i for i, (left, right) in enumerate(spans) if min(right, x1) - max(left, x0) > 0]
    if over and x1 > edge:
        return 1 + over[0], len(over)
    middle = (x0 + x1) / 2
    if middle < edge:
        return 0, 1
    return 1 + min(range(len(spans)), key=lambda i: abs((spans[i][0] + spans[i][1]) / 2 - middle)), 1


def loose_heads(lines: Sequence[Line], top: float) -> list[list[Line]]:
    """Return the printed lines close above a table, as rows from the top: column headers that the reader left outside."""
    near = sorted(
        (line for line in lines if top - HEAD_HEIGHT <= line.box.y0 <= top + 2), key=lambda x: x.box.center[1]
    )
    rows: list[list[Line]] = []
    for line in near:
        if rows and abs(rows[-1][-1].box.center[1] - line.box.center[1]) < 0.6 * line.box.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows
