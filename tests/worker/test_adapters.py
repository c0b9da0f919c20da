"""LoRA adapters: asked for by name, applied to their own requests alone, and served in groups."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from extractors.errors import UsageError
from extractors.worker.engine import LanguageModel
from extractors.worker.settings import WorkerSettings
from tests.tiny_model import Shape, build_pair
from tests.worker_process import RunningWorker, running_worker

SHAPE = Shape(plain=True)
RANK, ALPHA = 4, 8.0


def write_adapter(path: Path, shape: Shape, seed: int) -> Path:
    """Write a random LoRA of rank 4 for the query and output projections of every layer."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen3vl")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    queries = shape.heads * shape.head_dim
    for layer in range(shape.layers):
        for name, out, into in (
            ("attn_q", queries, shape.width),
            ("attn_output", shape.width, queries),
            ("ffn_down", shape.width, shape.feed_forward),
        ):
            stem = f"blk.{layer}.{name}.weight"
            writer.add_tensor(f"{stem}.lora_a", random.standard_normal((RANK, into), dtype=np.float32))
            writer.add_tensor(f"{stem}.lora_b", random.standard_normal((out, RANK), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        name: write_adapter(folder / f"{name}.gguf", SHAPE, seed)
        for seed, name in enumerate(("bank", "retail"))
    }


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, adapters: dict[str, Path]) -> Iterator[RunningWorker]:
    named = json.dumps({name: str(path) for name, path in adapters.items()})
    with running_worker(
        tmp_path_factory.mktemp("worker"), SHAPE, slots=4, queue=64, adapters=named
    ) as running:
        yield running


def ask(worker: RunningWorker, model: str, seed: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 128, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    client = openai.OpenAI(base_url=f"{worker.url}/v1", api_key="none", max_retries=0)
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Copy."}]
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": parts}],
        max_tokens=24,
        temperature=0,  # type: ignore[list-item,misc]
    )
    return answer.choices[0].message.content or ""


def test_adapters_are_named_beside_the_model(worker: RunningWorker) -> None:
    names = [model["id"] for model in httpx.get(f"{worker.url}/v1/models", timeout=60).json()["data"]]
    assert names == ["tiny", "bank", "retail"]


def test_an_adapter_changes_its_own_answers_alone(worker: RunningWorker) -> None:
    before = ask(worker, "tiny", 1)
    adapted = {name: ask(worker, name, 1) for name in ("bank", "retail")}
    assert len({before, *adapted.values()}) == 3
    assert ask(worker, "tiny", 1) == before
    assert ask(worker, "bank", 1) == adapted["bank"]


def test_mixed_requests_get_the_answers_they_get_alone_and_are_served_in_groups(
    worker: RunningWorker,
) -> None:
    wanted = [(name, seed) for seed in range(2, 8) for name in ("tiny", "bank", "retail")]
    alone = {key: ask(worker, *key) for key in wanted}
    switches = worker.metric("adapter_switches_total")
    with ThreadPoolExecutor(len(wanted)) as pool:
        together = dict(zip(wanted, pool.map(lambda key: ask(worker, *key), wanted), strict=True))
    assert together == alone
    assert (
        worker.metric("adapter_switches_total") - switches < len(wanted) / 2
    )  # in turn it would be once for each


def test_an_adapter_for_another_model_is_refused_by_name(tmp_path: Path) -> None:
    model, mmproj = build_pair(tmp_path, SHAPE)
    wrong = write_adapter(tmp_path / "wrong.gguf", Shape(width=128), 5)
    settings = WorkerSettings(
        model=model, mmproj=mmproj, context=512, slots=1, kept=0, adapters={"wrong": wrong}
    )
    with pytest.raises(UsageError, match="wrong.gguf does not load for this model"):
        LanguageModel(settings)
