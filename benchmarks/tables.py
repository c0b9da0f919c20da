"""How exactly tables are read: relation F1, strict F1 and mean per table over a folder of PDFs with truth, and seconds.

    python benchmarks/tables.py TRUTH_DIR --scorer SCORER_DIR [--raster DPI | --changes] [--each] [--only STEM ...]
                                          [--peers NAME ... --peer-python PYTHON]

TRUTH_DIR holds `tables.jsonl` (one table a line: doc, pages, cells with r0, r1, c0, c1, text), or `*.truth.json`
statements, of which the share of rows given exactly as printed is counted. SCORER_DIR holds `tables_eval.py`,
`statements_eval.py` and `peers.py`, which runs other readers under the same scorer; they need an environment of their
own. With `--raster` every page is first turned into a noisy grey picture at DPI and read by OCR. With `--changes` the same pages are read
again in other sizes, orders and dresses (`changed_pages.py`), a line of figures for each.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pymupdf
from changed_pages import CHANGES
from statements import rasterised

from extractors.geometry.engine import read_tables
from extractors.pages.opening import open_document
from extractors.pages.textlayer import text_layer
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.page import TableFragment


def read(path: Path, raster: int | None = None, change: str = "none") -> list[TableFragment]:
    if raster is None:
        with pymupdf.open(path) as document:
            contents = [CHANGES[change](text_layer(page, None)) for page in document]
        return [table for content in contents for table in read_tables(content)]
    settings = Settings()
    with tempfile.TemporaryDirectory() as scratch:
        (listed,) = find_sources(str(rasterised(path, raster, Path(scratch))))
        with open_document(identify(listed, settings), settings) as document:
            return [table for page in document.pages() for table in read_tables(page.content)]


def as_truth(table: TableFragment) -> dict[str, Any]:
    cells = [
        {"r0": c.row, "r1": c.row + c.row_span - 1, "c0": c.col, "c1": c.col + c.col_span - 1, "text": c.text}
        for c in table.cells
    ]
    return {"page": table.page, "cells": cells}


def as_rows(table: TableFragment) -> list[list[str]]:
    rows: list[list[str]] = [[""] * table.n_cols for _ in range(table.n_rows)]
    for cell in table.cells:
        rows[cell.row][cell.col] = cell.text
    return rows


def score_tables(
    folder: Path, scorer: Any, options: argparse.Namespace, change: str = "none"
) -> dict[str, Any]:
    wanted = collections.defaultdict(list)
    for line in (folder / "tables.jsonl").read_text().splitlines():
        table = json.loads(line)
        if not table.get("alternate") and (not options.only or table["doc"] in options.only):
            wanted[table["doc"]].append({"page": table["pages"][0], "cells": table["cells"]})
    results, seconds, pages = [], 0.0, 0
    for doc, truth in sorted(wanted.items()):
        start = time.perf_counter()
        tables = read(folder / f"{doc}.pdf", options.raster, change)
        seconds += time.perf_counter() - start
        with pymupdf.open(folder / f"{doc}.pdf") as document:
            pages += len(document)
        results.append(scorer.score_document([as_truth(table) for table in tables], truth))
        if options.each:
            summary = scorer.summarise(results[-1:])
            figures = [summary[key] for key in ("rel_f1", "rel_f1_strict", "mean_table_rel_f1", "tables")]
            print(doc, *figures, [round(f, 2) for f in results[-1]["per_table_rel_f1"]])
    return {
        **scorer.summarise(results),
        "seconds": round(seconds, 2),
        "pages_per_second": round(pages / seconds, 1),
    }


def score_statements(folder: Path, scorer: Any, options: argparse.Namespace) -> dict[str, Any]:
    total: collections.Counter[str] = collections.Counter()
    seconds, pages = 0.0, 0
    for path in sorted(folder.glob("*.truth.json")):
        truth = json.loads(path.read_text())
        if options.only and path.name.split(".")[0] not in options.only:
            continue
        start = time.perf_counter()
        tables = read(folder / truth["doc"], options.raster)
        seconds += time.perf_counter() - start
        with pymupdf.open(folder / truth["doc"]) as document:
            pages += len(document)
        rows = [row for table in tables for row in as_rows(table)]
        counts = scorer.printed_rows_recall(rows, truth)
        total.update(counts)
        if options.each:
            print(path.name, dict(counts))
            for statement in truth["statements"]:
                for row in statement["rows"]:
                    alone = {"statements": [{**statement, "rows": [row]}]}
                    missed = scorer.printed_rows_recall(rows, alone)
                    if missed["rows"] and not missed["hit"]:
                        print("   ", statement["page"], row["label"], row["values"])
    figures = {
        "rows_as_printed": total["hit"] / total["rows"],
        "values": total["values_hit"] / total["values"],
    }
    return {**{k: round(v, 4) for k, v in figures.items()}, "rows": total["rows"], "seconds": round(seconds, 2),
            "pages_per_second": round(pages / seconds, 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("truth", type=Path)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--each", action="store_true", help="a line for each document too")
    parser.add_argument("--raster", type=int, metavar="DPI", help="read noisy pictures of the pages by OCR")
    parser.add_argument(
        "--changes", action="store_true", help="read the pages in other sizes and dresses too"
    )
    parser.add_argument("--peers", nargs="*", default=[], metavar="NAME", help="other readers, see peers.py")
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter that has them")
    options = parser.parse_args()
    sys.path.insert(0, str(options.scorer))
    if (options.truth / "tables.jsonl").exists():
        scorer = importlib.import_module("tables_eval")
        for change in CHANGES if options.changes else ("none",):
            figures = score_tables(options.truth, scorer, options, change)
            print(json.dumps({"change": change, **figures} if options.changes else figures), flush=True)
    else:
        print(
            json.dumps(score_statements(options.truth, importlib.import_module("statements_eval"), options))
        )
    for peer in options.peers:
        subprocess.run(
            [options.peer_python, str(options.scorer / "peers.py"), str(options.truth), peer], check=True
        )


if __name__ == "__main__":
    main()
