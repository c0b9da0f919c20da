"""Arrivals in a folder: complete, in batches, once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from flows.watch import batches

QUIET = 0.6  # seconds without a change after which a file counts as complete


class Watched:
    """A folder that is being watched in a thread; `next` gives the names of the next batch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stop, self._found = folder, threading.Event(), Queue()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        for batch in batches(self.folder, QUIET, self.stop):
            self._found.put(sorted(Path(entry.uri).name for entry in batch))

    def next(self) -> list[str]:
        return self._found.get(timeout=60)

    def nothing(self, seconds: float) -> bool:
        try:
            return self._found.get(timeout=seconds) is None
        except Empty:
            return True


@pytest.fixture
def watched(tmp_path) -> Iterator[Watched]:
    (tmp_path / "there.pdf").write_text("already there")
    watching = Watched(tmp_path)
    yield watching
    watching.stop.set()


def test_what_is_there_comes_first_and_arrivals_come_once(watched):
    assert watched.next() == ["there.pdf"]
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (watched.folder / name).write_text(name)
    assert watched.next() == ["a.pdf", "b.pdf", "c.pdf"]
    assert watched.nothing(3 * QUIET)
    (watched.folder / "b.pdf").write_text("other bytes")
    assert watched.next() == ["b.pdf"]


def test_a_growing_file_is_given_when_it_is_complete(watched):
    assert watched.next() == ["there.pdf"]
    with (watched.folder / "slow.pdf").open("w") as file:
        for _ in range(12):
            file.write("more")
            file.flush()
            time.sleep(QUIET / 4)
        grown = time.monotonic()
    assert watched.next() == ["slow.pdf"]
    assert time.monotonic() - grown > QUIET / 4


def test_unfinished_downloads_and_hidden_files_are_not_arrivals(watched):
    assert watched.next() == ["there.pdf"]
    (watched.folder / "big.pdf.part").write_text("half")
    (watched.folder / ".hidden.pdf").write_text("hidden")
    assert watched.nothing(3 * QUIET)
    (watched.folder / "big.pdf.part").rename(watched.folder / "big.pdf")
    assert watched.next() == ["big.pdf"]
