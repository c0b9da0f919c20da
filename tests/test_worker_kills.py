"""Proof that a worker killed again and again costs time and nothing else."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import httpx
import pytest

from extractors.engine import EngineReading
from extractors.settings import Settings
from extractors.vision import VisionEngine
from tests.conftest import SAMPLES
from tests.test_vision import pages_of
from tests.worker_process import RunningWorker, running_worker

KILLS = 10
BETWEEN = (1.0, 4.0)  # seconds


def read_all(worker: RunningWorker, until: threading.Event | None = None) -> list[EngineReading]:
    """Read a document's pages; over and over until `until` is set, returning the last round."""
    engine = VisionEngine(Settings(engine="vision", worker_urls=(worker.url,)))
    with pages_of(SAMPLES / "bank_statement.pdf") as pages:
        while True:
            readings = [engine.read_page(page.content, page.render) for page in pages]
            if until is None or until.is_set():
                engine.close()
                return readings
            for reading in readings:
                assert not any(f.category in ("transport", "timeout") for f in reading.failures), (
                    reading.failures
                )


@pytest.mark.slow
def test_ten_kills_lose_no_page_and_change_none(tmp_path: Path) -> None:
    with running_worker(tmp_path, slots=8) as worker:
        quiet = read_all(worker)
        killed: list[int] = []
        done = threading.Event()

        def kill() -> None:
            rng = random.Random(1)
            while len(killed) < KILLS and worker.process.poll() is None:
                done.wait(rng.uniform(*BETWEEN))
                try:
                    health = worker.health()
                except httpx.HTTPError:
                    continue  # it is on its way back
                if not health["tiles"]:
                    continue  # killed before it has read anything, nothing would ever be read
                pid = int(health["pid"])
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            done.set()

        killing = threading.Thread(target=kill, daemon=True)
        killing.start()
        disturbed = read_all(worker, until=done)
        killing.join()
    assert len(set(killed)) == KILLS
    assert [r.fragments for r in disturbed] == [r.fragments for r in quiet]
    assert [[f.message for f in r.failures] for r in disturbed] == [
        [f.message for f in r.failures] for r in quiet
    ]
