"""The primary statements of the invented annual report as grids: income, comprehensive income, position, cash, equity."""

from __future__ import annotations

from sample_docs.drawing.figures import Year
from sample_docs.drawing.grid import Column, Entry, Grid, Value

MILLION = 1_000_000
UNITS = "(In millions, except per share amounts)"
MILLIONS = "(In millions)"
CAPTION = "Years ended December 31,"
SHOWN = (2024, 2023, 2022)

Books = dict[int, Year]


def year_columns(years: tuple[int, ...] = SHOWN, width: float = 74.0) -> tuple[Column, ...]:
    """Columns of fiscal years."""
    return tuple(Column(str(year), width, "right", f"{year}-12-31", f"{year}-01-01", 12) for year in years)


def flows(books: Books, name: str, years: tuple[int, ...] = SHOWN, sign: int = 1) -> tuple[Value, ...]:
    """The flow `name` of the shown years."""
    return tuple(books[year].flow[name] * sign for year in years)


def balances(books: Books, name: str, years: tuple[int, ...] = (2024, 2023)) -> tuple[Value, ...]:
    """The balance `name` at the end of the shown years."""
    return tuple(books[year].balance[name] for year in years)


def income_statement(books: Books) -> Grid:
    """The consolidated statements of income."""
    basic = tuple(books[y].per_share(books[y].basic_shares) for y in SHOWN)
    diluted = tuple(books[y].per_share(books[y].diluted_shares) for y in SHOWN)
    rows = (
        Entry("Net sales:", section=True),
        Entry("Products", flows(books, "products"), 1, sign=True),
        Entry("Services", flows(books, "services"), 1),
        Entry("Total net sales", flows(books, "sales"), 2, total=True),
        Entry("Cost of sales:", section=True, gap=3),
        Entry("Products", flows(books, "cost_products"), 1),
        Entry("Services", flows(books, "cost_services"), 1),
        Entry("Total cost of sales", flows(books, "cost"), 2, total=True),
        Entry("Gross profit", flows(books, "gross"), total=True, gap=3),
        Entry("Operating expenses:", section=True, gap=3),
        Entry("Selling, general and administrative", flows(books, "selling"), 1),
        Entry("Research and development", flows(books, "research"), 1),
        Entry("Amortization of intangible assets", flows(books, "amortization"), 1),
        Entry("Restructuring and related charges", flows(books, "restructuring"), 1, marker="1"),
        Entry("Total operating expenses", flows(books, "operating_expenses"), 2, total=True),
        Entry("Operating income", flows(books, "operating"), total=True, gap=3),
        Entry("Interest expense", flows(books, "interest_expense", sign=-1)),
        Entry("Interest income", flows(books, "interest_income")),
        Entry("Other income (expense), net", flows(books, "other_income")),
        Entry("Income before income taxes", flows(books, "before_tax"), total=True, gap=3),
        Entry("Provision for income taxes", flows(books, "tax")),
        Entry("Net income", flows(books, "net"), total=True),
        Entry("Less: net income attributable to noncontrolling interests", flows(books, "net_nci")),
        Entry(
            "Net income attributable to Tarnwick Instruments, Inc.",
            flows(books, "net_tarnwick"),
            total=True,
            sign=True,
            under="double",
            gap=3,
        ),
        Entry(
            "Earnings per share attributable to Tarnwick Instruments, Inc. common shareholders:",
            section=True,
            gap=7,
        ),
        Entry("Basic", basic, 1, unit="per_share", decimals=2, sign=True),
        Entry("Diluted", diluted, 1, unit="per_share", decimals=2, sign=True),
        Entry("Weighted-average shares outstanding:", section=True, gap=3),
        Entry("Basic", tuple(books[y].basic_shares for y in SHOWN), 1, unit="shares", decimals=1),
        Entry("Diluted", tuple(books[y].diluted_shares for y in SHOWN), 1, unit="shares", decimals=1),
        Entry(
            "Dividends declared per share",
            tuple(books[y].dividend for y in SHOWN),
            unit="per_share",
            decimals=2,
            sign=True,
            gap=3,
        ),
    )
    return Grid(
        year_columns(), rows, "Consolidated Statements of Income", "income_statement",
        spans=((("Years ended December 31,", 0, 2),),), currency="USD", scale=MILLION, share_scale=MILLION,
        unit_text=UNITS, period_caption=CAPTION,
    )  # fmt: skip


