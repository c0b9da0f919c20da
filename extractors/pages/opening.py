"""Answers what stands on each page of a document, set upright and readable, one page at a time.

In: a `Source`. Out: `OpenPage`s: the page's content in points and a function that renders it. A PDF page's own text
layer is used where it can be trusted, else the words are recognised from its pixels. Nothing is kept between pages, so
memory does not grow with the number of pages. A page that fails comes out empty, with its failure; the others go on.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pymupdf
from PIL import Image

from extractors.engine import Pixels, Render
from extractors.errors import (
    CorruptError,
    EmptyError,
    EncryptedError,
    MemoryExceededError,
    ParquetryError,
    TimeoutExceededError,
    TooLargeError,
    UnsupportedError,
)
from extractors.pages.broken import breaks_off, content_xrefs, cut_object, is_content, pages_said
from extractors.pages.imagefile import decode, open_image, page_dpi
from extractors.pages.render import POINTS_PER_INCH, Pose, image_raster, pdf_raster, upright_render
from extractors.pages.scan import READ_SHARE, Scan, read_rest, read_scan, with_known_words
from extractors.pages.textlayer import text_layer
from extractors.pages.trust import FIGURES, examine, n_figures
from extractors.settings import Settings
from extractors.sources import Source, local_copy
from schemas.page import PageContent
from schemas.records import Failure

LEAST_PIXELS = 1024  # of an image; fewer hold no word
MOST_ENLARGED = 8.0  # times; print that is legible needs less, and an icon is not worth the pixels of a page
ALLOCATION = re.compile(
    r"\b[cm]?(?:re)?alloc(?:ation)? ?\(.*failed", re.IGNORECASE
)  # how MuPDF says that memory is out
LOOK_SHARE = 0.8  # of page_timeout; then no further number of a scan is read a second time
LIBRARIES = ("pymupdf", "PIL")  # an exception from these is the document's fault


@dataclass(frozen=True, slots=True)
class OpenPage:
    """One page, ready for an engine. `failures` is what did not work on the way here."""

    content: PageContent
    render: Render
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0  # spent to get here: text layer, OCR
    failed: bool = False  # nothing of the page could be read; its content is empty
    until: float = math.inf  # of time.monotonic: what can be left out is not begun later


class OpenDocument(Protocol):
    """A document whose pages can be read; valid inside `open_document` only."""

    n_pages: int

    def pages(self, first: int = 1, last: int | None = None) -> Iterator[OpenPage]:
        """Yield the pages from `first` to `last` (from 1, both included; to the end without `last`)."""
        ...

    def render(self, number: int, rotation: int, skew: float) -> Render:
        """Return the render function of a page that was read before, upright by the degrees clockwise that its reading tells."""
        ...


@contextmanager
def open_document(source: Source, settings: Settings) -> Iterator[OpenDocument]:
    """Open a document for reading.

    Raises EncryptedError, CorruptError, EmptyError, TooLargeError, UnreadableError or TransportError when there is
    nothing to read at all; what is wrong with single pages comes with those pages.
    """
    with local_copy(source, settings) as path, contextlib.ExitStack() as stack:
        document: OpenDocument
        if source.media_type == "application/pdf":
            document = PdfDocument(
                stack.enter_context(_open_pdf(path, source, settings)), path, source, settings
            )
        else:
            document = ImageDocument(stack.enter_context(open_image(path, source)), source, settings)
        if document.n_pages == 0:
            raise EmptyError(f"{source.uri} has no pages; export or scan it again.")
        if document.n_pages > settings.max_pages:
            raise TooLargeError(
                f"{source.uri} has {document.n_pages} pages; raise max_pages (now {settings.max_pages}) to read it."
            )
        yield document


class PdfDocument:
    """The pages of an open PDF."""

    def __init__(self, pdf: pymupdf.Document, path: Path, source: Source, settings: Settings) -> None:
        self._pdf, self._source, self._settings = pdf, source, settings
        self._found = pdf.page_count
        self._vouched = False  # the figures of some page were compared with its pixels
        self._broken = bool(pdf.is_repaired) and breaks_off(path)
        self._cut = cut_object(path) if self._broken else None
        lost = pages_said(path) - self._found if self._broken else 0
        self.n_pages = self._found + max(0, min(lost, settings.max_pages - self._found))

    def pages(self, first: int = 1, last: int | None = None) -> Iterator[OpenPage]:
        """Yield the pages; those that the file once had and that could not be recovered come out as failed."""
        for number in range(first, min(last or self.n_pages, self.n_pages) + 1):
            start = time.monotonic()
            if number > self._found:
                message = f"page {number} was lost: {self._source.uri} breaks off; fetch or export it again."
                yield failed_page(number, CorruptError(message))
                continue
            try:
                page = self._read(number)
            except Exception as error:
                page = failed_page(number, _ours(error, self._source.uri, number))
            if self._broken and number == 1 and self.n_pages == self._found:
                message = f"{self._source.uri} breaks off: {self._found} pages were recovered, there may have been more."
                page = replace(page, failures=(*page.failures, failure(CorruptError(message), "open", None)))
            yield _timed(page, start, self._settings)
            pymupdf.TOOLS.store_shrink(100)  # MuPDF keeps decoded images and fonts of pages that are done

    def render(self, number: int, rotation: int, skew: float) -> Render:
        """Return the render function of a page that was read before."""
        page = self._pdf.load_page(number - 1)
        pose = Pose(page.rect.width, page.rect.height, (rotation - page.rotation) % 360, skew)
        return upright_render(pdf_raster(page), pose, self._settings.max_pixels)

    def _read(self, number: int) -> OpenPage:
        page = self._pdf.load_page(number - 1)
        named = content_xrefs(page) if self._pdf.is_repaired else []
        if any(not is_content(self._pdf, xref) for xref in named):
            message = f"the content of page {number} was lost: {self._source.uri} is broken; fetch or export it again."
            return failed_page(number, CorruptError(message), page.rect.width, page.rect.height)
        opened = self._read_whole(page, number)
        if self._cut in named:
            message = f"page {number} breaks off in the middle: fetch or export {self._source.uri} again."
            lost = failure(CorruptError(message), "page", number)
            opened = replace(opened, failures=(*opened.failures, lost), failed=not opened.content.words)
        return opened

    def _read_whole(self, page: pymupdf.Page, number: int) -> OpenPage:
        content = text_layer(page, None)
        turn = (content.rotation - page.rotation) % 360
        raster = pdf_raster(page)
        pose = Pose(page.rect.width, page.rect.height, turn)
        render = upright_render(raster, pose, self._settings.max_pixels)
        verdict = examine(page, content, render, self._vouched or not self._settings.ocr)
        self._vouched = self._vouched or (not verdict.read_pixels and n_figures(verdict.words) >= FIGURES)
        content = replace(content, words=verdict.words, text_source="text_layer" if verdict.words else "none")
        if not verdict.read_pixels:
            return OpenPage(content, render)
        if not self._settings.ocr:
            return OpenPage(content, render, (_unread(number, verdict.reason),))
        if verdict.regions:
            content, done = read_rest(content, render, verdict.regions, self._settings)
            left = f"{len(verdict.regions) - done} of {len(verdict.regions)} parts that only its pixels show"
            late = () if done == len(verdict.regions) else (_late(number, left, self._settings),)
            return OpenPage(content, render, late)
        scan = read_scan(number, raster, page.rect.width, page.rect.height, self._settings)
        read = with_known_words(scan, pose, verdict.words)
        read = replace(read, rotation=(page.rotation + read.rotation) % 360)
        return OpenPage(read, scan.render, _unread_lines(scan, self._settings))


class ImageDocument:
    """The pictures of an open image file, as pages."""

    def __init__(self, image: Image.Image, source: Source, settings: Settings) -> None:
        self._image, self._source, self._settings = image, source, settings
        self.n_pages = int(getattr(image, "n_frames", 1)) if source.media_type == "image/tiff" else 1
        if self.n_pages == 1:
            self._check_pixels()

    def pages(self, first: int = 1, last: int | None = None) -> Iterator[OpenPage]:
        """Yield the pages of the image file, decoding one at a time."""
        for number in range(first, min(last or self.n_pages, self.n_pages) + 1):
            start = time.monotonic()
            try:
                page = self._read(number)
            except Exception as error:
                page = failed_page(number, _ours(error, self._source.uri, number))
            yield _timed(page, start, self._settings)

    def render(self, number: int, rotation: int, skew: float) -> Render:
        """Return the render function of a page that was read before."""
        pixels, width, height = self._decoded(number)
        pose = Pose(width, height, rotation, skew)
        return upright_render(image_raster(pixels, width, height), pose, self._settings.max_pixels)

    def _decoded(self, number: int) -> tuple[Pixels, float, float]:
        """Return a page's pixels as stored, and its width and height in points."""
        if self.n_pages > 1:
            self._image.seek(number - 1)
            self._check_pixels()
        dpi_x, dpi_y = page_dpi(self._image)
        pixels = decode(self._image)
        if self._image.getexif().get(0x0112, 1) >= 5:  # EXIF orientations that lay the picture on its side
            dpi_x, dpi_y = dpi_y, dpi_x
        return pixels, pixels.shape[1] / dpi_x * POINTS_PER_INCH, pixels.shape[0] / dpi_y * POINTS_PER_INCH

    def _read(self, number: int) -> OpenPage:
        pixels, width, height = self._decoded(number)
        raster = image_raster(pixels, width, height)
        icon = pixels.shape[0] * pixels.shape[1] < LEAST_PIXELS
        if icon or not self._settings.ocr:
            content = PageContent(number, width, height, 0, "none", ())
            render = upright_render(raster, Pose(width, height), self._settings.max_pixels)
            return OpenPage(content, render, () if icon else (_unread(number, "it is a picture"),))
        most_dpi = MOST_ENLARGED * pixels.shape[1] / width * POINTS_PER_INCH
        scan = read_scan(number, raster, width, height, self._settings, most_dpi)
        return OpenPage(scan.content, scan.render, _unread_lines(scan, self._settings))

    def _check_pixels(self) -> None:
        width, height = self._image.size
        if width * height > self._settings.max_pixels:
            raise TooLargeError(
                f"{self._source.uri} has {width} × {height} pixels, more than max_pixels "
                f"({self._settings.max_pixels}); scale it down, or raise max_pixels."
            )


