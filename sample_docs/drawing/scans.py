"""How a clean page becomes a scan or a photograph: turned, specked, unevenly lit, blurred, pressed into few bits.

In: a PDF and its truth. Out: PDF, TIFF or JPEG files that hold pictures only, and the same truth with pages renumbered.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image

from sample_docs.drawing.grid import Truth

Grey = NDArray[np.uint8]
THRESHOLD = 188  # grey level; darker is ink. Above the paper's grain, so that thin strokes do not break
FIXED_DATE = time.struct_time((2025, 1, 2, 3, 4, 5, 3, 2, 0))  # a scan file carries the time it was made


def page_image(source: Path, page: int, dpi: int) -> Grey:
    """Render page `page` (from 1) of a PDF to grey pixels."""
    with pymupdf.open(source) as document:
        pixmap = document[page - 1].get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
        return (
            np.frombuffer(pixmap.samples, np.uint8)
            .reshape(pixmap.height, pixmap.stride)[:, : pixmap.width]
            .copy()
        )


def skewed(image: Grey, degrees: float) -> Grey:
    """Turn the page by `degrees` (clockwise positive), paper white where nothing was."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=255)
    return np.asarray(turned, np.uint8)


def worn(image: Grey, rng: np.random.Generator, noise: float, specks: int) -> Grey:
    """Add what a scanner adds: soft edges, grain (standard deviation in grey levels), dust."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.7).astype(np.float32)
    soft = 18 + soft * (232 / 255)  # ink is not black, and paper is not white
    soft += rng.normal(0, noise, image.shape).astype(np.float32)
    result = np.clip(soft, 0, 255).astype(np.uint8)
    height, width = image.shape
    for _ in range(specks):
        at = int(rng.integers(0, width)), int(rng.integers(0, height))
        cv2.circle(result, at, int(rng.integers(1, 3)), int(rng.integers(20, 120)), -1)
    return np.asarray(result, np.uint8)


def bilevel(image: Grey) -> Image.Image:
    """Press grey into black and white, as an office scanner does."""
    return Image.fromarray(np.where(image > THRESHOLD, 255, 0).astype(np.uint8)).convert(
        "1", dither=Image.Dither.NONE
    )


def scan_pages(
    source: Path, pages: Sequence[int], dpi: int, seed: int, tilt: float = 1.2, grey: Sequence[int] = ()
) -> list[Image.Image]:
    """Scan `pages` of a PDF; those in `grey` keep their grey levels, the others become black and white."""
    rng = np.random.default_rng(seed)
    images = []
    for page in pages:
        turned = skewed(page_image(source, page, dpi), float(rng.uniform(-tilt, tilt)))
        result = worn(turned, rng, 9.0 if page in grey else 12.0, 40)
        images.append(Image.fromarray(result) if page in grey else bilevel(result))
    return images


def save_pdf(path: Path, images: list[Image.Image], dpi: int) -> None:
    """Write pictures as the pages of a PDF without any text."""
    images[0].save(
        path, "PDF", save_all=True, append_images=images[1:], resolution=dpi,
        creationDate=FIXED_DATE, modDate=FIXED_DATE, producer="Parquetry sample documents",
    )  # fmt: skip


def save_tiff(path: Path, images: list[Image.Image], dpi: int) -> None:
    """Write black and white pictures as one TIFF of many pages, fax compression."""
    images[0].save(
        path, "TIFF", save_all=True, append_images=images[1:], compression="group4", dpi=(dpi, dpi)
    )


def photographed(image: Grey, rng: np.random.Generator) -> Image.Image:
    """A page on a table seen from above at an angle: perspective, uneven light, slight blur, a warm tint."""
    height, width = image.shape
    border = width // 12
    full_width, full_height = width + 2 * border, height + 2 * border
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    b = float(border)
    seen = np.array(
        [
            [b * 1.7, b * 0.9],
            [full_width - b * 1.2, b * 0.6],
            [full_width - b * 0.5, full_height - b * 0.8],
            [b * 0.6, full_height - b * 0.5],
        ],
        np.float32,
    )
    matrix = cv2.getPerspectiveTransform(corners, seen)
    page = cv2.warpPerspective(image, matrix, (full_width, full_height), flags=cv2.INTER_AREA, borderValue=0)
    inside = cv2.warpPerspective(np.full_like(image, 255), matrix, (full_width, full_height), borderValue=0)
    grain = cv2.GaussianBlur(rng.normal(0, 60, page.shape).astype(np.float32), (0, 0), sigmaX=25, sigmaY=2)
    wood = 92 + grain * 6
    shade = cv2.GaussianBlur((inside > 0).astype(np.float32), (0, 0), border / 5)
    scene = np.where(inside > 127, page.astype(np.float32), wood * (1 - 0.35 * shade))
    ys, xs = np.mgrid[0:full_height, 0:full_width].astype(np.float32)
    light = 1.03 - 0.30 * (xs / full_width) - 0.16 * (ys / full_height)
    light -= 0.10 * np.exp(-(((xs - full_width * 0.8) / (full_width * 0.25)) ** 2))
    scene = cv2.GaussianBlur(scene * light, (0, 0), 1.0) + rng.normal(0, 3.5, page.shape)
    tint = np.array([1.0, 0.975, 0.915], np.float32)
    return Image.fromarray(np.clip(scene[:, :, None] * tint, 0, 255).astype(np.uint8))


def save_jpeg(path: Path, image: Image.Image) -> None:
    """Write a photograph as a telephone does."""
    image.save(path, "JPEG", quality=78)


def scanned_truth(truth: Truth, doc: str, media_type: str, pages: Sequence[int]) -> Truth:
    """Return the truth of the scan of `pages` of a document: only their tables, pages counted anew from 1."""
    renumbered = {page: number for number, page in enumerate(pages, 1)}

    def moved(items: list[dict[str, object]]) -> list[dict[str, object]]:
        kept = []
        for item in copy.deepcopy(items):
            if item["page"] not in renumbered or item["page_last"] not in renumbered:
                continue
            for part in (item, *item.get("cells", []), *item.get("rows", [])):  # type: ignore[misc]
                for key in ("page", "page_last"):
                    if key in part:
                        part[key] = renumbered[part[key]]
            kept.append(item)
        return kept

    return Truth(
        doc,
        media_type,
        truth.entity,
        len(pages),
        moved(truth.tables),
        moved(truth.statements),
        fields=dict(truth.fields),
        notes=[f"Pages {', '.join(map(str, pages))} of {truth.doc}."],
    )
