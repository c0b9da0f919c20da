"""Which printed rows of a table are one row, because a label or a text was too long for its column?

In: a table's printed rows, already placed in columns. Out: runs of row numbers; each run is one row of the table.
A label is taken to be wrapped only where it had to be: the next word would not have fitted in the label column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import median

from extractors.columns import Placed

TIGHT = 0.85  # line heights of white; wrapped lines stand closer than this
LEVEL = 0.8  # of the usual distance between rows; values printed half way between the lines of their label
CLOSE = 0.85  # of the usual distance between rows; lines of one label are set closer than rows
SAME_STEP = 0.1  # of a step between rows; smaller differences are none
INDENT = 0.2  # line heights; a smaller step to the right is no indent
FULL = 0.72  # of the label column; a label that ends before this was not broken for want of room
OPEN_END = re.compile(
    r"(?:[,;/&]|\w-|\b(?:and|or|of|the|to|in|for|from|by|with|on|at|und|der|die|et|de|des|y|e))$", re.I
)
SECTION_END = re.compile(r"[:：]$")
LOWER = re.compile(r"[a-zà-ÿ]{2,}|\([^()]*\)$")

Row = Sequence[Placed]


def row_groups(
    rows: Sequence[Row], height: float, blank: float, breaks: Sequence[float] = ()
) -> list[list[int]]:
    """Return runs of consecutive row numbers that are one row each. `breaks` are heights of rules that part rows."""
    if not rows:
        return []
    facts = [_Row(row) for row in rows]
    limit = max((row.label.box.x1 for row in facts if row.label and row.label.last == 0), default=0.0)
    left = min((row.label.box.x0 for row in facts if row.label), default=0.0)
    steps = [b.middle - a.middle for a, b in zip(facts, facts[1:], strict=False)]
    pitch = median(steps) if steps else height
    apart = [any(a.middle < y < b.middle for y in breaks) for a, b in zip(facts, facts[1:], strict=False)]
    groups = [[0]]
    for number in range(1, len(facts)):
        above, here = [facts[n] for n in groups[-1]], facts[number]
        after = facts[number + 1] if number + 1 < len(facts) else None
        joins = not apart[number - 1] and here.top - above[-1].bottom <= TIGHT * height
        if joins and _continues(above, here, after, limit, left, height, blank, pitch):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


class _Row:
    """What of a placed row decides whether it goes on from the row above."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.label = next((item for item in row if item.first == 0), None)
        self.others = [item for item in row if item.first > 0]
        self.values = any(item.piece.numeric for item in self.others)
        self.top = min(item.box.y0 for item in row)
        self.bottom = max(item.box.y1 for item in row)
        self.middle = (self.top + self.bottom) / 2
        self.bold = (
            bool(self.label) and all(word.bold for word in self.label.piece.words) if self.label else False
        )

    @property
    def text(self) -> str:
        return self.label.piece.text if self.label else ""


def _continues(
    above: Sequence[_Row],
    here: _Row,
    after: _Row | None,
    limit: float,
    left: float,
    height: float,
    blank: float,
    pitch: float,
) -> bool:
    last = above[-1]
    valued = any(row.others for row in above)
    if not here.label:
        if last.label and not valued:  # values printed below the first line of their label
            return bool(here.others) and not SECTION_END.search(last.text)
        columns = {item.first for row in above for item in row.others}
        return not here.values and all(item.first in columns for item in here.others)
    if not last.label:
        half_way = here.middle - last.middle < LEVEL * pitch and not here.others
        return half_way and (len(above) > 1 or _lower(here.text))
    if valued and not here.others and after and not after.label and after.values:
        return False  # the label of the values that follow
    if here.others and valued:
        return False
    if SECTION_END.search(last.text) or last.bold != here.bold:
        return False
    step = here.label.box.x0 - above[0].label.box.x0 if above[0].label else 0.0
    if step < -INDENT * height:
        return False
    first_word = here.label.piece.words[0].box.width
    end = last.label.box.x1
    full = end + blank + first_word > limit + 0.3 * blank and end - left > FULL * (limit - left)
    lower = _lower(here.text) or bool(OPEN_END.search(last.text))
    close = step >= 0 and here.middle - last.middle < CLOSE * pitch
    if valued:
        if after and after.values and _lower(after.text) and not _lower(here.text):
            return False  # the first line of the label below
        if after and after.middle - here.middle < (1 + SAME_STEP) * (here.middle - last.middle):
            close = False  # as close to the row below
        return lower or close or (step > INDENT * height and _indent(after, here) < -INDENT * height)
    if step > INDENT * height and _indent(after, here) > -INDENT * height:
        return lower  # what follows stands as deep as this row, so the row above heads them all
    return lower or full


def _lower(text: str) -> bool:
    return bool(LOWER.match(text))


def _indent(after: _Row | None, here: _Row) -> float:
    """How much deeper the label of the row after starts, points; far to the left where there is none."""
    return after.label.box.x0 - here.label.box.x0 if after and after.label and here.label else -math.inf
