from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from extractors.document import extract_document
from extractors.pages.opening import OpenPage, open_document
from extractors.pages.rows import printed_rows
from extractors.settings import Settings
from extractors.sources import Source, find_sources, identify
from extractors.vision.engine import VisionEngine, worker_answers
from extractors.vision.grounding import fold
from extractors.vision.tiling import Tile
from schemas.page import TableFragment
from tests.conftest import SAMPLES
from tests.perfect_reader import PerfectReader, Rows, TrueTable

PLAIN = Settings(engine="geometry")


def source_of(path: Path) -> Source:
    return identify(next(iter(find_sources(path))), PLAIN)


@contextmanager
def pages_of(path: Path) -> Iterator[list[OpenPage]]:
    with open_document(source_of(path), PLAIN) as document:
        yield list(document.pages())


def engine_at(url: str, **more: Any) -> VisionEngine:
    return VisionEngine(Settings(engine="vision", worker_urls=(url,), **more))


def grid(fragment: TableFragment) -> Rows:
    rows = [[""] * fragment.n_cols for _ in range(fragment.n_rows)]
    for cell in fragment.cells:
        rows[cell.row][cell.col] = cell.text
    return rows


def draw(path: Path, pages: list[tuple[str, Rows]], size: float = 9.0, paper: str = "a4") -> None:
    """Write a PDF with one table per page: labels flush left, figures flush right."""
    document = pymupdf.open()
    for title, rows in pages:
        page = document.new_page(width=pymupdf.paper_size(paper)[0], height=pymupdf.paper_size(paper)[1])
        page.insert_text((40, 40), title, fontsize=size + 3)
        label = 0.28 * (page.rect.width - 80)
        step = (page.rect.width - 80 - label) / max(1, len(rows[0]) - 1)
        for r, row in enumerate(rows):
            y = 70 + r * size * 1.5
            for c, text in enumerate(row):
                width = pymupdf.get_text_length(text, fontsize=size)
                x = 40 if c == 0 else 40 + label + c * step - width
                page.insert_text((x, y), text, fontsize=size)
    document.save(path)


def table_of(n_rows: int, n_columns: int, seed: int) -> Rows:
    rng = random.Random(seed)
    words = ["Net", "sales", "Cost", "other", "income", "deferred", "tax", "assets", "lease", "goodwill"]
    rows = [["", *[str(2025 - c) for c in range(n_columns - 1)]]]
    for r in range(n_rows - 1):
        label = f"{' '.join(rng.sample(words, 2)).capitalize()} {chr(97 + r % 26)}"
        rows.append([label, *[f"{rng.randrange(1000, 99999):,}" for _ in range(n_columns - 1)]])
    return rows


def learn(reader: PerfectReader, path: Path, tables: dict[int, list[TrueTable]]) -> None:
    with pages_of(path) as pages:
        for page in pages:
            reader.learn(page.content, page.render, tables.get(page.content.page, []))


def read(reader: PerfectReader, path: Path) -> list[Any]:
    engine = engine_at(reader.url)
    with pages_of(path) as pages:
        return [engine.read_page(page.content, page.render) for page in pages]


