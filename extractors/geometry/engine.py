"""The tables of a page, read from words, their boxes and ruled lines alone, without a model.

In: a `PageContent` from a text layer or from OCR. Out: `TableFragment`s in page coordinates, top to bottom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from extractors.engine import EngineReading, Render
from extractors.geometry.captions import outside_lines, titled
from extractors.geometry.draft import Draft, DraftCell
from extractors.geometry.mirror import mirrored_rules, mirrored_words, reads_from_the_right
from extractors.geometry.openreader import read_open
from extractors.geometry.pagecolumns import page_columns
from extractors.geometry.regions import find_regions, is_chart
from extractors.geometry.ruledreader import read_ruled, with_rows_beside
from extractors.geometry.rulings import find_grids
from extractors.pages.rows import (
    is_typed_rule,
    is_value,
    level_words,
    line_height,
    measure,
    printed_rows,
    typed_rule,
)
from schemas.box import union
from schemas.page import PageContent, ReadCell, Rule, TableFragment, Word
from schemas.records import Failure, FailureCategory

__all__ = ["GeometryEngine", "outside_lines", "read_tables"]

RULE_ABOVE = 0.6  # line heights; how far above a cell's words its rule may run


class GeometryEngine:
    """The embedded reader: needs no weights and no worker."""

    name = "geometry"
    model: str | None = None
    prompts: str | None = None

    def read_page(self, content: PageContent, render: Render) -> EngineReading:
        """Read the tables of one page. `render` is not used: words and rules are enough."""
        try:
            return EngineReading(read_tables(content))
        except MemoryError:
            category: FailureCategory = "memory"
            message = (
                f"the tables of page {content.page} need more memory than max_memory allows; raise it and run "
                "retry-failed."
            )
        except Exception as error:  # one odd page must not end its document
            category = "internal"
            message = (
                f"the tables of page {content.page} were not read ({type(error).__name__}: {error}); "
                "please report it with the document, and read the page with --engine vision."
            )
        failure = Failure(
            page=content.page, stage="tables", category=category, message=message, at=datetime.now(UTC)
        )
        return EngineReading((), failures=(failure,))


def read_tables(content: PageContent) -> tuple[TableFragment, ...]:
    """Return the tables of a page, top to bottom; of a page read from right to left, column 0 is the rightmost."""
    if reads_from_the_right(content.words):
        words, printed = mirrored_words(content.words, content.width)
        mirror = replace(content, words=words, rules=mirrored_rules(content.rules, content.width))
        fragments = _fragments(mirror, printed)
    else:
        fragments = _fragments(content)
    return titled(content, fragments, measure(content.words)) if fragments else ()


def _fragments(content: PageContent, printed: Mapping[int, Word] | None = None) -> list[TableFragment]:
    """The tables of a page; `printed` gives the words behind those of a mirrored one by `id`."""
    words = [word for word in content.words if not is_typed_rule(word)]
    rules = [*content.rules, *(typed_rule(word) for word in content.words if is_typed_rule(word))]
    if not words:
        return []
    rows = printed_rows(words)
    scale = measure(words, rows)
    drafts: list[Draft] = []
    for grid in (with_rows_beside(grid, rows, scale) for grid in find_grids(rules, scale.height)):
        inside = [word for word in words if grid.box.contains_center(word.box)]
        draft = read_ruled(grid, inside, scale, scanned=content.text_source == "ocr")
        if draft is not None:
            drafts.append(draft)
            taken = {id(word) for word in inside}
            words = [word for word in words if id(word) not in taken]
    for rows in page_columns(printed_rows(level_words(words)), scale):
        drafts.extend(read_open(region, rules, scale) for region in find_regions(rows, rules, scale))
    fragments = [_fragment(draft, content, printed) for draft in drafts if _is_table(draft)]
    return sorted(fragments, key=lambda fragment: (fragment.box.y0, fragment.box.x0))


def _is_table(draft: Draft) -> bool:
    return (
        draft.n_cols > 1
        and draft.n_rows > 1
        and not is_chart([(cell.row, cell.col, cell.text) for cell in draft.cells])
    )


def _fragment(draft: Draft, content: PageContent, printed: Mapping[int, Word] | None) -> TableFragment:
    cells = sorted(draft.cells, key=lambda cell: (cell.row, cell.col))
    across = [rule for rule in content.rules if rule.horizontal]
    read = [_cell(cell, content, across, draft.lefts[cell.col]) for cell in cells]
    if printed is not None:
        read = [_as_printed(cell, draft, printed) for cell, draft in zip(read, cells, strict=True)]
    return TableFragment(
        page=content.page,
        box=union(cell.box for cell in read),
        n_rows=draft.n_rows,
        n_cols=draft.n_cols,
        n_header_rows=draft.n_header_rows,
        cells=tuple(read),
        engine="geometry",
    )


def _as_printed(cell: ReadCell, draft: DraftCell, printed: Mapping[int, Word]) -> ReadCell:
    """A cell read in the mirror with the boxes of its words on the page."""
    words = [printed[id(word)] for word in draft.words]
    value = [word for word in words if any(letter.isdigit() for letter in word.text)]
    boxes = {
        "box": union(word.box for word in words),
        "value_box": union(word.box for word in value) if cell.value_box else None,
    }
    return cell.model_copy(update=boxes)


def _cell(cell: DraftCell, content: PageContent, across: Sequence[Rule], left: float) -> ReadCell:
    words, box, text = cell.words, cell.box, cell.text
    value = (
        [word for word in words if any(letter.isdigit() for letter in word.text)] if is_value(text) else []
    )
    height = line_height(words)
    ocr = content.text_source == "ocr"
    ruled_above = any(
        -RULE_ABOVE * height <= (rule.y0 + rule.y1) / 2 - box.y0 <= 0.25 * height
        and rule.x0 < box.x1
        and box.x0 < rule.x1
        for rule in across
    )
    return ReadCell(
        page=content.page,
        row=cell.row,
        col=cell.col,
        row_span=cell.row_span,
        col_span=cell.col_span,
        text=text,
        box=box,
        value_box=union(word.box for word in value) if value else None,
        source="ocr" if ocr else "text_layer",
        grounding="unavailable" if ocr else "exact",
        confidence=min(word.confidence for word in words),
        indent=max(0.0, box.x0 - left),
        bold=all(word.bold for word in words),
        ruled_above=ruled_above,
    )
