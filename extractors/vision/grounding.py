"""Find where on the page each value stands that a vision model read, and whether the page bears it out.

In: a table as rows of texts, and the words printed where the model looked. Out: `ReadCell`s with the boxes of their own words
and a verdict: `exact` (the same letters), `normalised` (the same figure or the same letters after folding signs, blanks and
quotes), `mismatch` (something else is printed there, or nothing), `unavailable` (the page has no words to compare with). Where
the words come from a trusted text layer they win, and the cell's note says what the model had read.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median

import numpy as np
from rapidfuzz.distance import Levenshtein

from extractors.pages.rows import PrintedRow, joined, measure, pieces, printed_rows
from schemas.amount import decide_decimal_point, parse_amount
from schemas.box import Box, union
from schemas.page import ReadCell, Word
from schemas.reading import JOINED_LEFT, JOINED_UP
from schemas.records import Grounding, Source, TextSource

MOST_LINES = 4  # printed lines that one row of a table may take
SKIP_ROW = -0.3  # score of a row that is printed nowhere
SKIP_LINE = -0.02  # score of a printed line that no row reads: text around the table, mostly
EXTRA_LINE = -0.02  # score of each further printed line that a row takes
ALIKE = 0.6  # share of letters two words must have in common to be taken for the same word, misread
SKIP_WORD = 0.55  # cost of a word that has no partner; two of them cost more than a misread word
MOST_TOGETHER = 3  # words that are printed apart and read as one, or the other way round
MOST_LETTERS = 64  # of a word that are compared
LEADER = re.compile(r"[.…·_‥․]+")  # dots that lead the eye to a figure, and are no part of a cell

_FOLDED = str.maketrans({
    **dict.fromkeys("‐‑‒–—―−﹣-", "-"), **dict.fromkeys("‘’ʼ`´", "'"), **dict.fromkeys("“”„", '"'),
    "\u00a0": " ", "\u202f": " ", "\u2009": " ",
})  # fmt: skip


@dataclass(frozen=True)
class GroundedTable:
    """A table with its cells placed on the page."""

    cells: tuple[ReadCell, ...]
    n_rows: int
    n_columns: int
    box: Box
    row_boxes: tuple[Box | None, ...]  # around the printed words of each row; None for a row printed nowhere
    claimed: frozenset[int] = field(default_factory=frozenset)  # indices of the words that cells read


def fold(text: str) -> str:
    """Return a text with signs, quotes and blanks folded, so that only its letters and figures count."""
    return "".join(unicodedata.normalize("NFKC", text).translate(_FOLDED).split()).casefold()


def compare(read: str, printed: str, decimal_point: str = ".") -> Grounding:
    """Return how a text that was read compares with what is printed."""
    if " ".join(read.split()) == " ".join(printed.split()):
        return "exact"
    if fold(read) == fold(printed):
        return "normalised"
    a, b = parse_amount(read, decimal_point), parse_amount(printed, decimal_point)
    same = a is not None and b is not None and a.value is not None and a.value == b.value
    if same and a and b and a.nil == b.nil and a.unit == b.unit and a.decimals == b.decimals:
        return "normalised"
    return "mismatch"


def ground_table(
    rows: Sequence[Sequence[str]],
    words: Sequence[Word],
    source: TextSource,
    page: int,
    area: Box,
    confidence: Sequence[Sequence[float]] | None = None,
) -> GroundedTable:
    """Place a table's cells on the page.

    `words` are those printed in `area` (points), where the model looked; `confidence` is the model's own, per row and column.
    """
    n_columns = max((len(row) for row in rows), default=0)
    odds = confidence or [[1.0] * len(row) for row in rows]
    number = {id(word): i for i, word in enumerate(words)}
    words = [word for word in words if not LEADER.fullmatch(word.text)]
    if not words:
        return _unprinted(rows, n_columns, page, area, odds)
    point = decide_decimal_point(word.text for word in words)
    printed = printed_rows(words)
    matched = _match_rows(rows, printed)
    blank = measure(words).blank
    found: list[list[list[Word]]] = []
    for row, lines in zip(rows, matched, strict=True):
        found.append(_match_cells(row, [printed[i] for i in lines], blank))
    row_boxes = [union(w.box for cell in row for w in cell) if any(row) else None for row in found]
    columns = _column_boxes(found, n_columns, area)
    places = _row_places(row_boxes, [[printed[i] for i in lines] for lines in matched], area)
    cells: list[ReadCell] = []
    spans = _spans(rows)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if not text.strip() or text in (JOINED_LEFT, JOINED_UP):
                continue
            place = Box(columns[c][0], places[r][0], columns[c][1], places[r][1])
            cells.append(
                ground_cell(
                    text,
                    found[r][c],
                    place,
                    source,
                    page,
                    (r, c),
                    spans.get((r, c), (1, 1)),
                    odds[r][c],
                    point,
                )
            )
    claimed = frozenset(number[id(w)] for row in found for cell in row for w in cell)
    boxes = [cell.box for cell in cells]
    return GroundedTable(
        tuple(cells), len(rows), n_columns, union(boxes) if boxes else area, tuple(row_boxes), claimed
    )


def ground_cell(
    text: str,
    words: Sequence[Word],
    place: Box,
    source: TextSource,
    page: int,
    at: tuple[int, int],
    span: tuple[int, int],
    odds: float,
    decimal_point: str,
) -> ReadCell:
    """Return a cell that was read as `text` where `words` are printed, with the verdict of comparing both.

    `place` is its box where it has no words, `at` its row and column, `span` the rows and columns it covers.
    """
    text = " ".join(text.split())
    printed = joined(words)
    verdict: Grounding = compare(text, printed, decimal_point) if words else "mismatch"
    origin: Source = "vision"
    note, other = None, printed if words and verdict == "mismatch" else None
    if not words:
        note = f"the model read {text!r}, which is not printed here"
    elif verdict == "mismatch" and source == "text_layer":
        note = f"the model read {text!r}; the page's text layer says {printed!r}"
        text, other, origin = printed, text, "text_layer"
    elif verdict == "mismatch":
        note = f"the model read {text!r}; OCR read {printed!r}"
    elif source == "text_layer":
        text, origin = printed, "text_layer"
        odds = 1.0 if verdict == "exact" else max(odds, 0.99)
    if words and source == "ocr" and verdict != "mismatch":
        odds = 1.0 - (1.0 - odds) * (1.0 - min(word.confidence for word in words))
    figures = [word.box for word in words if any(letter.isdigit() for letter in word.text)]
    is_figure = parse_amount(text, decimal_point) is not None
    box = union(word.box for word in words) if words else place
    return ReadCell(
        page=page,
        row=at[0],
        col=at[1],
        row_span=span[0],
        col_span=span[1],
        text=text,
        box=box,
        value_box=(union(figures) if figures else box) if is_figure else None,
        source=origin,
        grounding=verdict,
        confidence=round(min(1.0, max(0.0, odds)), 6),
        bold=bool(words) and all(word.bold for word in words),
        note=note,
        other_text=other,
    )


def _unprinted(
    rows: Sequence[Sequence[str]], n_columns: int, page: int, area: Box, odds: Sequence[Sequence[float]]
) -> GroundedTable:
    """Place the cells of a page without words evenly over the area: nothing better is known."""
    high, wide = area.height / max(1, len(rows)), area.width / max(1, n_columns)
    spans = _spans(rows)
    cells = []
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if not text.strip() or text in (JOINED_LEFT, JOINED_UP):
                continue
            rows_down, columns_right = spans.get((r, c), (1, 1))
            box = Box(area.x0 + c * wide, area.y0 + r * high, area.x0 + (c + columns_right) * wide, area.y0 + (r + rows_down) * high)  # fmt: skip
            cells.append(
                ReadCell(
                    page=page,
                    row=r,
                    col=c,
                    row_span=rows_down,
                    col_span=columns_right,
                    text=" ".join(text.split()),
                    box=box,
                    value_box=box if parse_amount(text) else None,
                    source="vision",
                    grounding="unavailable",
                    confidence=round(min(1.0, max(0.0, odds[r][c])), 6),
                )  # fmt: skip
            )
    return GroundedTable(tuple(cells), len(rows), n_columns, area, (None,) * len(rows))


def _spans(rows: Sequence[Sequence[str]]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (rows, columns) covered by the cells that are followed by the marks of a joined cell."""
    spans = {}
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if text in (JOINED_LEFT, JOINED_UP):
                continue
            right = c + 1
            while right < len(row) and row[right] == JOINED_LEFT:
                right += 1
            down = r + 1
            while down < len(rows) and c < len(rows[down]) and rows[down][c] == JOINED_UP:
                down += 1
            if right - c > 1 or down - r > 1:
                spans[r, c] = (down - r, right - c)
    return spans


