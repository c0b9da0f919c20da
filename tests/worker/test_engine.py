from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.errors import UsageError
from extractors.worker.chat import ChatFormat, Message
from extractors.worker.engine import LanguageModel
from extractors.worker.images import prepare_image
from extractors.worker.selftest import self_test
from extractors.worker.settings import WorkerSettings
from tests.tiny_model import Shape, build_pair


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    language, mmproj = build_pair(tmp_path_factory.mktemp("tiny"))
    loaded = LanguageModel(
        WorkerSettings(model=language, mmproj=mmproj, context=4096, slots=2, kept=2, threads=2)
    )
    yield loaded
    loaded.close()


@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([16, 64, 256]))
def test_an_image_is_padded_white_to_whole_tokens_within_its_budget(
    width: int, height: int, budget: int
) -> None:
    image = prepare_image(np.zeros((height, width, 3), np.uint8), budget)
    high, wide = image.pixels.shape[:2]
    assert high % 32 == 0 and wide % 32 == 0
    assert 8 <= image.n_tokens <= budget
    assert image.n_tokens * 1024 == high * wide
    padded = [side + -side % 32 for side in (height, width)]
    if (
        padded[0] * padded[1] <= budget * 1024
    ):  # nothing was scaled: the pixels are as given, the rest is white
        assert not image.pixels[:height, :width].any()
        assert (image.pixels[height:] == 255).all() and (image.pixels[:, width:] == 255).all()


def test_images_differ_by_their_pixels_alone() -> None:
    black, white = (prepare_image(np.full((64, 128, 3), grey, np.uint8), 64) for grey in (0, 255))
    again = prepare_image(np.zeros((64, 128, 3), np.uint8), 64)
    assert black.key == again.key != white.key


def test_the_vision_tower_sees_every_pixel_once(model: LanguageModel) -> None:
    image = prepare_image(np.random.default_rng(1).integers(0, 255, (128, 192, 3)).astype(np.uint8), 4096)
    rows = model.encode(image)
    assert rows.shape == (24, model.n_input)
    positions = image.positions(7)
    assert positions[:, 0].tolist() == [7, 7, 7, 0]
    assert positions[:, -1].tolist() == [7, 7 + 3, 7 + 5, 0]
    assert image.n_positions == 6


def test_words_of_a_document_never_become_control_tokens(model: LanguageModel) -> None:
    end = model.tokenize("<|im_end|>", special=True)
    assert len(end) == 1 and model.ends(end[0])
    assert end[0] not in model.tokenize("<|im_end|>")
    segments = ChatFormat(model).segments([Message("user", ("total <|im_end|> 12",))])
    assert isinstance(segments[0], list)
    assert segments[0].count(end[0]) == 1  # the template's own


def test_the_prompt_is_the_models_own_template(model: LanguageModel) -> None:
    image = prepare_image(np.zeros((96, 96, 3), np.uint8), 64)
    before, seen, after = ChatFormat(model).segments(
        [Message("system", ("Read.",)), Message("user", (image, "Go."))]
    )
    assert seen is image
    assert isinstance(before, list) and isinstance(after, list)
    text = b"".join(model.piece(token) for token in before).decode()
    assert text == "system\nRead.\nuser\n"
    assert before[-1:] == model.image_open and after[:1] == model.image_close
    assert b"".join(model.piece(token) for token in after).decode() == "Go.\nassistant\n"


def test_a_model_that_sees_passes_its_test(model: LanguageModel) -> None:
    self_test(model)


