"""How fast the VL worker reads tiles, beside llama-cpp-python's chat handler, its server, and llama-server, in one run.

All get the same random-weight Qwen3-VL pair, the same images, the same prompt and the same length of answer: under a schema that fixes
it, and as free text of FREE_TOKENS tokens. Every contestant is loaded before the first tile is read; they take turns, for several
rounds, and the medians are compared: only ratios of one run mean anything. Run it alone on the machine:

    python -m benchmarks.worker                                             # the tiny pair
    python -m benchmarks.worker --shape vocabulary                          # the real model's vocabulary of 151,936 tokens
    python -m benchmarks.worker --shape half --tiles 16                     # shaped like a model of half a billion weights
    python -m benchmarks.worker --llama-server build/llama-server/bin/llama-server     # how it is built: benchmarks/servers.py
    python -m benchmarks.worker --endurance 5000                            # resident memory over many tiles
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import io
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import psutil
from llama_cpp import Llama, llama_log_callback, mtmd_cpp
from llama_cpp.llama_chat_format import MTMDChatHandler
from PIL import Image

from benchmarks.servers import llama_cpp_server, llama_server
from tests.tiny_model import Shape, build_pair
from tests.worker_process import RunningWorker, running_worker

SHAPES = {
    "tiny": Shape(plain=True),
    "vocabulary": Shape(vocabulary=151_936, plain=True),
    "half": Shape(
        width=896, layers=24, heads=14, heads_kv=2, feed_forward=4864, vocabulary=151_936, vision_width=768,
        vision_layers=12, vision_heads=12, vision_feed_forward=3072, positions=2304, deepstack=(3, 6, 9), half=True, plain=True,
        alike=True,
    ),
}  # fmt: skip
IN_FLIGHT = (1, 8, 16)
SECONDS = 1200  # for one answer, before a contestant is given up
INSTRUCTION = (
    "You copy tables out of page images, exactly. Every printed row, none left out, none added, none merged. "
    "A cell is the text exactly as printed. Never calculate, round, convert, translate, complete or correct. "
) * 4
ROWS, CELL = 10, 6  # of an answer: rows of one cell, letters of a cell
MOST_TOKENS = 600  # of an answer under the schema, which ends it long before
FREE_TOKENS = 60  # of an answer in free text
SCHEMA = {
    "type": "array",
    "minItems": ROWS,
    "maxItems": ROWS,
    "items": {"type": "string", "pattern": f"^[A-Z]{{{CELL}}}$"},  # letters that are taken one by one
}
GRAMMAR = (  # the same in llama.cpp's own notation: llama-server drops schemas where it does not parse chats
    f'root ::= "[" cell ("," cell){{{ROWS - 1}}} "]"\ncell ::= "\\"" [A-Z]{{{CELL}}} "\\""\n'
)

Mode = Literal["schema", "free text"]
SchemaForm = Literal["json_schema", "json_object", "grammar"]
Ask = Callable[[dict[str, Any]], dict[str, Any]]  # a chat completion request -> its answer


@llama_log_callback
def silent(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    """llama.cpp would tell of every image and every tensor."""


@dataclass(frozen=True)
class Contestant:
    """Something that answers chat completions, how many it is asked at once, and how it wants the schema."""

    name: str
    ask: Ask
    pid: int  # of the process that computes
    in_flight: int
    schema_form: SchemaForm = "json_schema"


@dataclass(frozen=True)
class Speed:
    """One contestant's turn."""

    tiles: float  # per second
    cpu: float  # seconds of processor time per tile, all threads; other programs on the machine change it little
    tokens: float  # of an answer
    wrong: int  # answers that do not fit the schema


