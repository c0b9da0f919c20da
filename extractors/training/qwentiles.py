"""How is a large Qwen3-VL shown a tile, and what is it to answer? Exactly the tokens and pixels that the worker would give it.

In: a checkpoint of transformers (a folder or a name on the hub), and a conversation of a `train data` folder. Out: a `Shown`: tokens,
patches, and where the answer begins. The prompt is rendered by the worker's own code from the checkpoint's chat template, and the image
prepared by it, so that a model is taught what it will be asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from extractors.errors import UsageError
from extractors.training.samples import TaskKind
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.images import Image, prepare_image

PATCH, MERGE, FRAMES = 16, 2, 2  # pixels; patches a side that become one token; frames of a still image
IMAGE_OPEN, IMAGE_CLOSE, IMAGE_PAD, TURN_END = (
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|im_end|>",
)
MASKED = -100  # a token that is not to be foretold, as transformers has it
ROLES = {"system": "system", "human": "user", "gpt": "assistant"}


@dataclass(frozen=True)
class Lesson:
    """A tile, what is asked about it, and the right answer."""

    image: Path
    asked: tuple[tuple[str, str], ...]  # role and text; "<image>" stands where the tile is shown
    answer: str


@dataclass(frozen=True)
class Shown:
    """A prompt with its image, and an answer, for one pass through the model."""

    tokens: Tensor  # int64 (n,), the image's places filled with the image token
    patches: Tensor  # float32 (patches, 3 * 2 * 16 * 16), in the order in which they merge
    grid: Tensor  # int64 (3,): frames, rows and columns of patches
    answer_from: int  # index of the answer's first token
    image_token: int
    image: Image  # as the worker would see it
    before: tuple[int, ...]  # tokens in front of the image
    after: tuple[int, ...]  # tokens behind it, the answer included

    def cut(self, most: int) -> Shown:
        """Return the same with at most `most` tokens of the answer."""
        over = max(0, len(self.tokens) - self.answer_from - most)
        return self if not over else replace(self, tokens=self.tokens[:-over], after=self.after[:-over])


class Tokens:
    """A checkpoint's tokeniser as the worker's prompt code asks for it. Raises UsageError when it is not Qwen3-VL's."""

    def __init__(self, checkpoint: str) -> None:
        from transformers import AutoTokenizer

        try:
            self._own: Any = AutoTokenizer.from_pretrained(checkpoint)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{checkpoint} has no tokeniser that loads ({error}). Name a checkpoint of Qwen3-VL."
            ) from error
        self.image_open, self.image_close = self.marker(IMAGE_OPEN), self.marker(IMAGE_CLOSE)
        self.image_pad, self.turn_end = self.marker(IMAGE_PAD)[0], self.marker(TURN_END)[0]

    def marker(self, text: str) -> list[int]:
        """Return the one token of a control mark."""
        found: list[int] = self._own.encode(text, add_special_tokens=False)
        if len(found) != 1:
            raise UsageError(f"The tokeniser has no token {text}; name a checkpoint of Qwen3-VL.")
        return found

    def chat_template(self) -> str | None:
        """Return the checkpoint's chat template."""
        template: str | None = self._own.chat_template
        return template

    def tokenize(self, text: str, special: bool = False) -> list[int]:
        """Return token ids. Only with `special` do marks in the text become control tokens."""
        found: list[int] = self._own.encode(text, add_special_tokens=False, split_special_tokens=not special)
        return found


def lessons_of(folder: Path, split: str, task: TaskKind = "table") -> list[Lesson]:
    """Return the lessons of a `train data` folder. Raises UsageError when it holds none of this kind."""
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        raise UsageError(f"{folder} holds no training data; `parquetry train data {folder}` writes some.")
    out = []
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told["task"] != task:
            raise UsageError(
                f"{folder} holds lessons of the kind {told['task']!r}; write some with --task {task}."
            )
        *asked, answer = told["conversations"]
        turns = tuple((ROLES[each["from"]], each["value"]) for each in asked)
        out.append(Lesson(folder / told["image"], turns, answer["value"]))
    if not out:
        raise UsageError(
            f"{path} is empty; write the data again with more documents or another share held out."
        )
    return out


