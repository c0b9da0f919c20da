"""Two real workers of one command: the questions are spread over both, and one that is lost for good loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from extractors.worker.client import WorkerClient
from schemas.reading import Triage
from tests.tiny_model import build_pair
from tests.worker.test_api import about, data_url
from tests.worker_process import READY_SECONDS, free_port

QUESTIONS = 24


def wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def tiles(url: str) -> int:
    return int(httpx.get(f"{url}/health", timeout=60).json()["tiles"])


def two_free_ports() -> int:
    while True:
        port = free_port()
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port + 1))
            return port
        except OSError:
            continue


def answers_of(client: WorkerClient) -> list[str]:
    def ask(seed: int) -> str:
        reply = client.ask(about(data_url(seed)), Triage.model_json_schema(), model="tiny", max_tokens=20)
        Triage.model_validate_json(reply.text)
        return reply.text

    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(ask, range(QUESTIONS)))


def supervisors_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The supervisor of each port, first port first."""
    children = psutil.Process(process.pid).children()
    return sorted(children, key=lambda child: int(child.environ()["PARQUETRY_WORKER_PORT"]))


def test_two_workers_of_one_command_and_one_of_them_lost(tmp_path: Path) -> None:
    model, mmproj = build_pair(tmp_path)
    port, log = two_free_ports(), tmp_path / "fleet.log"
    urls = [f"http://127.0.0.1:{port + i}" for i in range(2)]
    command = [
        sys.executable, "-m", "flows.cli", "worker", "--model", str(model), "--mmproj", str(mmproj), "--name", "tiny",
        "--gpus", "0,1", "--n-gpu-layers", "0", "--threads", "1", "--port", str(port), "--slots", "2", "--context", "8192",
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        for url in urls:
            wait_ready(url, process, log)
        client = WorkerClient(urls)
        quiet = answers_of(client)
        done = [tiles(url) for url in urls]
        assert sum(done) == QUESTIONS and min(done) >= QUESTIONS // 4
        first, second = supervisors_of(process)
        assert [s.environ()["CUDA_VISIBLE_DEVICES"] for s in (first, second)] == ["0", "1"]
        with ThreadPoolExecutor(1) as aside:
            disturbed = aside.submit(answers_of, client)
            time.sleep(0.2)  # in the middle of the questions
            for lost in (first, *first.children(recursive=True)):
                os.kill(lost.pid, signal.SIGKILL)
            assert disturbed.result() == quiet
        assert process.poll() is None  # the other one goes on
        assert answers_of(client) == quiet
        client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    told = log.read_text()
    assert f"Port {port}: 0 layers on the GPU, 2 slots, 8,192 cells" in told
    assert f"The worker on port {port} ended" in told
