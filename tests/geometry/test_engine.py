from collections import Counter
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.geometry.captions import outside_lines
from extractors.geometry.engine import GeometryEngine, read_tables
from extractors.pages.textlayer import text_layer
from schemas.box import Box
from schemas.page import PageContent, Rule, Word
from tests.conftest import EVAL
from tests.typed_pages import across, grid_of, typed_page

INCOME = """
                    Example Inc.
              STATEMENTS OF INCOME
       (In millions, except per share amounts)

                                     Year ended June 30,
                                     2023        2022
Revenue:
  Product                        $  64,699   $  72,732
  Service and other                147,216     125,538
    Total revenue                  211,915     198,270
Other income (expense), net
  of taxes                           (788 )        333
Basic earnings per share            $ 9.72      $ 9.70
"""


def test_a_statement_is_read_as_printed() -> None:
    (table,) = read_tables(typed_page(INCOME))
    assert grid_of(table) == [
        ["", "Year ended June 30,", ""],
        ["", "2023", "2022"],
        ["Revenue:", "", ""],
        ["Product", "$ 64,699", "$ 72,732"],
        ["Service and other", "147,216", "125,538"],
        ["Total revenue", "211,915", "198,270"],
        ["Other income (expense), net of taxes", "(788 )", "333"],
        ["Basic earnings per share", "$ 9.72", "$ 9.70"],
    ]
    assert table.n_header_rows == 2
    assert table.title is not None
    assert table.title.endswith("(In millions, except per share amounts)")


def test_cells_carry_what_later_stages_ask_for() -> None:
    page = typed_page(INCOME, rules=(across(8, 35, 42), across(8, 47, 54)))
    (table,) = read_tables(page)
    cells = {(cell.row, cell.col): cell for cell in table.cells}
    product = cells[3, 1]
    assert (product.source, product.grounding, product.confidence) == ("text_layer", "exact", 1.0)
    assert product.value_box is not None
    assert product.box.x0 < product.value_box.x0  # the currency sign is no part of the number
    assert product.value_box.x1 == product.box.x1
    assert [cells[row, 0].indent for row in (2, 3, 5)] == [0, 12, 24]
    assert [cells[row, 1].ruled_above for row in (4, 5, 6)] == [False, True, False]
    assert cells[0, 1].col_span == 2


def test_words_read_by_ocr_are_not_called_exact() -> None:
    (table,) = read_tables(typed_page(INCOME, text_source="ocr"))
    assert {(cell.source, cell.grounding) for cell in table.cells} == {("ocr", "unavailable")}


def test_titles_and_unit_notes_are_never_lost() -> None:
    page = typed_page(INCOME)
    texts = [line.text for line in outside_lines(page, read_tables(page))]
    assert texts == ["Example Inc.", "STATEMENTS OF INCOME", "(In millions, except per share amounts)"]


def test_running_text_is_no_table() -> None:
    text = "The Company had revenue of 211,915 in 2023 and of 198,270 in 2022, of which 64,699\n" * 12
    assert read_tables(typed_page(text)) == ()


def test_empty_page() -> None:
    page = PageContent(1, 600, 800, 0, "none", ())
    assert read_tables(page) == ()
    assert outside_lines(page, ()) == ()


def test_two_tables_on_a_page_are_kept_apart() -> None:
    page = typed_page("""
Table 1. Sales by region
Region         2023      2022
North           120       110
South            80        75
Table 2. Staff by region
Region         2023      2022
North            12        11
South             8         7
""")
    first, second = read_tables(page)
    assert (first.title, second.title) == ("Table 1. Sales by region", "Table 2. Staff by region")
    assert grid_of(first)[1:] == [["North", "120", "110"], ["South", "80", "75"]]
    assert grid_of(second)[1:] == [["North", "12", "11"], ["South", "8", "7"]]


def test_side_by_side_tables_are_kept_apart() -> None:
    page = typed_page("""
Assets                 2023           Liabilities            2023
Cash                    120           Payables                 80
Inventory                80           Loans                   150
Property                310           Reserves                 40
Goodwill                 90           Equity                  330
""")
    left, right = read_tables(page)
    assert grid_of(left)[-1] == ["Goodwill", "90"]
    assert grid_of(right)[1:3] == [["Payables", "80"], ["Loans", "150"]]


