"""How a run reads one document: in a process that can be ended, its rows written, what became of it told.

In: a document of the plan, and the `Job` of its run. Out: rows in the datasets, and an `Outcome`. Pages of a document that is
being read are kept beside the datasets, so that a reading that was broken off is carried on.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from extractors.errors import ParquetryError, WriteError
from extractors.settings import Settings
from extractors.sources import Source
from flows.datasets import STATE, Datasets
from flows.index import Known
from flows.own import own_tables
from flows.parameters import RunParameters
from flows.plan import ToRead, Way
from flows.summary import Events, Outcome
from schemas.arrow import tables_of, to_arrow
from schemas.records import Document, DocumentResult, Failure

PAGES = f"{STATE}/pages"  # where the pages of documents that are being read are kept
PAGES_KEPT = 7 * 86_400.0  # seconds that those of a document that was broken off are worth
RETRY_PAUSES = (1.0, 5.0, 15.0)  # seconds before another attempt at a document whose failure may mend itself
MESSAGES = 3  # failure messages that an outcome carries along; the datasets have them all

STAGES = ("text", "tables", "statements")  # whose seconds a document's row tells

OnPage = Callable[[int, int], None]  # (pages read, pages in the document)


class Reader(Protocol):
    """Reads documents in processes that can be ended. Used from several threads."""

    def read(
        self,
        source: Source,
        *,
        on_page: OnPage | None = None,
        flow_run_id: str | None = None,
        spool: tuple[Path, str] | None = None,
    ) -> DocumentResult:
        """Return the rows of one document; never raises for a bad document. Pages are kept in `spool`, under its key."""
        ...

    def close(self) -> None:
        """End the processes, and what they are reading."""
        ...


@dataclass(frozen=True)
class Job:
    """What reading one document needs to know of its run."""

    parameters: RunParameters
    out: Datasets
    way: Way
    flow_run_id: str | None = None
    events: Events = field(default_factory=Events)
    stopping: threading.Event = field(default_factory=threading.Event)  # set when the run is being stopped


@contextmanager
def open_reader(settings: Settings, workers: int) -> Iterator[Reader]:
    """Give the processes that read documents, and end them afterwards."""
    from extractors.isolation.pool import ReaderPool

    reader = ReaderPool(settings, workers)
    try:
        yield reader
    finally:
        reader.close()


def read_and_write(job: Job, reader: Reader, item: ToRead, *, retry: bool = True) -> Outcome:
    """Read one document, write its rows, and say what became of it. Raises WriteError only.

    With `retry` a failure that may mend itself (a worker that is restarting, a share that is away) is tried again
    after a pause; each reading counts as an attempt.
    """
    attempts = item.attempts
    for pause in (*RETRY_PAUSES, None):
        attempts += 1
        result = _read(job, reader, item)
        again = result.document.status == "failed" and any(f.retryable for f in result.failures)
        if not (retry and again and pause and attempts < job.parameters.max_attempts) or job.stopping.wait(
            pause
        ):
            break
    result = _signed(result, item, attempts)
    document = result.document
    if item.keeps and document.status == "failed":
        document = _keep_rows(job.out, item, result)
    else:
        own = own_tables(job.out, job.parameters.settings(), item.file, result)
        job.out.replace(item.file, tables_of(result), own)
    late = any(failure.category == "timeout" for failure in result.failures)
    if (
        spool := _spool(job.out, item)
    ) and not late:  # with more time the next reading goes on where this one ended
        spool[0].unlink(missing_ok=True)
    for failure in result.failures:
        job.events.failure(item, failure)
    return _outcome(item, document, result.failures, attempts)


def _read(job: Job, reader: Reader, item: ToRead) -> DocumentResult:
    if item.error is None:
        return reader.read(
            item.source,
            on_page=lambda done, pages: job.events.page(item, done, pages),
            flow_run_id=job.flow_run_id,
            spool=_spool(job.out, item),
        )
    return unread_result(item.source, job.way, item.error, job.flow_run_id)


def _spool(out: Datasets, item: ToRead) -> tuple[Path, str] | None:
    """Return the file in which a document's pages are kept while it is read, and their key; None on an object store."""
    if not out.local or not item.fingerprint:
        return None
    return Path(out.path(PAGES, hashlib.sha256(item.fingerprint.encode()).hexdigest()[:32])), item.fingerprint


