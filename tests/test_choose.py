"""Settings → the engine that reads: geometry without a worker, a clear error where vision has none."""

from __future__ import annotations

import pytest

from extractors.choose import NO_WORKER, choose_engine
from extractors.errors import UsageError
from extractors.settings import Settings

NOBODY = ["http://127.0.0.1:9"]  # the discard port: nothing answers


def test_geometry_reads_where_it_is_asked_for() -> None:
    assert choose_engine(Settings(engine="geometry", worker_urls=NOBODY)).name == "geometry"


@pytest.mark.parametrize("urls", [[], NOBODY])
def test_auto_falls_back_to_geometry_where_no_worker_answers(urls: list[str]) -> None:
    assert choose_engine(Settings(engine="auto", worker_urls=urls)).name == "geometry"


def test_vision_without_a_worker_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        choose_engine(Settings(engine="vision", worker_urls=[]))
    assert str(caught.value) == NO_WORKER
    assert (
        "parquetry worker" in NO_WORKER and "--worker-url" in NO_WORKER and "--engine geometry" in NO_WORKER
    )
    assert not caught.value.retryable
