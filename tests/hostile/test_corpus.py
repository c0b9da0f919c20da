"""A folder of hostile files costs a run nothing but those files: each ends as documents or failures that say why."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from extractors.isolation.pool import MOST_ENDINGS
from extractors.isolation.process import START_TIMEOUT
from extractors.isolation.task import LEAST_TO_FINISH
from extractors.sources import find_sources
from flows.datasets import Datasets
from schemas.records import FailureCategory
from tests.faults.test_kill import ENVIRONMENT
from tests.faults.test_long import watch
from tests.hostile.corpus import READABLE, Made, corpus, write
from tests.hostile.raw import PASSWORD

MAX_MEMORY = 1_500_000_000  # bytes that a reading process may take
OVER = 1.1  # a process is looked at four times a second, and may be over its limit for that long
PAGE_TIMEOUT, DOCUMENT_TIMEOUT = 60, 120  # seconds
LONGEST = (  # seconds from the first process for a document to its rows, however slow processes start
    DOCUMENT_TIMEOUT + LEAST_TO_FINISH + (MOST_ENDINGS + 2) * START_TIMEOUT
)
HEAVY = {"bombs", "masses"}  # families that take seconds each to make
SAMPLE = 60


def read_all(
    made: list[Made], root: Path, *, ocr: bool, workers: int = 1
) -> tuple[Datasets, tuple[int, int]]:
    """Run over the files; return what was written and the most memory of the run and of a reading process, in MB."""
    write(made, root / "in")
    limits = {
        "PARQUETRY_PAGE_TIMEOUT": str(PAGE_TIMEOUT),
        "PARQUETRY_DOCUMENT_TIMEOUT": str(DOCUMENT_TIMEOUT),
        "PARQUETRY_MAX_MEMORY": str(MAX_MEMORY),
        "PARQUETRY_PASSWORD": PASSWORD,
        "PARQUETRY_OCR": str(ocr).lower(),
        "OMP_NUM_THREADS": "1",
    }
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        root / "in",
        "--out",
        root / "out",
        "--workers",
        str(workers),
    ]
    with (root / "log").open("w") as log:
        running = subprocess.Popen(command, env=ENVIRONMENT | limits, stdout=log, stderr=log, text=True)
        most = watch(running)
    text = (root / "log").read_text()
    assert running.returncode == 2, text[-3000:]
    assert PASSWORD not in text
    return Datasets(root / "out"), most


def check(made: list[Made], root: Path, out: Datasets) -> Counter[str]:
    """Every listed file has its document, and every document that is not read in full its failures; count those."""
    documents, failures = out.load("documents").to_pylist(), out.load("failures").to_pylist()
    told = [uri for row in documents for uri in (row["source_uri"], *row["also_at"])]
    listed = [entry.uri for entry in find_sources(root / "in")]
    assert len(listed) == len(made)
    passed_over = set(listed) - set(told)  # no document, and its name does not claim to be one
    assert len(told) == len(set(told))
    assert {Path(uri).suffix for uri in passed_over} <= {".zip"}
    categories = {row["doc_id"]: row["category"] for row in failures}
    for row in documents:
        assert row["seconds"] < LONGEST, row
        assert (row["status"] == "ok") == (row["doc_id"] not in categories), row
    counts = Counter(row["category"] for row in failures)
    assert set(counts) <= set(get_args(FailureCategory)) - {"internal", "write", "transport", "engine"}, [
        row for row in failures if row["category"] == "internal"
    ]
    families = {file.name.encode(errors="surrogateescape"): file.family for file in made}
    for row in documents:
        name = os.fsencode(Path(str(find_name(row["source_uri"]))).name)
        if families.get(name) in READABLE:
            assert row["status"] == "ok", row
            assert row["n_tables"] == 1, row
    return counts


def find_name(uri: str) -> Path:
    """The path of a file whose uri may be percent-encoded because its name is not UTF-8."""
    from urllib.parse import unquote, urlsplit

    return Path(unquote(urlsplit(uri).path, errors="surrogateescape") if uri.startswith("file:") else uri)


def test_the_corpus_is_large_and_the_same_every_time():
    made = corpus()
    assert len(made) >= 500
    assert len({file.name for file in made}) == len(made)
    some = random.Random(4).sample([file for file in made if file.family not in HEAVY], 40)
    again = {file.name: file for file in corpus()}
    unstable = {"known-password", "unknown-password"}  # their keys are drawn by chance
    assert all(file.content() == again[file.name].content() for file in some if file.family not in unstable)


def test_a_sample_of_the_corpus_ends_with_a_reason_for_every_file(tmp_path):
    light = [file for file in corpus() if file.family not in HEAVY]
    families = sorted({file.family for file in light})
    chance = random.Random(8)
    each = {name: [file for file in light if file.family == name] for name in families}
    some = [file for name in families for file in chance.sample(each[name], min(5, len(each[name])))]
    out, (_, child) = read_all(some[:SAMPLE], tmp_path, ocr=False)
    check(some[:SAMPLE], tmp_path, out)
    assert child * (1 << 20) < OVER * MAX_MEMORY


@pytest.mark.slow
def test_the_whole_corpus_ends_with_a_reason_for_every_file(tmp_path):
    made = corpus()
    out, (flow, child) = read_all(made, tmp_path, ocr=True, workers=2)
    counts = check(made, tmp_path, out)
    slowest = sorted(out.load("documents").to_pylist(), key=lambda row: -row["seconds"])[:10]
    print(f"{len(made)} files; {flow} MB flow, {child} MB reading process; {dict(counts)}")
    for row in slowest:
        print(f"{row['seconds']:.1f} s {row['status']} {Path(row['source_uri']).name}")
    assert flow * (1 << 20) < MAX_MEMORY
    assert child * (1 << 20) < OVER * MAX_MEMORY


def test_links_that_lead_out_of_a_watched_folder_are_not_followed(tmp_path):
    folder, outside = tmp_path / "in", tmp_path / "outside"
    made = [file for file in corpus() if file.family == "names"][:2]
    write(made[:1], outside)
    write(made[1:], folder)
    (folder / "file.pdf").symlink_to(outside / made[0].name)
    (folder / "folder").symlink_to(outside, target_is_directory=True)
    (folder / "passwd.pdf").symlink_to("/etc/passwd")
    (folder / "inside.pdf").symlink_to(folder / made[1].name)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "itself.pdf").symlink_to(folder / "itself.pdf")
    names = [Path(entry.uri).name for entry in find_sources(folder)]
    assert names == sorted([made[1].name, "inside.pdf"])
