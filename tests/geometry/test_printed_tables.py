"""Tables drawn into real PDFs: scripts, directions of reading, turned and landscape pages, a table beside running text."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from extractors.geometry.captions import outside_lines
from extractors.geometry.engine import read_tables
from extractors.pages.textlayer import text_layer
from schemas.page import TableFragment
from tests.geometry.test_engine import check_words
from tests.typed_pages import grid_of

SIZE, LEADING = 10.0, 16.0  # points
HEBREW_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
Rows = list[tuple[str, ...]]

ENGLISH: Rows = [
    ("", "2024", "2023"),
    ("Revenue from contracts", "1,234", "1,100"),
    ("Cost of sales", "(800)", "(700)"),
    ("Net profit", "434", "400"),
]


def draw(
    page: pymupdf.Page,
    rows: Rows,
    font: pymupdf.Font,
    labels: float = 70.0,
    ends: tuple[float, ...] = (390, 490),
) -> None:
    """Draw labels from the left at `labels` and values up to each of `ends` (points)."""
    writer = pymupdf.TextWriter(page.rect)
    for number, (label, *values) in enumerate(rows):
        y = 120 + number * LEADING
        if label:
            writer.append((labels, y), label, font=font, fontsize=SIZE)
        for end, value in zip(ends, values, strict=True):
            writer.append((end - font.text_length(value, SIZE), y), value, font=font, fontsize=SIZE)
    writer.write_text(page)


def read(document: pymupdf.Document) -> list[TableFragment]:
    content = text_layer(document[0], None)
    check_words(content)
    return list(read_tables(content))


@pytest.mark.parametrize(
    ("font", "rows"),
    [
        (
            "china-s",
            [
                ("项目", "2024年", "2023年"),
                ("营业收入", "1,234.50", "1,100.00"),
                ("营业成本", "(800.25)", "(700.10)"),
                ("净利润", "434.25", "399.90"),
            ],
        ),
        (
            "helv",
            [
                ("in Tsd. EUR", "2024", "2023"),
                ("Umsatzerlöse", "1.234.567", "1.100.000"),
                ("Materialaufwand", "-800.250", "-700.100"),
                ("Jahresüberschuss", "434.317", "399.900"),
            ],
        ),
        (
            "helv",
            [
                ("Em milhares de reais", "2024", "2023"),
                ("Receita líquida de vendas", "1.234.567", "1.100.000"),
                ("Custo dos produtos", "(800.250)", "(700.100)"),
                ("Lucro do exercício", "434.317", "399.900"),
            ],
        ),
    ],
)
def test_tables_in_other_languages(font: str, rows: Rows) -> None:
    with pymupdf.open() as document:
        draw(document.new_page(), rows, pymupdf.Font(font))
        (table,) = read(document)
    assert grid_of(table) == [list(row) for row in rows]


@pytest.mark.skipif(not HEBREW_FONT.exists(), reason="no font with Hebrew letters is installed")
def test_a_table_that_reads_from_right_to_left() -> None:
    rows: Rows = [
        ("סעיף", "2024", "2023"),
        ("הכנסות ממכירות", "1,234", "1,100"),
        ("עלות המכר", "(800)", "(700)"),
        ("רווח נקי", "434", "400"),
    ]
    font = pymupdf.Font(fontfile=str(HEBREW_FONT))
    with pymupdf.open() as document:
        page = document.new_page()
        writer = pymupdf.TextWriter(page.rect)
        title = "דוח רווח והפסד"
        for y, cells in [(90.0, (title,)), *((120 + n * LEADING, row) for n, row in enumerate(rows))]:
            for end, text in zip((500, 320, 190), cells, strict=False):
                drawn = text[::-1] if not text.strip("()").replace(",", "").isdigit() else text
                writer.append((end - font.text_length(drawn, SIZE), y), drawn, font=font, fontsize=SIZE)
        writer.write_text(page)
        content = text_layer(page, None)
        check_words(content)
        (table,) = read_tables(content)
        (line,) = outside_lines(content, [table])
    assert grid_of(table) == [list(row) for row in rows]  # the label is column 0, at the right of the page
    cells = {(cell.row, cell.col): cell for cell in table.cells}
    assert cells[1, 0].box.x1 == pytest.approx(500, abs=2)
    assert cells[1, 1].value_box is not None
    assert cells[1, 1].value_box.x1 == pytest.approx(320, abs=2)
    assert (line.text, round(line.box.x1)) == (title, 500)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_turned_by_its_rotation_entry_or_drawn_sideways(turn: int) -> None:
    with pymupdf.open() as drawn, pymupdf.open() as document:
        draw(drawn.new_page(), ENGLISH, pymupdf.Font("helv"))
        wide = turn in (90, 270)
        page = document.new_page(width=842 if wide else 595, height=595 if wide else 842)
        page.show_pdf_page(page.rect, drawn, 0, rotate=turn)
        (table,) = read(document)
    assert grid_of(table) == [list(row) for row in ENGLISH]


@pytest.mark.parametrize(("width", "height"), [(842, 595), (1684, 1190)])
def test_a_landscape_page_of_many_columns(width: float, height: float) -> None:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep")
    rows: Rows = [("Product", *months)]
    rows += [(f"Product {n}", *(f"{n},{100 + 7 * m}" for m in range(9))) for n in range(1, 7)]
    with pymupdf.open() as document:
        page = document.new_page(width=width, height=height)
        draw(page, rows, pymupdf.Font("helv"), ends=tuple(200 + 60.0 * m for m in range(9)))
        (table,) = read(document)
    assert grid_of(table) == [list(row) for row in rows]


def test_a_table_in_one_of_two_columns_of_text() -> None:
    text = "The committee met in the spring and agreed on the report about the work of the past year"
    words = text.split()
    with pymupdf.open() as document:
        page = document.new_page()
        font = pymupdf.Font("helv")
        writer = pymupdf.TextWriter(page.rect)
        for number in range(40):
            line = " ".join(words[(3 * number + k) % len(words)] for k in range(8))
            y = 120 + 13 * number
            writer.append((50, y), line, font=font, fontsize=9)
            if not 12 <= number <= 24:
                writer.append((310, y), line, font=font, fontsize=9)
        for number, (label, *values) in enumerate(ENGLISH):
            y = 120 + 13 * (15 + 2 * number) + 5
            if label:
                writer.append((310, y), label, font=font, fontsize=9)
            for end, value in zip((480, 540), values, strict=True):
                writer.append((end - font.text_length(value, 9), y), value, font=font, fontsize=9)
        writer.write_text(page)
        (table,) = read(document)
    assert grid_of(table) == [list(row) for row in ENGLISH]


def test_a_label_centred_over_its_two_rows_is_one_cell_over_both() -> None:
    font = pymupdf.Font("helv")
    lines = [
        (0.0, "Fuel", "2024", "2023"),
        (1.0, "Coal", "120", "110"),
        (2.0, "", "12", "11"),
        (2.5, "Natural gas", "", ""),
        (3.0, "", "4", "3"),
        (4.0, "Oil", "2", "1"),
    ]
    with pymupdf.open() as document:
        writer = pymupdf.TextWriter(document.new_page().rect)
        for line, *texts in lines:
            for x, text in zip((70.0, 300.0, 400.0), texts, strict=True):
                if text:
                    writer.append((x, 120 + line * LEADING), text, font=font, fontsize=SIZE)
        writer.write_text(document[0])
        (table,) = read(document)
    assert grid_of(table) == [
        ["Fuel", "2024", "2023"],
        ["Coal", "120", "110"],
        ["Natural gas", "12", "11"],
        ["", "4", "3"],
        ["Oil", "2", "1"],
    ]
    (label,) = [cell for cell in table.cells if cell.text == "Natural gas"]
    assert (label.row, label.col, label.row_span) == (2, 0, 2)
