"""Pages typed on a grid: each character is 6 points wide, each line 12 points high, so that tests read as they print."""

from __future__ import annotations

import re
from dataclasses import replace

from schemas.box import Box
from schemas.page import PageContent, Rule, TableFragment, Word

WIDTH, HEIGHT, SIZE = 6.0, 12.0, 10.0  # of a character, of a line, of the type (points)


def typed_page(text: str, rules: tuple[Rule, ...] = (), **changes: object) -> PageContent:
    """Return the page that `text` draws; its first line is at the top. `*word*` is bold."""
    words = []
    for number, line in enumerate(text.strip("\n").splitlines()):
        for match in re.finditer(r"\S+", line):
            bold = match.group().startswith("*")
            box = Box(match.start() * WIDTH, number * HEIGHT, match.end() * WIDTH - 1, number * HEIGHT + SIZE)
            words.append(Word(match.group().strip("*"), box, number, 1.0, SIZE, bold))
    content = PageContent(
        page=1, width=600, height=800, rotation=0, text_source="text_layer", words=tuple(words), rules=rules
    )
    return replace(content, **changes)  # type: ignore[arg-type]


def across(line: float, start: int, end: int) -> Rule:
    """A horizontal rule under printed line `line` from character `start` to `end`."""
    y = line * HEIGHT + SIZE + 1
    return Rule(start * WIDTH - 2, y, end * WIDTH, y)


def grid_of(table: TableFragment) -> list[list[str]]:
    """The texts of a table by row and column; a cell with spans shows where it starts."""
    rows = [[""] * table.n_cols for _ in range(table.n_rows)]
    for cell in table.cells:
        rows[cell.row][cell.col] = cell.text
    return rows
