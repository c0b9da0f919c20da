"""The small reader is taught: a run goes down, goes on after a kill, stops early, refuses what it must, and is reproducible."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

torch = pytest.importorskip("torch", reason="teaching needs `pip install 'parquetry[train]'`")

from rich.console import Console  # noqa: E402 (torch decides whether this file runs at all)

from extractors.errors import UsageError  # noqa: E402
from extractors.training import loop  # noqa: E402
from extractors.training.fit import ReaderCourse, fit_config, fit_reader, taught_reader  # noqa: E402
from extractors.training.lessons import Curriculum, DrawnBlocks, batch_of, batches_from  # noqa: E402
from extractors.training.letters import decode, encode, vocabulary  # noqa: E402
from extractors.training.model import Reader, patches  # noqa: E402
from extractors.training.strips import Strip, draw_strip  # noqa: E402

SMALL = {
    "batch": 4,
    "workers": 0,
    "plan": {"steps": 6, "measure_every": 3, "save_every": 0, "warmup": 1, "threads": 1, "seed": 5},
}


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.training.fit.HELD_OUT", 4)


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_an_answer_is_spelt_and_read_back() -> None:
    cells = ('Größe "A"', "", "1,234", "(5)")
    assert decode(encode(cells)) == cells
    assert len(vocabulary()) == len(set(vocabulary())) == 288


def test_patches_stand_in_the_order_in_which_they_merge() -> None:
    strip = np.zeros((32, 768), np.uint8)
    strip[:16, 16:32], strip[16:, :16], strip[16:, 16:32], strip[:16, 32:48] = 1, 2, 3, 4
    assert [int(patch.max()) for patch in patches(strip)[:5]] == [0, 1, 2, 3, 4]


def test_token_by_token_gives_what_the_whole_answer_gives() -> None:
    torch.manual_seed(1)
    reader = Reader().eval()
    strip = draw_strip(np.random.default_rng(3), "train", 0.5)
    grey = torch.as_tensor(patches(strip.image))[None]
    tokens = reader.read(grey, 12)
    with torch.no_grad():
        logits, pieces = reader(grey, tokens[:, :-1])
    assert logits.argmax(-1).tolist() == tokens.tolist()
    assert pieces.shape == (1, 192, 258)


def test_blocks_are_the_same_in_every_run_and_grow() -> None:
    blocks = DrawnBlocks(3, 9, Curriculum(), 4)
    again, later = DrawnBlocks(3, 9, Curriculum(), 4), blocks[200]
    for one, two in zip(blocks[2], again[2], strict=True):
        assert np.array_equal(one.patches, two.patches) and np.array_equal(one.answers, two.answers)
    assert max(batch.answers.shape[1] for batch in blocks[0]) <= 40
    assert max(batch.answers.shape[1] for batch in later) > 60
    from_14 = list(batches_from(blocks, 14, 30, 0))
    assert len(from_14) == 16 and np.array_equal(from_14[0].answers, blocks[1][2].answers)
    drawn_ahead = list(batches_from(blocks, 14, 30, 2))
    assert len(drawn_ahead) == 16
    for one, two in zip(from_14, drawn_ahead, strict=True):
        assert np.array_equal(one.patches, two.patches) and np.array_equal(one.letters, two.letters)


def test_one_strip_is_learned_by_heart() -> None:
    torch.manual_seed(0)
    course = ReaderCourse(fit_config(SMALL), torch.device("cpu"))
    image = draw_strip(np.random.default_rng(1), "train", 0.0).image
    batch = batch_of([Strip(image, ("Cash", "12"))] * 2)
    for _ in range(60):
        for optimizer in course.optimizers:
            optimizer.zero_grad()
        course.learn(batch)
        for optimizer in course.optimizers:
            optimizer.step()
    assert course.read(batch) == [("Cash", "12")] * 2


def test_a_run_is_reproducible_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    config = fit_config(SMALL)
    whole = loop.load(fit_reader(config, tmp_path / "whole", quiet()))
    log = loop.read_log(tmp_path / "whole")
    assert [told["step"] for told in log] == [3, 6]
    assert all(0 <= told[name] <= 1 for told in log for name in ("numbers", "labels", "rows"))

    kept = loop.save

    def cut(path: Path, told: dict[str, object]) -> None:
        kept(path, told)
        if path.name == loop.CHECKPOINT and told["step"] == 4:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "save", cut)
        fit_reader(config, tmp_path / "cut", quiet())
    assert [told["step"] for told in loop.read_log(tmp_path / "cut")] == [3]
    resumed = loop.load(fit_reader(config, tmp_path / "cut", quiet()))
    assert [told["step"] for told in loop.read_log(tmp_path / "cut")] == [3, 6]
    assert resumed["step"] == whole["step"]
    for name, tensor in whole["course"]["average"].items():
        assert torch.allclose(tensor, resumed["course"]["average"][name], atol=1e-5), name
    reader = taught_reader(tmp_path / "cut" / loop.BEST)
    assert sum(p.numel() for p in reader.parameters()) > 5_000_000
    pytest.importorskip("matplotlib")
    assert (tmp_path / "cut" / loop.CURVE).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="another run"):
        fit_reader(fit_config({**SMALL, "batch": 5}), tmp_path / "cut", quiet())


def test_a_killed_run_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """A real process, ended by SIGKILL while it writes checkpoints after every step; those that draw for it end as well."""
    run = tmp_path / "run"
    code = (
        "import sys; from pathlib import Path; from rich.console import Console\n"
        "from extractors.training.fit import fit_config, fit_reader\n"
        "import json; fit_reader(fit_config(json.loads(sys.argv[2])), Path(sys.argv[1]), Console(quiet=True))\n"
    )
    long = {**SMALL, "workers": 1, "plan": {**SMALL["plan"], "steps": 100_000, "measure_every": 50_000}}  # type: ignore[dict-item]
    process = subprocess.Popen([sys.executable, "-c", code, str(run), json.dumps(long)])
    while not (run / loop.CHECKPOINT).exists() and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1.0)
    drawing = psutil.Process(process.pid).children(recursive=True)
    assert drawing
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(drawing, timeout=60)
    assert not alive
    told = loop.load(run / loop.CHECKPOINT)
    assert told["step"] >= 1
    assert told["course"]["steps"] == told["step"]


def test_teaching_ends_when_nothing_gets_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReaderCourse, "measure", lambda self: {"loss": 1.0})
    config = fit_config({**SMALL, "plan": {**SMALL["plan"], "measure_every": 1, "patience": 2}})  # type: ignore[dict-item]
    fit_reader(config, tmp_path, quiet())
    assert [told["step"] for told in loop.read_log(tmp_path)] == [1, 2, 3]


def test_what_is_wrong_with_a_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plan.steps"):
        fit_config({"plan": {"steps": 0}})
    with pytest.raises(UsageError, match="colour"):
        fit_config({"colour": 1})
    (tmp_path / "best.pt").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="no checkpoint"):
        taught_reader(tmp_path / "best.pt")


def test_the_rate_rises_stays_and_falls() -> None:
    plan = loop.Plan(steps=1000, warmup=99, decay=0.5)
    rates = [loop.learning_rate(step, plan) for step in (0, 49, 99, 500, 750, 999)]
    assert rates == pytest.approx([0.02, 0.5, 1.0, 1.0, 0.5, 0.02])


@pytest.mark.slow  # a minute of compiling
def test_a_compiled_model_learns_what_the_plain_one_learns() -> None:
    torch.manual_seed(2)
    plain = ReaderCourse(fit_config(SMALL), torch.device("cpu"))
    fast = ReaderCourse(fit_config({**SMALL, "compiled": True}), torch.device("cpu"))
    fast.model.load_state_dict(plain.model.state_dict())
    rng = np.random.default_rng(4)
    batch = batch_of([draw_strip(rng, "train", 0.3) for _ in range(4)])
    assert fast.learn(batch) == pytest.approx(plain.learn(batch), rel=0.02)
    for one, two in zip(plain.model.parameters(), fast.model.parameters(), strict=True):
        if one.grad is not None and two.grad is not None and one.grad.norm() > 1e-3:
            alike = torch.nn.functional.cosine_similarity(one.grad.flatten(), two.grad.flatten(), dim=0)
            assert float(alike) > 0.98
