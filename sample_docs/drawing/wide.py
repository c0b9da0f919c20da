"""Tables that do not fit: one that runs over three pages, and wide ones on landscape and sideways pages.

Out: two PDFs of the invented Tarnwick Instruments, Inc. and their truths.
"""

from __future__ import annotations

import random
from pathlib import Path

from reportlab.lib.colors import HexColor

from sample_docs.drawing.grid import Column, Entry, Grid, Truth
from sample_docs.drawing.sheet import A4, LETTER, Look, Sheet

ENTITY = "Tarnwick Instruments, Inc."
TEAL, GREY, PALE = HexColor(0x0F5B66), HexColor(0x6B7480), HexColor(0xE9F2F3)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

HOLDINGS = {
    "Government and agency": (
        "Republic of Averland", "Kingdom of Sundmark", "Canton of Brisk", "Harbor Authority of Port Ellery", "State of Northmoor",
        "City of Ostermoor", "Inland Waterways Agency", "Commonwealth of Tern", "Province of Lower Quay", "Sundmark Housing Bank",
        "Averland Rail Agency", "Duchy of Hale",
    ),
    "Corporate, industrial": (
        "Alder & Vane Turbines", "Bexmoor Cables", "Cordwain Paper", "Dunmere Castings", "Eastlode Mining", "Fenwright Pumps",
        "Gallowhill Glass", "Hythe Bearings", "Ironquay Shipyards", "Jessop Marine Paint", "Kestrel Optics", "Lorne Valves",
        "Mistral Compressors", "Nettlecombe Steel", "Orrin Packaging", "Pellworm Cranes", "Quarrystone Cement", "Ravelin Robotics",
    ),
    "Corporate, financial": (
        "Assurance of the Isles", "Bank of the Sound", "Cobalt Leasing", "Drovers Mutual", "Exchange House Group", "Fathom Reinsurance",
        "Guildhall Mortgage", "Harrow Trust", "Inverlode Credit", "Juniper Savings", "Keel & Hull Insurance",
    ),
    "Asset-backed": (
        "Auto Receivables 2021-A", "Auto Receivables 2022-B", "Dock Equipment 2020-1", "Dock Equipment 2023-1",
        "Fleet Lease 2022-2", "Student Housing 2021-C", "Trade Receivables 2024-A",
    ),
}  # fmt: skip
PAGE_ROWS = 23  # printed rows on a page of the long table


