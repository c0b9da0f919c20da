"""Hundreds of broken and hostile files, the same ones for the same seed.

In: a seed. Out: `Made` files, each by name with a function that gives its bytes, so that a sample costs only itself. A
family is a generator of files of one kind; `READABLE` says which families must be read without any failure.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.drawing import boxes, coordinates, fonts
from tests.hostile.raw import Bytes
from tests.hostile.sizes import bombs, masses, nesting, sizes
from tests.hostile.structure import (
    actions,
    fuzzed,
    known_password,
    loops,
    mislabelled,
    names,
    truncated,
    unknown_password,
)  # fmt: skip

READABLE = {"actions", "known-password", "names"}  # families whose every file is read without a failure
FAMILIES = (
    known_password, unknown_password, truncated, loops, bombs, masses, sizes, nesting, actions, fonts, coordinates, boxes, mislabelled, names, fuzzed,
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """One file of the corpus."""

    family: str
    name: str  # the file's name; bytes that are not UTF-8 are escaped as `os.fsdecode` does
    content: Bytes


def corpus(seed: int = 1) -> list[Made]:
    """Return all files of the corpus; their bytes are made when they are asked for."""
    made = []
    for make in FAMILIES:
        family = make.__name__.replace("_", "-")
        for number, (name, content) in enumerate(make(random.Random(f"{seed}/{family}"))):
            plain = family == "names"
            made.append(Made(family, name if plain else f"{family}-{number:03}-{name}", content))
    return made


def write(made: list[Made], folder: Path) -> None:
    """Write files of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in made:
        (folder / file.name).write_bytes(file.content())
