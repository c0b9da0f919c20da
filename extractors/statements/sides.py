"""Which columns of a block hold labels, notes, values or comparisons, and what heads each? Cells and header rows → a `Side`.

In: the cells of a table by row, its header rows, and the label and number columns of one block. Out: the block's `Side`; for each value column its
header text, levels joined from the top. Positions are columns and points of the upright page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from extractors.statements.asides import Aside, all_percent, aside_kind
from extractors.statements.periods import find_dates, fold, read_header
from extractors.statements.realign import Placed
from extractors.statements.scales import UnitNote, read_currency, read_note

STRAY_SHARE = 0.15  # of the rows: a column with fewer values and no header holds footnote markers
LARGEST_NOTE = 99  # notes to the accounts are numbered with at most two digits
NOTE_RATIO = 10  # the values' median is this many times the notes' median

NOTE_HEADER = re.compile(
    r"^\W*(?:notes?|note\(s\)|note\s*(?:ref|no)\.?s?|anm\.?|anmerkung\w*|anhang|annexes?|notas?|toel\w*|附注|附註|注释|行次|ref\.?"
    r"|page)\W*$"
)
_NOTE_CELL = re.compile(
    r"^\(?\d{1,2}(?:\s*\(?[a-z]\)?|\.\d{1,2})?(?:\s*[,&/-]\s*\d{1,2}(?:\([a-z]\))?)*\)?$", re.I
)
SIGN_ONLY = re.compile(r"^[$£€¥₹]+$|^[A-Z]{3}$")
UNIT_NOISE = re.compile(r"^[£€$fFEL]?\W*[0oO][0oO\W£€$]{2,}\d?\W*s?$")  # £'000 as a recogniser may see it
_SIGNED_FRACTION = re.compile(r"^\(\d+\.\d+\)$")  # a loss per share, no note
_MARK_CELL = re.compile(r"^[(\[]?[1-9][)\]]?[*†‡]?$")
_GROUP_HEAD = re.compile(r"^\W*(?:the\s*)?(?:group|consolidated|konzern|合并|合併)\b")
_PARENT_HEAD = re.compile(r"^\W*(?:the\s*)?(?:company|parent(?:\s*(?:entity|company))?|母公司)(?:\W|\d|$)")


@dataclass(frozen=True, slots=True)
class AsideColumn:
    """A column that compares the periods beside it, or gives percentages of a base row."""

    col: int
    kind: Aside
    header: str  # levels joined from the top by spaces


@dataclass(frozen=True, slots=True)
class Side:
    """A block of a table: label columns and the value columns that belong to them. Most tables have one."""

    label_cols: tuple[int, ...]
    note_cols: tuple[int, ...]
    value_cols: tuple[int, ...]
    headers: tuple[str, ...]  # one for each value column, levels joined from the top by spaces
    ignored_cols: tuple[
        int, ...
    ] = ()  # notes, changes, percentages, the parent's alone: no figures of the entity's periods
    asides: tuple[AsideColumn, ...] = ()  # of the ignored ones those that compare periods
    contested: tuple[int, ...] = ()  # value columns for which the page's words show another header


def read_side(
    grid: dict[int, tuple[Placed, ...]],
    heads: dict[int, tuple[Placed, ...]],
    labels: tuple[int, ...],
    numbers: tuple[int, ...],
    body: int,
) -> tuple[Side, set[tuple[int, int]]]:
    """Return the block of label columns `labels` and number columns `numbers`, and the header cells (row, column) that it uses.

    `heads` are the header rows, `body` is the first row below them.
    """
    columns = {
        col: [p for row, cells in grid.items() if row >= body for p in cells if p.col == col]
        for col in numbers
    }
    amounts = {col: [p for p in cells if p.amount is not None] for col, cells in columns.items()}
    n_rows = max((len(a) for a in amounts.values()), default=0)
    own = {col: " ".join(p.text for row in sorted(heads) for p in heads[row] if p.col == col and p.span == 1)
           for col in (*labels, *numbers)}  # fmt: skip
    numbered = [
        c for c in labels[1:] if NOTE_HEADER.match(fold(own[c]))
    ]  # numbered in words (七、61), they look like labels
    labels = tuple(c for c in labels if c not in numbered)
    notes = numbered + _note_columns(numbers, amounts, columns, own)
    kinds = _own_asides(numbers, amounts, own)
    ignored = [c for c in numbers if c not in notes and (c in kinds or NOTE_HEADER.match(fold(own[c])))]
    rest = [c for c in numbers if c not in notes and c not in ignored and amounts[c]]
    strays = [c for c in rest if not own[c] and len(rest) > 1 and _stray(amounts[c], n_rows)]
    values = [c for c in rest if c not in strays]
    spots = {c: extent(amounts[c]) for c in values}
    excluded = {*notes, *ignored, *strays, *labels}
    headers, used, contested = [], set[tuple[int, int]](), []
    for col in values:
        kept = _over_column(heads, col, spots, excluded)
        used |= {(p.cell.row, p.cell.col) for p in kept}
        headers.append(" ".join(_share_of(p, col, values) for p in kept))
        if any(contests(p) for p in kept):
            contested.append(col)
    spanned = _spanned_asides(values, headers)
    parents = _parent_columns(headers) | _translated_columns(headers)
    out = {col for i, col in enumerate(values) if i in parents} | spanned.keys()
    asides = []
    for col in ignored:
        if col in kinds and amounts[col]:
            whole = _whole_header(heads, col)
            asides.append(AsideColumn(col, aside_kind(whole) or kinds[col], whole))
    asides += [AsideColumn(c, kind, headers[values.index(c)]) for c, kind in spanned.items()]
    used |= {(p.cell.row, p.cell.col) for a in asides for row in heads for p in heads[row] if p.col == a.col}
    kept_cols = [(col, head) for col, head in zip(values, headers, strict=True) if col not in out]
    return Side(
        labels,
        tuple(notes),
        tuple(col for col, _ in kept_cols),
        tuple(head for _, head in kept_cols),
        (*ignored, *sorted(out), *strays),
        tuple(sorted(asides, key=lambda a: a.col)),
        tuple(contested),
    ), used


def contests(head: Placed) -> bool:
    """Tell whether a header cell says when, for how long or in what unit, and another reading of it says something else.

    "2015 £" and "2015 E" say the same: the letters differ, and the cell is flagged, but the column's figures are not in doubt.
    """
    cell = head.cell
    if cell.grounding != "mismatch" or not (_says(head.text) or _says(cell.other_text or "")):
        return False
    return cell.other_text is None or not _say_the_same(head.text, cell.other_text)


def _says(header: str) -> bool:
    read = read_header(header)
    return bool(read.year or read.month or read.months or read_note(header))


def _say_the_same(header: str, other: str) -> bool:
    """Tell whether two readings of a header name the same period and the same unit. A currency need stand in one of them only."""
    figures = [[c for c in fold(text) if c.isdigit()] for text in (header, other)]
    periods = [replace(read_header(text), text="") for text in (header, other)]
    notes = [read_note(text) or UnitNote() for text in (header, other)]
    currencies = {note.currency for note in notes if note.currency}
    return (
        figures[0] == figures[1]
        and periods[0] == periods[1]
        and notes[0].scale == notes[1].scale
        and len(currencies) < 2
    )


def _over_column(
    heads: dict[int, tuple[Placed, ...]], col: int, spots: dict[int, tuple[float, float]], excluded: set[int]
) -> list[Placed]:
    """Return the header cells that hold for a value column, from the top."""
    over = [_header_of(heads[row], col, spots, excluded) for row in sorted(heads)]
    dated = any(p.span == 1 and exact and read_header(p.text).year for p, exact in over if p)
    spanned = any(exact and read_header(p.text).months for p, exact in over if p)
    named = any(exact for p, exact in over if p)
    return [
        p
        for p, exact in over
        if p
        and (exact or not (dated and read_header(p.text).year))
        and (exact or not (spanned and read_header(p.text).months))
        and (exact or not named or _spreads(p.text))
    ]


def _own_asides(
    numbers: Sequence[int], amounts: dict[int, list[Placed]], own: dict[int, str]
) -> dict[int, Aside]:
    """Return the columns that their own header, or the percent signs beside their figures, say to compare."""
    kinds: dict[int, Aside] = {c: kind for c in numbers if own[c] and (kind := aside_kind(own[c]))}
    percents: dict[int, Aside] = {
        c: "percent"
        for c in numbers
        if c not in kinds and all_percent([p.amount for p in amounts[c] if p.amount])
    }
    money = any(amounts[c] for c in numbers if c not in kinds and c not in percents)
    return {**kinds, **percents} if money else kinds


def _spanned_asides(values: Sequence[int], headers: Sequence[str]) -> dict[int, Aside]:
    """Return the columns that a heading over several says to compare: "Percent of net sales" over "2023 2022"."""
    found = {col: kind for col, head in zip(values, headers, strict=True) if (kind := aside_kind(head))}
    left = [head for col, head in zip(values, headers, strict=True) if col not in found]
    return found if any(read_header(head).year for head in left) else {}


def _whole_header(heads: dict[int, tuple[Placed, ...]], col: int) -> str:
    return " ".join(p.text for row in sorted(heads) for p in heads[row] if p.col <= col < p.col + p.span)


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
    """Tell whether a column without header holds footnote marks: few single digits, none with a point, a sign or a unit."""
    return len(amounts) <= max(1, STRAY_SHARE * n_rows) and all(_MARK_CELL.match(p.text) for p in amounts)


def _note_columns(
    numbers: Sequence[int],
    amounts: dict[int, list[Placed]],
    columns: dict[int, list[Placed]],
    own: dict[int, str],
) -> list[int]:
    notes = []
    for position, col in enumerate(numbers[:2]):
        cells = columns[col]
        if NOTE_HEADER.match(fold(own[col])):
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
        shaped = bool(cells) and all(
            _NOTE_CELL.match(p.text) and not _SIGNED_FRACTION.match(p.text) for p in cells
        )
        if shaped and others and all(1 <= s <= LARGEST_NOTE for s in sizes) and len(numbers) > 1:
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


def extent(cells: Sequence[Placed]) -> tuple[float, float]:
    """Return the usual left and right edge of cells, in points."""
    return median(p.cell.box.x0 for p in cells), median(p.cell.box.x1 for p in cells)


def _header_of(
    cells: Sequence[Placed], col: int, spots: dict[int, tuple[float, float]], excluded: set[int]
) -> tuple[Placed | None, bool]:
    """Return the cell of one header row that stands over a value column, and whether it covers the column itself.

    In a row with fewer cells than value columns each date or unit spans several. Where the last column has one of its own and the
    first has none, dates stand over the outer, right ones of inner and outer columns, and the next one holds; the other way round
    the one before; else the nearest. A worded header does so only for columns that have none of their own.
    """
    candidates = [p for p in cells if any(c not in excluded for c in range(p.col, p.col + p.span))]
    exact = [p for p in candidates if p.col <= col < p.col + p.span]
    if exact:
        return exact[0], True
    if not candidates or len(candidates) >= len(spots):
        return None, False
    own = {c for p in candidates for c in range(p.col, p.col + p.span)}
    outer, inner = max(spots) in own, min(spots) in own
    if outer and not inner:
        return next(p for p in candidates if p.col > col), False
    if inner and not outer:
        return next(p for p in reversed(candidates) if p.col < col), False
    x0, x1 = spots[col]
    return min(candidates, key=lambda p: _distance((x0 + x1) / 2, p)), False


def _spreads(text: str) -> bool:
    """Tell whether a header cell names a period or a unit, which hold for the columns beside them too."""
    read = read_header(text)
    named = read.year or read.month or read.months or read.relative is not None or read.restated
    return bool(named or read_note(text) or SIGN_ONLY.match(text) or UNIT_NOISE.match(text))


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
