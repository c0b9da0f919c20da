"""What the small reader reads on scans of real statements, before and after anything is compared with the page.

    python benchmarks/reader.py TRUTH_DIR --scorer SCORER_DIR --worker-url URL [--model NAME] [--raster DPI] [--only STEM ...]

TRUTH_DIR holds PDFs and `*.truth.json` statements, SCORER_DIR `statements_eval.py`; the worker serves a reader of rows. With `--raster`
every page is first turned into a noisy grey picture at DPI; otherwise pages keep their own form. Prints, for each document and overall,
the share of printed values in rows whose values the model alone read exactly (their words only said where the rows are), strips per
second, and what the whole way makes of it: recall, precision, silent errors and right values that were flagged.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from statements import as_predicted, documents, rasterised

from extractors.document import extract_document
from extractors.geometry.engine import read_tables
from extractors.pages.opening import open_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from extractors.vision.asking import Problem
from extractors.vision.rowreader import ask_rows, match, printed_cells
from extractors.worker.client import WorkerClient


def rows_by_the_model(path: Path, settings: Settings) -> tuple[list[list[str]], int, float]:
    """Return the rows of a document's tables as the model alone read them, the number of strips, and seconds of reading them."""
    client = WorkerClient(settings.worker_urls)
    rows: list[list[str]] = []
    strips, seconds = 0, 0.0
    with open_document(identify(find_sources(str(path))[0], settings), settings) as document:
        for page in document.pages():
            tables = read_tables(page.content)
            began = time.perf_counter()
            asked = ask_rows(client, settings.model, tables, page.content, page.render)
            seconds += time.perf_counter() - began
            strips += len(asked)
            for number, table in enumerate(tables):
                read: dict[tuple[int, int], str] = {}
                for band, outcome in asked:
                    if band.table != number or isinstance(outcome, Problem):
                        continue
                    for index, text, _ in match(printed_cells(table, band), outcome):
                        cell = table.cells[index]
                        at = (cell.row, cell.col)
                        read[at] = f"{read[at]} {text}" if at in read else text
                rows += [[read.get((r, c), "") for c in range(table.n_cols)] for r in range(table.n_rows)]
    client.close()
    return rows, strips, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("truth", type=Path)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--worker-url", required=True)
    parser.add_argument("--model", default="parquetry-reader")
    parser.add_argument("--raster", type=int, metavar="DPI")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    sys.path.insert(0, str(options.scorer))
    scorer = importlib.import_module("statements_eval")
    settings = Settings(engine="vision", worker_urls=(options.worker_url,), model=options.model)
    printed, counts, strips, seconds = Counter[str](), [], 0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for stem, path, truth in documents(options.truth, options.only):
            source = rasterised(path, options.raster, Path(scratch)) if options.raster else path
            rows, n, spent = rows_by_the_model(source, settings)
            alone = scorer.printed_rows_recall(rows, truth)
            result = extract_document(identify(find_sources(str(source))[0], settings), settings)
            facts = [as_predicted(fact) for fact in result.facts if fact.value is not None]
            counts.append(scorer.score_document(facts, truth))
            printed.update(alone)
            strips, seconds = strips + n, seconds + spent
            share = round(alone["values_hit"] / max(1, alone["values"]), 4)
            print(stem, "read exactly", share, json.dumps(scorer.summarise(counts[-1:])), flush=True)
    print("read exactly, before verification:", round(printed["values_hit"] / max(1, printed["values"]), 4),
          f"of {printed['values']} values;", strips, "strips,", round(strips / max(seconds, 1e-9), 1), "a second")  # fmt: skip
    print(json.dumps(scorer.summarise(counts)))


if __name__ == "__main__":
    main()
