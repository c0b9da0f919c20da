"""Columns of changes and percentages → checks: what holds, what fails, what cannot be told, and which facts they accuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from extractors.checks.check import check_statements
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.page import JoinedTable
from schemas.records import Check, Fact
from tests.printed import BALANCE, BALANCE_ABOVE, INCOME, INCOME_ABOVE, printed_table, readings_of

MONEY = INCOME[1:13]  # rows of money with figures in both years


def read(table: JoinedTable) -> tuple[tuple[Fact, ...], tuple[Check, ...]]:
    statements = find_statements((table,), readings_of(table))
    return check_statements(statements, [f for s in statements for f in state_facts(s)])


def figure(text: str) -> Decimal:
    digits = text.replace("$", "").replace(",", "").strip()
    return -Decimal(digits.strip("()")) if digits.startswith("(") else Decimal(digits)


def printed(value: Decimal) -> str:
    return f"({-value:,})" if value < 0 else f"{value:,}"


def with_changes(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [
        [*row, printed(figure(row[1]) - figure(row[2]))] if len(row) > 2 and row[1].strip() else [*row, ""]
        for row in rows
    ]


def with_growth(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    out = []
    for row in rows:
        if len(row) > 2 and row[1].strip():
            before = figure(row[2])
            growth = (figure(row[1]) - before) / abs(before) * 100
            out.append([*row, f"{growth.quantize(Decimal('0.1'))}%"])
        else:
            out.append([*row, ""])
    return out


def income(header: str, rows: list[list[str]]) -> JoinedTable:
    return printed_table([[*INCOME[0], header], *rows], above=INCOME_ABOVE)


def of(checks: Sequence[Check], name: str) -> list[Check]:
    return [check for check in checks if check.check == name]


@pytest.mark.parametrize(
    "header", ["Change", "$ Change", "Increase (decrease)", "2023 vs. 2022", "Veränderung"]
)
def test_changes_are_held_against_both_years(header: str) -> None:
    facts, checks = read(income(header, with_changes(MONEY)))
    found = of(checks, "change")
    valued = [row for row in MONEY if row[1].strip()]
    assert Counter(c.status for c in found) == {"pass": len(valued)}
    sales = next(c for c in found if c.detail.startswith("Net sales"))
    assert sales.actual == sales.expected == (figure(MONEY[0][1]) - figure(MONEY[0][2])) * 10**6
    assert (sales.column, sales.tolerance) == (3, Decimal(10**6))
    assert "2023-12-31 (12 months) − 2022-12-31 (12 months)" in sales.detail
    assert {f.period_end.year for f in facts if f.period_end} == {2023, 2022}
    assert {f.col for f in facts} == {1, 2}  # a change is no fact


def test_a_wrong_change_accuses_only_figures_that_nothing_confirms() -> None:
    rows = with_changes(MONEY)
    rows[0][3] = "777"  # net sales, which the gross profit confirms
    facts, checks = read(income("Change", rows))
    assert Counter(c.status for c in of(checks, "change"))["fail"] == 1
    assert not any(f.needs_review for f in facts)


def test_a_misread_figure_that_no_total_holds_is_found_by_its_change() -> None:
    rows = [
        ["Dividends received", "120", "100", "20"],
        ["Gains on disposal", "58", "50", "3"],
        *with_changes(MONEY),
    ]
    facts, checks = read(
        printed_table(
            [[*INCOME[0], "Change"], *rows], above=INCOME_ABOVE, source="ocr", grounding="unavailable"
        )
    )
    failed = [c for c in of(checks, "change") if c.status == "fail"]
    assert [(c.actual, c.expected) for c in failed] == [(Decimal(3 * 10**6), Decimal(8 * 10**6))]
    accused = {
        f.raw_text: f.review_reason or "" for f in facts if "Gains on disposal" in (f.review_reason or "")
    }
    assert "58" in accused and "53,000,000 here would mend it" in accused["58"]


def test_growth_is_held_within_the_rounding_of_all_three_figures() -> None:
    _, checks = read(income("% change", with_growth(MONEY)))
    found = of(checks, "percent")
    assert Counter(c.status for c in found) == {"pass": len([r for r in MONEY if r[1].strip()])}
    sales = next(c for c in found if c.detail.startswith("Net sales"))
    assert sales.actual is not None and sales.expected is not None and sales.tolerance is not None
    assert abs(sales.actual - sales.expected) <= sales.tolerance < Decimal("0.2")


def test_wrong_growth_fails() -> None:
    rows = with_growth(MONEY)
    rows[0][3] = "91.0%"
    _, checks = read(income("% change", rows))
    assert [c.actual for c in of(checks, "percent") if c.status == "fail"] == [Decimal("91.0")]


def test_shares_of_a_base_row_are_found_without_its_name() -> None:
    assets = figure(BALANCE[-1][1])
    rows = [
        [*row, f"{(figure(row[1]) / assets * 100).quantize(Decimal('0.1'))}%"]
        if row[1].strip()
        else [*row, ""]
        for row in BALANCE[1:]
    ]
    table = printed_table([[*BALANCE[0], "% of total"], *rows], above=BALANCE_ABOVE)
    facts, checks = read(table)
    found = of(checks, "percent")
    assert len(found) == sum(bool(row[1].strip()) for row in BALANCE[1:])
    assert {c.status for c in found} == {"pass"}
    assert {f.col for f in facts} == {1, 2}


def test_percentages_beside_each_year_without_a_header_are_no_period() -> None:
    sales = [figure(MONEY[0][i]) for i in (1, 2)]
    rows = [["", "2023", "", "2022", ""]]
    for row in MONEY:
        if not row[1].strip():
            rows.append([row[0], "", "", "", ""])
            continue
        shares = [f"{(figure(row[i]) / sales[i - 1] * 100).quantize(Decimal('0.1'))}%" for i in (1, 2)]
        rows.append([row[0], row[1], shares[0], row[2], shares[1]])
    facts, checks = read(printed_table(rows, above=[*INCOME_ABOVE, "(In millions)"]))
    assert {(f.col, f.period_end.year) for f in facts if f.period_end} == {(1, 2023), (3, 2022)}
    assert not any(f.needs_review for f in facts)
    assert {c.column for c in of(checks, "percent")} == {2, 4}
    assert {c.status for c in of(checks, "percent")} == {"pass"}


def test_a_column_that_nothing_bears_out_cannot_be_evaluated() -> None:
    rows = [[*row, str(n * 37 + 5)] if row[1].strip() else [*row, ""] for n, row in enumerate(MONEY)]
    facts, checks = read(income("Change", rows))
    assert {c.status for c in of(checks, "change")} == {"not_evaluable"}
    assert not any(f.needs_review for f in facts)


def test_better_or_worse_turns_the_sign_of_expenses() -> None:
    rows = with_changes(MONEY)
    turned = [
        r
        for r in rows
        if "expense" in r[0].casefold() or "cost" in r[0].casefold() or "marketing" in r[0].casefold()
    ]
    for row in turned:
        if row[3]:
            row[3] = printed(-figure(row[3]))
    _, checks = read(income("Better (worse)", rows))
    assert "fail" not in {c.status for c in of(checks, "change")}
    assert sum(c.status == "not_evaluable" for c in of(checks, "change")) >= 2
