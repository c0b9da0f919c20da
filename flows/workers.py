"""The vision worker and its models from the command line: start one; list, fetch and verify models.

The work is done in `extractors.worker`; here its settings become options and its answers tables.
"""

from __future__ import annotations

import logging
from pathlib import Path

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.table import Table

from extractors.errors import UsageError
from extractors.worker.devices import look_around
from extractors.worker.fitting import Fit
from extractors.worker.fleet import members, run_fleet
from extractors.worker.models import (
    DEFAULT,
    PROFILES,
    ROW_READER,
    Profile,
    find_model,
    models_folder,
    profile,
    pull,
    shipped_reader,
    verify,
)
from extractors.worker.settings import WorkerSettings
from extractors.worker.supervisor import run_worker

SHORT_SUM = 12  # digits of a checksum that are shown


class _CommandLine(WorkerSettings):
    """Start the vision worker: a process of its own that holds the model, on the GPU where there is one.

    Without --model the one that `parquetry models pull` fetched is served, else the small reader of the package. Every option may also be given as a
    PARQUETRY_WORKER_* variable.
    """


def start_worker(arguments: list[str]) -> None:
    """Serve a model until stopped. Raises UsageError for bad options, typer.Exit with the worker's code."""
    try:
        settings: WorkerSettings = _CommandLine(
            _cli_parse_args=arguments,
            _cli_kebab_case=True,
            _cli_prog_name="parquetry worker",
            _cli_hide_none_type=True,
        )
    except (ValidationError, SettingsError) as error:
        raise UsageError(f"{error}\nSee parquetry worker --help.") from error
    except SystemExit as ended:  # the argument parser's own ending: 0 after --help, 2 for bad options
        raise typer.Exit(1 if ended.code else 0) from ended
    if settings.model is None:
        model, mmproj, name = _model_here()
        settings = settings.model_copy(
            update={"model": model, "mmproj": settings.mmproj or mmproj, "name": settings.name or name}
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor %(levelname)s %(message)s")
    fleet = members(settings, look_around())
    for member in fleet:
        if member.fit:
            logging.info("Port %d: %s", member.settings.port, told(member.settings, member.fit))
    if len(fleet) == 1 and fleet[0].gpu is None:
        raise typer.Exit(run_worker(fleet[0].settings))
    raise typer.Exit(run_fleet(fleet))


def _model_here() -> tuple[Path, Path, str]:
    """Return the files and the name of the model that was fetched, else of the reader in the package. Raises UsageError."""
    if found := find_model(profile()):
        return found.model, found.mmproj, DEFAULT
    if reader := shipped_reader():
        return *reader, ROW_READER
    raise UsageError(
        "No model is here yet: `parquetry models pull` fetches one, or give --model and --mmproj."
    )


def told(settings: WorkerSettings, way: Fit) -> str:
    """Return in words how a worker runs, and why."""
    layers = "all layers" if settings.n_gpu_layers < 0 else f"{settings.n_gpu_layers} layers"
    return (
        f"{layers} on the GPU, {settings.slots} slots, {settings.context:,} cells ({settings.kv_type}), images of up to "
        f"{settings.image_max_tokens:,} tokens: about {way.needed / 1e9:.1f} of {way.free / 1e9:.1f} GB free; {'; '.join(way.why)}"
    )


def list_models(console: Console) -> None:
    """Print the known models, and which of them are here."""
    table = Table("model", "from", "size", "here", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for known in PROFILES.values():
        here = find_model(known)
        name = f"{known.name} (default)" if known.name == DEFAULT else known.name
        table.add_row(name, known.repo, f"{known.gigabytes:.1f} GB", "[green]yes[/]" if here else "")
    console.print(table)
    console.print(f"Models are kept in {models_folder()}", highlight=False, markup=False, soft_wrap=True)


def pull_model(console: Console, name: str | None) -> None:
    """Fetch a model. Raises TransportError or UsageError."""
    wanted = profile(name)
    files = pull(
        wanted,
        on_file=lambda file, size: console.print(
            f"{file} ({size / 1e9:.1f} GB)", highlight=False, markup=False
        ),
    )
    console.print(f"{files.model}\n{files.mmproj}", highlight=False, markup=False, soft_wrap=True)
    option = (
        ""
        if wanted.name == DEFAULT
        else f" --model {files.model} --mmproj {files.mmproj} --name {wanted.name}"
    )
    console.print(f"Serve it: parquetry worker{option}", highlight=False, markup=False, soft_wrap=True)


def verify_models(console: Console, name: str | None) -> bool:
    """Compare checksums, print what was found; True when all files are what was published.

    Raises UsageError when there is nothing to verify.
    """
    wanted: list[Profile] = (
        [profile(name)] if name else [known for known in PROFILES.values() if find_model(known)]
    )
    found = [(known, file) for known in wanted for file in verify(known)]
    if not found:
        raise UsageError("No model is here yet: `parquetry models pull` fetches one.")
    for known, file in found:
        told = (
            "ok" if file.ok else "missing" if file.actual is None else f"differs: {file.actual[:SHORT_SUM]}…"
        )
        console.print(
            f"{known.name}  {file.path.name}  {told}", highlight=False, markup=False, soft_wrap=True
        )
    well = all(file.ok for _, file in found)
    if not well:
        console.print(f"Fetch what differs again: parquetry models pull {found[0][0].name}", highlight=False)
    return well
