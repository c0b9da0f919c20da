"""What a backfill says it would do is what the next run does, for every cause of reading again."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from flows.backfill import print_plan, write_summary
from flows.parameters import RunParameters
from flows.run import run_direct
from tests.small import small_pdf


def said(parameters: RunParameters) -> dict[str, int]:
    """What a dry run prints: documents by why."""
    console = Console(file=io.StringIO(), width=200)
    print_plan(console, parameters)
    lines = re.findall(r"(?m)^\s*(\d+)\s{2,}(\S.*?)\s{2,}\S", console.file.getvalue())
    return {why: int(count) for count, why in lines}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder that was read once: four good documents and a bad one."""
    for number, name in enumerate(("changed", "renamed", "deleted", "same")):
        small_pdf(tmp_path / "in" / f"{name}.pdf", 100 + number)
    (tmp_path / "in" / "bad.pdf").touch()
    assert run_direct(given(tmp_path)).done == 5
    return tmp_path


def given(root: Path, **more: object) -> RunParameters:
    return RunParameters.model_validate(
        {"folders": (str(root / "in"),), "out": str(root / "out"), "workers": 1, **more}
    )


def read_by(root: Path, parameters: RunParameters) -> dict[str, str]:
    """Run, and return the documents that were read, with the reason of each; the summary's file tells them."""
    summary = run_direct(parameters)
    write_summary(summary, root / "summary.json")
    told = json.loads((root / "summary.json").read_text())
    assert sum(told["reasons"].values()) == told["ok"] + told["failed"] + told["left"]
    return {Path(outcome["source_uri"]).name: outcome["reason"] for outcome in told["outcomes"]}


def test_each_cause_redoes_its_documents_and_no_other(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = archive / "in"
    assert said(given(archive)) == {"failed before, left alone": 1}
    small_pdf(folder / "changed.pdf", 200)
    (folder / "renamed.pdf").rename(folder / "other name.pdf")
    (folder / "deleted.pdf").unlink()
    small_pdf(folder / "new.pdf", 300)
    expected = {
        "new": 1,
        "changed": 1,
        "failed before, left alone": 1,
        "source is gone": 1,
        "found under another name": 1,
    }
    assert said(given(archive)) == expected
    assert read_by(archive, given(archive)) == {"changed.pdf": "changed", "new.pdf": "new"}
    documents = pd.read_parquet(archive / "out" / "documents")
    names = [Path(uri).name for uri in documents["source_uri"]]
    gone = dict(zip(names, documents["removed_at"].notna(), strict=True))
    assert gone == {
        "changed.pdf": False,
        "other name.pdf": False,
        "deleted.pdf": True,
        "same.pdf": False,
        "new.pdf": False,
        "bad.pdf": False,
    }

    again = given(archive, folders=(), again="failed", categories=("empty",))
    assert said(again) == {"failed before": 1}
    monkeypatch.setenv("PARQUETRY_OCR_DPI", "300")
    assert said(given(archive)) == {"new settings": 5}
    assert set(read_by(archive, given(archive, limit=2)).values()) == {"new_settings"}
    assert said(given(archive)) == {"new settings": 3}
