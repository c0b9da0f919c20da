"""Answers how a document is read so that it cannot take the run with it: in a process that can be ended.

In: a `Source`, from any thread. Out: its `DocumentResult`. A page that hangs, crashes or eats the memory costs itself:
its process is ended, the page is recorded as failed, and reading goes on behind it in a new process. Processes are
kept for further documents, since starting one costs about two seconds of imports. What comes back from them is JSON
that is validated: a hostile document may own the process that reads it. Pages that are read stand in a `Spool`, not in memory.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from extractors.errors import ParquetryError, UsageError, WriteError
from extractors.isolation.process import OnPage, ProcessEndedError, ReadingProcess
from extractors.isolation.spool import Spool
from extractors.isolation.task import Clock, Task
from extractors.settings import Settings
from extractors.sources import Source, local_copy
from schemas.records import DocumentResult

MOST_ENDINGS = 4  # processes that one document may cost; then the rest of its pages is given up
MOST_DOCUMENTS = 200  # a process reads before it is replaced: libraries leak
GROWN = 0.5  # of max_memory; a process that keeps more than this between documents is replaced


class ReaderPool:
    """Processes that read documents, each one document at a time; `read` may be called from several threads."""

    def __init__(
        self, settings: Settings, n_processes: int = 1, entry: str = "extractors.isolation.child"
    ) -> None:
        if n_processes < 1:
            raise UsageError("at least one process is needed to read documents.")
        self._settings, self._entry = settings, entry
        self._threads = max(1, (os.cpu_count() or 1) // n_processes)
        self._free = threading.Semaphore(n_processes)
        self._lock = threading.Lock()
        self._idle: list[ReadingProcess] = []
        self._busy: set[ReadingProcess] = set()
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
            clock = Clock(self._settings.document_timeout)
            task = Task(source, pages, datetime.now(UTC), flow_run_id, clock)
            try:
                with local_copy(source, self._settings) as path:
                    return self._read(task, path, on_page)
            except (UsageError, WriteError):
                raise
            except ParquetryError as error:
                return _failed(task, self._settings, error)

    def _read(self, task: Task, path: Path, on_page: OnPage | None) -> DocumentResult:
        while True:
            process = self._take()
            try:
                return process.read(task, path, on_page)
            except ProcessEndedError as ended:
                process.end()
                if self._closed:
                    raise UsageError("the pool was closed while the document was being read.") from ended
                if (
                    ended.killed and task.page not in task.killed
                ):  # by an operator, or for want of memory elsewhere
                    task.killed.add(task.page)
                    continue
                self._go_on(task, ended)
            except ParquetryError:  # the process told of it, and waits for the next document
                raise
            except (
                BaseException
            ) as error:  # stopped in the middle: what the process still says belongs to nobody
                process.end()
                if self._closed and isinstance(error, OSError | ValueError):  # its pipes were closed under us
                    raise UsageError("the pool was closed while the document was being read.") from error
                raise
            finally:
                self._give_back(process)

    def _go_on(self, task: Task, ended: ProcessEndedError) -> None:
        """Give up the page that ended its process, or all that are left. Raises the error when nothing can be saved."""
        task.endings += 1
        if task.finishing:
            raise type(ended.error)(
                f"{len(task.pages)} pages were gone through and could not be put together: {ended.error}"
            ) from ended
        if not ended.opened and not len(task.pages):
            raise ended.error from None
        if ended.out_of_time and not len(task.pages):
            raise ended.error from None
        everything = ended.out_of_time or not ended.opened or task.endings >= MOST_ENDINGS or not task.left
        task.give_up(ended.error, everything)
        if everything:  # what was read is still put together, in a new process
            task.finishing = True
            task.clock.finish()

    def _take(self) -> ReadingProcess:
        with self._lock:
            if self._closed:
                raise UsageError("the pool is closed.")
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    self._busy.add(process)
                    return process
            process = ReadingProcess(self._settings, self._entry, self._threads)
            self._busy.add(process)
            return process

    def _give_back(self, process: ReadingProcess) -> None:
        worn = not process.alive or process.n_read >= MOST_DOCUMENTS
        worn = worn or process.memory() > GROWN * self._settings.max_memory
        with self._lock:
            self._busy.discard(process)
            if not worn and not self._closed:
                self._idle.append(process)
                return
        process.end()


def _failed(task: Task, settings: Settings, error: ParquetryError) -> DocumentResult:
    from extractors.choose import choose_engine
    from extractors.gather import failed_document

    return failed_document(
        task.source, settings, choose_engine(settings), error, task.started, task.flow_run_id
    )
