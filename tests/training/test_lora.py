"""An adapter for a large model: taught on tiles, resumable, converted by llama.cpp's converter, and served as it was taught."""

from __future__ import annotations

import io
import json
import re
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="teaching needs `pip install 'parquetry[train]'`")
transformers = pytest.importorskip("transformers", reason="teaching needs `pip install 'parquetry[train]'`")
pytest.importorskip("peft", reason="teaching needs `pip install 'parquetry[train]'`")

from rich.console import Console  # noqa: E402 (torch decides whether this file runs at all)

from extractors.errors import TransportError, UsageError  # noqa: E402
from extractors.training import loop  # noqa: E402
from extractors.training.convert import convert_adapter  # noqa: E402
from extractors.training.converters import converters, run_converter  # noqa: E402
from extractors.training.fit import FitConfig  # noqa: E402
from extractors.training.lora import ADAPTER, LoraConfig, LoraCourse, fit_lora  # noqa: E402
from extractors.training.model import Reader, ReaderShape  # noqa: E402
from extractors.training.parity import adapter_parity  # noqa: E402
from extractors.training.qwen import configuration, write_checkpoint  # noqa: E402
from extractors.training.qwentiles import Tokens, lessons_of, show  # noqa: E402
from extractors.worker.chat import CHATML  # noqa: E402
from tests.conftest import ROOT  # noqa: E402

SHAPE = ReaderShape(vision_width=64, vision_layers=2, vision_heads=1, vision_feed_forward=96, width=64, layers=2, heads=2,
                    feed_forward=96)  # fmt: skip