def comprehensive_income(books: Books) -> Grid:
    """The consolidated statements of comprehensive income."""
    rows = (
        Entry("Net income", flows(books, "net"), sign=True),
        Entry("Other comprehensive income (loss), net of tax:", section=True, gap=3),
        Entry("Foreign currency translation adjustments", flows(books, "oci_fx"), 1),
        Entry("Pension and other postretirement benefit adjustments", flows(books, "oci_pension"), 1),
        Entry("Unrealized gains (losses) on cash flow hedges", flows(books, "oci_hedges"), 1),
        Entry("Total other comprehensive income (loss)", flows(books, "oci"), 2, total=True),
        Entry("Comprehensive income", flows(books, "comprehensive"), total=True, gap=3),
        Entry(
            "Less: comprehensive income attributable to noncontrolling interests",
            flows(books, "comprehensive_nci"),
        ),
        Entry(
            "Comprehensive income attributable to Tarnwick Instruments, Inc.",
            flows(books, "comprehensive_tarnwick"),
            total=True,
            sign=True,
            under="double",
        ),
    )
    return Grid(
        year_columns(), rows, "Consolidated Statements of Comprehensive Income", "comprehensive_income",
        stub=CAPTION, currency="USD", scale=MILLION, unit_text=MILLIONS, period_caption=CAPTION,
    )  # fmt: skip


def balance_sheet(books: Books) -> Grid:
    """The consolidated balance sheets."""

    def row(label: str, name: str, level: int = 1) -> Entry:
        return Entry(label, balances(books, name), level)

    def total(label: str, name: str, under: str = "", sign: bool = False) -> Entry:
        return Entry(label, balances(books, name), 2, total=True, under=under, sign=sign)

    rows = (
        Entry("Assets", section=True),
        Entry("Current assets:", section=True, bold=False),
        Entry("Cash and cash equivalents", balances(books, "cash"), 1, sign=True),
        row("Marketable securities", "securities"),
        row("Accounts receivable, less allowances of $31 and $28", "receivables"),
        row("Inventories", "inventories"),
        row("Prepaid expenses and other current assets", "prepaid"),
        total("Total current assets", "current_assets"),
        row("Property, plant and equipment, net", "property", 0),
        row("Operating lease right-of-use assets", "rou", 0),
        row("Goodwill", "goodwill", 0),
        row("Intangible assets, net", "intangibles", 0),
        row("Other assets", "other_assets", 0),
        total("Total assets", "assets", "double", True),
        Entry("Liabilities and equity", section=True, gap=9),
        Entry("Current liabilities:", section=True, bold=False),
        Entry(
            "Short-term borrowings and current portion of long-term debt",
            balances(books, "short_debt"),
            1,
            sign=True,
        ),
        row("Accounts payable", "payables"),
        row("Accrued expenses and other current liabilities", "accrued"),
        row("Income taxes payable", "taxes_payable"),
        total("Total current liabilities", "current_liabilities"),
        row("Long-term debt", "long_debt", 0),
        row("Deferred income taxes", "deferred_tax", 0),
        row("Pension and other postretirement obligations", "pension", 0),
        row("Operating lease liabilities", "lease_liability", 0),
        row("Other liabilities", "other_liabilities", 0),
        total("Total liabilities", "liabilities"),
        Entry("Commitments and contingencies (Note 9)", (None, None), gap=2),
        Entry("Equity:", section=True, bold=False, gap=2),
        row("Common stock, $1.00 par value, 400 shares authorized, 178 shares issued", "common"),
        row("Additional paid-in capital", "paid_in"),
        row("Retained earnings", "retained"),
        row("Accumulated other comprehensive loss", "aoci"),
        row("Treasury stock, at cost", "treasury"),
        total("Total Tarnwick Instruments, Inc. shareholders’ equity", "own_equity"),
        row("Noncontrolling interests", "nci"),
        total("Total equity", "equity"),
        total("Total liabilities and equity", "assets", "double", True),
    )
    columns = tuple(Column(str(year), 84.0, "right", f"{year}-12-31") for year in (2024, 2023))
    return Grid(
        columns, rows, "Consolidated Balance Sheets", "balance_sheet", stub="(In millions)",
        spans=((("December 31,", 0, 1),),), currency="USD", scale=MILLION, unit_text=MILLIONS,
        period_caption="December 31,",
    )  # fmt: skip


