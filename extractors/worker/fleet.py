"""Several workers, one per GPU: which they are, and keeping them together.

In: the settings of one worker, and what the machine has. Out: settings per GPU, each with a port of its own; and an exit code, when a
person stops them or none is left. Each worker has its own supervisor, so one that fails does not touch the others; clients are given all
addresses and go on with those that answer.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from pydantic import SecretStr

from extractors.errors import UsageError
from extractors.worker.devices import Machine
from extractors.worker.fitting import Fit, applied, fit, size_of_files
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

POLL = 0.2  # seconds
PREFIX = "PARQUETRY_WORKER_"


@dataclass(frozen=True)
class Member:
    """One worker of several: its settings, the GPU it sees, and why it runs as it does."""

    settings: WorkerSettings
    gpu: int | None
    fit: Fit | None


def members(settings: WorkerSettings, machine: Machine) -> list[Member]:
    """Return the workers that the settings ask for: one, or one per GPU. Raises UsageError for a GPU that is not there."""
    chosen = _chosen(settings, machine)
    out = []
    for number, gpu in enumerate(chosen):
        update: dict[str, object] = {"port": settings.port + number}
        if settings.gpus:
            update |= {"gpus": None, "main_gpu": 0}  # each sees only its own
        one = settings.model_copy(update=update)
        way = derived(one, machine, gpu, len(chosen)) if settings.fit else None
        out.append(Member(applied(one, way) if way else one, gpu if settings.gpus else None, way))
    return out


def _chosen(settings: WorkerSettings, machine: Machine) -> list[int]:
    if not settings.gpus:
        return [settings.main_gpu]
    if settings.gpus == "all":
        if not machine.gpus:
            raise UsageError(
                "No GPU that llama.cpp can use is here; leave --gpus out. `parquetry doctor` says why."
            )
        return [gpu.index for gpu in machine.gpus]
    try:
        chosen = [int(part) for part in settings.gpus.split(",")]
    except ValueError as error:
        raise UsageError(f"--gpus is {settings.gpus!r}; write all, or numbers such as 0,1.") from error
    there = {gpu.index for gpu in machine.gpus}
    if len(set(chosen)) < len(chosen) or (there and not set(chosen) <= there):
        raise UsageError(
            f"--gpus {settings.gpus} names a GPU twice, or one that is not here; there are: {sorted(there)}."
        )
    return chosen


def derived(settings: WorkerSettings, machine: Machine, gpu: int, shared_by: int = 1) -> Fit | None:
    """Return how the model of the settings runs best here; None when its files are not there to be measured."""
    if not (settings.model and settings.mmproj and settings.model.is_file() and settings.mmproj.is_file()):
        return None
    size = size_of_files(settings.model, settings.mmproj)
    device = next((device for device in machine.gpus if device.index == gpu), None)
    if device is None or settings.n_gpu_layers == 0:
        return fit(size, machine.memory.free // shared_by, gpu=False)
    return fit(size, device.free)


def run_fleet(fleet: Sequence[Member]) -> int:
    """Run several supervised workers until all have ended; Ctrl-C and SIGTERM reach each. Return the worst of their exit codes."""
    running = [
        subprocess.Popen([sys.executable, "-m", "extractors.worker"], env=_environment(member))
        for member in fleet
    ]

    def on_signal(number: int, frame: FrameType | None) -> None:
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    ended: set[int] = set()
    try:
        while len(ended) < len(running):
            for member, process in zip(fleet, running, strict=True):
                if process.poll() is not None and process.pid not in ended:
                    ended.add(process.pid)
                    log.warning(
                        "The worker on port %d ended with code %s", member.settings.port, process.returncode
                    )
            time.sleep(POLL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        on_signal(signal.SIGTERM, None)
    return max(abs(int(process.returncode or 0)) for process in running)


def _environment(member: Member) -> dict[str, str]:
    """Return the environment of one worker: every setting, and only its own GPU in sight."""
    out = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    if member.gpu is not None:
        out["CUDA_VISIBLE_DEVICES"] = str(member.gpu)
    for name, value in member.settings.model_dump(mode="json").items():
        own = getattr(member.settings, name)
        if isinstance(own, SecretStr):
            value = own.get_secret_value()
        if value is not None:
            out[f"{PREFIX}{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    return out
