"""Which columns of a table hold labels, notes and values, and where do its headers end? Cells → a `Layout`.

In: the cells of a range of rows of a `JoinedTable` and the document's decimal point. Out: for each value column its own
header text from the top down, and the texts that head the whole table. Positions are columns and points of the upright page.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from extractors.kinds import TITLE_WORD, title_kind
from extractors.periods import find_dates, find_span, fold, is_no_period, read_header
from extractors.realign import Placed, loose_heads, overlapped, realign
from extractors.scales import read_currency, read_note
from schemas.amount import parse_amount
from schemas.page import JoinedTable, Line, ReadCell

MAX_HEADER_ROWS = 9  # stacked headers of scans reach five printed lines; more is no header
STRAY_SHARE = 0.15  # of the rows: a column with fewer values and no header holds footnote markers
LARGEST_NOTE = 99  # notes to the accounts are numbered with at most two digits
NOTE_RATIO = 10  # the values' median is this many times the notes' median
MAX_LOOSE = 40  # characters of a column header outside its table; longer lines are titles
MARGIN_TITLE = 6.0  # points; a line that begins at the labels' left edge is a title, no column header
LABEL_SHARE = 0.5  # of a column's body cells that are words: it holds labels
MIN_LABELS = 3  # labels that make a second label column, as in two-sided balance sheets

_NOTE_HEADER = re.compile(
    r"^\W*(?:notes?|note\(s\)|note\s*(?:ref|no)\.?s?|anm\.?|anhang|annexes?|notas?|toel\w*|附注|附註|注释|行次|ref\.?)\W*$"
)
_NOTE_CELL = re.compile(
    r"^\(?\d{1,2}(?:\s*\(?[a-z]\)?|\.\d{1,2})?(?:\s*[,&/-]\s*\d{1,2}(?:\([a-z]\))?)*\)?$", re.I
)
_SIGN_ONLY = re.compile(r"^[$£€¥₹]+$|^[A-Z]{3}$")
_CLOSING = re.compile(r"^\s*\)\s*%?\s*$|^\s*%\s*$")
_UNIT_NOISE = re.compile(r"^[£€$fFEL]?\W*[0oO][0oO\W£€$]{2,}\d?\W*s?$")  # £'000 as a recogniser may see it
_GROUP_HEAD = re.compile(r"^\W*(?:the\s*)?(?:group|consolidated|konzern|合并|合併)\b")
_PARENT_HEAD = re.compile(r"^\W*(?:the\s*)?(?:company|parent(?:\s*(?:entity|company))?|母公司)(?:\W|\d|$)")
_BRACKETED_NOTE = re.compile(
    r"^[(（][^()（）]*\b(?:in|thousands?|millions?|unaudited)\b[^()（）]*[)）]$", re.I
)
_YEAR_ONLY = re.compile(r"^\W*(?:fy\s*)?(?:19|20)\d\d\W*[*a-e¹²³]?\W*$", re.I)


@dataclass(frozen=True, slots=True)
class Side:
    """A block of a table: label columns and the value columns that belong to them. Most tables have one."""

    label_cols: tuple[int, ...]
    note_cols: tuple[int, ...]
    value_cols: tuple[int, ...]
    headers: tuple[str, ...]  # one for each value column, levels joined from the top by spaces
    ignored_cols: tuple[
        int, ...
    ] = ()  # changes, percentages, the parent's alone: no figures of the entity's periods


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
        side, mine = _side(grid, heads, labels, numbers, body)
        sides.append(side)
        used |= mine
    captions = [p.text for row in sorted(heads) for p in heads[row] if (p.cell.row, p.cell.col) not in used]
    return Layout(first_row, end, body, tuple(sides), (*titles, *captions), grid)


def _without_titles(
    heads: dict[int, tuple[Placed, ...]],
) -> tuple[dict[int, tuple[Placed, ...]], list[str]]:
    """Part the statement's title and unit note from the column headers among which a reader put them; nearest title first."""
    named = [row for row, cells in heads.items() if any(p.span > 1 and _is_title(p.text) for p in cells)]
    if not named:
        return heads, []
    taken = {
        row: [p for p in cells if (row <= named[-1] and p.span > 1) or _BRACKETED_NOTE.match(p.text)]
        for row, cells in heads.items()
    }
    left = {row: tuple(p for p in cells if p not in taken[row]) for row, cells in heads.items()}
    return left, [p.text for row in sorted(taken, reverse=True) for p in taken[row]]


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
    spans = [_extent([p for p in figures if p.col == col]) for col in cols]
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
        elif not _SIGN_ONLY.match(text) or cell.col == 0:
            out.append(Placed(cell, text, parse_amount(text, decimal_point), cell.col, cell.col_span))
        elif _SIGN_ONLY.match(text):
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
    noise = [p for p in values if _UNIT_NOISE.match(p.text)]
    if noise and len(noise) * 2 >= len(values) and not any(p.col == 0 and p.span == 1 for p in cells):
        return True
    if not values:
        text = cells[0].text
        return bool(read_note(text) or find_span(text)[0] or any(d.month for d in find_dates(text)))
    if all(is_header_cell(p) for p in values):
        return any(
            _YEAR_ONLY.match(p.text) or find_dates(p.text) or read_note(p.text) or find_span(p.text)[0]
            or is_no_period(p.text) or _SIGN_ONLY.match(p.text) or within
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
                elif not _SIGN_ONLY.match(p.text):
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


def _side(
    grid: dict[int, tuple[Placed, ...]],
    heads: dict[int, tuple[Placed, ...]],
    labels: tuple[int, ...],
    numbers: tuple[int, ...],
    body: int,
) -> tuple[Side, set[tuple[int, int]]]:
    columns = {
        col: [p for row, cells in grid.items() if row >= body for p in cells if p.col == col]
        for col in numbers
    }
    amounts = {col: [p for p in cells if p.amount is not None] for col, cells in columns.items()}
    n_rows = max((len(a) for a in amounts.values()), default=0)
    own = {col: " ".join(p.text for row in sorted(heads) for p in heads[row] if p.col == col and p.span == 1)
           for col in (*labels, *numbers)}  # fmt: skip
    numbered = [
        c for c in labels[1:] if _NOTE_HEADER.match(fold(own[c]))
    ]  # numbered in words (七、61), they look like labels
    labels = tuple(c for c in labels if c not in numbered)
    notes = numbered + _note_columns(numbers, amounts, columns, own)
    ignored = [
        c
        for c in numbers
        if c not in notes and own[c] and is_no_period(own[c]) and not read_header(own[c]).month
    ]
    rest = [c for c in numbers if c not in notes and c not in ignored and amounts[c]]
    strays = [c for c in rest if not own[c] and len(rest) > 1 and _stray(amounts[c], n_rows)]
    values = [c for c in rest if c not in strays]
    spots = {c: _extent(amounts[c]) for c in values}
    excluded = {*notes, *ignored, *strays, *labels}
    headers, used = [], set[tuple[int, int]]()
    for col in values:
        over = [(_header_of(heads[row], col, spots, excluded), row) for row in sorted(heads)]
        dated = any(p.span == 1 and exact and read_header(p.text).year for (p, exact), _ in over if p)
        named = any(exact for (p, exact), _ in over if p)
        kept = [
            p
            for (p, exact), _ in over
            if p
            and (exact or not (dated and read_header(p.text).year))
            and (exact or not named or _spreads(p.text))
        ]
        used |= {(p.cell.row, p.cell.col) for p in kept}
        headers.append(" ".join(_share_of(p, col, values) for p in kept))
    parents = _parent_columns(headers) | _translated_columns(headers)
    ignored += [col for i, col in enumerate(values) if i in parents]
    own_cols = tuple(col for i, col in enumerate(values) if i not in parents)
    own_heads = tuple(head for i, head in enumerate(headers) if i not in parents)
    return Side(labels, tuple(notes), own_cols, own_heads, tuple(ignored + strays)), used


def _translated_columns(headers: Sequence[str]) -> set[int]:
    """Return the columns that repeat figures in a second currency for the reader's convenience: the fewer, later ones."""
    named = [read_currency(head) for head in headers]
    codes = [code for code in dict.fromkeys(named) if code]
    if len(codes) < 2 or None in named:
        return set()
    own = max(codes, key=lambda code: (named.count(code), -named.index(code)))
    return {i for i, code in enumerate(named) if code != own}


def _parent_columns(headers: Sequence[str]) -> set[int]:
    """Return the columns of the parent company alone, where the group's stand beside them: they are another entity's figures."""
    parents = {i for i, head in enumerate(headers) if _PARENT_HEAD.search(fold(head))}
    group = any(_GROUP_HEAD.search(fold(head)) for head in headers)
    return parents if group and len(parents) < len(headers) else set()


def _stray(amounts: Sequence[Placed], n_rows: int) -> bool:
    small = all(
        p.amount and p.amount.value is not None and 0 < abs(p.amount.value) < 10 and not p.amount.nil
        for p in amounts
    )
    return small and len(amounts) <= max(1, STRAY_SHARE * n_rows)


def _note_columns(
    numbers: Sequence[int],
    amounts: dict[int, list[Placed]],
    columns: dict[int, list[Placed]],
    own: dict[int, str],
) -> list[int]:
    notes = []
    for position, col in enumerate(numbers[:2]):
        cells = columns[col]
        if _NOTE_HEADER.match(fold(own[col])):
            notes.append(col)
            continue
        if own[col]:
            break
        others = [
            abs(p.amount.value)
            for c in numbers[position + 1 :]
            for p in amounts[c]
            if p.amount and p.amount.value
        ]
        sizes = [abs(p.amount.value) for p in amounts[col] if p.amount and p.amount.value is not None]
        shaped = cells and all(_NOTE_CELL.match(p.text) for p in cells)
        if shaped and others and all(s <= LARGEST_NOTE for s in sizes) and len(numbers) > 1:
            typical = median(sizes) if sizes else 1
            if median(others) >= NOTE_RATIO * max(1, typical) and _rising(sizes):
                notes.append(col)
                continue
        break
    return notes


def _rising(sizes: Sequence[object]) -> bool:
    """Note numbers mostly grow down the page; amounts do not."""
    pairs = list(zip(sizes, sizes[1:], strict=False))
    return not pairs or sum(b >= a for a, b in pairs) >= 0.6 * len(pairs)  # type: ignore[operator]


def _extent(cells: Sequence[Placed]) -> tuple[float, float]:
    return median(p.cell.box.x0 for p in cells), median(p.cell.box.x1 for p in cells)


def _header_of(
    cells: Sequence[Placed], col: int, spots: dict[int, tuple[float, float]], excluded: set[int]
) -> tuple[Placed | None, bool]:
    """Return the cell of one header row that stands over a value column, and whether it covers the column itself.

    In a row with fewer cells than value columns each date or unit spans several, and the nearest one holds: "2016" stands between
    or over the right one of an inner and an outer column. A worded header does so only for columns that have none of their own.
    """
    candidates = [p for p in cells if any(c not in excluded for c in range(p.col, p.col + p.span))]
    exact = [p for p in candidates if p.col <= col < p.col + p.span]
    if exact:
        return exact[0], True
    if not candidates or len(candidates) >= len(spots):
        return None, False
    x0, x1 = spots[col]
    return min(candidates, key=lambda p: _distance((x0 + x1) / 2, p)), False


def _spreads(text: str) -> bool:
    """Tell whether a header cell names a period or a unit, which hold for the columns beside them too."""
    read = read_header(text)
    named = read.year or read.month or read.months or read.relative is not None or read.restated
    return bool(named or read_note(text) or _SIGN_ONLY.match(text) or _UNIT_NOISE.match(text))


def _share_of(placed: Placed, col: int, values: Sequence[int]) -> str:
    """Return a column's share of a header cell that prints one date after the other for the columns it covers."""
    covered = [c for c in values if placed.col <= c < placed.col + placed.span]
    starts = [d.at for d in find_dates(placed.text) if d.year]
    if len(covered) < 2 or col not in covered or len(starts) != len(covered):
        return placed.text
    edges = [0, *starts[1:], len(placed.text)]
    place = covered.index(col)
    return placed.text[edges[place] : edges[place + 1]].strip()


def _distance(x: float, placed: Placed) -> float:
    box = placed.cell.box
    if box.x0 <= x <= box.x1:
        return 0.0
    # a header to the right is the nearer one: the year is printed over the outer, right one of two columns
    return box.x0 - x if x < box.x0 else 1.2 * (x - box.x1)
