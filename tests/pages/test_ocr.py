"""Pages too dense for their time, and pictures too small for print: how much work OCR may do, and what is said of the rest."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from extractors.engine import Pixels
from extractors.pages import ocr, scan
from extractors.pages.ocr import detect_lines, detect_until, ink_mask, read_lines
from extractors.pages.opening import OpenPage, open_document
from extractors.pages.scan import read_rest
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.box import Box
from schemas.page import PageContent

OVER = 0.0  # a moment of `time.monotonic` that is over
NO_TIME = 1e-6  # seconds
LINES = 12


@pytest.fixture(scope="module")
def printed() -> Pixels:
    """A page of twelve lines at 150 dpi."""
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=500)
        for number in range(LINES):
            page.insert_text(
                (40, 50 + 36 * number), f"Revenue of region {number + 1}: {1000 + number}", fontsize=13
            )
        pixmap = page.get_pixmap(dpi=150)
    return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3).copy()


def pages(path: Path, settings: Settings) -> list[OpenPage]:
    with open_document(identify(find_sources(path)[0], settings), settings) as document:
        return list(document.pages())


def test_bands_that_time_is_left_for_are_looked_at(printed: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "DETECTED_PIXELS", 600 * printed.shape[1])
    every, all_looked = detect_until(printed, math.inf)
    some, looked = detect_until(printed, OVER)
    assert (len(every), all_looked) == (LINES, printed.shape[0])
    assert looked == 600
    assert 0 < len(some) < LINES
    assert some[:, :, 1].max() < looked


def test_lines_are_read_from_the_top_while_there_is_time(
    printed: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "LINES_AT_ONCE", 5)
    quads, ink = detect_lines(printed), ink_mask(printed)
    lines, read_to = read_lines(printed, quads[::-1], ink, OVER)
    assert [line.words[3].text.rstrip(":") for line in lines] == ["1", "2", "3", "4", "5"]
    assert lines[-1].y1 < read_to + 20
    assert read_to == pytest.approx(quads[5, :, 1].min(), abs=1)
    lines, read_to = read_lines(printed, quads, ink)
    assert (len(lines), read_to) == (LINES, math.inf)


@pytest.mark.parametrize(
    ("lines", "read", "taken", "left", "at_once"),
    [
        (150, 0, 0.0, 70.0, 200),  # most pages: all in one go
        (700, 0, 0.0, math.inf, 200),
        (700, 0, 0.0, 70.0, 20),  # how long do lines take here?
        (700, 20, 0.7, 70.0, 200),  # not long
        (700, 20, 7.0, 35.0, 100),  # so many that the time will be gone
        (700, 120, 42.0, 0.5, 20),
        (700, 0, 0.0, -3.0, 20),
    ],
)
def test_a_dense_page_looks_at_the_clock_before_its_time_is_gone(
    lines: int, read: int, taken: float, left: float, at_once: int
) -> None:
    assert ocr._at_once(lines, read, taken, left) == at_once


def test_a_page_too_dense_for_its_time_is_kept_as_far_as_it_was_read(
    printed: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "LINES_AT_ONCE", 5)
    Image.fromarray(printed).save(tmp_path / "dense.png", dpi=(150, 150))
    (page,) = pages(tmp_path / "dense.png", Settings(page_timeout=NO_TIME))
    (failure,) = page.failures
    assert (failure.category, failure.stage, failure.page) == ("timeout", "ocr", 1)
    assert "below 218 of its 500 points was not read" in failure.message
    assert "retry-failed" in failure.message
    assert not page.failed
    assert {word.text for word in page.content.words} >= {"1000", "1004"}
    assert max(word.box.y1 for word in page.content.words) < 222
    (whole,) = pages(tmp_path / "dense.png", Settings())
    assert whole.failures == ()
    assert {word.text for word in whole.content.words} >= {str(1000 + number) for number in range(LINES)}


def test_parts_of_a_page_that_no_time_is_left_for_are_counted(printed: Pixels) -> None:
    content = PageContent(1, 400.0, 500.0, 0, "text_layer", ())
    regions = tuple(Box(30.0, 36.0 + 36 * number, 390.0, 56.0 + 36 * number) for number in range(3))

    def render(dpi: int, region: Box | None = None) -> Pixels:
        assert region is not None
        x0, y0, x1, y1 = (round(edge * 150 / 72) for edge in region)
        return np.ascontiguousarray(printed[y0:y1, x0:x1])

    some, read = read_rest(content, render, regions, Settings(page_timeout=NO_TIME))
    assert read == 1
    assert "1000" in {word.text for word in some.words}
    assert "1001" not in {word.text for word in some.words}
    whole, read = read_rest(content, render, regions, Settings())
    assert read == 3
    assert {"1000", "1001", "1002"} <= {word.text for word in whole.words}


def test_icons_are_not_blown_up_to_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    def spy(pixels: Pixels, until: float) -> tuple[ocr.Quads, float]:
        looked_at.append(pixels.shape[:2])
        return detect_until(pixels, until)

    monkeypatch.setattr(scan, "detect_until", spy)
    noise = np.random.default_rng(1).integers(0, 255, (21, 8, 8), np.uint8)
    frames = [Image.fromarray(frame) for frame in noise]
    frames[20] = Image.fromarray(np.kron(noise[20], np.ones((5, 5), np.uint8)))
    frames[0].save(tmp_path / "icons.tiff", save_all=True, append_images=frames[1:])
    read = pages(tmp_path / "icons.tiff", Settings())
    assert [page.content.page for page in read] == list(range(1, 22))
    assert all(page.failures == () and page.content.words == () for page in read)
    assert looked_at == [(320, 320)]


def test_a_picture_of_one_colour_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "engine", None)  # is never asked
    grey = np.full((500, 400, 3), 200, np.uint8)
    grey[::7] = 203
    assert len(detect_lines(grey)) == 0


@pytest.mark.parametrize("size", [(10_000, 1), (1, 10_000), (100_000, 1), (3, 2000)])
def test_pictures_thinner_than_any_writing_are_pages_without_words(
    size: tuple[int, int], tmp_path: Path
) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "thin.png")
    (page,) = pages(tmp_path / "thin.png", Settings())
    assert page.failures == ()
    assert page.content.words == ()
