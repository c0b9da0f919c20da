from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractors.statements.lostpoints import lost_points, thousandths
from schemas.amount import Amount, parse_amount

ROWS = [
    ["7.9", "(1.4)", "1.1"],
    ["22.3", "(2.8)", "7.7"],
    ["3.2", "5.7", "8.3"],
    ["2.9", "—", "1.9"],
    ["13.6", "1.1", "9.4"],
    ["1.7", "0.3", "0.5"],
]


def amounts(rows: list[list[str]], point: str = ".") -> dict[tuple[int, int], Amount]:
    read = {
        (r, c): parse_amount(text, "." if point == "." else ",")
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    }
    return {place: amount for place, amount in read.items() if amount}


def with_cell(row: int, column: int, text: str) -> list[list[str]]:
    rows = [line[:] for line in ROWS]
    rows[row][column] = text
    return rows


def test_a_whole_number_among_decimals_may_have_lost_its_point() -> None:
    assert lost_points(amounts(ROWS)) == frozenset()
    assert lost_points(amounts(with_cell(0, 2, "11"))) == {(0, 2)}
    assert lost_points(amounts(with_cell(1, 1, "(28)"))) == {(1, 1)}


def test_a_row_of_whole_numbers_counts_something_else() -> None:
    rows = [*ROWS, ["1,204", "1,190", "1,150"]]
    assert lost_points(amounts(rows)) == frozenset()
    assert lost_points(amounts([*ROWS, ["1,204", "—", "—"]])) == frozenset()


def test_columns_of_notes_and_of_whole_numbers_say_nothing() -> None:
    rows = [[str(r + 3), *row] for r, row in enumerate(with_cell(2, 0, "32"))]
    assert lost_points(amounts(rows)) == {(2, 1)}
    assert lost_points(amounts([["12", "13"], ["4", "5"], ["6", "1"], ["9", "8"], ["7", "3"]])) == frozenset()


def test_nought_and_a_dash_have_no_point_to_lose() -> None:
    assert lost_points(amounts(with_cell(4, 1, "0"))) == frozenset()
    assert lost_points(amounts(with_cell(4, 1, "-"))) == frozenset()


def test_few_figures_say_nothing_of_their_column() -> None:
    assert lost_points(amounts([["7.9", "1.4"], ["22.3", "28"], ["3.2", "5.7"]])) == frozenset()


figure = st.decimals(min_value=1, max_value=9999, places=1).map(str)


@given(st.lists(st.tuples(figure, figure), min_size=6, max_size=12), st.integers(0, 5), st.integers(0, 1))
def test_one_lost_point_is_found_wherever_it_is(rows: list[tuple[str, str]], row: int, column: int) -> None:
    table = [list(line) for line in rows]
    table[row][column] = table[row][column].replace(".", "")
    assert lost_points(amounts(table)) == {(row, column)}


def test_three_decimals_among_whole_figures_may_be_commas() -> None:
    column = [["19.934"], ["6.864"], ["202"], ["(3.278)"], ["1,234,567"]]
    assert thousandths(amounts(column)) == {(0, 0), (1, 0), (3, 0)}
    assert thousandths(amounts(column, ",")) == frozenset()  # there points group thousands
    assert thousandths(amounts([*column, ["12.5"]])) == frozenset()
    assert thousandths(amounts([["1.234"], ["0.919"], ["2.105"], ["7.001"]])) == frozenset()
    assert thousandths(amounts(column[:3])) == frozenset()
