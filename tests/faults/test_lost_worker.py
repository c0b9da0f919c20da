"""One of two vision workers is lost for good in the middle of `parquetry run`: the other one takes over, no row changes."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import httpx
import psutil

from tests.faults.test_kill import check_whole, documents_in, start
from tests.small import content, small_pdf
from tests.worker_process import RunningWorker, running_worker

DOCUMENTS = 4
PATIENCE = 300  # seconds for a run to end


def read(folder: Path, out: Path, workers: list[RunningWorker]) -> subprocess.Popen[str]:
    """Start `parquetry run` with the addresses of all workers."""
    urls = [part for worker in workers for part in ("--worker-url", worker.url)]
    return start(folder, out, "--engine", "vision", "--workers", 1, *urls)


def lose(worker: RunningWorker) -> None:
    """Kill the supervisor first, so that nobody starts the worker again, then the worker."""
    everything = [psutil.Process(worker.process.pid)]
    everything += everything[0].children(recursive=True)
    for process in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    worker.process.wait(60)


def test_a_run_that_loses_one_of_two_workers_changes_no_row(tmp_path: Path) -> None:
    folder, quiet, disturbed = tmp_path / "in", tmp_path / "quiet", tmp_path / "disturbed"
    for number in range(DOCUMENTS):
        small_pdf(folder / f"{number}.pdf", 1000 + number)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with (
        running_worker(tmp_path / "a", slots=4, threads=1) as first,
        running_worker(tmp_path / "b", slots=4, threads=1) as second,
    ):
        undisturbed = read(folder, quiet, [first, second])
        assert undisturbed.wait(PATIENCE) in (0, 2), undisturbed.communicate()[1]
        tiles = [int(worker.health()["tiles"]) for worker in (first, second)]
        assert min(tiles) > 0  # both had their share

        running = read(folder, disturbed, [first, second])
        # until it has answered one question and is at work on another
        while running.poll() is None and ((now := first.health())["tiles"] == tiles[0] or now["idle"]):
            time.sleep(0.005)
        lose(first)
        assert documents_in(disturbed) < DOCUMENTS  # it was in the middle
        code = running.wait(PATIENCE)
        assert code == undisturbed.returncode, running.communicate()[1]
        with contextlib.suppress(httpx.HTTPError):
            assert not first.health(), "it is still there"
        # more than its share: what the first one was asked, and may have answered while it was being lost, came on top
        assert int(second.health()["tiles"]) - tiles[1] > tiles[1]
    check_whole(disturbed)
    assert content(disturbed) == content(quiet)
    assert len(content(disturbed)["documents"]) == DOCUMENTS
