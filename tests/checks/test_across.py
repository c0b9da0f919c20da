"""Rows of equity statements that add up across: nested totals, totals that stand first, nil and missing components."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from extractors.checks.check import check_statements
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.records import Check, Fact
from tests.printed import printed_table, readings_of

ABOVE = ["CONSOLIDATED STATEMENTS OF CHANGES IN EQUITY", "(In thousands)"]
HEADS = [
    "",
    "Share capital",
    "Foreign exchange reserve",
    "Retained earnings",
    "Total shareholders' equity",
    "Non-controlling interests",
    "Total equity",
]
ROWS = [
    ["Balance at December 31, 2020", "1,000", "127", "4,310", "5,437", "211", "5,648"],
    ["Profit for the year", "—", "—", "640", "640", "33", "673"],
    ["Currency translation", "—", "(61)", "—", "(61)", "(7)", "(68)"],
    ["Dividends paid", "—", "—", "(150)", "(150)", "(12)", "(162)"],
    ["Issue of shares", "75", "—", "420", "495", "—", "495"],
    ["Balance at December 31, 2021", "1,075", "66", "5,220", "6,361", "225", "6,586"],
    ["Profit for the year", "—", "—", "702", "702", "41", "743"],
    ["Currency translation", "—", "252", "—", "252", "18", "270"],
    ["Dividends paid", "—", "—", "(163)", "(163)", "(14)", "(177)"],
    ["Balance at December 31, 2022", "1,075", "318", "5,759", "7,152", "270", "7,422"],
]


def read(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[tuple[Fact, ...], list[Check]]:
    table = printed_table([heads, *rows], above=ABOVE)
    statements = find_statements((table,), readings_of(table))
    facts, checks = check_statements(statements, [f for s in statements for f in state_facts(s)])
    return facts, [c for c in checks if c.check == "cross_total"]


def picked(cols: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    return [HEADS[c] for c in cols], [[row[c] for c in cols] for row in ROWS]


def test_totals_nest() -> None:
    facts, checks = read(HEADS, ROWS)
    assert Counter((c.column, c.status) for c in checks) == {(4, "pass"): 10, (6, "pass"): 10}
    last = next(c for c in checks if c.column == 6 and c.detail.startswith("Balance at December 31, 2022"))
    assert (last.expected, last.actual) == (Decimal(7_422_000), Decimal(7_422_000))
    assert last.detail.endswith("total = Total shareholders' equity + Non-controlling interests")
    assert not any(f.needs_review for f in facts)


def test_an_exchange_reserve_is_a_component() -> None:
    facts, _ = read(HEADS, ROWS)
    reserve = [
        f.value
        for f in facts
        if f.label_path[0] == "Foreign exchange reserve" and f.label == "Currency translation"
    ]
    assert reserve == [Decimal(-61_000), Decimal(252_000)]


def test_totals_may_stand_first() -> None:
    _, checks = read(*picked([0, 4, 1, 2, 3]))
    assert Counter((c.column, c.status) for c in checks) == {(1, "pass"): 10}


def test_a_column_that_was_not_read_is_told_without_accusing_figures() -> None:
    facts, checks = read(*picked([0, 1, 3, 4]))
    statuses = Counter(c.status for c in checks)
    assert (statuses["fail"], statuses["not_evaluable"]) == (1, 5)
    (lost,) = [c for c in checks if c.status == "fail"]
    assert "a component is missing among Share capital + Retained earnings" in lost.detail
    assert not any("total =" in (f.review_reason or "") for f in facts)


def test_a_wrong_figure_is_accused() -> None:
    rows = [list(row) for row in ROWS]
    rows[4][3] = "429"  # 420 as printed
    facts, checks = read(HEADS, rows)
    failed = [c for c in checks if c.status == "fail"]
    assert [(c.expected, c.actual) for c in failed] == [(Decimal(504_000), Decimal(495_000))]
    assert {f.raw_text for f in facts if f.needs_review} == {"429"}
