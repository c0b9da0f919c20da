"""How a run goes: list, plan, read each document in a process that can be ended, write its rows, sum up.

In: `RunParameters`. Out: the datasets, and a `Summary`. Knows nothing of Prefect: `flows.folder` calls the same
functions from its tasks, and `run_direct` calls them from threads.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from pydantic import SecretStr

from extractors.choose import choose_engine
from extractors.engine import Engine
from extractors.errors import ParquetryError, TransportError, UnreadableError, UsageError, WriteError
from extractors.settings import Settings
from extractors.sources import Source
from flows.datasets import STATE, Datasets
from flows.index import Index, Known, load_index, save_index
from flows.listing import check_folders, exists, list_files
from flows.lock import writing
from flows.metrics import write_metrics
from flows.own import note_own, own_tables, own_version
from flows.parameters import RunParameters
from flows.plan import Plan, Relabel, ToRead, Way, make_plan, way_of
from flows.summary import Events, Outcome, Summary, worth_keeping
from schemas.arrow import SCHEMAS, tables_of, to_arrow
from schemas.records import Document, DocumentResult, Failure

WAYS = f"{STATE}/ways.json"  # the parts of earlier ways to read, so that a plan can name its reasons
PAGES = f"{STATE}/pages"  # where the pages of documents that are being read are kept
PAGES_KEPT = 7 * 86_400.0  # seconds that those of a document that was broken off are worth
SAVE_SECONDS = 30.0  # how often the cache is brought up to date during a run
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


@dataclass
class OpenRun:
    """A run that holds the output: its plan, and what it has learned so far."""

    job: Job
    settings: Settings
    index: Index
    plan: Plan
    summary: Summary
    _finished: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _saved: float = field(default_factory=time.monotonic)

    def is_finished(self, item: ToRead) -> bool:
        """Tell whether a document was finished in this run."""
        with self._guard:
            return item.file in self._finished

    def finish(self, item: ToRead, outcome: Outcome) -> None:
        """Count a finished document, and keep the cache of the next run up to date."""
        with self._guard:
            self._finished.add(item.file)
            self.summary.add(outcome)
            if outcome.known:
                self.index.known[outcome.known.file] = outcome.known
            if time.monotonic() - self._saved > SAVE_SECONDS:
                save_index(self.job.out, self.index)
                self._saved = time.monotonic()
        self.job.events.document(outcome)


def plan_only(parameters: RunParameters, events: Events | None = None) -> tuple[Plan, Way]:
    """Return what a run would do, and why. Writes nothing."""
    check_folders(parameters)
    settings, out = parameters.settings(), Datasets(parameters.out)
    way = way_of(settings, engine_of(settings), own_version(settings))
    plan, _ = _plan(parameters, settings, way, out, load_index(out), events or Events())
    return plan, way


@contextmanager
def open_run(
    parameters: RunParameters,
    events: Events | None = None,
    flow_run_id: str | None = None,
    password: SecretStr | None = None,
) -> Iterator[OpenRun]:
    """Take the output, plan, do what costs nothing (new names, removals), and give the run to whoever reads.

    Raises UsageError, OutputBusyError, UnreadableError, TransportError or WriteError when nothing can be done.
    """
    started, events, settings = time.monotonic(), events or Events(), parameters.settings()
    if password:
        settings = settings.model_copy(update={"password": password})
    check_folders(parameters)
    way = way_of(settings, engine_of(settings), own_version(settings))
    out = Datasets(parameters.out)
    out.prepare()
    with writing(out, parameters.wait):
        index = load_index(out)
        plan, ways = _plan(parameters, settings, way, out, index, events)
        out.prepare_datasets()
        _clear_spools(out)
        note_own(out, settings)
        for file in out.orphans():
            out.clear(file)
        if ways.get(way.key) != way.parts:
            out.put(WAYS, json.dumps({**ways, way.key: way.parts}, indent=1).encode())
        settings = settings.model_copy(
            update={"engine": way.engine}
        )  # the plan's engine, even if its worker goes away
        index = Index(dict(index.known), dict(plan.seen))
        summary = Summary(
            way.engine, way.model, plan.reasons, plan.unchanged, plan.passed_over,
            sum(change.removed for change in plan.relabel), len(plan.given_up), flow_run_id=flow_run_id,
        )  # fmt: skip
        run = OpenRun(Job(parameters, out, way, flow_run_id, events), settings, index, plan, summary)
        events.planned(plan, way)
        ended = False
        try:
            for change in plan.relabel:
                _relabel(out, index, change)
            for file in plan.clear:
                out.clear(file)
                index.known.pop(file, None)
            yield run
            ended = True
        finally:
            summary.left = max(0, len(plan.to_read) - summary.done)
            summary.seconds = time.monotonic() - started
            summary.outcomes = worth_keeping(summary.outcomes)
            save_index(out, index)
            write_metrics(out, summary, ended)


def run_direct(parameters: RunParameters, events: Events | None = None) -> Summary:
    """Run without an orchestrator: threads wait for the reading processes, and write what comes back."""
    if parameters.dask:
        raise UsageError("A Dask cluster is used through Prefect; set PREFECT_API_URL, or leave `dask` out.")
    with open_run(parameters, events) as run, open_reader(run.settings, parameters.workers) as reader:
        waiting: set[Future[None]] = set()
        with ThreadPoolExecutor(parameters.workers, thread_name_prefix="document") as threads:
            try:
                for item in run.plan.to_read[: parameters.limit]:
                    waiting.add(
                        threads.submit(
                            lambda item: run.finish(item, read_and_write(run.job, reader, item)), item
                        )
                    )
                    while len(waiting) >= 2 * parameters.workers:
                        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                        for future in done:
                            future.result()
                for future in waiting:
                    future.result()
            except BaseException:
                run.job.stopping.set()
                for future in waiting:
                    future.cancel()
                reader.close()
                raise
    return run.summary


@contextmanager
def open_reader(settings: Settings, workers: int) -> Iterator[Reader]:
    """Give the processes that read documents, and end them afterwards."""
    from extractors.isolation import ReaderPool

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
    if spool := _spool(job.out, item):
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


def _clear_spools(out: Datasets) -> None:
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


def _relabel(out: Datasets, index: Index, change: Relabel) -> None:
    """Give a document's rows the uris at which its bytes stand now, or the time at which they were found gone."""
    gone = datetime.now(UTC) if change.removed else None
    columns: dict[str, Any] = {
        "source_uri": change.source_uri,
        "also_at": list(change.also_at),
        "removed_at": gone,
    }
    failures = out.read("failures", change.file)
    if failures.num_rows:
        out.replace_one(
            "failures", change.file, _with_columns(failures, "failures", {"source_uri": change.source_uri})
        )
    documents = out.read("documents", change.file)
    out.replace_one("documents", change.file, _with_columns(documents, "documents", columns))
    known = index.known[change.file]
    index.known[change.file] = replace(
        known, source_uri=change.source_uri, also_at=change.also_at, removed=change.removed
    )


