"""The accounts of the invented Brackwater Ferries Limited: British form, £’000, a column of note numbers.

Out: a clean PDF of four pages, from which the fax-like TIFF is scanned, and its truth.
"""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor

from sample_docs.drawing.grid import Column, Entry, Grid, Notation, Truth
from sample_docs.drawing.sheet import A4, Look, Sheet

ENTITY = "Brackwater Ferries Limited"
LEFT, RIGHT = 70.0, 525.0
WIDTH = RIGHT - LEFT
GREY = HexColor(0x444444)
LOOK = Look(size=10.0, row=16.0, font="Times-Roman", bold="Times-Bold", columns_gap=24.0)
BRITISH = Notation(nil="-")
Pair = tuple[int, int]


def sums(*parts: Pair) -> Pair:
    """Add up both years."""
    return sum(p[0] for p in parts), sum(p[1] for p in parts)


TURNOVER, COST_OF_SALES = (48213, 45907), (-29874, -28655)
ADMINISTRATION, OTHER_INCOME = (-9412, -9038), (638, 0)
INTEREST_IN, INTEREST_OUT, TAX = (112, 47), (-1384, -1466), (-1997, -1705)
GROSS = sums(TURNOVER, COST_OF_SALES)
OPERATING = sums(GROSS, ADMINISTRATION, OTHER_INCOME)
BEFORE_TAX = sums(OPERATING, INTEREST_IN, INTEREST_OUT)
PROFIT = sums(BEFORE_TAX, TAX)

DEPRECIATION, CAPEX, DISPOSALS = (4126, 3987), (-7350, -4612), (215, 0)
STOCKS, DEBTORS, CREDITORS = (-74, 58), (-412, 236), (517, -381)
TAX_PAID, LOANS, REPAID, DIVIDENDS = (-1820, -1655), (3000, 0), (-2600, -2600), (-3000, -2500)
FROM_OPERATIONS = sums(OPERATING, DEPRECIATION, STOCKS, DEBTORS, CREDITORS)
OPERATING_CASH = sums(FROM_OPERATIONS, TAX_PAID)
INVESTING_CASH = sums(CAPEX, DISPOSALS, INTEREST_IN)
FINANCING_CASH = sums(LOANS, REPAID, INTEREST_OUT, DIVIDENDS)
CHANGE = sums(OPERATING_CASH, INVESTING_CASH, FINANCING_CASH)
OPENING_2023 = 2308
CASH = (OPENING_2023 + CHANGE[1] + CHANGE[0], OPENING_2023 + CHANGE[1])
OPENING = (CASH[1], OPENING_2023)


def _grid(kind: str, title: str, caption: str, rows: tuple[Entry, ...], flows: bool) -> Grid:
    columns = tuple(
        Column(
            f"{y}\n£’000",
            82.0,
            "right",
            f"{y}-03-31",
            f"{y - 1}-04-01" if flows else None,
            12 if flows else None,
        )
        for y in (2024, 2023)
    )
    return Grid(
        columns, rows, title, kind, note_header="Note", currency="GBP", scale=1000, unit_text="£’000",
        period_caption=caption, notation=BRITISH,
    )  # fmt: skip


def income_statement() -> Grid:
    """Profit and loss account."""
    rows = (
        Entry("Turnover", TURNOVER, note="3"), Entry("Cost of sales", COST_OF_SALES),
        Entry("Gross profit", GROSS, total=True, gap=4), Entry("Administrative expenses", ADMINISTRATION),
        Entry("Other operating income", OTHER_INCOME, note="4"),
        Entry("Operating profit", OPERATING, total=True, note="5", gap=4),
        Entry("Interest receivable and similar income", INTEREST_IN), Entry("Interest payable and similar expenses", INTEREST_OUT, note="8"),
        Entry("Profit before taxation", BEFORE_TAX, total=True, gap=4), Entry("Tax on profit", TAX, note="9"),
        Entry("Profit for the financial year", PROFIT, total=True, under="double", gap=4),
    )  # fmt: skip
    return _grid(
        "income_statement", "Profit and loss account", "for the year ended 31 March 2024", rows, True
    )


