"""Keeping the worker alive: start it, watch it, and start it again when it dies, hangs, grows or has done its share.

In: `WorkerSettings`. Out: an exit code, when a person stops it or it can never work.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import Any

import httpx

from extractors.errors import UsageError
from extractors.worker.process import DRAIN_SECONDS, EXIT_UNUSABLE
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell of every look at /health

WATCH = 1.0  # seconds between two looks
START_SECONDS = 180.0  # from its start until it answers for the first time, on a busy machine
HEALTH_SECONDS = 5.0  # for an answer about its health
FIRST_BACK_OFF, LONGEST_BACK_OFF = (
    0.5,
    30.0,
)  # seconds before starting again; doubled each time it did not even become ready
ENVIRONMENT = {  # of the worker process, unless set from outside
    "GGML_NO_BACKTRACE": "1",  # an assert must end the process at once
    "MALLOC_ARENA_MAX": "2",  # of glibc: a heap per thread that reads images would keep memory that nobody uses
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Supervisor:
    """Holds the worker process. `run` returns when it is over."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.restarts = 0
        self._process: subprocess.Popen[str] | None = None
        self._stopping = False
        self._answered = False  # since it was started
        self._silent_since: float | None = None
        self._drained_since: float | None = None
        self._baseline: int | None = None  # resident bytes when the worker became ready
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        self._url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"

    def stop(self) -> None:
        """Ask the worker to finish what is going on and end. Safe to call from a signal handler."""
        self._stopping = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def run(self) -> int:
        """Run until stopped. 0 when a person stopped it, 1 when it cannot work as it is set up."""
        in_a_row = 0
        while True:
            code = self._run_once()
            if self._stopping:
                return 0
            if code == EXIT_UNUSABLE:
                return EXIT_UNUSABLE
            in_a_row = 1 if self._baseline is not None else in_a_row + 1  # it had become ready
            self.restarts += 1
            if self.settings.max_restarts and in_a_row > self.settings.max_restarts:
                log.error("The worker ended %d times in a row; giving up. Its log above says why.", in_a_row)
                return EXIT_UNUSABLE
            wait = 0.0 if code == 0 else min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** (in_a_row - 1))
            log.warning("The worker ended with code %s; starting it again in %.1f s", code, wait)
            until = time.monotonic() + wait
            while time.monotonic() < until and not self._stopping:
                time.sleep(0.1)

    def _run_once(self) -> int:
        self._baseline = self._silent_since = self._drained_since = None
        self._answered = False
        environment = {**ENVIRONMENT, **os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "extractors.worker.process"],
            stdin=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(_as_json(self.settings))
        self._process.stdin.close()
        if self._stopping:
            self.stop()
        try:
            while True:
                try:
                    return self._process.wait(timeout=WATCH)
                except subprocess.TimeoutExpired:
                    self._look()
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _look(self) -> None:
        """Ask the worker how it is; end it when it hangs, and recycle it when it has done its share."""
        assert self._process is not None
        now = time.monotonic()
        health = self._health()
        patience = (
            self.settings.hang_seconds if self._answered else max(START_SECONDS, self.settings.hang_seconds)
        )
        self._answered = self._answered or health is not None
        if health is None or (
            not health["idle"] and health["seconds_since_step"] > self.settings.hang_seconds
        ):
            self._silent_since = self._silent_since or now
            if health is not None or now - self._silent_since > patience:
                log.error("The worker has made no step for %.0f s; ending it", patience)
                self._process.kill()
                self._silent_since = None
            return
        self._silent_since = None
        if health["status"] == "ready" and self._baseline is None:
            self._baseline = health["resident_bytes"]
        if health["status"] == "draining":
            self._drained_since = self._drained_since or now
            if now - self._drained_since > DRAIN_SECONDS + self.settings.hang_seconds:
                self._process.kill()
            return
        self._drained_since = None
        reason = self._reason_to_recycle(health)
        if reason:
            log.info("Recycling the worker: %s", reason)
            self._process.send_signal(signal.SIGTERM)

    def _reason_to_recycle(self, health: dict[str, Any]) -> str | None:
        if self.settings.recycle_tiles and health["tiles"] >= self.settings.recycle_tiles:
            return f"it has read {health['tiles']} tiles"
        grown = health["resident_bytes"] - (self._baseline or health["resident_bytes"])
        if self.settings.recycle_growth and grown > self.settings.recycle_growth:
            return f"its memory grew by {grown} bytes"
        return None

    def _health(self) -> dict[str, Any] | None:
        try:
            body: dict[str, Any] = httpx.get(
                f"{self._url}/health", timeout=HEALTH_SECONDS, trust_env=False
            ).json()
        except (httpx.HTTPError, ValueError):
            return None
        return body


def _as_json(settings: WorkerSettings) -> str:
    data = settings.model_dump(mode="json")
    if settings.token is not None:
        data["token"] = settings.token.get_secret_value()
    return json.dumps(data)


def check(settings: WorkerSettings) -> None:
    """Refuse settings that could not or must not be served. Raises UsageError."""
    for what, path in (("model", settings.model), ("mmproj", settings.mmproj)):
        if path is None:
            raise UsageError(
                f"No {what} is given. Pass --{what} FILE, or fetch a pair with `parquetry models pull`."
            )
        if not path.is_file():
            raise UsageError(
                f"The {what} file {path} does not exist. Check the path, or fetch a pair with `parquetry models pull`."
            )
    if settings.host not in LOOPBACK and settings.token is None:
        raise UsageError(
            f"Listening on {settings.host} opens the worker to other machines; set a --token as well."
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise UsageError(
                f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}); pass another --port."
            ) from error


def run_worker(settings: WorkerSettings) -> int:
    """Serve a model until Ctrl-C or SIGTERM; return 0, or 1 when it cannot work as it is set up.

    Raises:
        UsageError: a file is missing, the port is taken, or the worker would be open to others without a token.

    """
    check(settings)
    supervisor = Supervisor(settings)

    def on_signal(number: int, frame: FrameType | None) -> None:
        supervisor.stop()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return supervisor.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
