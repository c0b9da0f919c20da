"""Where on a page do tables without a ruled grid stand?

In: the printed rows of a page (without the words that grids hold) and its rules. Out: runs of consecutive rows that
are read as one table each: rows of several pieces, most with values, whose pieces stand under each other, with the
header rows above them and the section rows between them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.rows import Piece, PrintedRow, has_digits, pieces

MAX_GAP = 3.2  # line heights of white between two rows of one table
PROSE_WIDTH = 30  # line heights; a line of text in one column of a page is about this wide
PROSE_WORDS = 9  # words of a full line of text
MAX_CROSSING = (
    2  # full lines of text across the value columns in a row: one may be a long label, two are a paragraph
)
MAX_SINGLES = 6  # rows of a single piece in a row inside a table (a section, its subsection, a wrapped label)
MIN_ROWS = 2  # rows with values before a run is a table
MIN_TICKS = 4  # numbers in equal steps that make an axis
EQUAL_STEPS = 0.6  # of the numbers of an axis follow the one before at the same step
TICK = re.compile(r"[-−–]?\d[\d,]*(?:\.\d+)?%?")
HEADER_GAP = 1.6  # line heights of white between header rows


@dataclass(frozen=True, slots=True)
class _Cut:
    """A row with its pieces."""

    row: PrintedRow
    pieces: list[Piece]

    @property
    def data(self) -> bool:
        """Several pieces, and a value after the first."""
        return len(self.pieces) > 1 and any(piece.numeric for piece in self.pieces[1:])


def find_regions(rows: Sequence[PrintedRow], blank: float, height: float) -> list[list[PrintedRow]]:
    """Return the rows of every table found among `rows`."""
    cut = [_Cut(row, pieces(row.words, blank)) for row in rows]
    regions = []
    start = 0
    while start < len(cut):
        if not cut[start].data:
            start += 1
            continue
        end = _grow_down(cut, start, height)
        if sum(row.data for row in cut[start : end + 1]) >= MIN_ROWS:
            top = _grow_up(cut, start, end, height)
            regions.extend(_at_repeated_headers(cut[top : end + 1]))
        start = end + 1
    return regions


def _at_repeated_headers(cut: Sequence[_Cut]) -> list[list[PrintedRow]]:
    """Cut a run where its stub head comes again: there a second table begins, with the header rows above that line."""
    heads = {
        row.pieces[0].text for row in cut[:MAX_SINGLES] if len(row.pieces) > 1 and not row.pieces[0].numeric
    }
    starts = [0]
    for number in range(MAX_SINGLES, len(cut)):
        row = cut[number]
        if len(row.pieces) > 1 and row.pieces[0].text in heads and _heads(cut, number, row.pieces[0].text):
            start = number
            while (
                start - 1 > starts[-1] + 1 and not cut[start - 1].data and len(cut[start - 1].row.words) > 0
            ):
                start -= 1
            starts.append(start)
    return [[row.row for row in cut[a:b]] for a, b in zip(starts, [*starts[1:], len(cut)], strict=True)]


def _heads(cut: Sequence[_Cut], number: int, text: str) -> bool:
    """Tell whether the first row that starts with `text` has nothing but header rows above it."""
    first = next(n for n, row in enumerate(cut) if row.pieces[0].text == text)
    return first < number and not any(row.data for row in cut[:first])


def _grow_down(cut: Sequence[_Cut], start: int, height: float) -> int:
    """The last row of the run: rows follow closely, and rows of one piece stay within the label column."""
    last, singles, crossing = start, 0, 0
    values = cut[start].pieces[1].box.x0
    for number in range(start + 1, len(cut)):
        row = cut[number]
        if row.row.box.y0 - cut[number - 1].row.box.y1 > MAX_GAP * height:
            break
        if row.data:
            last, singles, crossing = number, 0, 0
            values = min(values, row.pieces[1].box.x0)
            continue
        singles += 1
        crossing += row.pieces[0].box.x1 > values and _prose(row, height)
        if singles > MAX_SINGLES or crossing >= MAX_CROSSING:
            break
    return last


def _prose(row: _Cut, height: float) -> bool:
    """Tell whether a row is a full line of text."""
    return (
        len(row.pieces) == 1
        and row.row.box.width > PROSE_WIDTH * height
        and len(row.row.words) >= PROSE_WORDS
    )


def _grow_up(cut: Sequence[_Cut], start: int, end: int, height: float) -> int:
    """The first header row: rows above that stand over the value columns."""
    body = [row for row in cut[start : end + 1] if row.data]
    values = min(row.pieces[1].box.x0 for row in body)
    top, singles = start, 0
    for number in range(start - 1, -1, -1):
        row = cut[number]
        if cut[number + 1].row.box.y0 - row.row.box.y1 > HEADER_GAP * height or _prose(row, height):
            break
        if len(row.pieces) == 1 and row.pieces[0].box.x0 < values - height:
            singles += 1  # a section or the first line of a label, if a header stands above it
            if singles > MAX_SINGLES or row.pieces[0].box.x1 > values + 4 * height:
                break
        elif row.pieces[-1].box.x1 > values:
            top, singles = number, 0
        else:
            break
    return top


def is_chart(cells: Sequence[tuple[int, int, str]]) -> bool:
    """Tell whether numbers are the ticks of an axis: a column in equal steps, with little else on its rows.

    `cells` are row, column and text.
    """
    axes = set()
    for column in {col for _, col, _ in cells}:
        ticks = [
            float(text.replace(",", "").replace("−", "-").rstrip("%"))
            for _, col, text in cells
            if col == column and TICK.fullmatch(text)
        ]
        steps = Counter(round(b - a, 6) for a, b in zip(ticks, ticks[1:], strict=False))
        step, equal = max(steps.items(), key=lambda item: item[1], default=(0.0, 0))
        if len(ticks) >= MIN_TICKS and equal >= EQUAL_STEPS * len(ticks) and abs(step) not in (0, 1):
            axes.add(column)
    if not axes:
        return False
    ticked = {row for row, col, text in cells if col in axes and TICK.fullmatch(text)}
    beside = sum(1 for row, col, text in cells if row in ticked and col not in axes and has_digits(text))
    return beside < 0.5 * len(ticked)
