"""Cells → columns of labels, notes and values, headers, and line items."""

from __future__ import annotations

from extractors.statements.layout import Layout, lay_out
from extractors.statements.lineitems import RawItem, clean_label, read_items
from schemas.box import Box
from schemas.page import JoinedTable, Line, ReadCell
from tests.printed import BALANCE, INCOME, UK_SHEET, printed_table


def items_of(layout: Layout, side: int = 0) -> tuple[RawItem, ...]:
    return read_items(layout, layout.sides[side])


def moved(table: JoinedTable, places: dict[tuple[int, int], int]) -> JoinedTable:
    """The same table with some cells in other columns than they are printed in."""
    cells = tuple(
        c.model_copy(update={"col": places[c.row, c.col]}) if (c.row, c.col) in places else c
        for c in table.cells
    )
    return table.model_copy(update={"cells": cells})


def test_headers_and_captions() -> None:
    layout = lay_out(printed_table(INCOME), ".")
    (side,) = layout.sides
    assert (side.label_cols, side.value_cols, side.headers) == ((0,), (1, 2), ("2023", "2022"))
    assert layout.captions == ("(In millions, except per share data)",)
    assert layout.body_row == 1


def test_a_spanning_header_goes_to_each_column_below() -> None:
    rows = [["", "Year ended December 31,", ""], ["", "2023", "2022"], *BALANCE[1:]]
    table = printed_table(rows, header_rows=2)
    wide = tuple(c.model_copy(update={"col_span": 2}) if c.row == 0 else c for c in table.cells)
    (side,) = lay_out(table.model_copy(update={"cells": wide}), ".").sides
    assert side.headers == ("Year ended December 31, 2023", "Year ended December 31, 2022")


def test_a_header_cell_with_all_years_is_shared_out() -> None:
    table = printed_table([["", "2023 2022", ""], *BALANCE[1:]])
    wide = tuple(c.model_copy(update={"col_span": 2}) if c.row == 0 else c for c in table.cells)
    (side,) = lay_out(table.model_copy(update={"cells": wide}), ".").sides
    assert side.headers == ("2023", "2022")


def test_notes_are_no_values() -> None:
    (side,) = lay_out(printed_table(UK_SHEET), ".").sides
    assert (side.note_cols, side.value_cols) == ((1,), (2, 3, 4, 5))


def test_dates_over_the_outer_columns_hold_for_the_inner_ones_before_them() -> None:
    rows = [["", "Notes", "", "2016 £", "", "2015 £"], *UK_SHEET[1:]]
    table = printed_table(rows)
    left = {  # nearer to the column before
        c: Box(c.box.x0 - 40, c.box.y0, c.box.x1 - 40, c.box.y1) for c in table.cells if c.col == 4
    }
    near = tuple(
        c.model_copy(update={"box": left[c], "value_box": left[c]}) if c in left else c for c in table.cells
    )
    (side,) = lay_out(table.model_copy(update={"cells": near}), ".").sides
    assert side.headers == ("2016 £", "2016 £", "2015 £", "2015 £")


def test_a_column_with_a_duration_of_its_own_takes_none_from_beside() -> None:
    """A turned picture may put the headings of one line into two rows."""
    rows = [["", "", "", "Nine months ended", ""], ["", "Three months ended", "", "", ""],
            ["", "May 1, 2022", "May 1, 2021", "May 1, 2022", "May 1, 2021"], *[[*r, *r[1:]] for r in BALANCE[1:]]]  # fmt: skip
    table = printed_table(rows, header_rows=3)
    wide = {"Nine months ended", "Three months ended"}
    cells = tuple(c.model_copy(update={"col_span": 2}) if c.text in wide else c for c in table.cells)
    (side,) = lay_out(table.model_copy(update={"cells": cells}), ".").sides
    assert [head.split(" ended ")[0] for head in side.headers] == 2 * ["Three months"] + 2 * ["Nine months"]


