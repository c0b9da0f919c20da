"""A long document whose run is killed goes on inside the document, and takes no more memory than its rows."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from extractors.isolation import pool as isolation
from flows.datasets import Datasets
from flows.parameters import RunParameters
from flows.reading import PAGES
from flows.run import run_direct
from flows.summary import Events
from tests.conftest import ROOT
from tests.faults.test_kill import start
from tests.hostile import makers
from tests.small import content, small_pdf

MEGABYTE = 1 << 20


class Pages(Events):
    """Remembers how far the document was at each page."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def page(self, item, done, pages):
        self.seen.append(done)


def spooled(out: Path) -> int:
    """Whole lines in the page files of an output: a head and a page each."""
    return sum(file.read_bytes().count(b"\n") for file in (out / PAGES).glob("*"))


def kill_behind(running: subprocess.Popen[str], out: Path, pages: int) -> None:
    while running.poll() is None and spooled(out) <= pages:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL


def finish(folder: Path, out: Path) -> Pages:
    seen = Pages()
    assert run_direct(RunParameters(folders=(str(folder),), out=str(out), workers=1), seen).exit_code == 0
    return seen


def test_a_killed_run_goes_on_inside_the_document(tmp_path):
    folder, out, clean = tmp_path / "in", tmp_path / "out", tmp_path / "clean"
    small_pdf(folder / "long.pdf", pages=60)
    assert finish(folder, clean).seen == list(range(1, 61))
    for pages in (10, 30):
        kill_behind(start(folder, out), out, pages)
        assert list((out / "documents").glob("*.parquet")) == []
        with next((out / PAGES).glob("*")).open("ab") as file:
            file.write(b'31 1 00000000 {"page": 31')  # the line that the power cut tore
    seen = finish(folder, out).seen
    assert seen[0] >= 30
    assert seen[-1] == 60
    assert content(out) == content(clean)
    assert list((out / PAGES).iterdir()) == []


def test_pages_of_other_bytes_are_never_taken(tmp_path):
    folder, out, clean = tmp_path / "in", tmp_path / "out", tmp_path / "clean"
    small_pdf(folder / "long.pdf", sales=100, pages=40)
    kill_behind(start(folder, out), out, 10)
    other = next((out / PAGES).glob("*")).read_bytes()
    small_pdf(folder / "long.pdf", sales=700, pages=40)
    kill_behind(start(folder, out), out, 45)
    for file in (out / PAGES).glob("*"):
        file.write_bytes(other)
    assert finish(folder, out).seen[0] == 1
    finish(folder, clean)
    assert content(out) == content(clean)


@pytest.mark.slow
def test_a_document_that_ran_out_of_time_goes_on_when_it_is_given_more(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(isolation, "ReaderPool", partial(isolation.ReaderPool, entry="tests.hostile.child"))
    folder, out, clean = tmp_path / "in", tmp_path / "out", tmp_path / "clean"
    folder.mkdir()
    makers.pdf(folder / "slow.pdf", ["SLOW"] * 60)
    given = RunParameters(folders=(str(folder),), out=str(out), workers=1, document_timeout=20)
    assert run_direct(given).exit_code == 2
    (document,) = Datasets(out).load("documents").to_pylist()
    failures = Datasets(out).load("failures").to_pylist()
    assert document["status"] == "partial"
    late = [row["page"] for row in failures]
    assert late == list(range(late[0], 61))
    assert {row["category"] for row in failures} == {"timeout"}
    seen = Pages()
    again = RunParameters(out=str(out), again="failed", categories=("timeout",), workers=1)
    assert run_direct(again, seen).exit_code == 0
    assert seen.seen[0] >= late[0] - 1
    assert list((out / PAGES).iterdir()) == []
    finish(folder, clean)
    assert content(out) == content(clean)


@pytest.mark.slow
def test_two_thousand_pages_are_read_in_bounded_memory_over_many_kills(tmp_path):
    folder, out, clean = tmp_path / "in", tmp_path / "out", tmp_path / "clean"
    small_pdf(folder / "long.pdf", pages=2000)
    chance = random.Random(3)
    behind = 0
    for _ in range(5):
        behind += chance.randrange(100, 350)
        kill_behind(start(folder, out), out, behind)
    running = start(folder, out)
    most = watch(running)
    assert running.returncode == 0
    whole = start(folder, clean)
    undisturbed = watch(whole)
    assert content(out) == content(clean)
    assert len(Datasets(out).load("pages")) == 2000
    print(f"flow and reading process, MB at most: {most} after kills, {undisturbed} undisturbed")
    for parent, child in (most, undisturbed):
        assert parent < 400
        assert child < 600


def watch(running: subprocess.Popen[str]) -> tuple[int, int]:
    """Wait for a run; return the most memory of its own process and of its largest child, in megabytes."""
    flow = psutil.Process(running.pid)
    most = [0, 0]
    while running.poll() is None:
        try:
            own = flow.memory_info().rss
            children = max((child.memory_info().rss for child in flow.children()), default=0)
        except psutil.Error:
            continue
        most = [max(most[0], own), max(most[1], children)]
        threading.Event().wait(0.05)
    return most[0] // MEGABYTE, most[1] // MEGABYTE
