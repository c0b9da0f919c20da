from extractors.geometry.columns import find_columns, place
from extractors.geometry.wrap import row_groups, shared_labels
from extractors.pages.rows import measure, printed_rows
from tests.typed_pages import typed_page


def labels(text: str, breaks: tuple[float, ...] = ()) -> list[str]:
    """The first column of a typed table, after its printed rows were joined."""
    words = typed_page(text).words
    scale, rows = measure(words), printed_rows(words)
    columns = find_columns(rows, scale)
    placed = [place(row, columns, scale) for row in rows]
    groups = row_groups(placed, scale, breaks)
    return [
        " ".join(item.piece.text for index in group for item in placed[index] if item.first == 0)
        for group in groups
    ]


def test_a_label_broken_for_want_of_room_is_one_row() -> None:
    assert labels("""
Net income attributable to the
Example Company                     120     110
Dividends                            12      11
Net income per share                  2       1
""") == ["Net income attributable to the Example Company", "Dividends", "Net income per share"]


def test_a_section_is_a_row_of_its_own() -> None:
    assert labels("""
Operating expenses
  Cost of sales                     120     110
  Research and development           12      11
Changes in assets and liabilities:
  Receivables                         2       1
Other                                 2       1
""") == [
        "Operating expenses",
        "Cost of sales",
        "Research and development",
        "Changes in assets and liabilities:",
        "Receivables",
        "Other",
    ]


def test_lines_that_hang_below_the_first_line_of_a_label_are_all_its_own() -> None:
    assert labels("""
Preferred stock, 5,000 authorized,
 of which 250 are Series A
 Junior Stock; $0.01 par
 value; none issued and outstanding     -       -
Capital in excess of the par value    120     110
Retained earnings of the company       12      11
""") == [
        "Preferred stock, 5,000 authorized, of which 250 are Series A Junior Stock; $0.01 par value; none issued and outstanding",
        "Capital in excess of the par value",
        "Retained earnings of the company",
    ]
    assert labels("""
Changes in assets, net of those
   that were acquired
   Receivables                          2       1
   Payables and what is owed          120     110
""")[1:] == ["Receivables", "Payables and what is owed"]


def test_a_small_letter_goes_on_after_the_values() -> None:
    assert labels("""
Proceeds from the sale of property   120     110
  and equipment
Purchases of property                 12      11
""") == ["Proceeds from the sale of property and equipment", "Purchases of property"]


def test_values_below_the_first_line_of_their_label() -> None:
    assert labels("""
Income from operations
                                     120     110
Taxes                                 12      11
""") == ["Income from operations", "Taxes"]


def test_a_rule_parts_what_words_would_join() -> None:
    text = """
Property, plant and
equipment                            120     110
Goodwill                              12      11
"""
    assert labels(text)[0] == "Property, plant and equipment"
    assert labels(text, breaks=(11.0,))[:2] == ["Property, plant and", "equipment"]


def test_bold_sections_do_not_swallow_plain_rows() -> None:
    assert labels("""
*Noncontrolling *interests *and *equity
Common stock                         120     110
Capital                               12      11
""")[:2] == ["Noncontrolling interests and equity", "Common stock"]


def test_a_heading_in_capitals_is_not_the_end_of_the_total_above_it() -> None:
    assert labels("""
Other assets                          20      10
Total assets                         120     110
     LIABILITIES AND EQUITY
Accounts payable                      12      11
""")[1:3] == ["Total assets", "LIABILITIES AND EQUITY"]


def test_a_label_half_way_between_two_rows_of_values_belongs_to_both() -> None:
    words = typed_page("""
Coal                                 120     110

                                      12      11
Gas
                                       4       3

Oil                                    2       1
""").words
    scale, rows = measure(words), printed_rows(words)
    placed = [place(row, find_columns(rows, scale), scale) for row in rows]
    assert shared_labels(placed) == [2]
    assert shared_labels(placed, breaks=(41.0,)) == []


def test_a_heading_that_a_total_closes_is_no_beginning_of_the_next_label() -> None:
    heading = """
Other comprehensive income, after-tax
Unrealized gains on securities       757     110
Cash flow hedges                     497      11
{}    1,254     121
"""
    total, other = "Total other comprehensive income, after-tax", "Comprehensive income of the year"
    assert labels(heading.format(total))[0] == "Other comprehensive income, after-tax"
    assert labels(heading.format(other))[0].endswith("after-tax Unrealized gains on securities")
