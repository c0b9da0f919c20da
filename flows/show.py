"""An output in the terminal: its documents, or one document's statements as tables, with flags of doubt.

A value in doubt is marked `?`, one whose check failed `✗`; the reasons stand below the table. Nothing is hidden that is
in doubt, and nothing is marked that is not.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.datasets import Datasets
from flows.progress import STATUS_STYLE
from flows.stored import Row, StoredDocument, find_document, known_documents, showable

KIND_TEXT = {
    "income_statement": "Income statement",
    "balance_sheet": "Balance sheet",
    "cash_flow_statement": "Cash flow statement",
    "comprehensive_income": "Comprehensive income",
    "equity_statement": "Statement of changes in equity",
    "table": "Table",
}
SCALE_TEXT = {1: "units", 1_000: "thousands", 10_000: "ten thousands", 1_000_000: "millions", 100_000_000: "hundred millions",
              1_000_000_000: "billions"}  # fmt: skip
MOST_REASONS = 12  # below one table; the rest is counted


def show_output(
    console: Console,
    uri: str,
    query: str | None,
    *,
    tables: bool = False,
    failures: bool = False,
    review: bool = False,
) -> None:
    """Print what was asked for. Raises UnreadableError or UsageError when there is no such output or document."""
    out = Datasets(uri)
    if query:
        documents = [find_document(out, query)]
    else:
        documents = [StoredDocument(out, known) for known in known_documents(out)]
    if failures:
        _show_failures(console, documents)
    elif review:
        _show_review(console, documents)
    elif query:
        _show_document(console, documents[0], tables)
    else:
        _show_documents(console, out)


def _show_documents(console: Console, out: Datasets) -> None:
    listing = Table("document", "status", "engine", header_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in ("pages", "tables", "facts", "review"):
        listing.add_column(name, justify="right")
    rows = sorted(out.load("documents").to_pylist(), key=lambda row: str(row["source_uri"]))
    for row in rows:
        listing.add_row(
            Text(
                showable(row["source_uri"].rsplit("/", 1)[-1])
                + (" (source gone)" if row["removed_at"] else "")
            ),
            Text(row["status"], style=STATUS_STYLE[row["status"]]),
            Text(f"{row['engine']} {row['model'] or ''}".strip()),
            *(f"{row[name]:,}" for name in ("n_pages", "n_tables", "n_facts", "n_needs_review")),
        )
    console.print(listing)
    console.print(
        f"{len(rows):,} documents. One of them: parquetry show {out.uri} NAME", highlight=False, markup=False
    )


def _show_document(console: Console, document: StoredDocument, tables: bool) -> None:
    row = document.rows["documents"][0]
    console.print(Text(showable(document.known.source_uri), style="bold"), soft_wrap=True)
    console.print(
        f"{row['status']}, {row['n_pages']} pages, {row['n_tables']} tables, {row['n_facts']} facts, "
        f"{row['n_needs_review']} to review, read by {row['engine']} {row['model'] or ''}",
        highlight=False, markup=False,
    )  # fmt: skip
    _show_failures(console, [document], quiet=True)
    wanted = document.rows["tables"] if tables else document.statements
    for table in wanted:
        console.print()
        console.print(_statement(document, table))
        for line in _doubts(document, table):
            console.print(line)
    if not wanted:
        hint = " Its tables: add --tables." if row["n_tables"] else ""
        console.print(f"No financial statement was found in it.{hint}", highlight=False)


def _statement(document: StoredDocument, table: Row) -> Table:
    """Return a table of a document as it was printed, with marks of doubt."""
    grid = document.grid(table["table_id"])
    shown = Table(
        title=_title(table), title_justify="left", title_style="bold", header_style="bold", padding=(0, 1)
    )
    for col in range(table["n_cols"]):
        head = [
            showable(grid[row, col]["text"]) for row in range(table["n_header_rows"]) if (row, col) in grid
        ]
        shown.add_column(Text("\n".join(head)), justify="left" if col == 0 else "right", overflow="fold")
    for row in range(table["n_header_rows"], table["n_rows"]):
        cells = [grid.get((row, col)) for col in range(table["n_cols"])]
        if not any(cells):
            continue
        roles = {cell["role"] for cell in cells if cell}
        style = "bold" if roles & {"total", "section"} else ""
        shown.add_row(*(_cell(document, cell) for cell in cells), style=style, end_section="total" in roles)
    return shown


def kind_text(table: Row) -> str:
    """Return what a table is, in words."""
    kind = KIND_TEXT.get(table["kind"]) or str(table["kind"])
    return kind + (" (not the primary one)" if table["primary"] is False else "")


def unit_text(table: Row) -> str:
    """Return a table's currency and scale in words; empty when neither is known."""
    scale = SCALE_TEXT.get(table["scale"]) or str(table["scale"] or "")
    return showable(f"{table['currency'] or ''} {scale}".strip())


