"""How is a model taught? One loop for every model and machine: steps, learning rate, clipping, checkpoints, early stopping, a curve.

In: a `Course` (a model, its optimisers, what one step loses, how it does on held-out images) and a `Plan`. Out: a folder with
`checkpoint.pt` (everything needed to go on), `best.pt` (the weights that did best on held-out images), `log.jsonl` and `curve.png`.

A run that was killed goes on at its last checkpoint when it is started again with the same folder. Checkpoints are written beside
their place and renamed, so that a kill at any moment leaves a whole one.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from extractors.errors import UsageError

CHECKPOINT, BEST, LOG, CURVE = "checkpoint.pt", "best.pt", "log.jsonl", "curve.png"
LEAST_RATE = 0.02  # of the learning rate, at the end of a run


class Plan(BaseModel):
    """How long and how carefully a model is taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(30_000, gt=0, description="batches in all")
    warmup: int = Field(150, ge=0, description="steps until the learning rate is reached")
    decay: float = Field(
        0.5, ge=0, le=1, description="last share of the steps, in which the rate falls to almost nothing"
    )
    clip: float = Field(1.0, gt=0, description="largest norm of a step's gradients")
    measure_every: int = Field(1000, gt=0, description="steps between two looks at held-out images")
    patience: int = Field(
        10, gt=0, description="looks without a better held-out loss after which teaching ends"
    )
    save_every: float = Field(120.0, ge=0, description="seconds between two checkpoints")
    seed: int = 0
    threads: int = Field(0, ge=0, description="processor threads; 0 takes as many as there are cores")


Config = TypeVar("Config", bound=BaseModel)


def checked(kind: type[Config], told: Mapping[str, Any]) -> Config:
    """Return a configuration of a kind. Raises UsageError that names the first thing that is wrong with it."""
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"The configuration's {where or 'root'}: {first['msg']}.") from error


class Course(Protocol):
    """What is taught to which model."""

    model: torch.nn.Module
    optimizers: Sequence[torch.optim.Optimizer]

    def batches(self, first: int) -> Iterator[Any]:
        """Yield the batches of steps `first`, `first` + 1, …; the same step has the same batch in every run."""
        ...

    def learn(self, batch: Any) -> float:
        """Add the gradients of a batch to the model's parameters, and return what it loses on it."""
        ...

    def measure(self) -> dict[str, float]:
        """Return figures on held-out images; `loss` among them."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the weights that are taught, and whatever else `load` needs."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        ...

    def after_step(self) -> None:
        """Do what follows every step, such as averaging weights."""
        ...


def learning_rate(step: int, plan: Plan) -> float:
    """Return the share of the learning rate at a step: rising, then level, then falling in a line."""
    left = 1 - step / plan.steps
    falling = min(1.0, left / plan.decay) if plan.decay else 1.0
    return max(LEAST_RATE, min(1.0, (step + 1) / (plan.warmup + 1)) * falling)


def save(path: Path, told: Mapping[str, Any]) -> None:
    """Write a checkpoint so that its place holds the earlier one or this one, never half of one."""
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        torch.save(dict(told), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint: tensors and plain values only, nothing that runs. Raises UsageError."""
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise UsageError(f"{path} is no checkpoint that can be read ({type(error).__name__}).") from error
    if not isinstance(told, dict):
        raise UsageError(f"{path} is no checkpoint of `parquetry train fit`.")
    return told


def teach(course: Course, plan: Plan, folder: Path, console: Console, about: Mapping[str, Any]) -> Path:
    """Run a course to its end, to its patience's end, or from where it stopped; return the file of the best weights.

    `about` (the configuration) is kept in the checkpoints; a folder with another one is refused. Raises UsageError.
    """
    torch.set_num_threads(plan.threads or os.cpu_count() or 1)
    folder.mkdir(parents=True, exist_ok=True)
    step, best, without, spent = 0, float("inf"), 0, 0.0
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in course.optimizers]
    if (folder / CHECKPOINT).exists():
        told = load(folder / CHECKPOINT)
        if told["about"] != dict(about):
            raise UsageError(
                f"{folder} holds another run; name a new folder, or give that run's configuration."
            )
        course.load(told["course"])
        for optimizer, state in zip(course.optimizers, told["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        step, best, without, spent = told["step"], told["best"], told["without"], told["seconds"]
        _forget(folder / LOG, step)
    began = saved = time.monotonic()

    def keep() -> None:
        save(
            folder / CHECKPOINT,
            {
                "about": dict(about), "course": course.state(), "step": step, "best": best, "without": without,
                "optimizers": [each.state_dict() for each in course.optimizers],
                "seconds": spent + time.monotonic() - began,
            },
        )  # fmt: skip

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("loss  -", total=plan.steps, completed=step)
        losses: list[float] = []
        for batch in course.batches(step) if step < plan.steps and without < plan.patience else ():
            share = learning_rate(step, plan)
            for optimizer, own in zip(course.optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, own, strict=True):
                    group["lr"] = rate * share
                optimizer.zero_grad(set_to_none=True)
            torch.manual_seed(
                plan.seed + step
            )  # what a step draws by chance, such as dropout, is the same after a kill
            loss = course.learn(batch)
            norm = torch.nn.utils.clip_grad_norm_(course.model.parameters(), plan.clip)
            if math.isfinite(loss) and bool(torch.isfinite(norm)):  # else the step would spoil all weights
                for optimizer in course.optimizers:
                    optimizer.step()
                course.after_step()
            step += 1
            losses.append(loss)
            progress.update(bar, completed=step, description=f"loss {losses[-1]:.3f}")
            last = step == plan.steps
            if step % plan.measure_every == 0 or last:
                figures = course.measure()
                better = figures["loss"] < best
                best, without = (figures["loss"], 0) if better else (best, without + 1)
                if better:
                    save(folder / BEST, {"about": dict(about), "course": course.state(), "step": step})
                _note(folder / LOG, {"step": step, "train": sum(losses) / len(losses), **figures})
                losses.clear()
                told_figures = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
                progress.console.print(f"step {step}: {told_figures}", highlight=False)
                keep()
                saved = time.monotonic()
            elif time.monotonic() - saved >= plan.save_every:
                keep()
                saved = time.monotonic()
            if last or without >= plan.patience:
                break
    draw_curve(folder)
    return folder / BEST


def _note(path: Path, told: Mapping[str, float]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")


def read_log(folder: Path) -> list[dict[str, float]]:
    """Return what was measured in a run so far, in the order of its steps."""
    path = folder / LOG
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _forget(path: Path, step: int) -> None:
    """Drop what was measured after the checkpoint from which a run goes on."""
    kept = [told for told in read_log(path.parent) if told["step"] <= step]
    path.write_text("".join(json.dumps(told) + "\n" for told in kept), encoding="utf-8")


def draw_curve(folder: Path) -> None:
    """Draw losses and shares over the steps into `curve.png`; nothing where nothing was measured or matplotlib is missing."""
    told = read_log(folder)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    if not told:
        return
    figure = Figure(figsize=(8, 4), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [each["step"] for each in told]
    for name in ("train", "loss"):
        left.plot(steps, [each[name] for each in told], label={"loss": "held out"}.get(name, name))
    left.set_yscale("log")
    left.set_title("loss", fontsize=10)
    for name in (n for n in told[0] if n not in ("step", "train", "loss")):
        right.plot(steps, [100 * each[name] for each in told], label=name)
    right.set_title("percent exactly right, held out", fontsize=10)
    right.set_ylim(0, 101)
    for axes in (left, right):
        axes.set_xlabel("steps")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / CURVE)
