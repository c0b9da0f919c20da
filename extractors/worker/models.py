"""Which models are known, which are on this machine, and whether their files are whole.

In: a profile's name and a folder. Out: the paths of a language model and its mmproj, fetched from the Hugging Face hub (or any
server that speaks its API), resumed where an earlier download broke off, and compared with their published sha256.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from extractors.errors import TransportError, UsageError

MANIFEST = "parquetry-model.json"  # beside the files: their names and published checksums
BLOCK = 1 << 22  # bytes read at once while a checksum is made
DEFAULT_FOLDER = Path("~/.cache/parquetry/models")
DEFAULT = "qwen3-vl-8b-q4_k_m"


@dataclass(frozen=True)
class Profile:
    """A model that is known: where its files are, and how it wants to be used."""

    name: str
    repo: str
    model_pattern: str  # which file of the repository is the language model
    mmproj_pattern: str
    gigabytes: float  # of both files, about
    tile_tokens: int = 1024  # image tokens per tile at which it reads best
    max_tile_tokens: int = 4096
    boxes: str = "0-1000 of the image, x0 y0 x1 y1"  # what its boxes mean
    temperature: float = 0.0


def _qwen(size: str, quantisation: str, gigabytes: float) -> Profile:
    return Profile(
        f"qwen3-vl-{size.lower()}-{quantisation.lower()}",
        f"Qwen/Qwen3-VL-{size}-Instruct-GGUF",
        f"[!m]*{quantisation}.gguf",
        "mmproj*F16.gguf",
        gigabytes,
    )


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        _qwen("8B", "Q4_K_M", 6.2),
        _qwen("8B", "Q8_0", 9.9),
        _qwen("8B", "F16", 17.5),
        _qwen("4B", "Q4_K_M", 3.3),
        _qwen("4B", "Q8_0", 5.1),
        _qwen("2B", "Q4_K_M", 1.9),
        _qwen("2B", "Q8_0", 2.6),
    )
}


@dataclass(frozen=True)
class ModelFiles:
    """A model that is on this machine."""

    profile: Profile
    model: Path
    mmproj: Path


@dataclass(frozen=True)
class Verified:
    """How a file compares with its published checksum."""

    path: Path
    expected: str
    actual: str | None  # None when the file is missing

    @property
    def ok(self) -> bool:
        """True when the file is what was published."""
        return self.actual == self.expected


def models_folder() -> Path:
    """Return where models are kept: PARQUETRY_MODELS, else ~/.cache/parquetry/models."""
    return Path(os.environ.get("PARQUETRY_MODELS") or DEFAULT_FOLDER).expanduser()


def profile(name: str | None = None) -> Profile:
    """Return a known profile, the default one without a name. Raises UsageError when there is none of that name."""
    found = PROFILES.get((name or DEFAULT).lower())
    if found is None:
        raise UsageError(f"No model is called {name!r}. `parquetry models list` names them; any other GGUF pair can be "
                         "given by path: parquetry worker --model M.gguf --mmproj P.gguf.")  # fmt: skip
    return found


def find_model(wanted: Profile, folder: Path | None = None) -> ModelFiles | None:
    """Return a model's files when both are on this machine."""
    home = (folder or models_folder()) / wanted.name
    sums = _manifest(home)
    names = {
        kind: next((n for n in sums if n.startswith("mmproj") == (kind == "mmproj")), None)
        for kind in ("model", "mmproj")
    }
    if not names["model"] or not names["mmproj"]:
        return None
    files = ModelFiles(wanted, home / names["model"], home / names["mmproj"])
    return files if files.model.is_file() and files.mmproj.is_file() else None


def pull(
    wanted: Profile,
    folder: Path | None = None,
    endpoint: str | None = None,
    on_file: Callable[[str, int], None] | None = None,
) -> ModelFiles:
    """Fetch a model's two files and check them; what is already here and whole is not fetched again.

    `endpoint` is the hub's address (default: HF_ENDPOINT, else huggingface.co). `on_file` is told each file's name and
    size in bytes before it is fetched.

    Raises:
        TransportError: the hub cannot be reached, or a file arrived damaged.
        UsageError: the hub has no such model or files.

    """
    home = (folder or models_folder()) / wanted.name
    home.mkdir(parents=True, exist_ok=True)
    try:
        info = HfApi(endpoint=endpoint).model_info(wanted.repo, files_metadata=True)
        listed = {sibling.rfilename: sibling for sibling in info.siblings or []}
        names = [
            _match(wanted, pattern, list(listed)) for pattern in (wanted.model_pattern, wanted.mmproj_pattern)
        ]
        sums: dict[str, str] = {}
        for name in names:
            sibling = listed[name]
            if sibling.lfs is None:
                raise UsageError(
                    f"The hub gives no checksum for {name}; fetch it by hand and pass its path to `parquetry worker`."
                )
            sums[name] = sibling.lfs.sha256
            if on_file:
                on_file(name, sibling.size or 0)
            path = home / name
            if not (path.is_file() and sha256(path) == sums[name]):
                path.unlink(missing_ok=True)
                hf_hub_download(wanted.repo, name, revision=info.sha, local_dir=home, endpoint=endpoint)
            if sha256(path) != sums[name]:
                path.unlink(missing_ok=True)
                raise TransportError(f"{name} arrived damaged and was deleted; pull it again.")
    except RepositoryNotFoundError as error:
        raise UsageError(f"The hub has no model {wanted.repo}, or it asks for a login (HF_TOKEN).") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise TransportError(f"{wanted.repo} could not be fetched ({error}). Check the network and pull again: it goes on where it stopped.") from error  # fmt: skip
    partial = home / f"{MANIFEST}.partial"
    partial.write_text(json.dumps({"profile": asdict(wanted), "sha256": sums}, indent=1))
    partial.replace(home / MANIFEST)
    return ModelFiles(wanted, home / names[0], home / names[1])


def verify(wanted: Profile, folder: Path | None = None) -> list[Verified]:
    """Compare a model's files with the checksums they were published with. Empty when it was never pulled."""
    home = (folder or models_folder()) / wanted.name
    return [
        Verified(home / name, expected, sha256(home / name) if (home / name).is_file() else None)
        for name, expected in _manifest(home).items()
    ]


def sha256(path: Path) -> str:
    """Return the checksum of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _match(wanted: Profile, pattern: str, names: list[str]) -> str:
    found = sorted(name for name in names if fnmatch.fnmatchcase(name, pattern))
    if not found:
        raise UsageError(f"{wanted.repo} has no file like {pattern}; it may have been renamed. Fetch the pair by hand and "
                         "pass both paths to `parquetry worker`.")  # fmt: skip
    return found[0]


def _manifest(home: Path) -> dict[str, str]:
    try:
        sums: dict[str, str] = json.loads((home / MANIFEST).read_text())["sha256"]
    except (OSError, ValueError, KeyError):
        return {}
    return sums