def balance_sheet() -> Grid:
    """Balance sheet; the profit and loss reserve takes what remains."""
    intangible, tangible = (386, 452), (58317, 55242)
    stock, debtor = (1192, 1118), (5648, 5236)
    within, after, provisions = (-9137, -8620), (-20950, -20550), (-3412, -3235)
    current = sums(stock, debtor, CASH)
    net_current = sums(current, within)
    fixed = sums(intangible, tangible)
    total = sums(fixed, net_current)
    net = sums(total, after, provisions)
    capital, premium = (5000, 5000), (2150, 2150)
    reserve = sums(net, (-7150, -7150))
    rows = (
        Entry("Fixed assets", section=True), Entry("Intangible assets", intangible, note="10"),
        Entry("Tangible assets", tangible, note="11"), Entry("", fixed, total=True, bold=False),
        Entry("Current assets", section=True, gap=4), Entry("Stocks", stock, note="12"), Entry("Debtors", debtor, note="13"),
        Entry("Cash at bank and in hand", CASH), Entry("", current, total=True, bold=False),
        Entry("Creditors: amounts falling due within one year", within, note="14"),
        Entry("Net current liabilities" if net_current[0] < 0 else "Net current assets", net_current, total=True, gap=4),
        Entry("Total assets less current liabilities", total, total=True, gap=4),
        Entry("Creditors: amounts falling due after more than one year", after, note="15"),
        Entry("Provisions for liabilities", provisions, note="17"), Entry("Net assets", net, total=True, under="double", gap=4),
        Entry("Capital and reserves", section=True, gap=8), Entry("Called up share capital", capital, note="18"),
        Entry("Share premium account", premium), Entry("Profit and loss account", reserve),
        Entry("Shareholders’ funds", net, total=True, under="double", gap=4),
    )  # fmt: skip
    return _grid("balance_sheet", "Balance sheet", "at 31 March 2024", rows, False)


def cash_flow_statement() -> Grid:
    """Cash flow statement."""
    rows = (
        Entry("Cash flows from operating activities", section=True), Entry("Operating profit", OPERATING),
        Entry("Depreciation and amortisation", DEPRECIATION), Entry("(Increase)/decrease in stocks", STOCKS),
        Entry("(Increase)/decrease in debtors", DEBTORS), Entry("Increase/(decrease) in creditors", CREDITORS),
        Entry("Cash generated from operations", FROM_OPERATIONS, total=True), Entry("Tax paid", TAX_PAID),
        Entry("Net cash from operating activities", OPERATING_CASH, total=True),
        Entry("Cash flows from investing activities", section=True, gap=4), Entry("Purchase of tangible fixed assets", CAPEX),
        Entry("Proceeds from sale of tangible fixed assets", DISPOSALS), Entry("Interest received", INTEREST_IN),
        Entry("Net cash used in investing activities", INVESTING_CASH, total=True),
        Entry("Cash flows from financing activities", section=True, gap=4), Entry("New bank loans", LOANS),
        Entry("Repayment of bank loans", REPAID), Entry("Interest paid", INTEREST_OUT), Entry("Dividends paid", DIVIDENDS),
        Entry("Net cash used in financing activities", FINANCING_CASH, total=True),
        Entry("Net increase/(decrease) in cash", CHANGE, total=True, gap=4), Entry("Cash at beginning of year", OPENING),
        Entry("Cash at end of year", CASH, total=True, under="double", gap=4),
    )  # fmt: skip
    return _grid("cash_flow_statement", "Cash flow statement", "for the year ended 31 March 2024", rows, True)


def draw(path: Path) -> Truth:
    """Draw the clean accounts at `path` and return their truth."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, A4, truth, f"{ENTITY}: report and financial statements", ENTITY)
    sheet.text(297, 250, ENTITY, 22, "Times-Bold", "center")
    sheet.text(297, 290, "Report and financial statements", 15, "Times-Roman", "center")
    sheet.text(297, 314, "for the year ended 31 March 2024", 12, "Times-Roman", "center")
    sheet.text(297, 700, "Registered number 00 SAMPLE", 10, "Times-Roman", "center")
    for grid in (income_statement(), balance_sheet(), cash_flow_statement()):
        sheet.next_page()
        sheet.text(LEFT, 70, ENTITY, 12, "Times-Bold")
        sheet.text(LEFT, 100, grid.title or "", 15, "Times-Bold")
        sheet.text(LEFT, 118, grid.period_caption or "", 11, "Times-Italic")
        y = sheet.table(LEFT, 138, WIDTH, grid, LOOK)
        sheet.text(
            LEFT,
            y + 34,
            "The notes on pages 5 to 19 form part of these financial statements.",
            9,
            "Times-Italic",
        )
        sheet.text(297, 800, str(sheet.page), 9, "Times-Roman", "center", GREY)
    sheet.save()
    return truth
