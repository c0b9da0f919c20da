"""What a run costs beside the reading: an unchanged folder, and what Prefect adds per document and per page.

    python benchmarks/runs.py [--documents 1000] [--prefect-documents 60]

Both parts draw their own tiny documents. The second starts a Prefect server of its own (SQLite, a fresh home), runs the
same folder by `extract_document` alone, by the direct run, and as a flow run, in turn, and prints the differences.
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

from extractors.document import extract_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from flows.demo import prefect_server
from flows.parameters import RunParameters
from flows.run import run_direct
from sample_docs.drawing.many import make_many

SEED = 7
RUN_AS_FLOW = (
    "import json,sys,time; from flows.folder import run_as_flow; from flows.parameters import RunParameters;"
    "p=[RunParameters.model_validate_json(a) for a in sys.argv[1:]]; run_as_flow(p[0]);"  # the first pays the imports
    "t=time.perf_counter(); s=run_as_flow(p[1]); print(json.dumps([time.perf_counter()-t, s.done, s.pages]))"
)


def unchanged_folder(folder: Path, n_documents: int) -> None:
    """Run a folder, run it again, and say how long the second run took and how many documents it read."""
    make_many(folder / "in", n_documents, SEED)
    parameters = RunParameters(folders=(str(folder / "in"),), out=str(folder / "out"), engine="geometry")
    start = time.perf_counter()
    first = run_direct(parameters)
    middle = time.perf_counter()
    second = run_direct(parameters)
    end = time.perf_counter()
    print(f"first run of {n_documents:,} documents: {middle - start:8.1f} s, {first.done:,} read")
    print(
        f"the same folder, unchanged:     {end - middle:8.2f} s, {second.done:,} read, {second.unchanged:,} unchanged"
    )


def prefect_overhead(folder: Path, n_documents: int) -> None:
    """Print what the run and what Prefect add per document and page over reading alone."""
    make_many(folder / "in", n_documents, SEED)
    make_many(folder / "warm", 2, SEED + 1)
    given = {"engine": "geometry", "workers": 1}
    settings = Settings(engine="geometry")
    listed = find_sources(folder / "in")
    extract_document(identify(listed[0], settings), settings)
    start = time.perf_counter()
    pages = sum(extract_document(identify(one, settings), settings).document.n_pages for one in listed)
    alone = time.perf_counter() - start

    run_direct(RunParameters(folders=(str(folder / "warm"),), out=str(folder / "direct"), **given))
    start = time.perf_counter()
    run_direct(RunParameters(folders=(str(folder / "in"),), out=str(folder / "direct"), **given))
    direct = time.perf_counter() - start

    with prefect_server(folder / "prefect") as environment:
        runs = [
            RunParameters(folders=(str(folder / name),), out=str(folder / "flow"), **given).model_dump_json()
            for name in ("warm", "in")
        ]
        environment = environment | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", RUN_AS_FLOW, *runs],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        flow, n_read, _ = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{n_read} documents, {pages} pages, one reading process")
    print(f"{'way':38}{'seconds':>9}{'ratio':>8}{'more ms/document':>18}{'more ms/page':>14}")
    for name, seconds in (
        ("extract_document alone", alone),
        ("direct run (process, Parquet)", direct),
        ("flow run (process, Parquet, Prefect)", flow),
    ):
        more = 1000 * (seconds - alone)
        print(f"{name:38}{seconds:9.2f}{seconds / alone:8.2f}{more / n_documents:18.1f}{more / pages:14.1f}")
    print(
        f"Prefect over the direct run: {1000 * (flow - direct) / n_documents:.1f} ms per document (its start included)"
    )


def main() -> None:
    """Run both parts in temporary folders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--prefect-documents", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        unchanged_folder(Path(folder), options.documents)
    with tempfile.TemporaryDirectory() as folder:
        prefect_overhead(Path(folder), options.prefect_documents)


if __name__ == "__main__":
    main()
