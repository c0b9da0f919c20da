from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from extractors.errors import TransportError, UsageError
from extractors.worker.client import WorkerClient
from extractors.worker.settings import WorkerSettings
from extractors.worker.supervisor import WATCH, check, run_worker
from schemas.reading import Triage
from tests.tiny_model import build_pair
from tests.worker.test_api import about, data_url
from tests.worker_process import RunningWorker, free_port, running_worker


def ask(client: WorkerClient, seed: int) -> str:
    reply = client.ask(about(data_url(seed)), Triage.model_json_schema(), model="tiny", max_tokens=20)
    Triage.model_validate_json(reply.text)
    return reply.text


def new_pid(worker: RunningWorker, old: int) -> int:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        try:
            health = worker.health()
        except httpx.HTTPError:
            health = {}
        if health.get("status") == "ready" and health["pid"] != old:
            return int(health["pid"])
        time.sleep(0.05)
    raise AssertionError(worker.log.read_text())


def test_a_killed_worker_comes_back_and_no_question_is_lost(tmp_path: Path) -> None:
    with running_worker(tmp_path, slots=2) as worker:
        client = WorkerClient([worker.url])
        answers = {seed: ask(client, seed) for seed in range(3)}
        for _ in range(3):
            pid = worker.health()["pid"]
            os.kill(pid, signal.SIGKILL)
            assert {seed: ask(client, seed) for seed in range(3)} == answers
            assert worker.health()["pid"] != pid
        client.close()


def test_a_hanging_worker_is_replaced(tmp_path: Path) -> None:
    with running_worker(tmp_path, hang_seconds=6) as worker:
        pid = worker.health()["pid"]
        time.sleep(5 * WATCH)  # one that never answered the supervisor would have START_SECONDS
        os.kill(pid, signal.SIGSTOP)
        assert new_pid(worker, pid) != pid


def test_a_worker_that_has_done_its_share_is_replaced(tmp_path: Path) -> None:
    with running_worker(tmp_path, recycle_tiles=4) as worker:
        client = WorkerClient([worker.url])
        pid = worker.health()["pid"]
        for seed in range(5):
            ask(client, seed)
        assert new_pid(worker, pid) != pid
        ask(client, 9)
        client.close()


def test_a_pair_that_does_not_fit_ends_at_once(tmp_path: Path) -> None:
    model, mmproj = build_pair(tmp_path)
    port = free_port()
    settings = WorkerSettings(model=mmproj, mmproj=model, port=port, threads=2)
    assert run_worker(settings) == 1


def test_what_must_not_be_served_is_refused(tmp_path: Path) -> None:
    model, mmproj = build_pair(tmp_path)
    with pytest.raises(UsageError, match="No model is given"):
        check(WorkerSettings(model=None, mmproj=mmproj))
    with pytest.raises(UsageError, match="does not exist"):
        check(WorkerSettings(model=tmp_path / "none.gguf", mmproj=mmproj))
    with pytest.raises(UsageError, match="--token"):
        check(WorkerSettings(model=model, mmproj=mmproj, host="0.0.0.0", port=free_port()))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="another --port"):
            check(WorkerSettings(model=model, mmproj=mmproj, port=taken.getsockname()[1]))
    check(WorkerSettings(model=model, mmproj=mmproj, port=free_port()))


def test_without_a_worker_the_client_says_what_to_do() -> None:
    client = WorkerClient(["http://127.0.0.1:9"], patience=0.2)
    with pytest.raises(TransportError, match="parquetry worker"):
        client.models()
    client.close()
