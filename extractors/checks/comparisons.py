"""Do the printed changes and percentages agree with the periods they compare? A statement's ledger → findings.

In: a ledger and its statement's comparison columns. Out: one finding for each figure in such a column: a `change` (a difference between two
periods) or a `percent` (growth from one period to another, or a share of a base row). What a column compares is not taken from its
words: the relation that most of its rows bear out is the one, and where none is, nothing can be evaluated. Expected and actual are in base
units, percentages as printed. Tolerances follow from the last printed digits of all figures that take part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations
from typing import Literal

from extractors.checks.ledger import Ledger, LedgerRow, decimals, last_digit
from extractors.checks.suspects import Finding
from extractors.statements.periods import find_dates
from extractors.statements.statement import Comparison
from schemas.amount import Amount
from schemas.records import Check, CheckStatus, Fact

Relation = Literal["difference", "growth", "share"]

LEAST_ROWS = 3  # rows that must bear a relation out
BORNE_OUT = 0.6  # of a column's rows; a relation that fewer bear out is not the column's
ALL_OF_FEW = 2  # rows; so few must all bear it out
HUNDRED = Decimal(100)
UNITS = {None: Decimal(1), "percent": Decimal(1), "basis_point": Decimal("0.01"), "per_mille": Decimal("0.1")}


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a column says: `first` less or over `second` are periods; of a share `second` is the base row."""

    relation: Relation
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class _Line:
    """One row with a figure in the comparison column."""

    row: LedgerRow
    amount: Amount


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a rule expects of a row, how far rounding may put the printed figure off, and whether it holds."""

    expected: Decimal
    room: Decimal
    holds: bool
    turned: bool  # it holds with the other sign
    losses: bool  # of a figure below zero, of which "increase" may mean either


def check_comparisons(ledger: Ledger, confirmed: Collection[str]) -> list[Finding]:
    """Return one finding for each figure of a statement's comparison columns.

    `confirmed` are the ids of facts that another check bears out: where all facts of a failed comparison are, the comparison's own figure is in
    doubt, and no fact is accused.
    """
    lines: dict[tuple[str, str], list[_Line]] = defaultdict(list)
    columns: dict[tuple[str, str], Comparison] = {}
    rows = _rows_by_place(ledger)
    for comparison in ledger.statement.comparisons:
        key = (comparison.kind, comparison.header or f"column {comparison.col}")
        columns.setdefault(key, comparison)
        for table, number, placed in comparison.figures:
            row = rows.get((table, number))
            if row is not None and placed.amount is not None and placed.amount.value is not None:
                lines[key].append(_Line(row, placed.amount))
    return [
        finding
        for key, found in lines.items()
        for finding in _check_column(ledger, columns[key], found, confirmed)
    ]


def _rows_by_place(ledger: Ledger) -> dict[tuple[str, int], LedgerRow]:
    """The ledger's rows by table and row of their cells; rows with an inner and an outer figure of one period are left out."""
    found: dict[tuple[str, int], LedgerRow] = {}
    twice: set[tuple[str, int]] = set()
    for row in (*ledger.rows, *ledger.others):
        if row.item.unit in ("percent", "ratio"):
            continue
        for place in {(row.item.table_id, value.placed.cell.row) for value in row.item.values}:
            if place in found:
                twice.add(place)
            found[place] = row
    return {place: row for place, row in found.items() if place not in twice}


def _check_column(
    ledger: Ledger, comparison: Comparison, lines: Sequence[_Line], confirmed: Collection[str]
) -> Iterator[Finding]:
    rule = _find_rule(ledger, comparison, lines)
    turned = 0
    if rule is not None:
        turned = sum(v.turned for line in lines if (v := _judge(ledger, rule, line)) is not None)
    for line in lines:
        verdict = _judge(ledger, rule, line) if rule else None
        if rule is None or verdict is None:
            percents = rule.relation != "difference" if rule else comparison.kind == "percent"
            says = "what it compares is not printed"
            check = _record(ledger, comparison, line, "not_evaluable", says, None, percents=percents)
            yield Finding(check, (), None)
            continue
        # with the other sign on several rows the column calls a change better or worse, and a loss may increase
        lenient = (
            line.amount.nil or (verdict.turned and (turned > 1 or verdict.losses)) or rule.relation == "share"
        )
        status: CheckStatus = "pass" if verdict.holds else "not_evaluable" if lenient else "fail"
        percents = rule.relation != "difference"
        check = _record(
            ledger, comparison, line, status, _wording(ledger, rule, line), verdict, percents=percents
        )
        yield _finding(check, rule, line, verdict, confirmed)


def _finding(
    check: Check, rule: _Rule, line: _Line, verdict: _Verdict, confirmed: Collection[str]
) -> Finding:
    """A difference that holds confirms both figures; a percentage knows only their first digits and confirms nothing."""
    if check.status == "not_evaluable" or (check.status == "pass" and rule.relation != "difference"):
        return Finding(check, (), None)
    facts = [
        (f, sign) for f, sign in ((line.row.facts[rule.first], 1), (line.row.facts[rule.second], -1)) if f
    ]
    if check.status == "pass":
        return Finding(check, tuple(facts), (check.actual or Decimal(0)) - verdict.expected)
    accused = tuple((f, sign) for f, sign in facts if f.fact_id not in confirmed)
    if rule.relation != "difference" or not accused or check.actual is None:
        return Finding(check, accused, None)
    return Finding(check, accused, check.actual - verdict.expected)


