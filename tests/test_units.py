"""A statement borrows its unit only from a sister that shares its figures."""

from extractors.statements import find_statements
from tests.printed import printed_table, readings_of

INCOME = [["", "2023", "2022"], ["Net sales", "10,000", "9,000"], ["Cost of sales", "6,000", "5,500"], ["Gross profit", "4,000", "3,500"],
          ["Operating income", "2,500", "2,200"], ["Provision for income taxes", "600", "520"], ["Net income", "1,900", "1,680"]]  # fmt: skip
CASH = [["", "2023", "2022"], ["Net income", "1,900", "1,680"], ["Net cash provided by operating activities", "2,150", "1,850"],
        ["Net cash used in investing activities", "(600)", "(700)"], ["Net cash used in financing activities", "(1,350)", "(1,050)"],
        ["Net increase in cash", "200", "100"], ["Cash at end of year", "1,200", "1,000"]]  # fmt: skip
YEARS = "Years ended December 31,"


def scales(cash: list[list[str]]) -> list[tuple[int | None, str | None]]:
    first = printed_table(INCOME, above=["STATEMENTS OF INCOME", YEARS], page=1, table_id="income")
    second = printed_table(
        cash, above=["STATEMENTS OF CASH FLOWS", "(In thousands)", YEARS], page=2, table_id="cash"
    )
    return [(s.scale, s.unit_text) for s in find_statements((first, second), readings_of(first, second))]


def test_shared_figures_prove_the_unit() -> None:
    assert scales(CASH) == [
        (1000, "(In thousands) (as in STATEMENTS OF CASH FLOWS)"),
        (1000, "(In thousands)"),
    ]


def test_other_figures_prove_nothing() -> None:
    other = [CASH[0], ["Net income", "1,901", "1,681"], *CASH[2:]]
    assert scales(other) == [(None, None), (1000, "(In thousands)")]