def _title(table: Row) -> Text:
    first, last = table["page_first"], table["page_last"]
    pages = f"page {first}" if first == last else f"pages {first}–{last}"
    parts = (kind_text(table), showable(table["title"] or ""), unit_text(table), pages)
    return Text(" · ".join(part for part in parts if part))


def _cell(document: StoredDocument, cell: Row | None) -> Text:
    if cell is None:
        return Text("")
    text = Text(showable(cell["text"]))
    fact = document.facts_by_cell.get((cell["table_id"], cell["row"], cell["col"]))
    if fact and fact["check_status"] == "fail":
        text.append(" ✗", style="bold red")
    if cell["needs_review"] or (fact and fact["needs_review"]):
        text.append(" ?", style="bold yellow")
    return text


def _doubts(document: StoredDocument, table: Row) -> list[Text]:
    """Return why values of a table are in doubt: facts with their reasons, then failed checks."""
    doubtful = [f for f in document.rows["facts"] if f["table_id"] == table["table_id"] and f["needs_review"]]
    failed = [
        c for c in document.rows["checks"] if c["table_id"] == table["table_id"] and c["status"] == "fail"
    ]
    lines = [
        Text(
            f"  ? {showable(f['label'])} {showable(f['raw_text'])}: {showable(f['review_reason'] or 'in doubt')}",
            "yellow",
        )
        for f in doubtful
    ]
    lines += [
        Text(
            f"  ✗ {c['check']}: {showable(c['detail'])}; expected {c['expected']}, found {c['actual']}", "red"
        )
        for c in failed
    ]
    more = len(lines) - MOST_REASONS
    return lines[:MOST_REASONS] + (
        [Text(f"  … and {more} more: see the facts and checks datasets")] if more > 0 else []
    )


def _show_failures(console: Console, documents: list[StoredDocument], quiet: bool = False) -> None:
    """Print what did not work, one paragraph per failure: where, of what kind, and what to do about it."""
    told = 0
    for document in documents:
        if document.known.status == "ok":
            continue
        for failure in document.rows["failures"]:
            where = f", page {failure['page']}" if failure["page"] else ""
            tries = f", {failure['attempts']} attempts" if failure["attempts"] > 1 else ""
            line = Text(f"{failure['category']}", style="bold red")
            line.append(f"  {showable(document.name)}{where} ({failure['stage']}{tries})", style="bold")
            line.append(f"\n  {showable(failure['message'])}", style="not bold")
            console.print(line, soft_wrap=True)
            told += 1
    if not told and not quiet:
        console.print("No failures.")


def _show_review(console: Console, documents: list[StoredDocument]) -> None:
    shown = Table("document", "page", "statement", "label", "printed", "why", box=None, header_style="bold",
                  padding=(0, 2, 0, 0))  # fmt: skip
    for document in documents:
        for fact in document.rows["facts"]:
            if fact["needs_review"]:
                shown.add_row(
                    Text(showable(document.name)), str(fact["page"]), KIND_TEXT[fact["statement"]],
                    Text(showable(fact["label"])), Text(showable(fact["raw_text"])),
                    Text(showable(fact["review_reason"] or ""), overflow="fold"),
                )  # fmt: skip
    if shown.row_count:
        console.print(shown)
    else:
        console.print("No fact needs review.")
