"""Where something is printed: a rectangle on the upright page.

In and out: points (1/72 inch), origin at the top left corner, y growing downwards. "Upright" means after the
page's own rotation entry and any turn that was needed to make its text readable from left to right.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in points of the upright page, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width in points."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in points."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square points; 0 for an inverted box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def center(self) -> tuple[float, float]:
        """The middle (x, y) in points."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def intersect(self, other: Box) -> Box:
        """Return the common part; its area is 0 where the boxes do not meet."""
        return Box(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        )

    def contains_center(self, other: Box) -> bool:
        """Tell whether the middle of `other` lies inside."""
        x, y = other.center
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def grow(self, dx: float, dy: float | None = None) -> Box:
        """Return the box widened by `dx` on the left and right and `dy` (default `dx`) above and below, points."""
        dy = dx if dy is None else dy
        return Box(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all `boxes`. Raises ValueError when there are none."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))
