"""Joined tables as a page would print them, from rows of text: for tests of what reads tables."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.box import Box, union
from schemas.page import JoinedTable, Line, PageReading, ReadCell, TableFragment
from schemas.records import Grounding, Source

LETTER = 5.0  # points a letter is wide
PITCH = 12.0  # points between two rows
LEFT = 50.0  # points: where labels start
FIRST_EDGE, EDGE_STEP = 380.0, 60.0  # points: right edges of the value columns


def printed_table(
    rows: Sequence[Sequence[str]],
    *,
    above: Sequence[str] = (),
    below: Sequence[str] = (),
    header_rows: int = 1,
    page: int = 1,
    top: float = 100.0,
    table_id: str = "t1",
    source: Source = "text_layer",
    grounding: Grounding = "exact",
    confidence: float = 1.0,
) -> JoinedTable:
    """Return a table whose first column holds labels (leading spaces indent them) and whose others are set flush right."""
    cells = []
    for number, row in enumerate(rows):
        for col, text in enumerate(row):
            if not text.strip():
                continue
            y = top + number * PITCH
            width = LETTER * len(text.strip())
            if col == 0:
                x0 = LEFT + 3 * LETTER * (len(text) - len(text.lstrip())) / 2
                box = Box(x0, y, x0 + width, y + 9)
            else:
                x1 = FIRST_EDGE + EDGE_STEP * (col - 1)
                box = Box(x1 - width, y, x1, y + 9)
            cells.append(
                ReadCell(page=page, row=number, col=col, text=text.strip(), box=box, source=source, grounding=grounding,
                         confidence=confidence, value_box=box if col and any(c.isdigit() for c in text) else None)
            )  # fmt: skip
    n_cols = max(len(row) for row in rows)
    fragment = TableFragment(page=page, box=union(c.box for c in cells), n_rows=len(rows), n_cols=n_cols,
                             n_header_rows=header_rows, cells=tuple(cells), engine="geometry")  # fmt: skip
    lines = tuple(printed_line(text, top - PITCH * (len(above) - i)) for i, text in enumerate(above))
    notes = tuple(printed_line(text, fragment.box.y1 + PITCH * (i + 1)) for i, text in enumerate(below))
    return JoinedTable(table_id=table_id, fragments=(fragment,), n_rows=len(rows), n_cols=n_cols,
                       n_header_rows=header_rows, cells=tuple(cells), above=lines, below=notes)  # fmt: skip


def printed_line(text: str, y: float) -> Line:
    """Return a line of text that starts at the left margin."""
    return Line(text=text, box=Box(LEFT, y, LEFT + LETTER * len(text), y + 9))


def readings_of(*tables: JoinedTable) -> tuple[PageReading, ...]:
    """Return the page readings that hold these tables."""
    pages = sorted({t.fragments[0].page for t in tables})
    return tuple(
        PageReading(page=page, width=612, height=792, rotation=0, text_source="text_layer",
                    fragments=tuple(f for t in tables for f in t.fragments if f.page == page))
        for page in pages
    )  # fmt: skip


INCOME = [
    ["(In millions, except per share data)", "2023", "2022"],
    ["Net sales", "$ 1,000", "$ 900"],
    ["Cost of sales", "600", "550"],
    ["Gross profit", "400", "350"],
    ["Operating expenses:", "", ""],
    ["  Selling and marketing", "100", "90"],
    ["  General and administrative", "50", "40"],
    ["    Total operating expenses", "150", "130"],
    ["Operating income", "250", "220"],
    ["Interest expense", "(10)", "(12)"],
    ["Income before income taxes", "240", "208"],
    ["Provision for income taxes", "60", "52"],
    ["Net income", "$ 180", "$ 156"],
    ["Earnings per share:", "", ""],
    ["  Basic", "$ 1.80", "$ 1.56"],
    ["  Diluted", "$ 1.76", "$ 1.53"],
    ["Weighted-average shares outstanding:", "", ""],
    ["  Basic", "100.0", "100.0"],
    ["  Diluted", "102.0", "102.0"],
]
INCOME_ABOVE = ["EXAMPLE CORP", "CONSOLIDATED STATEMENTS OF INCOME", "Years ended December 31,"]

BALANCE = [
    ["", "2023", "2022"],
    ["Assets", "", ""],
    ["Cash and cash equivalents", "$ 120", "$ 100"],
    ["Accounts receivable, net", "80", "75"],
    ["  Total current assets", "200", "175"],
    ["Property, plant and equipment, net", "300", "280"],
    ["Goodwill", "50", "50"],
    ["  Total assets", "$ 550", "$ 505"],
    ["Liabilities and equity", "", ""],
    ["Accounts payable", "$ 90", "$ 95"],
    ["Accrued expenses", "30", "25"],
    ["  Total current liabilities", "120", "120"],
    ["Long-term debt", "130", "140"],
    ["  Total liabilities", "250", "260"],
    ["Common stock, $0.01 par value per share", "1", "1"],
    ["Retained earnings", "299", "244"],
    ["  Total equity", "300", "245"],
    ["  Total liabilities and equity", "$ 550", "$ 505"],
]
BALANCE_ABOVE = ["CONSOLIDATED BALANCE SHEETS", "(In millions)", "December 31,"]

CASH = [
    ["(In millions)", "2023", "2022"],
    ["Operating activities", "", ""],
    ["Net income", "$ 180", "$ 156"],
    ["Depreciation and amortization", "40", "38"],
    ["Accounts receivable", "(5)", "(9)"],
    ["  Net cash provided by operating activities", "215", "185"],
    ["Investing activities", "", ""],
    ["Purchases of property and equipment", "(60)", "(70)"],
    ["  Net cash used in investing activities", "(60)", "(70)"],
    ["Financing activities", "", ""],
    ["Repayments of long-term debt", "(10)", "(10)"],
    ["Dividends paid", "(125)", "(95)"],
    ["  Net cash used in financing activities", "(135)", "(105)"],
    ["Net increase in cash and cash equivalents", "20", "10"],
    ["Cash and cash equivalents at beginning of year", "100", "90"],
    ["Cash and cash equivalents at end of year", "$ 120", "$ 100"],
]
CASH_ABOVE = ["CONSOLIDATED STATEMENTS OF CASH FLOWS", "Years ended December 31,"]


def three_statements() -> tuple[JoinedTable, ...]:
    """Return an income statement, a balance sheet and a cash flow statement that agree with each other."""
    return (
        printed_table(INCOME, above=INCOME_ABOVE, page=1, table_id="income"),
        printed_table(BALANCE, above=BALANCE_ABOVE, page=2, table_id="balance"),
        printed_table(CASH, above=CASH_ABOVE, page=3, table_id="cash"),
    )


UK_SHEET = [
    ["", "Notes", "£", "2016 £", "£", "2015 £"],
    ["FIXED ASSETS", "", "", "", "", ""],
    ["Tangible assets", "9", "", "500", "", "450"],
    ["CURRENT ASSETS", "", "", "", "", ""],
    ["Stocks", "10", "100", "", "90", ""],
    ["Debtors", "11", "250", "", "240", ""],
    ["Cash at bank and in hand", "", "50", "", "60", ""],
    ["", "", "400", "", "390", ""],
    ["CREDITORS: amounts falling due", "", "", "", "", ""],
    ["within one year", "12", "(300)", "", "(280)", ""],
    ["NET CURRENT ASSETS", "", "", "100", "", "110"],
    ["NET ASSETS", "", "", "600", "", "560"],
    ["CAPITAL AND RESERVES", "", "", "", "", ""],
    ["Called up share capital", "15", "", "10", "", "10"],
    ["Profit and loss account", "", "", "590", "", "550"],
    ["SHAREHOLDERS' FUNDS", "", "", "600", "", "560"],
]
