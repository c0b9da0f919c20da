"""Do the figures agree with each other? Statements and their facts → checks, and facts that carry the outcome.

In: the document's statements and the facts as stated. Out: the facts with `check_status`, `confidence`, `needs_review` and
`review_reason` set, and one `Check` for each total and period and for each rule between statements. Expected, actual and tolerance
are in base units. A check that fails points at the figures that can be wrong, not at all it has looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from extractors.checks.across import check_across, check_parts
from extractors.checks.arithmetic import Sum, find_sums
from extractors.checks.comparisons import check_comparisons
from extractors.checks.confidence import Evidence, evidence, judge
from extractors.checks.identities import check_identities
from extractors.checks.ledger import Ledger, as_printed, decimals, open_ledger, room_for
from extractors.checks.mending import mended
from extractors.checks.suspects import Finding, narrow
from extractors.statements.periods import fold
from extractors.statements.statement import Statement
from schemas.records import Check, CheckStatus, Fact

Place = tuple[str, int, int]  # table, row, column

MOST_SHOWN = 8  # numbers that a completeness check quotes
EXACT_SHARE = 0.8  # of the sums that add up exactly: such a document does not print rounded parts
SIGNED = ("cash_flow_statement", "equity_statement")  # printed with the signs that they are added with
EXACT_LEAST = 5  # sums needed to know that


def check_statements(
    statements: Sequence[Statement], facts: Sequence[Fact]
) -> tuple[tuple[Fact, ...], tuple[Check, ...]]:
    """Run all checks of a document and return its facts with their outcome, in the same order, and the checks."""
    behind = evidence_by_place(statements)
    stated = {(f.table_id, f.row, f.col): f for f in facts}
    findings = find_findings(statements, stated, behind)
    mends = _mends(findings, stated, behind)
    if mends:
        stated.update(mends)
        findings = find_findings(statements, stated, behind)
    outcome = narrow(findings, {fact.fact_id for fact in mends.values()})
    judged = tuple(
        judge(fact, behind.get(place, "single"), outcome.get(fact.fact_id)) for place, fact in stated.items()
    )
    return judged, (*(f.check for f in findings), *completeness(statements))


def completeness(statements: Sequence[Statement]) -> tuple[Check, ...]:
    """Return one check for each primary statement: every number printed inside its table stands in one of its cells."""
    checks = []
    for statement in statements:
        if not statement.primary:
            continue
        left = [line.text for fragment in statement.table.fragments for line in fragment.unclaimed]
        shown = ", ".join(left[:MOST_SHOWN]) + (" …" if len(left) > MOST_SHOWN else "")
        detail = (
            f"printed inside the table, but in none of its rows: {shown}"
            if left
            else "every printed number is in a row"
        )
        checks.append(
            Check(
                table_id=statement.table.table_id,
                check="completeness",
                detail=detail,
                expected=Decimal(0),
                actual=Decimal(len(left)),
                status="fail" if left else "pass",
            )
        )
    return tuple(checks)


def find_findings(
    statements: Sequence[Statement], facts: dict[Place, Fact], behind: dict[Place, Evidence]
) -> list[Finding]:
    """Run every check once over the facts as they stand."""
    printed = frozenset(fact.fact_id for place, fact in facts.items() if behind.get(place) == "printed")
    ledgers = [open_ledger(s, facts) for s in statements if s.primary]
    sums = [ledger_sums(ledger) for ledger in ledgers]
    exact = adds_exactly([s for found in sums for s in found])
    findings = [
        f
        for ledger, found in zip(ledgers, sums, strict=True)
        for f in check_sums(ledger, found, exact, printed)
    ]
    findings += check_identities(ledgers)
    confirmed = frozenset(
        f.fact_id for found in findings if found.check.status == "pass" for f, _ in found.facts
    )
    return findings + [f for ledger in ledgers for f in check_comparisons(ledger, confirmed)]


def _mends(
    findings: Sequence[Finding], facts: dict[Place, Fact], behind: dict[Place, Evidence]
) -> dict[Place, Fact]:
    """Return the facts whose own characters can be read so that a failed check holds; where several could, none is."""
    outcome = narrow(findings)
    places = {fact.fact_id: place for place, fact in facts.items()}
    found: dict[Place, Fact] = {}
    for finding in findings:
        if finding.check.status == "pass":
            continue
        options = []
        for fact, _ in finding.facts:
            place = places[fact.fact_id]
            wanted = outcome[fact.fact_id].would_be if behind.get(place) != "printed" else None
            mend = mended(fact, wanted)
            if mend is not None:
                options.append((place, mend))
        if len(options) == 1:
            found[options[0][0]] = options[0][1]
    return found


def evidence_by_place(statements: Sequence[Statement]) -> dict[Place, Evidence]:
    """Return what stands behind each value, by table, row and column."""
    return {
        (item.table_id, item.row, value.placed.cell.col): evidence(value.placed.cell)
        for statement in statements
        for item in statement.items
        for value in item.values
    }


def ledger_sums(ledger: Ledger) -> tuple[Sum, ...]:
    """Return how the totals of a statement add up."""
    rows = [[as_printed(fact) for fact in row.facts] for row in ledger.rows]
    indices = range(len(rows))
    return find_sums(
        rows,
        [ledger.likely(i) for i in indices],
        [ledger.deducted(i) for i in indices],
        ledger.barriers(),
        asides=[i for i in indices if ledger.aside(i)],
        signed=ledger.statement.kind in SIGNED or ledger.two_sided(),
    )


def check_sums(ledger: Ledger, sums: Sequence[Sum], exact: bool, printed: frozenset[str]) -> list[Finding]:
    """Return one finding for each total and period of a statement, and for an equity statement and a period's parts each row across.

    `exact` tells that the document prints no rounded parts; `printed` are the ids of the facts whose figures are the page's own
    text: only rounding can put those off.
    """
    findings = [finding for found in sums for finding in _sum_findings(ledger, found, exact, printed)]
    findings += _unexplained(ledger, sums)
    findings += _taken_for_counts(ledger, sums)
    if ledger.statement.kind == "equity_statement":
        findings += check_across(ledger, sums, exact, printed)
    return findings + check_parts(ledger, exact, printed)


def adds_exactly(sums: Iterable[Sum]) -> bool:
    """Tell whether a document's sums hold to the last digit, but for a few."""
    off = [o for s in sums for o in s.off if o is not None]
    return len(off) >= EXACT_LEAST and sum(o == 0 for o in off) >= EXACT_SHARE * len(off)


