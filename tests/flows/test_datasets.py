"""What a reader of the datasets sees, at any moment and after any end of the writer."""

from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from extractors.errors import UsageError, WriteError
from flows.datasets import Datasets
from flows.index import Index, Known, Seen, load_index, read_known, save_index
from flows.lock import OutputBusyError, writing
from schemas.arrow import DATASETS, SCHEMAS, tables_of, to_arrow
from schemas.box import Box
from schemas.records import SCHEMA_VERSION, Cell, Document, DocumentResult, Fact, Failure

BOX = Box(10.0, 20.0, 110.0, 32.0)
AT = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


def document(doc_id: str, **values) -> Document:
    given = {
        "doc_id": doc_id, "fingerprint": f"{doc_id}-k", "source_uri": f"/in/{doc_id}.pdf", "media_type": "application/pdf",
        "byte_size": 10, "n_pages": 1, "n_tables": 1, "n_facts": 1, "status": "ok", "engine": "geometry",
        "started_at": AT, "seconds": 0.5,
    }  # fmt: skip
    return Document(**{**given, **values})


def cell(row: int, value: str) -> Cell:
    return Cell(
        table_id="t1", row=row, col=1, role="value", text=value, value=Decimal(value), page=1, bbox=BOX,
        source="text_layer", grounding="exact", confidence=0.9,
    )  # fmt: skip


def result(doc_id: str, values: list[str], **document_values) -> DocumentResult:
    fact = Fact(
        fact_id="f1", table_id="t1", row=0, col=1, statement="balance_sheet", label="Total assets",
        label_path=("Assets", "Total assets"), period_end=date(2024, 12, 31), currency="EUR", scale=1_000, raw_text="1,234",
        value=Decimal("1234000"), page=1, bbox=BOX, grounding="exact", check_status="pass", confidence=0.9,
        needs_review=False,
    )  # fmt: skip
    cells = tuple(cell(row, value) for row, value in enumerate(values))
    return DocumentResult(
        document=document(doc_id, **document_values), cells=cells, facts=(fact,) if values else ()
    )


@pytest.fixture
def out(tmp_path) -> Datasets:
    datasets = Datasets(tmp_path / "out")
    datasets.prepare()
    datasets.prepare_datasets()
    return datasets


def write(out: Datasets, doc_id: str, values: list[str], file: str | None = None, **document_values) -> None:
    out.replace(file or doc_id, tables_of(result(doc_id, values, **document_values)))


def test_every_reader_reads_the_same_values(out):
    write(out, "aa", ["1.5", "-2", "1234567890123456789.000000001"])
    write(out, "bb", [])
    frame = pd.read_parquet(out.path("cells"))
    assert list(frame["doc_id"]) == ["aa"] * 3
    assert list(frame["value"]) == [Decimal("1.5"), Decimal("-2"), Decimal("1234567890123456789.000000001")]
    assert list(frame["role"].astype(str)) == ["value"] * 3
    assert frame["bbox"][0] == pytest.approx(BOX._asdict())
    counted = duckdb.sql(f"select count(*), sum(value) from '{out.path('cells')}/*.parquet'").fetchall()
    assert counted == [(3, Decimal("1234567890123456788.500000001"))]
    facts = pd.read_parquet(out.path("facts"))
    assert list(facts["value"]) == [Decimal("1234000")]
    assert list(facts["period_end"]) == [date(2024, 12, 31)]
    assert len(pd.read_parquet(out.path("documents"))) == 2


def test_files_say_their_schema_and_its_version(out):
    write(out, "aa", ["1"])
    for name in DATASETS:
        schema = pq.read_schema(out.path(name, "aa.parquet"))
        assert schema.equals(SCHEMAS[name])
        assert schema.metadata[b"parquetry.schema_version"] == SCHEMA_VERSION.encode()
        assert pq.ParquetFile(out.path(name, "aa.parquet")).metadata.num_row_groups <= 1


def test_a_second_reading_leaves_no_row_of_the_first(out):
    write(out, "aa", ["1", "2"])
    write(out, "aa", [])
    assert len(pd.read_parquet(out.path("cells"))) == 0
    assert len(pd.read_parquet(out.path("facts"))) == 0
    assert len(pd.read_parquet(out.path("documents"))) == 1


def test_a_cleared_document_is_gone_everywhere_and_no_file_is(out):
    write(out, "aa", ["1"])
    files = {name: set(Path(out.path(name)).iterdir()) for name in DATASETS}
    out.clear("aa")
    assert {name: len(pd.read_parquet(out.path(name))) for name in DATASETS} == dict.fromkeys(DATASETS, 0)
    assert {name: set(Path(out.path(name)).iterdir()) for name in DATASETS} == files
    assert read_known(out, "aa") is None


