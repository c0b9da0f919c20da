from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractors.errors import EngineError
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.constraint import Grammars
from extractors.worker.engine import LanguageModel
from extractors.worker.images import prepare_image
from extractors.worker.metrics import Metrics
from extractors.worker.request import Request
from extractors.worker.scheduler import QueueFullError, Scheduler
from extractors.worker.selftest import self_test
from extractors.worker.settings import WorkerSettings
from schemas.reading import tile_schema
from tests.tiny_model import build_pair

INSTRUCTION = "Copy the tables of the image into rows of cells, exactly as they are printed."
SIZES = [(96, 96), (160, 256), (224, 128), (320, 96)]  # pixels, height × width


class Bench:
    """A running scheduler and what it takes to ask it."""

    def __init__(self, model: LanguageModel, settings: WorkerSettings) -> None:
        self.model = model
        self.metrics = Metrics()
        self.chat = ChatFormat(model)
        self.grammars = Grammars(model)
        self.scheduler = Scheduler(model, settings, self.metrics)
        self._ended: dict[int, threading.Event] = {}

    def request(self, seed: int, *, question: str = "Copy.", free: bool = False, **more: Any) -> Request:
        height, width = SIZES[seed % len(SIZES)]
        pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)
        segments = self.chat.segments(
            [Message("system", (INSTRUCTION,)), Message("user", (prepare_image(pixels, 4096), question))]
        )
        ended = threading.Event()
        request = Request(
            segments,
            constraint=None if free else self.grammars.constraint(tile_schema(3, 3)),
            on_finish=lambda _: ended.set(),
            **{"max_tokens": 150, **more},
        )
        self._ended[request.number] = ended
        return request

    def submit(self, *requests: Request) -> None:
        for request in requests:
            self.scheduler.submit(request)

    def wait(self, *requests: Request) -> None:
        for request in requests:
            assert self._ended[request.number].wait(300), "the request did not end"

    def value(self, name: str) -> float:
        return float(self.metrics.registry.get_sample_value(f"parquetry_worker_{name}") or 0.0)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build_pair(tmp_path_factory.mktemp("tiny"))


@contextmanager
def bench(pair: tuple[Path, Path], **settings: Any) -> Iterator[Bench]:
    given = {"context": 16_384, "slots": 16, "kept": 16, "threads": 2, "queue": 64, **settings}
    chosen = WorkerSettings(model=pair[0], mmproj=pair[1], **given)
    model = LanguageModel(chosen)
    self_test(model)
    running = Bench(model, chosen)
    running.scheduler.start()
    try:
        yield running
    finally:
        running.scheduler.stop()
        model.close()


def tokens(requests: Sequence[Request]) -> list[tuple[str | None, list[int]]]:
    return [(request.finish, [step.token for step in request.steps]) for request in requests]


def test_sixteen_at_once_answer_as_one_at_a_time(pair: tuple[Path, Path]) -> None:
    """Prefix sharing, retries of the same tile and cancelled neighbours change no token of greedy answers."""
    numbers = [*range(14), 3, 5]
    with bench(pair, slots=1, kept=0) as alone:
        single = []
        for i in numbers:
            request = alone.request(i, free=i % 3 == 0)
            alone.submit(request)
            alone.wait(request)
            single.append(request)
    with bench(pair) as many:
        together = [many.request(i, free=i % 3 == 0) for i in numbers]
        doomed = [many.request(100 + i, free=True, max_tokens=2000) for i in range(4)]
        many.submit(*together[:4], *doomed, *together[4:])
        many.wait(together[0])
        for request in doomed:
            many.scheduler.cancel(request)
        many.wait(*together, *doomed)
        again = [many.request(i, free=i % 3 == 0) for i in numbers]
        many.submit(*again)
        many.wait(*again)
        steps = many.value("steps_total")
    assert tokens(together) == tokens(single)
    assert tokens(again) == tokens(single)
    assert {request.finish for request in doomed} <= {"cancelled", "stop", "repetition"}
    assert sum(len(request.steps) for request in together) > 1000
    assert steps < sum(len(request.steps) for request in [*together, *again])  # steps were shared


