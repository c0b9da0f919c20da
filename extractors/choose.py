"""Which engine reads? `auto` takes the vision engine when a worker answers, else the embedded geometry engine."""

from __future__ import annotations

from extractors.engine import Engine
from extractors.errors import UsageError
from extractors.settings import Settings

NO_WORKER = (
    "The vision engine needs a worker. Start one with `parquetry worker --model MODEL.gguf --mmproj MMPROJ.gguf` and "
    "give its address by `--worker-url` or PARQUETRY_WORKER_URLS, or use `--engine geometry`."
)


def choose_engine(settings: Settings) -> Engine:
    """Return the engine that `settings` ask for. Raises UsageError when vision is asked for and no worker is named."""
    from extractors.geometry.engine import (
        GeometryEngine,
    )  # an engine's libraries are loaded only when it is used

    if settings.engine == "geometry" or (settings.engine == "auto" and not settings.worker_urls):
        return GeometryEngine()
    if not settings.worker_urls:
        raise UsageError(NO_WORKER)
    from extractors.vision.engine import VisionEngine, worker_answers

    if settings.engine == "auto" and not worker_answers(settings):
        return GeometryEngine()
    return VisionEngine(settings)
