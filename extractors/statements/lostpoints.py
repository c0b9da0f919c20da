"""Which figures may have lost their decimal point, or have one that is a comma? Those that are printed unlike their column.

In: the amounts of a table by row and column. Out: the places of those that stand without decimals where the rest of their column and
of their row has them: a faint point is what a scan loses first, and what is left is ten times as much. And the places of those with
three decimals in columns of whole numbers: a worn comma is read as a point, and what is left is a thousandth. Only readings of pixels
are in doubt for it; a text layer loses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from schemas.amount import Amount

FEW = 4  # other figures of a column that say how it is printed
USUAL = 0.9  # of a column's other figures have decimals

Place = tuple[int, int]  # row, column
POINT_LOST = "it has no decimals, and the figures around it have: a point may be lost"


def lost_points(amounts: Mapping[Place, Amount]) -> frozenset[Place]:
    """Return the places of whole numbers whose row and column are printed with decimals."""
    columns: defaultdict[int, dict[int, bool]] = defaultdict(dict)
    for (row, column), amount in amounts.items():
        if not amount.nil and amount.value:
            columns[column][row] = amount.decimals > 0
    pointed: defaultdict[int, dict[int, bool]] = defaultdict(
        dict
    )  # of each row, what stands in columns with decimals
    for column, figures in columns.items():
        for row, has_decimals in figures.items():
            others = [each for place, each in figures.items() if place != row]
            if len(others) >= FEW and sum(others) >= USUAL * len(others):
                pointed[row][column] = has_decimals
    return frozenset(
        (row, column)
        for row, figures in pointed.items()
        for column, has_decimals in figures.items()
        if not has_decimals and any(figures.values())
    )


def thousandths(amounts: Mapping[Place, Amount]) -> frozenset[Place]:
    """Return the places of figures with three decimals in columns that have no others than these and whole numbers."""
    columns: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for (row, column), amount in amounts.items():
        if not amount.nil and amount.value:
            columns[column][row] = amount.decimals
    return frozenset(
        (row, column)
        for column, figures in columns.items()
        if len(figures) >= FEW and set(figures.values()) == {0, 3}
        for row, decimals in figures.items()
        if decimals == 3
    )
