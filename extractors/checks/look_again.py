"""A check fails: is a figure misread that it looked at? Failed checks → a new look at just their suspects → tables as they are printed.

In: a document's joined tables and what can look at its pages again (`Eyes`). Out: the tables, cells replaced where the pixels, read
anew, print the figure with which the check holds. Accepted is only a figure that makes the check hold and that the pixels show; the
cell keeps what was read first. What the page's own text prints is never replaced, and where nothing is accepted the doubt stays.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from extractors.checks.check import Place, evidence_by_place, find_findings
from extractors.checks.reread import PASSES, Pass, as_it_is, crop, reread
from extractors.checks.suspects import Finding, Outcome, narrow
from extractors.engine import Engine, FigureReader, Render
from extractors.facts import base_value, state_facts
from extractors.statements.statement import find_statements
from schemas.amount import decide_decimal_point, parse_amount
from schemas.box import Box
from schemas.page import JoinedTable, PageReading, ReadCell
from schemas.records import Fact

ROUNDS = 2  # a figure set right may show another check's suspect
MOST_SUSPECTS = 16  # figures of one failed check; more of them say nothing of where to look
MOST_LOOKS = 120  # figures of one document
LOOK_SECONDS = 30.0  # for one document, before no further page is looked at
MOST_ASKED = 24  # figures of one document that a model is asked about
MODEL_LOOK = Pass("for the model", 300, 8.0, 4.0, as_it_is)  # more paper: it reads pictures, not lines
AGREED = 2  # passes that read the same figure before it stands without a doubt

CellPlace = tuple[str, int, int]  # table, row and column of a cell in its joined table


@dataclass(frozen=True, slots=True)
class Eyes:
    """What can look at the pages of an open document again."""

    render: Callable[[int, int, float], Render]  # (page, rotation and skew of its reading) -> its pixels
    ocr: bool  # whether figures may be read by OCR
    engine: Engine


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands in the way of a failed check: its fact, the cell behind it, and what its pixels say."""

    fact: Fact
    cell: ReadCell
    tail: str  # what the statement's reader joined to the cell's text: a parenthesis in a cell of its own


@dataclass(frozen=True, slots=True)
class Correction:
    """A cell's new text, the passes that read it, and the fact it was accepted for."""

    place: CellPlace
    fact: Place
    text: str
    votes: int


@dataclass(slots=True)
class _State:
    """The document as understood with the tables as they stand."""

    facts: dict[Place, Fact]
    findings: list[Finding]
    outcome: dict[str, Outcome]
    suspects: dict[str, Seen]  # by fact id; figures that pixels alone vouch for
    failed: int = field(init=False)

    def __post_init__(self) -> None:
        self.failed = sum(finding.check.status == "fail" for finding in self.findings)


def look_again(
    tables: Sequence[JoinedTable], readings: Sequence[PageReading], eyes: Eyes
) -> tuple[JoinedTable, ...]:
    """Return the tables with figures set right that a failed check points at and the pixels show otherwise."""
    tables = tuple(tables)
    pages = {reading.page: reading for reading in readings if reading.text_source in ("ocr", "none")}
    if not pages or not tables or not (eyes.ocr or isinstance(eyes.engine, FigureReader)):
        return tables
    point = decide_decimal_point(
        cell.text for table in tables for cell in table.cells if cell.row >= table.n_header_rows
    )
    looks = _Looks(eyes, pages, point, time.monotonic() + LOOK_SECONDS)
    for _ in range(ROUNDS):
        state = _understand(tables, readings)
        asked = [finding for finding in state.findings if _is_open(finding)]
        for finding in asked:
            looks.look(_suspects(finding, state))
        corrections = _decide(asked, state, looks.seen, point)
        kept = _proven(tables, corrections, readings, state)
        if not kept:
            break
        tables = _replaced(tables, kept)
    return tables


