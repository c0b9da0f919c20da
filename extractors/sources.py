"""Which documents are there, and what are they? Listing, identifying and fetching files by their content.

In: a local folder or file, or any fsspec URL. Out: `Listed` entries (a listing only: nothing is opened), and from one
of those a `Source`, whose identity is the sha256 of its bytes and whose media type comes from its first bytes, never
from its name. An unchanged folder therefore costs one listing: compare `Listed.version` with the one seen before.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec.utils import glob_translate

from extractors.errors import TooLargeError, TransportError, UnreadableError, UsageError
from extractors.settings import Settings
from extractors.sniff import HEAD_BYTES, sniff

CHUNK_BYTES = 1 << 20
UNFINISHED_SUFFIXES = (".part", ".partial", ".crdownload", ".tmp", ".swp")  # another program still writes it


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as a listing shows it; it has not been opened."""

    uri: str  # absolute path of a local file, else an fsspec URL without credentials
    byte_size: int
    modified: datetime | None  # UTC; None where the storage does not tell
    etag: str | None = None  # whatever the storage changes with the content, besides the time
    closed_folder: bool = False  # a folder that may not be listed: it stands for the files that may be in it

    @property
    def version(self) -> str:
        """A key that changes whenever the storage says that the file changed."""
        modified = self.modified.isoformat() if self.modified else ""
        return f"{self.byte_size}|{modified}|{self.etag or ''}"


@dataclass(frozen=True, slots=True)
class Source:
    """A document known by its content."""

    uri: str
    byte_size: int
    doc_id: str  # sha256 of the bytes, hex
    media_type: str
    also_at: tuple[str, ...] = ()  # other uris at which the same bytes were found
    modified: datetime | None = None


def find_sources(
    root: str | os.PathLike[str],
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    recursive: bool = True,
    follow_links: bool = False,
) -> list[Listed]:
    """List the files under `root`, sorted by uri, without opening any.

    `include` and `exclude` are globs, letter case ignored: one without a slash is compared with the file's name, one
    with a slash with its path below `root` (`**` spans folders). No include means all. Hidden files, unfinished
    downloads, and (without `follow_links`) symbolic links that lead out of `root` are left out; links to folders inside
    `root` are never followed, for what they show is listed under its own name. A folder inside `root` that is closed to
    us is listed itself, for `identify` to say so. Raises UnreadableError, TransportError or UsageError.
    """
    keep, drop = _matcher(include), _matcher(exclude)
    wanted: Callable[[str], bool] = lambda path: (keep is None or keep(path)) and not (drop and drop(path))  # noqa: E731
    found = (
        _list_local(_local_path(str(root)), recursive, follow_links)
        if is_local(root)
        else _list_remote(str(root), recursive)
    )
    return sorted(
        (entry for path, entry in found if _visible(path) and (entry.closed_folder or wanted(path))),
        key=lambda entry: entry.uri,
    )


def identify(listed: Listed, settings: Settings) -> Source:
    """Read the file once and return what it is. Holds one chunk in memory.

    Raises EmptyError, TooLargeError, UnsupportedError (NotADocumentError where the name claims nothing),
    UnreadableError (also when the file changes while it is read) or TransportError.
    """
    if listed.closed_folder:
        raise UnreadableError(
            f"the folder {listed.uri} cannot be listed; grant access to it, or take it out of the folder that is read."
        )
    _check_size(listed.uri, listed.byte_size, settings)
    with _opened(listed.uri) as file:
        head = file.read(HEAD_BYTES)
        media_type = sniff(head, listed.uri)  # before the rest is read: a stranger may be huge
        digest, size = hashlib.sha256(head), len(head)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            _check_size(listed.uri, size, settings)
    if size != listed.byte_size or _local_version(listed.uri) not in (None, listed.version):
        raise UnreadableError(f"{listed.uri} changed while it was being read; run again when it is complete.")
    return Source(listed.uri, size, digest.hexdigest(), media_type, (), listed.modified)


