"""Answers how a document is read so that it cannot take the run with it: in a process that can be ended.

In: a `Source`, from any thread. Out: its `DocumentResult`. A page that hangs, crashes or eats the memory costs itself:
its process is ended, the page is recorded as failed, and reading goes on behind it in a new process. Processes are
kept for further documents, since starting one costs about two seconds of imports. What comes back from them is JSON
that is validated: a hostile document may own the process that reads it. Pages that are read stand in a `Spool`, not in memory.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from pydantic import SecretStr, ValidationError

from extractors.errors import (
    CrashError,
    EngineError,
    MemoryExceededError,
    ParquetryError,
    TimeoutExceededError,
    UsageError,
    WriteError,
)
from extractors.settings import Settings
from extractors.sources import Source, local_copy
from extractors.spool import READING, Spool
from schemas.page import PageReading
from schemas.records import DocumentResult, Failure, FailureCategory

OnPage = Callable[[int, int], None]  # (pages read, pages in the document)

START_TIMEOUT = 120.0  # seconds for a process to import what it needs on a busy machine
WATCH_SECONDS = 0.25  # between two looks at the clock and the memory
MOST_ENDINGS = 4  # processes that one document may cost; then the rest of its pages is given up
MOST_DOCUMENTS = 200  # a process reads before it is replaced: libraries leak
GROWN = 0.5  # of max_memory; a process that keeps more than this between documents is replaced
MOST_MESSAGE = 256 << 20  # bytes of one line from a process
MOST_DIGITS = 9  # of a number of pages
ASSEMBLY_SECONDS = 0.5  # per page, to put the rows of a long document together; page_timeout at least
READ_BYTES = 1 << 20
LAST_WORDS = 300  # bytes of a dead process's error output that are worth telling
ENVIRONMENT = (  # what a process inherits; credentials do not belong into one that opens hostile documents
    "PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy",
)  # fmt: skip
ENVIRONMENT_PREFIXES = ("LC_", "PYTHON", "OMP_", "COVERAGE_")


class ReaderPool:
    """Processes that read documents, each one document at a time; `read` may be called from several threads."""

    def __init__(self, settings: Settings, n_processes: int = 1, entry: str = "extractors.child") -> None:
        if n_processes < 1:
            raise UsageError("at least one process is needed to read documents.")
        self._settings, self._entry = settings, entry
        self._threads = max(1, (os.cpu_count() or 1) // n_processes)
        self._free = threading.Semaphore(n_processes)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._closed = False

    def __enter__(self) -> ReaderPool:
        """Return the pool; processes start when they are needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """End all processes."""
        self.close()

    def close(self) -> None:
        """End all processes, reading or not. A `read` in progress raises UsageError."""
        with self._lock:
            self._closed = True
            processes = [*self._idle, *self._busy]
            self._idle.clear()
        for process in processes:
            process.end()

    def read(
        self,
        source: Source,
        *,
        on_page: OnPage | None = None,
        flow_run_id: str | None = None,
        spool: tuple[Path, str] | None = None,
    ) -> DocumentResult:
        """Read one document and return its rows.

        `spool` is a file for the pages read so far, and the key of this reading: a later call with the same two goes on
        where this one was broken off. The caller removes the file when the rows are safe.

        A bad document never raises: it comes back `failed` or `partial` with rows in `failures`. Raises UsageError
        when the pool is closed, WriteError when pages cannot be kept.
        """
        with self._free, Spool(*spool) if spool else Spool() as pages:
            task = _Task(source, pages, datetime.now(UTC), flow_run_id)
            try:
                with local_copy(source, self._settings) as path:
                    return self._read(task, path, on_page)
            except (UsageError, WriteError):
                raise
            except ParquetryError as error:
                return _failed(task, self._settings, error)

    def _read(self, task: _Task, path: Path, on_page: OnPage | None) -> DocumentResult:
        while True:
            process = self._take()
            try:
                return process.read(task, path, on_page)
            except _ProcessEnded as ended:
                process.end()
                if self._closed:
                    raise UsageError("the pool was closed while the document was being read.") from ended
                if (
                    ended.killed and task.page not in task.killed
                ):  # by an operator, or for want of memory elsewhere
                    task.killed.add(task.page)
                    continue
                task.endings += 1
                if not ended.opened or not task.left or (ended.out_of_time and not len(task.pages)):
                    raise ended.error from None
                task.give_up(ended.error, everything=ended.out_of_time or task.endings >= MOST_ENDINGS)
                if ended.out_of_time:  # what was read is still put together, in a new process
                    task.deadline = time.monotonic() + START_TIMEOUT
            except ParquetryError:  # the process told of it, and waits for the next document
                raise
            except BaseException:  # stopped in the middle: what the process still says belongs to nobody
                process.end()
                raise
            finally:
                self._give_back(process)

    def _take(self) -> _Process:
        with self._lock:
            if self._closed:
                raise UsageError("the pool is closed.")
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    self._busy.add(process)
                    return process
            process = _Process(self._settings, self._entry, self._threads)
            self._busy.add(process)
            return process

    def _give_back(self, process: _Process) -> None:
        worn = not process.alive or process.n_read >= MOST_DOCUMENTS
        worn = worn or process.memory() > GROWN * self._settings.max_memory
        with self._lock:
            self._busy.discard(process)
            if not worn and not self._closed:
                self._idle.append(process)
                return
        process.end()


