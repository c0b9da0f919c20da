"""Which pages of a document are already read? Their readings, kept in a file until the document is finished.

In: readings as JSON, one at a time. Out: the same, in page order, also after the process that added them was killed. The
file holds a line with the key of the reading, then a line per page: its number, whether it is final, a checksum, the JSON.
A file with another key is begun anew, a torn or altered line ends what is taken from it, and pages that may read better
another time (a worker that was away, a process that was ended) are left to the next reader.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pydantic import TypeAdapter

from extractors.errors import MemoryExceededError, WriteError
from schemas.page import PageReading

MOST_SPOOLED = (
    2 << 30
)  # bytes of one document's readings; a process that was taken over must not fill the disk
MOST_LINE = 256 << 20  # bytes of one line
READING = TypeAdapter(PageReading)


class Spool:
    """The readings of one document's pages. Without `path` they are kept in a file that nobody can find again."""

    def __init__(self, path: Path | None = None, key: str = "") -> None:
        self._path = path
        self._head = json.dumps([key, _layout()]).encode() + b"\n"
        self._at: dict[int, tuple[int, int]] = {}  # page -> where its JSON begins, and its bytes
        try:
            if path:
                path.touch()
            self._file: IO[bytes] = path.open("r+b") if path else tempfile.TemporaryFile()  # noqa: SIM115
            try:
                self._end = self._take_over()
                self._file.truncate(self._end)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        """Return the spool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close the file; what is in it stays for the next reader."""
        with contextlib.suppress(OSError):
            self._file.close()

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, page: int) -> bool:
        return page in self._at

    def add(self, page: int, reading: bytes, final: bool) -> None:
        """Keep the reading of a page, as JSON without a newline. Raises MemoryExceededError or WriteError."""
        start = b"%d %d %08x " % (page, final, _checksum(page, final, reading))
        if self._end + len(start) + len(reading) > MOST_SPOOLED:
            raise MemoryExceededError("the document's rows do not fit; split the document.")
        try:
            self._file.seek(self._end)
            self._file.write(start + reading + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self._at[page] = (self._end + len(start), len(reading))
        self._end += len(start) + len(reading) + 1

    def readings(self) -> Iterator[bytes]:
        """Yield the JSON of all pages that are kept, in page order."""
        for _, (start, size) in sorted(self._at.items()):
            self._file.seek(start)
            yield self._file.read(size)

    def _take_over(self) -> int:
        """Find the pages that an earlier reader left behind; return the number of bytes that are worth keeping."""
        if self._file.readline(len(self._head) + 1) != self._head:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._head)
            self._file.flush()
            return len(self._head)
        end = len(self._head)
        while (line := self._file.readline(MOST_LINE)).endswith(b"\n"):
            number, final, checksum, reading = (*line[:-1].split(b" ", 3), b"", b"", b"")[:4]
            if not number.isdigit() or checksum != b"%08x" % _checksum(int(number), final == b"1", reading):
                break
            if final == b"1":
                self._at[int(number)] = (end + len(line) - 1 - len(reading), len(reading))
            end += len(line)
        return end

    def _unwritable(self, error: OSError) -> WriteError:
        where = self._path.parent if self._path else tempfile.gettempdir()
        return WriteError(
            f"The pages read so far cannot be kept in {where} ({error.strerror or error}). Free space or mend access "
            "there, then run again: documents that are done are not read again."
        )


def _checksum(page: int, final: bool, reading: bytes) -> int:
    return zlib.crc32(reading, zlib.crc32(b"%d %d" % (page, final)))


@cache
def _layout() -> str:
    """Return a name for the form that readings have in this version of the program."""
    return hashlib.sha256(json.dumps(READING.json_schema(), sort_keys=True).encode()).hexdigest()[:16]
