"""A schema of one's own, from the command to Parquet, with a worker that reads perfectly and with one whose model is noise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pymupdf
import pytest

from extractors.document import extract_document
from extractors.errors import UsageError
from extractors.examples import load_examples
from extractors.own.grounding import ground_answer
from extractors.own.words import PrintedPage
from extractors.vision.tiling import Tile
from flows.parameters import RunParameters
from flows.run import plan_only, run_direct
from schemas.arrow import DATASETS, MONEY
from schemas.page import PageContent
from tests.conftest import ROOT, SAMPLES
from tests.own_models import Invoice
from tests.perfect_reader import PerfectReader
from tests.small import small_pdf
from tests.vision.test_engine import pages_of, source_of
from tests.worker_process import running_worker

LINES = [
    ("Current meter CM-440, titanium housing", 4, "1849.00", 20, "7396.00"),
    ("Mooring frame, galvanised, with shackles and anodes", 4, "312.50", 20, "1250.00"),
    ("Calibration certificate, three points", 4, "96.00", 20, "384.00"),
    ("Cable assembly 25 m, wet-mate connector", 6, "178.40", 20, "1070.40"),
    ("Commissioning on site, per day", 2, "780.00", 20, "1560.00"),
    ("Operating manual, printed, second edition", 3, "24.00", 0, "72.00"),
]
TRUTH: dict[str, Any] = {
    "number": "HS-2024-0871",
    "issued": "2024-11-14",
    "due": "2024-12-14",
    "seller": {"name": "Harlow Sound Hydrographics Ltd", "address": "7 Basin Quay, Harlow Sound"},
    "lines": [
        {"description": d, "quantity": q, "unit_price": u, "vat_percent": v, "amount": a}
        for d, q, u, v, a in LINES
    ],
    "total": "14064.48",
    "kind": "goods",
    "paid": False,
    "currency": "GBP",
}
ITEMS = Callable[[Tile], list[Any]]


def folder_with_invoice(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "invoice.pdf").write_bytes((SAMPLES / "invoice.pdf").read_bytes())
    return tmp_path / "in"


def parameters(
    tmp_path: Path, url: str, schema: str = "tests.own_models.Invoice", **more: Any
) -> RunParameters:
    given = {"engine": "geometry", "workers": 1, "own_schema": schema, "worker_urls": (url,), **more}
    return RunParameters(folders=(str(tmp_path / "in"),), out=str(tmp_path / "out"), **given)


def rows_of(tmp_path: Path, name: str = "invoice") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(tmp_path / "out" / name).to_pylist()
    return rows


@pytest.fixture(scope="module")
def invoice() -> PrintedPage:
    with pages_of(SAMPLES / "invoice.pdf") as pages:
        return PrintedPage(pages[0].content)


def read_invoice(tmp_path: Path, answer: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    folder = folder_with_invoice(tmp_path)
    with PerfectReader() as reader:
        with pages_of(folder / "invoice.pdf") as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [answer])
        summary = run_direct(parameters(tmp_path, reader.url, **more))
        assert (summary.ok, reader.unknown) == (1, 0)
    return rows_of(tmp_path)


def test_an_invoice_is_written_with_every_value_borne_out(tmp_path: Path) -> None:
    (row,) = read_invoice(tmp_path, TRUTH)
    assert (row["number"], row["issued"], row["due"]) == (
        "HS-2024-0871",
        date(2024, 11, 14),
        date(2024, 12, 14),
    )
    assert row["seller"] == {
        "name": "Harlow Sound Hydrographics Ltd",
        "address": "7 Basin Quay, Harlow Sound",
    }
    assert [(li["description"], li["quantity"], li["unit_price"], li["vat_percent"], li["amount"]) for li in row["lines"]] == [
        (d, q, Decimal(u), float(v), Decimal(a)) for d, q, u, v, a in LINES
    ]  # fmt: skip
    assert (row["total"], row["kind"], row["paid"], row["currency"]) == (
        Decimal("14064.48"),
        "goods",
        False,
        "GBP",
    )
    assert (row["page"], row["page_last"], row["item"]) == (1, 1, 0)
    assert (row["_needs_review"], row["_review_reason"]) == (False, None)
    found = {value["path"]: value for value in row["_values"]}
    assert len(found) == 5 + 6 * 5 + 4
    assert {v["grounding"] for path, v in found.items() if path != "paid"} <= {
        "exact",
        "normalised",
    }
    assert found["lines[3].amount"]["printed"] == "1,070.40"
    assert found["issued"]["printed"] == "14 November 2024"
    assert found["paid"]["grounding"] == "unavailable"  # a judgement, which no word bears out
    tops = [found[f"lines[{i}].amount"]["bbox"]["y0"] for i in range(6)]
    for i in range(6):  # of several places that print a 4, each line takes the one in its own row
        assert abs(found[f"lines[{i}].quantity"]["bbox"]["y0"] - tops[i]) < 4
    assert tops == sorted(tops)
    schema = pq.read_schema(next((tmp_path / "out" / "invoice").glob("*.parquet")))
    assert schema.field("total").type == MONEY
    assert schema.names[:4] == ["doc_id", "page", "page_last", "item"]
    documents = pq.read_table(tmp_path / "out" / "documents").to_pylist()
    assert (documents[0]["status"], documents[0]["doc_id"]) == ("ok", row["doc_id"])
    assert all((tmp_path / "out" / name).is_dir() for name in DATASETS)


@pytest.mark.parametrize(
    ("where", "wrong", "path"),
    [
        (("total",), "14064.84", "total"),
        (("number",), "HS-2024-0817", "number"),
        (("issued",), "2024-11-15", "issued"),
        (("lines", 2, "amount"), "348.00", "lines[2].amount"),
        (("lines", 4, "quantity"), 7, "lines[4].quantity"),
        (("seller", "name"), "Harlow Sound Hydrographics Inc", "seller.name"),
    ],
)  # fmt: skip
def test_what_is_not_printed_is_never_silently_right(
    invoice: PrintedPage, where: tuple[Any, ...], wrong: Any, path: str
) -> None:
    answer = deepcopy(TRUTH)
    at = answer
    for step in where[:-1]:
        at = at[step]
    at[where[-1]] = wrong
    values = ground_answer(json.dumps(answer), Invoice, invoice, 1, {})
    (doubted,) = [value for value in values if value.needs_review]
    why = "printed, but not beside the rest of its entry" if wrong == 7 else "not printed on the page"
    assert (doubted.path, doubted.grounding, doubted.note) == (path, "mismatch", why)  # 7 is in an address


def test_an_entry_that_is_read_twice_is_marked(invoice: PrintedPage) -> None:
    answer = deepcopy(TRUTH)
    answer["lines"].append(deepcopy(answer["lines"][0]))
    values = ground_answer(json.dumps(answer), Invoice, invoice, 1, {})
    doubted = {v.path: v.note for v in values if v.needs_review}
    assert doubted.keys() >= {"lines[6].unit_price", "lines[6].amount"}
    assert doubted["lines[6].amount"] == "read more often than it is printed"


def test_a_model_that_was_not_sure_is_not_believed(invoice: PrintedPage) -> None:
    values = ground_answer(
        json.dumps(TRUTH), Invoice, invoice, 1, {("total",): 0.4, ("paid",): 0.6, ("due",): 0.8}
    )
    assert {v.path: v.note for v in values if v.needs_review} == {
        "total": "the model was not sure",
        "paid": "a judgement of which the model was not sure",
    }


def test_a_page_without_words_bears_nothing_out() -> None:
    page = PrintedPage(PageContent(1, 595, 842, 0, "none", ()))
    values = ground_answer(json.dumps(TRUTH), Invoice, page, 1, {})
    assert {v.grounding for v in values} == {"unavailable"}
    assert all(v.needs_review for v in values if v.path not in ("kind", "paid", "currency"))


def statement_items(content_words: list[str], number: int) -> list[Any]:
    """What a page of the statement shows, from its own text."""
    return [{"holder": "Ms Ingrid Sollerby" if "Ingrid" in content_words else None,
             "closing": "19895.34" if number == 1 else None, "payments": payments_on(number)}]  # fmt: skip


def payments_on(number: int) -> list[dict[str, Any]]:
    truth = json.loads((SAMPLES / "bank_statement.truth.json").read_text())
    rows: dict[int, dict[int, str]] = {}
    for table in truth["tables"]:
        if table["n_cols"] != 5:
            continue
        for cell in table["cells"]:
            if cell["page"] == number and cell["r0"] >= table["n_header_rows"]:
                rows.setdefault(cell["r0"], {})[cell["c0"]] = cell["text"]
    months = {"Oct": 10, "Nov": 11, "Dec": 12}
    out = []
    for _, row in sorted(rows.items()):
        if {0, 1, 4} <= row.keys() and row[0].split()[-1].isdigit():
            d, m, y = row[0].split()
            out.append({"day": f"{y}-{months[m]:02d}-{int(d):02d}", "text": row[1], "balance": row[4].replace(",", "").replace("£", "")})  # fmt: skip
    return out


@pytest.mark.parametrize("rows", ["document", "page"])
def test_pages_are_joined_into_one_row_or_stay_apart(tmp_path: Path, rows: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "statement.pdf").write_bytes((SAMPLES / "bank_statement.pdf").read_bytes())
    with PerfectReader() as reader:
        with pages_of(tmp_path / "in" / "statement.pdf") as pages:
            counts = []
            for page in pages:
                number = page.content.page
                items = statement_items([w.text for w in page.content.words], number)
                counts.append(len(items[0]["payments"]))
                reader.learn_own(page.content, page.render, lambda tile, items=items: items)  # type: ignore[misc]
        given = parameters(tmp_path, reader.url, "tests/own_models.py:Statement", own_rows=rows)
        assert run_direct(given).ok == 1
    assert min(counts) > 5 and len(counts) == 3
    got = rows_of(tmp_path, "statement")
    if rows == "page":
        assert [len(row["payments"]) for row in got] == counts
        assert [(row["page"], row["page_last"]) for row in got] == [(1, 1), (2, 2), (3, 3)]
        return
    (row,) = got
    assert (row["page"], row["page_last"], len(row["payments"])) == (1, 3, sum(counts))
    assert (row["holder"], row["closing"]) == ("Ms Ingrid Sollerby", Decimal("19895.34"))
    assert not row["_needs_review"], row["_review_reason"]
    last = [v for v in row["_values"] if v["path"] == f"payments[{sum(counts) - 1}].balance"]
    assert [v["page"] for v in last] == [3]


def test_a_document_is_read_again_when_its_schema_changes_and_only_then(tmp_path: Path) -> None:
    read_invoice(tmp_path, TRUTH)
    with PerfectReader() as reader:
        with pages_of(tmp_path / "in" / "invoice.pdf") as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [TRUTH])
        assert plan_only(parameters(tmp_path, reader.url))[0].to_read == ()
        (again,) = plan_only(parameters(tmp_path, reader.url, "tests.own_models:Statement"))[0].to_read
        assert again.reason == "new_schema"
        shown = tmp_path / "examples"
        shown.mkdir()
        (shown / "one.txt").write_text("Invoice A-1 of 3 May 2024, total 5.00")
        (shown / "one.json").write_text(json.dumps({**TRUTH, "lines": []}))
        (again,) = plan_only(parameters(tmp_path, reader.url, examples=str(shown)))[0].to_read
        assert again.reason == "new_schema"
        assert plan_only(parameters(tmp_path, reader.url, own_schema=None))[0].to_read != ()
        run_direct(parameters(tmp_path, reader.url, own_schema=None))  # the same bytes: their rows stay
        assert len(rows_of(tmp_path)) == 1
        small_pdf(tmp_path / "in" / "invoice.pdf")  # other bytes under the same name: the rows go
        run_direct(parameters(tmp_path, reader.url, own_schema=None))
        assert rows_of(tmp_path) == []


def test_the_library_names_a_reading_as_a_run_does(tmp_path: Path) -> None:
    """A fingerprint tells the schema of one's own, too, whoever asks for the document."""
    path = folder_with_invoice(tmp_path) / "invoice.pdf"
    found = {}
    with PerfectReader() as reader:
        with pages_of(path) as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [TRUTH])
        for schema in ("tests.own_models.Invoice", "tests.own_models:Statement", None):
            given = parameters(tmp_path, reader.url, own_schema=schema)
            (planned,) = plan_only(given)[0].to_read
            found[schema] = extract_document(source_of(path), given.settings()).document.fingerprint
            assert found[schema] == planned.fingerprint
    assert len(set(found.values())) == 3