def merge_same(sources: Iterable[Source]) -> list[Source]:
    """Return one source per content, in order of first appearance, with the other names in `also_at`."""
    first: dict[str, Source] = {}
    names: dict[str, list[str]] = {}
    for source in sources:
        first.setdefault(source.doc_id, source)
        names.setdefault(source.doc_id, []).extend((source.uri, *source.also_at))
    return [
        replace(source, also_at=tuple(sorted(set(names[doc_id]) - {source.uri})))
        for doc_id, source in first.items()
    ]


@contextmanager
def local_copy(source: Source, settings: Settings) -> Iterator[Path]:
    """Give a local path that holds the document's bytes: its own, or a temporary copy of a remote file.

    Raises UnreadableError when the bytes are no longer the identified ones, TooLargeError or TransportError.
    """
    if is_local(source.uri):
        path = _local_path(source.uri)
        _check_unchanged(source, path)
        yield path
        _check_unchanged(source, path)
        return
    _check_size(source.uri, source.byte_size, settings)
    with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
        path = Path(folder) / "document"
        digest, size = hashlib.sha256(), 0
        with _opened(source.uri) as remote, path.open("wb") as local:
            while chunk := remote.read(CHUNK_BYTES):
                size += len(chunk)
                _check_size(source.uri, size, settings)
                digest.update(chunk)
                local.write(chunk)
        if digest.hexdigest() != source.doc_id:
            raise UnreadableError(f"{source.uri} changed after it was listed; run again when it is complete.")
        yield path


def is_local(root: str | os.PathLike[str]) -> bool:
    """Tell whether `root` is a path or a file: URL, not a URL of another storage."""
    text = str(root)
    return "://" not in text or text.startswith(("file://", "local://"))


def _local_path(uri: str) -> Path:
    if uri.startswith("file://"):
        return Path(
            os.fsdecode(
                unquote(urlsplit(uri).path, errors="surrogateescape").encode(errors="surrogateescape")
            )
        )
    return Path(uri.removeprefix("local://")).expanduser()


