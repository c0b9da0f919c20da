"""A real worker for tests: the supervised process over the tiny random-weight pair, on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.tiny_model import Shape, build_pair

READY_SECONDS = 240.0  # a busy machine may take long to load even a tiny model


@dataclass
class RunningWorker:
    """A worker that is ready. `process` is its supervisor."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def health(self) -> dict[str, Any]:
        """What /health says now."""
        body: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=60).json()
        return body

    def metric(self, name: str) -> float:
        """The value of one counter or gauge, label included in the name."""
        for line in httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines():
            if line.startswith(f"parquetry_worker_{name} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def wait_ready(self) -> None:
        """Return when it answers."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the worker ended with {self.process.returncode}:\n{self.log.read_text()}"
                )
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the worker did not become ready:\n{self.log.read_text()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_worker(
    folder: Path,
    shape: Shape | None = None,
    seed: int = 3,
    files: tuple[Path, Path] | None = None,
    **settings: object,
) -> Iterator[RunningWorker]:
    """Start `python -m extractors.worker` over a random-weight pair or `files`, wait until it is ready, and stop it at the end."""
    model, mmproj = files or build_pair(folder, shape, seed)
    port = free_port()
    given = {
        "model": model,
        "mmproj": mmproj,
        "port": port,
        "name": "tiny",
        "threads": 2,
        "context": 16_384,
        **settings,
    }
    environment = {
        **os.environ,
        **{f"PARQUETRY_WORKER_{key.upper()}": str(value) for key, value in given.items()},
    }
    log = folder / f"worker-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "extractors.worker"], env=environment, stdout=out, stderr=out
        )
        worker = RunningWorker(f"http://127.0.0.1:{port}", process, log)
        try:
            worker.wait_ready()
            yield worker
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(180)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
