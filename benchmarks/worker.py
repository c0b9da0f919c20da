"""How fast the VL worker reads tiles, beside llama-cpp-python's own chat handler, in one run on one machine.

Both get the same random-weight Qwen3-VL pair, the same images and the same schema, which fixes the length of every answer. Printed
are tiles per second and ratios; only ratios of one run mean anything. Run it alone on the machine:

    python -m benchmarks.worker                       # the tiny pair
    python -m benchmarks.worker --shape vocabulary    # the real model's vocabulary of 151,936 tokens
    python -m benchmarks.worker --shape half          # shaped like a model of half a billion weights
    python -m benchmarks.worker --endurance 5000      # resident memory over many tiles
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import io
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from llama_cpp import Llama, llama_log_callback, mtmd_cpp
from llama_cpp.llama_chat_format import MTMDChatHandler
from PIL import Image

from tests.tiny_model import Shape, build_pair
from tests.worker_process import RunningWorker, running_worker

SHAPES = {
    "tiny": Shape(),
    "vocabulary": Shape(vocabulary=151_936),
    "half": Shape(
        width=896, layers=24, heads=14, heads_kv=2, feed_forward=4864, vocabulary=151_936, vision_width=768,
        vision_layers=12, vision_heads=12, vision_feed_forward=3072, positions=2304, deepstack=(3, 6, 9), half=True,
    ),
}  # fmt: skip
IN_FLIGHT = (1, 8, 16)
INSTRUCTION = (
    "You copy tables out of page images, exactly. Every printed row, none left out, none added, none merged. "
    "A cell is the text exactly as printed. Never calculate, round, convert, translate, complete or correct. "
) * 4
ROWS, CELL = 10, 6  # of an answer: rows of one cell, letters of a cell
SCHEMA = {
    "type": "array",
    "minItems": ROWS,
    "maxItems": ROWS,
    "items": {"type": "string", "minLength": CELL, "maxLength": CELL},
}


@llama_log_callback
def _silent(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    """The handler's helper would tell of every image."""


def data_url(seed: int, side: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def messages(seed: int, side: int) -> list[dict[str, Any]]:
    parts = [
        {"type": "image_url", "image_url": {"url": data_url(seed, side)}},
        {"type": "text", "text": "Copy."},
    ]
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": parts}]


def fits(text: str) -> bool:
    """Tell whether an answer is JSON of SCHEMA."""
    try:
        rows = json.loads(text)
    except ValueError:
        return False
    return len(rows) == ROWS and all(len(row) == CELL for row in rows)


def ask(worker: RunningWorker, asked: list[dict[str, Any]]) -> int:
    body = {
        "messages": asked,
        "max_tokens": 600,
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "rows", "schema": SCHEMA}},
    }
    while True:
        reply = httpx.post(f"{worker.url}/v1/chat/completions", json=body, timeout=600)
        if reply.status_code != 429:
            break
        time.sleep(0.2)
    answer = reply.raise_for_status().json()
    assert fits(answer["choices"][0]["message"]["content"])
    return int(answer["usage"]["completion_tokens"])


def measure_worker(worker: RunningWorker, tiles: int, side: int, first: int, in_flight: int) -> float:
    """Return tiles per second."""
    asked = [messages(first + i, side) for i in range(tiles)]
    began = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as pool:
        tokens = sum(pool.map(lambda one: ask(worker, one), asked))
    took = time.perf_counter() - began
    print(
        f"worker, {in_flight:2d} in flight   {tiles / took:7.2f} tiles/s  {tokens / took:8.1f} answer tokens/s"
    )
    return tiles / took


def measure_handler(
    model: Path, mmproj: Path, tiles: int, side: int, threads: int, constrained: bool
) -> float:
    """Return tiles per second of llama-cpp-python's MTMDChatHandler, one tile after the other."""
    mtmd_cpp.mtmd_helper_log_set(_silent, ctypes.c_void_p(0))
    handler = MTMDChatHandler(clip_model_path=str(mmproj), verbose=False)
    llama = Llama(
        str(model), chat_handler=handler, n_ctx=8192, n_threads=threads, n_gpu_layers=0, verbose=False, use_extra_bufts=False
    )  # fmt: skip
    form: Any = {"type": "json_object", "schema": SCHEMA} if constrained else None
    asked = [messages(i, side) for i in range(tiles)]
    tokens = wrong = 0
    began = time.perf_counter()
    for one in asked:
        answer: Any = llama.create_chat_completion(
            one,
            temperature=0,
            max_tokens=600 if constrained else 60,
            response_format=form,
            repeat_penalty=1.0,
        )
        tokens += answer["usage"]["completion_tokens"]
        wrong += constrained and not fits(answer["choices"][0]["message"]["content"])
    took = time.perf_counter() - began
    name = "handler, schema" if constrained else "handler, free text"
    remark = f"  {wrong} of {tiles} answers do not fit the schema" if wrong else ""
    print(f"{name:20} {tiles / took:7.2f} tiles/s  {tokens / took:8.1f} answer tokens/s{remark}")
    return tiles / took


def endure(worker: RunningWorker, tiles: int, side: int) -> None:
    """Read many tiles and print resident memory after the first tenth and at the end."""
    first = tiles // 10
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: ask(worker, messages(i, side)), range(first)))
        start = worker.health()["resident_bytes"]
        most = start
        for at in range(first, tiles, first):
            list(pool.map(lambda i: ask(worker, messages(i, side)), range(at, min(at + first, tiles))))
            most = max(most, worker.health()["resident_bytes"])
    print(
        f"resident after {first} tiles {start / 1e6:.1f} MB, most afterwards {most / 1e6:.1f} MB ({most / start - 1:+.1%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="tiny")
    parser.add_argument("--tiles", type=int, default=32)
    parser.add_argument("--side", type=int, default=256, help="pixels of the square tiles")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--endurance", type=int, default=0, metavar="TILES")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, mmproj = build_pair(folder, SHAPES[chosen.shape])
        print(f"{chosen.shape}: {model.stat().st_size / 1e6:.0f} MB + {mmproj.stat().st_size / 1e6:.0f} MB, "
              f"{chosen.tiles} tiles of {(chosen.side // 32) ** 2} image tokens, {chosen.threads} threads")  # fmt: skip
        with running_worker(
            folder, SHAPES[chosen.shape], threads=chosen.threads, slots=16, recycle_tiles=0, recycle_growth=0
        ) as worker:
            if chosen.endurance:
                endure(worker, chosen.endurance, chosen.side)
                return
            ask(worker, messages(99_999, chosen.side))
            speeds = {n: measure_worker(worker, chosen.tiles, chosen.side, 1000 * n, n) for n in IN_FLIGHT}
        alone = measure_handler(model, mmproj, max(4, chosen.tiles // 4), chosen.side, chosen.threads, True)
        free = measure_handler(model, mmproj, max(4, chosen.tiles // 4), chosen.side, chosen.threads, False)
        for n, speed in speeds.items():
            print(
                f"worker with {n:2d} in flight: {speed / alone:.1f} x the handler with a schema, {speed / free:.1f} x without"
            )


if __name__ == "__main__":
    main()
