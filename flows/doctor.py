"""Answers whether everything is here that a run needs, which engine would read, and what mends what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.errors import ParquetryError
from extractors.worker.devices import Machine, look_around
from extractors.worker.fitting import Fit, best_model, fit
from extractors.worker.models import BEST_FIRST, PROFILES, find_model
from flows.api import ANSWER_SECONDS, check_api, prefect_api
from flows.parameters import RunParameters, default_workers
from flows.shipped import reads_alone

PACKAGES = (
    "pymupdf",
    "pyarrow",
    "pandas",
    "pydantic",
    "rapidocr",
    "onnxruntime",
    "prefect",
    "llama-cpp-python",
    "llguidance",
)
SPARE_BYTES = 1_000_000_000  # of disk; below it a run may stop in the middle
SPARE_MEMORY = 2_000_000_000  # bytes per document read at once; OCR of a large page takes most of it

Health = Literal["ok", "note", "missing"]
MARK = {"ok": "[green]✓[/]", "note": "[yellow]–[/]", "missing": "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    health: Health  # "missing" means that a run would not work
    what: str
    told: str
    mend: str = ""  # the command that mends it


def examine(console: Console, engine: str | None, worker_urls: tuple[str, ...]) -> bool:
    """Print what was found. True when a run would work."""
    findings = list(look(engine, worker_urls))
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for finding in findings:
        told = Text(finding.told)
        if finding.mend:
            told.append(f"\n{finding.mend}", style="cyan")
        table.add_row(MARK[finding.health], Text(finding.what), told)
    console.print(table)
    well = all(finding.health != "missing" for finding in findings)
    console.print(
        "Ready: parquetry run FOLDER --out OUT" if well else "Not ready: mend what is marked ✗.",
        highlight=False,
    )
    return well


def look(engine: str | None, worker_urls: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what there is to say about this machine, one thing at a time."""
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Finding(
        "ok" if good else "missing", "Python", version, "" if good else "Install Python 3.11 or newer."
    )
    yield from (_package(name) for name in PACKAGES)
    yield from _machine()
    yield from _engine(engine, worker_urls)
    yield from vision_machine(look_around())
    yield _ocr()
    yield _prefect()


