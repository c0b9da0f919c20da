"""How a page that reads from right to left (Hebrew, Arabic) is read by rules that go from left to right.

In: a page's words and rules in points. Out: the same seen in a mirror, in which labels stand at the left and words follow
each other in reading order, and the word that each mirrored one stands for. Numbers and Latin words keep their own
order inside a line, as they do in print.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from extractors.pages.rows import Measure, measure, printed_rows
from schemas.box import Box
from schemas.page import Rule, Word

RIGHT_TO_LEFT = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"
)  # Hebrew, Arabic and their presentation forms
SHARE = 0.5  # of the words with letters are of such a script
RUN_GAP = 2.0  # blanks; words from left to right that are closer form one run, which keeps its order


def reads_from_the_right(words: Sequence[Word]) -> bool:
    """Tell whether most words with letters are of a script that is written from right to left."""
    own = sum(RIGHT_TO_LEFT.search(word.text) is not None for word in words)
    return own > 0 and own > SHARE * sum(any(letter.isalpha() for letter in word.text) for word in words)


def mirrored_words(words: Sequence[Word], width: float) -> tuple[tuple[Word, ...], dict[int, Word]]:
    """Return the words of a page `width` points wide in a mirror, and by `id` of each the printed word."""
    scale = measure(words)
    result: list[Word] = []
    printed: dict[int, Word] = {}
    for row in printed_rows(words):
        for run in _runs(row.words, scale):
            ends = run[0].box.x0 + run[-1].box.x1
            for word in run:
                x0, y0, x1, y1 = word.box
                shift = width - ends
                box = (
                    Box(x0 + shift, y0, x1 + shift, y1)
                    if len(run) > 1
                    else Box(width - x1, y0, width - x0, y1)
                )
                result.append(replace(word, box=box))
                printed[id(result[-1])] = word
    return tuple(result), printed


def mirrored_rules(rules: Sequence[Rule], width: float) -> tuple[Rule, ...]:
    """Return the rules of a page `width` points wide in a mirror."""
    return tuple(replace(rule, x0=width - rule.x1, x1=width - rule.x0) for rule in rules)


def mirrored_box(box: Box, width: float) -> Box:
    """Return a box of a page `width` points wide as it stands in the mirror; twice is where it was."""
    return Box(width - box.x1, box.y0, width - box.x0, box.y1)


def _runs(words: Sequence[Word], scale: Measure) -> list[list[Word]]:
    """Words of one line from left to right; neighbours without a letter of the script are one run."""
    runs: list[list[Word]] = []
    for word in words:
        plain = RIGHT_TO_LEFT.search(word.text) is None
        last = runs[-1][-1] if runs else None
        near = last is not None and word.box.x0 - last.box.x1 <= RUN_GAP * scale.blank_points
        if plain and last is not None and near and RIGHT_TO_LEFT.search(last.text) is None:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs
