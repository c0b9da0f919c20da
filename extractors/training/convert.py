"""How does a taught model get back to the worker? As GGUF, by llama.cpp's own converters, accepted only when it computes the same.

In: a run of `parquetry train fit`, of the small reader or of an adapter. Out: the reader's pair `NAME.gguf` and `mmproj-NAME.gguf`, or
`NAME.gguf` with the adapter. A file is written beside its place, compared with the network it came from (`extractors.training.parity`)
and put in place when both agree; otherwise there is no file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from extractors.errors import EngineError, UsageError
from extractors.training.converters import converters, run_converter
from extractors.training.fit import taught_reader
from extractors.training.loop import BEST, checked, load
from extractors.training.lora import ADAPTER, LoraConfig
from extractors.training.model import Reader
from extractors.training.parity import SAME, Parity, adapter_parity, reader_parity
from extractors.training.qwen import write_checkpoint
from extractors.training.qwentiles import Shown, Tokens, lessons_of, show
from extractors.training.strips import Strip, draw_strip
from extractors.worker.models import ROW_READER

WeightType = Literal["f16", "q8_0", "f32"]

COMPARED = 8  # strips by which a reader's file is compared
SEED, STRENGTH = 20_011, 0.4  # of these strips
# Root mean square of the differences in log-probability that a type's rounding accounts for; measured: 0.002 with f16.
ROUNDING: dict[WeightType, float] = {"f32": 0.03, "f16": 0.03, "q8_0": 0.3}


# An adapter is compared beside its base, whose own file may be quantised; it may add this much to the base's own distance.
ADDED, TIMES = 0.03, 1.5
FOREIGN = 2.0  # distance of a base model's file from its checkpoint at which it is another model's
TILES, ANSWER = 3, 96  # held-out tiles by which an adapter is compared, and tokens of each answer


@dataclass(frozen=True)
class Converted:
    """Files that were accepted, and how they compare with what they came from."""

    files: tuple[Path, ...]
    parity: Parity


def convert_reader(
    run: Path, out: Path, name: str = ROW_READER, weights: WeightType = "f16", source: Path | None = None
) -> Converted:
    """Convert the reader of a run (its folder or its best.pt) into a GGUF pair in `out`.

    `source` is a folder of the pinned converters; they are fetched when it is not given.

    Raises UsageError when there is no reader in the run or a converter fails, EngineError with both figures when the file does not
    compute what the network computes.
    """
    if not name.startswith(ROW_READER):
        raise UsageError(
            f"The name of a reader of rows begins with {ROW_READER}; the vision engine knows it by that."
        )
    reader = taught_reader(run / BEST if run.is_dir() else run)
    return write_pair(reader, out, name, weights, source or converters(), drawn_for_comparison())


def weight_type(name: str) -> WeightType:
    """Return the type of that name. Raises UsageError."""
    for known in get_args(WeightType):
        if name == known:
            return known
    raise UsageError(f"Weights are stored as one of {', '.join(get_args(WeightType))}, not {name!r}.")


def drawn_for_comparison() -> list[Strip]:
    """Return the strips by which files are compared."""
    rng = np.random.default_rng(SEED)
    return [draw_strip(rng, "held_out", STRENGTH) for _ in range(COMPARED)]


def write_pair(
    reader: Reader, out: Path, name: str, weights: WeightType, source: Path, strips: Sequence[Strip]
) -> Converted:
    """Write a reader's GGUF pair into `out` when it computes the same on `strips`. Raises UsageError and EngineError."""
    out.mkdir(parents=True, exist_ok=True)
    files = out / f"{name}.gguf", out / f"mmproj-{name}.gguf"
    with tempfile.TemporaryDirectory(dir=out) as room:
        checkpoint = Path(room) / name  # the converter names the model after the folder
        write_checkpoint(reader, checkpoint)
        made = [Path(room) / file.name for file in files]
        for file, more in zip(made, ((), ("--mmproj",)), strict=True):
            run_converter(
                source, "convert_hf_to_gguf.py", str(checkpoint), "--outtype", weights, "--outfile", str(file), *more,
                pre_tokenizer="qwen2",
            )  # fmt: skip
        parity = reader_parity(reader, made[0], made[1], strips)
        if not parity.within(ROUNDING[weights]):
            raise EngineError(refusal(parity, ROUNDING[weights]))
        for file, place in zip(made, files, strict=True):
            file.replace(place)
    return Converted(files, parity)


def convert_adapter(
    run: Path, out: Path, name: str, model: Path, mmproj: Path, source: Path | None = None
) -> Converted:
    """Convert the adapter of a run into `NAME.gguf` in `out`, to be served beside the GGUF pair `model` and `mmproj`.

    Raises UsageError when there is no adapter, a converter fails or the pair is another model's, EngineError with the figures of base and
    adapter when the file does not do to the base what the adapter does.
    """
    told = checked(LoraConfig, load(run / BEST)["about"])
    shown = _compared_tiles(told)
    out.mkdir(parents=True, exist_ok=True)
    place = out / f"{name}.gguf"
    with tempfile.TemporaryDirectory(dir=out) as room:
        made = Path(room) / place.name
        run_converter(
            source or converters(), "convert_lora_to_gguf.py", "--base", str(checkpoint_folder(told.checkpoint)),
            "--outtype", "f16", "--outfile", str(made), str(run / ADAPTER),
        )  # fmt: skip
        base, adapted = adapter_parity(told.checkpoint, run / ADAPTER, model, mmproj, made, shown)
        if base.apart > FOREIGN:
            raise UsageError(
                f"{model} is not the checkpoint {told.checkpoint} that was taught: {base}. Give its own GGUF pair."
            )
        if not adapted.within(TIMES * base.apart + ADDED, min(SAME, base.same - (1 - SAME))):
            raise EngineError(
                f"llama.cpp does not do with the file what the adapter does: {adapted}; without the adapter {base}. The file was not kept."
            )
        made.replace(place)
    return Converted((place,), adapted)


def _compared_tiles(told: LoraConfig) -> list[Shown]:
    tokens = Tokens(told.checkpoint)
    lessons = lessons_of(told.data, "held_out")[:TILES]
    return [show(lesson, tokens, told.image_tokens).cut(ANSWER) for lesson in lessons]


def checkpoint_folder(checkpoint: str) -> Path:
    """Return the folder of a checkpoint that is named by its folder or by its name on the hub, from where it was taught."""
    if Path(checkpoint).is_dir():
        return Path(checkpoint)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(checkpoint, local_files_only=True))


def refusal(parity: Parity, most: float) -> str:
    """Return in words why a file was not accepted."""
    return (
        f"llama.cpp does not compute with the file what torch computed: {parity}, where at most {most:g} apart is rounding. The file was "
        "not kept; convert with --weights f32, and report it when that is refused too."
    )
