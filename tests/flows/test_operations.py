"""The operator's page, followed to the letter in a fresh folder against a real Prefect server and worker."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from flows.datasets import Datasets
from flows.demo import running
from flows.lock import writing
from flows.parameters import RunParameters
from tests.conftest import ROOT
from tests.flows.test_flow import ask, eventually
from tests.small import small_pdf

PAGE = (ROOT / "docs" / "operations.md").read_text()
GOING = ("SCHEDULED", "PENDING", "RUNNING", "CANCELLING")


@dataclass
class Operator:
    """A person in a folder of their own, who types what the page says."""

    server: dict[str, str]
    home: Path

    def types(self, line: str) -> str:
        """Run one line of the page and return what it prints."""
        program, *arguments = shlex.split(line, comments=True)
        command = {"prefect": ["-m", "prefect"], "python": [], "parquetry": ["-m", "flows.cli"]}[program]
        ended = subprocess.run(
            [sys.executable, *command, *arguments],
            env=self.server, cwd=self.home, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def deployments(self) -> dict[str, Any]:
        return {d["name"]: d for d in ask(self.server, "deployments/filter")}

    def runs(self, name: str) -> list[dict[str, Any]]:
        deployment = {"id": {"any_": [self.deployments()[name]["id"]]}}
        return list(
            ask(self.server, "flow_runs/filter", deployments=deployment, sort="EXPECTED_START_TIME_ASC")
        )

    def ended(self, name: str) -> list[dict[str, Any]]:
        return [run for run in self.runs(name) if run["state_type"] not in GOING]


def lines_of(section: str) -> list[str]:
    """The commands in the page's code blocks below a heading."""
    text = PAGE.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return [line for block in re.findall(r"(?s)```\n(.*?)```", text) for line in block.strip().splitlines()]


BEGINNING = lines_of("From nothing to a scheduled run")


