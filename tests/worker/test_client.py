from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from extractors.errors import EngineError, TimeoutExceededError, TransportError, UsageError
from extractors.worker.client import WorkerClient

Answer = Callable[
    [int], tuple[int, dict[str, str], Any]
]  # number of the request, from 0 -> status, headers, body


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"completion_tokens": 3}}


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            with lock:
                number = len(seen)
                seen.append({"path": self.path, "authorization": self.headers.get("authorization"), **body})
            status, headers, reply = answer(number)
            data = json.dumps(reply).encode()
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}", seen
    finally:
        running.shutdown()
        running.server_close()


def ask(client: WorkerClient) -> str:
    return client.ask([{"role": "user", "content": "?"}], {"type": "object"}, model="m", max_tokens=9).text


def test_a_busy_worker_is_asked_again() -> None:
    refusals = [(429, {"Retry-After": "0"}), (503, {}), (502, {})]

    def answer(number: int) -> tuple[int, dict[str, str], Any]:
        return (
            (*refusals[number], {"error": {"message": "busy"}}) if number < 3 else (200, {}, completion("{}"))
        )

    with server(answer) as (url, seen):
        client = WorkerClient([url], token="secret")
        assert ask(client) == "{}"
        client.close()
    assert len(seen) == 4
    assert seen[0]["authorization"] == "Bearer secret"
    assert seen[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (seen[0]["temperature"], seen[0]["logprobs"], seen[0]["max_tokens"]) == (0.0, True, 9)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, EngineError), (500, EngineError), (504, TimeoutExceededError), (401, UsageError)],
)
def test_what_waiting_cannot_mend_is_not_asked_again(status: int, error: type[Exception]) -> None:
    with server(lambda number: (status, {}, {"error": {"message": "no"}})) as (url, seen):
        client = WorkerClient([url])
        with pytest.raises(error, match="no"):
            ask(client)
        client.close()
    assert len(seen) == 1


def test_a_worker_that_stays_away_is_given_up_and_then_not_waited_for() -> None:
    with server(lambda number: (503, {}, {"error": {"message": "loading"}})) as (url, _):
        client = WorkerClient([url], patience=0.6)
        for _ in range(2):
            with pytest.raises(TransportError, match="loading"):
                ask(client)
        client.close()


def test_no_answer_in_time_is_a_timeout() -> None:
    def slow(number: int) -> tuple[int, dict[str, str], Any]:
        time.sleep(1.0)
        return 200, {}, completion("{}")

    with server(slow) as (url, _):
        client = WorkerClient([url], seconds=0.2)
        with pytest.raises(TimeoutExceededError, match="did not answer in time"):
            ask(client)
        client.close()


def test_questions_are_spread_over_the_workers_and_one_that_is_gone_is_passed_over() -> None:
    with (
        server(lambda n: (200, {}, completion("1"))) as (one, seen_one),
        server(lambda n: (200, {}, completion("2"))) as (two, seen_two),
    ):
        client = WorkerClient([one, two + "/v1/", "http://127.0.0.1:9"])
        with ThreadPoolExecutor(4) as pool:
            texts = list(pool.map(lambda _: ask(client), range(20)))
        client.close()
    assert set(texts) == {"1", "2"}
    assert len(seen_one) + len(seen_two) == 20
    assert min(len(seen_one), len(seen_two)) >= 5


def test_something_else_behind_the_url_is_told_apart() -> None:
    with server(lambda number: (200, {}, {"hello": "world"})) as (url, _):
        client = WorkerClient([url])
        with pytest.raises(EngineError, match="not a chat completion"):
            ask(client)
        client.close()
    with pytest.raises(UsageError, match="--worker-url"):
        WorkerClient([])
