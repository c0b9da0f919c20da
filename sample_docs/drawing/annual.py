"""The born-digital annual report of the invented Tarnwick Instruments, Inc.: sixteen pages, US form.

Out: a PDF, and its truth: five primary statements, and every other table, look-alikes included.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reportlab.lib.colors import HexColor, white

from sample_docs.drawing import notes, statements
from sample_docs.drawing.figures import books
from sample_docs.drawing.grid import Grid, Truth
from sample_docs.drawing.sheet import LETTER, Look, Sheet

ENTITY = "Tarnwick Instruments, Inc."
TEAL, GREY, PALE, DARK = HexColor(0x0F5B66), HexColor(0x6B7480), HexColor(0xE9F2F3), HexColor(0x1B2A33)
LEFT, RIGHT = 54.0, 558.0
WIDTH = RIGHT - LEFT
STATEMENT = Look(size=8.4, row=13.2, accent=TEAL)
SHADED = replace(STATEMENT, shade=PALE)
NOTE = Look(size=8.4, row=13.0, accent=GREY)

LETTER_TEXT = """
For most of the last decade our customers bought instruments. In 2024 they bought answers. A harbor pilot does not want
a current meter; she wants to know whether a vessel of sixteen meters draft can turn in the next forty minutes. A brewery
does not want a flow sensor; it wants to lose no beer. That shift, from devices to decisions, is the reason that services
grew faster than products again this year, and the reason that we believe it will go on.

Net sales rose to ${sales} million, and operating income to ${operating} million. Every segment contributed. Marine
Sensors opened the calibration basin in Harlow Sound on time and within its budget; Industrial Flow finished the
integration of the business that it acquired in 2023; and Laboratory Systems, which had lost two large tenders the year
before, won both of them back. Cash provided by operating activities reached ${cash} million, which paid for our
investments, for the dividend and for the shares that we bought, and still left more in the bank than we began with.

We did not get everything right. Inventories in Industrial Flow stayed too high until the summer, and the restructuring of
our plant in Ostermoor took a quarter longer than we had told you that it would. Both are behind us, and both cost money
that we would rather have spent on engineers.

The dividend is up for the eleventh year running, to ${dividend} per share. Our balance sheet gives us room to act: the
notes that fall due in 2025 can be repaid from cash on hand, and the revolving facility was not drawn at any time during
the year. We will use that room with care. There are a dozen companies that we would like to own, and perhaps two at a price
that we would like to pay.

To the 21,400 people who work here: thank you. To the shareholders who have asked us hard questions, in letters and in
person: thank you as well. They have made this a better company, and we hope that you will keep asking.
"""
REVIEW = """
Net sales grew in all three segments. Of the increase over the prior year, roughly two thirds came from volume and one third
from price; exchange rates and acquisitions were each worth less than half of one percentage point. Services were helped by
the new subscription for harbor approaches, which is now installed in forty-one ports, and by higher attachment of
maintenance contracts to new equipment.

Gross profit rose with sales. Freight and electronic components became cheaper in the first half of the year; wages rose by a
little more than four percent. The share of services in the mix, which carries a higher margin, added to the improvement.

Selling, general and administrative expense includes $19 million for the replacement of the order system, which went live in
the United States in May and in Europe in October. Research and development expense rose with headcount in software.

Restructuring and related charges concern the closure of the Ostermoor plant and the move of its final assembly to two
existing sites. No further material charges are expected under this program.
"""
LIQUIDITY = """
Our principal sources of liquidity are cash provided by operating activities, cash and marketable securities on hand and a
committed revolving credit facility of $1,200 million that matures in 2028. There were no borrowings under the facility at
the end of either year, and we complied with all of its covenants.

We expect capital expenditures of between $320 million and $350 million in 2025. In November 2024 the Board of Directors
authorized the repurchase of up to $1,000 million of common stock, of which $912 million remained at the end of the year.
"""
AUDITOR = """
To the Shareholders and the Board of Directors of Tarnwick Instruments, Inc.

We have audited the accompanying consolidated balance sheets of Tarnwick Instruments, Inc. and its subsidiaries as of
December 31, 2024 and 2023, the related consolidated statements of income, comprehensive income, changes in equity and cash
flows for each of the three years in the period ended December 31, 2024, and the related notes. In our opinion, the
consolidated financial statements present fairly, in all material respects, the financial position of the Company as of
December 31, 2024 and 2023, and the results of its operations and its cash flows for each of the three years in the period
ended December 31, 2024, in conformity with accounting principles generally accepted in the United States of America.

