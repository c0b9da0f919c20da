"""The whole vision path over a real worker whose model is noise: nothing it says may pass for the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from extractors.document import extract_document
from extractors.engine import Pixels
from extractors.settings import Settings
from extractors.vision.engine import VisionEngine, worker_answers
from schemas.amount import parse_amount
from schemas.box import Box
from schemas.page import PageContent
from tests.conftest import SAMPLES
from tests.vision.test_engine import draw, pages_of, source_of, table_of
from tests.worker_process import RunningWorker, running_worker


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(tmp_path_factory.mktemp("worker"), slots=8) as running:
        yield running


@pytest.fixture
def settings(worker: RunningWorker) -> Settings:
    return Settings(engine="vision", worker_urls=(worker.url,))


def test_a_document_through_a_model_of_noise(settings: Settings, worker: RunningWorker) -> None:
    """The answers are refused for what they are; the geometry engine reads the page, and every value says so."""
    before = worker.metric("tiles_total")
    result = extract_document(source_of(SAMPLES / "invoice.pdf"), settings)
    assert worker.metric("tiles_total") > before
    assert (result.document.engine, result.document.model, result.document.status) == (
        "vision",
        "tiny",
        "partial",
    )
    assert {failure.stage for failure in result.failures} == {"vision"}
    with pymupdf.open(SAMPLES / "invoice.pdf") as document:
        printed = "".join(document[0].get_text().split())
    assert len(result.cells) > 40
    assert all("".join(cell.text.split()) in printed for cell in result.cells)
    for cell in result.cells:
        assert cell.needs_review, cell


def test_noise_on_a_page_without_words_is_never_silently_right(settings: Settings, tmp_path: Path) -> None:
    """Where there is nothing to compare with, whatever figures the model gives are marked for review."""
    draw(tmp_path / "drawn.pdf", [("Figures", table_of(6, 3, seed=1))])
    with pymupdf.open(tmp_path / "drawn.pdf") as document:
        pixmap = document[0].get_pixmap(dpi=100)

    def render(dpi: int, region: Box | None) -> Pixels:
        import cv2
        import numpy as np

        page = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)
        box = region or Box(0, 0, 595, 842)
        part = page[
            int(box.y0 * 100 / 72) : int(box.y1 * 100 / 72), int(box.x0 * 100 / 72) : int(box.x1 * 100 / 72)
        ]
        size = (max(1, int(box.width * dpi / 72)), max(1, int(box.height * dpi / 72)))
        return np.asarray(cv2.resize(part, size), np.uint8)

    content = PageContent(1, 595, 842, 0, "none", (), images=(Box(0, 0, 595, 842),))
    engine = VisionEngine(settings)
    reading = engine.read_page(content, render)
    engine.close()
    cells = [cell for fragment in reading.fragments for cell in fragment.cells]
    assert cells or reading.failures or reading.n_tiles == 0
    for cell in cells:
        assert (cell.source, cell.grounding) == ("vision", "unavailable")
        assert cell.confidence < 0.99 or parse_amount(cell.text) is None


def test_a_worker_that_is_there_is_found(settings: Settings, worker: RunningWorker) -> None:
    assert worker_answers(settings)
    engine = VisionEngine(settings)
    assert (engine.name, engine.model) == ("vision", "tiny")
    assert engine.prompts is not None and engine.prompts.startswith("1-")
    engine.close()


def test_pages_are_read_alike_twice(settings: Settings) -> None:
    engine = VisionEngine(settings)
    with pages_of(SAMPLES / "invoice.pdf") as pages:
        first, second = (engine.read_page(pages[0].content, pages[0].render) for _ in range(2))
    engine.close()
    assert first.fragments == second.fragments
    assert [f.message for f in first.failures] == [f.message for f in second.failures]


def test_a_model_of_noise_decides_about_no_figure(settings: Settings, worker: RunningWorker) -> None:
    """It must pick one of the candidates, and is believed only where it wanted to, both times it is asked."""
    pdf = pymupdf.open()
    page = pdf.new_page(width=80, height=30)
    page.insert_text((10, 20), "17,174", fontsize=11)
    pixmap = page.get_pixmap(dpi=300)
    pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)
    engine = VisionEngine(settings)
    before = worker.metric("tiles_total")
    chosen = [engine.choose(pixels, ["17,174", other]) for other in ("17,114", "1,174", "17.174")]
    engine.close()
    assert chosen == [None, None, None]
    assert worker.metric("tiles_total") > before