def test_a_table_that_fits_one_tile(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=1)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    with PerfectReader() as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1, "Key figures")]})
        (reading,) = read(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    assert grid(fragment) == rows
    assert (fragment.title, fragment.n_header_rows, fragment.engine) == ("Key figures", 1, "vision")
    assert {cell.grounding for cell in fragment.cells} == {"exact"}
    assert reading.failures == ()
    assert (reading.n_tiles, len(reader.asked)) == (1, 1)


def test_a_hundred_rows_of_twelve_columns_lose_nothing(tmp_path: Path) -> None:
    rows = table_of(100, 12, seed=2)
    draw(tmp_path / "wide.pdf", [("Monthly figures", rows)], size=4.6)
    with PerfectReader() as reader:
        learn(reader, tmp_path / "wide.pdf", {1: [TrueTable(rows, 1, "Monthly figures")]})
        (reading,) = read(reader, tmp_path / "wide.pdf")
    assert reading.n_tiles > 3
    assert [grid(fragment) for fragment in reading.fragments] == [rows]
    assert reading.failures == ()


def test_a_page_of_running_text_asks_nothing(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page()
    text = "The year was one of steady progress, and the board met 12 times to look at it. " * 30
    page.insert_textbox((60, 60, 530, 780), text, fontsize=11)
    document.save(tmp_path / "text.pdf")
    with PerfectReader() as reader:
        (reading,) = read(reader, tmp_path / "text.pdf")
        assert (reading.fragments, reading.n_tiles, reader.asked, reader.unknown) == ((), 0, [], 0)


def test_a_misread_figure_is_found_and_the_text_layer_wins(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=3)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    true = rows[3][2]
    wrong = ("8" if true[0] != "8" else "7") + true[1:]

    def misread(tile: Tile, answer: dict[str, Any]) -> dict[str, Any]:
        out = json.loads(json.dumps(answer))
        out["tables"][0]["rows"][3][2] = wrong
        return out

    with PerfectReader(change=misread) as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1)]})
        (reading,) = read(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    (doubted,) = [cell for cell in fragment.cells if cell.grounding == "mismatch"]
    assert (doubted.row, doubted.col, doubted.text, doubted.source) == (3, 2, true, "text_layer")
    assert doubted.note == f"the model read {wrong!r}; the page's text layer says {true!r}"
    assert grid(fragment) == rows


def test_a_row_that_is_not_printed_is_marked(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=4)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])

    def invent(tile: Tile, answer: dict[str, Any]) -> dict[str, Any]:
        out = json.loads(json.dumps(answer))
        out["tables"][0]["rows"].append(["Phantom profit", "77,001", "88,002", "99,003"])
        return out

    with PerfectReader(change=invent) as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1)]})
        (reading,) = read(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    phantom = [cell for cell in fragment.cells if cell.row == 8]
    assert [cell.grounding for cell in phantom] == ["mismatch"] * 4
    assert all(cell.source == "vision" and cell.note for cell in phantom)


def test_rows_left_out_are_reported(tmp_path: Path) -> None:
    rows = table_of(8, 4, seed=5)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])

    def forget(tile: Tile, answer: dict[str, Any]) -> dict[str, Any]:
        out = json.loads(json.dumps(answer))
        del out["tables"][0]["rows"][4]
        return out

    with PerfectReader(change=forget) as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1)]})
        (reading,) = read(reader, tmp_path / "one.pdf")
    (failure,) = reading.failures
    assert (failure.stage, failure.category) == ("vision", "engine")
    assert "left out 3 of the 21 figures" in failure.message
    assert rows[4][1] in failure.message


@pytest.mark.parametrize(
    ("change", "category", "attempts"),
    [
        (lambda tile, answer: "no JSON at all", "engine", 3),
        (lambda tile, answer: 400, "engine", 1),
        (lambda tile, answer: 504, "timeout", 2),
        (lambda tile, answer: {"tables": []}, "engine", 1),
        (lambda tile, answer: {"tables": [{"title": None, "head": 0, "rows": [["zz", "9"]]}]}, "engine", 1),
    ],
)
def test_geometry_reads_what_the_model_cannot(
    tmp_path: Path, change: Any, category: str, attempts: int
) -> None:
    rows = table_of(8, 4, seed=6)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    with PerfectReader(change=change, halvings=1) as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1)]})
        (reading,) = read(reader, tmp_path / "one.pdf")
    (fragment,) = reading.fragments
    assert fragment.engine == "geometry"
    assert [row for row in grid(fragment) if row[1] == rows[5][1]] == [rows[5]]
    assert all(cell.note and cell.note.startswith("read by geometry") for cell in fragment.cells)
    (failure,) = reading.failures
    assert (failure.stage, failure.category, failure.attempts) == ("vision", category, attempts)


def test_an_answer_cut_off_is_asked_again_in_halves(tmp_path: Path) -> None:
    rows = table_of(12, 4, seed=7)
    draw(tmp_path / "one.pdf", [("Key figures", rows)])
    with PerfectReader(finish="length") as reader:
        learn(reader, tmp_path / "one.pdf", {1: [TrueTable(rows, 1)]})
        (reading,) = read(reader, tmp_path / "one.pdf")
        assert reader.unknown == 2  # the two halves, of which this reader knows nothing
    assert reading.fragments[0].engine == "geometry"


