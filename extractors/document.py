"""How one document becomes records. `extract_document` is the table of contents; every stage stands there once, in order.

In: a `Source` and `Settings`. Out: a `DocumentResult` with the rows of all seven datasets. No Prefect, no Parquet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from extractors.assemble import join_tables
from extractors.checks.check import check_statements
from extractors.checks.dates import with_doubted_days
from extractors.checks.look_again import Eyes, look_again
from extractors.checks.unclaimed import with_unclaimed
from extractors.choose import choose_engine
from extractors.engine import Engine
from extractors.errors import MemoryExceededError, ParquetryError
from extractors.facts import state_facts
from extractors.gather import cell_records, describe, failed_document, overall, page_records, table_records
from extractors.geometry.engine import outside_lines
from extractors.own.reader import OwnReader, document_rows, open_own
from extractors.own.schema import load_own
from extractors.pages.opening import OpenDocument, OpenPage, failure, looked_once, open_document
from extractors.pages.second_look import confirm_numbers
from extractors.settings import Settings, fingerprint_of, reading_key
from extractors.sources import Source
from extractors.statements.statement import Statement, find_statements
from schemas.page import JoinedTable, PageReading
from schemas.records import Check, DocumentResult, Fact, Failure

OnPage = Callable[[int, int], None]  # (pages read, pages in the document)


def extract_document(
    source: Source, settings: Settings, *, on_page: OnPage | None = None, flow_run_id: str | None = None
) -> DocumentResult:
    """Read one document in this process and return its rows.

    A document that cannot be read never raises: it comes back with status `failed` and a row in `failures`. Hostile
    documents can still hang or crash the process; `extractors.isolation.pool` reads the pages in one that can be killed.
    """
    started = datetime.now(UTC)
    engine, own = choose_engine(settings), open_own(settings)
    try:
        version = own.version() if own else None
        with open_document(source, settings) as opened:
            readings = tuple(read_opened(opened, engine, 1, on_page, own))
            result = assemble_document(source, settings, engine, readings, started, flow_run_id, opened)
    except ParquetryError as error:
        return failed_document(source, settings, engine, error, started, flow_run_id)
    key = reading_key(settings, engine.name, engine.model, engine.prompts, version)
    document = result.document.model_copy(update={"fingerprint": fingerprint_of(source.doc_id, key)})
    return result.model_copy(update={"document": document})


def read_pages(
    source: Source,
    settings: Settings,
    engine: Engine,
    first: int = 1,
    on_page: OnPage | None = None,
    own: OwnReader | None = None,
) -> Iterator[PageReading]:
    """Yield the readings of a document's pages from page `first` on, one at a time; nothing else is kept.

    Raises one of `extractors.errors` when the document cannot be opened at all.
    """
    with open_document(source, settings) as opened:
        yield from read_opened(opened, engine, first, on_page, own)


def read_opened(
    opened: OpenDocument,
    engine: Engine,
    first: int = 1,
    on_page: OnPage | None = None,
    own: OwnReader | None = None,
) -> Iterator[PageReading]:
    """Yield the readings of an open document's pages from page `first` on."""
    for page in opened.pages(first):
        yield read_safely(page, engine, own)
        if on_page:
            on_page(page.content.page, opened.n_pages)


def read_safely(page: OpenPage, engine: Engine, own: OwnReader | None = None) -> PageReading:
    """Read a page; a fault of ours on one page must not cost the others."""
    try:
        return read_page(page, engine, own)
    except ParquetryError as error:
        return failed_reading(page.content.page, error)
    except MemoryError:
        return failed_reading(
            page.content.page, MemoryExceededError("the page needs more memory than max_memory.")
        )
    except Exception as error:
        fault = ParquetryError(f"reading the page failed ({type(error).__name__}: {error}); report this.")
        return failed_reading(page.content.page, fault)


def failed_reading(number: int, error: ParquetryError) -> PageReading:
    """Return the reading of a page of which nothing could be read."""
    return PageReading(
        number, 0.0, 0.0, 0, "none", failures=(failure(error, "page", number),), status="failed"
    )


