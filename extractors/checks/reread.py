"""What does one printed figure say when its pixels are read anew, in several ways? Boxes on a page → the texts read there.

In: an upright page's render function and boxes in points. Out: for each box one text per pass of `PASSES`. The passes share a
recogniser and differ in what it sees: resolution, paper around the figure, softness and contrast, so that a misreading which hangs on
the noise of one picture does not come back in all of them. Nothing is looked for: each box is read as one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from extractors.engine import Pixels, Render
from extractors.pages.ocr import recognise
from schemas.box import Box

SOFT = 1.0  # pixels of blur that drowns a scanner's grain
SHARP = 1.5  # weight of the picture against its blur


@dataclass(frozen=True, slots=True)
class Pass:
    """One way to look at a figure: at `dpi`, with `across` and `down` points of paper around it."""

    name: str
    dpi: int
    across: float
    down: float
    treat: Callable[[Pixels], Pixels]


def as_it_is(pixels: Pixels) -> Pixels:
    """Return the pixels unchanged."""
    return pixels


def soft(pixels: Pixels) -> Pixels:
    """Return the pixels without a scanner's grain."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), SOFT), np.uint8)


def sharp(pixels: Pixels) -> Pixels:
    """Return the pixels with their edges raised."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), 2 * SOFT)
    return np.asarray(cv2.addWeighted(pixels, 1 + SHARP, blurred, -SHARP, 0), np.uint8)


def black_and_white(pixels: Pixels) -> Pixels:
    """Return ink as black and paper as white, parted where their greys part best."""
    grey = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), SOFT), cv2.COLOR_RGB2GRAY)
    _, parted = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(np.repeat(parted[:, :, None], 3, axis=2), np.uint8)


PASSES = (
    Pass("at 300 dpi", 300, 2.0, 1.2, as_it_is),
    Pass("at 450 dpi", 450, 3.0, 2.0, as_it_is),
    Pass("without grain", 300, 4.0, 1.5, soft),
    Pass("sharpened", 450, 2.0, 1.5, sharp),
    Pass("black and white", 300, 3.0, 1.2, black_and_white),
)


def reread(render: Render, boxes: Sequence[Box]) -> list[tuple[str, ...]]:
    """Return for each box (points) what every pass reads there, in the order of `PASSES`."""
    crops = [each.treat(crop(render, box, each)) for box in boxes for each in PASSES]
    texts = [text.strip() for text, _, _ in recognise(crops)]
    return [tuple(texts[i : i + len(PASSES)]) for i in range(0, len(texts), len(PASSES))]


def crop(render: Render, box: Box, look: Pass) -> Pixels:
    """Return the figure's pixels as a pass looks at them, before they are treated."""
    return render(look.dpi, box.grow(look.across, look.down))
