"""Is a Prefect API configured here? Told from the environment and Prefect's own files, without importing Prefect.

Importing Prefect costs more than a second, and using it without an API would start a server of its own; so the command
line asks here first.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from extractors.errors import TransportError

ANSWER_SECONDS = 5.0  # a server that needs longer to say that it is there is taken to be away


def prefect_api(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> str | None:
    """Return the URL of the configured Prefect API, or None.

    Prefect looks in the same order: environment, `.env`, `prefect.toml` and `pyproject.toml` in the working folder, then
    the active profile.
    """
    folder = folder or Path.cwd()
    if "PREFECT_API_URL" in environ:
        return environ["PREFECT_API_URL"] or None
    for line in _text(folder / ".env").splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        if name.strip() == "PREFECT_API_URL":
            return value.strip().strip("'\"") or None
    for file, path in (
        ("prefect.toml", ("api", "url")),
        ("pyproject.toml", ("tool", "prefect", "api", "url")),
    ):
        if url := _dig(_toml(folder / file), *path):
            return str(url)
    home = Path(environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    profiles = _toml(Path(environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser())
    active = environ.get("PREFECT_PROFILE") or profiles.get("active") or "ephemeral"
    url = _dig(profiles, "profiles", str(active), "PREFECT_API_URL")
    return str(url) if url else None


def check_api(url: str) -> None:
    """Raise TransportError when nothing answers at `url`."""
    try:
        httpx.get(url.rstrip("/") + "/health", timeout=ANSWER_SECONDS)
    except httpx.HTTPError as error:
        raise TransportError(
            f"The Prefect API at {url} does not answer ({error}). Start it with `prefect server start`, correct "
            "PREFECT_API_URL, or run without it: --direct."
        ) from error


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _dig(data: Any, *path: str) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data
