"""The vision path as a whole: a page's pixels in, its numbers out, read by the shipped model through llama.cpp.

Skipped where the model's files are not there: they are not part of a source checkout without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from extractors.worker.client import WorkerClient
from extractors.worker.models import ROW_READER, reads_rows, shipped_reader
from flows.train_evaluate import drawn_strips, evaluate
from tests.conftest import SAMPLES
from tests.vision.test_engine import engine_at, pages_of
from tests.worker_process import RunningWorker, running_worker

FILES = shipped_reader() or ()
NAME = ROW_READER
# Of held-out strips, half as worn as in its card, which gives the full figures: what tells a reader from noise.
LEAST_NUMBERS, LEAST_LABELS = 0.93, 0.85
LEAST_EXACT = 0.95  # of a clean statement's cells with figures, before the page's words are looked at
REPORT, PAGE = "tarnwick_annual_report_2024.pdf", 7  # an income statement

pytestmark = pytest.mark.skipif(not FILES, reason="the small reader's files are not in this checkout")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(tmp_path_factory.mktemp("reader"), files=FILES, name=NAME) as running:
        yield running


def test_it_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in FILES) <= 40_000_000
    assert reads_rows(NAME)


def test_it_reads_strips_in_fonts_that_it_never_saw(worker: RunningWorker) -> None:
    client = WorkerClient([worker.url])
    scores = evaluate(client, NAME, drawn_strips(40, seed=11, strength=0.5))
    client.close()
    assert scores.unanswered == 0
    assert scores.numbers.share >= LEAST_NUMBERS, scores
    assert scores.labels.share >= LEAST_LABELS, scores


def test_a_page_goes_in_and_its_numbers_come_out(worker: RunningWorker) -> None:
    """The text layer would hide what the model misreads; the notes of the cells say what it had read."""
    engine = engine_at(worker.url)
    with pages_of(SAMPLES / REPORT) as pages:
        readings = [
            engine.read_page(page.content, page.render) for page in pages if page.content.page == PAGE
        ]
    engine.close()
    assert not [failure for reading in readings for failure in reading.failures]
    cells = [cell for reading in readings for table in reading.fragments for cell in table.cells]
    figures = [cell for cell in cells if any(letter.isdigit() for letter in cell.text)]
    truth = json.loads((SAMPLES / REPORT).with_suffix(".truth.json").read_text("utf-8"))
    tables = [table for table in truth["tables"] if table["page"] == PAGE]
    printed = {"".join(cell["text"].split()) for table in tables for cell in table["cells"]}
    amounts = [cell for cell in figures if "".join(cell.text.split()) in printed]
    assert len(amounts) >= 70
    right = [cell for cell in amounts if cell.grounding in ("exact", "normalised") and cell.note is None]
    assert len(right) >= LEAST_EXACT * len(amounts), [cell.note for cell in amounts if cell not in right]
    assert all(cell.grounding == "mismatch" for cell in amounts if cell.note)
