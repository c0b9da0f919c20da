"""Reading in processes that are really killed."""

from __future__ import annotations

import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractors.errors import TimeoutExceededError, UsageError
from extractors.isolation import process
from extractors.isolation.messages import error_of
from extractors.isolation.pool import ReaderPool
from extractors.isolation.spool import READING, Spool
from extractors.isolation.task import LEAST_TO_FINISH, Clock, Task
from extractors.settings import Settings
from extractors.sources import Source, find_sources, identify
from schemas.page import PageReading
from tests.conftest import ROOT
from tests.hostile import makers

ILL = "tests.hostile.child"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def settings(**values: object) -> Settings:
    return Settings(engine="geometry", **values)  # type: ignore[arg-type]


def source(path: Path) -> Source:
    return identify(find_sources(path)[0], Settings())


def test_pages_that_crash_and_hang_cost_only_themselves(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "ill.pdf", ["one", "CRASH", "three", "HANG", "five"])
    seen: list[tuple[int, int]] = []
    with ReaderPool(settings(page_timeout=10), entry=ILL) as pool:
        result = pool.read(source(path), on_page=lambda done, pages: seen.append((done, pages)))
    assert result.document.status == "partial"
    assert result.document.source_uri == str(path)
    assert [(page.page, page.status) for page in result.pages] == [
        (1, "ok"),
        (2, "failed"),
        (3, "ok"),
        (4, "failed"),
        (5, "ok"),
    ]
    assert [(failure.page, failure.category) for failure in result.failures] == [(2, "crash"), (4, "timeout")]
    assert "signal 11" in result.failures[0].message
    assert seen == [(1, 5), (3, 5), (5, 5)]


def test_a_document_costs_a_limited_number_of_processes(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "worse.pdf", ["CRASH"] * 7)
    with ReaderPool(settings(), entry=ILL) as pool:
        result = pool.read(source(path))
    assert result.document.status == "failed"
    assert [failure.category for failure in result.failures] == ["crash"] * 7


def test_memory_is_limited(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "hungry.pdf", ["EAT"])
    with ReaderPool(settings(max_memory=1_500_000_000), entry=ILL) as pool:
        result = pool.read(source(path))
    assert [failure.category for failure in result.failures] == ["memory"]
    assert "max_memory" in result.failures[0].message


def test_the_document_timeout_ends_a_document(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "slow.pdf", ["one", "HANG", "three", "four"])
    with ReaderPool(settings(document_timeout=12), entry=ILL) as pool:
        result = pool.read(source(path))
    assert result.document.status == "partial"
    assert [(failure.page, failure.category) for failure in result.failures] == [
        (2, "timeout"),
        (3, "timeout"),
        (4, "timeout"),
    ]


def test_what_a_library_prints_does_not_disturb(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "strange.pdf", ["STRANGE"])
    with ReaderPool(settings(), entry=ILL) as pool:
        result = pool.read(source(path))
    assert (result.document.status, result.document.n_pages) == ("ok", 1)


def test_a_process_is_used_again_and_several_threads_may_read(tmp_path: Path) -> None:
    paths = [makers.pdf(tmp_path / f"{number}.pdf", [f"document {number}"]) for number in range(5)]
    with ReaderPool(settings(), 2) as pool, ThreadPoolExecutor(5) as threads:
        results = list(threads.map(lambda path: pool.read(source(path)), paths))
        assert len(pool._idle) <= 2
        assert sum(reader.n_read for reader in pool._idle) == 5
    assert [result.document.source_uri for result in results] == [str(path) for path in paths]
    assert {result.document.status for result in results} == {"ok"}


def test_unreadable_documents_come_back_failed(tmp_path: Path) -> None:
    secret = makers.encrypted_pdf(tmp_path / "secret.pdf", "sesame")
    good = makers.pdf(tmp_path / "good.pdf", ["fine"])
    gone = source(makers.pdf(tmp_path / "gone.pdf", ["soon away"]))
    Path(gone.uri).unlink()
    with ReaderPool(settings()) as pool:
        closed = pool.read(source(secret))
        away = pool.read(gone)
        fine = pool.read(source(good))
    with ReaderPool(settings(password="sesame")) as pool:
        opened = pool.read(source(secret))
    assert [failure.category for failure in closed.failures] == ["encrypted"]
    assert [(failure.category, failure.retryable) for failure in away.failures] == [("unreadable", True)]
    assert fine.document.status == opened.document.status == "ok"


def test_the_environment_of_a_reading_process_holds_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do not leak")
    with ReaderPool(settings()) as pool:
        pool.read(source(makers.pdf(tmp_path / "one.pdf", ["one"])))
        environment = Path(f"/proc/{pool._idle[0].pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show the environment of a process")
        assert b"do not leak" not in environment.read_bytes()


