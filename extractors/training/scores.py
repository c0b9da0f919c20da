"""How well does a reader read? Answers beside the truth, cell by cell, as figures that a person can compare.

In: pairs of true and read cells, row by row. Out: `Scores`: shares of number cells, label cells and whole rows that are exactly right.
A cell counts only in its own place: what is left out or put in shifts the cells after it, and they count as wrong.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Tally:
    """So many of so many."""

    right: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        """Right ones among all; 0 where there are none."""
        return self.right / self.of if self.of else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.of + other.of)


@dataclass(frozen=True, slots=True)
class Scores:
    """What was read exactly right. `numbers` are cells with a figure right of the label, `labels` the first cells."""

    numbers: Tally = Tally()
    labels: Tally = Tally()
    rows: Tally = Tally()
    unanswered: int = 0  # images without a usable answer; their cells count as wrong
    images: int = 0
    seconds: float = 0.0  # from the first question to the last answer

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.numbers + other.numbers,
            self.labels + other.labels,
            self.rows + other.rows,
            self.unanswered + other.unanswered,
            self.images + other.images,
            self.seconds + other.seconds,
        )

    @property
    def per_second(self) -> float:
        """Images read in a second."""
        return self.images / self.seconds if self.seconds else 0.0


def score_rows(true: Sequence[Row], read: Sequence[Row] | None) -> Scores:
    """Score the rows of one image; `read` is None where there was no usable answer."""
    numbers = labels = rows = Tally()
    for i, row in enumerate(true):
        seen: Row = read[i] if read is not None and i < len(read) else ()
        rows += Tally(int(tuple(seen) == tuple(row)), 1)
        for c, text in enumerate(row):
            right = int(c < len(seen) and seen[c] == text)
            if c == 0 and text:
                labels += Tally(right, 1)
            elif c and any(letter.isdigit() for letter in text):
                numbers += Tally(right, 1)
    return Scores(numbers, labels, rows, int(read is None), 1)


def rows_of(answer: str, task: str) -> list[Row] | None:
    """Return the rows of an answer about one image; None when it is not what `task` asks for."""
    try:
        told = json.loads(answer)
    except ValueError:
        return None
    if task == "row":
        return [told] if _is_row(told) else None
    tables = told.get("tables") if isinstance(told, dict) else None
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        return None
    rows = [row for table in tables for row in table.get("rows", [])]
    return rows if all(_is_row(row) for row in rows) else None


def _is_row(told: object) -> bool:
    return isinstance(told, list) and all(isinstance(cell, str) for cell in told)
