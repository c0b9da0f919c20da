"""Confidence is what was counted: of facts of the same kind the share that is right, with a prior where few were seen."""

from __future__ import annotations

import sys

import pytest

from extractors.checks.confidence import COUNTS, PRIOR_FACTS, PRIOR_SHARE, calibrated
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from calibration import Judged, count, held_out, report  # noqa: E402

SURE, DOUBTED = ("confirmed", "pass", False), ("single", "fail", True)


def judged() -> list[Judged]:
    """Document a: 90 sure facts, all right, and 10 doubted, 2 right; document b: 10 sure facts, half of them right."""
    out = [Judged("scans", "a", SURE, True)] * 90
    out += [Judged("scans", "a", DOUBTED, i < 2) for i in range(10)]
    return out + [Judged("scans", "b", SURE, i < 5) for i in range(10)]


def test_counting() -> None:
    assert count(judged()) == {SURE: (95, 100), DOUBTED: (2, 10)}


def test_shares_are_smoothed_by_the_prior() -> None:
    assert calibrated(*SURE, counts={SURE: (95, 100)}) == pytest.approx((95 + 9.5) / 110)
    assert calibrated(*DOUBTED, counts={}) == PRIOR_SHARE[True]


def test_a_document_is_judged_by_the_others_alone() -> None:
    stated = {(right, round(confidence, 6)) for _, confidence, right in held_out(judged()[-10:])}
    assert stated == {(True, PRIOR_SHARE[False]), (False, PRIOR_SHARE[False])}
    by_a = next(c for _, c, _ in list(held_out(judged()))[-1:])
    assert by_a == pytest.approx((90 + PRIOR_FACTS * PRIOR_SHARE[False]) / (90 + PRIOR_FACTS))


def test_the_report_prints_the_table_and_the_bins() -> None:
    lines = list(report(judged()))
    assert '    ("confirmed", "pass", False): (95, 100),' in lines
    assert any("facts    10  stated" in line and "right 0.200" in line for line in lines)


def test_the_counts_in_use_are_shares() -> None:
    assert COUNTS and all(0 <= right <= n for right, n in COUNTS.values())
    assert calibrated("printed", "pass", False) > calibrated("printed", "fail", True)
