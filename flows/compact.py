"""How thousands of small files stay quick to query: a second copy of the datasets in few large files, each replaced in one step.

In: an output root. Out: `<root>/compact/<dataset>/<shard>.parquet`, SHARDS files a dataset, with the rows of every document that is done.

The files of a run (one a document and dataset) are left as they are: a plain reader lists a folder and then opens what it has listed, so
no order of adding, emptying and deleting files in that folder could keep it from seeing a document twice or not at all. In the copy a
document lives in one shard for ever, by the name of its file, and a shard is exchanged in one step: whoever reads the copy, by whatever
glob and at whatever moment, sees each document in each dataset once. `documents` is exchanged last, as in a run.

A document is taken over only as a whole: while it is being written, or when its writing was broken off, its rows of the last compaction
stay. Shards without a change are not written again. A kill leaves shards of the last compaction and of this one, each whole.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.datasets import COMMIT_ORDER, STATE, Datasets
from flows.lock import writing
from schemas.arrow import SCHEMAS

FOLDER = "compact"
SHARDS = (
    16  # files a dataset: few enough to open in no time, small enough to be written anew for a few documents
)
LOCK = f"{STATE}/compact.lock"
MANIFEST = f"{STATE}/compact.json"
VERSION = 1  # of the manifest; another one is not believed
ASIDE = f"{STATE}/compacting"  # where shards stand until they are whole; not cleared by runs
ROWS = 65_536  # of a row group: one document's cells touch one or two, and a scan is still in large steps
AT_ONCE = 8  # documents that are read together
WINDOW = 64  # documents that are held in memory before their rows are written
LOOKS, PAUSE = (
    6,
    0.5,
)  # tries to find a document whole, and seconds between them: a document is exchanged in far less

OnShard = Callable[[int, int], None]  # (shards done, shards)


@dataclass(frozen=True)
class Compacted:
    """What a compaction did."""

    documents: int  # in the copy
    rewritten: int  # shards
    unchanged: int  # shards
    held_back: tuple[
        str, ...
    ]  # files of documents that were not found whole; their earlier rows stand, if there are any
    seconds: float


def told(done: Compacted) -> str:
    """Return what a compaction did, in a line."""
    text = (
        f"{done.documents} documents in {SHARDS} files per dataset under {FOLDER}/: "
        f"{done.rewritten} written anew, {done.unchanged} as they were, {done.seconds:.1f} s"
    )
    if done.held_back:
        text += f"; {len(done.held_back)} documents are being written or were broken off, and come with the next compaction"
    return text


@dataclass(frozen=True)
class _Entry:
    """A document as the manifest knows it."""

    stamp: str  # of all its files together
    doc_id: str  # "" for files without rows


@dataclass
class _Manifest:
    """What the copy holds, by shard, and the stamps of the files that hold it."""

    entries: dict[int, dict[str, _Entry]] = field(default_factory=dict)
    written: dict[int, dict[str, str]] = field(default_factory=dict)


def shard_of(file: str) -> int:
    """Return the shard in which the document of `file` lives for ever."""
    return zlib.crc32(file.encode()) % SHARDS


def compact(out: Datasets, *, wait: float = 0.0, on_shard: OnShard | None = None) -> Compacted:
    """Bring the copy up to the datasets. Runs may write meanwhile; a second compaction waits `wait` seconds.

    Raises OutputBusyError when another compaction goes on, WriteError when the copy cannot be written.
    """
    began = time.monotonic()
    out.prepare()
    with writing(out, wait, LOCK), _workplace(out) as place:
        names = (*COMMIT_ORDER[:-1], *sorted(out.own_datasets()), COMMIT_ORDER[-1])
        manifest = _load(out)
        first = not manifest.written
        stamps = _stamps(out, names)
        rewritten, held_back = 0, []
        for shard in range(SHARDS):
            now = {file: stamp for file, stamp in stamps.items() if shard_of(file) == shard}
            before = manifest.entries.get(shard, {})
            if shard not in manifest.written or now != {file: entry.stamp for file, entry in before.items()}:
                entries, back = _write_shard(out, shard, now, before, names, place)
                manifest.entries[shard] = entries
                held_back += back
                rewritten += 1
                if not first:
                    _exchange(out, shard, names, place)
                    manifest.written[shard] = _shard_stamps(out, shard, names)
                    _save(out, manifest)
            if on_shard:
                on_shard(shard + 1, SHARDS)
        if first:
            _publish(out, names, place)
            manifest.written = {shard: _shard_stamps(out, shard, names) for shard in range(SHARDS)}
            _save(out, manifest)
    held = {entry.doc_id for entries in manifest.entries.values() for entry in entries.values()} - {""}
    return Compacted(
        len(held), rewritten, SHARDS - rewritten, tuple(sorted(held_back)), time.monotonic() - began
    )


@contextmanager
def _workplace(out: Datasets) -> Iterator[Path]:
    """Give an empty folder on this machine; under a local root on the same disk, so that a rename is one step."""
    if not out.local:
        with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
            yield Path(folder)
        return
    place = Path(out.path(ASIDE))
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _stamps(out: Datasets, names: Sequence[str]) -> dict[str, str]:
    """Return {file: stamp of its files in all datasets} of the documents that are done."""
    listed = [out.files(name) for name in names]
    return {file: _joined(stamps.get(file) for stamps in listed) for file in listed[-1]}


def _joined(stamps: Iterator[str | None]) -> str:
    return "|".join(stamp or "-" for stamp in stamps)


def _write_shard(
    out: Datasets,
    shard: int,
    files: Mapping[str, str],
    before: Mapping[str, _Entry],
    names: Sequence[str],
    place: Path,
) -> tuple[dict[str, _Entry], list[str]]:
    """Write the shard of every dataset aside; return what it holds and which documents were held back."""
    entries: dict[str, _Entry] = {}
    held_back: list[str] = []
    ordered = sorted(files)
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        writers = {name: stack.enter_context(_Writer(place / _name(name, shard), name)) for name in names}
        for i in range(0, len(ordered), WINDOW):
            chunk = ordered[i : i + WINDOW]
            for file, found in zip(
                chunk, pool.map(lambda file: _whole(out, file, names), chunk), strict=True
            ):
                if found is None:
                    held_back.append(file)
                    entry = before.get(file)
                    if entry is None:
                        continue
                    # An impossible stamp, so that the next compaction looks again.
                    entries[file] = _Entry("", entry.doc_id)
                    tables = _earlier(out, shard, entry.doc_id, names)
                else:
                    stamp, tables = found
                    ids = [str(each) for each in tables["documents"]["doc_id"].to_pylist()]
                    entries[file] = _Entry(stamp, ids[0] if ids else "")
                for name, table in tables.items():
                    writers[name].add(table)
    return entries, held_back


def _whole(out: Datasets, file: str, names: Sequence[str]) -> tuple[str, dict[str, pa.Table]] | None:
    """Return a document's rows in all datasets as they stood at one moment, with their stamp; None when none was found."""
    for look in range(LOOKS):
        if look:
            time.sleep(PAUSE)
        before = _joined(out.stamp(name, file) for name in names)
        if out.being_written(file):
            continue
        try:
            tables = {name: out.read_any(name, file) for name in names}
        except FileNotFoundError:
            continue
        if not out.being_written(file) and _joined(out.stamp(name, file) for name in names) == before:
            return before, {name: table for name, table in tables.items() if table is not None}
    return None


