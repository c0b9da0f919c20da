"""How is the small reader taught? From nothing, on drawn strips or on those of a folder, by two losses at once.

In: a `FitConfig` (TOML). Out: a run folder (`extractors.training.loop`) whose `best.pt` holds the averaged weights. The losses are
the decoder's cross-entropy and, on the vision tower, the connectionist temporal classification of the strip's letters; matrices inside
the blocks are moved by Muon (Jordan et al., 2024; torch.optim.Muon), everything else by AdamW. In bfloat16 where the machine has it;
the same code runs on a processor and on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from extractors.errors import UsageError
from extractors.training.lessons import (
    LONGEST_ANSWER,
    MASKED,
    Batch,
    Curriculum,
    DrawnBlocks,
    FolderBlocks,
    as_tensors,
    batch_of,
    batches_from,
    strips_of,
)
from extractors.training.letters import NO_LETTER, decode
from extractors.training.loop import Plan, checked, load, teach
from extractors.training.model import Reader, ReaderShape
from extractors.training.scores import Scores, score_rows
from extractors.training.strips import Strip, draw_strip

AVERAGE = 0.003  # share of the newest weights in the running average that is measured and kept
HELD_OUT = 256  # strips that are read to measure
HELD_OUT_SEED = 1_000_003
HELD_OUT_STRENGTH = 0.6
BATCH_HELD_OUT = 64
LENGTHS = (
    24,
    40,
    56,
    80,
    LONGEST_ANSWER,
)  # tokens to which answers are filled up where each length is compiled for itself


Forward = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


class Rates(BaseModel):
    """Learning rates and what goes with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blocks: float = Field(2e-3, gt=0, description="Muon, on the matrices inside the blocks")
    others: float = Field(1.5e-3, gt=0, description="AdamW, on everything else")
    weight_decay: float = Field(0.02, ge=0)
    spelling: float = Field(1.0, ge=0, description="weight of the loss over pieces beside the decoder's")


