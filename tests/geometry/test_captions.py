from extractors.geometry.captions import outside_lines, title_above
from extractors.geometry.engine import read_tables
from schemas.box import Box
from schemas.page import Line
from tests.typed_pages import typed_page


def line(text: str, y: float, x: float = 0) -> Line:
    return Line(text=text, box=Box(x, y, x + 200, y + 10))


def test_title_is_the_block_right_above() -> None:
    lines = [line("Text of the page.", 0), line("Table 4. Loans by", 60), line("type and year", 72)]
    assert title_above(Box(0, 90, 300, 200), lines, 10) == "Table 4. Loans by type and year"


def test_text_and_far_lines_are_no_title() -> None:
    assert title_above(Box(0, 90, 300, 200), [line("It ended in 2010.", 72)], 10) is None
    assert title_above(Box(0, 90, 300, 200), [line("Loans", 40)], 10) is None
    assert title_above(Box(0, 90, 300, 200), [line("Loans", 72, x=400)], 10) is None


def test_columns_of_one_height_are_separate_lines() -> None:
    page = typed_page("Report 2023                                        Page 5")
    assert [found.text for found in outside_lines(page, ())] == ["Report 2023", "Page 5"]
    assert outside_lines(page, ())[0].size == 10


def test_lines_carry_weight() -> None:
    page = typed_page("*Balance *sheet\nas of June")
    assert [(found.text, found.bold) for found in outside_lines(page, ())] == [
        ("Balance sheet", True),
        ("as of June", False),
    ]


def test_words_of_a_table_are_not_outside() -> None:
    page = typed_page("""
Region         2023      2022
North           120       110
South            80        75

Source: census
""")
    assert [found.text for found in outside_lines(page, read_tables(page))] == ["Source: census"]
