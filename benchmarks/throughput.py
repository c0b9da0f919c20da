"""Born-digital pages per second per core: the whole run beside other table readers, on the same files, in one run.

    make bench-throughput [DOCS=folder]      # installs the peers into an environment of their own
    python benchmarks/throughput.py FOLDER [--peers NAME,NAME] [--peer-python PYTHON]

Every reader runs in a fresh process of its own, pinned to one core where the system can, over the same PDFs. Ours is
the whole way: pages, tables, statements, facts, checks and the seven Parquet files. A peer that cannot
run is named with its reason. What is printed is the ratio to ours:
this machine's seconds mean little, the ratio within one run does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEERS = ("pymupdf4llm", "camelot-stream", "camelot-hybrid", "pdfplumber", "img2table")


def read_ours(paths: list[Path]) -> int:
    """Run the whole pipeline in this process, Parquet included; return the number of tables."""
    from extractors.document import extract_document
    from extractors.settings import Settings
    from extractors.sources import find_sources, identify
    from flows.datasets import Datasets
    from schemas.arrow import tables_of

    settings, n = Settings(engine="geometry"), 0
    with tempfile.TemporaryDirectory() as folder:
        out = Datasets(folder)
        out.prepare()
        out.prepare_datasets()
        for path in paths:
            (listed,) = find_sources(path)
            result = extract_document(identify(listed, settings), settings)
            out.replace(result.document.doc_id, tables_of(result))
            n += len(result.tables)
    return n


def read_peer(name: str, paths: list[Path]) -> int:
    """Read the tables of all pages with another library; return their number."""
    n = 0
    for path in paths:
        if name == "pymupdf4llm":
            import pymupdf4llm

            n += pymupdf4llm.to_markdown(str(path), show_progress=False).count("\n|---")
        elif name.startswith("camelot"):
            import camelot

            n += len(
                camelot.read_pdf(str(path), pages="all", flavor=name.split("-")[1], suppress_stdout=True)
            )
        elif name == "pdfplumber":
            import pdfplumber

            with pdfplumber.open(path) as pdf:
                n += sum(len(page.extract_tables()) for page in pdf.pages)
        elif name == "img2table":
            from img2table.document import PDF

            found = PDF(str(path)).extract_tables(borderless_tables=True, implicit_rows=True)
            n += sum(len(tables) for tables in found.values())
    return n


def measure(name: str, folder: Path, python: str = sys.executable) -> dict[str, float]:
    """Time one reader in a fresh process on one core. Imports are warmed on the first file and not counted."""
    command = [python, __file__, str(folder), "--only", name]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"failed": 1.0, "why": done.stderr.strip().splitlines()[-1] if done.stderr else "?"}  # type: ignore[dict-item]
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_one(name: str, folder: Path) -> None:
    """Be the fresh process: read the folder once and print seconds and tables."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    paths = sorted(folder.glob("*.pdf"))
    read = read_ours if name == "parquetry" else lambda ps: read_peer(name, ps)
    read(paths[:1])
    start, cpu = time.perf_counter(), time.process_time()
    tables = read(paths)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "tables": tables}))


def main() -> None:
    """Print one line per reader."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument(
        "--peer-python", default=sys.executable, help="python of the environment that holds the peers"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        return run_one(options.only, options.folder)
    ours = measure("parquetry", options.folder)
    if "failed" in ours:
        sys.exit(f"parquetry failed: {ours['why']}")
    import pymupdf  # not in run_one: the peers' environment need not have it

    pages = sum(pymupdf.open(p).page_count for p in options.folder.glob("*.pdf"))
    print(f"{'reader':18}{'pages/s/core':>14}{'times ours':>12}{'tables':>8}")
    print(f"{'parquetry':18}{pages / ours['cpu_seconds']:14.1f}{1:12.2f}{int(ours['tables']):8}")
    for name in filter(None, options.peers.split(",")):
        peer = measure(name, options.folder, options.peer_python)
        if "failed" in peer:
            print(f"{name:18}{'failed':>14}  {peer['why']}")
            continue
        ratio = peer["cpu_seconds"] / ours["cpu_seconds"]
        print(f"{name:18}{pages / peer['cpu_seconds']:14.1f}{ratio:12.2f}{int(peer['tables']):8}")


if __name__ == "__main__":
    main()
