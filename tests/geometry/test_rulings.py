from extractors.geometry.rulings import find_grids
from schemas.box import Box
from schemas.page import Rule


def lines(xs: list[float], ys: list[float]) -> list[Rule]:
    return [Rule(xs[0], y, xs[-1], y) for y in ys] + [Rule(x, ys[0], x, ys[-1]) for x in xs]


def test_a_full_grid() -> None:
    (grid,) = find_grids(lines([0, 50, 100], [0, 20, 40, 60]))
    assert (grid.xs, grid.ys, len(grid.cells)) == ((0, 50, 100), (0, 20, 40, 60), 6)
    assert grid.box == Box(0, 0, 100, 60)


def test_cells_without_a_line_between_are_one() -> None:
    rules = [Rule(0, y, 100, y) for y in (0, 40)] + [Rule(50, 20, 100, 20)]
    rules += [Rule(x, 0, x, 40) for x in (0, 50, 100)]
    (grid,) = find_grids(rules)
    spans = sorted((c.top, c.bottom, c.left, c.right) for c in grid.cells)
    assert spans == [(0, 0, 1, 1), (0, 1, 0, 0), (1, 1, 1, 1)]


def test_open_sides_are_closed_where_the_lines_end() -> None:
    rules = [Rule(0, y, 150, y) for y in (0, 20, 40)] + [Rule(x, 0, x, 40) for x in (50, 100)]
    (grid,) = find_grids(rules)
    assert grid.xs == (0, 50, 100, 150)


def test_double_lines_are_one_edge() -> None:
    (grid,) = find_grids([*lines([0, 50, 100], [0, 20, 40]), Rule(0, 41.5, 100, 41.5)])
    assert len(grid.ys) == 3


def test_grids_that_do_not_touch_are_two_and_loose_rules_none() -> None:
    rules = [*lines([0, 50, 100], [0, 20, 40]), *lines([200, 250, 300], [0, 20, 40]), Rule(0, 90, 300, 90)]
    assert len(find_grids(rules)) == 2
    assert find_grids([Rule(0, y, 100, y) for y in (0, 20, 40)]) == []


def test_corners_of_a_poster_may_miss_each_other_by_more() -> None:
    drawn = [*lines([0, 50, 100], [0, 20, 40]), Rule(0, 41.5, 100, 41.5)]
    (small,) = find_grids(drawn)
    (large,) = find_grids([Rule(*(6 * place for place in (r.x0, r.y0, r.x1, r.y1))) for r in drawn], 84.0)
    assert [tuple(6 * place for place in cell.box) for cell in small.cells] == [
        tuple(cell.box) for cell in large.cells
    ]