@dataclass(slots=True)
class _Looks:
    """The looks taken in one document: what was seen, and how much more may be looked at."""

    eyes: Eyes
    pages: dict[int, PageReading]
    point: str
    end: float  # monotonic seconds
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by fact id: what each look reads
    renders: dict[int, Render] = field(default_factory=dict)
    asked: int = 0

    def look(self, suspects: Sequence[tuple[Seen, Decimal | None]]) -> None:
        """Look at figures that were not looked at yet; each comes with the value (base units) that its check asks for."""
        new = [(s, v) for s, v in suspects if s.fact.fact_id not in self.seen and s.cell.page in self.pages]
        new = new[: max(0, MOST_LOOKS - len(self.seen))]
        for number in sorted({s.cell.page for s, _ in new}):
            if time.monotonic() > self.end:
                return
            render = self._render(number)
            mine = [(s, v) for s, v in new if s.cell.page == number]
            boxes = [s.cell.value_box or s.cell.box for s, _ in mine]
            texts = reread(render, boxes) if self.eyes.ocr else [()] * len(boxes)
            for (suspect, value), box, read in zip(mine, boxes, texts, strict=True):
                self.seen[suspect.fact.fact_id] = (*read, *self._asked(suspect, value, render, box, read))

    def _render(self, number: int) -> Render:
        if number not in self.renders:
            reading = self.pages[number]
            self.renders[number] = self.eyes.render(number, reading.rotation, reading.skew)
        return self.renders[number]

    def _asked(
        self, suspect: Seen, value: Decimal | None, render: Render, box: Box, read: Sequence[str]
    ) -> tuple[str, ...]:
        """Return what the engine's model sees among the readings and the figure that the check asks for."""
        if not isinstance(self.eyes.engine, FigureReader) or self.asked >= MOST_ASKED:
            return ()
        written = suspect.cell.text.strip()
        candidates = [written, *read]
        if value is not None:
            candidates.append(printed_like(value / (suspect.fact.scale or 1), written, self.point))
        candidates = [text for text in dict.fromkeys(candidates) if any(map(str.isdigit, text))]
        if len(candidates) < 2:
            return ()
        self.asked += 1
        chosen = self.eyes.engine.choose(crop(render, box, MODEL_LOOK), candidates)
        if chosen is None:
            return ()
        return (chosen,) if self.eyes.ocr else (chosen,) * AGREED  # it was asked twice


def _understand(tables: Sequence[JoinedTable], readings: Sequence[PageReading]) -> _State:
    statements = find_statements(tables, readings)
    behind = evidence_by_place(statements)
    facts = {(f.table_id, f.row, f.col): f for s in statements for f in state_facts(s)}
    findings = find_findings(statements, facts, behind)
    suspects = {}
    for statement in statements:
        for item in statement.items:
            for value in item.values:
                cell = value.placed.cell
                place = (item.table_id, item.row, cell.col)
                fact = facts.get(place)
                if fact is not None and behind[place] != "printed":
                    tail = value.placed.text.removeprefix(cell.text.strip())
                    suspects[fact.fact_id] = Seen(fact, cell, tail)
    return _State(facts, findings, narrow(findings), suspects)


def _is_open(finding: Finding) -> bool:
    """Tell whether a check fails, or wants for an unreadable figure, by a known amount."""
    return finding.off is not None and finding.check.status != "pass"


def _suspects(finding: Finding, state: _State) -> list[tuple[Seen, Decimal | None]]:
    """Return the figures that may be wrong, each with the value that the check asks for.

    Those are the ones that no check confirms, first those that one slip of reading explains.
    """
    outcomes = state.outcome
    pool = [f for f, _ in finding.facts if not outcomes[f.fact_id].passed] or [f for f, _ in finding.facts]
    pool.sort(key=lambda fact: (outcomes[fact.fact_id].would_be is None, not outcomes[fact.fact_id].suspect))
    return [
        (state.suspects[fact.fact_id], outcomes[fact.fact_id].would_be)
        for fact in pool[:MOST_SUSPECTS]
        if fact.fact_id in state.suspects
    ]


def printed_like(number: Decimal, like: str, point: str) -> str:
    """Return a number as the text `like` would print it: its separators, its brackets or its minus sign."""
    whole, _, decimals = f"{abs(number.normalize()):,f}".partition(".")
    decimals = decimals.ljust(len(like.rstrip(")% ").rpartition(point)[2]) if point in like else 0, "0")
    text = whole.replace(",", "," if point == "." else ".") + (point + decimals if decimals else "")
    if number >= 0:
        return text
    return f"-{text}" if "-" in like and "(" not in like else f"({text})"


