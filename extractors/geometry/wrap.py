"""Which printed rows of a table are one row, because a label or a text was too long for its column.

In: a table's printed rows, already placed in columns. Out: runs of row numbers; each run is one row of the table.
A label goes on in the next line where it had to be broken (the next word would not have fitted), where its words say
so (a small letter, a comma), or where its lines are set closer than rows are. A section label is no broken label: the
rows after it stand deeper, or it ends with a colon.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from extractors.geometry.columns import Placed
from extractors.pages.rows import Measure

TIGHT = 0.85  # line heights of white; wrapped lines stand closer than this
LEVEL = 0.8  # of the usual distance between rows; values printed half way between the lines of their label
CLOSE = 0.85  # of the usual distance between rows; lines of one label are set closer than rows
SAME_STEP = 0.1  # of a distance between rows; smaller differences are none
BETWEEN = (0.35, 0.65)  # of the way from one row to the next; a label printed there belongs to both
NEIGHBOURS = 1.3  # times the usual distance between rows with values; rows farther apart share no label
INDENT = 0.2  # line heights; a smaller step to the right is no indent
FULL = 0.72  # of the label column; a label that ends before this was not broken for want of room
OPEN_END = re.compile(
    r"(?:[,;/&]|\w-|\b(?:and|or|of|the|to|in|for|from|by|with|on|at|und|der|die|et|de|des|y|e))$", re.I
)
SECTION_END = re.compile(r"[:：]$")
TOTAL_OF = re.compile(r"total (.+)")
HEADING_LETTERS = 8  # capitals that make a heading; fewer are an abbreviation
LOWER = re.compile(r"[a-zà-ÿ]{2,}|\([^()]*\)$")

Row = Sequence[Placed]


def row_groups(rows: Sequence[Row], scale: Measure, breaks: Sequence[float] = ()) -> list[list[int]]:
    """Return runs of consecutive row numbers that are one row each. `breaks` are heights of rules that part rows."""
    if not rows:
        return []
    facts = [_Row(row) for row in rows]
    labels = _labels(facts, scale)
    groups = [[0]]
    for number in range(1, len(facts)):
        above, here = [facts[n] for n in groups[-1]], facts[number]
        after = facts[number + 1] if number + 1 < len(facts) else None
        ruled = any(above[-1].middle < y < here.middle for y in breaks)
        tight = here.top - above[-1].bottom <= TIGHT * scale.height
        if tight and not ruled and _continues(above, here, after, labels):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def shared_labels(rows: Sequence[Row], breaks: Sequence[float] = ()) -> list[int]:
    """Return the numbers of rows that are a label alone, printed half way between two rows of values that have none."""
    facts = [_Row(row) for row in rows]
    valued = [row.middle for row in facts if row.values]
    steps = [below - above for above, below in zip(valued, valued[1:], strict=False)]
    shared = []
    for number in range(1, len(facts) - 1):
        above, here, below = facts[number - 1 : number + 2]
        apart = below.middle - above.middle
        level = BETWEEN[0] * apart <= here.middle - above.middle <= BETWEEN[1] * apart
        bare = all(row.values and not row.label for row in (above, below))
        ruled = any(above.middle < y < below.middle for y in breaks)
        alone = here.label and not here.others
        if alone and bare and level and not ruled and apart <= NEIGHBOURS * median(steps):
            shared.append(number)
    return shared


class _Row:
    """What of a placed row decides whether it goes on from the row above."""

    def __init__(self, row: Row) -> None:
        self.label = next((item for item in row if item.first == 0), None)
        self.others = [item for item in row if item.first > 0]
        self.values = any(item.piece.numeric for item in self.others)
        self.top = min(item.box.y0 for item in row)
        self.bottom = max(item.box.y1 for item in row)
        self.middle = (self.top + self.bottom) / 2
        self.left = self.label.box.x0 if self.label else math.inf
        self.text = self.label.piece.text if self.label else ""
        self.bold = self.label is not None and all(word.bold for word in self.label.piece.words)

    @property
    def capitals(self) -> bool:
        """The label is set in capitals throughout."""
        return self.text.isupper() and sum(map(str.isalpha, self.text)) >= HEADING_LETTERS

    @property
    def lower(self) -> bool:
        """The label starts with a small letter, or is a remark in brackets."""
        return bool(LOWER.match(self.text))


@dataclass(frozen=True, slots=True)
class _Labels:
    """The label column: where it starts and ends, how far apart its rows are (points)."""

    left: float
    limit: float
    pitch: float
    blank: float
    indent: float
    totalled: frozenset[
        str
    ]  # what rows further down are the totals of: "Total current assets" → "current assets"

    def broken(self, above: _Row, here: _Row) -> bool:
        """Tell whether the first word of `here` would not have fitted behind the label `above`."""
        if above.label is None or here.label is None:
            return False
        end = above.label.box.x1
        full = end - self.left > FULL * (self.limit - self.left)
        return full and end + self.blank + here.label.piece.words[0].box.width > self.limit + 0.3 * self.blank


def _labels(facts: Sequence[_Row], scale: Measure) -> _Labels:
    steps = [below.middle - above.middle for above, below in zip(facts, facts[1:], strict=False)]
    return _Labels(
        left=min((row.left for row in facts if row.label), default=0.0),
        limit=max((row.label.box.x1 for row in facts if row.label and row.label.last == 0), default=0.0),
        pitch=median(steps) if steps else scale.height,
        blank=scale.blank_points,
        indent=INDENT * scale.height,
        totalled=frozenset(
            found[1] for row in facts if row.values and (found := TOTAL_OF.match(_letters(row.text)))
        ),
    )


def _continues(above: Sequence[_Row], here: _Row, after: _Row | None, labels: _Labels) -> bool:
    """Tell whether `here` is a further line of the row whose lines `above` are."""
    last = above[-1]
    valued = any(row.others for row in above)
    if not here.label:
        return _goes_on_without_label(above, here, valued)
    if not last.label:
        half_way = here.middle - last.middle < LEVEL * labels.pitch and not here.others
        return half_way and (len(above) > 1 or here.lower)
    if here.others and valued:
        return False
    if here.capitals and not last.text.isupper() and not OPEN_END.search(last.text):
        return False  # a heading set in capitals below a row that is not
    if SECTION_END.search(last.text) or last.bold != here.bold or here.left < above[0].left - labels.indent:
        return False
    if not valued and _letters(" ".join(row.text for row in above)) in labels.totalled:
        return False  # the heading of the section that a total below closes
    if valued:
        return _tail_of_label(above, here, after, labels)
    return _head_of_label(above, here, after, labels)


def _letters(text: str) -> str:
    """Return a label's letters and digits in small print, for comparing."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _goes_on_without_label(above: Sequence[_Row], here: _Row, valued: bool) -> bool:
    """Values below the first line of their label, or further lines of text in columns that have text above."""
    if above[-1].label and not valued:
        return not SECTION_END.search(above[-1].text)
    columns = {item.first for row in above for item in row.others}
    return not here.values and all(item.first in columns for item in here.others)


