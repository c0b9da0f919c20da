"""From the data URL of a request to an image as the vision tower will see it.

Every limit is checked before anything is decoded; nothing is fetched. Sides in pixels; one image token covers 32 × 32 of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from extractors.errors import TooLargeError, UnsupportedError, UsageError
from extractors.worker.settings import WorkerSettings

DATA_URL = re.compile(r"data:image/[a-zA-Z0-9.+-]+;base64,")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
TOKEN_PIXELS = 32  # side of the square that one image token covers: patch 16 × merge 2
MIN_IMAGE_PIXELS = 8 * TOKEN_PIXELS**2  # below it the vision tower would blow the image up
WHITE = 255

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as the vision tower will see it: sides are multiples of 32 pixels."""

    pixels: Pixels  # height × width × 3, RGB
    key: str  # sha256 of the pixels and their shape

    @property
    def columns(self) -> int:
        """Image tokens side by side."""
        return int(self.pixels.shape[1]) // TOKEN_PIXELS

    @property
    def rows(self) -> int:
        """Image tokens one below the other."""
        return int(self.pixels.shape[0]) // TOKEN_PIXELS

    @property
    def n_tokens(self) -> int:
        """KV cells that it takes."""
        return self.columns * self.rows

    @property
    def n_positions(self) -> int:
        """Positions that it takes."""
        return max(self.columns, self.rows)

    def positions(self, start: int) -> NDArray[np.int32]:
        """Return (time, y, x, 0) of every token, 4 × n_tokens, when the first position is `start`."""
        i = np.arange(self.n_tokens)
        out = np.zeros((4, self.n_tokens), np.int32)
        out[0], out[1], out[2] = start, start + i // self.columns, start + i % self.columns
        return out


def read_data_url(url: str, settings: WorkerSettings) -> Pixels:
    """Return the pixels of a base64 data URL, height × width × 3, transparent parts white.

    Raises:
        UsageError: not a data URL, or not base64. Nothing is ever fetched.
        TooLargeError: above a limit on bytes or pixels.
        UnsupportedError: not an image in one of FORMATS.

    """
    match = DATA_URL.match(url)
    if not match:
        raise UsageError(
            "Send the image as a data URL (data:image/png;base64,…); the worker fetches no URLs and no files."
        )
    if (len(url) - match.end()) * 3 // 4 > settings.max_image_bytes:
        raise TooLargeError(f"The image is larger than {settings.max_image_bytes} bytes; send a smaller one.")
    try:
        data = base64.b64decode(url[match.end() :], validate=True)
    except binascii.Error as error:
        raise UsageError("The image is not valid base64; encode it again.") from error
    try:
        with PillowImage.open(io.BytesIO(data), formats=FORMATS) as file:
            image: PillowImage.Image = file
            if image.width * image.height > settings.max_image_pixels:
                raise TooLargeError(
                    f"The image has {image.width} × {image.height} pixels; at most {settings.max_image_pixels} are read."
                )
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                clear = image.convert("RGBA")
                image = PillowImage.new("RGBA", clear.size, "white")
                image.alpha_composite(clear)
            return np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise UnsupportedError(
            f"The image cannot be read ({error}); send a whole PNG, JPEG, WEBP or BMP file."
        ) from error


def prepare_image(pixels: Pixels, max_tokens: int) -> Image:
    """Pad with white on the right and below to multiples of 32 pixels; scale down first when above `max_tokens`."""
    import cv2

    height, width = pixels.shape[:2]
    budget = max_tokens * TOKEN_PIXELS**2
    if _padded(height) * _padded(width) > budget:
        scale = (budget / (_padded(height) * _padded(width))) ** 0.5
        while _padded(int(height * scale)) * _padded(int(width * scale)) > budget:
            scale *= 0.995
        size = max(1, int(width * scale)), max(1, int(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = pixels.shape[:2]
    high, wide = _padded(height), _padded(width)
    while high * wide < MIN_IMAGE_PIXELS:
        high, wide = (high + TOKEN_PIXELS, wide) if high <= wide else (high, wide + TOKEN_PIXELS)
    canvas = np.full((high, wide, 3), WHITE, np.uint8)
    canvas[:height, :width] = pixels
    return Image(canvas, hashlib.sha256(repr(canvas.shape).encode() + canvas.tobytes()).hexdigest())


def _padded(side: int) -> int:
    return max(TOKEN_PIXELS, side + -side % TOKEN_PIXELS)
