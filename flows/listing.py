"""Which files does a run look at? Folders, a manifest, or the sources of documents that failed before.

In: `RunParameters` and what the output holds. Out: a `Listing`: the files, and which uris count as looked at, so that a
document that is missing from a folder is known to be gone and one of another folder is left alone.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from extractors.errors import ParquetryError, UnreadableError, UsageError
from extractors.sources import Listed, find_sources, is_local
from flows.index import Index
from flows.parameters import RunParameters
from flows.plan import UNREAD

MANIFEST_COLUMN = "uri"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a run."""

    files: tuple[Listed, ...]
    in_scope: Callable[[str], bool]  # whether a uri belongs to what was listed
    missing: tuple[str, ...] = ()  # uris that a manifest names and that could not be listed


def list_files(parameters: RunParameters, index: Index) -> Listing:
    """List the files a run is about, sorted by uri, without opening any.

    Raises UnreadableError, TransportError or UsageError when a folder or the manifest cannot be listed at all.
    """
    if parameters.folders:
        for folder in parameters.folders:
            if not is_local(folder):
                fsspec.core.url_to_fs(folder)[
                    0
                ].invalidate_cache()  # a process that runs twice must list twice
        roots = tuple(_root_uri(folder) for folder in parameters.folders)
        links = parameters.settings().follow_links
        found = {
            entry.uri: entry
            for folder in parameters.folders
            for entry in find_sources(
                folder, parameters.include, parameters.exclude, parameters.recursive, links
            )
        }
        return Listing(_dated(found.values(), parameters), lambda uri: uri.startswith(roots))
    uris = read_manifest(parameters.manifest) if parameters.manifest else failed_uris(index, parameters)
    files: dict[str, Listed] = {}
    missing: list[str] = []
    for uri in uris:
        try:
            files.update(
                (entry.uri, entry) for entry in find_sources(uri, parameters.include, parameters.exclude)
            )
        except ParquetryError:
            missing.append(uri)
    scope = {*files, *missing}
    return Listing(_dated(files.values(), parameters), scope.__contains__, tuple(missing))


def check_folders(parameters: RunParameters) -> None:
    """Raise UnreadableError when a local folder is not there, before anything is made for its output."""
    for folder in parameters.folders:
        if is_local(folder) and not exists(folder):
            raise UnreadableError(f"{folder} does not exist; check the path.")


def failed_uris(index: Index, parameters: RunParameters) -> list[str]:
    """Return the sources of the documents that failed and may be tried again."""
    again = parameters.reread()
    return sorted(
        known.source_uri
        for known in index.known.values()
        if not known.removed
        and known.status != "ok"
        and (again.wants_failed(known) or known.doc_id.startswith(UNREAD))
    )


def read_manifest(uri: str) -> list[str]:
    """Return the uris that a CSV or Parquet file lists in its column `uri`. Raises UnreadableError or UsageError."""
    try:
        with fsspec.open(uri, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UnreadableError(f"The manifest {uri} cannot be read ({error}); check its path.") from error
    try:
        table = (
            pq.read_table(io.BytesIO(data)) if data[:4] == b"PAR1" else pyarrow.csv.read_csv(io.BytesIO(data))
        )
        values = table.column(MANIFEST_COLUMN).to_pylist()
    except (pa.ArrowInvalid, KeyError) as error:
        raise UsageError(
            f"The manifest {uri} is no CSV or Parquet file with a column `{MANIFEST_COLUMN}` ({error})."
        ) from error
    return list(dict.fromkeys(str(value).strip() for value in values if value))


def exists(uri: str) -> bool:
    """Tell whether a file is there; when that cannot be told, it is taken to be."""
    try:
        if is_local(uri):
            return Path(uri).expanduser().exists() if "://" not in uri else bool(find_sources(uri))
        fs, path = fsspec.core.url_to_fs(uri)
        return bool(fs.exists(path))
    except UnreadableError:
        return False
    except Exception:  # every storage has its own exceptions; a document is not called gone because of one
        return True


def _root_uri(folder: str) -> str:
    """Return how the uris below a folder start."""
    if is_local(folder):
        path = os.path.abspath(Path(folder.removeprefix("local://").removeprefix("file://")).expanduser())  # noqa: PTH100
        return path + "/" if Path(path).is_dir() else path
    fs, path = fsspec.core.url_to_fs(folder)
    uri = str(fs.unstrip_protocol(path)).rstrip("/")
    return uri if fs.isfile(path) else uri + "/"


def _dated(entries: Iterable[Listed], parameters: RunParameters) -> tuple[Listed, ...]:
    since, until = parameters.since, parameters.until
    since = since.astimezone() if since else None
    until = until.astimezone() if until else None
    kept = (
        entry
        for entry in entries
        if (since is None or (entry.modified is not None and entry.modified >= since))
        and (until is None or (entry.modified is not None and entry.modified < until))
    )
    return tuple(sorted(kept, key=lambda entry: entry.uri))
