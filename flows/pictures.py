"""Pictures of a document's pages for a person to look at, made in a process that can be ended.

In: a source uri with the doc_id and the rotation that reading gave its pages. Out: JPEG bytes per page. The document is
opened only if its bytes are still those that were read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError

import numpy as np
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from extractors.errors import ParquetryError, UnreadableError
from extractors.pages.opening import open_document
from extractors.settings import Settings
from extractors.sources import Source, find_sources, identify

DPI = 110  # small print is legible, and a page stays at about 150 kB
QUALITY = 70  # of JPEG
PAGE_SECONDS = 60.0  # for one page, before its process is ended
LONGEST = 2_000  # pixels of a picture's longer side


def find_source(uri: str, doc_id: str, settings: Settings) -> Source:
    """Return the source, if it still holds the bytes that were read. Raises UnreadableError."""
    listed = find_sources(uri)
    if len(listed) != 1:
        raise UnreadableError(f"{uri} is no longer there.")
    source = identify(listed[0], settings)
    if source.doc_id != doc_id:
        raise UnreadableError(f"{uri} holds other bytes now; run again to read them.")
    return source


def page_pictures(
    uri: str, doc_id: str, rotations: Mapping[int, int], settings: Settings
) -> tuple[dict[int, bytes], str]:
    """Return {page: JPEG} for the pages in `rotations` (page → degrees clockwise to upright), and why any is missing."""
    pictures: dict[int, bytes] = {}
    why = ""
    try:
        source = find_source(uri, doc_id, settings)
    except ParquetryError as error:
        return {}, str(error)
    settings = settings.model_copy(update={"ocr": False})
    with ProcessPool(max_workers=1) as pool:
        for page, rotation in rotations.items():
            future = pool.schedule(draw, args=(source, page, rotation, settings), timeout=PAGE_SECONDS)
            try:
                pictures[page] = future.result()
            except (
                ParquetryError,
                FutureTimeoutError,
                ProcessExpired,
                OSError,
                ValueError,
                RuntimeError,
            ) as error:
                why = f"drawing it failed ({type(error).__name__})"
    return pictures, why


def draw(source: Source, page: int, rotation: int, settings: Settings) -> bytes:
    """Return one page as JPEG, upright. Raises our errors."""
    with open_document(source, settings) as document:
        for opened in document.pages(page, page):
            pixels = opened.render(DPI, None)
            turns = (
                (rotation - opened.content.rotation) % 360 // 90
            )  # a scan's own turn is known from reading it
            picture = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, -turns)))
            picture.thumbnail((LONGEST, LONGEST))
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=QUALITY, optimize=True)
            return file.getvalue()
    raise UnreadableError(f"page {page} is not there.")
