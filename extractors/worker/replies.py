"""How an ended or running answer is told to the client: whole, streamed, or as an error, in OpenAI's terms."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from extractors.errors import EngineError
from extractors.worker.encoding import Embedding
from extractors.worker.request import Request, Step
from extractors.worker.service import Service
from extractors.worker.wire import ChatRequest, EmbeddingRequest

RETRY_AFTER = "2"  # seconds that a refused client should wait


def error_reply(code: int, message: str, kind: str) -> Response:
    """Return an error as OpenAI's clients expect it: HTTP status, a message that says what to do, a type."""
    headers = {"Retry-After": RETRY_AFTER} if code in (429, 503) else {}
    return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, code, headers)


def _failure(asked: Request | Embedding) -> tuple[int, str, str] | None:
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


def _logprob(step: Step) -> dict[str, Any]:
    return {
        "token": step.piece.decode(errors="replace"),
        "logprob": step.logprob,
        "bytes": list(step.piece),
        "top_logprobs": [],
        "forbidden": round(step.forbidden, 6),
    }


def _usage(asked: Request) -> dict[str, Any]:
    return {
        "prompt_tokens": asked.n_prompt,
        "completion_tokens": len(asked.steps),
        "total_tokens": asked.n_prompt + len(asked.steps),
        "prompt_tokens_details": {"cached_tokens": asked.cached_tokens},
    }


def _frame(service: Service, body: ChatRequest, kind: str) -> dict[str, Any]:
    name = body.model or service.settings.served_name
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": name}


def answer_reply(service: Service, body: ChatRequest, asked: Request) -> Response:
    """Return the whole answer of a request that has ended, or the reason why there is none."""
    failure = _failure(asked)
    if failure:
        return error_reply(*failure)
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


def embeddings_reply(service: Service, body: EmbeddingRequest, made: Sequence[Embedding]) -> Response:
    """Return the embeddings of a request that have all ended, or the reason why one could not be made."""
    data = []
    for i, one in enumerate(made):
        failure = _failure(one)
        if failure or one.vector is None:
            return error_reply(*(failure or (500, "The vision tower gave no embedding.", "engine_error")))
        vector = one.vector.astype("<f4")
        coded = (
            base64.b64encode(vector.tobytes()).decode()
            if body.encoding_format == "base64"
            else vector.tolist()
        )
        data.append({"object": "embedding", "index": i, "embedding": coded})
    n = sum(one.image.n_tokens for one in made)
    return JSONResponse(
        {
            "object": "list",
            "data": data,
            "model": service.settings.served_name,
            "usage": {"prompt_tokens": n, "total_tokens": n},
        }
    )


async def stream_reply(
    service: Service,
    body: ChatRequest,
    asked: Request,
    events: asyncio.Queue[Step | None],
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
