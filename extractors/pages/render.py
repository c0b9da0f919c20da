"""Answers what a region of the upright page looks like, in pixels.

In: a rasteriser of the page as it is stored (a PDF page or a decoded image), the turn and skew that set it upright,
and a pixel budget. Out: a `Render`: (dpi, region in points or None) -> RGB pixels of the upright page. Where the dpi
asked for would exceed the budget a lower one is used, so take the scale from the shape of what comes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pymupdf

from extractors.engine import Pixels, Render
from schemas.box import Box

POINTS_PER_INCH = 72
WHITE = (255, 255, 255)

Raster = Callable[[float, float, Box], Pixels]
"""(pixels per point across, pixels per point down, region of the stored page in points) -> pixels of that region."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How the stored page was set upright: a turn by quarters, then a small turn about the middle."""

    width: float  # points, of the stored page (after its own rotation entry)
    height: float
    turn: int = 0  # degrees clockwise: 0, 90, 180 or 270
    skew: float = 0.0  # degrees clockwise, after the turn

    @property
    def upright_size(self) -> tuple[float, float]:
        """Width and height of the upright page in points."""
        return (self.height, self.width) if self.turn % 180 else (self.width, self.height)

    def stored(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the stored page that is shown at (x, y) of the upright page."""
        width, height = self.upright_size
        if self.skew:
            angle = math.radians(-self.skew)
            dx, dy = x - width / 2, y - height / 2
            x = width / 2 + dx * math.cos(angle) - dy * math.sin(angle)
            y = height / 2 + dx * math.sin(angle) + dy * math.cos(angle)
        if self.turn == 90:
            return y, self.height - x
        if self.turn == 180:
            return self.width - x, self.height - y
        if self.turn == 270:
            return self.width - y, x
        return x, y

    def upright(self, x: float, y: float) -> tuple[float, float]:
        """Return where the point (x, y) of the stored page is shown on the upright page."""
        width, height = self.upright_size
        if self.turn == 90:
            x, y = self.height - y, x
        elif self.turn == 180:
            x, y = self.width - x, self.height - y
        elif self.turn == 270:
            x, y = y, self.width - x
        if self.skew:
            angle = math.radians(self.skew)
            dx, dy = x - width / 2, y - height / 2
            x = width / 2 + dx * math.cos(angle) - dy * math.sin(angle)
            y = height / 2 + dx * math.sin(angle) + dy * math.cos(angle)
        return x, y

    def upright_box(self, box: Box) -> Box:
        """Return the box around a box of the stored page, on the upright page."""
        return around([self.upright(x, y) for x, y in corners(box)])


def upright_render(raster: Raster, pose: Pose, max_pixels: int) -> Render:
    """Return the render function of an upright page."""

    def render(dpi: int, region: Box | None = None) -> Pixels:
        width, height = pose.upright_size
        region = (
            Box(0.0, 0.0, width, height) if region is None else region.intersect(Box(0.0, 0.0, width, height))
        )
        if region.width <= 0 or region.height <= 0:
            return np.full((1, 1, 3), 255, np.uint8)
        scale = fit_dpi(dpi, region.width, region.height, max_pixels) / POINTS_PER_INCH
        across, down = max(1, round(region.width * scale)), max(1, round(region.height * scale))
        if not pose.skew:
            stored = around([pose.stored(x, y) for x, y in corners(region)])
            return _exactly(np.rot90(raster(scale, scale, stored), -pose.turn // 90), across, down)
        stored = around([pose.stored(x, y) for x, y in corners(region)]).grow(1.0)
        stored = stored.intersect(Box(0.0, 0.0, pose.width, pose.height))
        if stored.width <= 0 or stored.height <= 0:
            return np.full((down, across, 3), 255, np.uint8)
        pixels = raster(scale, scale, stored)
        shown = np.array([(0, 0), (across, 0), (0, down)], np.float32)
        points = [pose.stored(region.x0 + u / scale, region.y0 + v / scale) for u, v in shown]
        within = np.array([((x - stored.x0) * scale, (y - stored.y0) * scale) for x, y in points], np.float32)
        turned = cv2.warpAffine(
            pixels,
            cv2.getAffineTransform(within, shown),
            (across, down),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=WHITE,
        )
        return np.asarray(turned, np.uint8)

    return render


def pdf_raster(page: pymupdf.Page) -> Raster:
    """Return the rasteriser of a PDF page; regions are in points of `page.rect` moved to the origin."""
    origin = page.rect.top_left

    def raster(across: float, down: float, region: Box) -> Pixels:
        clip = pymupdf.Rect(region) + (origin.x, origin.y, origin.x, origin.y)
        pixmap = page.get_pixmap(
            matrix=pymupdf.Matrix(across, down), clip=clip, colorspace=pymupdf.csRGB, alpha=False
        )
        rows = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)
        return rows[:, : pixmap.width * 3].reshape(pixmap.height, pixmap.width, 3)

    return raster


def image_raster(pixels: Pixels, width: float, height: float) -> Raster:
    """Return the rasteriser of a decoded image that fills a page of `width` × `height` points."""
    per_x, per_y = pixels.shape[1] / width, pixels.shape[0] / height

    def raster(across: float, down: float, region: Box) -> Pixels:
        x0, x1 = max(0, math.floor(region.x0 * per_x)), min(pixels.shape[1], math.ceil(region.x1 * per_x))
        y0, y1 = max(0, math.floor(region.y0 * per_y)), min(pixels.shape[0], math.ceil(region.y1 * per_y))
        part = pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        return _exactly(part, max(1, round(region.width * across)), max(1, round(region.height * down)))

    return raster


def fit_dpi(dpi: float, width: float, height: float, max_pixels: int) -> float:
    """Return `dpi`, or the largest one at which `width` × `height` points stay within `max_pixels`."""
    inches = max(width / POINTS_PER_INCH, 1e-6) * max(height / POINTS_PER_INCH, 1e-6)
    return min(float(dpi), math.sqrt(max_pixels / inches))


def _exactly(pixels: Pixels, across: int, down: int) -> Pixels:
    """Return the pixels as `down` × `across`: rasterisers round to whole pixels in their own way."""
    if pixels.shape[:2] == (down, across):
        return np.ascontiguousarray(pixels)
    smaller = across < pixels.shape[1] or down < pixels.shape[0]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    if abs(pixels.shape[0] - down) <= 1 and abs(pixels.shape[1] - across) <= 1:
        padded = cv2.copyMakeBorder(pixels, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(padded[:down, :across])
    return np.asarray(
        cv2.resize(np.ascontiguousarray(pixels), (across, down), interpolation=method), np.uint8
    )


def corners(box: Box) -> list[tuple[float, float]]:
    """Return the four corners of a box."""
    return [(box.x0, box.y0), (box.x1, box.y0), (box.x0, box.y1), (box.x1, box.y1)]


def around(points: list[tuple[float, float]]) -> Box:
    """Return the box around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys))
