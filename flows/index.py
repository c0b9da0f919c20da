"""Answers what the output already holds, and which files of the folder were looked into before.

In: the datasets. Out: `Known` documents, and `Seen` files. Both are read from the datasets and a listing; a cache in the
state folder saves reading 10,000 small files again. The cache is never believed: an entry counts only while the stamp
of the file it was made from is unchanged, so it may be deleted, or lag behind after a kill, without harm.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from flows.datasets import STATE, Datasets

CACHE = f"{STATE}/index.json"
CACHE_VERSION = 1  # raised when the fields below change; an older cache is dropped


@dataclass(frozen=True, slots=True)
class Known:
    """A document as its row in `documents` and its rows in `failures` tell it."""

    file: str
    doc_id: str
    fingerprint: str
    source_uri: str
    also_at: tuple[str, ...]
    status: str
    byte_size: int
    removed: bool = False
    attempts: int = 0  # readings so far that failed, of these bytes in this way
    categories: tuple[str, ...] = ()  # of its failures
    retryable: bool = False  # whether any of its failures may mend itself

    @property
    def names(self) -> frozenset[str]:
        """All uris at which its bytes were found."""
        return frozenset((self.source_uri, *self.also_at))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found out about a listed file: its content, or that it is no document."""

    version: str  # `Listed.version` at the time
    doc_id: str  # empty for a file that is no document and does not claim to be one
    media_type: str


@dataclass(frozen=True, slots=True)
class Index:
    """All that a plan needs to know about the past."""

    known: dict[str, Known]  # by file
    seen: dict[str, Seen]  # by uri


def load_index(out: Datasets) -> Index:
    """Return the documents of the output, reading only the files that the cache does not know."""
    cached_known, seen = _cached(out)
    known: dict[str, Known] = {}
    stamps = out.files("documents")
    for file, stamp in stamps.items():
        entry = cached_known.get(file)
        found = entry[1] if entry and entry[0] == stamp else read_known(out, file)
        if found:
            known[file] = found
    return Index(known, seen)


def read_known(out: Datasets, file: str) -> Known | None:
    """Return the document in `file` as its datasets tell it; None when the file has no rows."""
    rows = out.read("documents", file).to_pylist()
    if not rows:
        return None
    row = rows[0]
    found = Known(
        file=file,
        doc_id=row["doc_id"],
        fingerprint=row["fingerprint"],
        source_uri=row["source_uri"],
        also_at=tuple(row["also_at"] or ()),
        status=row["status"],
        byte_size=row["byte_size"],
        removed=row["removed_at"] is not None,
    )
    if found.status == "ok":
        return found
    failures = out.read("failures", file).to_pylist()
    return replace(
        found,
        attempts=max((f["attempts"] for f in failures), default=1),
        categories=tuple(sorted({f["category"] for f in failures})),
        retryable=any(f["retryable"] for f in failures),
    )


def save_index(out: Datasets, index: Index) -> None:
    """Keep the index for the next run. Documents whose file changed meanwhile are left out."""
    stamps = out.files("documents")
    known = [[stamps[file], asdict(entry)] for file, entry in index.known.items() if file in stamps]
    seen = {uri: [s.version, s.doc_id, s.media_type] for uri, s in index.seen.items()}
    content = {"version": CACHE_VERSION, "known": known, "seen": seen}
    out.put(CACHE, json.dumps(content, separators=(",", ":")).encode())


def _cached(out: Datasets) -> tuple[dict[str, tuple[str, Known]], dict[str, Seen]]:
    content = out.get(CACHE)
    try:
        data: dict[str, Any] = json.loads(content) if content else {}
        if data.get("version") != CACHE_VERSION:
            return {}, {}
        known = {entry["file"]: (stamp, _known(entry)) for stamp, entry in data["known"]}
        return known, {uri: Seen(*fields) for uri, fields in data["seen"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}, {}


def _known(entry: dict[str, Any]) -> Known:
    return Known(**{**entry, "also_at": tuple(entry["also_at"]), "categories": tuple(entry["categories"])})
