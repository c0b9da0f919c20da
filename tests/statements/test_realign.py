"""Placed cells → columns by right edges, where a skewed scan's columns contradict them; tables whose columns are right stay as they are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.statements.realign import (
    HEAD_HEIGHT,
    MIN_FIGURES,
    Grid,
    Placed,
    loose_heads,
    overlapped,
    realign,
)
from schemas.amount import parse_amount
from schemas.box import Box
from schemas.page import Line, ReadCell

EDGES = (300.0, 380.0, 460.0)  # points: right edges of three columns
N_ROWS = 5


def placed(row: int, col: int, text: str, x1: float, width: float = 30.0, span: int = 1) -> Placed:
    box = Box(x1 - width, 20.0 * row, x1, 20.0 * row + 10)
    cell = ReadCell(page=1, row=row, col=col, text=text, box=box, source="ocr")
    return Placed(cell, text, parse_amount(text), col, span)


def table(cols: tuple[int, int, int] = (1, 2, 3), shift: float = 0.0) -> Grid:
    """A header row and rows of three figures, each figure in the column of `cols`."""
    grid: dict[int, tuple[Placed, ...]] = {
        0: (placed(0, 0, "Assets", 120, 60), *(placed(0, c, f"202{c}", EDGES[i]) for i, c in enumerate(cols)))
    }
    for row in range(1, N_ROWS + 1):
        figures = tuple(placed(row, c, f"{row}{i},000", EDGES[i] + shift * row) for i, c in enumerate(cols))
        grid[row] = (placed(row, 0, f"Item {row}", 120, 60), *figures)
    return grid


def columns(grid: Grid) -> list[list[int]]:
    return [[p.col for p in cells] for _, cells in sorted(grid.items())]


def test_columns_that_agree_with_the_edges_stay() -> None:
    grid = table()
    assert realign(grid, 1, 4) == (grid, 4)


def test_a_figure_laid_into_its_neighbour_goes_back_to_its_own_column() -> None:
    grid = dict(table())
    label, first, second, third = grid[3]
    grid[3] = (label, first, replace(second, col=3), replace(third, col=3))
    mended, n_cols = realign(grid, 1, 4)
    assert n_cols == 4 and columns(mended) == [[0, 1, 2, 3]] * (N_ROWS + 1)
    assert mended[3][2].cell == second.cell  # the cell itself, and where it was read, is untouched


def test_two_columns_that_the_reader_made_of_one_are_one_again() -> None:
    grid = {
        row: tuple(replace(p, col=4) if p.col == 3 and row % 2 else p for p in cells)
        for row, cells in table().items()
    }
    mended, n_cols = realign(grid, 1, 5)
    assert n_cols == 4 and columns(mended) == [[0, 1, 2, 3]] * (N_ROWS + 1)


def test_a_header_over_two_columns_spans_both() -> None:
    grid = dict(table((1, 3, 3)))
    over = Box(350.0, 0.0, 460.0, 10.0)
    head = placed(0, 2, "2023 and 2022", 460, 110)
    grid[0] = (
        placed(0, 0, "Assets", 120, 60),
        replace(head, cell=head.cell.model_copy(update={"box": over})),
    )
    mended, _ = realign(grid, 1, 4)
    assert [(p.col, p.span) for p in mended[0]] == [(0, 1), (2, 2)]


def test_footnote_markers_are_no_column() -> None:
    grid = {row: cells for row, cells in table((1, 2, 2)).items()}
    for row in range(N_ROWS + 1, 13):
        grid[row] = tuple(replace(p, cell=p.cell.model_copy(update={"row": row})) for p in grid[1])
    grid[2] = (*grid[2], placed(2, 4, "1", 500, 4))
    mended, n_cols = realign(grid, 1, 5)
    assert n_cols == 4 and all(p.text != "1" for p in mended[2])


def test_few_figures_and_edges_that_form_no_columns_change_nothing() -> None:
    few = {row: cells for row, cells in table((1, 3, 3)).items() if row * 3 < MIN_FIGURES}
    assert realign(few, 1, 4) == (few, 4)
    ragged = table((1, 3, 3), shift=9.0)  # every row's edge moves on: one cluster as wide as the page
    assert realign(ragged, 1, 4) == (ragged, 4)


def test_a_table_of_two_sides_has_columns_of_its_own() -> None:
    grid = {
        row: (*cells, placed(row, 4, "Liabilities", 560, 70)) if row else cells
        for row, cells in table((1, 3, 3)).items()
    }
    assert realign(grid, 1, 5) == (grid, 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), min_size=N_ROWS, max_size=N_ROWS), st.randoms())
def test_figures_stand_in_the_column_of_their_edge_whatever_the_reader_said(
    said: list[tuple[int, int, int]], random: object
) -> None:
    grid = {
        row: tuple(replace(p, col=said[row - 1][p.col - 1]) if row and p.col else p for p in cells)
        for row, cells in table().items()
    }
    mended, n_cols = realign(grid, 1, 4)
    texts = [[p.text for p in cells] for _, cells in sorted(mended.items())]
    assert texts == [[p.text for p in cells] for _, cells in sorted(grid.items())]  # nothing is lost
    if mended is not grid:
        assert n_cols == 4
        assert all([p.col for p in mended[row]] == [0, 1, 2, 3] for row in range(1, N_ROWS + 1))


def test_which_columns_a_header_stands_over() -> None:
    spans = [(270.0, 300.0), (350.0, 380.0)]
    assert overlapped(280, 300, spans, 270) == (1, 1)
    assert overlapped(290, 360, spans, 270) == (1, 2)
    assert overlapped(310, 340, spans, 270) == (2, 1) or overlapped(310, 340, spans, 270) == (1, 1)
    assert overlapped(50, 120, spans, 270) == (0, 1)
    assert overlapped(500, 520, spans, 270) == (2, 1)


def test_lines_close_above_a_table_are_rows_of_headers() -> None:
    def line(text: str, x0: float, y0: float) -> Line:
        return Line(text=text, box=Box(x0, y0, x0 + 40, y0 + 10))

    top = 200.0
    rows = loose_heads(
        [line("2022", 380, 181), line("2023", 300, 180), line("Year ended", 340, 165), line("far above", 300, top - HEAD_HEIGHT - 1),
         line("below", 300, top + 30)],
        top,
    )  # fmt: skip
    assert [sorted(x.text for x in row) for row in rows] == [["Year ended"], ["2022", "2023"]]
