"""Kill -9 of the flow, of a document process and of the vision worker, at random: the rows are those of a quiet run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faults.test_kill import check_whole, run, start
from tests.small import content, small_pdf
from tests.worker_process import RunningWorker, running_worker

KINDS = ("flow", "document process", "worker")
AROUND = 12  # kills around one output
LONGEST_WAIT = 2.0  # seconds before a kill
PATIENCE = 300  # seconds for a run to end once nobody disturbs it


class Round:
    """Runs over one output until one ends by itself, while things are killed around and inside it."""

    def __init__(self, folder: Path, out: Path, worker: RunningWorker, chance: random.Random) -> None:
        self.folder, self.out, self.worker, self.chance = folder, out, worker, chance
        self.died: Counter[str] = Counter()

    def start(self) -> subprocess.Popen[str]:
        return start(self.folder, self.out, "--engine", "vision", "--worker-url", self.worker.url)

    def go(self, kinds: list[str]) -> None:
        """Kill one of each of `kinds`, in this order, then let the run come to its end."""
        running = self.start()
        for kind in kinds:
            time.sleep(self.chance.uniform(0.2, LONGEST_WAIT))
            if running.poll() is None:
                self.died[kind] += self.kill(kind, running)
            if running.poll() is not None:
                assert running.returncode in (0, 2, 3, -signal.SIGKILL), running.communicate()[1]
                check_whole(self.out)
                self.worker.wait_ready()
                running = self.start()
        running.wait(timeout=PATIENCE)
        if running.returncode == 3:  # it came while the worker was on its way back
            self.worker.wait_ready()
            running = self.start()
        assert running.wait(timeout=PATIENCE) in (0, 2), running.communicate()[1]

    def kill(self, kind: str, running: subprocess.Popen[str]) -> bool:
        """Kill one process; tell whether there was one."""
        if kind == "flow":
            running.kill()
            return running.wait() == -signal.SIGKILL
        if kind == "worker":
            with contextlib.suppress(httpx.HTTPError, KeyError):
                if pid := int(self.worker.health()["pid"]):
                    os.kill(pid, signal.SIGKILL)
                    return True
            return False
        while running.poll() is None and not (readers := psutil.Process(running.pid).children()):
            time.sleep(0.02)  # it is still on its way to the first document
        if running.poll() is not None:
            return False
        with contextlib.suppress(psutil.Error):
            self.chance.choice(readers).kill()
            return True
        return False


def disturbed(tmp_path: Path, kills: int, documents: int, seed: int) -> Counter[str]:
    """Kill `kills` times over as many outputs as it takes, each compared with that of an undisturbed run."""
    folder = tmp_path / "in"
    for number in range(documents):
        small_pdf(folder / f"{number:02}.pdf", 1000 + number, pages=1 + number % 3)
    died: Counter[str] = Counter()
    chance = random.Random(seed)
    with running_worker(tmp_path, slots=8) as worker:
        quiet = run(folder, tmp_path / "quiet", engine="vision", worker_urls=(worker.url,))
        assert quiet.done == documents
        expected = content(tmp_path / "quiet")
        while sum(died.values()) < kills:
            some = min(AROUND, kills - sum(died.values()))
            kinds = [KINDS[number % len(KINDS)] for number in range(some)]
            chance.shuffle(kinds)
            turn = Round(folder, tmp_path / f"out-{sum(died.values())}", worker, chance)
            turn.go(kinds)
            died += turn.died
            assert content(turn.out) == expected
    return died


def test_a_kill_of_each_kind_changes_no_row(tmp_path):
    died = disturbed(tmp_path, kills=3, documents=3, seed=1)
    assert sum(died.values()) >= 3


@pytest.mark.slow
def test_fifty_kills_of_three_kinds_change_no_row(tmp_path):
    died = disturbed(tmp_path, kills=50, documents=6, seed=2)
    print(dict(died))
    assert min(died[kind] for kind in KINDS) >= 10
