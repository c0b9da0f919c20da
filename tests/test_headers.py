from extractors.columns import Placed, Span
from extractors.geometry import read_tables
from extractors.headers import _levelled, _shares
from extractors.rows import Piece
from schemas.box import Box
from schemas.page import Rule, TableFragment, Word
from tests.typed_pages import across, typed_page


def header(text: str, rules: tuple[Rule, ...] = ()) -> list[tuple[int, int, int, int, str]]:
    """Row, column, row span, column span and text of the heading cells."""
    (table,) = read_tables(typed_page(text, rules))
    return [(c.row, c.col, c.row_span, c.col_span, c.text) for c in heading_cells(table)]


def heading_cells(table: TableFragment):
    return [cell for cell in table.cells if cell.row < table.n_header_rows]


BODY = """
North                  120        110         12         11
South                   80         75          8          7
West                    60         50          6          5
"""


def test_lines_of_one_heading_are_stacked() -> None:
    assert header(
        """
                   Percent      Total     Number    Average
                    of all    workers         of     amount
Region             workers                people       paid"""
        + BODY
    ) == [
        (0, 0, 1, 1, "Region"),
        (0, 1, 1, 1, "Percent of all workers"),
        (0, 2, 1, 1, "Total workers"),
        (0, 3, 1, 1, "Number of people"),
        (0, 4, 1, 1, "Average amount paid"),
    ]


def test_centred_headings_span_the_columns_below() -> None:
    assert header(
        """
                   Three months ended      Six months ended
Region                2023       2022       2023       2022"""
        + BODY
    ) == [
        (0, 0, 2, 1, "Region"),
        (0, 1, 1, 2, "Three months ended"),
        (0, 3, 1, 2, "Six months ended"),
        (1, 1, 1, 1, "2023"),
        (1, 2, 1, 1, "2022"),
        (1, 3, 1, 1, "2023"),
        (1, 4, 1, 1, "2022"),
    ]


def test_a_rule_below_a_heading_says_what_it_spans() -> None:
    cells = header(
        """
A line of text shows how wide a blank is.


                                    Amount borrowed
Region                  Any       None        Few       Many"""
        + BODY,
        (across(3, 31, 60),),
    )
    assert (0, 2, 1, 3, "Amount borrowed") in cells
    assert (0, 1, 2, 1, "Any") in cells


def test_headings_share_the_columns_so_that_all_of_them_are_centred() -> None:
    # the first column is narrow, for its currency signs were lost: the first heading alone would be content with it
    columns = [Span(24, 200), Span(329, 353), Span(361, 425), Span(434, 497), Span(506, 569)]
    assert _shares([358, 502], [1, 2, 3, 4], columns) == [(1, 2), (3, 4)]
    assert _shares([358, 380], [1, 2, 3, 4], columns) == []  # no stretch is centred under the second
    assert _shares([341, 393, 465, 537], [1, 2, 3, 4], columns) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert _shares([358], [1, 2, 4], columns) == []


def test_headings_side_by_side_are_one_line_though_not_quite_level() -> None:
    def heading(text: str, x0: float, y0: float, first: int, last: int) -> Placed:
        box = Box(x0, y0, x0 + 5 * len(text), y0 + 10)
        return Placed(Piece((Word(text, box, 0),), box), first, last)

    nine, years = heading("Nine months", 212, 8, 3, 4), [heading("2023", 105, 24, 1, 1)]
    for lower, lines in ((5, 2), (8, 3)):
        three = heading("Three months", 110, 8 + lower, 1, 2)
        levelled = _levelled([[nine], [three], years])
        assert len(levelled) == lines
        assert levelled[0] == ([three, nine] if lines == 2 else [nine])
    under = heading("ended", 220, 13, 3, 4)  # a second line of the same heading
    assert len(_levelled([[nine], [under], years])) == 3