def show(lesson: Lesson, tokens: Tokens, image_tokens: int) -> Shown:
    """Return what the model is shown of a lesson, its image scaled down to at most `image_tokens`. Raises UsageError."""
    pixels = cv2.imread(str(lesson.image), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UsageError(f"{lesson.image} is no image that can be read; write the data again.")
    image = prepare_image(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8), image_tokens)
    turns = [Message(role, _parts(text, image)) for role, text in lesson.asked]
    segments = ChatFormat(tokens).segments(turns)
    at = [number for number, segment in enumerate(segments) if isinstance(segment, Image)]
    if len(at) != 1:
        raise UsageError(f"A lesson about {lesson.image} shows {len(at)} images; it must show one.")
    before, after = (_joined(part) for part in (segments[: at[0]], segments[at[0] + 1 :]))
    answer = [*tokens.tokenize(lesson.answer), tokens.turn_end]
    ids = [*before, *[tokens.image_pad] * image.n_tokens, *after, *answer]
    patches, grid = patches_of(image.pixels)
    return Shown(
        torch.tensor(ids),
        patches,
        grid,
        len(ids) - len(answer),
        tokens.image_pad,
        image,
        tuple(before),
        (*after, *answer),
    )


def _parts(text: str, image: Image) -> tuple[str | Image, ...]:
    """Put the image where a turn says "<image>"."""
    before, mark, after = text.partition("<image>")
    return tuple(part for part in (before, image if mark else "", after) if part != "")


def _joined(segments: Sequence[Any]) -> list[int]:
    return [token for segment in segments for token in segment]


def patches_of(pixels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Return an image's patches in the order in which 2 x 2 of them merge, and its (frames, rows, columns) of patches."""
    high, wide = pixels.shape[0] // PATCH, pixels.shape[1] // PATCH
    frame = (pixels.astype(np.float32) / 255 - 0.5) / 0.5
    both = np.stack([frame.transpose(2, 0, 1)] * FRAMES)
    cut = both.reshape(1, FRAMES, 3, high // MERGE, MERGE, PATCH, wide // MERGE, MERGE, PATCH)
    rows = cut.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(high * wide, -1)
    return torch.from_numpy(np.ascontiguousarray(rows)), torch.tensor([1, high, wide])


def run_model(model: Any, shown: Shown) -> Tensor:
    """Return the logits of each token of the answer: (tokens of the answer, vocabulary)."""
    device = next(model.parameters()).device
    ids = shown.tokens[None].to(device)
    # Of the last position nothing is asked: behind the answer's end there is nothing to foretell.
    kept = len(shown.tokens) - shown.answer_from + 1
    logits: Tensor = model(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=shown.patches.to(device),
        image_grid_thw=shown.grid[None].to(device),
        mm_token_type_ids=(ids == shown.image_token).long(),
        logits_to_keep=kept,
        use_cache=False,
    ).logits
    return logits[0, :-1]


def load_model(checkpoint: str, device: torch.device, dtype: torch.dtype) -> Any:
    """Load a Qwen3-VL of transformers. Raises UsageError when it does not load or is another model."""
    from transformers import AutoConfig, Qwen3VLForConditionalGeneration

    try:
        kind: Mapping[str, Any] = AutoConfig.from_pretrained(checkpoint).to_dict()
        if kind.get("model_type") != "qwen3_vl":
            raise UsageError(
                f"{checkpoint} is a model of the kind {kind.get('model_type')!r}; name one of Qwen3-VL."
            )
        return Qwen3VLForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).to(device)
    except (OSError, ValueError) as error:
        raise UsageError(f"{checkpoint} does not load as a model of Qwen3-VL: {error}") from error
