"""The annual accounts of the invented Kellinghaus Werkzeugbau GmbH: German form, decimal commas, euro and cents.

Out: a PDF of two pages (Bilanz, Gewinn- und Verlustrechnung) and its truth.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from reportlab.lib.colors import HexColor

from sample_docs.drawing.grid import GERMAN, Column, Entry, Grid, Truth
from sample_docs.drawing.sheet import A4, Look, Sheet

ENTITY = "Kellinghaus Werkzeugbau GmbH"
LEFT, RIGHT = 64.0, 531.0
WIDTH = RIGHT - LEFT
GREY = HexColor(0x555555)
LOOK = Look(size=9.0, row=14.2, font="Times-Roman", bold="Times-Bold", indent=12.0)

Pair = tuple[Decimal, Decimal]


def eur(new: str, old: str) -> Pair:
    """Both years' amounts in euro."""
    return Decimal(new), Decimal(old)


def sums(*parts: Pair) -> Pair:
    """Add up both years."""
    return sum((p[0] for p in parts), Decimal(0)), sum((p[1] for p in parts), Decimal(0))


RESULT_PARTS = (
    ("1. Umsatzerlöse", eur("18437215.64", "17902863.11")),
    ("2. Erhöhung oder Verminderung des Bestands an unfertigen Erzeugnissen", eur("-214380.00", "96115.50")),
    ("3. Sonstige betriebliche Erträge", eur("182644.09", "143907.32")),
    ("a) Aufwendungen für Roh-, Hilfs- und Betriebsstoffe", eur("-7318402.77", "-7206518.93")),
    ("b) Aufwendungen für bezogene Leistungen", eur("-1046931.25", "-988274.60")),
    ("a) Löhne und Gehälter", eur("-5120886.31", "-4987140.08")),
    ("b) Soziale Abgaben", eur("-1078344.90", "-1041662.57")),
    ("6. Abschreibungen auf Sachanlagen", eur("-876210.18", "-902445.73")),
    ("7. Sonstige betriebliche Aufwendungen", eur("-1533908.46", "-1618230.29")),
    ("8. Zinsen und ähnliche Aufwendungen", eur("-118720.55", "-134906.81")),
    ("9. Steuern vom Einkommen und vom Ertrag", eur("-391612.40", "-378115.22")),
)


def income_statement() -> Grid:
    """Gewinn- und Verlustrechnung nach dem Gesamtkostenverfahren."""
    parts = dict(RESULT_PARTS)
    after = sums(*parts.values())
    other = eur("-24118.00", "-23870.00")
    rows = []
    for label, values in RESULT_PARTS:
        if label.startswith("a) Auf"):
            rows.append(Entry("4. Materialaufwand", section=True, bold=False))
        if label.startswith("a) Löhne"):
            rows.append(Entry("5. Personalaufwand", section=True, bold=False))
        rows.append(Entry(label, values, 1 if label[1] == ")" else 0))
    rows += [
        Entry("10. Ergebnis nach Steuern", after, total=True),
        Entry("11. Sonstige Steuern", other),
        Entry("12. Jahresüberschuss", sums(after, other), total=True, under="double"),
    ]
    columns = tuple(Column(f"{y}\nEUR", 96.0, "right", f"{y}-12-31", f"{y}-01-01", 12) for y in (2024, 2023))
    return Grid(
        columns, tuple(rows), "Gewinn- und Verlustrechnung", "income_statement", currency="EUR", scale=1,
        unit_text="EUR", period_caption="für die Zeit vom 1. Januar bis 31. Dezember 2024", notation=GERMAN,
    )  # fmt: skip


