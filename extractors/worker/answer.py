"""An answer that is being written: where its sequence stands in the KV cache, and how each chosen token carries it on.

In: a `Choice` per decode step. Out: the steps in its `Request`, and how the answer ends, once it does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from extractors.worker.cache import Node
from extractors.worker.choosing import Choice
from extractors.worker.constraint import Constraint
from extractors.worker.engine import Floats, LanguageModel, Tokens
from extractors.worker.images import Image
from extractors.worker.repetition import CHECK_EVERY, is_looping
from extractors.worker.request import Finish, Request, Step


@dataclass(eq=False)
class Answer:
    """A request that has a sequence in the KV cache."""

    request: Request
    sequence: int
    parent: Node | None
    todo: deque[Tokens | tuple[Image, Floats]]  # what of the prompt is not in the cache yet
    reserved: int  # cells set aside beside the parent's
    position: int  # of the next token
    head_key: str | None  # under which the prompt up to its last image will be kept
    offset: int = 0  # rows of todo[0] that are in the cache already
    pending: Tokens = field(default_factory=list)  # chosen, not decoded yet
    recent: Tokens = field(default_factory=list)

    def image_now(self) -> tuple[Image, Floats]:
        """Return the image that is next, and its rows."""
        image = self.todo[0]
        assert isinstance(image, tuple)
        return image

    @property
    def constraint(self) -> Constraint | None:
        """Its grammar state."""
        return self.request.constraint

    @property
    def odds(self) -> bool:
        """Whether log-probabilities are wanted."""
        return self.request.odds

    @property
    def temperature(self) -> float:
        """0 for greedy."""
        return self.request.temperature

    @property
    def random(self) -> np.random.Generator | None:
        """Its own generator, so that neighbours do not change what it draws."""
        return self.request.random

    def take(self, choice: Choice, model: LanguageModel) -> Finish | None:
        """Add a chosen token, and those that must follow it. Return how the answer ends, if it does."""
        request, constraint = self.request, self.constraint
        if model.ends(choice.token):
            return "stop"
        forced = constraint.take(choice.token) if constraint else []
        room = request.max_tokens - len(request.steps)
        for i, taken in enumerate([choice.token, *forced][:room]):
            odds = (choice.logprob, choice.forbidden) if i == 0 else (0.0, 0.0)
            step = Step(taken, model.piece(taken), *odds)
            request.steps.append(step)
            self.recent.append(taken)
            self.pending.append(taken)
            if request.on_step:
                request.on_step(request, step)
        if constraint and constraint.done and room >= 1 + len(forced):
            return "stop"
        if len(request.steps) >= request.max_tokens:
            return "length"
        n = len(self.recent)
        if n // CHECK_EVERY > (n - 1 - len(forced)) // CHECK_EVERY and is_looping(self.recent):
            return "repetition"
        return None
