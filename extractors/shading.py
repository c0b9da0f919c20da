"""Which thin fills of a page are pieces of a shaded area, and no ruled lines? Fills of a page → those that may be lines.

In: a page's fills, each with its colour and its corners (x0, y0, x1, y1) in points. Out: the corners of those that are not such pieces.
Tables made from web pages shade a row cell by cell, the white space between two columns included: pieces as thin as a line, which beside
a wide piece of the same colour nobody sees as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

Corners = tuple[float, float, float, float]  # x0, y0, x1, y1
Fill = tuple[int, Corners]  # colour as 0xRRGGBB

MEETS = 0.35  # points; edges of two pieces closer than this leave no white between them


def without_shading(fills: Sequence[Fill], thickest: float) -> list[Corners]:
    """Return the fills but those no thicker than `thickest` that lie along a thicker fill of their colour, directly or through others.

    A piece lies along another where they meet over the whole length of the piece; a line that only ends at a shaded box does not.
    """
    thin = [number for number, (_, box) in enumerate(fills) if _thickness(box) <= thickest]
    begins: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)  # by colour, axis and edge
    for number in thin:
        colour, box = fills[number]
        for axis in (0, 1):
            for edge in (box[axis], box[axis + 2]):
                begins[colour, axis, round(edge)].append(number)
    shaded: set[int] = set()
    open_fills = [number for number, (_, box) in enumerate(fills) if _thickness(box) > thickest]
    while open_fills:
        colour, box = fills[open_fills.pop()]
        for axis in (0, 1):
            for edge in (box[axis], box[axis + 2]):
                near = {round(edge + step) for step in (-MEETS, 0.0, MEETS)}
                for number in [n for place in near for n in begins.get((colour, axis, place), ())]:
                    if number not in shaded and _lies_along(fills[number][1], box, axis):
                        shaded.add(number)
                        open_fills.append(number)
    return [box for number, (_, box) in enumerate(fills) if number not in shaded]


def _thickness(box: Corners) -> float:
    return min(box[2] - box[0], box[3] - box[1])


def _lies_along(piece: Corners, other: Corners, axis: int) -> bool:
    """Tell whether a piece that is thin along `axis` (0 across, 1 down) meets another over its whole length."""
    across = 1 - axis
    if piece[axis + 2] - piece[axis] > piece[across + 2] - piece[across]:
        return False
    meets = min(abs(piece[axis] - other[axis + 2]), abs(piece[axis + 2] - other[axis])) <= MEETS
    covered = other[across] - MEETS <= piece[across] and piece[across + 2] <= other[across + 2] + MEETS
    return meets and covered