def _sum_findings(ledger: Ledger, found: Sum, exact: bool, printed: frozenset[str]) -> Iterable[Finding]:
    total = ledger.rows[found.total]
    for period, off in enumerate(found.off):
        fact = total.facts[period]
        if off is None or fact is None or fact.value is None:
            continue
        addends = [
            (ledger.rows[a].facts[period], sign) for a, sign in zip(found.addends, found.signs, strict=True)
        ]
        parts = [(f, sign) for f, sign in addends if f is not None]
        if not parts:
            continue
        room = room_for([fact, *(f for f, _ in parts)], exact, printed)
        scale = fact.scale or 1
        actual = fact.value
        expected = actual - off * scale
        missing = [f for f, _ in parts if f.value is None]
        status: CheckStatus = "not_evaluable" if missing else "pass" if abs(off) * scale <= room else "fail"
        yield Finding(
            _check(ledger, "total", _wording(ledger, found), fact.col, expected, actual, room, status),
            ((fact, -1), *parts),
            off * scale,
        )


def _wording(ledger: Ledger, found: Sum) -> str:
    def name(row: int) -> str:
        return ledger.rows[row].item.label or "(no label)"

    terms = [
        f"{'+' if sign > 0 else '−'} {name(a)}" for a, sign in zip(found.addends, found.signs, strict=True)
    ]
    return f"{name(found.total)} = {' '.join(terms).removeprefix('+ ')}"


