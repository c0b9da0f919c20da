"""The whole way of one document in this process: its rows, its faults kept where they belong, its memory."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from itertools import pairwise

import pytest

from extractors import document
from extractors.document import extract_document, read_pages
from extractors.engine import EngineReading
from extractors.geometry.engine import GeometryEngine
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from sample_docs.drawing.many import amounts, make_long
from tests.conftest import ROOT

SETTINGS = Settings(engine="geometry")


def source_of(path):
    (listed,) = find_sources(path)
    return identify(listed, SETTINGS)


@pytest.fixture
def three_pages(tmp_path):
    return source_of(make_long(tmp_path / "three.pdf", 3))


def test_every_page_gives_its_table_and_every_number_is_grounded(three_pages):
    result = extract_document(three_pages, SETTINGS)
    assert (result.document.status, result.document.n_pages, result.document.engine) == ("ok", 3, "geometry")
    assert [p.text_source for p in result.pages] == ["text_layer"] * 3
    numbers = [c for c in result.cells if c.value is not None]
    assert {c.grounding for c in numbers} == {"exact"}
    for page in (1, 2, 3):
        printed = [Decimal(v) for _, new, old in amounts(page - 1) for v in (new, old)]
        assert [c.value for c in numbers if c.page == page] == printed


def test_progress_is_told_page_by_page(three_pages):
    seen = []
    extract_document(three_pages, SETTINGS, on_page=lambda page, pages: seen.append((page, pages)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


class FallsIll(GeometryEngine):
    """Raises on the second page, as a bug of ours would."""

    def read_page(self, content, render) -> EngineReading:
        if content.page == 2:
            raise ZeroDivisionError("division by zero")
        return super().read_page(content, render)


def test_a_fault_on_one_page_costs_that_page(three_pages, monkeypatch):
    monkeypatch.setattr(document, "choose_engine", lambda settings: FallsIll())
    result = extract_document(three_pages, SETTINGS)
    assert [p.status for p in result.pages] == ["ok", "failed", "ok"]
    assert result.document.status == "partial"
    assert [(f.page, f.category) for f in result.failures] == [(2, "internal")]
    assert {c.page for c in result.cells} == {1, 3}


def test_a_fault_among_the_statements_leaves_the_tables(three_pages, monkeypatch):
    def fall_ill(*_):
        raise KeyError("period")

    monkeypatch.setattr(document, "find_statements", fall_ill)
    result = extract_document(three_pages, SETTINGS)
    assert len(result.tables) == 3
    assert result.facts == ()
    assert [(f.stage, f.category) for f in result.failures] == [("statements", "internal")]


def test_reading_can_begin_in_the_middle(three_pages):
    assert [r.page for r in read_pages(three_pages, SETTINGS, GeometryEngine(), first=3)] == [3]


def test_a_document_without_a_password_comes_back_failed(tmp_path):
    result = extract_document(source_of(ROOT / "sample_docs" / "hostile" / "encrypted.pdf"), SETTINGS)
    assert (result.document.status, result.document.n_pages) == ("failed", 0)
    assert [f.category for f in result.failures] == ["encrypted"]


PEAK = (
    "import re, sys; from extractors.document import extract_document; from extractors.settings import Settings;"
    "from extractors.sources import find_sources, identify; s = Settings(engine='geometry');"
    "extract_document(identify(find_sources(sys.argv[1])[0], s), s);"
    "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"  # ru_maxrss would count the parent's
)


@pytest.mark.slow
def test_memory_grows_by_what_is_found_and_not_by_the_pages_read(tmp_path):
    peaks = []
    for n_pages in (100, 1000):
        path = make_long(tmp_path / f"{n_pages}.pdf", n_pages)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        peaks.append(int(done.stdout) / 1024)  # MiB
    per_page = [(b - a) / 900 for a, b in pairwise(peaks)]
    assert per_page[0] < 0.25, f"{peaks} MiB: a page keeps more than its table"
    assert peaks[1] < 1000
