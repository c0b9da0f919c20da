"""Proof that a worker killed again and again costs time and nothing else."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pandas as pd
import pytest

from extractors.engine import EngineReading
from extractors.settings import Settings
from extractors.vision.engine import VisionEngine
from tests.conftest import SAMPLES
from tests.vision.test_engine import pages_of
from tests.worker_process import RunningWorker, running_worker

KILLS = 10
BETWEEN = (1.0, 4.0)  # seconds
NO_WORKER = 3  # exit code of a run that could do nothing


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


def kill_ten_times(worker: RunningWorker, killed: list[int], done: threading.Event) -> None:
    """Kill the worker's process every few seconds, but only one that has read something; then set `done`."""
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


@pytest.mark.slow
def test_ten_kills_lose_no_page_and_change_none(tmp_path: Path) -> None:
    with running_worker(tmp_path, slots=8) as worker:
        quiet = read_all(worker)
        killed: list[int] = []
        done = threading.Event()
        killing = threading.Thread(target=kill_ten_times, args=(worker, killed, done), daemon=True)
        killing.start()
        disturbed = read_all(worker, until=done)
        killing.join()
    assert len(set(killed)) == KILLS
    assert [r.fragments for r in disturbed] == [r.fragments for r in quiet]
    assert [[f.message for f in r.failures] for r in disturbed] == [
        [f.message for f in r.failures] for r in quiet
    ]


def run_once(worker: RunningWorker, folder: Path, out: Path) -> pd.DataFrame:
    """Read a folder with `parquetry run` and return its pages and cells as one row per page."""
    command = [sys.executable, "-m", "flows.cli", "run", folder, "--out", out, "--engine", "vision"]
    command += ["--worker-url", worker.url, "--everything", "--quiet", "--direct", "--workers", "1"]
    code = NO_WORKER
    while code == NO_WORKER:  # it was killed just before the run began: nothing was written
        worker.wait_ready()
        ended = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=1200)
        code = ended.returncode
    assert ended.returncode in (0, 2), ended.stdout + ended.stderr  # random answers leave pages read in part
    pages = pd.read_parquet(out / "pages")[["doc_id", "page", "status", "n_tiles"]]
    assert not pages.duplicated(["doc_id", "page"]).any()
    cells = pd.read_parquet(out / "cells").groupby(["doc_id", "page"]).text.agg("|".join).reset_index()
    return pages.merge(cells, how="left").sort_values(["doc_id", "page"]).reset_index(drop=True)


@pytest.mark.slow
def test_ten_kills_during_runs_leave_the_datasets_as_they_were(tmp_path: Path) -> None:
    """Each run has its share of the kills; each ends with every page there once, and with the same cells."""
    (tmp_path / "in").mkdir()
    shutil.copy(SAMPLES / "bank_statement.pdf", tmp_path / "in" / "bank_statement.pdf")
    with running_worker(tmp_path, slots=8) as worker:
        quiet = run_once(worker, tmp_path / "in", tmp_path / "out")
        killed: list[int] = []
        done = threading.Event()
        killing = threading.Thread(target=kill_ten_times, args=(worker, killed, done), daemon=True)
        killing.start()
        while not done.is_set():
            pd.testing.assert_frame_equal(run_once(worker, tmp_path / "in", tmp_path / "out"), quiet)
        killing.join()
    assert len(set(killed)) == KILLS
