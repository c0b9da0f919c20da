"""Where tests find their documents, and the numbers of threads they may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_docs"
EVAL = (
    Path(__file__).parents[2] / "shared" / "eval"
)  # real documents with truth; tests that want them skip without it


@pytest.fixture
def eval_dir() -> Path:
    """The folder of real documents with hand-checked truth, or a skip."""
    if not EVAL.is_dir():
        pytest.skip("the folder of real documents is not there")
    return EVAL


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a real Prefect server, SQLite in a fresh home, that all tests of a session share."""
    from flows.demo import prefect_server

    with prefect_server(tmp_path_factory.mktemp("prefect")) as environment:
        yield {name: value for name, value in environment.items() if not name.startswith("PARQUETRY_")}
