"""What `make demo` shows: the main job on the sample documents, what came out, one of them by vision, and a deployment.

    python -m flows.demo --out out [--no-prefect]

The Prefect part starts a server and a worker of its own on a free port, with a home of its own below the output folder,
and stops both; nothing of the user's Prefect configuration is read or changed.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow.dataset as ds
from rich.console import Console

from extractors.worker.models import shipped_reader
from flows.options import ExitCode
from schemas.arrow import DATASETS

SAMPLES = "sample_docs"
REVIEWED = ("label", "raw_text", "page", "review_reason")  # what is printed of a fact in doubt
SHOWN_DOUBTS = 5
SEEN = ("tarnwick_annual_report_2024.pdf",)  # what is read by vision
SHOWN = "tarnwick_annual_report_2024"  # the document whose statements are printed
START_SECONDS = 600.0  # a first start migrates a fresh database; 170 s were seen on two cores with thirty programs on them
POOL = "local"
DEPLOYMENT = "parquetry/backfill"

console = Console(highlight=False)


def main() -> int:
    """Run the demonstration; return 0 when every step did what it should."""
    parser = argparse.ArgumentParser(description="The main job on the sample documents, shown step by step.")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--no-prefect", action="store_true", help="leave out the deployment")
    options = parser.parse_args()
    direct = os.environ | {"PREFECT_API_URL": ""}
    # Some samples are hostile on purpose, so "some documents failed" is how this run ends when all is well.
    step(
        "The main job: a folder of documents in, Parquet out",
        ["run", SAMPLES, "--out", str(options.out)],
        direct,
        ok=(ExitCode.OK, ExitCode.SOME_FAILED),
    )
    step("One document's statements", ["show", str(options.out), SHOWN], direct)
    show_datasets(options.out)
    step(
        "Again: nothing changed, so nothing is read",
        ["run", SAMPLES, "--out", str(options.out), "--quiet"],
        direct,
        ok=(ExitCode.OK, ExitCode.SOME_FAILED),
    )
    if shipped_reader():
        show_vision(options.out, direct)
    if not options.no_prefect:
        show_deployment(options.out)
    console.print(
        f"\n[bold]Next:[/] parquetry report {options.out}   (pages beside their tables, in a browser)"
    )
    return 0


def step(
    title: str, arguments: list[str], environment: Mapping[str, str], ok: tuple[int, ...] = (0,)
) -> None:
    """Print the command as a user would type it, run it, and stop the demonstration when it fails."""
    console.print(f"\n[bold]{title}[/]\n[dim]$ parquetry {' '.join(arguments)}[/]")
    done = subprocess.run([sys.executable, "-m", "flows.cli", *arguments], env=environment)
    if done.returncode not in ok:
        sys.exit(f"parquetry {arguments[0]} ended with code {done.returncode}")


def show_datasets(out: Path) -> None:
    """Print the rows of every dataset and what needs a person's eye."""
    console.print("\n[bold]The datasets[/]")
    for name in DATASETS:
        console.print(f"  {out / name!s:24} {ds.dataset(out / name).count_rows():7,} rows")
    facts = (
        ds.dataset(out / "facts")
        .to_table(columns=["needs_review", "grounding", "check_status", *REVIEWED])
        .to_pylist()
    )
    doubted = sum(fact["needs_review"] for fact in facts)
    console.print(f"\n  {len(facts):,} facts, of which {doubted:,} need review")
    for column in ("grounding", "check_status"):
        counts = Counter(fact[column] for fact in facts)
        console.print(
            f"  {column:14}" + "  ".join(f"{name} {count:,}" for name, count in counts.most_common())
        )
    for fact in [fact for fact in facts if fact["needs_review"]][:SHOWN_DOUBTS]:
        console.print(
            "  [yellow]review[/]        " + " · ".join(str(fact[name]) for name in REVIEWED), markup=True
        )
    failures = ds.dataset(out / "failures").to_table(columns=["source_uri", "category"]).to_pylist()
    for failure in sorted(failures, key=lambda f: f["source_uri"]):
        console.print(f"  [yellow]{failure['category']:12}[/] {Path(failure['source_uri']).name}")


def show_vision(out: Path, environment: Mapping[str, str]) -> None:
    """Read some of the samples from their pixels, with the model of the package, and print what it was right about."""
    target = out / "vision"
    # Also on a machine where a larger model was fetched: the demonstration is the same everywhere.
    alone = {**environment, "PARQUETRY_MODELS": str(target / "models"), "PARQUETRY_WORKER_URLS": "[]"}
    step(
        "The same by vision: a small model of our own reads the pixels, and every value is held against the page",
        ["run", SAMPLES, *(part for name in SEEN for part in ("--include", name)), "--out", str(target), "--engine", "vision"],
        alone,
    )  # fmt: skip
    seen = ds.dataset(target / "cells").to_table(columns=["grounding"]).to_pylist()
    counts = Counter(str(cell["grounding"]) for cell in seen)
    console.print("  what it read  " + "  ".join(f"{name} {count:,}" for name, count in counts.most_common()))


def show_deployment(out: Path) -> None:
    """Deploy the flow to a server of our own, trigger one run, and wait until it has finished."""
    console.print("\n[bold]The same run as a Prefect deployment[/] (a server of its own, stopped afterwards)")
    home = (out / ".parquetry" / "demo-prefect").resolve()
    with prefect_server(home) as environment:
        prefect(environment, "work-pool", "create", POOL, "--type", "process", "--overwrite")
        prefect(environment, "--no-prompt", "deploy", "--all")
        with running(environment, "worker", "start", "--pool", POOL, "--limit", "1", log=home / "worker.log"):
            target = (out / "from-deployment").resolve()
            run = f'run={{"folders": ["{Path(SAMPLES).resolve()}"], "out": "{target}", "include": ["invoice.pdf", "bank_statement.pdf", "*landscape.pdf"]}}'
            prefect(environment, "deployment", "run", DEPLOYMENT, "--param", run, "--watch", show=True)
    console.print(
        f"  {target}: {ds.dataset(target / 'documents').count_rows()} documents written by the flow run"
    )


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """Start a Prefect server on a free port, give the environment that points to it, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    home.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}/api"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "DO_NOT_TRACK": "1",
    }
    with running(
        environment, "server", "start", "--host", "127.0.0.1", "--port", port, log=home / "server.log"
    ):
        wait_until_up(url, home / "server.log")
        yield environment


def wait_until_up(url: str, log: Path) -> None:
    """Wait until the API answers. Ends the program with the log's end when it does not."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        try:
            if httpx.get(f"{url}/health", timeout=2.0).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    sys.exit(f"The Prefect server did not start within {START_SECONDS:.0f} s:\n{log.read_text()[-2000:]}")


@contextmanager
def running(environment: Mapping[str, str], *arguments: str, log: Path) -> Iterator[None]:
    """Keep a `prefect …` process running in the background, and end it."""
    command = [sys.executable, "-m", "prefect", *arguments]
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def prefect(environment: Mapping[str, str], *arguments: str, show: bool = False) -> None:
    """Run a `prefect …` command as a user would type it; stop with its output when it fails."""
    console.print(f"[dim]$ prefect {' '.join(arguments)}[/]")
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], env=environment, capture_output=not show, text=True
    )
    if done.returncode:
        sys.exit(
            f"prefect {arguments[0]} failed:\n{(done.stdout or '')[-1000:]}{(done.stderr or '')[-2000:]}"
        )


if __name__ == "__main__":
    sys.exit(main())