def data_url(seed: int, side: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def request(seed: int, side: int, mode: Mode, schema_form: SchemaForm = "json_schema") -> dict[str, Any]:
    """Return a chat completion request about the random image of a seed."""
    parts = [
        {"type": "image_url", "image_url": {"url": data_url(seed, side)}},
        {"type": "text", "text": "Copy."},
    ]
    body: dict[str, Any] = {
        "messages": [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": parts}],
        "max_tokens": MOST_TOKENS if mode == "schema" else FREE_TOKENS,
        "temperature": 0,
    }
    named = {"type": "json_schema", "json_schema": {"name": "rows", "schema": SCHEMA}}
    forms: dict[SchemaForm, dict[str, Any]] = {
        "json_schema": {"response_format": named},
        "json_object": {"response_format": {"type": "json_object", "schema": SCHEMA}},
        "grammar": {"grammar": GRAMMAR},
    }
    return body | (forms[schema_form] if mode == "schema" else {})


def fits(text: str) -> bool:
    """Tell whether an answer is JSON of SCHEMA."""
    try:
        rows = json.loads(text, strict=False)  # some grammars let line breaks into strings
    except ValueError:
        return False
    return (
        isinstance(rows, list)
        and len(rows) == ROWS
        and all(isinstance(row, str) and len(row) == CELL for row in rows)
    )


def over_http(url: str) -> Ask:
    """Return what asks a server; a full queue is waited for."""
    client = httpx.Client(timeout=SECONDS, trust_env=False)

    def ask(body: dict[str, Any]) -> dict[str, Any]:
        while (reply := client.post(f"{url}/v1/chat/completions", json=body)).status_code == 429:
            time.sleep(0.2)
        answer: dict[str, Any] = reply.raise_for_status().json()
        return answer

    return ask


def in_process(model: Path, mmproj: Path, threads: int) -> Ask:
    """Return llama-cpp-python's MTMDChatHandler, which reads one tile after the other."""
    mtmd_cpp.mtmd_helper_log_set(silent, ctypes.c_void_p(0))
    handler = MTMDChatHandler(clip_model_path=str(mmproj), verbose=False)
    llama = Llama(
        str(model), chat_handler=handler, n_ctx=8192, n_threads=threads, n_threads_batch=threads, n_gpu_layers=0, verbose=False, use_extra_bufts=False
    )  # fmt: skip

    def ask(body: dict[str, Any]) -> dict[str, Any]:
        answer: Any = llama.create_chat_completion(**body, repeat_penalty=1.0)
        return dict(answer)

    return ask


def measure(one: Contestant, tiles: int, side: int, mode: Mode, first: int) -> Speed:
    """Let a contestant read `tiles` new images and return how fast it was."""
    bodies = [request(first + i, side, mode, one.schema_form) for i in range(tiles)]
    process = psutil.Process(one.pid)
    before, began = process.cpu_times(), time.perf_counter()
    with ThreadPoolExecutor(one.in_flight) as pool:
        answers = list(pool.map(one.ask, bodies))
    took, after = time.perf_counter() - began, process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    tokens = sum(answer["usage"]["completion_tokens"] for answer in answers)
    wrong = sum(not fits(answer["choices"][0]["message"]["content"]) for answer in answers)
    return Speed(tiles / took, cpu / tiles, tokens / tiles, wrong if mode == "schema" else 0)


def compete(field: list[Contestant], tiles: int, side: int, mode: Mode, rounds: int) -> None:
    """Let all take turns and print the medians, and each one's ratio to the worker with as many in flight."""
    speeds: dict[str, list[Speed]] = defaultdict(list)
    seeds = iter(range(1000 if mode == "schema" else 500_000, 10**9, 1000))
    for one in field:
        measure(one, 1, side, mode, next(seeds))
    for _ in range(rounds):
        for one in field:
            share = tiles if one.in_flight > 1 else max(2, tiles // 4)
            speeds[one.name].append(measure(one, share, side, mode, next(seeds)))
    middle = {name: statistics.median(speed.tiles for speed in all_) for name, all_ in speeds.items()}
    ours = {one.in_flight: middle[one.name] for one in field if one.name.startswith("worker")}
    print(f"\n{mode}; medians of {rounds} rounds, load average {os.getloadavg()[0]:.1f}\n")
    print(
        "| | tiles/s | CPU ms per tile | answer tokens | do not fit | worker, as many in flight | worker, 16 in flight |"
    )
    print("|---|---|---|---|---|---|---|")
    for one in field:
        cpu = 1000 * statistics.median(speed.cpu for speed in speeds[one.name])
        tokens = statistics.median(speed.tokens for speed in speeds[one.name])
        wrong = sum(speed.wrong for speed in speeds[one.name])
        ratios = " | ".join(f"{ours[n] / middle[one.name]:.2f} x" for n in (one.in_flight, max(ours)))
        print(
            f"| {one.name} | {middle[one.name]:.2f} | {cpu:.1f} | {tokens:.0f} | {wrong} | {ratios} |",
            flush=True,
        )


def endure(worker: RunningWorker, tiles: int, side: int) -> None:
    """Read many tiles and print resident memory on the way: what it is after 500 tiles, and the most afterwards."""
    ask = over_http(worker.url)
    step, start, most = 500, 0, 0
    print("tiles, resident MB")
    with ThreadPoolExecutor(16) as pool:
        for at in range(0, tiles, step):
            list(pool.map(lambda i: ask(request(i, side, "schema")), range(at, min(at + step, tiles))))
            resident = worker.health()["resident_bytes"]
            start = start or resident
            most = max(most, resident)
            print(f"{at + step:6d}  {resident / 1e6:.1f}  {resident / start - 1:+.1%}", flush=True)
    print(
        f"after {step} tiles {start / 1e6:.1f} MB, most afterwards {most / 1e6:.1f} MB ({most / start - 1:+.1%})"
    )


def contestants(
    stack: ExitStack, model: Path, mmproj: Path, worker: RunningWorker, threads: int, binary: Path | None
) -> Iterator[Contestant]:
    """Start the others beside the worker and yield all, the worker first."""
    pid = int(worker.health()["pid"])
    for n in IN_FLIGHT:
        yield Contestant(f"worker, {n} in flight", over_http(worker.url), pid, n)
    yield Contestant("MTMDChatHandler", in_process(model, mmproj, threads), os.getpid(), 1, "json_object")
    url, pid = stack.enter_context(llama_cpp_server(model, mmproj, threads))
    yield Contestant("llama_cpp.server", over_http(url), pid, 1, "json_object")
    if binary is not None:
        url, pid = stack.enter_context(llama_server(binary, model, mmproj, max(IN_FLIGHT), threads))
        for n in IN_FLIGHT:
            name = f"llama-server -np {max(IN_FLIGHT)}, {n} in flight"
            yield Contestant(name, over_http(url), pid, n, "grammar")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="tiny")
    parser.add_argument("--tiles", type=int, default=32)
    parser.add_argument("--side", type=int, default=256, help="pixels of the square tiles")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--modes", nargs="+", choices=("schema", "free text"), default=["schema", "free text"]
    )
    parser.add_argument("--llama-server", type=Path, help="its binary; left out when not given")
    parser.add_argument("--files", type=Path, help="folder for the model files, which are kept there")
    parser.add_argument("--endurance", type=int, default=0, metavar="TILES")
    chosen = parser.parse_args()
    shape = replace(SHAPES[chosen.shape])
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = chosen.files or Path(name)
        model, mmproj = build_pair(folder, shape)
        print(f"{chosen.shape}: {model.stat().st_size / 1e6:.0f} MB + {mmproj.stat().st_size / 1e6:.0f} MB, "
              f"{chosen.tiles} tiles of {(chosen.side // 32) ** 2} image tokens, {chosen.threads} threads")  # fmt: skip
        worker = stack.enter_context(
            running_worker(folder, shape, threads=chosen.threads, slots=16, recycle_tiles=0, recycle_growth=0, deadline=SECONDS)
        )  # fmt: skip
        if chosen.endurance:
            endure(worker, chosen.endurance, chosen.side)
            return
        field = list(contestants(stack, model, mmproj, worker, chosen.threads, chosen.llama_server))
        for mode in chosen.modes:
            compete(field, chosen.tiles, chosen.side, mode, chosen.rounds)


if __name__ == "__main__":
    main()
