"""Build a random-weight Qwen3-VL GGUF pair (language model and mmproj) of any size, seeded, without torch.

The files have the architecture, tensor names and tokenizer kind of the real model, so that the worker's whole path
runs on them; what they answer is noise. In: a `Shape` and a seed. Out: two paths.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
)
MERGES = ("Ġ t", "e r", "i n", "t o", "to t", "tot al", "a l", "0 0", "00 0", '" ,', '," "', '", "')
PATCH, MERGE, TEMPORAL = 16, 2, 2  # fixed in the architecture
EPSILON = 1e-6
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Shape:
    """The sizes that decide how much work a token and an image are."""

    width: int = 64  # of the language model
    layers: int = 2
    heads: int = 2
    heads_kv: int = 1
    head_dim: int = 64
    feed_forward: int = 128
    vocabulary: int = 0  # padded to this many tokens; 0 for as many as needed
    context: int = 32_768
    vision_width: int = 64
    vision_layers: int = 2
    vision_heads: int = 1
    vision_feed_forward: int = 128
    positions: int = 256  # learned position embeddings of the vision tower, a perfect square
    deepstack: tuple[int, ...] = (0,)  # vision layers whose output is added to the first language layers
    half: bool = False  # F16 weights instead of F32
    plain: bool = (
        False  # only ASCII letters and signs are ever likely: free text does not end, and is whole letters
    )
    alike: bool = False  # all layers with the weights of the first: large shapes are written in seconds


def _byte_letters() -> list[str]:
    """The 256 letters by which byte-level BPE writes bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(spare)) for byte in range(256)]


def _vocabulary(shape: Shape) -> tuple[list[str], list[int], list[str]]:
    tokens = _byte_letters()
    merges = []
    for merge in MERGES:
        left, right = merge.split(" ")
        if left in tokens and right in tokens and left + right not in tokens:
            tokens.append(left + right)
            merges.append(merge)
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    tokens += SPECIALS
    kinds += [gguf.TokenType.CONTROL] * len(SPECIALS)
    size = max(shape.vocabulary, len(tokens))
    size += -size % 32
    kinds += [gguf.TokenType.UNUSED] * (size - len(tokens))
    tokens += [f"[PAD{i}]" for i in range(size - len(tokens))]
    return tokens, [int(kind) for kind in kinds], merges