def _local_uri(path: Path) -> str:
    """Return the path, or a percent-encoded file: URL where the name is not UTF-8 and could not be stored as text."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.as_uri()
    return str(path)


def _local_version(uri: str) -> str | None:
    if not is_local(uri):
        return None
    path = _local_path(uri)
    try:
        return _local_entry(path, path.stat()).version
    except FileNotFoundError:
        return "gone"


def _local_entry(path: Path, stat: os.stat_result) -> Listed:
    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
    return Listed(_local_uri(path), stat.st_size, modified, f"{stat.st_mtime_ns}-{stat.st_ino}")


def _list_local(root: Path, recursive: bool, follow_links: bool) -> Iterator[tuple[str, Listed]]:
    root = Path(os.path.abspath(root))  # noqa: PTH100  resolve() would give the uri of a link's target
    if not root.exists():
        raise UnreadableError(f"{root} does not exist; check the path.")
    if root.is_file():
        yield root.name, _local_entry(root, root.stat())
        return
    real_root = root.resolve()
    folders, linked = [root], {real_root}
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            if folder == root:
                raise UnreadableError(
                    f"{root} cannot be listed ({error.strerror}); check its permissions."
                ) from error
            with suppress(OSError):  # gone by now: then nothing is lost with it
                closed = _local_entry(folder, folder.stat())
                yield folder.relative_to(root).as_posix(), replace(closed, closed_folder=True)
            continue
        for entry in entries:
            path = Path(entry.path)
            try:
                real = (
                    Path(os.path.realpath(path)) if entry.is_symlink() else None
                )  # resolve() raises on a loop
                if real and not real.is_relative_to(real_root) and not follow_links:
                    continue
                if real and entry.is_dir():
                    if (
                        recursive
                        and not entry.name.startswith(".")
                        and not any(real.is_relative_to(known) for known in linked)
                    ):
                        linked.add(real)
                        folders.append(path)
                elif entry.is_dir(follow_symlinks=False):
                    if recursive and not entry.name.startswith("."):
                        folders.append(path)
                elif entry.is_file():
                    yield path.relative_to(root).as_posix(), _local_entry(path, entry.stat())
            except OSError:
                continue  # vanished between the listing and the look


def _list_remote(root: str, recursive: bool) -> Iterator[tuple[str, Listed]]:
    if "::" in root:
        raise UsageError(f"{root}: chained URLs are not read; unpack the archive and give its folder.")
    try:
        fs, start = fsspec.core.url_to_fs(root)
        infos: dict[str, Mapping[str, Any]] = fs.find(start, maxdepth=None if recursive else 1, detail=True)
    except (ValueError, ImportError) as error:
        raise UsageError(f"{root} cannot be opened: {error}") from error
    except FileNotFoundError as error:
        raise UnreadableError(f"{root} does not exist; check the address.") from error
    except Exception as error:  # every storage has its own exceptions
        raise TransportError(
            f"{root} cannot be listed ({error}); check the address, network and credentials."
        ) from error
    if not infos and not fs.exists(start):
        raise UnreadableError(f"{root} does not exist; check the address.")
    for path, info in infos.items():
        below = path[len(start) :].lstrip("/") if path.startswith(start) else path
        etag = next(
            (str(info[key]) for key in ("ETag", "etag", "generation", "md5Hash") if info.get(key)), None
        )
        entry = Listed(_remote_uri(fs, root, path), int(info.get("size") or 0), _modified(info), etag)
        yield below or path.rsplit("/", 1)[-1], entry


def _remote_uri(fs: Any, root: str, path: str) -> str:
    """Return a URL that opens `path` again; hosts are kept, passwords are not (give those to fsspec's own config)."""
    parts = urlsplit(root)
    if "@" in parts.netloc or parts.scheme in ("ftp", "sftp", "ssh", "smb", "webhdfs", "hdfs"):
        host = re.sub(r":[^@/]*@", "@", parts.netloc)
        return f"{parts.scheme}://{host}/{path.lstrip('/')}"
    return str(fs.unstrip_protocol(path))


def _modified(info: Mapping[str, Any]) -> datetime | None:
    for key in ("LastModified", "last_modified", "mtime", "modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                continue
    return None


def _visible(path: str) -> bool:
    """Tell whether no part of the path is hidden and the file is not one that another program still writes."""
    name = path.rsplit("/", 1)[-1]
    if any(part.startswith(".") for part in path.split("/")):
        return False
    return not name.lower().endswith(UNFINISHED_SUFFIXES) and not name.startswith("~$")


def _matcher(globs: Iterable[str]) -> Callable[[str], bool] | None:
    patterns = [(re.compile(glob_translate(glob.strip("/")), re.IGNORECASE), "/" in glob) for glob in globs]
    if not patterns:
        return None
    return lambda path: any(
        regex.match(path if whole else path.rsplit("/", 1)[-1]) is not None for regex, whole in patterns
    )


@contextmanager
def _opened(uri: str) -> Iterator[IO[bytes]]:
    if is_local(uri):
        try:
            with _local_path(uri).open("rb") as file:
                yield file
        except OSError as error:
            raise UnreadableError(
                f"{uri} cannot be read ({error.strerror}); check that it is there and open."
            ) from error
        return
    try:
        with fsspec.open(uri, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise UnreadableError(f"{uri} is gone; run again to list anew.") from error
    except (OSError, TimeoutError) as error:
        raise TransportError(f"{uri} cannot be fetched ({error}); check network and credentials.") from error


def _check_size(uri: str, size: int, settings: Settings) -> None:
    if size > settings.max_bytes:
        raise TooLargeError(f"{uri} has more than {settings.max_bytes} bytes; raise max_bytes to read it.")


def _check_unchanged(source: Source, path: Path) -> None:
    try:
        stat = path.stat()
    except OSError as error:
        raise UnreadableError(f"{source.uri} is gone or closed; run again to list anew.") from error
    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
    if stat.st_size != source.byte_size or (source.modified and modified != source.modified):
        raise UnreadableError(f"{source.uri} changed while it was being read; run again when it is complete.")
