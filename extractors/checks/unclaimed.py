"""Which numbers are printed inside a table and stand in none of its cells? A page's words and a table → what was left out.

In: a `TableFragment` as an engine read it and the words of its page, in points. Out: the same fragment with `unclaimed`. A reader
that drops a row, or takes a figure for nothing, leaves no trace in what it gives; the page's own words do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.amount import parse_amount
from schemas.page import Line, TableFragment, Word
from schemas.remember import remembered

REACH = 1.0  # points around a cell's words that still are the cell's


def with_unclaimed(fragments: Sequence[TableFragment], words: Sequence[Word]) -> tuple[TableFragment, ...]:
    """Return the fragments, each with the printed numbers inside its frame that no cell of the page holds."""
    numbers = [word for word in words if _is_number(word.text)]
    if not numbers or not fragments:
        return tuple(fragments)
    boxes = [cell.box.grow(REACH) for fragment in fragments for cell in fragment.cells]
    boxes += [cell.value_box.grow(REACH) for f in fragments for cell in f.cells if cell.value_box]
    x0, y0, x1, y1 = np.array(boxes, float).reshape(-1, 4).T[:, :, None]
    x, y = np.array([word.box.center for word in numbers]).T
    held = ((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)).any(axis=0)
    loose = [word for word, claimed in zip(numbers, held, strict=True) if not claimed]
    if not loose:
        return tuple(fragments)
    return tuple(
        fragment.model_copy(
            update={
                "unclaimed": tuple(
                    Line(text=word.text, box=word.box)
                    for word in loose
                    if fragment.box.contains_center(word.box)
                )
            }
        )
        for fragment in fragments
    )


@remembered
def _is_number(text: str) -> bool:
    if not any(letter.isdecimal() for letter in text):  # raised marks are digits, but no decimal ones
        return False
    amount = parse_amount(text)
    return amount is not None and amount.value is not None
