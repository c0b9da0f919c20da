"""When a check fails, which figure is wrong? Findings → for each fact what speaks for and against it.

In: the findings of all checks, each with the facts it looked at. Out: an `Outcome` for each fact. A figure that another check
confirms is cleared; of the rest, those that a single slip (one digit, one digit too many or too few, two digits exchanged, the
sign, a point for a comma) turns into the figure that the check asks for are the suspects; where no single slip explains it, all of them are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.records import Check, Fact


@dataclass(frozen=True, slots=True)
class Finding:
    """A check and the facts it looked at, each with its sign; `off` is what is missing: Σ sign × value + off = 0."""

    check: Check
    facts: tuple[tuple[Fact, int], ...]
    off: Decimal | None  # None where the check cannot say by how much
    blunt: frozenset[str] = frozenset()  # ids of facts whose last digit it cannot tell, though it holds

    def tells(self, fact: Fact) -> bool:
        """Tell whether the check, which holds, would not hold with another last digit of the fact."""
        return not self.off and fact.fact_id not in self.blunt


@dataclass(slots=True)
class Outcome:
    """What the checks say of one fact."""

    passed: int = 0
    told: int = 0  # of those passed: with another last digit of the fact they would not have
    cleared: bool = False  # by a check that holds without any figure having been read otherwise for it
    failed: int = 0
    suspect: bool = False
    reasons: list[str] = field(default_factory=list)
    would_be: Decimal | None = None  # the value that makes the failed check pass


def narrow(findings: Sequence[Finding], mended: Collection[str] = ()) -> dict[str, Outcome]:
    """Return the outcome of each fact that a check looked at, by fact id.

    `mended` are the ids of facts that were read otherwise so that a check holds: that check says less of the others.
    """
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    for finding in findings:
        forced = any(fact.fact_id in mended for fact, _ in finding.facts)
        for fact, _ in finding.facts:
            outcome = outcomes[fact.fact_id]
            outcome.cleared |= finding.check.status == "pass" and not forced
            outcome.passed += finding.check.status == "pass"
            outcome.told += finding.check.status == "pass" and finding.tells(fact)
            outcome.failed += finding.check.status == "fail"
    explained = Counter(
        (fact.fact_id, wanted)
        for finding in findings
        if finding.check.status == "fail"
        for fact, sign in finding.facts
        if (wanted := _wanted(fact, sign, finding.off)) is not None
    )
    for finding in findings:
        if finding.check.status == "fail":
            _accuse(finding, outcomes, explained)
        elif finding.check.status == "not_evaluable":
            _fill(finding, outcomes)
    return dict(outcomes)


def _fill(finding: Finding, outcomes: dict[str, Outcome]) -> None:
    """A single figure that could not be read is what the others leave of the total."""
    unread = [(fact, sign) for fact, sign in finding.facts if fact.value is None]
    if len(unread) == 1 and finding.off is not None:
        fact, sign = unread[0]
        outcomes[fact.fact_id].would_be = sign * finding.off


def _accuse(
    finding: Finding, outcomes: dict[str, Outcome], explained: Mapping[tuple[str, Decimal], int]
) -> None:
    """Accuse the figures of a failed check that can be wrong. One slip that explains two failed checks is the likeliest."""
    wanted = {f.fact_id: _wanted(f, sign, finding.off) for f, sign in finding.facts}
    slips = [(f, s) for f, s in finding.facts if (w := wanted[f.fact_id]) is not None and is_slip(f, w)]
    twice = [(f, s) for f, s in slips if (w := wanted[f.fact_id]) is not None and explained[f.fact_id, w] > 1]
    uncleared = [(fact, sign) for fact, sign in finding.facts if not outcomes[fact.fact_id].cleared]
    pool = twice or [part for part in slips if part in uncleared] or uncleared or list(finding.facts)
    for fact, _ in pool:
        outcome = outcomes[fact.fact_id]
        outcome.suspect = True
        outcome.would_be = wanted[fact.fact_id] if any(fact is f for f, _ in slips) else None
        outcome.reasons.append(_reason(finding, outcome.would_be))


def _wanted(fact: Fact, sign: int, off: Decimal | None) -> Decimal | None:
    """The value with which the check would pass."""
    if off is None or fact.value is None:
        return None
    return fact.value + sign * off


def _reason(finding: Finding, would_be: Decimal | None) -> str:
    check = finding.check
    if check.expected is None or check.actual is None:
        return check.detail
    by = abs(check.actual - check.expected)
    text = f"{check.detail} does not add up: {plain(check.actual)} printed, {plain(check.expected)} expected, {plain(by)} apart"
    return text + (f"; {plain(would_be)} here would mend it" if would_be is not None else "")


def plain(value: Decimal) -> str:
    """Return a number with thousands separators and no exponent."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_slip(fact: Fact, wanted: Decimal) -> bool:
    """Tell whether one slip of reading turns the digits of `wanted` into those of the fact's value."""
    scale = fact.scale or 1
    if fact.value is None:
        return False
    read, other = fact.value / scale, wanted / scale
    if read == -other and read != 0:
        return True
    a, b = _digits(read), _digits(other)
    if a.rstrip("0") == b.rstrip("0") and (read < 0) == (other < 0):
        return True  # the point stands elsewhere
    if len(b) > len(a) + 1 or len(a) > len(b) + 1 or (read < 0) != (other < 0):
        return False
    if len(a) == len(b):
        differing = [i for i in range(len(a)) if a[i] != b[i]]
        swapped = (
            len(differing) == 2
            and differing[1] == differing[0] + 1
            and a[differing[0]] == b[differing[1]]
            and a[differing[1]] == b[differing[0]]
        )  # noqa: E501
        return len(differing) == 1 or swapped
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _digits(value: Decimal) -> str:
    return f"{abs(value):f}".replace(".", "").lstrip("0")


def findings_about(findings: Iterable[Finding], fact_id: str) -> list[Finding]:
    """Return the findings that looked at a fact."""
    return [f for f in findings if any(fact.fact_id == fact_id for fact, _ in f.facts)]
