"""The worker's logits are those of Hugging Face transformers' Qwen3-VL: same weights, same image, same tokens.

The fixture is made by `benchmarks/parity_fixture.py`; the weights come from the same seed on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from extractors.worker.engine import LanguageModel
from extractors.worker.images import prepare_image
from extractors.worker.settings import WorkerSettings
from tests.tiny_model import Shape, build_pair

FIXTURE = Path(__file__).parents[1] / "fixtures" / "parity.npz"
SHAPE, SEED = (
    Shape(vision_layers=3, deepstack=(0, 1), layers=3, vision_heads=1),
    11,
)  # as the fixture's script
# Of logits that reach from -13 to 15. What is left is the tower's GELU, which llama.cpp looks up in half precision on a CPU.
LARGEST_DIFFERENCE = 0.01


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    language, mmproj = build_pair(tmp_path_factory.mktemp("parity"), SHAPE, SEED)
    settings = WorkerSettings(
        model=language,
        mmproj=mmproj,
        context=1024,
        slots=16,
        kept=0,
        threads=1,
        kv_type="f32",
        flash_attention="off",
    )
    loaded = LanguageModel(settings)
    yield loaded
    loaded.close()


def test_logits_behind_an_image_are_those_of_transformers(model: LanguageModel) -> None:
    known = np.load(FIXTURE)
    image = prepare_image(known["image"], 1024)
    assert np.array_equal(image.pixels, known["image"])  # sides are multiples of 32: nothing is scaled
    before, after = known["before"], known["after"]

    def decode(tokens: np.ndarray, start: int) -> np.ndarray:
        positions = start + np.arange(len(tokens), dtype=np.int32)
        logits = model.decode_tokens(
            tokens.tolist(), np.zeros(len(tokens), np.int32), positions, np.ones(len(tokens), np.bool_)
        )
        assert logits is not None
        return logits.copy()

    decode(before, 0)
    rows = model.encode(image)
    assert model.decode_image(rows, np.zeros(image.n_tokens, np.int32), image.positions(len(before)))
    ours = decode(after, len(before) + image.n_positions)
    difference = np.abs(ours - known["logits"]).max()
    assert difference < LARGEST_DIFFERENCE
    assert (ours.argmax(axis=1) == known["logits"].argmax(axis=1)).all()
