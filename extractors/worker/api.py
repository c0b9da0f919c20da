"""The worker's HTTP face: the OpenAI-compatible API over one scheduler.

In: chat completion requests. Out: answers, streamed or whole, with log-probabilities; health, models, metrics, and a page
to try it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import psutil
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from extractors.errors import ParquetryError
from extractors.prompting import QUESTIONS, load_prompts
from extractors.worker.encoding import Embedding
from extractors.worker.guard import Guard
from extractors.worker.replies import answer_reply, embeddings_reply, error_reply, stream_reply
from extractors.worker.request import Request as Asked
from extractors.worker.request import Step
from extractors.worker.scheduler import QueueFullError
from extractors.worker.service import Service, Worker
from extractors.worker.wire import ChatRequest, EmbeddingRequest
from schemas.reading import TileAnswer

DISCONNECT_CHECK = 0.25  # seconds between two looks whether the client is still there
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'"
TRY_PAGE = Path(__file__).parent / "try.html"


def create_app(worker: Worker) -> FastAPI:
    """Return the HTTP application of a worker, which may still be loading."""
    app = FastAPI(title="Parquetry VL worker", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, worker=worker)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        worker.metrics.rejected.labels("invalid").inc()
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return error_reply(400, f"{where}: {first['msg']}", "invalid_request_error")

    @app.get("/health")
    async def health() -> Response:
        service = worker.service
        idle = service is None or service.scheduler.idle
        since = 0.0 if service is None else service.scheduler.seconds_since_step
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
            return error_reply(
                503, f"The worker is {worker.status}; try again in a few seconds.", worker.status
            )
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Step | None] = asyncio.Queue()
        try:
            asked = await run_in_threadpool(service.prepare, body)
            asked.on_finish = lambda _: _post(loop, events, None)
            if body.stream:
                asked.on_step = lambda _, step: _post(loop, events, step)
            await run_in_threadpool(service.scheduler.submit, asked)
        except QueueFullError as error:
            return error_reply(503 if worker.status != "ready" else 429, str(error), "overloaded")
        except ParquetryError as error:
            worker.metrics.rejected.labels(error.category).inc()
            return error_reply(400, str(error), "invalid_request_error")
        if body.stream:
            return StreamingResponse(
                stream_reply(service, body, asked, events), media_type="text/event-stream"
            )
        await _ended(service, [asked], events, request)
        return answer_reply(service, body, asked)

    @app.post("/v1/embeddings")
    async def embed(body: EmbeddingRequest, request: Request) -> Response:
        service = worker.service
        if service is None or worker.status != "ready":
            return error_reply(
                503, f"The worker is {worker.status}; try again in a few seconds.", worker.status
            )
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Step | None] = asyncio.Queue()
        try:
            asked = await run_in_threadpool(service.prepare_embeddings, body)
            for one in asked:
                one.on_finish = lambda _: _post(loop, events, None)
            service.scheduler.embed(*asked)
        except QueueFullError as error:
            return error_reply(503 if worker.status != "ready" else 429, str(error), "overloaded")
        except ParquetryError as error:
            worker.metrics.rejected.labels(error.category).inc()
            return error_reply(400, str(error), "invalid_request_error")
        await _ended(service, asked, events, request)
        return embeddings_reply(service, body, asked)

    return app


async def _ended(
    service: Service, asked: Sequence[Asked | Embedding], events: asyncio.Queue[Step | None], request: Request
) -> None:
    """Wait until all that was asked has ended; give up what is left when the client goes away."""
    for _ in asked:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(events.get(), DISCONNECT_CHECK)
                break
            if await request.is_disconnected():
                for one in asked:
                    service.scheduler.cancel(one)


def _post(loop: asyncio.AbstractEventLoop, events: asyncio.Queue[Step | None], item: Step | None) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(events.put_nowait, item)
