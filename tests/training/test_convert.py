"""The small reader becomes a checkpoint of transformers and a GGUF pair, and both compute what it computes; else there is no file."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="converting needs `pip install 'parquetry[train]'`")
transformers = pytest.importorskip("transformers", reason="converting needs `pip install 'parquetry[train]'`")

from extractors.errors import EngineError, TransportError, UsageError  # noqa: E402 (torch decides whether this file runs at all)
from extractors.training import convert, converters  # noqa: E402
from extractors.training.letters import IMAGE, IMAGE_END, IMAGE_START, JOINS, MARKS, encode  # noqa: E402
from extractors.training.loop import BEST, save  # noqa: E402
from extractors.training.model import Reader, ReaderShape  # noqa: E402
from extractors.training.parity import compare, torch_logits  # noqa: E402
from extractors.training.qwen import write_checkpoint  # noqa: E402
from extractors.training.qwentiles import patches_of  # noqa: E402
from extractors.training.strips import draw_strip  # noqa: E402

SHAPE = ReaderShape(vision_width=64, vision_layers=2, vision_heads=1, vision_feed_forward=96, width=64, layers=2, heads=2,
                    feed_forward=96)  # fmt: skip


def random_reader() -> Reader:
    """A reader with weights as large as those of a taught one, so that every part of it counts."""
    torch.manual_seed(4)
    reader = Reader(SHAPE)
    with torch.no_grad():
        for name, weight in reader.named_parameters():
            weight.add_(0.3 * torch.randn_like(weight) if weight.dim() == 1 else 0)
            weight.mul_(20 if name == "tokens.weight" else 1)
    return reader.eval()


@pytest.fixture(scope="module")
def source() -> Path:
    try:
        return converters.converters()
    except TransportError as error:
        pytest.skip(f"llama.cpp's converters are not here: {error}")


def test_transformers_computes_what_the_reader_computes(tmp_path: Path) -> None:
    reader = random_reader()
    write_checkpoint(reader, tmp_path)
    model = transformers.Qwen3VLForConditionalGeneration.from_pretrained(tmp_path).eval()
    strip = draw_strip(np.random.default_rng(3), "train", 0.5)
    answer = encode(strip.cells)
    pixels, grid = patches_of(np.repeat(strip.image[:, :, None], 3, axis=2))
    ids = torch.tensor([[IMAGE_START, *[IMAGE] * 24, IMAGE_END, *answer[:-1]]])
    with torch.no_grad():
        theirs = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grid[None],
            mm_token_type_ids=(ids == IMAGE).long(),
        ).logits[0, -len(answer) :].numpy()  # fmt: skip
    ours = torch_logits(reader, strip)
    assert ours.std() > 1
    assert np.abs(theirs - ours).max() < 1e-3


def test_the_tokeniser_gives_every_token_its_number(tmp_path: Path) -> None:
    write_checkpoint(random_reader(), tmp_path)
    tokens = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokens.convert_tokens_to_ids(list(MARKS)) == list(range(256, 262))
    for token, text in JOINS.items():
        assert tokens.encode(text, add_special_tokens=False) == [token]
    assert tokens.encode("é<|im_end|>", add_special_tokens=False) == [0xC3, 0xA9, 258]


def test_parity_tells_rounding_from_another_answer() -> None:
    logits = np.random.default_rng(0).normal(0, 4, (200, 288)).astype(np.float32)
    moved = logits + 5.0  # the same for all tokens of a place: the odds are the same
    assert compare([(logits, moved)]).within(1e-4)
    rounded = compare(
        [(logits, logits + np.random.default_rng(1).normal(0, 0.01, logits.shape).astype(np.float32))]
    )
    assert rounded.within(0.03) and 0.005 < rounded.apart < 0.015
    other = compare([(logits, np.roll(logits, 1, axis=1))])
    assert not other.within(0.03) and other.same < 0.1
    assert not compare([(logits, np.full_like(logits, np.nan))]).within(0.03)


@pytest.mark.slow
def test_a_run_becomes_a_pair_that_computes_the_same(source: Path, tmp_path: Path) -> None:
    reader = random_reader()
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    weights = dict(reader.named_parameters())
    save(run / BEST, {"about": {}, "step": 1, "course": {"shape": SHAPE.told(), "average": weights}})
    with pytest.raises(UsageError, match="begins with parquetry-reader"):
        convert.convert_reader(run, out, "mine", source=source)
    done = convert.convert_reader(run, out, "parquetry-reader-mine", source=source)
    assert sorted(path.name for path in out.iterdir()) == [
        "mmproj-parquetry-reader-mine.gguf",
        "parquetry-reader-mine.gguf",
    ]
    assert (
        done.parity.same == 1.0 and done.parity.apart < convert.ROUNDING["f16"] and done.parity.tokens > 100
    )


@pytest.mark.slow
def test_a_pair_that_computes_something_else_is_refused_with_the_figures(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, written = random_reader(), convert.write_checkpoint

    def spoilt(own: Reader, folder: Path) -> None:
        other = random_reader()
        with torch.no_grad():
            other.merge1.weight[:, 0] += 2.0
        written(other, folder)

    monkeypatch.setattr(convert, "write_checkpoint", spoilt)
    with pytest.raises(EngineError, match=r"\d% of \d+ tokens the same.* apart"):
        convert.write_pair(
            reader, tmp_path, "parquetry-reader", "f16", source, convert.drawn_for_comparison()[:2]
        )
    assert not list(tmp_path.iterdir())


def test_only_the_converters_are_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "source.tar.gz"
    inside = converters.INSIDE
    with tarfile.open(archive, "w:gz") as packed:
        for name in (
            f"{inside}convert_hf_to_gguf.py",
            f"{inside}conversion/base.py",
            f"{inside}src/llama.cpp",
            "setup.py",
        ):
            data = b"content"
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    converters.unpack(archive, tmp_path / "out")
    found = sorted(
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert found == ["conversion/base.py", "convert_hf_to_gguf.py"]
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(TransportError, match="no converters"):
        converters.unpack(archive, tmp_path / "none")


def test_bytes_that_are_not_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip is given a folder with a file of the right name and other bytes, and no network."""
    wheelhouse = tmp_path / "wheels"
    wheelhouse.mkdir()
    with tarfile.open(wheelhouse / f"llama_cpp_python-{converters.VERSION}.tar.gz", "w:gz"):
        pass
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))
    with pytest.raises(TransportError, match="DO NOT MATCH THE HASHES"):
        converters.converters(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
