"""Which tables are financial statements, and what do they say? Joined tables → `Statement`s.

In: the document's joined tables and its page readings. Out: one `Statement` for each statement found, look-alikes included and
marked; its columns carry periods, its items labels, units and printed values. `extractors.facts` turns them into facts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from extractors.concepts import find_concept
from extractors.kinds import KindGuess, guess_kind, title_kind
from extractors.layout import Layout, Placed, lay_out
from extractors.lineitems import RawItem, read_items
from extractors.periods import HeaderPeriod, Period, complete_periods, find_dates, fold, read_header
from extractors.scales import RowUnit, UnitNote, best_note, names_dollar, read_note, row_unit, scale_of
from schemas.amount import decide_decimal_point
from schemas.page import JoinedTable, Line, PageReading
from schemas.records import StatementKind

TITLE_LINES = 8  # printed lines above a table in which its title and unit note stand
NOTE_LINES = 3  # lines below a table that may state its unit
MIN_ITEMS = 3  # rows with values; fewer are no statement


@dataclass(frozen=True, slots=True)
class Column:
    """One value column of a statement."""

    col: int  # in the table
    header: str
    period: Period
    component: str | None = None  # of an equity statement: what the column counts, instead of a period


@dataclass(frozen=True, slots=True)
class Value:
    """One printed value of a line item."""

    column: int  # index in `Statement.columns`
    placed: Placed


@dataclass(frozen=True, slots=True)
class LineItem:
    """One row of a statement. `scale` is the multiplier that holds for this row, None when nobody printed it."""

    table_id: str
    row: int
    label: str
    path: tuple[str, ...]
    level: int
    section: bool
    total: bool
    unit: RowUnit
    scale: int | None
    concept: str | None
    values: tuple[Value, ...]
    ruled: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A financial statement as printed in one table (and the untitled tables that go on with it)."""

    kind: StatementKind
    primary: bool
    table: JoinedTable
    title: str | None
    currency: str | None
    scale: int | None
    unit_text: str | None  # the printed citation of scale and currency
    columns: tuple[Column, ...]
    items: tuple[LineItem, ...]
    why_not_primary: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A range of rows of a table that looks like a statement, before its sisters have completed it."""

    table: JoinedTable
    layout: Layout
    titles: tuple[str, ...]  # nearest first
    guess: KindGuess
    items: tuple[tuple[RawItem, ...], ...]  # for each side
    headers: tuple[HeaderPeriod, ...]  # for the value columns of all sides
    title_row: int | None = None  # where the title stands inside the table


def find_statements(tables: Sequence[JoinedTable], pages: Sequence[PageReading]) -> tuple[Statement, ...]:
    """Return the financial statements among a document's tables, in reading order, look-alikes marked as not primary."""
    decimal_point = decide_decimal_point(c.text for t in tables for c in t.cells if c.col > 0)
    candidates = [c for table in tables for c in _candidates(table, pages, decimal_point)]
    primary = _primary(candidates)
    ends = _known_ends(candidates)
    currency = _document_currency(candidates, pages)
    return tuple(_statement(c, primary.get(id(c)), ends, currency) for c in candidates)


def _candidates(table: JoinedTable, pages: Sequence[PageReading], decimal_point: str) -> list[_Candidate]:
    outside = [line.text for line in reversed(_lines_above(table, pages))][:TITLE_LINES]
    if table.title:
        outside.insert(0, table.title)
    cuts = _inner_titles(table)
    starts = [0, *[row for row, _ in cuts]]
    ends = [*[row for row, _ in cuts], table.n_rows]
    found = []
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if last - first < MIN_ITEMS:
            continue
        title_row = first if number else None
        layout = lay_out(table, decimal_point, first + (number > 0), last)
        inner = [cuts[number - 1][1]] if number else []
        titles = tuple([*inner, *layout.captions, *(outside if not number else [])])
        sides = [side for side in layout.sides if side.value_cols]
        items = tuple(read_items(layout, side) for side in sides)
        if sum(bool(item.values) for side in items for item in side) < MIN_ITEMS:
            continue
        labels = [item.label for side in items for item in side if item.label]
        headers = [header for side in sides for header in side.headers]
        guess = guess_kind(titles, labels, headers)
        if guess is None:
            continue
        layout = replace(layout, sides=tuple(sides))
        found.append(
            _Candidate(table, layout, titles, guess, items, tuple(read_header(h) for h in headers), title_row)
        )
    return found


