"""Examples with images stand before every question: encoded and decoded once, shared by all, and no answer is another for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractors.worker.chat import Message
from extractors.worker.images import Image, prepare_image
from extractors.worker.request import Request
from schemas.reading import tile_schema
from tests.worker.test_scheduler import INSTRUCTION, Bench, bench, pair, tokens  # noqa: F401  the fixture

ANSWER = '{"tables":[]}'


def picture(seed: int, height: int = 96, width: int = 128) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return prepare_image(pixels, 4096)


def question(running: Bench, seed: int, shots: tuple[int, ...] = (900, 901)) -> Request:
    """A question about an image of its own, after the same examples as all others."""
    turns = [Message("system", (INSTRUCTION,))]
    for shot in shots:
        turns += [Message("user", (picture(shot, 64, 160), "Copy.")), Message("assistant", (ANSWER,))]
    segments = running.chat.segments([*turns, Message("user", (picture(seed), "Copy."))])
    ended = threading.Event()
    request = Request(
        segments, constraint=running.grammars.constraint(tile_schema(3, 3)), max_tokens=50, on_finish=lambda _: ended.set()
    )  # fmt: skip
    running._ended[request.number] = ended
    return request


def read(running: Bench, seeds: range, **more: Any) -> list[Request]:
    asked = [question(running, seed, **more) for seed in seeds]
    running.submit(*asked)
    running.wait(*asked)
    return asked


def test_examples_are_shared_and_change_no_token(pair: tuple[Path, Path]) -> None:  # noqa: F811
    with bench(pair, slots=1, kept=0) as alone:  # nothing is kept: every question feeds its own examples
        single = [request for seed in range(4) for request in read(alone, range(seed, seed + 1))]
        assert alone.value("images_total") == 4 + 2  # the vision tower remembers examples all the same
    with bench(pair) as many:
        together = read(many, range(4))
        images, prompt = many.value("images_total"), many.value("prompt_tokens_total")
    assert tokens(together) == tokens(single)
    assert images == 4 + 2
    whole = single[0].n_prompt
    own = picture(0).n_tokens
    assert all(request.n_prompt == whole for request in single)
    assert prompt <= whole + 5 * (
        own + 30
    )  # the first fed all of it, the others their own image and the words after it


def test_questions_without_the_examples_are_not_mixed_up_with_them(pair: tuple[Path, Path]) -> None:  # noqa: F811
    with bench(pair) as running:
        with_two = read(running, range(3))
        with_one = read(running, range(3), shots=(900,))
        with_none = read(running, range(3), shots=())
        again = read(running, range(3))
    assert tokens(again) == tokens(with_two)
    assert tokens(with_one) != tokens(with_two) and tokens(with_none) != tokens(with_one)


@pytest.mark.parametrize("n_batch", [32])
def test_examples_longer_than_a_batch(pair: tuple[Path, Path], n_batch: int) -> None:  # noqa: F811
    with bench(pair) as wide:
        expected = tokens(read(wide, range(2)))
    with bench(pair, batch=n_batch, ubatch=n_batch) as narrow:
        assert tokens(read(narrow, range(2))) == expected
