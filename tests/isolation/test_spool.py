"""What pages a spool gives back: those that were added whole under the same key, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.errors import MemoryExceededError, WriteError
from extractors.isolation.spool import Spool

READINGS = [b'{"page": 1}', b'{"page": 2, "text": "\\u00e9"}', b'{"page": 3}']


def filled(path: Path, key: str = "key") -> Path:
    with Spool(path, key) as spool:
        for page, reading in enumerate(READINGS, 1):
            spool.add(page, reading, final=True)
    return path


def kept(path: Path, key: str = "key") -> list[bytes]:
    with Spool(path, key) as spool:
        return list(spool.readings())


def test_pages_come_back_under_the_same_key_only(tmp_path):
    path = filled(tmp_path / "pages")
    assert kept(path) == READINGS
    assert kept(path, "another key") == []
    assert kept(path) == []  # begun anew for the other key


def test_pages_that_may_read_better_are_left_out_and_replaced(tmp_path):
    path = tmp_path / "pages"
    with Spool(path, "key") as spool:
        spool.add(1, b"one", final=True)
        spool.add(2, b"worker away", final=False)
        spool.add(3, b"three", final=True)
        assert list(spool.readings()) == [b"one", b"worker away", b"three"]
    with Spool(path, "key") as spool:
        assert (len(spool), 2 in spool) == (2, False)
        spool.add(2, b"two", final=True)
    assert kept(path) == [b"one", b"two", b"three"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_torn_or_altered_anywhere_gives_only_whole_pages(tmp_path_factory, data):
    path = filled(tmp_path_factory.mktemp("torn") / "pages")
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        del raw[at:]
    else:
        raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    assert all(reading in READINGS for reading in kept(path))
    with Spool(path, "key") as spool:
        spool.add(4, b'{"page": 4}', final=True)
    assert kept(path)[-1] == b'{"page": 4}'


def test_what_cannot_be_kept_is_an_error_of_ours(tmp_path, monkeypatch):
    with pytest.raises(WriteError, match="cannot be kept"):
        Spool(tmp_path / "no folder" / "pages", "key")
    monkeypatch.setattr("extractors.isolation.spool.MOST_SPOOLED", 500)
    with Spool() as spool, pytest.raises(MemoryExceededError):
        for page in range(100):
            spool.add(page, b"x" * 50, final=True)
