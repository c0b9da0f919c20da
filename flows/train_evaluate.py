"""Is a model better than before? Held-out images read through a worker, scored, as a table, a JSON file and a picture.

In: a worker's address, the models that it serves, and a folder that `parquetry train data` wrote, or a number of strips to draw with
fonts kept for testing. Out: `Scores` by model; every model sees the same images.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from extractors.engine import Pixels
from extractors.errors import EngineError, TimeoutExceededError, UsageError
from extractors.prompting import messages
from extractors.training.scores import Row, Scores, Tally, rows_of, score_rows
from extractors.training.strips import draw_strip
from extractors.vision.looks import RowReading, read_strip
from extractors.vision.rowreader import row_messages, row_reading, row_schema
from extractors.worker.client import WorkerClient
from flows.train_data import ABOUT
from schemas.reading import TileAnswer

AT_ONCE = 8  # questions under way together
ROW_TOKENS = 320  # of an answer about a strip; the longest that are drawn take half of it
TABLE_TOKENS = 4096
BARS = ("numbers", "labels", "rows")


@dataclass(frozen=True)
class Held:
    """An image kept for testing, as PNG, and its true rows."""

    png: bytes
    task: str
    rows: list[Row]


def drawn_strips(n: int, seed: int, strength: float = 1.0) -> list[Held]:
    """Draw `n` strips with fonts that training never uses, worn with `strength`."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        strip = draw_strip(rng, "held_out", strength)
        out.append(Held(bytes(cv2.imencode(".png", strip.image)[1]), "row", [strip.cells]))
    return out


def held_out_images(folder: Path, limit: int | None = None) -> list[Held]:
    """Return the held-out images of a data folder. Raises UsageError when it has none."""
    if not (folder / ABOUT).is_file():
        raise UsageError(f"{folder} holds no training data; `parquetry train data {folder}` writes some.")
    out = []
    for line in (folder / "held_out.jsonl").read_text(encoding="utf-8").splitlines()[:limit]:
        told = json.loads(line)
        rows = rows_of(told["conversations"][-1]["value"], told["task"])
        if rows:
            out.append(Held((folder / told["image"]).read_bytes(), told["task"], rows))
    if not out:
        raise UsageError(
            f"{folder} holds out no document; write it again with more documents or a larger share."
        )
    return out


def evaluate(client: WorkerClient, model: str | None, images: Sequence[Held]) -> Scores:
    """Ask a model about every image and score its answers."""
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda held: ask(client, model, held), images))
    seconds = time.monotonic() - began
    total = sum((score_rows(h.rows, a) for h, a in zip(images, answers, strict=True)), Scores())
    return replace(total, seconds=seconds)


def ask(client: WorkerClient, model: str | None, held: Held) -> list[Row] | None:
    """Return the rows that a model reads in an image; None without a usable answer. Raises TransportError."""
    try:
        if held.task == "row":
            seen = read_strip(lambda image: _look(client, model, image), _pixels(held.png))
            return [seen.cells] if seen else None
        schema = TileAnswer.model_json_schema()
        reply = client.ask(messages("table", held.png), schema, model=model, max_tokens=TABLE_TOKENS)
    except (EngineError, TimeoutExceededError):
        return None
    return rows_of(reply.text, held.task) if reply.finish == "stop" else None


def _look(client: WorkerClient, model: str | None, image: bytes) -> RowReading | None:
    reply = client.ask(row_messages(image), row_schema(), model=model, max_tokens=ROW_TOKENS)
    return row_reading(reply) if reply.finish == "stop" else None


def _pixels(image: bytes) -> Pixels:
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise UsageError("A held-out image is no picture; write the folder again.")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def save_scores(path: Path, scores: Mapping[str, Scores], about: Mapping[str, Any]) -> None:
    """Write scores by model as JSON, with what they were measured on."""
    told = {"about": dict(about), "models": {name: asdict(each) for name, each in scores.items()}}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load_scores(path: Path) -> dict[str, Scores]:
    """Return scores that `save_scores` wrote. Raises UsageError when the file holds none."""
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {
            name: Scores(**{**told, **{bar: Tally(**told[bar]) for bar in BARS}})
            for name, told in models.items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} holds no scores of an earlier evaluation ({type(error).__name__})."
        ) from error


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Return the scores as a table, a model a row."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("model", "numbers exact", "labels exact", "rows exact", "images", "no answer", "images/s"):
        table.add_column(head, justify="left" if head == "model" else "right")
    for name, each in scores.items():
        shares = [f"{tally.share:.1%} of {tally.of}" for tally in (each.numbers, each.labels, each.rows)]
        table.add_row(name, *shares, str(each.images), str(each.unanswered), f"{each.per_second:.2f}")
    return table


def plot_scores(path: Path, scores: Mapping[str, Scores], title: str) -> None:
    """Draw the shares as bars, a group for each kind, a colour for each model, into a PNG. Raises UsageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "The picture needs matplotlib; install it with `pip install 'parquetry[train]'`."
        ) from error
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    wide = 0.8 / max(1, len(scores))
    for i, (name, each) in enumerate(scores.items()):
        shares = [getattr(each, bar).share * 100 for bar in BARS]
        at = [k + (i - (len(scores) - 1) / 2) * wide for k in range(len(BARS))]
        bars = axes.bar(at, shares, wide * 0.92, label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(range(len(BARS)), [f"{bar} exact" for bar in BARS])
    axes.set_ylim(0, 108)
    axes.set_ylabel("percent of held-out cells")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def run_evaluation(
    console: Console,
    urls: Sequence[str],
    models: Sequence[str],
    *,
    data: Path | None,
    strips: int,
    seed: int,
    strength: float,
    limit: int | None,
    beside: Sequence[Path],
    out: Path,
    token: str | None = None,
) -> dict[str, Scores]:
    """Evaluate the named models (the first one served when none is named), print a table, write `scores.json` and `scores.png`.

    `beside` names files of earlier scores that stand first. Raises UsageError and TransportError.
    """
    images = held_out_images(data, limit) if data else drawn_strips(limit or strips, seed, strength)
    scores: dict[str, Scores] = {}
    for file in beside:
        scores |= {
            f"{name} ({file.parent.name})" if name in scores else name: s
            for name, s in load_scores(file).items()
        }
    client = WorkerClient(urls, token)
    try:
        for name in models or client.models()[:1]:
            key = name if name not in scores else f"{name} (now)"
            scores[key] = evaluate(client, name, images)
    finally:
        client.close()
    what = (
        f"{len(images)} held-out images of {data.name}"
        if data
        else f"{len(images)} drawn strips, strength {strength:g}, seed {seed}"
    )
    out.mkdir(parents=True, exist_ok=True)
    save_scores(out / "scores.json", scores, {"images": what, "seed": seed, "strength": strength})
    console.print(scores_table(scores))
    plot_scores(out / "scores.png", scores, what)
    console.print(
        f"{out / 'scores.json'}\n{out / 'scores.png'}", highlight=False, markup=False, soft_wrap=True
    )
    return scores