@dataclass
class _Task:
    """One document on its way, over as many processes as it takes."""

    source: Source
    pages: Spool
    started: datetime
    flow_run_id: str | None
    deadline: float = math.inf  # monotonic seconds; set when the first process is ready for it
    n_pages: int = 0
    endings: int = 0
    page: int = 1  # all before it are read
    killed: set[int] = field(default_factory=set)  # pages whose process somebody else killed

    @property
    def left(self) -> bool:
        """Tell whether there are pages to read."""
        while self.page <= self.n_pages and self.page in self.pages:
            self.page += 1
        return self.page <= self.n_pages

    def give_up(self, error: ParquetryError, everything: bool) -> None:
        """Record the page that ended its process as failed, or all pages that are left. Raises WriteError."""
        while self.left:
            failure = _failure(error, self.page, self.source.uri)
            reading = PageReading(self.page, 0.0, 0.0, 0, "none", failures=(failure,), status="failed")
            self.pages.add(self.page, READING.dump_json(reading), final=False)
            if not everything:
                return


class _KilledError(CrashError):
    """Somebody else killed the process: it may go better in another one."""


class _ProcessEnded(Exception):
    """The process is gone, or must go: why, and whether it had opened the document."""

    def __init__(self, error: ParquetryError, opened: bool, out_of_time: bool = False) -> None:
        super().__init__(str(error))
        self.killed = isinstance(error, _KilledError)
        self.error, self.opened, self.out_of_time = error, opened, out_of_time


