"""What ten thousand documents cost: planning them unchanged, the memory of the flow's process, and calls to Prefect.

    python -m benchmarks.scale [--documents 10000] [--prefect-documents 10000] [--workers 2] [--folder KEPT]

Draws tiny documents (two kilobytes, one table each), reads them without Prefect, plans them unchanged in a fresh process,
and reads them again as a flow run against a Prefect server of its own (SQLite, a fresh home). Printed are: seconds from the
start of a run to its plan; the resident memory of the flow's process, in MB of 10^6 bytes, at every tenth of the documents; and
for the flow run its task runs, its HTTP requests to the API (counted in the client, by route), its events, the server's
processor time and the growth of its database.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil

from flows.demo import prefect_server
from flows.parameters import RunParameters
from flows.plan import Plan, Way
from flows.summary import Events, Outcome
from sample_docs.drawing.many import make_many

SEED = 7
LOOKS = 10  # at the memory, evenly over the documents
STILL_SECONDS = 10.0  # a database that has not grown for so long is up to date
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


class Gauge(Events):
    """Notes when the plan stood, and the resident memory of this process at every tenth of the documents."""

    def __init__(self) -> None:
        self._step = 1
        self._start = time.perf_counter(), time.process_time()
        self.plan_seconds = self.plan_processor = 0.0
        self.planned_mb = 0.0
        self.mb: dict[int, float] = {}
        self._done = 0
        self._process = psutil.Process()

    def planned(self, plan: Plan, way: Way) -> None:
        """Note the time that listing and comparing took."""
        self.plan_seconds = time.perf_counter() - self._start[0]
        self.plan_processor = time.process_time() - self._start[1]
        self._step = max(1, len(plan.to_read) // LOOKS)
        self.planned_mb = self._process.memory_info().rss / 1e6

    def document(self, outcome: Outcome) -> None:
        """Look at the memory now and then."""
        self._done += 1
        if self._done % self._step == 0:
            self.mb[self._done] = self._process.memory_info().rss / 1e6


def count_requests(counts: Counter[str]) -> None:
    """Count every HTTP request that this process sends from now on, by method and route."""

    def note(request: httpx.Request) -> None:
        counts[f"{request.method} {ID.sub('{id}', request.url.path)}"] += 1

    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def counted(self: httpx.Client, request: httpx.Request, **given: Any) -> httpx.Response:
        note(request)
        return send(self, request, **given)

    async def counted_async(self: httpx.AsyncClient, request: httpx.Request, **given: Any) -> httpx.Response:
        note(request)
        return await send_async(self, request, **given)

    httpx.Client.send = counted  # type: ignore[method-assign,assignment]
    httpx.AsyncClient.send = counted_async  # type: ignore[method-assign,assignment]


def measure(way: str, folder: str, out: str, workers: int) -> None:
    """Run once in this process, and print what was measured as one line of JSON."""
    parameters = RunParameters(folders=(folder,), out=out, engine="geometry", workers=workers)
    counts: Counter[str] = Counter()
    events = 0.0
    if way == "flow":
        from prefect.events.clients import EVENTS_EMITTED

        from flows.folder import run_as_flow

        count_requests(counts)
        gauge = Gauge()
        summary = run_as_flow(parameters, gauge)
        from prefect.events.worker import EventsWorker

        EventsWorker.drain_all(timeout=120)
        events = sum(
            s.value
            for family in EVENTS_EMITTED.collect()
            for s in family.samples
            if s.name.endswith("_total")
        )
    else:
        from flows.run import run_direct

        gauge = Gauge()
        summary = run_direct(parameters, gauge)
    print(
        json.dumps(
            {
                "plan": gauge.plan_seconds, "plan_processor": gauge.plan_processor, "mb": {0: gauge.planned_mb, **gauge.mb}, "seconds": summary.seconds,
                "ok": summary.ok, "unchanged": summary.unchanged, "flow_run_id": summary.flow_run_id,
                "requests": counts.most_common(), "events": events,
            }
        )
    )  # fmt: skip


def in_a_process(
    way: str, folder: Path, out: Path, workers: int, environment: dict[str, str]
) -> dict[str, Any]:
    """Measure in a fresh process, as a scheduled run is one."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.scale",
        "--measure",
        way,
        str(folder),
        str(out),
        "--workers",
        str(workers),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def tell(title: str, found: dict[str, Any]) -> None:
    """Print one measurement."""
    print(
        f"\n{title}: {found['ok']:,} read, {found['unchanged']:,} unchanged, {found['seconds']:.1f} s; "
        f"plan after {found['plan']:.2f} s ({found['plan_processor']:.2f} s of processor)"
    )
    memory = "  ".join(f"{int(at):,}: {mb:.0f}" for at, mb in found["mb"].items())
    print(f"  resident MB of the flow's process at document  {memory}")
    later = [(int(at), mb) for at, mb in found["mb"].items() if int(at)]
    if len(later) > 1:
        (first, low), *_, (last, high) = later
        print(
            f"  from document {first:,} to {last:,}: {100 * (high / low - 1):+.1f} %, "
            f"{1000 * (high - low) / (last - first):+.2f} kB a document; at most {max(mb for _, mb in later):.0f} MB"
        )


