"""Settings → the engine that reads: geometry without a worker, a clear error where vision has none."""

from __future__ import annotations

from extractors.choose import choose_engine
from extractors.settings import Settings


def test_geometry_reads_where_it_is_asked_for() -> None:
    assert choose_engine(Settings(engine="geometry", worker_urls=["http://127.0.0.1:9"])).name == "geometry"


def test_auto_falls_back_to_geometry_where_no_worker_answers() -> None:
    assert choose_engine(Settings(engine="auto", worker_urls=["http://127.0.0.1:9"])).name == "geometry"
