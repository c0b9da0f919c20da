"""What the VL worker does on a GPU, beside llama-server: tiles, encode, prefill and decode tokens per second, and GPU use.

A random-weight pair is written on the machine itself (the speed of a model does not depend on what its weights say), quantised if
asked, and served by the worker and, where its binary is given, by `llama-server -np`. Every answer has the same length. Run it alone on
a machine with one NVIDIA GPU; a CUDA build of llama-cpp-python and of llama-server:

    CMAKE_ARGS="-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=90" pip install llama-cpp-python==0.3.36 --no-binary llama-cpp-python
    # llama-server: see benchmarks/servers.py
    python -m benchmarks.gpu --llama-server build/llama-server/bin/llama-server                 # shaped like Qwen3-VL-8B, Q8_0
    python -m benchmarks.gpu --type f16 --in-flight 1 8 16 32 --answer-tokens 256

`--shape tiny --gpu-layers 0` runs the same on a CPU, to try the script. Prints a Markdown table and one line on the machine.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp

from benchmarks.servers import CELLS_PER_SLOT, llama_server
from benchmarks.worker import Ask, over_http, request, silent
from tests.tiny_model import Shape, build_pair
from tests.worker_process import RunningWorker, running_worker

SHAPES = {
    "tiny": Shape(plain=True),
    "2b": Shape(
        width=2048, layers=28, heads=16, heads_kv=8, head_dim=128, feed_forward=6144, vocabulary=151_936, vision_width=1024,
        vision_layers=24, vision_heads=16, vision_feed_forward=4096, positions=2304, deepstack=(5, 11, 17),
        half=True, plain=True, alike=True,
    ),
    "8b": Shape(
        width=4096, layers=36, heads=32, heads_kv=8, head_dim=128, feed_forward=12_288, vocabulary=151_936, vision_width=1152,
        vision_layers=27, vision_heads=16, vision_feed_forward=4304, positions=2304, deepstack=(8, 16, 24),
        half=True, plain=True, alike=True,
    ),
}  # fmt: skip
TYPES = {
    "f16": None,
    "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
LOOK = 0.2  # seconds between two looks at the GPU
COUNTERS = (
    "images",
    "encode_seconds",
    "prompt_tokens",
    "prefill_seconds",
    "answer_tokens",
    "decode_seconds",
    "steps",
)


@dataclass(frozen=True)
class Turn:
    """One measurement: seconds and answer tokens of all tiles, the GPU's use in percent, and the worker's counters."""

    seconds: float
    answer_tokens: int
    gpu: float | None
    counted: dict[str, float]


def quantised(model: Path, kind: str) -> Path:
    """Return the model in the type asked for, made beside it."""
    ftype = TYPES[kind]
    if ftype is None:
        return model
    out = model.with_name(f"{model.stem}-{kind}.gguf")
    if not out.exists():
        llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype, params.nthread = ftype, os.cpu_count() or 1
        if llama_cpp.llama_model_quantize(str(model).encode(), str(out).encode(), params) != 0:
            raise SystemExit(f"{model} could not be quantised to {kind}.")
    return out


@contextmanager
def gpu_use() -> Iterator[list[float]]:
    """Collect the GPU's use in percent while the block runs; nothing where there is no nvidia-smi."""
    seen: list[float] = []
    done = threading.Event()

    def look() -> None:
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not done.wait(LOOK):
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode == 0:
                seen.append(float(ended.stdout.split()[0]))

    looking = threading.Thread(target=look, daemon=True)
    if shutil.which("nvidia-smi"):
        looking.start()
    try:
        yield seen
    finally:
        done.set()
        if looking.is_alive():
            looking.join()


def turn(ask: Ask, worker: RunningWorker | None, bodies: list[dict[str, Any]], in_flight: int) -> Turn:
    """Ask all, `in_flight` at once."""
    before = {name: worker.metric(f"{name}_total") for name in COUNTERS} if worker else {}
    with gpu_use() as seen, ThreadPoolExecutor(in_flight) as pool:
        began = time.perf_counter()
        answers = list(pool.map(ask, bodies))
        took = time.perf_counter() - began
    after = {name: worker.metric(f"{name}_total") for name in COUNTERS} if worker else {}
    tokens = sum(int(answer["usage"]["completion_tokens"]) for answer in answers)
    use = sum(seen) / len(seen) if seen else None
    return Turn(took, tokens, use, {name: after[name] - before[name] for name in before})


