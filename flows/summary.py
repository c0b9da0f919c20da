"""What a run tells: about each document, while it goes, and in sum.

In: what became of each document. Out: `Summary`, small enough for a terminal, an artifact or a JSON file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.index import Known
from flows.plan import Plan, ToRead, Way
from schemas.records import Failure

KEPT_OUTCOMES = 300  # of a run, in memory and in the artifacts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document: a small record, fit to travel through an orchestrator."""

    doc_id: str
    source_uri: str
    reason: str
    status: str
    n_pages: int
    n_tables: int
    n_facts: int
    n_needs_review: int
    seconds: float
    failures: tuple[tuple[str, str], ...] = ()  # (category, message)
    retryable: bool = False
    known: Known | None = None  # what the index keeps; None after a failure to write
    stages: tuple[tuple[str, float], ...] = ()  # (stage, seconds spent in it)


class Events:
    """What a run tells about its progress. Every method may be called from any thread; this one says nothing."""

    def began(self, url: str) -> None:
        """The run is seen by an orchestrator, at this address."""

    def looking(self, done: int, files: int) -> None:
        """So many of the listed files were compared with what was seen before."""

    def planned(self, plan: Plan, way: Way) -> None:
        """The plan is made; reading begins."""

    def page(self, item: ToRead, done: int, pages: int) -> None:
        """Another page of a document was read."""

    def failure(self, item: ToRead, failure: Failure) -> None:
        """Something in a document did not work; told when it is finished."""

    def document(self, outcome: Outcome) -> None:
        """A document is finished and written."""


@dataclass
class Summary:
    """A run in figures."""

    engine: str
    model: str | None
    reasons: dict[str, int]
    unchanged: int
    passed_over: int
    removed: int
    given_up: int
    ok: int = 0
    partial: int = 0
    failed: int = 0
    pages: int = 0
    tables: int = 0
    facts: int = 0
    needs_review: int = 0
    seconds: float = 0.0
    flow_run_id: str | None = None
    categories: dict[str, int] = field(default_factory=dict)  # documents with failures, by their category
    stages: dict[str, float] = field(default_factory=dict)  # seconds of all documents, by stage
    left: int = 0  # documents that this run was to read and did not: a limit, or it was stopped
    outcomes: list[Outcome] = field(
        default_factory=list
    )  # those with failures, the slowest, the most doubtful

    @property
    def done(self) -> int:
        """Documents read in this run, however they ended."""
        return self.ok + self.partial + self.failed

    @property
    def exit_code(self) -> int:
        """0 all ok; 2 some documents failed, now or before, in whole or in part; 3 nothing could be done."""
        good = self.ok + self.partial + self.unchanged
        bad = self.partial + self.failed + self.given_up
        return 0 if not bad else 2 if good else 3

    def add(self, outcome: Outcome) -> None:
        """Count a document in."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.pages += outcome.n_pages
        self.tables += outcome.n_tables
        self.facts += outcome.n_facts
        self.needs_review += outcome.n_needs_review
        kinds = outcome.known.categories if outcome.known else tuple({kind for kind, _ in outcome.failures})
        for kind in kinds:
            self.categories[kind] = self.categories.get(kind, 0) + 1
        for stage, seconds in outcome.stages:
            self.stages[stage] = self.stages.get(stage, 0.0) + seconds
        self.outcomes.append(outcome)
        if len(self.outcomes) > 2 * KEPT_OUTCOMES:
            self.outcomes = worth_keeping(self.outcomes)


def worth_keeping(outcomes: list[Outcome]) -> list[Outcome]:
    """Return a third each of the failed, the most doubtful and the slowest documents, without repetition."""
    third = KEPT_OUTCOMES // 3
    failed = [o for o in outcomes if o.failures][:third]
    doubtful = sorted((o for o in outcomes if o.n_needs_review), key=lambda o: -o.n_needs_review)[:third]
    slowest = sorted(outcomes, key=lambda o: -o.seconds)[:third]
    return list({o.doc_id: o for o in (*failed, *doubtful, *slowest)}.values())
