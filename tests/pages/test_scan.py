"""Reading pages that have only pixels: words, dashes, rules, skew and orientation."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest

from extractors.engine import Pixels
from extractors.pages import ocr
from extractors.pages.ocr import Mask, detect_lines
from extractors.pages.opening import open_document
from extractors.pages.render import image_raster
from extractors.pages.scan import Scan, read_scan
from extractors.pages.scan_rules import find_rules
from extractors.pages.upright import runs_sideways, sharpest_skew, skew_of
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.page import Word
from tests.conftest import EVAL

SETTINGS = Settings()
WIDTH, HEIGHT = 595.0, 842.0  # points
ROWS = [
    ("Revenue", "12,345,678", "9,876,543"),
    ("Cost of sales", "(8,765,432)", "(7,654,321)"),
    ("Exceptional items", "-", "(1,250)"),
    ("Gross profit, after items", "3,580,246", "2,220,972"),
    ("Interest receivable", "417", "-"),
]
COLUMNS = (330.0, 480.0)  # points; right edges of the figures
TOP, STEP = 160.0, 26.0


@pytest.fixture(scope="module")
def printed() -> Pixels:
    """A page with a small statement at 200 dpi, as a good scanner would show it."""
    with pymupdf.open() as document:
        page = document.new_page(width=WIDTH, height=HEIGHT)
        page.insert_text((72, 72), "ILLUSTRATIVE TRADING LIMITED", fontsize=13)
        page.insert_text((72, 96), "Profit and loss account for the year ended 31 March 2016", fontsize=11)
        for number, (label, *figures) in enumerate(ROWS):
            y = TOP + STEP * number
            page.insert_text((72, y), label, fontsize=11)
            for right, figure in zip(COLUMNS, figures, strict=True):
                page.insert_text(
                    (right - pymupdf.get_text_length(figure, fontsize=11), y), figure, fontsize=11
                )
        for right in COLUMNS:
            page.draw_line((right - 70, TOP + 3 * STEP - 16), (right, TOP + 3 * STEP - 16), width=0.8)
        page.draw_rect((60, 40, 540, 320), width=1)
        page.insert_text(
            (72, 700), "Registered number 01234567. The notes form part of this statement.", fontsize=10
        )
        pixmap = page.get_pixmap(dpi=200, colorspace=pymupdf.csRGB)
        return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3).copy()


def scanned(pixels: Pixels, turn: int = 0) -> Scan:
    """Read the picture of a page that was put on the scanner turned by `turn` degrees clockwise."""
    turned = np.ascontiguousarray(np.rot90(pixels, -turn // 90))
    width, height = (HEIGHT, WIDTH) if turn % 180 else (WIDTH, HEIGHT)
    return read_scan(1, image_raster(turned, width, height), width, height, SETTINGS)


def leaning(pixels: Pixels, degrees: float) -> Pixels:
    """The page as a feeder takes it in, leaning clockwise, with specks."""
    height, width = pixels.shape[:2]
    lean = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turned = cv2.warpAffine(pixels, lean, (width, height), flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255))
    specks = np.random.default_rng(7).random(turned.shape[:2]) < 0.0005
    turned[specks] = 0
    return np.asarray(turned, np.uint8)


def assert_statement_is_read(words: tuple[Word, ...]) -> None:
    """Every figure is there once, whole, at its right edge and on its row."""
    for number, (_, *figures) in enumerate(ROWS):
        for right, figure in zip(COLUMNS, figures, strict=True):
            baseline = TOP + STEP * number
            at = [
                word
                for word in words
                if word.text == figure
                and abs(word.box.x1 - right) < 3.5
                and word.box.y0 < baseline - 3 < word.box.y1
            ]
            assert len(at) == 1, (figure, [w for w in words if abs(w.box.center[1] - baseline) < 8])
            assert 0.4 < at[0].confidence <= 1
            assert 7 < at[0].box.height < 15  # about the font size


def test_a_clean_page_is_read_to_the_letter(printed: Pixels) -> None:
    scan = scanned(printed)
    content = scan.content
    assert (content.rotation, content.skew, content.text_source) == (0, 0.0, "ocr")
    assert (content.width, content.height) == (WIDTH, HEIGHT)
    assert_statement_is_read(content.words)
    lines: dict[int, list[str]] = {}
    for word in content.words:
        lines.setdefault(word.line, []).append(word.text)
    assert lines[0] == ["ILLUSTRATIVE", "TRADING", "LIMITED"]
    assert ["Gross", "profit,", "after", "items"] in lines.values()
    assert [words[0] for words in lines.values()][:3] == ["ILLUSTRATIVE", "Profit", "Revenue"]


def test_rules_are_found_and_letters_are_none(printed: Pixels) -> None:
    rules = scanned(printed).content.rules
    underlines = [rule for rule in rules if rule.horizontal and rule.x1 - rule.x0 < 100]
    assert sorted((round(rule.x0, -1), round(rule.x1, -1)) for rule in underlines) == [(260, 330), (410, 480)]
    frame = [rule for rule in rules if rule not in underlines]
    assert sum(rule.horizontal for rule in frame) == 2
    assert sorted(round((rule.x0 + rule.x1) / 2) for rule in frame if not rule.horizontal) == [60, 540]


@pytest.mark.parametrize(("turn", "degrees"), [(90, 0.0), (180, 1.7), (270, -2.5)])
def test_turned_and_leaning_pages_are_set_upright(printed: Pixels, turn: int, degrees: float) -> None:
    scan = scanned(leaning(printed, degrees), turn)
    assert scan.content.rotation == (360 - turn) % 360
    assert scan.content.skew == pytest.approx(-degrees, abs=0.1)
    assert (scan.content.width, scan.content.height) == (WIDTH, HEIGHT)
    assert_statement_is_read(scan.content.words)
    figure = next(word for word in scan.content.words if word.text == "12,345,678")
    ink = scan.render(200, figure.box.grow(1.0)).min(axis=2) < 128
    assert 0.1 < ink.mean() < 0.5  # the render function shows the word where its box says


def test_one_bit_scans_at_low_resolution_keep_their_figures(printed: Pixels) -> None:
    grey = cv2.cvtColor(leaning(printed, 0.4), cv2.COLOR_RGB2GRAY)
    rough = np.where(grey > 150, 255, 0).astype(np.uint8)
    assert_statement_is_read(scanned(np.repeat(rough[:, :, None], 3, axis=2)).content.words)


def test_an_empty_page_has_no_words() -> None:
    content = scanned(np.full((1100, 800, 3), 255, np.uint8)).content
    assert (content.text_source, content.words, content.rules) == ("none", (), ())


def test_directions_of_detected_lines() -> None:
    level = np.array([[(0, 0), (100, 0), (100, 10), (0, 10)]], np.float32)
    upright = np.array([[(0, 0), (10, 0), (10, 100), (0, 100)]], np.float32)
    rising = np.array([[(0, 5), (100, 0), (100, 10), (0, 15)]], np.float32)
    assert not runs_sideways(level)
    assert runs_sideways(upright)
    assert runs_sideways(np.concatenate([upright, upright, level]))
    assert not runs_sideways(np.zeros((0, 4, 2), np.float32))
    assert skew_of(rising) == pytest.approx(-2.86, abs=0.01)
    assert skew_of(level) == skew_of(upright) == 0.0


@pytest.mark.parametrize("degrees", [-3.3, -0.3, 0.0, 0.05, 1.25])
def test_the_skew_is_found_to_a_twentieth_of_a_degree(degrees: float) -> None:
    ink: Mask = np.zeros((1200, 900), bool)
    slope = np.tan(np.radians(degrees))
    for row in range(100, 1100, 40):
        for x in range(50, 850):
            if x % 13 < 8:
                y = round(row + (x - 450) * slope)
                ink[y : y + 12, x] = True
    expected = 0.0 if abs(degrees) < 0.15 else degrees
    assert sharpest_skew(ink, degrees + 0.25) == pytest.approx(expected, abs=0.051)


def test_broken_lines_are_joined_and_blocks_are_no_rules() -> None:
    ink: Mask = np.zeros((400, 600), bool)
    ink[100:103, 50:250] = True
    ink[100:103, 255:500] = True
    ink[200:300, 100:300] = True
    ink[50:350, 550:552] = True
    rules, covered = find_rules(ink, 200)
    assert [(rule.x0, rule.y0, rule.x1, rule.y1) for rule in rules] == [
        (50, 100, 500, 103),
        (550, 50, 552, 350),
    ]
    assert covered[101, 252]
    assert not covered[250, 200]


def test_light_type_on_a_dark_ground_is_as_high_as_dark_type_on_light(printed: Pixels) -> None:
    inverted = printed.copy()
    top, bottom = (round((TOP + shift) * inverted.shape[0] / HEIGHT) for shift in (-16, 7))
    inverted[top:bottom, 150:1500] = 255 - inverted[top:bottom, 150:1500]
    rows = []
    for pixels in (printed, inverted):
        raster = image_raster(pixels, WIDTH, HEIGHT)
        words = read_scan(1, raster, WIDTH, HEIGHT, SETTINGS).content.words
        rows.append({word.text: word.box for word in words if word.text in ROWS[0]})
    assert set(rows[0]) == set(rows[1]) == set(ROWS[0])
    for text, box in rows[0].items():
        assert rows[1][text] == pytest.approx(box, abs=1.5)


def test_tall_pictures_are_looked_at_in_bands(printed: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    small = np.asarray(
        cv2.resize(printed[:1200], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8
    )
    whole = detect_lines(small)
    monkeypatch.setattr(ocr, "DETECTED_PIXELS", 400 * small.shape[1])
    monkeypatch.setattr(ocr, "OVERLAP", 60)
    banded = detect_lines(small)
    assert len(banded) == pytest.approx(len(whole), abs=1)
    assert np.sort(banded[:, 0, 1]) == pytest.approx(np.sort(whole[:, 0, 1])[: len(banded)], abs=6)


@pytest.mark.slow
def test_figures_of_real_one_bit_scans(eval_dir: Path) -> None:
    """Every amount of one real scanned statement page is read exactly."""
    import json

    truth = json.loads((eval_dir / "ukscan" / "00053475.truth.json").read_text())
    source = identify(find_sources(EVAL / "ukscan" / "00053475.pages.pdf")[0], SETTINGS)
    statement = truth["statements"][1]
    with open_document(source, SETTINGS) as document:
        page = next(document.pages(statement["page"]))
    read = [re.sub("[£ ]", "", word.text) for word in page.content.words]
    wanted = [value for row in statement["rows"] for value in row["values"] if value]
    assert [value for value in wanted if value not in read] == []
