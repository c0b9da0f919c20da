"""The worker's HTTP face: the OpenAI-compatible API over one scheduler.

In: chat completion requests. Out: answers, streamed or whole, with log-probabilities; health, models, metrics, and a page
to try it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import psutil
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from extractors.errors import EngineError, ParquetryError, UsageError
from extractors.prompting import QUESTIONS, load_prompts
from extractors.worker import request as answering
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.constraint import Grammars
from extractors.worker.engine import LanguageModel
from extractors.worker.images import Image, prepare_image, read_data_url
from extractors.worker.metrics import Metrics
from extractors.worker.scheduler import QueueFullError, Scheduler
from extractors.worker.settings import WorkerSettings
from schemas.reading import TileAnswer

RETRY_AFTER = "2"  # seconds that a refused client should wait
DISCONNECT_CHECK = 0.25  # seconds between two looks whether the client is still there
OPEN_PATHS = ("/", "/health")  # answered without the bearer token; they tell nothing about documents
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'"
TRY_PAGE = Path(__file__).parent / "try.html"


class ImageUrl(BaseModel):
    """An image of a message."""

    url: str


class Part(BaseModel):
    """A piece of a message."""

    type: Literal["text", "image_url"]
    text: str = ""
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]


class JsonSchema(BaseModel):
    """A schema that the answer must fit."""

    name: str = "answer"
    body: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """Free text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None


class StreamOptions(BaseModel):
    """What else a stream brings."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The fields of a chat completion request that have an effect here; others are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(0.0, ge=0.0, le=2.0)
    seed: int = 0
    logprobs: bool = False
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] = 1
    timeout: float | None = Field(
        None, gt=0, description="seconds for the whole answer; the worker's own limit is the most"
    )


class Service:
    """The parts that answer requests, once the model is loaded."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings, metrics: Metrics) -> None:
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.chat = ChatFormat(model)
        self.grammars = Grammars(model)
        self.scheduler = Scheduler(model, settings, metrics)

    def prepare(self, body: ChatRequest) -> answering.Request:
        """Return the request for the scheduler. Raises ParquetryError when it cannot be answered."""
        names = (self.settings.served_name, *self.model.adapters)
        if body.model and body.model not in names:
            raise UsageError(
                f"The model {body.model!r} is not served here; ask for one of {', '.join(names)}."
            )
        messages = [
            Message("system" if m.role == "developer" else m.role, self._parts(m)) for m in body.messages
        ]
        n_images = sum(isinstance(part, Image) for m in messages for part in m.parts)
        if n_images > self.settings.max_images:
            raise UsageError(
                f"The request has {n_images} images; at most {self.settings.max_images} are read."
            )
        return answering.Request(
            segments=self.chat.segments(messages),
            max_tokens=body.max_completion_tokens or body.max_tokens or self.settings.max_tokens,
            constraint=self._constraint(body.response_format),
            temperature=body.temperature,
            seed=body.seed,
            adapter=body.model if body.model in self.model.adapters else None,
            seconds=min(body.timeout or self.settings.deadline, self.settings.deadline),
        )

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
                pixels = read_data_url(part.image_url.url, self.settings)
                parts.append(prepare_image(pixels, self.settings.image_max_tokens))
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


class Guard:
    """Refuses requests without the token or above the size limit, before their body is read.

    Plain ASGI: a wrapped `receive` would hide from the handlers that a client has gone.
    """

    def __init__(self, app: ASGIApp, worker: Worker) -> None:
        self._app = app
        self._worker = worker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with the reason why not."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        settings, headers = self._worker.settings, Headers(scope=scope)
        if settings.token is not None and scope["path"] not in OPEN_PATHS:
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), settings.token.get_secret_value().encode()):
                return _error(401, "Send the worker's token: Authorization: Bearer ….", "invalid_api_key")
        if scope["method"] == "POST":
            length = headers.get("content-length", "")
            if not length.isdigit():
                return _error(411, "Send the request with its Content-Length.", "invalid_request_error")
            if int(length) > settings.max_body:
                self._worker.metrics.rejected.labels("size").inc()
                message = f"The request is larger than {settings.max_body} bytes; send smaller images."
                return _error(413, message, "too_large")
        return None


