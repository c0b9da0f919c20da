"""Which strips does the small reader see, and in which order? Drawn ones without end, or those of a folder, in batches of like length.

In: a seed and how far teaching has come, or a folder that `parquetry train data --task row` wrote. Out: `Batch`es of numpy arrays.
Strips come in blocks, each drawn by a generator of its own number: the same block is the same in every run, and worker processes
draw several at once. Drawn strips begin short and clean and grow longer and more worn.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from extractors.errors import CrashError, UsageError
from extractors.training.letters import classes, encode
from extractors.training.model import COLUMNS, patches
from extractors.training.strips import STRIP_HEIGHT, STRIP_WIDTH, Strip, draw_strip

AHEAD = 2  # blocks that each drawing process has ready or in hand
BLOCK = 12  # batches that are drawn together and sorted by length
LONGEST_ANSWER = 128  # tokens; hardly a strip has more
SHORTEST_CAP = 36  # tokens of the longest answer at the beginning
ROUND = 8  # tokens to which answers are filled up, so that few sizes occur
MASKED = -1  # a token that is not to be foretold
TRIES = 60  # strips drawn for one that is short enough


class Curriculum(BaseModel):
    """From short and clean to long and worn, in steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    short: int = Field(300, ge=0, description="steps with the shortest answers")
    lengthen: int = Field(1500, gt=0, description="steps from the shortest to the longest answers")
    clean: int = Field(1200, ge=0, description="steps with clean strips")
    wear: int = Field(5000, gt=0, description="steps from clean to poor scans")
    strength: float = Field(1.0, ge=0, le=1, description="how worn strips are at last")

    def cap(self, step: int) -> int:
        """Return the longest answer at a step, in tokens."""
        grown = min(1.0, max(0, step - self.short) / self.lengthen)
        return round(SHORTEST_CAP + (LONGEST_ANSWER - SHORTEST_CAP) * grown)

    def strength_at(self, step: int) -> float:
        """Return how worn strips are at a step."""
        return self.strength * min(1.0, max(0, step - self.clean) / self.wear)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Strips and their answers."""

    patches: NDArray[np.uint8]  # (batch, 96, 256)
    answers: NDArray[np.int64]  # (batch, n), MASKED after an answer's end
    letters: NDArray[np.int64]  # (batch, m), classes
    lengths: NDArray[np.int64]  # (batch,), how many of them count


def batch_of(strips: Sequence[Strip]) -> Batch:
    """Put strips together, their answers filled up to the longest."""
    answers = [encode(strip.cells) for strip in strips]
    letters = [classes(strip.cells) for strip in strips]
    width = max(map(len, answers))
    tokens = np.full((len(strips), width + -width % ROUND), MASKED, np.int64)
    spelt = np.zeros((len(strips), max(1, *map(len, letters))), np.int64)
    for row, (answer, letter) in enumerate(zip(answers, letters, strict=True)):
        tokens[row, : len(answer)] = answer
        spelt[row, : len(letter)] = letter
    pixels = np.stack([patches(strip.image) for strip in strips])
    return Batch(pixels, tokens, spelt, np.array([len(letter) for letter in letters], np.int64))


def fits(strip: Strip, cap: int, pieces: int) -> bool:
    """Tell whether a strip's answer is short enough to be taught."""
    return len(encode(strip.cells)) <= cap and len(classes(strip.cells)) < COLUMNS * pieces


class Blocks(Protocol):
    """Blocks of batches by number."""

    def __getitem__(self, number: int) -> list[Batch]:
        """Return a block: BLOCK batches, the same whenever and wherever they are asked for."""
        ...


class DrawnBlocks:
    """Blocks of drawn strips by number."""

    def __init__(self, size: int, seed: int, curriculum: Curriculum, pieces: int) -> None:
        self._size, self._seed, self._curriculum, self._pieces = size, seed, curriculum, pieces

    def __getitem__(self, number: int) -> list[Batch]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, number))
        step = number * BLOCK
        cap, strength = self._curriculum.cap(step), self._curriculum.strength_at(step)
        strips: list[Strip] = []
        for _ in range(TRIES * BLOCK * self._size):
            strip = draw_strip(rng, "train", strength)
            if fits(strip, cap, self._pieces):
                strips.append(strip)
            if len(strips) == BLOCK * self._size:
                break
        return in_batches(strips, self._size, rng)