def _tail_of_label(above: Sequence[_Row], here: _Row, after: _Row | None, labels: _Labels) -> bool:
    """The values stand in the first line: `here` is a label alone, and either belongs to them or to what follows."""
    step = here.middle - above[-1].middle
    if after and after.values and (not after.label or (after.lower and not here.lower)):
        return False  # the first line of the label of the values below
    if here.lower or OPEN_END.search(above[-1].text):
        return True
    nearer = after is None or after.middle - here.middle > (1 + SAME_STEP) * step
    if step < CLOSE * labels.pitch and nearer:
        return True
    hanging = here.left - above[0].left > labels.indent
    return (
        hanging and after is not None and after.label is not None and after.left < here.left - labels.indent
    )


def _head_of_label(above: Sequence[_Row], here: _Row, after: _Row | None, labels: _Labels) -> bool:
    """No values yet: `above` is the beginning of a label, or a section of its own."""
    if here.lower or OPEN_END.search(above[-1].text):
        return True
    deeper = here.left - above[0].left > labels.indent
    if deeper and len(above) > 1 and not here.others and abs(here.left - above[-1].left) <= labels.indent:
        return True  # one more line of a label that hangs below its first
    if deeper and after is not None and after.label is not None and after.left > here.left - labels.indent:
        return False  # what follows stands as deep as this row, so the row above heads them all
    return labels.broken(above[-1], here)
