"""Numbers printed inside a table that none of its cells holds, and the check that names them."""

from __future__ import annotations

from decimal import Decimal

from extractors.checks.check import check_statements
from extractors.checks.unclaimed import with_unclaimed
from extractors.facts import state_facts
from extractors.statements.statement import find_statements
from schemas.box import Box
from schemas.page import JoinedTable, TableFragment, Word
from tests.printed import INCOME, INCOME_ABOVE, printed_table, readings_of


def words_of(table: JoinedTable) -> list[Word]:
    return [Word(cell.text, cell.box, cell.row) for cell in table.cells]


def without_row(table: JoinedTable, row: int) -> JoinedTable:
    """The table as a reader gives it that has dropped one row."""
    (fragment,) = table.fragments
    kept = tuple(cell for cell in table.cells if cell.row != row)
    shorter: TableFragment = fragment.model_copy(update={"cells": kept})
    return table.model_copy(update={"cells": kept, "fragments": with_unclaimed([shorter], words_of(table))})


def test_a_whole_table_leaves_nothing() -> None:
    table = printed_table(INCOME, above=INCOME_ABOVE)
    (fragment,) = with_unclaimed(table.fragments, words_of(table))
    assert fragment.unclaimed == ()


def test_the_numbers_of_a_dropped_row_are_found_and_fail_the_check() -> None:
    table = without_row(printed_table(INCOME, above=INCOME_ABOVE), 6)  # a row under a total
    assert [line.text for line in table.fragments[0].unclaimed] == ["50", "40"]
    statements = find_statements([table], readings_of(table))
    _, checks = check_statements(statements, tuple(f for s in statements for f in state_facts(s)))
    (check,) = [c for c in checks if c.check == "completeness"]
    assert (check.status, check.actual) == ("fail", Decimal(2))
    assert check.detail == "printed inside the table, but in none of its rows: 50, 40"


def test_words_outside_the_table_and_raised_marks_are_not_missed() -> None:
    table = printed_table(INCOME, above=INCOME_ABOVE)
    frame = table.fragments[0].box
    beside = Word("17", Box(frame.x1 + 20, frame.y0, frame.x1 + 30, frame.y0 + 9), 0)
    raised = Word("¹", Box(frame.x1 - 200, frame.y0, frame.x1 - 196, frame.y0 + 4), 0)
    (fragment,) = with_unclaimed(table.fragments, [*words_of(table), beside, raised])
    assert fragment.unclaimed == ()
