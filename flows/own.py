"""How answers to a schema of the user's own get into Parquet: one dataset per schema, named after its class.

In: a document's `OwnRow`s. Out: an Arrow table whose columns are the model's own, between those that say where a row is from and those
that say how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from extractors.own.schema import OwnSchema, load_own
from extractors.settings import Settings
from flows.datasets import Datasets
from schemas.arrow import BOX, CATEGORY, FLOAT, INT, TEXT
from schemas.records import DocumentResult, FoundValue, OwnRow
from schemas.twin import DoesNotFitError, arrow_fields, storable

WORST_FIRST = ("mismatch", "unavailable", "normalised", "exact")
REASONS = 3  # values that a row's review_reason names
VALUE = pa.struct(
    [
        ("path", TEXT), ("read", TEXT), ("printed", TEXT), ("page", INT), ("bbox", BOX), ("grounding", TEXT),
        ("confidence", FLOAT), ("needs_review", pa.bool_()), ("note", TEXT),
    ]
)  # fmt: skip
BEFORE: list[pa.Field[Any]] = [
    pa.field("doc_id", TEXT),
    pa.field("page", INT),
    pa.field("page_last", INT),
    pa.field("item", INT),
]
AFTER: list[pa.Field[Any]] = [
    pa.field("_grounding", CATEGORY), pa.field("_confidence", FLOAT), pa.field("_needs_review", pa.bool_()),
    pa.field("_review_reason", TEXT), pa.field("_values", pa.list_(VALUE)),
]  # fmt: skip


def own_of(settings: Settings) -> OwnSchema | None:
    """Return the schema of the user's own that the settings name. Raises UsageError."""
    return (
        load_own(settings.own_schema, settings.examples, settings.own_rows) if settings.own_schema else None
    )


def own_version(settings: Settings) -> str | None:
    """Return the version of the settings' schema of the user's own, which changes with whatever decides its answers.

    Raises UsageError, or TransportError when no worker answers.
    """
    from extractors.own.reader import open_own

    reader = open_own(settings)
    if reader is None:
        return None
    try:
        return reader.version()
    finally:
        reader.close()


def note_own(out: Datasets, settings: Settings) -> None:
    """Remember in the output which datasets are of schemas of the user's own."""
    own = own_of(settings)
    if own is not None:
        out.note_own(own.name, {"reference": own.reference, "row_is": own.row_is, "version": own.version})


def own_tables(out: Datasets, settings: Settings, file: str, result: DocumentResult) -> dict[str, pa.Table]:
    """Return the tables to be put in place for a document: its answers, and nothing where rows of other bytes stand."""
    cleared = out.without_own_rows(file, result.document.doc_id)
    own = own_of(settings)
    return (
        cleared if own is None else {**cleared, own.name: own_table(own, result.document.doc_id, result.own)}
    )


def own_schema(own: OwnSchema) -> pa.Schema:
    """Return the columns of the schema's dataset."""
    told: dict[bytes | str, bytes | str] = {
        "parquetry.own_schema": own.reference,
        "parquetry.own_version": own.version,
    }
    columns = [*BEFORE, *arrow_fields(own.model), *AFTER]
    return pa.schema(columns, metadata=told)


def own_table(own: OwnSchema, doc_id: str, rows: tuple[OwnRow, ...]) -> pa.Table:
    """Return the rows of one document as an Arrow table with the dataset's exact schema (possibly empty)."""
    schema = own_schema(own)
    records = [_record(own, schema, doc_id, row) for row in rows]
    columns = [pa.array([record[field.name] for record in records], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _record(own: OwnSchema, schema: pa.Schema, doc_id: str, row: OwnRow) -> dict[str, Any]:
    values, faults = _fields(own, schema, row.answer)
    doubts = [*faults, *(f"{v.path}: {v.note}" for v in row.values if v.needs_review)]
    more = f"; and {len(doubts) - REASONS} more" if len(doubts) > REASONS else ""
    verdicts = {v.grounding for v in row.values if v.grounding != "unavailable" or v.needs_review}
    return {
        "doc_id": doc_id,
        "page": row.page,
        "page_last": row.page_last,
        "item": row.item,
        **values,
        "_grounding": next((verdict for verdict in WORST_FIRST if verdict in verdicts), None),
        "_confidence": min((value.confidence for value in row.values), default=None),
        "_needs_review": bool(doubts),
        "_review_reason": "; ".join(doubts[:REASONS]) + more if doubts else None,
        "_values": [_value(value) for value in row.values],
    }


def _fields(own: OwnSchema, schema: pa.Schema, answer: str) -> tuple[dict[str, Any], list[str]]:
    """Return the model's columns, and what of them could not be stored. The model has the last word on every answer."""
    names = list(own.model.model_fields)
    try:
        held = own.model.model_validate_json(answer)
    except ValidationError as error:
        return dict.fromkeys(names), [
            f"the joined answer does not fit {own.name} ({error.errors()[0]['msg']})"
        ]
    out: dict[str, Any] = {}
    faults = []
    for name in names:
        try:
            out[name] = storable(getattr(held, name), schema.field(name).type)
        except DoesNotFitError as error:
            out[name] = None
            faults.append(f"{name}: {error}")
    return out, faults


def _value(value: FoundValue) -> Mapping[str, Any]:
    told = value.model_dump()
    told["bbox"] = value.bbox._asdict() if value.bbox else None
    return told
