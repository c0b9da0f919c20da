"""What the scheduler is asked, and what it gives back: one prompt of text and images, one answer."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from extractors.worker.constraint import Constraint
from extractors.worker.engine import Floats, Tokens
from extractors.worker.images import Image

Finish = Literal["stop", "length", "repetition", "cancelled", "deadline", "error"]
Segment = Tokens | Image

_numbers = itertools.count(1)


def key_of(segments: Sequence[Segment], adapter: str | None) -> str:
    """Return a hash of a prompt's beginning: its tokens, its images' pixels and the adapter."""
    digest = hashlib.sha256(repr(adapter).encode())
    for segment in segments:
        if isinstance(segment, Image):
            digest.update(b"image" + segment.key.encode())
        else:
            digest.update(b"text" + np.asarray(segment, np.int32).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Step:
    """One token of an answer; `logprob` on raw logits, `forbidden` the probability that the schema ruled out."""

    token: int
    piece: bytes
    logprob: float
    forbidden: float


@dataclass(slots=True)
class Timings:
    """Seconds that a request spent waiting, in the vision tower, until its first token, and on its answer."""

    queue: float = 0.0
    encode: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0


@dataclass(eq=False)
class Request:
    """A prompt and how to answer it. The scheduler fills the lower half; callbacks come from its thread."""

    segments: list[Segment]
    max_tokens: int
    constraint: Constraint | None = None
    temperature: float = 0.0
    seed: int = 0
    odds: bool = True  # whether anybody wants log-probabilities
    adapter: str | None = None
    seconds: float = 300.0
    on_finish: Callable[[Request], None] = lambda request: None
    on_step: Callable[[Request, Step], None] | None = None

    number: int = field(default_factory=lambda: next(_numbers))
    arrived: float = field(default_factory=time.monotonic)
    admitted: float = 0.0
    first_token: float = 0.0
    cancelled: bool = False
    finish: Finish | None = None
    error: Exception | None = None
    steps: list[Step] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)  # encoded images, until they are in the cache
    encoding: bool = False
    cached_tokens: int = 0  # prompt tokens that were in the cache already
    timings: Timings = field(default_factory=Timings)
    random: np.random.Generator | None = None

    def __post_init__(self) -> None:
        if self.temperature > 0:
            self.random = np.random.default_rng(self.seed)

    @cached_property
    def images(self) -> list[Image]:
        """Its images in order."""
        return [segment for segment in self.segments if isinstance(segment, Image)]

    @cached_property
    def head_key(self) -> str | None:
        """Key of the prompt up to its last image; None without an image."""
        at = max((i for i, segment in enumerate(self.segments) if isinstance(segment, Image)), default=None)
        return None if at is None else key_of(self.segments[: at + 1], self.adapter)

    @cached_property
    def n_prompt(self) -> int:
        """Prompt tokens, those of images included."""
        return sum(s.n_tokens if isinstance(s, Image) else len(s) for s in self.segments)

    @property
    def encoded(self) -> bool:
        """True when all images have gone through the vision tower."""
        return len(self.rows) == len(self.images)

    @property
    def expired(self) -> bool:
        """True when its deadline has passed."""
        return time.monotonic() > self.arrived + self.seconds

    @property
    def text(self) -> str:
        """The answer so far."""
        return b"".join(step.piece for step in self.steps).decode(errors="replace")