def read_page(page: OpenPage, engine: Engine, own: OwnReader | None = None) -> PageReading:
    """Read the tables of one page, look twice at numbers of scans, and keep what later stages need.

    With `own` the page is read for the user's schema as well.
    """
    start = time.perf_counter()
    content = page.content
    reading = engine.read_page(content, page.render)
    looked, n_left = confirm_numbers(reading.fragments, content, page.render, page.until)
    fragments = with_unclaimed(looked, content.words)
    own_rows, own_failures = own.read_page(content, page.render) if own else ((), ())
    late = (looked_once(content.page, n_left),) if n_left else ()
    failures = (*page.failures, *reading.failures, *own_failures, *late)
    return PageReading(
        page=content.page,
        width=content.width,
        height=content.height,
        rotation=content.rotation,
        text_source=content.text_source,
        fragments=fragments,
        lines=outside_lines(content, fragments),
        failures=failures,
        n_tiles=reading.n_tiles,
        seconds=page.seconds + time.perf_counter() - start,
        seconds_text=page.seconds,
        status="failed" if page.failed else "partial" if failures else "ok",
        own=own_rows,
        skew=content.skew,
    )


def assemble_document(
    source: Source,
    settings: Settings,
    engine: Engine,
    readings: Sequence[PageReading],
    started: datetime,
    flow_run_id: str | None = None,
    opened: OpenDocument | None = None,
) -> DocumentResult:
    """Turn the readings of all pages into the document's rows.

    With the document still `opened`, figures of scans that a failed check points at are looked at again.
    """
    start = time.perf_counter()
    joined = join_tables(readings, source.doc_id)
    eyes = Eyes(opened.render, settings.ocr, engine) if opened else None
    joined, statements, facts, checks, faults = understand(joined, readings, eyes)
    tables = table_records(joined, statements)
    cells = cell_records(joined, facts)
    failures = (*(f for r in readings for f in r.failures), *faults)
    own = tuple(row for r in readings for row in r.own)
    if own and settings.own_schema:
        own = document_rows(own, load_own(settings.own_schema, settings.examples, settings.own_rows))
    counts = {
        "n_pages": len(readings),
        "n_tables": len(tables),
        "n_facts": len(facts),
        "n_needs_review": sum(cell.needs_review for cell in cells)
        + sum(value.needs_review for row in own for value in row.values),
    }
    document = describe(source, settings, engine, started, flow_run_id, overall(readings, failures), counts)
    text = sum(reading.seconds_text for reading in readings)
    stages = {
        "seconds_text": text,
        "seconds_tables": sum(reading.seconds for reading in readings) - text,
        "seconds_statements": time.perf_counter() - start,
    }
    return DocumentResult(
        document=document.model_copy(update=stages),
        pages=page_records(readings),
        tables=tables,
        cells=cells,
        facts=facts,
        checks=checks,
        failures=tuple(f.model_copy(update={"source_uri": source.uri}) for f in failures),
        own=own,
    )


def understand(
    tables: Sequence[JoinedTable], readings: Sequence[PageReading], eyes: Eyes | None = None
) -> tuple[
    tuple[JoinedTable, ...],
    tuple[Statement, ...],
    tuple[Fact, ...],
    tuple[Check, ...],
    tuple[Failure, ...],
]:
    """Find the statements, look again where their figures contradict each other, state their facts and check them.

    Returns the tables as well, with what was set right. A fault of ours here costs the facts, not the tables.
    """
    tables = tuple(tables)
    try:
        if eyes:
            tables = look_again(tables, readings, eyes)
        statements = find_statements(tables, readings)
        stated = with_doubted_days([fact for statement in statements for fact in state_facts(statement)])
        return tables, statements, *check_statements(statements, stated), ()
    except Exception as error:
        fault = ParquetryError(
            f"the statements could not be read ({type(error).__name__}: {error}); the tables are complete. Report this."
        )
        return tables, (), (), (), (failure(fault, "statements", None),)
