from extractors.geometry.columns import Placed, Span
from extractors.geometry.engine import read_tables
from extractors.geometry.headers import _levelled, _shares, header_cells
from extractors.pages.rows import Piece
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


def test_no_heading_spans_the_column_of_notes() -> None:
    columns = [Span(68, 256), Span(280, 289), Span(307, 349), Span(363, 406), Span(420, 463), Span(476, 519)]

    def heading(text: str, x0: float, x1: float, y0: float, column: int) -> Placed:
        words = tuple(Word(part, Box(x0, y0, x1, y0 + 9), 0) for part in text.split())
        return Placed(Piece(words, Box(x0, y0, x1, y0 + 9)), column, column)

    years = [("2022", 326, 346), ("2021", 384, 403), ("2022", 440, 459), ("2021", 498, 516)]
    rows = [
        [heading("Group", 350, 376, 152, 3), heading("Company", 459, 499, 152, 5)],
        [heading("Note(s)", 260, 289, 181, 1)]
        + [heading(text, x0, x1, 181, n) for n, (text, x0, x1) in enumerate(years, 2)],
    ]
    cells = header_cells(rows, columns, (), 9.0, 8.0)
    assert [(c.first, c.last) for c in cells[:2]] == [(2, 3), (4, 5)]


def test_a_title_in_the_middle_of_the_page_spans_notes_and_years() -> None:
    columns = [Span(56, 230), Span(232, 262), Span(355, 402), Span(493, 540)]

    def heading(text: str, x0: float, x1: float, y0: float, column: int) -> Placed:
        words = tuple(Word(part, Box(x0, y0, x1, y0 + 9), 0) for part in text.split())
        return Placed(Piece(words, Box(x0, y0, x1, y0 + 9)), column, column)

    rows = [
        [heading("Balance sheet", 262, 352, 66, 1)],
        [heading("2.7.16", 372, 400, 102, 2), heading("27.6.15", 508, 540, 102, 3)],
        [heading("Notes", 232, 262, 113, 1)],
    ]
    cells = header_cells(rows, columns, (), 9.0, 8.0)
    assert (cells[0].first, cells[0].last) == (1, 2)


def test_a_heading_set_midway_beside_the_lines_of_another_shares_the_rule_below() -> None:
    columns = [Span(80, 262), Span(351, 381), Span(399, 428), Span(463, 499)]

    def heading(text: str, x0: float, x1: float, y0: float, first: int, last: int) -> Placed:
        box = Box(x0, y0, x1, y0 + 8)
        return Placed(Piece((Word(text, box, 0),), box), first, last)

    rows = [
        [heading("Thousands of", 454, 499, 147, 3, 3)],
        [heading("Millions of yen", 357, 408, 152, 1, 2)],
        [heading("U.S. dollars", 458, 498, 158, 3, 3)],
        [heading("2021", 350, 366, 175, 1, 1), heading("2022", 397, 414, 175, 2, 2), heading("2022", 468, 485, 175, 3, 3)],
    ]  # fmt: skip
    cells = header_cells(rows, columns, (Rule(334, 166, 524, 166),), 8.0, 7.0)
    found = {" ".join(w.text for w in c.words): (c.first, c.last) for c in cells}
    assert found["Millions of yen"] == (1, 2) and found["Thousands of U.S. dollars"] == (3, 3)
