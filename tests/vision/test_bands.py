from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.geometry.engine import read_tables
from extractors.vision.bands import STRIP_HEIGHT, STRIP_WIDTH, draw_bands, plan_bands
from extractors.vision.looks import RowReading
from extractors.vision.rowreader import match, place
from extractors.vision.tiling import Tile
from extractors.worker.models import reads_rows
from schemas.box import Box
from schemas.page import Word
from tests.conftest import SAMPLES
from tests.perfect_reader import PerfectReader
from tests.vision.test_engine import draw, engine_at, grid, pages_of, table_of

NAME = "parquetry-reader"


def learn_rows(reader: PerfectReader, path: Path) -> None:
    with pages_of(path) as pages:
        for page in pages:
            reader.learn_rows(page.content, page.render)


def read_rows(reader: PerfectReader, path: Path) -> list[Any]:
    engine = engine_at(reader.url)
    with pages_of(path) as pages:
        return [engine.read_page(page.content, page.render) for page in pages]


def test_only_models_of_that_kind_read_rows() -> None:
    assert reads_rows("parquetry-reader") and reads_rows("Parquetry-Reader-ours")
    assert not reads_rows("qwen3-vl-8b-q4_k_m") and not reads_rows("perfect")


@pytest.mark.parametrize("name", ["tarnwick_annual_report_2024.pdf", "kellinghaus_jahresabschluss_2024.pdf"])
def test_every_word_of_a_table_stands_whole_in_one_strip(name: str) -> None:
    with pages_of(SAMPLES / name) as pages:
        for page in pages:
            tables = [table.box for table in read_tables(page.content)]
            bands = plan_bands(page.content, tables)
            inside = [
                w
                for w in page.content.words
                if w.text.strip() and any(t.grow(1.0).contains_center(w.box) for t in tables)
            ]
            assert sorted(id(w) for band in bands for w in band.words) == sorted(map(id, inside))
            for band in bands:
                for word in band.words:
                    assert band.box.grow(0.01).contains_center(word.box)
                    assert word.box.x0 >= band.box.x0 and word.box.x1 <= band.box.x1
                others = [w for w in inside if w not in band.words]
                assert not any(band.box.contains_center(w.box) and w.box.x1 < band.box.x1 for w in others)


def test_a_strip_shows_its_row_dark_on_white_and_nothing_else(tmp_path: Path) -> None:
    rows = table_of(6, 4, seed=3)
    draw(tmp_path / "one.pdf", [("Key figures", rows)], paper="a5")
    with pages_of(tmp_path / "one.pdf") as (page,):
        bands = plan_bands(page.content, [table.box for table in read_tables(page.content)])
        strips = draw_bands(bands, page.content, page.render)
    assert len(strips) == 6
    for band, strip in zip(bands, strips, strict=True):
        assert strip.shape == (STRIP_HEIGHT, STRIP_WIDTH, 3)
        dark = strip[:, :, 0] < 128
        assert not dark[:3].any() and not dark[-3:].any()  # no part of the rows above and below
        left, right = np.flatnonzero(dark.any(axis=0))[[0, -1]]
        assert left == pytest.approx((band.words[0].box.x0 - band.box.x0) * band.scale, abs=3)
        assert right == pytest.approx((band.words[-1].box.x1 - band.box.x0) * band.scale, abs=3)


def test_a_table_too_wide_for_one_strip_is_cut_between_its_cells(tmp_path: Path) -> None:
    rows = table_of(8, 12, seed=4)
    draw(tmp_path / "wide.pdf", [("Monthly figures", rows)], size=6.0, paper="a4-l")
    with PerfectReader(name=NAME) as reader:
        learn_rows(reader, tmp_path / "wide.pdf")
        (reading,) = read_rows(reader, tmp_path / "wide.pdf")
    (fragment,) = reading.fragments
    assert grid(fragment) == rows
    assert reading.n_tiles > len(rows)
    assert {cell.grounding for cell in fragment.cells} == {"exact"}


