"""Who reads with vision where nobody has set up a worker? The small reader of the package, in a worker that lasts as long as the run.

In: `RunParameters`. Out: the same, with the address of a worker of our own when vision is asked for, no worker is named and no larger
model was fetched. The worker ends with the run, also when the run is killed: it is tied to a pipe that only the run holds open.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console

from extractors.errors import EngineError
from extractors.worker.models import ROW_READER, find_model, profile, shipped_reader
from flows.parameters import RunParameters

START_SECONDS = 240.0  # a busy machine takes long to load even a small model
END_SECONDS = 60.0
CONTEXT = 8192  # cells; a strip and its answer take two hundred
LOG_END = 1500  # letters of its log that an error repeats


def reads_alone(parameters: RunParameters) -> bool:
    """Tell whether a run would read with the package's own model."""
    settings = parameters.settings()
    return (
        settings.engine == "vision"
        and not settings.worker_urls
        and not settings.own_schema
        and (settings.model is None or settings.model == ROW_READER)
        and shipped_reader() is not None
        and find_model(profile()) is None
    )


@contextmanager
def with_worker(parameters: RunParameters, notes: Console | None = None) -> Iterator[RunParameters]:
    """Give parameters that name a worker, started and ended here when it must be. Raises EngineError when it does not start."""
    files = shipped_reader()
    if files is None or not reads_alone(parameters):
        yield parameters
        return
    with tempfile.TemporaryDirectory(prefix="parquetry-worker-") as folder:
        log = Path(folder) / "worker.log"
        url, process = _start(files, log)
        try:
            _wait_until_ready(url, process, log)
            if notes:
                notes.print(
                    "No worker is named: the small reader of the package reads. It ends with this run; for a better one see `parquetry models`.",
                    highlight=False,
                )
            yield parameters.model_copy(update={"worker_urls": (url,)})
        finally:
            _end(process)


def _start(files: tuple[Path, Path], log: Path) -> tuple[str, subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    given = {"model": files[0], "mmproj": files[1], "name": ROW_READER, "port": port, "context": CONTEXT}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PARQUETRY_WORKER_")
    }
    environment |= {f"PARQUETRY_WORKER_{name.upper()}": str(value) for name, value in given.items()}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "extractors.worker", "--tied"], env=environment, stdin=subprocess.PIPE, stdout=out, stderr=out,
            start_new_session=True,  # Ctrl-C ends the run, which then ends its worker
        )  # fmt: skip
    return f"http://127.0.0.1:{port}", process


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5.0, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    told = log.read_text(encoding="utf-8", errors="replace")[-LOG_END:]
    raise EngineError(
        f"The worker of the small reader did not start; read with --engine geometry. Its log ends with:\n{told}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
