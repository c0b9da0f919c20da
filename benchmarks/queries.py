"""What compaction does to queries: README's queries over many documents before and after it, with DuckDB and pandas.

    python -m benchmarks.queries [--documents 10000] [--folder FOLDER]

Draws the datasets of documents that were never read: rows as the sample documents have them (5 pages, 4 tables, 280 cells, 100 facts, 30
checks each; every tenth four times as many). Then it times each query in a process of its own, so that nothing is
warm but the disk's cache, compacts, and times again. Peaks of memory are those of the processes themselves.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.compact import FOLDER, compact, told
from flows.datasets import Datasets
from schemas.arrow import DATASETS, tables_of
from schemas.box import Box
from schemas.records import Cell, Check, Document, DocumentResult, Fact, Page, Table

SEED = 11
AT = datetime(2025, 3, 1, tzinfo=UTC)
CONCEPTS = tuple(f"us-gaap:Concept{number:03}" for number in range(120)) + ("us-gaap:Assets",)
RARE = "us-gaap:Rare"
RARITY = 1_000  # one document in so many has it
WORDS = (
    "Total",
    "assets",
    "net",
    "income",
    "cash",
    "other",
    "current",
    "liabilities",
    "deferred",
    "tax",
    "revenue",
    "equity",
)
TEMPLATES = 10  # documents that are built row by row; the others are these under other ids
ROUNDS = 3
Cost = tuple[float, float, float]

QUERIES = {
    "duckdb count of cells": "duckdb.sql(\"select count(*) from '{out}/cells/*.parquet'\").fetchall()",
    "duckdb README: facts of a concept": "duckdb.sql(\"select label, period_end, value, currency, page from '{out}/facts/*.parquet' "
    "where concept = 'us-gaap:Assets' and not needs_review order by period_end desc\").fetchall()",
    "duckdb a rare concept": "duckdb.sql(\"select * from '{out}/facts/*.parquet' where concept = '" + RARE + "'\").fetchall()",
    "duckdb one document's cells": "duckdb.sql(\"select * from '{out}/cells/*.parquet' where doc_id = '{doc_id}'\").fetchall()",
    "duckdb facts joined with documents": "duckdb.sql(\"select d.source_uri, sum(f.value) from '{out}/facts/*.parquet' f "
    "join '{out}/documents/*.parquet' d using (doc_id) group by all\").fetchall()",
    "pandas README: all facts": "pd.read_parquet('{out}/facts')",
    "pandas one document's cells": "pd.read_parquet('{out}/cells', filters=[('doc_id', '==', '{doc_id}')])",
}  # fmt: skip


def template(chance: random.Random, n_facts: int) -> DocumentResult:
    """Return a document of about the sample documents' proportions: `n_facts` facts and what goes with them."""
    box = Box(10.0, 20.0, 110.0, 32.0)
    n_cells, n_tables, n_pages, n_checks = (
        n_facts * 14 // 5,
        max(1, n_facts // 25),
        max(1, n_facts // 20),
        n_facts * 3 // 10,
    )

    def label() -> str:
        return " ".join(chance.choices(WORDS, k=3))

    def value() -> Decimal:
        return Decimal(chance.randrange(-(10**9), 10**9)) / 1000

    pages = tuple(Page(page=n + 1, width=612.0, height=792.0, rotation=0, text_source="text_layer", n_tiles=0, status="ok", seconds=0.1)
                  for n in range(n_pages))  # fmt: skip
    tables = tuple(
        Table(table_id=f"t{n + 1}", page_first=1, page_last=1, bbox=box, title=label(), kind="balance_sheet", primary=True, currency="USD",
              scale=1000, unit_text="in thousands", n_rows=20, n_cols=4, n_header_rows=1, engine="geometry", confidence=0.9,
              html="<table>" + "".join(f"<tr><td>{label()}</td><td>{value()}</td></tr>" for _ in range(20)) + "</table>")
        for n in range(n_tables)
    )  # fmt: skip
    cells = []
    for n in range(n_cells):
        number = value() if n % 3 else None
        cells.append(Cell(table_id=f"t{n % n_tables + 1}", row=n // 4, col=n % 4, role="value" if number else "row_header",
                          text=str(number) if number else label(), value=number, page=n % n_pages + 1, bbox=box, source="text_layer",
                          grounding="exact", confidence=0.9))  # fmt: skip
    facts = []
    for n in range(n_facts):
        number, text = value(), label()
        facts.append(Fact(fact_id=f"f{n}", table_id=f"t{n % n_tables + 1}", row=n, col=1, statement="balance_sheet", label=text,
                          label_path=("Assets", text), concept=CONCEPTS[n % len(CONCEPTS)] if n else CONCEPTS[-1],
                          period_end=date(2015 + n % 10, 12, 31), currency="USD", scale=1000, raw_text=str(number), value=number,
                          page=n % n_pages + 1, bbox=box, grounding="exact", check_status="pass", confidence=0.9,
                          needs_review=n % 40 == 39))  # fmt: skip
    checks = tuple(
        Check(table_id=f"t{n % n_tables + 1}", check="total", detail=f"{label()} against the rows above it", column=1, expected=value(),
              actual=value(), tolerance=Decimal(1), status="pass") for n in range(n_checks)
    )  # fmt: skip
    document = Document(
        doc_id="", fingerprint="", source_uri="", media_type="application/pdf", byte_size=100_000, n_pages=n_pages, n_tables=n_tables,
        n_facts=n_facts, status="ok", engine="geometry", started_at=AT, seconds=0.5,
    )  # fmt: skip
    return DocumentResult(
        document=document, pages=pages, tables=tables, cells=tuple(cells), facts=tuple(facts), checks=checks
    )


def draw(out: Datasets, n_documents: int) -> str:
    """Write the datasets, a file per document as a run does, without waiting for the disk. Return the doc_id of one in the middle."""
    chance = random.Random(SEED)
    made = [tables_of(template(chance, 100 * (1 + 3 * (number % 10 == 9)))) for number in range(TEMPLATES)]
    out.prepare()
    out.prepare_datasets()
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(n_documents)]
    for number, doc_id in enumerate(ids):
        own = {
            "doc_id": doc_id,
            "fingerprint": f"{doc_id[:39]}-k",
            "source_uri": f"/reports/{number // 100}/{number}.pdf",
        }
        for name, table in made[number % TEMPLATES].items():
            for column in own.keys() & set(table.column_names):
                table = with_column(table, column, pa.repeat(own[column], table.num_rows))
            if name == "facts" and number % RARITY == 0:
                concepts = pa.array(
                    [RARE, *table["concept"].to_pylist()[1:]], table.schema.field("concept").type
                )
                table = with_column(table, "concept", concepts)
            pq.write_table(table, out.path(name, f"{doc_id}.parquet"), compression="zstd")
    return ids[n_documents // 2]


def with_column(table: pa.Table, name: str, values: pa.Array[Any]) -> pa.Table:
    """Return the table with other values in one column."""
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def timed(query: str) -> Cost:
    """Return (seconds, seconds of CPU time, peak in MB) of a query in a process of its own, without its imports."""
    program = (
        "import time, duckdb, pandas as pd, pyarrow.dataset\n"
        "duckdb.sql('select 1').fetchall()\n"
        f"began, used = time.perf_counter(), time.process_time(); {query}\n"
        "seconds, cpu = time.perf_counter() - began, time.process_time() - used\n"
        "peak = int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) / 1000\n"
        "print(seconds, cpu, peak)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, cpu, peak = map(float, done.stdout.split()[-3:])  # DuckDB's progress bar may stand before
    return seconds, cpu, peak


def sizes(out: Datasets, below: str = "") -> str:
    """Return how many files and bytes the datasets have."""
    files = [path for name in DATASETS for path in Path(out.path(below, name)).iterdir()]
    return f"{len(files):,} files, {sum(path.stat().st_size for path in files) / 1e6:,.0f} MB"


def all_queries(root: str, doc_id: str, rounds: int) -> dict[str, Cost]:
    """Return (median of seconds, median of seconds of CPU time, peak in MB) by query."""
    found = {}
    for name, query in QUERIES.items():
        runs = [timed(query.replace("{out}", root).replace("{doc_id}", doc_id)) for _ in range(rounds)]
        found[name] = (
            statistics.median(run[0] for run in runs),
            statistics.median(run[1] for run in runs),
            max(run[2] for run in runs),
        )
        print(f"  {name}: {found[name][0]:.2f} s, CPU {found[name][1]:.2f} s", file=sys.stderr)
    return found


def compacted(root: str) -> str:
    """Compact in a process of its own; return what it says of itself, with its processor time and peak."""
    program = [sys.executable, "-m", "benchmarks.queries", "--only-compact", root]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Draw, time, compact, time again, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only-compact", metavar="OUT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_compact:
        done = compact(Datasets(given.only_compact))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(f"{told(done)}, CPU {time.process_time():.1f} s, peak {peak:.0f} MB")
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        out = Datasets(Path(folder) / "out")
        doc_id = draw(out, given.documents)
        print(f"{given.documents:,} documents: {sizes(out)}", flush=True)
        before = all_queries(out.root, doc_id, given.rounds)
        print(f"first: {compacted(out.root)}; {sizes(out, FOLDER)}", flush=True)
        print(f"nothing changed: {compacted(out.root)}", flush=True)
        out.replace(doc_id, {name: out.read(name, doc_id) for name in DATASETS})
        print(f"one document changed: {compacted(out.root)}", flush=True)
        after = all_queries(f"{out.root}/{FOLDER}", doc_id, given.rounds)
        print("\n| query | one file per document: seconds, CPU, peak | compacted | CPU |\n|---|--:|--:|--:|")
        for name, (seconds, cpu, peak) in before.items():
            now, now_cpu, now_peak = after[name]
            print(
                f"| {name} | {seconds:.2f} s, {cpu:.2f} s, {peak:.0f} MB | {now:.2f} s, {now_cpu:.2f} s, {now_peak:.0f} MB | {cpu / now_cpu:.0f} × less |"
            )


if __name__ == "__main__":
    main()
