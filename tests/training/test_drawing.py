from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.training import degrade as wear
from extractors.training.amounts import draw_amount, draw_notation, write
from extractors.training.drawing import draw_page, save_document
from extractors.training.fonts import FAMILIES, families
from extractors.training.strips import STRIP_HEIGHT, STRIP_WIDTH, draw_strip
from schemas.amount import parse_amount


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_strip_is_the_same_for_the_same_seed(split: str) -> None:
    one, two = (draw_strip(np.random.default_rng(7), split) for _ in range(2))  # type: ignore[arg-type]
    assert one.cells == two.cells and np.array_equal(one.image, two.image)
    assert one.image.shape == (STRIP_HEIGHT, STRIP_WIDTH) and one.image.dtype == np.uint8


def test_no_family_draws_for_both_splits() -> None:
    assert not set(FAMILIES["train"]) & set(FAMILIES["held_out"])
    files = [
        {path for styles in families(split).values() for paths in styles.values() for path in paths}
        for split in ("train", "held_out")
    ]
    assert files[0] and files[1] and not files[0] & files[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["train", "held_out"]))
def test_every_cell_of_a_clean_strip_leaves_ink(seed: int, split: str) -> None:
    strip = draw_strip(np.random.default_rng(seed), split, strength=0.0)  # type: ignore[arg-type]
    assert len(strip.cells) >= 1 and all(cell == cell.strip() for cell in strip.cells)
    assert any(strip.cells) and all(strip.cells[1:])
    assert int(strip.image.max()) - int(strip.image.min()) > 60
    dark = strip.image < strip.image.max() - 50
    columns = np.flatnonzero(dark.any(axis=0))
    letters = sum(len(cell) for cell in strip.cells)
    assert len(columns) >= 1.2 * letters  # every letter is more than a pixel wide


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_amounts_mean_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notation = draw_notation(rng)
    text = draw_amount(rng, notation)
    if (
        text.removeprefix(notation.currency or "").strip().removesuffix(notation.percent or "")
        == notation.nil
    ):
        return
    assert re.search(r"\d", text)
    found = parse_amount(text, notation.point)
    assert found is not None and found.value is not None
    digits = re.sub(r"\D", "", text)
    assert re.sub(r"\D", "", f"{abs(found.value)}").lstrip("0").rstrip("0") == digits.lstrip("0").rstrip("0")


def test_separators_stand_every_three_digits() -> None:
    notation = draw_notation(np.random.default_rng(0))
    written = write("1234567", notation, "89")
    assert written == "1" + notation.thousands + "234" + notation.thousands + "567" + notation.point + "89"


@pytest.mark.parametrize("seed", [1, 2])
def test_drawn_boxes_hold_the_ink_and_totals_add_up(seed: int) -> None:
    page = draw_page(np.random.default_rng(seed), "train", strength=0.0)
    assert page.tables
    for table in page.tables:
        for cell in table.cells:
            x0, y0, x1, y1 = (round(side) for side in cell.box)
            assert page.image[y0 : y1 + 1, x0 : x1 + 1].min() < 120
            assert 0 <= cell.row < table.n_rows and 0 <= cell.col < table.n_columns
        assert {cell.row for cell in table.cells} == set(range(table.n_rows))


def test_a_turned_page_turns_its_boxes() -> None:
    for seed in range(20):
        page = draw_page(np.random.default_rng(seed), "train", strength=0.6)
        paper = float(np.median(page.image))
        cells = [cell for table in page.tables for cell in table.cells]
        inked = [
            page.image[round(c.box[1]) : round(c.box[3]) + 1, round(c.box[0]) : round(c.box[2]) + 1].min()
            < paper - 40
            for c in cells
        ]
        assert sum(inked) >= 0.98 * len(inked)


def test_a_saved_document_opens_with_its_truth(tmp_path: Path) -> None:
    pages = [draw_page(np.random.default_rng(3), "held_out", 1.0)]
    save_document(tmp_path / "d.pdf", pages, 3)
    truth = json.loads((tmp_path / "d.truth.json").read_text())
    with pymupdf.open(tmp_path / "d.pdf") as document:
        assert document.page_count == truth["n_pages"] == 1
        assert document[0].get_text() == ""
        assert document[0].rect.height == pytest.approx(pages[0].image.shape[0] * 72 / 200, abs=1)
    assert sum(len(table["cells"]) for table in truth["tables"]) == sum(
        len(table.cells) for table in pages[0].tables
    )


STRIP = cv2.putText(np.full((32, 768), 255, np.uint8), "1,234", (20, 24), 0, 0.8, 0, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.floats(0, 1))
def test_wear_keeps_shape_and_ink(seed: int, strength: float) -> None:
    worn = wear.degrade(STRIP, np.random.default_rng(seed), strength)
    assert worn.shape == STRIP.shape and worn.dtype == np.uint8
    inside, outside = worn[6:26, 20:90].astype(float), worn[6:26, 200:700].astype(float)
    assert np.percentile(inside, 10) < np.median(outside) - 40


def test_no_strength_is_no_wear() -> None:
    assert np.array_equal(wear.degrade(STRIP, np.random.default_rng(1), 0.0), STRIP)