def test_no_worker_no_answer() -> None:
    assert not worker_answers(Settings(worker_urls=("http://127.0.0.1:9",)))


def truth_pages(name: str) -> tuple[dict[int, list[TrueTable]], list[dict[str, Any]]]:
    """Return the tables of a sample document page by page, repeated headers included, and the whole tables."""
    truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())
    pages: dict[int, list[TrueTable]] = {}
    for table in truth["tables"]:
        rows = [[""] * table["n_cols"] for _ in range(table["n_rows"])]
        on: dict[int, int] = {}
        for cell in table["cells"]:
            rows[cell["r0"]][cell["c0"]] = cell["text"]
            for c in range(cell["c0"] + 1, cell["c1"] + 1):
                rows[cell["r0"]][c] = "<"
            for r in range(cell["r0"] + 1, cell["r1"] + 1):
                rows[r][cell["c0"]] = "^"
            on.setdefault(cell["r0"], cell["page"])
        head = table["n_header_rows"]
        for page in range(table["page"], table["page_last"] + 1):
            own = [rows[r] for r in range(table["n_rows"]) if on.get(r) == page]
            repeated = [] if page == table["page"] else rows[:head]
            title = table["title"] if page == table["page"] else None
            pages.setdefault(page, []).append(TrueTable(repeated + own, head, title))
    return pages, truth["tables"]


BORN_DIGITAL = [
    "bank_statement",
    "invoice",
    "kellinghaus_jahresabschluss_2024",
    "lanting_annual_report_2024_zh",
    "tarnwick_annual_report_2024",
    "tarnwick_monthly_landscape",
    "tarnwick_securities_three_pages",
]


def plain(rows: Rows) -> Rows:
    """Fold superscripts and joined cells, and drop columns and rows without text, which nobody can see."""
    folded = [["" if text in "<^" else fold(text) for text in row] for row in rows]
    folded = [row for row in folded if any(row)]
    seen = [c for c in range(len(folded[0])) if any(row[c] for row in folded)]
    return [[row[c] for c in seen] for row in folded]


def sums_brought_forward(path: Path) -> set[str]:
    """Return the words of the printed lines that repeat a sum from the page before, which the truth leaves out."""
    with pages_of(path) as pages:
        lines = [row.words for page in pages for row in printed_rows(page.content.words)]
    return {word.text for words in lines if "forward" in [w.text for w in words] for word in words}


def names_only(message: str, words: set[str]) -> bool:
    named = re.search(r"left out .*\((.*)\)", message)
    return bool(named) and set(named[1].split(", ")) <= words


@pytest.mark.parametrize("name", BORN_DIGITAL)
def test_a_perfect_reader_gives_back_the_truth(name: str) -> None:
    """Tiling, placing and merging lose nothing: with perfect answers every page's tables are the true ones."""
    path = SAMPLES / f"{name}.pdf"
    true, _ = truth_pages(name)
    with PerfectReader() as reader:
        learn(reader, path, true)
        readings = read(reader, path)
    carried = sums_brought_forward(path)
    for number, reading in enumerate(readings, 1):
        assert [f.message for f in reading.failures if not names_only(f.message, carried)] == []
        assert [plain(grid(f)) for f in reading.fragments] == [plain(t.rows) for t in true.get(number, [])], (
            number
        )
        assert all(c.grounding in ("exact", "normalised") for f in reading.fragments for c in f.cells)


def test_a_whole_document_through_the_vision_engine() -> None:
    path = SAMPLES / "invoice.pdf"
    true, tables = truth_pages("invoice")
    with PerfectReader() as reader:
        learn(reader, path, true)
        result = extract_document(source_of(path), Settings(engine="vision", worker_urls=(reader.url,)))
    assert (result.document.engine, result.document.model, result.document.status) == (
        "vision",
        "perfect",
        "ok",
    )
    got = [
        {(c.row, c.col, c.text) for c in result.cells if c.table_id == table.table_id}
        for table in result.tables
    ]
    assert got == [{(c["r0"], c["c0"], c["text"]) for c in table["cells"]} for table in tables]
    assert {c.grounding for c in result.cells} == {"exact"}
    assert not any(c.needs_review for c in result.cells)
