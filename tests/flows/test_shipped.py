"""A worker of the run's own: it serves the package's reader while the run lasts, and ends with it, however it ends."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console

from extractors.worker import models
from extractors.worker.models import ROW_READER
from flows.doctor import _engine
from flows.parameters import RunParameters
from flows.shipped import reads_alone, with_worker
from flows.workers import _model_here
from tests.tiny_model import build_pair


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a reader of random weights, on a machine where no model was fetched."""
    folder = tmp_path / "reader"
    folder.mkdir()
    for made, name in zip(build_pair(tmp_path / "made"), (ROW_READER, f"mmproj-{ROW_READER}"), strict=True):
        shutil.move(made, folder / f"{name}.gguf")
    monkeypatch.setattr(models, "SHIPPED", folder)
    monkeypatch.setenv("PARQUETRY_MODELS", str(tmp_path / "none"))
    monkeypatch.delenv("PARQUETRY_WORKER_URLS", raising=False)
    return folder


def asked(**more: object) -> RunParameters:
    return RunParameters.model_validate({"folders": ("x",), "out": "y", "engine": "vision", **more})


def test_it_reads_when_vision_is_asked_for_and_nothing_else_is_there(
    reader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reads_alone(asked())
    assert reads_alone(asked(model=ROW_READER))
    assert not reads_alone(asked(engine="geometry"))
    assert not reads_alone(asked(engine="auto"))
    assert not reads_alone(asked(model="qwen3-vl-8b-q4_k_m"))
    assert not reads_alone(asked(worker_urls=("http://127.0.0.1:1",)))
    assert [f.health for f in _engine("vision", ()) if f.what == "engine"] == ["ok"]
    assert _model_here() == (*sorted(reader.iterdir(), reverse=True), ROW_READER)
    monkeypatch.setattr(models, "SHIPPED", tmp_path / "left-out")
    assert not reads_alone(asked())
    assert [f.health for f in _engine("vision", ()) if f.what == "engine"] == ["missing"]
    with with_worker(asked()) as same:
        assert same == asked()


def test_a_worker_serves_it_and_ends_with_the_run(reader: Path) -> None:
    told = io.StringIO()
    with with_worker(asked(), Console(file=told, width=200)) as parameters:
        (url,) = parameters.worker_urls
        served = httpx.get(f"{url}/v1/models", timeout=60, trust_env=False).json()["data"]
        assert [model["id"] for model in served] == [ROW_READER]
        assert "small reader of the package" in told.getvalue()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health", timeout=5, trust_env=False)


def test_a_worker_does_not_outlive_a_run_that_is_killed(reader: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from extractors.worker import models\n"
        "models.SHIPPED = Path(sys.argv[1])\n"
        "from flows.parameters import RunParameters; from flows.shipped import with_worker\n"
        "with with_worker(RunParameters(folders=('x',), out='y', engine='vision')) as parameters:\n"
        "    print('ready', flush=True); time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(reader)], stdout=subprocess.PIPE, text=True)
    assert run.stdout and run.stdout.readline() == "ready\n"
    started = psutil.Process(run.pid).children(recursive=True)
    assert len(started) >= 2  # the supervisor and its worker
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until = time.monotonic() + 120
    while any(_alive(process) for process in started) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(_alive(process) for process in started)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
