"""The vision engine: read a page's tables by asking a vision-language model, and check every value against the page.

In: a page's content and a way to render it. Out: `TableFragment`s whose cells carry their words' boxes and a verdict. A tile that
fails is asked again as its failure deserves (`extractors.vision.asking`); the part of the page that still has no answer, or one that does not
fit what is printed, is read by the geometry engine, and `failures` and the cells' notes say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from extractors.engine import EngineReading, Pixels, Render
from extractors.errors import ParquetryError, UsageError
from extractors.pages.rows import printed_rows
from extractors.prompting import Task, load_prompts, messages
from extractors.settings import Settings
from extractors.statements.kinds import title_kind
from extractors.vision.answers import FALLBACK, TileReading, read_band
from extractors.vision.asking import (
    PAGE_SHARE,
    Problem,
    Question,
    ask_all,
    ask_worker,
    least_odds,
    one_per_tile,
    png,
    recorded,
    tile_failure,
)
from extractors.vision.figures import choose_figure
from extractors.vision.rowreader import read_by_rows
from extractors.vision.tiling import TOKEN_PIXELS, Tile, plan_blind, plan_tiles
from extractors.worker.client import WorkerClient
from extractors.worker.models import reads_rows
from schemas.page import PageContent, TableFragment
from schemas.reading import MOST_COLUMNS, MOST_ROWS, TileAnswer, Triage, tile_schema
from schemas.records import Failure

SPARE_ROWS, SPARE_COLUMNS = 2, 4  # more than the page seems to have, for lines that OCR or we did not see
TOKENS_PER_LETTER = 1.0  # of a JSON answer; figures take a token per digit
TOKENS_PER_CELL = 4
TOKENS_FIXED = 160  # title, keys and brackets
BLIND_TOKENS = 4096  # answer length where nothing is known of the page
TRIAGE_PIXELS = 512  # longer side of the small image by which a page without words is judged
TRIAGE_TOKENS = 32
BLIND_DPI = 100  # for finding rows without ink


class VisionEngine:
    """Reads pages through one or more workers. Raises TransportError when none answers, UsageError when none is named."""

    name = "vision"

    def __init__(self, settings: Settings) -> None:
        token = settings.worker_token.get_secret_value() if settings.worker_token else None
        self._client = WorkerClient(settings.worker_urls, token, seconds=PAGE_SHARE * settings.page_timeout)
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
        if self.model and reads_rows(self.model):
            return read_by_rows(self._client, self.model, content, render)
        try:
            tiles = plan_tiles(content) if content.words else self._plan_blind(content, render)
        except ParquetryError as error:
            return EngineReading(
                (),
                0,
                (tile_failure(content.page, None, error.category, str(error), retryable=error.retryable),),
            )
        if not tiles:
            return EngineReading(())
        readings, problems = self._read_tiles(tiles, content, render)
        fragments: list[TableFragment] = []
        failures: list[Failure] = []
        for band in sorted({tile.band for tile in tiles}):
            own = [tile for tile in tiles if tile.band == band]
            failed = [problem for problem in problems if problem.question.tile.band == band]
            lost = [problem.question.tile for problem in failed]
            reading = read_band(own, [r for r in readings if r.tile.band == band], content, lost)
            fragments.extend(reading.fragments)
            failures.extend(
                recorded(problem, content.page, "vision", FALLBACK) for problem in one_per_tile(failed)
            )
            failures.extend(
                tile_failure(content.page, complaint.tile, "engine", complaint.message, raw=complaint.raw)
                for complaint in reading.complaints
            )
        return EngineReading(tuple(fragments), len(tiles), tuple(failures))

    def choose(self, figure: Pixels, candidates: Sequence[str]) -> str | None:
        """Return which of the candidates the model sees in the picture of a figure; a reader of rows is not asked."""
        if self.model and reads_rows(self.model):
            return None
        return choose_figure(self._client, self.model, figure, candidates)

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
            messages("triage", png(canvas)),
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
        task = _task(content)
        answers, problems = ask_all([Question(tile, task) for tile in tiles], content, render, self._ask)
        return [reading for _, reading in answers], problems

    def _ask(self, question: Question, image: bytes) -> TileReading | Problem:
        tile = question.tile
        schema = tile_schema(
            tile.n_rows + SPARE_ROWS if tile.n_rows else MOST_ROWS,
            tile.n_columns + SPARE_COLUMNS if tile.n_columns else MOST_COLUMNS,
        )
        asked = messages(question.task, image)
        reply = ask_worker(self._client, question, asked, schema, self.model, _answer_length(tile))
        if isinstance(reply, Problem):
            return reply
        try:
            answer = TileAnswer.model_validate_json(reply.text)
        except ValidationError as error:
            why = f"The model's answer is not what was asked for: {error.errors()[0]['msg']}."
            return Problem(question, "invalid", why, reply.text)
        return TileReading(tile, answer, least_odds(reply))


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