def test_unheaded_note_numbers_are_known_by_their_size() -> None:
    rows = [["", "", "2023", "2022"], *[[r[0], str(i), *r[1:]] for i, r in enumerate(BALANCE[2:8], 1)]]
    (side,) = lay_out(printed_table(rows), ".").sides
    assert (side.note_cols, side.value_cols) == ((1,), (2, 3))


def test_change_columns_are_set_aside() -> None:
    rows = [[*INCOME[0], "% change"], *[[*r, "5.0"] for r in INCOME[1:13]]]
    (side,) = lay_out(printed_table(rows), ".").sides
    assert side.value_cols == (1, 2)
    assert side.ignored_cols == (3,)


def test_a_parenthesis_in_a_cell_of_its_own_goes_back() -> None:
    rows = [
        ["", "2023", "", "2022", ""],
        ["Loss", "(5", ")", "(7", ")"],
        ["Gain", "9", "", "8", ""],
        ["Net", "4", "", "1", ""],
    ]
    layout = lay_out(printed_table(rows), ".")
    assert [p.text for p in layout.grid[1]] == ["Loss", "(5)", "(7)"]


def test_right_edges_overrule_the_columns_of_a_reader() -> None:
    table = printed_table(UK_SHEET)
    wrong = moved(table, {(4, 2): 3, (6, 2): 3, (5, 4): 5})
    (side,) = lay_out(wrong, ".").sides
    (expected,) = lay_out(table, ".").sides
    values = {i.label: [(k, p.text) for k, p in i.values] for i in read_items(lay_out(wrong, "."), side)}
    assert values == {
        i.label: [(k, p.text) for k, p in i.values] for i in read_items(lay_out(table, "."), expected)
    }


def test_headers_outside_the_table_are_found() -> None:
    table = printed_table(BALANCE[1:], header_rows=0)
    above = tuple(
        Line(text=text, box=Box(x1 - 20, 80, x1, 90)) for text, x1 in (("2023", 380.0), ("2022", 440.0))
    )
    (side,) = lay_out(table, ".", above=above).sides
    assert side.headers == ("2023", "2022")


def test_two_sides() -> None:
    rows = [["Assets", "2023", "Liabilities", "2023"], ["Cash", "10", "Loans", "12"], ["Stock", "20", "Equity", "18"],
            ["Total assets", "30", "Total liabilities", "30"]]  # fmt: skip
    layout = lay_out(printed_table(rows), ".")
    assert [s.value_cols for s in layout.sides] == [(1,), (3,)]
    assert [i.label for i in items_of(layout, 1)] == ["Loans", "Equity", "Total liabilities"]


def test_levels_paths_and_totals() -> None:
    found = {i.label: i for i in items_of(lay_out(printed_table(INCOME), "."))}
    assert found["Selling and marketing"].path == ("Operating expenses:",)
    assert [found[n].level for n in ("Net sales", "Selling and marketing", "Total operating expenses")] == [
        0,
        1,
        2,
    ]
    assert found["Operating expenses:"].section and not found["Operating expenses:"].values
    assert found["Total operating expenses"].total and not found["Net sales"].total
    assert found["Interest expense"].path == ()


def test_wrapped_labels_are_joined_and_headings_are_not() -> None:
    rows = [["", "2023", "2022"], ["Adjustments to reconcile net income to", "", ""], ["net cash from operations", "10", "20"],
            ["Assets", "", ""], ["Cash", "1", "2"], ["Capital and reserves Called up share capital", "5", "5"]]  # fmt: skip
    found = items_of(lay_out(printed_table(rows), "."))
    assert [(i.label, i.section) for i in found] == [
        ("Adjustments to reconcile net income to net cash from operations", False), ("Assets", True), ("Cash", False),
        ("Capital and reserves", True), ("Called up share capital", False),
    ]  # fmt: skip


def test_notes_beside_labels_are_dropped() -> None:
    rows = [["", "2023"], ["Tangible assets 10", "5"], ["Stocks 11", "6"], ["Debtors 12", "7"], ["Cash", "8"]]
    assert [i.label for i in items_of(lay_out(printed_table(rows), "."))] == [
        "Tangible assets",
        "Stocks",
        "Debtors",
        "Cash",
    ]


