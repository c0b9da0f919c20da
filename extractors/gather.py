"""The last step inside a document: what was found becomes the rows of the datasets.

In: readings, joined tables, statements, facts. Out: `Page`, `Table`, `Cell` and `Document` records.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from extractors.assemble import box_on_first_page
from extractors.engine import Engine
from extractors.errors import ParquetryError
from extractors.settings import Settings, fingerprint_of, reading_key
from extractors.sources import Source
from extractors.statements.lostpoints import lost_points, thousandths
from schemas.amount import Amount, decide_decimal_point, parse_amount
from schemas.arrow import fits_money
from schemas.page import JoinedTable, PageReading, ReadCell
from schemas.records import Cell, Document, DocumentResult, Fact, Failure, Page, Role, Status, Table

if TYPE_CHECKING:
    from extractors.statements.statement import Statement

TOTAL = re.compile(
    r"^\W*(grand |sub-?\s?)?total\b|^(合计|总计|小计|合計|總計|小計|summe|gesamt|suma|somme)", re.I
)


def page_records(readings: Sequence[PageReading]) -> tuple[Page, ...]:
    """Return one row per page."""
    return tuple(
        Page(
            page=r.page,
            width=r.width,
            height=r.height,
            rotation=r.rotation,
            text_source=r.text_source,
            n_tiles=r.n_tiles,
            status=r.status,
            seconds=r.seconds,
        )
        for r in readings
    )


def table_records(tables: Sequence[JoinedTable], statements: Sequence[Statement]) -> tuple[Table, ...]:
    """Return one row per joined table, with what the statement stage found out about it."""
    known = {table_id: statement for statement in statements for table_id in statement.table_ids}
    rows = []
    for table in tables:
        statement = known.get(table.table_id)
        rows.append(
            Table(
                table_id=table.table_id,
                page_first=table.fragments[0].page,
                page_last=table.fragments[-1].page,
                bbox=box_on_first_page(table),
                title=(statement.title if statement else None) or table.title,
                kind=statement.kind if statement else "table",
                primary=statement.primary if statement else None,
                currency=statement.currency if statement else None,
                scale=statement.scale if statement else None,
                unit_text=statement.unit_text if statement else None,
                n_rows=table.n_rows,
                n_cols=table.n_cols,
                n_header_rows=table.n_header_rows,
                engine=table.fragments[0].engine,
                confidence=min(f.confidence for f in table.fragments),
                html=table_html(table),
            )
        )
    return tuple(rows)


def cell_records(tables: Sequence[JoinedTable], facts: Sequence[Fact]) -> tuple[Cell, ...]:
    """Return one row per cell that holds text, with its number read and its doubts marked."""
    doubted = {(fact.table_id, fact.row, fact.col) for fact in facts if fact.needs_review}
    settled = {(fact.table_id, fact.row, fact.col) for fact in facts if not fact.needs_review}
    decimal_point = decide_decimal_point(
        cell.text for table in tables for cell in table.cells if cell.row >= table.n_header_rows
    )
    rows = []
    for table in tables:
        roles = cell_roles(table)
        amounts = {
            (cell.row, cell.col): amount
            for cell in table.cells
            if roles[cell.row, cell.col] in ("value", "total")
            and (amount := parse_amount(cell.text, decimal_point)) is not None
        }
        odd = lost_points(amounts) | thousandths(amounts)
        for cell in table.cells:
            role = roles[cell.row, cell.col]
            amount = amounts.get((cell.row, cell.col))
            place = (table.table_id, cell.row, cell.col)
            in_doubt = doubtful(cell, amount) or (cell.source != "text_layer" and place[1:] in odd)
            rows.append(
                Cell(
                    table_id=table.table_id,
                    row=cell.row,
                    col=cell.col,
                    row_span=cell.row_span,
                    col_span=cell.col_span,
                    role=role,
                    text=cell.text,
                    value=amount.value
                    if amount and amount.value is not None and fits_money(amount.value)
                    else None,
                    unit=unit_of(amount),
                    page=cell.page,
                    bbox=cell.box,
                    source=cell.source,
                    grounding=cell.grounding,
                    confidence=cell.confidence,
                    needs_review=place in doubted or (place not in settled and in_doubt),
                    first_text=cell.first_text,
                )
            )
    return tuple(rows)


def doubtful(cell: ReadCell, amount: Amount | None) -> bool:
    """Tell whether a number outside a checked statement needs a person's eye: nothing on the page vouches for it."""
    if cell.grounding == "mismatch" or cell.note is not None:
        return True
    has_number = amount is not None or cell.value_box is not None
    return has_number and cell.grounding == "unavailable"


