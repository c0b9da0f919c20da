"""Answers how a picture of a page has to be turned so that its lines run level and read from left to right.

In: the corners of the detected lines of text. Out: quarter turns (0 or 90; which way up is for the recogniser to say)
and the skew in degrees.
"""

from __future__ import annotations

import numpy as np

from extractors.ocr import Quads

LEAST_SKEW = 0.15  # degrees; a page this level is left alone: turning blurs it
MOST_SKEW = 20.0  # degrees; beyond it the picture is no page of level lines
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
    return angle if LEAST_SKEW <= abs(angle) <= MOST_SKEW else 0.0