QUESTION = "Copy the table."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3-VL of random weights in the form that large ones have: ChatML, and deepstack."""
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(Reader(SHAPE), folder)
    told = configuration(SHAPE)
    told["vision_config"]["deepstack_visual_indexes"] = [0]
    torch.manual_seed(2)
    model = transformers.Qwen3VLForConditionalGeneration(transformers.Qwen3VLConfig(**told))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4.0 if weight.dim() > 1 else 1.0)
    model.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": CHATML}))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small tiles in the form that `train data` writes."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for split, n in (("train", 6), ("held_out", 2)):
        lines = []
        for number in range(n):
            image = f"images/{split}-{number}.png"
            cv2.imwrite(
                str(folder / image), random.integers(0, 256, (60, 100 + 30 * number)).astype(np.uint8)
            )
            turns = [
                ("system", "Read."),
                ("human", f"<image>{QUESTION}"),
                ("gpt", f'{{"tables":[{number}]}}'),
            ]
            told = [{"from": who, "value": text} for who, text in turns]
            lines.append(json.dumps({"image": image, "task": "table", "conversations": told}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def configured(checkpoint: Path, data: Path, **more: object) -> LoraConfig:
    plan = {"steps": 6, "measure_every": 3, "save_every": 0, "warmup": 0, "threads": 1, "seed": 5}
    told = {"kind": "lora", "checkpoint": str(checkpoint), "data": str(data), "batch": 2, "rank": 4, "rate": 0.01,
            "half": False, "plan": plan}  # fmt: skip
    return loop.checked(LoraConfig, {**told, **more})


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_a_tile_is_shown_as_the_worker_shows_it(checkpoint: Path, data: Path) -> None:
    lesson = lessons_of(data, "train")[0]
    tokens = Tokens(str(checkpoint))
    shown = show(lesson, tokens, 1024)
    assert shown.image.pixels.shape == (64, 128, 3)  # padded to whole tokens
    assert int((shown.tokens == tokens.image_pad).sum()) == shown.image.n_tokens == 8
    assert shown.grid.tolist() == [1, 4, 8] and shown.patches.shape == (32, 1536)
    text = tokens._own.decode(shown.tokens)
    assert text == (
        "<|im_start|>system\nRead.<|im_end|>\n<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * 8 + "<|vision_end|>"
        + QUESTION + '<|im_end|>\n<|im_start|>assistant\n{"tables":[0]}<|im_end|>'
    )  # fmt: skip
    assert tokens._own.decode(shown.tokens[shown.answer_from :]) == '{"tables":[0]}<|im_end|>'
    hidden = tokens.tokenize("<|im_end|>")
    assert tokens.turn_end not in hidden  # a document's words never act as control tokens


def test_it_learns_the_answers_and_nothing_but_the_adapter_moves(checkpoint: Path, data: Path) -> None:
    course = LoraCourse(configured(checkpoint, data, dropout=0.0), torch.device("cpu"))
    taught = {name for name, weight in course.model.named_parameters() if weight.requires_grad}
    assert len(taught) == 2 * 7 * SHAPE.layers and all(
        "lora_" in name and "visual" not in name for name in taught
    )
    before = {name: weight.clone() for name, weight in course.model.named_parameters() if name not in taught}
    first = course.measure()["loss"]
    lessons = lessons_of(data, "train")
    for _ in range(12):
        course.optimizers[0].zero_grad()
        course.learn(lessons)
        course.optimizers[0].step()
    assert course.measure()["loss"] < 0.7 * first
    assert all(
        torch.equal(before[name], weight)
        for name, weight in course.model.named_parameters()
        if name in before
    )


def test_a_run_goes_on_where_it_stopped_and_leaves_an_adapter(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    config = configured(checkpoint, data)
    fit_lora(config, tmp_path / "whole", quiet())
    whole = loop.load(tmp_path / "whole" / loop.CHECKPOINT)
    kept = loop.save

    def cut(path: Path, told: dict[str, object]) -> None:
        kept(path, told)
        if path.name == loop.CHECKPOINT and told["step"] == 4:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "save", cut)
        fit_lora(config, tmp_path / "cut", quiet())
    assert not (tmp_path / "cut" / ADAPTER).exists()
    folder = fit_lora(config, tmp_path / "cut", quiet())
    for name, tensor in whole["course"]["adapter"].items():
        assert torch.allclose(
            tensor, loop.load(tmp_path / "cut" / loop.CHECKPOINT)["course"]["adapter"][name], atol=1e-6
        ), name
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {path.name for path in folder.iterdir()}
    assert [told["step"] for told in loop.read_log(tmp_path / "cut")] == [3, 6]


def test_what_does_not_fit_is_refused(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="checkpoint"):
        loop.checked(LoraConfig, {"kind": "lora", "data": "x"})
    with pytest.raises(UsageError, match="holds no training data"):
        lessons_of(tmp_path, "train")
    with pytest.raises(UsageError, match="longer than 20 tokens"):
        LoraCourse(configured(checkpoint, data, longest=20), torch.device("cpu")).measure()


def test_the_documentation_s_configurations_are_good() -> None:
    blocks = re.findall(r"(?s)```toml\n(.*?)```", (ROOT / "docs" / "training.md").read_text("utf-8"))
    reader, lora = (tomllib.loads(block) for block in blocks)
    assert loop.checked(FitConfig, reader).plan == FitConfig().plan
    assert loop.checked(FitConfig, reader).curriculum == FitConfig().curriculum
    assert loop.checked(FitConfig, reader).rates == FitConfig().rates
    told = loop.checked(LoraConfig, lora)
    assert told == LoraConfig(kind="lora", checkpoint=told.checkpoint, data=told.data)


@pytest.mark.slow
def test_an_adapter_does_in_llama_cpp_what_it_does_in_torch(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    try:
        source = converters()
    except TransportError as error:
        pytest.skip(f"llama.cpp's converters are not here: {error}")
    model, mmproj = tmp_path / "base.gguf", tmp_path / "mmproj-base.gguf"
    for file, more in ((model, ()), (mmproj, ("--mmproj",))):
        run_converter(
            source,
            "convert_hf_to_gguf.py",
            str(checkpoint),
            "--outtype",
            "f32",
            "--outfile",
            str(file),
            *more,
            pre_tokenizer="qwen2",
        )
    run = tmp_path / "run"
    fit_lora(configured(checkpoint, data), run, quiet())
    done = convert_adapter(run, tmp_path / "out", "ours", model, mmproj, source)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ours.gguf"]
    assert done.parity.apart < 0.05 and done.parity.same == 1.0
    other = tmp_path / "other"
    fit_lora(configured(checkpoint, data, rate=0.03), other, quiet())
    tokens = Tokens(str(checkpoint))
    shown = [show(lesson, tokens, 1024) for lesson in lessons_of(data, "held_out")]
    base, swapped = adapter_parity(
        str(checkpoint), other / ADAPTER, model, mmproj, tmp_path / "out" / "ours.gguf", shown
    )
    assert (
        base.apart < 0.05 and swapped.apart > 10 * done.parity.apart
    )  # another adapter's file would be noticed