def _tokens(text: str) -> list[str]:
    return [] if text in (JOINED_LEFT, JOINED_UP) else text.split()


def _match_rows(rows: Sequence[Sequence[str]], printed: Sequence[PrintedRow]) -> list[list[int]]:
    """Return, for each row, the printed lines it reads: the best alignment of both from top to bottom.

    The likeness of a row and some lines is the share of their words that they have in common, 0 to 1.
    """
    n, m = len(rows), len(printed)
    read = [Counter(fold(t) for text in row for t in _tokens(text)) for row in rows]
    lines = [Counter(fold(word.text) for word in row.words) for row in printed]
    width = [0, *accumulate(sum(line.values()) for line in lines)]
    best = [[SKIP_LINE * j for j in range(m + 1)]]
    steps: list[list[int]] = [[0] * (m + 1)]  # lines taken; -1 row skipped, 0 line skipped
    for row in read:
        size = max(1, sum(row.values()))
        common = [0, *accumulate(_shared(row, line) for line in lines)]
        before = best[-1]
        now, step = [before[0] + SKIP_ROW], [-1]
        for j in range(1, m + 1):
            score, taken = before[j] + SKIP_ROW, -1
            if now[j - 1] + SKIP_LINE > score:
                score, taken = now[j - 1] + SKIP_LINE, 0
            for k in range(1, min(MOST_LINES, j) + 1):
                shared = common[j] - common[j - k]
                if not shared:
                    continue
                likeness = 2 * min(shared, size) / (size + width[j] - width[j - k]) + EXTRA_LINE * (k - 1)
                if before[j - k] + likeness > score:
                    score, taken = before[j - k] + likeness, k
            now.append(score)
            step.append(taken)
        best.append(now)
        steps.append(step)
    matched: list[list[int]] = [[] for _ in range(n)]
    i, j = n, m
    while i > 0:
        taken = steps[i][j]
        if taken > 0:
            matched[i - 1] = list(range(j - taken, j))
            i, j = i - 1, j - taken
        elif taken == 0:
            j -= 1
        else:
            i -= 1
    return matched


