"""A worker that misbehaves about one tile: what is asked again, what falls back, and that the rest of the page stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractors.engine import EngineReading
from extractors.vision.asking import MOST_TRIES, RETRY_TEMPERATURE, Problem, Question, again
from extractors.vision.tiling import Tile, plan_tiles
from tests.perfect_reader import PerfectReader, TrueTable
from tests.vision.test_engine import draw, engine_at, grid, learn, pages_of, table_of

ROWS = table_of(60, 6, seed=11)
BAD = 1  # the tile that is never answered well
Answers = dict[str, tuple[Tile, dict[str, Any]]]
PATIENCE = 0.3  # seconds that the client waits for a worker that is away


def read_page(reader: PerfectReader, path: Path) -> EngineReading:
    engine = engine_at(reader.url)
    engine._client._patience = PATIENCE
    with pages_of(path) as pages:
        reading = engine.read_page(pages[0].content, pages[0].render)
    engine.close()
    return reading


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asking") / "wide.pdf"
    draw(path, [("Monthly figures", ROWS)], size=7.0)
    return path


@pytest.fixture(scope="module")
def known(page: Path) -> Answers:
    """What the perfect reader knows of the page: its tiles, their halves and their quarters."""
    reader = PerfectReader(halvings=2)
    learn(reader, page, {1: [TrueTable(ROWS, 1, "Monthly figures")]})
    return reader._answers


KINDS: dict[str, tuple[Any, Any, str, int, int]] = {
    # kind: spoils the answer, how it ends, category of the failure, its attempts, times that tile or its parts are asked for
    "transport": (lambda tile, answer: 503 if tile.index == BAD else answer, "stop", "transport", 1, 2),
    "timeout": (lambda tile, answer: 504 if tile.index == BAD else answer, "stop", "timeout", 2, 3),
    "refused": (lambda tile, answer: 400 if tile.index == BAD else answer, "stop", "engine", 1, 1),
    "invalid": (lambda tile, answer: "{" if tile.index == BAD else answer, "stop", "engine", MOST_TRIES, MOST_TRIES),
    "length": (lambda tile, answer: answer, lambda tile: "length" if tile.index == BAD else "stop", "engine", 3, 7),
    "repetition": (lambda tile, answer: answer, lambda tile: "repetition" if tile.index == BAD else "stop", "engine", 3, 7),
    "misfit": (lambda tile, answer: {"tables": []} if tile.index == BAD else answer, "stop", "engine", 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_part_without_an_answer_is_read_by_geometry(kind: str, page: Path, known: Answers) -> None:
    change, finish, category, attempts, asked = KINDS[kind]
    with PerfectReader(change=change, finish=finish, _answers=known) as reader:
        reading = read_page(reader, page)
        assert reader.unknown == 0
        assert sum(tile.index == BAD for tile in reader.asked) == pytest.approx(
            asked, abs=1 if kind == "transport" else 0
        )
    with pages_of(page) as pages:
        bad = plan_tiles(pages[0].content)[BAD]
    (fragment,) = reading.fragments
    assert grid(fragment) == ROWS  # nothing is lost, and the table is still one
    told = [cell for cell in fragment.cells if cell.note]
    inside = [cell for cell in fragment.cells if bad.body.contains_center(cell.box)]
    assert told == inside and 0 < len(inside) < len(fragment.cells) / 2
    assert all(cell.note and cell.note.startswith("read by geometry") for cell in inside)
    (failure,) = reading.failures
    assert (failure.stage, failure.tile, failure.category, failure.attempts) == (
        "vision",
        BAD,
        category,
        attempts,
    )
    assert "geometry engine read this part" in failure.message


@pytest.mark.parametrize("finish", ["length", "repetition"])
def test_halves_are_put_together_again(finish: str, page: Path, known: Answers) -> None:
    """A tile that fails whole and is answered in halves gives what it would have given."""
    whole: set[float] = set()

    def ends(tile: Tile) -> str:
        return finish if tile.index == BAD and tile.body.height in whole else "stop"

    with PerfectReader(finish=ends, _answers=known) as reader:
        with pages_of(page) as pages:
            whole.add(plan_tiles(pages[0].content)[BAD].body.height)
        reading = read_page(reader, page)
        assert (reader.unknown, sum(tile.index == BAD for tile in reader.asked)) == (0, 3)
    (fragment,) = reading.fragments
    assert grid(fragment) == ROWS
    assert reading.failures == ()
    assert not any(cell.note for cell in fragment.cells)


def test_what_is_asked_after_each_kind_of_failure(page: Path) -> None:
    with pages_of(page) as pages:
        content = pages[0].content
        first, *_ = plan_tiles(content)
        short = Tile(0, 0, first.body._replace(y1=first.body.y0 + 20), None, first.dpi, 1, 12, 80)
        asked = {
            (kind, name): again(Problem(Question(tile), kind, ""), content)
            for kind in ("transport", "timeout", "length", "repetition", "invalid", "refused")
            for name, tile in (("long", first), ("short", short))
        }
        again_late = again(Problem(Question(first, tries=MOST_TRIES), "invalid", ""), content)
        second_timeout = again(Problem(Question(first, tries=2), "timeout", ""), content)
    told = {key: [(q.tries, q.temperature, q.longer, q.tile.body.height < first.body.height) for q in questions] for key, questions in asked.items()}  # fmt: skip
    half = [(2, 0.0, 1, True)] * 2
    assert told["transport", "long"] == told["refused", "long"] == told["timeout", "short"] == []
    assert told["timeout", "long"] == told["length", "long"] == told["repetition", "long"] == half
    assert told["length", "short"] == [(2, 0.0, 2, True)]
    assert told["repetition", "short"] == [(2, RETRY_TEMPERATURE, 1, True)]
    assert told["invalid", "long"] == [(2, RETRY_TEMPERATURE, 1, False)]
    assert again_late == second_timeout == []
