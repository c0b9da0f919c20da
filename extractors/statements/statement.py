"""Which tables are financial statements, and what do they say? Joined tables → `Statement`s.

In: the document's joined tables and its page readings. Out: one `Statement` for each statement found, look-alikes included and
marked; its columns carry periods, its items labels, units and printed values. `extractors.facts` turns them into facts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from os.path import commonprefix

from extractors.statements.asides import Aside
from extractors.statements.candidates import (
    TITLE_LINES,
    Candidate,
    Part,
    cells_of,
    find_candidates,
    side_columns,
    why_not_primary,
)
from extractors.statements.concepts import find_concept
from extractors.statements.lineitems import RawItem
from extractors.statements.periods import (
    HeaderPeriod,
    Period,
    complete_periods,
    find_dates,
    header_mark,
    names_restatement,
    note_mark,
    read_header,
)
from extractors.statements.realign import Placed
from extractors.statements.rollforward import Moment, date_by_span, date_rows, mark_moments
from extractors.statements.scales import (
    RowUnit,
    UnitNote,
    best_note,
    heads_shares,
    names_dollar,
    own_scale,
    read_note,
    read_presentation,
    row_unit,
    scale_of,
)
from extractors.statements.splits import split_periods
from extractors.statements.units import borrow_scales
from schemas.amount import decide_decimal_point
from schemas.page import JoinedTable, PageReading
from schemas.records import StatementKind

MIN_COMPONENTS = 3  # columns under one date that are components of equity, not periods
NOTE_LINES = 3  # lines below a table that may state its unit
STUB_ROWS = 3  # first rows without values whose labels may state the unit

_OF_ONE_SHARE = re.compile(r"Per(?:Basic|Diluted|BasicAndDiluted)?Share")
_IN_MONEY = re.compile(r"[£€¥$](?:\W*0{3}(?!\d)|(?!\W?\d))")
_UNIT_SIGNS = re.compile(r"(?:£|€|\$|rmb|k€|t€|teur|eur|gbp|usd)\W*(?:000|m|mn|k)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """One value column of a statement."""

    col: int  # in the statement's first table
    header: str
    period: Period
    component: str | None = (
        None  # of an equity statement what the column counts, instead of a period; else the part of its period
    )
    counts_shares: bool = False  # a component that is a number of shares, whatever its rows are
    share_scale: int | None = None  # the multiplier of such a column
    contested: bool = False  # the page's words show another header
    part_of: int | None = None  # of a part of a period the column, by its index, that all its parts add up to


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
    period: Period | None = None  # of an equity statement's row, where its label names one
    moment: Moment | None = (
        None  # of an equity statement's row, where it states the start or the end of each column's period
    )
    doubt: str | None = None  # what speaks against the label as it was read


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column of changes or percentages beside the periods. `figures` holds (table, row of the cell, cell) of each printed one."""

    kind: Aside
    header: str
    col: int
    figures: tuple[tuple[str, int, Placed], ...]


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
    table_ids: tuple[str, ...] = ()  # its table and those that go on with it
    comparisons: tuple[Comparison, ...] = ()  # columns that state no period of their own


def find_statements(tables: Sequence[JoinedTable], pages: Sequence[PageReading]) -> tuple[Statement, ...]:
    """Return the financial statements among a document's tables, in reading order, look-alikes marked as not primary."""
    decimal_point = decide_decimal_point(c.text for t in tables for c in t.cells if c.col > 0)
    candidates = find_candidates(tables, pages, decimal_point)
    ends = _known_ends(candidates)
    currency = _document_currency(candidates, pages)
    verdicts = why_not_primary(candidates)
    found = [_statement(c, verdict, ends, currency) for c, verdict in zip(candidates, verdicts, strict=True)]
    return borrow_scales(found)


def _known_ends(candidates: Sequence[Candidate]) -> tuple[date, ...]:
    """Return the full dates that the statements' own headers and titles print."""
    ends = []
    for candidate in candidates:
        for text in [*candidate.headers, *candidate.titles[:TITLE_LINES]]:
            ends += [date(d.year, d.month, d.day) for d in find_dates(text) if d.year and d.month and d.day]
    return tuple(sorted(set(ends)))


