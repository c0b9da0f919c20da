"""Make the fixture that holds the worker's logits to those of Hugging Face transformers: same weights, same image, same tokens.

    python -m venv .venv-parity
    .venv-parity/bin/pip install torch==2.13.0 transformers==5.23.0 gguf pillow numpy
    PYTHONPATH=. .venv-parity/bin/python benchmarks/parity_fixture.py tests/fixtures/parity.npz

The GGUF pair of `tests.tiny_model` is the one source of weights: it is made from a seed, and its tensors are laid into a
Qwen3-VL model of transformers under their names there. The fixture holds the tokens, the image and the logits (float32),
so that the test needs neither torch nor a download.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from tests.tiny_model import EPSILON, MERGE, PATCH, SPECIALS, TEMPORAL, Shape, build_pair

SHAPE = Shape(vision_layers=3, deepstack=(0, 1), layers=3, vision_heads=1)
SEED = 11
IMAGE_SIDES = 96, 160  # pixels, height and width; multiples of 32

_TEXT = {
    "token_embd": "language_model.embed_tokens",
    "output_norm": "language_model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_VISION = {
    "ln1": "norm1", "ln2": "norm2", "attn_qkv": "attn.qkv", "attn_out": "attn.proj",
    "ffn_up": "mlp.linear_fc1", "ffn_down": "mlp.linear_fc2",
    "norm": "norm", "fc1": "linear_fc1", "fc2": "linear_fc2",
}  # fmt: skip
_ALONE = {"v.post_ln": "merger.norm", "mm.0": "merger.linear_fc1", "mm.2": "merger.linear_fc2",
          "v.patch_embd": "patch_embed.proj", "v.position_embd": "pos_embed"}  # fmt: skip


def theirs(name: str, shape: Shape) -> str:
    """Return what transformers calls a tensor of the GGUF pair."""
    stem, kind = name.rsplit(".", 1)
    if name == "output.weight":
        return "lm_head.weight"
    if found := re.fullmatch(r"blk\.(\d+)\.(\w+)", stem):
        return f"model.language_model.layers.{found[1]}.{_TEXT[found[2]]}.{kind}"
    if found := re.fullmatch(r"v\.blk\.(\d+)\.(\w+)", stem):
        return f"model.visual.blocks.{found[1]}.{_VISION[found[2]]}.{kind}"
    if found := re.fullmatch(r"v\.deepstack\.(\d+)\.(\w+)", stem):
        index = shape.deepstack.index(int(found[1]))
        return f"model.visual.deepstack_merger_list.{index}.{_VISION[found[2]]}.{kind}"
    if stem in _ALONE:
        return f"model.visual.{_ALONE[stem]}.{kind}"
    return f"model.{_TEXT[stem]}.{kind}"


def weights(pair: tuple[Path, Path], shape: Shape) -> dict[str, torch.Tensor]:
    """Return the tensors of a GGUF pair under transformers' names."""
    found: dict[str, NDArray[np.float32]] = {}
    frames = []
    for path in pair:
        for tensor in gguf.GGUFReader(path).tensors:
            data = np.array(tensor.data, np.float32).reshape([int(n) for n in reversed(tensor.shape)])
            if tensor.name.startswith("v.patch_embd.weight"):
                frames.append(data)  # one kernel for each of the two frames
            else:
                found[theirs(tensor.name, shape)] = data
    found["model.visual.patch_embed.proj.weight"] = np.stack(frames, axis=2)
    return {name: torch.from_numpy(data.copy()) for name, data in found.items()}


def config(shape: Shape, vocabulary: int, image_token: int, start: int, end: int) -> Qwen3VLConfig:
    """Return the configuration that describes `shape`."""
    pairs = shape.head_dim // 2
    sections = [(pairs + 2) // 3, (pairs + 1) // 3, pairs // 3]
    return Qwen3VLConfig(
        image_token_id=image_token, vision_start_token_id=start, vision_end_token_id=end, video_token_id=vocabulary - 1,
        tie_word_embeddings=False,
        text_config=dict(
            hidden_size=shape.width, intermediate_size=shape.feed_forward, num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads, num_key_value_heads=shape.heads_kv, head_dim=shape.head_dim,
            vocab_size=vocabulary, max_position_embeddings=shape.context, rms_norm_eps=EPSILON, tie_word_embeddings=False,
            rope_parameters=dict(rope_type="default", rope_theta=10_000.0, mrope_section=sections, mrope_interleaved=True),
        ),
        vision_config=dict(
            hidden_size=shape.vision_width, intermediate_size=shape.vision_feed_forward, depth=shape.vision_layers,
            num_heads=shape.vision_heads, out_hidden_size=shape.width, num_position_embeddings=shape.positions,
            deepstack_visual_indexes=list(shape.deepstack),
        ),
    )  # fmt: skip


def patches(image: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the image's patches in the order in which 2 × 2 of them merge, and its (frames, rows, columns) of patches."""
    high, wide = image.shape[0] // PATCH, image.shape[1] // PATCH
    frame = (image.astype(np.float32) / 255 - 0.5) / 0.5
    both = np.stack([frame.transpose(2, 0, 1)] * TEMPORAL)
    cut = both.reshape(1, TEMPORAL, 3, high // MERGE, MERGE, PATCH, wide // MERGE, MERGE, PATCH)
    rows = cut.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(high * wide, -1)
    return torch.from_numpy(np.ascontiguousarray(rows)), torch.tensor([[1, high, wide]])


def main(target: Path) -> None:
    """Write the fixture."""
    random = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        pair = build_pair(Path(folder), SHAPE, SEED)
        state = weights(pair, SHAPE)
        names = gguf.GGUFReader(pair[0]).fields["tokenizer.ggml.tokens"].contents()
        token = {name: names.index(name) for name in SPECIALS}
    pad, start, end = (token[f"<|{name}|>"] for name in ("image_pad", "vision_start", "vision_end"))
    model = Qwen3VLForConditionalGeneration(config(SHAPE, len(names), pad, start, end)).eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("inv_freq" in name for name in missing), (missing, unexpected)
    image = random.integers(0, 256, (*IMAGE_SIDES, 3)).astype(np.uint8)
    before, after = random.integers(0, 250, 9), random.integers(0, 250, 12)
    n_image = IMAGE_SIDES[0] * IMAGE_SIDES[1] // (PATCH * MERGE) ** 2
    ids = torch.tensor([[*before, start, *[pad] * n_image, end, *after]])
    pixels, grid = patches(image)
    with torch.no_grad():
        logits = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grid,
            mm_token_type_ids=(ids == pad).long(),
        ).logits[0, -len(after) - 1 :]  # fmt: skip
    np.savez_compressed(
        target, image=image, before=np.array([*before, start], np.int32), after=np.array([end, *after], np.int32),
        logits=logits.numpy().astype(np.float32),
    )  # fmt: skip
    print(f"{target}: {target.stat().st_size} bytes, logits within {logits.min():.2f} to {logits.max():.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
