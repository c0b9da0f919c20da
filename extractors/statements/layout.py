"""Which columns of a table hold labels, notes and values, and where do its headers end? Cells → a `Layout`.

In: the cells of a range of rows of a `JoinedTable` and the document's decimal point. Out: for each value column its own
header text from the top down, and the texts that head the whole table. Positions are columns and points of the upright page.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from extractors.statements.asides import aside_kind
from extractors.statements.kinds import TITLE_WORD, title_kind
from extractors.statements.periods import find_dates, find_span, fold, read_header
from extractors.statements.realign import Placed, loose_heads, overlapped, realign
from extractors.statements.scales import read_note
from extractors.statements.sides import NOTE_HEADER, SIGN_ONLY, UNIT_NOISE, Side, contests, extent, read_side
from schemas.amount import parse_amount
from schemas.page import JoinedTable, Line, ReadCell

MAX_HEADER_ROWS = 9  # stacked headers of scans reach five printed lines; more is no header
MAX_LOOSE = 40  # characters of a column header outside its table; longer lines are titles
MARGIN_TITLE = 6.0  # points; a line that begins at the labels' left edge is a title, no column header
LABEL_SHARE = 0.5  # of a column's body cells that are words: it holds labels
MIN_LABELS = 3  # labels that make a second label column, as in two-sided balance sheets

_CLOSING = re.compile(r"^\s*\)\s*%?\s*$|^\s*%\s*$")
_BRACKETED_NOTE = re.compile(
    r"^[(（][^()（）]*\b(?:in|thousands?|millions?|unaudited)\b[^()（）]*[)）]$", re.I
)
_YEAR_ONLY = re.compile(r"^\W*(?:fy\s*)?(?:19|20)\d\d\W*[*a-e¹²³]?\W*$", re.I)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a range of rows is built."""

    first_row: int
    last_row: int  # exclusive
    body_row: int  # the first row below the headers
    sides: tuple[Side, ...]
    captions: tuple[str, ...]  # header texts that belong to no single value column
    grid: dict[int, tuple[Placed, ...]]  # row -> cells from left to right


def lay_out(
    table: JoinedTable,
    decimal_point: str,
    first_row: int = 0,
    last_row: int | None = None,
    above: Sequence[Line] = (),
) -> Layout:
    """Return how the rows `first_row` to `last_row` (exclusive, default the table's end) of a table are built.

    `above` are the lines above the table, among which its column headers may stand when the table itself has none.
    """
    end = table.n_rows if last_row is None else last_row
    grid = _grid(table, decimal_point, first_row, end)
    hint = table.n_header_rows if first_row == 0 else 0
    body = _body_row(grid, first_row, end, hint)
    grid, n_cols = realign(grid, body, table.n_cols)
    blocks = _blocks(grid, body, end, n_cols)
    heads, titles = _without_titles({row: cells for row, cells in grid.items() if row < body})
    if above and not any(read_header(p.text).year for cells in heads.values() for p in cells):
        heads = {**_loose(above, grid, body, blocks), **heads}
    sides, used = [], set[tuple[int, int]]()
    for labels, numbers in blocks:
        side, mine = read_side(grid, heads, labels, numbers, body)
        sides.append(side)
        used |= mine
    loose = [p for row in sorted(heads) for p in heads[row] if (p.cell.row, p.cell.col) not in used]
    captions = [p.text for p in loose]
    if any(contests(p) for p in loose):
        sides = [replace(side, contested=side.value_cols) for side in sides]
    return Layout(first_row, end, body, tuple(sides), (*titles, *captions), grid)


def _without_titles(
    heads: dict[int, tuple[Placed, ...]],
) -> tuple[dict[int, tuple[Placed, ...]], list[str]]:
    """Part the statement's title and unit note from the column headers among which a reader put them; nearest title first."""
    named = [
        row
        for row, cells in heads.items()
        if any(p.span > 1 and (_is_title(p.text) or _spans_all(p, heads)) for p in cells)
    ]
    if not named:
        return heads, []
    taken = {
        row: [p for p in cells if (row <= named[-1] and p.span > 1) or _BRACKETED_NOTE.match(p.text)]
        for row, cells in heads.items()
    }
    left = {row: tuple(p for p in cells if p not in taken[row]) for row, cells in heads.items()}
    return left, [p.text for row in sorted(taken, reverse=True) for p in taken[row]]


def _spans_all(placed: Placed, heads: dict[int, tuple[Placed, ...]]) -> bool:
    """Tell whether a cell in the first header row dates the whole table: it names several years and a span, and the columns below no date."""
    first, *lower = sorted(heads)
    below = [p for row in lower for p in heads[row]]
    years = {d.year for d in find_dates(placed.text) if d.year}
    named = sum(any(map(str.isalpha, p.text)) and p.col > 0 for p in below)
    return (
        placed.cell.row == first
        and len(years) > 1
        and bool(find_span(placed.text)[0])
        and named > 1
        and not any(d.year for p in below for d in find_dates(p.text))
    )


def _is_title(text: str) -> bool:
    return title_kind(text) is not None and bool(TITLE_WORD.search(fold(text)))


