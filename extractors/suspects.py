"""When a check fails, which figure is wrong? Findings → for each fact what speaks for and against it.

In: the findings of all checks, each with the facts it looked at. Out: an `Outcome` for each fact. A figure that another check
confirms is cleared; of the rest, those that a single slip (one digit, one digit too many or too few, two digits exchanged, the
sign, a point for a comma) turns into the figure that the check asks for are the suspects; where no single slip explains it, all of them are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.records import Check, Fact


@dataclass(frozen=True, slots=True)
class Finding:
    """A check and the facts it looked at, each with its sign; `off` is what is missing: Σ sign × value + off = 0."""

    check: Check
    facts: tuple[tuple[Fact, int], ...]
    off: Decimal | None  # None where the check cannot say by how much


@dataclass(slots=True)
class Outcome:
    """What the checks say of one fact."""

    passed: int = 0
    failed: int = 0
    suspect: bool = False
    reasons: list[str] = field(default_factory=list)
    would_be: Decimal | None = None  # the value that makes the failed check pass


def narrow(findings: Sequence[Finding]) -> dict[str, Outcome]:
    """Return the outcome of each fact that a check looked at, by fact id."""
    outcomes: dict[str, Outcome] = defaultdict(Outcome)
    for finding in findings:
        for fact, _ in finding.facts:
            outcome = outcomes[fact.fact_id]
            outcome.passed += finding.check.status == "pass"
            outcome.failed += finding.check.status == "fail"
    for finding in findings:
        if finding.check.status == "fail":
            _accuse(finding, outcomes)
        elif finding.check.status == "not_evaluable":
            _fill(finding, outcomes)
    return dict(outcomes)


def _fill(finding: Finding, outcomes: dict[str, Outcome]) -> None:
    """A single figure that could not be read is what the others leave of the total."""
    unread = [(fact, sign) for fact, sign in finding.facts if fact.value is None]
    if len(unread) == 1 and finding.off is not None:
        fact, sign = unread[0]
        outcomes[fact.fact_id].would_be = sign * finding.off


def _accuse(finding: Finding, outcomes: dict[str, Outcome]) -> None:
    uncleared = [(fact, sign) for fact, sign in finding.facts if not outcomes[fact.fact_id].passed]
    pool = uncleared or list(finding.facts)
    wanted = {f.fact_id: _wanted(f, sign, finding.off) for f, sign in pool}
    slips = [(f, s) for f, s in pool if (w := wanted[f.fact_id]) is not None and is_slip(f, w)]
    for fact, _ in slips or pool:
        outcome = outcomes[fact.fact_id]
        outcome.suspect = True
        outcome.would_be = wanted[fact.fact_id] if (fact, _) in slips else None
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
