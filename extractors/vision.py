"""The vision engine: read a page's tables by asking a vision-language model, and check every value against the page.

In: a page's content and a way to render it. Out: `TableFragment`s whose cells carry their words' boxes and a verdict. A tile that
fails is asked again as its failure deserves; what still fails, or does not fit what is printed, is read by the geometry engine,
and `failures` and the cells' notes say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import cv2
import numpy as np
from pydantic import ValidationError

from extractors.engine import EngineReading, Pixels, Render
from extractors.errors import EngineError, ParquetryError, TimeoutExceededError, TransportError, UsageError
from extractors.geometry import read_tables
from extractors.grounding import fold, ground_table
from extractors.merging import TileTable, merge_tiles
from extractors.prompting import Task, load_prompts, messages
from extractors.rows import Piece, has_digits, measure, pieces, printed_rows
from extractors.settings import Settings
from extractors.tiling import TOKEN_PIXELS, YEAR, Tile, compose, plan_blind, plan_tiles, split
from extractors.worker.client import Reply, WorkerClient
from extractors.worker.confidence import value_odds
from schemas.box import Box, union
from schemas.page import PageContent, TableFragment, Word
from schemas.reading import MOST_COLUMNS, MOST_ROWS, ReadTable, TileAnswer, Triage, tile_schema
from schemas.records import Failure, FailureCategory

TILES_AT_ONCE = 8  # questions of one page that are under way together
MOST_TRIES = 3  # times a part of a page is asked for
RETRY_TEMPERATURE = 0.3  # enough to leave a loop, too little to make things up
SPARE_ROWS, SPARE_COLUMNS = 2, 4  # more than the page seems to have, for lines that OCR or we did not see
TOKENS_PER_LETTER, TOKENS_PER_CELL, TOKENS_FIXED = (
    1.0,
    4,
    160,
)  # of a JSON answer; figures take a token per digit
BLIND_TOKENS = 4096  # answer length where nothing is known of the page
MIN_AGREEMENT = (
    0.5  # of the printed figures that the model must have read; below it its answer is not of this page
)
MIN_FIGURES = 3  # printed figures below which agreement says nothing
MIN_TITLE = 0.8  # of a title's words that must be printed on the page
TRIAGE_PIXELS = 512  # longer side of the small image by which a page without words is judged
TRIAGE_TOKENS = 32
BLIND_DPI = 100  # for finding rows without ink
FALLBACK = "The geometry engine read this part of the page; look over its cells."
REACH = (
    2.5  # line heights from a table within which a figure in its columns should have been read as part of it
)
ALIGNED = 2.0  # points between the edges of figures that stand in one column
EXAMPLES = 5  # unread figures that a failure names

Kind = Literal["transport", "timeout", "length", "repetition", "invalid", "refused"]


@dataclass(frozen=True)
class Question:
    """A tile to be asked about, and how."""

    tile: Tile
    tries: int = 1
    temperature: float = 0.0
    longer: int = 1  # multiplies the answer's token limit


@dataclass(frozen=True)
class TileReading:
    """What the model answered about a tile, valid and complete."""

    tile: Tile
    answer: TileAnswer
    confidence: dict[
        tuple[str | int, ...], float
    ]  # probability of the least likely token, by path in the answer


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
            found, failed = _read_band(
                [tile for tile in tiles if tile.band == band],
                [reading for reading in readings if reading.tile.band == band],
                [problem for problem in problems if problem.question.tile.band == band],
                content,
            )
            fragments.extend(found)
            failures.extend(failed)
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
        questions = [Question(tile) for tile in tiles]
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
                messages(_task(tile), png),
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


def _task(tile: Tile) -> Task:
    return "table"


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
        return [replace(following, longer=2 * question.longer)]
    return [replace(following, temperature=RETRY_TEMPERATURE)]


CATEGORIES: dict[Kind, FailureCategory] = {
    "transport": "transport",
    "timeout": "timeout",
    "length": "engine",
    "repetition": "engine",
    "invalid": "engine",
    "refused": "engine",
}


def _read_band(
    tiles: Sequence[Tile], readings: Sequence[TileReading], problems: Sequence[Problem], content: PageContent
) -> tuple[tuple[TableFragment, ...], list[Failure]]:
    """Turn the readings of a band's tiles into tables, or fall back to geometry where they are not to be used."""
    page = content.page
    failures = [
        _failure(
            page,
            p.question.tile.index,
            CATEGORIES[p.kind],
            f"{p.message} {FALLBACK}",
            p.question.tries,
            p.raw,
        )
        for p in problems
    ]
    if problems:
        return _by_geometry(tiles, content, "the vision model gave no usable answer here"), failures
    placed: list[tuple[Tile, list[TileTable]]] = []
    claimed: set[int] = set()
    for reading in readings:
        tables, taken = _place(reading, content)
        placed.append((reading.tile, tables))
        claimed |= taken
    figures = _figures(tiles, content)
    unread = {i for i in figures if i not in claimed}
    if len(figures) >= MIN_FIGURES and len(unread) > (1 - MIN_AGREEMENT) * len(figures):
        message = f"The model read {len(figures) - len(unread)} of the {len(figures)} figures printed here. {FALLBACK}"
        raw = "\n".join(reading.answer.model_dump_json() for reading in readings)
        failures.append(_failure(page, tiles[0].index, "engine", message, raw=raw))
        return _by_geometry(
            tiles, content, "the vision model's answer does not fit what is printed here"
        ), failures
    fragments = merge_tiles(placed, page)
    missing = [
        content.words[i] for i in sorted(unread) if any(_belongs(content.words[i], f) for f in fragments)
    ]
    if missing:
        some = ", ".join(word.text for word in missing[:EXAMPLES])
        message = f"The model left out {len(missing)} of the {len(figures)} figures printed here ({some}); compare with the page."
        failures.append(_failure(page, tiles[0].index, "engine", message))
    return fragments, failures


