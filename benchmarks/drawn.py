"""What the small reader reads on whole drawn documents, in fonts that it never saw, worn like scans.

    python benchmarks/drawn.py --worker-url URL [--model NAME] [--pages N] [--strength S] [--seed N] [--show]

Pages are drawn with the fonts kept for testing and read as a user's scans are: OCR says where words, rows and tables are, every row is
cut out, and the model reads it from the pixels. Prints the shares of number cells and label cells that the model alone read exactly,
letter by letter, before anything is compared with the page's words (a row that no strip shows counts as read wrong, and is counted
beside), and what the whole way makes of it: figures in the output that are not printed there and not flagged, and right ones flagged.
With `--show` every row that was misread is printed, and every figure that is not there.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from extractors.document import extract_document
from extractors.geometry.engine import read_tables
from extractors.pages.opening import OpenPage, open_document
from extractors.settings import Settings
from extractors.sources import Source, find_sources, identify
from extractors.training.amounts import plain
from extractors.training.drawing import DrawnPage, draw_page, save_document
from extractors.vision.asking import Problem
from extractors.vision.bands import RowBand
from extractors.vision.looks import RowReading
from extractors.vision.rowreader import ask_rows
from extractors.worker.client import WorkerClient

FOREIGN = 0.7  # share of letters that differ, above which a strip shows another row
SAME_ROW = 0.5  # of a strip's height that the parts of one row have in common
Row = Sequence[str]


def true_rows(page: DrawnPage) -> list[list[str]]:
    """Return the printed rows of a page's tables from top to bottom, the label first."""
    rows = []
    for table in page.tables:
        for _, cells in groupby(table.cells, key=lambda cell: cell.row):
            texts = {cell.col: plain(cell.text) for cell in cells}
            rows.append([texts.get(0, ""), *(text for col, text in sorted(texts.items()) if col)])
    return rows


def rows_by_the_model(page: OpenPage, client: WorkerClient, model: str) -> list[list[str]]:
    """Return what the model alone reads in a page's rows: the cells of each row's strips in one list."""
    asked = ask_rows(client, model, read_tables(page.content), page.content, page.render)
    rows: list[list[str]] = []
    last: RowBand | None = None
    for band, seen in asked:
        if last is None or band.table != last.table or band.box.y0 > last.box.y1 - SAME_ROW * last.box.height:
            rows.append([])
        last = band
        if isinstance(seen, RowReading):
            rows[-1] += [cell for cell in seen.cells if cell]
        elif isinstance(seen, Problem):
            print("  no answer:", seen.message)
    return rows


def pair(true: Sequence[Row], read: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Lay the printed rows beside the ones that were read, both from top to bottom; () where nothing was read."""
    cost = np.zeros((len(true) + 1, len(read) + 1))
    cost[:, 0] = FOREIGN * np.arange(len(true) + 1)
    unlike = np.array(
        [[Levenshtein.normalized_distance(" ".join(t), " ".join(r)) for r in read] for t in true]
    ).reshape(len(true), len(read))
    for i in range(1, len(true) + 1):
        for j in range(1, len(read) + 1):
            cost[i, j] = min(
                cost[i - 1, j] + FOREIGN, cost[i, j - 1], cost[i - 1, j - 1] + unlike[i - 1, j - 1]
            )
    out: list[tuple[Row, Row]] = []
    i, j = len(true), len(read)
    while i:
        if j and cost[i, j] == cost[i, j - 1]:
            j -= 1
        elif j and cost[i, j] == cost[i - 1, j - 1] + unlike[i - 1, j - 1]:
            i, j = i - 1, j - 1
            out.append((true[i], read[j]))
        else:
            i -= 1
            out.append((true[i], ()))
    return out[::-1]


def is_number(text: str) -> bool:
    """Tell whether a cell has a figure."""
    return any(letter.isdigit() for letter in text)


def score(true: Row, read: Row) -> Counter[str]:
    """Count a row's number cells and its label, and those that were read exactly. A label may stand on two strips."""
    seen = Counter(read)
    numbers = [text for text in true[1:] if is_number(text)]
    counts = Counter(numbers=len(numbers), numbers_right=sum((Counter(numbers) & seen).values()))
    if true[0]:
        starts = {" ".join(read[:k]) for k in range(1, 4)}
        counts += Counter(labels=1, labels_right=int(true[0] in starts))
    counts += Counter(rows=1, rows_unseen=int(not read))
    return counts


def verified(source: Source, drawn: DrawnPage, settings: Settings, show: bool) -> Counter[str]:
    """Count the figures that the whole way puts out: printed ones and others, and those of both that are flagged."""
    printed = Counter("".join(plain(cell.text).split()) for table in drawn.tables for cell in table.cells)
    counts: Counter[str] = Counter()
    for cell in extract_document(source, settings).cells:
        if not is_number(cell.text) or cell.value is None:
            continue
        text = "".join(plain(cell.text).split())
        right = printed[text] > 0
        printed[text] -= right
        if show and not right:
            print(
                "  not printed:",
                cell.text,
                "in row",
                cell.row,
                "flagged" if cell.needs_review else "not flagged",
            )
        counts[("right" if right else "wrong") + ("_flagged" if cell.needs_review else "")] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worker-url", required=True)
    parser.add_argument("--model", default="parquetry-reader")
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    pages = [draw_page(rng, "held_out", options.strength) for _ in range(options.pages)]
    settings = Settings(engine="vision", worker_urls=(options.worker_url,), model=options.model)
    client = WorkerClient(settings.worker_urls)
    alone: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for number, drawn in enumerate(pages):  # a page a document: each has its own notation
            path = Path(scratch) / f"drawn-{number}.pdf"
            save_document(path, [drawn], options.seed)
            source = identify(find_sources(str(path))[0], settings)
            with open_document(source, settings) as document:
                (page,) = document.pages()
                read_rows = rows_by_the_model(page, client, options.model)
            for true, read in pair(true_rows(drawn), read_rows):
                counts = score(true, read)
                alone.update(counts)
                right = counts["numbers_right"] + counts["labels_right"]
                if options.show and right < counts["numbers"] + counts["labels"]:
                    print("  printed", list(true), "\n  read   ", list(read))
            whole.update(verified(source, drawn, settings, options.show))
    client.close()
    print("the model alone:", f"numbers {alone['numbers_right'] / max(1, alone['numbers']):.1%} of {alone['numbers']},",
          f"labels {alone['labels_right'] / max(1, alone['labels']):.1%} of {alone['labels']};",
          f"{alone['rows_unseen']} of {alone['rows']} rows on no strip")  # fmt: skip
    print("with verification:", dict(whole))


if __name__ == "__main__":
    main()
