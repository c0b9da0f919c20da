"""From the data URL of a request to pixels, with every limit checked before anything is decoded."""

from __future__ import annotations

import base64
import binascii
import io
import re

import numpy as np
from PIL import Image as PillowImage

from extractors.errors import TooLargeError, UnsupportedError, UsageError
from extractors.worker.engine import Pixels
from extractors.worker.settings import WorkerSettings

DATA_URL = re.compile(r"data:image/[a-zA-Z0-9.+-]+;base64,")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


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
