"""How is the small reader written as a Qwen3-VL checkpoint of transformers? Its weights under their names there, its tokeniser, its prompt.

In: a `Reader`. Out: a folder with `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json` and
`preprocessor_config.json`, which transformers loads and llama.cpp's converter reads. Names and keys are those of
`modeling_qwen3_vl.py` and `configuration_qwen3_vl.py`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from extractors.training.letters import (
    END_OF_ANSWER,
    IMAGE,
    IMAGE_END,
    IMAGE_START,
    JOINS,
    MARKS,
    MERGES,
    N_TOKENS,
    PADDING,
    byte_letters,
)
from extractors.training.model import EPSILON, MERGE, PATCH, SECTIONS, THETA, Reader, ReaderShape

CHANNELS, FRAMES = 3, 2  # of the architecture's patches; a grey strip has the same in all six
CONTEXT = 4096  # positions that the file announces; a strip and its answer take a tenth of it
UNUSED_TOKEN = N_TOKENS - 1  # for what the architecture has and the reader has not: video

# A turn of the user is nothing but its strip; the answer begins right behind it.
CHAT_TEMPLATE = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
# Qwen2's pre-tokeniser, by which llama.cpp splits text for the name "qwen2".
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

_VISION = {"norm1": "norm1", "qkv": "attn.qkv", "proj": "attn.proj", "norm2": "norm2", "up": "mlp.linear_fc1",
           "down": "mlp.linear_fc2"}  # fmt: skip
_TEXT = {
    "norm1": "input_layernorm", "query": "self_attn.q_proj", "key": "self_attn.k_proj", "value": "self_attn.v_proj",
    "proj": "self_attn.o_proj", "query_norm": "self_attn.q_norm", "key_norm": "self_attn.k_norm",
    "norm2": "post_attention_layernorm", "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}  # fmt: skip
_ALONE = {
    "patch": "visual.patch_embed.proj", "vision_norm": "visual.merger.norm", "merge1": "visual.merger.linear_fc1",
    "merge2": "visual.merger.linear_fc2", "tokens": "language_model.embed_tokens", "norm": "language_model.norm",
}  # fmt: skip


def their_name(name: str) -> str | None:
    """Return what transformers calls a tensor of the reader; None for the head that only training has."""
    if name == "positions":
        return "model.visual.pos_embed.weight"
    stem, kind = name.rsplit(".", 1)
    if stem == "spell":
        return None
    if found := re.fullmatch(r"vision\.(\d+)\.(\w+)", stem):
        return f"model.visual.blocks.{found[1]}.{_VISION[found[2]]}.{kind}"
    if found := re.fullmatch(r"text\.(\d+)\.(\w+)", stem):
        return f"model.language_model.layers.{found[1]}.{_TEXT[found[2]]}.{kind}"
    return f"model.{_ALONE[stem]}.{kind}"


def their_weights(reader: Reader) -> dict[str, Tensor]:
    """Return the reader's tensors (float32) under transformers' names, the patch kernel spread over colours and frames."""
    out: dict[str, Tensor] = {}
    for name, tensor in reader.state_dict().items():
        theirs = their_name(name)
        if theirs is None:
            continue
        weight = tensor.detach().cpu().float().clone()
        if name == "patch.weight":
            one = weight.view(len(weight), 1, 1, PATCH, PATCH) / (CHANNELS * FRAMES)
            weight = one.expand(-1, CHANNELS, FRAMES, -1, -1).contiguous()
        out[theirs] = weight
    return out


def configuration(shape: ReaderShape) -> dict[str, Any]:
    """Return `config.json`."""
    rope = {
        "rope_type": "default",
        "rope_theta": THETA,
        "mrope_section": list(SECTIONS),
        "mrope_interleaved": True,
    }
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "dtype": "float32",
        "image_token_id": IMAGE,
        "video_token_id": UNUSED_TOKEN,
        "vision_start_token_id": IMAGE_START,
        "vision_end_token_id": IMAGE_END,
        "tie_word_embeddings": True,
        "text_config": {
            "model_type": "qwen3_vl_text",
            "vocab_size": N_TOKENS,
            "hidden_size": shape.width,
            "intermediate_size": shape.feed_forward,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.heads_kv,
            "head_dim": shape.head_width,
            "hidden_act": "silu",
            "attention_bias": False,
            "rms_norm_eps": EPSILON,
            "max_position_embeddings": CONTEXT,
            "rope_parameters": rope,
            "tie_word_embeddings": True,
            "eos_token_id": END_OF_ANSWER,
            "pad_token_id": PADDING,
        },
        "vision_config": {
            "model_type": "qwen3_vl",
            "depth": shape.vision_layers,
            "hidden_size": shape.vision_width,
            "num_heads": shape.vision_heads,
            "intermediate_size": shape.vision_feed_forward,
            "hidden_act": "gelu_pytorch_tanh",
            "in_channels": CHANNELS,
            "patch_size": PATCH,
            "temporal_patch_size": FRAMES,
            "spatial_merge_size": MERGE,
            "num_position_embeddings": shape.positions_a_side**2,
            "out_hidden_size": shape.width,
            "deepstack_visual_indexes": [],
        },
    }


def tokenizer() -> dict[str, Any]:
    """Return `tokenizer.json`: bytes, the marks of the family, and the joins between cells as merges."""
    letters = byte_letters()
    spelt = ["".join(letters[byte] for byte in text.encode()) for text in JOINS.values()]
    marks = [
        {
            "id": PADDING + number, "content": mark, "special": True, "normalized": False,
            "lstrip": False, "rstrip": False, "single_word": False,
        }
        for number, mark in enumerate(MARKS)
    ]  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": marks,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
            ],
        },
        "post_processor": None,
        "decoder": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": False,
            "use_regex": False,
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            # The marks stand here too: without it they would be given the numbers behind the last entry.
            "vocab": {token: number for number, token in enumerate([*letters, *MARKS, *spelt])},
            "merges": [list(pair) for pair in MERGES],
        },
    }


def write_checkpoint(reader: Reader, folder: Path) -> None:
    """Write a reader as a checkpoint of transformers into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {
        "config.json": configuration(reader.shape),
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": MARKS[END_OF_ANSWER - PADDING],
            "pad_token": MARKS[0],
            "add_bos_token": False,
            "chat_template": CHAT_TEMPLATE,
            "model_max_length": CONTEXT,
        },
        "preprocessor_config.json": {
            "image_processor_type": "Qwen2VLImageProcessorFast",
            "image_mean": [0.5] * CHANNELS,
            "image_std": [0.5] * CHANNELS,
            "patch_size": PATCH,
            "merge_size": MERGE,
            "temporal_patch_size": FRAMES,
        },
    }
    for name, told in files.items():
        (folder / name).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    save_file(their_weights(reader), folder / "model.safetensors", metadata={"format": "pt"})
