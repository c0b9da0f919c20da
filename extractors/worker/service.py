"""What answers requests once the model is loaded: from what a client sent to what the scheduler is asked.

In: `ChatRequest` or `EmbeddingRequest`. Out: `Request` or `Embedding`s, whose images were read within the limits and whose
schema is compiled.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from extractors.errors import UsageError
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.constraint import Grammars
from extractors.worker.encoding import Embedding
from extractors.worker.engine import LanguageModel
from extractors.worker.images import Image, prepare_image, read_data_url
from extractors.worker.metrics import Metrics
from extractors.worker.request import Request
from extractors.worker.scheduler import Scheduler
from extractors.worker.settings import WorkerSettings
from extractors.worker.wire import ChatMessage, ChatRequest, EmbeddingRequest, ResponseFormat

MAX_EMBEDDED = 16  # images of one embeddings request: each may take 12 MB until the vision tower gets to it


class Service:
    """The parts that answer requests, once the model is loaded."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings, metrics: Metrics) -> None:
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.chat = ChatFormat(model)
        self.grammars = Grammars(model)
        self.scheduler = Scheduler(model, settings, metrics)

    def prepare(self, body: ChatRequest) -> Request:
        """Return the request for the scheduler. Raises ParquetryError when it cannot be answered."""
        self._check_model(body.model, (self.settings.served_name, *self.model.adapters))
        messages = [
            Message("system" if m.role == "developer" else m.role, self._parts(m)) for m in body.messages
        ]
        n_images = sum(isinstance(part, Image) for m in messages for part in m.parts)
        if n_images > self.settings.max_images:
            raise UsageError(
                f"The request has {n_images} images; at most {self.settings.max_images} are read."
            )
        return Request(
            segments=self.chat.segments(messages),
            max_tokens=body.max_completion_tokens or body.max_tokens or self.settings.max_tokens,
            constraint=self._constraint(body.response_format),
            temperature=body.temperature,
            seed=body.seed,
            odds=body.logprobs,
            adapter=body.model if body.model in self.model.adapters else None,
            seconds=min(body.timeout or self.settings.deadline, self.settings.deadline),
        )

    def prepare_embeddings(self, body: EmbeddingRequest) -> list[Embedding]:
        """Return one embedding to be made per image. Raises ParquetryError when that cannot be done."""
        self._check_model(body.model, (self.settings.served_name,))
        most = min(MAX_EMBEDDED, self.settings.queue)
        if len(body.urls) > most:
            raise UsageError(f"The request has {len(body.urls)} images; at most {most} are embedded at once.")
        return [Embedding(self._image(url), self.settings.deadline) for url in body.urls]

    @staticmethod
    def _check_model(name: str, served: tuple[str, ...]) -> None:
        if name and name not in served:
            raise UsageError(f"The model {name!r} is not served here; ask for one of {', '.join(served)}.")

    def _image(self, url: str) -> Image:
        return prepare_image(read_data_url(url, self.settings), self.settings.image_max_tokens)

    def _parts(self, message: ChatMessage) -> tuple[str | Image, ...]:
        if isinstance(message.content, str):
            return (message.content,)
        parts: list[str | Image] = []
        for part in message.content:
            if part.type == "text":
                parts.append(part.text)
            elif part.image_url is None:
                raise UsageError("A part of type image_url has no image_url; add it.")
            else:
                parts.append(self._image(part.image_url.url))
        return tuple(parts)

    def _constraint(self, form: ResponseFormat | None) -> Any:
        if form is None or form.type == "text":
            return None
        if form.type == "json_object":
            return self.grammars.constraint({"type": "object"})
        if form.json_schema is None:
            raise UsageError("response_format is json_schema but brings no json_schema; add it.")
        return self.grammars.constraint(form.json_schema.body)


class Worker:
    """What the HTTP handlers share: the settings, and the service once it is ready."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.metrics.slots.set(settings.slots)
        self.metrics.cells.set(settings.context)
        self.service: Service | None = None
        self.draining = False
        self.started = int(time.time())

    @property
    def status(self) -> Literal["loading", "ready", "draining", "failed"]:
        """What /health says."""
        if self.service is None:
            return "loading"
        if self.service.scheduler.failed:
            return "failed"
        return "draining" if self.draining else "ready"
