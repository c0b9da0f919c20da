"""Read the pages of a document for a schema of the user's own: ask the worker, check every value against the page.

In: a page's content and a way to render it. Out: `OwnRow`s with a verdict per value, and failures. A page is one image where its text
stays readable, else strips cut in white space; what the strips of a page gave is joined as `joined_rows` says. No other engine can
read such a schema, so a part that fails for good leaves a failure and no rows.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from extractors.engine import Render
from extractors.errors import ParquetryError, UsageError
from extractors.own.grounding import ground_answer
from extractors.own.schema import OwnSchema, first_fault, load_own
from extractors.own.words import PrintedPage
from extractors.prompting import own_messages
from extractors.settings import Settings
from extractors.vision.asking import (
    PAGE_SHARE,
    Problem,
    Question,
    ask_all,
    ask_worker,
    least_odds,
    one_per_tile,
    recorded,
    tile_failure,
)
from extractors.vision.tiling import Tile, plan_page
from extractors.worker.client import WorkerClient
from extractors.worker.confidence import Path
from schemas.page import PageContent
from schemas.records import Failure, FoundValue, OwnRow

TOKENS_FIXED = 400  # keys and brackets of one answer
TOKENS_PER_LETTER = (
    1.5  # of what is printed: a figure takes a token per digit, and a value may be asked for twice
)
TOKENS_PER_ROW = 40  # keys and brackets of one list entry
MOST_TOKENS = 8192  # of one answer
BLIND_TOKENS = 4096  # of an answer about a page without words
NOTHING_ELSE = "Nothing else can read your schema: run again, or read this page yourself."
GROUNDED = ("exact", "normalised")
BORNE_OUT = {"exact": 3, "normalised": 2, "unavailable": 1, "mismatch": 0}  # which of two values is kept


@dataclass(frozen=True)
class _Answered:
    """The answers about one tile: JSON, with the odds of their values."""

    parts: tuple[str, ...]
    odds: dict[Path, float]


class OwnReader:
    """Asks one or more workers for a schema. Raises UsageError and TransportError as the vision engine does."""

    def __init__(self, own: OwnSchema, settings: Settings) -> None:
        token = settings.worker_token.get_secret_value() if settings.worker_token else None
        self.own = own
        self._client = WorkerClient(settings.worker_urls, token, seconds=PAGE_SHARE * settings.page_timeout)
        self._model = settings.model
        self._schema = own.schema

    def served(self) -> str:
        """Return the name of the model that is asked. Raises TransportError when no worker answers."""
        return self._model or next(iter(self._client.models()), "")

    def version(self) -> str:
        """Return what decides the answers: the model class, the examples, the prompt, and the worker's model.

        Raises TransportError when no worker answers.
        """
        return hashlib.sha256(f"{self.own.version} {self.served()}".encode()).hexdigest()[:16]

    def close(self) -> None:
        """Close the connections to the workers."""
        self._client.close()

    def read_page(
        self, content: PageContent, render: Render
    ) -> tuple[tuple[OwnRow, ...], tuple[Failure, ...]]:
        """Return a page's rows and what went wrong. Never raises for a bad page."""
        if not content.words and not content.images:
            return (), ()
        try:
            tiles = plan_page(content)
            answers, problems = ask_all([Question(tile, "own") for tile in tiles], content, render, self._ask)
        except ParquetryError as error:
            retryable = error.retryable
            told = tile_failure(
                content.page, None, error.category, str(error), stage="schema", retryable=retryable
            )
            return (), (told,)
        printed = PrintedPage(content)
        rows = [row for _, answered in answers for row in self._rows(answered, printed, content.page)]
        failures = tuple(
            recorded(problem, content.page, "schema", NOTHING_ELSE) for problem in one_per_tile(problems)
        )
        if self.own.row_is != "occurrence":
            rows = joined_rows(rows)
        return tuple(row.model_copy(update={"item": i}) for i, row in enumerate(rows)), failures

    def _ask(self, question: Question, image: bytes) -> _Answered | Problem:
        asked = own_messages(image, self._schema, self.own.examples)
        reply = ask_worker(
            self._client, question, asked, self._schema, self._model, _answer_length(question.tile)
        )
        if isinstance(reply, Problem):
            return reply
        try:
            return _Answered(self.own.check(reply.text), least_odds(reply))
        except (ValueError, KeyError, TypeError) as error:
            fault = first_fault(error) if isinstance(error, ValueError) else "it has no items"
            why = f"The model's answer does not fit {self.own.name} ({fault})."
            return Problem(question, "invalid", why, reply.text)

    def _rows(self, answered: _Answered, printed: PrintedPage, page: int) -> Iterable[OwnRow]:
        for number, part in enumerate(answered.parts):
            odds = {path[2:]: p for path, p in answered.odds.items() if path[:2] == ("items", number)}
            values = ground_answer(part, self.own.model, printed, page, odds)
            yield OwnRow(page=page, page_last=page, item=number, answer=part, values=values)


