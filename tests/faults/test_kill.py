"""Runs that are killed, and outputs that fail: nothing is lost, nothing is doubled, and the next run carries on."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from flows.datasets import Datasets
from flows.parameters import RunParameters
from flows.run import run_direct
from schemas.arrow import DATASETS
from tests.small import content, small_pdf

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PARQUETRY_"))
} | {"PREFECT_HOME": "/nonexistent"}
DOCUMENTS = 12
LARGEST_FILE = 8_300  # bytes: those of a document of one page fit, those of one of three pages do not


def run(folder: Path, out: Path, **given):
    return run_direct(RunParameters(folders=(str(folder),), out=str(out), workers=2, **given))


def start(folder: Path, out: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        folder,
        "--out",
        out,
        "--workers",
        2,
        "--quiet",
        *arguments,
    ]
    return subprocess.Popen(
        [str(part) for part in command],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def documents_in(out: Path) -> int:
    return len(list((out / "documents").glob("*.parquet"))) if (out / "documents").is_dir() else 0


def check_whole(out: Path) -> None:
    """Every reader can read, and what `documents` calls done has its rows exactly once."""
    frames = {name: pd.read_parquet(out / name) for name in DATASETS if any((out / name).glob("*.parquet"))}
    if "documents" in frames:
        documents = frames["documents"]
        assert documents["doc_id"].is_unique
        cells = frames["cells"].groupby("doc_id").size()
        assert not frames["cells"].duplicated(["doc_id", "table_id", "row", "col"]).any()
        assert set(documents["doc_id"]) <= set(cells.index)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults")
    for number in range(DOCUMENTS):
        small_pdf(root / "in" / f"{number:02}.pdf", 1000 + number, pages=1 + number % 3)
    assert run(root / "in", root / "out").ok == DOCUMENTS
    return root / "in", content(root / "out")


def killed_at_random(folder: Path, out: Path, kills: int, seed: int, *arguments: object) -> int:
    """Kill runs over the same output at random moments, before and behind their first document; return how many died."""
    chance = random.Random(seed)
    died = 0
    for _ in range(kills):
        running = start(folder, out, *arguments)
        before, patience = Datasets(out).files(), time.monotonic() + 60
        if chance.random() < 0.7:
            while running.poll() is None and Datasets(out).files() == before and time.monotonic() < patience:
                time.sleep(0.01)
        time.sleep(chance.random() * 0.3)
        running.send_signal(signal.SIGKILL)
        died += running.wait() == -signal.SIGKILL
        check_whole(out)
    return died


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(undisturbed, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "out"
    assert killed_at_random(folder, out, kills=4, seed=1) >= 2
    last = run(folder, out)
    assert last.exit_code == 0
    assert last.done + last.unchanged == DOCUMENTS
    assert content(out) == expected
    assert Datasets(out).interrupted() == set()


@pytest.mark.slow
def test_fifty_kills_while_everything_is_read_again(undisturbed, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "out"
    run(folder, out)
    assert killed_at_random(folder, out, 50, 2, "--everything") >= 35
    assert run(folder, out).exit_code == 0
    assert content(out) == expected


def test_readers_end_with_the_run_that_was_killed(undisturbed, tmp_path):
    folder, _ = undisturbed
    running = start(folder, tmp_path / "out")
    while running.poll() is None and not (readers := psutil.Process(running.pid).children()):
        time.sleep(0.01)
    running.kill()
    running.wait()
    gone, alive = psutil.wait_procs(readers, timeout=30)
    assert alive == []


def test_a_killed_reader_costs_a_page_at_most_and_no_run(undisturbed, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "out"
    running = start(folder, out)
    killed = 0
    while running.poll() is None and killed < 2:
        for reader in psutil.Process(running.pid).children():
            if documents_in(out) > killed:
                reader.kill()
                killed += 1
                break
        time.sleep(0.02)
    assert running.wait(timeout=300) in (0, 2)
    check = run_direct(RunParameters(out=str(out), again="failed", workers=1)) if running.returncode else None
    assert check is None or check.exit_code == 0
    assert content(out) == expected


def test_two_runs_at_once_do_the_work_once(undisturbed, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "out"
    first, second = start(folder, out, "--wait", 300), start(folder, out, "--wait", 300)
    assert (first.wait(timeout=300), second.wait(timeout=300)) == (0, 0)
    assert content(out) == expected


def test_files_that_may_grow_no_more_end_the_run_with_a_clear_error_and_lose_nothing(undisturbed, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "out"
    running = start(folder, out)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    _, told = running.communicate(timeout=300)
    assert running.returncode == 3, told
    assert "File too large" in told
    check_whole(out)
    assert documents_in(out) < DOCUMENTS
    assert run(folder, out).exit_code == 0
    assert content(out) == expected


def test_a_file_replaced_while_the_run_goes_is_right_in_the_end(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(6):
        small_pdf(folder / f"{number}.pdf", 1000 + number, pages=2)
    running = start(folder, out)
    while running.poll() is None and documents_in(out) < 2:
        time.sleep(0.01)
    for number in range(6):
        small_pdf(folder / f"{number}.pdf", 5000 + number, pages=2)
    running.wait(timeout=120)
    assert run(folder, out).exit_code == 0
    clean = tmp_path / "clean"
    run(folder, clean)
    assert content(out)["cells"] == content(clean)["cells"]
    assert content(out)["failures"] == []
