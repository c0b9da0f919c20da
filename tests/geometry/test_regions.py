from extractors.geometry.engine import read_tables
from extractors.geometry.regions import is_chart
from tests.typed_pages import across, grid_of, typed_page


def test_text_in_columns_row_after_row_is_a_table() -> None:
    page = typed_page("""
Product          Sold by            Colour
Ariel            Procter            white
Skip             Lever              blue
Dash             Colgate            green
Axion            Colgate            white
""")
    (table,) = read_tables(page)
    assert grid_of(table)[1] == ["Ariel", "Procter", "white"]
    assert (table.n_rows, table.n_cols) == (5, 3)


def test_text_between_rules_is_a_table() -> None:
    page = typed_page(
        """
Roles                              Teachers

Curriculum development             yes
Planning of their own studies      no
""",
        rules=(across(-1, 0, 50), across(0, 0, 50), across(3, 0, 50)),
    )
    (table,) = read_tables(page)
    assert grid_of(table)[1:] == [["Curriculum development", "yes"], ["Planning of their own studies", "no"]]


def test_a_table_ends_where_its_header_comes_again() -> None:
    block = """
Effect          1.0      1.1      1.2
-------------------------------------
0.99            800      880      960
0.95            160      176      192
0.90             80       88       96
"""
    first, second = read_tables(typed_page(block + block.replace("1.0", "2.0")))
    assert grid_of(first)[-1] == grid_of(second)[-1] == ["0.90", "80", "88", "96"]
    assert grid_of(second)[0] == ["Effect", "2.0", "1.1", "1.2"]


def test_the_ticks_of_an_axis_are_a_chart() -> None:
    ticks = [(row, 0, str(100 - 20 * row)) for row in range(6)]
    assert is_chart([*ticks, (2, 1, "1990s"), (4, 2, "2000s")])
    years = [(row, 0, str(2000 + row)) for row in range(6)]
    values = [(row, 1, f"{row * row + 45}") for row in range(6)]
    assert not is_chart([*years, *values])
    assert not is_chart([*[(row, 0, str(10 * row)) for row in range(6)], *values])


def test_scattered_numbers_without_a_word_are_a_chart() -> None:
    assert is_chart([(0, 3, "41"), (1, 2, "33"), (2, 1, "28"), (3, 0, "22")])


def test_a_full_table_whose_columns_all_count_evenly_is_no_chart() -> None:
    cells = [(row, col, f"{row + 1},{100 + 7 * col}") for row in range(6) for col in range(1, 10)]
    assert not is_chart([*((row, 0, f"Product {row}") for row in range(6)), *cells])


PAIRS = """
*Country*             *Capital*
Republic of Austria   Vienna
Belgium               Brussels
Bulgaria              Sofia
Republic of Cyprus    Nicosia
"""


def test_text_in_two_columns_is_a_table_below_a_bold_heading_or_a_caption() -> None:
    (table,) = read_tables(typed_page(PAIRS))
    assert grid_of(table) == [
        ["Country", "Capital"],
        ["Republic of Austria", "Vienna"],
        ["Belgium", "Brussels"],
        ["Bulgaria", "Sofia"],
        ["Republic of Cyprus", "Nicosia"],
    ]
    plain = PAIRS.replace("*", "").replace("Capital", "").replace("Country", "Country               Capital")
    (table,) = read_tables(typed_page("Table 3: Members\n" + plain))
    assert grid_of(table)[0] == ["Country", "Capital"]
    assert (table.n_rows, table.n_cols, table.title) == (5, 2, "Table 3: Members")


def test_an_address_block_or_a_ragged_second_column_is_no_table() -> None:
    plain = PAIRS.replace("*", "")
    assert read_tables(typed_page(plain)) == ()
    assert read_tables(typed_page(PAIRS.replace("Sofia", "    Sofia"))) == ()


def test_a_title_set_inwards_opens_the_next_table_though_the_first_row_prints_no_label() -> None:
    page = typed_page("""
                                               2022      2021
Net income                                   26,674    22,171
Unrealised losses                            (8,759)     (800)
Comprehensive income                         17,915    21,371


               See the notes on the pages behind this one


          Movements of the equity that belongs to the holders of shares

                         Common    Capital   Retained    Total
                          stock    surplus   earnings   equity
Balance at 1 January     29,466     67,668     64,194  161,328
Shares repurchased       (1,137)    (5,781)        -    (6,918)
Balance at 31 December   28,329     61,887     64,194  154,410
""")
    first, second = read_tables(page)
    assert (first.n_cols, second.n_cols) == (3, 5)
    assert grid_of(second)[-1][0] == "Balance at 31 December"


def test_a_loosely_set_table_may_leave_a_row_empty() -> None:
    rows = ["Debtors", "Cash", "Deposits", "Loans", "", "Creditors", "Accruals", "Provisions"]
    lines = [f"{row:<20}{n * n + 411:>10}{900 - n**3:>10}" if row else "" for n, row in enumerate(rows, 1)]
    (table,) = read_tables(typed_page("\n\n".join(lines)))
    assert [row[0] for row in grid_of(table)] == [row for row in rows if row]