def test_what_the_model_cannot_answer_is_a_failure_and_the_tables_stand(tmp_path: Path) -> None:
    folder = folder_with_invoice(tmp_path)
    with PerfectReader(change=lambda tile, answer: {"items": [{"number": 1}]}) as reader:
        with pages_of(folder / "invoice.pdf") as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [])
        summary = run_direct(parameters(tmp_path, reader.url))
    assert summary.partial == 1
    assert rows_of(tmp_path) == []
    (failure,) = pq.read_table(tmp_path / "out" / "failures").to_pylist()
    assert (failure["stage"], failure["category"], failure["page"]) == ("schema", "engine", 1)
    assert "does not fit invoice (number: Input should be a valid string)" in failure["message"]
    assert pq.read_table(tmp_path / "out" / "cells").num_rows > 40


def test_examples_go_before_the_question(tmp_path: Path) -> None:
    shown = tmp_path / "examples"
    shown.mkdir()
    with pymupdf.open(SAMPLES / "invoice.pdf") as pdf:
        pdf[0].get_pixmap(dpi=60).save(shown / "b.png")
    (shown / "a.txt").write_text("Invoice A-1")
    for name in "ab":
        (shown / f"{name}.json").write_text(json.dumps(TRUTH))
    asked: list[dict[str, Any]] = []
    folder = folder_with_invoice(tmp_path)
    with PerfectReader() as reader:
        with pages_of(folder / "invoice.pdf") as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [TRUTH])
        answer = reader.answer
        reader.answer = lambda body: (asked.append(body), answer(body))[1]  # type: ignore[method-assign,func-returns-value]
        assert run_direct(parameters(tmp_path, reader.url, examples=str(shown))).ok == 1
    (body,) = asked
    assert [m["role"] for m in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert body["messages"][1]["content"][0]["text"].startswith("Invoice A-1")
    assert body["messages"][3]["content"][0]["type"] == "image_url"
    assert json.loads(body["messages"][4]["content"])["items"][0]["total"] == "14064.48"
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["items"]["maxItems"] == 1  # an invoice has lines: one per page
    assert json.dumps(schema, separators=(",", ":")) in body["messages"][0]["content"]


def test_examples_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_examples(str(tmp_path / "none"), Invoice)
    (tmp_path / "a.txt").write_text("Invoice")
    with pytest.raises(UsageError, match=r"a\.txt has no answer beside it"):
        load_examples(str(tmp_path), Invoice)
    (tmp_path / "a.json").write_text(json.dumps({**TRUTH, "total": "many"}))
    with pytest.raises(UsageError, match="does not fit Invoice: total"):
        load_examples(str(tmp_path), Invoice)
    (tmp_path / "a.json").write_text(json.dumps([TRUTH, TRUTH]))
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(UsageError, match="no image or text beside it"):
        load_examples(str(tmp_path), Invoice)
    (tmp_path / "b.json").unlink()
    (example,) = load_examples(str(tmp_path), Invoice)
    assert len(json.loads(example.answer)["items"]) == 2


def test_the_command_line_from_another_folder(tmp_path: Path) -> None:
    """The user's module stands in the folder from which the command is called."""
    (tmp_path / "mine.py").write_text((ROOT / "tests" / "own_models.py").read_text())
    folder = folder_with_invoice(tmp_path)
    with PerfectReader() as reader:
        with pages_of(folder / "invoice.pdf") as pages:
            reader.learn_own(pages[0].content, pages[0].render, lambda tile: [TRUTH])
        ended = subprocess.run(
            [sys.executable, "-c", "import sys; sys.path.pop(0); from flows.cli import main; main()", "run", "in", "--out", "out",
             "--engine", "geometry", "--worker-url", reader.url, "--schema", "mine.Invoice", "--direct", "--quiet"],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    (row,) = rows_of(tmp_path)
    assert row["total"] == Decimal("14064.48")


def test_noise_fits_the_schema_and_is_doubted_value_by_value(tmp_path: Path) -> None:
    """The real worker over random weights: valid by construction, and nothing of it passes for the truth."""
    (tmp_path / "in").mkdir()
    small_pdf(tmp_path / "in" / "small.pdf")
    shown = tmp_path / "examples"
    shown.mkdir()
    (shown / "one.txt").write_text("Receipt 12 of 3 May 2024")
    (shown / "one.json").write_text(
        json.dumps({"code": "R12", "day": "2024-05-03", "amount": "5.00", "copies": 1})
    )
    (tmp_path / "receipt.py").write_text(
        "from datetime import date\nfrom decimal import Decimal\nfrom pydantic import BaseModel, Field\n"
        "class Receipt(BaseModel):\n    code: str = Field(min_length=3, max_length=6)\n    day: date\n"
        "    amount: Decimal = Field(max_digits=6, decimal_places=2)\n    copies: int = Field(ge=1, le=9)\n"
    )
    with running_worker(tmp_path / "worker", slots=2) as worker:
        given = parameters(tmp_path, worker.url, f"{tmp_path / 'receipt.py'}:Receipt", examples=str(shown))
        summary = run_direct(given)
        assert worker.metric("tiles_total") >= 1
    assert summary.ok + summary.partial == 1
    rows = rows_of(tmp_path, "receipt")
    failures = pq.read_table(tmp_path / "out" / "failures").to_pylist()
    assert rows or failures
    for row in rows:
        assert row["_needs_review"]
        assert 3 <= len(row["code"]) <= 6 and 1 <= row["copies"] <= 9
