"""The copy in few large files: the same rows, each document once at every moment, whatever writes, reads or is killed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from flows import compact as compacting
from flows.compact import FOLDER, SHARDS, compact, shard_of
from flows.datasets import Datasets
from flows.lock import OutputBusyError, writing
from schemas.arrow import DATASETS, tables_of
from tests.flows.test_datasets import result

MANY = 20


def name_of(number: int) -> str:
    return f"{number:064x}"


def write(out: Datasets, number: int, values: list[str], **own: pa.Table) -> None:
    out.replace(name_of(number), tables_of(result(name_of(number), values)), own)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    datasets = Datasets(tmp_path_factory.mktemp("written") / "out")
    datasets.prepare()
    datasets.prepare_datasets()
    for number in range(MANY):
        write(datasets, number, [f"{number}", f"{number}.5"])
    return Path(datasets.root)


@pytest.fixture
def out(written: Path, tmp_path: Path) -> Datasets:
    return Datasets(shutil.copytree(written, tmp_path / "out"))


def copied(out: Datasets, dataset: str) -> pa.Table:
    return ds.dataset(f"{out.root}/{FOLDER}/{dataset}", format="parquet").to_table()


def values(out: Datasets) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for row in copied(out, "cells").select(["doc_id", "text"]).to_pylist():
        told.setdefault(row["doc_id"], []).append(row["text"])
    return told


def test_the_copy_holds_the_same_rows_in_few_files(out: Datasets) -> None:
    done = compact(out)
    assert (done.documents, done.rewritten, done.unchanged, done.held_back) == (MANY, SHARDS, 0, ())
    for name in DATASETS:
        assert len(list(Path(out.path(FOLDER, name)).glob("*.parquet"))) == SHARDS
        one, two = out.load(name), copied(out, name)
        live = ds.dataset(out.path(name), format="parquet").schema
        assert two.schema.equals(live, check_metadata=True)
        keys = [
            (column, "ascending") for column in one.column_names if column in ("doc_id", "row", "fact_id")
        ]
        assert one.sort_by(keys).to_pylist() == two.sort_by(keys).to_pylist()
    told = duckdb.sql(f"select count(*), sum(value) from '{out.root}/compact/cells/*.parquet'").fetchall()
    assert told == [(2 * MANY, sum(range(MANY)) * 2 + MANY // 2)]
    assert len(pd.read_parquet(f"{out.root}/compact/documents")) == MANY
    assert {file.name for file in Path(out.root).iterdir()} == {*DATASETS, "compact", ".parquetry", ".tmp"}


def test_only_what_changed_is_written_again(out: Datasets) -> None:
    compact(out)
    before = {path: path.stat().st_ino for path in Path(out.path(FOLDER)).rglob("*.parquet")}
    assert compact(out).rewritten == 0
    write(out, 7, ["77"])
    out.clear(name_of(8))
    write(out, MANY, ["1", "2", "3"])
    done = compact(out)
    touched = {shard_of(name_of(number)) for number in (7, 8, MANY)}
    assert (done.documents, done.rewritten) == (MANY, len(touched))
    after = {path: path.stat().st_ino for path in Path(out.path(FOLDER)).rglob("*.parquet")}
    changed = {int(path.stem) for path in after if before.get(path) != after[path]}
    assert changed == touched
    told = values(out)
    assert told[name_of(7)] == ["77"]
    assert name_of(8) not in told
    assert told[name_of(MANY)] == ["1", "2", "3"]
    assert compact(out).rewritten == 0


def test_a_lost_file_or_manifest_is_made_again(out: Datasets) -> None:
    compact(out)
    Path(out.path(FOLDER, "facts", "03.parquet")).unlink()
    assert compact(out).rewritten == 1
    assert copied(out, "facts").num_rows == MANY
    Path(out.path(compacting.MANIFEST)).write_text('{"version": 1, "shards": {"0": 5}}')
    assert compact(out).rewritten == SHARDS
    assert Counter(copied(out, "facts")["doc_id"].to_pylist()) == {name_of(n): 1 for n in range(MANY)}


def test_a_document_whose_writing_was_broken_off_keeps_its_earlier_rows(
    out: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "PAUSE", 0.0)
    compact(out)
    out.replace_one("cells", name_of(3), tables_of(result(name_of(3), ["33"]))["cells"])
    out.put(f".parquetry/writing/{name_of(3)}", b"1")
    out.put(
        f".parquetry/writing/{name_of(MANY)}", b"1"
    )  # a first writing: some files, and no row in documents
    out.replace_one("cells", name_of(MANY), tables_of(result(name_of(MANY), ["9"]))["cells"])
    done = compact(out)
    assert done.held_back == (name_of(3),)
    assert values(out)[name_of(3)] == ["3", "3.5"]
    assert name_of(MANY) not in values(out)
    write(out, 3, ["33", "34"])
    assert compact(out).held_back == ()
    assert values(out)[name_of(3)] == ["33", "34"]


READER = """
import glob, json, sys, time
from collections import Counter
import pyarrow.parquet as pq
root, wanted, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import os
looks, wrong = 0, []
while not os.path.exists(stop):
    for name in ("cells", "facts", "documents"):
        files = sorted(glob.glob(f"{root}/compact/{name}/*.parquet"))
        time.sleep(0.002)  # between listing and opening, as readers have it
        ids = Counter()
        for file in files:
            ids.update(set(pq.read_table(file, columns=["doc_id"])["doc_id"].to_pylist()))
        looks += 1
        if sum(ids.values()) < wanted or set(ids.values()) != {1}:
            wrong.append([name, len(files), sum(ids.values())])
    open(stop + ".looked", "w").close()