def failure(error: ParquetryError, stage: str, page: int | None) -> Failure:
    """Return the row that records an error."""
    return Failure(
        page=page,
        stage=stage,
        category=error.category,
        message=str(error),
        retryable=error.retryable,
        at=datetime.now(UTC),
    )


def looked_once(number: int, n_left: int) -> Failure:
    """Return the row that says that some numbers of a scan were read once only."""
    message = (
        f"page {number} is too dense for its time: {n_left} of its numbers were not read a second time; "
        "raise page_timeout and run retry-failed."
    )
    return failure(TimeoutExceededError(message), "ocr", number)


def failed_page(number: int, error: ParquetryError, width: float = 0.0, height: float = 0.0) -> OpenPage:
    """Return the empty page that stands for one that could not be read."""
    content = PageContent(number, width, height, 0, "none", ())
    return OpenPage(content, _render_nothing, (failure(error, "page", number),), failed=True)


def _timed(page: OpenPage, start: float, settings: Settings) -> OpenPage:
    """Return the page with the time that it took, and that it may take."""
    until = start + LOOK_SHARE * settings.page_timeout
    return replace(page, seconds=time.monotonic() - start, until=until)


def _render_nothing(dpi: int, region: object = None) -> Pixels:
    return np.full((1, 1, 3), 255, np.uint8)