def row(name: str, in_flight: int, tiles: int, image_tokens: int, seen: Turn) -> str:
    """Return one line of the table; rates of a phase are per second of that phase, known of the worker alone."""
    counted = seen.counted

    def rate(amount: float, seconds: float) -> str:
        return f"{amount / seconds:,.0f}" if seconds else "–"

    phases = ["–"] * 4
    if counted:
        encoded = counted["images"] * image_tokens
        phases = [
            rate(encoded, counted["encode_seconds"]),
            rate(encoded, counted["prefill_seconds"]),
            rate(counted["answer_tokens"], counted["decode_seconds"]),
            f"{1000 * counted['decode_seconds'] / counted['steps']:.1f}" if counted["steps"] else "–",
        ]
    gpu = f"{seen.gpu:.0f} %" if seen.gpu is not None else "none"
    whole = f"{tiles / seen.seconds:.2f} | {seen.answer_tokens / seen.seconds:,.0f}"
    return f"| {name} | {in_flight} | {whole} | {' | '.join(phases)} | {gpu} |"


def machine() -> str:
    """Name the GPU and its driver, or say that there is none."""
    if not shutil.which("nvidia-smi"):
        return f"no GPU; {platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader", "--id=0"]
    return subprocess.run(query, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    parser.add_argument(
        "--type", choices=TYPES, default="q8_0", help="of the language model; the vision tower is F16"
    )
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument(
        "--tiles", type=int, default=0, help="per measurement; four for each one in flight when not given"
    )
    parser.add_argument(
        "--side", type=int, default=1024, help="pixels of the square tiles; 1024 gives 1,024 image tokens"
    )
    parser.add_argument("--answer-tokens", type=int, default=200)
    parser.add_argument("--gpu-layers", type=int, default=-1, help="-1 for all, 0 for none")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--llama-server", type=Path, help="its binary; left out when not given")
    parser.add_argument("--files", type=Path, help="folder for the model files, which are kept there")
    chosen = parser.parse_args()
    most, image_tokens = max(chosen.in_flight), (chosen.side // 32) ** 2
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = chosen.files or Path(name)
        began = time.perf_counter()
        model, mmproj = build_pair(folder, SHAPES[chosen.shape])
        model = quantised(model, chosen.type)
        print(f"{machine()}; {datetime.date.today()}; llama-cpp-python {llama_cpp.__version__}")
        print(f"{chosen.shape} {chosen.type}: {model.stat().st_size / 1e9:.2f} GB + {mmproj.stat().st_size / 1e9:.2f} GB, written in "
              f"{time.perf_counter() - began:.0f} s; tiles of {image_tokens} image tokens, answers of {chosen.answer_tokens} tokens\n")  # fmt: skip
        print(
            "| | in flight | tiles/s | answer tokens/s | encode tokens/s | image prefill tokens/s | decode tokens/s | ms per step | GPU use |"
        )
        print("|---|---|---|---|---|---|---|---|---|", flush=True)

        def compete(server: str, url: str, worker: RunningWorker | None) -> None:
            ask = over_http(url)
            ask(request(10**8, chosen.side, "free text"))
            for n in chosen.in_flight:
                count = chosen.tiles or 4 * n
                bodies = [request(10**6 * n + i, chosen.side, "free text") for i in range(count)]
                for body in bodies:
                    body["max_tokens"] = chosen.answer_tokens
                print(row(server, n, count, image_tokens, turn(ask, worker, bodies, n)), flush=True)

        with running_worker(
            folder, files=(model, mmproj), n_gpu_layers=chosen.gpu_layers, threads=chosen.threads, slots=most, context=most * CELLS_PER_SLOT,
            encode_ahead=8, recycle_tiles=0, recycle_growth=0, deadline=1200,
        ) as worker:  # fmt: skip
            compete("worker", worker.url, worker)
        if chosen.llama_server:
            layers = str(999 if chosen.gpu_layers < 0 else chosen.gpu_layers)
            url, _ = stack.enter_context(
                llama_server(
                    chosen.llama_server, model, mmproj, most, chosen.threads, ("--n-gpu-layers", layers)
                )
            )
            compete(f"llama-server -np {most}", url, None)


if __name__ == "__main__":
    main()
