"""The folder flow against a real Prefect server, seen through its API as a person would see it in the UI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pymupdf
import pytest

from flows.api import prefect_api
from tests.small import content, heed_ctrl_c, small_pdf


def ask(server: dict[str, str], path: str, **body: Any) -> Any:
    answer = httpx.post(f"{server['PREFECT_API_URL']}/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def eventually(look: Callable[[], Any], seconds: float = 120) -> Any:
    """Return what `look` finds as soon as it finds something: the server records a little later."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.3)
    return found


def parquetry(server: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, env=server, capture_output=True, text=True, timeout=300)


def test_a_run_is_a_flow_run_with_tasks_and_artifacts(server, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(3):
        small_pdf(folder / f"{number}.pdf", 100 + number)
    (folder / "bad[x](javascript:0).pdf").touch()
    ended = parquetry(server, "run", folder, "--out", out, "--workers", 1)
    assert ended.returncode == 2, ended.stderr
    assert "Prefect flow run" in ended.stderr
    assert "/runs/flow-run/" in ended.stderr
    assert "Finished in state" not in ended.stderr  # the terminal has its own progress; the UI has the logs

    documents = pd.read_parquet(out / "documents")
    (run_id,) = set(documents["flow_run_id"])
    (flow_run,) = ask(server, "flow_runs/filter", flow_runs={"id": {"any_": [run_id]}})
    assert (flow_run["name"], flow_run["state_type"]) == (str(folder), "COMPLETED")
    assert flow_run["state_name"] == "CompletedWithFailures"
    assert flow_run["parameters"]["run"]["folders"] == [str(folder)]

    tasks = eventually(
        lambda: (
            (t := ask(server, "task_runs/filter", flow_runs={"id": {"any_": [run_id]}})) and len(t) == 4 and t
        )
    )
    assert {task["name"] for task in tasks} == {"0.pdf", "1.pdf", "2.pdf", "bad[x](javascript:0).pdf"}
    artifacts = ask(server, "artifacts/filter", artifacts={"flow_run_id": {"any_": [run_id]}})
    by_key = {artifact["key"]: artifact["data"] for artifact in artifacts}
    assert {"summary", "failures", "slowest", "documents-read"} <= by_key.keys()
    assert '"what": "documents read", "count": 3' in by_key["summary"]
    assert "](javascript" not in by_key["failures"]  # a file's name makes no link

    direct = tmp_path / "direct"
    assert parquetry(server, "run", folder, "--out", direct, "--workers", 1, "--direct").returncode == 2
    assert content(direct) == content(out)

    again = parquetry(server, "run", folder, "--out", out)
    assert "3 unchanged" in again.stderr
    assert list(pd.read_parquet(out / "documents")["flow_run_id"].unique()) == [run_id]


def test_a_password_from_a_secret_block_is_in_no_record_of_the_run(server, tmp_path):
    plain = small_pdf(tmp_path / "plain.pdf", 111)
    (tmp_path / "in").mkdir()
    with pymupdf.open(plain) as pdf:
        pdf.save(
            tmp_path / "in" / "a.pdf",
            encryption=pymupdf.PDF_ENCRYPT_AES_256,
            user_pw="open-sesame",
            owner_pw="x",
        )
    code = (
        "import sys; from prefect.blocks.system import Secret; from flows.folder import run_as_flow;"
        "from flows.parameters import RunParameters;"
        "Secret(value='open-sesame').save('pdf-password', overwrite=True);"
        "p = RunParameters(folders=(sys.argv[1],), out=sys.argv[2], password_block='pdf-password', workers=1);"
        "s = run_as_flow(p); print(s.ok, s.flow_run_id)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in"), str(tmp_path / "out")],
        env=server, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    ok, run_id = ended.stdout.split()[-2:]
    assert ok == "1"
    of_run = {"flow_run_id": {"any_": [run_id]}}
    (flow_run,) = ask(server, "flow_runs/filter", flow_runs={"id": {"any_": [run_id]}})
    assert flow_run["parameters"]["run"]["password_block"] == "pdf-password"
    records = [
        flow_run,
        ask(server, "logs/filter", logs=of_run),
        ask(server, "artifacts/filter", artifacts=of_run),
    ]
    assert "open-sesame" not in repr(records) + ended.stdout + ended.stderr
    assert "pdf-password" in [record["name"] for record in ask(server, "block_documents/filter")]
    kept = [
        path
        for root in (Path(server["PREFECT_HOME"]), tmp_path / "out")
        for path in root.rglob("*")
        if path.is_file()
    ]
    assert {"prefect.db", "server.log", "index.json"} <= {path.name for path in kept}
    assert [
        path for path in kept if b"open-sesame" in path.read_bytes()
    ] == []  # database, its log, datasets, state