def _unread(number: int, reason: str) -> Failure:
    message = f"page {number} has to be read from its pixels ({reason}), and OCR is off; run with ocr on."
    return failure(UnsupportedError(message), "ocr", number)


def _unread_lines(scan: Scan, settings: Settings) -> tuple[Failure, ...]:
    """Return what there is to say of a page whose lines could not all be read in its time."""
    if scan.read_to == math.inf:
        return ()
    content = scan.content
    left = f"what begins below {scan.read_to:.0f} of its {content.height:.0f} points"
    return (_late(content.page, left, settings),)


def _late(number: int, left: str, settings: Settings) -> Failure:
    message = (
        f"page {number} is too dense for its time: {left} was not read within {READ_SHARE:.0%} of page_timeout "
        f"({settings.page_timeout:g} s); raise it and run retry-failed."
    )
    return failure(TimeoutExceededError(message), "ocr", number)


def _ours(error: Exception, uri: str, number: int) -> ParquetryError:
    if isinstance(error, ParquetryError):
        return error
    if isinstance(error, MemoryError) or ALLOCATION.search(str(error)):
        return MemoryExceededError(
            f"page {number} of {uri} needs more memory than max_memory allows; raise it."
        )
    text = " ".join(str(error).split())[:300] or type(error).__name__
    if not _raised_in(error, LIBRARIES):
        return ParquetryError(
            f"reading page {number} of {uri} failed ({type(error).__name__}: {text}); report this."
        )
    return CorruptError(f"page {number} of {uri} cannot be read ({text}); export or scan that page again.")


def _raised_in(error: Exception, modules: tuple[str, ...]) -> bool:
    """Tell whether an exception comes out of a library that opens documents, and not out of our own code."""
    at, name = error.__traceback__, ""
    while at:
        name = str(at.tb_frame.f_globals.get("__name__", ""))
        at = at.tb_next
    return name.split(".")[0] in modules


def _in_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _open_pdf(path: Path, source: Source, settings: Settings) -> Iterator[pymupdf.Document]:
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        if _in_utf8(path):
            pdf = pymupdf.open(path, filetype="pdf")
        else:  # MuPDF takes names in UTF-8 alone
            pdf = pymupdf.open(stream=path.read_bytes(), filetype="pdf")
    except pymupdf.EmptyFileError as error:
        raise EmptyError(f"{source.uri} has zero bytes; fetch or scan it again.") from error
    except Exception as error:
        if isinstance(error, MemoryError) or ALLOCATION.search(str(error)):
            raise MemoryExceededError(
                f"{source.uri} needs more memory to be opened than max_memory allows; raise it."
            ) from error
        raise CorruptError(
            f"{source.uri} cannot be opened as a PDF ({error}); fetch or export it again."
        ) from error
    with pdf:
        if pdf.needs_pass:
            password = settings.password.get_secret_value() if settings.password else None
            if password is None:
                raise EncryptedError(f"{source.uri} asks for a password; give it in PARQUETRY_PASSWORD.")
            if not pdf.authenticate(password):
                raise EncryptedError(
                    f"{source.uri} does not open with the given password; check PARQUETRY_PASSWORD."
                )
        try:
            n_pages = pdf.page_count
        except Exception as error:
            raise CorruptError(
                f"{source.uri} has no readable page tree ({error}); export it again."
            ) from error
        if n_pages == 0 and (pdf.is_repaired or breaks_off(path)):
            raise CorruptError(
                f"{source.uri} is broken and none of its pages can be recovered; fetch it again."
            )
        yield pdf
