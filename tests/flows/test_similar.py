"""Pages found by their looks, through the command line, a real worker and the tiny random-weight model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import SAMPLES
from tests.worker_process import RunningWorker, running_worker

DOCUMENTS = (
    "bank_statement.pdf",
    "invoice.pdf",
    "tarnwick_annual_report_2024.pdf",
    "tarnwick_securities_three_pages.pdf",
)


def parquetry(*arguments: object) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PARQUETRY_"))
    }
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**clean, "PREFECT_HOME": "/nonexistent", "COLUMNS": "160"},
        timeout=300,
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("similar")
    (root / "in").mkdir()
    for name in DOCUMENTS:
        shutil.copy(SAMPLES / name, root / "in" / name)
    ended = parquetry(
        "run", root / "in", "--out", root / "out", "--quiet", "--engine", "geometry", "--direct"
    )
    assert ended.returncode == 0, ended.stderr
    return root / "out"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(tmp_path_factory.mktemp("worker"), slots=2, queue=16) as running:
        yield running


def test_pages_that_look_alike_are_found_and_embedded_once(out: Path, worker: RunningWorker) -> None:
    found = parquetry("similar", out, "securities_three_pages", 1, "--most", 2, "--worker-url", worker.url)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert "Most like tarnwick_securities_three_pages.pdf, page 1" in found.stdout
    assert sorted(line.split()[1] for line in lines[-2:]) == ["2", "3"]
    assert all(line.split()[0] == "tarnwick_securities_three_pages.pdf" for line in lines[-2:])
    kept = pq.read_table(out / "embeddings").to_pandas()
    pages = pd.read_parquet(out / "pages")
    assert sorted(zip(kept.doc_id, kept.page, strict=True)) == sorted(
        zip(pages.doc_id, pages.page, strict=True)
    )
    assert set(kept.model) == {"tiny"}
    assert np.allclose([np.linalg.norm(vector) for vector in kept.vector], 1.0, atol=1e-5)
    made = worker.metric("embeddings_total")
    again = parquetry("similar", out, "securities_three_pages", 1, "--most", 2, "--worker-url", worker.url)
    assert again.stdout == found.stdout
    assert worker.metric("embeddings_total") == made == len(kept)


def test_kinds_are_told_by_labelled_pages(out: Path, worker: RunningWorker, tmp_path: Path) -> None:
    labels = tmp_path / "kinds.csv"
    labels.write_text(
        "document,page,kind\nsecurities_three_pages,1,securities\nsecurities_three_pages,2,securities\n"
        "annual_report,1,cover\nbank_statement,1,bank\n"
    )
    told = parquetry("similar", out, "securities_three_pages", "--labels", labels, "--worker-url", worker.url)
    assert told.returncode == 0, told.stderr
    row = next(line for line in told.stdout.splitlines() if line.split()[1:2] == ["3"])
    assert row.split()[2] == "securities"
    assert "of 4 labelled pages" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("invoice", 9), 1, "no page 9"),
        (("nothing_like_it",), 1, "No document"),
        ((), 1, "Name a document"),
    ],
)
def test_what_is_not_there_is_named(
    out: Path, worker: RunningWorker, arguments: tuple[object, ...], code: int, message: str
) -> None:
    ended = parquetry("similar", out, *arguments, "--worker-url", worker.url)
    assert ended.returncode == code
    assert message in ended.stderr


def test_labels_that_say_nothing_are_refused(out: Path, worker: RunningWorker, tmp_path: Path) -> None:
    labels = tmp_path / "kinds.csv"
    labels.write_text("document,page,kind\ninvoice,one,letter\n")
    ended = parquetry("similar", out, "--labels", labels, "--worker-url", worker.url)
    assert ended.returncode == 1
    assert "line 2" in ended.stderr