class _Weights:
    """Random tensors, scaled so that activations neither die out nor explode."""

    def __init__(self, seed: int, half: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.type = np.float16 if half else np.float32

    def matrix(self, *shape: int, gain: float = 1.0) -> NDArray[np.floating]:
        values = self.random.standard_normal(shape, dtype=np.float32)
        return (values * (gain / np.sqrt(np.prod(shape[1:])))).astype(self.type)

    def vector(self, size: int, mean: float = 0.0) -> NDArray[np.float32]:
        return mean + 0.1 * self.random.standard_normal(size, dtype=np.float32)


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _language_layer(shape: Shape, weights: _Weights) -> dict[str, NDArray[np.floating]]:
    queries, keys = shape.heads * shape.head_dim, shape.heads_kv * shape.head_dim
    out: dict[str, NDArray[np.floating]] = {}
    for name, size in (("attn_norm", shape.width), ("ffn_norm", shape.width), ("attn_q_norm", shape.head_dim),
                       ("attn_k_norm", shape.head_dim)):  # fmt: skip
        out[name] = weights.vector(size, 1.0)
    for name, rows, columns in (
        ("attn_q", queries, shape.width), ("attn_k", keys, shape.width), ("attn_v", keys, shape.width),
        ("attn_output", shape.width, queries), ("ffn_gate", shape.feed_forward, shape.width),
        ("ffn_up", shape.feed_forward, shape.width), ("ffn_down", shape.width, shape.feed_forward),
    ):  # fmt: skip
        out[name] = weights.matrix(rows, columns, gain=2.0)
    return out


def write_model(path: Path, shape: Shape, seed: int) -> None:
    """Write the language model."""
    weights = _Weights(seed, shape.half)
    tokens, kinds, merges = _vocabulary(shape)
    writer = gguf.GGUFWriter(path, "qwen3vl")
    writer.add_name("tiny")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads_kv)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(10_000.0)
    pairs = shape.head_dim // 2  # dealt out in turn to time, height and width
    writer.add_rope_dimension_sections([(pairs + 2) // 3, (pairs + 1) // 3, pairs // 3, 0])
    writer.add_num_deepstack_layers(len(shape.deepstack))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_tensor(
        "token_embd.weight", weights.matrix(len(tokens), shape.width, gain=np.sqrt(shape.width))
    )
    writer.add_tensor("output_norm.weight", weights.vector(shape.width, 1.0))
    output = weights.matrix(len(tokens), shape.width, gain=4.0)
    if shape.plain:
        kept = [
            kind == gguf.TokenType.NORMAL and name.isascii() for name, kind in zip(tokens, kinds, strict=True)
        ]
        output[~np.array(kept)] = 0
    writer.add_tensor("output.weight", output)
    layers: list[dict[str, NDArray[np.floating]]] = []
    for i in range(shape.layers):
        if not layers or not shape.alike:
            layers.append(_language_layer(shape, weights))
        for name, tensor in layers[-1].items():
            writer.add_tensor(f"blk.{i}.{name}.weight", tensor)
    _finish(writer)


def write_mmproj(path: Path, shape: Shape, seed: int) -> None:
    """Write the vision tower and its projector."""
    weights = _Weights(seed + 1, shape.half)
    width, merged = shape.vision_width, shape.vision_width * MERGE**2
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("qwen3vl_merger")
    writer.add_bool("clip.use_gelu", True)
    writer.add_vision_projection_dim(shape.width)
    writer.add_vision_image_size(int(np.sqrt(shape.positions)) * PATCH)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(width)
    writer.add_vision_feed_forward_length(shape.vision_feed_forward)
    writer.add_vision_block_count(shape.vision_layers)
    writer.add_vision_head_count(shape.vision_heads)
    writer.add_vision_attention_layernorm_eps(EPSILON)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)
    writer.add_vision_spatial_merge_size(MERGE)
    writer.add_array(
        "clip.vision.is_deepstack_layers", [i in shape.deepstack for i in range(shape.vision_layers)]
    )

    def linear(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(f"{name}.weight", weights.matrix(rows, columns, gain=1.5))
        writer.add_tensor(f"{name}.bias", weights.vector(rows))

    def norm(name: str, size: int) -> None:
        writer.add_tensor(f"{name}.weight", weights.vector(size, 1.0))
        writer.add_tensor(f"{name}.bias", weights.vector(size))

    for suffix in ("", ".1"):
        patches = weights.random.standard_normal((width, 3, PATCH, PATCH), dtype=np.float32) / PATCH
        writer.add_tensor(f"v.patch_embd.weight{suffix}", patches)
    writer.add_tensor("v.patch_embd.bias", weights.vector(width))
    writer.add_tensor(
        "v.position_embd.weight", weights.matrix(shape.positions, width, gain=4.0).astype(np.float32)
    )
    for i in range(shape.vision_layers):
        block = f"v.blk.{i}."
        linear(block + "attn_qkv", 3 * width, width)
        linear(block + "attn_out", width, width)
        linear(block + "ffn_up", shape.vision_feed_forward, width)
        linear(block + "ffn_down", width, shape.vision_feed_forward)
        norm(block + "ln1", width)
        norm(block + "ln2", width)
    for i in shape.deepstack:
        norm(f"v.deepstack.{i}.norm", merged)
        linear(f"v.deepstack.{i}.fc1", merged, merged)
        linear(f"v.deepstack.{i}.fc2", shape.width, merged)
    norm("v.post_ln", width)
    linear("mm.0", merged, merged)
    linear("mm.2", shape.width, merged)
    _finish(writer)


def build_pair(folder: Path, shape: Shape | None = None, seed: int = 3) -> tuple[Path, Path]:
    """Write `tiny-….gguf` and `mmproj-….gguf` into `folder` (once) and return their paths."""
    shape = shape or Shape()
    key = hashlib.sha256(repr((astuple(shape), seed)).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    model, mmproj = folder / f"tiny-{key}.gguf", folder / f"mmproj-{key}.gguf"
    for path, write in ((model, write_model), (mmproj, write_mmproj)):
        if not path.exists():
            partial = path.with_suffix(".partial")
            write(partial, shape, seed)
            partial.rename(path)
    return model, mmproj
