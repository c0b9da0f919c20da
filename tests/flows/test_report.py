"""What a person is shown, in a terminal and in a browser, of documents that were made to deceive."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from rich.console import Console

from extractors.errors import UsageError
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from flows.datasets import Datasets
from flows.report import file_name, report_html, write_reports
from flows.show import show_output
from flows.stored import StoredDocument, find_document, showable
from schemas.arrow import tables_of
from schemas.records import Check, DocumentResult, Failure, Page, Table
from tests.flows.test_datasets import AT, BOX, cell, document, result
from tests.small import small_pdf

ATTACK = '"><script>alert(1)</script><img src=http://evil/x onerror=alert(2)>\x1b]0;owned\x07\x1b[31m[red]\u202egnp.exe'


def hostile(doc_id: str, uri: str) -> DocumentResult:
    """A document that puts its attack wherever text can stand."""
    table = Table(
        table_id="t1", page_first=1, page_last=1, bbox=BOX, title=ATTACK, kind="balance_sheet", currency=ATTACK, scale=1000,
        unit_text=ATTACK, n_rows=3, n_cols=2, n_header_rows=1, engine="geometry", confidence=0.9, html=ATTACK,
    )  # fmt: skip
    base = result(doc_id, ["1", "2"], source_uri=uri, status="partial", n_needs_review=1)
    label = cell(1, "7").model_copy(update={"col": 0, "role": "row_header", "text": ATTACK, "value": None})
    fact = base.facts[0].model_copy(
        update={
            "label": ATTACK,
            "row": 1,
            "needs_review": True,
            "review_reason": ATTACK,
            "check_status": "fail",
        }
    )
    check = Check(
        table_id="t1", check="sum", detail=ATTACK, expected=Decimal(1), actual=Decimal(2), status="fail"
    )
    failure = Failure(stage="page", category="engine", message=ATTACK, raw_output=ATTACK, page=1, at=AT)
    page = Page(page=1, width=400, height=300, rotation=0, text_source="text_layer", status="ok", seconds=0.1)
    return base.model_copy(
        update={
            "pages": (page,), "tables": (table,), "cells": (label, *base.cells), "facts": (fact,), "checks": (check,),
            "failures": (failure,),
        }
    )  # fmt: skip


@pytest.fixture
def out(tmp_path) -> Datasets:
    datasets = Datasets(tmp_path / "out")
    datasets.prepare()
    datasets.prepare_datasets()
    path = small_pdf(tmp_path / "in" / "a.pdf")
    source = identify(find_sources(path)[0], Settings())
    datasets.replace(source.doc_id, tables_of(hostile(source.doc_id, source.uri)))
    return datasets


class Tags(HTMLParser):
    """Collects the elements and attributes that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]


def test_a_report_shows_hostile_text_as_text(out):
    html = report_html(find_document(out, "a.pdf"), Settings())
    seen = Tags()
    seen.feed(html)
    assert not seen.tags & {"script", "img", "iframe", "object", "embed", "form", "link", "base"}
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in seen.links)
    assert "default-src 'none'" in html
    assert html.count("&lt;script&gt;") >= 5
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_a_report_links_a_value_to_its_box_and_marks_doubt(out):
    html = report_html(find_document(out, "a.pdf"), Settings())
    assert 'href="#t-t1-1-1"' in html
    assert re.search(r'<rect id="t-t1-1-1" class="bad" x="10.0" y="20.0" width="100.0" height="12.0"', html)
    assert "✗" in html
    assert "data:image/jpeg;base64," in html


def test_a_report_without_the_source_says_why(out, tmp_path):
    small_pdf(tmp_path / "in" / "a.pdf", sales=999)
    html = report_html(find_document(out, "a.pdf"), Settings())
    assert "data:image" not in html
    assert "holds other bytes now" in html
    (tmp_path / "in" / "a.pdf").unlink()
    assert "No picture" in report_html(find_document(out, "a.pdf"), Settings())


def test_the_terminal_is_not_steered_by_a_document(out):
    for options in ({}, {"tables": True}, {"failures": True}, {"review": True}):
        told = io.StringIO()
        show_output(
            Console(file=told, force_terminal=True, width=250, color_system=None), out.uri, "a.pdf", **options
        )
        printed = re.sub(r"\x1b\[[0-9;]*m", "", told.getvalue())  # rich's own styles
        assert "\x1b" not in printed
        assert "\x07" not in printed
        assert "\u202e" not in printed
        assert "[red]" in printed  # shown, not obeyed


def test_what_is_shown_keeps_every_script():
    assert showable("Überschuss 营业收入 العربية\tx") == "Überschuss 营业收入 العربية\tx"


def test_documents_are_found_by_name_and_id(out):
    out.replace("bb", tables_of(DocumentResult(document=document("bb", source_uri="/in/a-second.pdf"))))
    assert find_document(out, "a").known.source_uri.endswith(
        "/a.pdf"
    )  # a whole name goes before a part of one
    assert find_document(out, "bb").known.doc_id == "bb"
    with pytest.raises(UsageError, match="2 documents"):
        find_document(out, ".pdf")
    with pytest.raises(UsageError, match="lists them"):
        find_document(out, "nobody")


def test_report_files_stay_in_their_folder(out, tmp_path):
    out.replace("cc", tables_of(DocumentResult(document=document("cc", source_uri="/in/..%2f<b>.pdf"))))
    names = {file_name(StoredDocument(out, find_document(out, query).known)) for query in ("a.pdf", "cc")}
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)
    written = list(write_reports(out.uri, None, tmp_path / "reports"))
    assert len(written) == 2
    assert {path.parent for path in written} == {tmp_path / "reports"}