Basis for opinion. These consolidated financial statements are the responsibility of the Company’s management. Our
responsibility is to express an opinion on them based on our audits. We conducted our audits in accordance with the
standards that apply to us, which require that we plan and perform the audit to obtain reasonable assurance about whether
the consolidated financial statements are free of material misstatement, whether due to error or fraud.

Critical audit matter. Goodwill of the Laboratory Systems reporting unit is tested for impairment each year. The estimate of
its fair value rests on assumptions about growth and discount rates that require judgment. We tested the Company’s process,
compared the assumptions with external data, and performed our own calculations over a range of discount rates. An increase
of one percentage point in the discount rate would not have led to an impairment.

We have served as the Company’s auditor since 2011.
"""
POLICIES = """
Nature of business. Tarnwick Instruments, Inc. designs, makes and services instruments that measure water, process fluids and
laboratory samples. It operates in three segments: Marine Sensors, Industrial Flow and Laboratory Systems.

Principles of consolidation. The consolidated financial statements include the accounts of the Company and of the subsidiaries
that it controls. Balances and transactions between them are eliminated. Amounts are in millions of dollars except per share
amounts, and may not always be comparable with amounts that were rounded differently elsewhere in this report.

Revenue. Revenue from products is recognized when control passes to the customer, usually on shipment. Revenue from services is
recognized over the term of the contract. Payment is due within 30 to 90 days, and contracts hold no significant financing.

Inventories are stated at the lower of cost, determined on a first-in, first-out basis, and net realizable value.
"""
SEGMENT_TEXT = """
The Company’s chief operating decision maker uses operating income to assess performance and to allocate resources. Corporate
and unallocated consists of the cost of headquarters, insurance and restructuring that is not charged to the segments. No single
customer accounted for more than ten percent of net sales in any of the years presented.
"""
DEBT_TEXT = """
In March 2024 the Company issued $450 million of senior notes with a coupon of 4.600% that mature in 2029, and repaid $350
million of notes at maturity. The senior notes are unsecured and rank equally with all other unsecured debt. The fair value of
debt, based on quoted prices, was $2,164 million and $2,031 million at December 31, 2024 and 2023.
"""
TAX_TEXT = """
Undistributed earnings of foreign subsidiaries of approximately $640 million are considered to be reinvested indefinitely, and no
deferred taxes have been provided on them. Unrecognized tax benefits were $57 million at the end of 2024.
"""
EPS_TEXT = """
Stock awards for 0.6 million shares in 2024 and 0.9 million shares in 2023 were left out of the computation of diluted earnings
per share, because their effect would have been antidilutive.
"""
CLAIMS = """
The Company is party to claims that arise in the ordinary course of business. It does not expect them to have a material effect.
Purchase commitments at the end of 2024 were $392 million, of which $284 million fall due within one year.
"""


def draw(path: Path) -> Truth:
    """Draw the report at `path` and return its truth."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, LETTER, truth, "Tarnwick Instruments, Inc. Annual Report 2024", ENTITY)
    for number, page in enumerate((_cover, _letter, _selected, _review, _liquidity, _auditor)):
        if number:
            sheet.next_page()
        page(sheet)
    for grid, look, legend in (
        (
            statements.income_statement(books()),
            SHADED,
            "1 Closure of the plant in Ostermoor; see management’s discussion and analysis.",
        ),
        (statements.comprehensive_income(books()), STATEMENT, ""),
        (statements.balance_sheet(books()), replace(STATEMENT, leader=True), ""),
        (statements.cash_flow_statement(books()), replace(STATEMENT, size=8.2, row=12.6), ""),
        (
            statements.equity_statement(books()),
            replace(STATEMENT, size=7.2, row=14.0, indent=8, columns_gap=5),
            "",
        ),
    ):
        sheet.next_page()
        _statement(sheet, grid, look, legend)
    for notes_page in (_accounting, _goodwill_and_segments, _debt, _taxes, _shares):
        sheet.next_page()
        notes_page(sheet)
    sheet.save()
    return truth


def _furniture(sheet: Sheet, part: str) -> None:
    sheet.text(LEFT, 40, ENTITY, 8, "Helvetica-Bold", color=TEAL)
    sheet.text(RIGHT, 40, part, 8, "Helvetica", "right", GREY)
    sheet.line(LEFT, 46, RIGHT, 46, 0.6, TEAL)
    sheet.line(LEFT, 752, RIGHT, 752, 0.4, GREY)
    sheet.text(LEFT, 764, "2024 Annual Report", 7.5, "Helvetica", color=GREY)
    sheet.text(RIGHT, 764, str(sheet.page), 8, "Helvetica-Bold", "right", TEAL)