def _with_columns(table: pa.Table, dataset: str, columns: dict[str, Any]) -> pa.Table:
    for name, value in columns.items():
        column = SCHEMAS[dataset].field(name)
        values = pa.array([value] * table.num_rows, type=column.type)
        table = table.set_column(table.schema.get_field_index(name), column, values)
    return table


def engine_of(settings: Settings) -> Engine:
    """Return the engine of a run that begins.

    Raises TransportError at once when it wants a worker and none is ready; later in a run one that is away is waited for.
    """
    if settings.worker_urls and (settings.engine == "vision" or settings.own_schema):
        from extractors.vision import worker_answers

        if not worker_answers(settings):
            raise TransportError(
                f"No worker is ready at {', '.join(settings.worker_urls)}. Start one with `parquetry worker` and run again "
                "when its /health says ready, or read without it: --engine geometry and no --schema."
            )
    return choose_engine(settings)


def _plan(
    parameters: RunParameters, settings: Settings, way: Way, out: Datasets, index: Index, events: Events
) -> tuple[Plan, dict[str, Any]]:
    listing = list_files(parameters, index)
    try:
        ways: dict[str, Any] = json.loads(out.get(WAYS) or b"{}")
    except ValueError:
        ways = {}
    plan = make_plan(
        listing.files, index, way, settings, in_scope=listing.in_scope, exists=exists, ways=ways,
        interrupted=frozenset(out.interrupted()), missing=listing.missing, again=parameters.reread(), on_file=events.looking,
    )  # fmt: skip
    if not (listing.files or listing.missing or index.known):
        raise UnreadableError(
            f"There is nothing to read in {', '.join(parameters.folders) or parameters.manifest or 'the output'}; "
            "check the path and the globs."
        )
    return plan, ways
