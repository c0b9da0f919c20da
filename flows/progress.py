"""What a person sees in the terminal while a run goes: documents, pages, time left; and its summary afterwards.

Progress goes to standard error, so that standard output can be piped. Without a terminal a line is printed now and then.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from flows.plan import Plan, ToRead, Way
from flows.stored import showable
from flows.summary import Events, Outcome, Summary

LONG = 50  # pages of a document whose progress is worth a word of its own
NAME_LENGTH = 40  # letters of a document's name beside a bar
LINE_SECONDS = 15.0  # between two lines of progress where there is no terminal
STATUS_STYLE = {"ok": "green", "partial": "yellow", "failed": "red"}
REASON_TEXT = {
    "new": "new",
    "changed": "changed",
    "new_model": "new engine or model",
    "new_prompt": "new prompt",
    "new_schema": "new schema version",
    "new_settings": "new settings",
    "failed_before": "failed before",
    "interrupted": "interrupted before",
    "asked": "asked for",
}


class TerminalEvents(Events):
    """Progress bars, and a line for every document that failed. Use as a context manager."""

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self.console, self.quiet = console, quiet
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._documents: TaskID | None = None
        self._pages: TaskID | None = None
        self._looking: TaskID | None = None
        self._guard = threading.Lock()
        self._started = self._told = time.monotonic()
        self._done = self._total = self._read = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def began(self, url: str) -> None:
        """Say where the run can be watched."""
        if not self.quiet:
            self.console.print(f"Seen at {url}", highlight=False, markup=False, soft_wrap=True)

    def looking(self, done: int, files: int) -> None:
        """Show how many of the listed files were compared with what was seen before."""
        if self._looking is None:
            self._looking = self._bars.add_task("comparing", total=files, speed="")
        self._bars.update(self._looking, completed=done)

    def planned(self, plan: Plan, way: Way) -> None:
        """Show what is to be done."""
        if self._looking is not None:
            self._bars.remove_task(self._looking)
        self._total = len(plan.now)
        self._started = self._told = time.monotonic()
        if not self.quiet:
            self.console.print(plan_line(plan, way), highlight=False, soft_wrap=True)
        if self._total:
            self._documents = self._bars.add_task("documents", total=self._total, speed="")
            self._pages = self._bars.add_task("pages", total=None, speed="")

    def page(self, item: ToRead, done: int, pages: int) -> None:
        """Count a page."""
        with self._guard:
            self._read += 1
            if self._pages is not None:
                speed = self._read / max(0.1, time.monotonic() - self._started)
                self._bars.update(
                    self._pages, completed=self._read, speed=f"{speed:.1f} pages/s{_far(item, done, pages)}"
                )
            self._tell(_far(item, done, pages))

    def document(self, outcome: Outcome) -> None:
        """Count a document; a failed one gets a line that says why."""
        with self._guard:
            self._done += 1
            if self._documents is not None:
                self._bars.update(self._documents, completed=self._done)
            if outcome.status != "ok" and not self.quiet:
                style = STATUS_STYLE[outcome.status]
                why = "; ".join(f"{category}: {message}" for category, message in outcome.failures[:1])
                self.console.print(
                    f"[{style}]{outcome.status}[/] {escape(showable(why or outcome.source_uri))}",
                    highlight=False,
                    soft_wrap=True,
                )
            self._tell()

    def _tell(self, far: str = "") -> None:
        """Print a line where there is no terminal, now and then: how far the run is, how fast, and the time left."""
        now = time.monotonic()
        if self.quiet or self.console.is_terminal or now - self._told <= LINE_SECONDS:
            return
        self._told = now
        gone = max(0.1, now - self._started)
        left = f", about {_span(gone / self._done * (self._total - self._done))} left" if self._done else ""
        self.console.print(
            f"{self._done} of {self._total} documents, {self._read} pages, {self._read / gone:.1f} pages/s{left}{far}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


def _span(seconds: float) -> str:
    """Return a time as a person says it: in seconds, minutes or hours."""
    for length, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.{0 if seconds >= 10 * length else 1}f} {name}"
    return f"{seconds:.0f} s"


def _far(item: ToRead, done: int, pages: int) -> str:
    """Return how far a long document is; nothing for a short one."""
    if pages < LONG:
        return ""
    return f", {showable(item.source.uri.rsplit('/', 1)[-1])[:NAME_LENGTH]}: page {done:,} of {pages:,}"


def plan_line(plan: Plan, way: Way) -> str:
    """Return one line that says what a run will do and with which engine."""
    reader = f"{way.engine} ({way.model})" if way.model else way.engine
    parts = [f"{count} {REASON_TEXT[reason]}" for reason, count in plan.reasons.items()]
    parts += [f"{plan.unchanged} unchanged"] if plan.unchanged else []
    parts += [f"{len(plan.given_up)} failed before"] if plan.given_up else []
    parts += [f"{plan.passed_over} files that are no documents"] if plan.passed_over else []
    count = (
        f"{len(plan.now)} of {len(plan.to_read)}"
        if len(plan.now) < len(plan.to_read)
        else f"{len(plan.to_read)}"
    )
    return f"Reading {count} documents with the {escape(reader)} engine: {', '.join(parts) or 'nothing'}"


def print_summary(console: Console, summary: Summary, out: str) -> None:
    """Print a run's figures, and where to look next."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="bold")
    table.add_column()
    rows = (
        (summary.ok, "documents read"),
        (summary.partial, "[yellow]documents read in part[/]"),
        (summary.failed, "[red]documents failed[/]"),
        (summary.unchanged, "documents unchanged"),
        (summary.given_up, "[yellow]documents that failed before, not tried again[/]"),
        (summary.removed, "documents whose source is gone"),
        (summary.left, "[yellow]documents left for the next run[/]"),
    )
    for count, what in rows:
        if count:
            table.add_row(f"{count:,}", what)
    if summary.done:
        table.add_row(
            f"{summary.pages:,}", f"pages, {summary.pages / max(summary.seconds, 0.01):.1f} per second"
        )
        table.add_row(f"{summary.tables:,}", "tables")
        table.add_row(f"{summary.facts:,}", "facts of financial statements")
        table.add_row(f"{summary.needs_review:,}", "values that need review")
    table.add_row(f"{summary.seconds:.1f}", "seconds")
    console.print(table)
    if summary.failed or summary.given_up or summary.partial:
        console.print(
            f"Why: parquetry show {escape(out)} --failures    Try again: parquetry retry-failed --out {escape(out)}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    console.print(f"The tables: parquetry show {escape(out)}", highlight=False, soft_wrap=True)