def holdings(seed: int) -> tuple[Grid, tuple[int, ...]]:
    """The schedule of marketable securities: groups with subtotals, carried forward at the foot of each page."""
    rng = random.Random(seed)
    rows: list[Entry] = []
    breaks: list[int] = []
    running, grand = [0, 0, 0], [0, 0, 0]

    def add(entry: Entry) -> None:
        if len(rows) - (breaks[-1] if breaks else 0) == PAGE_ROWS:
            values = (None, None, *running)
            rows.append(Entry("Carried forward", values, total=True))
            breaks.append(len(rows))
            rows.append(Entry("Brought forward", values, total=True, repeats=True))
        rows.append(entry)

    for group, names in HOLDINGS.items():
        add(Entry(group, section=True))
        sums = [0, 0, 0]
        for name in names:
            face = rng.randint(4, 120) * 100
            cost = face + rng.randint(-face // 40, face // 60)
            fair = cost + rng.randint(-face // 30, face // 40)
            coupon, due = (
                f"{rng.randint(8, 62) / 10:.2f}%",
                f"{rng.randint(1, 12):02d}/{rng.randint(2025, 2034)}",
            )
            add(Entry(name, (coupon, due, face, cost, fair), 1))
            for n, value in enumerate((face, cost, fair)):
                running[n] += value
                sums[n] += value
        add(Entry(f"Total {group[0].lower()}{group[1:]}", (None, None, *sums), 1, total=True))
        grand = [a + b for a, b in zip(grand, sums, strict=True)]
    add(Entry("Total marketable securities", (None, None, *grand), total=True, sign=True, under="double"))
    columns = (
        Column("Coupon", 58.0), Column("Maturity", 62.0), Column("Face\namount", 74.0), Column("Amortized\ncost", 74.0),
        Column("Fair\nvalue", 74.0),
    )  # fmt: skip
    grid = Grid(
        columns, tuple(rows), "Schedule of Marketable Securities", stub="Issuer", currency="USD", scale=1000,
        unit_text="(In thousands)", spans=((("December 31, 2024", 2, 4),),),
    )  # fmt: skip
    return grid, tuple(breaks)


def draw_long(path: Path) -> Truth:
    """Draw the table over three pages at `path` and return its truth."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, LETTER, truth, "Schedule of Marketable Securities", ENTITY)
    grid, breaks = holdings(88)

    def top() -> float:
        sheet.text(54, 56, ENTITY, 10, "Helvetica-Bold", color=TEAL)
        title = "Schedule of Marketable Securities" + (" (continued)" if sheet.page > 1 else "")
        sheet.text(54, 80, title, 14, "Helvetica-Bold")
        sheet.text(54, 95, "(In thousands)", 8.5, "Helvetica-Oblique", color=GREY)
        sheet.text(306, 764, f"S-{sheet.page}", 8.5, "Helvetica", "center", GREY)
        return 104.0

    def turn() -> float:
        sheet.next_page()
        return top()

    look = Look(size=8.8, row=22.0, accent=TEAL, columns_gap=12)
    y = sheet.table(54, top(), 504, grid, look, {index: turn for index in breaks})
    sheet.text(
        54, y + 20, "Fair values are quoted prices or prices of similar securities in active markets.", 8
    )
    sheet.save()
    return truth


def monthly(seed: int, names: tuple[str, ...], title: str, low: int, high: int) -> Grid:
    """Twelve months and the year; totals across and down."""
    rng = random.Random(seed)
    lines = [(name, [rng.randint(low, high) for _ in MONTHS]) for name in names]
    lines[-1] = (lines[-1][0], [-value // 3 for value in lines[-1][1]])
    rows = [Entry(name, (*values, sum(values)), 1, sign=n == 0) for n, (name, values) in enumerate(lines)]
    sums = [sum(values[m] for _, values in lines) for m in range(12)]
    rows.append(Entry("Total", (*sums, sum(sums)), total=True, sign=True, under="double"))
    columns = (*(Column(month, 44.0) for month in MONTHS), Column("Year", 56.0))
    spans = ((("Quarter 1", 0, 2), ("Quarter 2", 3, 5), ("Quarter 3", 6, 8), ("Quarter 4", 9, 11)),)
    return Grid(
        columns,
        tuple(rows),
        title,
        stub="(In thousands)",
        spans=spans,
        currency="USD",
        scale=1000,
        unit_text="(In thousands)",
    )


def draw_landscape(path: Path) -> Truth:
    """Draw three wide tables: turned by the page's own entry, on a landscape page, and sideways without any entry."""
    truth = Truth(path.name, entity=ENTITY)
    truth.notes = [
        "Page 1 is stored on its side and turned by /Rotate 90; page 3 is on its side and not turned."
    ]
    sheet = Sheet(path, A4, truth, "Monthly figures 2024", ENTITY)
    regions = (
        "Northern yards",
        "Southern yards",
        "River services",
        "Laboratory contracts",
        "Spare parts",
        "Returns",
    )
    costs = (
        "Wages",
        "Materials",
        "Energy",
        "Freight",
        "Rent and leases",
        "Insurance",
        "Recharged to segments",
    )
    products = ("Current meters", "Tide gauges", "Flow sensors", "Samplers", "Software", "Discounts")
    tables = (
        (monthly(11, regions, "Net Sales by Month and Region, 2024", 900, 9800), False, True),
        (monthly(12, costs, "Operating Costs by Month, 2024", 240, 5200), True, False),
        (monthly(13, products, "Orders Received by Month, 2024", 310, 7400), False, False),
    )
    for number, (grid, upright, rotate) in enumerate(tables):
        if number:
            sheet.next_page()
        sheet.resize(842, 595, upright, rotate)
        sheet.text(40, 50, ENTITY, 10, "Helvetica-Bold", color=TEAL)
        sheet.text(40, 78, grid.title or "", 14, "Helvetica-Bold")
        look = Look(size=8.0, row=17.0, accent=TEAL, shade=PALE if upright else None, columns_gap=4, indent=6)
        sheet.table(40, 96, 762, grid, look)
        sheet.text(421, 566, f"Page {sheet.page}", 8, "Helvetica", "center", GREY)
    sheet.save()
    return truth