def _lines_above(table: JoinedTable, pages: Sequence[PageReading]) -> list[Line]:
    """The lines between a table and the table above it on its page, top first."""
    first = table.fragments[0]
    page = next((p for p in pages if p.page == first.page), None)
    upper = (
        [f.box.y1 for f in page.fragments if f is not first and f.box.y1 <= first.box.y0 + 1] if page else []
    )
    top = max(upper, default=float("-inf"))
    return [line for line in table.above if line.box.y0 >= top - 1]


def _inner_titles(table: JoinedTable) -> list[tuple[int, str]]:
    """Return (row, title) of statements that begin inside a table: a title row with a header row close below."""
    rows: dict[int, list[str]] = {}
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        rows.setdefault(cell.row, []).append(cell.text)
    found = []
    for row, texts in rows.items():
        text = " ".join(texts)
        if (
            row < max(2, table.n_header_rows)
            or len(texts) > 3
            or title_kind(text) is None
            or not _TITLE_WORD.search(fold(text))
        ):
            continue
        below = [" ".join(rows.get(r, [])) for r in range(row + 1, row + 4)]
        if any(_HEADER_BELOW.search(fold(b)) or read_note(b) for b in below):
            found.append((row, text))
    return found


_UNIT_SIGNS = re.compile(r"(?:£|€|\$|rmb|k€|t€|teur|eur|gbp|usd)\W*(?:000|m|mn|k)?", re.IGNORECASE)
_TITLE_WORD = re.compile(
    r"statement|account|sheet|表|rechnung|bilanz|compte|bilan|estado|demonstra|overzicht|tableau|cuenta"
)
_HEADER_BELOW = re.compile(r"(?:19|20)\d\d\s+.*(?:19|20)\d\d|\bnotes?\b|£|€|\$|ended|期末|本期")


def _primary(candidates: Sequence[_Candidate]) -> dict[int, str | None]:
    """Return for each candidate (by id) why it is not primary, or None where it is; one primary statement of each kind."""
    verdicts: dict[int, str | None] = {}
    for candidate in candidates:
        guess = candidate.guess
        if guess.look_alike:
            verdicts[id(candidate)] = f"the title says {guess.look_alike!r}"
        elif guess.parent_only:
            verdicts[id(candidate)] = "parent company only"
        elif not guess.whole:
            verdicts[id(candidate)] = "an extract: it lacks rows that a whole statement has"
        else:
            verdicts[id(candidate)] = None
    for kind in {c.guess.kind for c in candidates}:
        ours = [c for c in candidates if c.guess.kind == kind and verdicts[id(c)] is None]
        titled = [c for c in ours if c.guess.title]
        if titled:
            for c in ours:
                if not c.guess.title:
                    verdicts[id(c)] = "untitled, while another table is titled as this statement"
        best = max(titled or ours, key=lambda c: (c.guess.score, len(c.items[0])), default=None)
        for c in titled or ours:
            if c is not best and best is not None and not _sisters(c, best):
                verdicts[id(c)] = "another table is the primary statement of this kind"
    return verdicts


def _sisters(first: _Candidate, second: _Candidate) -> bool:
    """Two parts of one statement: same table, or both titled alike in a row of pages."""
    return first.table.table_id == second.table.table_id and first.layout.first_row == second.layout.first_row