def _find_rule(ledger: Ledger, comparison: Comparison, lines: Sequence[_Line]) -> _Rule | None:
    """Return the relation that most rows bear out, None where too few do. Of equals the first named wins."""
    best: tuple[int, _Rule] | None = None
    for rule in _rules(ledger, comparison, lines):
        judged = [
            v for line in lines if not line.amount.nil and (v := _judge(ledger, rule, line)) is not None
        ]
        hits = sum(v.holds or v.turned for v in judged)
        enough = hits >= LEAST_ROWS or hits == len(judged) >= ALL_OF_FEW
        if enough and hits >= BORNE_OUT * len(judged) and (best is None or hits > best[0]):
            best = hits, rule
    return best[1] if best else None


def _rules(ledger: Ledger, comparison: Comparison, lines: Sequence[_Line]) -> Iterator[_Rule]:
    """The relations that a column can stand for: between the years that its header names where it names two, else between any."""
    dated = [i for i, key in enumerate(ledger.periods) if key[0] is not None]
    named = {d.year for d in find_dates(comparison.header) if d.year}
    percents = comparison.kind == "percent" or sum(line.amount.unit == "percent" for line in lines) * 2 > len(
        lines
    )
    relations: tuple[Relation, ...] = ("growth",) if percents else ("difference", "growth")
    for relation in relations:
        for first, second in permutations(dated, 2):
            ends = ledger.periods[first][0], ledger.periods[second][0]
            alike = ledger.periods[first][1] == ledger.periods[second][1]
            years = {end.year for end in ends if end}
            if alike and (len(named) < 2 or years == named):
                yield _Rule(relation, first, second)
    if not percents:
        return
    bases = [
        i
        for i, row in enumerate(ledger.rows)
        if any(line.row is row and line.amount.value == HUNDRED for line in lines)
    ]
    for period in dated:
        end = ledger.periods[period][0]
        if len(named) != 1 or (end is not None and end.year in named):
            for base in bases:
                yield _Rule("share", period, base)


def _judge(ledger: Ledger, rule: _Rule, line: _Line) -> _Verdict | None:
    """Hold a row's printed figure against the rule; None where a figure is missing or nothing can be divided."""
    first = line.row.facts[rule.first]
    if rule.relation == "share":
        second = ledger.rows[rule.second].facts[rule.first] if line.row.item.unit == "money" else None
    else:
        second = line.row.facts[rule.second]
    if (
        first is None
        or second is None
        or first.value is None
        or second.value is None
        or line.amount.value is None
    ):
        return None
    if rule.relation == "difference":
        scale = first.scale or 1
        printed, expected = line.amount.value * scale, first.value - second.value
        room = _half(first) + _half(second) + Decimal(scale).scaleb(-line.amount.decimals) / 2
        if decimals(first) == decimals(second) == line.amount.decimals:
            room = last_digit(first)  # each of three figures rounded for itself: one unit apart at most
    else:
        if not second.value:
            return None
        over = first.value - second.value if rule.relation == "growth" else first.value
        # growth is over the size of the earlier figure: a smaller loss is growth
        size = abs(second.value) if rule.relation == "growth" else second.value
        factor = UNITS.get(line.amount.unit, Decimal(1))
        printed, expected = line.amount.value * factor, over / size * HUNDRED
        slack = (_half(first) + abs(first.value / second.value) * _half(second)) / abs(second.value) * HUNDRED
        room = slack + Decimal(1).scaleb(-line.amount.decimals) * factor / 2
    holds, turned = abs(printed - expected) <= room, abs(printed + expected) <= room
    losses = first.value < 0 or second.value < 0  # over a loss, growth is printed with either sign
    if rule.relation == "growth" and losses:
        holds = holds or turned
    return _Verdict(expected, room, holds, turned and not holds, losses)


def _half(fact: Fact) -> Decimal:
    """Half of a figure's last printed digit, in base units."""
    return last_digit(fact) / 2


def _wording(ledger: Ledger, rule: _Rule, line: _Line) -> str:
    first = _name(ledger, rule.first)
    if rule.relation == "share":
        return f"{first} in % of {ledger.rows[rule.second].item.label!r}"
    second = _name(ledger, rule.second)
    return f"{first} − {second}" if rule.relation == "difference" else f"{first} over {second} in %"


def _name(ledger: Ledger, period: int) -> str:
    end, months, header = ledger.periods[period]
    return f"{end}" + (f" ({months} months)" if months else "") if end else header


def _record(
    ledger: Ledger,
    comparison: Comparison,
    line: _Line,
    status: CheckStatus,
    says: str,
    verdict: _Verdict | None,
    *,
    percents: bool,
) -> Check:
    """The row of the `checks` dataset; percentages are rounded to what can be told."""
    value = line.amount.value
    scale = 1 if percents else next((f.scale or 1 for f in line.row.facts if f), 1)
    places = Decimal(1).scaleb(-line.amount.decimals - 2)
    expected, room = (verdict.expected, verdict.room) if verdict else (None, None)
    if percents and expected is not None and room is not None:
        expected, room = expected.quantize(places), room.quantize(places)
    return Check(
        table_id=ledger.statement.table.table_id,
        check="percent" if percents else "change",
        detail=f"{line.row.item.label or '(no label)'}: {comparison.header or 'percentages'} = {says}",
        column=comparison.col,
        expected=expected,
        actual=value * scale if value is not None else None,
        tolerance=room,
        status=status,
    )
