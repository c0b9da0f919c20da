"""Real filings with hand-checked truth: facts found, and no wrong value that nobody flagged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from extractors.document import extract_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.records import Fact

SHARE = 0.99  # of the printed values that must be found with their period
DOCUMENTS = ("MICROSOFT_2023_10K", "JPMORGAN_2023Q2_10Q")


def facts_of(path: Path) -> Sequence[Fact]:
    settings = Settings(engine="geometry")
    return extract_document(identify(find_sources(path)[0], settings), settings).facts


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_facts_of_a_filing(eval_dir: Path, name: str) -> None:
    folder = eval_dir / "filings"
    truth = json.loads((folder / f"{name}.truth.json").read_text())
    stated = {
        (f.statement, f.period_end.isoformat() if f.period_end else None, f.value)
        for f in facts_of(folder / truth["doc"])
    }
    wanted = [
        (s["kind"], column.get("period_end"), Decimal(number))
        for s in truth["statements"]
        for row in s["rows"]
        for column, number in zip(s["columns"], row.get("numbers") or [], strict=False)
        if number is not None
    ]
    assert sum(w in stated for w in wanted) >= SHARE * len(wanted)
