from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from extractors.errors import UsageError
from flows.cli import app
from flows.datasets import Datasets
from flows.train_data import is_verified, read_corrections, split_of, write_data
from schemas.reading import TileAnswer
from tests.conftest import SAMPLES
from tests.small import small_pdf

INVOICE = "invoice.pdf"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Datasets:
    """An output of two documents with text layers; the balance sheet of one of them does not add up."""
    root = tmp_path_factory.mktemp("train")
    (root / "in").mkdir()
    shutil.copy(SAMPLES / INVOICE, root / "in" / INVOICE)
    small_pdf(root / "in" / "small.pdf")
    result = CliRunner().invoke(
        app, ["run", str(root / "in"), "--out", str(root / "out"), "--engine", "geometry"]
    )
    assert result.exit_code == 0, result.output
    return Datasets(root / "out")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        {**json.loads(line), "split": split}
        for split in ("train", "held_out")
        for line in (folder / f"{split}.jsonl").read_text("utf-8").splitlines()
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_verified_rows_are_what_the_document_prints(output: Datasets, tmp_path: Path) -> None:
    summary = write_data(tmp_path / "data", output=output, task="row", held_out=0.0)
    assert summary.unread == {} and summary.written["train", "verified"] > 8
    truth = json.loads((SAMPLES / INVOICE).with_suffix(".truth.json").read_text("utf-8"))
    printed = {"".join(cell["text"].split()) for table in truth["tables"] for cell in table["cells"]}
    told = [
        "".join(text.split())
        for line in lines(tmp_path / "data")
        for text in json.loads(line["conversations"][-1]["value"])
        if any(letter.isdigit() for letter in text)
    ]
    amounts = [text for text in told if re.fullmatch(r"\D?[\d,]*\.\d\d", text)]
    assert len(amounts) > 5
    assert not set(amounts) - printed
    for line in lines(tmp_path / "data"):
        image = cv2.imread(str(tmp_path / "data" / line["image"]), cv2.IMREAD_GRAYSCALE)
        assert image is not None and image.shape == (32, 768)
        assert line["conversations"][0] == {"from": "human", "value": "<image>"}
        assert (line["task"], line["schema"]) == ("row", "row")


def test_verified_tiles_are_valid_answers(output: Datasets, tmp_path: Path) -> None:
    write_data(tmp_path / "data", output=output, task="table", held_out=0.0)
    found = lines(tmp_path / "data")
    assert found
    answers = [TileAnswer.model_validate_json(line["conversations"][-1]["value"]) for line in found]
    small = [a for a in answers if ["Inventories", "250", "240"] in [row for t in a.tables for row in t.rows]]
    (answer,) = small
    assert answer.tables[0].rows == [
        ["", "2024", "2023"],
        ["Cash", "100", "90"],
        ["Inventories", "250", "240"],
        ["Total assets", "350", "330"],
    ]
    assert answer.tables[0].head == 1
    assert [turn["from"] for turn in found[0]["conversations"]] == ["system", "human", "gpt"]


def test_a_correction_is_taught_and_said(output: Datasets, tmp_path: Path) -> None:
    (small,) = [
        row for row in output.load("documents").to_pylist() if row["source_uri"].endswith("small.pdf")
    ]
    (cell,) = [
        c for c in output.load("cells").to_pylist() if c["doc_id"] == small["doc_id"] and c["text"] == "250"
    ]
    told = {
        "doc_id": small["doc_id"][:12],
        "table_id": cell["table_id"],
        "row": cell["row"],
        "col": cell["col"],
    }
    (tmp_path / "mended.jsonl").write_text(json.dumps({**told, "text": "251"}) + "\n\n")
    corrections = read_corrections(tmp_path / "mended.jsonl")
    summary = write_data(tmp_path / "data", output=output, corrections=corrections, task="row", held_out=0.0)
    assert summary.written["train", "corrected"] == 1
    (line,) = [x for x in lines(tmp_path / "data") if x["provenance"]["kind"] == "corrected"]
    assert json.loads(line["conversations"][-1]["value"]) == ["Inventories", "251", "240"]
    assert line["provenance"]["document"] == small["doc_id"]


def test_a_wrong_correction_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "mended.jsonl").write_text(
        '{"doc_id":"abcdef0","table_id":"t","row":-1,"col":0,"text":"1"}\n'
    )
    with pytest.raises(UsageError, match=r"line 1: row .* Mend the line"):
        read_corrections(tmp_path / "mended.jsonl")


