"""Documents arrive in a folder: wait until they are complete, and start one run per batch.

In: a local folder. Out: with a Prefect API an event `parquetry.document.arrived`, which starts the deployment
`on-files`; without one, a run here and now. An event only says that there is something to do: what exactly, the run
finds out by listing, so that a lost or doubled event, or a restart, does no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from watchfiles import watch

from extractors.errors import ParquetryError, UnreadableError, UsageError
from extractors.settings import read_settings
from extractors.sources import Listed, find_sources
from flows.api import check_api, prefect_api
from flows.parameters import RunParameters
from flows.progress import TerminalEvents, print_summary
from flows.run import run_direct

EVENT = "parquetry.document.arrived"
RESOURCE = "parquetry.folder"  # the event's resource is this and the folder's path
LOOK_SECONDS = 1.0  # between two looks at files that are still growing
START_SECONDS = (
    5.0  # until then the system may not tell of changes yet, and the folder is listed again and again
)
RELIST_SECONDS = 300.0  # a listing now and then finds what the system did not tell, as on network shares
BUSY_SECONDS = 3600.0  # a run waits so long for another one to finish


def watch_folder(console: Console, folder: str, out: str | None, quiet_seconds: float) -> None:
    """Watch until stopped. Raises UnreadableError or UsageError when it cannot begin."""
    root = Path(folder).expanduser().absolute()
    if not root.is_dir():
        raise UnreadableError(f"{folder} is not a local folder; create it, or give one that exists.")
    api = prefect_api()
    if api:
        check_api(api)
    elif not out:
        raise UsageError(
            "No Prefect API is configured; give --out so that runs can be done here, or set PREFECT_API_URL."
        )
    console.print(
        f"Watching {root}: " + (f"events go to {api}" if api else f"runs write to {out}"),
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    for batch in batches(root, quiet_seconds):
        console.print(f"{len(batch)} documents arrived", highlight=False)
        if api:
            emit_arrival(root, batch)
        else:
            _run_here(console, root, str(out))


def batches(root: Path, quiet_seconds: float, stop: threading.Event | None = None) -> Iterator[list[Listed]]:
    """Yield lists of files that are new or changed and complete; the first has all that is there already.

    A file is complete when its listing has not changed for `quiet_seconds`. A batch is given when no file under way is
    left, so that a copy of a thousand files is one batch; but not later than ten such pauses after its first file was
    complete, so that a folder that is never quiet is read, too.
    """
    stop = stop or threading.Event()
    links = read_settings().follow_links
    given: dict[str, str] = {}
    changed_at: dict[str, tuple[str, float]] = {}
    ready_since: float | None = None
    woken = threading.Event()
    threading.Thread(target=_listen, args=(root, stop, woken), name="watch", daemon=True).start()
    beginning = time.monotonic() + START_SECONDS
    while not stop.is_set():
        woken.clear()
        now = time.monotonic()
        listing = {entry.uri: entry for entry in find_sources(root, follow_links=links)}
        given = {uri: version for uri, version in given.items() if uri in listing}
        open_files = [entry for uri, entry in listing.items() if given.get(uri) != entry.version]
        seen = {}
        for entry in open_files:
            before = changed_at.get(entry.uri)
            seen[entry.uri] = before if before and before[0] == entry.version else (entry.version, now)
        changed_at = seen
        ready = [entry for entry in open_files if now - changed_at[entry.uri][1] >= quiet_seconds]
        ready_since = (ready_since or now) if ready else None
        if ready and (len(ready) == len(open_files) or now - (ready_since or now) > 10 * quiet_seconds):
            given.update((entry.uri, entry.version) for entry in ready)
            ready_since = None
            yield ready
            continue
        if open_files:
            stop.wait(min(LOOK_SECONDS, quiet_seconds))
        else:
            woken.wait(LOOK_SECONDS if now < beginning else RELIST_SECONDS)


def emit_arrival(root: Path, batch: list[Listed]) -> None:
    """Tell Prefect that documents arrived: one event for the whole batch."""
    from prefect.events import emit_event
    from prefect.events.worker import EventsWorker

    emit_event(
        event=EVENT,
        resource={
            "prefect.resource.id": f"{RESOURCE}.{root}",
            "prefect.resource.name": root.name,
            "folder": str(root),
        },
        payload={"documents": len(batch), "first": batch[0].uri},
    )
    EventsWorker.drain_all(timeout=30)  # the event has left this process before the next batch is awaited


def _run_here(console: Console, root: Path, out: str) -> None:
    notes = Console(stderr=True)
    try:
        parameters = RunParameters(folders=(str(root),), out=out, wait=BUSY_SECONDS)
        with TerminalEvents(notes) as events:
            summary = run_direct(parameters, events)
        print_summary(console, summary, out)
    except ParquetryError as error:
        notes.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)


def _listen(root: Path, stop: threading.Event, woken: threading.Event) -> None:
    """Set `woken` whenever the system tells of a change under `root`."""
    for _ in watch(root, stop_event=stop, debounce=200, ignore_permission_denied=True, raise_interrupt=False):
        woken.set()
