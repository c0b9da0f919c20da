"""Answers which ruled lines a picture of a page shows.

In: a mask of the ink of an upright page. Out: horizontal and vertical `Rule`s in pixels, pieces joined.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Rule

SHORTEST_INCHES = 0.22  # a shorter stroke may be a dash or the stem of a letter
THICKEST_INCHES = 0.06  # a thicker bar is a drawing or a dark header
GAP_INCHES = 0.02  # breaks that a poor scan leaves in a line


def find_rules(ink: NDArray[np.bool_], dpi: float) -> tuple[list[Rule], NDArray[np.bool_]]:
    """Return the rules in pixels, and the mask of the pixels they cover."""
    picture = ink.astype(np.uint8)
    rules: list[Rule] = []
    covered = np.zeros(ink.shape, bool)
    for horizontal in (True, False):
        length, gap = max(8, round(SHORTEST_INCHES * dpi)), max(1, round(GAP_INCHES * dpi))
        thickest = max(2, round(THICKEST_INCHES * dpi))
        closing = np.ones((1, gap + 1) if horizontal else (gap + 1, 1), np.uint8)
        opening = np.ones((1, length) if horizontal else (length, 1), np.uint8)
        lines = cv2.morphologyEx(cv2.morphologyEx(picture, cv2.MORPH_CLOSE, closing), cv2.MORPH_OPEN, opening)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
        for label in range(1, count):
            x, y, width, height = (int(value) for value in stats[label][:4])
            if (height if horizontal else width) > thickest:
                continue
            rules.append(Rule(x, y, x + width, y + height))
            part = covered[y : y + height, x : x + width]
            part |= labels[y : y + height, x : x + width] == label
    return rules, covered
