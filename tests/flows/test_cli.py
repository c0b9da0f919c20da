"""The command line as a user types it, in processes of its own: exit codes, messages, and what is printed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from flows.datasets import Datasets
from flows.lock import writing
from tests.small import content, heed_ctrl_c, small_pdf

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PARQUETRY_"))
}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "flows.cli", *map(str, arguments)]


def parquetry(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**ENVIRONMENT, "PREFECT_HOME": "/nonexistent", "COLUMNS": "200", **environment}
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=given, timeout=300)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A folder `in` that was read into `out`, with one good and one bad document."""
    root = tmp_path_factory.mktemp("cli")
    small_pdf(root / "in" / "good.pdf", 111)
    (root / "in" / "bad.pdf").write_text("no PDF at all")
    ended = parquetry("run", root / "in", "--out", root / "out", "--workers", 1)
    assert ended.returncode == 2, ended.stderr
    assert "no Prefect API is configured" in ended.stderr
    assert "unsupported" in ended.stderr
    return root


def test_all_ok_is_0_and_an_unchanged_folder_stays_so(tmp_path):
    small_pdf(tmp_path / "in" / "a.pdf")
    for _ in range(2):
        assert parquetry("run", tmp_path / "in", "--out", tmp_path / "out", "--quiet").returncode == 0
    assert len(pd.read_parquet(tmp_path / "out" / "documents")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "somewhere"),
        ("run", "somewhere", "--out", "x", "--engine", "guess"),
        ("run", "somewhere", "--out", "x", "--workers", "none"),
        ("run", "somewhere", "--out", "x", "--engine", "vision", "--model", "no-such-model"),
        ("backfill", "--out", "x"),
        ("backfill", "folder", "--manifest", "m.csv", "--out", "x"),
        ("retry-failed", "--out", "x", "--category", "weather"),
        ("no-such-command",),
        ("worker", "--no-such-option"),
        ("models", "pull", "no-such-model"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_1_and_writes_nothing(tmp_path, arguments):
    (tmp_path / "somewhere").mkdir()
    ended = subprocess.run(command(*arguments), capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stderr or ended.stdout
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "somewhere"] == []


def test_a_missing_folder_is_3_and_says_what_to_do(tmp_path):
    ended = parquetry("run", tmp_path / "gone", "--out", tmp_path / "out")
    assert ended.returncode == 3
    assert "does not exist; check the path" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_but_failures_is_3(tmp_path):
    (tmp_path / "bad.pdf").touch()
    assert parquetry("run", tmp_path / "bad.pdf", "--out", tmp_path / "out").returncode == 3


def test_an_output_that_is_a_file_is_3(tmp_path, done):
    (tmp_path / "out").write_text("a file")
    ended = parquetry("run", done / "in", "--out", tmp_path / "out")
    assert ended.returncode == 3
    assert "--out" in ended.stderr


def test_a_second_run_on_the_same_output_is_told_who_has_it(done):
    with writing(Datasets(done / "out")):
        ended = parquetry("run", done / "in", "--out", done / "out")
    assert ended.returncode == 3
    assert f"process {os.getpid()}" in ended.stderr
    assert "--wait" in ended.stderr


def test_an_api_that_does_not_answer_is_told(done):
    ended = parquetry("run", done / "in", "--out", done / "out", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert ended.returncode == 3
    assert "--direct" in ended.stderr
    direct = parquetry(
        "run", done / "in", "--out", done / "out", "--direct", PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    assert direct.returncode == 2


def test_a_dry_run_says_why_and_writes_nothing(tmp_path, done):
    ended = parquetry("backfill", done / "in", "--out", tmp_path / "out", "--dry-run")
    assert ended.returncode == 0
    assert re.search(r"2\s+new", ended.stdout)
    assert "good.pdf" in ended.stdout
    assert not (tmp_path / "out").exists()
    again = parquetry("backfill", done / "in", "--out", done / "out", "--dry-run")
    assert "1 unchanged" in again.stdout
    assert "failed before, left alone" in again.stdout


def test_a_backfill_leaves_its_summary_in_a_file(tmp_path, done):
    ended = parquetry(
        "backfill", done / "in", "--out", tmp_path / "out", "--summary", tmp_path / "summary.json"
    )
    assert ended.returncode == 2
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["ok"], summary["failed"], summary["exit_code"]) == (1, 1, 2)
    assert summary["outcomes"][0]["failures"][0][0] == "unsupported"


def test_show_prints_documents_statements_and_failures(done):
    listed = parquetry("show", done / "out")
    assert listed.returncode == 0
    assert re.search(r"good\.pdf\s+ok\s+geometry\s+1\s+1", listed.stdout)
    shown = parquetry("show", done / "out", "good", "--tables")
    assert shown.returncode == 0
    assert re.search(r"Inventories.*250.*240", shown.stdout)
    failed = parquetry("show", done / "out", "--failures")
    assert "unsupported" in failed.stdout
    assert "convert it to PDF" in failed.stdout
    nobody = parquetry("show", done / "out", "nobody")
    assert nobody.returncode == 1
    assert "lists them" in nobody.stderr
    assert parquetry("show", done / "in").returncode == 3


def test_a_report_shows_the_page_and_needs_no_network(tmp_path, done):
    ended = parquetry("report", done / "out", "--to", tmp_path)
    assert ended.returncode == 0, ended.stderr
    pages = sorted(tmp_path.glob("*.html"))
    assert [str(page) for page in pages] == sorted(ended.stdout.split())
    html = next(page for page in pages if page.name.startswith("good-")).read_text()
    assert "data:image/jpeg;base64," in html
    assert ">Inventories</a>" in html
    assert html.count("<rect ") >= 12
    assert not re.findall(r"(?:src|href)=[\"'](?!data:image/jpeg;base64,|#)", html)
    assert "<script" not in html


def test_doctor_names_the_engine_and_what_is_missing():
    well = parquetry("doctor")
    assert well.returncode == 0, well.stdout
    assert "geometry would read" in well.stdout
    ill = parquetry("doctor", "--engine", "vision", PARQUETRY_MODEL="no-such-model")
    assert ill.returncode == 3
    assert "✗" in ill.stdout
    assert "parquetry worker" in ill.stdout


def test_help_names_every_command_and_the_exit_codes():
    told = parquetry("--help").stdout
    for name in ("run", "backfill", "retry-failed", "worker", "models", "show", "report", "doctor", "watch"):
        assert re.search(rf"\b{name}\b", told)
    assert "some documents failed" in told
    assert "parquetry run s3://" in parquetry("run", "--help").stdout


def test_the_command_line_starts_without_prefect_or_models():
    code = "import sys, flows.cli; print([m for m in ('prefect', 'pandas', 'pymupdf', 'onnxruntime') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_cleanly_and_the_next_one_carries_on(tmp_path, end):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(60):
        small_pdf(folder / f"{number:02}.pdf", 1000 + number, pages=6)
    running = subprocess.Popen(
        command("run", folder, "--out", out, "--workers", 1),
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        preexec_fn=heed_ctrl_c,
    )
    while running.poll() is None and len(list((out / "documents").glob("*.parquet"))) < 2:
        time.sleep(0.05)
    running.send_signal(end)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "carry on" in told
    assert "Traceback" not in told
    finished = len(pd.read_parquet(out / "documents"))
    assert 2 <= finished < 60
    assert not Datasets(out).orphans()
    carried_on = parquetry("run", folder, "--out", out, "--limit", 3)
    assert f"{60 - finished} new, {finished} unchanged" in carried_on.stderr
    assert len(content(out)["documents"]) == finished + 3


def test_a_worker_that_is_not_there_is_named_before_anything_is_read(tmp_path: Path) -> None:
    small_pdf(tmp_path / "in" / "a.pdf")
    done = parquetry(
        "run",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--engine",
        "vision",
        "--worker-url",
        "http://127.0.0.1:9",
    )
    assert done.returncode == 3
    assert "http://127.0.0.1:9" in done.stderr + done.stdout
    assert not (tmp_path / "out" / "documents").exists()
