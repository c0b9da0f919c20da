"""How one document becomes records. `extract_document` is the table of contents; every stage stands there once, in order.

In: a `Source` and `Settings`. Out: a `DocumentResult` with the rows of all seven datasets. No Prefect, no Parquet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from extractors.assemble import join_tables
from extractors.checks import check_statements
from extractors.choose import choose_engine
from extractors.engine import Engine
from extractors.errors import ParquetryError
from extractors.facts import state_facts
from extractors.gather import cell_records, describe, failed_document, overall, page_records, table_records
from extractors.geometry import outside_lines
from extractors.pages import OpenPage, open_document
from extractors.second_look import confirm_numbers
from extractors.settings import Settings
from extractors.sources import Source
from extractors.statements import find_statements
from schemas.page import PageReading
from schemas.records import DocumentResult

OnPage = Callable[[int, int], None]  # (pages read, pages in the document)


def extract_document(
    source: Source, settings: Settings, *, on_page: OnPage | None = None, flow_run_id: str | None = None
) -> DocumentResult:
    """Read one document in this process and return its rows.

    A document that cannot be read never raises: it comes back with status `failed` and a row in `failures`. Hostile
    documents can still hang or crash the process; `extractors.isolation` reads the pages in one that can be killed.
    """
    started = datetime.now(UTC)
    engine = choose_engine(settings)
    try:
        readings = tuple(read_pages(source, settings, engine, on_page=on_page))
    except ParquetryError as error:
        return failed_document(source, settings, engine, error, started, flow_run_id)
    return assemble_document(source, settings, engine, readings, started, flow_run_id)


def read_pages(
    source: Source, settings: Settings, engine: Engine, first: int = 1, on_page: OnPage | None = None
) -> Iterator[PageReading]:
    """Yield the readings of a document's pages from page `first` on, one at a time; nothing else is kept.

    Raises one of `extractors.errors` when the document cannot be opened at all.
    """
    with open_document(source, settings) as document:
        for page in document.pages(first):
            yield read_page(page, engine)
            if on_page:
                on_page(page.content.page, document.n_pages)


def read_page(page: OpenPage, engine: Engine) -> PageReading:
    """Read the tables of one page, look twice at numbers of scans, and keep what later stages need."""
    start = time.perf_counter()
    content = page.content
    reading = engine.read_page(content, page.render)
    fragments = confirm_numbers(reading.fragments, content, page.render)
    failures = (*page.failures, *reading.failures)
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
        status="failed" if page.failed else "partial" if failures else "ok",
    )


def assemble_document(
    source: Source,
    settings: Settings,
    engine: Engine,
    readings: Sequence[PageReading],
    started: datetime,
    flow_run_id: str | None = None,
) -> DocumentResult:
    """Turn the readings of all pages into the document's rows."""
    joined = join_tables(readings, source.doc_id)
    statements = find_statements(joined, readings)
    stated = tuple(fact for statement in statements for fact in state_facts(statement))
    facts, checks = check_statements(statements, stated)
    tables = table_records(joined, statements)
    cells = cell_records(joined, facts)
    failures = tuple(f.model_copy(update={"source_uri": source.uri}) for r in readings for f in r.failures)
    counts = {
        "n_pages": len(readings),
        "n_tables": len(tables),
        "n_facts": len(facts),
        "n_needs_review": sum(cell.needs_review for cell in cells),
    }
    document = describe(source, settings, engine, started, flow_run_id, overall(readings, failures), counts)
    return DocumentResult(
        document=document,
        pages=page_records(readings),
        tables=tables,
        cells=cells,
        facts=facts,
        checks=checks,
        failures=failures,
    )