def _loose(
    above: Sequence[Line],
    grid: dict[int, tuple[Placed, ...]],
    body: int,
    blocks: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
) -> dict[int, tuple[Placed, ...]]:
    """Return header rows, numbered below 0, of dated lines that stand over the value columns of a table without dates."""
    figures = [
        p for row, cells in grid.items() if row >= body for p in cells if p.amount is not None and p.col > 0
    ]
    if not figures or len(blocks) != 1:
        return {}
    cols = sorted({p.col for p in figures})
    spans = [extent([p for p in figures if p.col == col]) for col in cols]
    first = figures[0].cell
    margin = min(p.cell.box.x0 for cells in grid.values() for p in cells) + MARGIN_TITLE
    rows: dict[int, tuple[Placed, ...]] = {}
    for number, lines in enumerate(
        reversed(loose_heads(above, min(p.cell.box.y0 for c in grid.values() for p in c))), 1
    ):
        placed = []
        for line in lines:
            if line.box.x0 < margin:
                continue
            if len(line.text) > MAX_LOOSE or not (read_header(line.text).year or find_span(line.text)[0]):
                continue
            index, count = overlapped(line.box.x0, line.box.x1, spans, spans[0][0])
            if index:
                col = cols[index - 1]
                cell = ReadCell(
                    page=first.page, row=-number, col=col, text=line.text, box=line.box, source=first.source
                )
                placed.append(Placed(cell, line.text, None, col, cols[index + count - 2] - col + 1))
        if placed:
            rows[-number] = tuple(sorted(placed, key=lambda p: p.col))
    return rows


def _grid(table: JoinedTable, decimal_point: str, first: int, end: int) -> dict[int, tuple[Placed, ...]]:
    rows: dict[int, list[ReadCell]] = defaultdict(list)
    for cell in table.cells:
        if first <= cell.row < end and cell.text.strip():
            rows[cell.row].append(cell)
    return {
        row: tuple(_glue(sorted(cells, key=lambda c: c.col), decimal_point))
        for row, cells in sorted(rows.items())
    }


def _glue(cells: Sequence[ReadCell], decimal_point: str) -> Iterable[Placed]:
    """Give a parenthesis or percent sign in a cell of its own back to the number before it; drop lone currency signs."""
    out: list[Placed] = []
    for cell in cells:
        text = cell.text.strip()
        if out and _CLOSING.match(text) and any(c.isdigit() for c in out[-1].text):
            joined = out[-1].text + text
            out[-1] = replace(out[-1], text=joined, amount=parse_amount(joined, decimal_point))
        elif not SIGN_ONLY.match(text) or cell.col == 0:
            out.append(Placed(cell, text, parse_amount(text, decimal_point), cell.col, cell.col_span))
        elif SIGN_ONLY.match(text):
            out.append(Placed(cell, text, None, cell.col, cell.col_span))
    return out


def is_header_cell(placed: Placed) -> bool:
    """Tell whether a cell prints a year, a date, a unit or a word that heads a column, and no figure."""
    text = placed.text
    if _YEAR_ONLY.match(text) or any(d.month for d in find_dates(text)):
        return True
    if placed.amount is None or placed.amount.value is None:
        return True
    return bool(read_note(text)) and placed.amount.currency is None and not placed.amount.magnitude > 1


def _is_header_row(cells: Sequence[Placed], *, within: bool) -> bool:
    """Tell whether a row belongs to the header. `within` the rows that the reader called header, a label may stand alone."""
    values = [p for p in cells if p.col > 0 or p.span > 1]
    noise = [p for p in values if UNIT_NOISE.match(p.text)]
    if noise and len(noise) * 2 >= len(values) and not any(p.col == 0 and p.span == 1 for p in cells):
        return True
    if not values:
        text = cells[0].text
        return bool(read_note(text) or find_span(text)[0] or any(d.month for d in find_dates(text)))
    if all(is_header_cell(p) for p in values):
        return any(
            _YEAR_ONLY.match(p.text) or find_dates(p.text) or read_note(p.text) or find_span(p.text)[0]
            or aside_kind(p.text) or NOTE_HEADER.match(fold(p.text)) or SIGN_ONLY.match(p.text) or within
            for p in values
        )  # fmt: skip
    label = any(p.col == 0 and p.amount is None for p in cells)
    return within and not label and not any(p.amount and p.amount.negative for p in values)


def _body_row(grid: dict[int, tuple[Placed, ...]], first: int, end: int, hint: int) -> int:
    """Return the first row below the header: the last header row among the first rows, seen past section labels."""
    body = first
    for row in range(first, min(end, first + MAX_HEADER_ROWS + hint)):
        cells = grid.get(row)
        if not cells:
            continue
        within = row < first + hint
        if _is_header_row(cells, within=within):
            body = row + 1
        elif any(p.amount is not None and not is_header_cell(p) for p in cells if p.col > 0):
            break
    return body


def _blocks(
    grid: dict[int, tuple[Placed, ...]], body: int, end: int, n_cols: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Split the columns into blocks of label columns followed by number columns."""
    words: dict[int, int] = defaultdict(int)
    numbers: dict[int, int] = defaultdict(int)
    for row, cells in grid.items():
        if not body <= row < end:
            continue
        for p in cells:
            if p.span == 1 or p.col == 0:
                if p.amount is not None:
                    numbers[p.col] += 1
                elif not SIGN_ONLY.match(p.text):
                    words[p.col] += any(c.isalpha() for c in p.text)
    blocks: list[tuple[list[int], list[int]]] = []
    for col in range(n_cols):
        labels = words[col] >= MIN_LABELS and words[col] > LABEL_SHARE * (words[col] + numbers[col])
        if not blocks or (labels and blocks[-1][1]):
            blocks.append(([col], []) if labels or not blocks and numbers[col] == 0 else ([], [col]))
        elif labels or (not blocks[-1][1] and numbers[col] == 0):
            blocks[-1][0].append(col)
        else:
            blocks[-1][1].append(col)
    whole = [(tuple(labels), tuple(nums)) for labels, nums in blocks if nums]
    return whole or [((0,), tuple(range(1, n_cols)))]
