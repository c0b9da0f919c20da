"""An HTML page per document: the picture of each page beside its tables, boxes drawn, doubts marked.

In: an output root. Out: files that need no network, run no script, and show a document's text only as text.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from extractors.errors import UsageError, WriteError
from extractors.settings import Settings, read_settings
from flows.datasets import Datasets
from flows.pictures import page_pictures
from flows.show import kind_text, unit_text
from flows.stored import Row, StoredDocument, find_document, known_documents, showable

MOST_PAGES = 80  # with a picture in one report: about 15 MB
REPORTS = "report"  # folder under a local output root


def write_reports(uri: str, query: str | None, to: Path | None) -> Iterator[Path]:
    """Write the reports and yield their paths. Raises UnreadableError, UsageError or WriteError."""
    out = Datasets(uri)
    if to is None and not out.local:
        raise UsageError(f"{uri} is not a local folder; say with --to where the reports go.")
    folder = to or Path(out.path(REPORTS))
    documents = (
        [find_document(out, query)] if query else [StoredDocument(out, k) for k in known_documents(out)]
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for document in documents:
            path = folder / f"{file_name(document)}.html"
            path.write_text(report_html(document, read_settings()), encoding="utf-8")
            yield path
    except OSError as error:
        raise WriteError(
            f"The reports cannot be written to {folder} ({error}); choose another place with --to."
        ) from error


def file_name(document: StoredDocument) -> str:
    """Return a name for a document's report that is safe on every disk and different for every document."""
    stem = re.sub(r"[^\w-]+", "-", document.name.rsplit(".", 1)[0]).strip("-")[:80]
    return f"{stem or 'document'}-{document.known.doc_id.removeprefix('unread-')[:8]}"


def report_html(document: StoredDocument, settings: Settings) -> str:
    """Return the report of one document."""
    row = document.rows["documents"][0]
    tables_of_page: dict[int, list[Row]] = defaultdict(list)
    for table in sorted(
        document.rows["tables"], key=lambda t: (t["page_first"], t["bbox"]["y0"], t["bbox"]["x0"])
    ):
        tables_of_page[table["page_first"]].append(table)
    boxes = _boxes(document)
    wanted = sorted({*tables_of_page, *boxes})
    shown = [page for page in document.rows["pages"] if page["page"] in wanted[:MOST_PAGES]]
    rotations = {page["page"]: page["rotation"] for page in shown}
    pictures, why = (
        page_pictures(row["source_uri"], row["doc_id"], rotations, settings) if rotations else ({}, "")
    )
    pages = [
        {
            "number": page["page"],
            "width": round(page["width"], 1) or 1,
            "height": round(page["height"], 1) or 1,
            "picture": base64.b64encode(pictures[page["page"]]).decode() if page["page"] in pictures else "",
            "why": why,
            "boxes": boxes.get(page["page"], []),
            "tables": [_table(document, table) for table in tables_of_page.get(page["page"], [])],
        }
        for page in sorted(shown, key=lambda p: p["page"])
    ]
    return _template().render(
        name=showable(document.name),
        document={name: showable(value) if isinstance(value, str) else value for name, value in row.items()},
        failures=[{**f, "message": showable(f["message"])} for f in document.rows["failures"]],
        pages=pages,
        left_out=max(0, len(wanted) - MOST_PAGES),
    )


@cache
def _template() -> Template:
    folder = Path(__file__).parent
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html")


def _boxes(document: StoredDocument) -> dict[int, list[dict[str, Any]]]:
    """Return what is drawn on each page: the tables, then their cells, the doubtful ones last and so on top."""
    drawn: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for table in document.rows["tables"]:
        drawn[table["page_first"]].append(
            _box(table["bbox"], _id(table["table_id"]), "table", kind_text(table))
        )
    rank = {"text": 0, "value": 1, "doubt": 2, "bad": 3}
    cells = [(cell, _kind(document, cell)) for cell in document.rows["cells"]]
    for cell, kind in sorted(cells, key=lambda pair: rank.get(pair[1], 0)):
        told = f"{showable(cell['text'])} ({cell['grounding']})"
        drawn[cell["page"]].append(_box(cell["bbox"], _cell_id(cell), kind, told))
    return drawn


