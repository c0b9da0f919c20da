"""Which models are known, which are on this machine, and whether their files are whole.

In: a profile's name and a folder. Out: the paths of a language model and its mmproj, fetched from the Hugging Face hub (or any
server that speaks its API), resumed where an earlier download broke off, and compared with their published sha256.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import httpx
from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError

from extractors.errors import ParquetryError, TransportError, UsageError, WriteError
from extractors.worker.fitting import ModelSize

MANIFEST = "parquetry-model.json"  # beside the files: their names and published checksums
BLOCK = 1 << 22  # bytes read at once while a checksum is made
MODELSCOPE = "https://www.modelscope.cn"
SECONDS = 60.0  # without a byte from a hub
TRIES = 5  # times in a row that a download is taken up again and nothing comes
PAUSE = 0.2  # seconds before the second try, longer before each further one
DEFAULT_FOLDER = Path("~/.cache/parquetry/models")
DEFAULT = "qwen3-vl-8b-q4_k_m"

ROW_READER = "parquetry-reader"  # how the names of models begin that read one row of a table at a time
SHIPPED = Path(__file__).parents[1] / "reader"  # where one of them ships with the package

HubName = Literal["huggingface", "modelscope"]
TileKind = Literal["tables", "rows"]


@dataclass(frozen=True)
class Profile:
    """A model that is known: where its files are, and how it wants to be used."""

    name: str
    repo: str
    model_pattern: str  # which file of the repository is the language model
    mmproj_pattern: str
    gigabytes: float  # of both files, about
    size: ModelSize | None = None  # what of it takes memory
    token_pixels: int = 32  # side of the square that one image token covers
    tile_tokens: int = 1024  # image tokens per tile at which it reads best: 1024 × 1024 pixels
    max_tile_tokens: int = 4096
    chat_template: str = "the GGUF file's own (ChatML)"
    boxes: str = "0-1000 of the image's width and height, x0 y0 x1 y1"  # what its boxes mean
    temperature: float = 0.0  # greedy: what is printed is copied, not composed
    repetition_penalty: float = 1.0  # none: tables repeat themselves rightly
    tiles: TileKind = "tables"  # what one image shows


def _qwen(size: str, quantisation: str, weights: int) -> Profile:
    """The official files: https://huggingface.co/Qwen/Qwen3-VL-8B-Instruct-GGUF and its like, the same on ModelScope."""
    name = f"qwen3-vl-{size.lower()}-{quantisation.lower()}"
    layers, width, feed_forward, mmproj = _QWEN_SHAPES[size]
    return Profile(
        name,
        f"Qwen/Qwen3-VL-{size}-Instruct-GGUF",
        f"[!m]*-{quantisation}.gguf",  # Qwen3VL-8B-Instruct-Q4_K_M.gguf
        "mmproj*-F16.gguf",  # mmproj-Qwen3VL-8B-Instruct-F16.gguf
        round((weights + mmproj) / 1e9, 1),
        ModelSize(name, weights, mmproj, layers, 8, 128, width, feed_forward, 151_936),
    )


# Layers, width and feed-forward width of the language model (config.json), bytes of the F16 mmproj.
_QWEN_SHAPES = {
    "8B": (36, 4096, 12_288, 1_159_029_824),
    "4B": (36, 2560, 9728, 836_180_256),
    "2B": (28, 2048, 6144, 819_000_000),
}
# Bytes of the language model's file: as published for 8B and for Q4_K_M; the others from the number of parameters.
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        _qwen("8B", "Q4_K_M", 5_027_784_800),
        _qwen("8B", "Q8_0", 8_709_519_456),
        _qwen("8B", "F16", 16_388_044_896),
        _qwen("4B", "Q4_K_M", 2_497_281_664),
        _qwen("4B", "Q8_0", 4_280_000_000),
        _qwen("4B", "F16", 8_050_000_000),
        _qwen("2B", "Q4_K_M", 1_107_409_952),
        _qwen("2B", "Q8_0", 1_830_000_000),
        _qwen("2B", "F16", 3_450_000_000),
    )
}
# The default models by how well they read: by size, then by bits. At 4B and 2B more bits buy less than the next size does.
BEST_FIRST = (
    "qwen3-vl-8b-f16",
    "qwen3-vl-8b-q8_0",
    "qwen3-vl-8b-q4_k_m",
    "qwen3-vl-4b-q8_0",
    "qwen3-vl-4b-q4_k_m",
    "qwen3-vl-2b-q8_0",
    "qwen3-vl-2b-q4_k_m",
)


@dataclass(frozen=True)
class HubFile:
    """A file on a hub: where to get it, its size in bytes and its published checksum."""

    name: str
    url: str
    size: int
    sha256: str
    headers: dict[str, str]


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


def reads_rows(name: str) -> bool:
    """Tell whether the model served as `name` reads strips of one row each."""
    known = PROFILES.get(name.lower())
    return known.tiles == "rows" if known else name.lower().startswith(ROW_READER)


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


def shipped_reader() -> tuple[Path, Path] | None:
    """Return the model and mmproj of the small reader that ships with the package; None where it was left out."""
    files = SHIPPED / f"{ROW_READER}.gguf", SHIPPED / f"mmproj-{ROW_READER}.gguf"
    return files if all(file.is_file() for file in files) else None


