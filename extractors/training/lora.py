"""How is a large model taught a user's own documents? By a LoRA adapter: small matrices beside its own, which stay as they are.

In: a `LoraConfig` (TOML), which names a checkpoint of Qwen3-VL and a folder that `parquetry train data` wrote. Out: a run folder
(`extractors.training.loop`) and in it `adapter/`, in PEFT's form, for `extractors.training.convert`. Method: Hu et al., LoRA,
arXiv 2106.09685, by the peft library. The language model's matrices are adapted, the vision tower is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from extractors.errors import UsageError
from extractors.training.loop import Plan, load, teach
from extractors.training.qwentiles import Lesson, Tokens, lessons_of, load_model, run_model, show

ADAPTER = "adapter"  # folder in a run
INNER = r".*language_model.*\.({})"  # which modules of a Qwen3-VL of transformers are adapted
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraConfig(BaseModel):
    """What `parquetry train fit` reads from a TOML file for a large model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["lora"]
    checkpoint: str = Field(description="folder of a Qwen3-VL checkpoint, or its name on the hub")
    data: Path = Field(description="folder that `train data` wrote")
    batch: int = Field(8, gt=0, description="tiles a step, one after the other")
    rank: int = Field(16, gt=0, description="width of the small matrices")
    alpha: float = Field(32.0, gt=0, description="their weight is alpha / rank")
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = Field(
        PROJECTIONS, description="the language model's matrices that are adapted"
    )
    rate: float = Field(1e-4, gt=0, description="learning rate")
    weight_decay: float = Field(0.0, ge=0)
    image_tokens: int = Field(
        1024, ge=64, description="largest tile, in tokens of 32 x 32 pixels; the worker's profile has 1024"
    )
    longest: int = Field(
        8192, gt=0, description="tokens of prompt, image and answer; longer lessons are left out"
    )
    held_out: int = Field(64, gt=0, description="held-out tiles by which teaching is measured, at most")
    spare_memory: bool = Field(True, description="compute activations twice instead of keeping them")
    half: bool = Field(True, description="hold the model in bfloat16; without it in float32")
    plan: Plan = Plan(steps=1000, warmup=30, measure_every=50, patience=5)


class LoraCourse:
    """A large model with an adapter, and the tiles that it is taught. Raises UsageError."""

    def __init__(self, config: LoraConfig, device: torch.device) -> None:
        from peft import LoraConfig as Matrices
        from peft import get_peft_model

        self._config = config
        self._tokens = Tokens(config.checkpoint)
        self._lessons = lessons_of(config.data, "train")
        self._held_out = lessons_of(config.data, "held_out")[: config.held_out]
        own = load_model(config.checkpoint, device, torch.bfloat16 if config.half else torch.float32)
        own.config.use_cache = False
        if config.spare_memory:
            own.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        matrices = Matrices(
            r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, bias="none",
            target_modules=INNER.format("|".join(config.targets)), task_type="CAUSAL_LM",
        )  # fmt: skip
        self.model: Any = get_peft_model(
            own, matrices
        )  # its matrices are float32 whatever the model is held in
        taught = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizers: Sequence[torch.optim.Optimizer] = (
            torch.optim.AdamW(taught, lr=config.rate, weight_decay=config.weight_decay),
        )
        self.model.train()
        self._device = device

    def batches(self, first: int) -> Iterator[list[Lesson]]:
        """Yield the tiles of steps `first`, …: all of them once in each round, in another order."""
        n, size = len(self._lessons), self._config.batch
        orders: dict[int, list[int]] = {}
        for step in range(first, self._config.plan.steps):
            chosen = []
            for at in range(step * size, (step + 1) * size):
                turn = at // n
                if turn not in orders:
                    orders = {
                        turn: np.random.default_rng((self._config.plan.seed, turn)).permutation(n).tolist()
                    }
                chosen.append(self._lessons[orders[turn][at % n]])
            yield chosen

    def learn(self, batch: list[Lesson]) -> float:
        """Add the gradients of a batch, tile by tile, and return its loss: the mean over the answers' tokens of each tile."""
        total = 0.0
        for lesson in batch:
            found = self._loss(lesson)
            if found is not None:
                loss = found[0] / len(batch)
                loss.backward()
                total += float(loss.detach())
        return total

    def _loss(self, lesson: Lesson) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the mean loss over an answer's tokens and the share of them that is foretold; None when it is too long."""
        shown = show(lesson, self._tokens, self._config.image_tokens)
        if len(shown.tokens) > self._config.longest:
            return None
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._config.half):
            logits = run_model(self.model, shown)
        wanted = shown.tokens[shown.answer_from :].to(logits.device)
        return F.cross_entropy(logits.float(), wanted), (logits.argmax(-1) == wanted).float().mean()

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Return the loss on held-out tiles and the share of tokens that are foretold, given all before them."""
        self.model.eval()
        found = [each for each in map(self._loss, self._held_out) if each is not None]
        self.model.train()
        if not found:
            raise UsageError(
                f"Every held-out tile is longer than {self._config.longest} tokens; raise `longest` in the configuration."
            )
        losses, shares = (torch.stack(each).mean() for each in zip(*found, strict=True))
        return {"loss": float(losses), "tokens": float(shares)}

    def after_step(self) -> None:
        """Nothing follows a step."""

    def state(self) -> dict[str, Any]:
        """Return the adapter's matrices."""
        from peft import get_peft_model_state_dict

        matrices: dict[str, torch.Tensor] = get_peft_model_state_dict(self.model)
        return {"adapter": {name: tensor.detach().cpu().clone() for name, tensor in matrices.items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up an adapter's matrices."""
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self.model, dict(state["adapter"]))


def fit_lora(config: LoraConfig, folder: Path, console: Console) -> Path:
    """Teach an adapter; return its folder. Goes on where an earlier run with this folder stopped. Raises UsageError."""
    torch.manual_seed(config.plan.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    course = LoraCourse(config, device)
    best = teach(course, config.plan, folder, console, config.model_dump(mode="json"))
    course.load(load(best)["course"])
    course.model.save_pretrained(folder / ADAPTER)
    return folder / ADAPTER