def _known_ends(candidates: Sequence[_Candidate]) -> tuple[date, ...]:
    """Return the full dates that the statements' own headers and titles print."""
    ends = []
    for candidate in candidates:
        for text in [*(h.text for h in candidate.headers), *candidate.titles[:TITLE_LINES]]:
            ends += [date(d.year, d.month, d.day) for d in find_dates(text) if d.year and d.month and d.day]
    return tuple(sorted(set(ends)))


def _document_currency(candidates: Sequence[_Candidate], pages: Sequence[PageReading]) -> str | None:
    """Return the currency of the unit notes, else of the signs beside the values.

    A bare dollar is the US one, for a document that means another dollar names it.
    """
    named = [n.currency for c in candidates for t in c.titles if (n := read_note(t)) and n.currency]
    if named:
        return max(set(named), key=named.count)
    signs = [
        p.amount
        for c in candidates
        for cells in c.layout.grid.values()
        for p in cells
        if p.amount and p.amount.symbol
    ]
    codes = [a.currency for a in signs if a.currency]
    if codes:
        return max(set(codes), key=codes.count)
    if any(a.symbol == "$" for a in signs) or any(names_dollar(t) for c in candidates for t in c.titles):
        return "USD"
    lone = [
        p.text
        for c in candidates
        for cells in c.layout.grid.values()
        for p in cells
        if p.amount is None and p.text == "$"
    ]
    return "USD" if lone else None


def _statement(
    candidate: _Candidate, why_not: str | None, ends: Sequence[date], document_currency: str | None
) -> Statement:
    kind, guess = candidate.guess.kind, candidate.guess
    instant = kind == "balance_sheet"
    note = _unit(candidate)
    components = kind == "equity_statement"
    headers = [h for side in candidate.layout.sides for h in _dated(side.headers)]
    periods = complete_periods(headers, candidate.titles, instant=instant, known_ends=ends)
    columns, items = [], []
    offset = 0
    for side, raw in zip(candidate.layout.sides, candidate.items, strict=True):
        for col, header, period in zip(side.value_cols, side.headers, periods[offset:], strict=False):
            columns.append(
                Column(
                    col, header, Period(text=header) if components else period, header if components else None
                )
            )
        items += [_item(candidate, r, offset, note, balance=instant) for r in raw]
        offset += len(side.value_cols)
    return Statement(
        kind,
        why_not is None,
        candidate.table,
        guess.title,
        note.currency or document_currency,
        note.scale,
        note.text,
        tuple(columns),
        tuple(items),
        why_not,
    )


def _dated(headers: Sequence[str]) -> list[HeaderPeriod]:
    """Read one side's column headers; an inner amount column without a date has that of the outer one on its right."""
    read = [read_header(h) for h in headers]
    for index in reversed(range(len(read) - 1)):
        bare = not any(c.isalpha() for c in _UNIT_SIGNS.sub("", headers[index]))
        if bare and read[index].year is None and read[index].relative is None and read[index + 1].year:
            read[index] = replace(read[index + 1], text=headers[index])
    return read


def _unit(candidate: _Candidate) -> UnitNote:
    """The unit note nearest to the values: column headers, captions, lines above, then lines below."""
    headers = [h.text for h in candidate.headers]
    below = [line.text for line in candidate.table.below[:NOTE_LINES]]
    stubs = [item.label for side in candidate.items for item in side[:3] if not item.values]
    return best_note(headers, [*candidate.titles, *stubs, *below])


def _item(candidate: _Candidate, raw: RawItem, offset: int, note: UnitNote, *, balance: bool) -> LineItem:
    unit = row_unit(raw.label, raw.path, balance=balance)
    if unit == "money" and raw.values and all(p.amount and p.amount.unit == "percent" for _, p in raw.values):
        unit = "percent"
    values = tuple(Value(offset + index, placed) for index, placed in raw.values)
    concept = find_concept(candidate.guess.kind, raw.label, raw.path) if raw.values else None
    return LineItem(candidate.table.table_id, raw.row, raw.label, raw.path, raw.level, raw.section, raw.total, unit,
                    scale_of(unit, note), concept, values, raw.ruled)  # fmt: skip