def pull(
    wanted: Profile,
    folder: Path | None = None,
    endpoint: str | None = None,
    on_file: Callable[[str, int], None] | None = None,
    hub: HubName | None = None,
) -> ModelFiles:
    """Fetch a model's two files and check them; what is already here and whole is not fetched again.

    `hub` is "huggingface" or "modelscope" (default: PARQUETRY_MODEL_HUB, else huggingface), `endpoint` its address when it
    is not the public one (for huggingface also HF_ENDPOINT). `on_file` is told each file's name and size in bytes before it
    is fetched. A download that broke off goes on where it stopped.

    Raises TransportError when the hub cannot be reached or a file arrived damaged, WriteError when there is no room for it, and
    UsageError when the hub has no such model or files.
    """
    home = (folder or models_folder()) / wanted.name
    home.mkdir(parents=True, exist_ok=True)
    chosen = hub or os.environ.get("PARQUETRY_MODEL_HUB") or "huggingface"
    if chosen not in LISTINGS:
        raise UsageError(f"PARQUETRY_MODEL_HUB is {chosen!r}; set it to one of {', '.join(LISTINGS)}.")
    try:
        listed = {file.name: file for file in LISTINGS[chosen](wanted.repo, endpoint)}
    except ParquetryError:
        raise
    except Exception as error:  # the hub's client passes on the errors of whichever HTTP library it uses
        raise TransportError(
            f"{wanted.repo} could not be listed ({error}). Check the network and pull again."
        ) from error
    files = [
        listed[_match(wanted, pattern, list(listed))]
        for pattern in (wanted.model_pattern, wanted.mmproj_pattern)
    ]
    missing = [file for file in files if not _is_whole(home / file.name, file)]
    _check_room(home, missing)
    for file in files:
        if on_file:
            on_file(file.name, file.size)
        if file in missing:
            (home / file.name).unlink(missing_ok=True)
            _fetch(file, home / file.name)
    partial = home / f"{MANIFEST}.partial"
    partial.write_text(
        json.dumps(
            {"profile": asdict(wanted), "sha256": {file.name: file.sha256 for file in files}}, indent=1
        )
    )
    partial.replace(home / MANIFEST)
    return ModelFiles(wanted, home / files[0].name, home / files[1].name)


def _list_huggingface(repo: str, endpoint: str | None) -> Iterator[HubFile]:
    try:
        info = HfApi(endpoint=endpoint).model_info(repo, files_metadata=True)
    except RepositoryNotFoundError as error:
        raise UsageError(f"The hub has no model {repo}, or it asks for a login (HF_TOKEN).") from error
    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for sibling in info.siblings or []:
        if sibling.lfs is not None:  # large files are those with a published checksum
            url = hf_hub_url(repo, sibling.rfilename, revision=info.sha, endpoint=endpoint)
            yield HubFile(sibling.rfilename, url, sibling.size or 0, sibling.lfs.sha256, headers)


def _list_modelscope(repo: str, endpoint: str | None) -> Iterator[HubFile]:
    base = (endpoint or MODELSCOPE).rstrip("/")
    reply = httpx.get(
        f"{base}/api/v1/models/{repo}/repo/files",
        params={"Revision": "master", "Recursive": "true"},
        timeout=SECONDS,
    )
    if reply.status_code == 404:
        raise UsageError(f"The hub has no model {repo}.")
    for file in reply.raise_for_status().json()["Data"]["Files"]:
        if file.get("Sha256"):
            url = f"{base}/models/{repo}/resolve/master/{quote(file['Path'])}"
            yield HubFile(file["Path"], url, file["Size"], file["Sha256"], {})


LISTINGS: dict[str, Callable[[str, str | None], Iterator[HubFile]]] = {
    "huggingface": _list_huggingface,
    "modelscope": _list_modelscope,
}


def _is_whole(path: Path, file: HubFile) -> bool:
    return path.is_file() and sha256(path) == file.sha256


def _check_room(home: Path, files: list[HubFile]) -> None:
    """Raise WriteError before anything is fetched that would not fit."""
    here = sum(part.stat().st_size for file in files if (part := _partial_of(home / file.name)).is_file())
    need, free = sum(file.size for file in files) - here, shutil.disk_usage(home).free
    if need > free:
        raise WriteError(
            f"{home} has room for {free / 1e9:.1f} GB and {need / 1e9:.1f} GB are to be fetched; free some, or name another folder in "
            "PARQUETRY_MODELS."
        )


def _partial_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _fetch(file: HubFile, path: Path) -> None:
    """Download a file, going on where an earlier try stopped, and compare its checksum."""
    partial = _partial_of(path)
    problem: Exception | None = None
    tries = 0
    while tries < TRIES:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            _continue(file, partial)
            break
        except httpx.HTTPError as error:
            problem = error
            came = (partial.stat().st_size if partial.exists() else 0) > before
            tries = 0 if came else tries + 1
            time.sleep(0.0 if came else PAUSE * tries)
        except OSError as error:
            raise WriteError(
                f"{path.name} cannot be written to {path.parent} ({error.strerror or error}); free some space, or name another folder "
                "in PARQUETRY_MODELS, and pull again: it goes on where it stopped."
            ) from error
    else:
        raise TransportError(
            f"{file.name} could not be fetched ({problem}). Pull again: it goes on where it stopped."
        )
    if sha256(partial) != file.sha256:
        partial.unlink()
        raise TransportError(f"{file.name} arrived damaged and was deleted; pull it again.")
    partial.replace(path)


def _continue(file: HubFile, partial: Path) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    if file.size and start >= file.size:
        return
    headers = {**file.headers, **({"Range": f"bytes={start}-"} if start else {})}
    with httpx.stream("GET", file.url, headers=headers, follow_redirects=True, timeout=SECONDS) as reply:
        reply.raise_for_status()
        mode = "ab" if reply.status_code == httpx.codes.PARTIAL_CONTENT else "wb"  # some servers begin anew
        with partial.open(mode) as out:
            for block in reply.iter_bytes():  # as they arrive: what has come before a break is kept
                out.write(block)


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
