"""A check fails: is a figure misread that it looked at? Failed checks → a new look at just their suspects → tables as they are printed.

In: a document's joined tables and what can look at its pages again (`Eyes`). Out: the tables, cells replaced where the pixels, read
anew, print the figure with which the check holds. Accepted is only a figure that makes the check hold and that the pixels show; the
cell keeps what was read first. What the page's own text prints is never replaced, and where nothing is accepted the doubt stays.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from extractors.checks import Place, evidence_by_place, find_findings
from extractors.engine import Engine, Render
from extractors.facts import base_value, state_facts
from extractors.reread import PASSES, reread
from extractors.statements import find_statements
from extractors.suspects import Finding, Outcome, narrow
from schemas.amount import decide_decimal_point, parse_amount
from schemas.page import JoinedTable, PageReading, ReadCell
from schemas.records import Fact

ROUNDS = 2  # a figure set right may show another check's suspect
MOST_SUSPECTS = 16  # figures of one failed check; more of them say nothing of where to look
MOST_LOOKS = 120  # figures of one document
LOOK_SECONDS = 30.0  # for one document, before no further page is looked at
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
    if not eyes.ocr or all(reading.text_source != "ocr" for reading in readings):
        return tables
    pages = {reading.page: reading for reading in readings if reading.text_source == "ocr"}
    point = decide_decimal_point(
        cell.text for table in tables for cell in table.cells if cell.row >= table.n_header_rows
    )
    seen: dict[str, tuple[str, ...]] = {}  # by fact id: what each pass read
    end = time.monotonic() + LOOK_SECONDS
    for _ in range(ROUNDS):
        state = _understand(tables, readings)
        asked = [f for f in state.findings if _is_open(f)]
        wanted = [s for finding in asked for s in _suspects(finding, state) if s.cell.page in pages]
        _look(wanted, seen, pages, eyes, end)
        corrections = _decide(asked, state, seen, point)
        if not corrections:
            break
        kept = _proven(tables, corrections, readings, state)
        if not kept:
            break
        tables = _replaced(tables, kept)
    return tables


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


def _suspects(finding: Finding, state: _State) -> list[Seen]:
    """Return the figures that may be wrong: those that no check confirms, first those that one slip explains."""
    outcomes = state.outcome
    uncleared = [fact for fact, _ in finding.facts if not outcomes[fact.fact_id].passed]
    pool = uncleared or [fact for fact, _ in finding.facts]
    pool.sort(key=lambda fact: (outcomes[fact.fact_id].would_be is None, not outcomes[fact.fact_id].suspect))
    return [state.suspects[f.fact_id] for f in pool[:MOST_SUSPECTS] if f.fact_id in state.suspects]


def _look(
    wanted: Iterable[Seen],
    seen: dict[str, tuple[str, ...]],
    pages: dict[int, PageReading],
    eyes: Eyes,
    end: float,
) -> None:
    """Read the figures that were not looked at yet, page by page, and keep what every pass reads in `seen`."""
    todo = {s.fact.fact_id: s for s in wanted if s.fact.fact_id not in seen}
    chosen = list(todo.values())[: max(0, MOST_LOOKS - len(seen))]
    for number in sorted({s.cell.page for s in chosen}):
        if time.monotonic() > end:
            return
        mine = [s for s in chosen if s.cell.page == number]
        render = eyes.render(number, pages[number].rotation, pages[number].skew)
        texts = reread(render, [s.cell.value_box or s.cell.box for s in mine])
        seen.update({s.fact.fact_id: text for s, text in zip(mine, texts, strict=True)})


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