def clear_spools(out: Datasets) -> None:
    """Make the folder of page readings, and take away those of documents that nobody went on with."""
    if not out.local:
        return
    folder = Path(out.path(PAGES))
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise WriteError(f"{folder} cannot be made ({error}); grant write access there.") from error
    for left in folder.iterdir():
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > PAGES_KEPT:
                left.unlink()


def unread_result(
    source: Source, way: Way, error: ParquetryError, flow_run_id: str | None = None
) -> DocumentResult:
    """Return the rows of a file that could not even be identified: one document that failed, and why."""
    now = datetime.now(UTC)
    document = Document(
        doc_id=source.doc_id, fingerprint="", source_uri=source.uri, also_at=source.also_at,
        media_type=source.media_type, byte_size=source.byte_size, n_pages=0, n_tables=0, n_facts=0, status="failed",
        engine=way.engine, model=way.model, started_at=now, seconds=0.0, flow_run_id=flow_run_id,
    )  # fmt: skip
    failure = Failure(
        source_uri=source.uri, stage="identify", category=error.category, message=str(error),
        retryable=error.retryable, at=now,
    )  # fmt: skip
    return DocumentResult(document=document, failures=(failure,))


def _signed(result: DocumentResult, item: ToRead, attempts: int) -> DocumentResult:
    """Return the result under this run's fingerprint and names, its failures with the number of attempts."""
    document = result.document.model_copy(
        update={
            "fingerprint": item.fingerprint,
            "source_uri": item.source.uri,
            "also_at": item.source.also_at,
        }
    )
    failures = tuple(
        f.model_copy(update={"attempts": attempts, "source_uri": item.source.uri}) for f in result.failures
    )
    return result.model_copy(update={"document": document, "failures": failures})


def _keep_rows(out: Datasets, item: ToRead, result: DocumentResult) -> Document:
    """Keep the rows of an earlier reading of the same bytes: only the failure and the document's status are new.

    The document gets the new fingerprint, so that attempts at the new reading are counted; its `engine` and `model`
    go on telling who read the rows that stand.
    """
    rows = out.read("documents", item.file).to_pylist()
    kept = Document.model_validate(rows[0]).model_copy(
        update={
            "fingerprint": item.fingerprint,
            "status": "partial",
            "source_uri": item.source.uri,
            "also_at": item.source.also_at,
            "removed_at": None,
        }
    )
    out.replace_one("failures", item.file, to_arrow("failures", kept.doc_id, result.failures))
    out.replace_one("documents", item.file, to_arrow("documents", kept.doc_id, (kept,)))
    return kept


def _outcome(item: ToRead, document: Document, failures: tuple[Failure, ...], attempts: int) -> Outcome:
    known = Known(
        file=item.file, doc_id=document.doc_id, fingerprint=document.fingerprint, source_uri=document.source_uri,
        also_at=document.also_at, status=document.status, byte_size=document.byte_size,
        attempts=attempts if document.status != "ok" else 0,
        categories=tuple(sorted({f.category for f in failures})) if document.status != "ok" else (),
        retryable=any(f.retryable for f in failures) and document.status != "ok",
    )  # fmt: skip
    return Outcome(
        document.doc_id, document.source_uri, item.reason, document.status, document.n_pages, document.n_tables,
        document.n_facts, document.n_needs_review, document.seconds,
        tuple((f.category, f.message) for f in failures[:MESSAGES]), known.retryable, known,
        tuple((stage, getattr(document, f"seconds_{stage}") or 0.0) for stage in STAGES),
    )  # fmt: skip
