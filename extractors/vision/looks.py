"""What does a strip say, where one look leaves the reader in doubt? Several looks, each at other pixels, and what most of them saw.

In: a way to ask about an image, and a strip. Out: a `RowReading`. A small reader that errs is rarely sure of it: of drawn strips that
were worn like poor scans it misread a fifth, and of those where each of its letters had a probability of SURE or more, about one in a
hundred. Only the others are looked at again, moved and made smaller by a little, so that letters fall otherwise into the model's
patches of 16 pixels; then each cell is what the looks agree on, weighed by how sure each was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from extractors.engine import Pixels
from extractors.vision.asking import png

SURE = 0.97  # probability of a strip's least likely token from which one look is enough
# Pixels right, pixels down, times the size. On drawn strips four more looks took away a third of the misread rows; more than four, and
# images that were sharpened or blurred, took away no more.
LOOKS = ((5.0, 0.0, 1.0), (3.0, 0.0, 0.94), (0.0, 1.0, 1.0), (8.0, 0.0, 0.91))
STEEP = (
    3  # power of the odds by which looks are weighed: two that are unsure must not outvote one that is sure
)
BRIGHT = 200  # grey level above which the most frequent grey is taken for paper

Unread = TypeVar("Unread")


@dataclass(frozen=True)
class RowReading:
    """What the reader saw in a strip: its cells from left to right, "" for a label that is not there."""

    cells: tuple[str, ...]
    odds: tuple[float, ...]  # probability of each cell's least likely token

    @property
    def sure(self) -> bool:
        """True when every token was likely."""
        return min(self.odds, default=0.0) >= SURE


def read_strip(ask: Callable[[bytes], RowReading | Unread], strip: Pixels) -> RowReading | Unread:
    """Look at a strip (RGB) until the reader is sure, or its looks are used up. `ask` reads an image (PNG)."""
    first = ask(png(strip))
    if not isinstance(first, RowReading) or first.sure:
        return first
    seen = [first]
    for look in LOOKS:
        again = ask(png(moved(strip, *look)))
        if isinstance(again, RowReading):
            seen.append(again)
    return agreed(seen)


def moved(strip: Pixels, right: float, down: float, size: float) -> Pixels:
    """Return a strip moved by so many pixels and scaled about the middle of its left edge, on its own paper."""
    high, wide = strip.shape[:2]
    usual = int(np.median(strip))
    paper = usual if usual > BRIGHT else 255
    move = np.array([[size, 0.0, right], [0.0, size, (1 - size) * high / 2 + down]])
    way = cv2.INTER_AREA if size < 1 else cv2.INTER_LINEAR
    shown = cv2.warpAffine(
        strip, move, (wide, high), flags=way, borderMode=cv2.BORDER_CONSTANT, borderValue=(paper,) * 3
    )
    return np.asarray(shown, np.uint8)


def agreed(seen: Sequence[RowReading]) -> RowReading:
    """Return what most looks saw, the surer the heavier: first how many cells there are, then what each says.

    A cell's odds are those of the looks that agree on it, shared among all.
    """
    numbers = _heaviest((len(reading.cells), min(reading.odds, default=0.0)) for reading in seen)
    alike = [reading for reading in seen if len(reading.cells) == numbers]
    cells, odds = [], []
    for place in range(numbers):
        text = _heaviest((reading.cells[place], reading.odds[place]) for reading in alike)
        cells.append(text)
        odds.append(sum(r.odds[place] for r in alike if r.cells[place] == text) / len(seen))
    return RowReading(tuple(cells), tuple(odds))


Choice = TypeVar("Choice")


def _heaviest(votes: Iterable[tuple[Choice, float]]) -> Choice:
    weight: defaultdict[Choice, float] = defaultdict(float)
    for choice, odds in votes:
        weight[choice] += odds**STEEP
    return max(weight, key=lambda choice: weight[choice])
