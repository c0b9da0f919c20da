"""Answers what an image file shows, and how large that is on paper.

In: a file whose media type is known by its bytes. Out: the opened image, a frame's pixels (height × width × 3, RGB), and its
dots per inch.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from extractors.engine import Pixels
from extractors.errors import CorruptError, TooLargeError
from extractors.sources import Source

PILLOW_FORMATS = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG", "MPO"),  # phones write a JPEG with a second picture behind it
    "image/tiff": ("TIFF",),
    "image/webp": ("WEBP",),
    "image/bmp": ("BMP", "DIB"),
}
DEFAULT_DPI = (72.0, 96.0)  # what programs write when they do not know
LONGEST_DEFAULT = 14.0  # inches; a page longer than this at a default dpi was not measured but made up
LONG_SIDE = (3.0, 48.0)  # inches; between a till receipt and a newspaper spread a stated dpi is believed
A4_LONG_SIDE = 11.69  # inches; what an image without a believable dpi is taken for


@contextmanager
def open_image(path: Path, source: Source) -> Iterator[Image.Image]:
    """Open an image file; its pixels are decoded when they are asked for. Raises TooLargeError or CorruptError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # our own limit is checked before decoding
            image = Image.open(path, formats=PILLOW_FORMATS[source.media_type])
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"{source.uri} is too large to decode ({error}); scale it down.") from error
    except Exception as error:
        raise CorruptError(
            f"{source.uri} cannot be opened as an image ({error}); scan or export it again."
        ) from error
    with image:
        yield image


def decode(image: Image.Image) -> Pixels:
    """Return an image's current frame as RGB, EXIF orientation applied and transparency on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        samples = np.asarray(image, np.float32)
        low, high = float(samples.min()), float(samples.max())
        grey = (samples - low) * (255.0 / max(high - low, 1.0))
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("RGB"), np.uint8)


def page_dpi(image: Image.Image) -> tuple[float, float]:
    """Return an image's dots per inch across and down; where it does not say so credibly, as if it were an A4 page."""
    across, down = image.size
    with contextlib.suppress(TypeError, ValueError, ZeroDivisionError):
        x, y = (float(value) for value in image.info.get("dpi", (0, 0)))
        if x > 0 and y > 0 and 0.2 < x / y < 5:
            long_side = max(across / x, down / y)
            longest = LONGEST_DEFAULT if x in DEFAULT_DPI else LONG_SIDE[1]
            if LONG_SIDE[0] <= long_side <= longest:
                return x, y
    dpi = max(max(across, down) / A4_LONG_SIDE, 1.0)
    return dpi, dpi