def create_app(worker: Worker) -> FastAPI:
    """Return the HTTP application of a worker, which may still be loading."""
    app = FastAPI(title="Parquetry VL worker", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, worker=worker)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        worker.metrics.rejected.labels("invalid").inc()
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _error(400, f"{where}: {first['msg']}", "invalid_request_error")

    @app.get("/health")
    async def health() -> Response:
        service = worker.service
        idle = service is None or service.scheduler.idle
        since = 0.0 if service is None else time.monotonic() - service.scheduler.beat
        body = {
            "status": worker.status,
            "idle": idle,
            "seconds_since_step": round(since, 3),
            "tiles": service.scheduler.tiles_done if service else 0,
            "resident_bytes": psutil.Process().memory_info().rss,
            "pid": os.getpid(),
        }
        return JSONResponse(body, 200 if worker.status == "ready" else 503)

    @app.get("/v1/models")
    async def models() -> Response:
        names = [worker.settings.served_name, *worker.settings.adapters]
        data = [
            {"id": n, "object": "model", "created": worker.started, "owned_by": "parquetry"} for n in names
        ]
        return JSONResponse({"object": "list", "data": data})

    @app.get("/metrics")
    async def metrics() -> Response:
        worker.metrics.resident_bytes.set(psutil.Process().memory_info().rss)
        return Response(worker.metrics.exposition(), media_type="text/plain; version=0.0.4")

    @app.get("/prompts")
    async def prompts() -> Response:
        known = load_prompts()
        schemas = {task: TileAnswer.model_json_schema() for task in ("table", "statement")}
        body = {
            "version": known.version,
            "instructions": known.instructions,
            "questions": QUESTIONS,
            "schemas": schemas,
        }
        return JSONResponse(body)

    @app.get("/")
    async def try_page() -> Response:
        return HTMLResponse(
            TRY_PAGE.read_text(encoding="utf-8"), headers={"Content-Security-Policy": PAGE_POLICY}
        )

    @app.post("/v1/chat/completions")
    async def complete(body: ChatRequest, request: Request) -> Response:
        service = worker.service
        if service is None or worker.status != "ready":
            return _error(503, f"The worker is {worker.status}; try again in a few seconds.", worker.status)
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[answering.Step | None] = asyncio.Queue()
        try:
            asked = await run_in_threadpool(service.prepare, body)
            asked.on_finish = lambda _: _post(loop, events, None)
            if body.stream:
                asked.on_step = lambda _, step: _post(loop, events, step)
            await run_in_threadpool(service.scheduler.submit, asked)
        except QueueFullError as error:
            return _error(503 if worker.status != "ready" else 429, str(error), "overloaded")
        except ParquetryError as error:
            worker.metrics.rejected.labels(error.category).inc()
            return _error(400, str(error), "invalid_request_error")
        if body.stream:
            return StreamingResponse(_stream(service, body, asked, events), media_type="text/event-stream")
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(events.get(), DISCONNECT_CHECK)
                break
            if await request.is_disconnected():
                service.scheduler.cancel(asked)
        return _answer(service, body, asked)

    return app


def _post(
    loop: asyncio.AbstractEventLoop, events: asyncio.Queue[answering.Step | None], item: answering.Step | None
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(events.put_nowait, item)


def _error(code: int, message: str, kind: str) -> Response:
    headers = {"Retry-After": RETRY_AFTER} if code in (429, 503) else {}
    return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, code, headers)


def _failure(asked: answering.Request) -> tuple[int, str, str] | None:
    """Return (HTTP status, message, type) when a request has no answer."""
    if asked.finish == "deadline":
        return (
            504,
            f"The answer took longer than {asked.seconds:g} seconds; send a smaller image or raise the deadline.",
            "timeout",
        )
    if asked.finish == "cancelled":
        return 503, "The request was given up; send it again.", "cancelled"
    if asked.finish == "error":
        code = 500 if isinstance(asked.error, EngineError) else 503
        return code, f"The model failed on this request: {asked.error}.", "engine_error"
    return None


def _logprob(step: answering.Step) -> dict[str, Any]:
    return {
        "token": step.piece.decode(errors="replace"),
        "logprob": step.logprob,
        "bytes": list(step.piece),
        "top_logprobs": [],
        "forbidden": round(step.forbidden, 6),
    }


def _usage(asked: answering.Request) -> dict[str, Any]:
    return {
        "prompt_tokens": asked.n_prompt,
        "completion_tokens": len(asked.steps),
        "total_tokens": asked.n_prompt + len(asked.steps),
        "prompt_tokens_details": {"cached_tokens": asked.cached_tokens},
    }


def _frame(service: Service, body: ChatRequest, kind: str) -> dict[str, Any]:
    name = body.model or service.settings.served_name
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": name}


def _answer(service: Service, body: ChatRequest, asked: answering.Request) -> Response:
    failure = _failure(asked)
    if failure:
        return _error(*failure)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": asked.text},
        "logprobs": {"content": [_logprob(step) for step in asked.steps]} if body.logprobs else None,
        "finish_reason": asked.finish,
    }
    frame = _frame(service, body, "chat.completion")
    return JSONResponse(
        {**frame, "choices": [choice], "usage": _usage(asked), "timings": asdict(asked.timings)}
    )


async def _stream(
    service: Service,
    body: ChatRequest,
    asked: answering.Request,
    events: asyncio.Queue[answering.Step | None],
) -> AsyncIterator[str]:
    """Yield server-sent events; when the client goes away the answer is given up."""
    frame = _frame(service, body, "chat.completion.chunk")
    waiting = b""

    def event(delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return f"data: {json.dumps({**frame, 'choices': [choice]})}\n\n"

    try:
        yield event({"role": "assistant", "content": ""})
        while (step := await events.get()) is not None:
            waiting += step.piece
            text, waiting = _whole_letters(waiting)
            yield event({"content": text}, logprobs={"content": [_logprob(step)]} if body.logprobs else None)
        failure = _failure(asked)
        if failure:
            code, message, kind = failure
            yield f"data: {json.dumps({'error': {'message': message, 'type': kind, 'code': code}})}\n\n"
        else:
            yield event({"content": waiting.decode(errors="replace")} if waiting else {}, asked.finish)
            if body.stream_options and body.stream_options.include_usage:
                yield f"data: {json.dumps({**frame, 'choices': [], 'usage': _usage(asked)})}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        if asked.finish is None:
            service.scheduler.cancel(asked)


def _whole_letters(data: bytes) -> tuple[str, bytes]:
    """Split off the bytes at the end that begin a letter and do not finish it."""
    for cut in range(len(data), max(-1, len(data) - 4), -1):
        with contextlib.suppress(UnicodeDecodeError):
            return data[:cut].decode(), data[cut:]
    return data.decode(errors="replace"), b""