def _document_currency(candidates: Sequence[Candidate], pages: Sequence[PageReading]) -> str | None:
    """Return the currency of the unit notes, else of the signs beside the values.

    A bare dollar is the one that the document says it is presented in, and where it says nothing the US one.
    """
    named = [n.currency for c in candidates for t in c.titles if (n := read_note(t)) and n.currency]
    if named:
        return max(set(named), key=named.count)
    cells = [placed for c in candidates for part in c.parts for placed in cells_of(part)]
    codes = [p.amount.currency for p in cells if p.amount and p.amount.currency]
    if codes:
        return max(set(codes), key=codes.count)
    dollars = any((p.amount and p.amount.symbol == "$") or p.text == "$" for p in cells)
    if not dollars and not any(names_dollar(t) for c in candidates for t in (*c.titles, *c.headers)):
        return None
    said = [code for page in pages if (code := read_presentation(" ".join(line.text for line in page.lines)))]
    return max(set(said), key=said.count) if said else "USD"


def _statement(
    candidate: Candidate, why_not: str | None, ends: Sequence[date], document_currency: str | None
) -> Statement:
    kind, first = candidate.guess.kind, candidate.first
    note = _unit(candidate)
    headers = [h for side in first.layout.sides for h in _dated(side.headers)]
    periods = complete_periods(headers, candidate.titles, instant=kind == "balance_sheet", known_ends=ends)
    periods = _restated(periods, [line.text for line in candidate.parts[-1].table.below])
    dated = sum(bool(h.year) or h.relative is not None for h in headers)
    captioned = len(headers) >= MIN_COMPONENTS and len({_same_date(h) for h in headers}) == 1
    components = kind == "equity_statement" and (dated * 2 < len(headers) or captioned)
    named = (
        _without_caption([h.text for h in headers]) if components and captioned else [h.text for h in headers]
    )
    cols = [col for side in first.layout.sides for col in side.value_cols]
    priced = {p.col for cells in first.layout.grid.values() for p in cells if p.amount and p.amount.symbol}
    columns = tuple(
        _component(col, name, note, col in priced) if components else Column(col, name, period)
        for col, name, period in zip(cols, named, periods, strict=True)
    )
    contested = {col for side in first.layout.sides for col in side.contested}
    columns = tuple(replace(column, contested=column.col in contested) for column in columns)
    items = tuple(item for part in candidate.parts for item in _items(candidate, part, note))
    if not components:
        columns = split_periods(columns, items)
        if kind == "equity_statement":
            items = mark_moments(items, columns)
    if components:
        items = date_rows(items, ends)
        if not any(item.period for item in items) and len({p.end for p in periods}) == 1:
            items = date_by_span(
                items, periods[0]
            )  # "balance at the beginning of the year": the title says which
    return Statement(
        kind,
        why_not is None,
        first.table,
        candidate.guess.title,
        note.currency or document_currency,
        note.scale,
        note.text,
        columns,
        items,
        why_not,
        tuple(dict.fromkeys(part.table.table_id for part in candidate.parts)),
        tuple(comparison for part in candidate.parts for comparison in _comparisons(part)),
    )


def _comparisons(part: Part) -> list[Comparison]:
    """Return the columns of one table that compare its periods, with their figures."""
    layout = part.layout
    body = [(row, cells) for row, cells in layout.grid.items() if row >= layout.body_row]
    return [
        Comparison(
            aside.kind,
            aside.header,
            aside.col,
            tuple(
                (part.table.table_id, row, p)
                for row, cells in body
                for p in cells
                if p.col == aside.col and p.amount
            ),
        )
        for side in layout.sides
        for aside in side.asides
    ]


def _restated(periods: Sequence[Period], below: Sequence[str]) -> tuple[Period, ...]:
    """Mark the periods whose header carries a mark that a note below the table explains as restated ("2021¹")."""
    marks = [m for text in below if (m := note_mark(text)) and names_restatement(text)]
    return tuple(
        replace(p, restated=True) if any(header_mark(p.text) == mark for mark in marks) else p
        for p in periods
    )


def _same_date(header: HeaderPeriod) -> tuple[int | None, int | None, int | None]:
    return header.year, header.month, header.day


