"""One writer at a time: how a run makes sure that no other run writes to the same output root.

On a local disk the operating system holds the lock (`flock`), so it is gone the moment its process is, however that
ended. On an object store a small object holds it; its owner renews it, and one that has not been renewed is taken over.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extractors.errors import ParquetryError, WriteError
from flows.datasets import STATE, Datasets
from schemas.records import FailureCategory

LOCK = f"{STATE}/lock"
RENEW_SECONDS = 20.0  # how often the owner of a lock object says that it is alive
STALE_SECONDS = 120.0  # six missed renewals: its owner is gone
ASK_SECONDS = 0.5  # pause between two tries of a run that waits


class OutputBusyError(ParquetryError):
    """Another run writes to the same output."""

    category: FailureCategory = "write"
    retryable = True


@contextmanager
def writing(out: Datasets, wait: float = 0.0, lock: str = LOCK) -> Iterator[None]:
    """Hold the output for one writer. Waits up to `wait` seconds, then raises OutputBusyError.

    `lock` names what is held: by a run the output, by a compaction its copy.
    """
    deadline = time.monotonic() + wait
    hold = _hold_local if out.local else _hold_object
    while True:
        with hold(out, lock) as owner:
            if owner is None:
                yield
                return
        if time.monotonic() >= deadline:
            raise OutputBusyError(
                f"Another run is writing to {out.uri} ({owner}). Let it finish, or wait for it with --wait SECONDS."
            )
        time.sleep(min(ASK_SECONDS, max(0.0, deadline - time.monotonic())))


def _me() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _told(content: str) -> str:
    try:
        told = json.loads(content)
        return f"process {told['pid']} on {told['host']} since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said which process it is"


@contextmanager
def _hold_local(out: Datasets, lock: str) -> Iterator[str | None]:
    """Give None when the lock is ours, else who has it."""
    path = Path(out.path(lock))
    try:
        handle = path.open("a+")
    except OSError as error:
        raise WriteError(
            f"{path} cannot be opened ({error}); grant write access, or choose another --out."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            yield _told(handle.read())
            return
        handle.truncate(0)
        handle.write(json.dumps(_me()))
        handle.flush()
        yield None
        handle.truncate(0)


@contextmanager
def _hold_object(out: Datasets, lock: str) -> Iterator[str | None]:
    """Give None when the lock object is ours, else who has it.

    The object is written, and read again after a moment: of two runs that start together the later write stands, and
    both see it. Renewals go on in a thread for as long as the lock is held.
    """
    mine = {**_me(), "id": uuid.uuid4().hex}
    held = _lock_object(out, lock)
    if held and time.time() - held.get("renewed", 0) < STALE_SECONDS:
        yield _told(json.dumps(held))
        return
    _renew(out, lock, mine)
    time.sleep(2 * ASK_SECONDS)
    held = _lock_object(out, lock)
    if held and held.get("id") != mine["id"]:
        yield _told(json.dumps(held))
        return
    done = threading.Event()

    def keep() -> None:
        while not done.wait(RENEW_SECONDS):
            _renew(out, lock, mine)

    keeper = threading.Thread(target=keep, name="lock-keeper", daemon=True)
    keeper.start()
    try:
        yield None
    finally:
        done.set()
        keeper.join()
        out.fs.rm_file(out.path(lock))


def _renew(out: Datasets, lock: str, mine: dict[str, Any]) -> None:
    out.put(lock, json.dumps({**mine, "renewed": time.time()}).encode())


def _lock_object(out: Datasets, lock: str) -> dict[str, Any]:
    content = out.get(lock)
    try:
        held = json.loads(content) if content else {}
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}
