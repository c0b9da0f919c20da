"""Where do llama.cpp's converters come from? From the source of the llama-cpp-python that the worker runs on, by its checksum.

In: nothing but the network, once. Out: a folder in the user's cache with `convert_hf_to_gguf.py`, `convert_lora_to_gguf.py` and what
they import. pip fetches the source distribution from the index that it is set up for and refuses any other bytes than these; nothing
of a model's or a document's folder is ever executed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Literal

from extractors.errors import TransportError, UsageError

VERSION = "0.3.36"  # of llama-cpp-python, as in pyproject.toml: what converts and what reads are of one age
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"  # of its source distribution
INSIDE = f"llama_cpp_python-{VERSION}/vendor/llama.cpp/"  # where llama.cpp lies in it
KEPT = ("conversion/", "gguf-py/", "convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "LICENSE")
DEFAULT_FOLDER = Path("~/.cache/parquetry/converters")
SECONDS = 3600.0  # until a conversion is given up
SHOWN = 1500  # letters of a converter's last words that an error repeats

Script = Literal["convert_hf_to_gguf.py", "convert_lora_to_gguf.py"]


def converters_folder() -> Path:
    """Return where the converters are kept: PARQUETRY_CONVERTERS, else ~/.cache/parquetry/converters."""
    return Path(os.environ.get("PARQUETRY_CONVERTERS") or DEFAULT_FOLDER).expanduser()


def converters(folder: Path | None = None) -> Path:
    """Return the folder of the pinned converters; fetch them when they are not there. Raises TransportError."""
    home = (folder or converters_folder()) / f"llama-cpp-python-{VERSION}"
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as room:
        unpacked = Path(room) / "source"
        unpack(fetch(Path(room)), unpacked)
        try:
            unpacked.rename(home)
        except OSError:  # another process was faster
            if not home.is_dir():
                raise
    return home


def fetch(folder: Path) -> Path:
    """Let pip fetch the source distribution into `folder`. Raises TransportError when it cannot, or when its checksum is another."""
    pinned = folder / "pinned.txt"
    pinned.write_text(f"llama-cpp-python=={VERSION} --hash=sha256:{SHA256}\n")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python",
        "--require-hashes", "--requirement", str(pinned), "--dest", str(folder),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = next(folder.glob("*.tar.gz"), None)
    if done.returncode or found is None:
        raise TransportError(
            f"The source of llama-cpp-python {VERSION} could not be fetched: {done.stderr.strip()[-SHOWN:]}\nCheck the network and pip's "
            "index, and convert again."
        )
    return found


def unpack(archive: Path, target: Path) -> None:
    """Unpack what the converters need, and nothing else, into `target`. Raises TransportError when it is not in the archive."""
    with tarfile.open(archive) as source:
        for member in source:
            inner = member.name.removeprefix(INSIDE)
            if inner != member.name and inner.startswith(KEPT):
                source.extract(member.replace(name=inner), target, filter="data")
    if not (target / "convert_hf_to_gguf.py").is_file():
        shutil.rmtree(target, ignore_errors=True)
        raise TransportError(f"{archive.name} holds no converters; its layout has changed.")


def run_converter(source: Path, script: Script, *arguments: str, pre_tokenizer: str = "-") -> None:
    """Run a converter in a process of its own. Raises UsageError with its last words when it fails.

    `pre_tokenizer` names the pre-tokeniser of a tokeniser that the converter does not know by its hash; "-" leaves it to the converter.
    """
    command = [
        sys.executable,
        "-m",
        "extractors.training.launch",
        str(source),
        script,
        pre_tokenizer,
        *arguments,
    ]
    ours = Path(__file__).parents[2]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(
        part for part in (str(ours), os.environ.get("PYTHONPATH", "")) if part)}  # fmt: skip
    try:
        with tempfile.TemporaryDirectory() as empty:  # where nothing lies that could be imported by mistake
            done = subprocess.run(
                command,
                cwd=empty,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"{script} was not done after {SECONDS:.0f} s; convert on a larger machine."
        ) from error
    if done.returncode:
        raise UsageError(f"{script} failed: {done.stderr.strip()[-SHOWN:]}")