def balance_sheet() -> Grid:
    """Bilanz: Aktiva over Passiva; bank balances take what remains, so that both sides agree."""
    profit = tuple(v for v in income_statement().rows[-1].values if isinstance(v, Decimal))
    fixed = (
        ("I. Immaterielle Vermögensgegenstände", eur("84215.00", "102390.00")),
        ("II. Sachanlagen", eur("6318742.50", "6709884.31")),
        ("III. Finanzanlagen", eur("250000.00", "250000.00")),
    )
    stocks = eur("2914306.18", "3128686.18")
    claims = eur("2407118.93", "2285340.77")
    capital = (
        ("I. Gezeichnetes Kapital", eur("500000.00", "500000.00")),
        ("II. Kapitalrücklage", eur("1250000.00", "1250000.00")),
        ("III. Gewinnvortrag", eur("3870425.17", "3212703.47")),
        ("IV. Jahresüberschuss", (profit[0], profit[1])),
    )
    provisions = eur("1186540.00", "1093215.00")
    debts = (
        ("1. Verbindlichkeiten gegenüber Kreditinstituten", eur("3120000.00", "4360000.00")),
        ("2. Verbindlichkeiten aus Lieferungen und Leistungen", eur("1094227.36", "1187903.14")),
        ("3. Sonstige Verbindlichkeiten", eur("318904.71", "296118.45")),
    )
    deferred = eur("41200.00", "0")
    fixed_sum, capital_sum, debt_sum = (sums(*(v for _, v in part)) for part in (fixed, capital, debts))
    total = sums(capital_sum, provisions, debt_sum, deferred)
    bank = sums(total, *((-v[0], -v[1]) for v in (fixed_sum, stocks, claims)))
    current_sum = sums(stocks, claims, bank)
    rows = [
        Entry("Aktiva", section=True), Entry("A. Anlagevermögen", section=True),
        *(Entry(label, values, 1) for label, values in fixed), Entry("Summe Anlagevermögen", fixed_sum, 2, total=True),
        Entry("B. Umlaufvermögen", section=True), Entry("I. Vorräte", stocks, 1),
        Entry("II. Forderungen und sonstige Vermögensgegenstände", claims, 1),
        Entry("III. Kassenbestand und Guthaben bei Kreditinstituten", bank, 1),
        Entry("Summe Umlaufvermögen", current_sum, 2, total=True),
        Entry("Summe Aktiva", total, total=True, under="double"),
        Entry("Passiva", section=True, gap=16), Entry("A. Eigenkapital", section=True),
        *(Entry(label, values, 1) for label, values in capital), Entry("Summe Eigenkapital", capital_sum, 2, total=True),
        Entry("B. Rückstellungen", provisions), Entry("C. Verbindlichkeiten", section=True),
        *(Entry(label, values, 1) for label, values in debts), Entry("Summe Verbindlichkeiten", debt_sum, 2, total=True),
        Entry("D. Passive latente Steuern", deferred), Entry("Summe Passiva", total, total=True, under="double"),
    ]  # fmt: skip
    columns = tuple(Column(f"31.12.{y}\nEUR", 96.0, "right", f"{y}-12-31") for y in (2024, 2023))
    return Grid(
        columns, tuple(rows), "Bilanz", "balance_sheet", currency="EUR", scale=1, unit_text="EUR",
        period_caption="zum 31. Dezember 2024", notation=GERMAN,
    )  # fmt: skip


def draw(path: Path) -> Truth:
    """Draw the accounts at `path` and return their truth."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, A4, truth, f"{ENTITY}: Jahresabschluss 2024", ENTITY)
    for number, grid in enumerate((balance_sheet(), income_statement())):
        if number:
            sheet.next_page()
        sheet.text(LEFT, 62, ENTITY, 11, "Times-Bold")
        sheet.text(RIGHT, 62, "Ostermoor", 10, "Times-Roman", "right", GREY)
        sheet.line(LEFT, 70, RIGHT, 70, 0.6)
        sheet.text(LEFT, 104, grid.title or "", 15, "Times-Bold")
        sheet.text(LEFT, 120, grid.period_caption or "", 10.5, "Times-Roman")
        sheet.table(LEFT, 136, WIDTH, grid, replace(LOOK, leader=bool(number)))
        sheet.text(297, 800, f"Seite {sheet.page} von 2", 8.5, "Times-Roman", "center", GREY)
    sheet.save()
    return truth
