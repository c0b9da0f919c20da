"""Which answers go on in the next decode step: continuous batching of many tiles over one model.

In: `Request`s from any thread. Out: their steps and their end, by callback. Two threads: one runs the vision tower ahead of
the answers, the other admits requests, feeds images and text into the cache and takes one token per answer and step.
A request is admitted only when the KV cells of its whole prompt and its longest answer are free, so nothing is evicted
in the middle of an answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from extractors.errors import EngineError
from extractors.worker.cache import Node, PromptCache
from extractors.worker.constraint import Chooser, Constraint
from extractors.worker.engine import Floats, LanguageModel, Tokens
from extractors.worker.images import Image
from extractors.worker.metrics import Metrics
from extractors.worker.repetition import CHECK_EVERY, is_looping
from extractors.worker.request import Finish, Request, Step, key_of
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

IDLE_WAIT = 0.5  # seconds between two looks at deadlines while nothing is going on
MIN_PREFIX = 8  # tokens: a shorter instruction is not worth a kept sequence


class QueueFullError(EngineError):
    """More requests wait than the queue may hold."""

    retryable = True


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
    head_cells: int = 0
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
    def temperature(self) -> float:
        """0 for greedy."""
        return self.request.temperature

    @property
    def random(self) -> np.random.Generator | None:
        """Its own generator, so that neighbours do not change what it draws."""
        return self.request.random


class Scheduler:
    """Owns the model's KV cache and its two threads. Start with `start`, end with `stop`."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings, metrics: Metrics) -> None:
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.beat = time.monotonic()  # last time the decode thread came round
        self.failed: Exception | None = None
        self.tiles_done = 0
        self._cache = PromptCache(model, range(settings.slots + 1, settings.slots + 1 + settings.kept))
        self._free = list(range(1, settings.slots + 1))  # sequence 0 is left to the self-test
        self._active: list[Answer] = []
        self._waiting: deque[Request] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._adapter: str | None = None
        self._chooser = Chooser(settings.slots, model.n_vocab)
        self._threads = [
            threading.Thread(target=self._encode_loop, name="encode", daemon=True),
            threading.Thread(target=self._decode_loop, name="decode", daemon=True),
        ]

    # From other threads

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; what is going on is cancelled."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def submit(self, request: Request) -> None:
        """Queue a request. Raises QueueFullError, or EngineError when it can never fit."""
        need = request.n_prompt + request.max_tokens
        if need > self.model.n_cells:
            raise EngineError(f"The prompt of {request.n_prompt} tokens and an answer of up to {request.max_tokens} need {need} "
                              f"cells; the worker has {self.model.n_cells}. Send a smaller image, lower max_tokens, or raise --context.")  # fmt: skip
        with self._changed:
            if self.failed or self._stopping:
                raise QueueFullError("The worker is restarting; try again in a few seconds.")
            if len(self._waiting) >= self.settings.queue:
                self.metrics.rejected.labels("queue").inc()
                raise QueueFullError("The worker's queue is full; try again in a few seconds.")
            self._waiting.append(request)
            self._changed.notify_all()

    def cancel(self, request: Request) -> None:
        """Give up a request; it finishes as `cancelled` before the next step."""
        request.cancelled = True
        with self._changed:
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """True when nothing waits and nothing is answered."""
        with self._changed:
            return not self._waiting and not self._active

    def _show(self) -> None:
        self.metrics.queue_depth.set(len(self._waiting))
        self.metrics.slots_busy.set(len(self._active))
        self.metrics.cells_used.set(self.cells_used)

    @property
    def cells_used(self) -> int:
        """KV cells kept or set aside."""
        return self._cache.cells + sum(answer.reserved for answer in self._active)

    # The encode thread

    def _encode_loop(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and (request := self._next_to_encode()) is None:
                    self._changed.wait()
                if self._stopping:
                    return
                assert request is not None
                request.encoding = True
            began = time.monotonic()
            rows: list[Floats] = []
            try:
                for image in request.images:
                    rows.append(self.model.encode(image))
            except Exception as error:  # one bad image must not take the others with it
                request.error = error
            took = time.monotonic() - began
            self.metrics.encode_seconds.inc(took)
            with self._changed:
                request.timings.encode = took
                request.rows = rows
                request.encoding = False
                self._changed.notify_all()

    def _next_to_encode(self) -> Request | None:
        ahead = sum(
            1 for request in self._waiting if request.images and (request.encoded or request.encoding)
        )
        if ahead >= self.settings.encode_ahead:
            return None
        making: set[str] = {answer.head_key for answer in self._active if answer.head_key}
        for request in self._waiting:
            if not request.images or request.error or request.cancelled:
                continue
            key = request.head_key
            assert key
            if (
                not request.encoded
                and not request.encoding
                and key not in making
                and not self._cache.has(key)
            ):
                return request
            making.add(key)
        return None

    # The decode thread

    def _decode_loop(self) -> None:
        try:
            while True:
                with self._changed:
                    self.beat = time.monotonic()
                    if self._stopping:
                        break
                    self._drop_given_up()
                    self._admit()
                    self._show()
                    if not self._active:
                        self._changed.wait(IDLE_WAIT)
                        continue
                self._step()
        except (
            Exception
        ) as error:  # the cache is in an unknown state: end, and let the supervisor start afresh
            log.exception("The decode thread failed")
            self.failed = error
        self._give_up_all()

    def _give_up_all(self) -> None:
        with self._changed:
            for answer in list(self._active):
                answer.request.error = self.failed
                self._finish(answer, "error" if self.failed else "cancelled", keep=False)
            for request in self._waiting:
                request.error = self.failed
                self._end(request, "error" if self.failed else "cancelled")
            self._waiting.clear()

    def _drop_given_up(self) -> None:
        for request in [r for r in self._waiting if r.cancelled or r.expired or r.error]:
            self._waiting.remove(request)
            self._end(request, "cancelled" if request.cancelled else "error" if request.error else "deadline")
        for answer in [a for a in self._active if a.request.cancelled or a.request.expired]:
            self._finish(answer, "cancelled" if answer.request.cancelled else "deadline")

    def _admit(self) -> None:
        for request in list(self._waiting):
            if not self._free:
                return
            head = self._cache.find(request.head_key) if request.head_key else None
            if head is None and not request.encoded:
                continue
            if request.adapter != self._adapter:
                if self._active:
                    return
                self.model.use_adapter(request.adapter)
                self._adapter = request.adapter
            if not self._begin(request, head):
                return
            self._waiting.remove(request)
            self._changed.notify_all()  # the encode thread may go on

    def _begin(self, request: Request, head: Node | None) -> bool:
        """Give a request a sequence and its cells. False when there is no room yet."""
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
            return False
        todo: deque[Tokens | tuple[Image, Floats]] = deque()
        if head is None and first:
            parent, first = self._begin_prefix(request, first)
            rows = iter(request.rows)
            todo.extend((s, next(rows)) if isinstance(s, Image) else s for s in first)
        todo.extend(s for s in tail if not isinstance(s, Image))
        request.rows = []
        sequence = self._free.pop()
        if parent is not None:
            self.model.share(parent.sequence, sequence)
            request.cached_tokens = request.n_prompt - sum(
                len(s) if isinstance(s, list) else s[0].n_tokens for s in todo
            )
        answer = Answer(
            request,
            sequence,
            parent,
            todo,
            reserved=request.max_tokens + sum(len(s) if isinstance(s, list) else s[0].n_tokens for s in todo),
            position=parent.positions if parent else 0,
            head_key=request.head_key if head is None else None,
        )
        request.admitted = time.monotonic()
        request.timings.queue = request.admitted - request.arrived
        self._active.append(answer)
        return True

    def _make_room(self, need: int) -> bool:
        """Evict kept nodes until `need` cells are free. False, and nothing is evicted, when that cannot be."""
        free = self.model.n_cells - self.cells_used
        if free + self._cache.idle_cells < need:
            return False
        while self.model.n_cells - self.cells_used < need:
            if not self._cache.evict_one():
                return False
        return True

    def _begin_prefix(
        self, request: Request, first: list[Tokens | Image]
    ) -> tuple[Node | None, list[Tokens | Image]]:
        """Find or make the node of the instruction before the first image; return it and what is left of the prompt."""
        prefix = first[0]
        if not isinstance(prefix, list) or len(prefix) < MIN_PREFIX:
            return None, first
        key = key_of([prefix], request.adapter)
        node = self._cache.find(key)
        if node is None:
            node = self._cache.add(key, len(prefix), len(prefix), None)
            if node is None:
                return None, first
            for start in range(0, len(prefix), self.model.n_batch):
                part = prefix[start : start + self.model.n_batch]
                n = len(part)
                positions = np.arange(start, start + n, dtype=np.int32)
                nothing = np.zeros(n, np.bool_)
                if (
                    self.model.decode_tokens(part, np.full(n, node.sequence, np.int32), positions, nothing)
                    is None
                ):
                    raise EngineError("The KV cache had no room for cells that were set aside.")
            self.metrics.prompt_tokens.inc(len(prefix))
        node.users += 1
        return node, first[1:]

    def _step(self) -> None:
        """Feed what is ready into the model once: image rows, then text, then take one token per answer."""
        began = time.monotonic()
        fed = self._feed_images()
        if fed:
            self.metrics.prefill_seconds.inc(time.monotonic() - began)
            self.metrics.prompt_tokens.inc(fed)
        self.beat = began = time.monotonic()
        fed = self._feed_tokens()
        if fed:
            self.metrics.decode_seconds.inc(time.monotonic() - began)
            self.metrics.steps.inc()

    def _feed_images(self) -> int:
        rows: list[Floats] = []
        positions: list[np.ndarray] = []
        owners: list[tuple[Answer, int]] = []
        room = min(
            self.model.n_batch, self.settings.ubatch
        )  # bounded, so that answers are not held up for long
        for answer in self._active:
            if not answer.todo or isinstance(answer.todo[0], list) or room == 0:
                continue
            image, embedded = answer.image_now()
            n = min(room, len(embedded) - answer.offset)
            part = slice(answer.offset, answer.offset + n)
            rows.append(embedded[part])
            positions.append(image.positions(answer.position)[:, part])
            owners.append((answer, n))
            room -= n
        if not owners:
            return 0
        sequences = np.concatenate([np.full(n, answer.sequence, np.int32) for answer, n in owners])
        if not self.model.decode_image(np.concatenate(rows), sequences, np.concatenate(positions, axis=1)):
            raise EngineError("The KV cache had no room for cells that were set aside.")
        for answer, n in owners:
            answer.offset += n
            image, embedded = answer.image_now()
            if answer.offset == len(embedded):
                answer.position += image.n_positions
                answer.offset = 0
                answer.todo.popleft()
                if not any(isinstance(s, tuple) for s in answer.todo):
                    self._keep_head(answer)
        return len(sequences)

    def _keep_head(self, answer: Answer) -> None:
        """Keep the prompt up to its last image, for a retry or a second question about the same tile."""
        if answer.head_key is None:
            return
        done = answer.request.n_prompt - answer.request.cached_tokens - sum(len(s) for s in answer.todo)
        if not self._cache.has(answer.head_key):
            node = self._cache.add(answer.head_key, done, answer.position, answer.parent)
            if node is not None:
                self.model.share(answer.sequence, node.sequence)
                node.users += 1
                if answer.parent is not None:
                    answer.parent.users -= 1
                answer.parent = node
                answer.reserved -= done
        answer.head_key = None

    def _feed_tokens(self) -> int:
        parts: list[tuple[Answer, Tokens, bool]] = []
        room = self.model.n_batch
        for answer in self._active:
            if not answer.todo:
                parts.append((answer, answer.pending, True))
                room -= len(answer.pending)
        for answer in self._active:
            if room > 0 and answer.todo and isinstance(answer.todo[0], list):
                segment = answer.todo[0]
                part = segment[answer.offset : answer.offset + room]
                whole = answer.offset + len(part) == len(segment)
                parts.append((answer, part, whole and len(answer.todo) == 1))
                room -= len(part)
        if not parts:
            return 0
        sizes = np.array([len(tokens) for _, tokens, _ in parts])
        ends = np.cumsum(sizes) - 1
        sequences = np.repeat(np.array([answer.sequence for answer, _, _ in parts], np.int32), sizes)
        starts = np.array([answer.position for answer, _, _ in parts]) - (ends + 1 - sizes)
        positions = (np.arange(len(sequences)) + np.repeat(starts, sizes)).astype(np.int32)
        wanted = np.zeros(len(sequences), np.bool_)
        wanted[ends[[last for _, _, last in parts]]] = True
        tokens = [token for _, part, _ in parts for token in part]
        logits = self.model.decode_tokens(tokens, sequences, positions, wanted)
        if logits is None:
            raise EngineError("The KV cache had no room for cells that were set aside.")
        for answer, part, _ in parts:
            answer.position += len(part)
            if not answer.todo:
                answer.pending = []
                continue
            self.metrics.prompt_tokens.inc(len(part))
            answer.offset += len(part)
            if answer.offset == len(answer.todo[0]):
                answer.todo.popleft()
                answer.offset = 0
        self._take([answer for answer, _, last in parts if last], logits)
        return len(tokens)

    def _take(self, answers: Sequence[Answer], logits: Floats) -> None:
        """Choose the next token of each answer, and end those that are complete."""
        if not answers:
            return
        now = time.monotonic()
        for answer, choice in zip(answers, self._chooser.choose(logits, answers), strict=True):
            request = answer.request
            if not request.first_token:
                request.first_token = now
                request.timings.prefill = now - request.admitted
            try:
                finish = self._advance(answer, choice.token, choice.logprob, choice.forbidden)
            except Exception as error:  # a grammar that fails ends its own answer only
                request.error = error
                finish = "error"
            if finish:
                self._finish(answer, finish)

    def _advance(self, answer: Answer, token: int, logprob: float, forbidden: float) -> Finish | None:
        """Add a token, and those that must follow it, to an answer. Return how it ends, if it does."""
        request, constraint = answer.request, answer.constraint
        if self.model.ends(token):
            return "stop"
        forced = constraint.take(token) if constraint else []
        room = request.max_tokens - len(request.steps)
        for i, taken in enumerate([token, *forced][:room]):
            step = Step(
                taken, self.model.piece(taken), logprob if i == 0 else 0.0, forbidden if i == 0 else 0.0
            )
            request.steps.append(step)
            answer.recent.append(taken)
            answer.pending.append(taken)
            if request.on_step:
                request.on_step(request, step)
        self.metrics.answer_tokens.inc(min(room, 1 + len(forced)))
        if constraint and constraint.done and room >= 1 + len(forced):
            return "stop"
        if len(request.steps) >= request.max_tokens:
            return "length"
        n = len(answer.recent)
        if n // CHECK_EVERY > (n - 1 - len(forced)) // CHECK_EVERY and is_looping(answer.recent):
            return "repetition"
        return None

    def _finish(self, answer: Answer, finish: Finish, keep: bool = True) -> None:
        self._active.remove(answer)
        if keep:
            self.model.forget(answer.sequence)
        self._free.append(answer.sequence)
        if answer.parent is not None:
            answer.parent.users -= 1
        self._end(answer.request, finish)

    def _end(self, request: Request, finish: Finish) -> None:
        now = time.monotonic()
        request.finish = finish
        request.timings.decode = now - request.first_token if request.first_token else 0.0
        if request.images and request.admitted:
            self.tiles_done += 1
            self.metrics.tiles.inc()
        self.metrics.finished.labels(finish).inc()
        request.rows = []
        request.on_finish(request)