def _package(name: str) -> Finding:
    try:
        return Finding("ok", name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding("missing", name, "not installed", f"{sys.executable} -m pip install {name}")


def _machine() -> Iterator[Finding]:
    workers = default_workers()
    yield Finding(
        "ok", "cores", f"{workers}: so many documents are read at once unless --workers says otherwise"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = memory >= workers * SPARE_MEMORY
    yield Finding(
        "ok" if enough else "note", "memory", f"{memory / 1e9:.1f} GB",
        "" if enough else f"Scans may need more: parquetry run … --workers {max(1, memory // SPARE_MEMORY)}",
    )  # fmt: skip
    free = shutil.disk_usage(Path.cwd()).free
    yield Finding(
        "ok" if free >= SPARE_BYTES else "note", "disk", f"{free / 1e9:.1f} GB free in {Path.cwd()}",
        "" if free >= SPARE_BYTES else "Write elsewhere with --out, or free some space.",
    )  # fmt: skip


def _engine(engine: str | None, worker_urls: tuple[str, ...]) -> Iterator[Finding]:
    from extractors.choose import choose_engine

    given = {"engine": engine} if engine else {}
    parameters = RunParameters.model_validate(
        {**given, "folders": ("-",), "out": "-", "worker_urls": worker_urls}
    )
    settings = parameters.settings()
    for url in settings.worker_urls:
        try:
            models = httpx.get(
                f"{url.rstrip('/')}/v1/models", timeout=ANSWER_SECONDS, headers=_bearer(settings)
            ).json()
            names = ", ".join(str(model["id"]) for model in models["data"])
            yield Finding("ok", "vision worker", f"{url} answers with {names}")
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            yield Finding(
                "missing" if settings.engine == "vision" else "note", "vision worker", f"{url} does not answer ({error})",
                "parquetry models pull && parquetry worker",
            )  # fmt: skip
    try:
        chosen = choose_engine(settings)
        told = f"{chosen.name}{f' with {chosen.model}' if chosen.model else ''} would read (asked for: {settings.engine})"
        yield Finding("ok", "engine", told)
    except ParquetryError as error:
        if reads_alone(parameters):
            yield Finding(
                "ok",
                "engine",
                "vision, by the small reader of the package: its worker starts and ends with the run",
            )
        else:
            yield Finding("missing", "engine", str(error))
    if not settings.worker_urls:
        yield Finding(
            "note", "vision", "no worker is configured; pages are read by the geometry engine on the CPU",
            "parquetry models pull && parquetry worker, then PARQUETRY_WORKER_URLS='[\"http://127.0.0.1:7860\"]'",
        )  # fmt: skip


def vision_machine(machine: Machine) -> Iterator[Finding]:
    """Yield which GPUs there are, which model suits each, and how it would run there, with the numbers behind it."""
    sizes = [size for name in BEST_FIRST if (size := PROFILES[name].size)]
    for device in machine.gpus:
        free = f"{device.name}: {device.free / 1e9:.1f} of {device.total / 1e9:.1f} GB free"
        size, way = best_model(sizes, device.free)
        here = find_model(PROFILES[size.name]) is not None
        yield Finding("ok" if way.fits else "note", f"GPU {device.index}", free)
        yield Finding(
            "ok" if here else "note", "model", f"{size.name} suits it: {_reckoned(way)}",
            "" if here else f"parquetry models pull {size.name}",
        )  # fmt: skip
    if len(machine.gpus) > 1:
        yield Finding(
            "ok", "GPUs", f"{len(machine.gpus)}: parquetry worker --gpus all starts one worker on each"
        )
    for device in machine.unused:
        yield Finding(
            "note", "GPU", f"{device.name} is here, but this build of llama-cpp-python cannot use it",
            "CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-binary llama-cpp-python llama-cpp-python==0.3.36",
        )  # fmt: skip
    if not machine.gpus:
        size = PROFILES[BEST_FIRST[-1]].size
        assert size is not None
        way = fit(size, machine.memory.free, gpu=False)
        yield Finding(
            "note", "GPU", f"none that llama.cpp can use; {size.name} would run on the CPU: {_reckoned(way)}"
        )


def _reckoned(way: Fit) -> str:
    parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in way.parts.items())
    layers = "all layers" if way.n_gpu_layers < 0 else f"{way.n_gpu_layers} layers"
    where = "" if way.n_gpu_layers == 0 else f"{layers} on it, "
    return (
        f"{where}{way.slots} slots, {way.context:,} cells ({way.kv_type}), images of up to {way.image_max_tokens:,} tokens. "
        f"It takes {way.needed / 1e9:.1f} GB ({parts}). Because: {'; '.join(way.why)}"
    )


def _bearer(settings: object) -> dict[str, str]:
    token = getattr(settings, "worker_token", None)
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def _ocr() -> Finding:
    try:
        folder = Path(str(metadata.distribution("rapidocr").locate_file("rapidocr/models")))
    except metadata.PackageNotFoundError:
        return Finding(
            "missing", "OCR", "rapidocr is not installed", f"{sys.executable} -m pip install rapidocr"
        )
    models = sorted(path.name for path in folder.glob("*.onnx"))
    if models:
        return Finding("ok", "OCR", f"{len(models)} models in its package; works offline")
    return Finding(
        "missing",
        "OCR",
        "its models are not in its package",
        f"{sys.executable} -m pip install --force-reinstall rapidocr",
    )


def _prefect() -> Finding:
    url = prefect_api()
    if not url:
        return Finding(
            "note", "Prefect", "no API is configured; runs are direct",
            "prefect server start, then PREFECT_API_URL=http://127.0.0.1:4200/api",
        )  # fmt: skip
    try:
        check_api(url)
    except ParquetryError as error:
        return Finding("missing", "Prefect", str(error))
    return Finding("ok", "Prefect", f"{url} answers; runs are flow runs")