@pytest.mark.parametrize(
    "name", ["tarnwick_annual_report_2024.pdf", "kellinghaus_jahresabschluss_2024.pdf", "bank_statement.pdf"]
)
def test_a_perfect_reader_of_rows_reads_the_samples(name: str) -> None:
    truth = json.loads((SAMPLES / name).with_suffix(".truth.json").read_text())
    with PerfectReader(name=NAME) as reader:
        learn_rows(reader, SAMPLES / name)
        readings = read_rows(reader, SAMPLES / name)
    cells = [cell for reading in readings for fragment in reading.fragments for cell in fragment.cells]
    assert reader.unknown == 0 and not [f for reading in readings for f in reading.failures]
    assert {fragment.engine for reading in readings for fragment in reading.fragments} == {"vision"}
    doubted = [cell for cell in cells if cell.grounding == "mismatch"]
    assert len(doubted) <= 0.01 * len(cells), [(cell.text, cell.note) for cell in doubted][:5]
    seen = {(cell.page, "".join(cell.text.split())) for cell in cells}
    wanted = [
        (cell["page"], "".join(cell["text"].split()))
        for table in truth["tables"]
        for cell in table["cells"]
        if any(letter.isdigit() for letter in cell["text"])
    ]
    assert len(wanted) > 40
    assert sum(cell in seen for cell in wanted) >= 0.97 * len(wanted)


