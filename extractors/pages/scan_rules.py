"""Answers which ruled lines a picture of a page shows.

In: a mask of the ink of an upright page. Out: horizontal and vertical `Rule`s in pixels, pieces joined.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Rule

SHORTEST_INCHES = 0.16  # a shorter stroke may be a dash or the stem of a letter
THICKEST_INCHES = 0.05  # a thicker bar is a drawing or a dark header; a double underline is still one rule
GAP_INCHES = 0.08  # breaks that a poor scan leaves in a line
SLENDER = 5  # times as long as thick
BESIDE_INCHES = 0.015  # on both sides of a rule there is paper
MOST_BESIDE = (
    0.35  # of a rule's length may be touched by ink on one side: letters that stand on it, crossing rules
)

Mask = NDArray[np.bool_]


def find_rules(ink: Mask, dpi: float) -> tuple[list[Rule], Mask]:
    """Return the rules in pixels, and the mask of the pixels they cover."""
    across, covered_across = _horizontal(ink, dpi)
    down, covered_down = _horizontal(ink.T, dpi)
    return [*across, *(Rule(r.y0, r.x0, r.y1, r.x1) for r in down)], covered_across | covered_down.T


def _horizontal(ink: Mask, dpi: float) -> tuple[list[Rule], Mask]:
    picture = np.ascontiguousarray(ink, np.uint8)
    length, gap = (
        max(9, round(SHORTEST_INCHES * dpi)) | 1,
        max(3, round(GAP_INCHES * dpi)) | 1,
    )  # odd: even kernels shift
    thickest, beside = max(3, round(THICKEST_INCHES * dpi)), max(2, round(BESIDE_INCHES * dpi))
    strokes = cv2.morphologyEx(picture, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    lines = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((3, gap), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    rules: list[Rule] = []
    covered = np.zeros(ink.shape, bool)
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label][:4])
        if height > thickest or width < SLENDER * height:
            continue
        above = ink[max(0, y - beside) : y, x : x + width]
        below = ink[y + height : y + height + beside, x : x + width]
        if any(len(side) and side.mean(axis=1).min() > MOST_BESIDE for side in (above, below)):
            continue
        rules.append(Rule(x, y, x + width, y + height))
        part = covered[y : y + height, x : x + width]
        part |= labels[y : y + height, x : x + width] == label
    return rules, np.asarray(cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
