"""A number that OCR read is confirmed by reading its crop again, or contested with what was seen instead."""

from __future__ import annotations

import math

import pymupdf
import pytest

from extractors.document import extract_document
from extractors.pages import ocr, opening
from extractors.pages.render import Pose, pdf_raster, upright_render
from extractors.pages.second_look import confirm_numbers, figure, judged_label, unsure_labels
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.box import Box
from schemas.page import PageContent, ReadCell, TableFragment
from tests.small import small_pdf

PRINTED = ["1,234", "(56.7)", "£ 890", "12 %"]


@pytest.fixture(scope="module")
def page():
    """A page with four numbers one below the other, and where each stands."""
    pdf = pymupdf.open()
    sheet = pdf.new_page(width=300, height=200)
    boxes = []
    for i, text in enumerate(PRINTED):
        sheet.insert_text((50, 40 + 30 * i), text, fontsize=11)
        boxes.append(Box(50, 31 + 30 * i, 50 + pymupdf.get_text_length(text, fontsize=11), 43 + 30 * i))
    render = upright_render(pdf_raster(sheet), Pose(300, 200, 0), 10_000_000)
    return render, boxes


def looked_at(page, texts, text_source="ocr", until=math.inf):
    render, boxes = page
    cells = tuple(
        ReadCell(page=1, row=i, col=0, text=text, box=box, value_box=box, source=text_source)
        for i, (text, box) in enumerate(zip(texts, boxes, strict=True))
    )
    fragment = TableFragment(
        page=1, box=Box(0, 0, 300, 200), n_rows=4, n_cols=1, n_header_rows=0, cells=cells, engine="geometry"
    )
    content = PageContent(1, 300, 200, 0, text_source, ())
    (out,), left = confirm_numbers((fragment,), content, render, until)
    assert left == (sum(c.grounding == "unavailable" for c in out.cells) if text_source == "ocr" else 0)
    return out.cells


def test_what_is_printed_is_confirmed(page):
    assert [c.grounding for c in looked_at(page, PRINTED)] == ["exact"] * 4


def test_a_wrong_digit_sign_or_separator_is_contested_with_what_was_seen(page):
    cells = looked_at(page, ["1,284", "56.7", "£ 890", "1.2 %"])
    assert [c.grounding for c in cells] == ["mismatch", "mismatch", "exact", "mismatch"]
    assert "1,234" in (cells[0].note or "")


def test_numbers_that_no_time_is_left_for_stay_in_doubt(page, monkeypatch):
    monkeypatch.setattr(ocr, "LINES_AT_ONCE", 3)
    cells = looked_at(page, PRINTED, until=0.0)
    assert [c.grounding for c in cells] == ["exact"] * 3 + ["unavailable"]


def test_text_layer_numbers_are_left_alone(page):
    assert [c.grounding for c in looked_at(page, ["9"] * 4, "text_layer")] == ["unavailable"] * 4


def test_figures_compare_without_spaces_currency_and_kind_of_dash():
    assert figure("$ 1 234,5 ") == "1234,5"
    assert figure("−12") == figure("–12") == "-12"
    assert figure("(12)") != figure("12")


def test_a_scan_whose_numbers_were_read_once_says_so_and_flags_them(tmp_path, monkeypatch):
    with pymupdf.open(small_pdf(tmp_path / "made.pdf", title="Figures")) as pdf:
        pdf[0].get_pixmap(dpi=200).pil_save(tmp_path / "scan.png", dpi=(200, 200))
    (listed,) = find_sources(tmp_path, include=["*.png"])
    settings = Settings(engine="geometry")
    whole = extract_document(identify(listed, settings), settings)
    monkeypatch.setattr(opening, "LOOK_SHARE", -1.0)
    monkeypatch.setattr(ocr, "LINES_AT_ONCE", 2)
    hurried = extract_document(identify(listed, settings), settings)
    assert [cell.text for cell in hurried.cells] == [cell.text for cell in whole.cells]
    assert (whole.document.status, hurried.document.status) == ("ok", "partial")
    once = [
        cell
        for cell in hurried.cells
        if cell.source == "ocr" and cell.grounding == "unavailable" and cell.text.isdigit()
    ]
    (failure,) = hurried.failures
    assert failure.category == "timeout"
    assert f"{len(once)} of its numbers were not read a second time" in failure.message
    assert len(once) >= 4
    assert all(cell.needs_review for cell in once if cell.row > 0)


def test_a_page_s_unsure_labels_are_read_again():
    pdf = pymupdf.open()
    sheet = pdf.new_page(width=300, height=200)
    sheet.insert_text((50, 109), "Tangible assets", fontsize=11)
    sheet.insert_text((50, 139), "Investments", fontsize=11)
    render = upright_render(pdf_raster(sheet), Pose(300, 200, 0), 10_000_000)
    read = (label("Tangibic assets", 0.56, 12.0, 99.0), label("Investments", 0.56, 12.0, 129.0))
    fragment = TableFragment(
        page=1, box=Box(0, 0, 300, 200), n_rows=2, n_cols=1, n_header_rows=0, cells=read, engine="geometry"
    )
    (out,), left = confirm_numbers((fragment,), PageContent(1, 300, 200, 0, "ocr", ()), render)
    assert [(c.text, c.grounding, c.other_text) for c in out.cells] == [
        ("Tangibic assets", "mismatch", "Tangible assets"),
        ("Investments", "exact", None),
    ]
    assert left == 0


def label(text: str, confidence: float, height: float = 9.0, top: float = 100.0) -> ReadCell:
    return ReadCell(page=1, row=0, col=0, text=text, box=Box(50, top, 150, top + height), source="ocr", confidence=confidence)  # fmt: skip


def test_labels_of_one_line_that_were_hardly_read_are_looked_at_again():
    cells = [
        label("Tangibic assets", 0.56), label("Tangible assets", 0.95), label("at", 0.5), label("£'000", 0.7), label("Turnover and", 0.5, 20.0),
        label("Stocks", 0.5).model_copy(update={"source": "text_layer"}),
    ]  # fmt: skip
    assert [cell.text for cell in unsure_labels(cells)] == ["Tangibic assets"]


@pytest.mark.parametrize(
    ("first", "second", "grounding"),
    [
        ("Tangibic assets", "Tangible assets", "mismatch"),
        ("Tangible assets", "Tangible Assets.", "exact"),
        ("Income taxes", "lncome taxes", "exact"),
        ("Notes 10", "Notes 1O", "exact"),
        ("Résultat", "Resultat", "exact"),
        ("Turnover", "", "mismatch"),
    ],
)
def test_a_label_that_is_read_with_other_letters_is_in_doubt(first, second, grounding):
    judged = judged_label(label(first, 0.5), second)
    assert (judged.text, judged.grounding) == (first, grounding)
    assert judged.other_text == (second if grounding == "mismatch" else None)