def test_a_misread_figure_is_found_and_the_text_layer_wins(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=3)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    true = rows[3][2]
    wrong = ("8" if true[0] != "8" else "7") + true[1:]
    swap = lambda tile, answer: [wrong if text == true else text for text in answer]  # noqa: E731
    with PerfectReader(name=NAME, change=swap) as reader:
        learn_rows(reader, tmp_path / "one.pdf")
        (reading,) = read_rows(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    (doubted,) = [cell for cell in fragment.cells if cell.grounding == "mismatch"]
    assert (doubted.row, doubted.col, doubted.text, doubted.source) == (3, 2, true, "text_layer")
    assert doubted.note == f"the model read {wrong!r}; the page's text layer says {true!r}"
    assert doubted.other_text == wrong
    assert grid(fragment) == rows


def test_a_cell_left_out_is_doubted_and_the_others_stay(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=5)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    missing = rows[4][2]
    with PerfectReader(name=NAME, change=lambda t, answer: [x for x in answer if x != missing]) as reader:
        learn_rows(reader, tmp_path / "one.pdf")
        (reading,) = read_rows(reader, tmp_path / "one.pdf")
    (doubted,) = [cell for cell in reading.fragments[0].cells if cell.grounding == "mismatch"]
    assert (doubted.row, doubted.col, doubted.text) == (4, 2, missing)
    assert doubted.note == f"the model read nothing here; the page says {missing!r}"
    assert doubted.other_text == ""


@pytest.mark.parametrize(
    "change", [lambda tile, answer: 400, lambda tile, answer: "no JSON", lambda tile, answer: {"a": 1}]
)
def test_a_row_without_an_answer_keeps_what_the_words_say(tmp_path: Path, change: Any) -> None:
    rows = table_of(8, 4, seed=6)
    draw(tmp_path / "one.pdf", [("Key figures", rows)], paper="a5")

    def spoil(tile: Tile, answer: Any) -> Any:
        return change(tile, answer) if tile.index == 5 else answer

    with PerfectReader(name=NAME, change=spoil) as reader:
        learn_rows(reader, tmp_path / "one.pdf")
        (reading,) = read_rows(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    assert grid(fragment) == rows
    assert {cell.row for cell in fragment.cells if cell.note} == {5}
    assert all("gave no usable answer" in (cell.note or "") for cell in fragment.cells if cell.row == 5)
    (failure,) = reading.failures
    assert (failure.tile, failure.stage, failure.category) == (5, "vision", "engine")


def test_a_page_without_words_says_what_to_do(tmp_path: Path) -> None:
    document = pymupdf.open()
    document.new_page()
    document.save(tmp_path / "blank.pdf")
    with PerfectReader(name=NAME) as reader:
        (reading,) = read_rows(reader, tmp_path / "blank.pdf")
    assert reading.fragments == () and "OCR on" in reading.failures[0].message


@pytest.mark.parametrize(("odds", "kept", "source"), [(0.99, "wrong", "vision"), (0.5, "printed", "ocr")])
def test_of_two_readings_the_surer_is_kept_and_both_are_told(
    tmp_path: Path, odds: float, kept: str, source: str
) -> None:
    rows = table_of(6, 3, seed=3)
    draw(tmp_path / "one.pdf", [("Key figures", rows)], paper="a5")
    with pages_of(tmp_path / "one.pdf") as (page,):
        words = tuple(replace(word, confidence=0.9) for word in page.content.words)
        content = replace(page.content, words=words, text_source="ocr")
    (table,) = read_tables(content)
    bands = plan_bands(content, [table.box])
    said = [(band, RowReading(tuple(rows[band.index]), (1.0,) * 3)) for band in bands]
    true = rows[3][2]
    wrong = ("8" if true[0] != "8" else "7") + true[1:]
    said[3] = (bands[3], RowReading((*rows[3][:2], wrong), (1.0, 1.0, odds)))
    cells = place(table, said, content).cells
    (doubted,) = [cell for cell in cells if cell.grounding == "mismatch"]
    assert (doubted.row, doubted.col) == (3, 2)
    assert doubted.text == (wrong if kept == "wrong" else true) and doubted.source == source
    assert doubted.note and repr(wrong) in doubted.note and repr(true) in doubted.note
    assert {doubted.text, doubted.other_text} == {wrong, true}


def test_a_label_too_long_for_a_strip_is_cut_between_words_and_joined_again(tmp_path: Path) -> None:
    rows = table_of(5, 3, seed=8)
    rows[2][0] = (
        "Net proceeds from disposals of businesses and of property, less cash that was given away with them, and taxes on all of these"
    )
    document = pymupdf.open()
    page = document.new_page(width=900, height=300)
    for r, row in enumerate(rows):
        for x, text in zip((40, 760, 860), row, strict=True):
            left = x if x == 40 else x - pymupdf.get_text_length(text, fontsize=10)
            page.insert_text((left, 60 + 16 * r), text, fontsize=10)
    document.save(tmp_path / "long.pdf")
    with pages_of(tmp_path / "long.pdf") as (opened,):
        bands = plan_bands(opened.content, [table.box for table in read_tables(opened.content)])
    long = [band for band in bands if {"proceeds", "these"} & {word.text for word in band.words}]
    assert len(long) == 2
    assert [word.text for band in long for word in band.words][: len(rows[2][0].split())] == rows[2][
        0
    ].split()
    with PerfectReader(name=NAME) as reader:
        learn_rows(reader, tmp_path / "long.pdf")
        (reading,) = read_rows(reader, tmp_path / "long.pdf")
    assert grid(reading.fragments[0])[2] == rows[2]
    assert {cell.grounding for cell in reading.fragments[0].cells} == {"exact"}


def slot(number: int, text: str) -> tuple[int, tuple[Word, ...]]:
    return number, tuple(Word(text=t, box=Box(0, 0, 1, 1), line=0) for t in text.split())


def test_cells_read_as_one_or_as_two_find_their_places() -> None:
    slots = [slot(0, "Net sales"), slot(1, "1,234"), slot(2, "5,678")]
    odds = (0.9, 0.8, 0.7, 0.6)
    assert match(slots, RowReading(("Net sales", "1,234 5,678"), odds[:2])) == [
        (0, "Net sales", 0.9),
        (1, "1,234", 0.8),
        (2, "5,678", 0.8),
    ]
    assert match(slots, RowReading(("Net", "sales", "1,234", "5,678"), odds)) == [
        (0, "Net sales", 0.8),
        (1, "1,234", 0.7),
        (2, "5,678", 0.6),
    ]
    assert match(slots, RowReading(("Net sales", "5,678"), odds[:2])) == [
        (0, "Net sales", 0.9),
        (2, "5,678", 0.8),
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("0123456789,.()$ab", min_size=1, max_size=8), min_size=1, max_size=7, unique=True))
def test_what_is_read_right_is_placed_right(texts: list[str]) -> None:
    slots = [slot(i, text) for i, text in enumerate(texts)]
    assert match(slots, RowReading(tuple(texts), (0.5,) * len(texts))) == [
        (i, t, 0.5) for i, t in enumerate(texts)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("0123456789,.", min_size=1, max_size=6), min_size=1, max_size=6),
    st.lists(st.text("0123456789,. ", max_size=9), max_size=8),
)
def test_places_follow_the_page_from_left_to_right(printed: list[str], read: list[str]) -> None:
    placed = match(
        [slot(i, text) for i, text in enumerate(printed)], RowReading(tuple(read), (1.0,) * len(read))
    )
    numbers = [number for number, _, _ in placed]
    assert numbers == sorted(set(numbers)) and all(number < len(printed) for number in numbers)
