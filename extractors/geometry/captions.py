"""The printed lines of a page that belong to no table, and which of them is a table's title.

In: a `PageContent` and the tables found on it. Out: `Line`s, top to bottom, in points of the upright page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from extractors.geometry.mirror import mirrored_box, mirrored_words, reads_from_the_right
from extractors.pages.rows import PIECE_GAP, Measure, Piece, measure, pieces, printed_rows
from schemas.box import Box
from schemas.page import Line, PageContent, TableFragment, Word

COLUMN_GAP = 5.0  # blanks; words of one line farther apart than this are not read together
TITLE_GAP = 1.6  # line heights of white between a title and its table, or between the lines of a title
TITLE_LINES = 4  # printed lines; no title is longer
TITLE_WORDS = 24  # words in one line of a title; a longer one is text
CAPTION = re.compile(
    r"(?:table|exhibit|schedule|appendix|box|figure|chart|tabelle|übersicht|tableau|cuadro|tabla|tabela|quadro|tabel|表|图|附表)"
    r"\s*(?:no\.?\s*)?[\dA-Z一二三四五六七八九十]{1,3}(?:\b|[.:–—-])",
    re.I,
)


def outside_lines(content: PageContent, fragments: Sequence[TableFragment]) -> tuple[Line, ...]:
    """Return the printed lines of text that no table holds, top to bottom, with their type size and weight."""
    words = _outside(content.words, fragments)
    turned = reads_from_the_right(content.words)
    if turned:
        words = list(mirrored_words(words, content.width)[0])
    rows = printed_rows(words)
    blank = COLUMN_GAP / PIECE_GAP * measure(words, rows).blank
    lines = tuple(_line(piece) for row in rows for piece in pieces(row.words, blank))
    if turned:
        return tuple(line.model_copy(update={"box": mirrored_box(line.box, content.width)}) for line in lines)
    return lines


def _outside(words: Sequence[Word], fragments: Sequence[TableFragment]) -> list[Word]:
    """The words that no cell holds; a table read from the picture holds all words within its frame."""
    held = [
        (box, text)
        for fragment in fragments
        for box, text in (
            [(cell.box, cell.text) for cell in fragment.cells]
            if fragment.engine == "geometry"
            else [(fragment.box, None)]
        )
    ]
    if not held or not words:
        return list(words)
    x0, y0, x1, y1 = np.array([box for box, _ in held]).T[:, :, None]
    x, y = np.array([word.box.center for word in words]).T
    inside = (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
    texts = [text for _, text in held]
    return [
        word
        for word, cells in zip(words, inside.T, strict=True)
        if not any(text is None or word.text in text for text in (texts[n] for n in np.flatnonzero(cells)))
    ]


def _line(piece: Piece) -> Line:
    words: tuple[Word, ...] = piece.words
    return Line(
        text=piece.text,
        box=Box(*piece.box),
        size=max(word.size for word in words),
        bold=all(word.bold for word in words),
    )


def titled(
    content: PageContent, fragments: Sequence[TableFragment], scale: Measure
) -> tuple[TableFragment, ...]:
    """Return the tables with the caption that stands directly above each, if one does."""
    if not fragments:
        return ()
    lines = outside_lines(content, fragments)
    return tuple(
        fragment.model_copy(update={"title": title_above(fragment.box, lines, scale.height)})
        for fragment in fragments
    )


def title_above(box: Box, lines: Sequence[Line], height: float) -> str | None:
    """Return the lines right above `box` that are set like a title: a caption, or short lines apart from the text."""
    title: list[Line] = []
    top = box.y0
    for line in sorted(lines, key=lambda line: -line.box.y1):
        if line.box.y1 > top + 0.5 * height or line.box.x1 < box.x0 or line.box.x0 > box.x1:
            continue
        if top - line.box.y1 > TITLE_GAP * height or len(title) == TITLE_LINES:
            break
        if len(line.text.split()) > TITLE_WORDS or (line.text.endswith(".") and not CAPTION.match(line.text)):
            break
        title.append(line)
        top = min(top, line.box.y0)
        if CAPTION.match(line.text):
            break
    return " ".join(line.text for line in reversed(title)) or None
