"""How a run goes: list, plan, read each document in a process that can be ended, write its rows, sum up.

In: `RunParameters`. Out: the datasets, and a `Summary`. Knows nothing of Prefect: `flows.folder` calls the same
functions from its tasks, and `run_direct` calls them from threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from extractors.choose import choose_engine
from extractors.engine import Engine
from extractors.errors import TransportError, UnreadableError, UsageError
from extractors.settings import Settings
from flows.datasets import STATE, Datasets
from flows.index import Index, load_index, save_index
from flows.listing import check_folders, exists, list_files
from flows.lock import writing
from flows.metrics import write_metrics
from flows.own import note_own, own_version
from flows.parameters import RunParameters
from flows.plan import Plan, ToRead, Way, make_plan, way_of
from flows.reading import Job, clear_spools, open_reader, read_and_write
from flows.relabel import relabel
from flows.summary import Events, Outcome, Summary, worth_keeping

WAYS = f"{STATE}/ways.json"  # the parts of earlier ways to read, so that a plan can name its reasons
SAVE_SECONDS = 30.0  # how often the cache is brought up to date during a run


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
        clear_spools(out)
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
                relabel(out, index, change)
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
                for item in run.plan.now:
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


def engine_of(settings: Settings) -> Engine:
    """Return the engine of a run that begins.

    Raises TransportError at once when it wants a worker and none is ready; later in a run one that is away is waited for.
    """
    if settings.worker_urls and (settings.engine == "vision" or settings.own_schema):
        from extractors.vision.engine import worker_answers

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
    plan = replace(plan, limit=parameters.limit)
    if not (listing.files or listing.missing or index.known):
        raise UnreadableError(
            f"There is nothing to read in {', '.join(parameters.folders) or parameters.manifest or 'the output'}; "
            "check the path and the globs."
        )
    return plan, ways
