"""What is the small reader? A vision-language network of Qwen3-VL's architecture, small enough to train on a processor.

In: strips as patches and the tokens of their answers. Out: logits of the next token, and, for training alone, logits of the letters
above each piece of the strip. The mathematics is that of Qwen3-VL (technical report, arXiv 2511.21631; `modeling_qwen3_vl.py` of
transformers; `qwen3vl` in llama.cpp), so that `convert` can hand its weights to llama.cpp; deepstack is left out, and every image has
the same size, so that attention runs over a whole batch at once.

The head over pieces is trained by connectionist temporal classification (Graves et al., ICML 2006). It teaches the vision tower where
letters stand long before the decoder has learned to ask for them; it is not part of the model that is shipped.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import Tensor, nn

from extractors.training.letters import END_OF_ANSWER, IMAGE_END, IMAGE_START, N_CLASSES, N_TOKENS
from extractors.vision.bands import STRIP_HEIGHT, STRIP_WIDTH

EPSILON = 1e-6  # of every norm
PATCH, MERGE = 16, 2  # pixels; patches a side that become one token (both fixed by the architecture)
ROWS, COLUMNS = STRIP_HEIGHT // PATCH, STRIP_WIDTH // PATCH  # patches
IMAGE_TOKENS = ROWS * COLUMNS // MERGE**2
MIDDLE = HALF = 127.5  # grey levels: a pixel is (value - MIDDLE) / HALF
THETA = 10_000.0  # base of all rotary positions
SECTIONS = (11, 11, 10)  # of the rotary pairs: time, height, width, taken in turn
LONGEST = 400  # positions: an image and its answer


@dataclass(frozen=True)
class ReaderShape:
    """How large the network is. `asdict` of it goes into checkpoints."""

    vision_width: int = 256
    vision_layers: int = 4
    vision_heads: int = 4
    vision_feed_forward: int = 768
    width: int = 192
    layers: int = 3
    heads: int = 3
    heads_kv: int = 1
    feed_forward: int = 512
    head_width: int = 64
    positions_a_side: int = 48  # of the learned table of positions, as large as the strip is wide in patches
    pieces: int = 4  # parts of a patch's width (4 pixels each) in which a letter is looked for

    def told(self) -> dict[str, int]:
        """Return the shape for a checkpoint."""
        return asdict(self)


def patches(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a strip (32 x 768) as its 96 patches of 256 pixels, in the order in which 2 x 2 of them merge."""
    cut = strip.reshape(ROWS, PATCH, COLUMNS // MERGE, MERGE, PATCH)
    return cut.transpose(2, 0, 3, 1, 4).reshape(ROWS * COLUMNS, PATCH * PATCH)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their positions, the first half of a head against its second."""
    one, two = x.chunk(2, -1)
    return x * cos + torch.cat((-two, one), -1) * sin


def _attend(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention in plain products, which a processor does faster than the fused kernel at this size."""
    weights = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
    if hidden is not None:
        weights = weights.masked_fill(hidden, float("-inf"))
    return torch.matmul(torch.softmax(weights, -1), value)


class VisionBlock(nn.Module):
    """One layer of the vision tower: attention over all patches of a strip, then a feed-forward layer."""

    def __init__(self, shape: ReaderShape) -> None:
        super().__init__()
        self.heads = shape.vision_heads
        self.norm1 = nn.LayerNorm(shape.vision_width, EPSILON)
        self.qkv = nn.Linear(shape.vision_width, 3 * shape.vision_width)
        self.proj = nn.Linear(shape.vision_width, shape.vision_width)
        self.norm2 = nn.LayerNorm(shape.vision_width, EPSILON)
        self.up = nn.Linear(shape.vision_width, shape.vision_feed_forward)
        self.down = nn.Linear(shape.vision_feed_forward, shape.vision_width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Patches (batch, 96, width) in and out."""
        batch, n, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        query, key = (_turned(each, cos, sin).to(value.dtype) for each in (query, key))
        x = x + self.proj(_attend(query, key, value).transpose(1, 2).reshape(batch, n, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class RootNorm(nn.Module):
    """Root mean square norm, computed in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return x divided by its root mean square, weighted."""
        wide = x.float()
        return wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


class TextBlock(nn.Module):
    """One layer of the decoder: causal attention with normed queries and keys, then a gated feed-forward layer."""

    def __init__(self, shape: ReaderShape) -> None:
        super().__init__()
        self.shape = shape
        wide, inner = shape.heads * shape.head_width, shape.heads_kv * shape.head_width
        self.norm1 = RootNorm(shape.width)
        self.query = nn.Linear(shape.width, wide, bias=False)
        self.key = nn.Linear(shape.width, inner, bias=False)
        self.value = nn.Linear(shape.width, inner, bias=False)
        self.proj = nn.Linear(wide, shape.width, bias=False)
        self.query_norm = RootNorm(shape.head_width)
        self.key_norm = RootNorm(shape.head_width)
        self.norm2 = RootNorm(shape.width)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, past: list[Tensor] | None = None) -> Tensor:
        """Tokens (batch, n, width) in and out; `past` holds keys and values of earlier tokens and grows."""
        shape = self.shape
        batch, n, _ = x.shape
        y = self.norm1(x)
        query = self.query_norm(self.query(y).view(batch, n, shape.heads, -1)).transpose(1, 2)
        key = self.key_norm(self.key(y).view(batch, n, shape.heads_kv, -1)).transpose(1, 2)
        value = self.value(y).view(batch, n, shape.heads_kv, -1).transpose(1, 2)
        query, key = (_turned(each, cos, sin).to(value.dtype) for each in (query, key))
        if past is not None:
            if past:
                key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
            past[:] = key, value
        groups = shape.heads // shape.heads_kv
        hidden = torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1) if n > 1 else None
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        seen = _attend(query, key, value, hidden)
        x = x + self.proj(seen.transpose(1, 2).reshape(batch, n, -1))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Reader(nn.Module):
    """The small reader: a vision tower over one strip and a decoder that spells its cells."""

    def __init__(self, shape: ReaderShape | None = None) -> None:
        super().__init__()
        shape = shape or ReaderShape()
        self.shape = shape
        wide = shape.vision_width
        self.patch = nn.Linear(PATCH * PATCH, wide)
        self.positions = nn.Parameter(torch.randn(shape.positions_a_side**2, wide) * 0.02)
        self.vision = nn.ModuleList(VisionBlock(shape) for _ in range(shape.vision_layers))
        self.vision_norm = nn.LayerNorm(wide, EPSILON)
        self.merge1 = nn.Linear(MERGE**2 * wide, MERGE**2 * wide)
        self.merge2 = nn.Linear(MERGE**2 * wide, shape.width)
        self.tokens = nn.Embedding(N_TOKENS, shape.width)
        self.text = nn.ModuleList(TextBlock(shape) for _ in range(shape.layers))
        self.norm = RootNorm(shape.width)
        self.spell = nn.Linear(ROWS * wide, shape.pieces * N_CLASSES)
        self._begin()
        self._place()

    def _begin(self) -> None:
        """Start matrices at the reciprocal root of their input, those that write into the stream at half of it."""
        nn.init.normal_(self.tokens.weight, std=0.02)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and name not in ("tokens.weight", "positions"):
                writes = name.endswith(("proj.weight", "down.weight"))
                nn.init.normal_(weight, std=(0.5 if writes else 1.0) / math.sqrt(weight.shape[1]))

    def _place(self) -> None:
        """Lay down where patches and tokens stand, and the angles that follow from it."""
        high = torch.tensor([0, 0, 1, 1]).repeat(IMAGE_TOKENS)
        wide = torch.cat([torch.tensor([2 * j, 2 * j + 1] * 2) for j in range(IMAGE_TOKENS)])
        side = self.shape.positions_a_side
        # The table is square and the strip is two patches high: stretched over it, they are its first and last row.
        self.register_buffer("_at", high * (side - 1) * side + wide, persistent=False)
        quarter = self.shape.vision_width // self.shape.vision_heads // 4
        slow = THETA ** -(torch.arange(quarter) / quarter)
        angles = torch.cat((high[:, None] * slow, wide[:, None] * slow), 1).repeat(1, 2)
        self.register_buffer("_vision_cos", angles.cos()[None, None], persistent=False)
        self.register_buffer("_vision_sin", angles.sin()[None, None], persistent=False)
        image = torch.arange(IMAGE_TOKENS) + 1
        after = torch.arange(LONGEST - 1 - IMAGE_TOKENS) + 1 + IMAGE_TOKENS
        zero = torch.zeros(1, dtype=torch.long)
        time = torch.cat((zero, torch.ones_like(image), after))
        across = torch.cat((zero, image, after))
        half = self.shape.head_width // 2
        slow = THETA ** -(torch.arange(half) / half)
        angles = time[:, None] * slow
        for offset, section, where in ((1, SECTIONS[1], time), (2, SECTIONS[2], across)):
            turn = slice(offset, 3 * section, 3)
            angles[:, turn] = (where[:, None] * slow)[:, turn]
        angles = angles.repeat(1, 2)
        self.register_buffer("_cos", angles.cos()[None, None], persistent=False)
        self.register_buffer("_sin", angles.sin()[None, None], persistent=False)

    def see(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Return image tokens (batch, 24, width) and normed patches (batch, 96, vision width) of patches of grey levels."""
        x = self.patch((grey.float() - MIDDLE) / HALF) + self.positions[self._at]
        for block in self.vision:
            x = block(x, self._vision_cos, self._vision_sin)
        seen = self.vision_norm(x)
        merged = F.gelu(self.merge1(seen.reshape(len(seen), IMAGE_TOKENS, -1)))
        return self.merge2(merged), seen

    def _prefix(self, image: Tensor) -> Tensor:
        start, end = (
            self.tokens.weight[token].to(image.dtype).expand(len(image), 1, -1)
            for token in (IMAGE_START, IMAGE_END)
        )
        return torch.cat((start, image, end), 1)

    def forward(self, grey: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of every token of the answers, and of the letters above each piece of the strip.

        Args:
            grey: patches of grey levels, (batch, 96, 256).
            answers: tokens without the last one, (batch, n - 1).

        Returns:
            (batch, n, N_TOKENS) and (batch, 48 * pieces, N_CLASSES).

        """
        image, seen = self.see(grey)
        grid = seen.view(-1, IMAGE_TOKENS, MERGE, MERGE, self.shape.vision_width)
        upright = grid.permute(0, 1, 3, 2, 4).reshape(len(seen), COLUMNS, -1)
        letters = self.spell(upright).view(len(seen), COLUMNS * self.shape.pieces, -1)
        x = torch.cat((self._prefix(image), self.tokens(answers).to(image.dtype)), 1)
        n = x.shape[1]
        for block in self.text:
            x = block(x, self._cos[:, :, :n], self._sin[:, :, :n])
        return self._logits(x[:, IMAGE_TOKENS + 1 :], image.dtype), letters

    def _logits(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        return F.linear(self.norm(x).to(dtype), self.tokens.weight.to(dtype))

    @torch.no_grad()
    def read(self, grey: Tensor, longest: int = 160) -> Tensor:
        """Return the most likely answers, token by token: (batch, at most `longest`)."""
        image, _ = self.see(grey)
        x = self._prefix(image)
        past: list[list[Tensor]] = [[] for _ in self.text]
        out: list[Tensor] = []
        done = torch.zeros(len(grey), dtype=torch.bool, device=grey.device)
        at = 0
        while len(out) < longest and not done.all():
            n = x.shape[1]
            for block, kept in zip(self.text, past, strict=True):
                x = block(x, self._cos[:, :, at : at + n], self._sin[:, :, at : at + n], kept)
            at += n
            out.append(self._logits(x[:, -1:], image.dtype).argmax(-1))
            done |= out[-1][:, 0] == END_OF_ANSWER
            x = self.tokens(out[-1])
        return torch.cat(out, 1)