def _shared(a: Counter[str], b: Counter[str]) -> int:
    return sum(min(count, b[word]) for word, count in a.items() if word in b)


def _match_cells(row: Sequence[str], lines: Sequence[PrintedRow], blank: float) -> list[list[Word]]:
    """Return the printed words of each cell of a row: the best alignment of both in reading order, column by column."""
    out: list[list[Word]] = [[] for _ in row]
    words = _by_column(lines, blank)
    tokens = [(c, token) for c, text in enumerate(row) for token in _tokens(text)]
    if not words or not tokens:
        return out
    read = [fold(token)[:MOST_LETTERS] for _, token in tokens]
    folded = [fold(word.text)[:MOST_LETTERS] for word in words]
    n, m = len(read), len(folded)
    cost = np.zeros((n + 1, m + 1))
    cost[0, :], cost[:, 0] = SKIP_WORD * np.arange(m + 1), SKIP_WORD * np.arange(n + 1)
    step = np.zeros(
        (n + 1, m + 1, 2), np.int64
    )  # how many read and how many printed words were taken together
    step[0, 1:], step[1:, 0] = (0, 1), (1, 0)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            ways = [
                (cost[i - 1, j - 1] + _difference(read[i - 1], folded[j - 1]), (1, 1)),
                (cost[i, j - 1] + SKIP_WORD, (0, 1)),
                (cost[i - 1, j] + SKIP_WORD, (1, 0)),
            ]
            for k in range(2, MOST_TOGETHER + 1):
                if k <= j and read[i - 1] == "".join(
                    folded[j - k : j]
                ):  # "$1,234¹", printed as sign, figure and mark
                    ways.append((cost[i - 1, j - k], (1, k)))
                together = (
                    "".join(read[i - k : i]) if k <= i and tokens[i - k][0] == tokens[i - 1][0] else None
                )
                if together == folded[j - 1]:  # "$ 5", printed as one
                    ways.append((cost[i - k, j - 1], (k, 1)))
            cost[i, j], step[i, j] = min(ways, key=lambda way: way[0])
    i, j = n, m
    while i or j:
        taken, printed = (int(k) for k in step[i, j])
        if taken and printed:
            out[tokens[i - 1][0]] += reversed(words[j - printed : j])
        i, j = i - taken, j - printed
    for cell in out:
        cell.reverse()
    return out


