"""Where the tasks of a flow run: in threads of its process, or in the processes and machines of a Dask cluster.

In: `RunParameters`. Out: a task runner, and on its other side `Bench`: all that a process elsewhere needs to read documents
and write their rows. The flow's own process alone holds the output's lock, the plan and the index.
"""

from __future__ import annotations

import atexit
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from extractors.errors import UsageError
from extractors.settings import Settings
from flows.datasets import Datasets
from flows.parameters import RunParameters
from flows.plan import ToRead, Way
from flows.reading import Job, Reader, open_reader, read_and_write
from flows.summary import Outcome


@dataclass(frozen=True)
class Bench:
    """What another process is told of a run. It travels to that process as it is, the settings' password with it."""

    parameters: RunParameters
    settings: Settings
    way: Way
    flow_run_id: str


def task_runner_of(parameters: RunParameters) -> TaskRunner[Any]:
    """Return what the tasks of a run go to. Raises UsageError when Dask is asked for and not installed."""
    if not parameters.dask:
        return ThreadPoolTaskRunner(max_workers=parameters.workers)
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise UsageError(
            "A Dask cluster was asked for: pip install 'parquetry[dask]', there and here."
        ) from error
    if parameters.dask == "local":
        kwargs = {"n_workers": parameters.workers, "threads_per_worker": 1, "dashboard_address": None}
        runner: TaskRunner[Any] = DaskTaskRunner(cluster_kwargs=kwargs)
        return runner
    runner = DaskTaskRunner(address=parameters.dask)
    return runner


def read_on(bench: Bench, items: tuple[ToRead, ...]) -> list[Outcome]:
    """Read documents and write their rows in this process, which may be on another machine. Raises WriteError."""
    reader = _reader(bench)
    job = Job(bench.parameters, Datasets(bench.parameters.out), bench.way, bench.flow_run_id)
    return [read_and_write(job, reader, item) for item in items]


_held = ExitStack()  # the reading processes of this process, until it ends
_readers: dict[str, Reader] = {}
_guard = threading.Lock()
atexit.register(_held.close)


def _reader(bench: Bench) -> Reader:
    """Return this process' reader for a run; the one of an earlier run is ended."""
    with _guard:
        if bench.flow_run_id not in _readers:
            _held.close()
            _readers.clear()
            _readers[bench.flow_run_id] = _held.enter_context(open_reader(bench.settings, 1))
        return _readers[bench.flow_run_id]
