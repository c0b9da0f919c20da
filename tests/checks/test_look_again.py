"""A failed check has its suspects read anew from the page: real pixels, real OCR, and a worker that answers over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pymupdf
import pytest

from extractors.assemble import join_tables
from extractors.checks.look_again import MODEL_LOOK, Eyes, printed_like
from extractors.checks.reread import PASSES, crop, reread
from extractors.document import understand
from extractors.geometry.engine import GeometryEngine, outside_lines, read_tables
from extractors.pages.opening import OpenDocument, open_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from extractors.vision.asking import png
from extractors.vision.engine import VisionEngine
from extractors.vision.figures import on_canvas
from schemas.page import PageReading
from schemas.records import Fact
from tests.perfect_reader import PerfectReader

PRINTED = [
    ("Cash and cash equivalents", "$ 31,750", "$ 36,092"),
    ("Marketable securities", "9,500", "18,929"),
    ("Inventories", "17,174", "20,497"),
    ("Allowance for obsolete stock", "(1,386)", "(2,041)"),
    ("Total current assets", "57,038", "73,477"),
    ("Property and equipment, net", "61,797", "72,705"),
    ("Goodwill", "14,548", "14,754"),
    ("Total assets", "$ 133,383", "$ 160,936"),
]
SETTINGS = Settings(engine="geometry")


def draw(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Write a page with a balance sheet's assets."""
    pdf = pymupdf.open()
    page = pdf.new_page(width=612, height=400)
    page.insert_text((200, 50), "CONSOLIDATED BALANCE SHEETS", fontsize=10)
    page.insert_text((260, 64), "(in millions)", fontsize=8)
    for x, year in ((440, "2018"), (530, "2019")):
        page.insert_text((x - 80, 90), f"December 31, {year}", fontsize=9)
    for i, (label, *values) in enumerate(rows):
        page.insert_text((60, 110 + 16 * i), label, fontsize=9)
        for x, value in zip((440, 530), values, strict=True):
            page.insert_text(
                (x - pymupdf.get_text_length(value, fontsize=9), 110 + 16 * i), value, fontsize=9
            )
    pdf.save(path)
    return path


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDocument]:
    path = draw(tmp_path_factory.mktemp("drawn") / "assets.pdf", PRINTED)
    with open_document(identify(find_sources(path)[0], SETTINGS), SETTINGS) as document:
        yield document


def misread(document: OpenDocument, changes: Mapping[str, str], source: str = "ocr") -> PageReading:
    """Return the page as a recogniser would have given it that read some figures otherwise than they are printed."""
    content = next(document.pages(1, 1)).content
    fragments = tuple(
        fragment.model_copy(
            update={
                "cells": tuple(
                    cell.model_copy(
                        update={
                            "text": changes.get(cell.text, cell.text),
                            "source": source,
                            "grounding": "unavailable" if source == "ocr" else "exact",
                            "confidence": 0.97,
                        }
                    )
                    for cell in fragment.cells
                )
            }
        )
        for fragment in read_tables(content)
    )
    reading = PageReading(
        1, content.width, content.height, 0, "ocr", fragments, outside_lines(content, fragments)
    )
    return reading if source == "ocr" else replace(reading, text_source="text_layer")


def stated(document: OpenDocument, reading: PageReading, eyes: Eyes | None) -> dict[tuple[str, int], Fact]:
    """Return the facts by label and year."""
    _, _, facts, _, faults = understand(join_tables([reading], "d"), [reading], eyes)
    assert not faults
    return {(fact.label, fact.period_end.year): fact for fact in facts if fact.period_end}


def eyes_on(document: OpenDocument) -> Eyes:
    return Eyes(document.render, True, GeometryEngine())


def test_every_pass_reads_a_clean_figure(opened: OpenDocument) -> None:
    page = next(opened.pages(1, 1))
    boxes = [w.box for w in page.content.words if w.text in ("17,174", "(1,386)")]
    assert reread(page.render, boxes) == [("17,174",) * len(PASSES), ("(1,386)",) * len(PASSES)]