print(json.dumps([looks, wrong]))
"""


def test_a_reader_sees_every_document_once_at_every_moment(out: Datasets, tmp_path: Path) -> None:
    """A reader of its own process, a writer that goes on, and compaction after compaction."""
    compact(out)
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, out.root, str(MANY), str(stop)], stdout=subprocess.PIPE, text=True
    )
    ended = threading.Event()

    def keep_writing() -> None:
        number = 0
        while not ended.is_set():
            write(out, number % (MANY + 5), [f"{number}"])
            number += 1

    writer = threading.Thread(target=keep_writing)
    writer.start()
    rewritten = 0
    looked = tmp_path / "stop.looked"  # a reader that is slow to start is waited for
    while rewritten <= SHARDS or (not looked.exists() and reader.poll() is None):
        rewritten += compact(Datasets(out.root)).rewritten
    ended.set()
    writer.join()
    stop.touch()
    told, _ = reader.communicate()
    looks, wrong = json.loads(told)
    assert wrong == []
    assert looks >= 3
    assert rewritten > SHARDS
    compact(out)
    assert values(out) == {
        id_: [r["text"] for r in rows] for id_, rows in by_document(out.load("cells")).items()
    }


def by_document(table: pa.Table) -> dict[str, list[dict[str, object]]]:
    told: dict[str, list[dict[str, object]]] = {}
    for row in table.to_pylist():
        told.setdefault(row["doc_id"], []).append(row)
    return told


KILLED = """
import os, signal, sys
from flows import compact as module
from flows.datasets import Datasets
left = int(sys.argv[2])
def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
for name in ("put_file", "put"):
    def counted(self, *args, kept=getattr(Datasets, name)):
        step(); kept(self, *args); step()
    setattr(Datasets, name, counted)
module.compact(Datasets(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", [1, 8, 20])
def test_a_kill_at_any_step_leaves_whole_shards(out: Datasets, moment: int) -> None:
    compact(out)
    for number in range(MANY):
        write(out, number, [f"1{number}"])
    ended = subprocess.run([sys.executable, "-c", KILLED, out.root, str(moment)], check=False)
    assert ended.returncode == -signal.SIGKILL
    for name in ("cells", "facts", "documents"):
        assert set(copied(out, name)["doc_id"].to_pylist()) == {name_of(number) for number in range(MANY)}
    assert all(
        told in ([f"{n}", f"{n}.5"], [f"1{n}"]) for n in range(MANY) for told in [values(out)[name_of(n)]]
    )
    assert compact(out).held_back == ()
    assert values(out) == {name_of(number): [f"1{number}"] for number in range(MANY)}
    assert not Path(out.path(compacting.ASIDE)).exists()


def test_a_killed_first_compaction_shows_nothing_until_all_is_there(out: Datasets) -> None:
    code = KILLED.replace('("put_file", "put")', '("read",)').replace(
        "step(); kept(self, *args); step()", "step(); return kept(self, *args)"
    )
    ended = subprocess.run([sys.executable, "-c", code, out.root, "100"], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not Path(out.path(FOLDER)).exists()
    assert compact(out).documents == MANY


def test_a_dataset_of_ones_own_is_copied_too(out: Datasets) -> None:
    out.note_own("invoice", {"schema": "bills.Invoice"})
    first = pa.table({"doc_id": [name_of(1)], "number": ["A1"]})
    later = pa.table({"doc_id": [name_of(2)], "number": ["B2"], "due": pa.array([5], pa.int64())})
    write(out, 1, ["1"], invoice=first)
    write(out, 2, ["2"], invoice=later)
    compact(out)
    files = sorted(Path(out.path(FOLDER, "invoice")).glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert {row["number"] for row in rows} == {"A1", "B2"}
    write(out, 1, ["1"], invoice=first.slice(0, 0))
    compact(out)
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert [row["number"] for row in rows] == ["B2"]


def test_two_compactions_never_meet_and_a_run_is_no_hindrance(out: Datasets) -> None:
    with writing(out):
        assert compact(out).documents == MANY
    with writing(out, 0.0, compacting.LOCK), pytest.raises(OutputBusyError, match=f"process {os.getpid()}"):
        compact(out)
    with writing(out, 0.0, compacting.LOCK):
        ended = threading.Event()
        waiting = threading.Thread(target=lambda: (compact(Datasets(out.root), wait=30), ended.set()))
        waiting.start()
        time.sleep(0.3)
        assert not ended.is_set()
    waiting.join()
    assert ended.is_set()