@pytest.fixture(scope="module")
def operator(server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Who has followed the page's first block: server, work pool, deployments, worker."""
    home = tmp_path_factory.mktemp("home")
    (home / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    (home / "docs").symlink_to(ROOT / "docs")
    small_pdf(home / "documents" / "a.pdf", 1)
    someone = Operator(server, home)
    assert [line.split()[:2] for line in BEGINNING[:2]] == [["prefect", "config"], ["prefect", "server"]]
    *typed, worker = BEGINNING[2:5]  # the test's server stands for the first two
    for line in typed:
        someone.types(line)
    with running(server, *worker.split()[1:], log=home / "worker.log"):
        yield someone


def test_the_first_run_leaves_its_artifacts(operator: Operator) -> None:
    (first,) = [line for line in BEGINNING if "deployment run" in line]
    operator.types(first)
    (run,) = operator.ended("nightly")
    assert (run["state_name"], run["state"]["message"]) == (
        "Completed", "1 documents read, 0 with failures, 0 unchanged",
    )  # fmt: skip
    assert figures_of(operator, run)["documents read"] == 1


def figures_of(operator: Operator, run: dict[str, Any]) -> dict[str, int]:
    """The figures of a run's artifact `summary`."""
    of_run = {"flow_run_id": {"any_": [run["id"]]}, "key": {"any_": ["summary"]}}
    (artifact,) = ask(operator.server, "artifacts/filter", artifacts=of_run)
    return {row["what"]: row["count"] for row in json.loads(artifact["data"])}


def test_the_schedule_the_limits_and_the_form(operator: Operator) -> None:
    deployments = operator.deployments()
    assert deployments.keys() == {"nightly", "on-files", "compact", "backfill"}
    (schedule,) = deployments["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"], schedule["active"]) == (
        "0 2 * * *", "Europe/London", True,
    )  # fmt: skip
    assert {
        name: (d["global_concurrency_limit"] or {}).get("limit")
        and d["concurrency_options"]["collision_strategy"]
        for name, d in deployments.items()
    } == {"nightly": "CANCEL_NEW", "on-files": "ENQUEUE", "compact": "CANCEL_NEW", "backfill": None}
    form = deployments["backfill"]["parameter_openapi_schema"]["definitions"]["RunParameters"]["properties"]
    assert form.keys() == RunParameters.model_fields.keys()
    assert [name for name, field in form.items() if not field.get("description")] == []
    refused = httpx.post(
        f"{operator.server['PREFECT_API_URL']}/deployments/{deployments['backfill']['id']}/create_flow_run",
        json={"parameters": {"run": {"folders": ["x"], "out": "y", "workers": 0}}},
    )
    assert refused.status_code in (409, 422)
    assert "workers" in refused.text


@pytest.mark.slow
def test_a_night_during_a_run_is_skipped(operator: Operator) -> None:
    """The first run waits for the output, which is held here; meanwhile the second must not begin."""
    before = len(operator.runs("nightly"))
    start = "prefect deployment run parquetry/nightly"
    out = operator.home / "out"
    with writing(Datasets(out)):
        operator.types(
            f"{start} --param 'run={json.dumps({'folders': ['documents'], 'out': 'out', 'wait': 600})}'"
        )
        eventually(lambda: operator.runs("nightly")[before]["state_type"] == "RUNNING")
        operator.types(start)
        eventually(lambda: operator.runs("nightly")[before + 1]["state_type"] == "CANCELLED")
        assert operator.runs("nightly")[before]["state_type"] == "RUNNING"
    eventually(lambda: operator.runs("nightly")[before]["state_type"] == "COMPLETED")
    assert figures_of(operator, operator.runs("nightly")[before])["documents read"] == 0  # nothing was new


def test_documents_that_arrive_start_a_run(operator: Operator) -> None:
    (watch,) = [line for line in lines_of("The three deployments") if line.startswith("parquetry watch")]
    known = len(list((operator.home / "out" / "documents").glob("*.parquet")))
    small_pdf(operator.home / "documents" / "arrived.pdf", 2)
    command = [sys.executable, "-m", "flows.cli", *watch.split()[1:], "--quiet-seconds", "0.2"]
    with (operator.home / "watch.log").open("wb") as log:
        watching = subprocess.Popen(command, env=operator.server, cwd=operator.home, stdout=log, stderr=log)
    try:
        run = eventually(lambda: operator.ended("on-files"))[0]
    finally:
        watching.terminate()
        watching.wait(60)
    assert run["state"]["message"] == f"1 documents read, 0 with failures, {known} unchanged"
    assert run["parameters"]["run"]["folders"] == [str(operator.home / "documents")]
    names = {Path(uri).name for uri in pd.read_parquet(operator.home / "out" / "documents")["source_uri"]}
    assert {"a.pdf", "arrived.pdf"} <= names


def test_the_automation_for_lost_runs_is_accepted(operator: Operator) -> None:
    (create,) = [line for line in BEGINNING if "automation create" in line]
    operator.types(create)
    made = {a["name"]: a for a in ask(operator.server, "automations/filter")}["parquetry-lost-runs"]
    assert (made["enabled"], made["trigger"]["posture"], made["trigger"]["within"]) == (
        True,
        "Proactive",
        540,
    )
    assert made["actions"][0]["state"] == "CRASHED"


@pytest.mark.slow
def test_a_run_that_leaves_documents_behind_is_told(operator: Operator, tmp_path: Path) -> None:
    told: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    (notify,) = [line for line in lines_of("Exit codes") if line.startswith("python docs/notify.py")]
    (tmp_path / "empty.pdf").touch()
    small_pdf(tmp_path / "good.pdf", 3)
    with HTTPServer(("127.0.0.1", 0), Chat) as chat:
        threading.Thread(target=chat.serve_forever, daemon=True).start()
        for path in ("old", "hook?key=open-sesame"):  # typed twice: one automation, at the later address
            operator.types(f"python {notify.split()[1]} http://127.0.0.1:{chat.server_port}/{path}")
        assert [a["name"] for a in ask(operator.server, "automations/filter")].count(
            "parquetry-messages"
        ) == 1
        parquetry = [sys.executable, "-m", "flows.cli", "run", str(tmp_path), "--out", str(tmp_path / "out")]
        assert (
            subprocess.run(parquetry, env=operator.server, capture_output=True, timeout=300).returncode == 2
        )
        message = eventually(lambda: told)[0]
        chat.shutdown()
    assert message.startswith(
        f"Parquetry: {tmp_path}: CompletedWithFailures. 2 documents read, 1 with failures"
    )
    assert "/runs/flow-run/" in message