@pytest.mark.parametrize(
    ("printed", "read", "label", "year", "value"),
    [
        ("17,174", "17,114", "Inventories", 2018, 17_174),
        ("(2,041)", "2,041", "Allowance for obsolete stock", 2019, -2_041),
        ("14,754", "4,754", "Goodwill", 2019, 14_754),
        ("73,477", "73.477", "Total current assets", 2019, 73_477),
    ],
)
def test_a_misread_figure_is_set_right(
    opened: OpenDocument, printed: str, read: str, label: str, year: int, value: int
) -> None:
    fact = stated(opened, misread(opened, {printed: read}), eyes_on(opened))[label, year]
    assert fact.value == Decimal(value) * 1_000_000
    assert (fact.reading, fact.first_text, fact.raw_text) == ("second_look", read, printed)
    assert (fact.check_status, fact.grounding) == ("pass", "exact")
    assert not fact.needs_review


def test_without_eyes_the_doubt_stays(opened: OpenDocument) -> None:
    fact = stated(opened, misread(opened, {"17,174": "17,114"}), None)["Inventories", 2018]
    assert (fact.check_status, fact.needs_review, fact.reading) == ("fail", True, "ocr")


def test_two_figures_misread_under_one_total(opened: OpenDocument) -> None:
    facts = stated(opened, misread(opened, {"17,174": "17,114", "9,500": "9,800"}), eyes_on(opened))
    assert facts["Inventories", 2018].value == Decimal("17174000000")
    assert facts["Marketable securities", 2018].value == Decimal("9500000000")
    assert {f.check_status for f in facts.values() if f.period_end and f.period_end.year == 2018} == {"pass"}


def test_what_the_page_prints_wrong_stays_as_printed_and_flagged(tmp_path: Path) -> None:
    wrong = [(label, a.replace("17,174", "17,114"), b) for label, a, b in PRINTED]
    path = draw(tmp_path / "wrong.pdf", wrong)
    with open_document(identify(find_sources(path)[0], SETTINGS), SETTINGS) as document:
        fact = stated(document, misread(document, {}), eyes_on(document))["Inventories", 2018]
    assert (fact.value, fact.reading, fact.first_text) == (Decimal("17114000000"), "ocr", None)
    assert fact.needs_review and fact.check_status == "fail"


def test_a_text_layer_is_not_contested(opened: OpenDocument) -> None:
    reading = misread(opened, {"17,174": "17,114"}, source="text_layer")
    fact = stated(opened, reading, eyes_on(opened))["Inventories", 2018]
    assert (fact.value, fact.reading, fact.needs_review) == (Decimal("17114000000"), "text_layer", True)


def vision_eyes(document: OpenDocument, reader: PerfectReader, says: str) -> Eyes:
    """Return eyes without OCR whose worker says the same of the cell that prints 17,174, whatever it is offered."""
    page = next(document.pages(1, 1))
    for box in (w.box for w in page.content.words if w.text == "17,174"):
        picture = on_canvas(crop(document.render(1, 0, 0.0), box, MODEL_LOOK))
        reader.learn_image(png(picture), {"printed": says})
    engine = VisionEngine(Settings(engine="vision", worker_urls=(reader.url,)))
    return Eyes(document.render, False, engine)


@pytest.mark.parametrize(
    ("says", "value"), [("17,174", 17_174), ("17,114", 17_114), ("?", 17_114), ("12", 17_114)]
)
def test_the_worker_is_asked_with_the_crop_and_the_candidates(
    opened: OpenDocument, says: str, value: int
) -> None:
    with PerfectReader() as reader:
        eyes = vision_eyes(opened, reader, says)
        fact = stated(opened, misread(opened, {"17,174": "17,114"}), eyes)["Inventories", 2018]
        assert len(reader.asked) >= 1
    assert fact.value == Decimal(value) * 1_000_000
    assert fact.needs_review is (value != 17_174) and fact.reading == (
        "second_look" if value == 17_174 else "ocr"
    )


def test_figures_are_written_as_the_page_writes_them() -> None:
    assert printed_like(Decimal("1234567"), "9,500", ".") == "1,234,567"
    assert printed_like(Decimal("-1234.5"), "(9.20)", ".") == "(1,234.50)"
    assert printed_like(Decimal("-12"), "-9", ".") == "-12"
    assert printed_like(Decimal("1234.5"), "9.500,20", ",") == "1.234,50"
