"""How a table without a ruled grid is read: rows, columns, header, and what stands in each cell.

In: the printed rows of one table region and the page's rules. Out: a `Draft`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.geometry.columns import Placed, find_columns, place
from extractors.geometry.draft import Draft, DraftCell, holds_value, settled
from extractors.geometry.headers import STACK_GAP, header_cells
from extractors.geometry.wrap import row_groups, shared_labels
from extractors.pages.rows import Measure, PrintedRow
from schemas.box import Box, union
from schemas.page import Rule

WIDE = 0.6  # of the table's width; a horizontal rule at least this long parts rows
RULED_ROWS = 0.4  # rules across the table for each printed line of its body, where every row has its rule
LOOSE_STACK = (
    2.0  # line heights of white; so far apart may the lines of a heading be where rules part the rows
)
AMOUNT = re.compile(r"[$£€¥₹]?\s*\(?\d{1,3}(?:[,.' ]\d{3})+\s*\)?")
MAX_HEADER_LINES = 10  # printed lines; no column header is deeper


def read_open(rows: Sequence[PrintedRow], rules: Sequence[Rule], scale: Measure) -> Draft:
    """Read the table that `rows` form."""
    columns = find_columns(rows, scale)
    placed = [place(row, columns, scale) for row in rows]
    frame = union(row.box for row in rows)
    breaks = _breaks(rules, frame)
    n_lines = _header_lines(placed, rows, breaks)
    ruled_rows = len(breaks) >= RULED_ROWS * (len(rows) - n_lines)
    stack_gap = (LOOSE_STACK if ruled_rows else STACK_GAP) * scale.height
    headings = header_cells(placed[:n_lines], columns, rules, scale.height, stack_gap)
    n_header = max((cell.row for cell in headings), default=-1) + 1
    cells = [DraftCell(c.words, c.row, c.first, c.rows, c.last - c.first + 1) for c in headings]
    body = placed[n_lines:]
    shared = shared_labels(body, breaks)
    between = [body[index] for index in shared]
    above = [n_lines + index - 1 for index in shared]  # the first of the two rows that share a label
    breaks = [*breaks, *((rows[n - 1].box.y1 + rows[n].box.y0) / 2 for n in above if n > n_lines)]
    body = [row for index, row in enumerate(body) if index not in shared]
    first_of_two = [index - 1 - place for place, index in enumerate(shared)]
    groups = row_groups(body, scale, breaks)
    for number, group in enumerate(groups):
        cells.extend(_body_cells([body[index] for index in group], n_header + number))
        for label, first in zip(between, first_of_two, strict=True):
            if first in group:
                cells.append(DraftCell(list(label[0].piece.words), n_header + number, 0, 2, 1))
    return Draft(
        settled(cells), n_header + len(groups), len(columns), n_header, [column.x0 for column in columns]
    )


def _breaks(rules: Sequence[Rule], frame: Box) -> list[float]:
    """Heights at which rules, put together, run across most of the table."""
    covered: dict[int, list[Rule]] = {}
    for rule in rules:
        if rule.horizontal and frame.y0 <= rule.y1 and rule.y0 <= frame.y1:
            covered.setdefault(round((rule.y0 + rule.y1) / 2), []).append(rule)
    breaks = []
    for level in covered.values():
        ink = sum(max(0.0, min(rule.x1, frame.x1) - max(rule.x0, frame.x0)) for rule in level)
        if ink >= WIDE * frame.width:
            breaks.append((level[0].y0 + level[0].y1) / 2)
    return sorted(breaks)


def _header_lines(
    placed: Sequence[Sequence[Placed]], rows: Sequence[PrintedRow], breaks: Sequence[float]
) -> int:
    """How many lines the header has: those above the first row with a value, unless a rule says otherwise.

    A rule across the table right below that row makes it a header of numbers. A rule above it ends the header where
    rows with labels follow, whose texts are no values.
    """
    first = values = next((n for n, row in enumerate(placed) if _valued(row)), 0)
    while first > 0 and all(item.first == 0 for item in placed[first - 1]):
        first -= 1  # a section above the first values
    ruled = [n for n in range(1, len(rows)) if any(rows[n - 1].middle < y < rows[n].middle for y in breaks)]
    for line in ruled:
        if line > MAX_HEADER_LINES or not any(item.first > 0 for row in placed[:line] for item in row):
            continue
        complete = [n for n, row in enumerate(placed[:line]) if _valued(row) and row[0].first == 0]
        numbers = line > values and complete in ([], [line - 1]) and 1 < line < len(rows) - 1
        opening = any(_opening_balance(row) for row in placed[values:line])
        if numbers and not opening and len(ruled) < RULED_ROWS * len(rows):
            return line
        labelled = sum(len(row) > 1 and row[0].first == 0 for row in placed[line:first])
        if line <= first and labelled > 1:
            return line
    return first


def _opening_balance(row: Sequence[Placed]) -> bool:
    """Tell whether a row above a rule is a worded label with amounts and nothing else, and so no header of numbers."""
    texts = [item.piece.text for item in row]
    worded = any(letter.isalpha() for letter in texts[0])
    bare = not any(letter.isalpha() for text in texts[1:] for letter in text)
    return worded and bare and any(AMOUNT.fullmatch(text) for text in texts[1:])


def _valued(row: Sequence[Placed]) -> bool:
    return holds_value(item.piece.text for item in row if item.first > 0)


def _body_cells(lines: Sequence[Sequence[Placed]], row: int) -> list[DraftCell]:
    """The cells of one row of the table, printed on one or more lines."""
    cells: dict[int, DraftCell] = {}
    for line in lines:
        for item in line:
            last = item.first if item.first == 0 or item.piece.numeric else item.last
            cell = cells.setdefault(item.first, DraftCell([], row, item.first, 1, last - item.first + 1))
            cell.words.extend(item.piece.words)
    return list(cells.values())