def open_own(settings: Settings) -> OwnReader | None:
    """Return the reader of the schema that the settings name, if they name one. Raises UsageError."""
    if not settings.own_schema:
        return None
    own = load_own(settings.own_schema, settings.examples, settings.own_rows)
    if not settings.worker_urls:
        raise UsageError(
            "A schema of your own is read by a vision worker. Start one with `parquetry worker` and give its address by --worker-url."
        )
    return OwnReader(own, settings)


def _answer_length(tile: Tile) -> int:
    if not tile.n_rows:
        return BLIND_TOKENS
    return min(
        MOST_TOKENS,
        math.ceil(TOKENS_FIXED + TOKENS_PER_LETTER * tile.n_letters + TOKENS_PER_ROW * tile.n_rows),
    )


def document_rows(rows: Sequence[OwnRow], own: OwnSchema) -> tuple[OwnRow, ...]:
    """Return a document's rows from those of its pages: joined into one where a row is the whole document."""
    return tuple(joined_rows(rows)) if own.row_is == "document" else tuple(rows)


def joined_rows(rows: Sequence[OwnRow]) -> list[OwnRow]:
    """Join answers about parts of one thing, top to bottom: none or one row.

    Lists follow each other. Of a single value the first that the page bears out is kept; where the page bears out two different
    ones, the first is kept and marked for review. Null gives way to any value.
    """
    if not rows:
        return []
    grown = rows[0]
    for row in rows[1:]:
        grown = _join(grown, row)
    return [grown]


def _join(above: OwnRow, below: OwnRow) -> OwnRow:
    upper, lower = json.loads(above.answer), json.loads(below.answer)
    verdicts = {v.path: v for v in above.values}, {v.path: v for v in below.values}
    kept: dict[str, FoundValue] = {}
    whole = _joined(upper, lower, "", verdicts, kept)
    values = tuple(kept.values())
    last = max(above.page_last, below.page_last)
    return OwnRow(
        page=above.page, page_last=last, item=0, answer=json.dumps(whole, ensure_ascii=False), values=values
    )


Verdicts = tuple[dict[str, FoundValue], dict[str, FoundValue]]


def _joined(upper: Any, lower: Any, name: str, verdicts: Verdicts, kept: dict[str, FoundValue]) -> Any:
    if isinstance(upper, dict) and isinstance(lower, dict):
        keys = [*upper, *(key for key in lower if key not in upper)]
        return {
            key: _joined(upper.get(key), lower.get(key), _below(name, key, verdicts), verdicts, kept)
            for key in keys
        }
    if isinstance(upper, list) and isinstance(lower, list):
        _keep(verdicts[0], name, kept)
        _keep(verdicts[1], name, kept, shift=len(upper))
        return [*upper, *lower]
    if upper is None or lower is None:
        _keep(verdicts[0] if lower is None else verdicts[1], name, kept)
        return upper if lower is None else lower
    first, second = verdicts[0].get(name), verdicts[1].get(name)
    if first is None or second is None:
        _keep(verdicts[0], name, kept)
        _keep(verdicts[1], name, kept)
        return upper
    better = BORNE_OUT[second.grounding] > BORNE_OUT[first.grounding]
    chosen, other = (second, first) if better else (first, second)
    contested = other.grounding in (*GROUNDED, "unavailable") and upper != lower
    if contested and chosen.grounding not in GROUNDED or contested and other.grounding in GROUNDED:
        note = f"page {other.page} says {other.read!r}"
        chosen = chosen.model_copy(update={"needs_review": True, "note": note})
    kept[name] = chosen
    return lower if better else upper


def _below(name: str, key: str, verdicts: Verdicts) -> str:
    """Return the path of a key: a field's after a dot, a dict's in brackets, whichever the values have."""
    field = f"{name}.{key}" if name else key
    entry = f"{name}[{key}]"
    paths = [*verdicts[0], *verdicts[1]]
    return (
        entry
        if name and any(path == entry or path.startswith((f"{entry}.", f"{entry}[")) for path in paths)
        else field
    )


def _keep(values: dict[str, FoundValue], name: str, kept: dict[str, FoundValue], shift: int = 0) -> None:
    """Take over the verdicts at or below a path; `shift` renumbers the entries of a list that follows another."""
    for path, value in values.items():
        if path != name and not path.startswith((f"{name}.", f"{name}[")):
            continue
        if shift:
            moved = re.match(rf"{re.escape(name)}\[(\d+)\]", path)
            if moved:
                path = f"{name}[{int(moved[1]) + shift}]{path[moved.end() :]}"
        kept[path] = value.model_copy(update={"path": path})
