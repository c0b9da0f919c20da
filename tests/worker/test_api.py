from __future__ import annotations

import base64
import io
import json
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from extractors.worker.confidence import TokenOdds, value_odds
from schemas.reading import TileAnswer, tile_schema
from tests.worker_process import RunningWorker, running_worker

TOKEN = "let me in"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(
        tmp_path_factory.mktemp("worker"),
        slots=4,
        queue=3,
        max_image_pixels=1_000_000,
        max_image_bytes=2_000_000,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(worker: RunningWorker) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{worker.url}/v1", api_key="none", max_retries=0)


def data_url(seed: int = 1, width: int = 160, height: int = 128, kind: str = "PNG") -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def about(url: str, question: str = "Copy the tables.") -> list[Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
    return [{"role": "system", "content": "You copy tables."}, {"role": "user", "content": parts}]


def form(most_rows: int = 3) -> Any:
    schema = tile_schema(most_rows, 3)
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def test_the_models_are_named(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_a_tile_is_answered_in_its_schema_with_odds(client: openai.OpenAI) -> None:
    complete = 0
    for seed in range(8):
        answer = client.chat.completions.create(
            model="tiny", messages=about(data_url(seed)), response_format=form(), max_tokens=1500, temperature=0, logprobs=True
        )  # fmt: skip
        (choice,) = answer.choices
        assert choice.message.content is not None and choice.logprobs is not None
        steps = choice.logprobs.content or []
        assert (
            b"".join(bytes(step.bytes or []) for step in steps).decode(errors="replace")
            == choice.message.content
        )
        assert all(step.logprob <= 0 for step in steps)
        assert answer.usage is not None and answer.usage.completion_tokens == len(steps)
        assert choice.finish_reason in ("stop", "length", "repetition")
        if choice.finish_reason == "stop":
            complete += 1
            TileAnswer.model_validate_json(choice.message.content)
            odds = value_odds(
                choice.message.content, [TokenOdds(bytes(s.bytes or []), s.logprob) for s in steps]
            )
            assert odds and all(value.lowest <= value.mean <= 0 for value in odds.values())
    assert complete >= 3


def test_greedy_answers_repeat_and_seeds_decide_draws(client: openai.OpenAI) -> None:
    def text(**more: Any) -> str:
        made = client.chat.completions.create(
            model="tiny", messages=about(data_url(5)), response_format=form(), max_tokens=60, **more
        )
        return made.choices[0].message.content or ""

    assert text() == text()
    assert text(temperature=0.9, seed=1) == text(temperature=0.9, seed=1)
    assert text(temperature=0.9, seed=1) != text(temperature=0.9, seed=2)


def test_an_answer_that_is_cut_off_says_so(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=about(data_url(1)), response_format=form(), max_tokens=4
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None and answer.usage.completion_tokens == 4


def test_a_stream_gives_the_same_answer_piece_by_piece(client: openai.OpenAI) -> None:
    ask: Any = {"model": "tiny", "messages": about(data_url(3)), "max_tokens": 40, "temperature": 0}
    whole = client.chat.completions.create(**ask)
    chunks = list(client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == whole.choices[0].finish_reason
    assert chunks[-1].usage is not None and whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert len(chunks) > 5


def test_jpeg_webp_and_odd_sizes_are_read(client: openai.OpenAI) -> None:
    for kind, width, height in (("JPEG", 101, 37), ("WEBP", 33, 200), ("PNG", 1, 1)):
        answer = client.chat.completions.create(
            model="tiny", messages=about(data_url(1, width, height, kind)), max_tokens=3
        )
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": about("http://127.0.0.1/secret.png")}, "data URL"),
        ({"messages": about("file:///etc/passwd")}, "data URL"),
        ({"messages": about("data:image/png;base64,!!!!")}, "base64"),
        ({"messages": about("data:image/png;base64,aGVsbG8=")}, "cannot be read"),
        ({"messages": about(data_url(1)) * 3}, "at most 4"),
        ({"model": "gpt-9"}, "not served"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "wat"}},
                }
            },
            "schema",
        ),
        ({"max_tokens": 1_000_000}, "cells"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    client: openai.OpenAI, change: dict[str, Any], message: str
) -> None:
    ask: Any = {"model": "tiny", "messages": about(data_url(1)), "max_tokens": 5, **change}
    if message == "at most 4":
        ask["messages"] = about(data_url(1)) + [about(data_url(i))[1] for i in range(4)]
    with pytest.raises(openai.BadRequestError, match=message):
        client.chat.completions.create(**ask)


def test_a_large_image_is_refused_before_it_is_decoded(client: openai.OpenAI) -> None:
    blank = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(blank, "PNG")  # 900 million pixels in about a hundred kilobytes
    url = "data:image/png;base64," + base64.b64encode(blank.getvalue()).decode()
    with pytest.raises(openai.BadRequestError, match="pixels"):
        client.chat.completions.create(model="tiny", messages=about(url), max_tokens=5)


def test_more_than_the_queue_holds_gets_429_and_all_else_an_answer(worker: RunningWorker) -> None:
    def ask(seed: int) -> httpx.Response:
        body = {"model": "tiny", "messages": about(data_url(seed)), "max_tokens": 400}
        return httpx.post(f"{worker.url}/v1/chat/completions", json=body, timeout=240)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(ask, range(16)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.status_code for reply in replies} == {200, 429}
    assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
    assert "queue is full" in refused[0].json()["error"]["message"]


def test_a_client_that_goes_away_frees_its_slot(worker: RunningWorker) -> None:
    endless = {"type": "array", "items": {"type": "string", "minLength": 6, "maxLength": 6}, "minItems": 900}
    body = {
        "model": "tiny",
        "messages": about(data_url(2)),
        "max_tokens": 8000,
        "temperature": 1.0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": endless}},
    }
    for stream in (False, True):
        before = worker.metric('finished_total{reason="cancelled"}')
        with (
            pytest.raises(httpx.ReadTimeout),
            httpx.stream(
                "POST", f"{worker.url}/v1/chat/completions", json={**body, "stream": stream}, timeout=0.7
            ) as reply,
        ):
            began = time.monotonic()
            for _ in reply.iter_raw():
                if time.monotonic() - began > 0.7:
                    raise httpx.ReadTimeout("seen enough")
        until = time.monotonic() + 120
        while worker.metric('finished_total{reason="cancelled"}') == before and time.monotonic() < until:
            time.sleep(0.05)
        assert worker.metric('finished_total{reason="cancelled"}') == before + 1
    assert worker.metric("slots_busy") == 0


def test_a_deadline_is_kept(worker: RunningWorker) -> None:
    endless = {"type": "array", "items": {"type": "string", "minLength": 6, "maxLength": 6}, "minItems": 900}
    body = {
        "model": "tiny",
        "messages": about(data_url(2)),
        "max_tokens": 8000,
        "temperature": 1.0,
        "timeout": 0.3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": endless}},
    }
    reply = httpx.post(f"{worker.url}/v1/chat/completions", json=body, timeout=180)
    assert reply.status_code == 504
    assert "longer than 0.3 seconds" in reply.json()["error"]["message"]


def test_health_and_metrics_tell_how_it_is(worker: RunningWorker) -> None:
    health = worker.health()
    assert health["status"] == "ready"
    assert health["tiles"] > 0 and health["resident_bytes"] > 10_000_000
    for name in (
        "tiles_total",
        "answer_tokens_total",
        "encode_seconds_total",
        "decode_seconds_total",
        "steps_total",
    ):
        assert worker.metric(name) > 0
    assert worker.metric("kv_cells") == 16_384
    assert math.isfinite(worker.metric("queue_depth"))


def test_with_a_token_only_those_who_know_it_are_answered(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_worker(tmp_path_factory.mktemp("locked"), token=TOKEN, slots=2) as locked:
        assert httpx.get(f"{locked.url}/health").status_code == 200
        for path in ("/v1/models", "/metrics"):
            assert httpx.get(locked.url + path).status_code == 401
            assert httpx.get(locked.url + path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        known = openai.OpenAI(base_url=f"{locked.url}/v1", api_key=TOKEN)
        assert [model.id for model in known.models.list()] == ["tiny"]
        assert TOKEN not in locked.log.read_text()


def test_told_to_stop_it_finishes_what_it_has_begun(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_worker(tmp_path_factory.mktemp("drained"), slots=2) as drained:
        replies: list[httpx.Response] = []
        body = {"model": "tiny", "messages": about(data_url(1)), "max_tokens": 300, "temperature": 0.7}

        def ask() -> None:
            replies.append(httpx.post(f"{drained.url}/v1/chat/completions", json=body, timeout=180))

        asking = threading.Thread(target=ask)
        asking.start()
        while drained.metric("slots_busy") == 0 and not replies:
            time.sleep(0.005)
        drained.process.terminate()
        asking.join(180)
        assert drained.process.wait(180) == 0
    assert [reply.status_code for reply in replies] == [200]
    assert json.loads(replies[0].text)["choices"][0]["finish_reason"] in ("stop", "length", "repetition")


def test_the_page_to_try_it_works_offline(worker: RunningWorker) -> None:
    page = httpx.get(worker.url)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text and "https://" not in page.text and "src=" not in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    prompts = httpx.get(f"{worker.url}/prompts").json()
    for task in ("table", "statement"):  # what the page sends
        messages = [
            {"role": "system", "content": prompts["instructions"][task]},
            *about(data_url(1), prompts["questions"][task])[1:],
        ]
        wanted = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": prompts["schemas"][task]},
        }
        body = {"messages": messages, "response_format": wanted, "max_tokens": 50, "logprobs": True}
        reply = httpx.post(f"{worker.url}/v1/chat/completions", json=body, timeout=180)
        assert reply.status_code == 200
        assert set(reply.json()["timings"]) == {"queue", "encode", "prefill", "decode"}


def test_images_are_embedded_as_vectors_of_length_one(client: openai.OpenAI, worker: RunningWorker) -> None:
    urls = [data_url(1), data_url(2), data_url(1)]
    answer = client.embeddings.create(model="tiny", input=urls)
    vectors = np.array([one.embedding for one in answer.data])
    assert [one.index for one in answer.data] == [0, 1, 2]
    assert vectors.shape == (3, 64)  # the model's width, without the rows of the deepstack layers
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    assert np.array_equal(vectors[0], vectors[2])
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 3 * (160 // 32) * (128 // 32)
    plain = client.embeddings.create(model="tiny", input=urls[0], encoding_format="float")
    assert np.allclose(plain.data[0].embedding, vectors[0], atol=1e-7)
    assert worker.metric("embeddings_total") == 4


def test_embeddings_and_answers_share_the_vision_tower(client: openai.OpenAI) -> None:
    alone = client.embeddings.create(model="tiny", input=data_url(5)).data[0].embedding

    def both(seed: int) -> Any:
        if seed % 2:
            return client.embeddings.create(model="tiny", input=data_url(5)).data[0].embedding
        return client.chat.completions.create(model="tiny", messages=about(data_url(seed)), max_tokens=20)

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(both, range(6)))
    assert all(vector == alone for vector in made[1::2])
    assert all(answer.choices[0].finish_reason in ("stop", "length") for answer in made[::2])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["http://example.org/a.png"], "fetches no URLs"),
        ([data_url(i, 32, 32) for i in range(4)], "at most 3 are embedded"),
        (["data:image/png;base64,AAAA"], "cannot be read"),
        ("words are not embedded", "data URL"),
    ],
)
def test_what_cannot_be_embedded_is_refused(client: openai.OpenAI, given: Any, message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        client.embeddings.create(model="tiny", input=given)
    with pytest.raises(openai.BadRequestError, match="not served"):
        client.embeddings.create(model="another", input=data_url())
