"""Storage that fails for real: a full disk, one that turns read-only, a file that is closed to us, an output in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractors.isolation.pool import ReaderPool
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from flows.datasets import Datasets
from flows.reading import PAGES
from tests.conftest import ROOT
from tests.faults.test_kill import ENVIRONMENT, check_whole, documents_in, run, start
from tests.small import content, small_pdf

DOCUMENTS = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 KB of its own, or a skip where nothing may be mounted."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(DOCUMENTS):
        small_pdf(tmp_path / "in" / f"{number}.pdf", 1000 + number, pages=2)
    return tmp_path / "in"


def test_a_full_disk_ends_the_run_and_a_larger_one_finishes_it(folder, disk, tmp_path):
    out = disk / "out"
    running = start(folder, out)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 3, told
    assert "No space left" in told
    assert "Free space" in told
    check_whole(out)
    done = documents_in(out)
    assert done < DOCUMENTS
    remount(disk, "size=64m")
    last = run(folder, out)
    assert (last.exit_code, last.done + last.unchanged) == (0, DOCUMENTS)
    run(folder, tmp_path / "clean")
    assert content(out) == content(tmp_path / "clean")
    assert Datasets(out).interrupted() == set()


def test_an_output_that_turns_read_only_is_told_and_loses_nothing(folder, disk, tmp_path):
    remount(disk, "size=64m")
    out = disk / "out"
    assert run(folder, out, limit=3).done == 3
    remount(disk, "ro")
    running = start(folder, out)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 3, told
    assert "Read-only" in told
    check_whole(out)
    remount(disk, "rw")
    assert run(folder, out).done == DOCUMENTS - 3
    run(folder, tmp_path / "clean")
    assert content(out) == content(tmp_path / "clean")


ROOT_ONLY = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root may give up its rights"
)


def run_without_rights(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run as somebody for whom permissions count."""
    return subprocess.run(
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-m", "flows.cli", "run", folder,
         "--out", out, "--workers", "1"],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@ROOT_ONLY
def test_files_closed_to_us_fail_alone_and_mend_themselves(folder, tmp_path):
    (folder / "3.pdf").chmod(0)
    out = tmp_path / "out"
    ended = run_without_rights(folder, out)
    assert ended.returncode == 2, ended.stderr
    (failure,) = Datasets(out).load("failures").to_pylist()
    assert (failure["category"], failure["retryable"]) == ("unreadable", True)
    assert failure["source_uri"].endswith("3.pdf")
    (folder / "3.pdf").chmod(0o644)
    assert run(folder, out).exit_code == 0
    run(folder, tmp_path / "clean")
    assert content(out) == content(tmp_path / "clean")


@ROOT_ONLY
def test_a_folder_closed_to_us_is_told_and_its_documents_are_not_called_gone(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    small_pdf(folder / "open.pdf", 1)
    closed = small_pdf(folder / "closed" / "inner.pdf", 2).parent
    assert run(folder, out).exit_code == 0
    before = content(out)
    closed.chmod(0)
    ended = run_without_rights(folder, out)
    assert ended.returncode == 2, ended.stderr
    assert f"the folder {closed} cannot be listed; grant access" in ended.stderr
    (failure,) = Datasets(out).load("failures").to_pylist()
    assert (failure["category"], failure["retryable"], failure["source_uri"]) == (
        "unreadable",
        True,
        str(closed),
    )
    assert content(out)["cells"] == before["cells"]
    documents = Datasets(out).load("documents").to_pylist()
    assert [row["removed_at"] for row in documents] == [None] * 3
    closed.chmod(0o755)
    assert run(folder, out).exit_code == 0
    assert content(out) == before


def test_a_file_replaced_while_it_is_read_is_a_failure_that_mends_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = small_pdf(tmp_path / "a.pdf", 100, pages=6)
    source = identify(find_sources(path)[0], Settings())
    with ReaderPool(Settings(engine="geometry")) as pool:
        result = pool.read(
            source, on_page=lambda done, pages: small_pdf(path, 555, pages=6) if done == 2 else None
        )
    assert result.document.status == "failed"
    assert [(failure.category, failure.retryable) for failure in result.failures] == [("unreadable", True)]
    assert result.cells == ()


def test_a_second_run_says_who_holds_the_output(tmp_path):
    out = tmp_path / "out"
    small_pdf(tmp_path / "in" / "long.pdf", pages=300)
    first = start(tmp_path / "in", out)
    while first.poll() is None and not list(out.glob(f"{PAGES}/*")):
        time.sleep(0.01)
    second = start(tmp_path / "in", out)
    _, told = second.communicate(timeout=120)
    assert first.poll() is None
    first.kill()
    first.wait()
    assert second.returncode == 3, told
    assert f"process {first.pid}" in told
    assert documents_in(out) == 0
