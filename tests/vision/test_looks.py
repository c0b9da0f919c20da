from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.engine import Pixels
from extractors.vision.bands import STRIP_HEIGHT, STRIP_WIDTH
from extractors.vision.looks import LOOKS, SURE, RowReading, agreed, moved, read_strip


def strip_with(x: int, y: int, paper: int = 255) -> Pixels:
    """A strip of plain paper with one dark block of 12 x 8 pixels."""
    strip = np.full((STRIP_HEIGHT, STRIP_WIDTH, 3), paper, np.uint8)
    strip[y : y + 8, x : x + 12] = 0
    return strip


def reading(*cells: str, odds: float = 0.99) -> RowReading:
    return RowReading(cells, (odds,) * len(cells))


def test_a_reader_that_is_sure_is_asked_once() -> None:
    asked: list[bytes] = []

    def ask(image: bytes) -> RowReading:
        asked.append(image)
        return reading("Net sales", "1,234", odds=SURE)

    strip = strip_with(100, 12)
    assert read_strip(ask, strip) == reading("Net sales", "1,234", odds=SURE)
    (image,) = asked
    assert (cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) == strip).all()


def test_one_in_doubt_is_asked_again_about_other_pixels() -> None:
    answers = iter([reading("", "1,284", odds=0.6), *(reading("", "1,234", odds=0.7) for _ in LOOKS)])
    images = set()

    def ask(image: bytes) -> RowReading:
        images.add(image)
        return next(answers)

    seen = read_strip(ask, strip_with(100, 12))
    assert seen.cells == ("", "1,234")
    assert seen.odds[1] == pytest.approx(0.7 * len(LOOKS) / (1 + len(LOOKS)))
    assert len(images) == 1 + len(LOOKS)


def test_looks_without_an_answer_take_no_part_and_the_first_one_counts() -> None:
    answers = iter([reading("a", odds=0.5), *(None for _ in LOOKS)])
    assert read_strip(lambda image: next(answers), strip_with(0, 0)) == reading("a", odds=0.5)
    assert read_strip(lambda image: None, strip_with(0, 0)) is None


def test_the_surer_look_wins_and_several_alike_outweigh_it() -> None:
    assert agreed([reading("18", odds=0.5), reading("16", odds=0.8)]).cells == ("16",)
    assert agreed([reading("18", odds=0.5), reading("16", odds=0.8), reading("18", odds=0.5)]).cells == (
        "16",
    )
    seen = agreed([reading("18", odds=0.7), reading("16", odds=0.8), reading("18", odds=0.7)])
    assert seen.cells == ("18",) and seen.odds == (pytest.approx(1.4 / 3),)


def test_a_cell_that_most_looks_do_not_see_is_none() -> None:
    seen = agreed([reading("Tax", "5", "6"), reading("Tax", "56"), reading("Tax", "56")])
    assert seen.cells == ("Tax", "56") and seen.odds == (pytest.approx(0.66), pytest.approx(0.66))


@pytest.mark.parametrize("paper", [255, 230])
@pytest.mark.parametrize("look", LOOKS)
def test_a_strip_is_moved_by_what_is_said_on_its_own_paper(
    look: tuple[float, float, float], paper: int
) -> None:
    right, down, size = look
    shown = moved(strip_with(100, 12, paper), *look)
    assert shown.shape == (STRIP_HEIGHT, STRIP_WIDTH, 3) and shown.dtype == np.uint8
    ink = (paper - shown[:, :, 0].astype(float)) / paper
    rows, columns = np.indices(ink.shape)
    middle = (ink * columns).sum() / ink.sum(), (ink * rows).sum() / ink.sum()
    assert middle[0] == pytest.approx(105.5 * size + right, abs=0.6)
    assert middle[1] == pytest.approx(16 + (15.5 - 16) * size + down, abs=0.6)
    assert ink.sum() == pytest.approx(96 * size**2, rel=0.05)
    assert (shown[:, 400:] == paper).all()


@given(st.lists(st.text(max_size=6), min_size=1, max_size=6), st.integers(1, 5))
def test_looks_that_agree_change_nothing(cells: list[str], n: int) -> None:
    seen = agreed([RowReading(tuple(cells), (0.5,) * len(cells))] * n)
    assert seen.cells == tuple(cells) and seen.odds == pytest.approx((0.5,) * len(cells))