def cash_flow_statement(books: Books) -> Grid:
    """The consolidated statements of cash flows."""

    def row(label: str, name: str, level: int = 1, sign: int = 1, total: bool = False) -> Entry:
        return Entry(label, flows(books, name, sign=sign), level, total)

    opening = tuple(books[year - 1].balance["cash"] for year in SHOWN)
    rows = (
        Entry("Cash flows from operating activities:", section=True),
        Entry("Net income", flows(books, "net"), 1, sign=True),
        Entry(
            "Adjustments to reconcile net income to net cash provided by operating activities:",
            level=1,
            section=True,
            bold=False,
        ),
        row("Depreciation", "depreciation", 2),
        row("Amortization of intangible assets", "amortization", 2),
        row("Stock-based compensation", "stock_compensation", 2),
        row("Deferred income taxes", "deferred_taxes", 2),
        row("Gain on disposal of property", "disposal_gain", 2, -1),
        Entry(
            "Changes in operating assets and liabilities, net of acquisitions:",
            level=1,
            section=True,
            bold=False,
        ),
        row("Accounts receivable", "d_receivables", 2),
        row("Inventories", "d_inventories", 2),
        row("Prepaid expenses and other current assets", "d_prepaid", 2),
        row("Accounts payable", "d_payables", 2),
        row("Accrued expenses and other liabilities", "d_accrued", 2),
        row("Income taxes payable", "d_taxes", 2),
        row("Net cash provided by operating activities", "operating_cash", 3, total=True),
        Entry("Cash flows from investing activities:", section=True, gap=4),
        row("Purchases of property, plant and equipment", "capex"),
        row("Acquisitions of businesses, net of cash acquired", "acquisitions"),
        row("Proceeds from disposal of property", "disposals"),
        row("Purchases of marketable securities", "buy_securities"),
        row("Maturities and sales of marketable securities", "sell_securities"),
        row("Net cash used in investing activities", "investing_cash", 3, total=True),
        Entry("Cash flows from financing activities:", section=True, gap=4),
        row("Proceeds from issuance of long-term debt", "new_debt"),
        row("Repayments of debt", "repaid_debt"),
        row("Dividends paid to shareholders", "dividends"),
        row("Repurchases of common stock", "repurchases"),
        row("Proceeds from exercise of stock options", "options"),
        row("Distributions to noncontrolling interests", "nci_paid"),
        row("Net cash used in financing activities", "financing_cash", 3, total=True),
        Entry("Effect of exchange rate changes on cash and cash equivalents", flows(books, "fx_cash"), gap=4),
        Entry(
            "Net increase (decrease) in cash and cash equivalents", flows(books, "cash_change"), total=True
        ),
        Entry("Cash and cash equivalents at beginning of year", opening),
        Entry(
            "Cash and cash equivalents at end of year",
            tuple(books[year].balance["cash"] for year in SHOWN),
            total=True,
            sign=True,
            under="double",
        ),
        Entry("Supplemental disclosures of cash flow information:", section=True, gap=8),
        Entry("Cash paid for interest", flows(books, "interest_paid"), 1, sign=True),
        Entry("Cash paid for income taxes, net of refunds", flows(books, "taxes_paid"), 1),
    )
    return Grid(
        year_columns(width=70.0), rows, "Consolidated Statements of Cash Flows", "cash_flow_statement",
        stub="(In millions)", spans=((("Years ended December 31,", 0, 2),),), currency="USD", scale=MILLION,
        unit_text=MILLIONS, period_caption=CAPTION,
    )  # fmt: skip


EQUITY = ("common", "paid_in", "retained", "aoci", "treasury", "nci")


def equity_statement(books: Books) -> Grid:
    """The consolidated statements of changes in equity: a column is a component, a row a movement or a balance."""
    headers = (
        "Common\nstock", "Additional\npaid-in\ncapital", "Retained\nearnings", "Accumulated\nother\ncomp. loss",
        "Treasury\nstock", "Noncontrolling\ninterests", "Total\nequity",
    )  # fmt: skip
    rows: list[Entry] = []

    def movement(label: str, year: int, **parts: int) -> None:
        values: list[Value] = [parts.get(name, 0) for name in EQUITY]
        values.append(sum(parts.values()))
        rows.append(Entry(label, tuple(values), 1, period_end=f"{year}-12-31"))

    def balance(year: int, under: str = "") -> None:
        b = books[year].balance
        values = tuple(b[name] for name in (*EQUITY, "equity"))
        label = f"Balance at December 31, {year}"
        rows.append(
            Entry(label, values, 0, total=True, sign=True, under=under, gap=4, period_end=f"{year}-12-31")
        )

    balance(2021)
    for year in (2022, 2023, 2024):
        f, dividend = books[year].flow, books[year].dividend
        movement("Net income", year, retained=f["net_tarnwick"], nci=f["net_nci"])
        movement("Other comprehensive income (loss)", year, aoci=f["oci"] - f["oci_nci"], nci=f["oci_nci"])
        movement(f"Dividends declared (${dividend} per share)", year, retained=f["dividends"])
        movement("Repurchases of common stock", year, treasury=f["repurchases"])
        movement("Stock-based compensation", year, paid_in=f["stock_compensation"])
        movement("Exercise of stock options", year, paid_in=f["options"])
        movement("Distributions to noncontrolling interests", year, nci=f["nci_paid"])
        balance(year, "double" if year == 2024 else "")
    columns = tuple(Column(header, {3: 52.0, 5: 63.0}.get(n, 47.0)) for n, header in enumerate(headers))
    return Grid(
        columns, tuple(rows), "Consolidated Statements of Changes in Equity", "equity_statement",
        stub="(In millions, except per share amounts)", currency="USD", scale=MILLION, unit_text=UNITS,
    )  # fmt: skip
