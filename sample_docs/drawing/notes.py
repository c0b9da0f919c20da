"""The other tables of the invented annual report as grids: notes, selected data, management's extracts, quarters."""

from __future__ import annotations

from decimal import Decimal

from sample_docs.drawing.figures import SEGMENTS, cents, percent
from sample_docs.drawing.grid import Column, Entry, Grid, Value
from sample_docs.drawing.statements import (
    CAPTION,
    MILLION,
    MILLIONS,
    SHOWN,
    UNITS,
    Books,
    balances,
    flows,
    year_columns,
)

FIVE = (2024, 2023, 2022, 2021, 2020)
BALANCE_COLUMNS = tuple(Column(str(year), 78.0, "right", f"{year}-12-31") for year in (2024, 2023))
DECEMBER = ((("December 31,", 0, 1),),)


def plain_grid(
    columns: tuple[Column, ...],
    rows: tuple[Entry, ...],
    title: str,
    stub: str = "",
    spans: tuple[tuple[tuple[str, int, int], ...], ...] = (),
    unit_text: str = MILLIONS,
) -> Grid:
    """A table of the notes, in millions of dollars."""
    return Grid(
        columns, rows, title, stub=stub, spans=spans, currency="USD", scale=MILLION, unit_text=unit_text
    )


def five_years(books: Books) -> Grid:
    """Selected financial data: a look-alike of the statements that is none."""

    def dollars(label: str, values: tuple[Decimal, ...], gap: float = 0.0) -> Entry:
        return Entry(label, values, 1, unit="per_share", decimals=2, sign=True, gap=gap)

    diluted = tuple(books[y].per_share(books[y].diluted_shares) for y in FIVE)
    rows = (
        Entry("Results for the year", section=True),
        Entry("Net sales", flows(books, "sales", FIVE), 1, sign=True),
        Entry("Gross profit", flows(books, "gross", FIVE), 1),
        Entry("Operating income", flows(books, "operating", FIVE), 1),
        Entry("Net income attributable to Tarnwick Instruments, Inc.", flows(books, "net_tarnwick", FIVE), 1),
        dollars("Diluted earnings per share", diluted),
        dollars("Dividends declared per share", tuple(books[y].dividend for y in FIVE)),
        Entry("Net cash provided by operating activities", flows(books, "operating_cash", FIVE), 1),
        Entry("Capital expenditures", flows(books, "capex", FIVE, -1), 1),
        Entry("Position at year end", section=True, gap=4),
        Entry("Total assets", balances(books, "assets", FIVE), 1, sign=True),
        Entry("Long-term debt", balances(books, "long_debt", FIVE), 1),
        Entry("Total equity", balances(books, "equity", FIVE), 1),
        Entry("Ratios", section=True, gap=4),
        Entry(
            "Operating margin",
            tuple(percent(books[y].flow["operating"], books[y].flow["sales"]) for y in FIVE),
            1,
            unit="percent",
            decimals=1,
            suffix="%",
        ),
        Entry(
            "Effective tax rate",
            tuple(percent(books[y].flow["tax"], books[y].flow["before_tax"]) for y in FIVE),
            1,
            unit="percent",
            decimals=1,
            suffix="%",
        ),
    )
    return plain_grid(
        year_columns(FIVE, 58.0),
        rows,
        "Selected Financial Data",
        "",
        ((("Years ended December 31,", 0, 4),),),
        UNITS,
    )


def results_extract(books: Books) -> Grid:
    """Management's summary of results with changes: the strongest look-alike of an income statement."""
    rows = []
    for label, name, sign in (
        ("Net sales", "sales", True), ("Cost of sales", "cost", False), ("Gross profit", "gross", False),
        ("Selling, general and administrative", "selling", False), ("Research and development", "research", False),
        ("Operating income", "operating", False), ("Net income", "net", True),
    ):  # fmt: skip
        new, old = books[2024].flow[name], books[2023].flow[name]
        values: tuple[Value, ...] = (
            new, old, f"{new - old:,}" if new >= old else f"({old - new:,})",
            _signed_percent(new - old, old), f"{percent(new, books[2024].flow['sales'])}%",
            f"{percent(old, books[2023].flow['sales'])}%",
        )  # fmt: skip
        rows.append(
            Entry(label, values, 0, total=name in ("gross", "operating", "net"), sign=sign, bold=None)
        )
    columns = (
        Column("2024", 58.0), Column("2023", 58.0), Column("$", 50.0), Column("%", 46.0), Column("2024", 48.0),
        Column("2023", 48.0),
    )  # fmt: skip
    spans = ((("Years ended December 31,", 0, 1), ("Change", 2, 3), ("Percent of net sales", 4, 5)),)
    return plain_grid(
        columns, tuple(rows), "Results of Operations", "(Dollars in millions)", spans, "(Dollars in millions)"
    )


