"""Where a request's answer gets its sequence and its KV cells, and what of its prompt is kept for the next question.

In: a `Request` whose images are encoded, or whose prompt is kept up to its last image. Out: an `Answer`, or None while there is
no room. An answer gets the cells of its whole prompt and its longest answer at once, so that nothing is evicted in the middle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from extractors.errors import EngineError
from extractors.worker.answer import Answer
from extractors.worker.cache import Node, PromptCache
from extractors.worker.engine import Floats, LanguageModel, Tokens
from extractors.worker.images import Image
from extractors.worker.metrics import Metrics
from extractors.worker.request import Request, Segment, key_of
from extractors.worker.settings import WorkerSettings

MIN_PREFIX = 8  # tokens: a shorter instruction is not worth a kept sequence
NO_ROOM = "The KV cache had no room for cells that were set aside."


class Admission:
    """The sequences and the cells of a model. Used from the decode thread only, but for `has`."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings, metrics: Metrics) -> None:
        self._model = model
        self._metrics = metrics
        self._cache = PromptCache(model, range(settings.slots + 1, settings.slots + 1 + settings.kept))
        self._free = list(range(1, settings.slots + 1))  # sequence 0 is left to the self-test
        self._reserved = 0  # cells of answers, beside those of kept nodes

    @property
    def cells_used(self) -> int:
        """KV cells kept or set aside."""
        return self._cache.cells + self._reserved

    @property
    def slot_free(self) -> bool:
        """True when another answer could get a sequence."""
        return bool(self._free)

    def has(self, key: str) -> bool:
        """Tell whether a prompt is kept up to its last image."""
        return self._cache.has(key)

    def kept(self, request: Request) -> Node | None:
        """Return the node that keeps a request's prompt up to its last image."""
        return self._cache.find(request.head_key) if request.head_key else None

    def begin(self, request: Request, head: Node | None) -> Answer | None:
        """Give a request a sequence and its cells. None when there is no room yet."""
        at = len(request.segments)
        while at > 0 and not isinstance(request.segments[at - 1], Image):
            at -= 1
        first, tail = request.segments[:at], request.segments[at:]
        n_tail = sum(s.n_tokens if isinstance(s, Image) else len(s) for s in tail)
        need = n_tail + request.max_tokens + (0 if head else request.n_prompt - n_tail)
        parent = head
        if parent is not None:
            parent.users += 1  # before making room, so that it stays
        if not self._make_room(need):
            if parent is not None:
                parent.users -= 1
            return None
        todo: deque[Tokens | tuple[Image, Floats]] = deque()
        if head is None and first:
            parent, first = self._begin_prefix(request, first)
            n_left = sum(isinstance(s, Image) for s in first)
            rows = iter(request.rows[len(request.rows) - n_left :])
            todo.extend((s, next(rows)) if isinstance(s, Image) else s for s in first)
        todo.extend(s for s in tail if not isinstance(s, Image))
        request.rows = []
        left = sum(len(s) if isinstance(s, list) else s[0].n_tokens for s in todo)
        sequence = self._free.pop()
        if parent is not None:
            self._model.share(parent.sequence, sequence)
            request.cached_tokens = request.n_prompt - left
        reserved = request.max_tokens + left
        self._reserved += reserved
        head_key = request.head_key if head is None else None
        return Answer(request, sequence, parent, todo, reserved, parent.positions if parent else 0, head_key)

    def keep(self, answer: Answer) -> None:
        """Keep the prompt up to its last image, for a retry or a second question about the same tile."""
        if answer.head_key is None:
            return
        done = answer.request.n_prompt - answer.request.cached_tokens - sum(len(s) for s in answer.todo)
        if not self._cache.has(answer.head_key):
            node = self._cache.add(answer.head_key, done, answer.position, answer.parent)
            if node is not None:
                self._model.share(answer.sequence, node.sequence)
                node.users += 1
                if answer.parent is not None:
                    answer.parent.users -= 1
                answer.parent = node
                answer.reserved -= done
                self._reserved -= done
        answer.head_key = None

    def end(self, answer: Answer, forget: bool = True) -> None:
        """Take back an answer's sequence and cells; what the model holds of them only with `forget`."""
        if forget:
            self._model.forget(answer.sequence)
        self._free.append(answer.sequence)
        self._reserved -= answer.reserved
        if answer.parent is not None:
            answer.parent.users -= 1

    def _make_room(self, need: int) -> bool:
        """Evict kept nodes until `need` cells are free. False, and nothing is evicted, when that cannot be."""
        free = self._model.n_cells - self.cells_used
        if free + self._cache.idle_cells < need:
            return False
        while self._model.n_cells - self.cells_used < need:
            if not self._cache.evict_one():
                return False
        return True

    def _begin_prefix(self, request: Request, first: list[Segment]) -> tuple[Node | None, list[Segment]]:
        """Find or make the node of what stands before the last image, the same for every question of a kind.

        That is the instruction, and the examples after it with their images. Return it and what is left of the prompt.
        """
        prefix = first[:-1]
        cells = sum(s.n_tokens if isinstance(s, Image) else len(s) for s in prefix)
        if cells < MIN_PREFIX:
            return None, first
        key = key_of(prefix, request.adapter)
        node = self._cache.find(key)
        if node is None:
            positions = sum(s.n_positions if isinstance(s, Image) else len(s) for s in prefix)
            node = self._cache.add(key, cells, positions, None)
            if node is None:
                return None, first
            self._decode_prefix(prefix, request.rows, node.sequence)
        node.users += 1
        return node, first[-1:]

    def _decode_prefix(self, prefix: Sequence[Segment], rows: Sequence[Floats], sequence: int) -> None:
        """Feed text and encoded images into the cache, all at once: it happens once for very many questions."""
        images, position = iter(rows), 0
        for segment in prefix:
            if isinstance(segment, Image):
                self._decode_image(segment, next(images), sequence, position)
                position += segment.n_positions
            else:
                self._decode_text(segment, sequence, position)
                position += len(segment)
        self._metrics.prompt_tokens.inc(sum(s.n_tokens if isinstance(s, Image) else len(s) for s in prefix))

    def _decode_text(self, tokens: Tokens, sequence: int, position: int) -> None:
        for start in range(0, len(tokens), self._model.n_batch):
            part = tokens[start : start + self._model.n_batch]
            n = len(part)
            positions = np.arange(position + start, position + start + n, dtype=np.int32)
            nothing = np.zeros(n, np.bool_)
            if self._model.decode_tokens(part, np.full(n, sequence, np.int32), positions, nothing) is None:
                raise EngineError(NO_ROOM)

    def _decode_image(self, image: Image, rows: Floats, sequence: int, position: int) -> None:
        positions = image.positions(position)
        for start in range(0, len(rows), self._model.n_batch):
            part = slice(start, start + self._model.n_batch)
            n = len(rows[part])
            if not self._model.decode_image(rows[part], np.full(n, sequence, np.int32), positions[:, part]):
                raise EngineError(NO_ROOM)