def test_a_caller_that_stops_in_the_middle_leaves_no_mixed_answers(tmp_path: Path) -> None:
    long = makers.pdf(tmp_path / "long.pdf", [f"page {number}" for number in range(40)])
    short = makers.pdf(tmp_path / "short.pdf", ["short"])

    def stop(done: int, pages: int) -> None:
        raise KeyboardInterrupt

    with ReaderPool(settings()) as pool:
        with pytest.raises(KeyboardInterrupt):
            pool.read(source(long), on_page=stop)
        result = pool.read(source(short))
    assert (result.document.status, result.document.n_pages) == ("ok", 1)


def test_a_process_that_takes_long_to_go_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GONE_SECONDS", 0.0)  # nobody waits for it to be gone
    path = makers.pdf(tmp_path / "ill.pdf", ["one", "CRASH", "three"])
    with ReaderPool(settings(), entry=ILL) as pool:
        assert pool.read(source(path)).document.status == "partial"
        reader = pool._idle.pop()
        reader.end()
        assert not reader.alive
        pool._give_back(reader)
        assert reader not in pool._idle
        assert pool.read(source(makers.pdf(tmp_path / "well.pdf", ["one"]))).document.status == "ok"


@pytest.mark.parametrize(
    "payload", [b"{}", b"[1]", b"nonsense", b'{"category": "no such", "message": "m", "retryable": false}']
)
def test_what_an_owned_process_reports_is_checked(payload: bytes) -> None:
    error = error_of(payload)
    assert error is None or (error.category, str(error)) == ("internal", "m")


def test_closing_ends_what_is_being_read(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "endless.pdf", ["one", "HANG"])
    pool = ReaderPool(settings(page_timeout=600), entry=ILL)
    reached = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(pool.read, source(path), on_page=lambda done, pages: reached.set())
        assert reached.wait(120)
        pool.close()
        with pytest.raises(UsageError, match="closed"):
            future.result(timeout=60)
    with pytest.raises(UsageError, match="closed"):
        pool.read(source(path))


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_document_has_its_time_and_no_more() -> None:
    now = Hand()
    clock = Clock(60.0, now)
    assert clock.end == math.inf
    clock.start()
    now.at += 30
    clock.start()
    assert clock.end == 1060
    assert clock.last_begin(4) == 1048  # a fifth is kept
    assert clock.last_end(4) == 1054
    clock.finish()
    assert clock.end == 1060
    now.at = 1058
    clock.finish()
    assert clock.end == 1058 + LEAST_TO_FINISH
    clock.stood(3.0)
    assert clock.end == 1061 + LEAST_TO_FINISH


@pytest.mark.parametrize(
    ("limit", "n_pages", "kept"), [(60, 1, 12), (3600, 10, 30), (3600, 2000, 200), (3600, 100_000, 720)]
)
def test_time_is_kept_for_putting_the_pages_together(limit: float, n_pages: int, kept: float) -> None:
    assert Clock(limit).reserve(n_pages) == pytest.approx(kept)


def test_no_wait_goes_past_the_end_of_a_document(tmp_path: Path) -> None:
    limits = settings(page_timeout=20, document_timeout=60)
    clock = Clock(60.0)
    clock.start()
    with Spool() as pages:
        task = Task(source(makers.pdf(tmp_path / "a.pdf", ["a"])), pages, datetime.now(UTC), None, clock)
        assert task.patience(limits, opened=False)[2] is False  # opening is given a page's time
        task.n_pages, clock.end = 3, time.monotonic() + 15
        end, what, out_of_time = task.patience(limits, opened=True)
        assert (end, out_of_time) == (clock.last_end(3), True)
        assert "document_timeout (60 s)" in what
        task.give_up(TimeoutExceededError("too slow"), everything=True)
        end, _, out_of_time = task.patience(limits, opened=True)
        assert (end, out_of_time) == (clock.end, True)
        assert [json.loads(line)["failures"][0]["message"] for line in pages.readings()] == [
            "too slow",
            "not read: too slow",
            "not read: too slow",
        ]


def test_a_slow_document_stops_by_itself_and_keeps_what_it_read(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "slow.pdf", ["SLOW"] * 40)
    with ReaderPool(settings(document_timeout=15), entry=ILL) as pool:
        result = pool.read(source(path))
        (reader,) = pool._idle  # it was never ended
        assert reader.n_read == 1
    read = [page.page for page in result.pages if page.status == "ok"]
    late = [page.page for page in result.pages if page.status == "failed"]
    assert read
    assert late
    assert read + late == list(range(1, 41))
    assert [(failure.page, failure.category) for failure in result.failures] == [
        (page, "timeout") for page in late
    ]
    assert result.document.status == "partial"


def test_a_process_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "deaf.pdf", ["one"] * 3)
    spool = tmp_path / "spool"
    big = "x" * 200_000
    with Spool(spool, "key") as pages:  # more than a pipe holds
        for number in (1, 2):
            reading = PageReading(number, 1.0, 1.0, 0, "none", notes=(big,))
            pages.add(number, READING.dump_json(reading), final=True)
    with ReaderPool(settings(page_timeout=3), entry="tests.hostile.deaf") as pool:
        result = pool.read(source(path), spool=(spool, "key"))
    assert [failure.category for failure in result.failures] == ["timeout"]
    assert "could not be put together" in result.failures[0].message
