"""Does llama.cpp compute with a converted file what torch computed? The same images and answers through both, logits beside logits.

In: a `Reader`, its GGUF pair, and strips; or a checkpoint of Qwen3-VL with an adapter, the files of both, and tiles. Out: a `Parity`: how far logits lie apart, and how often both would write the same token.
The engine is the worker's own, on a processor, with exact attention and an exact KV cache; what is left is the half precision of the
file's weights and of llama.cpp's table of the GELU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from extractors.errors import EngineError
from extractors.training.letters import (
    END_OF_ANSWER,
    IMAGE_END,
    IMAGE_START,
    JOINS,
    MARKS,
    N_TOKENS,
    PADDING,
    encode,
)
from extractors.training.model import Reader, patches
from extractors.training.qwen import CHAT_TEMPLATE
from extractors.training.qwentiles import Shown, load_model, run_model
from extractors.training.strips import Strip
from extractors.worker.engine import LanguageModel
from extractors.worker.images import Image, prepare_image
from extractors.worker.settings import WorkerSettings

Logits = NDArray[np.float32]  # tokens × vocabulary

CONTEXT, IMAGE_TOKENS = 8192, 1024  # cells; tokens of the largest image
AT_ONCE = 16  # tokens of one decode call that give logits
ADAPTED = "adapted"  # what an adapter is called while it is compared
TOO_LONG = f"The image and its answer take more than {CONTEXT} cells; compare a shorter one."
# Logits are compared as log-probabilities: what is added to all of a token's logits changes nothing.
LIKELY = -10.0  # log-probability below which a token is not looked at: e⁻¹⁰ is never written
SAME = 0.99  # share of the tokens that both must agree on where one of them is sure
SURE = 0.1  # lead of a token's log-probability over the next one's below which rounding may decide


@dataclass(frozen=True)
class Parity:
    """How two engines' answers to the same question compare."""

    tokens: int  # compared
    same: float  # share of the tokens, where one leads clearly, that both put first
    apart: float  # root mean square of the differences in log-probability of likely tokens
    farthest: float  # the largest of them

    def within(self, apart: float, same: float = SAME) -> bool:
        """True when both agree but for a rounding of `apart`."""
        return self.same >= same and self.apart <= apart

    def __str__(self) -> str:
        return f"{self.same:.2%} of {self.tokens} tokens the same, log-probabilities {self.apart:.4f} apart, {self.farthest:.4f} at one place"


def compare(pairs: Iterable[tuple[Logits, Logits]]) -> Parity:
    """Compare logits of two engines, each pair for the same tokens."""
    agreed = sure = tokens = count = 0
    squares = farthest = 0.0
    for one, other in pairs:
        a, b = _log_odds(one), _log_odds(other)
        likely = np.maximum(a, b) > LIKELY
        apart = (a - b)[likely].astype(np.float64)
        squares, count = squares + float(apart @ apart), count + apart.size
        farthest = max(farthest, float(np.abs(apart).max(initial=0.0)))
        best = np.sort(a, axis=1)
        clear = best[:, -1] - best[:, -2] > SURE
        agreed += int((a.argmax(1) == b.argmax(1))[clear].sum())
        sure += int(clear.sum())
        tokens += len(a)
    if not np.isfinite(squares) or not count:
        return Parity(tokens, 0.0, float("inf"), float("inf"))
    return Parity(tokens, agreed / sure if sure else 1.0, float(np.sqrt(squares / count)), farthest)


def _log_odds(logits: Logits) -> Logits:
    shifted = logits - logits.max(axis=1, keepdims=True)
    out: Logits = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return out


def torch_logits(reader: Reader, strip: Strip) -> Logits:
    """Return the network's logits for each token of a strip's answer."""
    device = next(reader.parameters()).device
    grey = torch.from_numpy(patches(strip.image)[None]).to(device)
    with torch.no_grad():
        logits, _ = reader(grey, torch.tensor([encode(strip.cells)[:-1]], device=device))
    out: Logits = logits[0].float().cpu().numpy()
    return out


