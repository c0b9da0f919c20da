"""`parquetry train fit` and `parquetry train convert`: a model is taught by a configuration file, and made into files that the worker serves.

In: paths and options of the command line. Out: a run folder, GGUF files, and words about them. torch and its companions are loaded
here and not before: nothing else of the package needs them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from extractors.errors import UsageError

RUNS = Path(".train")  # where runs are kept when no folder is named
SMALL = "reader"  # the run of `--small`
EXTRA = (
    "Teaching needs more than reading does: pip install 'parquetry[train]'. Without a GPU take the smaller build of torch first: "
    "pip install torch --index-url https://download.pytorch.org/whl/cpu."
)


@contextmanager
def needing_torch() -> Iterator[None]:
    """Say what to install when a library of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed. {EXTRA}") from error


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file (TOML). Raises UsageError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is no configuration that can be read: {error}") from error


def run_fit(console: Console, config: Path | None, small: bool, out: Path | None) -> Path:
    """Teach what a configuration says, or the small reader by its defaults; return the run folder. Raises UsageError."""
    if (config is None) != small:
        raise UsageError(
            "Name a configuration file, or give --small for the reader that ships with the package; not both."
        )
    told: dict[str, Any] = read_config(config) if config else {}
    folder = out or RUNS / (config.stem if config else SMALL)
    with needing_torch():
        if told.get("kind") == "lora":
            from extractors.training.loop import checked
            from extractors.training.lora import LoraConfig, fit_lora

            fit_lora(checked(LoraConfig, told), folder, console)
        else:
            from extractors.training.fit import fit_config, fit_reader

            fit_reader(fit_config(told), folder, console)
    console.print(
        f"{folder}\nNext: parquetry train convert {folder} OUT", highlight=False, markup=False, soft_wrap=True
    )
    return folder


def run_convert(
    console: Console,
    run: Path,
    out: Path,
    *,
    name: str | None,
    weights: str,
    model: Path | None,
    mmproj: Path | None,
) -> tuple[Path, ...]:
    """Convert a run into GGUF files and print how they compare with it; return the files. Raises UsageError and EngineError."""
    with needing_torch():
        from extractors.training.convert import convert_adapter, convert_reader, weight_type
        from extractors.training.lora import ADAPTER
        from extractors.worker.models import ROW_READER

        if (run / ADAPTER).is_dir():
            if model is None or mmproj is None:
                raise UsageError(
                    "An adapter is compared beside the model that it will be served with: give --model and --mmproj."
                )
            done = convert_adapter(run, out, name or run.resolve().name, model, mmproj)
            serve = f'parquetry worker --model {model} --mmproj {mmproj} --adapters \'{{"{done.files[0].stem}": "{done.files[0]}"}}\''
        else:
            done = convert_reader(run, out, name or ROW_READER, weight_type(weights))
            serve = f"parquetry worker --model {done.files[0]} --mmproj {done.files[1]}"
    for file in done.files:
        console.print(
            f"{file} ({file.stat().st_size / 1e6:.1f} MB)", highlight=False, markup=False, soft_wrap=True
        )
    console.print(
        f"Compared with torch: {done.parity}\nServe it: {serve}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return done.files