def _box(bbox: Row, name: str, kind: str, told: str) -> dict[str, Any]:
    return {
        "id": name, "kind": kind, "told": told, "x": round(bbox["x0"], 1), "y": round(bbox["y0"], 1),
        "width": round(max(0.0, bbox["x1"] - bbox["x0"]), 1), "height": round(max(0.0, bbox["y1"] - bbox["y0"]), 1),
    }  # fmt: skip


def _kind(document: StoredDocument, cell: Row) -> str:
    fact = document.facts_by_cell.get((cell["table_id"], cell["row"], cell["col"]))
    if fact and fact["check_status"] == "fail":
        return "bad"
    if cell["needs_review"] or (fact and fact["needs_review"]):
        return "doubt"
    return "value" if cell["role"] in ("value", "total") else "text"


def _table(document: StoredDocument, table: Row) -> dict[str, Any]:
    grid = document.grid(table["table_id"])
    taken: set[tuple[int, int]] = set()
    rows = []
    for row in range(table["n_rows"]):
        line = []
        for col in range(table["n_cols"]):
            if (row, col) in taken:
                continue
            cell = grid.get((row, col))
            if cell is None:
                line.append(
                    {
                        "tag": "td",
                        "kind": "",
                        "rows": 1,
                        "cols": 1,
                        "told": "",
                        "link": "",
                        "text": "",
                        "mark": "",
                    }
                )
                continue
            spanned = {
                (r, c) for r in range(row, row + cell["row_span"]) for c in range(col, col + cell["col_span"])
            }
            if spanned & (taken | grid.keys()) - {(row, col)}:
                spanned = {(row, col)}  # a span over another cell would push the row out of its columns
            taken |= spanned
            line.append(_cell(document, cell, spanned))
        rows.append(line)
    unit = showable(table["unit_text"] or unit_text(table))
    kind = kind_text(table)
    title = f"{kind}: {showable(table['title'])}" if table["title"] else kind
    return {"title": title, "unit": unit, "rows": rows, "doubts": _doubts(document, table)}


def _cell(document: StoredDocument, cell: Row, spanned: set[tuple[int, int]]) -> dict[str, Any]:
    kind = _kind(document, cell)
    fact = document.facts_by_cell.get((cell["table_id"], cell["row"], cell["col"]))
    told = [f"{cell['grounding']} on page {cell['page']}"]
    if fact:
        told += [
            f"{fact['value']} {fact['currency'] or ''}".strip(),
            str(fact["period_end"] or ""),
            fact["review_reason"] or "",
        ]
    return {
        "tag": "th" if cell["role"] == "column_header" else "td",
        "kind": f"{cell['role']} {kind}",
        "rows": len({r for r, _ in spanned}),
        "cols": len({c for _, c in spanned}),
        "told": showable(" · ".join(part for part in told if part)),
        "link": _cell_id(cell),
        "text": showable(cell["text"]),
        "mark": {"bad": "✗", "doubt": "?"}.get(kind, ""),
    }


def _doubts(document: StoredDocument, table: Row) -> list[dict[str, str]]:
    facts = [f for f in document.rows["facts"] if f["table_id"] == table["table_id"] and f["needs_review"]]
    checks = [
        c for c in document.rows["checks"] if c["table_id"] == table["table_id"] and c["status"] == "fail"
    ]
    return [
        {"kind": "doubt", "text": showable(f"{f['label']} {f['raw_text']}: {f['review_reason'] or 'in doubt'}")} for f in facts
    ] + [
        {"kind": "bad", "text": showable(f"{c['check']}: {c['detail']}; expected {c['expected']}, found {c['actual']}")}
        for c in checks
    ]  # fmt: skip


def _id(table_id: str) -> str:
    return "t-" + re.sub(r"\W+", "-", table_id)


def _cell_id(cell: Row) -> str:
    return f"{_id(cell['table_id'])}-{cell['row']}-{cell['col']}"
