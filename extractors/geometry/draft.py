"""A table as words in rows and columns, before it becomes cells of the output.

The readers of ruled and of open tables both give a `Draft`; what they share in telling header from body is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractors.pages.rows import has_digits, joined, printed_rows
from schemas.box import Box, union
from schemas.page import Word

YEAR = re.compile(
    r"(?:FY\s?|CY\s?|Q[1-4]\s?)?(?:19|20)\d\d(?:[/–-](?:19|20)?\d\d)?[A-Z*†‡]?(?:\(\w{1,2}\))?", re.I
)
DATE = re.compile(r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{2,4}")


@dataclass(slots=True)
class DraftCell:
    """Words that share a cell; rows and columns count from 0."""

    words: list[Word]
    row: int
    col: int
    row_span: int = 1
    col_span: int = 1

    @property
    def box(self) -> Box:
        """Around the words."""
        return union(word.box for word in self.words)

    @property
    def text(self) -> str:
        """The words in reading order, lines joined by a blank."""
        if len(self.words) == 1:
            return self.words[0].text
        return joined(word for row in printed_rows(self.words) for word in row.words)


@dataclass(slots=True)
class Draft:
    """Cells of one table with the left edges of its columns in points."""

    cells: list[DraftCell]
    n_rows: int
    n_cols: int
    n_header_rows: int
    lefts: list[float]


def settled(cells: Sequence[DraftCell]) -> list[DraftCell]:
    """Return the cells with spans cut back so that no place is covered twice; cells at one place become one."""
    owners: dict[tuple[int, int], DraftCell] = {}
    for cell in sorted(cells, key=lambda cell: (cell.row, cell.col)):
        owner = owners.setdefault((cell.row, cell.col), cell)
        if owner is not cell:
            owner.words.extend(cell.words)
    kept = list(owners.values())
    for cell in kept:
        cols = range(cell.col + 1, cell.col + cell.col_span)
        cell.col_span = (
            next((col for col in cols if (cell.row, col) in owners), cell.col + cell.col_span) - cell.col
        )
        owners.update({(cell.row, col): cell for col in range(cell.col, cell.col + cell.col_span)})
    for cell in kept:
        width = range(cell.col, cell.col + cell.col_span)
        rows = range(cell.row + 1, cell.row + cell.row_span)
        taken = (row for row in rows if any((row, col) in owners for col in width))
        cell.row_span = next(taken, cell.row + cell.row_span) - cell.row
        owners.update(
            {(row, col): cell for row in range(cell.row, cell.row + cell.row_span) for col in width}
        )
    return kept


def is_caption_of_column(text: str) -> bool:
    """Tell whether digits are a year or a date, as stand in column headers, and not a value."""
    tight = text.replace(" ", "").strip("()")
    return bool(YEAR.fullmatch(tight) or DATE.fullmatch(tight))


def holds_value(texts: Iterable[str]) -> bool:
    """Tell whether any of `texts` is a printed number that is neither a year nor a date."""
    return any(has_digits(text) and not is_caption_of_column(text) for text in texts)


def compact(cells: Sequence[DraftCell]) -> tuple[int, int]:
    """Renumber rows and columns in place so that none is without a cell that starts there; return their numbers."""
    rows = {row: number for number, row in enumerate(sorted({cell.row for cell in cells}))}
    cols = {col: number for number, col in enumerate(sorted({cell.col for cell in cells}))}
    for cell in cells:
        cell.row_span = sum(cell.row <= row < cell.row + cell.row_span for row in rows)
        cell.col_span = sum(cell.col <= col < cell.col + cell.col_span for col in cols)
        cell.row, cell.col = rows[cell.row], cols[cell.col]
    return len(rows), len(cols)
