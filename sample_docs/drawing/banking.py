"""An invoice and a bank statement of invented firms.

Out: a one-page ruled invoice, a bank statement of three pages whose running balance is carried over, and their truths.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from reportlab.lib.colors import HexColor, white

from sample_docs.drawing.grid import Column, Entry, Grid, Notation, Truth
from sample_docs.drawing.sheet import A4, Look, Sheet

LEFT, RIGHT = 54.0, 541.0
WIDTH = RIGHT - LEFT
BLUE, GREY, PALE = HexColor(0x1F3A68), HexColor(0x666666), HexColor(0xEEF2F8)
PLAIN = Notation(negative="minus", nil="0.00", decimals=2)
CENT = Decimal("0.01")

ITEMS = (
    ("1", "Current meter CM-440, titanium housing", 4, "1849.00", 20),
    ("2", "Mooring frame, galvanised, with shackles and anodes", 4, "312.50", 20),
    ("3", "Calibration certificate, three points", 4, "96.00", 20),
    ("4", "Cable assembly 25 m, wet-mate connector", 6, "178.40", 20),
    ("5", "Commissioning on site, per day", 2, "780.00", 20),
    ("6", "Operating manual, printed, second edition", 3, "24.00", 0),
)


def invoice_items() -> tuple[Grid, dict[str, Decimal]]:
    """The ruled table of items and its sums."""
    rows, net, vat = [], Decimal(0), Decimal(0)
    for position, text, count, price, rate in ITEMS:
        amount = count * Decimal(price)
        net += amount
        vat += (amount * rate / 100).quantize(CENT, ROUND_HALF_UP)
        rows.append(
            Entry(position, (text, str(count), PLAIN.write(Decimal(price)), f"{rate}%", PLAIN.write(amount)))
        )
    columns = (
        Column("Description", 232.0, "left"), Column("Quantity", 52.0), Column("Unit price", 68.0), Column("VAT", 44.0),
        Column("Amount", 68.0),
    )  # fmt: skip
    grid = Grid(
        columns, tuple(rows), "Items", stub="#", currency="GBP", scale=1, unit_text="GBP", notation=PLAIN
    )
    return grid, {"net": net, "vat": vat, "total": net + vat}


def draw_invoice(path: Path) -> Truth:
    """Draw the invoice at `path` and return its truth."""
    truth = Truth(path.name, entity="Harlow Sound Hydrographics Ltd")
    sheet = Sheet(path, A4, truth, "Invoice HS-2024-0871", "Harlow Sound Hydrographics Ltd")
    sheet.fill(0, 0, 595, 10, BLUE)
    sheet.text(LEFT, 62, "Harlow Sound Hydrographics Ltd", 16, "Helvetica-Bold", color=BLUE)
    for n, line in enumerate(
        ("7 Basin Quay, Harlow Sound", "VAT number GB 000 0000 00", "accounts@hshydro.example")
    ):
        sheet.text(LEFT, 78 + 11 * n, line, 8.5, color=GREY)
    sheet.text(RIGHT, 66, "INVOICE", 24, "Helvetica-Bold", "right", BLUE)
    truth.fields = {
        "Invoice number": "HS-2024-0871", "Invoice date": "14 November 2024", "Due date": "14 December 2024",
        "Customer number": "C-20417", "Your order": "PO 55-3381",
    }  # fmt: skip
    for n, (label, value) in enumerate(truth.fields.items()):
        sheet.text(360, 150 + 14 * n, label, 9, color=GREY)
        sheet.text(RIGHT, 150 + 14 * n, value, 9, "Helvetica-Bold", "right")
    sheet.text(LEFT, 150, "Bill to", 9, color=GREY)
    for n, line in enumerate(("Brackwater Ferries Limited", "Technical department", "Pier 3, Brackwater")):
        sheet.text(LEFT, 165 + 13 * n, line, 10, "Helvetica-Bold" if n == 0 else "Helvetica")
    grid, sums = invoice_items()
    look = Look(
        size=9,
        row=19,
        rules="all",
        header_fill=BLUE,
        header_color=white,
        accent=HexColor(0xA9B4C6),
        columns_gap=10,
    )
    y = sheet.table(LEFT, 250, WIDTH, grid, look)
    totals = Grid(
        (Column("Amount", 90.0),),
        (
            Entry("Net amount", (sums["net"],)), Entry("VAT", (sums["vat"],)),
            Entry("Total due (GBP)", (sums["total"],), total=True, under="double"),
        ),
        "Totals", currency="GBP", scale=1, unit_text="GBP", notation=PLAIN, headed=False,
    )  # fmt: skip
    sheet.table(RIGHT - 220, y + 14, 220, totals, Look(size=10, row=18))
    sheet.text(
        LEFT, 640, "Payment within 30 days to: Bank of the Sound, sort code 00-00-00, account 00000000", 9
    )
    sheet.text(
        LEFT, 654, "Please quote the invoice number. Goods remain our property until they are paid for.", 9
    )
    sheet.text(297, 800, "Invented firms: sample document of Parquetry", 7.5, "Helvetica", "center", GREY)
    sheet.save()
    truth.fields |= {name: PLAIN.write(value) for name, value in sums.items()}
    return truth


PAYEES = (
    ("Card payment Basin Street Bakery", "d", 4, 28), ("Direct debit Sound Energy", "d", 62, 148),
    ("Standing order Rent Quay House", "d", 985, 985), ("Card payment Ostermoor Rail", "d", 11, 74),
    ("Transfer from Brackwater Ferries Ltd", "c", 1400, 3900), ("Card payment Marlow & Pike Books", "d", 8, 46),
    ("Cheque", "d", 120, 410), ("Direct debit Harbour Water", "d", 31, 58),
    ("Refund Northgate Tools", "c", 18, 96), ("Cash withdrawal Pier 3", "d", 20, 200),
    ("Transfer from Quillon & Marsh", "c", 640, 2150), ("Bank charges", "d", 6, 9),
)  # fmt: skip
BREAKS = (25, 59)  # rows before which a page ends


def bank_table(seed: int) -> tuple[Grid, dict[str, str]]:
    """The movements of a quarter: a running balance, carried over at each page break."""
    rng, cheque = random.Random(seed), 416
    balance = opening = Decimal("4218.37")
    day, rows = date(2024, 10, 1), []
    sums = {"d": Decimal(0), "c": Decimal(0)}
    rows.append(Entry("01 Oct 2024", ("Balance brought forward", None, None, balance), bold=True))
    while day <= date(2024, 12, 30):
        if len(rows) + 1 in BREAKS:
            rows.append(Entry("", ("Balance carried forward", None, None, balance), bold=True))
            rows.append(Entry("", ("Balance brought forward", None, None, balance), bold=True, repeats=True))
        name, side, low, high = rng.choice(PAYEES)
        amount = Decimal(rng.randint(low * 100, high * 100)) / 100 if low != high else Decimal(low)
        if side == "d" and balance - amount < -400:
            name, side, amount = "Transfer from Brackwater Ferries Ltd", "c", Decimal("2650.00")
        if name == "Cheque":
            cheque += 1
            name = f"Cheque {cheque:06d}"
        sums[side] += amount
        balance += amount if side == "c" else -amount
        values = (name, amount, None, balance) if side == "d" else (name, None, amount, balance)
        rows.append(Entry(day.strftime("%d %b %Y"), values))
        day += timedelta(days=rng.choice((0, 1, 1, 2, 3)))
    rows.append(Entry("31 Dec 2024", ("Closing balance", None, None, balance), bold=True))
    assert balance == opening + sums["c"] - sums["d"]
    columns = (
        Column("Description", 190.0, "left"), Column("Paid out", 76.0), Column("Paid in", 76.0), Column("Balance", 76.0)
    )  # fmt: skip
    grid = Grid(
        columns,
        tuple(rows),
        "Your transactions",
        stub="Date",
        currency="GBP",
        scale=1,
        unit_text="GBP",
        notation=PLAIN,
    )
    fields = {
        "Opening balance": PLAIN.write(opening), "Total paid in": PLAIN.write(sums["c"]),
        "Total paid out": PLAIN.write(sums["d"]), "Closing balance": PLAIN.write(balance),
    }  # fmt: skip
    return grid, fields


def draw_statement(path: Path) -> Truth:
    """Draw the bank statement at `path` and return its truth."""
    truth = Truth(path.name, entity="Bank of the Sound")
    sheet = Sheet(path, A4, truth, "Statement of account", "Bank of the Sound")
    grid, truth.fields = bank_table(417)

    def top() -> float:
        sheet.text(LEFT, 48, "Bank of the Sound", 15, "Helvetica-Bold", color=BLUE)
        sheet.text(RIGHT, 48, "Statement of account", 11, "Helvetica", "right", GREY)
        sheet.line(LEFT, 56, RIGHT, 56, 1.2, BLUE)
        sheet.text(LEFT, 806, "Account 00-00-00 00000000 · 1 October to 31 December 2024", 7.5, color=GREY)
        sheet.text(RIGHT, 806, f"Page {sheet.page} of 3", 7.5, "Helvetica", "right", GREY)
        return 78.0

    def turn() -> float:
        sheet.next_page()
        return top()

    top()
    for n, line in enumerate(("Ms Ingrid Sollerby", "12 Quay House", "Harlow Sound")):
        sheet.text(LEFT, 92 + 13 * n, line, 10)
    sheet.fill(330, 78, RIGHT, 152, PALE)
    summary = tuple(Entry(label, (f"£{value}",)) for label, value in truth.fields.items())
    box = Grid(
        (Column("", 80.0),), summary, currency="GBP", scale=1, unit_text="GBP", notation=PLAIN, headed=False
    )
    sheet.table(339, 81, RIGHT - 351, box, Look(size=9, row=15.0, columns_gap=0))
    sheet.text(LEFT, 190, grid.title or "", 12, "Helvetica-Bold", color=BLUE)
    look = replace(Look(size=8.8, row=20.4, rules="rows", header_fill=PALE, accent=BLUE, columns_gap=8))
    sheet.table(LEFT, 200, WIDTH, grid, look, {index: turn for index in BREAKS})
    sheet.save()
    return truth
