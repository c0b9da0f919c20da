"""Statements → facts: base units, doubts that stand before any check, and what look-alikes give."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from decimal import Decimal

import pytest

from extractors.facts import DECIMALS, base_value, state_facts
from extractors.statements.lostpoints import POINT_LOST
from extractors.statements.statement import Statement, Value, find_statements
from schemas.amount import parse_amount
from schemas.box import Box
from schemas.page import JoinedTable
from schemas.records import Source
from tests.printed import INCOME, INCOME_ABOVE, printed_table, readings_of


def statement_of(table: JoinedTable) -> Statement:
    (statement,) = find_statements((table,), readings_of(table))
    return statement


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [
        ("1,234", 1000, "1234000"), ("(1.5)", 10**6, "-1500000"), ("—", 10**6, "0"), ("12.5%", 1000, "12.5"), ("3.2 million", 1000, "3200000"),
        ("1.5x", 1000, "1.5"), ("1,234", None, "1234"),
    ],
)  # fmt: skip
def test_base_units(text: str, scale: int | None, value: str) -> None:
    assert base_value(parse_amount(text), scale) == Decimal(value)


def test_what_decimal128_cannot_hold_has_no_value() -> None:
    assert base_value(parse_amount("1.1234567891"), 1) is None
    assert base_value(None, 1000) is None


def test_facts_stand_in_printed_order_with_their_place() -> None:
    facts = state_facts(statement_of(printed_table(INCOME, above=INCOME_ABOVE)))
    assert [(f.label, f.raw_text, f.value) for f in facts[:2]] == [
        ("Net sales", "$ 1,000", Decimal(10**9)),
        ("Net sales", "$ 900", Decimal(9 * 10**8)),
    ]
    assert facts[0].fact_id == "t1-r0001-c01"
    assert all(f.check_status == "not_evaluable" and not f.needs_review for f in facts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(600", "only one of two parentheses is printed"),
        ("6 000", "spaces split the figure: it may be two"),
        ("600 (8)", "what follows the figure may be a footnote or a second figure"),
        ("600 DR", "CR or DR beside the figure: its sign depends on the document"),
        ("6O0", "a character of the figure cannot be read"),
        ("(6.004)", "its separators are not those of the rest of the document"),
    ],
)
def test_doubts_of_a_figure_are_reasons(text: str, reason: str) -> None:
    rows = [list(row) for row in INCOME]
    rows[2][1] = text
    facts = state_facts(statement_of(printed_table(rows, above=INCOME_ABOVE)))
    (cost,) = [f for f in facts if f.label == "Cost of sales" and f.col == 1]
    assert cost.needs_review and reason in (cost.review_reason or "") or cost.value is None


@pytest.mark.parametrize(("source", "doubted"), [("ocr", True), ("text_layer", False)])
def test_figures_of_a_scan_with_three_decimals_among_whole_ones_are_in_doubt(
    source: Source, doubted: bool
) -> None:
    rows = [
        INCOME[0],
        ["Net sales", "$ 19.934", "$ 21.856"],
        ["Cost of sales", "11.478", "15.341"],
        ["Gross profit", "8.456", "6.515"],
        ["Selling and marketing", "202", "274"],
        ["Operating income", "8.254", "6.241"],
        ["Basic earnings per share", "$ 12.55", "$ 10.75"],
        ["Diluted earnings per share", "$ 12.45", "$ 10.70"],
    ]
    facts = state_facts(statement_of(printed_table(rows, above=INCOME_ABOVE, source=source)))
    thousandths = [f for f in facts if "." in f.raw_text and len(f.raw_text.rpartition(".")[2]) == 3]
    assert {f.needs_review for f in thousandths} == {doubted}
    assert {f.needs_review for f in facts if f not in thousandths} == {False}


@pytest.mark.parametrize(("source", "doubted"), [("ocr", True), ("text_layer", False)])
def test_a_scanned_figure_of_a_share_without_the_others_point_is_in_doubt(
    source: Source, doubted: bool
) -> None:
    rows = [list(row) for row in INCOME]
    at = next(i for i, row in enumerate(rows) if row[0] == "  Basic")
    rows[at][1] = "$ 180"
    facts = state_facts(statement_of(printed_table(rows, above=INCOME_ABOVE, source=source)))
    assert {f.raw_text for f in facts if f.review_reason == POINT_LOST} == ({"$ 180"} if doubted else set())


@pytest.mark.parametrize(("source", "doubted"), [("ocr", True), ("text_layer", False)])
def test_scanned_money_with_decimals_among_whole_amounts_is_in_doubt(source: Source, doubted: bool) -> None:
    rows = [list(row) for row in INCOME]
    at = next(i for i, row in enumerate(rows) if row[0] == "Earnings per share:")
    rows[at][0] = "Fnings pr shae:"
    facts = state_facts(statement_of(printed_table(rows, above=INCOME_ABOVE, source=source)))
    assert {f.raw_text for f in facts if f.review_reason == DECIMALS} == (
        {"$ 1.80", "$ 1.56", "$ 1.76", "$ 1.53"} if doubted else set()
    )


def test_earnings_in_pence_are_given_as_printed_and_in_no_currency() -> None:
    above = ["Consolidated income statement", "£ million, except per share data"]
    rows = [["", "2023", "2022"], *INCOME[1:], ["Basic earnings per share", "12.4 pence", "(11.2p)"]]
    facts = state_facts(statement_of(printed_table(rows, above=above)))
    pence = [f for f in facts if f.label == "Basic earnings per share"]
    assert [(f.value, f.scale, f.currency) for f in pence] == [
        (Decimal("12.4"), 1, None),
        (Decimal("-11.2"), 1, None),
    ]
    assert {f.currency for f in facts if f.label == "Net sales"} == {"GBP"}


def test_values_of_a_row_whose_label_the_page_shows_otherwise_are_flagged() -> None:
    table = printed_table(INCOME, above=INCOME_ABOVE)
    cells = tuple(
        c.model_copy(update={"grounding": "mismatch"}) if c.text == "Cost of sales" else c
        for c in table.cells
    )
    facts = state_facts(statement_of(table.model_copy(update={"cells": cells})))
    assert {f.label for f in facts if f.needs_review} == {"Cost of sales"}


@pytest.mark.parametrize(("confidence", "doubted"), [(0.45, {"Cost of sales"}), (0.55, set())])
def test_values_of_a_row_whose_label_was_hardly_read_are_flagged(
    confidence: float, doubted: set[str]
) -> None:
    table = printed_table(INCOME, above=INCOME_ABOVE, source="ocr")
    cells = tuple(
        c.model_copy(update={"confidence": confidence, "grounding": "unavailable"})
        if c.text == "Cost of sales"
        else c
        for c in table.cells
    )
    facts = state_facts(statement_of(table.model_copy(update={"cells": cells})))
    assert {f.label for f in facts if f.needs_review} == doubted


def test_values_of_a_column_whose_header_the_page_shows_otherwise_are_flagged() -> None:
    table = printed_table(INCOME, above=INCOME_ABOVE)
    cells = tuple(
        c.model_copy(update={"grounding": "mismatch"}) if c.text == "2022" else c for c in table.cells
    )
    facts = state_facts(statement_of(table.model_copy(update={"cells": cells})))
    assert {f.needs_review for f in facts if f.col == 2} == {True}
    assert {f.needs_review for f in facts if f.col == 1} == {False}


@pytest.mark.parametrize(
    ("other", "doubted"),
    [
        ("2022 E", False),
        ("2022 *", False),
        ("2023", True),
        ("2022 $ thousand", True),
        ("2O22", True),
        ("", True),
    ],
)
def test_a_header_that_two_readings_spell_otherwise_is_in_doubt_where_they_mean_otherwise(
    other: str, doubted: bool
) -> None:
    rows = [["(In millions, except per share data)", "2023", "2022 $"], *INCOME[1:]]
    table = printed_table(rows, above=INCOME_ABOVE)
    cells = tuple(
        c.model_copy(update={"grounding": "mismatch", "other_text": other}) if c.text == "2022 $" else c
        for c in table.cells
    )
    facts = state_facts(statement_of(table.model_copy(update={"cells": cells})))
    assert {f.needs_review for f in facts if f.col == 2} == {doubted}


def test_a_date_beside_the_headers_that_the_page_shows_otherwise_puts_all_periods_in_doubt() -> None:
    table = printed_table([["Year ended June 20,", *INCOME[0][1:]], *INCOME[1:]], above=INCOME_ABOVE)
    cells = tuple(
        c.model_copy(update={"grounding": "mismatch"}) if c.text.startswith("Year") else c
        for c in table.cells
    )
    contested, plain = (
        [f.review_reason or "" for f in state_facts(statement_of(t))]
        for t in (table.model_copy(update={"cells": cells}), table)
    )
    assert contested and all("another header" in reason for reason in contested)
    assert not any("another header" in reason for reason in plain)


def test_a_look_alike_states_nothing() -> None:
    statement = statement_of(printed_table(INCOME, above=INCOME_ABOVE))
    assert state_facts(replace(statement, primary=False)) == ()


OUTSIDE = "the figure stands outside its column"


def shifted(statement: Statement, rows: Container[int], by: float, page: int = 1) -> Statement:
    """The statement with the figures of some rows set `by` points farther right, on another page."""

    def moved(value: Value) -> Value:
        x0, y0, x1, y1 = value.placed.cell.box
        box = Box(x0 + by, y0, x1 + by, y1)
        cell = value.placed.cell.model_copy(update={"box": box, "value_box": box, "page": page})
        return replace(value, placed=replace(value.placed, cell=cell))

    items = (
        replace(item, values=tuple(map(moved, item.values))) if item.row in rows else item
        for item in statement.items
    )
    return replace(statement, items=tuple(items))


@pytest.mark.parametrize(("text", "outside"), [("—", False), ("600", True)])
def test_a_dash_may_be_set_in_the_middle_below_the_figures_of_its_column(text: str, outside: bool) -> None:
    rows = [list(row) for row in INCOME]
    rows[2][1] = text
    statement = shifted(statement_of(printed_table(rows, above=INCOME_ABOVE)), {2}, -20)
    reasons = {f.review_reason for f in state_facts(statement) if f.row == 2 and f.col == 1}
    assert reasons == {OUTSIDE if outside else None}


def test_a_dash_below_no_figure_of_its_column_stands_outside() -> None:
    rows = [list(row) for row in INCOME]
    rows[2][1] = "—"
    statement = shifted(statement_of(printed_table(rows, above=INCOME_ABOVE)), {2}, 20)
    assert {f.review_reason for f in state_facts(statement) if f.row == 2} == {OUTSIDE}


def test_a_column_may_stand_elsewhere_on_the_next_page() -> None:
    statement = statement_of(printed_table(INCOME, above=INCOME_ABOVE))
    assert not any(f.needs_review for f in state_facts(shifted(statement, range(8, 30), 30, page=2)))
    alone = state_facts(shifted(statement, {8}, 30, page=2))
    assert {f.row for f in alone if f.review_reason == OUTSIDE} == {8}
