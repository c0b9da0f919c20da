"""Rendering regions of upright pages, and where points go when a page is turned and levelled."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.pages.render import Pose, fit_dpi, image_raster, pdf_raster, upright_render
from schemas.box import Box

TURNS = st.sampled_from([0, 90, 180, 270])
PLACE = st.floats(0, 1)


@given(TURNS, st.floats(-15, 15), PLACE, PLACE)
def test_upright_and_stored_are_inverse(turn: int, skew: float, x: float, y: float) -> None:
    pose = Pose(600.0, 800.0, turn, skew)
    across, down = pose.upright(*pose.stored(x * 600, y * 800))
    assert across == pytest.approx(x * 600, abs=1e-6)
    assert down == pytest.approx(y * 800, abs=1e-6)


def test_a_quarter_turn_clockwise_brings_the_left_edge_to_the_top() -> None:
    pose = Pose(600.0, 800.0, 90)
    assert pose.upright_size == (800.0, 600.0)
    assert pose.upright(0.0, 800.0) == (0.0, 0.0)
    assert pose.upright_box(Box(0.0, 700.0, 10.0, 800.0)) == Box(0.0, 0.0, 100.0, 10.0)


@pytest.fixture
def marked_page() -> pymupdf.Page:
    """A page of 200 × 100 points with a black square at (20, 10) to (40, 30)."""
    document = pymupdf.open()
    page = document.new_page(width=200, height=100)
    page.draw_rect((20, 10, 40, 30), color=(0, 0, 0), fill=(0, 0, 0))
    return document[0]


@pytest.mark.parametrize(
    ("turn", "skew"), [(0, 0.0), (90, 0.0), (180, 0.0), (270, 0.0), (0, 5.0), (90, -3.0)]
)
def test_a_region_shows_what_the_pose_says(marked_page: pymupdf.Page, turn: int, skew: float) -> None:
    pose = Pose(200.0, 100.0, turn, skew)
    render = upright_render(pdf_raster(marked_page), pose, 10_000_000)
    whole = render(144, None)
    width, height = pose.upright_size
    assert whole.shape == (round(height * 2), round(width * 2), 3)
    x, y = pose.upright(30.0, 20.0)
    assert whole[int(y * 2), int(x * 2)].max() < 30
    region = Box(x - 8, y - 8, x + 8, y + 8).intersect(Box(0.0, 0.0, width, height))
    part = render(144, region)
    assert part.shape[:2] == (round(region.height * 2), round(region.width * 2))
    assert np.mean(part < 60) > 0.8
    away = pose.upright(150.0, 80.0)
    assert whole[int(away[1] * 2), int(away[0] * 2)].min() > 225


def test_an_image_is_rendered_like_a_page() -> None:
    pixels = np.full((100, 200, 3), 255, np.uint8)
    pixels[10:30, 20:40] = 0
    render = upright_render(image_raster(pixels, 100.0, 50.0), Pose(100.0, 50.0), 1_000_000)
    assert (render(144, None) == pixels).all()
    assert render(72, Box(10.0, 5.0, 20.0, 15.0)).mean() == 0
    assert render(72, Box(-50.0, -50.0, -1.0, -1.0)).shape == (1, 1, 3)


@given(st.integers(50, 600), st.floats(1, 20_000), st.floats(1, 20_000))
def test_the_pixel_budget_holds_for_any_page(dpi: int, width: float, height: float) -> None:
    fitted = fit_dpi(dpi, width, height, 1_000_000)
    assert fitted <= dpi
    assert (fitted / 72) ** 2 * width * height <= 1_000_001


def test_a_huge_page_is_rendered_within_the_budget() -> None:
    page = pymupdf.open().new_page(width=14_400, height=14_400)
    pixels = upright_render(pdf_raster(page), Pose(14_400.0, 14_400.0), 2_000_000)(300, None)
    assert 1_900_000 < pixels.shape[0] * pixels.shape[1] < 2_100_000
