"""The process in which documents are read: `python -m extractors.isolation.child`, started and ended by `extractors.isolation.pool`.

In, on standard input, one JSON object per line: first the settings, then one request per document with as many lines
behind it as pages were read earlier. Out, on standard output, lines of a word and its payload: READY, OPENED pages, PAGE
with its number, whether it is final, and its reading, RESULT or ERROR. A document may take this process over, so it holds
no secret but what reading needs, and nothing it sends is ever executed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from extractors import document
from extractors.choose import choose_engine
from extractors.document import failed_reading, read_safely
from extractors.engine import Engine
from extractors.errors import MemoryExceededError, ParquetryError, TimeoutExceededError
from extractors.isolation.task import ASSEMBLY_SECONDS, out_of_time
from extractors.own.reader import OwnReader, open_own
from extractors.pages.opening import open_document
from extractors.settings import Settings
from extractors.sources import Source
from schemas.page import PageReading

ALARM_GRACE = 30  # seconds past the page timeout; an orphan whose parent was killed ends itself then
MOST_WRITTEN = (
    64 << 20
)  # bytes of one file: reading a document writes none, but libraries may complain at length
READING = TypeAdapter(PageReading)


class Channel:
    """The way back to the parent. Whatever a library prints goes to standard error instead."""

    def __init__(self) -> None:
        self._out: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def send(self, word: str, payload: bytes = b"") -> None:
        """Send one line. The payload must hold no newline: JSON does not."""
        self._out.write(word.encode() + b" " + payload + b"\n")
        self._out.flush()


def main() -> None:
    """Serve requests until standard input ends."""
    channel = Channel()
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    limit_memory(settings.max_memory)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    engine: Engine | None = None
    own: OwnReader | None = None
    channel.send("READY")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            earlier = earlier_readings(request["earlier"])
            own = own or open_own(settings)
            engine = engine or choose_engine(settings)
            read(channel, request, earlier, settings, engine, own)
        except ParquetryError as error:
            send_error(channel, error)
        except MemoryError:
            send_error(
                channel,
                MemoryExceededError("the document needs more memory than max_memory allows; raise it."),
            )
        except Exception as error:
            send_error(
                channel, ParquetryError(f"the reader failed ({type(error).__name__}: {error}); report this.")
            )
        finally:
            signal.alarm(0)


def earlier_readings(number: int) -> dict[int, PageReading]:
    """Return the readings that follow the request, by page. Raises ParquetryError when one is not valid."""
    readings: dict[int, PageReading] = {}
    faults = 0
    for _ in range(number):  # to the last one: the next request stands behind them
        try:
            reading = READING.validate_json(sys.stdin.buffer.readline())
            readings[reading.page] = reading
        except ValidationError:
            faults += 1
    if faults:
        raise ParquetryError(f"{faults} pages read earlier cannot be used; run again to read them anew.")
    return readings


def read(
    channel: Channel,
    request: dict[str, Any],
    readings: dict[int, PageReading],
    settings: Settings,
    engine: Engine,
    own: OwnReader | None = None,
) -> None:
    """Read the pages of a document that have no reading yet; send each as soon as it is read, then the document's rows.

    No page is begun after the seconds that the request allows: those that are left fail by the clock.
    """
    source = source_from(request["source"])
    started = datetime.fromisoformat(request["started"])
    stop = time.monotonic() + request["seconds"]
    seconds = int(settings.page_timeout) + ALARM_GRACE
    signal.alarm(seconds)
    with open_document(local_source(source, request["path"]), settings) as opened:
        n_pages = opened.n_pages
        channel.send("OPENED", str(n_pages).encode())
        for first, last in gaps(readings, n_pages):
            pages = opened.pages(first, last)
            while time.monotonic() < stop and (page := next(pages, None)):
                reading = read_safely(page, engine, own)
                readings[reading.page] = reading
                send_page(channel, reading)
                signal.alarm(seconds)
        for number in range(1, n_pages + 1):
            if number not in readings:
                readings[number] = failed_reading(
                    number, TimeoutExceededError(f"not read: {out_of_time(settings)}; raise it.")
                )
                send_page(channel, readings[number])
        signal.alarm(max(seconds, int(ASSEMBLY_SECONDS * n_pages) + ALARM_GRACE))
        in_order = tuple(readings[number] for number in range(1, n_pages + 1))
        still_open = opened if time.monotonic() < stop else None  # late: no figure is looked at again
        result = document.assemble_document(
            source, settings, engine, in_order, started, request["flow_run_id"], still_open
        )
    channel.send("RESULT", result.model_dump_json().encode())


def send_page(channel: Channel, reading: PageReading) -> None:
    """Send the reading of one page."""
    channel.send(f"PAGE {reading.page} {is_final(reading):d}", READING.dump_json(reading))


def gaps(read: Container[int], n_pages: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last page of every run of pages that are not yet read."""
    missing = [page for page in range(1, n_pages + 1) if page not in read]
    for _, run in groupby(enumerate(missing), key=lambda at: at[1] - at[0]):
        pages = [page for _, page in run]
        yield pages[0], pages[-1]


def is_final(reading: PageReading) -> bool:
    """Tell whether another attempt at the page, with more time perhaps, would give the same."""
    again = any(failure.retryable or failure.category == "timeout" for failure in reading.failures)
    return reading.status != "failed" and not again


def local_source(source: Source, path: str) -> Source:
    """Return the source as the file at `path`; a copy of a remote file has a time of its own."""
    return source if source.uri == path else replace(source, uri=path, modified=None)


def send_error(channel: Channel, error: ParquetryError) -> None:
    """Send what went wrong with the whole document."""
    body = {"category": error.category, "message": str(error), "retryable": error.retryable}
    channel.send("ERROR", json.dumps(body).encode())


def source_from(fields: dict[str, Any]) -> Source:
    """Return the source that was sent as JSON."""
    modified = fields["modified"] and datetime.fromisoformat(fields["modified"]).astimezone(UTC)
    return Source(**{**fields, "also_at": tuple(fields["also_at"]), "modified": modified})


def limit_memory(limit: int) -> None:
    """Let allocations beyond `limit` bytes fail, and leave no core dump of somebody's document behind."""
    limits = ((resource.RLIMIT_DATA, limit), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, MOST_WRITTEN))
    for what, value in limits:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


if __name__ == "__main__":
    main()
