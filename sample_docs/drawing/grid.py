"""What is a printed table, before it is drawn: rows, columns, and how each amount is written.

In: figures as Decimal in the unit of the table (millions, 万元, euro). Out: the printed form of every cell, and the
truth of the table: cells with row, column and span, and for statements the values in base units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

Value = Decimal | int | str | None  # a number, a text printed as it stands, or a blank cell


@dataclass(frozen=True)
class Notation:
    """How numbers are written: separators, negatives, nil."""

    thousands: str = ","
    point: str = "."
    negative: str = "parentheses"  # or "minus"
    nil: str = "—"  # how zero is printed
    decimals: int = 0

    def write(self, value: Decimal | int, decimals: int | None = None, suffix: str = "") -> str:
        """Return the printed form of `value`."""
        places = self.decimals if decimals is None else decimals
        number = Decimal(value)
        if number == 0:
            return self.nil
        digits = f"{abs(number):,.{places}f}"
        digits = digits.translate(str.maketrans(",.", self.thousands + self.point))
        if number > 0:
            return digits + suffix
        return (f"({digits})" if self.negative == "parentheses" else f"-{digits}") + suffix


US = Notation()
GERMAN = Notation(".", ",", "minus", "–", 2)
CHINESE = Notation(",", ".", "minus", "-", 2)


@dataclass(frozen=True)
class Column:
    """A value column: what stands above it, how wide it is, and the period its figures belong to."""

    header: str
    width: float = 62.0  # points, the gutter on its left included
    align: str = "right"  # or "left", "center"
    period_end: str | None = None
    period_start: str | None = None
    months: int | None = None


@dataclass(frozen=True)
class Entry:
    """A printed row. `values` are in the table's unit; a section has none."""

    label: str
    values: tuple[Value, ...] = ()
    level: int = 0
    total: bool = False
    section: bool = False
    unit: str | None = None  # "per_share", "shares" or "percent"
    decimals: int | None = None
    suffix: str = ""
    note: str | None = None
    marker: str | None = None  # a raised footnote marker after the label
    sign: bool = False  # the currency sign stands apart at the left of each amount
    under: str = ""  # "single" or "double": the rule below the amounts
    bold: bool | None = None
    gap: float = 0.0  # points of white above
    period_end: str | None = None  # equity statements: the date of a balance, or the end of a movement's year
    repeats: bool = (
        False  # brought forward: it says again what the row before it says, and is not in the truth
    )


@dataclass(frozen=True)
class Grid:
    """A whole table with everything that is printed in it."""

    columns: tuple[Column, ...]
    rows: tuple[Entry, ...]
    title: str | None = None
    kind: str = "table"
    stub: str = ""  # what stands in the header above the labels
    spans: tuple[
        tuple[tuple[str, int, int], ...], ...
    ] = ()  # header rows above: (text, first value column, last)
    note_header: str | None = None
    currency: str | None = None
    scale: int | None = None
    share_scale: int = 1  # of rows with unit "shares"
    unit_text: str | None = None
    period_caption: str | None = None
    notation: Notation = US
    sign: str = "$"
    headed: bool = True  # whether the columns' headers are printed

    @property
    def first_value_column(self) -> int:
        """Index of the first value column: 1, or 2 where notes have their own."""
        return 1 if self.note_header is None else 2

    @property
    def n_header_rows(self) -> int:
        """Printed header rows."""
        return len(self.spans) + self.headed

    def printed(self, row: Entry) -> list[str | None]:
        """Return the printed amounts of a row, without a currency sign that stands apart; None for a blank."""
        return [
            value
            if value is None or isinstance(value, str)
            else self.notation.write(value, row.decimals, row.suffix)
            for value in row.values
        ]

    def numbers(self, row: Entry) -> list[str | None]:
        """Return the amounts of a row in base units as decimal strings; None for a blank or a text."""
        scale = {"per_share": 1, "percent": 1, "shares": self.share_scale}.get(
            row.unit or "", self.scale or 1
        )
        return [
            None if value is None or isinstance(value, str) else plain(Decimal(value) * scale)
            for value in row.values
        ]


