"""Asking an OpenAI-compatible worker about an image: ours, llama-server, vLLM or SGLang.

In: chat messages and a JSON schema. Out: a `Reply` with the answer's text and the odds of its tokens. Waits while a worker is
busy, loading or being restarted, and spreads its questions over all workers it knows.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from extractors.errors import EngineError, TimeoutExceededError, TransportError, UsageError
from extractors.worker.confidence import TokenOdds

PATIENCE = 90.0  # seconds of waiting for a worker that is busy, loading or restarting
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # seconds between two tries, doubled each time
MOST_DEATHS = 4  # of a worker in the middle of one question, before the question is taken for the cause
CONNECT_SECONDS = 5.0
PROBE_SECONDS = 2.0
AGAIN = (429, 502, 503)  # busy, or away for a moment
AWAY_SECONDS = 5.0  # for which a worker that could not be reached is asked last


@dataclass(frozen=True)
class Reply:
    """A worker's answer. `finish` is "stop" when it is complete."""

    text: str
    finish: str
    tokens: tuple[TokenOdds, ...]
    n_tokens: int
    seconds: float


class WorkerClient:
    """Connections to one or more workers. Safe to use from many threads; close it when done."""

    def __init__(
        self,
        urls: Sequence[str],
        token: str | None = None,
        seconds: float = 120.0,
        patience: float = PATIENCE,
    ) -> None:
        if not urls:
            raise UsageError("No worker is named; give its address with --worker-url.")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        self._urls = [url.rstrip("/").removesuffix("/v1") for url in urls]
        self._busy = dict.fromkeys(self._urls, 0)
        self._away = dict.fromkeys(self._urls, 0.0)  # until when, monotonic seconds
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._patience = patience
        self._given_up = False  # no worker answered last time: do not wait as long again
        self._http = httpx.Client(headers=headers, timeout=timeout, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> list[str]:
        """Return the names that the first worker to answer serves. Raises TransportError when none answers in time."""
        data = self._until_answered("GET", "/v1/models", None).json()
        return [str(model["id"]) for model in data["data"]]

    def answers(self) -> bool:
        """Tell whether a worker answers now."""
        for url in self._urls:
            try:
                response = self._http.get(f"{url}/v1/models", timeout=PROBE_SECONDS)
            except httpx.HTTPError:
                continue
            if response.status_code == 200:
                return True
        return False

    def ask(
        self,
        messages: list[dict[str, Any]],
        schema: dict[str, Any],
        *,
        model: str | None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Return the answer to a question, constrained by `schema`.

        Raises:
            TransportError: no worker could be reached in time.
            TimeoutExceededError: the answer took too long.
            EngineError: the worker refused the question or failed on it.

        """
        body = {
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "logprobs": True,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": True},
            },
        }
        if model:
            body["model"] = model
        began = time.monotonic()
        data = self._until_answered("POST", "/v1/chat/completions", body).json()
        try:
            choice = data["choices"][0]
            content = (choice.get("logprobs") or {}).get("content") or []
            tokens = tuple(
                TokenOdds(bytes(t["bytes"] or t["token"].encode()), t["logprob"], t.get("forbidden", 0.0))
                for t in content
            )
            text, finish = choice["message"]["content"] or "", choice["finish_reason"]
            n_tokens = data["usage"]["completion_tokens"]
        except (KeyError, IndexError, TypeError) as error:
            raise EngineError(
                "The worker's answer is not a chat completion; check that its URL is right."
            ) from error
        return Reply(text, finish, tokens, n_tokens, time.monotonic() - began)

    def embed(self, urls: Sequence[str], model: str | None = None) -> list[list[float]]:
        """Return one vector of length 1 per image, given as data URLs. Raises as `ask` does."""
        body: dict[str, Any] = {"input": list(urls), "encoding_format": "float"}
        if model:
            body["model"] = model
        data = self._until_answered("POST", "/v1/embeddings", body).json()
        try:
            rows = [row["embedding"] for row in sorted(data["data"], key=lambda row: int(row["index"]))]
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError(
                "The worker's answer holds no embeddings; check that its URL is right."
            ) from error
        if len(rows) != len(urls):
            raise EngineError(f"The worker embedded {len(rows)} of {len(urls)} images; see its log.")
        return rows

    def _until_answered(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        until = time.monotonic() + (min(PROBE_SECONDS, self._patience) if self._given_up else self._patience)
        wait, problem, deaths = FIRST_WAIT, "it does not answer", 0
        while True:
            url = self._least_busy()
            pause = wait
            try:
                response = self._http.request(method, url + path, json=body)
                self._given_up = False
                if response.status_code not in AGAIN:
                    return _checked(response)
                problem = _message(response)
                pause = max(wait, float(response.headers.get("retry-after") or 0)) if self._alone else wait
            except (httpx.RemoteProtocolError, httpx.ReadError) as error:
                self._away[url] = time.monotonic() + AWAY_SECONDS
                deaths += 1
                problem = str(error) or type(error).__name__
                if deaths >= MOST_DEATHS:
                    raise EngineError(
                        f"The worker died {deaths} times while it answered this question."
                    ) from error
            except httpx.ReadTimeout as error:
                raise TimeoutExceededError(
                    f"The worker at {url} did not answer in time; raise the page timeout."
                ) from error
            except httpx.TransportError as error:
                self._away[url] = time.monotonic() + AWAY_SECONDS
                problem = str(error) or type(error).__name__
            finally:
                with self._lock:
                    self._busy[url] -= 1
            if time.monotonic() + pause > until:
                self._given_up = True
                names = ", ".join(self._urls)
                raise TransportError(
                    f"No worker could be asked at {names} ({problem}). Start one with `parquetry worker`."
                )
            time.sleep(
                pause * random.uniform(0.7, 1.0)
            )  # apart from each other, so that they do not all come back at once
            wait = min(LONGEST_WAIT, 2 * wait)

    @property
    def _alone(self) -> bool:
        return len(self._urls) == 1

    def _least_busy(self) -> str:
        """Choose the worker with the fewest questions of ours, taking turns among equals; one that was away comes last."""
        now = time.monotonic()
        with self._lock:
            turn = next(self._turn)
            order = self._urls[turn % len(self._urls) :] + self._urls[: turn % len(self._urls)]
            url = min(order, key=lambda name: (self._away[name] > now, self._busy[name]))
            self._busy[url] += 1
            return url


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {response.status_code}"


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code == 200:
        return response
    message = _message(response)
    if response.status_code in (401, 403):
        raise UsageError(
            f"The worker refused our token ({message}). Set PARQUETRY_WORKER_TOKEN to the worker's token."
        )
    if response.status_code == 504:
        raise TimeoutExceededError(f"The worker gave up: {message}")
    raise EngineError(f"The worker refused the question: {message}")