def engine_logits(model: LanguageModel, image: Image, before: Sequence[int], after: Sequence[int]) -> Logits:
    """Return llama.cpp's logits behind each token of `after`, with `before` and an image in front of them."""
    model.forget(0)

    def decode(tokens: Sequence[int], start: int) -> Logits:
        parts = []
        for at in range(0, len(tokens), AT_ONCE):
            part = list(tokens[at : at + AT_ONCE])
            positions = start + at + np.arange(len(part), dtype=np.int32)
            logits = model.decode_tokens(
                part, np.zeros(len(part), np.int32), positions, np.ones(len(part), np.bool_)
            )
            if logits is None:
                raise EngineError(TOO_LONG)
            parts.append(logits.copy())
        return np.concatenate(parts)

    decode(before, 0)
    rows = model.encode(image)
    if not model.decode_image(rows, np.zeros(image.n_tokens, np.int32), image.positions(len(before))):
        raise EngineError(TOO_LONG)
    return decode(after, len(before) + image.n_positions)


def exact_engine(model: Path, mmproj: Path, adapters: dict[str, Path] | None = None) -> LanguageModel:
    """Load a pair into the worker's engine as exactly as it goes. Raises UsageError when it does not load."""
    settings = WorkerSettings(
        model=model, mmproj=mmproj, adapters=adapters or {}, context=CONTEXT, slots=AT_ONCE, kept=0, n_gpu_layers=0,
        kv_type="f32", flash_attention="off", fit=False,
    )  # fmt: skip
    return LanguageModel(settings)


def vocabulary_faults(engine: LanguageModel) -> list[str]:
    """Return what is wrong with the tokeniser of a converted reader: tokens that spell something else, a prompt that is not ours."""
    faults = []
    if engine.n_vocab != N_TOKENS:
        faults.append(f"{engine.n_vocab} tokens instead of {N_TOKENS}")
    spelt = {byte: bytes([byte]) for byte in range(256)} | {
        token: text.encode() for token, text in JOINS.items()
    }
    faults += [
        f"token {t} spells {engine.piece(t)!r}, not {s!r}" for t, s in spelt.items() if engine.piece(t) != s
    ]
    for token, mark in enumerate(MARKS, PADDING):
        found = engine.tokenize(mark, special=True)
        if found != [token]:
            faults.append(f"{mark} is {found}, not {token}")
    if not engine.ends(END_OF_ANSWER):
        faults.append(f"{MARKS[END_OF_ANSWER - PADDING]} does not end an answer")
    if engine.chat_template() != CHAT_TEMPLATE:
        faults.append("the chat template is another one")
    return faults


def reader_parity(reader: Reader, model: Path, mmproj: Path, strips: Sequence[Strip]) -> Parity:
    """Compare a reader with its GGUF pair on strips and their answers.

    Raises UsageError when the pair does not load, EngineError when its tokens are not the reader's.
    """
    engine = exact_engine(model, mmproj)
    try:
        if faults := vocabulary_faults(engine):
            raise EngineError(
                f"The tokeniser of {model} is not the reader's: {'; '.join(faults[:5])}. Convert it again."
            )
        return compare(
            (
                torch_logits(reader, strip),
                engine_logits(
                    engine, _prepared(strip), [IMAGE_START], [IMAGE_END, *encode(strip.cells)[:-1]]
                ),
            )
            for strip in strips
        )
    finally:
        engine.close()


def _prepared(strip: Strip) -> Image:
    return prepare_image(np.asarray(cv2.cvtColor(strip.image, cv2.COLOR_GRAY2RGB), np.uint8), IMAGE_TOKENS)


def adapter_parity(
    checkpoint: str, adapter: Path, model: Path, mmproj: Path, converted: Path, shown: Sequence[Shown]
) -> tuple[Parity, Parity]:
    """Compare a checkpoint with its GGUF pair, and both with their adapters: (without, with). Raises UsageError."""
    from peft import PeftModel

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = PeftModel.from_pretrained(load_model(checkpoint, device, torch.float32), adapter).eval()
    engine = exact_engine(model, mmproj, {ADAPTED: converted})

    def logits(each: Shown, name: str | None) -> tuple[Logits, Logits]:
        with torch.no_grad(), nullcontext() if name else network.disable_adapter():
            theirs = run_model(network, each).float().cpu().numpy()
        engine.forget(0)
        engine.use_adapter(name)
        ours = engine_logits(engine, each.image, each.before, each.after[:-1])
        return theirs, ours[len(ours) - len(theirs) :]

    try:
        return compare(logits(each, None) for each in shown), compare(logits(each, ADAPTED) for each in shown)
    finally:
        engine.close()