def settled(database: Path) -> int:
    """Return the size of a database and its log, in bytes, once the server has written what it was sent."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < STILL_SECONDS:
        now = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.5)
    return size


def as_flow(folder: Path, out: Path, home: Path, workers: int) -> None:
    """Run under a Prefect server started for it, and say what it was asked."""
    with prefect_server(home) as environment:
        api = environment["PREFECT_API_URL"]
        servers = [p for p in psutil.Process().children(recursive=True) if p.is_running()]
        before_size = settled(home / "prefect.db")
        before = sum(sum(p.cpu_times()[:2]) for p in servers)
        found = in_a_process("flow", folder, out, workers, environment)
        after_size = settled(home / "prefect.db")
        busy = sum(sum(p.cpu_times()[:2]) for p in servers) - before
        run = {"flow_runs": {"id": {"any_": [found["flow_run_id"]]}}}
        tasks = httpx.post(f"{api}/task_runs/count", json=run, timeout=60).raise_for_status().json()
        n = found["ok"]
        tell("flow run, first", found)
        requests = sum(count for _, count in found["requests"])
        print(f"  task runs {tasks:,} ({tasks / n:.4f} a document)")
        print(f"  HTTP requests {requests:,} ({requests / n:.4f} a document)")
        for route, count in found["requests"]:
            print(f"    {count:7,}  {route}")
        print(f"  events {found['events']:,.0f} ({found['events'] / n:.4f} a document), over one websocket")
        print(
            f"  server: {busy:.1f} s of processor ({1000 * busy / n:.1f} ms a document), database {(after_size - before_size) / 1e6:+.1f} MB"
        )
        again = in_a_process("flow", folder, out, workers, environment)
        tell("flow run, unchanged", again)
        print(
            f"  HTTP requests {sum(count for _, count in again['requests']):,}, events {again['events']:,.0f}"
        )


def main() -> None:
    """Measure both ways in temporary folders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=10_000, help="read without Prefect")
    parser.add_argument("--prefect-documents", type=int, default=10_000, help="read as a flow run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="work here and keep what was made")
    parser.add_argument("--measure", nargs=3, metavar=("WAY", "IN", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure, options.workers)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = options.folder or Path(temporary)
        if options.documents:
            documents = root / f"in{options.documents}"
            if not documents.exists():
                make_many(documents, options.documents, SEED)
            direct = dict(os.environ)
            tell(
                "direct run, first",
                in_a_process("direct", documents, root / "direct", options.workers, direct),
            )
            tell(
                "direct run, unchanged",
                in_a_process("direct", documents, root / "direct", options.workers, direct),
            )
        if options.prefect_documents:
            documents = root / f"in{options.prefect_documents}"
            if not documents.exists():
                make_many(documents, options.prefect_documents, SEED)
            as_flow(documents, root / "flow", root / "prefect", options.workers)


if __name__ == "__main__":
    main()
