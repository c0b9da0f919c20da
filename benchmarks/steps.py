"""What a decode step costs beside llama_decode, and whether the vision tower runs while answers are decoded.

The scheduler runs in this process, with random weights and the real model's vocabulary of 151,936 tokens. Host time is CPU time of the
decode thread outside llama_decode, so other programs on the machine do not count:

    python -m benchmarks.steps                  # 16 sequences under a schema, then in free text
    python -m benchmarks.steps --sequences 1
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worker import SCHEMA
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.constraint import Grammars
from extractors.worker.engine import LanguageModel
from extractors.worker.images import prepare_image
from extractors.worker.metrics import Metrics
from extractors.worker.request import Request
from extractors.worker.scheduler import Scheduler
from extractors.worker.settings import WorkerSettings
from tests.tiny_model import Shape, build_pair

SHAPES = {"vocabulary": Shape(vocabulary=151_936), "tiny": Shape(plain=True)}
SIDE = 256  # pixels of the square tiles
TOKENS = 120  # most of an answer


@dataclass
class Watch:
    """What was seen of one run: seconds inside and outside llama_decode per step, and when each thread was at work."""

    host: list[float] = field(default_factory=list)
    inside: float = 0.0
    decoding: list[tuple[float, float]] = field(default_factory=list)
    encoding: list[tuple[float, float]] = field(default_factory=list)

    def put_on(self, scheduler: Scheduler, model: LanguageModel) -> None:
        """Measure the scheduler's steps, the model's decode calls and the vision tower from now on."""
        decode, encode, step = model._decode, model.encode, scheduler._step

        def timed_decode(batch: Any) -> bool:
            cpu, began = time.thread_time(), time.perf_counter()
            done = decode(batch)
            self.inside += time.thread_time() - cpu
            self.decoding.append((began, time.perf_counter()))
            return done

        def timed_encode(image: Any) -> Any:
            began = time.perf_counter()
            rows = encode(image)
            self.encoding.append((began, time.perf_counter()))
            return rows

        def timed_step() -> None:
            self.inside, cpu = 0.0, time.thread_time()
            step()
            self.host.append(time.thread_time() - cpu - self.inside)

        model._decode, model.encode, scheduler._step = timed_decode, timed_encode, timed_step  # type: ignore[method-assign]

    @property
    def overlap(self) -> float:
        """Share of the vision tower's seconds during which the decode thread was inside llama_decode."""
        both = sum(
            max(0.0, min(end, d_end) - max(start, d_start))
            for start, end in self.encoding
            for d_start, d_end in self.decoding
        )
        return both / sum(end - start for start, end in self.encoding)


def measure(pair: tuple[Path, Path], sequences: int, constrained: bool, tiles: int) -> Watch:
    """Answer `tiles` tiles, `sequences` at once, and return what was seen."""
    settings = WorkerSettings(
        model=pair[0], mmproj=pair[1], context=16_384, slots=sequences, queue=tiles, threads=1
    )
    model, watch = LanguageModel(settings), Watch()
    scheduler, chat, grammars = Scheduler(model, settings, Metrics()), ChatFormat(model), Grammars(model)
    ended = threading.Semaphore(0)
    random = np.random.default_rng(1)
    for _ in range(tiles):
        pixels = random.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
        segments = chat.segments([Message("user", (prepare_image(pixels, 4096), "Copy the table."))])
        grammar = grammars.constraint(SCHEMA) if constrained else None
        scheduler.submit(Request(segments, TOKENS, grammar, on_finish=lambda _: ended.release()))
    watch.put_on(scheduler, model)
    scheduler.start()
    for _ in range(tiles):
        ended.acquire()
    scheduler.stop()
    model.close()
    return watch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--shape", choices=SHAPES, default="vocabulary")
    parser.add_argument("--tiles", type=int, default=48)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pair = build_pair(Path(name), SHAPES[chosen.shape])
        for constrained in (True, False):
            watch = measure(pair, chosen.sequences, constrained, chosen.tiles)
            ms = [1000 * seconds for seconds in watch.host]
            print(
                f"{'schema' if constrained else 'free text':9} {chosen.sequences:2d} sequences: {len(ms)} steps, host time "
                f"{statistics.mean(ms):.2f} ms mean, {statistics.median(ms):.2f} median, {np.percentile(ms, 95):.2f} at 95 %; "
                f"{watch.overlap:.0%} of the vision tower's time lay inside llama_decode; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