@pytest.mark.parametrize("task", ["row", "table"])
def test_the_same_seed_gives_the_same_files(tmp_path: Path, task: Any) -> None:
    drawn = 3 if task == "row" else 2
    for name in ("one", "two"):
        write_data(tmp_path / name, drawn=drawn, task=task, seed=5)
    write_data(tmp_path / "other", drawn=drawn, task=task, seed=6)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert len(files(tmp_path / "one")) > drawn
    assert set(files(tmp_path / "one")).isdisjoint(
        set(files(tmp_path / "other")) - {"about.json", "train.jsonl", "held_out.jsonl"}
    )


def test_a_document_stands_in_one_split_and_an_image_is_written_once(
    output: Datasets, tmp_path: Path
) -> None:
    summary = write_data(tmp_path / "data", output=output, drawn=12, task="row", seed=1, held_out=0.4)
    found = lines(tmp_path / "data")
    splits: dict[str, set[str]] = {}
    for line in found:
        splits.setdefault(line["provenance"]["document"], set()).add(line["split"])
    assert all(len(each) == 1 for each in splits.values())
    assert {split for each in splits.values() for split in each} == {"train", "held_out"}
    images = Counter(cv2.imread(str(tmp_path / "data" / line["image"]), 0).tobytes() for line in found)
    assert max(images.values()) == 1
    assert len(found) == sum(summary.written.values())
    about = json.loads((tmp_path / "data" / "about.json").read_text())
    assert sum(about["samples"].values()) == len(found) and about["seed"] == 1


def test_drawn_tiles_add_up_to_what_was_drawn(tmp_path: Path) -> None:
    write_data(tmp_path / "data", drawn=3, task="table", seed=2, strength=0.5, held_out=0.0)
    for line in lines(tmp_path / "data"):
        image = cv2.imread(str(tmp_path / "data" / line["image"]))
        assert image is not None and image.shape[0] % 32 == 0 and image.shape[1] % 32 == 0
        answer = TileAnswer.model_validate_json(line["conversations"][-1]["value"])
        assert all(len({len(row) for row in table.rows}) == 1 for table in answer.tables)
        assert (
            sum(any(c.isdigit() for c in text) for t in answer.tables for row in t.rows for text in row) > 5
        )


def test_old_data_is_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old").touch()
    with pytest.raises(UsageError, match="is not empty"):
        write_data(tmp_path / "data", drawn=1)
    with pytest.raises(UsageError, match="nothing to teach from"):
        write_data(tmp_path / "new")


GOOD = {
    "needs_review": False,
    "grounding": "exact",
    "text": "1,234",
    "source": "text_layer",
    "confidence": 1.0,
}
FACT = {"needs_review": False, "check_status": "pass"}


@pytest.mark.parametrize(
    ("cell", "fact", "failed", "verified"),
    [
        ({}, None, False, True),
        ({}, FACT, False, True),
        ({}, FACT, True, False),
        ({}, {**FACT, "check_status": "fail"}, False, False),
        ({}, {**FACT, "needs_review": True}, False, False),
        ({"needs_review": True}, FACT, False, False),
        ({"grounding": "mismatch"}, FACT, False, False),
        ({"grounding": "normalised"}, FACT, False, False),
        ({"grounding": "unavailable", "source": "ocr"}, FACT, False, False),
        (
            {"grounding": "unavailable", "source": "ocr", "text": "Cash", "confidence": 0.99},
            None,
            False,
            True,
        ),
        (
            {"grounding": "unavailable", "source": "ocr", "text": "Cash", "confidence": 0.9},
            None,
            False,
            False,
        ),
    ],
)
def test_only_what_is_vouched_for_is_taught(cell: Any, fact: Any, failed: bool, verified: bool) -> None:
    assert is_verified({**GOOD, **cell}, fact, failed) is verified


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.text(min_size=1, max_size=20), min_size=1, max_size=40), st.integers(0, 1000), st.floats(0, 1)
)
def test_more_documents_move_none_between_splits(names: set[str], seed: int, share: float) -> None:
    alone = {name: split_of(name, seed, share) for name in names}
    assert alone == {name: split_of(name, seed, share) for name in [*names, "another"] if name in names}
    more = {name: split_of(name, seed, min(1.0, share + 0.1)) for name in names}
    assert all(more[name] == "held_out" for name in names if alone[name] == "held_out")


def test_shares_are_kept() -> None:
    found = Counter(split_of(f"document {i}", 3, 0.2) for i in range(2000))
    assert 0.16 < found["held_out"] / 2000 < 0.24
    assert np.isclose(sum(found.values()), 2000)
