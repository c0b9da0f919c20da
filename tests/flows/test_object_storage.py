"""Documents and datasets on an object store: a real S3 server, started by the tests."""

from __future__ import annotations

import logging
import threading

import boto3
import fsspec
import pandas as pd
import pytest
import requests
from moto.server import ThreadedMotoServer

from flows.compact import FOLDER, SHARDS, compact
from flows.datasets import Datasets
from flows.lock import OutputBusyError, writing
from flows.parameters import RunParameters
from flows.run import run_direct
from tests.flows.test_compact import name_of, write
from tests.small import content, small_pdf

BUCKET = "reports"


@pytest.fixture
def bucket(monkeypatch):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    fsspec.filesystem("s3").clear_instance_cache()
    requests.post(
        f"http://{host}:{port}/moto-api/reset", timeout=30
    )  # servers of one process share their objects
    server.stop()


def test_a_folder_of_objects_becomes_datasets_of_objects(bucket, tmp_path):
    for name, sales in (("a.pdf", 111), ("2024/b.pdf", 222)):
        path = small_pdf(tmp_path / "in" / name, sales)
        bucket.upload_file(str(path), BUCKET, f"in/{name}")
    parameters = RunParameters(folders=(f"s3://{BUCKET}/in",), out=f"s3://{BUCKET}/out", workers=1)
    first = run_direct(parameters)
    assert (first.ok, first.exit_code) == (2, 0)
    cells = pd.read_parquet(f"s3://{BUCKET}/out/cells")
    assert {"111", "222"} <= set(cells["text"])
    documents = pd.read_parquet(f"s3://{BUCKET}/out/documents")
    assert sorted(documents["source_uri"]) == [f"s3://{BUCKET}/in/2024/b.pdf", f"s3://{BUCKET}/in/a.pdf"]

    local = run_direct(RunParameters(folders=(str(tmp_path / "in"),), out=str(tmp_path / "out"), workers=1))
    assert local.ok == 2
    assert [row[2:] for row in content(tmp_path / "out")["cells"]] == [
        row[2:] for row in content(f"s3://{BUCKET}/out")["cells"]
    ]

    second = run_direct(parameters)
    assert (second.done, second.unchanged) == (0, 2)

    bucket.upload_file(str(small_pdf(tmp_path / "new.pdf", 333)), BUCKET, "in/a.pdf")
    bucket.delete_object(Bucket=BUCKET, Key="in/2024/b.pdf")
    third = run_direct(parameters)
    assert (third.reasons, third.removed) == ({"changed": 1}, 1)
    cells = pd.read_parquet(f"s3://{BUCKET}/out/cells")
    assert "333" in set(cells["text"])
    assert "111" not in set(cells["text"])


def test_one_writer_at_a_time_holds_between_machines(bucket, monkeypatch):
    monkeypatch.setattr("flows.lock.RENEW_SECONDS", 0.05)
    out = Datasets(f"s3://{BUCKET}/out")
    out.prepare()
    with writing(out), pytest.raises(OutputBusyError), writing(Datasets(f"s3://{BUCKET}/out")):
        pass
    out.put(".parquetry/lock", b'{"pid": 1, "host": "gone", "since": "then", "id": "x", "renewed": 1.0}')
    with writing(out):  # its owner stopped renewing it long ago
        pass
    assert out.get(".parquetry/lock") is None


def test_of_two_runs_that_begin_together_one_writes(bucket):
    out = Datasets(f"s3://{BUCKET}/out")
    out.prepare()
    inside, most, guard = [0], [0], threading.Lock()
    done = []

    def one():
        with writing(Datasets(f"s3://{BUCKET}/out"), wait=60):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            threading.Event().wait(0.2)
            with guard:
                inside[0] -= 1
        done.append(1)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), most[0]) == (3, 1)


def test_the_copy_in_few_files_lies_on_the_store_as_well(bucket):
    out = Datasets(f"s3://{BUCKET}/out")
    out.prepare_datasets()
    for number in range(5):
        write(out, number, [f"{number}"])
    first = compact(out)
    assert (first.documents, first.rewritten, first.held_back) == (5, SHARDS, ())
    cells = pd.read_parquet(f"s3://{BUCKET}/out/{FOLDER}/cells")
    assert sorted(cells["text"]) == ["0", "1", "2", "3", "4"]
    assert compact(out).rewritten == 0
    write(out, 3, ["33", "34"])
    assert compact(out).rewritten == 1
    cells = pd.read_parquet(f"s3://{BUCKET}/out/{FOLDER}/cells")
    assert sorted(cells["text"]) == ["0", "1", "2", "33", "34", "4"]
    documents = pd.read_parquet(f"s3://{BUCKET}/out/{FOLDER}/documents")
    assert sorted(documents["doc_id"]) == [name_of(number) for number in range(5)]
