"""Days that statements of a scan name: what most of them say stands, what one says alone is in doubt."""

from __future__ import annotations

from datetime import date

from extractors.checks.dates import OTHER_DAY, with_doubted_days
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.records import Fact, Source
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


def facts_of(income_above: list[str], source: Source = "ocr", *, cash: bool = True) -> list[Fact]:
    tables = [
        printed_table(INCOME, above=income_above, page=1, table_id="income", source=source),
        printed_table(BALANCE, above=BALANCE_ABOVE, page=2, table_id="balance", source=source),
    ]
    if cash:
        tables.append(printed_table(CASH, above=CASH_ABOVE, page=3, table_id="cash", source=source))
    return [f for s in find_statements(tables, readings_of(*tables)) for f in state_facts(s)]


MISREAD = [*INCOME_ABOVE[:2], "Years ended December 11,"]


def doubted(facts: list[Fact]) -> set[tuple[str, date | None]]:
    return {
        (f.table_id, f.period_end) for f in with_doubted_days(facts) if OTHER_DAY in (f.review_reason or "")
    }


def test_the_day_that_one_statement_of_three_names_is_in_doubt() -> None:
    assert doubted(facts_of(MISREAD)) == {("income", date(2023, 12, 11)), ("income", date(2022, 12, 11))}


def test_all_are_in_doubt_where_two_statements_contradict_each_other() -> None:
    tables = {table for table, _ in doubted(facts_of(MISREAD, cash=False))}
    assert tables == {"income", "balance"}


def test_nothing_is_in_doubt_where_they_agree_or_a_text_layer_says_so() -> None:
    assert doubted(facts_of(INCOME_ABOVE)) == set()
    assert doubted(facts_of(MISREAD, "text_layer")) == set()
