"""Choose which parts of a page the vision model looks at, and at what size.

In: a `PageContent`, or rows of ink where a page has no words. Out: `Tile`s: strips of the page's table-like bands, about
TILE_TOKENS image tokens each, cut in white space and never through a row of text; a strip that continues a table carries the
column header above it. Lengths are points on the page, pixels in the image; one image token covers 32 × 32 pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from extractors.engine import Pixels, Render
from extractors.pages.rows import Piece, PrintedRow, measure, pieces, printed_rows
from schemas.box import Box, union
from schemas.page import PageContent, Rule

TOKEN_PIXELS = 32  # side of the square that one image token covers
TILE_TOKENS = 1024  # image tokens of a tile: where models of this kind read small print best
MOST_TOKENS = 4096  # image tokens of the largest tile
TEXT_PIXELS = 20.0  # height of the smallest text in the image: below it digits blur into each other
SMALLEST_DPI, LARGEST_DPI = 110, 300
LARGEST_BLIND_DPI = 200  # for a page of whose text nothing is known
MARGIN = 6.0  # points of white kept around a band
CARRY_GAP = 16  # pixels of white between a carried header and the strip below it
MOST_CARRIED = 0.4  # of a tile's height that a carried header may take
MOST_SKIPPED = 5  # rows without values between two rows of one band
ROWS_ABOVE = 6  # rows above the first value row that belong to its band: title, unit note, column headers
ROWS_BELOW = 1
SPAN_GAP = 6.0  # line heights of white that part two bands
BAND_GAP = 4.0  # line heights of white that end a band's rows above and below
MIN_VALUE_ROWS = 2
MIN_RULES = 4  # level lines of a grid without figures
YEAR = re.compile(r"[^\w]*(?:19|20)\d\d[^\w]*(?:[A-Za-z]{0,2})")
INK = 200  # grey level below which a pixel is ink
SPLIT_ROWS = 4  # rows of text that a tile must have to be cut in two

Gap = tuple[float, float]  # top and bottom of a stretch of white, points


@dataclass(frozen=True, slots=True)
class Tile:
    """A strip of a page as the model sees it: the carried header above, then the body."""

    index: int  # on the page, from 0
    band: int  # which band of the page
    body: Box  # points
    carried: Box | None  # points; the column header, from higher up in the band
    dpi: int
    n_rows: int  # printed rows in it, the carried ones included; 0 when the page has no words
    n_columns: int  # pieces of its fullest row
    n_letters: int

    @property
    def parts(self) -> tuple[Box, ...]:
        """The boxes that are stacked in the image."""
        return (self.carried, self.body) if self.carried else (self.body,)


@dataclass(frozen=True, slots=True)
class Band:
    """A full-width part of the page where tables may stand, with its printed rows."""

    box: Box
    rows: tuple[PrintedRow, ...]


def find_bands(content: PageContent) -> tuple[Band, ...]:
    """Return the bands of a page with words where tables may stand; none for running text.

    Generous on purpose: a band too many costs one tile, a band too few costs a table.
    """
    words = [word for word in content.words if word.text.strip()]
    rows = printed_rows(words)
    if not rows:
        return ()
    blank, height = measure(words).blank, median(row.box.height for row in rows)
    is_data = [_is_data(pieces(row.words, blank)) for row in rows]
    spans: list[tuple[int, int]] = []
    for i in (i for i, data in enumerate(is_data) if data):
        if (
            spans
            and i - spans[-1][1] <= MOST_SKIPPED + 1
            and _white(rows[spans[-1][1] : i + 1]) <= SPAN_GAP * height
        ):
            spans[-1] = (spans[-1][0], i)
        else:
            spans.append((i, i))
    spans = [(a, b) for a, b in spans if sum(is_data[a : b + 1]) >= MIN_VALUE_ROWS]
    spans += _ruled_spans(content.rules, rows)
    return tuple(_bands(_merged(_widened(span, rows, height) for span in spans), rows, content))


def _white(rows: Sequence[PrintedRow]) -> float:
    """Return the widest white between consecutive rows, points."""
    return max(below.box.y0 - above.box.y1 for above, below in pairwise(rows))


def _is_data(row: Sequence[Piece]) -> bool:
    return len(row) > 1 and any(piece.numeric for piece in row[1:])


def _ruled_spans(rules: Sequence[Rule], rows: Sequence[PrintedRow]) -> list[tuple[int, int]]:
    """Return the rows inside grids of ruled lines, figures or not."""
    level = sorted((rule for rule in rules if rule.horizontal), key=lambda rule: rule.y0)
    runs: list[list[Rule]] = []
    for rule in level:
        last = runs[-1][-1] if runs else None
        if (
            last
            and min(last.x1, rule.x1) - max(last.x0, rule.x0) > 0.5 * (rule.x1 - rule.x0)
            and rule.y0 - last.y0 < 120
        ):
            runs[-1].append(rule)
        else:
            runs.append([rule])
    spans = []
    for run in runs:
        if len({round(rule.y0) for rule in run}) < MIN_RULES:
            continue
        inside = [i for i, row in enumerate(rows) if run[0].y0 <= row.middle <= run[-1].y1]
        if len(inside) >= MIN_VALUE_ROWS:
            spans.append((inside[0], inside[-1]))
    return spans


def _widened(span: tuple[int, int], rows: Sequence[PrintedRow], height: float) -> tuple[int, int]:
    first, last = span
    for _ in range(ROWS_ABOVE):
        if first == 0 or rows[first].box.y0 - rows[first - 1].box.y1 > BAND_GAP * height:
            break
        first -= 1
    for _ in range(ROWS_BELOW):
        if last + 1 == len(rows) or rows[last + 1].box.y0 - rows[last].box.y1 > BAND_GAP * height:
            break
        last += 1
    return first, last


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def _bands(
    spans: Iterable[tuple[int, int]], rows: Sequence[PrintedRow], content: PageContent
) -> Iterable[Band]:
    page = Box(0.0, 0.0, content.width, content.height)
    for first, last in spans:
        inside = tuple(rows[first : last + 1])
        box = union(row.box for row in inside)
        above = (box.y0 + rows[first - 1].box.y1) / 2 if first else 0.0
        below = (box.y1 + rows[last + 1].box.y0) / 2 if last + 1 < len(rows) else content.height
        y0 = max(box.y0 - MARGIN, min(above, box.y0))
        y1 = min(box.y1 + MARGIN, max(below, box.y1))
        yield Band(Box(box.x0 - MARGIN, y0, box.x1 + MARGIN, y1).intersect(page), inside)


def plan_tiles(content: PageContent) -> tuple[Tile, ...]:
    """Return the tiles of a page that has words; none when it has nothing like a table."""
    tiles: list[Tile] = []
    for number, band in enumerate(find_bands(content)):
        tiles.extend(_cut_band(band, number, len(tiles)))
    return tuple(tiles)


def plan_page(content: PageContent) -> tuple[Tile, ...]:
    """Return the tiles of a whole page: one where its smallest text stays readable in MOST_TOKENS tokens, else strips."""
    box = Box(0.0, 0.0, content.width, content.height)
    rows = tuple(printed_rows(word for word in content.words if word.text.strip()))
    if not rows:
        return (Tile(0, 0, box, None, _fitting_dpi(box, LARGEST_BLIND_DPI), 0, 0, 0),)
    band = Band(box, rows)
    dpi = _dpi(band)
    if _fitting_dpi(box, dpi) < dpi:
        return tuple(_cut_band(band, 0, 0, MOST_TOKENS))
    blank = measure([word for row in rows for word in row.words]).blank
    return (
        _describe(Tile(0, 0, box, None, dpi, 0, 0, 0), [(row, pieces(row.words, blank)) for row in rows]),
    )


def _fitting_dpi(box: Box, dpi: int) -> int:
    """Return the largest resolution up to `dpi` at which a box takes no more than MOST_TOKENS image tokens."""
    while (
        dpi > 1
        and math.prod(math.ceil(side * dpi / 72 / TOKEN_PIXELS) for side in (box.width, box.height))
        > MOST_TOKENS
    ):
        dpi -= 1
    return dpi


def plan_blind(content: PageContent, page: Pixels, dpi: int) -> tuple[Tile, ...]:
    """Return the tiles of a page without words, cut where `page` (its pixels at `dpi`) has rows without ink."""
    box = Box(0.0, 0.0, content.width, content.height)
    ink = (page.min(axis=(1, 2)) < INK).nonzero()[0]
    gaps = _gaps_between(ink * 72.0 / dpi, (ink + 1) * 72.0 / dpi)
    out_dpi = LARGEST_BLIND_DPI
    cuts = _cuts(box, gaps, _height_for(box.width, out_dpi))
    tiles = []
    for i, (y0, y1) in enumerate(zip([box.y0, *cuts], [*cuts, box.y1], strict=True)):
        tiles.append(Tile(i, 0, Box(box.x0, y0, box.x1, y1), None, out_dpi, 0, 0, 0))
    return tuple(tiles)


def _cut_band(band: Band, number: int, first_index: int, tokens: int = TILE_TOKENS) -> Iterable[Tile]:
    dpi = _dpi(band)
    gaps = _gaps_between(
        np.array([row.box.y0 for row in band.rows]), np.array([row.box.y1 for row in band.rows])
    )
    blank = measure([word for row in band.rows for word in row.words]).blank
    cut = [(row, pieces(row.words, blank)) for row in band.rows]
    firm = _firmness(gaps, cut)
    height = _height_for(band.box.width, dpi, tokens)
    y, index = band.box.y0, first_index
    while y < band.box.y1:
        carried = _header_above(cut, band.box, y) if y > band.box.y0 else None
        if carried and carried.height > MOST_CARRIED * height:
            carried = None
        room = height - (carried.height + CARRY_GAP * 72 / dpi if carried else 0.0)
        end = _next_cut(gaps, y, y + room, band.box.y1, firm)
        body = Box(band.box.x0, y, band.box.x1, end)
        yield _describe(Tile(index, number, body, carried, dpi, 0, 0, 0), cut)
        y, index = end, index + 1


def _describe(tile: Tile, cut: Sequence[tuple[PrintedRow, list[Piece]]]) -> Tile:
    inside = [(row, parts) for row, parts in cut if any(box.y0 <= row.middle <= box.y1 for box in tile.parts)]
    return replace(
        tile,
        n_rows=len(inside),
        n_columns=max((len(parts) for _, parts in inside), default=0),
        n_letters=sum(len(piece.text) for _, parts in inside for piece in parts),
    )


def split(tile: Tile, content: PageContent) -> tuple[Tile, Tile] | None:
    """Cut a tile's body in two in white space, the lower half with the header above it. None when it is too short."""
    rows = [row for row in printed_rows(content.words) if tile.body.y0 <= row.middle <= tile.body.y1]
    if len(rows) < SPLIT_ROWS:
        return None
    gaps = _gaps_between(np.array([row.box.y0 for row in rows]), np.array([row.box.y1 for row in rows]))
    if not gaps:
        return None
    middle = min(((a + b) / 2 for a, b in gaps), key=lambda y: abs(y - (tile.body.y0 + tile.body.y1) / 2))
    blank = measure(content.words).blank
    cut = [(row, pieces(row.words, blank)) for row in rows]
    upper = tile.body._replace(y1=middle)
    lower = tile.body._replace(y0=middle)
    header = _header_above(cut, tile.body, middle) or tile.carried
    first, second = replace(tile, body=upper), replace(tile, body=lower, carried=header)
    everything = [(row, pieces(row.words, blank)) for row in printed_rows(content.words)]
    return _describe(first, everything), _describe(second, everything)


