"""Pages changed in ways that leave their tables as they are: what a reader gives must not change with them.

In: a `PageContent`. Out: the same page in another size, order, place or dress. `CHANGES` names them all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from schemas.box import Box
from schemas.page import PageContent, Rule, Word

SHIFT = 37.3  # points
SHAKE = 0.04  # of a word's height


def resized(content: PageContent, factor: float, shift: float = 0.0) -> PageContent:
    """Return the page `factor` times as large, moved to the right by `shift` points."""

    def scaled(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x0 * factor + shift, y0 * factor, x1 * factor + shift, y1 * factor

    return replace(
        content,
        width=content.width * factor,
        height=content.height * factor,
        words=tuple(replace(w, box=Box(*scaled(*w.box)), size=w.size * factor) for w in content.words),
        rules=tuple(Rule(*scaled(r.x0, r.y0, r.x1, r.y1)) for r in content.rules),
    )


def shaken(content: PageContent) -> PageContent:
    """Return the page with every edge of every word moved a little, the same way each time."""
    chance = random.Random(content.page)

    def moved(word: Word) -> Word:
        reach = SHAKE * word.box.height
        return replace(word, box=Box(*(edge + chance.uniform(-reach, reach) for edge in word.box)))

    return replace(content, words=tuple(map(moved, content.words)))


def each_word_a_line(content: PageContent) -> PageContent:
    """Return the page with every word a line of its own, as some programs write their PDFs."""
    return replace(content, words=tuple(replace(word, line=n) for n, word in enumerate(content.words)))


CHANGES: dict[str, Callable[[PageContent], PageContent]] = {
    "none": lambda content: content,
    "half the size": lambda content: resized(content, 0.5),
    "five times the size": lambda content: resized(content, 5.0),
    "moved": lambda content: resized(content, 1.0, SHIFT),
    "words and rules in reverse order": lambda content: replace(
        content, words=content.words[::-1], rules=content.rules[::-1]
    ),
    "called OCR": lambda content: replace(content, text_source="ocr"),
    "edges of words shaken": shaken,
    "nothing bold": lambda content: replace(
        content, words=tuple(replace(word, bold=False) for word in content.words)
    ),
    "every word a line of its own": each_word_a_line,
    "no vertical rule": lambda content: replace(
        content, rules=tuple(rule for rule in content.rules if rule.horizontal)
    ),
    "no rule": lambda content: replace(content, rules=()),
}
