"""Which figure is wrong when a check fails, and what its characters allow it to be."""

from decimal import Decimal

import pytest

from extractors.checks.mending import mended
from extractors.checks.suspects import Finding, is_slip, narrow
from schemas.box import Box
from schemas.records import Check, CheckStatus, Fact


def a_fact(name: str, value: str | None, raw: str | None = None, scale: int = 1) -> Fact:
    number = None if value is None else Decimal(value)
    return Fact(fact_id=name, table_id="t", row=0, col=1, statement="balance_sheet", label=name, label_path=(), scale=scale,
                raw_text=raw or value or "", value=number, page=1, bbox=Box(0, 0, 1, 1), grounding="unavailable",
                check_status="not_evaluable", confidence=0.99, needs_review=False)  # fmt: skip


def a_finding(status: CheckStatus, off: str | None, *facts: tuple[Fact, int]) -> Finding:
    check = Check(
        table_id="t", check="total", detail="a = b + c", expected=Decimal(1), actual=Decimal(2), status=status
    )
    return Finding(check, facts, None if off is None else Decimal(off))


@pytest.mark.parametrize(
    ("read", "wanted"),
    [("170", "100"), ("1234", "1243"), ("123", "1234"), ("1234", "123"), ("-5", "5"), ("2.709", "2709")],
)
def test_slips(read: str, wanted: str) -> None:
    assert is_slip(a_fact("a", read), Decimal(wanted))


@pytest.mark.parametrize(
    ("read", "wanted"), [("170", "213"), ("170", "-100"), ("12", "1234"), ("999", "999111")]
)
def test_no_slips(read: str, wanted: str) -> None:
    assert not is_slip(a_fact("a", read), Decimal(wanted))


def test_what_another_check_confirms_is_cleared() -> None:
    total, good, bad = a_fact("total", "150"), a_fact("good", "50"), a_fact("bad", "170")
    outcomes = narrow([
        a_finding("fail", "-70", (total, -1), (good, 1), (bad, 1)), a_finding("pass", "0", (total, 1), (good, -1)),
    ])  # fmt: skip
    assert {name for name, o in outcomes.items() if o.suspect} == {"bad"}
    assert outcomes["bad"].would_be == Decimal(100)


def test_one_slip_that_explains_two_failed_checks_is_accused_alone() -> None:
    total, part, whole, rest = (
        a_fact("total", "481"),
        a_fact("part", "384"),
        a_fact("whole", "900"),
        a_fact("rest", "418"),
    )
    outcomes = narrow([
        a_finding("fail", "1", (total, -1), (part, 1), (a_fact("other", "98"), 1)),
        a_finding("fail", "-1", (whole, -1), (total, 1), (rest, 1)),
    ])  # fmt: skip
    assert {name for name, o in outcomes.items() if o.suspect} == {"total"}
    assert outcomes["total"].would_be == Decimal(480)


def test_a_check_that_holds_only_for_a_mended_figure_clears_no_other() -> None:
    total, part, mended_one = a_fact("total", "-482"), a_fact("part", "-484"), a_fact("effect", "-1")
    findings = [
        a_finding("fail", "-2", (total, -1), (part, 1)), a_finding("pass", "0", (a_fact("sum", "-483"), -1), (total, 1), (mended_one, 1)),
    ]  # fmt: skip
    assert not narrow(findings)["total"].suspect
    assert narrow(findings, {"effect"})["total"].suspect


def test_a_check_within_rounding_does_not_tell_the_last_digit() -> None:
    exact, near = a_fact("exact", "10"), a_fact("near", "20")
    blunt = Finding(a_finding("pass", None).check, ((exact, 1), (near, 1)), None, frozenset({"near"}))
    outcomes = narrow(
        [blunt, a_finding("pass", "1", (exact, 1), (near, 1)), a_finding("pass", "0", (exact, 1))]
    )
    assert (outcomes["exact"].passed, outcomes["exact"].told) == (3, 2)
    assert (outcomes["near"].passed, outcomes["near"].told) == (2, 0)


def test_without_a_single_slip_all_are_suspect() -> None:
    outcomes = narrow([a_finding("fail", "-4321", (a_fact("a", "17"), 1), (a_fact("b", "22"), 1))])
    assert all(o.suspect and o.would_be is None for o in outcomes.values())


def test_an_unread_figure_is_what_the_others_leave() -> None:
    outcomes = narrow(
        [a_finding("not_evaluable", "600", (a_fact("total", "900"), -1), (a_fact("x", None, "6O0"), 1))]
    )
    assert outcomes["x"].would_be == Decimal(600)


@pytest.mark.parametrize(
    ("raw", "value", "wanted"),
    [
        ("2.709", "2709.000", "2709000"),
        ("6O0", None, "600000"),
        ("1 234", "1", "1234000"),
        ("$ (37,740)", "-37740000", "37740000"),
        ("381", "381000", "-381000"),
    ],
)
def test_mending_needs_the_same_characters(raw: str, value: str | None, wanted: str) -> None:
    fact = mended(a_fact("x", value, raw, scale=1000), Decimal(wanted))
    assert fact is not None and fact.value == Decimal(wanted) and fact.needs_review
    assert fact.raw_text == raw and repr(raw) in (fact.review_reason or "")
    assert mended(a_fact("x", value, raw, scale=1000), Decimal(wanted) + 1000) is None
