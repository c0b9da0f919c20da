"""How is a table without a ruled grid read: rows, columns, header, and what stands in each cell?

In: the printed rows of one table region and the page's rules. Out: a `Draft`.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractors.columns import Placed, Span, find_columns, place
from extractors.draft import Draft, DraftCell, holds_value
from extractors.headers import header_cells
from extractors.rows import PrintedRow
from extractors.wrap import row_groups
from schemas.box import union
from schemas.page import Rule

WIDE = 0.6  # of the table's width; a horizontal rule at least this long parts rows


def read_open(rows: Sequence[PrintedRow], rules: Sequence[Rule], blank: float, height: float) -> Draft:
    """Read the table that `rows` form."""
    columns = find_columns(rows, blank)
    placed = [place(row, columns, blank) for row in rows]
    frame = union(row.box for row in rows)
    breaks = [
        (rule.y0 + rule.y1) / 2
        for rule in rules
        if rule.horizontal and min(rule.x1, frame.x1) - max(rule.x0, frame.x0) >= WIDE * frame.width
    ]
    n_lines = _header_lines(placed, rows, breaks)
    headings = header_cells(placed[:n_lines], columns, rules, height)
    n_header = max((cell.row for cell in headings), default=-1) + 1
    cells = [DraftCell(c.words, c.row, c.first, 1, c.last - c.first + 1) for c in headings]
    body = placed[n_lines:]
    groups = row_groups(body, height, blank, breaks)
    for number, group in enumerate(groups):
        cells.extend(_body_cells([body[index] for index in group], n_header + number))
    return Draft(cells, n_header + len(groups), len(columns), n_header, [column.x0 for column in columns])


def _header_lines(placed: Sequence[Sequence[Placed]], rows: Sequence[PrintedRow], breaks: Sequence[float]) -> int:
    """How many lines stand above the first row with a value; section labels right above it belong to the body."""
    first = next(
        (n for n, row in enumerate(placed) if holds_value(item.piece.text for item in row if item.first > 0)), 0
    )
    while first > 0 and all(item.first == 0 for item in placed[first - 1]):
        first -= 1
    for number in range(first - 1, 0, -1):
        ruled = any(rows[number - 1].middle < y < rows[number].middle for y in breaks)
        if ruled and any(item.first > 0 for item in placed[number - 1]):
            if all(item.first == 0 for row in placed[number:first] for item in row):
                first = number
            break
    return first


def _body_cells(lines: Sequence[Sequence[Placed]], row: int) -> list[DraftCell]:
    """The cells of one row of the table, printed on one or more lines."""
    cells: dict[int, DraftCell] = {}
    for line in lines:
        for item in line:
            last = item.first if item.first == 0 or item.piece.numeric else item.last
            cell = cells.setdefault(item.first, DraftCell([], row, item.first, 1, last - item.first + 1))
            cell.words.extend(item.piece.words)
    return list(cells.values())


def columns_of(rows: Sequence[PrintedRow], blank: float) -> list[Span]:
    """Return the columns of `rows`, for callers that only ask whether there are any."""
    return find_columns(rows, blank)
