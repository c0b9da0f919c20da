"""A run over a folder, with the real reading processes."""

from __future__ import annotations

import gc
import hashlib
import threading
import tracemalloc
from pathlib import Path

import pandas as pd
import pymupdf
import pytest

from extractors.errors import UnreadableError
from extractors.settings import Settings
from extractors.sources import Source
from flows.datasets import Datasets
from flows.index import Index, Known
from flows.parameters import RunParameters
from flows.plan import Plan, ToRead, way_of
from flows.reading import Job
from flows.run import OpenRun, engine_of, plan_only, run_direct
from flows.summary import Events, Outcome, Summary
from tests.small import content, small_pdf


def run(folder: Path, out: Path, **given):
    return run_direct(RunParameters(folders=(str(folder),), out=str(out), workers=1, **given))


def values(out: Path, label: str = "Cash") -> dict[str, list[str]]:
    """The figures of 2024 in the row `label`, by document name."""
    cells = pd.read_parquet(out / "cells")
    names = (
        pd.read_parquet(out / "documents").set_index("doc_id")["source_uri"].map(lambda uri: Path(uri).name)
    )
    rows = cells[cells["text"] == label][["doc_id", "table_id", "row"]]
    figures = cells[cells["col"] == 1].merge(rows, on=["doc_id", "table_id", "row"])
    return {names[doc_id]: sorted(group["text"]) for doc_id, group in figures.groupby("doc_id")}