def _signed_percent(part: int, whole: int) -> str:
    value = percent(part, whole)
    return f"({-value})%" if value < 0 else f"{value}%"


def cash_extract(books: Books) -> Grid:
    """Management's summary of cash flows."""
    rows = (
        Entry("Operating activities", flows(books, "operating_cash"), sign=True),
        Entry("Investing activities", flows(books, "investing_cash")),
        Entry("Financing activities", flows(books, "financing_cash")),
        Entry("Effect of exchange rate changes", flows(books, "fx_cash")),
        Entry(
            "Net increase (decrease) in cash",
            flows(books, "cash_change"),
            total=True,
            sign=True,
            under="double",
        ),
    )
    return plain_grid(
        year_columns(), rows, "Summary of Cash Flows", MILLIONS, ((("Years ended December 31,", 0, 2),),)
    )


def contractual_obligations(books: Books) -> Grid:
    """Payments due by period; its totals run across and down."""
    debt = (400, 625, 700, 500)
    interest = (68, 104, 71, 42)
    leases = (61, 92, 68, 87)
    purchases = (284, 96, 12, 0)
    rows = [
        Entry(label, (sum(parts), *parts), sign=n == 0)
        for n, (label, parts) in enumerate(
            (
                ("Long-term debt", debt),
                ("Interest on debt", interest),
                ("Operating leases", leases),
                ("Purchase commitments", purchases),
            )
        )
    ]
    sums = tuple(sum(column) for column in zip(debt, interest, leases, purchases, strict=True))
    rows.append(Entry("Total", (sum(sums), *sums), total=True, sign=True, under="double"))
    assert sum(debt) == books[2024].balance["short_debt"] + books[2024].balance["long_debt"]
    columns = tuple(
        Column(h, 62.0)
        for h in ("Total", "Less than\n1 year", "1–3\nyears", "3–5\nyears", "More than\n5 years")
    )
    return plain_grid(
        columns, tuple(rows), "Contractual Obligations", MILLIONS, ((("Payments due by period", 1, 4),),)
    )


def _balances_note(
    title: str, parts: tuple[tuple[str, int, int], ...], total: str, less: tuple[str, int, int] | None = None
) -> Grid:
    rows = [Entry(label, (new, old), sign=n == 0) for n, (label, new, old) in enumerate(parts)]
    sums = sum(p[1] for p in parts), sum(p[2] for p in parts)
    if less is not None:
        rows.append(Entry("Gross carrying amount", sums, total=True, bold=False))
        rows.append(Entry(less[0], (-less[1], -less[2])))
        sums = sums[0] - less[1], sums[1] - less[2]
    rows.append(Entry(total, sums, total=True, sign=True, under="double"))
    return plain_grid(BALANCE_COLUMNS, tuple(rows), title, MILLIONS, DECEMBER)


