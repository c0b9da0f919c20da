"""Rules between statements → checks: what holds, what a wrong figure does to each rule, and which rules only warn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from extractors.checks.check import check_statements
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.page import JoinedTable
from schemas.records import Check
from tests.printed import (
    BALANCE,
    BALANCE_ABOVE,
    CASH,
    CASH_ABOVE,
    INCOME,
    INCOME_ABOVE,
    printed_table,
    readings_of,
)

M = 10**6
RULES = ("balance", "cash_roll_forward", "opening_cash", "net_income", "closing_cash", "earnings_per_share")


def changed(
    rows: Sequence[Sequence[str]], label: str, column: int, text: str, nth: int = 0
) -> list[list[str]]:
    out = [list(row) for row in rows]
    [row for row in out if row[0].strip() == label][nth][column] = text
    return out


def checks_of(
    income: Sequence[Sequence[str]] = INCOME,
    balance: Sequence[Sequence[str]] = BALANCE,
    cash: Sequence[Sequence[str]] = CASH,
) -> list[Check]:
    tables: tuple[JoinedTable, ...] = (
        printed_table(income, above=INCOME_ABOVE, page=1, table_id="income"),
        printed_table(balance, above=BALANCE_ABOVE, page=2, table_id="balance"),
        printed_table(cash, above=CASH_ABOVE, page=3, table_id="cash"),
    )
    statements = find_statements(tables, readings_of(*tables))
    _, checks = check_statements(statements, [f for s in statements for f in state_facts(s)])
    return [c for c in checks if c.check in RULES]


def of(checks: Sequence[Check], name: str) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(c.status, c.expected, c.actual) for c in checks if c.check == name]


def test_all_rules_hold_for_statements_that_agree() -> None:
    checks = checks_of()
    assert {c.status for c in checks} == {"pass"}
    assert Counter(c.check for c in checks) == {
        "balance": 2, "cash_roll_forward": 2, "opening_cash": 1, "net_income": 2, "closing_cash": 2, "earnings_per_share": 4,
    }  # fmt: skip


def test_assets_that_differ_from_the_equity_side_fail() -> None:
    checks = checks_of(balance=changed(BALANCE, "Total liabilities and equity", 1, "$ 560"))
    assert of(checks, "balance") == [
        ("fail", Decimal(550 * M), Decimal(560 * M)),
        ("pass", Decimal(505 * M), Decimal(505 * M)),
    ]


def test_cash_that_does_not_roll_forward_is_told_as_not_evaluable() -> None:
    checks = checks_of(cash=changed(CASH, "Cash and cash equivalents at beginning of year", 1, "107"))
    rolled = of(checks, "cash_roll_forward")
    assert sorted(status for status, _, _ in rolled) == ["not_evaluable", "pass"]
    assert ("not_evaluable", Decimal(127 * M), Decimal(120 * M)) in rolled
    assert [status for status, _, _ in of(checks, "opening_cash")] == ["not_evaluable"]


def test_net_income_that_differs_between_statements_fails() -> None:
    checks = checks_of(cash=changed(CASH, "Net income", 1, "$ 190"))
    found = of(checks, "net_income")
    assert [status for status, _, _ in found] == ["fail", "pass"]
    assert {found[0][1], found[0][2]} == {Decimal(180 * M), Decimal(190 * M)}


def test_closing_cash_may_hold_restricted_cash() -> None:
    checks = checks_of(cash=changed(CASH, "Cash and cash equivalents at end of year", 1, "$ 125"))
    assert [status for status, _, _ in of(checks, "closing_cash")] == ["not_evaluable", "pass"]


def test_earnings_per_share_of_the_wrong_scale_fail() -> None:
    wrong = changed(INCOME, "Basic", 1, "1,000.0", nth=1)
    wrong = changed(wrong, "Basic", 2, "1,000.0", nth=1)
    checks = [
        c for c in checks_of(income=wrong) if c.check == "earnings_per_share" and c.detail.startswith("basic")
    ]
    assert [c.status for c in checks] == ["fail", "fail"]
    assert all("10^1 apart" in c.detail for c in checks)


def test_earnings_in_cents_are_hundredths_of_the_result() -> None:
    for label, texts in (
        ("  Basic", ("180.0 cents", "156.0 cents")),
        ("  Basic (cents)", ("180.0", "156.0")),
    ):
        rows = [list(row) for row in INCOME]
        at = next(i for i, row in enumerate(rows) if row[0] == "  Basic")
        rows[at] = [label, *texts]
        found = [c for c in checks_of(income=rows) if c.check == "earnings_per_share" and "basic" in c.detail]
        assert [(c.status, c.actual) for c in found] == [("pass", 180 * M), ("pass", 156 * M)]
    rows[at] = [label, "1.80", "1.56"]
    wrong = [c for c in checks_of(income=rows) if c.check == "earnings_per_share" and "basic" in c.detail]
    assert [c.status for c in wrong] == ["fail", "fail"]


def test_earnings_per_share_within_rounding_pass() -> None:
    checks = [c for c in checks_of() if c.check == "earnings_per_share" and c.detail.startswith("diluted")]
    assert [c.status for c in checks] == ["pass", "pass"]
    assert checks[0].actual == Decimal("1.76") * 102 * M
    assert checks[0].expected == 180 * M
