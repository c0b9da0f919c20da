"""A statement borrows its unit only from a sister that shares its figures."""

import pytest

from extractors.statements.statement import Statement, find_statements
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


SHEET = [["", "2023", "2022"], ["Cash and cash equivalents", "582,776", "424,381"], ["Total assets", "582,776", "424,381"],
         ["Accounts payable", "100,000", "104,512"],
         ["Common stock, $0.01 par value; 12,613,978 and 11,986,873 shares issued", "126,140", "119,869"],
         ["Retained earnings", "356,636", "200,000"], ["Total equity", "482,776", "319,869"],
         ["Total liabilities and equity", "582,776", "424,381"]]  # fmt: skip
SHEET_ABOVE = ["CONSOLIDATED BALANCE SHEETS", "December 31,"]


def sheet(rows: list[list[str]], note: str | None = None) -> Statement:
    table = printed_table(rows, above=[SHEET_ABOVE[0], *([note] if note else []), SHEET_ABOVE[1]])
    (found,) = find_statements((table,), readings_of(table))
    return found


def test_par_value_proves_a_sheet_printed_in_full() -> None:
    proven = sheet(SHEET)
    assert (
        proven.scale == 1 and proven.unit_text and proven.unit_text.startswith("par value × shares: Common")
    )
    assert {item.scale for item in proven.items if item.values} == {1}
    thousands = [list(row) for row in SHEET]
    thousands[4][1:] = ["126", "120"]
    assert sheet(thousands).scale is None
    assert sheet(SHEET, "(In thousands)").scale == 1000  # what is printed comes first


EQUITY = [["", "Shares", "Amount", "Additional paid-in capital", "Retained earnings", "Total equity"],
          ["Balance at December 31, 2022", "11,986,873", "120", "1,200", "2,000", "3,320"],
          ["Issue of shares", "627,105", "6", "800", "—", "806"],
          ["Net income", "—", "—", "—", "1,567", "1,567"],
          ["Balance at December 31, 2023", "12,613,978", "126", "2,000", "3,567", "5,693"]]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "scale"),
    [("Common stock, 12,613,978 and 11,986,873 shares issued", 1), ("Common stock", None)],
)
def test_shared_amounts_say_nothing_of_numbers_of_shares(label: str, scale: int | None) -> None:
    rows = [["", "2023", "2022"], ["Cash", "6,693", "4,320"], ["Total assets", "6,693", "4,320"], ["Accounts payable", "1,000", "1,000"],
            [label, "126", "120"], ["Additional paid-in capital", "2,000", "1,200"], ["Retained earnings", "3,567", "2,000"],
            ["Total equity", "5,693", "3,320"], ["Total liabilities and equity", "6,693", "4,320"]]  # fmt: skip
    first = printed_table(
        rows, above=[SHEET_ABOVE[0], "(In thousands)", SHEET_ABOVE[1]], page=1, table_id="sheet"
    )
    second = printed_table(
        EQUITY, above=["CONSOLIDATED STATEMENTS OF CHANGES IN EQUITY"], page=2, table_id="equity"
    )
    found = {s.kind: s for s in find_statements((first, second), readings_of(first, second))}
    equity = found["equity_statement"]
    assert equity.scale == 1000
    assert [c.share_scale for c in equity.columns if c.counts_shares] == [scale]
