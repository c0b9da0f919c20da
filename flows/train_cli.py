"""`parquetry train …`: the commands by which a model is taught and its reading measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

train = typer.Typer(
    no_args_is_help=True, help="Teach a model: write labelled images, draw documents, fit, convert, measure."
)

Seed = Annotated[int, typer.Option(help="The same seed gives the same files.")]
Strength = Annotated[
    float, typer.Option(min=0, max=1, help="How worn drawn images are: 0 clean, 1 poor scans.")
]


@train.command()
def data(
    folder: Annotated[Path, typer.Argument(help="New folder for the labelled images.")],
    output: Annotated[
        str | None,
        typer.Option("--from", help="Output root of earlier runs: its verified values are taught."),
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="JSON lines with what a person says that cells hold.")
    ] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Drawn documents to add.")] = 0,
    task: Annotated[
        Literal["table", "row"],
        typer.Option(help="table: tiles for a large model; row: strips for a small one."),
    ] = "table",
    held_out: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the documents kept for testing.")
    ] = 0.1,
    seed: Seed = 0,
    strength: Strength = 1.0,
) -> None:
    """Write images with their right answers (ShareGPT style JSON lines), split by document.

    parquetry train data lessons --from out --corrections mended.jsonl

    parquetry train data strips --drawn 500 --task row
    """
    from flows.datasets import Datasets
    from flows.train_data import read_corrections, write_data

    summary = write_data(
        folder,
        output=Datasets(output) if output else None,
        corrections=read_corrections(corrections) if corrections else None,
        drawn=drawn,
        task=task,
        seed=seed,
        strength=strength,
        held_out=held_out,
    )
    console = Console()
    for (split, kind), n in sorted(summary.written.items()):
        console.print(f"{split}: {n} {kind}", highlight=False)
    if summary.repeated:
        console.print(f"{summary.repeated} images were there already", highlight=False)
    for uri, why in summary.unread.items():
        console.print(f"left out {uri}: {why}", highlight=False, markup=False, soft_wrap=True)


@train.command()
def draw(
    folder: Annotated[Path, typer.Argument(help="Folder for the drawn documents.")],
    documents: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    pages: Annotated[int, typer.Option(min=1, help="Pages of each.")] = 2,
    split: Annotated[Literal["train", "held_out"], typer.Option(help="Which fonts draw them.")] = "train",
    language: Annotated[Literal["latin", "chinese"], typer.Option(help="Letters of the labels.")] = "latin",
    seed: Seed = 0,
    strength: Strength = 1.0,
) -> None:
    """Draw scanned documents with tables and statements, each with its truth as JSON beside it."""
    import numpy as np

    from extractors.training.drawing import draw_page, save_document

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(documents):
        rng = np.random.default_rng((seed, number))
        made = [draw_page(rng, split, strength, language) for _ in range(pages)]
        save_document(folder / f"drawn-{seed}-{number:04d}.pdf", made, seed)
    Console().print(f"{documents} documents in {folder}", highlight=False, markup=False, soft_wrap=True)


@train.command()
def fit(
    config: Annotated[
        Path | None, typer.Argument(help="TOML file: what is taught, on what, for how long.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Make the small reader of the package anew, on drawn strips.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder; .train/NAME when not given.")
    ] = None,
) -> None:
    """Teach a model: the small reader from nothing, or an adapter (LoRA) for a large one. Goes on where it stopped.

    parquetry train fit --small

    parquetry train fit lora.toml --out .train/ours
    """
    from flows.train_fit import run_fit

    run_fit(Console(), config, small, out)


@train.command()
def convert(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train fit`.")],
    out: Annotated[Path, typer.Argument(help="Folder for the GGUF files.")],
    name: Annotated[str | None, typer.Option(help="Name under which it will be served.")] = None,
    weights: Annotated[
        Literal["f16", "q8_0", "f32"], typer.Option(help="How the small reader's weights are stored.")
    ] = "f16",
    model: Annotated[
        Path | None, typer.Option(help="For an adapter: the GGUF model that it will be served with.")
    ] = None,
    mmproj: Annotated[Path | None, typer.Option(help="For an adapter: that model's vision tower.")] = None,
) -> None:
    """Make a run into GGUF files by llama.cpp's converters; they are kept only when they compute what the run computes.

    parquetry train convert .train/reader models

    parquetry train convert .train/ours models --model qwen3-vl-8b.gguf --mmproj mmproj-qwen3-vl-8b.gguf
    """
    from flows.train_fit import run_convert

    run_convert(Console(), run, out, name=name, weights=weights, model=model, mmproj=mmproj)


@train.command()
def evaluate(
    worker_url: Annotated[list[str], typer.Option(help="Address of a vision worker. Repeatable.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model that it serves; repeat to compare. The first when not given."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that `train data` wrote; drawn strips when not given.")
    ] = None,
    strips: Annotated[
        int, typer.Option(min=1, help="Strips to draw, in fonts that training never uses.")
    ] = 500,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many images.")] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="scores.json of an earlier evaluation, to compare with. Repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for scores.json and scores.png.")] = Path(
        "scores"
    ),
    seed: Seed = 1,
    strength: Strength = 1.0,
) -> None:
    """Score models on held-out images: number cells, label cells and whole rows exactly right, and images per second.

    parquetry train evaluate --worker-url http://127.0.0.1:8077 --model base --model ours --data lessons
    """
    from extractors.settings import read_settings
    from flows.train_evaluate import run_evaluation

    token = read_settings().worker_token
    run_evaluation(
        Console(),
        worker_url,
        model or [],
        data=data,
        strips=strips,
        seed=seed,
        strength=strength,
        limit=limit,
        beside=beside or [],
        out=out,
        token=token.get_secret_value() if token else None,
    )
