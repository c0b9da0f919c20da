"""What comes out: one frozen Pydantic model per dataset row. Their Arrow twins are in `schemas.arrow`.

Names and columns are a contract: users' queries depend on them, so columns are added and never renamed or removed.
Every row but `Document` also carries `doc_id` in Parquet; in memory it belongs to the one document they came from.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.box import Box

SCHEMA_VERSION = "1"  # raised when the meaning of a column changes; part of every document's fingerprint

Status = Literal["ok", "partial", "failed"]
TextSource = Literal["text_layer", "ocr", "none"]
Source = Literal["text_layer", "ocr", "vision"]
Grounding = Literal["exact", "normalised", "mismatch", "unavailable"]
Reading = Literal[
    "text_layer",  # what the page's own text prints
    "ocr",
    "vision",
    "second_look",  # a failed check had the figure's pixels read anew, and they show another one, with which the check holds
    "mended",  # the characters that were read, taken for others (a point for a comma): only that makes a check hold
]
Role = Literal["column_header", "row_header", "section", "value", "total"]
StatementKind = Literal[
    "income_statement", "balance_sheet", "cash_flow_statement", "comprehensive_income", "equity_statement"
]
TableKind = Literal[
    "table",
    "income_statement",
    "balance_sheet",
    "cash_flow_statement",
    "comprehensive_income",
    "equity_statement",
]
CheckStatus = Literal["pass", "fail", "not_evaluable"]
FailureCategory = Literal[
    "encrypted",  # a password is needed
    "corrupt",  # the bytes are not what their type says, or break off
    "unsupported",  # not a PDF or an image that we read
    "empty",  # zero bytes or zero pages
    "too_large",  # above a limit on bytes, pages or pixels
    "timeout",  # ended by the clock
    "crash",  # the process that read it died
    "memory",  # ended by the memory limit
    "engine",  # the reading engine gave an error or an unusable answer
    "transport",  # a worker or a storage could not be reached
    "unreadable",  # the source could not be opened or changed while being read
    "write",  # the output could not be written
    "internal",  # a fault of ours
]


class Record(BaseModel):
    """Base of every dataset row: immutable, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Record):
    """One document: what it was, how it was read, how it ended."""

    doc_id: str  # sha256 of the bytes, hex
    fingerprint: str  # doc_id × engine × model × prompts × schema × render settings
    source_uri: str
    also_at: tuple[str, ...] = ()  # other names under which the same bytes were found
    media_type: str
    byte_size: int
    n_pages: int
    n_tables: int
    n_facts: int
    n_needs_review: int = 0
    status: Status
    engine: str
    model: str | None = None
    schema_version: str = SCHEMA_VERSION
    started_at: datetime
    seconds: float
    seconds_text: float | None = None  # of them, spent on getting words from the pages: text layer, OCR
    seconds_tables: float | None = (
        None  # on reading tables: the engine, second looks, a schema of the user's own
    )
    seconds_statements: float | None = None  # on joining, statements, facts and checks
    flow_run_id: str | None = None
    removed_at: datetime | None = (
        None  # when a run first found none of its sources any more; its rows are kept
    )


class Page(Record):
    """One page of a document."""

    page: int  # from 1
    width: float  # points, upright
    height: float  # points, upright
    rotation: int  # degrees clockwise applied to set it upright
    text_source: TextSource
    n_tiles: int = 0
    status: Status
    seconds: float


class Cell(Record):
    """One cell that holds text. Row and column count from 0 over the whole joined table."""

    table_id: str
    row: int
    col: int
    row_span: int = 1
    col_span: int = 1
    role: Role
    text: str
    value: Decimal | None = None  # as printed: sign applied, scale not applied
    unit: str | None = None
    page: int
    bbox: Box
    source: Source
    grounding: Grounding
    confidence: float
    needs_review: bool = False
    first_text: str | None = None  # what was read first, where a second look at the page gave `text`


class Table(Record):
    """One table, joined over the pages it covers."""

    table_id: str
    page_first: int
    page_last: int
    bbox: Box  # on page_first
    title: str | None = None
    kind: TableKind = "table"
    primary: bool | None = (
        None  # for a statement kind: the entity's own full statement, not an extract or look-alike
    )
    currency: str | None = None
    scale: int | None = None
    unit_text: str | None = None
    n_rows: int
    n_cols: int
    n_header_rows: int
    engine: str
    confidence: float
    html: str


class Fact(Record):
    """One value of a financial statement, in base units (scale and sign applied)."""

    fact_id: str
    table_id: str
    row: int
    col: int
    statement: StatementKind
    label: str
    label_path: tuple[str, ...]
    concept: str | None = None
    period_start: date | None = None
    period_end: date | None = None
    months: int | None = None
    currency: str | None = None
    scale: int | None = None
    raw_text: str
    value: Decimal | None = None
    page: int
    bbox: Box
    grounding: Grounding
    check_status: CheckStatus
    confidence: float
    needs_review: bool
    review_reason: str | None = None
    restated: bool = (
        False  # the column, or a note to its header, says that the period's figures were changed since
    )
    reading: Reading | None = None  # which reading gave the value
    first_text: str | None = None  # what was read first, where a second look at the page gave `raw_text`


class Check(Record):
    """An arithmetic or consistency check and how it ended."""

    table_id: str
    check: str
    detail: str
    column: int | None = None
    expected: Decimal | None = None
    actual: Decimal | None = None
    tolerance: Decimal | None = None
    status: CheckStatus


class Failure(Record):
    """Something that did not work, and what a person can do about it."""

    source_uri: str = ""
    page: int | None = None
    tile: int | None = None
    stage: str
    category: FailureCategory
    message: str
    attempts: int = 1
    retryable: bool = False
    raw_output: str | None = None
    at: datetime


class FoundValue(Record):
    """One value of an answer to a schema of the user's own, and where it is printed."""

    path: str  # where it stands in the answer, such as lines[2].amount
    read: str  # as the model gave it
    printed: str | None = None  # the words it was found in; None when it is printed nowhere
    page: int
    bbox: Box | None = None
    grounding: Grounding
    confidence: float  # probability of the least likely token that wrote it
    needs_review: bool
    note: str | None = None  # why a person should look


class OwnRow(Record):
    """One answer to a schema of the user's own. It stays JSON until it is written: only the user's model knows its types."""

    page: int  # first page it was read from
    page_last: int
    item: int  # which answer of that page, from 0
    answer: str  # JSON that fits the schema
    values: tuple[FoundValue, ...] = ()


class DocumentResult(Record):
    """Everything one document gives, ready to be written."""

    document: Document
    pages: tuple[Page, ...] = ()
    tables: tuple[Table, ...] = ()
    cells: tuple[Cell, ...] = ()
    facts: tuple[Fact, ...] = ()
    checks: tuple[Check, ...] = ()
    failures: tuple[Failure, ...] = ()
    own: tuple[OwnRow, ...] = ()  # of a schema of the user's own, where one was asked for
