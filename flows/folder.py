"""The folder flow: the same run as `flows.run`, seen by Prefect. One flow run per trigger, one task per document.

In: `RunParameters`, which the UI shows as a form. Out: the datasets, and artifacts: a summary, the failures, what needs
review, the slowest documents. Small documents share a task, because a task run costs the server about 35 ms and 19 KB.
Tasks of this process return nothing: Prefect keeps a state for every value that a task returns until the flow ends. What is done
is known from the datasets, not from Prefect.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, cast

import httpx
from prefect import flow, get_run_logger, runtime, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import MissingContextError
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from extractors.errors import ParquetryError, TransportError, UsageError
from flows.parameters import RunParameters
from flows.plan import Plan, ToRead, Way
from flows.progress import REASON_TEXT
from flows.reading import Reader, open_reader, read_and_write
from flows.run import OpenRun, open_run
from flows.spread import Bench, read_on, task_runner_of
from flows.summary import Events, Outcome, Summary
from schemas.records import Failure

SMALL_BYTES = 2_000_000  # a document up to this size may share a task with others
MOST_TASKS = 200  # of small documents in one run: about 7 s of the server's time and 4 MB of its database
MOST_TOGETHER = 25  # small documents in one task: what is lost from view when it is broken off
TELL_SECONDS = 5.0  # at least, between two updates of the progress artifact
TELLS = 100  # updates of it in one run, at most: one per cent each
LOG_SECONDS = 30.0  # between two log lines of one long document

_watched: ContextVar[Events | None] = ContextVar("watched", default=None)  # the terminal of `parquetry run`
_open: dict[str, tuple[OpenRun, Reader]] = {}  # runs of this process, for their tasks' threads
_summaries: dict[str, Summary] = {}


def run_as_flow(parameters: RunParameters, events: Events | None = None) -> Summary:
    """Run the flow in this process, against the configured API, and return its summary.

    Raises what the run raised: UsageError, OutputBusyError, UnreadableError, TransportError or WriteError.
    """
    token = _watched.set(events)
    try:
        state: State[Any] = parquetry(parameters, return_state=True)
    finally:
        _watched.reset(token)
    summary = _summaries.pop(str(state.state_details.flow_run_id), None)
    if summary is None:
        state.result()  # raises what happened
        raise TransportError(
            "The flow run ended without a summary; look at it in Prefect's UI, or run with --direct."
        )
    return summary


@flow(name="parquetry", flow_run_name=lambda: _flow_run_name(), persist_result=False)
def parquetry(run: RunParameters) -> State[Any]:
    """Read the new and changed documents of a folder into Parquet, each number verified against its page or flagged."""
    return _run(run)  # a cluster is sent this function by value, so it names nothing that cannot travel


def _run(run: RunParameters) -> State[Any]:
    flow_run_id = str(runtime.flow_run.id)
    events = FlowEvents(_watched.get())
    events.began(url_for("flow-run", runtime.flow_run.id) or "")
    password = secret_password(run.password_block) if run.password_block else None
    with (
        open_run(run, events, flow_run_id, password) as opened,
        open_reader(opened.settings, run.workers) as reader,
    ):
        _open[flow_run_id] = (opened, reader)
        try:
            _read_all(opened, reader, flow_run_id)
        finally:
            _open.pop(flow_run_id, None)
    _leave_artifacts(opened.summary)
    _summaries[flow_run_id] = opened.summary
    return _final_state(opened.summary)


@task(
    name="read-documents",
    task_run_name="{label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=[5, 30],
    retry_condition_fn=lambda _task, _run, state: _may_mend(state),
)
def read_documents(label: str, flow_run_id: str, items: tuple[ToRead, ...]) -> None:
    """Read some documents, write their rows, and count them in their run.

    Raises WriteError when the output cannot be written. Another attempt leaves out what was finished.
    """
    opened, reader = _open[flow_run_id]
    logger = get_run_logger()
    for item in items:
        if opened.is_finished(item):
            continue
        outcome = read_and_write(opened.job, reader, item)
        opened.finish(item, outcome)
        for category, message in outcome.failures[:1]:
            logger.warning("%s: %s: %s", outcome.status, category, message)


@task(
    name="read-documents-elsewhere",
    task_run_name="{label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=[5, 30],
    retry_condition_fn=lambda _task, _run, state: _may_mend(state),
)
def read_documents_elsewhere(label: str, bench: Bench, items: tuple[ToRead, ...]) -> list[Outcome]:
    """Do the same in a process of a cluster; return what became of each document."""
    outcomes = read_on(bench, items)
    for outcome in outcomes:
        for category, message in outcome.failures[:1]:
            get_run_logger().warning("%s: %s: %s", outcome.status, category, message)
    return outcomes


def secret_password(block: str) -> SecretStr:
    """Return the password that a Prefect Secret block holds. Raises UsageError when there is no such block."""
    try:
        secret = cast("Secret[str]", Secret.load(block))
    except ValueError as error:
        raise UsageError(
            f"There is no Prefect Secret block {block!r}; make one in the UI, under Blocks."
        ) from error
    return SecretStr(str(secret.get()))


def _read_all(opened: OpenRun, reader: Reader, flow_run_id: str) -> None:
    """Submit the tasks, a bounded number at a time, so that memory does not grow with the folder."""
    parameters = opened.job.parameters
    bench = Bench(parameters, opened.settings, opened.job.way, flow_run_id)
    with task_runner_of(parameters) as runner:
        most = 2 * _width(runner, parameters.workers)
        waiting: deque[tuple[tuple[ToRead, ...], PrefectFuture[Any]]] = deque()
        try:
            for items in share(opened.plan.now):
                given: dict[str, Any] = {"label": _label(items), "items": items}
                if parameters.dask:
                    future = runner.submit(read_documents_elsewhere, parameters={**given, "bench": bench})
                else:
                    future = runner.submit(read_documents, parameters={**given, "flow_run_id": flow_run_id})
                waiting.append((items, future))
                if len(waiting) >= most:
                    _finish(opened, *waiting.popleft())
            while waiting:
                _finish(opened, *waiting.popleft())
        except BaseException:  # the runner would wait for documents under way; end them before it does
            opened.job.stopping.set()
            reader.close()
            raise


def _finish(opened: OpenRun, items: tuple[ToRead, ...], future: PrefectFuture[Any]) -> None:
    """Wait for a task; what another process has read is counted here."""
    result = future.result()
    if opened.job.parameters.dask:
        for item, outcome in zip(items, result, strict=True):
            opened.finish(item, outcome)


def _width(runner: TaskRunner[Any], workers: int) -> int:
    """Return how many tasks can go on at once."""
    client = getattr(runner, "client", None)
    return sum(client.nthreads().values()) or workers if client else workers


def share(items: tuple[ToRead, ...]) -> Iterator[tuple[ToRead, ...]]:
    """Divide documents into tasks: a large one has its own, small ones share where there are many."""
    small = sum(item.source.byte_size <= SMALL_BYTES for item in items)
    together = min(MOST_TOGETHER, max(1, -(-small // MOST_TASKS)))
    group: list[ToRead] = []
    for item in items:
        if item.source.byte_size > SMALL_BYTES:
            yield (item,)
            continue
        group.append(item)
        if len(group) == together:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


class FlowEvents(Events):
    """Passes events on to the terminal, if one is watching, and keeps a progress artifact for the UI."""

    def __init__(self, watched: Events | None) -> None:
        self._to = watched or Events()
        self._told = time.monotonic()
        self._told_done = self._total = self._done = 0
        self._guard = threading.Lock()
        self._artifact: Any = None
        self._logged: dict[str, float] = {}  # file -> when its pages were last logged, monotonic seconds

    def began(self, url: str) -> None:
        """Pass on."""
        self._to.began(url)

    def looking(self, done: int, files: int) -> None:
        """Pass on."""
        self._to.looking(done, files)

    def planned(self, plan: Plan, way: Way) -> None:
        """Log the plan, and begin the progress."""
        self._to.planned(plan, way)
        self._total = len(plan.now)
        reasons = (
            ", ".join(f"{count} {REASON_TEXT[reason]}" for reason, count in plan.reasons.items()) or "nothing"
        )
        get_run_logger().info(
            "%d documents to read (%s), %d unchanged, engine %s",
            self._total,
            reasons,
            plan.unchanged,
            way.engine,
        )
        if self._total > 1:
            self._artifact = create_progress_artifact(
                0.0, key="documents-read", description="Documents read, per cent"
            )

    def page(self, item: ToRead, done: int, pages: int) -> None:
        """Pass on, and now and then log how far a long document is."""
        self._to.page(item, done, pages)
        now = time.monotonic()
        if now - self._logged.setdefault(item.file, now) > LOG_SECONDS:
            self._logged[item.file] = now
            with suppress(MissingContextError):  # a thread that belongs to no task has no log
                get_run_logger().info("%s: page %d of %d", _label((item,)), done, pages)

    def failure(self, item: ToRead, failure: Failure) -> None:
        """Pass on."""
        self._to.failure(item, failure)

    def document(self, outcome: Outcome) -> None:
        """Pass on, and now and then tell the UI."""
        self._to.document(outcome)
        if outcome.known:
            self._logged.pop(outcome.known.file, None)
        now = time.monotonic()
        with self._guard:
            self._done += 1
            done, more = self._done, self._done - self._told_done
            due = now - self._told > TELL_SECONDS and more * TELLS >= self._total
            artifact = self._artifact if due or done == self._total else None
            if artifact:
                self._told, self._told_done = now, done
        if artifact:
            self._tell(artifact, 100.0 * done / self._total)

    def _tell(self, artifact: Any, percent: float) -> None:
        """Update the progress. A server that has gone away costs the rest of it, not the run."""
        try:
            update_progress_artifact(artifact, percent)
        except httpx.HTTPError as error:
            self._artifact = None
            logging.getLogger(__name__).warning("Progress is no longer told: %s", error)


def _leave_artifacts(summary: Summary) -> None:
    """Leave what a person wants to see of a run in the UI."""
    figures = [
        {"what": "documents read", "count": summary.ok},
        {"what": "documents read in part", "count": summary.partial},
        {"what": "documents failed", "count": summary.failed},
        {"what": "documents unchanged", "count": summary.unchanged},
        {"what": "documents that failed before, not tried again", "count": summary.given_up},
        {"what": "documents whose source is gone", "count": summary.removed},
        {"what": "documents left for the next run", "count": summary.left},
        {"what": "pages", "count": summary.pages},
        {"what": "tables", "count": summary.tables},
        {"what": "facts", "count": summary.facts},
        {"what": "values that need review", "count": summary.needs_review},
        {"what": "seconds", "count": round(summary.seconds, 1)},
    ]
    reader = f"{summary.engine} {summary.model or ''}".strip()
    create_table_artifact(figures, key="summary", description=f"The run in figures; read by {reader}")
    failures = [
        {
            "document": _cell(o.source_uri),
            "status": o.status,
            "category": category,
            "what to do": _cell(message),
        }
        for o in summary.outcomes
        for category, message in o.failures
    ]
    if failures:
        create_table_artifact(
            failures, key="failures", description="What did not work, and what to do about it"
        )
    review = sorted((o for o in summary.outcomes if o.n_needs_review), key=lambda o: -o.n_needs_review)
    if review:
        create_table_artifact(
            [
                {"document": _cell(o.source_uri), "values in doubt": o.n_needs_review, "facts": o.n_facts}
                for o in review
            ],
            key="review",
            description="Documents with values that need review, the most doubtful first",
        )
    slowest = sorted(summary.outcomes, key=lambda o: -o.seconds)[:10]
    if slowest:
        stages = [stage for stage, _ in slowest[0].stages]
        rows = "\n".join(
            f"| {_cell(o.source_uri)} | {o.n_pages} | {o.seconds:.1f} |"
            + "".join(f" {seconds:.1f} |" for _, seconds in o.stages)
            for o in slowest
        )
        head = "".join(f" {stage} |" for stage in stages) + f"\n|---|--:|--:|{'--:|' * len(stages)}"
        create_markdown_artifact(f"| document | pages | seconds |{head}\n{rows}", key="slowest")


def _final_state(summary: Summary) -> State[Any]:
    message = f"{summary.done} documents read, {summary.failed + summary.partial} with failures, {summary.unchanged} unchanged"
    if summary.exit_code == 3:
        return Failed(message=message)
    return Completed(message=message, name="Completed" if summary.exit_code == 0 else "CompletedWithFailures")


def _flow_run_name() -> str:
    run = RunParameters.model_validate(runtime.flow_run.parameters["run"])
    return " ".join(run.folders) or run.manifest or f"retry of {run.out}"


def _label(items: tuple[ToRead, ...]) -> str:
    name = items[0].source.uri.rstrip("/").rsplit("/", 1)[-1]
    return name if len(items) == 1 else f"{name} and {len(items) - 1} more"


def _cell(text: str) -> str:
    """Return text that Markdown takes as text: names and messages come from documents, and may be meant to deceive."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~-])", r"\\\1", " ".join(text.split()))


def _may_mend(state: State[Any]) -> bool:
    """Tell whether another attempt at a task can help: the storage was away, not the document bad."""
    try:
        state.result()
    except ParquetryError as error:
        return error.retryable
    except Exception:
        return False
    return False