def _belongs(word: Word, table: TableFragment) -> bool:
    """Tell whether a printed figure stands in one of a table's columns, inside the table or just above or below it."""
    if not table.box.grow(0.0, REACH * word.box.height).contains_center(word.box):
        return False
    edges = [c.value_box for c in table.cells if c.value_box and c.col_span == 1]
    return any(abs(e.x1 - word.box.x1) < ALIGNED or abs(e.x0 - word.box.x0) < ALIGNED for e in edges)


def _place(reading: TileReading, content: PageContent) -> tuple[list[TileTable], set[int]]:
    """Place the tables of a tile on the page; return them and the indices of the page's words that they read."""
    tile = reading.tile
    free = [i for i, word in enumerate(content.words) if any(p.contains_center(word.box) for p in tile.parts)]
    area = tile.body
    taken: set[int] = set()
    tables = []
    for t, table in enumerate(reading.answer.tables):
        if not any(text.strip() for row in table.rows for text in row):
            continue
        odds = [
            [reading.confidence.get(("tables", t, "rows", r, c), 1.0) for c in range(len(row))]
            for r, row in enumerate(table.rows)
        ]
        placed = ground_table(
            table.rows, [content.words[i] for i in free], content.text_source, content.page, area, odds
        )
        taken |= {free[k] for k in placed.claimed}
        free = [i for i in free if i not in taken]
        tables.append(
            TileTable(tile, placed, _printed_title(table, content), min(table.head, len(table.rows)))
        )
    return tables, taken


def _printed_title(table: ReadTable, content: PageContent) -> str | None:
    """Return a title only when the page bears it out, or has no words to do so."""
    title = " ".join((table.title or "").split())
    if not title or not content.words:
        return title or None
    printed = {fold(word.text) for word in content.words}
    words = title.split()
    return title if sum(fold(word) in printed for word in words) >= MIN_TITLE * len(words) else None


def _figures(tiles: Sequence[Tile], content: PageContent) -> list[int]:
    """Return the indices of the words that print figures in the columns of a band: what a reading must contain."""
    band = union(tile.body for tile in tiles)
    number = {id(word): i for i, word in enumerate(content.words)}
    rows = printed_rows(
        word for word in content.words if word.text.strip() and band.contains_center(word.box)
    )
    blank = measure(content.words).blank
    return [number[id(word)] for row in rows for word in _figures_of(pieces(row.words, blank))]


def _figures_of(row: Sequence[Piece]) -> Iterable[Word]:
    for piece in row[1:]:
        if piece.numeric and not YEAR.fullmatch(piece.text):
            yield from (word for word in piece.words if has_digits(word.text))


def _by_geometry(tiles: Sequence[Tile], content: PageContent, why: str) -> tuple[TableFragment, ...]:
    """Read a band by words and lines alone, and say so on every cell."""
    band: Box = union(tile.body for tile in tiles)
    part = replace(
        content,
        words=tuple(word for word in content.words if band.contains_center(word.box)),
        rules=tuple(r for r in content.rules if band.y0 <= (r.y0 + r.y1) / 2 <= band.y1),
    )
    note = f"read by geometry: {why}"
    return tuple(
        fragment.model_copy(
            update={
                "cells": tuple(cell.model_copy(update={"note": cell.note or note}) for cell in fragment.cells)
            }
        )
        for fragment in read_tables(part)
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
