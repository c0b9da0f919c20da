"""The columns of text a page is set in, so that a table in one of them is not read together with its neighbour.

In: the printed rows of a page. Out: the same words as lists of rows that are read on their own: the rows over the
whole width, and for every stretch set in two columns the rows of the left and of the right one. A sheet that shows two
facing pages of a book is read page by page.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractors.pages.rows import Measure, PrintedRow
from schemas.box import union
from schemas.page import Word

GUTTER = 1.0  # line heights; white space between two columns of text is at least this wide
SIDE_WORDS = 4  # words of running text on each side of a gutter
TEXT_LINES = 6  # rows with running text on both sides that show a page to be set in columns
LARGEST_PAGE = 999  # larger numbers at the edges of a sheet are years or amounts
OUTER = 0.1  # of the sheet's width at either side, where facing pages print their numbers
PICTURED = 0.02  # of the words may stand across the fold: those in a picture
EDGE_ROWS = 3  # first and last printed rows, in which page numbers stand
MIDDLE = (0.25, 0.75)  # of the text's width; a gutter lies between


def page_columns(rows: Sequence[PrintedRow], scale: Measure) -> list[list[PrintedRow]]:
    """Return `rows` in lists that are each read from top to bottom."""
    fold = _fold(rows, scale)
    if fold is not None:
        sides = (
            [tuple(word for word in row.words if (word.box.x0 >= fold) == right) for row in rows]
            for right in (False, True)
        )
        return [
            flow for side in sides for flow in page_columns([_row(words) for words in side if words], scale)
        ]
    gutter = _gutter(rows, scale)
    if gutter is None:
        return [list(rows)]
    flows: list[list[PrintedRow]] = []
    whole: list[PrintedRow] = []
    for band in _bands(rows, gutter):
        if sum(_text_beside_text(row, gutter) for row in band) < TEXT_LINES:
            whole.extend(band)
            continue
        if whole:
            flows.append(whole)
            whole = []
        for right in (False, True):
            words = [tuple(word for word in row.words if (word.box.x0 >= gutter) == right) for row in band]
            flows.extend(page_columns([_row(side) for side in words if side], scale))
    return [*flows, whole] if whole else flows


def _row(words: tuple[Word, ...]) -> PrintedRow:
    return PrintedRow(words, union(word.box for word in words))


def _fold(rows: Sequence[PrintedRow], scale: Measure) -> float | None:
    """The middle of a wide sheet with a page number at its left edge and the next one at its right, and white space between the two."""
    sheet = union(row.box for row in rows) if rows else None
    if sheet is None or sheet.width <= sheet.height:
        return None
    for row in (*rows[:EDGE_ROWS], *rows[-EDGE_ROWS:]):
        first, last = row.words[0], row.words[-1]
        if not (first.text.isdecimal() and last.text.isdecimal() and int(first.text) < LARGEST_PAGE):
            continue
        outer = max(first.box.x1 - sheet.x0, sheet.x1 - last.box.x0) <= OUTER * sheet.width
        middle, half = (first.box.x0 + last.box.x1) / 2, GUTTER * scale.height / 2
        words = [word for other in rows for word in other.words]
        across = sum(word.box.x0 < middle + half and middle - half < word.box.x1 for word in words)
        if int(last.text) == int(first.text) + 1 and outer and across <= PICTURED * len(words):
            return middle
    return None


def _gutter(rows: Sequence[PrintedRow], scale: Measure) -> float | None:
    """The place where most rows have white space with running text on both sides."""
    if len(rows) < TEXT_LINES:
        return None
    page = union(row.box for row in rows)
    low, high = (page.x0 + share * page.width for share in MIDDLE)
    gaps = []
    for row in rows:
        for left, right in zip(row.words, row.words[1:], strict=False):
            if right.box.x0 - left.box.x1 >= GUTTER * scale.height:
                middle = (left.box.x1 + right.box.x0) / 2
                if low <= middle <= high and _text_beside_text(row, middle):
                    gaps.append((left.box.x1, right.box.x0))
    if len(gaps) < TEXT_LINES:
        return None
    places = [(x0 + x1) / 2 for x0, x1 in gaps]
    best = max(places, key=lambda x: sum(x0 <= x <= x1 for x0, x1 in gaps))
    return best if sum(x0 <= best <= x1 for x0, x1 in gaps) >= TEXT_LINES else None


def _text_beside_text(row: PrintedRow, x: float) -> bool:
    """Tell whether a row has running words on both sides of `x` and none across it; dashes of empty cells are none."""
    left = [word.text for word in row.words if word.box.x1 <= x]
    right = [word.text for word in row.words if word.box.x0 >= x]
    return len(left) + len(right) == len(row.words) and all(
        sum(text.isalpha() for text in side) >= SIDE_WORDS for side in (left, right)
    )


def _bands(rows: Sequence[PrintedRow], gutter: float) -> list[list[PrintedRow]]:
    """Consecutive rows with no word across the gutter, and the rows between them."""
    bands: list[list[PrintedRow]] = []
    crossed = None
    for row in rows:
        crosses = any(word.box.x0 < gutter < word.box.x1 for word in row.words)
        if crosses != crossed:
            bands.append([])
        bands[-1].append(row)
        crossed = crosses
    return bands