class _Process:
    """One reading process and the pipe to it."""

    def __init__(self, settings: Settings, entry: str, threads: int) -> None:
        self._settings = settings
        self._buffer = bytearray()
        self._ready = False
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
        )
        with contextlib.suppress(OSError):  # a process that is already dead is seen at the first wait
            self._send(json.dumps(_plain(settings)).encode())

    @property
    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._popen.poll() is None

    def memory(self) -> int:
        """Return the bytes of memory that the process holds; 0 when it is gone."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self._popen.pid).memory_info().rss)
        return 0

    def end(self) -> None:
        """Kill the process and forget it."""
        with contextlib.suppress(OSError):
            self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout, self._stderr):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    def read(self, task: _Task, path: Path, on_page: OnPage | None) -> DocumentResult:
        """Let the process read the document behind the pages already read. Raises _ProcessEnded or our errors."""
        opened = False
        if not self._ready:
            word, _ = self._next(
                time.monotonic() + START_TIMEOUT, f"starting took longer than {START_TIMEOUT:g} s", opened
            )
            self._ready = word == "READY"
        self.n_read += 1
        if task.deadline == math.inf:
            task.deadline = time.monotonic() + self._settings.document_timeout
        try:
            self._send(_request(task, path))
            for reading in task.pages.readings():
                self._send(reading)
        except OSError as error:
            raise _ProcessEnded(self._died(), opened) from error
        while True:
            end, what, out_of_time = self._patience(task, opened)
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
                return _result(payload, task.source)
            elif word == "ERROR" and (reported := _error(payload)):
                raise reported
            else:
                raise _strange(opened)

    def _patience(self, task: _Task, opened: bool) -> tuple[float, str, bool]:
        """Return until when the next message may take, what took longer then, and whether that ends the document."""
        seconds, what = self._settings.page_timeout, f"page {task.page}"
        if opened and not task.left:
            seconds, what = max(seconds, ASSEMBLY_SECONDS * task.n_pages), "putting the pages together"
        end = time.monotonic() + seconds
        if end <= task.deadline:
            return end, f"{what} took longer than page_timeout ({self._settings.page_timeout:g} s)", False
        limit = self._settings.document_timeout
        return task.deadline, f"the document took longer than document_timeout ({limit:g} s)", True

    def _next(self, end: float, what: str, opened: bool, out_of_time: bool = False) -> tuple[str, bytes]:
        """Return the next message. Raises _ProcessEnded when the process dies, runs out of time or of memory."""
        assert self._popen.stdout is not None
        searched = 0
        while (newline := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            wait = end - time.monotonic()
            if wait <= 0:
                error = TimeoutExceededError(f"{what}; raise it, or leave the page out.")
                raise _ProcessEnded(error, opened, out_of_time)
            if self.memory() > self._settings.max_memory:
                message = f"reading needs more than max_memory ({self._settings.max_memory} bytes); raise it."
                raise _ProcessEnded(MemoryExceededError(message), opened)
            if not select.select([self._popen.stdout], [], [], min(wait, WATCH_SECONDS))[0]:
                continue
            chunk = os.read(self._popen.stdout.fileno(), READ_BYTES)
            if not chunk:
                raise _ProcessEnded(self._died(), opened)
            self._buffer += chunk
            if len(self._buffer) > MOST_MESSAGE:
                raise _ProcessEnded(
                    MemoryExceededError("the document's rows do not fit; split the document."), opened
                )
        line = bytes(self._buffer[:newline])
        del self._buffer[: newline + 1]
        word, _, payload = line.partition(b" ")
        return word.decode("ascii", "replace"), payload

    def _send(self, line: bytes) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + b"\n")
        self._popen.stdin.flush()

    def _died(self) -> CrashError:
        try:
            code = self._popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        kind = _KilledError if code == -signal.SIGKILL else CrashError
        return kind(f"the process that read it ended {how}{self._last_words()}; export it again.")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - LAST_WORDS))
            lines = self._stderr.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
            return f" ({last})" if last else ""
        return ""


def _strange(opened: bool) -> _ProcessEnded:
    return _ProcessEnded(CrashError("the reading process sent something strange; report this."), opened)


def _plain(settings: Settings) -> dict[str, Any]:
    """Return the settings as JSON values, secrets in the clear: they travel through a pipe that nobody else reads."""
    values = settings.model_dump(mode="json")
    secrets = {name: value for name, value in settings if isinstance(value, SecretStr)}
    return values | {name: value.get_secret_value() for name, value in secrets.items()}


def _request(task: _Task, path: Path) -> bytes:
    source = asdict(task.source)
    source["modified"] = task.source.modified and task.source.modified.isoformat()
    fields = {
        "source": source,
        "path": os.fspath(path),
        "earlier": len(task.pages),
        "started": task.started.isoformat(),
        "flow_run_id": task.flow_run_id,
    }
    return json.dumps(fields).encode()


def _result(payload: bytes, source: Source) -> DocumentResult:
    try:
        result = DocumentResult.model_validate_json(payload)
    except ValidationError as error:
        raise EngineError(
            f"the rows of the document are not valid ({error.error_count()} faults); report this."
        ) from error
    if result.document.doc_id != source.doc_id:
        raise CrashError("the reading process answered for another document; report this.")
    return result


def _error(payload: bytes) -> ParquetryError | None:
    """Return the error that the process reported, of the class that its category has; None when it makes no sense."""
    try:
        body = json.loads(payload)
        category, message, retryable = str(body["category"]), str(body["message"]), bool(body["retryable"])
    except (ValueError, KeyError, TypeError):
        return None
    kinds = (kind for kind in ParquetryError.__subclasses__() if kind is not UsageError)
    error = next((kind(message) for kind in kinds if kind.category == category), ParquetryError(message))
    error.retryable = retryable
    return error


def _failure(error: ParquetryError, page: int | None, uri: str) -> Failure:
    category: FailureCategory = error.category
    return Failure(
        source_uri=uri, page=page, stage="page", category=category, message=str(error), at=datetime.now(UTC)
    )


def _failed(task: _Task, settings: Settings, error: ParquetryError) -> DocumentResult:
    from extractors.choose import choose_engine
    from extractors.gather import failed_document

    return failed_document(
        task.source, settings, choose_engine(settings), error, task.started, task.flow_run_id
    )
