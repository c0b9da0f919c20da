"""Answers how one process is made to read documents, and ended when it hangs, dies, grows or says strange things.

In: a `Task` and the path of its bytes. Out: the rows of the document, its pages added to the task's spool on the way;
or `ProcessEndedError`, when the process is of no more use. Nothing here waits without a limit: not for an answer, not for the
process to take what it is sent, not for it to be gone.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from extractors.errors import CrashError, MemoryExceededError, ParquetryError, TimeoutExceededError
from extractors.isolation.messages import error_of, request_line, result_of, settings_line
from extractors.isolation.task import Task
from extractors.settings import Settings
from schemas.records import DocumentResult

OnPage = Callable[[int, int], None]  # (pages read, pages in the document)

START_TIMEOUT = 120.0  # seconds for a process to import what it needs on a busy machine
WATCH_SECONDS = 0.25  # between two looks at the clock and the memory
GONE_SECONDS = 10.0  # for a killed process to leave; one that sits in a dead network share is left behind
MOST_MESSAGE = 256 << 20  # bytes of one line from a process
MOST_DIGITS = 9  # of a number of pages
PIPE_BYTES = 1 << 16  # written at once
READ_BYTES = 1 << 20
LAST_WORDS = 300  # bytes of a dead process's error output that are worth telling
ENVIRONMENT = (  # what a process inherits; credentials do not belong into one that opens hostile documents
    "PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy",
)  # fmt: skip
ENVIRONMENT_PREFIXES = ("LC_", "PYTHON", "OMP_", "COVERAGE_")


class KilledError(CrashError):
    """Somebody else killed the process: it may go better in another one."""


class ProcessEndedError(Exception):
    """The process is gone, or must go: why, and whether it had opened the document."""

    def __init__(self, error: ParquetryError, opened: bool, out_of_time: bool = False) -> None:
        super().__init__(str(error))
        self.killed = isinstance(error, KilledError)
        self.error, self.opened, self.out_of_time = error, opened, out_of_time


class ReadingProcess:
    """One reading process and the pipe to it."""

    def __init__(self, settings: Settings, entry: str, threads: int) -> None:
        self._settings = settings
        self._buffer = bytearray()
        self._ready = self._ended = False
        self.n_read = 0
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)
        }
        environment.setdefault("OMP_NUM_THREADS", str(threads))
        self._popen = subprocess.Popen(
            [sys.executable, "-m", entry],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
            bufsize=0,
        )
        assert self._popen.stdin is not None
        os.set_blocking(self._popen.stdin.fileno(), False)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process still runs and may be asked; one that was killed may take a while to go."""
        return not self._ended and self._popen.poll() is None

    def memory(self) -> int:
        """Return the bytes of memory that the process holds; 0 when it is gone."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self._popen.pid).memory_info().rss)
        return 0

    def end(self) -> None:
        """Kill the process and forget it."""
        self._ended = True
        with contextlib.suppress(OSError):
            self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(GONE_SECONDS)
        for pipe in (self._popen.stdin, self._popen.stdout, self._stderr):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    def read(self, task: Task, path: Path, on_page: OnPage | None) -> DocumentResult:
        """Let the process read the document behind the pages already read. Raises ProcessEndedError or our errors."""
        self._get_ready(task)
        self.n_read += 1
        task.clock.start()
        patience = task.patience(self._settings, False)
        last_begin = 0.0 if task.finishing else task.clock.last_begin(task.n_pages) - time.monotonic()
        self._send(request_line(task, path, max(0.0, last_begin)), *patience)
        for reading in task.pages.readings():
            self._send(reading, *patience)
        opened = False
        while True:
            end, what, out_of_time = task.patience(self._settings, opened)
            word, payload = self._next(end, what, opened, out_of_time)
            if word == "OPENED" and payload.isdigit() and len(payload) <= MOST_DIGITS:
                opened, task.n_pages = True, min(int(payload), self._settings.max_pages)
                if on_page and len(task.pages) and not task.endings:
                    on_page(min(len(task.pages), task.n_pages), task.n_pages)
            elif word == "PAGE" and opened and task.left:
                number, final, reading = (*payload.split(b" ", 2), b"", b"")[:3]
                if number != b"%d" % task.page:
                    raise _strange(opened)
                try:
                    task.pages.add(task.page, reading, final == b"1")
                except ParquetryError:  # the process is in the middle of the document
                    self.end()
                    raise
                if on_page:
                    on_page(len(task.pages), task.n_pages)
            elif word == "RESULT":
                return result_of(payload, task.source)
            elif word == "ERROR" and (reported := error_of(payload)):
                raise reported
            else:
                raise _strange(opened)

    def _get_ready(self, task: Task) -> None:
        """Wait until the process has imported what it needs; that time is not the document's."""
        if self._ready:
            return
        began = time.monotonic()
        end, what = began + START_TIMEOUT, f"starting took longer than {START_TIMEOUT:g} s"
        self._send(settings_line(self._settings), end, what)
        word, _ = self._next(end, what, opened=False)
        self._ready = word == "READY"
        task.clock.stood(time.monotonic() - began)

    def _next(self, end: float, what: str, opened: bool, out_of_time: bool = False) -> tuple[str, bytes]:
        """Return the next message. Raises ProcessEndedError when the process dies, runs out of time or of memory."""
        assert self._popen.stdout is not None
        searched = 0
        while (newline := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            wait = self._watched(end, what, opened, out_of_time)
            if not select.select([self._popen.stdout], [], [], wait)[0]:
                continue
            chunk = os.read(self._popen.stdout.fileno(), READ_BYTES)
            if not chunk:
                raise ProcessEndedError(self._died(), opened)
            self._buffer += chunk
            if len(self._buffer) > MOST_MESSAGE:
                raise ProcessEndedError(
                    MemoryExceededError("the document's rows do not fit; split the document."), opened
                )
        line = bytes(self._buffer[:newline])
        del self._buffer[: newline + 1]
        word, _, payload = line.partition(b" ")
        return word.decode("ascii", "replace"), payload

    def _send(self, line: bytes, end: float = math.inf, what: str = "", out_of_time: bool = False) -> None:
        """Write a line. Raises ProcessEndedError when the process is dead, or does not take it in time."""
        assert self._popen.stdin is not None
        left = memoryview(line + b"\n")
        while left:
            wait = self._watched(end, what, False, out_of_time)
            if select.select([], [self._popen.stdin], [], wait)[1]:
                try:
                    left = left[os.write(self._popen.stdin.fileno(), left[:PIPE_BYTES]) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise ProcessEndedError(self._died(), opened=False) from error

    def _watched(self, end: float, what: str, opened: bool, out_of_time: bool) -> float:
        """Return the seconds to wait before the next look at the clock and the memory. Raises ProcessEndedError."""
        wait = end - time.monotonic()
        if wait <= 0:
            error = TimeoutExceededError(f"{what}; raise it, or leave the page out.")
            raise ProcessEndedError(error, opened, out_of_time)
        if self.memory() > self._settings.max_memory:
            message = f"reading needs more than max_memory ({self._settings.max_memory} bytes); raise it."
            raise ProcessEndedError(MemoryExceededError(message), opened)
        return min(wait, WATCH_SECONDS)

    def _died(self) -> CrashError:
        try:
            code = self._popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        kind = KilledError if code == -signal.SIGKILL else CrashError
        return kind(f"the process that read it ended {how}{self._last_words()}; export it again.")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - LAST_WORDS))
            lines = self._stderr.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            return f" ({last})" if last else ""
        return ""


def _strange(opened: bool) -> ProcessEndedError:
    return ProcessEndedError(CrashError("the reading process sent something strange; report this."), opened)