def _decide(
    findings: Sequence[Finding], state: _State, seen: dict[str, tuple[str, ...]], point: str
) -> dict[str, Correction]:
    """Return the corrections that make failed checks hold, by fact id; where the pixels leave a choice, none."""
    out: dict[str, Correction] = {}
    contested: set[str] = set()
    for finding in findings:
        options = _options(finding, state, seen, point)
        if len(options) != 1:
            continue
        for correction in options[0]:
            key = state.facts[correction.fact].fact_id
            other = out.setdefault(key, correction)
            if other.text != correction.text:
                contested.add(key)
    return {key: correction for key, correction in out.items() if key not in contested}


def _options(
    finding: Finding, state: _State, seen: dict[str, tuple[str, ...]], point: str
) -> list[tuple[Correction, ...]]:
    """Return the ways in which one figure, or else two, read otherwise make a check hold."""
    assert finding.off is not None
    room = finding.check.tolerance or Decimal(0)
    changes: list[tuple[Decimal, Correction]] = []  # by how much the sum moves
    for fact, sign in finding.facts:
        if fact.fact_id not in seen or fact.fact_id not in state.suspects:
            continue
        for value, text, votes in _others(state.suspects[fact.fact_id], seen[fact.fact_id], point):
            changes.append(
                (sign * (value - (fact.value or 0)), _correction(state.suspects[fact.fact_id], text, votes))
            )
    single: list[tuple[Correction, ...]] = [(c,) for moved, c in changes if abs(finding.off - moved) <= room]
    if single:
        return single
    return [
        (a, b)
        for (one, a), (other, b) in combinations(changes, 2)
        if a.fact != b.fact and abs(finding.off - one - other) <= room
    ]


def _others(seen: Seen, texts: Sequence[str], point: str) -> list[tuple[Decimal, str, int]]:
    """Return the other values (base units) that the pixels are read as, a text for each, and how many passes read it."""
    votes: Counter[Decimal] = Counter()
    written: dict[Decimal, str] = {}
    for text in texts:
        amount = parse_amount(text, point)
        value = base_value(amount, seen.fact.scale)
        if amount is None or value is None or amount.doubt or value == seen.fact.value:
            continue
        votes[value] += 1
        written.setdefault(value, text)
    return [(value, written[value], n) for value, n in votes.items()]


def _correction(seen: Seen, text: str, votes: int) -> Correction:
    fact, cell = seen.fact, seen.cell
    if seen.tail:
        text = text.removesuffix(seen.tail)
    return Correction((fact.table_id, cell.row, cell.col), (fact.table_id, fact.row, fact.col), text, votes)


def _proven(
    tables: Sequence[JoinedTable],
    corrections: dict[str, Correction],
    readings: Sequence[PageReading],
    before: _State,
) -> list[Correction]:
    """Return the corrections after which their figure passes a check and fails none, and no more checks fail than before."""
    kept = list(corrections.values())
    while kept:
        after = _understand(_replaced(tables, kept), readings)
        fine = []
        for correction in kept:
            fact = after.facts.get(correction.fact)
            outcome = after.outcome.get(fact.fact_id) if fact else None
            if outcome is not None and outcome.passed and not outcome.suspect:
                fine.append(correction)
        if len(fine) == len(kept):
            return kept if after.failed < before.failed or before.failed == 0 else []
        kept = fine
    return []


def _replaced(tables: Sequence[JoinedTable], corrections: Sequence[Correction]) -> tuple[JoinedTable, ...]:
    by_place = {correction.place: correction for correction in corrections}
    wanted = {place[0] for place in by_place}
    return tuple(
        table.model_copy(
            update={
                "cells": tuple(
                    _corrected(cell, by_place.get((table.table_id, cell.row, cell.col)))
                    for cell in table.cells
                )
            }
        )
        if table.table_id in wanted
        else table
        for table in tables
    )


def _corrected(cell: ReadCell, correction: Correction | None) -> ReadCell:
    if correction is None:
        return cell
    agreed = correction.votes >= AGREED
    note = (
        None
        if agreed
        else f"first read as “{cell.text}”; one of {len(PASSES)} further looks at the scan reads what the rows add up to"
    )
    return cell.model_copy(
        update={
            "text": correction.text,
            "grounding": "exact" if agreed else "mismatch",
            "note": note,
            "first_text": cell.text,
        }
    )