def test_a_ruled_grid_with_a_cell_over_two_rows() -> None:
    xs, ys = (0, 90, 180, 270), (0, 14, 28, 42)
    text = ("Kind", "Unit", "Amount"), ("Steel", "t", "120"), ("", "kg", "35")
    words = [
        Word(word, Box(xs[c] + 4, ys[r] + 2, xs[c] + 4 + 5 * len(word), ys[r] + 12), 3 * r + c)
        for r, row in enumerate(text)
        for c, word in enumerate(row)
        if word
    ]
    rules = (
        [Rule(0, y, 270, y) for y in (0, 14, 42)] + [Rule(90, 28, 270, 28)] + [Rule(x, 0, x, 42) for x in xs]
    )
    (table,) = read_tables(PageContent(1, 300, 300, 0, "text_layer", tuple(words), tuple(rules)))
    assert grid_of(table) == [["Kind", "Unit", "Amount"], ["Steel", "t", "120"], ["", "kg", "35"]]
    steel = next(cell for cell in table.cells if cell.text == "Steel")
    assert (steel.row_span, steel.col_span) == (2, 1)
    assert table.n_header_rows == 1


def test_a_row_of_values_right_above_or_below_its_grid_belongs_to_it() -> None:
    xs, ys = (0, 120, 200, 280), (20, 34, 48, 62)
    rows = ("Change", "(30)", "(49)"), ("Opening", "16", "65"), ("Other", "1", "2"), ("Closing", "(14)", "16")
    words = []
    for r, row in enumerate(rows):
        for c, word in enumerate(row):
            x0 = 4 if c == 0 else xs[c + 1] - 4 - 5 * len(word)
            y0 = 8 if r == 0 else ys[r - 1] + 2
            words.append(Word(word, Box(x0, y0, x0 + 5 * len(word), y0 + 10), 3 * r + c))
    rules = [Rule(0, y, 280, y) for y in ys] + [Rule(x, 20, x, 62) for x in xs]
    (table,) = read_tables(PageContent(1, 300, 300, 0, "text_layer", tuple(words), tuple(rules)))
    assert grid_of(table) == [list(row) for row in rows]
    assert table.n_header_rows == 0
    aside = [
        replace(w, box=Box(w.box.x0 - 20, w.box.y0, w.box.x1 - 20, w.box.y1)) if w.text in rows[0][1:] else w
        for w in words
    ]
    (apart,) = read_tables(PageContent(1, 300, 300, 0, "text_layer", tuple(aside), tuple(rules)))
    assert grid_of(apart) == [list(row) for row in rows[1:]]
    upside_down = [
        Rule(0, 70 - r.y0, 280, 70 - r.y0) if r.horizontal else Rule(r.x0, 8, r.x0, 50) for r in rules
    ]
    below = [replace(w, box=Box(w.box.x0, 58 - w.box.y0, w.box.x1, 68 - w.box.y0)) for w in words]
    (mirrored,) = read_tables(PageContent(1, 300, 300, 0, "text_layer", tuple(below), tuple(upside_down)))
    assert grid_of(mirrored) == [list(row) for row in reversed(rows)]


def test_the_engine_meets_its_protocol() -> None:
    engine = GeometryEngine()

    def render(dpi: int, region: Box | None) -> None:
        raise AssertionError("words and rules are enough")

    reading = engine.read_page(typed_page(INCOME), render)  # type: ignore[arg-type]
    assert (engine.name, engine.model, len(reading.fragments), reading.failures) == ("geometry", None, 1, ())


def test_a_page_that_breaks_the_reader_is_a_failure_and_no_exception() -> None:
    page = PageContent(3, 600, 800, 0, "text_layer", (Word("x", None, 0),))  # type: ignore[arg-type]
    reading = GeometryEngine().read_page(page, lambda dpi, region: None)  # type: ignore[arg-type,return-value]
    assert reading.fragments == ()
    assert [(failure.page, failure.stage, failure.category) for failure in reading.failures] == [
        (3, "tables", "internal")
    ]