def test_labels_lose_leaders_and_markers() -> None:
    assert clean_label("Net  sales ......... ") == "Net sales"
    assert clean_label("Income from operations1") == "Income from operations"
    assert clean_label("Total assets(a)") == "Total assets"
    assert clean_label("Payments under 401(k) plan") == "Payments under 401(k) plan"


def test_a_single_cell_is_no_crash() -> None:
    cell = ReadCell(page=1, row=0, col=0, text="alone", box=Box(0, 0, 1, 1), source="text_layer")
    table = printed_table([["a", "1"]]).model_copy(update={"cells": (cell,), "n_rows": 1, "n_cols": 1})
    assert lay_out(table, ".").body_row in (0, 1)


def test_per_share_figures_in_columns_of_their_own_are_no_footnote_marks() -> None:
    rows = [
        ["", "", "2023", "", "2022"],
        *[[r[0], "", r[1], "", r[2]] for r in INCOME[1:13]],
        ["Basic loss per share", "(0.65)", "", "(0.19)", ""],
    ]
    marked = [*rows[:-1], ["Basic", "(1)", "1.80", "(2)", "1.56"]]
    (side,) = lay_out(printed_table(rows), ".").sides
    assert side.value_cols == (1, 2, 3, 4)
    (side,) = lay_out(printed_table(marked), ".").sides
    assert side.value_cols == (2, 4)


def test_percent_of_a_base_over_dated_columns_is_set_aside() -> None:
    rows = [
        ["", "", "", "Percent of net sales", ""],
        ["", "2023", "2022", "2023", "2022"],
        *[[*r[:3], "5.0", "4.0"] for r in INCOME[1:13]],
    ]
    table = printed_table(rows, header_rows=2)
    wide = tuple(c.model_copy(update={"col_span": 2}) if c.row == 0 else c for c in table.cells)
    (side,) = lay_out(table.model_copy(update={"cells": wide}), ".").sides
    assert side.value_cols == (1, 2)
    assert [(a.col, a.kind, a.header) for a in side.asides] == [
        (3, "percent", "Percent of net sales 2023"), (4, "percent", "Percent of net sales 2022"),
    ]  # fmt: skip


def test_exchange_is_no_change() -> None:
    rows = [
        ["", "Share capital", "Foreign exchange reserve", "Total"],
        ["At 1 January", "10", "3", "13"],
        ["Gain", "1", "2", "3"],
    ]
    (side,) = lay_out(printed_table(rows), ".").sides
    assert (side.value_cols, side.asides) == ((1, 2, 3), ())


def test_a_single_note_number_is_no_value() -> None:
    rows = [
        ["", "", "2023", "2022"],
        *[[r[0], "14" if i == 11 else "", *r[1:]] for i, r in enumerate(INCOME[1:13])],
    ]
    (side,) = lay_out(printed_table(rows), ".").sides
    assert (side.note_cols, side.value_cols) == ((1,), (2, 3))


def test_a_heading_of_several_years_over_columns_without_dates_is_a_caption() -> None:
    rows = [
        ["", "FOR THE YEARS ENDED DECEMBER 31, 2022 AND 2021", "", ""],
        ["", "Common stock", "Accumulated deficit", "Total equity"],
        ["Balance at December 31, 2021", "18", "(63)", "(45)"],
        ["Net loss", "-", "(27)", "(27)"],
        ["Balance at December 31, 2022", "18", "(90)", "(72)"],
    ]
    table = printed_table(rows, header_rows=2)
    wide = tuple(c.model_copy(update={"col_span": 2}) if c.row == 0 else c for c in table.cells)
    layout = lay_out(table.model_copy(update={"cells": wide}), ".")
    assert layout.sides[0].headers == ("Common stock", "Accumulated deficit", "Total equity")
    assert layout.captions == (rows[0][1],)
