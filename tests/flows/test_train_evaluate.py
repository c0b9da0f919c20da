from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from extractors.errors import UsageError
from extractors.training.scores import Scores, Tally, rows_of, score_rows
from extractors.vision.tiling import Tile
from extractors.worker.client import WorkerClient
from flows.cli import app
from flows.train_data import write_data
from flows.train_evaluate import drawn_strips, evaluate, held_out_images, load_scores, save_scores
from tests.perfect_reader import PerfectReader

NAME = "parquetry-reader"


def test_cells_count_in_their_own_places() -> None:
    true = [["Net sales", "1,234", "—", "5,678"], ["", "2024", "2023"]]
    read = [["Net sales", "1,234", "5,678"], ["", "2024", "2023"]]
    scores = score_rows(true, read)
    assert scores.numbers == Tally(3, 4)  # 5,678 stands where the dash does
    assert scores.labels == Tally(1, 1)
    assert scores.rows == Tally(1, 2)
    assert score_rows(true, None) == Scores(Tally(0, 4), Tally(0, 1), Tally(0, 2), 1, 1)


def test_answers_of_both_tasks_become_rows() -> None:
    assert rows_of('["a","1"]', "row") == [["a", "1"]]
    assert rows_of('{"tables":[{"rows":[["a","1"]]},{"rows":[["b","2"]]}]}', "table") == [
        ["a", "1"],
        ["b", "2"],
    ]
    for wrong in ("no", "{}", '["a",1]', '{"tables":[["a"]]}'):
        assert rows_of(wrong, "row") is None and rows_of(wrong, "table") is None


cells = st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), min_size=1, max_size=4)


@given(cells, st.none() | cells)
def test_shares_stay_between_nothing_and_all(true: list[list[str]], read: list[list[str]] | None) -> None:
    scores, best = score_rows(true, read), score_rows(true, true)
    for ours, most in (
        (scores.numbers, best.numbers),
        (scores.labels, best.labels),
        (scores.rows, best.rows),
    ):
        assert 0 <= ours.right <= ours.of == most.of == most.right


def test_a_reader_that_errs_in_every_second_number(tmp_path: Path) -> None:
    images = drawn_strips(24, seed=4)
    assert images[3].png == drawn_strips(24, seed=4)[3].png != drawn_strips(24, seed=5)[3].png

    def spoil(tile: Tile, answer: list[str]) -> Any:
        return answer if tile.index % 2 else [answer[0], *("?" for _ in answer[1:])]

    with PerfectReader(name=NAME, change=spoil) as reader:
        for held in images:
            reader.learn_image(held.png, list(held.rows[0]))
        client = WorkerClient([reader.url])
        scores = evaluate(client, NAME, images)
        client.close()
    assert reader.unknown == 0
    expected = [sum(any(c.isdigit() for c in text) for text in held.rows[0][1:]) for held in images]
    assert scores.numbers == Tally(sum(expected[1::2]), sum(expected))
    assert scores.labels.share == 1.0 and (scores.images, scores.unanswered) == (24, 0)
    save_scores(tmp_path / "scores.json", {"a": scores}, {"images": "x"})
    assert load_scores(tmp_path / "scores.json") == {"a": scores}


def test_before_and_after_stand_in_one_table_and_one_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_data(tmp_path / "data", drawn=4, task="row", seed=3, held_out=0.5)
    images = held_out_images(tmp_path / "data")
    assert len(images) >= 40
    with PerfectReader(name=NAME, change=lambda tile, answer: 400) as reader:
        told = CliRunner().invoke(
            app,
            [
                "train",
                "evaluate",
                "--worker-url",
                reader.url,
                "--data",
                str(tmp_path / "data"),
                "--out",
                str(tmp_path / "before"),
            ],
        )
    assert told.exit_code == 0, told.output
    assert load_scores(tmp_path / "before" / "scores.json")[NAME].unanswered == len(images)
    with PerfectReader(name="parquetry-reader-ours") as reader:
        for held in images:
            reader.learn_image(held.png, list(held.rows[0]))
        told = CliRunner().invoke(
            app,
            ["train", "evaluate", "--worker-url", reader.url, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "after"),
             "--beside", str(tmp_path / "before" / "scores.json")],
        )  # fmt: skip
    assert told.exit_code == 0, told.output
    scores = load_scores(tmp_path / "after" / "scores.json")
    assert {name: each.rows.share for name, each in scores.items()} == {
        NAME: 0.0,
        "parquetry-reader-ours": 1.0,
    }
    assert "100.0% of" in told.output and "0.0% of" in told.output
    with Image.open(tmp_path / "after" / "scores.png") as picture:
        assert picture.size == (840, 480)


def test_a_folder_without_data_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="parquetry train data"):
        held_out_images(tmp_path)
    (tmp_path / "scores.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(UsageError, match="holds no scores"):
        load_scores(tmp_path / "scores.json")
