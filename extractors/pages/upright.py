"""Answers how a picture of a page has to be turned so that its lines run level and read from left to right.

In: the corners of the detected lines of text. Out: quarter turns (0 or 90; which way up is for the recogniser to say)
and the skew in degrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from extractors.pages.ocr import Mask, Quads

LEAST_SKEW = 0.15  # degrees; a page this level is left alone: turning blurs it
MOST_SKEW = 20.0  # degrees; beyond it the picture is no page of level lines
SEARCH, STEP = 0.6, 0.05  # degrees around the coarse angle that are tried
INK_POINTS = 60_000  # pixels of ink are enough to see the rows
LEVEL_ENOUGH = 0.97  # of the best contrast: then the page stays as it is
LONG_LINE = 4.0  # times as long as high: shorter boxes say nothing about the direction


def runs_sideways(quads: Quads) -> bool:
    """Tell whether most of the text runs up or down the page."""
    if len(quads) == 0:
        return False
    across = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    down = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    high = down > 1.5 * across
    wide = across > 1.5 * down
    return bool(down[high].sum() > 1.5 * across[wide].sum())


def skew_of(quads: Quads) -> float:
    """Return by how many degrees clockwise the lines lean; 0 for a page that is level or shows no long line."""
    if len(quads) == 0:
        return 0.0
    along = ((quads[:, 1] - quads[:, 0]) + (quads[:, 2] - quads[:, 3])) / 2
    high = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    length = np.linalg.norm(along, axis=1)
    long = length > LONG_LINE * high
    if not long.any():
        return 0.0
    angles = np.degrees(np.arctan2(along[long, 1], along[long, 0]))
    order = np.argsort(angles)
    weight = np.cumsum(length[long][order] ** 2)
    angle = float(angles[order][np.searchsorted(weight, weight[-1] / 2)])
    return angle if abs(angle) <= MOST_SKEW else 0.0


def sharpest_skew(ink: Mask, near: float) -> float:
    """Return the skew close to `near` at which the rows of ink stand out most; 0 for a page that is level enough.

    Boxes of detected lines say the angle to a third of a degree; a table's columns need it to a twentieth.
    """
    points = np.argwhere(ink)
    if len(points) == 0:
        return 0.0
    sample = points[:: max(1, len(points) // INK_POINTS)].astype(np.float64)
    angles = np.append(np.arange(near - SEARCH, near + SEARCH + STEP / 2, STEP), 0.0)
    scores = [_row_contrast(sample, float(angle)) for angle in angles]
    best = float(angles[int(np.argmax(scores))])
    if abs(best) < LEAST_SKEW or scores[-1] >= LEVEL_ENOUGH * max(scores):
        return 0.0
    return best


def _row_contrast(points: NDArray[np.float64], degrees: float) -> float:
    angle = np.radians(degrees)
    rows = points[:, 0] * np.cos(angle) - points[:, 1] * np.sin(angle)
    counts = np.bincount((rows - rows.min()).astype(np.int64)).astype(np.float64)
    return float((counts**2).sum())
