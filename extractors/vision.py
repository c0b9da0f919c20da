"""The vision engine: read a page's tables by asking a vision-language model, and check every value against the page.

In: a page's content and a way to render it. Out: `TableFragment`s whose cells carry their words' boxes and a verdict. A tile that
fails is asked again as its failure deserves; what still fails, or does not fit what is printed, is read by the geometry engine,
and `failures` and the cells' notes say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import cv2
import numpy as np
from pydantic import ValidationError

from extractors.answers import FALLBACK, TileReading, read_band, read_by_geometry
from extractors.engine import EngineReading, Pixels, Render
from extractors.errors import EngineError, ParquetryError, TimeoutExceededError, TransportError, UsageError
from extractors.kinds import title_kind
from extractors.prompting import Task, load_prompts, messages
from extractors.rows import printed_rows
from extractors.settings import Settings
from extractors.tiling import TOKEN_PIXELS, Tile, compose, plan_blind, plan_tiles, split
from extractors.worker.client import Reply, WorkerClient
from extractors.worker.confidence import value_odds
from schemas.page import PageContent, TableFragment
from schemas.reading import MOST_COLUMNS, MOST_ROWS, TileAnswer, Triage, tile_schema
from schemas.records import Failure, FailureCategory

TILES_AT_ONCE = 8  # questions of one page that are under way together
MOST_TRIES = 3  # times a part of a page is asked for
RETRY_TEMPERATURE = 0.3  # enough to leave a loop, too little to make things up
SPARE_ROWS, SPARE_COLUMNS = 2, 4  # more than the page seems to have, for lines that OCR or we did not see
TOKENS_PER_LETTER = 1.0  # of a JSON answer; figures take a token per digit
TOKENS_PER_CELL = 4
TOKENS_FIXED = 160  # title, keys and brackets
BLIND_TOKENS = 4096  # answer length where nothing is known of the page
TRIAGE_PIXELS = 512  # longer side of the small image by which a page without words is judged
TRIAGE_TOKENS = 32
BLIND_DPI = 100  # for finding rows without ink

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


class VisionEngine:
    """Reads pages through one or more workers. Raises TransportError when none answers, UsageError when none is named."""

    name = "vision"

    def __init__(self, settings: Settings) -> None:
        token = settings.worker_token.get_secret_value() if settings.worker_token else None
        self._client = WorkerClient(settings.worker_urls, token, seconds=settings.page_timeout)
        served = self._client.models()
        if settings.model and settings.model not in served:
            raise UsageError(
                f"The worker does not serve {settings.model!r} but {', '.join(served)}; pass one of them as --model."
            )
        self.model: str | None = settings.model or (served[0] if served else None)
        self.prompts: str | None = load_prompts().version

    def close(self) -> None:
        """Close the connections to the workers."""
        self._client.close()

    def read_page(self, content: PageContent, render: Render) -> EngineReading:
        """Read the tables of one upright page. Never raises for a bad page: what failed is in `failures`."""
        try:
            tiles = plan_tiles(content) if content.words else self._plan_blind(content, render)
        except ParquetryError as error:
            return EngineReading(
                (), 0, (_failure(content.page, None, error.category, str(error), retryable=error.retryable),)
            )
        if not tiles:
            return EngineReading(())
        readings, problems = self._read_tiles(tiles, content, render)
        fragments: list[TableFragment] = []
        failures: list[Failure] = []
        for band in sorted({tile.band for tile in tiles}):
            own = [tile for tile in tiles if tile.band == band]
            failed = [problem for problem in problems if problem.question.tile.band == band]
            if failed:
                fragments.extend(
                    read_by_geometry(own, content, "the vision model gave no usable answer here")
                )
                failures.extend(_recorded(problem, content.page) for problem in failed)
                continue
            reading = read_band(own, [r for r in readings if r.tile.band == band], content)
            fragments.extend(reading.fragments)
            if reading.complaint:
                failures.append(
                    _failure(content.page, own[0].index, "engine", reading.complaint, raw=reading.raw)
                )
        return EngineReading(tuple(fragments), len(tiles), tuple(failures))

    def _plan_blind(self, content: PageContent, render: Render) -> tuple[Tile, ...]:
        """Plan a page without words: a small image of it tells the model's eye whether it has tables at all."""
        if not content.images:
            return ()
        dpi = max(10, int(TRIAGE_PIXELS * 72 / max(content.width, content.height)))
        small = render(dpi, None)
        high, wide = (side + -side % TOKEN_PIXELS for side in small.shape[:2])
        canvas = np.full((high, wide, 3), 255, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        reply = self._client.ask(
            messages("triage", _png(canvas)),
            Triage.model_json_schema(),
            model=self.model,
            max_tokens=TRIAGE_TOKENS,
        )
        if Triage.model_validate_json(reply.text).tables == 0:
            return ()
        return plan_blind(content, render(BLIND_DPI, None), BLIND_DPI)

    def _read_tiles(
        self, tiles: Sequence[Tile], content: PageContent, render: Render
    ) -> tuple[list[TileReading], list[Problem]]:
        """Ask about all tiles, and again about those that failed, until each has a reading or is given up."""
        readings: list[TileReading] = []
        given_up: list[Problem] = []
        task = _task(content)
        questions = [Question(tile, task) for tile in tiles]
        with ThreadPoolExecutor(TILES_AT_ONCE, thread_name_prefix="tile") as pool:
            while questions:
                images = [
                    _png(compose(question.tile, render)) for question in questions
                ]  # one thread renders
                outcomes = list(pool.map(self._ask, questions, images))
                questions = []
                for outcome in outcomes:
                    if isinstance(outcome, TileReading):
                        readings.append(outcome)
                        continue
                    again = _again(outcome, content)
                    questions.extend(again)
                    if not again:
                        given_up.append(outcome)
        return sorted(readings, key=lambda reading: reading.tile.body.y0), given_up

    def _ask(self, question: Question, png: bytes) -> TileReading | Problem:
        tile = question.tile
        schema = tile_schema(
            tile.n_rows + SPARE_ROWS if tile.n_rows else MOST_ROWS,
            tile.n_columns + SPARE_COLUMNS if tile.n_columns else MOST_COLUMNS,
        )
        try:
            reply = self._client.ask(
                messages(question.task, png),
                schema,
                model=self.model,
                max_tokens=_answer_length(tile) * question.longer,
                temperature=question.temperature,
                seed=question.tries,
            )
        except TransportError as error:
            return Problem(question, "transport", str(error))
        except TimeoutExceededError as error:
            return Problem(question, "timeout", str(error))
        except EngineError as error:
            return Problem(question, "refused", str(error))
        return _read_reply(question, reply)


def worker_answers(settings: Settings) -> bool:
    """Tell whether one of the workers that `settings` name answers now."""
    if not settings.worker_urls:
        return False
    token = settings.worker_token.get_secret_value() if settings.worker_token else None
    client = WorkerClient(settings.worker_urls, token)
    try:
        return client.answers()
    finally:
        client.close()


def _task(content: PageContent) -> Task:
    """Choose the prompt by the page's own headings: one that is the title of a financial statement asks for it."""
    headings = (" ".join(word.text for word in row.words) for row in printed_rows(content.words))
    return "statement" if any(title_kind(text) for text in headings) else "table"


def _answer_length(tile: Tile) -> int:
    """Return how many tokens the answer about a tile may take."""
    if not tile.n_rows:
        return BLIND_TOKENS
    cells = (tile.n_rows + SPARE_ROWS) * (tile.n_columns + 1)
    return math.ceil(TOKENS_FIXED + TOKENS_PER_LETTER * tile.n_letters + TOKENS_PER_CELL * cells)


def _read_reply(question: Question, reply: Reply) -> TileReading | Problem:
    if reply.finish == "length":
        return Problem(question, "length", "The model's answer was cut off at its limit.", reply.text)
    if reply.finish == "repetition":
        return Problem(question, "repetition", "The model repeated itself.", reply.text)
    try:
        answer = TileAnswer.model_validate_json(reply.text)
    except ValidationError as error:
        return Problem(
            question,
            "invalid",
            f"The model's answer is not what was asked for: {error.errors()[0]['msg']}.",
            reply.text,
        )
    odds = {path: math.exp(value.lowest) for path, value in value_odds(reply.text, reply.tokens).items()}
    return TileReading(question.tile, answer, odds)


def _again(problem: Problem, content: PageContent) -> list[Question]:
    """Return what to ask after a failure: smaller tiles, a longer answer, or another draw; nothing when it is hopeless."""
    question = problem.question
    if question.tries >= MOST_TRIES or problem.kind in ("transport", "timeout", "refused"):
        return []
    following = replace(question, tries=question.tries + 1)
    if problem.kind in ("length", "repetition"):
        halves = split(question.tile, content)
        if halves:
            return [replace(following, tile=half) for half in halves]
    if problem.kind == "length":
        return [replace(following, longer=2)] if question.longer == 1 else []
    return [replace(following, temperature=RETRY_TEMPERATURE)]


def _recorded(problem: Problem, page: int) -> Failure:
    """Return the row that records a tile that was given up."""
    category: FailureCategory = "engine"
    if problem.kind == "transport" or problem.kind == "timeout":
        category = problem.kind
    question = problem.question
    return _failure(
        page, question.tile.index, category, f"{problem.message} {FALLBACK}", question.tries, problem.raw
    )


def _failure(
    page: int,
    tile: int | None,
    category: FailureCategory,
    message: str,
    attempts: int = 1,
    raw: str | None = None,
    retryable: bool = False,
) -> Failure:
    return Failure(
        page=page,
        tile=tile,
        stage="vision",
        category=category,
        message=message,
        attempts=attempts,
        retryable=retryable or category in ("transport", "timeout"),
        raw_output=raw,
        at=datetime.now(UTC),
    )


def _png(pixels: Pixels) -> bytes:
    ok, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise EngineError("A tile could not be written as PNG.")
    return bytes(data)
