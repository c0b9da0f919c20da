"""Titles and labels → the kind of statement."""

import pytest

from extractors.statements.kinds import guess_kind, title_kind
from schemas.records import StatementKind


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Consolidated Statement of Incom e", "income_statement"), ("CONSOLIDATED STATEMENTS OF OPERATIONS", "income_statement"),
        ("PROFIT AND LOSS ACCOUNT", "income_statement"), ("STATEMENT OF INCOME AND RETAINED EARNINGS", "income_statement"),
        ("Consolidated Balance Shee t", "balance_sheet"), ("STATEMENTOFFINANCIALPOSITION", "balance_sheet"),
        ("CASH FLOWS STATEMENTS", "cash_flow_statement"), ("Consolidated Statement of Cash Flow s", "cash_flow_statement"),
        ("COMPREHENSIVE INCOME STATEMENTS", "comprehensive_income"),
        ("Statements of operations and comprehensive income", "income_statement"),
        ("Consolidated Statement of Changes in Equity", "equity_statement"), ("STOCKHOLDERS’ EQUITY STATEMENTS", "equity_statement"),
        ("合并资产负债表", "balance_sheet"), ("合并利润表", "income_statement"), ("合并现金流量表", "cash_flow_statement"),
        ("Gewinn- und Verlustrechnung", "income_statement"), ("Konzern-Kapitalflussrechnung", "cash_flow_statement"),
        ("Compte de résultat consolidé", "income_statement"), ("Bilan consolidé", "balance_sheet"),
        ("Estado de flujos de efectivo", "cash_flow_statement"), ("Balanço patrimonial", "balance_sheet"),
        ("Winst-en-verliesrekening", "income_statement"),
    ],
)  # fmt: skip
def test_titles(title: str, kind: StatementKind) -> None:
    assert title_kind(title) == kind


@pytest.mark.parametrize(
    "title", ["", "Notes to the accounts", "Debt maturities", "The income statement " + "x" * 200]
)
def test_other_titles(title: str) -> None:
    assert title_kind(title) is None


BALANCE = ["Cash", "Total current assets", "Total assets", "Total current liabilities", "Total liabilities", "Common stock",
           "Total liabilities and equity"]  # fmt: skip


def test_rows_must_bear_out_the_title() -> None:
    whole = guess_kind(["Balance sheets"], BALANCE)
    assert whole is not None and whole.whole and whole.kind == "balance_sheet" and whole.look_alike is None
    part = guess_kind(["Balance sheets"], ["Goodwill", "Total assets", "Long-term debt"])
    assert part is not None and not part.whole


def test_rows_alone_can_tell() -> None:
    guess = guess_kind(["EXAMPLE CORP"], BALANCE)
    assert guess is not None and guess.kind == "balance_sheet" and guess.title is None


def test_look_alikes_and_parents() -> None:
    selected = guess_kind(["Selected balance sheet data"], BALANCE)
    assert selected is not None and selected.look_alike == "selected"
    parent = guess_kind(["Balance sheets (parent company only)"], BALANCE)
    assert parent is not None and parent.parent_only


def test_no_statement() -> None:
    assert guess_kind(["Leases"], ["Due in one year", "Due in two years", "Total"]) is None
