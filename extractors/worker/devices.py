"""Which GPUs are there, and how much of their memory is free? `python -m extractors.worker.devices` prints them as JSON.

In: nothing. Out: `Device`s, in bytes. llama.cpp itself is asked, in a process of its own, because asking opens the GPU and would hold
memory on it; where its build has no GPU support, nvidia-smi tells whether that is a pity.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

GPU_KINDS = (1, 2)  # of ggml_backend_dev_type: a GPU, one that shares the machine's memory
ASK_SECONDS = 60.0  # a driver that has slept takes long to wake
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Device:
    """A GPU, or the machine itself where there is none."""

    name: str
    free: int  # bytes
    total: int
    index: int = 0


@dataclass(frozen=True)
class Machine:
    """What a worker can run on."""

    gpus: tuple[Device, ...]  # that llama.cpp can use
    memory: Device  # of the machine
    unused: tuple[Device, ...] = ()  # GPUs that are there and that this build of llama.cpp cannot use


def look_around() -> Machine:
    """Return what this machine has."""
    memory = psutil.virtual_memory()
    machine = Device("CPU", int(memory.available), int(memory.total))
    gpus = _ask_llama()
    return Machine(gpus, machine, () if gpus else _ask_nvidia())


def _ask_llama() -> tuple[Device, ...]:
    command = [sys.executable, "-m", "extractors.worker.devices"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
        return tuple(Device(**device) for device in json.loads(told.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, TypeError):
        return ()  # llama.cpp is not installed, or its driver fails: there is no GPU to use


def _ask_nvidia() -> tuple[Device, ...]:
    if not shutil.which("nvidia-smi"):
        return ()
    command = ["nvidia-smi", "--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_nvidia(told)


def parse_nvidia(told: str) -> tuple[Device, ...]:
    """Return the GPUs of nvidia-smi's lines `name, free MiB, total MiB`; lines of another form are left out."""
    out = []
    for index, line in enumerate(told.strip().splitlines()):
        name, _, rest = line.partition(",")
        with contextlib.suppress(ValueError):
            free, total = (int(part) * MEBIBYTE for part in rest.split(","))
            out.append(Device(name.strip(), free, total, index))
    return tuple(out)


def ggml_devices() -> list[Device]:
    """Return the GPUs that llama.cpp's own device list names. Opens them: call it in a process that ends."""
    import llama_cpp

    llama_cpp.llama_backend_init()
    library = next(Path(llama_cpp.__file__).parent.joinpath("lib").glob("libggml.*"))
    ggml = ctypes.CDLL(str(library))
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    for name in ("get", "description"):
        getattr(ggml, f"ggml_backend_dev_{name}").restype = (
            ctypes.c_void_p if name == "get" else ctypes.c_char_p
        )
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_description.argtypes = ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    found: list[Device] = []
    for number in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(number)
        if ggml.ggml_backend_dev_type(device) not in GPU_KINDS:
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        name = ggml.ggml_backend_dev_description(device).decode(errors="replace")
        found.append(Device(name, free.value, total.value, len(found)))
    return found


if __name__ == "__main__":
    print(json.dumps([asdict(device) for device in ggml_devices()]))
