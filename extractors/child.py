"""The process in which documents are read: `python -m extractors.child`, started and ended by `extractors.isolation`.

In, on standard input, one JSON object per line: first the settings, then one request per document. Out, on standard
output, lines of a word and its payload: READY, OPENED pages, PAGE number and reading, RESULT or ERROR. A document may
take this process over, so it holds no secret but what reading needs, and nothing it sends is ever executed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from extractors import document
from extractors.choose import choose_engine
from extractors.document import read_safely
from extractors.engine import Engine
from extractors.errors import MemoryExceededError, ParquetryError
from extractors.ownreader import OwnReader, open_own
from extractors.pages import open_document
from extractors.settings import Settings
from extractors.sources import Source
from schemas.page import PageReading

ALARM_GRACE = 30  # seconds past the page timeout; an orphan whose parent was killed ends itself then
MOST_WRITTEN = (
    64 << 20
)  # bytes of one file: reading a document writes none, but libraries may complain at length
READINGS = TypeAdapter(tuple[PageReading, ...])
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
            own = own or open_own(settings)
            engine = engine or choose_engine(settings)
            read(channel, request, settings, engine, own)
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


def read(
    channel: Channel,
    request: dict[str, Any],
    settings: Settings,
    engine: Engine,
    own: OwnReader | None = None,
) -> None:
    """Read one document from page `first` on; send every page as soon as it is read, then the document's rows."""
    source = source_from(request["source"])
    readings = list(READINGS.validate_python(request["earlier"]))
    started = datetime.fromisoformat(request["started"])
    seconds = int(settings.page_timeout) + ALARM_GRACE
    signal.alarm(seconds)
    with open_document(local_source(source, request["path"]), settings) as opened:
        channel.send("OPENED", str(opened.n_pages).encode())
        for page in opened.pages(request["first"]):
            reading = read_safely(page, engine, own)
            readings.append(reading)
            channel.send(f"PAGE {reading.page}", READING.dump_json(reading))
            signal.alarm(seconds)
    result = document.assemble_document(
        source, settings, engine, tuple(readings), started, request["flow_run_id"]
    )
    channel.send("RESULT", result.model_dump_json().encode())


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