def plain(value: Decimal) -> str:
    """Return a Decimal without exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass
class Truth:
    """What a document holds, collected while it is drawn."""

    doc: str
    media_type: str = "application/pdf"
    entity: str | None = None
    n_pages: int = 0
    tables: list[dict[str, Any]] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, grid: Grid, pages: Sequence[int]) -> None:
        """Add a table; `pages` says for each of its rows on which page it stands (its header on the first)."""
        kept = [(row, page) for row, page in zip(grid.rows, pages, strict=True) if not row.repeats]
        grid, pages = replace(grid, rows=tuple(row for row, _ in kept)), [page for _, page in kept]
        self.tables.append(table_truth(grid, pages))
        if grid.kind != "table":
            self.statements.append(statement_truth(grid, pages))

    def as_dict(self) -> dict[str, Any]:
        """Return the truth as it is written to JSON."""
        return {
            "doc": self.doc,
            "media_type": self.media_type,
            "entity": self.entity,
            "n_pages": self.n_pages,
            "tables": self.tables,
            "statements": self.statements,
            "failures": self.failures,
            "fields": self.fields,
            "notes": self.notes,
        }


def _cell(row: int, first: int, last: int, text: str, page: int) -> dict[str, Any]:
    return {"r0": row, "r1": row, "c0": first, "c1": last, "text": text, "page": page}


def table_truth(grid: Grid, pages: Sequence[int]) -> dict[str, Any]:
    """Return the cells of a table: a repeated header counts once, a currency sign belongs to its amount."""
    cells, offset = [], grid.first_value_column
    for number, spans in enumerate(grid.spans):
        cells += [
            _cell(number, first + offset, last + offset, text.replace("\n", " "), pages[0])
            for text, first, last in spans
        ]
    if grid.headed:
        heads = [grid.stub] + ([] if grid.note_header is None else [grid.note_header])
        heads += [column.header for column in grid.columns]
        cells += [
            _cell(len(grid.spans), index, index, text.replace("\n", " "), pages[0])
            for index, text in enumerate(heads)
            if text
        ]
    for index, (row, page) in enumerate(zip(grid.rows, pages, strict=True)):
        number = index + grid.n_header_rows
        if row.label:
            cells.append(_cell(number, 0, 0, row.label + (f" {row.marker}" if row.marker else ""), page))
        if row.note:
            cells.append(_cell(number, 1, 1, row.note, page))
        for column, text in enumerate(grid.printed(row)):
            if text is not None:
                sign = f"{grid.sign} " if row.sign and not isinstance(row.values[column], str) else ""
                cells.append(_cell(number, column + offset, column + offset, sign + text, page))
    return {
        "page": pages[0],
        "page_last": pages[-1],
        "title": grid.title,
        "kind": grid.kind,
        "n_rows": grid.n_header_rows + len(grid.rows),
        "n_cols": offset + len(grid.columns),
        "n_header_rows": grid.n_header_rows,
        "cells": cells,
    }


def statement_truth(grid: Grid, pages: Sequence[int]) -> dict[str, Any]:
    """Return the statement with the printed and the base-unit form of every value."""
    rows = []
    for row, page in zip(grid.rows, pages, strict=True):
        item: dict[str, Any] = {
            "label": row.label,
            "note": row.note,
            "values": grid.printed(row),
            "numbers": grid.numbers(row),
            "level": row.level,
            "is_total": row.total,
            "section": row.section,
        }
        if row.unit:
            item["unit"] = row.unit
        if row.period_end:
            item["period_end"] = row.period_end
        if page != pages[0]:
            item["page"] = page
        rows.append(item)
    return {
        "kind": grid.kind,
        "page": pages[0],
        "page_last": pages[-1],
        "title": grid.title,
        "currency": grid.currency,
        "scale": grid.scale,
        "unit_text": grid.unit_text,
        "period_caption": grid.period_caption,
        "columns": [
            {
                "header": column.header.replace("\n", " "),
                "period_end": column.period_end,
                "period_start": column.period_start,
                "months": column.months,
            }
            for column in grid.columns
        ],
        "rows": rows,
    }