def test_a_reader_sees_the_old_rows_or_the_new_ones(out):
    olds, news = ["1"] * 50, ["2"] * 70
    write(out, "aa", olds)
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            write(out, "bb", news, file="aa")  # other bytes at the same source take over its file
            write(out, "aa", olds)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = set()
        for _ in range(150):
            frame = pd.read_parquet(out.path("cells"))
            seen.add((len(frame), frame["value"].nunique(), frame["doc_id"].nunique()))
        assert seen <= {(50, 1, 1), (70, 1, 1)}
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("file", ["../aa", "a/b", ".hidden", "", "a" * 200, "a.b", "a\x00b"])
def test_a_file_name_cannot_leave_the_root(out, file):
    with pytest.raises(UsageError):
        out.replace(file, tables_of(result("aa", ["1"])))
    assert sum(len(list(Path(out.path(name)).iterdir())) for name in DATASETS) == 0


def test_what_is_being_written_is_invisible_and_leftovers_are_cleared(out):
    write(out, "aa", ["1"])
    with open(out.path(".tmp", "dead.part"), "wb") as file:  # noqa: PTH123
        file.write(b"PAR1half")
    assert len(pd.read_parquet(out.path("cells"))) == 1
    out.prepare_datasets()
    assert list(Path(out.path(".tmp")).iterdir()) == []


def test_a_broken_off_exchange_is_remembered(out, monkeypatch):
    write(out, "aa", ["1"])
    whole = Datasets.put

    def full_disk(self, name, data):
        if name.startswith("facts/"):
            raise OSError(28, "No space left on device")
        whole(self, name, data)

    monkeypatch.setattr(Datasets, "put", full_disk)
    with pytest.raises(OSError):
        write(out, "aa", ["2"])
    monkeypatch.undo()
    assert out.interrupted() == {"aa"}
    write(out, "aa", ["2"])
    assert out.interrupted() == set()


def test_a_first_write_that_broke_off_is_an_orphan(out):
    tables = tables_of(result("aa", ["1"]))
    out.replace_one("cells", "aa", tables["cells"])
    assert out.orphans() == {"aa"}
    out.clear("aa")
    assert out.orphans() == set()
    assert len(pd.read_parquet(out.path("cells"))) == 0


def test_an_output_that_cannot_be_made_is_a_write_error(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(WriteError, match="--out"):
        Datasets(tmp_path / "out").prepare()


def test_rows_of_an_earlier_version_get_todays_columns(out):
    table = tables_of(result("aa", ["1"]))["documents"].drop_columns(["removed_at"])
    pq.write_table(table, out.path("documents", "aa.parquet"))
    row = out.read("documents", "aa").to_pylist()[0]
    assert row["doc_id"] == "aa"
    assert row["removed_at"] is None


def test_the_index_is_what_the_datasets_say(out):
    write(out, "aa", ["1"], also_at=("/in/copy.pdf",))
    failure = Failure(stage="open", category="encrypted", message="Give the password.", attempts=2, at=AT)
    failed = DocumentResult(document=document("bb", status="failed"), failures=(failure,))
    out.replace("bb", tables_of(failed))
    index = load_index(out)
    assert index.known["aa"].names == {"/in/aa.pdf", "/in/copy.pdf"}
    assert index.known["bb"] == Known(
        "bb", "bb", "bb-k", "/in/bb.pdf", (), "failed", 10, False, 2, ("encrypted",), False
    )


def test_the_cache_is_not_believed_when_a_file_changed(out):
    write(out, "aa", ["1"])
    index = load_index(out)
    save_index(out, Index({"aa": index.known["aa"]}, {"/in/aa.pdf": Seen("v", "aa", "application/pdf")}))
    assert load_index(out).seen == {"/in/aa.pdf": Seen("v", "aa", "application/pdf")}
    write(out, "cc", ["1"], file="aa")
    assert load_index(out).known["aa"].doc_id == "cc"
    out.put(".parquetry/index.json", b'{"version": 1, "known": [["half')
    assert load_index(out).known["aa"].doc_id == "cc"


def test_one_writer_at_a_time(out):
    with writing(out), pytest.raises(OutputBusyError, match=f"process {os.getpid()}"), writing(out):
        pass
    with writing(out):
        pass


def test_a_second_writer_may_wait(out):
    held, release = threading.Event(), threading.Event()

    def first():
        with writing(out):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    held.wait(10)
    threading.Timer(0.3, release.set).start()
    with writing(out, wait=30):
        assert release.is_set()
    thread.join()


def test_text_that_utf8_cannot_hold_is_stored_with_a_mark():
    failure = Failure(
        source_uri="latin-\udce9.pdf", stage="open", category="corrupt", message="half \ud800 of it", at=AT
    )
    (row,) = to_arrow("failures", "id", (failure,)).to_pylist()
    assert (row["source_uri"], row["message"]) == ("latin-\ufffd.pdf", "half \ufffd of it")