def inventories(books: Books) -> Grid:
    """Inventories by stage."""
    new, old = (books[y].balance["inventories"] for y in (2024, 2023))
    parts = (
        ("Finished goods", new * 47 // 100, old * 46 // 100),
        ("Work in process", new * 21 // 100, old * 22 // 100),
    )
    rest = ("Raw materials and supplies", new - sum(p[1] for p in parts), old - sum(p[2] for p in parts))
    return _balances_note("Inventories", (*parts, rest), "Total inventories")


def property_note(books: Books) -> Grid:
    """Property, plant and equipment with accumulated depreciation."""
    net = tuple(books[y].balance["property"] for y in (2024, 2023))
    parts = (
        ("Land", 148, 151), ("Buildings and leasehold improvements", 1216, 1184),
        ("Machinery and equipment", 2874, 2731), ("Construction in progress", 193, 164),
    )  # fmt: skip
    gross = sum(p[1] for p in parts), sum(p[2] for p in parts)
    less = ("Less: accumulated depreciation", gross[0] - net[0], gross[1] - net[1])
    return _balances_note("Property, Plant and Equipment", parts, "Property, plant and equipment, net", less)


def goodwill(books: Books) -> Grid:
    """The roll-forward of goodwill by segment."""
    shares = (Decimal("0.44"), Decimal("0.35"))

    def split(amount: int) -> tuple[int, ...]:
        first = [int(amount * share) for share in shares]
        return (*first, amount - sum(first), amount)

    rows, state = [], split(books[2022].balance["goodwill"])
    rows.append(Entry("Balance at December 31, 2022", state, total=True, sign=True))
    for year in (2023, 2024):
        f = books[year].flow
        bought = (-f["acquisitions"] * 3) // 5
        added, moved = (0, bought, 0, bought), split(f["oci_fx"] - f["fx_cash"])
        rows.append(Entry("Acquisitions", added, 1))
        rows.append(Entry("Foreign currency translation and other", moved, 1))
        state = tuple(a + b + c for a, b, c in zip(state, added, moved, strict=True))
        under = "double" if year == 2024 else ""
        rows.append(Entry(f"Balance at December 31, {year}", state, total=True, sign=True, under=under))
    assert state[-1] == books[2024].balance["goodwill"]
    columns = tuple(
        Column(h, 74.0) for h in ("Marine\nSensors", "Industrial\nFlow", "Laboratory\nSystems", "Total")
    )
    return plain_grid(columns, tuple(rows), "Goodwill by Segment", MILLIONS)


def segments(books: Books) -> Grid:
    """Sales and operating income by segment under two-level headers."""
    rows = [
        Entry(
            name,
            tuple(books[y].segment_sales[n] for y in SHOWN)
            + tuple(books[y].segment_profit[n] for y in SHOWN),
            sign=n == 0,
        )
        for n, name in enumerate(SEGMENTS)
    ]
    corporate = tuple(books[y].segment_profit[3] for y in SHOWN)
    rows.append(Entry("Corporate and unallocated", (0, 0, 0, *corporate)))
    rows.append(
        Entry(
            "Consolidated",
            flows(books, "sales") + flows(books, "operating"),
            total=True,
            sign=True,
            under="double",
        )
    )
    columns = tuple(Column(str(year), 57.0) for year in SHOWN * 2)
    spans = (
        (("Net sales", 0, 2), ("Operating income (loss)", 3, 5)),
        (("Years ended December 31,", 0, 2), ("Years ended December 31,", 3, 5)),
    )
    return plain_grid(columns, tuple(rows), "Segment Information", MILLIONS, spans)


def debt(books: Books) -> Grid:
    """Debt instruments; two text columns stand before the amounts."""
    parts = (
        ("Senior notes", "2.850%", "2024", 0, 350), ("Senior notes", "3.125%", "2025", 400, 400),
        ("Senior notes", "3.400%", "2026", 325, 325), ("Euro-denominated notes", "1.750%", "2027", 300, 300),
        ("Bank term loan", "SOFR + 0.95%", "2028", 250, 250), ("Senior notes", "4.600%", "2029", 450, 0),
        ("Senior notes", "4.250%", "2032", 500, 500),
    )  # fmt: skip
    rows = [Entry(p[0], p[1:], sign=n == 0) for n, p in enumerate(parts)]
    total = sum(p[3] for p in parts), sum(p[4] for p in parts)
    current = balances(books, "short_debt")
    assert total[0] == books[2024].balance["short_debt"] + books[2024].balance["long_debt"]
    assert total[1] == books[2023].balance["short_debt"] + books[2023].balance["long_debt"]
    rows.append(Entry("Total debt", (None, None, *total), total=True))
    rows.append(
        Entry("Less: current portion", (None, None, *(-int(v) for v in current if isinstance(v, int))))
    )
    rows.append(
        Entry(
            "Long-term debt",
            (None, None, *balances(books, "long_debt")),
            total=True,
            sign=True,
            under="double",
        )
    )
    columns = (Column("Interest rate", 92.0, "center"), Column("Maturity", 66.0, "center"), *BALANCE_COLUMNS)
    return plain_grid(columns, tuple(rows), "Debt", MILLIONS, ((("December 31,", 2, 3),),))


def maturities(books: Books) -> Grid:
    """Debt maturities by year."""
    years = (("2025", 400), ("2026", 325), ("2027", 300), ("2028", 250), ("2029", 450), ("Thereafter", 500))
    rows = [Entry(label, (amount,), sign=n == 0) for n, (label, amount) in enumerate(years)]
    total = sum(amount for _, amount in years)
    assert total == books[2024].balance["short_debt"] + books[2024].balance["long_debt"]
    rows.append(Entry("Total", (total,), total=True, sign=True, under="double"))
    return plain_grid(
        (Column("Principal\npayments", 84.0),), tuple(rows), "Maturities of Debt", "Years ending December 31,"
    )


def tax_provision(books: Books) -> Grid:
    """Current and deferred taxes by jurisdiction."""
    federal, state, foreign = [], [], []
    for year in SHOWN:
        f = books[year].flow
        current = f["tax"] - f["deferred_taxes"]
        federal.append(current * 58 // 100)
        state.append(current * 11 // 100)
        foreign.append(current - federal[-1] - state[-1])
    currents = tuple(a + b + c for a, b, c in zip(federal, state, foreign, strict=True))
    rows = (
        Entry("Current:", section=True, bold=False),
        Entry("Federal", tuple(federal), 1, sign=True),
        Entry("State and local", tuple(state), 1),
        Entry("Foreign", tuple(foreign), 1),
        Entry("Total current", currents, 2, total=True, bold=False),
        Entry("Deferred", flows(books, "deferred_taxes")),
        Entry("Provision for income taxes", flows(books, "tax"), total=True, sign=True, under="double"),
    )
    return plain_grid(
        year_columns(), rows, "Provision for Income Taxes", MILLIONS, ((("Years ended December 31,", 0, 2),),)
    )


def tax_rate(books: Books) -> Grid:
    """The reconciliation of the effective tax rate, in percent."""
    parts = {
        "State and local taxes, net of federal benefit": ("1.8", "1.9", "1.7"),
        "Foreign rate differential": ("-1.1", "-0.7", "0.4"),
        "Research and development credits": ("-1.4", "-1.2", "-1.3"),
        "Stock-based compensation": ("-0.3", "0", "-0.2"),
    }
    effective = tuple(percent(books[y].flow["tax"], books[y].flow["before_tax"]) for y in SHOWN)

    def row(label: str, values: tuple[Decimal, ...], **options: bool | str) -> Entry:
        return Entry(label, values, unit="percent", decimals=1, suffix="%", **options)  # type: ignore[arg-type]

    statutory = (Decimal("21.0"),) * 3
    rows = [row("U.S. federal statutory rate", statutory)]
    rest = list(effective)
    for label, texts in parts.items():
        values = tuple(Decimal(text) for text in texts)
        rows.append(row(label, values))
        rest = [left - value for left, value in zip(rest, values, strict=True)]
    rows.append(row("Other, net", tuple(left - 21 for left in rest)))
    rows.append(row("Effective tax rate", effective, total=True, under="double"))
    return plain_grid(year_columns(), tuple(rows), "Effective Tax Rate", CAPTION, unit_text="")


def per_share(books: Books) -> Grid:
    """Earnings per share: dollars in millions, shares in millions, dollars per share in one table."""
    basic = tuple(books[y].basic_shares for y in SHOWN)
    diluted = tuple(books[y].diluted_shares for y in SHOWN)
    effect = tuple(d - b for b, d in zip(basic, diluted, strict=True))
    rows = (
        Entry("Numerator:", section=True, bold=False),
        Entry(
            "Net income attributable to Tarnwick Instruments, Inc.",
            flows(books, "net_tarnwick"),
            1,
            sign=True,
        ),
        Entry("Denominator (shares in millions):", section=True, bold=False, gap=2),
        Entry("Weighted-average shares, basic", basic, 1, unit="shares", decimals=1),
        Entry("Dilutive effect of stock awards", effect, 1, unit="shares", decimals=1),
        Entry(
            "Weighted-average shares, diluted", diluted, 2, unit="shares", decimals=1, total=True, bold=False
        ),
        Entry("Earnings per share:", section=True, bold=False, gap=2),
        Entry(
            "Basic",
            tuple(books[y].per_share(s) for y, s in zip(SHOWN, basic, strict=True)),
            1,
            unit="per_share",
            decimals=2,
            sign=True,
        ),
        Entry(
            "Diluted",
            tuple(books[y].per_share(s) for y, s in zip(SHOWN, diluted, strict=True)),
            1,
            unit="per_share",
            decimals=2,
            sign=True,
        ),
    )
    return plain_grid(
        year_columns(), rows, "Earnings per Share", "", ((("Years ended December 31,", 0, 2),),), UNITS
    )


def quarters(books: Books) -> Grid:
    """Quarterly results, unaudited: another look-alike of the income statement."""
    parts = (Decimal("0.231"), Decimal("0.246"), Decimal("0.252"))

    def split(amount: int) -> tuple[int, ...]:
        first = [int(amount * part) for part in parts]
        return (*first, amount - sum(first), amount)

    f = books[2024].flow
    net = split(f["net_tarnwick"])
    shares = books[2024].diluted_shares
    earnings = (*(cents(Decimal(n) / shares) for n in net[:4]), books[2024].per_share(shares))
    rows = (
        Entry("Net sales", split(f["sales"]), sign=True),
        Entry("Gross profit", split(f["gross"])),
        Entry("Operating income", split(f["operating"])),
        Entry("Net income attributable to Tarnwick Instruments, Inc.", net),
        Entry("Diluted earnings per share", earnings, unit="per_share", decimals=2, sign=True, marker="2"),
    )
    columns = tuple(Column(h, 58.0) for h in ("First", "Second", "Third", "Fourth", "Year"))
    return plain_grid(columns, rows, "Quarterly Results (Unaudited)", "", ((("2024 quarter", 0, 3),),), UNITS)
