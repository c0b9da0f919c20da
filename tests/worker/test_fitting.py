"""How a model runs in the memory that is free: the sums, from 4 GB to 141, and without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.errors import UsageError
from extractors.worker.devices import Device, Machine, look_around, parse_nvidia
from extractors.worker.fitting import (
    CELLS_PER_ANSWER,
    CELLS_SHARED,
    FEWEST_SLOTS,
    GB,
    ModelSize,
    applied,
    best_model,
    fit,
    size_of_files,
)
from extractors.worker.fleet import members
from extractors.worker.ggufhead import read_head
from extractors.worker.models import BEST_FIRST, PROFILES
from extractors.worker.settings import WorkerSettings
from flows.doctor import vision_machine
from tests.tiny_model import Shape, build_pair

SIZES = [size for name in BEST_FIRST if (size := PROFILES[name].size)]
EIGHT = next(size for size in SIZES if size.name.endswith("8b-q4_k_m"))
USED = 0.97  # of a GPU that is free on a machine that does nothing else


@pytest.mark.parametrize(
    ("gigabytes", "model", "slots", "kv_type"),
    [
        (8, "qwen3-vl-4b-q4_k_m", 7, "q8_0"),
        (12, "qwen3-vl-8b-q4_k_m", 11, "q8_0"),
        (16, "qwen3-vl-8b-q8_0", 11, "q8_0"),
        (24, "qwen3-vl-8b-q8_0", 24, "f16"),
        (48, "qwen3-vl-8b-f16", 32, "f16"),
        (80, "qwen3-vl-8b-f16", 32, "f16"),
        (141, "qwen3-vl-8b-f16", 32, "f16"),
    ],
)
def test_which_model_suits_a_gpu_and_how_it_runs(
    gigabytes: int, model: str, slots: int, kv_type: str
) -> None:
    size, way = best_model(SIZES, int(USED * gigabytes * GB))
    assert (size.name, way.n_gpu_layers, way.slots, way.kv_type) == (model, -1, slots, kv_type)
    assert way.context == CELLS_SHARED + CELLS_PER_ANSWER * slots
    assert way.fits and way.needed < gigabytes * GB
    assert way.image_max_tokens == 4096


def test_the_kv_cache_is_reckoned_as_it_was_measured() -> None:
    assert EIGHT.cell_bytes("f16") == 144 * 1024
    assert EIGHT.cell_bytes("q8_0") == 76.5 * 1024


def test_a_gpu_that_is_too_small_takes_a_part() -> None:
    way = fit(EIGHT, 8 * GB)
    assert 0 < way.n_gpu_layers < EIGHT.layers
    assert way.slots == FEWEST_SLOTS and way.fits
    assert "the rest on the CPU" in way.why[-1]
    nothing = fit(EIGHT, 2 * GB)
    assert (nothing.n_gpu_layers, nothing.fits) == (0, False)
    assert "smaller model" in nothing.why[-1]


def test_without_a_gpu_the_machine_is_asked() -> None:
    way = fit(EIGHT, 30 * GB, gpu=False)
    assert (way.n_gpu_layers, way.slots, way.kv_type, way.fits) == (0, 8, "f16", True)
    assert "driver" not in way.parts
    short = fit(EIGHT, 4 * GB, gpu=False)
    assert not short.fits
    assert "take a smaller model" in short.why[-1]


@settings(deadline=None)
@given(st.integers(0, 200), st.sampled_from(SIZES))
def test_more_memory_is_never_worse(gigabytes: int, size: ModelSize) -> None:
    less, more = fit(size, gigabytes * GB), fit(size, (gigabytes + 1) * GB)
    rank = [(way.fits, way.n_gpu_layers if way.n_gpu_layers >= 0 else size.layers, way.slots if way.kv_type == "q8_0" else way.slots * 2) for way in (less, more)]  # fmt: skip
    assert rank[0] <= rank[1]
    for way in (less, more):
        if way.fits:
            assert way.needed <= way.free - 400_000_000


def test_what_the_user_says_stands() -> None:
    way = fit(EIGHT, 24 * GB)
    assert applied(WorkerSettings(), way).slots == way.slots
    given_slots = applied(WorkerSettings(slots=2), way)
    assert (given_slots.slots, given_slots.context) == (2, CELLS_SHARED + 2 * CELLS_PER_ANSWER)
    given_cells = applied(WorkerSettings(context=9000, kv_type="f32"), way)
    assert (given_cells.context, given_cells.kv_type, given_cells.slots) == (9000, "f32", way.slots)


def test_sizes_come_from_the_files(tmp_path: Path) -> None:
    shape = Shape(layers=3, heads=4, heads_kv=2, feed_forward=96)
    model, mmproj = build_pair(tmp_path, shape)
    size = size_of_files(model, mmproj)
    assert (size.layers, size.kv_heads, size.head_width, size.width, size.feed_forward) == (3, 2, 64, 64, 96)
    assert (size.weights, size.mmproj) == (model.stat().st_size, mmproj.stat().st_size)
    assert size.vocabulary == read_head(model)["tokenizer.ggml.tokens"] > 256
    assert read_head(mmproj)["clip.projector_type"] == "qwen3vl_merger"


def test_a_file_that_is_no_gguf_says_so(tmp_path: Path) -> None:
    model, _ = build_pair(tmp_path)
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match="is no GGUF file"):
        read_head(bad)
    for length in (10, 30, 200, 900):
        bad.write_bytes(model.read_bytes()[:length])
        with pytest.raises(UsageError, match="breaks off or is damaged"):
            read_head(bad)


def test_what_nvidia_smi_says_is_understood() -> None:
    told = "NVIDIA H200, 142000, 143771\nNVIDIA RTX A2000, 5000, 6138\nN/A, [N/A], 1\n"
    assert parse_nvidia(told) == (
        Device("NVIDIA H200", 142_000 << 20, 143_771 << 20, 0),
        Device("NVIDIA RTX A2000", 5_000 << 20, 6_138 << 20, 1),
    )
    assert parse_nvidia("") == ()


def test_this_machine_is_looked_at() -> None:
    machine = look_around()
    assert 0 < machine.memory.free <= machine.memory.total
    assert all(0 <= gpu.free <= gpu.total for gpu in machine.gpus)


def test_one_worker_per_gpu(tmp_path: Path) -> None:
    model, mmproj = build_pair(tmp_path)
    gpus = (Device("A", 20 * GB, 24 * GB, 0), Device("B", 3 * GB, 24 * GB, 1))
    machine = Machine(gpus, Device("CPU", 30 * GB, 64 * GB))
    fleet = members(WorkerSettings(model=model, mmproj=mmproj, gpus="all", port=7000), machine)
    assert [(m.gpu, m.settings.port, m.settings.gpus) for m in fleet] == [(0, 7000, None), (1, 7001, None)]
    assert [m.fit and m.fit.free for m in fleet] == [20 * GB, 3 * GB]
    (one,) = members(WorkerSettings(model=model, mmproj=mmproj, main_gpu=1), machine)
    assert (one.gpu, one.fit and one.fit.free) == (None, 3 * GB)
    (off,) = members(WorkerSettings(model=model, mmproj=mmproj, fit=False, slots=3), machine)
    assert (off.fit, off.settings.slots) == (None, 3)
    for wrong in ("0,0", "5", "both"):
        with pytest.raises(UsageError, match="--gpus"):
            members(WorkerSettings(model=model, mmproj=mmproj, gpus=wrong), machine)
    with pytest.raises(UsageError, match="leave --gpus out"):
        members(WorkerSettings(gpus="all"), Machine((), machine.memory))


def test_the_doctor_explains_what_was_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARQUETRY_MODELS", str(tmp_path))
    gpus = (Device("RTX 4090", int(23.3 * GB), 24 * GB, 0), Device("RTX 3060", int(11.6 * GB), 12 * GB, 1))
    findings = list(vision_machine(Machine(gpus, Device("CPU", 30 * GB, 64 * GB))))
    told = {f.what + str(i): (f.told, f.mend) for i, f in enumerate(findings)}
    assert told["GPU 00"][0] == "RTX 4090: 23.3 of 24.0 GB free"
    assert told["model1"] == (
        "qwen3-vl-8b-q8_0 suits it: all layers on it, 24 slots, 65,536 cells (f16), images of up to 4,096 tokens. It takes "
        "21.9 GB (weights 8.7, KV cache 9.7, vision tower 1.2, vision buffers 1.4, model buffers 0.5, driver 0.5). Because: 24 tiles "
        "at once, 2,560 cells each and 4,096 shared: 65,536 cells of 144.0 KiB (f16)",
        "parquetry models pull qwen3-vl-8b-q8_0",
    )
    assert told["model3"][0].startswith("qwen3-vl-8b-q4_k_m suits it: all layers on it, 10 slots")
    assert told["GPUs4"][0] == "2: parquetry worker --gpus all starts one worker on each"
    lone = Machine((), Device("CPU", 30 * GB, 64 * GB), (Device("RTX 4090", 23 * GB, 24 * GB, 0),))
    unused, none = vision_machine(lone)
    assert "cannot use it" in unused.told and "GGML_CUDA=on" in unused.mend
    assert "qwen3-vl-2b-q4_k_m would run on the CPU: 8 slots" in none.told
