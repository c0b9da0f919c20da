"""What is a row of a drawn table made of? Printed pieces, each with its place, and the room that they have.

Lengths are pixels of the image in which a row is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import ImageFont

CELL_GAP = 0.75  # em of white between two cells, at least
CLOSE_GAP = 0.5  # the same where columns are closely set; a word space is 0.25 to 0.33
RAISED = 0.68  # size of a raised marker, of the text's
MOST_LABEL = 96  # letters

Font = ImageFont.FreeTypeFont


@dataclass(slots=True)
class Row:
    """A row under construction, in pixels of the fine image."""

    width: float  # of the paper
    em: float
    left: float
    right: float
    gap: float  # white between two cells, at least
    regular: Font  # of amounts
    label_font: Font
    strong: Font  # of an emphasised column or header
    small: Font | None  # of raised markers, where the row has them


@dataclass(frozen=True, slots=True)
class Placed:
    """A printed piece: its left end, and how far above the base line it stands."""

    x: float
    text: str
    font: Font
    rise: float = 0.0

    @property
    def end(self) -> float:
        """Its right end."""
        return self.x + self.font.getlength(self.text)


@dataclass(frozen=True, slots=True)
class Laid:
    """A row as it will be printed."""

    placed: tuple[Placed, ...]
    cells: tuple[str, ...]
    leaders: tuple[float, float] | None = None  # from where to where dots may run


def fit(font: Font, text: str, room: float, letters: int = MOST_LABEL) -> str:
    """Return the words of `text` that fit into `room` and into so many bytes, at least one word or its head."""
    while len(text.encode()) > letters:
        text = text[: max(1, len(text) - 1 - (len(text.encode()) - letters) // 2)].rstrip()
        if letters < 1 or len(text) < 2:
            break
    while text and font.getlength(text) > room:
        text = text.rpartition(" ")[0] or text[: len(text) // 2]
        text = text.rstrip()
    return text.strip()


def edges(rng: np.random.Generator, right: float, n: int, start: float) -> list[float]:
    """Return the right edges of `n` columns between `start` and `right`, evenly or not."""
    shares = np.ones(n) if rng.random() < 0.75 else rng.uniform(0.7, 1.3, n)
    reach = np.cumsum(shares) / shares.sum()
    return [float(start + (right - start) * share) for share in reach]