def _earlier(out: Datasets, shard: int, doc_id: str, names: Sequence[str]) -> dict[str, pa.Table]:
    """Return a document's rows of the last compaction."""
    found = {}
    for name in names:
        data = out.get(f"{FOLDER}/{_name(name, shard)}")
        if data is not None:
            table = pq.read_table(pa.BufferReader(data))
            found[name] = table.filter(pc.field("doc_id") == doc_id)
    return found


def _name(dataset: str, shard: int) -> str:
    return f"{dataset}/{shard:02d}.parquet"


class _Writer:
    """One dataset's shard in the making: rows are kept until they fill a row group."""

    def __init__(self, path: Path, dataset: str) -> None:
        self._path, self._schema = path, SCHEMAS.get(dataset)
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> _Writer:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def add(self, table: pa.Table) -> None:
        """Take over the rows of a document."""
        if not table.num_rows:
            return
        self._waiting.append(table)
        self._rows += table.num_rows
        # Schemas of the user's own may have grown from one document to the next: they are brought together at the end.
        if self._rows >= ROWS and self._schema is not None:
            self._flush()

    def _flush(self) -> None:
        if self._schema is not None:
            table = pa.concat_tables([self._schema.empty_table(), *self._waiting])
        else:
            table = pa.concat_tables(self._waiting, promote_options="permissive")
            table = table.replace_schema_metadata(self._waiting[-1].schema.metadata)
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._file.write_table(table.unify_dictionaries(), row_group_size=ROWS)
        self._waiting, self._rows = [], 0

    def __exit__(self, *error: object) -> None:
        if not error[0] and (self._waiting or (self._file is None and self._schema is not None)):
            self._flush()
        if self._file is not None:
            self._file.close()