def test_a_second_question_about_a_tile_encodes_and_prefills_nothing(pair: tuple[Path, Path]) -> None:
    with bench(pair) as running:
        first = running.request(1, question="Copy the rows.")
        running.submit(first)
        running.wait(first)
        encoded, prefilled = running.value("encode_seconds_total"), running.value("prompt_tokens_total")
        second = running.request(1, question="How many tables?")
        running.submit(second)
        running.wait(second)
        assert running.value("encode_seconds_total") == encoded
        tail = second.segments[-1]
        assert isinstance(tail, list)
        assert running.value("prompt_tokens_total") - prefilled == len(tail)
        assert second.cached_tokens == second.n_prompt - len(tail)
    with bench(pair, kept=0) as running:
        fresh = running.request(1, question="How many tables?")
        running.submit(fresh)
        running.wait(fresh)
    assert tokens([second])[0][1] == tokens([fresh])[0][1]


def test_the_instruction_is_decoded_once_for_all_tiles(pair: tuple[Path, Path]) -> None:
    with bench(pair) as running:
        requests = [running.request(i, max_tokens=5) for i in range(8)]
        running.submit(*requests)
        running.wait(*requests)
        prefix = requests[0].segments[0]
        assert isinstance(prefix, list)
        everything = sum(request.n_prompt for request in requests)
        assert running.value("prompt_tokens_total") == everything - 7 * len(prefix)


def test_a_full_queue_refuses(pair: tuple[Path, Path]) -> None:
    with bench(pair, slots=1, queue=2) as running:
        busy = running.request(1, free=True, max_tokens=4000)
        running.submit(busy)
        while not busy.steps:
            time.sleep(0.01)
        waiting = [running.request(2, max_tokens=5), running.request(3, max_tokens=5)]
        running.submit(*waiting)
        with pytest.raises(QueueFullError, match="full"):
            running.submit(running.request(4))
        running.scheduler.cancel(busy)
        running.wait(busy, *waiting)
        assert [request.finish for request in waiting] == ["length", "length"]


def test_what_can_never_fit_is_refused_at_once(pair: tuple[Path, Path]) -> None:
    with bench(pair, context=1024) as running, pytest.raises(EngineError, match="cells"):
        running.submit(running.request(1, max_tokens=1000))


def test_nothing_is_evicted_in_the_middle_of_an_answer(pair: tuple[Path, Path]) -> None:
    """With room for two answers only, eight finish, and never do more cells get set aside than there are."""
    with bench(pair, context=1024) as running:
        requests = [running.request(i, free=True, max_tokens=300) for i in range(8)]
        running.submit(*requests)
        most = 0
        while not running.scheduler.idle:
            most = max(most, int(running.value("kv_cells_used")))
            time.sleep(0.002)
        running.wait(*requests)
    assert all(request.finish in ("stop", "length", "repetition") for request in requests)
    assert 300 < most <= 1024


def test_a_deadline_ends_an_answer_and_frees_its_slot(pair: tuple[Path, Path]) -> None:
    with bench(pair, slots=1) as running:
        late = running.request(1, free=True, max_tokens=10_000, seconds=0.3)
        late.constraint = running.grammars.constraint(
            {"type": "array", "items": {"type": "string", "minLength": 9}, "minItems": 5000}
        )
        after = running.request(2, max_tokens=5)
        running.submit(late, after)
        running.wait(late, after)
    assert late.finish in ("deadline", "repetition")
    assert after.finish == "length"


