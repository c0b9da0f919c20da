"""The columns of a table, and in which of them each piece of a row stands.

In: the rows of one table. Out: `Span`s (left and right edge in points) from left to right, and per row its `Placed`
pieces with the first and last column they cover.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.geometry.draft import is_caption_of_column
from extractors.pages.rows import CURRENCY, Measure, Piece, PrintedRow, pieces
from extractors.statements.periods import MONTH_OF, fold
from schemas.box import Box, union
from schemas.page import Word

STRAY = 0.04  # of the rows; ink of so few rows does not close the white space between two columns
MANY_ROWS = 6  # of which a single one may still close a gutter by chance
NARROW_GUTTER = 0.4  # blanks; white space thinner than this between two columns is chance
WIDER = 1.25  # blanks; the least gap between words of different columns
SIGN = re.compile(rf"{CURRENCY.pattern}|S")  # a recogniser may take a dollar sign for a letter
SHARE = 0.25  # of the narrower of piece and column; less common width is a touch, not a place


@dataclass(frozen=True, slots=True)
class Span:
    """A column: its left and right edge in points."""

    x0: float
    x1: float

    @property
    def middle(self) -> float:
        """Middle of the column in points."""
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece with the columns it covers, first and last."""

    piece: Piece
    first: int
    last: int

    @property
    def box(self) -> Box:
        """The box of the piece."""
        return self.piece.box


def find_columns(rows: Sequence[PrintedRow], scale: Measure) -> list[Span]:
    """Return the columns that the white space common to nearly all rows leaves between its gutters."""
    cut = [pieces(row.words, scale.blank) for row in rows]
    body = [row for row in cut if len(row) > 1 and any(_value(piece) for piece in row[1:])]
    if len(body) < 2:
        body = [row for row in cut if len(row) > 1] or cut
    stray = max(int(STRAY * len(body)), len(body) >= MANY_ROWS)
    gutter = NARROW_GUTTER * scale.blank_points
    spans = [(piece.box.x0, piece.box.x1) for row in body for piece in row]
    inked = _inked(spans, stray, gutter)
    bare = [(_left(piece), piece.box.x1) for row in body for piece in row if not SIGN.fullmatch(piece.text)]
    parted = _inked(bare, stray, gutter)
    if len(parted) > len(inked):
        spans, inked = bare, parted
    alone = [span for span in spans if not any(x0 < span[1] and span[0] < x1 for x0, x1 in inked)]
    return [Span(x0, x1) for x0, x1 in sorted(inked + _inked(alone, 0, gutter))]


def _left(piece: Piece) -> float:
    """Return where a piece's figure begins: a currency sign before it may stand right behind the column to the left."""
    first, *rest = piece.words
    return rest[0].box.x0 if rest and piece.numeric and CURRENCY.fullmatch(first.text) else piece.box.x0


def _value(piece: Piece) -> bool:
    return piece.numeric and not is_caption_of_column(piece.text)


def _inked(spans: Sequence[tuple[float, float]], stray: int, gutter: float) -> list[tuple[float, float]]:
    """The stretches covered by more than `stray` spans; stretches less than `gutter` apart are one."""
    ends = sorted(
        [(x0, 1) for x0, _ in spans] + [(x1, -1) for _, x1 in spans], key=lambda end: (end[0], -end[1])
    )
    result: list[tuple[float, float]] = []
    depth, start = 0, 0.0
    for x, step in ends:
        if step == 1 and depth == stray:
            start = x
        depth += step
        if step == -1 and depth == stray:
            if result and start - result[-1][1] < gutter:
                result[-1] = (result[-1][0], x)
            else:
                result.append((start, x))
    return result


def place(row: PrintedRow, columns: Sequence[Span], scale: Measure) -> list[Placed]:
    """Return the row's pieces with their columns. Pieces of one column are put together, so no column holds two."""
    placed: list[Placed] = []
    for piece in pieces(row.words, scale.blank):
        for part in _cut_at_gutters(piece, columns, scale):
            first, last = covered(part.box, columns)
            if placed and first <= placed[-1].last:
                words = (*placed[-1].piece.words, *part.words)
                joined = Piece(words, union(word.box for word in words))
                placed[-1] = Placed(joined, placed[-1].first, max(last, placed[-1].last))
            else:
                placed.append(Placed(part, first, last))
    return placed


def _cut_at_gutters(piece: Piece, columns: Sequence[Span], scale: Measure) -> list[Piece]:
    """Cut a piece where a gap a little wider than a blank falls on the white space between two columns."""
    first, last = covered(piece.box, columns)
    if first == last or len(piece.words) == 1 or piece.numeric:
        return [piece]
    parts: list[list[Word]] = [[piece.words[0]]]
    for left, right in zip(piece.words, piece.words[1:], strict=False):
        gap = right.box.x0 - left.box.x1
        apart = nearest(left.box, columns) != nearest(right.box, columns)
        if (
            apart
            and not _one_date(left.text, right.text)
            and gap > WIDER * scale.blank * left.box.height
            and _in_gutter((left.box.x1 + right.box.x0) / 2, columns)
        ):
            parts.append([])
        parts[-1].append(right)
    return [Piece(tuple(part), union(word.box for word in part)) for part in parts]


def _one_date(left: str, right: str) -> bool:
    """Tell whether two words are the day and the month of one date."""
    texts = [fold(text).strip(".,") for text in (left, right)]
    days = [text.isdecimal() and 1 <= int(text) <= 31 for text in texts]
    months = [text in MONTH_OF for text in texts]
    return (days[0] and months[1]) or (months[0] and days[1])


def _in_gutter(x: float, columns: Sequence[Span]) -> bool:
    return not any(column.x0 <= x <= column.x1 for column in columns)


def covered(box: Box, columns: Sequence[Span]) -> tuple[int, int]:
    """Return the first and last column that `box` shares a good part of its width with, else the nearest one."""
    hit = [
        number
        for number, column in enumerate(columns)
        if min(box.x1, column.x1) - max(box.x0, column.x0) > SHARE * min(box.width, column.x1 - column.x0)
    ]
    if hit:
        return hit[0], hit[-1]
    close = nearest(box, columns)
    return close, close


def nearest(box: Box, columns: Sequence[Span]) -> int:
    """Return the column whose edges are closest to the middle of `box`."""
    middle = (box.x0 + box.x1) / 2
    return min(range(len(columns)), key=lambda n: max(columns[n].x0 - middle, middle - columns[n].x1))
