"""What is printed on one page, before anybody has decided what it means: words, rules, and what an engine read.

Everything here lives in memory between two stages and is never written to Parquet as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.box import Box
from schemas.records import Failure, Grounding, OwnRow, Source, TextSource


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters without white space, from the text layer or from OCR."""

    text: str
    box: Box
    line: int  # words with the same number stand on one printed line of one block, in the text source's own order
    confidence: float = 1.0  # 1 for a trusted text layer, else the recogniser's score
    size: float = 0.0  # font size in points; 0 when unknown (OCR)
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight horizontal or vertical line, or a thin filled rectangle that acts as one."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def horizontal(self) -> bool:
        """True for a horizontal rule."""
        return self.x1 - self.x0 >= self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class PageContent:
    """The marks of one upright page that table finding and grounding work on."""

    page: int  # from 1
    width: float  # points
    height: float  # points
    rotation: int  # degrees clockwise that were applied to set the page upright
    text_source: TextSource
    words: tuple[Word, ...]
    rules: tuple[Rule, ...] = ()
    images: tuple[Box, ...] = ()  # where raster images are placed, points
    skew: float = 0.0  # degrees that a scan was turned by to make its lines level


class Frozen(BaseModel):
    """Base of the immutable records."""

    model_config = ConfigDict(frozen=True)


class Line(Frozen):
    """A printed line of text outside the tables: titles, captions, unit notes, running headers."""

    text: str
    box: Box
    size: float = 0.0  # points
    bold: bool = False


class ReadCell(Frozen):
    """A cell as an engine read it. Rows and columns count from 0 inside its fragment, or its joined table."""

    page: int
    row: int
    col: int
    row_span: int = 1
    col_span: int = 1
    text: str
    box: Box  # around the cell's own words (not the ruled frame)
    value_box: Box | None = None  # the word that carries the number, when the cell holds one
    source: Source
    grounding: Grounding = "unavailable"
    confidence: float = 1.0
    indent: float = 0.0  # points between the column's left edge and the text's first letter
    bold: bool = False
    ruled_above: bool = False  # a horizontal rule stands just above the cell: the sign of a total
    note: str | None = None  # what grounding or a second reading has to say, for `review_reason`
    other_text: str | None = None  # what another reading of the same cell gave, where it is not `text`
    first_text: str | None = None  # what was read first, where a later look at the page gave `text`


class TableFragment(Frozen):
    """The part of a table that stands on one page, as one engine read it."""

    page: int
    box: Box
    n_rows: int
    n_cols: int
    n_header_rows: int
    cells: tuple[ReadCell, ...]  # only cells that hold text; row-major
    title: str | None = None
    engine: str
    confidence: float = 1.0
    unclaimed: tuple[Line, ...] = ()  # numbers printed inside its frame that none of its cells holds


class JoinedTable(Frozen):
    """A whole table: one fragment, or several from consecutive pages whose rows follow each other."""

    table_id: str
    fragments: tuple[TableFragment, ...]  # in page order
    n_rows: int
    n_cols: int
    n_header_rows: int
    cells: tuple[ReadCell, ...]  # rows count over the whole table; repeated headers are dropped
    title: str | None = None
    above: tuple[
        Line, ...
    ] = ()  # lines above it on its first page, top first: title, unit note, running header
    below: tuple[Line, ...] = ()  # lines below it on its last page, top first


@dataclass(frozen=True, slots=True)
class PageReading:
    """All that later stages need to know of a page; its pixels and words are gone."""

    page: int
    width: float
    height: float
    rotation: int
    text_source: TextSource
    fragments: tuple[TableFragment, ...] = ()
    lines: tuple[Line, ...] = ()
    failures: tuple[Failure, ...] = ()
    n_tiles: int = 0
    seconds: float = 0.0
    seconds_text: float = 0.0  # of them, before the engine began: text layer, OCR
    status: Literal["ok", "partial", "failed"] = "ok"
    notes: tuple[str, ...] = field(default=())
    own: tuple[OwnRow, ...] = ()  # answers to a schema of the user's own
    skew: float = 0.0  # degrees that a scan was turned by to make its lines level
