from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image
from pydantic import SecretStr

from extractors.document import extract_document
from extractors.errors import ParquetryError, UnsupportedError
from extractors.settings import Settings
from sample_docs.drawing import hostile, many
from sample_docs.drawing.figures import books
from sample_docs.drawing.grid import CHINESE, GERMAN, US
from sample_docs.make import DOCUMENTS, make
from tests import samples
from tests.conftest import SAMPLES

WITH_TEXT = [
    name for name in DOCUMENTS if name.endswith(".pdf") and "hostile" not in name and "scan" not in name
]
MAX_TOTAL_BYTES = 8_000_000
SAME_GREY = 1.0  # mean difference in grey levels; other builds of the drawing libraries round differently


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    make(folder)
    return folder


def pixels(path: Path) -> list[np.ndarray]:
    """Small grey pictures of all pages."""
    if path.suffix in (".png", ".jpg", ".tiff"):
        with Image.open(path) as picture:
            frames = []
            for number in range(getattr(picture, "n_frames", 1)):
                picture.seek(number)
                frames.append(np.asarray(picture.convert("L").reduce(4), np.int16))
            return frames
    with pymupdf.open(path) as document:
        if document.needs_pass:
            assert document.authenticate(hostile.PASSWORD)
        result = []
        for page in document:
            zoom = 400 / max(page.rect.width, page.rect.height)
            pixmap = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY)
            rows = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)
            result.append(rows[:, : pixmap.width].astype(np.int16))
        return result


def test_every_document_has_its_truth_and_the_folder_is_small() -> None:
    assert samples.names() == sorted(DOCUMENTS)
    files = [SAMPLES / name for name in DOCUMENTS]
    assert all(path.is_file() for path in files)
    assert sum(path.stat().st_size for path in files) < MAX_TOTAL_BYTES


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_truth_is_well_formed(name: str) -> None:
    truth = samples.truth_of(name)
    assert truth["doc"] == Path(name).name
    for table in truth["tables"]:
        assert 1 <= table["page"] <= table["page_last"] <= truth["n_pages"]
        taken: set[tuple[int, int]] = set()
        for cell in table["cells"]:
            assert 0 <= cell["r0"] <= cell["r1"] < table["n_rows"]
            assert 0 <= cell["c0"] <= cell["c1"] < table["n_cols"]
            assert table["page"] <= cell["page"] <= table["page_last"]
            assert cell["text"].strip() == cell["text"] != ""
            places = {
                (r, c) for r in range(cell["r0"], cell["r1"] + 1) for c in range(cell["c0"], cell["c1"] + 1)
            }
            assert not taken & places
            taken |= places
    for statement in truth["statements"]:
        for row in statement["rows"]:
            assert len(row["values"]) == len(row["numbers"]) in (0, len(statement["columns"]))
            for printed, number in zip(row["values"], row["numbers"], strict=True):
                assert (printed is None) == (number is None)
                if number is not None:
                    assert digits(printed) == digits(number), (printed, number)
                    assert (Decimal(number) < 0) == printed.startswith(("(", "-")) or Decimal(number) == 0


def digits(text: str) -> str:
    """The digits of a number without zeros at either end, which scale and notation may add."""
    return re.sub(r"\D", "", text).strip("0")


@pytest.mark.parametrize("name", WITH_TEXT)
def test_every_cell_is_printed_on_its_page(name: str) -> None:
    truth = samples.truth_of(name)
    with pymupdf.open(SAMPLES / name) as document:
        assert len(document) == truth["n_pages"]
        texts = ["".join("".join(word[4] for word in page.get_text("words")).split()) for page in document]
    for page, text in samples.cells_of(truth):
        assert "".join(text.split()) in texts[page - 1]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_script_draws_the_committed_document(name: str, redrawn: Path) -> None:
    kept, fresh = SAMPLES / name, redrawn / name
    truth = ".truth.json"
    assert fresh.with_suffix(truth).read_text("utf-8") == kept.with_suffix(truth).read_text("utf-8")
    if fresh.read_bytes() == kept.read_bytes():
        return
    if name == "hostile/truncated.pdf":
        assert abs(fresh.stat().st_size - kept.stat().st_size) < 500
        return
    for ours, theirs in zip(pixels(fresh), pixels(kept), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).mean() < SAME_GREY


def test_books_balance_and_statements_follow_from_each_other() -> None:
    years = books()
    for year in range(2020, 2025):
        flow, now, before = years[year].flow, years[year].balance, years[year - 1].balance
        assert now["assets"] == now["liabilities"] + now["equity"]
        assert now["cash"] == before["cash"] + flow["cash_change"]
        assert (
            flow["gross"] - flow["operating_expenses"] == flow["operating"] == sum(years[year].segment_profit)
        )
        assert sum(years[year].segment_sales) == flow["sales"]


def test_notation_writes_numbers_as_each_country_does() -> None:
    assert [US.write(v) for v in (1234567, -1234, 0)] == ["1,234,567", "(1,234)", "—"]
    assert US.write(Decimal("-1.4"), 1, "%") == "(1.4)%"
    assert [GERMAN.write(Decimal(v)) for v in ("1234567.5", "-0.07")] == ["1.234.567,50", "-0,07"]
    assert [CHINESE.write(Decimal(v)) for v in ("-316.42", "0")] == ["-316.42", "-"]


