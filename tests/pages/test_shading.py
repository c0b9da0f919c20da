import pymupdf

from extractors.geometry.rulings import find_grids
from extractors.pages.shading import without_shading
from extractors.pages.textlayer import text_layer

BLUE, GREY = 0xCCEEFF, 0x808080


def test_thin_pieces_beside_a_wide_one_are_shading() -> None:
    wide, beside, next_to_it = (
        (10.0, 20.0, 60.0, 38.0),
        (60.0, 20.0, 62.4, 38.0),
        (62.4, 20.0, 63.0, 38.0),
    )
    assert without_shading([(BLUE, wide), (BLUE, beside), (BLUE, next_to_it)], 3.0) == [wide]


def test_lines_of_another_colour_or_longer_than_the_shade_stay() -> None:
    wide = (10.0, 20.0, 60.0, 38.0)
    grey, longer, ending = (60.0, 20.0, 61.0, 38.0), (9.0, 10.0, 10.0, 90.0), (30.0, 38.0, 31.0, 80.0)
    below = (10.0, 38.0, 60.0, 38.2)  # a flat piece parts two rows
    fills = [(BLUE, wide), (GREY, grey), (BLUE, longer), (BLUE, ending), (BLUE, below)]
    assert without_shading(fills, 3.0) == [wide, grey, longer, ending, below]


def test_a_row_shaded_cell_by_cell_draws_no_grid() -> None:
    page = pymupdf.open().new_page(width=300, height=200)
    light = (0.8, 0.93, 1.0)
    for x0, x1 in ((20, 100), (100, 102.4), (102.4, 150), (150, 152), (152, 200)):
        page.draw_rect(pymupdf.Rect(x0, 40, x1, 58), color=None, fill=light)
    for x0, x1 in ((102.4, 150), (152, 200)):
        page.draw_rect(pymupdf.Rect(x0, 39.4, x1, 40.6), color=None, fill=(0, 0, 0))
        page.draw_rect(pymupdf.Rect(x0, 57.4, x1, 58.6), color=None, fill=(0, 0, 0))
    page.insert_text((110, 52), "1,234", fontsize=8)
    rules = text_layer(page).rules
    assert rules
    assert all(rule.horizontal for rule in rules)
    assert not find_grids(rules)


def test_a_grid_of_thin_fills_stays_a_grid() -> None:
    page = pymupdf.open().new_page(width=300, height=200)
    for x in (20, 100, 180):
        page.draw_rect(pymupdf.Rect(x, 40, x + 0.6, 80), color=None, fill=(0, 0, 0))
    for y in (40, 60, 80):
        page.draw_rect(pymupdf.Rect(20, y, 180.6, y + 0.6), color=None, fill=(0, 0, 0))
    page.draw_rect(pymupdf.Rect(20, 40, 180, 60), color=None, fill=(0.8, 0.93, 1.0))
    page.insert_text((110, 52), "1,234", fontsize=8)
    (grid,) = find_grids(text_layer(page).rules)
    assert len(grid.cells) == 4
