"""The thread that runs the vision tower, ahead of the answers and beside the thread that decodes them.

In: requests whose images are to be encoded, and images to be embedded. Out: image rows in the requests, and embeddings. An
embedding is the mean of an image's rows, the model's own width of them, brought to length 1 (float32).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from extractors.worker.engine import Floats, LanguageModel
from extractors.worker.images import Image
from extractors.worker.metrics import Metrics
from extractors.worker.request import Finish, Request

MOST_EXAMPLES = 6  # images whose rows are remembered: 64 MB each for a model of 8B and 1,024 tokens


@dataclass(eq=False)
class Embedding:
    """An image to be embedded. The encoder fills the lower half; the callback comes from its thread."""

    image: Image
    seconds: float = 300.0
    on_finish: Callable[[Embedding], None] = lambda embedding: None

    arrived: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    finish: Finish | None = None
    error: Exception | None = None
    vector: Floats | None = None

    @property
    def expired(self) -> bool:
        """True when its deadline has passed."""
        return time.monotonic() > self.arrived + self.seconds

    def end(self, finish: Finish) -> None:
        """Say how it ended to whoever waits for it."""
        self.finish = finish
        self.on_finish(self)


def pooled(rows: Floats, width: int) -> Floats:
    """Return the mean of `width` columns of image rows, as a vector of length 1."""
    mean = rows[:, :width].mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny), np.float32)


class Encoder:
    """Owns the encode thread. `choose` names the request whose images come next; it is called holding `changed`."""

    def __init__(
        self,
        model: LanguageModel,
        metrics: Metrics,
        changed: threading.Condition,
        choose: Callable[[], Request | None],
    ) -> None:
        self._model = model
        self._metrics = metrics
        self._changed = changed
        self._choose = choose
        self._stopping = False
        self._since: float | None = None  # when the image that is in the tower went in
        self._embedded_last = False
        self._examples: dict[str, Floats] = {}  # by the image's key, the one used last at the end
        self.embeddings: deque[Embedding] = deque()
        self._thread = threading.Thread(target=self._loop, name="encode", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the image it is at, and give up the embeddings that wait."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        while self.embeddings:
            self.embeddings.popleft().end("cancelled")

    @property
    def busy_seconds(self) -> float:
        """How long the image that is in the tower has been there; 0 when there is none."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and (job := self._next()) is None:
                    self._changed.wait()
                if self._stopping:
                    return
                assert job is not None
                self._since = began = time.monotonic()
            if isinstance(job, Embedding):
                self._embed(job)
            else:
                self._encode(job)
            self._metrics.encode_seconds.inc(time.monotonic() - began)
            with self._changed:
                self._since = None
                if isinstance(job, Request):
                    job.encoding = False
                self._changed.notify_all()

    def _next(self) -> Request | Embedding | None:
        """Take turns between answers and embeddings, so that neither waits for all of the other."""
        for given_up in [e for e in self.embeddings if e.cancelled or e.expired]:
            self.embeddings.remove(given_up)
            given_up.end("cancelled" if given_up.cancelled else "deadline")
        request = None if self.embeddings and not self._embedded_last else self._choose()
        self._embedded_last = request is None
        if request is not None:
            request.encoding = True
            return request
        return self.embeddings.popleft() if self.embeddings else None

    def _encode(self, request: Request) -> None:
        began = time.monotonic()
        rows: list[Floats] = []
        try:
            for image in request.images:
                rows.append(self._rows_of(image, image is not request.images[-1]))
        except Exception as error:  # one bad image must not take the others with it
            request.error = error
        request.timings.encode = time.monotonic() - began
        with self._changed:
            request.rows = rows

    def _rows_of(self, image: Image, is_example: bool) -> Floats:
        """Return an image's rows; those of examples, which come again and again before another image, are remembered."""
        rows = self._examples.pop(image.key, None)
        if rows is None:
            rows = self._model.encode(image)
            self._metrics.images.inc()
        elif not is_example:
            return rows
        if is_example:
            self._examples[image.key] = rows
            while len(self._examples) > MOST_EXAMPLES:
                del self._examples[next(iter(self._examples))]
        return rows

    def _embed(self, job: Embedding) -> None:
        try:
            job.vector = pooled(self._model.encode(job.image), self._model.n_width)
            self._metrics.images.inc()
        except Exception as error:  # as above
            job.error = error
        self._metrics.embeddings.inc()
        job.end("error" if job.error else "stop")