def test_one_bad_request_fails_alone(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(pair) as running:
        encode = running.model.encode
        bad, good = running.request(1), running.request(2)
        key = bad.images[0].key

        def failing(image: Any) -> Any:
            if image.key == key:
                raise EngineError("The vision tower failed on the image.")
            return encode(image)

        monkeypatch.setattr(running.model, "encode", failing)
        running.submit(bad, good)
        running.wait(bad, good)
    assert (bad.finish, str(bad.error)) == ("error", "The vision tower failed on the image.")
    assert good.finish in ("stop", "length", "repetition")


def test_a_runaway_is_stopped(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(pair) as running:
        token = running.model.tokenize("0")[0]

        def stuck(logits: Any, answers: Any) -> Any:
            from extractors.worker.choosing import Choice

            return [Choice(token, -0.1, 0.0) for _ in answers]

        monkeypatch.setattr(running.scheduler._chooser, "choose", stuck)
        request = running.request(1, free=True, max_tokens=5000)
        running.submit(request)
        running.wait(request)
    assert request.finish == "repetition"
    assert len(request.steps) < 200


def test_a_stopped_scheduler_gives_everything_up(pair: tuple[Path, Path]) -> None:
    with bench(pair, slots=1) as running:
        requests = [running.request(i, free=True, max_tokens=4000) for i in range(3)]
        running.submit(*requests)
        running.scheduler.stop()
        running.wait(*requests)
        assert {request.finish for request in requests} <= {"cancelled", "stop", "repetition"}
        with pytest.raises(QueueFullError, match="restarting"):
            running.submit(running.request(9))


def test_a_retry_after_a_repetition_or_an_invalid_answer_encodes_nothing(pair: tuple[Path, Path]) -> None:
    """The client asks again with a little temperature, or another question about half as many rows."""
    with bench(pair) as running:
        first = running.request(2, max_tokens=8)  # cut off: it does not parse
        running.submit(first)
        running.wait(first)
        assert running.value("images_total") == 1
        retries = [
            running.request(2, temperature=0.2),
            running.request(2, temperature=0.4),
            running.request(2, question="Copy the upper rows.", max_tokens=30),
        ]
        prefilled = running.value("prompt_tokens_total")
        running.submit(*retries)
        running.wait(*retries)
        assert running.value("images_total") == 1
        tails = [retry.segments[-1] for retry in retries]
        assert running.value("prompt_tokens_total") - prefilled == sum(len(tail) for tail in tails)  # type: ignore[arg-type]
        assert all(retry.cached_tokens > retry.images[0].n_tokens for retry in retries)


def test_the_vision_tower_runs_while_answers_are_decoded(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(pair, slots=4) as running:
        encoding: list[tuple[float, float]] = []
        decoding: list[tuple[float, float]] = []

        def timed(work: Any, into: list[tuple[float, float]]) -> Any:
            def wrapped(*given: Any) -> Any:
                began = time.perf_counter()
                done = work(*given)
                into.append((began, time.perf_counter()))
                return done

            return wrapped

        monkeypatch.setattr(running.model, "encode", timed(running.model.encode, encoding))
        monkeypatch.setattr(running.model, "_decode", timed(running.model._decode, decoding))
        requests = [running.request(i, max_tokens=60) for i in range(16)]
        running.submit(*requests)
        running.wait(*requests)
    assert len(encoding) == 16
    at_once = sum(
        any(start < d_end and d_start < end for d_start, d_end in decoding) for start, end in encoding
    )
    assert at_once >= 4


def test_a_vision_tower_that_never_comes_back_is_seen(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(pair, deadline=0.2) as running:
        stuck, going_on = threading.Event(), threading.Event()
        encode = running.model.encode

        def hanging(image: Any) -> Any:
            stuck.set()
            going_on.wait(60)
            return encode(image)

        monkeypatch.setattr(running.model, "encode", hanging)
        request = running.request(1, seconds=60.0)
        running.submit(request)
        assert stuck.wait(60)
        time.sleep(0.8)
        assert running.scheduler.seconds_since_step > 0.7  # the decode thread goes round every half second
        going_on.set()
        running.wait(request)
    assert request.finish in ("stop", "length", "repetition")
