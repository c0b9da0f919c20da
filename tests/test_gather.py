"""The rows that a document gives: roles, numbers, doubts, HTML, and a failed document's row."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from extractors.assemble import join_tables
from extractors.choose import choose_engine
from extractors.errors import EncryptedError
from extractors.gather import cell_records, failed_document, overall, table_html
from extractors.settings import Settings
from extractors.sources import Source
from schemas.box import Box
from schemas.page import PageReading, ReadCell, TableFragment
from tests.printed import printed_table

BOX = Box(0, 0, 10, 10)


def cell(row, col, text, *, number=False, **more):
    given = {"source": "text_layer", "grounding": "exact"} | more
    return ReadCell(page=1, row=row, col=col, text=text, box=BOX, value_box=BOX if number else None, **given)


def joined(*cells, n_header_rows=1):
    n_rows, n_cols = max(c.row for c in cells) + 1, max(c.col + c.col_span for c in cells)
    fragment = TableFragment(
        page=1,
        box=BOX,
        n_rows=n_rows,
        n_cols=n_cols,
        n_header_rows=n_header_rows,
        cells=cells,
        engine="geometry",
    )
    reading = PageReading(
        page=1, width=100, height=100, rotation=0, text_source="text_layer", fragments=(fragment,)
    )
    return join_tables([reading], "d")


TABLE = joined(
    cell(0, 1, "2025", number=True),
    cell(1, 0, "Assets"),
    cell(2, 0, "Cash"),
    cell(2, 1, "$ 1,234", number=True),
    cell(3, 0, "Total assets"),
    cell(3, 1, "(56)", number=True),
)


def test_roles_and_numbers():
    rows = {(c.row, c.col): (c.role, c.value) for c in cell_records(TABLE, ())}
    assert rows == {
        (0, 1): ("column_header", None),
        (1, 0): ("section", None),
        (2, 0): ("row_header", None),
        (2, 1): ("value", Decimal(1234)),
        (3, 0): ("row_header", None),
        (3, 1): ("total", Decimal(-56)),
    }


def test_a_number_that_nothing_vouches_for_is_marked():
    sure, unsure, mismatch, seen, label = cell_records(
        joined(
            cell(0, 0, "10", number=True, source="ocr", grounding="unavailable", confidence=0.99),
            cell(0, 1, "11", number=True, source="ocr", grounding="unavailable", confidence=0.5),
            cell(0, 2, "12", number=True, source="vision", grounding="mismatch"),
            cell(0, 3, "13", number=True, source="vision", grounding="unavailable"),
            cell(0, 4, "word", source="ocr", grounding="unavailable", confidence=0.5),
            n_header_rows=0,
        ),
        (),
    )
    assert [c.needs_review for c in (sure, unsure, mismatch, seen, label)] == [True, True, True, True, False]


def test_html_is_escaped_and_keeps_spans():
    (table,) = joined(
        cell(0, 0, "<script>alert(1)</script>", col_span=2), cell(1, 0, "a & b"), cell(1, 1, "1")
    )
    assert table_html(table) == (
        '<table>\n<tr><th colspan="2">&lt;script&gt;alert(1)&lt;/script&gt;</th></tr>\n'
        "<tr><td>a &amp; b</td><td>1</td></tr>\n</table>"
    )


def test_a_document_without_a_readable_page_failed():
    bad = PageReading(page=1, width=1, height=1, rotation=0, text_source="none", status="failed")
    good = PageReading(page=2, width=1, height=1, rotation=0, text_source="none")
    assert [overall([], ()), overall([bad], ()), overall([bad, good], ()), overall([good], ())] == [
        "failed",
        "failed",
        "partial",
        "ok",
    ]


def test_a_document_that_cannot_be_opened_has_a_row_and_a_reason():
    settings = Settings(engine="geometry")
    source = Source("/in/a.pdf", 10, "f" * 64, "application/pdf")
    result = failed_document(
        source, settings, choose_engine(settings), EncryptedError("needs a password"), datetime.now(UTC)
    )
    assert (result.document.status, result.document.n_pages) == ("failed", 0)
    assert [(f.category, f.message, f.source_uri) for f in result.failures] == [
        ("encrypted", "needs a password", "/in/a.pdf")
    ]


def test_figures_printed_unlike_their_column_are_marked_on_scans_only() -> None:
    rows = [["", "Index", "Tonnes"], ["a", "7.9", "19.934"], ["b", "22.3", "6.864"], ["c", "3.2", "202"],
            ["d", "2.9", "3.278"], ["e", "13.6", "11.478"], ["f", "1.7", "1,234,567"]]  # fmt: skip
    scanned, printed = (
        {c.text for c in cell_records((printed_table(rows, source=source),), ()) if c.needs_review}
        for source in ("ocr", "text_layer")
    )
    assert scanned == {"19.934", "6.864", "3.278", "11.478"}
    assert printed == set()
