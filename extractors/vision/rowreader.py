"""What stands in a page's tables, read row by row by a small reader? Its answers, each compared with the words printed there.

In: a page's content, a way to render it, and a worker that serves a reader of row strips. Out: an `EngineReading`. Words and lines say
where tables, rows and columns are; the reader says what is written in each row, from the pixels alone; and every cell is compared
with the words printed in it. A row without a usable answer keeps what the words say, with a note on its cells.

A reader of rows is asked with nothing but the image, and answers with a JSON array of the row's cells from left to right, as printed;
the first is the label, "" where the row has none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from extractors.engine import EngineReading, Pixels, Render
from extractors.geometry.engine import read_tables
from extractors.pages.rows import joined
from extractors.prompting import image_part
from extractors.vision.asking import (
    TILES_AT_ONCE,
    Problem,
    Question,
    ask_worker,
    least_odds,
    one_per_tile,
    recorded,
    tile_failure,
)
from extractors.vision.bands import RowBand, draw_bands, plan_bands
from extractors.vision.grounding import LEADER, fold, ground_cell
from extractors.vision.looks import RowReading, read_strip
from extractors.vision.tiling import Tile
from extractors.worker.client import Reply, WorkerClient
from schemas.amount import decide_decimal_point
from schemas.page import PageContent, ReadCell, TableFragment, Word

MOST_CELLS = 16  # of one strip
LONGEST_CELL = 120  # letters
TOKENS_PER_LETTER = 2.0  # of an answer; letters with accents take more than one
TOKENS_PER_CELL = 4
TOKENS_FIXED = 24
SKIP = 0.6  # cost of a cell, read or printed, that has no partner; two of them cost more than any misreading
JOIN = 0.1  # cost of taking two neighbouring cells together
NO_ANSWER = "read by geometry: the vision model gave no usable answer here"
REST = "Words and lines give this row; look over its cells."

Slot = tuple[int, tuple[Word, ...]]  # which cell of the table, and its words in this row


def row_schema() -> dict[str, Any]:
    """Return the JSON schema of an answer about one strip."""
    return {
        "type": "array",
        "items": {"type": "string", "maxLength": LONGEST_CELL},
        "minItems": 1,
        "maxItems": MOST_CELLS,
    }


def row_messages(image: bytes) -> list[dict[str, Any]]:
    """Return the chat messages that ask about a strip (PNG bytes): the image and nothing else."""
    return [{"role": "user", "content": [image_part(image)]}]


def read_by_rows(
    client: WorkerClient, model: str | None, content: PageContent, render: Render
) -> EngineReading:
    """Read the tables of a page with words. Never raises for a bad page: what failed is in `failures`."""
    if not content.words:
        why = "This page has no words by which rows could be found; run again with OCR on."
        return EngineReading((), 0, (tile_failure(content.page, None, "engine", why),))
    tables = read_tables(content)
    asked = ask_rows(client, model, tables, content, render)
    fragments = tuple(
        place(table, [(band, outcome) for band, outcome in asked if band.table == number], content)
        for number, table in enumerate(tables)
    )
    problems = [outcome for _, outcome in asked if isinstance(outcome, Problem)]
    failures = tuple(recorded(problem, content.page, "vision", REST) for problem in one_per_tile(problems))
    return EngineReading(fragments, len(asked), failures)


def ask_rows(
    client: WorkerClient,
    model: str | None,
    tables: Sequence[TableFragment],
    content: PageContent,
    render: Render,
) -> list[tuple[RowBand, RowReading | Problem]]:
    """Ask a worker about every row of the tables; return the strips and what was seen in each."""
    bands = plan_bands(content, [table.box for table in tables])
    if not bands:
        return []
    strips = draw_bands(bands, content, render)
    with ThreadPoolExecutor(TILES_AT_ONCE, thread_name_prefix="row") as pool:
        outcomes = pool.map(lambda band, strip: ask_row(client, model, band, strip), bands, strips)
        return list(zip(bands, outcomes, strict=True))


def ask_row(client: WorkerClient, model: str | None, band: RowBand, strip: Pixels) -> RowReading | Problem:
    """Ask a worker about one strip, again where it was not sure."""
    tile = Tile(
        band.index, band.table, band.box, None, round(band.scale * 72), 1, len(band.words), band.n_letters
    )
    length = round(TOKENS_FIXED + TOKENS_PER_LETTER * band.n_letters + TOKENS_PER_CELL * len(band.words))
    question = Question(tile)

    def ask(image: bytes) -> RowReading | Problem:
        reply = ask_worker(client, question, row_messages(image), row_schema(), model, length)
        if isinstance(reply, Problem):
            return reply
        seen = row_reading(reply)
        return seen or Problem(question, "invalid", "The model's answer is not a list of cells.", reply.text)

    return read_strip(ask, strip)


def row_reading(reply: Reply) -> RowReading | None:
    """Return the cells of an answer about a strip, with the odds of each; None when it is no list of cells."""
    try:
        cells = json.loads(reply.text)
    except ValueError:
        return None
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        return None
    odds = least_odds(reply)
    return RowReading(tuple(cells), tuple(odds.get((i,), 1.0) for i in range(len(cells))))


def place(
    table: TableFragment, outcomes: Sequence[tuple[RowBand, RowReading | Problem]], content: PageContent
) -> TableFragment:
    """Return a table with its cells as the reader saw them, each compared with the words printed in it."""
    words: dict[int, list[Word]] = {}
    read: dict[int, list[tuple[str, float]]] = {}
    unanswered: set[int] = set()
    for band, outcome in outcomes:
        slots = printed_cells(table, band)
        for number, printed in slots:
            words.setdefault(number, []).extend(printed)
        if isinstance(outcome, Problem):
            unanswered.update(number for number, _ in slots)
            continue
        for number, text, odds in match(slots, outcome):
            read.setdefault(number, []).append((text, odds))
    point = decide_decimal_point(word.text for word in content.words)
    cells = []
    for number, cell in enumerate(table.cells):
        if number in unanswered or number not in words:
            cells.append(cell.model_copy(update={"note": cell.note or NO_ANSWER}))
        else:
            cells.append(_compared(cell, read.get(number, []), words[number], content, point))
    return table.model_copy(update={"cells": tuple(cells), "engine": "vision"})


def printed_cells(table: TableFragment, band: RowBand) -> list[Slot]:
    """Return the cells that a strip shows, from left to right, each with its words in it."""
    found: dict[int, list[Word]] = {}
    for word in band.words:
        if LEADER.fullmatch(word.text):
            continue
        holding = [i for i, cell in enumerate(table.cells) if cell.box.grow(0.5).contains_center(word.box)]
        if holding:
            smallest = min(holding, key=lambda i: table.cells[i].box.width * table.cells[i].box.height)
            found.setdefault(smallest, []).append(word)
    return [(number, tuple(printed)) for number, printed in found.items()]


def match(slots: Sequence[Slot], reading: RowReading) -> list[tuple[int, str, float]]:
    """Give what was read to the printed cells of a row: (cell, text, odds), the best alignment of both from left to right.

    Two cells may have been read as one, or one as two. What was read beside any printed cell joins nothing.
    """
    printed = [fold(joined(words)) for _, words in slots]
    kept = [i for i, cell in enumerate(reading.cells) if cell.strip()]
    read, odds = [reading.cells[i] for i in kept], [reading.odds[i] for i in kept]
    n, m = len(read), len(slots)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[:, 0], cost[0, :] = SKIP * np.arange(n + 1), SKIP * np.arange(m + 1)
    step = np.zeros((n + 1, m + 1, 2), np.int64)
    step[1:, 0], step[0, 1:] = (1, 0), (0, 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            for a, b in ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2)):
                if a > i or b > j:
                    continue
                price = SKIP
                if a and b:
                    price = _unlike(" ".join(read[i - a : i]), "".join(printed[j - b : j])) + JOIN * (
                        a + b - 2
                    )
                if cost[i - a, j - b] + price < cost[i, j]:
                    cost[i, j], step[i, j] = cost[i - a, j - b] + price, (a, b)
    out: list[tuple[int, str, float]] = []
    i, j = n, m
    while i or j:
        a, b = (int(k) for k in step[i, j])
        if a and b == 1:
            out.append((slots[j - 1][0], " ".join(read[i - a : i]), min(odds[i - a : i])))
        elif a and b == 2:
            left, right = _halves(read[i - 1], printed[j - 2], printed[j - 1])
            out.append((slots[j - 1][0], right, odds[i - 1]))
            out.append((slots[j - 2][0], left, odds[i - 1]))
        i, j = i - a, j - b
    return [(number, text, odd) for number, text, odd in reversed(out) if text]


def _unlike(read: str, printed: str) -> float:
    return float(Levenshtein.normalized_distance(fold(read), printed))


def _halves(text: str, left: str, right: str) -> tuple[str, str]:
    """Cut a text that was read as one between two words, where both sides are most like what is printed."""
    tokens = text.split()
    ways = [(" ".join(tokens[:k]), " ".join(tokens[k:])) for k in range(len(tokens) + 1)]
    return min(ways, key=lambda way: _unlike(way[0], left) + _unlike(way[1], right))


def _compared(
    cell: ReadCell, read: Sequence[tuple[str, float]], words: Sequence[Word], content: PageContent, point: str
) -> ReadCell:
    text = " ".join(part for part, _ in read)
    if not text:
        note = f"the model read nothing here; the page says {joined(words)!r}"
        return cell.model_copy(update={"grounding": "mismatch", "note": note, "other_text": ""})
    odds = list(accumulate((odd for _, odd in read), min))[-1]
    seen = ground_cell(
        text,
        words,
        cell.box,
        content.text_source,
        content.page,
        (cell.row, cell.col),
        (cell.row_span, cell.col_span),
        odds,
        point,
    )
    certain = min((word.confidence for word in words), default=0.0)
    if seen.grounding == "mismatch" and content.text_source == "ocr" and certain > odds:
        printed = joined(words)
        note = f"OCR read {printed!r}; the model, which is less sure, read {text!r}"
        seen = seen.model_copy(
            update={"text": printed, "source": "ocr", "confidence": certain, "note": note, "other_text": text}
        )
    changed = {
        "text": seen.text,
        "source": seen.source,
        "grounding": seen.grounding,
        "confidence": seen.confidence,
        "note": seen.note,
        "other_text": seen.other_text,
    }
    return cell.model_copy(update=changed)