def _unexplained(ledger: Ledger, sums: Sequence[Sum]) -> list[Finding]:
    """A total or result that no rows above it make up: a row is missing, or several figures are wrong.

    A total answers for the rows since the total before it; a mere result, which may stand at the head of a statement or take in
    figures that are not printed, only where at least two rows are open above it.
    """
    solved = {s.total for s in sums}
    taken = {a for s in sums for a in s.addends}
    solved |= _printed_again(ledger, solved)
    findings = []
    last = -1
    for index, row in enumerate(ledger.rows):
        above = [i for i in range(last + 1, index) if i not in taken]
        strong = ledger.strong(index)
        if strong and not above and last >= 0 and last not in taken:
            above = [last]  # a total right after another that is no part of it: what stood between is missing
        if index in solved:
            last = index
        elif (strong and above) or (ledger.result(index) and len(above) >= 2):
            for period, fact in enumerate(row.facts):
                parts = [(f, 1) for i in above if (f := ledger.rows[i].facts[period]) is not None]
                if fact is None or not fact.value or not parts:
                    continue
                detail = f"{row.item.label or '(no label)'}: no rows above it add up to it"
                check = _check(ledger, "total", detail, fact.col, None, fact.value, None, "fail")
                findings.append(Finding(check, ((fact, -1), *parts), None))
            last = index
    return findings


def _printed_again(ledger: Ledger, solved: Collection[int]) -> set[int]:
    """Return the rows that print a total a second time, under the same name and with the same figures in every period."""
    seen: dict[tuple[str, tuple[Decimal | None, ...]], int] = {}
    again = set()
    for index, row in enumerate(ledger.rows):
        values = tuple(row.value(period) for period in range(len(ledger.periods)))
        key = fold(row.item.label), values
        if any(values) and seen.get(key) in solved:
            again.add(index)
        seen.setdefault(key, index)
    return again


def _taken_for_counts(ledger: Ledger, sums: Sequence[Sum]) -> list[Finding]:
    """Find rows taken for no money (per share, counts, percent) that a total takes in, which else nothing adds up to.

    The words of such a row misled: its unit and its scale are in doubt.
    """
    solved = {id(ledger.rows[s.total].item) for s in sums if not any(s.off)}
    missing = [i for i, row in enumerate(ledger.rows) if ledger.result(i) and id(row.item) not in solved]
    whole = [row for row in ledger.others if any(f and f.value and not decimals(f) for f in row.facts)]
    if not missing or not whole:
        return []
    rows = tuple(sorted((*ledger.rows, *whole), key=lambda row: (row.item.table_id, row.item.row)))
    widened = replace(ledger, rows=rows, others=())
    findings = []
    for found in ledger_sums(widened):
        strangers = [rows[a] for a in found.addends if rows[a] in whole]
        total = rows[found.total]
        if total in whole or id(total.item) in solved or any(found.off) or not strangers:
            continue
        for row in strangers:
            detail = f"{total.item.label or '(no label)'} adds up only where {row.item.label!r} is an amount of money: its unit is in doubt"
            facts = tuple((f, 1) for f in row.facts if f is not None)
            findings.append(
                Finding(_check(ledger, "total", detail, None, None, None, None, "fail"), facts, None)
            )
    return findings


def _check(
    ledger: Ledger,
    name: str,
    detail: str,
    column: int | None,
    expected: Decimal | None,
    actual: Decimal | None,
    tolerance: Decimal | None,
    status: CheckStatus,
) -> Check:
    return Check(table_id=ledger.statement.table.table_id, check=name, detail=detail, column=column, expected=expected,
                 actual=actual, tolerance=tolerance, status=status)  # fmt: skip
