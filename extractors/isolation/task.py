"""Answers how far the reading of one document is, over as many processes as it takes, and how much time it has left.

In: what the processes told of its pages, and the clock. Out: the next page to read, and the moments, in seconds of
`time.monotonic`, at which to begin no further page, to end the page in progress, and to have everything put together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from extractors.errors import ParquetryError
from extractors.isolation.spool import READING, Spool
from extractors.settings import Settings
from extractors.sources import Source
from schemas.page import PageReading
from schemas.records import Failure

FINISHING_SHARE = 0.2  # of document_timeout at most is kept for putting the pages together
FINISHING_SECONDS = 30.0  # enough for a document of a few hundred pages
FINISHING_PER_PAGE = 0.1  # seconds; more than this for longer ones
LEAST_TO_FINISH = 10.0  # seconds that a new process gets to put together what an ended one had read
ASSEMBLY_SECONDS = 0.5  # per page, to put the rows of a long document together; page_timeout at least


class Clock:
    """A document's time: it runs from the moment a process is ready for it, and stands while further ones start."""

    def __init__(self, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self.limit, self._now = limit, now  # seconds
        self.end = math.inf  # when the document's rows must be there

    def start(self) -> None:
        """Let it run, if it does not yet."""
        if self.end == math.inf:
            self.end = self._now() + self.limit

    def stood(self, seconds: float) -> None:
        """Leave out the seconds that a process took to start: a busy machine is not the document's fault."""
        self.end += seconds

    def reserve(self, n_pages: int) -> float:
        """Return the seconds that are kept for ending a page and putting `n_pages` together."""
        return min(FINISHING_SHARE * self.limit, max(FINISHING_SECONDS, FINISHING_PER_PAGE * n_pages))

    def last_begin(self, n_pages: int) -> float:
        """Return when the last page may begin."""
        return self.end - self.reserve(n_pages)

    def last_end(self, n_pages: int) -> float:
        """Return when a page in progress is ended."""
        return self.end - self.reserve(n_pages) / 2

    def finish(self) -> None:
        """Allow what a new process needs to put the pages together."""
        self.end = max(self.end, self._now() + LEAST_TO_FINISH)


@dataclass
class Task:
    """One document on its way."""

    source: Source
    pages: Spool
    started: datetime
    flow_run_id: str | None
    clock: Clock
    n_pages: int = 0  # 0 until a process has opened the document
    endings: int = 0  # processes it has cost
    page: int = 1  # all before it are read
    finishing: bool = False  # no page is read any more
    killed: set[int] = field(default_factory=set)  # pages whose process somebody else killed

    @property
    def left(self) -> bool:
        """Tell whether there are pages to read."""
        while self.page <= self.n_pages and self.page in self.pages:
            self.page += 1
        return self.page <= self.n_pages

    def give_up(self, error: ParquetryError, everything: bool) -> None:
        """Record the page that ended its process as failed, or all pages that are left. Raises WriteError."""
        message = str(error)
        while self.left:
            failure = Failure(
                source_uri=self.source.uri, page=self.page, stage="page", category=error.category, message=message,
                at=datetime.now(UTC),
            )  # fmt: skip
            reading = PageReading(self.page, 0.0, 0.0, 0, "none", failures=(failure,), status="failed")
            self.pages.add(self.page, READING.dump_json(reading), final=False)
            if not everything:
                return
            message = f"not read: {error}"

    def patience(self, settings: Settings, opened: bool) -> tuple[float, str, bool]:
        """Return until when the next message may take, what took longer then, and whether that ends the document."""
        seconds, what = settings.page_timeout, f"page {self.page}"
        end = self.clock.end if self.n_pages == 0 else self.clock.last_end(self.n_pages)
        if self.finishing or (opened and not self.left):
            seconds, what = max(seconds, ASSEMBLY_SECONDS * self.n_pages), "putting the pages together"
            end = self.clock.end
        page_end = time.monotonic() + seconds
        if page_end <= end:
            return page_end, f"{what} took longer than page_timeout ({settings.page_timeout:g} s)", False
        return end, out_of_time(settings), True


def out_of_time(settings: Settings) -> str:
    """Return what is said of a document that ran out of time."""
    return f"the document took longer than document_timeout ({settings.document_timeout:g} s)"
