"""What a terminal, and a log without one, say while a run goes."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from flows import progress
from flows.parameters import RunParameters
from flows.progress import TerminalEvents
from flows.run import run_direct
from tests.small import small_pdf


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        small_pdf(tmp_path / "in" / f"{number}.pdf", number, pages=2)
    return tmp_path / "in"


def told(folder, monkeypatch, **given) -> list[str]:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    console = Console(file=io.StringIO(), width=200)
    parameters = RunParameters(folders=(str(folder),), out=str(folder.parent / "out"), workers=1, **given)
    with TerminalEvents(console) as events:
        run_direct(parameters, events)
    return console.file.getvalue().splitlines()


def test_a_log_tells_pages_a_second_and_the_time_left(folder, monkeypatch):
    plan, *lines = told(folder, monkeypatch)
    assert plan.startswith("Reading 3 documents with the geometry engine: 3 new")
    assert re.fullmatch(r"0 of 3 documents, 1 pages, [\d.]+ pages/s", lines[0])
    assert re.fullmatch(r"1 of 3 documents, 2 pages, [\d.]+ pages/s, about \S+ (s|min|h) left", lines[2])
    assert re.fullmatch(r"3 of 3 documents, 6 pages, [\d.]+ pages/s, about 0 s left", lines[-1])


def test_a_limit_is_what_the_time_left_is_about(folder, monkeypatch):
    plan, *lines = told(folder, monkeypatch, limit=2)
    assert plan.startswith("Reading 2 of 3 documents")
    assert lines[-1].startswith("2 of 2 documents, 4 pages")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (150, "2.5 min"), (1500, "25 min"), (9000, "2.5 h"), (90_000, "25 h")],
)
def test_times_are_said_as_a_person_says_them(seconds, said):
    assert progress._span(seconds) == said
