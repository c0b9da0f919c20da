"""Joined tables → the document's own statements: which are primary, which pages and columns belong to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from extractors.facts import state_facts
from extractors.statements.statement import Statement, find_statements
from schemas.box import Box
from schemas.page import JoinedTable, Line
from schemas.records import Fact
from tests.printed import (
    BALANCE,
    BALANCE_ABOVE,
    CASH,
    CASH_ABOVE,
    INCOME,
    INCOME_ABOVE,
    printed_line,
    printed_table,
    readings_of,
    three_statements,
)

COMPREHENSIVE = [
    ["(In millions)", "2023", "2022"],
    ["Net income", "$ 180", "$ 156"],
    ["Other comprehensive income (loss):", "", ""],
    ["  Foreign currency translation adjustments", "20", "(6)"],
    ["  Unrealized gains on hedges", "5", "1"],
    ["Other comprehensive income (loss), net of tax", "25", "(5)"],
    ["Comprehensive income", "$ 205", "$ 151"],
]
EQUITY = [
    ["", "Shares", "Amount", "Retained earnings", "Total"],
    ["Balance at December 31, 2021", "1,250", "$ 10", "$ 200", "$ 210"],
    ["Net income", "", "", "50", "50"],
    ["Shares issued", "30", "1", "", "1"],
    ["Balance at December 31, 2022", "1,280", "$ 11", "$ 250", "$ 261"],
]
EQUITY_TITLE = "CONSOLIDATED STATEMENTS OF SHAREHOLDERS' EQUITY"


def primary(*tables: JoinedTable) -> list[Statement]:
    return [s for s in find_statements(tables, readings_of(*tables)) if s.primary]


def facts_of(statements: list[Statement], label: str) -> list[Fact]:
    return [f for s in statements for f in state_facts(s) if f.label == label]


def test_a_note_on_accumulated_comprehensive_income_is_not_the_statement() -> None:
    own = printed_table(
        COMPREHENSIVE,
        above=["COMPREHENSIVE INCOME STATEMENTS", "Years ended December 31,"],
        page=4,
        table_id="own",
    )
    leading = (
        "The following table summarizes the changes in accumulated other comprehensive income by component:"
    )
    note = printed_table(COMPREHENSIVE, above=[leading], page=9, table_id="note")
    found = primary(*three_statements(), own, note)
    assert [s.table.table_id for s in found] == ["income", "balance", "cash", "own"]


def test_an_untitled_table_far_from_the_statements_is_not_one_of_them() -> None:
    reserves = printed_table(COMPREHENSIVE, above=["E6. Reserves"], page=60, table_id="reserves")
    assert "reserves" not in [s.table.table_id for s in primary(*three_statements(), reserves)]


def test_the_parents_statements_give_way_to_the_groups() -> None:
    parent = printed_table(
        CASH,
        above=["Schedule I", "Parent Company Only", "Statement of Cash Flows", "Years ended December 31,"],
        page=40,
        table_id="parent",
    )
    without_cash = three_statements()[:2]
    assert [s.table.table_id for s in primary(*without_cash, parent)] == ["income", "balance"]


def test_a_statement_in_two_halves_on_two_pages_is_one() -> None:
    first = printed_table(CASH[:6], above=CASH_ABOVE, page=3, table_id="first")
    second = printed_table([CASH[0], *CASH[6:]], above=CASH_ABOVE, page=4, table_id="second")
    found = primary(*three_statements()[:2], first, second)
    assert found[-1].table_ids == ("first", "second")


def test_quarter_and_half_year_on_facing_pages_are_both_primary() -> None:
    pages = [
        printed_table(EQUITY, above=[EQUITY_TITLE, f"For the {n} months ended December 31, 2022"], page=5 + i,
                      table_id=n)
        for i, n in enumerate(("three", "nine"))
    ]  # fmt: skip
    assert [s.table.table_id for s in primary(*three_statements(), *pages)][3:] == ["three", "nine"]


def test_share_columns_count_shares_under_their_own_scale() -> None:
    note = "(In millions, except share amounts which are reflected in thousands)"
    statements = primary(printed_table(EQUITY, above=[EQUITY_TITLE, note]))
    issued = facts_of(statements, "Shares issued")
    assert [(f.label_path[0], f.scale, f.value, f.currency) for f in issued] == [
        ("Shares", 1000, Decimal(30_000), None),
        ("Amount", 10**6, Decimal(1_000_000), "USD"),
        ("Total", 10**6, Decimal(1_000_000), "USD"),
    ]


def test_shares_in_a_section_of_their_own_scale() -> None:
    rows = [
        *INCOME[:12],
        ["Number of shares (in thousands) used in computing:", "", ""],
        ["  -basic earnings per common share", "3,303", "3,290"],
    ]
    found = facts_of(primary(printed_table(rows, above=INCOME_ABOVE)), "-basic earnings per common share")
    assert [(f.scale, f.value, f.concept) for f in found] == [
        (1000, Decimal(3_303_000), None),
        (1000, Decimal(3_290_000), None),
    ]


def test_a_second_title_with_its_years_in_one_row_begins_another_statement() -> None:
    title = "CONSOLIDATED STATEMENTS OF COMPREHENSIVE INCOME - Years ended December 31 (In thousands)"
    statements = primary(
        printed_table([*INCOME, [title, "2023", "2022"], *COMPREHENSIVE[1:]], above=INCOME_ABOVE)
    )
    assert [s.kind for s in statements] == ["income_statement", "comprehensive_income"]
    total = facts_of(statements, "Comprehensive income")
    assert [(f.value, f.scale) for f in total] == [(Decimal(205_000), 1000), (Decimal(151_000), 1000)]


def test_a_second_title_beside_its_years_and_their_unit_begins_another_statement() -> None:
    head = [
        "Statement of Comprehensive Income for the year ended 30 September 2023",
        "2023 £'000",
        "2022 £'000",
    ]
    rows = [["", "2023 £'000", "2022 £'000"], *INCOME[1:12], head, *COMPREHENSIVE[1:]]
    table = printed_table(rows, above=["Profit and Loss Account for the year ended 30 September 2023"])
    assert [(s.kind, s.scale) for s in primary(table)] == [
        ("income_statement", 1000),
        ("comprehensive_income", 1000),
    ]


def test_a_row_of_years_in_the_body_is_no_row_of_figures() -> None:
    statements = primary(printed_table([*INCOME[:4], ["", "2023", "2022"], *INCOME[4:]], above=INCOME_ABOVE))
    assert all(f.raw_text not in ("2023", "2022") for s in statements for f in state_facts(s))


def test_the_page_footer_below_the_accompanying_notes_is_left_out() -> None:
    rows = [*INCOME, ["See accompanying notes.", "", ""], ["Financial Statements", "", "17"]]
    statements = primary(printed_table(rows, above=INCOME_ABOVE))
    assert facts_of(statements, "Financial Statements") == []
    assert len(facts_of(statements, "Net income")) == 2


def test_a_footer_whose_lines_were_joined_with_the_page_number_is_left_out() -> None:
    rows = [*INCOME, ["See accompanying notes. Example Inc. Financial Statements", "", "3"]]
    statements = primary(printed_table(rows, above=INCOME_ABOVE))
    assert not [f for s in statements for f in state_facts(s) if "accompanying" in f.label]
    assert len(facts_of(statements, "Net income")) == 2


def test_columns_of_the_parent_beside_the_groups_are_left_out() -> None:
    heads = ["", "Consolidated 2023", "Consolidated 2022", "Parent 2023", "Parent 2022"]
    rows = [heads, *([*row, "7", "8"] if row[1] else [*row, "", ""] for row in BALANCE[1:])]
    assets = facts_of(primary(printed_table(rows, above=BALANCE_ABOVE)), "Total assets")
    assert [(f.period_end, f.value) for f in assets] == [
        (date(2023, 12, 31), Decimal(550_000_000)),
        (date(2022, 12, 31), Decimal(505_000_000)),
    ]


def test_a_title_above_the_labels_is_no_column_header() -> None:
    rows = [["", "Notes", "Share capital", "Retained earnings", "Total"]]
    rows += [
        [label, note, *values]
        for (label, _, *values), note in zip(EQUITY[1:], ["", "", "20", ""], strict=True)
    ]
    table = printed_table(rows, above=[EQUITY_TITLE])
    named = table.model_copy(
        update={"above": (*table.above, printed_line("for the year ended 31 December 2022", 90))}
    )
    income = facts_of(primary(named), "Net income")
    assert {f.label_path[0] for f in income} == {"Retained earnings", "Total"}
    assert {(f.period_start, f.period_end) for f in income} == {(date(2022, 1, 1), date(2022, 12, 31))}


@pytest.mark.parametrize(
    ("said", "currency"),
    [
        (
            "The financial statements are presented in Australian dollars, which is the functional currency.",
            "AUD",
        ),
        ("Our reporting currency is the U.S. dollar.", "USD"),
        ("Sterling Holdings won a contract for real estate.", "USD"),
    ],
)
def test_a_bare_dollar_is_the_one_that_the_document_says(said: str, currency: str) -> None:
    tables = three_statements()
    first, *others = readings_of(*tables)
    pages = (replace(first, lines=(printed_line(said, 700),)), *others)
    assert {s.currency for s in find_statements(tables, pages)} == {currency}


def test_a_note_to_a_columns_mark_says_that_it_was_restated() -> None:
    rows = [["(In millions)", "2023", "2022¹"], *BALANCE[1:]]
    note = "1. Comparative information has been restated to reflect the change in accounting policy."
    assets = facts_of(primary(printed_table(rows, above=BALANCE_ABOVE, below=[note])), "Total assets")
    assert [(f.period_end, f.restated) for f in assets] == [
        (date(2023, 12, 31), False),
        (date(2022, 12, 31), True),
    ]


def test_columns_dated_alike_that_both_print_figures_have_no_period() -> None:
    rows = [["(In millions)", "2023", "2023"], *BALANCE[1:]]
    assets = facts_of(primary(printed_table(rows, above=BALANCE_ABOVE)), "Total assets")
    assert [(f.period_end, f.needs_review) for f in assets] == [(None, True), (None, True)]


def test_a_convenience_translation_is_left_out() -> None:
    heads = ["", "Millions of yen 2023", "Millions of yen 2022", "Thousands of U.S. dollars 2023"]
    rows = [heads, *([*row, "9"] if row[1] else [*row, ""] for row in BALANCE[1:])]
    assets = facts_of(
        primary(printed_table(rows, above=BALANCE_ABOVE[:1] + ["December 31,"])), "Total assets"
    )
    assert [(f.period_end, f.value, f.currency) for f in assets] == [
        (date(2023, 12, 31), Decimal(550_000_000), "JPY"),
        (date(2022, 12, 31), Decimal(505_000_000), "JPY"),
    ]


def test_a_component_that_sounds_like_a_title_stays_a_column_header() -> None:
    heads = ["", "", "Accumulated other comprehensive income", "", ""]
    table = printed_table([heads, *EQUITY], above=[EQUITY_TITLE], header_rows=2)
    cells = tuple(
        cell.model_copy(update={"col_span": 2}) if (cell.row, cell.col) == (0, 2) else cell
        for cell in table.cells
    )
    (found,) = primary(table.model_copy(update={"cells": cells}))
    assert (found.kind, found.title) == ("equity_statement", EQUITY_TITLE)
    assert found.columns[1].header == "Accumulated other comprehensive income Amount"


def test_one_date_over_all_components_dates_the_rows_and_heads_no_column() -> None:
    date_line = "For the year ended 31 December 2022"
    rows = [
        ["", f"{date_line} Share capital", f"{date_line} Treasury shares", f"{date_line} Total equity"],
        ["Balance at the beginning of the year", "100", "(8)", "92"],
        ["Profit for the year", "50", "-", "50"],
        ["Dividends paid", "(20)", "-", "(20)"],
        ["Balance at the end of the year", "130", "(8)", "122"],
    ]
    statements = primary(printed_table(rows, above=[EQUITY_TITLE, "(In millions)"]))
    facts = [f for s in statements for f in state_facts(s) if f.label_path[:1] == ("Treasury shares",)]
    assert [(f.period_start, f.period_end, f.value) for f in facts] == [
        (None, date(2021, 12, 31), Decimal(-8_000_000)),
        (date(2022, 1, 1), date(2022, 12, 31), Decimal(0)),
        (date(2022, 1, 1), date(2022, 12, 31), Decimal(0)),
        (None, date(2022, 12, 31), Decimal(-8_000_000)),
    ]


def test_a_column_of_shares_with_a_currency_sign_holds_amounts() -> None:
    rows = [list(row) for row in EQUITY]
    rows[1][1] = "$ 1,250"
    issued = facts_of(primary(printed_table(rows, above=[EQUITY_TITLE, "(In millions)"])), "Shares issued")
    assert (issued[0].value, issued[0].currency) == (Decimal(30_000_000), "USD")


def test_a_row_that_mentions_another_statement_begins_none() -> None:
    rows = [
        *CASH,
        ["Reconciliation of cash reported in the consolidated balance sheet:", "", ""],
        ["Cash and cash equivalents", "$ 118", "$ 99"],
        ["Restricted cash", "2", "1"],
        ["Total cash shown in the statement of cash flows", "$ 120", "$ 100"],
        ["Interest paid", "7", "8"],
    ]
    statements = primary(printed_table(rows, above=CASH_ABOVE))
    assert [s.kind for s in statements] == ["cash_flow_statement"]
    assert [f.value for f in facts_of(statements, "Interest paid")] == [
        Decimal(7 * 10**6),
        Decimal(8 * 10**6),
    ]


def test_a_label_that_begins_above_its_table_is_whole() -> None:
    upper = printed_table(CASH[:13], above=CASH_ABOVE, table_id="upper")
    rows = [["equivalents", *CASH[13][1:]], *CASH[14:]]
    top = 100 + 12.0 * 14
    lower = printed_table(rows, header_rows=0, top=top, table_id="lower")
    line = printed_line("Net increase in cash and cash", top - 12)
    pages = [replace(page, lines=(line,)) for page in readings_of(upper, lower)]
    labels = [item.label for item in find_statements((upper, lower), pages)[0].items]
    assert labels[-3:] == ["Net increase in cash and cash equivalents", CASH[14][0], CASH[15][0]]


@pytest.mark.parametrize(
    ("begun", "whole"),
    [
        ("(Decrease)/increase in cash", "(Decrease)/increase in cash"),
        ("(note 5)", "Reconciliation of net cash flow (note 5)"),
    ],
)
def test_a_heading_above_a_label_that_begins_with_brackets_stays_a_heading(begun: str, whole: str) -> None:
    upper = printed_table(CASH[:13], above=CASH_ABOVE, table_id="upper")
    top = 100 + 12.0 * 14
    rows = [[begun, *CASH[13][1:]], *CASH[14:]]
    lower = printed_table(rows, header_rows=0, top=top, table_id="lower")
    line = printed_line("Reconciliation of net cash flow", top - 12)
    pages = [replace(page, lines=(line,)) for page in readings_of(upper, lower)]
    assert whole in [item.label for item in find_statements((upper, lower), pages)[0].items]


def shifted(box: Box) -> Box:
    return Box(box.x0 + 700, box.y0, box.x1 + 700, box.y1)


def test_tables_side_by_side_have_each_their_own_title() -> None:
    left = printed_table(BALANCE, table_id="left")
    right = printed_table(EQUITY, table_id="right")
    moved = [c.model_copy(update={"box": shifted(c.box)}) for c in right.cells]
    fragment = right.fragments[0].model_copy(
        update={"cells": tuple(moved), "box": shifted(right.fragments[0].box)}
    )
    titles = ["CONSOLIDATED STATEMENT", "OF FINANCIAL POSITION"]
    lines = [printed_line(text, 60 + 15 * n) for n, text in enumerate(titles)]
    others = ["CONSOLIDATED STATEMENT OF", "CHANGES IN EQUITY"]
    lines += [printed_line(text, 62 + 15 * n) for n, text in enumerate(others)]
    lines[2:] = [line.model_copy(update={"box": shifted(line.box)}) for line in lines[2:]]
    above = tuple(sorted(lines, key=lambda line: line.box.y0))
    tables = (
        left.model_copy(update={"above": above}),
        right.model_copy(update={"above": above, "cells": tuple(moved), "fragments": (fragment,)}),
    )
    assert [(s.kind, s.title) for s in primary(*tables)] == [
        ("balance_sheet", " ".join(titles)),
        ("equity_statement", " ".join(others)),
    ]


def test_a_title_and_dates_at_the_foot_of_the_page_before_head_the_table_overleaf() -> None:
    before = printed_table(BALANCE, above=BALANCE_ABOVE, table_id="before")
    table = printed_table(INCOME[1:], page=2, top=40.0, table_id="overleaf", header_rows=0)
    texts = [
        "CONSOLIDATED STATEMENTS OF OPERATIONS",
        "FOR THE YEARS ENDED DECEMBER 31, 2023 AND 2022",
        "(In millions)",
    ]
    foot = [printed_line(text, 700 + 12 * n) for n, text in enumerate(texts)]
    years = [
        Line(text=c.text, box=Box(c.box.x0, 740, c.box.x1, 749))
        for c in printed_table(INCOME[:1]).cells
        if c.col
    ]
    first, second = readings_of(before, table)
    statements = find_statements((before, table), (replace(first, lines=(*foot, *years)), second))
    income = next(s for s in statements if s.kind == "income_statement")
    assert income.title == texts[0] and income.scale == 10**6
    assert [c.period.end for c in income.columns] == [date(2023, 12, 31), date(2022, 12, 31)]
    no_title = (replace(first, lines=tuple(years)), second)
    (untitled,) = [s for s in find_statements((before, table), no_title) if s.kind == "income_statement"]
    assert [c.period.end for c in untitled.columns] == [None, None]


def test_a_mention_of_a_statement_over_two_lines_is_no_title() -> None:
    rows = [
        *CASH,
        ["RECONCILIATION OF CASH AND RESTRICTED CASH TO THE CONSOLIDATED", "", ""],
        ["BALANCE SHEETS:", "", ""],
        ["Cash and cash equivalents", "$ 250", "$ 200"],
        ["Restricted cash", "11", "10"],
    ]
    (statement,) = primary(printed_table(rows, above=CASH_ABOVE))
    assert statement.kind == "cash_flow_statement" and statement.items[-1].label == "Restricted cash"


def test_the_note_below_a_statement_is_no_part_of_the_next_title() -> None:
    above = ["See Notes to the Consolidated Financial Statements", EQUITY_TITLE, "(In millions)"]
    (statement,) = primary(printed_table(EQUITY, above=above))
    assert statement.title == EQUITY_TITLE