class FitConfig(BaseModel):
    """What `parquetry train fit` reads from a TOML file; everything has a default, by which the shipped reader was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["reader"] = "reader"
    data: Path | None = Field(
        None, description="folder of `train data --task row`; drawn strips when not given"
    )
    start: Path | None = Field(None, description="weights to begin from (a run's best.pt) instead of nothing")
    batch: int = Field(64, gt=0, description="strips a step")
    workers: int = Field(2, ge=0, description="processes that draw strips ahead of time")
    compiled: bool = Field(
        False, description="compile the model first: minutes, then faster steps; needs a C++ compiler"
    )
    plan: Plan = Plan()
    rates: Rates = Rates()
    curriculum: Curriculum = Curriculum()


def fit_config(told: Mapping[str, Any]) -> FitConfig:
    """Return a configuration of the small reader. Raises UsageError that names the first thing that is wrong."""
    return checked(FitConfig, told)


class ReaderCourse:
    """The small reader and what it is taught."""

    def __init__(self, config: FitConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self.model = Reader().to(device)
        if config.start:
            self.model.load_state_dict(load(config.start)["course"]["average"])
        self._forward = torch.compile(self.model, dynamic=False) if config.compiled else self.model
        inner = [
            p for n, p in self.model.named_parameters() if p.dim() == 2 and n.startswith(("vision.", "text."))
        ]
        known = {id(parameter) for parameter in inner}
        others = [p for p in self.model.parameters() if id(p) not in known]
        rates = config.rates
        self.optimizers: Sequence[torch.optim.Optimizer] = (
            torch.optim.Muon(
                inner, lr=rates.blocks, weight_decay=rates.weight_decay, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=rates.others, betas=(0.9, 0.98), weight_decay=rates.weight_decay),
        )
        self._average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self._steps = 0
        self._held_out = held_out_strips(config)

    def batches(self, first: int) -> Iterator[Batch]:
        """Yield batches of strips from step `first` on."""
        config, pieces = self._config, self.model.shape.pieces
        blocks = (
            FolderBlocks(config.data, config.batch, config.plan.seed, pieces)
            if config.data
            else DrawnBlocks(config.batch, config.plan.seed, config.curriculum, pieces)
        )
        return batches_from(blocks, first, config.plan.steps, config.workers)

    def learn(self, batch: Batch) -> float:
        """Add the gradients of both losses; return the decoder's, which is what `measure` gives of held-out strips."""
        decoding, spelling = self._losses(batch, self._forward)
        (decoding + self._config.rates.spelling * spelling).backward()
        return float(decoding.detach())

    def _losses(self, batch: Batch, forward: Forward) -> tuple[torch.Tensor, torch.Tensor]:
        grey, answers, letters, lengths = as_tensors(batch, self._device)
        if self._config.compiled:
            full = next((n for n in LENGTHS if n >= answers.shape[1]), answers.shape[1])
            answers = F.pad(answers, (0, full - answers.shape[1]), value=MASKED)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            logits, pieces = forward(grey, answers[:, :-1].clamp(min=0))
        decoding = F.cross_entropy(logits.float().flatten(0, 1), answers.flatten(), ignore_index=MASKED)
        steps = torch.full((len(grey),), pieces.shape[1], device=self._device)
        spelling = F.ctc_loss(
            F.log_softmax(pieces.float(), -1).transpose(0, 1),
            letters,
            steps,
            lengths,
            blank=NO_LETTER,
            zero_infinity=True,
        )
        return decoding, spelling

    def after_step(self) -> None:
        """Move the average a little towards the new weights."""
        self._steps += 1
        share = max(AVERAGE, 1 / (self._steps + 1))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._average.values()), list(self.model.parameters()), share)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Read the held-out strips with the averaged weights: the decoder's loss and what is exactly right."""
        self.model.eval()
        own = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self._put(self._average)
        losses, scores = [], Scores()
        for i in range(0, len(self._held_out), BATCH_HELD_OUT):
            strips = self._held_out[i : i + BATCH_HELD_OUT]
            batch = batch_of(strips)
            losses.append(float(self._losses(batch, self.model)[0]) * len(strips))
            scores += sum(
                (score_rows([s.cells], [r]) for s, r in zip(strips, self.read(batch), strict=True)), Scores()
            )
        self._put(own)
        self.model.train()
        return {
            "loss": sum(losses) / len(self._held_out),
            "numbers": scores.numbers.share,
            "labels": scores.labels.share,
            "rows": scores.rows.share,
        }

    def read(self, batch: Batch) -> list[tuple[str, ...]]:
        """Return the cells that the model reads in each strip."""
        grey = torch.as_tensor(batch.patches).to(self._device)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            return [decode(tokens) for tokens in self.model.read(grey).tolist()]

    def _put(self, weights: Mapping[str, torch.Tensor]) -> None:
        for name, parameter in self.model.named_parameters():
            parameter.copy_(weights[name])

    def state(self) -> dict[str, Any]:
        """Return the weights, their average, and the shape."""
        return {
            "shape": self.model.shape.told(),
            "model": self.model.state_dict(),
            "average": dict(self._average),
            "steps": self._steps,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a run's weights and average."""
        self.model.load_state_dict(state["model"])
        self._average = {name: tensor.to(self._device) for name, tensor in state["average"].items()}
        self._steps = state["steps"]


def held_out_strips(config: FitConfig) -> list[Strip]:
    """Return the strips that measure: the folder's, or drawn ones in fonts that training never uses."""
    if config.data:
        strips = strips_of(config.data, "held_out")[:HELD_OUT]
        if not strips:
            raise UsageError(f"{config.data} holds out no document; write it again with a larger share.")
        return strips
    rng = np.random.default_rng(HELD_OUT_SEED)
    return [draw_strip(rng, "held_out", HELD_OUT_STRENGTH) for _ in range(HELD_OUT)]


def fit_reader(config: FitConfig, folder: Path, console: Console) -> Path:
    """Teach the small reader; return the file of its best weights. Goes on where an earlier run with this folder stopped."""
    torch.manual_seed(config.plan.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return teach(ReaderCourse(config, device), config.plan, folder, console, config.model_dump(mode="json"))


def taught_reader(path: Path) -> Reader:
    """Return the reader of a run's `best.pt`, with its averaged weights. Raises UsageError."""
    told = load(path)
    try:
        reader = Reader(ReaderShape(**told["course"]["shape"]))
        reader.load_state_dict(told["course"]["average"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise UsageError(f"{path} holds no weights of the small reader; name a run's best.pt.") from error
    return reader.eval()
