"""Printed tables → statements, facts and checks: kinds, periods, scales, signs, labels, look-alikes, failing sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from extractors.checks.check import check_statements
from extractors.checks.confidence import ROUNDED
from extractors.facts import state_facts
from extractors.statements.statement import Statement, find_statements
from schemas.page import JoinedTable
from schemas.records import Check, Fact
from tests.printed import (
    BALANCE,
    BALANCE_ABOVE,
    CASH,
    CASH_ABOVE,
    INCOME,
    INCOME_ABOVE,
    UK_SHEET,
    printed_table,
    readings_of,
    three_statements,
)


def read(*tables: JoinedTable) -> tuple[tuple[Statement, ...], tuple[Fact, ...], tuple[Check, ...]]:
    statements = find_statements(tables, readings_of(*tables))
    facts = tuple(fact for statement in statements for fact in state_facts(statement))
    return (statements, *check_statements(statements, facts))


def fact(facts: Sequence[Fact], label: str, year: int, statement: str | None = None) -> Fact:
    found = [f for f in facts if f.label == label and f.period_end and f.period_end.year == year
             and statement in (None, f.statement)]  # fmt: skip
    assert len(found) == 1, (label, [f.label for f in facts])
    return found[0]


def test_three_statements_are_stated_and_confirmed() -> None:
    statements, facts, checks = read(*three_statements())
    assert [(s.kind, s.primary, s.scale, s.currency) for s in statements] == [
        ("income_statement", True, 10**6, "USD"),
        ("balance_sheet", True, 10**6, "USD"),
        ("cash_flow_statement", True, 10**6, "USD"),
    ]
    assert fact(facts, "Net sales", 2023).value == Decimal(10**9)
    assert fact(facts, "Interest expense", 2022).value == Decimal(-12 * 10**6)
    assert {c.status for c in checks} == {"pass"}
    assert {c.check for c in checks} == {
        "total", "balance", "cash_roll_forward", "opening_cash", "net_income", "closing_cash", "earnings_per_share",
        "completeness",
    }  # fmt: skip
    assert all(f.check_status == "pass" and not f.needs_review for f in facts)


def test_periods_sections_and_concepts() -> None:
    _, facts, _ = read(*three_statements())
    sales = fact(facts, "Net sales", 2023)
    assert (sales.period_start, sales.period_end, sales.months) == (date(2023, 1, 1), date(2023, 12, 31), 12)
    assert sales.concept == "us-gaap:Revenues"
    cash = fact(facts, "Cash and cash equivalents", 2022)
    assert (cash.period_start, cash.period_end, cash.months) == (None, date(2022, 12, 31), None)
    marketing = fact(facts, "Selling and marketing", 2022)
    assert marketing.label_path == ("Operating expenses:",)


def test_per_share_and_share_rows_have_their_own_scale() -> None:
    _, facts, _ = read(*three_statements())
    basic = [f for f in facts if f.label == "Basic" and f.period_end == date(2023, 12, 31)]
    assert [(f.value, f.scale, f.label_path, f.concept) for f in basic] == [
        (Decimal("1.80"), 1, ("Earnings per share:",), "us-gaap:EarningsPerShareBasic"),
        (Decimal("100000000.0"), 10**6, ("Weighted-average shares outstanding:",),
         "us-gaap:WeightedAverageNumberOfSharesOutstandingBasic"),
    ]  # fmt: skip
    assert fact(facts, "Common stock, $0.01 par value per share", 2023).value == Decimal(10**6)


def test_a_misread_digit_fails_the_sum_and_only_suspects_are_flagged() -> None:
    rows = [list(row) for row in INCOME]
    rows[5][1] = "170"  # 100 as printed
    _, facts, checks = read(printed_table(rows, above=INCOME_ABOVE, source="ocr", grounding="unavailable"))
    failed = [c for c in checks if c.status == "fail"]
    assert len(failed) == 1
    assert failed[0].detail.startswith("Total operating expenses = Selling and marketing")
    assert (failed[0].expected, failed[0].actual) == (Decimal(220 * 10**6), Decimal(150 * 10**6))
    wrong = fact(facts, "Selling and marketing", 2023)
    assert wrong.needs_review and wrong.check_status == "fail"
    assert wrong.review_reason is not None and "100,000,000 here would mend it" in wrong.review_reason
    rounded = [f for f in facts if f.review_reason == ROUNDED]
    assert {f.label for f in rounded} == {"Basic", "Diluted"}  # share counts, which no sum takes in
    flagged = {(f.label, f.period_end) for f in facts if f.needs_review and f not in rounded}
    assert flagged <= {
        (label, date(2023, 12, 31)) for label in ("Selling and marketing", "General and administrative")
    }


def test_a_dropped_row_is_noticed_at_its_total() -> None:
    rows = [row for row in BALANCE if row[0] != "Accrued expenses"]
    _, facts, checks = read(printed_table(rows, above=BALANCE_ABOVE))
    failed = {c.detail for c in checks if c.status == "fail"}
    assert failed == {"Total current liabilities: no rows above it add up to it"}
    flagged = [f for f in facts if f.needs_review]
    assert {f.label for f in flagged} == {"Accounts payable"}
    assert all("Total current liabilities" in (f.review_reason or "") for f in flagged)


def test_without_a_unit_note_the_scale_is_unknown_and_flagged() -> None:
    rows = [["", "2023", "2022"], *[[cell.replace("$ ", "") for cell in row] for row in BALANCE[1:]]]
    statements, facts, _ = read(printed_table(rows, above=["CONSOLIDATED BALANCE SHEETS", "December 31,"]))
    assert statements[0].scale is None
    assert all(f.scale is None and f.needs_review for f in facts)
    assert fact(facts, "Goodwill", 2023).review_reason == "no unit note found: the scale is unknown"


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("SELECTED FINANCIAL DATA: INCOME STATEMENTS", "selected"),
        ("Condensed statements of income (parent company only)", "parent company only"),
        ("Quarterly statements of income (unaudited)", "quarterly"),
        ("Analysis of consolidated statements of income", "analysisof"),
    ],
)
def test_look_alikes_are_marked_and_give_no_facts(title: str, why: str) -> None:
    statements, facts, _ = read(printed_table(INCOME, above=[title, "Years ended December 31,"]))
    assert [(s.kind, s.primary) for s in statements] == [("income_statement", False)]
    assert why in (statements[0].why_not_primary or "")
    assert facts == ()


def test_the_titled_whole_statement_is_primary_not_its_extract() -> None:
    extract = printed_table(INCOME[:5] + INCOME[10:13], above=["Results"], page=1, table_id="mda")
    statement = printed_table(INCOME, above=INCOME_ABOVE, page=2, table_id="full")
    statements, facts, _ = read(extract, statement)
    assert [s.table.table_id for s in statements if s.primary] == ["full"]
    assert {f.table_id for f in facts} == {"full"}


def test_a_table_of_another_kind_is_no_statement() -> None:
    rows = [
        ["Maturity", "2023", "2022"],
        ["Due in one year", "10", "12"],
        ["Due later", "30", "33"],
        ["Total", "40", "45"],
    ]
    assert read(printed_table(rows, above=["Maturities of debt at December 31"]))[0] == ()


def test_three_and_six_months_side_by_side() -> None:
    rows = [
        ["", "Three months ended June 30, 2023", "Three months ended June 30, 2022", "Six months ended June 30, 2023",
         "Six months ended June 30, 2022"],
        *[[row[0], row[1], row[2], row[1], row[2]] for row in INCOME[1:13]],
    ]  # fmt: skip
    _, facts, _ = read(
        printed_table(rows, above=["CONSOLIDATED STATEMENTS OF INCOME (unaudited)", "(in millions)"])
    )
    spans = {(f.period_start, f.period_end, f.months) for f in facts if f.label == "Net sales"}
    assert spans == {
        (date(2023, 4, 1), date(2023, 6, 30), 3), (date(2022, 4, 1), date(2022, 6, 30), 3),
        (date(2023, 1, 1), date(2023, 6, 30), 6), (date(2022, 1, 1), date(2022, 6, 30), 6),
    }  # fmt: skip


def test_inner_and_outer_columns_notes_and_wrapped_labels() -> None:
    statements, facts, checks = read(
        printed_table(UK_SHEET, above=["EXAMPLE LIMITED", "BALANCE SHEET", "AS AT 28 JUNE 2016"])
    )
    assert (statements[0].currency, statements[0].scale) == ("GBP", 1)
    stocks = fact(facts, "Stocks", 2016)
    assert (stocks.value, stocks.period_end) == (Decimal(100), date(2016, 6, 28))
    assert fact(facts, "CREDITORS: amounts falling due within one year", 2015).value == Decimal(-280)
    assert fact(facts, "", 2016).value == Decimal(400)
    assert {c.status for c in checks} == {"pass"}
    assert all(f.check_status == "pass" for f in facts)


def test_chinese_income_statement() -> None:
    rows = [
        ["项目", "2023年度", "2022年度"],
        ["一、营业总收入", "1,000.50", "900.00"],
        ["营业成本", "600.00", "550.00"],
        ["二、营业利润", "400.50", "350.00"],
        ["三、利润总额", "400.50", "350.00"],
        ["减：所得税费用", "100.10", "87.50"],
        ["四、净利润", "300.40", "262.50"],
    ]
    statements, facts, _ = read(printed_table(rows, above=["合并利润表", "单位：万元 币种：人民币"]))
    assert [(s.kind, s.currency, s.scale) for s in statements] == [("income_statement", "CNY", 10**4)]
    profit = fact(facts, "四、净利润", 2023)
    assert profit.value == Decimal("3004000.00")
    assert (profit.period_start, profit.period_end, profit.months) == (
        date(2023, 1, 1),
        date(2023, 12, 31),
        12,
    )


def test_german_balance_sheet_with_decimal_commas() -> None:
    rows = [
        ["TEUR", "31.12.2023", "31.12.2022"],
        ["Anlagevermögen", "1.200,5", "1.100,0"],
        ["Umlaufvermögen", "800,0", "700,0"],
        ["Summe Aktiva", "2.000,5", "1.800,0"],
        ["Eigenkapital", "900,5", "800,0"],
        ["Kurzfristige Schulden", "1.100,0", "1.000,0"],
        ["Summe Passiva", "2.000,5", "1.800,0"],
    ]
    statements, facts, checks = read(printed_table(rows, above=["Konzernbilanz zum 31. Dezember 2023"]))
    assert [(s.kind, s.currency, s.scale) for s in statements] == [("balance_sheet", "EUR", 1000)]
    assert fact(facts, "Summe Aktiva", 2023).value == Decimal("2000500.0")
    assert {c.status for c in checks} == {"pass"}


def test_equity_rows_take_their_periods_from_the_balances() -> None:
    rows = [
        ["(In millions)", "Common stock", "Retained earnings", "Total"],
        ["Balance at December 31, 2021", "10", "200", "210"],
        ["Net income", "", "50", "50"],
        ["Dividends", "", "(20)", "(20)"],
        ["Balance at December 31, 2022", "10", "230", "240"],
    ]
    statements, facts, checks = read(
        printed_table(rows, above=["CONSOLIDATED STATEMENTS OF CHANGES IN EQUITY"])
    )
    assert statements[0].kind == "equity_statement"
    income = [f for f in facts if f.label == "Net income" and f.label_path == ("Retained earnings",)]
    assert [(f.value, f.period_start, f.period_end, f.months) for f in income] == [
        (Decimal(50 * 10**6), date(2022, 1, 1), date(2022, 12, 31), 12)
    ]
    assert {c.check for c in checks} == {"total", "cross_total", "completeness"}
    assert {c.status for c in checks} == {"pass"}


def test_a_statement_cut_into_two_tables_is_one() -> None:
    upper = printed_table(CASH[:9], above=CASH_ABOVE, table_id="upper")
    lower = printed_table(CASH[9:], header_rows=0, top=100 + 12.0 * 10, table_id="lower")
    statements = find_statements((upper, lower), readings_of(upper, lower))
    assert [(s.kind, s.table_ids) for s in statements] == [("cash_flow_statement", ("upper", "lower"))]
    facts = state_facts(statements[0])
    assert fact(facts, "Dividends paid", 2022).value == Decimal(-95 * 10**6)
    assert fact(facts, "Dividends paid", 2022).table_id == "lower"


def test_a_statement_goes_on_overleaf() -> None:
    first = printed_table(CASH, above=CASH_ABOVE, page=1, table_id="first")
    rows = [["", "2023", "2022"], ["Supplemental information:", "", ""], ["Interest paid", "7", "8"],
            ["Income taxes paid", "55", "50"], ["Assets acquired under leases", "3", "4"]]  # fmt: skip
    second = printed_table(rows, above=[CASH_ABOVE[0] + " (continued)"], page=2, table_id="second")
    statements, facts, _ = read(first, second)
    assert [(s.kind, s.table_ids) for s in statements] == [("cash_flow_statement", ("first", "second"))]
    paid = fact(facts, "Interest paid", 2022)
    assert (paid.table_id, paid.page, paid.value) == ("second", 2, Decimal(8 * 10**6))


def test_an_unreadable_figure_has_no_value_and_a_reason() -> None:
    rows = [list(row) for row in INCOME]
    rows[2][1] = "6O0"
    _, facts, _ = read(printed_table(rows, above=INCOME_ABOVE, source="ocr", grounding="unavailable"))
    cost = fact(facts, "Cost of sales", 2023)
    assert cost.needs_review and cost.raw_text == "6O0"


def test_two_statements_in_one_table_are_told_apart() -> None:
    wider = [
        ["Statement of comprehensive income for the year", "", ""],
        ["", "2023", "2022"],
        ["Net income", "180", "156"],
        ["Other comprehensive income: currency translation adjustment", "20", "(6)"],
        ["Total comprehensive income", "200", "150"],
    ]
    statements, facts, _ = read(printed_table([*INCOME, *wider], above=INCOME_ABOVE))
    assert [s.kind for s in statements] == ["income_statement", "comprehensive_income"]
    assert fact(facts, "Total comprehensive income", 2022).statement == "comprehensive_income"


def test_a_header_that_lost_its_spaces_still_dates_its_columns() -> None:
    rows = [
        ["", "ThreeMonths Ended", "", "SixMonthsEnded", ""],
        ["($in millions)", "July29,2023", "July30, 2022", "July29,2023", "July30, 2022"],
    ]
    quarter = [[r[0], r[1], r[2], r[1], r[2]] for r in INCOME[1:]]
    table = printed_table(
        [*rows, *quarter], above=["CONDENSED CONSOLIDATED STATEMENTS OF EARNINGS"], header_rows=2
    )
    spread = tuple(c.model_copy(update={"col_span": 2}) if c.row == 0 and c.col else c for c in table.cells)
    fragment = table.fragments[0].model_copy(update={"cells": spread})
    _, facts, _ = read(table.model_copy(update={"cells": spread, "fragments": (fragment,)}))
    sales = [f for f in facts if f.label == "Net sales"]
    assert [(f.period_end, f.months) for f in sales] == [
        (date(2023, 7, 29), 3), (date(2022, 7, 30), 3), (date(2023, 7, 29), 6), (date(2022, 7, 30), 6),
    ]  # fmt: skip


def test_a_row_whose_words_hide_an_amount_of_money_is_flagged_where_a_total_takes_it_in() -> None:
    rows = [list(row) for row in CASH]
    rows[10] = ["Number of notes repaid", "(10)", "(10)"]  # read as a count; it is the repayment
    _, facts, checks = read(printed_table(rows, above=CASH_ABOVE))
    told = [c for c in checks if "is an amount of money" in c.detail]
    assert [c.status for c in told] == ["fail"] and told[0].detail.startswith(
        "Net cash used in financing activities"
    )
    wrong = fact(facts, "Number of notes repaid", 2023)
    assert (
        wrong.needs_review
        and wrong.review_reason is not None
        and "its unit is in doubt" in wrong.review_reason
    )
