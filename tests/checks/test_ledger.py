"""Statements and facts → rows by period: inner and outer columns, rows that are no money, wording of totals, printed digits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from extractors.checks.ledger import Ledger, as_printed, decimals, find_row, last_digit, open_ledger
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.page import JoinedTable
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
)


def ledger_of(table: JoinedTable) -> Ledger:
    (statement,) = find_statements((table,), readings_of(table))
    return open_ledger(statement, {(f.table_id, f.row, f.col): f for f in state_facts(statement)})


def labels(rows: Sequence[int], ledger: Ledger) -> list[str]:
    return [ledger.rows[i].item.label for i in rows]


INCOME_LEDGER = ledger_of(printed_table(INCOME, above=INCOME_ABOVE))
BALANCE_LEDGER = ledger_of(printed_table(BALANCE, above=BALANCE_ABOVE))


def test_money_and_other_rows_stand_apart() -> None:
    assert INCOME_LEDGER.periods == ((date(2023, 12, 31), 12, ""), (date(2022, 12, 31), 12, ""))
    assert [row.value(0) for row in INCOME_LEDGER.rows][:3] == [
        Decimal(10**9),
        Decimal(6 * 10**8),
        Decimal(4 * 10**8),
    ]
    assert [(row.item.label, row.item.unit) for row in INCOME_LEDGER.others] == [
        ("Basic", "per_share"), ("Diluted", "per_share"), ("Basic", "shares"), ("Diluted", "shares"),
    ]  # fmt: skip


def test_wording_says_which_rows_are_totals_and_results() -> None:
    rows = range(len(INCOME_LEDGER.rows))
    assert labels([i for i in rows if INCOME_LEDGER.strong(i)], INCOME_LEDGER) == ["Total operating expenses"]
    assert labels([i for i in rows if INCOME_LEDGER.result(i)], INCOME_LEDGER) == [
        "Gross profit", "Total operating expenses", "Operating income", "Income before income taxes", "Net income",
    ]  # fmt: skip
    assert not any(INCOME_LEDGER.deducted(i) for i in rows)


def test_the_two_sides_of_a_balance_sheet_are_kept_apart() -> None:
    assert BALANCE_LEDGER.two_sided()
    (barrier,) = BALANCE_LEDGER.barriers()
    assert BALANCE_LEDGER.rows[barrier - 1].item.label == "Total assets"
    assert not INCOME_LEDGER.two_sided()


def test_an_inner_and_an_outer_amount_share_a_period() -> None:
    rows = [list(row) for row in UK_SHEET]
    rows[6] = [
        "Cash at bank and in hand",
        "",
        "50",
        "400",
        "60",
        "390",
    ]  # the subtotal beside the last inner amount
    del rows[7]
    ledger = ledger_of(printed_table(rows, above=["EXAMPLE LIMITED", "BALANCE SHEET", "AS AT 28 JUNE 2016"]))
    assert len(ledger.periods) == 2
    cash = [
        [row.value(0), row.value(1)] for row in ledger.rows if row.item.label == "Cash at bank and in hand"
    ]
    assert cash == [[Decimal(50), Decimal(60)], [Decimal(400), Decimal(390)]]


def test_rows_are_found_by_concept_then_by_wording() -> None:
    found = find_row(BALANCE_LEDGER, ["us-gaap:Assets"])
    assert found is not None and found.item.label == "Total assets"
    worded = find_row(BALANCE_LEDGER, ["us-gaap:NoSuchThing"], re.compile("^total"), last=True)
    assert worded is not None and worded.item.label == "Total liabilities and equity"
    assert find_row(BALANCE_LEDGER, ["us-gaap:NoSuchThing"]) is None


def test_figures_as_printed() -> None:
    basic = INCOME_LEDGER.others[0].facts[0]
    shares = INCOME_LEDGER.others[2].facts[0]
    sales = INCOME_LEDGER.rows[0].facts[0]
    assert basic and shares and sales
    assert (as_printed(basic), decimals(basic), last_digit(basic)) == (Decimal("1.80"), 2, Decimal("0.01"))
    assert (as_printed(shares), decimals(shares), last_digit(shares)) == (Decimal("100.0"), 1, Decimal(10**5))
    assert (as_printed(sales), decimals(sales), last_digit(sales)) == (Decimal(1000), 0, Decimal(10**6))
    assert last_digit(basic, sales) == Decimal(10**6)
    assert as_printed(None) is None


def test_sums_of_comprehensive_income_and_asides_are_known_by_their_words() -> None:
    rows = [list(row) for row in INCOME]
    rows.insert(13, ["Other comprehensive income, net of tax", "20", "30"])
    rows.insert(14, ["of which translation", "15", "10"])
    ledger = ledger_of(printed_table(rows, above=INCOME_ABOVE))
    at = {row.item.label: i for i, row in enumerate(ledger.rows)}
    assert ledger.likely(at["Other comprehensive income, net of tax"])
    assert ledger.aside(at["of which translation"]) and not ledger.aside(at["Net income"])


def test_net_assets_are_no_result_of_a_cash_flow_statement() -> None:
    rows = [list(row) for row in CASH]
    rows.append(["Net assets transferred in the separation", "2,322", "0"])
    ledger = ledger_of(printed_table(rows, above=CASH_ABOVE))
    assert ledger.statement.kind == "cash_flow_statement"
    assert not ledger.result(len(ledger.rows) - 1)
