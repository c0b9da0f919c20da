"""Reading in processes that are really killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extractors.errors import UsageError
from extractors.isolation import ReaderPool, _error
from extractors.settings import Settings
from extractors.sources import Source, find_sources, identify
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
        assert sum(process.n_read for process in pool._idle) == 5
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
        environment = Path(f"/proc/{pool._idle[0]._popen.pid}/environ")
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


@pytest.mark.parametrize(
    "payload", [b"{}", b"[1]", b"nonsense", b'{"category": "no such", "message": "m", "retryable": false}']
)
def test_what_an_owned_process_reports_is_checked(payload: bytes) -> None:
    error = _error(payload)
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
