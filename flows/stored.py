"""Reading an output back: one document's rows, found by part of its name or the start of its doc_id.

In: an output root. Out: plain rows (dicts) as the datasets hold them, with printed text made safe to show.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from extractors.errors import UnreadableError, UsageError
from flows.datasets import Datasets
from flows.index import Known, load_index
from schemas.arrow import DATASETS

UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters and marks that turn the direction of text: a document must not steer a terminal or deceive a reader."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class StoredDocument:
    """One document with its rows of all datasets."""

    out: Datasets
    known: Known

    @cached_property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """All rows by dataset."""
        return {name: self.out.read(name, self.known.file).to_pylist() for name in DATASETS}

    @property
    def name(self) -> str:
        """The last part of its source's uri."""
        return self.known.source_uri.rstrip("/").rsplit("/", 1)[-1]

    def grid(self, table_id: str) -> dict[tuple[int, int], Row]:
        """Return the cells of a table by (row, column)."""
        return self.cells_by_table.get(table_id, {})

    @cached_property
    def cells_by_table(self) -> dict[str, dict[tuple[int, int], Row]]:
        """The cells of each table by (row, column)."""
        tables: dict[str, dict[tuple[int, int], Row]] = defaultdict(dict)
        for cell in self.rows["cells"]:
            tables[cell["table_id"]][cell["row"], cell["col"]] = cell
        return tables

    @cached_property
    def facts_by_cell(self) -> dict[tuple[str, int, int], Row]:
        """The facts by (table_id, row, column)."""
        return {(f["table_id"], f["row"], f["col"]): f for f in self.rows["facts"]}

    @cached_property
    def statements(self) -> list[Row]:
        """Tables that are financial statements, the entity's own full ones first, in page order."""
        found = [t for t in self.rows["tables"] if t["kind"] != "table"]
        return sorted(found, key=lambda t: (t["primary"] is False, t["page_first"], t["bbox"]["y0"]))


def known_documents(out: Datasets) -> list[Known]:
    """Return the documents of an output in the order of their sources. Raises UnreadableError when there are none."""
    found = sorted(load_index(out).known.values(), key=lambda known: known.source_uri)
    if not found:
        raise UnreadableError(
            f"{out.uri} holds no documents; `parquetry run FOLDER --out {out.uri}` makes some."
        )
    return found


def find_document(out: Datasets, query: str) -> StoredDocument:
    """Return the one document that `query` names. Raises UsageError when it names none, or several."""
    documents = known_documents(out)
    by_id = [known for known in documents if known.doc_id.startswith(query)]
    by_name = [known for known in documents if any(query in name.rsplit("/", 1)[-1] for name in known.names)]
    whole = [known for known in by_name if any(_stem(name) == _stem(query) for name in known.names)]
    found = by_id or whole or by_name
    if not found:
        raise UsageError(
            f"No document in {out.uri} is called {query!r}; `parquetry show {out.uri}` lists them."
        )
    if len(found) > 1:
        names = ", ".join(known.source_uri for known in found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"{query!r} is the name of {len(found)} documents ({names}); give more of it, or a doc_id."
        )
    return StoredDocument(out, found[0])


def showable(text: object) -> str:
    """Return text without control characters and direction marks."""
    return UNSHOWABLE.sub("", str(text))


def _stem(uri: str) -> str:
    return uri.rsplit("/", 1)[-1].rsplit(".", 1)[0]