def test_type_without_height_is_survived() -> None:
    words = tuple(Word(text, Box(x, 50, x + 10, 50), 0) for x, text in ((0, "Net"), (20, "12"), (60, "13")))
    check_words(PageContent(1, 600, 800, 0, "text_layer", words))


labels = st.text("abcdefghijklmnop", min_size=3, max_size=14).map(str.capitalize)
amounts = st.integers(0, 99_999_999).map(lambda n: f"{n:,}") | st.just("—") | st.just("(1,234)")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(labels, st.lists(amounts, min_size=3, max_size=3)), min_size=2, max_size=12),
    gap=st.integers(3, 9),
)
def test_any_plain_table_is_read_back_whole(rows: list[tuple[str, list[str]]], gap: int) -> None:
    lines = [label.ljust(16) + "".join(value.rjust(12 + gap) for value in values) for label, values in rows]
    (table,) = read_tables(typed_page("\n".join(lines)))
    assert grid_of(table) == [[label, *values] for label, values in rows]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 60),
            st.integers(0, 20),
            st.sampled_from(["Net", "1,234", "(56)", "$", "%", "total", "—", "2023", "a"]),
        ),
        min_size=1,
        max_size=80,
        unique_by=lambda item: (item[0] // 6, item[1]),
    )
)
def test_no_word_is_lost_doubled_or_invented(marks: list[tuple[int, int, str]]) -> None:
    words = tuple(
        Word(text, Box(x * 9.0, y * 11.0, x * 9.0 + 5 * len(text), y * 11.0 + 10), y) for x, y, text in marks
    )
    page = PageContent(1, 700, 300, 0, "text_layer", words)
    check_words(page)


def check_words(page: PageContent) -> None:
    tables = read_tables(page)
    printed = Counter("".join(word.text for word in page.words))
    in_cells = Counter(letter for table in tables for cell in table.cells for letter in cell.text)
    outside = Counter(letter for line in outside_lines(page, tables) for letter in line.text)
    for blanks in (in_cells, outside):
        blanks.pop(" ", None)
    assert in_cells + outside == printed
    for table in tables:
        places = Counter(
            (row, col)
            for cell in table.cells
            for row in range(cell.row, cell.row + cell.row_span)
            for col in range(cell.col, cell.col + cell.col_span)
        )
        assert max(places.values()) == 1
        assert max(row for row, _ in places) < table.n_rows
        assert max(col for _, col in places) < table.n_cols


@pytest.mark.skipif(not EVAL.exists(), reason="the documents with truth are not here")
@pytest.mark.parametrize("name", ["icdar2013/eu-001", "icdar2013/us-024", "filings/3M_2018_10K.pages"])
def test_no_word_of_a_real_page_is_lost_doubled_or_invented(name: str) -> None:
    with pymupdf.open(EVAL / f"{name}.pdf") as document:
        for page in document:
            check_words(text_layer(page, None))


SAMPLES = sorted((Path(__file__).parents[2] / "sample_docs").glob("*.pdf"))


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_no_word_of_a_sample_document_is_lost_doubled_or_invented(path: Path) -> None:
    with pymupdf.open(path) as document:
        for page in document:
            check_words(text_layer(page, None))


def test_rules_around_one_row_set_off_a_total_and_part_no_table() -> None:
    page = typed_page("""
                              Common   Retained      Total
                               Stock   Earnings     Equity
    Balance at January 1       1,472     10,352     11,824
    Net income                     -     50,033     50,033
    Dividends                      -    (39,566)   (39,566)
    Balance at December 31     1,472     20,819     22,291
    Net income                     -        100        100
    """)
    columns = [0, 160, 230, 290, 360]
    framed = [Rule(0, y, 360, y) for line in (2, 5) for y in (line * 12 - 1, line * 12 + 11)]
    framed += [Rule(x, line * 12 - 1, x, line * 12 + 11) for line in (2, 5) for x in columns]
    (table,) = read_tables(replace(page, rules=tuple(framed)))
    assert [row[0] for row in grid_of(table)[-5:]] == [
        "Balance at January 1", "Net income", "Dividends", "Balance at December 31", "Net income",
    ]  # fmt: skip
    assert grid_of(table)[-2] == ["Balance at December 31", "1,472", "20,819", "22,291"]