class FolderBlocks:
    """Blocks of a folder's training strips by number; every strip once in each round, in another order."""

    def __init__(self, folder: Path, size: int, seed: int, pieces: int) -> None:
        self._strips = [s for s in strips_of(folder, "train") if fits(s, LONGEST_ANSWER, pieces)]
        if not self._strips:
            raise UsageError(f"{folder} holds no strips to teach; write some with --task row.")
        self._size, self._seed = size, seed

    def __getitem__(self, number: int) -> list[Batch]:
        n, wanted = len(self._strips), BLOCK * self._size
        at = range(number * wanted, (number + 1) * wanted)
        orders = {
            turn: np.random.default_rng((self._seed, turn)).permutation(n) for turn in {i // n for i in at}
        }
        strips = [self._strips[int(orders[i // n][i % n])] for i in at]
        return in_batches(strips, self._size, np.random.default_rng((self._seed, number, 1)))


def in_batches(strips: list[Strip], size: int, rng: np.random.Generator) -> list[Batch]:
    """Return batches of strips with answers of like length, in random order."""
    ordered = sorted(strips, key=lambda strip: len(encode(strip.cells)))
    batches = [batch_of(ordered[i : i + size]) for i in range(0, len(ordered), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def strips_of(folder: Path, split: str) -> list[Strip]:
    """Return the strips of a `train data` folder. Raises UsageError when it holds none or an image is no strip."""
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        raise UsageError(
            f"{folder} holds no training data; `parquetry train data {folder} --task row` writes some."
        )
    out = []
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told["task"] != "row":
            raise UsageError(
                f"{folder} holds whole tables; write strips with `--task row` for the small reader."
            )
        image = cv2.imread(str(folder / told["image"]), cv2.IMREAD_GRAYSCALE)
        if image is None or image.shape != (STRIP_HEIGHT, STRIP_WIDTH):
            raise UsageError(
                f"{folder / told['image']} is no strip of {STRIP_WIDTH} x {STRIP_HEIGHT} pixels."
            )
        out.append(Strip(np.asarray(image, np.uint8), tuple(json.loads(told["conversations"][-1]["value"]))))
    return out


def batches_from(blocks: Blocks, step: int, steps: int, workers: int) -> Iterator[Batch]:
    """Yield the batches of steps `step`, …, `steps` - 1, drawn by `workers` processes ahead of time (0: by this one)."""
    numbers = range(step // BLOCK, -(-steps // BLOCK))
    at = numbers.start * BLOCK
    for block in _drawn_ahead(blocks, numbers, workers) if workers else map(blocks.__getitem__, numbers):
        for batch in block:
            if step <= at < steps:
                yield batch
            at += 1


def _drawn_ahead(blocks: Blocks, numbers: range, workers: int) -> Iterator[list[Batch]]:
    """Yield blocks in order, the processes taking turns. They end with this one, in whatever way it ends: their pipes break."""
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that torch's threads hold
    pipes, processes = [], []
    for _ in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_draw, args=(theirs, blocks), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    try:
        for turn in range(min(AHEAD * workers, len(numbers))):
            pipes[turn % workers].send(numbers[turn])
        for turn in range(len(numbers)):
            pipe = pipes[turn % workers]
            block = pipe.recv()
            if turn + AHEAD * workers < len(numbers):
                pipe.send(numbers[turn + AHEAD * workers])
            yield block
    except (EOFError, OSError) as error:
        raise CrashError(
            "A process that draws strips has ended; start the run again, and it goes on."
        ) from error
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.terminate()
            process.join()


def _draw(pipe: Connection, blocks: Blocks) -> None:
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):  # whoever asked has ended
        while True:
            pipe.send(blocks[pipe.recv()])


def as_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Return a batch's arrays on the device, in the order in which `Batch` names them."""
    arrays = (batch.patches, batch.answers, batch.letters, batch.lengths)
    return tuple(torch.as_tensor(array).to(device, non_blocking=True) for array in arrays)
