"""How are the tiles of a page asked about until each has an answer or is given up? What a failure deserves depends on its kind.

In: `Question`s about tiles, and a function that asks one. Out: the answers, top to bottom, and a `Problem` for every tile that has none.

| kind | what it means | what follows |
|---|---|---|
| transport | no worker could be reached; the client has waited for one | nothing: another run tries again |
| timeout | the answer took too long | the tile in halves, once |
| length | the answer was cut off at its limit | the tile in halves; a tile too short for that gets twice the room, once |
| repetition | the model went round in circles | the tile in halves; a tile too short for that is drawn again, a little warmer |
| invalid | the answer is not what was asked for | drawn again, a little warmer |
| refused | the worker says that it cannot | nothing: it would say so again |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import cv2

from extractors.engine import Pixels, Render
from extractors.errors import EngineError, TimeoutExceededError, TransportError
from extractors.prompting import Task
from extractors.vision.tiling import Tile, compose, split
from extractors.worker.client import Reply, WorkerClient
from extractors.worker.confidence import Path, value_odds
from schemas.page import PageContent
from schemas.records import Failure, FailureCategory

TILES_AT_ONCE = 8  # questions of one page that are under way together
MOST_TRIES = 3  # times a part of a page is asked for
RETRY_TEMPERATURE = 0.3  # enough to leave a loop, too little to make things up
PAGE_SHARE = (
    0.4  # of the page's time that one answer may take, so that halves and the other reader have theirs
)

Kind = Literal["transport", "timeout", "length", "repetition", "invalid", "refused"]


@dataclass(frozen=True)
class Question:
    """A tile to be asked about, and how."""

    tile: Tile
    task: Task = "table"
    tries: int = 1
    temperature: float = 0.0
    longer: int = 1  # multiplies the answer's token limit


@dataclass(frozen=True)
class Problem:
    """Why a tile has no reading."""

    question: Question
    kind: Kind
    message: str
    raw: str | None = None


Answer = TypeVar("Answer")
Ask = Callable[[Question, bytes], "Answer | Problem"]  # the image as PNG


def ask_all(
    questions: Sequence[Question], content: PageContent, render: Render, ask: Ask[Answer]
) -> tuple[list[tuple[Tile, Answer]], list[Problem]]:
    """Ask about all tiles, and again about those that failed, until each has an answer or is given up."""
    answers: list[tuple[Tile, Answer]] = []
    given_up: list[Problem] = []
    left = list(questions)
    with ThreadPoolExecutor(TILES_AT_ONCE, thread_name_prefix="tile") as pool:
        while left:
            images = [png(compose(question.tile, render)) for question in left]  # one thread renders
            outcomes = list(pool.map(ask, left, images))
            asked, left = left, []
            for question, outcome in zip(asked, outcomes, strict=True):
                if not isinstance(outcome, Problem):
                    answers.append((question.tile, outcome))
                    continue
                following = again(outcome, content)
                left.extend(following)
                if not following:
                    given_up.append(outcome)
    return sorted(answers, key=lambda pair: pair[0].body.y0), given_up


def again(problem: Problem, content: PageContent) -> list[Question]:
    """Return what to ask after a failure: smaller tiles, a longer answer, or another draw; nothing when it is hopeless."""
    question = problem.question
    if question.tries >= MOST_TRIES or problem.kind in ("transport", "refused"):
        return []
    if problem.kind == "timeout" and question.tries > 1:
        return []
    following = replace(question, tries=question.tries + 1)
    if problem.kind in ("length", "repetition", "timeout"):
        halves = split(question.tile, content)
        if halves:
            return [replace(following, tile=half) for half in halves]
    if problem.kind == "timeout":
        return []
    if problem.kind == "length":
        return [replace(following, longer=2)] if question.longer == 1 else []
    return [replace(following, temperature=RETRY_TEMPERATURE)]


def ask_worker(
    client: WorkerClient,
    question: Question,
    messages: list[dict[str, Any]],
    schema: dict[str, Any],
    model: str | None,
    max_tokens: int,
) -> Reply | Problem:
    """Ask a worker; return its complete answer, or why there is none."""
    try:
        reply = client.ask(
            messages,
            schema,
            model=model,
            max_tokens=max_tokens * question.longer,
            temperature=question.temperature,
            seed=question.tries,
        )
    except TransportError as error:
        return Problem(question, "transport", str(error))
    except TimeoutExceededError as error:
        return Problem(question, "timeout", str(error))
    except EngineError as error:
        return Problem(question, "refused", str(error))
    if reply.finish == "length":
        return Problem(question, "length", "The model's answer was cut off at its limit.", reply.text)
    if reply.finish == "repetition":
        return Problem(question, "repetition", "The model repeated itself.", reply.text)
    return reply


def least_odds(reply: Reply) -> dict[Path, float]:
    """Return the probability of the least likely token of each value of an answer."""
    return {path: math.exp(value.lowest) for path, value in value_odds(reply.text, reply.tokens).items()}


def one_per_tile(problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems without those that say the same of another part of the same tile."""
    return list(
        {(problem.question.tile.index, problem.kind): problem for problem in reversed(problems)}.values()
    )[::-1]


def recorded(problem: Problem, page: int, stage: str, rest: str) -> Failure:
    """Return the row that records a tile that was given up; `rest` says what a person must know of it."""
    category: FailureCategory = "engine"
    if problem.kind == "transport" or problem.kind == "timeout":
        category = problem.kind
    question = problem.question
    return tile_failure(
        page,
        question.tile.index,
        category,
        f"{problem.message} {rest}".strip(),
        stage=stage,
        attempts=question.tries,
        raw=problem.raw,
    )


def tile_failure(
    page: int,
    tile: int | None,
    category: FailureCategory,
    message: str,
    *,
    stage: str = "vision",
    attempts: int = 1,
    raw: str | None = None,
    retryable: bool = False,
) -> Failure:
    """Return a failure row about a tile, or about a whole page."""
    return Failure(
        page=page,
        tile=tile,
        stage=stage,
        category=category,
        message=message,
        attempts=attempts,
        retryable=retryable or category in ("transport", "timeout"),
        raw_output=raw,
        at=datetime.now(UTC),
    )


def png(pixels: Pixels) -> bytes:
    """Return an image as PNG. Raises EngineError when it cannot be written."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise EngineError("A tile could not be written as PNG.")
    return bytes(data)
