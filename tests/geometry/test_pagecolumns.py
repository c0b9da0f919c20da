from extractors.geometry import pagecolumns
from extractors.geometry.engine import read_tables
from extractors.geometry.pagecolumns import page_columns
from extractors.pages.rows import measure, printed_rows
from tests.typed_pages import grid_of, typed_page

TWO_COLUMNS = """
the report of the commission shows    in the second part of this paper we
that prices went up in most of the    look at how the shares of the brands
member states while wages did not     have moved and what this means for
follow and that the difference was    those who buy them in small numbers
largest in the north of the union     and for those who sell them at home
and smallest in the south where in    and abroad as the next table shows
many places no change was seen and    Brand              1997       1998
where other causes were at work as    Astra              12.5       13.1
the authors say in their last note    Bona                4.5        5.1
"""


def test_a_page_in_two_columns_is_read_column_by_column() -> None:
    words = typed_page(TWO_COLUMNS).words
    flows = page_columns(printed_rows(words), measure(words))
    assert [len(flow) for flow in flows] == [9, 9]
    assert [word.text for word in flows[1][0].words][:3] == ["in", "the", "second"]


def test_a_table_in_one_column_of_the_page_stands_alone() -> None:
    (table,) = read_tables(typed_page(TWO_COLUMNS))
    assert grid_of(table) == [["Brand", "1997", "1998"], ["Astra", "12.5", "13.1"], ["Bona", "4.5", "5.1"]]


def test_a_page_in_one_column_stays_whole() -> None:
    words = typed_page("one line of text over the page\n" * 10).words
    assert [len(flow) for flow in page_columns(printed_rows(words), measure(words))] == [10]


def facing_pages(left: int, right: int) -> str:
    line = "{:<26}{:>8}{:>8}".format
    gap = " " * 16
    rows = [(f"Row {n} of the left page", f"{n * 17}", f"{n * 13}") for n in range(1, 9)]
    body = [line(*row) + gap + line(row[0].replace("left", "right"), row[2], row[1]) for row in rows]
    return "\n".join([*body, "", f"{left:<42}{gap}{right:>42}"])


def test_facing_pages_on_one_sheet_are_read_page_by_page() -> None:
    words = typed_page(facing_pages(38, 39)).words
    flows = page_columns(printed_rows(words), measure(words))
    assert [len(flow) for flow in flows] == [9, 9]
    assert [word.text for word in flows[1][0].words] == ["Row", "1", "of", "the", "right", "page", "13", "17"]


def test_numbers_at_the_edges_that_do_not_follow_each_other_are_no_page_numbers() -> None:
    words = typed_page(facing_pages(38, 41)).words
    assert pagecolumns._fold(printed_rows(words), measure(words)) is None
