"""The Arrow twins of the records: the exact column types of every Parquet dataset.

In: a `DocumentResult`. Out: one `pyarrow.Table` per dataset. Money is decimal128(38, 9): 29 digits before the point
hold any reported figure in base units, nine after it hold per-share and percent values; boxes are structs of points;
categories are dictionary-encoded; times carry UTC.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, get_args

import pyarrow as pa

from schemas import records
from schemas.box import Box
from schemas.records import SCHEMA_VERSION, DocumentResult, Record

MONEY_SCALE = 9  # digits after the point: enough for per-share values and exchange rates
MONEY = pa.decimal128(38, MONEY_SCALE)
BOX = pa.struct([(name, pa.float32()) for name in Box._fields])
CATEGORY = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("us", tz="UTC")
TEXT, INT, FLOAT, BOOL = pa.string(), pa.int32(), pa.float32(), pa.bool_()
TEXTS = pa.list_(pa.string())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()), metadata={"parquetry.schema_version": SCHEMA_VERSION})


SCHEMAS: dict[str, pa.Schema] = {
    "documents": _schema(
        doc_id=TEXT, fingerprint=TEXT, source_uri=TEXT, also_at=TEXTS, media_type=CATEGORY, byte_size=pa.int64(),
        n_pages=INT, n_tables=INT, n_facts=INT, n_needs_review=INT, status=CATEGORY, engine=CATEGORY, model=CATEGORY,
        schema_version=CATEGORY, started_at=TIME, seconds=FLOAT, flow_run_id=TEXT, removed_at=TIME,
        seconds_text=FLOAT, seconds_tables=FLOAT, seconds_statements=FLOAT,
    ),
    "pages": _schema(
        doc_id=TEXT, page=INT, width=FLOAT, height=FLOAT, rotation=INT, text_source=CATEGORY, n_tiles=INT,
        status=CATEGORY, seconds=FLOAT,
    ),
    "tables": _schema(
        doc_id=TEXT, table_id=TEXT, page_first=INT, page_last=INT, bbox=BOX, title=TEXT, kind=CATEGORY, primary=BOOL,
        currency=CATEGORY, scale=pa.int64(), unit_text=TEXT, n_rows=INT, n_cols=INT, n_header_rows=INT,
        engine=CATEGORY, confidence=FLOAT, html=TEXT,
    ),
    "cells": _schema(
        doc_id=TEXT, table_id=TEXT, row=INT, col=INT, row_span=INT, col_span=INT, role=CATEGORY, text=TEXT,
        value=MONEY, unit=CATEGORY, page=INT, bbox=BOX, source=CATEGORY, grounding=CATEGORY, confidence=FLOAT,
        needs_review=BOOL, first_text=TEXT,
    ),
    "facts": _schema(
        doc_id=TEXT, fact_id=TEXT, table_id=TEXT, row=INT, col=INT, statement=CATEGORY, label=TEXT, label_path=TEXTS,
        concept=CATEGORY, period_start=pa.date32(), period_end=pa.date32(), months=INT, currency=CATEGORY,
        scale=pa.int64(), raw_text=TEXT, value=MONEY, page=INT, bbox=BOX, grounding=CATEGORY, check_status=CATEGORY,
        confidence=FLOAT, needs_review=BOOL, review_reason=TEXT, restated=BOOL, reading=CATEGORY, first_text=TEXT,
    ),
    "checks": _schema(
        doc_id=TEXT, table_id=TEXT, check=CATEGORY, detail=TEXT, column=INT, expected=MONEY, actual=MONEY,
        tolerance=MONEY, status=CATEGORY,
    ),
    "failures": _schema(
        doc_id=TEXT, source_uri=TEXT, page=INT, tile=INT, stage=CATEGORY, category=CATEGORY, message=TEXT,
        attempts=INT, retryable=BOOL, raw_output=TEXT, at=TIME,
    ),
}  # fmt: skip

RECORDS: dict[str, type[Record]] = {
    "documents": records.Document,
    "pages": records.Page,
    "tables": records.Table,
    "cells": records.Cell,
    "facts": records.Fact,
    "checks": records.Check,
    "failures": records.Failure,
}
DATASETS = tuple(SCHEMAS)


def fits_money(value: Decimal) -> bool:
    """Tell whether `value` can be stored without losing a digit (29 digits before the point, 9 after it)."""
    if not value.is_finite():
        return False
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MONEY_SCALE and value.adjusted() < 38 - MONEY_SCALE


def money(value: Decimal) -> Decimal:
    """Return `value` with the digits after the point that a money column has."""
    with localcontext() as context:
        context.prec = 60
        return value.quantize(Decimal(1).scaleb(-MONEY_SCALE), ROUND_HALF_EVEN)


def _storable(value: Any) -> Any:
    if isinstance(value, Box):
        return value._asdict()
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, str):
        return _text(value)
    return [_storable(part) for part in value] if isinstance(value, tuple) else value


def _text(value: str) -> str:
    """Return text as UTF-8 can hold it: what is half a character (a name that is no UTF-8, a bad map) becomes U+FFFD."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def to_arrow(dataset: str, doc_id: str, rows: tuple[Record, ...]) -> pa.Table:
    """Return the rows of one document as an Arrow table with the dataset's exact schema (possibly empty)."""
    schema = SCHEMAS[dataset]
    columns = []
    for field in schema:
        if field.name == "doc_id" and dataset != "documents":
            values: list[Any] = [doc_id] * len(rows)
        else:
            values = [_storable(getattr(row, field.name)) for row in rows]
        columns.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def tables_of(result: DocumentResult) -> dict[str, pa.Table]:
    """Return all seven Arrow tables of a document, empty ones included."""
    rows: dict[str, tuple[Record, ...]] = {
        "documents": (result.document,),
        "pages": result.pages,
        "tables": result.tables,
        "cells": result.cells,
        "facts": result.facts,
        "checks": result.checks,
        "failures": result.failures,
    }
    return {name: to_arrow(name, result.document.doc_id, rows[name]) for name in DATASETS}


STATEMENT_KINDS: tuple[str, ...] = get_args(records.StatementKind)
