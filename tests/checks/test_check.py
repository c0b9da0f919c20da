"""Statements and facts → checks: what holds, and what no longer does once a row is gone, columns change places, a scale slips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.checks.arithmetic import Sum
from extractors.checks.check import (
    adds_exactly,
    check_statements,
    check_sums,
    completeness,
    evidence_by_place,
    find_findings,
    ledger_sums,
)
from extractors.checks.ledger import open_ledger
from extractors.facts import state_facts
from extractors.statements.statement import Statement, find_statements
from schemas.page import JoinedTable, Line
from schemas.records import Check, Fact
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

Rows = list[list[str]]
LEAVES = [5, 6, 9, 11]  # rows of INCOME that one sum each takes in
LINES = [2, 3, 5, 6, 9, 10, 12, 14, 15]  # rows of BALANCE between its totals
TOTALS = [4, 7, 11, 13, 16, 17]


def stated(*tables: JoinedTable) -> tuple[tuple[Statement, ...], tuple[Fact, ...]]:
    statements = find_statements(tables, readings_of(*tables))
    return statements, tuple(fact for statement in statements for fact in state_facts(statement))


def checked(
    rows: Sequence[Sequence[str]], above: Sequence[str], **how: str
) -> tuple[tuple[Fact, ...], tuple[Check, ...]]:
    return check_statements(*stated(printed_table(rows, above=above, **how)))  # type: ignore[arg-type]


def failed(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.status == "fail"]


def altered(rows: Sequence[Sequence[str]], change: Callable[[Rows], None]) -> Rows:
    copy = [list(row) for row in rows]
    change(copy)
    return copy


def test_every_total_of_sound_statements_is_checked_in_both_periods() -> None:
    _, checks = check_statements(*stated(*three_statements()))
    assert failed(checks) == []
    totals = {(c.table_id, c.detail.partition(" = ")[0]) for c in checks if c.check == "total"}
    assert totals == {
        ("income", "Gross profit"), ("income", "Total operating expenses"), ("income", "Operating income"),
        ("income", "Income before income taxes"), ("income", "Net income"),
        ("balance", "Total current assets"), ("balance", "Total assets"), ("balance", "Total current liabilities"),
        ("balance", "Total liabilities"), ("balance", "Total equity"), ("balance", "Total liabilities and equity"),
        ("cash", "Net cash provided by operating activities"), ("cash", "Net cash used in investing activities"),
        ("cash", "Net cash used in financing activities"), ("cash", "Net increase in cash and cash equivalents"),
        ("cash", "Cash and cash equivalents at end of year"),
    }  # fmt: skip
    assert all(
        sum(c.check == "total" and c.detail == d for c in checks) == 2
        for d in {c.detail for c in checks if c.check == "total"}
    )
    gross = next(c for c in checks if c.detail.startswith("Gross profit = "))
    assert (gross.detail, gross.expected, gross.actual) == (
        "Gross profit = Net sales − Cost of sales", Decimal(400 * 10**6), Decimal(400 * 10**6),
    )  # fmt: skip


def test_facts_come_back_in_order_with_their_outcome_and_nothing_else_changed() -> None:
    statements, facts = stated(*three_statements())
    judged, _ = check_statements(statements, facts)
    kept = {"check_status", "confidence", "needs_review", "review_reason"}
    assert [f.model_dump(exclude=kept) for f in judged] == [f.model_dump(exclude=kept) for f in facts]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(LINES[:-1])
)  # without retained earnings, total equity still is assets less liabilities
def test_a_row_that_is_gone_fails_the_total_that_took_it_in(row: int) -> None:
    _, checks = checked(altered(BALANCE, lambda rows: rows.__delitem__(row)), BALANCE_ABOVE)
    assert any(c.check == "total" for c in failed(checks))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(LINES + TOTALS))
def test_two_columns_exchanged_in_one_row_fail(row: int) -> None:
    def swap(rows: Rows) -> None:
        rows[row][1], rows[row][2] = rows[row][2], rows[row][1]

    facts, checks = checked(altered(BALANCE, swap), BALANCE_ABOVE)
    same = BALANCE[row][1] == BALANCE[row][2]
    assert bool(failed(checks)) != same
    label = BALANCE[row][0].strip()
    assert all(f.needs_review for f in facts if f.label == label) != same


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([2, 3, 5]), st.sampled_from([1, 2]))
def test_a_figure_of_another_scale_fails(row: int, col: int) -> None:
    def enlarge(rows: Rows) -> None:
        rows[row][col] += ",000"

    facts, checks = checked(altered(BALANCE, enlarge), BALANCE_ABOVE)
    assert failed(checks)
    (wrong,) = [f for f in facts if f.label == BALANCE[row][0] and f.col == col]
    assert wrong.check_status == "fail" and wrong.needs_review


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(LEAVES), st.sampled_from([1, 2]), st.integers(0, 9))
def test_any_other_digit_in_a_row_that_a_sum_takes_in_is_flagged(row: int, col: int, digit: int) -> None:
    text = INCOME[row][col]
    at = max(i for i, letter in enumerate(text) if letter.isdigit())
    if text[at] == str(digit):
        return
    rows = altered(INCOME, lambda rows: rows[row].__setitem__(col, text[:at] + str(digit) + text[at + 1 :]))
    facts, checks = checked(rows, INCOME_ABOVE, source="ocr", grounding="unavailable")
    assert failed(checks)
    label = INCOME[row][0].strip()
    (wrong,) = [f for f in facts if f.label == label and f.col == col]
    assert wrong.needs_review


def test_a_last_digit_that_only_ocr_vouches_for_gets_no_room_where_all_else_is_exact() -> None:
    rows = altered(INCOME, lambda rows: rows[5].__setitem__(1, "101"))
    read, checks = checked(rows, INCOME_ABOVE, source="ocr", grounding="unavailable")
    assert [c.tolerance for c in failed(checks)] == [Decimal(0)]
    assert next(f for f in read if f.raw_text == "101").needs_review
    printed, checks = checked(rows, INCOME_ABOVE)  # the page's own text may round
    assert failed(checks) == [] and not next(f for f in printed if f.raw_text == "101").needs_review


def test_adding_exactly_takes_several_sums() -> None:
    exact, near = (Sum(2, (0, 1), (1, 1), (Decimal(0), Decimal(off))) for off in (0, 1))
    assert not adds_exactly([exact, exact])  # four are too few to know
    assert adds_exactly([exact, exact, exact])
    assert adds_exactly([exact] * 4 + [near]) and not adds_exactly([exact, near, near])


def test_a_figure_that_can_be_read_otherwise_is_mended_and_flagged() -> None:
    rows = altered(BALANCE, lambda rows: rows[5].__setitem__(1, "3O0"))
    facts, checks = checked(rows, BALANCE_ABOVE, source="ocr", grounding="unavailable")
    assert failed(checks) == []
    (mended,) = [f for f in facts if f.raw_text == "3O0"]
    assert (mended.value, mended.reading, mended.needs_review) == (Decimal(300 * 10**6), "mended", True)
    assert sum(f.needs_review for f in facts) == 1


def test_what_the_page_itself_prints_is_never_mended() -> None:
    rows = altered(BALANCE, lambda rows: rows[5].__setitem__(1, "(300)"))
    facts, checks = checked(rows, BALANCE_ABOVE)
    (printed,) = [f for f in facts if f.raw_text == "(300)"]
    assert (printed.value, printed.reading) == (Decimal(-300 * 10**6), "text_layer")
    assert failed(checks) and printed.needs_review


def test_a_total_that_nothing_adds_up_to_is_named() -> None:
    def spoil(rows: Rows) -> None:
        rows[4][1:] = ["777", "888"]

    _, checks = checked(altered(BALANCE, spoil), BALANCE_ABOVE)
    assert "Total current assets: no rows above it add up to it" in {c.detail for c in failed(checks)}


def test_look_alikes_are_not_checked() -> None:
    tables = printed_table(INCOME, above=["SELECTED FINANCIAL DATA", "Years ended December 31,"])
    statements, facts = stated(tables)
    assert not any(s.primary for s in statements)
    assert check_statements(statements, facts) == ((), ())


def test_a_number_printed_in_none_of_the_rows_is_named() -> None:
    table = printed_table(BALANCE, above=BALANCE_ABOVE)
    left = tuple(Line(text=str(n), box=printed_line("9", 120).box) for n in range(100, 110))
    fragment = table.fragments[0].model_copy(update={"unclaimed": left})
    (sound,) = completeness(stated(table)[0])
    (torn,) = completeness(stated(table.model_copy(update={"fragments": (fragment,)}))[0])
    assert (sound.check, sound.status, sound.actual) == ("completeness", "pass", Decimal(0))
    assert (torn.status, torn.expected, torn.actual) == ("fail", Decimal(0), Decimal(10))
    assert (
        torn.detail
        == "printed inside the table, but in none of its rows: 100, 101, 102, 103, 104, 105, 106, 107 …"
    )


def test_findings_name_the_facts_that_a_total_is_made_of() -> None:
    statements, facts = stated(printed_table(BALANCE, above=BALANCE_ABOVE))
    places = {(f.table_id, f.row, f.col): f for f in facts}
    behind = evidence_by_place(statements)
    assert set(behind.values()) == {"printed"} and set(behind) == set(places)
    findings = find_findings(statements, places, behind)
    current = next(
        f for f in findings if f.check.detail.startswith("Total current assets") and f.check.column == 1
    )
    assert [(fact.label, sign) for fact, sign in current.facts] == [
        ("Total current assets", -1), ("Cash and cash equivalents", 1), ("Accounts receivable, net", 1),
    ]  # fmt: skip
    assert current.off == 0


@pytest.mark.parametrize(("exact", "room"), [(True, Decimal(0)), (False, Decimal(1_500_000))])
def test_room_for_rounding(exact: bool, room: Decimal) -> None:
    statements, facts = stated(printed_table(CASH, above=CASH_ABOVE))
    ledger = open_ledger(statements[0], {(f.table_id, f.row, f.col): f for f in facts})
    findings = check_sums(ledger, ledger_sums(ledger), exact, frozenset())
    two = next(
        f for f in findings if f.check.detail.startswith("Net cash used in financing activities = Repayments")
    )
    assert two.check.tolerance == room


@pytest.mark.parametrize(("figure", "fails"), [("215", False), ("251", True)])
def test_a_total_printed_again_needs_no_rows_of_its_own(figure: str, fails: bool) -> None:
    def spoil(rows: Rows) -> None:
        rows[13:14] = [["Net cash provided by operating activities", figure, "185"],
                       ["Net cash used in investing activities", "(60)", "(70)"], ["Net cash used in financing activities", "(135)", "(105)"]]  # fmt: skip

    _, checks = checked(altered(CASH, spoil), CASH_ABOVE)
    assert bool(failed(checks)) is fails
