"""How a document's rows get into Parquet, so that a reader sees the old rows or the new ones and never half of either.

In: the seven Arrow tables of a document. Out: `<root>/<dataset>/<file>.parquet`, one file per document and dataset, on a
local disk or on any object store that fsspec reaches.

Three rules make that true:
- a file is replaced in one step (write aside, sync, rename; on an object store one PUT), and never deleted, so that a
  reader that has listed a folder can open all it listed. A document that is gone leaves files without rows.
- `documents` is written last: a document is done when its row there says so.
- a document whose source got new bytes takes over the file of the old one, so that the two never stand side by side.
  A file is therefore named after the document that was there first; the `doc_id` column says whose rows it holds.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from extractors.errors import UsageError, WriteError
from schemas.arrow import DATASETS, SCHEMAS

STATE = ".parquetry"  # folder for caches, the lock and marks; starts with a dot, so that no reader takes it for data
OWN = f"{STATE}/own.json"  # which datasets are of schemas of the user's own
ASIDE = ".tmp"  # where files stand until they are whole; inside the root, so that a rename is one step
FILE_NAME = re.compile(
    r"[0-9a-zA-Z][0-9a-zA-Z_-]{0,127}"
)  # what may become a file name: never a separator or a dot
COMMIT_ORDER = (*(name for name in DATASETS if name != "documents"), "documents")


class Datasets:
    """The datasets under one output root: a path or an fsspec URL such as `s3://bucket/out`."""

    def __init__(self, root: str | Path, **storage_options: Any) -> None:
        self.uri = str(root)
        self.fs, self.root = fsspec.core.url_to_fs(self.uri, **storage_options)
        self.local = "file" in (
            self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,)
        )
        if self.local:
            self.root = str(Path(self.root).expanduser().resolve())

    def __repr__(self) -> str:
        return f"Datasets({self.uri!r})"

    def prepare(self) -> None:
        """Make the folders that a lock and a plan need. Raises WriteError."""
        self._make_folders(STATE, f"{STATE}/writing", ASIDE)

    def prepare_datasets(self) -> None:
        """Make the datasets' folders, and clear away what an interrupted write left aside. Raises WriteError.

        Only for who holds the lock.
        """
        self._make_folders(*DATASETS)
        if self.local:
            for left in Path(self.path(ASIDE)).iterdir():
                left.unlink(missing_ok=True)

    def _make_folders(self, *names: str) -> None:
        try:
            for name in names:
                self.fs.makedirs(self.path(name), exist_ok=True)
        except OSError as error:
            raise WriteError(
                f"{self.uri} cannot be written ({error}). Free space or grant write access there, or choose another --out."
            ) from error

    def path(self, *parts: str) -> str:
        """Return the path of something under the root, in the file system's own form."""
        return "/".join((self.root.rstrip("/"), *parts))

    def replace(
        self, file: str, tables: Mapping[str, pa.Table], own: Mapping[str, pa.Table] | None = None
    ) -> None:
        """Replace all seven files called `file`, `documents` last. Raises WriteError, having finished or not.

        `own` holds the tables of schemas of the user's own, by the name of their dataset; they are in place before `documents` is.

        While the files of a document are being exchanged a mark stands in the state folder; `interrupted` tells which
        marks an earlier run left behind, and those documents are read again.
        """
        if set(tables) != set(DATASETS):
            raise UsageError(f"all seven datasets are written together; got {sorted(tables)}")
        with self._marked(file):
            for name, table in (own or {}).items():
                self._make_folders(name)
                self.put(f"{name}/{_checked(file)}.parquet", _parquet(table))
            for name in COMMIT_ORDER:
                self.replace_one(name, file, tables[name])

    def replace_one(self, dataset: str, file: str, table: pa.Table) -> None:
        """Replace one dataset's file in one step."""
        _checked(file)
        if not table.schema.equals(SCHEMAS[dataset]):
            raise UsageError(f"rows for {dataset} do not have its schema")
        self.put(f"{dataset}/{file}.parquet", _parquet(table))

    def put(self, name: str, data: bytes | pa.Buffer) -> None:
        """Write a whole file under the root in one step. Raises WriteError."""
        try:
            if self.local:
                _put_local(Path(self.path(ASIDE)), Path(self.path(name)), data)
            else:
                self.fs.pipe_file(self.path(name), bytes(data))
        except OSError as error:
            raise WriteError(
                f"{name} could not be written under {self.uri} ({error}). Free space or mend access, then run again: "
                "documents that are done are not read again."
            ) from error

    def put_file(self, name: str, made: Path) -> None:
        """Move a whole file from this machine to its place under the root in one step. Raises WriteError.

        Under a local root `made` must be on the same disk.
        """
        try:
            if self.local:
                target = Path(self.path(name))
                target.parent.mkdir(parents=True, exist_ok=True)
                with made.open("rb") as file:
                    os.fsync(file.fileno())
                made.replace(target)
                _sync_folder(target.parent)
            else:
                self.fs.put_file(str(made), self.path(name))
        except OSError as error:
            raise WriteError(
                f"{name} could not be written under {self.uri} ({error}). Free space or mend access, then run again."
            ) from error

    def get(self, name: str) -> bytes | None:
        """Return the bytes of a file under the root; None when there is none."""
        try:
            return bytes(self.fs.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def clear(self, file: str) -> None:
        """Take a document's rows out of all datasets; files without rows stay."""
        empty = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        self.replace(file, empty, self.without_own_rows(file))

    def without_own_rows(self, file: str, doc_id: str | None = None) -> dict[str, pa.Table]:
        """Return empty tables for those own datasets that have rows in `file`: of another document than `doc_id`, if given."""
        out = {}
        for name in self.own_datasets():
            try:
                table = pq.read_table(pa.BufferReader(self.fs.cat_file(self.path(name, f"{file}.parquet"))))
            except FileNotFoundError:
                continue
            if table.num_rows and (doc_id is None or table["doc_id"][0].as_py() != doc_id):
                out[name] = table.schema.empty_table()
        return out

    def own_datasets(self) -> dict[str, Any]:
        """Return what is known of the schemas of the user's own that were written here, by the name of their dataset."""
        try:
            found = json.loads(self.get(OWN) or b"{}")
        except ValueError:
            return {}
        return {
            str(name): told
            for name, told in found.items()
            if FILE_NAME.fullmatch(str(name)) and name not in DATASETS
        }

    def note_own(self, name: str, told: Mapping[str, Any]) -> None:
        """Remember a dataset of a schema of the user's own. Raises WriteError."""
        known = self.own_datasets()
        if known.get(name) != told:
            self.put(OWN, json.dumps({**known, name: dict(told)}, indent=1).encode())

    def files(self, dataset: str = "documents") -> dict[str, str]:
        """Return {file: stamp} of one dataset. A stamp changes when the file is replaced."""
        if self.local:
            return _scan_local(Path(self.path(dataset)))
        try:
            found = self.fs.ls(self.path(dataset), detail=True, refresh=True)
        except FileNotFoundError:
            return {}
        return {
            entry["name"].rsplit("/", 1)[-1].removesuffix(".parquet"): _stamp(entry)
            for entry in found
            if entry["name"].endswith(".parquet")
        }

    def stamp(self, dataset: str, file: str) -> str | None:
        """Return the stamp of one file as `files` would; None when there is none."""
        path = self.path(dataset, f"{file}.parquet")
        try:
            if self.local:
                return _stat_stamp(Path(path).stat())
            self.fs.invalidate_cache(path)
            return _stamp(self.fs.info(path))
        except FileNotFoundError:
            return None

    def being_written(self, file: str) -> bool:
        """Tell whether a document's files are being exchanged, or their exchange was broken off."""
        path = self.path(STATE, "writing", file)
        if self.local:
            return Path(path).exists()
        self.fs.invalidate_cache(path)
        return bool(self.fs.exists(path))

    def read_any(self, dataset: str, file: str) -> pa.Table | None:
        """Return the rows of one file, also of a dataset of the user's own; None when it has no such file.

        Raises FileNotFoundError when one of the seven datasets misses it.
        """
        if dataset in SCHEMAS:
            return self.read(dataset, file)
        try:
            return pq.read_table(pa.BufferReader(self.fs.cat_file(self.path(dataset, f"{file}.parquet"))))
        except FileNotFoundError:
            return None

    def read(self, dataset: str, file: str) -> pa.Table:
        """Return the rows of one file. Raises FileNotFoundError."""
        table = pq.read_table(pa.BufferReader(self.fs.cat_file(self.path(dataset, f"{file}.parquet"))))
        return table if table.schema.equals(SCHEMAS[dataset]) else _with_schema(table, SCHEMAS[dataset])

    def load(self, dataset: str) -> pa.Table:
        """Return the rows of all documents of one dataset, in the order of the files' names."""
        schema = SCHEMAS[dataset]
        tables = [self.read(dataset, file) for file in sorted(self.files(dataset))]
        return pa.concat_tables([schema.empty_table(), *(t for t in tables if t.num_rows)])

    def interrupted(self) -> set[str]:
        """Return the files whose exchange was broken off by the end of an earlier process."""
        try:
            listed = self.fs.ls(self.path(STATE, "writing"), detail=False)
        except FileNotFoundError:
            return set()
        names = {str(name).rsplit("/", 1)[-1] for name in listed}
        return {name for name in names if FILE_NAME.fullmatch(name)}

    def orphans(self) -> set[str]:
        """Return files that some dataset has and `documents` has not: first writes that were broken off."""
        done = set(self.files("documents"))
        return set().union(*(self.files(name) for name in DATASETS)) - done

    @contextmanager
    def _marked(self, file: str) -> Iterator[None]:
        _checked(file)
        mark = f"{STATE}/writing/{file}"
        self.put(mark, b"1")
        yield
        with suppress(FileNotFoundError):
            self.fs.rm_file(self.path(mark))


def _checked(file: str) -> str:
    if not FILE_NAME.fullmatch(file):
        raise UsageError(f"{file!r} cannot be a file name in the datasets")
    return file


def _parquet(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _put_local(aside: Path, target: Path, data: bytes | pa.Buffer) -> None:
    """Write aside, sync, rename, sync the folder: after a power cut the old or the new file is there."""
    temporary = aside / f"{uuid.uuid4().hex}.part"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _scan_local(folder: Path) -> dict[str, str]:
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name.removesuffix(".parquet"): _stat_stamp(entry.stat())
                for entry in entries
                if entry.name.endswith(".parquet")
            }
    except FileNotFoundError:
        return {}


def _stat_stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"


def _stamp(entry: Mapping[str, Any]) -> str:
    changed = entry.get("ETag") or entry.get("etag") or entry.get("mtime") or entry.get("LastModified")
    return f"{entry.get('size')}:{changed}"


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring rows that an earlier version wrote to today's columns; columns it did not know are null."""
    columns = [
        table.column(field.name).cast(field.type) if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=schema)
