"""What a run tells machines: one line of JSON per event on standard error, for a log collector.

In: the events of a run, and whatever libraries log. Out: lines with `at` (UTC), `level`, `event` and what is known:
`document`, `doc_id`, `page`, `pages`, `stage`, `engine`, `seconds`, `category`, `message`. No setting is ever logged, so
that no secret can be: what is said of a document is its address, its counts, its times and its failures.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any, Self

from flows.plan import Plan, ToRead, Way
from flows.summary import Events, Outcome
from schemas.records import Failure

LOGGER = "parquetry"
LEVELS = {"ok": logging.INFO, "partial": logging.WARNING, "failed": logging.WARNING}


class JsonFormatter(logging.Formatter):
    """One JSON object per record; `extra={"fields": {...}}` gives its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if fields is None:
            fields = {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            fields = {**fields, "error": record.exc_info[0].__name__}
        known = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(line | known, default=str)  # ASCII: a name that is not UTF-8 cannot break the log


class JsonEvents(Events):
    """Writes a line for every event of a run. Use as a context manager."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._handler = logging.StreamHandler(stream or sys.stderr)
        self._handler.setFormatter(JsonFormatter())
        self._engine: str | None = None
        self._since: dict[str, float] = {}  # file -> when its last page was finished, monotonic seconds
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        """Begin to write, also what libraries warn of."""
        root, ours = logging.getLogger(), logging.getLogger(LOGGER)
        root.addHandler(self._handler)
        ours.setLevel(logging.INFO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell how the run was broken off, if it was, and stop writing."""
        if error is not None:
            self._tell(
                logging.ERROR, "broken-off", category=getattr(error, "category", None), message=str(error)
            )
        logging.getLogger().removeHandler(self._handler)

    def began(self, url: str) -> None:
        """Tell where an orchestrator shows the run."""
        self._tell(logging.INFO, "began", url=url)

    def planned(self, plan: Plan, way: Way) -> None:
        """Tell what is to be done."""
        self._engine = way.engine
        self._tell(
            logging.INFO, "planned", documents=len(plan.now), unchanged=plan.unchanged, reasons=plan.reasons,
            engine=way.engine, model=way.model,
        )  # fmt: skip

    def page(self, item: ToRead, done: int, pages: int) -> None:
        """Tell of a page: how many are done, and the seconds since the one before."""
        now = time.monotonic()
        with self._guard:
            since = self._since.get(item.file)
            self._since[item.file] = now
        self._tell(
            logging.INFO, "page", document=item.source.uri, doc_id=item.source.doc_id, stage="page", page=done,
            pages=pages, engine=self._engine, seconds=round(now - since, 3) if since is not None else None,
        )  # fmt: skip

    def failure(self, item: ToRead, failure: Failure) -> None:
        """Tell of something that did not work."""
        self._tell(
            logging.WARNING, "failure", document=item.source.uri, doc_id=item.source.doc_id, stage=failure.stage,
            page=failure.page, tile=failure.tile, engine=self._engine, category=failure.category,
            message=failure.message, attempts=failure.attempts, retryable=failure.retryable,
        )  # fmt: skip

    def document(self, outcome: Outcome) -> None:
        """Tell how a document ended, with its seconds by stage."""
        if outcome.known:
            with self._guard:
                self._since.pop(outcome.known.file, None)
        self._tell(
            LEVELS.get(outcome.status, logging.WARNING), "document", document=outcome.source_uri, doc_id=outcome.doc_id,
            status=outcome.status, reason=outcome.reason, pages=outcome.n_pages, tables=outcome.n_tables,
            facts=outcome.n_facts, needs_review=outcome.n_needs_review, engine=self._engine,
            seconds=round(outcome.seconds, 3), seconds_by_stage={name: round(s, 3) for name, s in outcome.stages},
            category=outcome.failures[0][0] if outcome.failures else None,
        )  # fmt: skip

    def _tell(self, level: int, event: str, **fields: Any) -> None:
        logging.getLogger(LOGGER).log(level, event, extra={"fields": {"event": event, **fields}})