def test_processes_of_a_dask_cluster_write_the_same_datasets(server, tmp_path):
    pytest.importorskip("prefect_dask")
    folder = tmp_path / "in"
    for number in range(6):
        small_pdf(folder / f"{number}.pdf", 100 + number)
    (folder / "bad.pdf").touch()
    script = tmp_path / "spread.py"
    script.write_text(
        "import sys\n"
        "from flows.folder import run_as_flow\n"
        "from flows.parameters import RunParameters\n"
        "if __name__ == '__main__':\n"
        "    s = run_as_flow(RunParameters(folders=(sys.argv[1],), out=sys.argv[2], dask='local', workers=2))\n"
        "    print(s.ok, s.failed, s.flow_run_id)\n"
    )
    ended = subprocess.run(
        [sys.executable, str(script), str(folder), str(tmp_path / "dask")],
        env=server, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    ok, failed, run_id = ended.stdout.split()[-3:]
    assert (ok, failed) == ("6", "1")
    tasks = eventually(
        lambda: (
            (t := ask(server, "task_runs/filter", flow_runs={"id": {"any_": [run_id]}})) and len(t) == 7 and t
        )
    )
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    assert parquetry(server, "run", folder, "--out", tmp_path / "direct", "--direct").returncode == 2
    assert content(tmp_path / "dask") == content(tmp_path / "direct")


def test_ctrl_c_ends_a_flow_run_and_its_document(server, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(20):
        small_pdf(folder / f"{number}.pdf", 100 + number, pages=4)
    small_pdf(folder / "00-long.pdf", 1, pages=400)
    command = [sys.executable, "-m", "flows.cli", "run", str(folder), "--out", str(out), "--workers", "2"]
    running = subprocess.Popen(command, env=server, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    eventually(lambda: running.poll() is not None or list((out / "documents").glob("*.parquet")))
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 130, told
    assert "carry on" in told
    assert 1 <= len(pd.read_parquet(out / "documents")) < 21
    run_id = told.split("/runs/flow-run/")[1].split()[0]
    (flow_run,) = ask(server, "flow_runs/filter", flow_runs={"id": {"any_": [run_id]}})
    assert flow_run["state_type"] in ("CRASHED", "CANCELLED", "FAILED")


def test_what_a_run_cannot_do_is_told_and_recorded(server, tmp_path):
    ended = parquetry(server, "run", tmp_path / "gone", "--out", tmp_path / "out")
    assert ended.returncode == 3
    assert "does not exist; check the path" in ended.stderr
    (flow_run,) = ask(server, "flow_runs/filter", flow_runs={"name": {"any_": [str(tmp_path / "gone")]}})
    assert flow_run["state_type"] == "FAILED"


def test_where_an_api_is_configured_is_found_without_prefect(tmp_path):
    assert prefect_api({"PREFECT_HOME": str(tmp_path)}, tmp_path) is None
    assert prefect_api({"PREFECT_API_URL": "http://here/api"}, tmp_path) == "http://here/api"
    (tmp_path / "profiles.toml").write_text(
        'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "http://profile/api"\n[profiles.ephemeral]\n'
    )
    home = {"PREFECT_HOME": str(tmp_path)}
    assert prefect_api(home, tmp_path) == "http://profile/api"
    assert prefect_api({**home, "PREFECT_PROFILE": "ephemeral"}, tmp_path) is None
    assert prefect_api({**home, "PREFECT_API_URL": ""}, tmp_path) is None
    (tmp_path / "prefect.toml").write_text('[api]\nurl = "http://file/api"\n')
    assert prefect_api(home, tmp_path) == "http://file/api"
    for name in ("PREFECT_API_URL",):
        assert prefect_api({**os.environ, name: "http://given/api"}) == "http://given/api"


def test_a_server_that_goes_away_costs_the_progress_and_not_the_run():
    from uuid import uuid4

    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    from flows.folder import FlowEvents
    from flows.summary import Outcome

    events = FlowEvents(None)
    events._artifact, events._total = uuid4(), 2
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        for _ in range(2):
            events.document(Outcome("d", "/d.pdf", "new", "ok", 1, 0, 0, 0, 0.1))
    assert (events._done, events._artifact) == (2, None)  # counted, and the server is not asked again
