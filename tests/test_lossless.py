"""With a reader that reads perfectly, the tables in the datasets are the printed ones: over tiles, over pages, over cut rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.document import extract_document
from extractors.settings import Settings
from extractors.vision.grounding import GroundedTable
from extractors.vision.merging import TileTable, merge_tiles
from extractors.vision.tiling import Tile
from schemas.box import Box, union
from schemas.page import ReadCell
from schemas.records import DocumentResult
from tests.conftest import SAMPLES
from tests.perfect_reader import PerfectReader, Rows, TrueTable
from tests.samples import cells_of, plain_text, truth_of
from tests.vision.test_engine import (
    BORN_DIGITAL,
    draw,
    learn,
    source_of,
    sums_brought_forward,
    table_of,
    truth_pages,
)


def through(path: Path, true: dict[int, list[TrueTable]]) -> DocumentResult:
    with PerfectReader() as reader:
        learn(reader, path, true)
        result = extract_document(source_of(path), Settings(engine="vision", worker_urls=(reader.url,)))
        assert reader.unknown == 0
    return result


def grids(result: DocumentResult) -> list[Rows]:
    out = []
    for table in result.tables:
        rows = [[""] * table.n_cols for _ in range(table.n_rows)]
        for cell in result.cells:
            if cell.table_id == table.table_id:
                rows[cell.row][cell.col] = cell.text
        out.append(rows)
    return out


LONG = ("kellinghaus_jahresabschluss_2024", "lanting_annual_report_2024_zh", "tarnwick_annual_report_2024")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in BORN_DIGITAL]
)
def test_every_cell_of_every_sample_is_in_the_dataset(name: str) -> None:
    path = SAMPLES / f"{name}.pdf"
    result = through(path, truth_pages(name)[0])
    carried = sums_brought_forward(path)
    got = Counter((cell.page, plain_text(cell.text)) for cell in result.cells)
    true = Counter(
        (page, plain_text(text)) for page, text in cells_of(truth_of(f"{name}.pdf")) if text.strip()
    )
    lost = true - got
    assert not lost, lost
    added = Counter(text for _, text in (got - true).elements() if text not in carried)
    assert sum(added.values()) <= 0.02 * sum(true.values()), (
        added
    )  # a header that each page repeats may be kept
    assert {cell.grounding for cell in result.cells} <= {"exact", "normalised"}


def test_a_table_over_three_pages_is_one_again(tmp_path: Path) -> None:
    rows = table_of(91, 6, seed=31)
    head, body = rows[:1], rows[1:]
    pages = [head + body[i : i + 30] for i in (0, 30, 60)]
    draw(
        tmp_path / "three.pdf", [("Securities held" if i == 0 else "", part) for i, part in enumerate(pages)]
    )
    true = {i: [TrueTable(part, 1, "Securities held" if i == 1 else None)] for i, part in enumerate(pages, 1)}
    result = through(tmp_path / "three.pdf", true)
    assert grids(result) == [rows]
    assert [(table.page_first, table.page_last) for table in result.tables] == [(1, 3)]
    assert result.failures == ()


def test_a_row_that_a_page_break_cuts_loses_nothing(tmp_path: Path) -> None:
    """The second line of a label stands on the next page: every word of it is kept, in its place between its neighbours."""
    rows = table_of(41, 5, seed=32)
    cut = "Deferred taxes and other"
    rows[20][0] = cut
    rest = ["long-term provisions", "", "", "", ""]
    pages = [rows[:21], [rows[0], rest, *rows[21:]]]
    draw(tmp_path / "cut.pdf", [("Provisions", pages[0]), ("", pages[1])])
    true = {1: [TrueTable(pages[0], 1, "Provisions")], 2: [TrueTable(pages[1], 1)]}
    result = through(tmp_path / "cut.pdf", true)
    (grid,) = grids(result)
    labels = [row[0] for row in grid[1:]]
    joined = " ".join(labels)
    assert f"{cut} long-term provisions" in joined
    figures = [row[1:] for row in grid[1:] if any(row[1:])]
    assert figures == [row[1:] for row in rows[1:]]


@pytest.mark.parametrize(
    "size", [pytest.param(4.2, marks=pytest.mark.slow), pytest.param(5.0, marks=pytest.mark.slow), 8.0]
)
def test_a_long_page_of_twelve_columns_in_any_type(tmp_path: Path, size: float) -> None:
    rows = table_of(int(700 / (size * 1.5)), 12, seed=int(size * 10))
    draw(tmp_path / "dense.pdf", [("Figures", rows)], size=size)
    result = through(tmp_path / "dense.pdf", {1: [TrueTable(rows, 1, "Figures")]})
    assert grids(result) == [rows]
    assert result.failures == ()


def test_rotated_pages_lose_nothing(tmp_path: Path) -> None:
    rows = table_of(20, 5, seed=33)
    draw(tmp_path / "plain.pdf", [("Figures", rows)])
    with pymupdf.open(tmp_path / "plain.pdf") as pdf:
        pdf[0].set_rotation(90)
        pdf.save(tmp_path / "turned.pdf")
    result = through(tmp_path / "turned.pdf", {1: [TrueTable(rows, 1, "Figures")]})
    assert grids(result) == [rows]


WIDE = 60.0  # points between columns


def tile_table(
    index: int, cells: list[tuple[int, int, int]], n_rows: int, n_columns: int, carried: bool
) -> tuple[Tile, list[TileTable]]:
    """A tile's table: cells are (row, column, columns covered), printed on a grid of their own."""
    top = 100.0 + 200 * index
    read = [
        ReadCell(page=1, row=r, col=c, col_span=span, text=f"{index}/{r}/{c}", source="vision",
                 box=Box(50 + WIDE * c, top + 10 * r, 50 + WIDE * (c + span) - 20, top + 10 * r + 8))
        for r, c, span in cells
    ]  # fmt: skip
    box = union(cell.box for cell in read)
    tile = Tile(index, 0, box.grow(5), Box(0, 0, 600, 20) if carried else None, 150, n_rows, n_columns, 10)
    placed = GroundedTable(tuple(read), n_rows, n_columns, box, (None,) * n_rows)
    return tile, [TileTable(tile, placed, None, 1 if index == 0 else 0)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_merging_keeps_every_cell_of_every_tile(data: st.DataObject) -> None:
    """Whatever tiles give, joined cells and columns without cells of their own too, each cell comes out once."""
    parts = []
    for index in range(data.draw(st.integers(1, 4))):
        n_rows, n_columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
        cells = []
        for r in range(n_rows):
            c = data.draw(st.integers(0, n_columns - 1))
            while c < n_columns:
                span = data.draw(st.integers(1, n_columns - c))
                cells.append((r, c, span))
                c += span + data.draw(st.integers(0, 1))
        parts.append(tile_table(index, cells, n_rows, n_columns, carried=index > 0))
    merged = merge_tiles(parts, 1)
    got = sorted(cell.text for fragment in merged for cell in fragment.cells)
    given_cells = sorted(cell.text for _, tables in parts for table in tables for cell in table.placed.cells)
    assert got == given_cells
    for fragment in merged:
        places = [(cell.row, cell.col) for cell in fragment.cells]
        assert len(set(places)) == len(places)
        assert all(cell.row < fragment.n_rows and cell.col < fragment.n_cols for cell in fragment.cells)
