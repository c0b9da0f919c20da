"""The seam between the two readers of a page: what an engine is given, and what it must give back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from schemas.box import Box
from schemas.page import PageContent, TableFragment
from schemas.records import Failure

Pixels = NDArray[np.uint8]  # height × width × 3, RGB
Render = Callable[
    [int, Box | None], Pixels
]  # (dpi, region in points or None for the page) -> pixels of the upright page


@dataclass(frozen=True, slots=True)
class EngineReading:
    """The tables an engine found on one page, in page coordinates, and what went wrong on the way."""

    fragments: tuple[TableFragment, ...]
    n_tiles: int = 0
    failures: tuple[Failure, ...] = ()


class Engine(Protocol):
    """A reader of pages. It may hold a resource (a connection, a model) and is used from one thread."""

    name: str  # "geometry" or "vision"
    model: str | None  # what the `documents` dataset names as the model
    prompts: str | None  # version of the prompts, part of the fingerprint

    def read_page(self, content: PageContent, render: Render) -> EngineReading:
        """Read the tables of one upright page. Never raises for a bad page: what failed is in `failures`."""
        ...


@runtime_checkable
class FigureReader(Protocol):
    """An engine that can be asked about one figure."""

    def choose(self, figure: Pixels, candidates: Sequence[str]) -> str | None:
        """Return which of the candidates the picture of a figure shows; None when it shows none, or that is not sure."""
        ...