def unit_of(amount: Amount | None) -> str | None:
    """Return what a number counts, as printed beside it: a currency code, `percent`, `per_mille`, `ratio`."""
    if amount is None:
        return None
    return amount.unit or amount.currency


def cell_roles(table: JoinedTable) -> dict[tuple[int, int], Role]:
    """Return the role of every cell by its (row, column)."""
    by_row: dict[int, list[ReadCell]] = defaultdict(list)
    for cell in table.cells:
        by_row[cell.row].append(cell)
    roles: dict[tuple[int, int], Role] = {}
    for row, cells in by_row.items():
        cells.sort(key=lambda c: c.col)
        if row < table.n_header_rows:
            roles.update({(row, c.col): "column_header" for c in cells})
            continue
        first = cells[0]
        labelled = first.col == 0 and first.value_box is None
        alone = labelled and len(cells) == 1 and table.n_cols > 1
        is_total = labelled and bool(TOTAL.match(first.text))
        for cell in cells:
            if cell is first and labelled:
                roles[row, cell.col] = "section" if alone else "row_header"
            else:
                roles[row, cell.col] = "total" if is_total else "value"
    return roles


def table_html(table: JoinedTable) -> str:
    """Return the table as HTML with spans and header cells; all text is escaped, since documents are hostile."""
    by_place = {(cell.row, cell.col): cell for cell in table.cells}
    covered = {
        (row, col)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for col in range(cell.col, cell.col + cell.col_span)
        if (row, col) != (cell.row, cell.col)
    }
    lines = ["<table>"]
    for row in range(table.n_rows):
        tag = "th" if row < table.n_header_rows else "td"
        parts = []
        for col in range(table.n_cols):
            cell = by_place.get((row, col))
            if cell:
                parts.append(f"<{tag}{spans(cell)}>{html.escape(cell.text)}</{tag}>")
            elif (row, col) not in covered:
                parts.append(f"<{tag}></{tag}>")
        lines.append("<tr>" + "".join(parts) + "</tr>")
    return "\n".join([*lines, "</table>"])


def spans(cell: ReadCell) -> str:
    """Return the rowspan and colspan attributes of a cell that has them."""
    row = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    return row + (f' colspan="{cell.col_span}"' if cell.col_span > 1 else "")


def overall(readings: Sequence[PageReading], failures: Sequence[Failure]) -> Status:
    """Return `ok` when nothing failed, `failed` when no page could be read, else `partial`."""
    if not readings or all(r.status == "failed" for r in readings):
        return "failed"
    return "partial" if failures or any(r.status != "ok" for r in readings) else "ok"


def describe(
    source: Source,
    settings: Settings,
    engine: Engine,
    started: datetime,
    flow_run_id: str | None,
    status: Status,
    counts: dict[str, int],
) -> Document:
    """Return the document's row. `counts` holds n_pages, n_tables, n_facts and n_needs_review."""
    key = reading_key(settings, engine.name, engine.model, engine.prompts)
    return Document(
        doc_id=source.doc_id,
        fingerprint=fingerprint_of(source.doc_id, key),
        source_uri=source.uri,
        also_at=source.also_at,
        media_type=source.media_type,
        byte_size=source.byte_size,
        status=status,
        engine=engine.name,
        model=engine.model,
        started_at=started,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        flow_run_id=flow_run_id,
        **counts,
    )


def failed_document(
    source: Source,
    settings: Settings,
    engine: Engine,
    error: ParquetryError,
    started: datetime,
    flow_run_id: str | None = None,
) -> DocumentResult:
    """Return the rows of a document that could not be read at all: its name, and why."""
    counts = {"n_pages": 0, "n_tables": 0, "n_facts": 0, "n_needs_review": 0}
    failure = Failure(
        source_uri=source.uri,
        stage="open",
        category=error.category,
        message=str(error),
        retryable=error.retryable,
        at=datetime.now(UTC),
    )
    document = describe(source, settings, engine, started, flow_run_id, "failed", counts)
    return DocumentResult(document=document, failures=(failure,))