def _difference(a: str, b: str) -> float:
    """Return 0 for the same word, up to 1 for a misread one, and more than two skips cost for different words."""
    if a == b:
        return 0.0
    alike = Levenshtein.normalized_similarity(a, b)
    return 1.0 - alike if alike >= ALIKE else 2 * SKIP_WORD + 0.1


def _by_column(lines: Sequence[PrintedRow], blank: float) -> list[Word]:
    """Return the words of one table row left to right; where it takes several lines, each column from top to bottom."""
    if len(lines) == 1:
        return list(lines[0].words)
    stacks: list[tuple[float, float, list[tuple[float, tuple[Word, ...]]]]] = []
    for piece in sorted((p for line in lines for p in pieces(line.words, blank)), key=lambda p: p.box.x0):
        entry = (piece.box.y0, piece.words)
        if stacks and piece.box.x0 < stacks[-1][1]:
            x0, x1, entries = stacks[-1]
            stacks[-1] = (x0, max(x1, piece.box.x1), [*entries, entry])
        else:
            stacks.append((piece.box.x0, piece.box.x1, [entry]))
    return [
        word for _, _, entries in stacks for _, words in sorted(entries, key=lambda e: e[0]) for word in words
    ]


def _column_boxes(
    found: Sequence[Sequence[Sequence[Word]]], n_columns: int, area: Box
) -> list[tuple[float, float]]:
    """Return the left and right edge of each column in points, from the words placed in it; guessed where it has none."""
    edges: list[tuple[float, float] | None] = []
    for c in range(n_columns):
        boxes = [union(w.box for w in row[c]) for row in found if c < len(row) and row[c]]
        edges.append((median(b.x0 for b in boxes), median(b.x1 for b in boxes)) if boxes else None)
    out = []
    for c, edge in enumerate(edges):
        if edge is None:
            left = max((e[1] for e in edges[:c] if e), default=area.x0)
            right = min((e[0] for e in edges[c + 1 :] if e), default=area.x1)
            edge = (left, right) if left < right else (area.x0, area.x1)
        out.append(edge)
    return out


def _row_places(
    boxes: Sequence[Box | None], lines: Sequence[Sequence[PrintedRow]], area: Box
) -> list[tuple[float, float]]:
    """Return the top and bottom of each row in points: of its words, else of its lines, else between its neighbours."""
    known = [
        (box.y0, box.y1) if box else (line[0].box.y0, line[-1].box.y1) if line else None
        for box, line in zip(boxes, lines, strict=True)
    ]
    out = []
    for r, place in enumerate(known):
        if place is None:
            top = max((p[1] for p in known[:r] if p), default=area.y0)
            bottom = min((p[0] for p in known[r + 1 :] if p), default=area.y1)
            place = (top, bottom) if top < bottom else (area.y0, area.y1)
        out.append(place)
    return out