def _cover(sheet: Sheet) -> None:
    sheet.fill(0, 0, 612, 792, TEAL)
    sheet.fill(0, 420, 612, 424, HexColor(0xE2B44C))
    sheet.text(LEFT, 360, "Tarnwick Instruments", 38, "Helvetica-Bold", color=white)
    sheet.text(LEFT, 398, "Measured twice, every time", 16, "Helvetica-Oblique", color=HexColor(0xCFE3E6))
    sheet.text(LEFT, 470, "Annual Report 2024", 24, "Helvetica", color=white)
    sheet.text(LEFT, 494, "Fiscal year ended December 31, 2024", 11, "Helvetica", color=HexColor(0xCFE3E6))
    sheet.text(
        LEFT,
        742,
        "An invented company: sample document of Parquetry",
        8,
        "Helvetica",
        color=HexColor(0x9FC3C9),
    )


def _heading(sheet: Sheet, y: float, text: str, size: float = 17) -> float:
    sheet.text(LEFT, y, text, size, "Helvetica-Bold", color=TEAL)
    return y + size * 1.2


def _letter(sheet: Sheet) -> None:
    _furniture(sheet, "Letter to shareholders")
    y = _heading(sheet, 84, "To our shareholders")
    year = books()[2024]
    text = LETTER_TEXT.format(
        sales=f"{year.flow['sales']:,}",
        operating=f"{year.flow['operating']:,}",
        cash=f"{year.flow['operating_cash']:,}",
        dividend=year.dividend,
    )
    y = sheet.prose(LEFT, y + 8, WIDTH, text, 10.5)
    sheet.text(LEFT, y + 26, "Ingrid Sollerby", 11, "Times-Italic")
    sheet.text(LEFT, y + 40, "Chair and Chief Executive Officer", 9, "Helvetica", color=GREY)


def _titled(sheet: Sheet, y: float, grid: Grid, look: Look, x: float = LEFT, width: float = WIDTH) -> float:
    """A table under its title and, where it is not in the header, its unit."""
    assert grid.title is not None
    sheet.text(x, y, grid.title, 10, "Helvetica-Bold", color=DARK)
    y += 4
    if grid.unit_text and grid.stub != grid.unit_text:
        y += 10
        sheet.text(x, y, grid.unit_text, 7.8, "Helvetica-Oblique", color=GREY)
    return sheet.table(x, y + 3, width, grid, look) + 22


def _selected(sheet: Sheet) -> None:
    _furniture(sheet, "Selected financial data")
    y = _heading(sheet, 84, "Five years at a glance")
    y = sheet.prose(
        LEFT, y + 4, WIDTH,
        "The data below are taken from our consolidated financial statements and should be read together with them. "
        "Amounts of 2021 and 2020 come from reports of earlier years.", 9.5,
    )  # fmt: skip
    header = replace(NOTE, header_fill=TEAL, header_color=white, shade=PALE, size=8.2)
    _titled(sheet, y + 12, notes.five_years(books()), header)


def _review(sheet: Sheet) -> None:
    _furniture(sheet, "Management’s discussion and analysis")
    y = _heading(sheet, 84, "Results of operations", 15)
    y = _titled(
        sheet, y + 6, notes.results_extract(books()), replace(NOTE, rules="rows", size=8.2, columns_gap=8)
    )
    half = (WIDTH - 24) / 2
    paragraphs = REVIEW.strip().split("\n\n")
    sheet.prose(LEFT, y + 6, half, "\n\n".join(paragraphs[:2]), 9.5)
    sheet.prose(LEFT + half + 24, y + 6, half, "\n\n".join(paragraphs[2:]), 9.5)


def _liquidity(sheet: Sheet) -> None:
    _furniture(sheet, "Management’s discussion and analysis")
    y = _heading(sheet, 84, "Liquidity and capital resources", 15)
    y = sheet.prose(LEFT, y + 4, WIDTH, LIQUIDITY, 9.5)
    y = _titled(sheet, y + 12, notes.cash_extract(books()), NOTE)
    _titled(sheet, y + 6, notes.contractual_obligations(books()), replace(NOTE, rules="all", size=8.2))


