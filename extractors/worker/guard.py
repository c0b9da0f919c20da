"""Which requests may come in: the bearer token and the size of the body, before it is read."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from extractors.worker.replies import error_reply
from extractors.worker.service import Worker

OPEN_PATHS = ("/", "/health")  # answered without the bearer token; they tell nothing about documents


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
                return error_reply(
                    401, "Send the worker's token: Authorization: Bearer ….", "invalid_api_key"
                )
        if scope["method"] == "POST":
            length = headers.get("content-length", "")
            if not length.isdigit():
                return error_reply(411, "Send the request with its Content-Length.", "invalid_request_error")
            if int(length) > settings.max_body:
                self._worker.metrics.rejected.labels("size").inc()
                message = f"The request is larger than {settings.max_body} bytes; send smaller images."
                return error_reply(413, message, "too_large")
        return None
