"""Lonely dashes in the ink of a page: nil figures are found, rules, dirt and hyphens of words are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from extractors.dashes import lonely_dashes
from schemas.box import Box
from schemas.page import Word

SCALE = 2.0  # pixels per point
WORDS = [
    Word("Goodwill", Box(10, 10, 60, 20), 0, 1.0),
    Word("1,234", Box(100, 10, 130, 20), 0, 1.0),
    Word("Dividends", Box(10, 30, 60, 40), 1, 1.0),
    Word("567", Box(112, 50, 130, 60), 2, 1.0),
    Word("Interest", Box(10, 50, 60, 60), 2, 1.0),
]


def page(*marks: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    ink = np.zeros((200, 400), dtype=bool)
    for x0, y0, x1, y1 in marks:
        ink[round(y0 * SCALE) : round(y1 * SCALE), round(x0 * SCALE) : round(x1 * SCALE)] = True
    return ink


def test_a_dash_on_a_row_and_in_a_column_is_a_word() -> None:
    (dash,) = lonely_dashes(page((122, 34.5, 128, 35.5)), WORDS, SCALE)
    assert (dash.text, dash.box.x0, dash.box.x1) == ("-", 122, 128)
    assert (dash.box.y0, dash.box.y1) == (30, 40)  # of the row it stands on
    assert dash.line == 3


def test_what_is_no_dash() -> None:
    assert lonely_dashes(page((122, 34.5, 124, 36.5)), WORDS, SCALE) == []  # a dot
    assert lonely_dashes(page((80, 34.5, 130, 35.5)), WORDS, SCALE) == []  # a rule
    assert lonely_dashes(page((122, 25, 128, 26)), WORDS, SCALE) == []  # between two rows
    assert lonely_dashes(page((75, 34.5, 81, 35.5)), WORDS, SCALE) == []  # in no column of figures
    assert (
        lonely_dashes(page((122, 34.5, 128, 35.5), (130, 33, 133, 38)), WORDS, SCALE) == []
    )  # beside other ink


def test_a_page_without_figures_has_none() -> None:
    assert lonely_dashes(page((122, 34.5, 128, 35.5)), [WORDS[0], WORDS[2]], SCALE) == []