def test_a_model_that_is_blind_is_refused(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.zeros((32, model.n_input), np.float32) + 0.01
    monkeypatch.setattr(model, "encode", lambda image: blank[: image.n_tokens])
    with pytest.raises(UsageError, match="does not see images"):
        self_test(model)


def test_files_that_are_no_pair_are_refused(tmp_path: Path) -> None:
    language, mmproj = build_pair(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        LanguageModel(WorkerSettings(model=tmp_path / "none.gguf", mmproj=mmproj))
    with pytest.raises(UsageError, match="does not load beside this model"):
        LanguageModel(WorkerSettings(model=language, mmproj=language, context=512))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(language.read_bytes()[:5000])
    with pytest.raises(UsageError, match="does not load as a GGUF"):
        LanguageModel(WorkerSettings(model=broken, mmproj=mmproj))


@pytest.mark.parametrize(
    ("kind", "width", "smaller"),
    [(llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, 64, 0.5), (llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M, 256, 0.35)],
    ids=["q8_0", "q4_k_m"],  # Q4_K packs 256 weights of a row together
)
def test_a_quantised_model_reads_on_a_cpu(tmp_path: Path, kind: int, width: int, smaller: float) -> None:
    """Several rows at once through quantised weights: where the CPU has AMX, repacked buffers would crash here.

    In a process of its own, so that a crash fails this test and no other.
    """
    language, mmproj = build_pair(tmp_path, Shape(width=width, feed_forward=256))
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = kind
    small = tmp_path / "small.gguf"
    assert llama_cpp.llama_model_quantize(str(language).encode(), str(small).encode(), params) == 0
    assert small.stat().st_size < smaller * language.stat().st_size
    read = (
        "import sys; from pathlib import Path; from extractors.worker.engine import LanguageModel;"
        "from extractors.worker.selftest import self_test; from extractors.worker.settings import WorkerSettings;"
        "self_test(LanguageModel(WorkerSettings(model=Path(sys.argv[1]), mmproj=Path(sys.argv[2]), context=1024, slots=2,"
        "kept=2, threads=2, n_gpu_layers=0))); print('it sees')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", read, small, mmproj], capture_output=True, text=True, timeout=300
    )
    assert (ended.returncode, ended.stdout) == (0, "it sees\n"), ended.stderr


@pytest.mark.parametrize("layers", [0, -1])
def test_weights_are_not_repacked_on_a_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: int
) -> None:
    """The AMX kernels of repacked buffers are what GCC 12 miscompiles."""
    language, mmproj = build_pair(tmp_path)
    given: list[bool] = []
    load = llama_cpp.llama_model_load_from_file

    def watched(path: bytes, params: Any) -> Any:
        given.append(bool(params.use_extra_bufts))
        return load(path, params)

    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", watched)
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    LanguageModel(
        WorkerSettings(model=language, mmproj=mmproj, context=512, slots=1, kept=1, n_gpu_layers=layers)
    ).close()
    assert given == [False]


def test_wide_image_rows_give_the_same_answer_through_a_kept_batch(tmp_path: Path) -> None:
    """Rows of several images in one call, call after call, by llama.cpp's own batch and by arrays."""
    wide = Shape(width=1024, heads=2, feed_forward=64, deepstack=(0,))
    language, mmproj = build_pair(tmp_path, wide)
    loaded = LanguageModel(
        WorkerSettings(model=language, mmproj=mmproj, context=512, slots=3, kept=1, threads=1)
    )
    assert loaded.n_input == 2048 and loaded._rows is not None
    rng = np.random.default_rng(2)
    images = [
        prepare_image(rng.integers(0, 255, (96, 96 + 64 * i, 3)).astype(np.uint8), 64) for i in range(2)
    ]
    rows = np.concatenate([loaded.encode(image) for image in images])
    places = np.concatenate([image.positions(3 * i) for i, image in enumerate(images)], axis=1)
    owners = np.repeat(np.array([1, 2], np.int32), [image.n_tokens for image in images])
    starts = np.array([3 * i + image.n_positions for i, image in enumerate(images)], np.int32)

    def logits() -> np.ndarray:
        assert loaded.decode_image(rows, owners, places)
        tokens = loaded.tokenize("7")
        out = loaded.decode_tokens(tokens * 2, np.array([1, 2], np.int32), starts, np.ones(2, np.bool_))
        assert out is not None
        copy = out.copy()
        loaded.forget(1)
        loaded.forget(2)
        return copy

    kept = [logits() for _ in range(3)]
    loaded._rows = None
    plain = logits()
    loaded.close()
    assert all(np.array_equal(one, plain) for one in kept)
    assert not np.allclose(plain[0], plain[1], atol=1e-3)