def _without_caption(headers: Sequence[str]) -> list[str]:
    """Drop the words that all headers begin with: a caption over the whole table ("For the year ended 31 December 2022")."""
    words = [header.split() for header in headers]
    shared = commonprefix(words)
    return [" ".join(own[len(shared) :]) or header for own, header in zip(words, headers, strict=True)]


def _component(col: int, header: str, note: UnitNote, priced: bool) -> Column:
    """The column of an equity statement that holds one component: an amount, or the number of shares behind it.

    A column in which a currency sign is printed (`priced`) holds amounts, whatever its header is called; so does one headed with a
    sign ("Ordinary shares £"), but for the sign of a par value ("Ordinary shares of £1").
    """
    shares = heads_shares(header) and not priced and not _IN_MONEY.search(header)
    scale = scale_of("shares", note, own_scale(header)) if shares else None
    return Column(col, header, Period(text=header), header, shares, scale)


def measure(item: LineItem, column: Column) -> tuple[RowUnit, int | None]:
    """Return what a value counts, and its multiplier: the row decides, but in a column of share numbers."""
    if column.counts_shares and item.unit == "money":
        return "shares", column.share_scale
    return item.unit, item.scale


def _dated(headers: Sequence[str]) -> list[HeaderPeriod]:
    """Read one side's column headers and date the bare ones ("£") of inner and outer amount columns by their neighbours.

    Where the first column is bare the dates stand over the outer, right ones; else over the inner, left ones.
    """
    read = [read_header(h) for h in headers]
    bare = [not h.year and h.relative is None and not _worded(h.text) for h in read]
    if not read or all(bare):
        return read
    order = range(len(read)) if not bare[0] else range(len(read) - 1, -1, -1)
    source: HeaderPeriod | None = None
    for index in order:
        if not bare[index]:
            source = read[index] if read[index].year else None
        elif source is not None:
            read[index] = replace(source, text=headers[index])
    return read


def _worded(header: str) -> bool:
    return any(c.isalpha() for c in _UNIT_SIGNS.sub("", header))


def _unit(candidate: Candidate) -> UnitNote:
    """The unit note nearest to the values: column headers, captions, lines above, then first labels and lines below."""
    below = [line.text for line in candidate.parts[-1].table.below[:NOTE_LINES]]
    stubs = [i.label for side in candidate.first.items for i in side[:STUB_ROWS] if not i.values]
    return best_note(candidate.headers, [*candidate.titles, *stubs, *below])


def _items(candidate: Candidate, part: Part, note: UnitNote) -> list[LineItem]:
    items = []
    for (_, offset), raws in zip(side_columns(part), part.items, strict=True):
        plain = not any(_fractional(raw) for raw in raws if row_unit(raw.label, (), balance=True) == "money"
                        and not raw.path)  # fmt: skip
        items += [_item(candidate, part, raw, offset, note, plain) for raw in raws]
    return items


def _item(
    candidate: Candidate, part: Part, raw: RawItem, offset: int, note: UnitNote, plain: bool
) -> LineItem:
    kind = candidate.guess.kind
    unit = row_unit(raw.label, raw.path, balance=kind == "balance_sheet", inherit=plain and _fractional(raw))
    if unit == "money" and raw.values and all(p.amount and p.amount.unit == "percent" for _, p in raw.values):
        unit = "percent"
    values = tuple(Value(part.columns[offset + index], placed) for index, placed in raw.values)
    concept = find_concept(kind, raw.label, raw.path) if raw.values else None
    if concept and _OF_ONE_SHARE.search(concept) and unit != "per_share":
        concept = (
            None  # the shares that "earnings per share" was computed with, or money below such a heading
        )
    if concept and "WeightedAverageNumber" in concept and unit != "shares":
        concept = None
    return LineItem(part.table.table_id, raw.row, raw.label, raw.path, raw.level, raw.section, raw.total, unit,
                    scale_of(unit, note, own_scale(raw.label, raw.path)), concept, values, raw.ruled, doubt=raw.doubt)  # fmt: skip


def _fractional(raw: RawItem) -> bool:
    """Tell whether a row's figures are printed with digits after the point."""
    return any(p.amount is not None and p.amount.decimals > 0 for _, p in raw.values)
