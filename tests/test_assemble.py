"""Fragments of consecutive pages become one table only when they are one; rows keep their own page and box."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractors.assemble import join_tables
from schemas.box import Box
from schemas.page import Line, PageReading, ReadCell, TableFragment

WIDTH, HEIGHT = 595.0, 842.0  # A4, points
COLUMNS = (60.0, 300.0, 420.0)  # left edges, points


def fragment(page, rows, *, top=100.0, n_header_rows=1, title=None, shift=0.0):
    """A three-column fragment whose rows are 14 points apart; numbers carry a value box."""
    cells = []
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if text:
                x = COLUMNS[c] + shift
                box = Box(x, top + 14 * r, x + 6 * len(text), top + 14 * r + 10)
                number = r >= n_header_rows and c > 0
                cells.append(
                    ReadCell(
                        page=page,
                        row=r,
                        col=c,
                        text=text,
                        box=box,
                        value_box=box if number else None,
                        source="text_layer",
                        grounding="exact",
                    )
                )
    box = Box(60 + shift, top, 480 + shift, top + 14 * len(rows))
    return TableFragment(
        page=page,
        box=box,
        n_rows=len(rows),
        n_cols=3,
        n_header_rows=n_header_rows,
        cells=tuple(cells),
        title=title,
        engine="geometry",
    )


def reading(page, *fragments, lines=()):
    return PageReading(
        page=page,
        width=WIDTH,
        height=HEIGHT,
        rotation=0,
        text_source="text_layer",
        fragments=fragments,
        lines=tuple(lines),
    )


def line(text, y):
    return Line(text=text, box=Box(60, y, 60 + 5 * len(text), y + 10))


HEADER = ("", "2025", "2024")
FIRST = [HEADER, ("Alpha", "1", "2"), ("Beta", "3", "4")]
REST = [HEADER, ("Gamma", "5", "6"), ("Total", "9", "12")]


def texts(table):
    grid = {(c.row, c.col): c.text for c in table.cells}
    return [[grid.get((r, c), "") for c in range(table.n_cols)] for r in range(table.n_rows)]


def test_a_repeated_header_is_dropped_and_every_row_keeps_its_page():
    (table,) = join_tables([reading(1, fragment(1, FIRST, top=700)), reading(2, fragment(2, REST))], "d")
    assert texts(table) == [list(r) for r in (*FIRST, *REST[1:])]
    assert [c.page for c in table.cells if c.col == 1] == [1, 1, 1, 2, 2]
    assert [c.box.y0 for c in table.cells if c.text == "Gamma"] == [114.0]


def test_a_part_without_header_goes_on():
    rest = [("Gamma", "5", "6")]
    (table,) = join_tables(
        [reading(1, fragment(1, FIRST, top=700)), reading(2, fragment(2, rest, n_header_rows=0))], "d"
    )
    assert texts(table)[-1] == ["Gamma", "5", "6"]


def test_another_header_begins_another_table():
    other = [("", "2023", "2022"), ("Gamma", "5", "6")]
    tables = join_tables([reading(1, fragment(1, FIRST, top=700)), reading(2, fragment(2, other))], "d")
    assert [t.table_id for t in tables] == ["d-p0001-t01", "d-p0002-t01"]


def test_a_new_title_begins_another_table_even_under_the_same_header():
    pages = [
        reading(1, fragment(1, FIRST, top=700)),
        reading(2, fragment(2, REST), lines=[line("Statements of cash flows", 80)]),
    ]
    assert len(join_tables(pages, "d")) == 2


def test_a_unit_note_that_is_repeated_does_not_part_a_table():
    pages = [
        reading(1, fragment(1, FIRST, top=700), lines=[line("(In thousands)", 680)]),
        reading(2, fragment(2, REST, top=200), lines=[line("(In thousands)", 180)]),
    ]
    assert len(join_tables(pages, "d")) == 1


def test_a_first_row_that_was_taken_for_a_header_does_not_part_a_table():
    pages = [reading(1, fragment(1, FIRST, top=700, n_header_rows=2)), reading(2, fragment(2, REST))]
    (table,) = join_tables(pages, "d")
    assert (table.n_header_rows, table.n_rows) == (1, 5)


def test_a_continued_title_joins():
    pages = [
        reading(1, fragment(1, FIRST, top=700), lines=[line("Loans by maturity", 680)]),
        reading(2, fragment(2, REST), lines=[line("Loans by maturity (continued)", 80)]),
    ]
    assert len(join_tables(pages, "d")) == 1


def test_running_headers_and_page_numbers_do_not_part_a_table():
    pages = [
        reading(1, fragment(1, FIRST, top=700), lines=[line("Acme Holdings plc", 20), line("7", 825)]),
        reading(2, fragment(2, REST), lines=[line("Acme Holdings plc", 20), line("8", 825)]),
    ]
    assert len(join_tables(pages, "d")) == 1


def test_text_below_the_first_part_ends_it():
    pages = [
        reading(
            1, fragment(1, FIRST, top=300), lines=[line("The accompanying notes are an integral part.", 400)]
        ),
        reading(2, fragment(2, REST)),
    ]
    assert len(join_tables(pages, "d")) == 2


def test_shifted_columns_are_another_table():
    pages = [reading(1, fragment(1, FIRST, top=700)), reading(2, fragment(2, REST, shift=60))]
    assert len(join_tables(pages, "d")) == 2


def test_a_brought_forward_row_is_not_counted_twice():
    first = [*FIRST, ("Carried forward", "4", "6")]
    rest = [HEADER, ("Brought forward", "4", "6"), ("Gamma", "5", "6")]
    (table,) = join_tables([reading(1, fragment(1, first, top=700)), reading(2, fragment(2, rest))], "d")
    assert [row[0] for row in texts(table)] == ["", "Alpha", "Beta", "Carried forward", "Gamma"]


def test_the_title_is_the_nearest_line_that_can_be_one():
    lines = [line("Acme Holdings plc", 40), line("Loans by maturity", 66), line("(In millions)", 82)]
    (table,) = join_tables([reading(1, fragment(1, FIRST), lines=lines)], "d")
    assert table.title == "Loans by maturity"


def test_a_sentence_above_a_table_is_no_title():
    (table,) = join_tables(
        [reading(1, fragment(1, FIRST), lines=[line("Loans fall due as follows:", 82)])], "d"
    )
    assert table.title is None


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=6), min_size=1, max_size=5))
def test_no_body_row_is_lost_or_doubled(pages):
    readings, expected = [], []
    for number, values in enumerate(pages, 1):
        rows = [(f"row {number} {i}", str(v), str(v + 1)) for i, v in enumerate(values)]
        expected += [list(r) for r in rows]
        readings.append(reading(number, fragment(number, [HEADER, *rows])))
    (table,) = join_tables(readings, "d")
    assert texts(table) == [list(HEADER), *expected]


def test_a_heading_of_its_own_above_the_labels_begins_another_table():
    wide = ("Education system", "Schools in the original sample", "Schools that participated")
    other = ("Benchmarking education systems", *wide[1:])
    first = fragment(1, [wide, ("Alpha", "1", "2"), ("Beta", "3", "4")], top=700)
    tables = join_tables([reading(1, first), reading(2, fragment(2, [other, ("Gamma", "5", "6")]))], "d")
    assert [texts(table)[0][0] for table in tables] == [wide[0], other[0]]


def test_other_years_under_long_headings_begin_another_table():
    years = ("Amounts in thousands", "Year ended December 31, 2024", "Year ended December 31, 2023")
    others = ("Amounts in thousands", "Year ended December 31, 2022", "Year ended December 31, 2021")
    parts = [fragment(1, [years, FIRST[1]], top=700), fragment(2, [others, REST[1]])]
    tables = join_tables([reading(1, parts[0]), reading(2, parts[1])], "d")
    assert [texts(table)[0] for table in tables] == [list(years), list(others)]
