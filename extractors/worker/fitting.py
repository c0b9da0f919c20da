"""How is a model to run in the memory that is free? A model's sizes and some bytes → layers on the GPU, slots, context, KV type.

Pure: the memory is handed in. What it adds up are the weights and the vision tower (their files' sizes), the KV cache (layers × KV heads ×
head width × 2 per cell), and llama.cpp's working memory, which is estimated with room to spare. More slots read more tiles at once; each
needs the cells of one tile and its answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extractors.errors import UsageError
from extractors.worker.settings import KVType, WorkerSettings

GB = 1_000_000_000
CELLS_PER_ANSWER = 2_560  # of a tile of 1,024 image tokens, its question and its answer
CELLS_SHARED = 4_096  # instruction prefixes, and the largest image beside the usual ones
MOST_SLOTS, FEWEST_SLOTS = (
    32,
    4,
)  # beyond the first a step hardly gets cheaper; below the second nothing is batched
GOOD_SLOTS = 6  # that keep a GPU busy; the KV cache gives up half its bits to get there
FULL_SLOTS = 16  # that weights of 16 bits must leave room for: 8 bits read nearly as well, and faster
MOST_SLOTS_CPU = 8
MARGIN = 0.05  # of the free memory that is left alone: other programs, fragments
LEAST_MARGIN = 400_000_000
DRIVER = 500_000_000  # bytes that a GPU's driver and kernels take
VISION_BYTES = 350_000  # working memory of the vision tower per image token
LOGITS_BYTES = 4
UBATCH = 1_024
KV_BYTES: dict[KVType, float] = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32}
IMAGE_TOKENS = (4_096, 2_048)  # largest image, and the one to go down to
OUTSIDE_LAYERS = 0.12  # of the weights: embeddings and output, which stay where the first layers are


@dataclass(frozen=True)
class ModelSize:
    """What of a model takes memory. Bytes, unless said otherwise."""

    name: str
    weights: int
    mmproj: int
    layers: int
    kv_heads: int
    head_width: int  # of one key or value
    width: int  # of a token's row
    feed_forward: int
    vocabulary: int

    def cell_bytes(self, kv_type: KVType) -> float:
        """Bytes of the KV cache that one token takes, over all layers."""
        return self.layers * self.kv_heads * self.head_width * 2 * KV_BYTES[kv_type]


@dataclass(frozen=True)
class Fit:
    """How to run, what that takes, and why. `parts` are bytes on the GPU, or of the machine where there is none."""

    n_gpu_layers: int  # -1 for all
    slots: int
    context: int
    kv_type: KVType
    image_max_tokens: int
    parts: dict[str, int]
    free: int
    why: tuple[str, ...]

    @property
    def needed(self) -> int:
        """Bytes that it takes in all."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """False when even the smallest way to run does not fit."""
        return self.needed <= _budget(self.free)


def fit(model: ModelSize, free: int, gpu: bool = True) -> Fit:
    """Return how `model` runs best in `free` bytes of a GPU, or of the machine."""
    if not gpu:
        return _on_cpu(model, free)
    kinds: tuple[KVType, ...] = ("f16", "q8_0")
    whole = [_try(model, free, kv, images) for images in IMAGE_TOKENS for kv in kinds]
    largest = whole[:2]
    if largest[0].fits and largest[0].slots >= GOOD_SLOTS:
        return largest[0]
    fitting = [way for way in largest if way.fits] or [way for way in whole if way.fits]
    if fitting:
        return max(fitting, key=lambda way: way.slots)
    return _in_part(model, free)


def _budget(free: int) -> int:
    return int(free - max(LEAST_MARGIN, MARGIN * free))


def _working(model: ModelSize, images: int, context: int, gpu: bool) -> dict[str, int]:
    """Return the working memory: of the vision tower for its largest image, and of one pass through the model."""
    rows = UBATCH * (3 * model.feed_forward + 8 * model.width) * 4 + UBATCH * context * 2
    logits = (2 * MOST_SLOTS + 1) * model.vocabulary * LOGITS_BYTES
    return {
        "vision tower": model.mmproj,
        "vision buffers": VISION_BYTES * images,
        "model buffers": rows + logits,
        **({"driver": DRIVER} if gpu else {}),
    }


def _try(
    model: ModelSize,
    free: int,
    kv: KVType,
    images: int,
    share: float = 1.0,
    most: int = MOST_SLOTS,
    gpu: bool = True,
) -> Fit:
    """Return the way with the most slots that fits, or that with the fewest; `share` of the layers is on the GPU."""
    weights = model.weights if share == 1.0 else int(model.weights * (1 - OUTSIDE_LAYERS) * share)
    for slots in range(most, FEWEST_SLOTS - 1, -1):
        context = _cells(slots)
        parts = {
            "weights": weights,
            "KV cache": math.ceil(model.cell_bytes(kv) * context * share),
            **_working(model, images, context, gpu),
        }
        layers = -1 if share == 1.0 else round(share * model.layers)
        why = (
            f"{slots} tiles at once, {CELLS_PER_ANSWER:,} cells each and {CELLS_SHARED:,} shared: {context:,} cells of "
            f"{model.cell_bytes(kv) / 1024:.1f} KiB ({kv})",
        )
        way = Fit(layers, slots, context, kv, images, parts, free, why)
        if way.fits:
            break
    if kv == "q8_0" and way.fits:
        more = f"the KV cache in 8 bits, because in 16 bits fewer than {GOOD_SLOTS} tiles would fit"
        way = Fit(layers, slots, context, kv, images, parts, free, (*why, more))
    if images < IMAGE_TOKENS[0] and way.fits:
        less = f"images of at most {images:,} tokens, because the vision tower needs memory for each"
        way = Fit(layers, slots, context, kv, images, parts, free, (*way.why, less))
    return way


def _cells(slots: int) -> int:
    return CELLS_SHARED + CELLS_PER_ANSWER * slots


def _in_part(model: ModelSize, free: int) -> Fit:
    """Return the way with the most layers on the GPU, when not all of them fit."""
    for layers in range(model.layers - 1, 0, -1):
        way = _try(model, free, "q8_0", IMAGE_TOKENS[-1], layers / model.layers, FEWEST_SLOTS)
        if way.fits:
            why = f"{layers} of {model.layers} layers on the GPU, the rest on the CPU, which is slow: a smaller model or quantisation is faster"
            return Fit(
                layers,
                way.slots,
                way.context,
                way.kv_type,
                way.image_max_tokens,
                way.parts,
                free,
                (*way.why, why),
            )
    none = _try(model, free, "q8_0", IMAGE_TOKENS[-1], 0.0, FEWEST_SLOTS)
    why = "not even the vision tower fits on the GPU: take a smaller model, or free its memory"
    return Fit(0, none.slots, none.context, none.kv_type, none.image_max_tokens, none.parts, free, (why,))


def _on_cpu(model: ModelSize, free: int) -> Fit:
    way = _try(model, free, "f16", IMAGE_TOKENS[0], most=MOST_SLOTS_CPU, gpu=False)
    why = [*way.why, "no GPU that llama.cpp can use: a CPU reads, but slowly"]
    if not way.fits:
        why.append(
            f"{model.name} needs {way.needed / GB:.1f} GB of memory and {free / GB:.1f} GB are free: take a smaller model"
        )
    return Fit(0, way.slots, way.context, "f16", way.image_max_tokens, way.parts, free, tuple(why))


def best_model(models: Sequence[ModelSize], free: int) -> tuple[ModelSize, Fit]:
    """Return which of `models` (best reader first) to run on a GPU with `free` bytes, and how.

    The first that fits whole with enough slots; else the first that fits whole; else the last.
    """
    ways = [(model, fit(model, free)) for model in models]
    whole = [(model, way) for model, way in ways if way.fits and way.n_gpu_layers == -1]
    for model, way in whole:
        if way.slots >= (FULL_SLOTS if model.name.endswith("f16") else GOOD_SLOTS):
            return model, way
    return whole[0] if whole else ways[-1]


def applied(settings: WorkerSettings, way: Fit) -> WorkerSettings:
    """Return the settings with what was derived wherever the user said nothing."""
    derived = {
        "n_gpu_layers": way.n_gpu_layers, "slots": way.slots, "kept": way.slots, "context": way.context,
        "kv_type": way.kv_type, "image_max_tokens": way.image_max_tokens,
    }  # fmt: skip
    given = settings.model_fields_set
    update = {name: value for name, value in derived.items() if name not in given}
    if "slots" in given and "context" not in given:  # the context follows the slots that the user wants
        update["context"] = max(512, _cells(settings.slots))
    return settings.model_copy(update=update)


def size_of_files(model: Path, mmproj: Path) -> ModelSize:
    """Return a model's sizes from its files: their length, and what the GGUF header says. Raises UsageError."""
    from extractors.worker.ggufhead import read_head

    head = read_head(model)
    kind = str(head.get("general.architecture", ""))

    def number(key: str, instead: int) -> int:
        value = head.get(f"{kind}.{key}", instead)
        return int(value) if isinstance(value, int) else instead

    if not kind or f"{kind}.block_count" not in head:
        raise UsageError(
            f"{model} does not say how many layers it has; check it with `parquetry models verify`."
        )
    width, heads = number("embedding_length", 4096), number("attention.head_count", 32)
    return ModelSize(
        name=model.stem,
        weights=model.stat().st_size,
        mmproj=mmproj.stat().st_size,
        layers=number("block_count", 36),
        kv_heads=number("attention.head_count_kv", heads),
        head_width=number("attention.key_length", width // max(1, heads)),
        width=width,
        feed_forward=number("feed_forward_length", 3 * width),
        vocabulary=int(head.get("tokenizer.ggml.tokens", 151_936)),  # the reader keeps lists as their lengths
    )