def _exchange(out: Datasets, shard: int, names: Sequence[str], place: Path) -> None:
    """Put a shard's files into their places, each in one step, `documents` last."""
    for name in names:
        _put(out, name, shard, place)


def _publish(out: Datasets, names: Sequence[str], place: Path) -> None:
    """Put a first copy into its place: on a local disk as a whole, in one step; elsewhere `documents` last of all."""
    target = Path(out.path(FOLDER))
    if out.local and not target.exists():
        for made in place.rglob("*.parquet"):
            with made.open("rb") as file:
                os.fsync(file.fileno())
        place.rename(target)
        return
    for name in names:
        for shard in range(SHARDS):
            _put(out, name, shard, place)


def _put(out: Datasets, name: str, shard: int, place: Path) -> None:
    made, target = place / _name(name, shard), f"{FOLDER}/{_name(name, shard)}"
    if made.exists():
        out.put_file(target, made)
    elif earlier := out.get(target):  # a schema of the user's own that has no rows here any more
        empty = pq.read_schema(pa.BufferReader(earlier)).empty_table()
        made.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(empty, made)
        out.put_file(target, made)


def _shard_stamps(out: Datasets, shard: int, names: Sequence[str]) -> dict[str, str]:
    found = {name: out.stamp(f"{FOLDER}/{name}", f"{shard:02d}") for name in names}
    return {name: stamp for name, stamp in found.items() if stamp}


def _load(out: Datasets) -> _Manifest:
    """Return what is known of the copy; nothing of shards whose files are not those that were written."""
    manifest = _Manifest()
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        told: dict[str, Any] = json.loads(out.get(MANIFEST) or b"{}")
        if told.get("version") != VERSION:
            return manifest
        for number, shard in told["shards"].items():
            if _shard_stamps(out, int(number), tuple(shard["written"])) == shard["written"]:
                manifest.entries[int(number)] = {f: _Entry(*entry) for f, entry in shard["files"].items()}
                manifest.written[int(number)] = shard["written"]
    return manifest


def _save(out: Datasets, manifest: _Manifest) -> None:
    shards = {
        number: {
            "written": written,
            "files": {f: [entry.stamp, entry.doc_id] for f, entry in manifest.entries[number].items()},
        }
        for number, written in manifest.written.items()
    }
    out.put(MANIFEST, json.dumps({"version": VERSION, "shards": shards}, separators=(",", ":")).encode())