def _auditor(sheet: Sheet) -> None:
    _furniture(sheet, "Report of independent auditors")
    y = _heading(sheet, 84, "Report of independent registered public accounting firm", 13)
    y = sheet.prose(LEFT, y + 6, WIDTH, AUDITOR, 10)
    sheet.text(LEFT, y + 18, "Quillon & Marsh LLP", 10, "Times-Italic")
    sheet.text(LEFT, y + 32, "Harlow Sound, February 14, 2025", 9, "Times-Roman")


def _statement(sheet: Sheet, grid: Grid, look: Look, legend: str) -> None:
    _furniture(sheet, "Consolidated financial statements")
    assert grid.title is not None
    sheet.text(LEFT, 78, ENTITY, 11, "Helvetica-Bold", color=GREY)
    sheet.text(LEFT, 96, grid.title, 15, "Helvetica-Bold", color=TEAL)
    y = 104.0
    if grid.unit_text and grid.stub != grid.unit_text:
        sheet.text(LEFT, 110, grid.unit_text, 8.2, "Helvetica-Oblique", color=DARK)
        y = 114.0
    y = sheet.table(LEFT, y + 4, WIDTH, grid, look)
    if legend:
        sheet.text(LEFT, y + 18, legend, 7.5, "Helvetica", color=DARK)
        y += 11
    sheet.text(
        LEFT,
        y + 20,
        "The accompanying notes are an integral part of these statements.",
        7.5,
        "Helvetica-Oblique",
    )


def _note(sheet: Sheet, y: float, title: str, text: str) -> float:
    sheet.text(LEFT, y, title, 11, "Helvetica-Bold", color=TEAL)
    return sheet.prose(LEFT, y + 16, WIDTH, text, 9.3)


def _accounting(sheet: Sheet) -> None:
    _furniture(sheet, "Notes to consolidated financial statements")
    y = _note(sheet, 78, "Note 1. Summary of significant accounting policies", POLICIES)
    y = _note(
        sheet, y + 14, "Note 2. Inventories and property", "Their components at the end of each year were:"
    )
    y = _titled(sheet, y + 8, notes.inventories(books()), NOTE)
    _titled(sheet, y + 4, notes.property_note(books()), replace(NOTE, leader=True))


def _goodwill_and_segments(sheet: Sheet) -> None:
    _furniture(sheet, "Notes to consolidated financial statements")
    y = _note(sheet, 78, "Note 3. Goodwill", "The carrying amount of goodwill changed as follows.")
    y = _titled(sheet, y + 8, notes.goodwill(books()), NOTE)
    y = _note(sheet, y + 16, "Note 4. Segment information", SEGMENT_TEXT)
    look = replace(NOTE, header_fill=PALE, header_color=DARK, size=8.2, columns_gap=8)
    _titled(sheet, y + 8, notes.segments(books()), look)


def _debt(sheet: Sheet) -> None:
    _furniture(sheet, "Notes to consolidated financial statements")
    y = _note(sheet, 78, "Note 5. Debt", DEBT_TEXT)
    y = _titled(sheet, y + 8, notes.debt(books()), NOTE)
    _titled(sheet, y + 12, notes.maturities(books()), replace(NOTE, rules="rows"), LEFT, 260)


def _taxes(sheet: Sheet) -> None:
    _furniture(sheet, "Notes to consolidated financial statements")
    y = _note(sheet, 78, "Note 6. Income taxes", TAX_TEXT)
    y = _titled(sheet, y + 8, notes.tax_provision(books()), NOTE)
    _titled(sheet, y + 12, notes.tax_rate(books()), replace(NOTE, leader=True))


def _shares(sheet: Sheet) -> None:
    _furniture(sheet, "Notes to consolidated financial statements")
    y = _note(sheet, 78, "Note 7. Earnings per share", EPS_TEXT)
    y = _titled(sheet, y + 8, notes.per_share(books()), NOTE)
    y = _note(
        sheet, y + 16, "Note 8. Quarterly results",
        "Results of quarters are not audited. Restructuring charges fell mostly into the fourth quarter.",
    )  # fmt: skip
    y = _titled(sheet, y + 8, notes.quarters(books()), replace(NOTE, shade=PALE))
    sheet.text(
        LEFT, y, "2 Earnings per share of the quarters need not add up to those of the year.", 7.5, color=DARK
    )
    _note(sheet, y + 34, "Note 9. Commitments and contingencies", CLAIMS)