def _dpi(band: Band) -> int:
    heights = sorted(word.size or word.box.height / 1.2 for row in band.rows for word in row.words)
    smallest = max(1.0, heights[len(heights) // 20])  # a lone superscript must not decide
    return int(min(LARGEST_DPI, max(SMALLEST_DPI, math.ceil(TEXT_PIXELS * 72 / smallest))))


def _height_for(width: float, dpi: int, tokens: int = TILE_TOKENS) -> float:
    """Return the height in points of a strip of `tokens` image tokens that is `width` points wide."""
    columns = math.ceil(width * dpi / 72 / TOKEN_PIXELS)
    return max(6, tokens // max(1, columns)) * TOKEN_PIXELS * 72 / dpi


def _gaps_between(starts: NDArray[np.floating], ends: NDArray[np.floating]) -> list[Gap]:
    """Return the stretches that none of the intervals covers, between the first and the last."""
    order = np.argsort(starts, kind="stable")
    gaps, reach = [], -math.inf
    for start, end in zip(starts[order], ends[order], strict=True):
        if reach > -math.inf and start > reach:
            gaps.append((float(reach), float(start)))
        reach = max(reach, float(end))
    return gaps


def _next_cut(
    gaps: Sequence[Gap], start: float, end: float, last: float, firm: Mapping[Gap, int] | None = None
) -> float:
    """Return where to cut at or before `end`, or as soon after it as there is white space; `last` when the rest fits.

    Gaps that are `firm` are preferred, then wide ones, then late ones.
    """
    if end >= last:
        return last
    fitting = [(a, b) for a, b in gaps if start < (a + b) / 2 <= end]
    if fitting:
        late = [gap for gap in fitting if (gap[0] + gap[1]) / 2 >= start + 0.7 * (end - start)] or fitting[
            -1:
        ]
        widest = max(late, key=lambda gap: ((firm or {}).get(gap, 0), round(gap[1] - gap[0], 1), gap[0]))
        return (widest[0] + widest[1]) / 2
    return next(((a + b) / 2 for a, b in gaps if (a + b) / 2 > end), last)


def _firmness(gaps: Sequence[Gap], cut: Sequence[tuple[PrintedRow, list[Piece]]]) -> dict[Gap, int]:
    """Return how many of the two rows beside each gap have values: a cut between two such parts no wrapped row."""
    out = {}
    for gap in gaps:
        above = max((c for c in cut if c[0].middle < gap[0]), key=lambda c: c[0].middle, default=None)
        below = min((c for c in cut if c[0].middle > gap[1]), key=lambda c: c[0].middle, default=None)
        out[gap] = sum(
            side is not None and len(side[1]) > 1 and _has_amount(side[1]) for side in (above, below)
        )
    return out


def _cuts(box: Box, gaps: Sequence[Gap], height: float) -> list[float]:
    cuts, y = [], box.y0
    while (y := _next_cut(gaps, y, y + height, box.y1)) < box.y1:
        cuts.append(y)
    return cuts


def _header_above(cut: Sequence[tuple[PrintedRow, list[Piece]]], box: Box, y: float) -> Box | None:
    """Return the column header that stands over a cut: the nearest run of header rows above it that values follow."""
    above = [(row, parts) for row, parts in cut if row.middle < y]
    i = len(above) - 1
    while i >= 0:
        at_the_cut = i == len(above) - 1
        if _is_header(above[i][1], box) and (
            at_the_cut or any(_has_amount(parts) for _, parts in above[i + 1 :])
        ):
            first = i
            while first > 0 and _is_header(above[first - 1][1], box):
                first -= 1
            rows = [row.box for row, _ in above[first : i + 1]]
            header = union(rows)
            top = (header.y0 + above[first - 1][0].box.y1) / 2 if first else header.y0 - MARGIN / 2
            bottom = y if at_the_cut else (header.y1 + above[i + 1][0].box.y0) / 2
            return Box(box.x0, max(box.y0, min(top, header.y0)), box.x1, max(bottom, header.y1))
        i -= 1
    return None


def _is_header(row: Sequence[Piece], box: Box) -> bool:
    """Tell whether a row names columns: something stands right of the labels, and no amount does."""
    right = [piece for piece in row if piece.box.x0 > box.x0 + 0.25 * box.width]
    return bool(right) and not _has_amount(row)


def _has_amount(row: Sequence[Piece]) -> bool:
    return any(
        piece.numeric and not YEAR.fullmatch(piece.text) for piece in (row if len(row) == 1 else row[1:])
    )


def compose(tile: Tile, render: Render) -> Pixels:
    """Return a tile's image: its parts below each other on white, both sides padded to multiples of 32 pixels."""
    dpi = tile.dpi
    parts = [render(dpi, part) for part in tile.parts]
    width = max(part.shape[1] for part in parts)
    height = sum(part.shape[0] for part in parts) + CARRY_GAP * (len(parts) - 1)
    canvas = np.full((height + -height % TOKEN_PIXELS, width + -width % TOKEN_PIXELS, 3), 255, np.uint8)
    y = 0
    for part in parts:
        canvas[y : y + part.shape[0], : part.shape[1]] = part
        y += part.shape[0] + CARRY_GAP
    return canvas
