"""Documents that stand under other names now, or nowhere any more: their rows say so, and nothing is read again.

In: a `Relabel` of the plan. Out: `source_uri`, `also_at` and `removed_at` in the document's rows, and the index in step.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from flows.datasets import Datasets
from flows.index import Index
from flows.plan import Relabel
from schemas.arrow import SCHEMAS


def relabel(out: Datasets, index: Index, change: Relabel) -> None:
    """Give a document's rows the uris at which its bytes stand now, or the time at which they were found gone."""
    gone = datetime.now(UTC) if change.removed else None
    columns: dict[str, Any] = {
        "source_uri": change.source_uri,
        "also_at": list(change.also_at),
        "removed_at": gone,
    }
    failures = out.read("failures", change.file)
    if failures.num_rows:
        out.replace_one(
            "failures", change.file, _with_columns(failures, "failures", {"source_uri": change.source_uri})
        )
    documents = out.read("documents", change.file)
    out.replace_one("documents", change.file, _with_columns(documents, "documents", columns))
    known = index.known[change.file]
    index.known[change.file] = replace(
        known, source_uri=change.source_uri, also_at=change.also_at, removed=change.removed
    )


def _with_columns(table: pa.Table, dataset: str, columns: dict[str, Any]) -> pa.Table:
    for name, value in columns.items():
        column = SCHEMAS[dataset].field(name)
        values = pa.array([value] * table.num_rows, type=column.type)
        table = table.set_column(table.schema.get_field_index(name), column, values)
    return table
