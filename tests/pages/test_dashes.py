"""Dashes printed for nil on a scan: found in the ink, told from rules and dirt, and read as nil from a picture of a statement."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest
from numpy.typing import NDArray

from extractors.document import extract_document
from extractors.pages.dashes import faint_strokes, lonely_dashes, with_dashes
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.box import Box
from schemas.page import Word
from schemas.records import DocumentResult

SCALE = 2.0  # pixels per point
WORDS = [
    Word("Goodwill", Box(10, 10, 60, 20), 0, 1.0),
    Word("1,234", Box(100, 10, 130, 20), 0, 1.0),
    Word("Dividends", Box(10, 30, 60, 40), 1, 1.0),
    Word("567", Box(112, 50, 130, 60), 2, 1.0),
    Word("Interest", Box(10, 50, 60, 60), 2, 1.0),
]


def page(*marks: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    ink = np.zeros((200, 400), dtype=bool)
    for x0, y0, x1, y1 in marks:
        ink[round(y0 * SCALE) : round(y1 * SCALE), round(x0 * SCALE) : round(x1 * SCALE)] = True
    return ink


def test_a_dash_on_a_row_and_in_a_column_is_a_word() -> None:
    (dash,) = lonely_dashes(page((122, 34.5, 128, 35.5)), WORDS, SCALE)
    assert (dash.text, dash.box.x0, dash.box.x1) == ("-", 122, 128)
    assert (dash.box.y0, dash.box.y1) == (30, 40)  # of the row it stands on
    assert dash.line == 3


def test_what_is_no_dash() -> None:
    assert lonely_dashes(page((122, 34.5, 124, 36.5)), WORDS, SCALE) == []  # a dot
    assert lonely_dashes(page((80, 34.5, 130, 35.5)), WORDS, SCALE) == []  # a rule
    assert lonely_dashes(page((122, 25, 128, 26)), WORDS, SCALE) == []  # between two rows
    assert lonely_dashes(page((75, 34.5, 81, 35.5)), WORDS, SCALE) == []  # in no column of figures
    assert (
        lonely_dashes(page((122, 34.5, 128, 35.5), (130, 33, 133, 38)), WORDS, SCALE) == []
    )  # beside other ink


def test_a_page_without_figures_has_none() -> None:
    assert lonely_dashes(page((122, 34.5, 128, 35.5)), [WORDS[0], WORDS[2]], SCALE) == []


def test_a_stroke_that_is_not_quite_level_is_a_dash() -> None:
    ink = page((122, 34, 125, 35), (125, 34.5, 128, 35.5))  # a stair
    assert [word.text for word in lonely_dashes(ink, WORDS, SCALE)] == ["-"]


@pytest.mark.parametrize("stroke", ["一", "ー", "_", "―", "──"])
def test_what_a_recogniser_makes_of_a_dash_is_one_in_a_column_of_figures(stroke: str) -> None:
    there, elsewhere = Word(stroke, Box(122, 30, 128, 40), 3, 0.8), Word(stroke, Box(10, 70, 16, 80), 4, 0.8)
    words = with_dashes([*WORDS, there, elsewhere])
    assert [(word.text, word.confidence) for word in words[-2:]] == [("—", 0.9), (stroke, 0.8)]
    assert words[-2].box == there.box


def test_a_dash_is_parted_from_the_sign_before_it() -> None:
    words = with_dashes([*WORDS, Word("$一", Box(110, 30, 130, 40), 3, 0.8)])
    assert [(word.text, word.box.x0, word.box.x1) for word in words[-2:]] == [
        ("$", 110, 118),
        ("—", 118, 130),
    ]


def test_figures_and_words_stay_as_they_are() -> None:
    words = [*WORDS, Word("-5", Box(122, 30, 128, 40), 3, 0.8), Word("S", Box(110, 30, 116, 40), 3, 0.8)]
    assert with_dashes(words) == tuple(words)
    assert with_dashes([WORDS[0]]) == (WORDS[0],)


NIL = ["-", "–", "—", "$ —"]
ROWS = [
    ("Cash and cash equivalents", "3,901", "2,139"), ("Short-term investments", NIL[0], "6,064"), ("Accounts receivable, net", "7,769", NIL[2]),
    ("Inventories", NIL[1], "218"), ("Assets held for sale", "76", NIL[3]), ("Total assets", "11,746", "8,421"),
    ("Accounts payable", "4,002", "2,807"), ("Convertible notes", NIL[2], NIL[1]), ("Total liabilities", "4,002", "2,807"),
    ("Preferred stock", NIL[2], NIL[0]), ("Retained earnings", "7,744", "5,614"), ("Total equity", "7,744", "5,614"),
    ("Total liabilities and equity", "11,746", "8,421"),
]  # fmt: skip


def scanned_statement(path: Path, font: str) -> DocumentResult:
    """Draw a balance sheet, turn it into a grainy picture, and read that."""
    with pymupdf.open() as drawn:
        sheet = drawn.new_page(width=500, height=330)
        letters, writer = pymupdf.Font(font), pymupdf.TextWriter(sheet.rect)
        for y, text in ((30, "CONSOLIDATED BALANCE SHEETS"), (46, "(In millions)"), (62, "December 31,")):
            writer.append((180, y), text, font=letters, fontsize=10)
        for line, cells in enumerate([("", "2021", "2020"), *ROWS]):
            for text, edge in zip(cells, (0, 370, 450), strict=True):
                x = edge - letters.text_length(text, fontsize=10) if edge else 40
                writer.append((x, 82 + 17 * line), text or " ", font=letters, fontsize=10)
        writer.write_text(sheet)
        pixels = sheet.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width).astype(np.float32)
    grain = np.random.default_rng(5).normal(0, 10, grey.shape)
    picture = np.clip(cv2.GaussianBlur(grey, (0, 0), 0.6) + grain, 0, 255).astype(np.uint8)
    with pymupdf.open() as scan:
        sheet = scan.new_page(width=500, height=330)
        sheet.insert_image(sheet.rect, stream=cv2.imencode(".png", picture)[1].tobytes())
        scan.save(path)
    settings = Settings(engine="geometry")
    return extract_document(identify(find_sources(path)[0], settings), settings)


def test_a_scanned_nil_is_nil_or_flagged_and_never_another_number(tmp_path: Path) -> None:
    result = scanned_statement(tmp_path / "scan.pdf", "tiro")
    printed = {(label, 2021 - i): text for label, *texts in ROWS for i, text in enumerate(texts)}
    read = {(f.label, f.period_end.year): f for f in result.facts if f.period_end}
    nil = {place for place, text in printed.items() if text in NIL}
    assert len(nil) == 8 and nil <= set(read)
    for place, text in printed.items():
        value = Decimal(0) if place in nil else Decimal(text.replace(",", "")) * 10**6
        assert read[place].value == value, place
    assert sum(read[place].needs_review for place in nil) <= 1


def test_a_stroke_too_faint_for_ink_is_found_and_grain_is_not() -> None:
    grain = np.random.default_rng(3).normal(0, 12, (260, 600))
    paper = np.full((260, 600), 250.0)
    paper[120:] -= 25  # a shaded row
    paper[110:112, 340:366] -= 60
    paper[170:172, 340:366] -= 60
    pixels = np.repeat(np.clip(paper + grain, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    figures = [Word("1,234", Box(100, y, 130, y + 10), y, 1.0) for y in (5, 15, 75)]
    scale = 600 / 216  # 200 dpi
    labels = [Word("Label", Box(10, y, 40, y + 10), y, 1.0) for y in (35, 56)]
    words = [*figures, *labels]
    strokes = faint_strokes(pixels, words, scale)
    found = lonely_dashes(strokes, words, scale)
    assert [(round(w.box.x0), round(w.box.y0)) for w in found] == [(122, 35), (122, 56)]
    assert strokes.sum() < 3 * 2 * 40  # the two strokes, and nothing in the grain
    assert not faint_strokes(pixels, labels, scale).any()