def test_scans_hold_no_text() -> None:
    with pymupdf.open(SAMPLES / "tarnwick_annual_report_2024_scan.pdf") as document:
        assert [page.get_text() for page in document] == [""] * 6
    with Image.open(SAMPLES / "brackwater_accounts_2024.tiff") as picture:
        assert (getattr(picture, "n_frames", 1), picture.mode) == (4, "1")


def test_text_layers_that_lie_look_right() -> None:
    for name in ("garbled", "lying"):
        truth = samples.truth_of(f"hostile/{name}_text_layer.pdf")
        with pymupdf.open(SAMPLES / f"hostile/{name}_text_layer.pdf") as document:
            text = document[0].get_text()
        values = [
            v for row in truth["statements"][0]["rows"] for v in row["values"] if v and len(digits(v)) > 2
        ]
        assert len(values) >= 9
        assert not any(value in text for value in values)


def test_many_documents_are_different_and_known(tmp_path: Path) -> None:
    paths = many.make_many(tmp_path, 30, seed=4)
    assert len({path.read_bytes() for path in paths}) == 30
    assert max(path.stat().st_size for path in paths) < 4000
    with pymupdf.open(paths[17]) as document:
        text = document[0].get_text()
    rows = many.amounts(17, seed=4)
    assert rows[0][1] - rows[1][1] == rows[2][1]
    for label, new, old in rows:
        assert label in text and f"{new:,}" in text and f"{old:,}" in text


def test_long_document_has_its_pages(tmp_path: Path) -> None:
    with pymupdf.open(many.make_long(tmp_path / "long.pdf", 120)) as document:
        assert len(document) == 120
        assert not document.is_repaired
        assert f"{many.amounts(119)[0][1]:,}" in document[119].get_text()


@pytest.mark.parametrize("name", samples.BORN_DIGITAL)
def test_pipeline_reads_every_value_of_born_digital_statements(name: str) -> None:
    settings = Settings(engine="geometry")
    result = extract_document(samples.source_of(name, settings), settings)
    want, got = samples.true_facts(samples.truth_of(name)), samples.read_facts(result.facts)
    assert sorted((want - got).elements(), key=str) == []
    assert sorted((got - want).elements(), key=str) == []


@pytest.mark.parametrize("name", WITH_TEXT)
def test_pipeline_reads_every_cell_of_born_digital_tables(name: str) -> None:
    settings = Settings(engine="geometry")
    result = extract_document(samples.source_of(name, settings), settings)
    got = Counter((cell.page, samples.plain_text(cell.text)) for cell in result.cells)
    want = Counter(
        (page, samples.plain_text(text)) for page, text in samples.cells_of(samples.truth_of(name))
    )
    assert sorted((want - got).elements()) == []


@pytest.mark.parametrize(
    "name",
    [name for name in DOCUMENTS if samples.truth_of(name)["failures"] and name != "hostile/text_named.pdf"],
)
def test_pipeline_says_why_a_hostile_document_failed(name: str) -> None:
    settings = Settings(engine="geometry")
    category = samples.truth_of(name)["failures"][0]["category"]
    try:
        source = samples.source_of(name, settings)
    except ParquetryError as error:
        assert error.category == category
        return
    result = extract_document(source, settings)
    assert result.document.status in ("failed", "partial")
    assert category in [failure.category for failure in result.failures]
    assert all(failure.message for failure in result.failures)


def test_text_named_as_pdf_is_unsupported() -> None:
    with pytest.raises(UnsupportedError):
        samples.source_of("hostile/text_named.pdf", Settings())


def test_password_opens_the_encrypted_document() -> None:
    settings = Settings(engine="geometry", password=SecretStr(hostile.PASSWORD))
    result = extract_document(samples.source_of("hostile/encrypted.pdf", settings), settings)
    truth = samples.truth_of("hostile/encrypted.pdf")
    assert result.document.status == "ok"
    assert samples.read_facts(result.facts) == samples.true_facts(truth)


@pytest.mark.parametrize("name", ["hostile/garbled_text_layer.pdf", "hostile/lying_text_layer.pdf"])
def test_wrong_text_layer_gives_nothing_wrong_without_a_flag(name: str) -> None:
    settings = Settings(engine="geometry")
    result = extract_document(samples.source_of(name, settings), settings)
    true_values = {key[3] for key in samples.true_facts(samples.truth_of(name))}
    assert result.facts
    assert [f.raw_text for f in result.facts if f.value not in true_values and not f.needs_review] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", samples.SCANS)
def test_scanned_statements_give_no_wrong_value_without_a_flag(name: str) -> None:
    settings = Settings(engine="geometry")
    result = extract_document(samples.source_of(name, settings), settings)
    want = samples.true_facts(samples.truth_of(name))
    true_values: Counter[tuple[str, Decimal | None]] = Counter((key[0], key[3]) for key in want.elements())
    got: Counter[tuple[str, Decimal | None]] = Counter(
        (fact.statement, fact.value) for fact in result.facts if not fact.needs_review
    )
    assert sorted((got - true_values).elements()) == []
    assert len(result.facts) > 0.7 * want.total()


@pytest.mark.slow
def test_photographed_invoice_gives_its_total() -> None:
    settings = Settings(engine="geometry")
    result = extract_document(samples.source_of("invoice_photo.jpg", settings), settings)
    fields = samples.truth_of("invoice_photo.jpg")["fields"]
    texts = [samples.plain_text(cell.text) for cell in result.cells]
    assert [fields[name] in texts for name in ("net", "vat", "total")] == [True] * 3
