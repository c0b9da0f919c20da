"""Which answers go on in the next decode step: continuous batching of many tiles over one model.

In: `Request`s from any thread. Out: their steps and their end, by callback. Two threads: one runs the vision tower ahead of
the answers, the other admits requests, feeds images and text into the cache and takes one token per answer and step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from extractors.errors import EngineError
from extractors.worker.admission import NO_ROOM, Admission
from extractors.worker.answer import Answer
from extractors.worker.choosing import Chooser
from extractors.worker.encoding import Embedding, Encoder
from extractors.worker.engine import Floats, LanguageModel
from extractors.worker.feeding import images_fed, next_images, next_tokens, tokens_fed
from extractors.worker.metrics import Metrics
from extractors.worker.request import Finish, Request
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

PASSED = (
    64  # requests that may go ahead of one that waits for another LoRA adapter; a switch drains the batch
)
IDLE_WAIT = 0.5  # seconds between two looks at deadlines while nothing is going on


class QueueFullError(EngineError):
    """More requests wait than the queue may hold."""

    retryable = True


class Scheduler:
    """Owns the model's KV cache and its two threads. Start with `start`, end with `stop`."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings, metrics: Metrics) -> None:
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.failed: Exception | None = None
        self.tiles_done = 0
        self._beat = time.monotonic()  # last time the decode thread came round
        self._admission = Admission(model, settings, metrics)
        self._active: list[Answer] = []
        self._waiting: deque[Request] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._adapter: str | None = None
        self._passed = 0  # requests that went ahead of one that waits for another adapter
        self._chooser = Chooser(settings.slots, model.n_vocab)
        self._encoder = Encoder(model, metrics, self._changed, self._next_to_encode)
        self._thread = threading.Thread(target=self._decode_loop, name="decode", daemon=True)

    # From other threads

    def start(self) -> None:
        """Start both threads."""
        self._encoder.start()
        self._thread.start()

    def stop(self) -> None:
        """End both threads; what is going on is cancelled."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._encoder.stop()
        self._thread.join()

    def submit(self, request: Request) -> None:
        """Queue a request. Raises QueueFullError, or EngineError when it can never fit."""
        need = request.n_prompt + request.max_tokens
        if need > self.model.n_cells:
            raise EngineError(f"The prompt of {request.n_prompt} tokens and an answer of up to {request.max_tokens} need {need} "
                              f"cells; the worker has {self.model.n_cells}. Send a smaller image, lower max_tokens, or raise --context.")  # fmt: skip
        with self._changed:
            self._check_open()
            self._waiting.append(request)
            self._changed.notify_all()

    def embed(self, *images: Embedding) -> None:
        """Queue images for the vision tower alone, all or none. Raises QueueFullError."""
        with self._changed:
            self._check_open(len(images))
            self._encoder.embeddings.extend(images)
            self._changed.notify_all()

    def _check_open(self, more: int = 1) -> None:
        if self.failed or self._stopping:
            raise QueueFullError("The worker is restarting; try again in a few seconds.")
        if len(self._waiting) + len(self._encoder.embeddings) + more > self.settings.queue:
            self.metrics.rejected.labels("queue").inc()
            raise QueueFullError("The worker's queue is full; try again in a few seconds.")

    def cancel(self, request: Request | Embedding) -> None:
        """Give up a request; it finishes as `cancelled` before the next step."""
        request.cancelled = True
        with self._changed:
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """True when nothing waits, nothing is answered and nothing is embedded."""
        with self._changed:
            busy = self._waiting or self._active or self._encoder.embeddings or self._encoder.busy_seconds
            return not busy

    @property
    def seconds_since_step(self) -> float:
        """How long neither thread has got on. One image may take the vision tower as long as an answer may take."""
        tower = self._encoder.busy_seconds
        return max(time.monotonic() - self._beat, tower if tower > self.settings.deadline else 0.0)

    # The encode thread

    def _next_to_encode(self) -> Request | None:
        """Return the first waiting request whose prompt up to its last image is neither kept nor being made."""
        ahead = sum(
            1 for request in self._waiting if request.images and (request.encoded or request.encoding)
        )
        if ahead >= self.settings.encode_ahead:
            return None
        making: set[str] = {answer.head_key for answer in self._active if answer.head_key}
        for request in self._waiting:
            key = request.head_key
            if key is None or request.error or request.cancelled:
                continue
            done = request.encoded or request.encoding
            if not done and key not in making and not self._admission.has(key):
                return request
            making.add(key)
        return None

    # The decode thread

    def _decode_loop(self) -> None:
        try:
            while True:
                with self._changed:
                    self._beat = time.monotonic()
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
                self._finish(answer, "error" if self.failed else "cancelled", forget=False)
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
        """Begin what can begin, first come first served within an adapter.

        All answers in flight share one adapter. Requests for the current one may go ahead of those that wait for another,
        so that each switch serves a group; after `PASSED` of them the batch drains and the one that waits has its turn.
        """
        passing = False
        for request in list(self._waiting):
            if not self._admission.slot_free:
                return
            head = self._admission.kept(request)
            if head is None and not request.encoded:
                continue
            if request.adapter != self._adapter:
                if self._active:
                    passing = True
                    continue
                self.model.use_adapter(request.adapter)
                self._adapter, self._passed, passing = request.adapter, 0, False
                self.metrics.adapter_switches.inc()
            elif passing:
                if self._passed >= PASSED:
                    return
                self._passed += 1
            answer = self._admission.begin(request, head)
            if answer is None:
                return
            request.admitted = time.monotonic()
            request.timings.queue = request.admitted - request.arrived
            self._active.append(answer)
            self._waiting.remove(request)
            self._changed.notify_all()  # the encode thread may go on

    def _show(self) -> None:
        self.metrics.queue_depth.set(len(self._waiting))
        self.metrics.slots_busy.set(len(self._active))
        self.metrics.cells_used.set(self._admission.cells_used)

    def _step(self) -> None:
        """Feed what is ready into the model once: image rows, then text, then take one token per answer."""
        began = time.monotonic()
        fed = self._feed_images()
        if fed:
            self.metrics.prefill_seconds.inc(time.monotonic() - began)
            self.metrics.prompt_tokens.inc(fed)
        self._beat = began = time.monotonic()
        if self._feed_tokens():
            self.metrics.decode_seconds.inc(time.monotonic() - began)
            self.metrics.steps.inc()

    def _feed_images(self) -> int:
        room = min(self.model.n_batch, self.settings.ubatch)  # so that answers are not held up for long
        batch = next_images(self._active, room)
        if batch is None:
            return 0
        if not self.model.decode_image(batch.rows, batch.sequences, batch.positions):
            raise EngineError(NO_ROOM)
        for answer in images_fed(batch):
            self._admission.keep(answer)
        return len(batch.sequences)

    def _feed_tokens(self) -> bool:
        batch = next_tokens(self._active, self.model.n_batch)
        if batch is None:
            return False
        logits = self.model.decode_tokens(batch.tokens, batch.sequences, batch.positions, batch.wanted)
        if logits is None:
            raise EngineError(NO_ROOM)
        answers, of_prompts = tokens_fed(batch)
        self.metrics.prompt_tokens.inc(of_prompts)
        self._take(answers, logits)
        return True

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
            before = len(request.steps)
            try:
                finish = answer.take(choice, self.model)
            except Exception as error:  # a grammar that fails ends its own answer only
                request.error = error
                finish = "error"
            self.metrics.answer_tokens.inc(len(request.steps) - before)
            if finish:
                self._finish(answer, finish)

    def _finish(self, answer: Answer, finish: Finish, forget: bool = True) -> None:
        self._active.remove(answer)
        self._admission.end(answer, forget)
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
