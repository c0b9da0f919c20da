"""Which tables stand on a page? Read from words, their boxes and ruled lines alone, without a model.

In: a `PageContent` from a text layer or from OCR. Out: `TableFragment`s in page coordinates, top to bottom, and the
`Line`s of text outside them.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractors.columns import Placed, find_columns, place
from extractors.engine import EngineReading, Render
from extractors.regions import find_regions
from extractors.rows import Piece, PrintedRow, blank_width, has_digits, line_height, pieces, printed_rows
from schemas.box import Box, union
from schemas.page import Line, PageContent, ReadCell, TableFragment, Word


class GeometryEngine:
    """The embedded reader: needs no weights and no worker."""

    name = "geometry"
    model: str | None = None
    prompts: str | None = None

    def read_page(self, content: PageContent, render: Render) -> EngineReading:
        """Read the tables of one page. `render` is not used: words and rules are enough."""
        return EngineReading(read_tables(content))


def read_tables(content: PageContent) -> tuple[TableFragment, ...]:
    """Return the tables of a page, top to bottom."""
    words = [word for word in content.words if word.text.strip()]
    rows = printed_rows(words)
    blank, height = blank_width(rows), line_height(words)
    fragments = [read_rows(region, content, blank) for region in find_regions(rows, blank, height)]
    return tuple(fragment for fragment in fragments if fragment.n_cols > 1)


def read_rows(rows: Sequence[PrintedRow], content: PageContent, blank: float) -> TableFragment:
    columns = find_columns(rows, blank)
    placed = [place(row, columns, blank) for row in rows]
    n_header = 0
    for row in placed:
        if any(item.first > 0 and has_digits(item.piece.text) and not _year(item.piece.text) for item in row):
            break
        n_header += 1
    cells = [
        _cell(item, number, content, columns[item.first].x0)
        for number, row in enumerate(placed)
        for item in row
    ]
    return TableFragment(
        page=content.page,
        box=union(row.box for row in rows),
        n_rows=len(placed),
        n_cols=len(columns),
        n_header_rows=n_header,
        cells=tuple(cells),
        engine="geometry",
    )


def _year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and text[:2] in ("19", "20")


def _cell(item: Placed, row: int, content: PageContent, left: float) -> ReadCell:
    source = "ocr" if content.text_source == "ocr" else "text_layer"
    words = item.piece.words
    value = (
        [word for word in words if any(letter.isdigit() for letter in word.text)]
        if item.piece.numeric
        else []
    )
    return ReadCell(
        page=content.page,
        row=row,
        col=item.first,
        col_span=item.last - item.first + 1,
        text=item.piece.text,
        box=item.box,
        value_box=union(word.box for word in value) if value else None,
        source=source,
        grounding="exact" if source == "text_layer" else "unavailable",
        confidence=min(word.confidence for word in words),
        indent=max(0.0, item.box.x0 - left),
        bold=all(word.bold for word in words),
    )


def outside_lines(content: PageContent, fragments: Sequence[TableFragment]) -> tuple[Line, ...]:
    """Return the printed lines of text that no table holds, top to bottom."""
    boxes = [fragment.box for fragment in fragments]
    words = [word for word in content.words if not any(box.contains_center(word.box) for box in boxes)]
    rows = printed_rows(words)
    blank = blank_width(rows)
    return tuple(_line(piece) for row in rows for piece in pieces(row.words, 2 * blank))


def _line(piece: Piece) -> Line:
    words: tuple[Word, ...] = piece.words
    return Line(
        text=piece.text,
        box=Box(*piece.box),
        size=max(word.size for word in words),
        bold=all(word.bold for word in words),
    )
