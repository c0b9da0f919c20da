"""Commas and points of scanned figures: what the ink shows, what a page's other figures say, and what stays as it was read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymupdf
import pytest

from extractors.engine import Pixels
from extractors.pages.ocr import Mask, ink_mask
from extractors.pages.second_look import with_shown_commas
from extractors.pages.separators import COMMA, groups_by_commas, reach, with_commas
from extractors.training.degrade import blur, grain
from schemas.box import Box
from schemas.page import Word

DPI = 200
SCALE = DPI / 72
FONTS = ("helv", "tiro", "cour", "hebo", "tibo", "heit")
RIGHT, PITCH, SIZE = 300.0, 20.0, 10.0  # points


def printed(texts: list[str], font: str = "tiro", worn: bool = False) -> tuple[list[Word], Pixels]:
    """Return figures set flush right, one below the other: as words and as the pixels of their page."""
    document = pymupdf.open()
    page = document.new_page(width=595, height=842)
    words = []
    for i, text in enumerate(texts):
        width, y = pymupdf.get_text_length(text, font, SIZE), 30 + PITCH * i
        page.insert_text((RIGHT - width, y), text, fontname=font, fontsize=SIZE)
        words.append(Word(text, Box(RIGHT - width, y - 0.8 * SIZE, RIGHT, y + 0.2 * SIZE), i, 0.9))
    shown = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width)
    if worn:
        grey = blur(grain(blur(grey, 0.8), np.random.default_rng(3), 10.0), 0.5)
        grey = np.where(grey < 165, 0, 255).astype(np.uint8)
    return words, np.repeat(grey[..., None], 3, axis=2)


def cut(pixels: Pixels, word: Word) -> Pixels:
    x0, y0, x1, y1 = (round(v * SCALE) for v in word.box.grow(1.5))
    return pixels[y0:y1, x0:x1]


def ink_of(pixels: Pixels, word: Word) -> Mask:
    x0, y0, x1, y1 = (round(v * SCALE) for v in word.box.grow(1.5))
    return ink_mask(pixels)[y0:y1, x0:x1]


def read_as(words: list[Word], **texts: str) -> list[Word]:
    """Return the words as a recogniser may have read them; the keys are their numbers."""
    return [replace(word, text=texts.get(f"_{i}", word.text)) for i, word in enumerate(words)]


def texts_of(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]


@pytest.mark.parametrize("worn", [False, True])
@pytest.mark.parametrize("font", FONTS)
def test_a_comma_reaches_below_the_line_and_a_point_stands_on_it(font: str, worn: bool) -> None:
    words, pixels = printed(["19,934", "$ 3,033", "1,234,567", "19.934", "4.25", "11.588"], font, worn)
    below = [reach(ink_of(pixels, w), sum(w.text.count(c) for c in ".,")) for w in words]
    assert sorted(below[:3])[1] >= (0.05 if worn else COMMA)
    assert min(below[:3]) >= 0.05
    assert max(below[3:]) < COMMA and sorted(below[3:])[1] < 0.06
    assert min(below[3:]) > -0.1  # they were found


def test_no_mark_is_found_where_none_is_printed_or_asked_for() -> None:
    words, pixels = printed(["80080", "19,934"])
    assert reach(ink_of(pixels, words[0]), 1) == -1.0
    assert reach(ink_of(pixels, words[1]), 0) == -1.0
    assert reach(np.zeros((20, 40), bool), 1) == -1.0


@pytest.mark.parametrize("worn", [False, True])
def test_commas_that_were_read_as_points_are_commas_again(worn: bool) -> None:
    truth = ["19,934", "21,856", "(3,278)", "$ 1,012,261", "164", "6.15", "32,173", "11,588"]
    words, pixels = printed(truth, worn=worn)
    misread = read_as(words, _0="19.934", _1="21.856", _2="(3.278)", _3="$ 1.012,261")
    if not worn:
        misread = read_as(misread, _6="32.173", _7="11.588")
    assert texts_of(with_commas(misread, ink_mask(pixels), SCALE)) == truth


def test_what_begins_with_nought_is_no_thousand() -> None:
    words, pixels = printed(["19,934", "21,856", "3,278", "0.919"])
    assert texts_of(with_commas(words, ink_mask(pixels), SCALE))[3] == "0.919"


def test_three_decimals_stay_decimals() -> None:
    rates = ["1.234", "0.919", "12.345", "7.001"]
    words, pixels = printed(rates)
    assert texts_of(with_commas(words, ink_mask(pixels), SCALE)) == rates


def test_points_that_group_thousands_elsewhere_stay_points() -> None:
    continental = ["19.934", "21.856", "3.278,50", "12,5"]
    words, pixels = printed(continental)
    assert texts_of(with_commas(words, ink_mask(pixels), SCALE)) == continental


def without_tail(pixels: Pixels, row: int) -> Pixels:
    """Return the page with the tail of one figure's comma rubbed out."""
    bare = pixels.copy()
    line = round((30 + row * PITCH) * SCALE)
    bare[line + 1 : line + 12] = 255
    return bare


def test_a_few_points_read_as_commas_change_no_page_that_groups_by_points() -> None:
    texts = [f"{n}.{100 + 37 * n}" for n in range(2, 20)]
    words, pixels = printed(texts)
    misread = read_as(words, _0=texts[0].replace(".", ","), _7=texts[7].replace(".", ","))
    assert with_commas(misread, ink_mask(pixels), SCALE) == tuple(misread)


def test_a_mark_of_a_worn_page_that_shows_nothing_goes_with_its_column() -> None:
    words, pixels = printed(["19,934", "21,856", "32,173", "11,588", "6.15", "6.05"], worn=True)
    bare = without_tail(pixels, 3)
    misread = read_as(words, _3="11.588")
    assert texts_of(with_commas(misread, ink_mask(bare), SCALE))[3] == "11,588"


def test_a_column_of_points_beside_columns_of_commas_stays() -> None:
    texts = [
        "19,934",
        "21,856",
        "32,173",
        "11,588",
        "6,864",
        "1.234",
        "2.345",
        "3.456",
        "1.500",
        "6.15",
        "2.05",
    ]
    words, pixels = printed(texts, worn=True)
    beside = [replace(w, box=Box(w.box.x0, w.box.y0, w.box.x1 + 60, w.box.y1)) for w in words[5:9]]
    assert texts_of(with_commas([*words[:5], *beside, *words[9:]], ink_mask(pixels), SCALE)) == texts


def test_a_point_among_clear_commas_is_one() -> None:
    words, pixels = printed(["19,934", "21,856", "32,173", "1.588"])
    assert texts_of(with_commas(words, ink_mask(pixels), SCALE))[3] == "1.588"


def test_a_second_look_takes_no_clear_point_for_a_comma() -> None:
    words, pixels = printed(["19,934", "19.934"])
    assert with_shown_commas("19.934", cut(pixels, words[0])) == "19,934"
    assert with_shown_commas("19.934", cut(pixels, words[1])) == "19.934"
    assert with_shown_commas("19.93", cut(pixels, words[0])) == "19.93"


def test_a_page_groups_by_commas_where_all_its_figures_do() -> None:
    words, _ = printed(["19,934", "21,856", "12", "6.15", "3,278"])
    assert groups_by_commas(words)
    assert not groups_by_commas(read_as(words, _0="19.934"))
    assert not groups_by_commas(words[:1])
