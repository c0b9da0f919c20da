"""Columns of one date: a total and its named parts, and columns that are dated alike by mistake."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from extractors.checks.check import check_statements
from extractors.facts import state_facts
from extractors.statements.statement import Statement, find_statements
from schemas.records import Check, Fact
from tests.printed import printed_table, readings_of

ABOVE = ["Statement of Comprehensive Income", "For the year ended 31 March 2022"]
HEADS = [
    "",
    *(
        f"Year ended 31 March {y} {part} £’000"
        for y in (2022, 2021)
        for part in ("Revenue", "Capital", "Total")
    ),
]
ROWS = [
    ["Gains on investments", "-", "11,731", "11,731", "-", "25,747", "25,747"],
    ["Income", "1,996", "-", "1,996", "1,815", "-", "1,815"],
    ["Management fee", "(276)", "(413)", "(689)", "(275)", "(412)", "(687)"],
    ["Administrative expenses", "(353)", "(6)", "(359)", "(423)", "(14)", "(437)"],
    ["Profit before taxation", "1,367", "11,312", "12,679", "1,117", "25,321", "26,438"],
    ["Taxation", "(200)", "-", "(200)", "(181)", "-", "(181)"],
    ["Profit for the year", "1,167", "11,312", "12,479", "936", "25,321", "26,257"],
]


def read(heads: list[str], rows: list[list[str]]) -> tuple[Statement, tuple[Fact, ...], list[Check]]:
    table = printed_table([heads, *rows], above=ABOVE)
    (statement,) = find_statements((table,), readings_of(table))
    facts, checks = check_statements((statement,), state_facts(statement))
    return statement, facts, [c for c in checks if c.check == "cross_total"]


def test_parts_that_add_up_to_a_total_keep_their_date_and_are_named() -> None:
    statement, facts, checks = read(HEADS, ROWS)
    assert [c.component for c in statement.columns] == ["Revenue", "Capital", None] * 2
    assert [c.part_of for c in statement.columns] == [2, 2, None, 5, 5, None]
    assert {c.period.end for c in statement.columns} == {date(2022, 3, 31), date(2021, 3, 31)}
    profit = [f for f in facts if f.label == "Profit for the year" and f.period_end == date(2022, 3, 31)]
    assert [(f.label_path, f.value) for f in profit] == [
        (("Revenue",), Decimal(1_167_000)),
        (("Capital",), Decimal(11_312_000)),
        ((), Decimal(12_479_000)),
    ]
    assert [bool(f.concept) for f in profit] == [False, False, True]
    assert [c.status for c in checks] == ["pass"] * 14
    assert not any(f.needs_review for f in facts)


def test_a_figure_that_does_not_add_up_across_is_accused() -> None:
    rows = [list(row) for row in ROWS]
    rows[2][2] = "(443)"  # (413) as printed
    _, facts, checks = read(HEADS, rows)
    assert [c.detail for c in checks if c.status == "fail"] == ["Management fee: total = Revenue + Capital"]
    assert {f.raw_text for f in facts if f.needs_review} == {"(443)"}


def test_columns_of_one_date_that_add_up_to_none_of_them_lose_it() -> None:
    rows = [[*row[:3], row[4], *row[4:]] for row in ROWS]  # a total that is another column's
    statement, facts, _ = read(HEADS, rows)
    assert [c.component for c in statement.columns] == [None] * 3 + ["Revenue", "Capital", None]
    assert [c.period.end for c in statement.columns[:3]] == [None] * 3
    assert all(f.needs_review for f in facts if f.col <= 3)


def test_columns_without_names_of_their_own_are_no_parts() -> None:
    heads = ["", *["Year ended 31 March 2022 £’000"] * 3]
    statement, _, _ = read(heads, [row[:4] for row in ROWS])
    assert [(c.period.end, c.component) for c in statement.columns] == [(None, None)] * 3


def test_a_component_headed_with_a_currency_sign_is_money_and_a_row_of_notes_no_line_item() -> None:
    rows = [
        ["", "Ordinary shares £", "Retained earnings £", "Total equity £"],
        ["Balance at 1 January 2022", "76,113,180", "16,537,575", "92,650,755"],
        ["Loss for the year", "-", "(924,809)", "(924,809)"],
        ["Balance at 31 December 2022", "76,113,180", "15,612,766", "91,725,946"],
        ["Note", "10", "11", ""],
    ]
    table = printed_table(rows, above=["Statement of changes in equity"])
    statements = find_statements((table,), readings_of(table))
    facts, checks = check_statements(statements, state_facts(statements[0]))
    assert [c.counts_shares for c in statements[0].columns] == [False] * 3
    assert [c.status for c in checks if c.check == "cross_total"] == ["pass"] * 3
    assert {f.currency for f in facts} == {"GBP"} and "Note" not in {f.label for f in facts}