def test_a_folder_becomes_datasets_and_is_read_once(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    small_pdf(folder / "a.pdf", 111)
    small_pdf(folder / "deep" / "b.pdf", 222)
    (folder / "c.pdf").write_bytes((folder / "a.pdf").read_bytes())
    (folder / "empty.pdf").touch()
    (folder / "note.txt").write_text("nothing to read")

    first = run(folder, out)
    assert (first.ok, first.failed, first.passed_over, first.exit_code) == (2, 1, 1, 2)
    assert values(out) == {"a.pdf": ["111"], "b.pdf": ["222"]}
    documents = pd.read_parquet(out / "documents").set_index("source_uri")
    assert list(documents.loc[f"{folder}/a.pdf", "also_at"]) == [f"{folder}/c.pdf"]
    assert documents.loc[f"{folder}/empty.pdf", "status"] == "failed"
    failures = pd.read_parquet(out / "failures")
    assert list(failures["category"].astype(str)) == ["empty"]

    before = content(out)
    second = run(folder, out)
    assert (second.done, second.unchanged, second.given_up, second.exit_code) == (0, 2, 1, 2)
    assert content(out) == before

    small_pdf(folder / "a.pdf", 333)  # c.pdf still has the old bytes
    (folder / "deep" / "b.pdf").rename(folder / "renamed.pdf")
    (folder / "empty.pdf").unlink()
    third = run(folder, out)
    assert third.reasons == {"new": 1}
    assert values(out) == {"a.pdf": ["333"], "c.pdf": ["111"], "renamed.pdf": ["222"]}

    small_pdf(folder / "c.pdf", 444)
    fourth = run(folder, out)
    assert fourth.reasons == {"changed": 1}
    assert values(out) == {"a.pdf": ["333"], "c.pdf": ["444"], "renamed.pdf": ["222"]}

    (folder / "renamed.pdf").unlink()
    fifth = run(folder, out)
    assert (fifth.done, fifth.removed) == (0, 1)
    gone = pd.read_parquet(out / "documents").set_index("source_uri")["removed_at"]
    assert gone.notna().to_dict() == {
        f"{folder}/a.pdf": False,
        f"{folder}/c.pdf": False,
        f"{folder}/renamed.pdf": True,
    }


def test_a_reading_that_fails_does_not_erase_the_one_before(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    small_pdf(folder / "a.pdf", 111)
    run(folder, out)
    summary = run(folder, out, again="everything", page_timeout=0.001)
    assert (summary.ok, summary.exit_code) == (0, 2)
    assert values(out) == {"a.pdf": ["111"]}
    assert list(pd.read_parquet(out / "documents")["status"].astype(str)) == ["partial"]
    assert list(pd.read_parquet(out / "failures")["category"].astype(str)) == ["timeout"]
    assert run(folder, out).given_up == 1
    retried = run_direct(RunParameters(out=str(out), again="failed", workers=1))
    assert (retried.ok, retried.exit_code) == (1, 0)
    assert len(pd.read_parquet(out / "failures")) == 0


def test_a_plan_writes_nothing(tmp_path):
    small_pdf(tmp_path / "in" / "a.pdf")
    plan, way = plan_only(RunParameters(folders=(str(tmp_path / "in"),), out=str(tmp_path / "out")))
    assert (plan.reasons, way.engine) == ({"new": 1}, "geometry")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_told_and_a_missing_one_makes_no_output(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UnreadableError, match="nothing to read"):
        run(tmp_path / "in", tmp_path / "out")
    with pytest.raises(UnreadableError, match="does not exist"):
        run(tmp_path / "gone", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_limit_leaves_the_rest_for_the_next_run(tmp_path):
    for number in range(3):
        small_pdf(tmp_path / "in" / f"{number}.pdf", number)
    first = run(tmp_path / "in", tmp_path / "out", limit=2)
    assert (first.ok, first.left) == (2, 1)
    assert run(tmp_path / "in", tmp_path / "out").reasons == {"new": 1}


def test_a_manifest_names_the_documents(tmp_path):
    a, b = small_pdf(tmp_path / "x" / "a.pdf", 1), small_pdf(tmp_path / "y" / "b.pdf", 2)
    small_pdf(tmp_path / "y" / "c.pdf", 3)
    manifest = tmp_path / "documents.csv"
    manifest.write_text(f"uri,year\n{a},2023\n{b},2024\n{tmp_path}/gone.pdf,2024\n")
    summary = run_direct(RunParameters(manifest=str(manifest), out=str(tmp_path / "out"), workers=1))
    assert (summary.ok, summary.failed) == (2, 1)
    assert values(tmp_path / "out") == {"a.pdf": ["1"], "b.pdf": ["2"]}
    (failure,) = Datasets(tmp_path / "out").load("failures").to_pylist()
    assert (failure["category"], failure["source_uri"]) == ("unreadable", f"{tmp_path}/gone.pdf")


def test_failed_documents_are_tried_again_by_category_and_not_for_ever(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    small_pdf(folder / "good.pdf")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing behind the header")
    assert run(folder, out).failed == 1
    (category,) = pd.read_parquet(out / "failures")["category"].astype(str)

    def retry(*categories: str, max_attempts: int = 2):
        return run_direct(
            RunParameters(
                out=str(out), again="failed", categories=categories, max_attempts=max_attempts, workers=1
            )
        )

    other = "timeout" if category != "timeout" else "crash"
    assert retry(other).done == 0
    assert retry(category).failed == 1
    assert list(pd.read_parquet(out / "failures")["attempts"]) == [2]
    assert retry(category).done == 0
    assert retry(max_attempts=3).failed == 1


def test_a_reader_during_a_run_sees_whole_documents(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(4):
        small_pdf(folder / f"{number}.pdf", 1000 + number, pages=2)
    run(folder, out)
    expected = {False: content(out)["cells"]}
    for number in range(4):
        small_pdf(folder / f"{number}.pdf", 2000 + number, pages=2)
    seen: list[tuple[int, int]] = []
    done = threading.Event()

    def read():
        while not done.is_set():
            frame = pd.read_parquet(out / "cells")
            seen.append((frame["doc_id"].nunique(), len(frame)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        run(folder, out)
    finally:
        done.set()
        reader.join()
    assert set(seen) == {(4, len(expected[False]))}


def test_events_tell_pages_and_documents(tmp_path):
    small_pdf(tmp_path / "in" / "a.pdf", pages=3)
    pages, documents = [], []

    class Told(Events):
        def page(self, item, done, pages_of_document):
            pages.append((done, pages_of_document))

        def document(self, outcome):
            documents.append((outcome.status, outcome.n_pages))

    run_direct(RunParameters(folders=(str(tmp_path / "in"),), out=str(tmp_path / "out"), workers=1), Told())
    assert pages == [(1, 3), (2, 3), (3, 3)]
    assert documents == [("ok", 3)]


def test_a_password_from_a_file_opens_and_is_kept_nowhere(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    plain = small_pdf(tmp_path / "plain.pdf", 111)
    folder.mkdir()
    with pymupdf.open(plain) as pdf:
        pdf.save(
            folder / "a.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open-sesame", owner_pw="x"
        )
    run(folder, out)
    assert list(pd.read_parquet(out / "failures")["category"].astype(str)) == ["encrypted"]
    secret = tmp_path / "secret.txt"
    secret.write_text("open-sesame\n")
    retry = RunParameters(
        out=str(out), again="failed", categories=("encrypted",), password_file=str(secret), workers=1
    )
    assert "open-sesame" not in retry.model_dump_json() + repr(retry.settings())
    assert run_direct(retry).ok == 1
    assert values(out) == {"a.pdf": ["111"]}
    assert not [path for path in out.rglob("*") if path.is_file() and b"open-sesame" in path.read_bytes()]
    with pytest.raises(UnreadableError, match="check the file"):
        run(folder, out, password_file=str(tmp_path / "none.txt"))


def test_figures_for_prometheus_are_left_behind(tmp_path):
    small_pdf(tmp_path / "in" / "a.pdf")
    run(tmp_path / "in", tmp_path / "out")
    text = (tmp_path / "out" / ".parquetry" / "metrics.prom").read_text()
    assert 'parquetry_documents{status="ok"} 1.0' in text
    assert "parquetry_pages 1.0" in text


def test_what_a_run_remembers_of_a_document_is_small(tmp_path):
    """Under a kilobyte each, so that ten thousand documents do not show in the memory of the flow's process."""
    out = Datasets(tmp_path)
    settings = Settings(engine="geometry")
    way = way_of(settings, engine_of(settings))
    parameters = RunParameters(folders=("in",), out=str(tmp_path))
    items = []
    for number in range(3000):
        doc_id = hashlib.sha256(str(number).encode()).hexdigest()
        source = Source(f"/archive/2024/reports/{number:05}.pdf", 2000 + number, doc_id, "application/pdf")
        items.append(ToRead(source, doc_id, "new", way.fingerprint(doc_id)))
    run = OpenRun(
        Job(parameters, out, way), settings, Index({}, {}), Plan(tuple(items)), Summary("geometry", None, {}, 0, 0, 0, 0)
    )  # fmt: skip
    held = {}
    tracemalloc.start()
    try:
        for number, item in enumerate(items, 1):
            uri, doc_id = str(Path(item.source.uri)), item.source.doc_id[:32] + item.source.doc_id[32:]
            known = Known(item.file, doc_id, way.fingerprint(doc_id), uri, (), "ok", item.source.byte_size)
            stages = (("text", number / 9), ("tables", number / 8), ("statements", number / 7))
            run.finish(
                item, Outcome(doc_id, uri, "new", "ok", 1, 1, 10, 1, number / 3, (), False, known, stages)
            )
            if number in (1000, 3000):
                gc.collect()
                held[number] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert run.summary.ok == len(run.index.known) == 3000
    assert (held[3000] - held[1000]) / 2000 < 1000  # bytes
