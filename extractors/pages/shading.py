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
    """Return the fills but those narrower than `thickest` that stand along a wider fill of their colour, directly or through others.

    A piece stands along another where they meet over its whole height; a line that only ends at a shaded box does not. Flat pieces stay:
    above and below coloured cells they part the rows.
    """
    sides: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # narrow fills by colour and edge
    open_fills = []
    for number, (colour, box) in enumerate(fills):
        if min(box[2] - box[0], box[3] - box[1]) > thickest:
            open_fills.append(number)
        elif box[2] - box[0] <= box[3] - box[1]:
            for edge in (box[0], box[2]):
                sides[colour, round(edge)].append(number)
    shaded: set[int] = set()
    while open_fills:
        colour, box = fills[open_fills.pop()]
        for edge in (box[0], box[2]):
            near = {round(edge + step) for step in (-MEETS, 0.0, MEETS)}
            for number in [n for place in near for n in sides.get((colour, place), ())]:
                if number not in shaded and _stands_along(fills[number][1], box):
                    shaded.add(number)
                    open_fills.append(number)
    return [box for number, (_, box) in enumerate(fills) if number not in shaded]


def _stands_along(piece: Corners, other: Corners) -> bool:
    """Tell whether a narrow piece meets another over its whole height."""
    meets = min(abs(piece[0] - other[2]), abs(piece[2] - other[0])) <= MEETS
    return meets and other[1] - MEETS <= piece[1] and piece[3] <= other[3] + MEETS
