from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.engine import Pixels
from extractors.vision.tiling import TILE_TOKENS, Tile, compose, find_bands, plan_blind, plan_tiles, split
from schemas.box import Box
from schemas.page import PageContent, Rule, Word

WIDTH, HEIGHT = 595.0, 842.0


def page(words: list[Word], rules: tuple[Rule, ...] = ()) -> PageContent:
    return PageContent(1, WIDTH, HEIGHT, 0, "text_layer", tuple(words), rules)


def word(text: str, x0: float, y0: float, size: float = 9.0, width: float | None = None) -> Word:
    return Word(text, Box(x0, y0, x0 + (width or 0.5 * size * len(text)), y0 + size), line=0, size=size)


def table(n_rows: int, top: float = 60.0, step: float = 13.0, size: float = 9.0) -> list[Word]:
    words = [word("2024", 300, top, size), word("2023", 400, top, size)]
    for r in range(1, n_rows):
        y = top + r * step
        words += [
            word(f"Item{r}", 60, y, size),
            word(f"{r * 1001:,}", 300, y, size),
            word(f"{r * 997:,}", 400, y, size),
        ]
    return words


def prose(top: float, n_lines: int) -> list[Word]:
    words = []
    for line in range(n_lines):
        x = 60.0
        for text in ("the", "board", "met", "in", "May", "and", "found", "the", "accounts", "in", "order"):
            words.append(word(text, x, top + 14 * line))
            x = words[-1].box.x1 + 2.5
    return words


def test_running_text_has_no_tiles() -> None:
    assert plan_tiles(page(prose(60, 40))) == ()
    assert plan_tiles(page([])) == ()


def test_a_small_table_is_one_tile_with_its_header() -> None:
    (tile,) = plan_tiles(page(prose(60, 5) + table(8, top=300) + prose(500, 5)))
    assert tile.carried is None
    assert tile.body.y0 <= 300 and tile.body.y1 >= 300 + 7 * 13 + 9
    assert tile.n_columns == 3


def test_two_tables_far_apart_are_two_bands() -> None:
    bands = find_bands(page(table(6, top=60) + table(6, top=500)))
    assert len(bands) == 2
    assert bands[0].box.y1 < bands[1].box.y0


def test_a_grid_of_words_is_a_band_by_its_rules() -> None:
    words = [word("name", 60 + 150 * c, 100 + 20 * r) for r in range(5) for c in range(3)]
    rules = tuple(Rule(50, 95 + 20 * r, 500, 95 + 20 * r) for r in range(6))
    assert plan_tiles(page(words)) == ()
    (tile,) = plan_tiles(page(words, rules))
    assert tile.n_rows == 5


@settings(deadline=None, max_examples=60)
@given(
    n_rows=st.integers(3, 110),
    step=st.floats(6.0, 14.0),
    share=st.floats(0.5, 0.9),
    top=st.floats(20.0, 60.0),
)
def test_strips_cover_every_row_once_and_cut_none(n_rows: int, step: float, share: float, top: float) -> None:
    n_rows = min(n_rows, int((HEIGHT - top - 20) / step))
    if n_rows < 4:
        return
    words = table(n_rows, top, step, share * step)
    tiles = plan_tiles(page(words))
    assert tiles
    for printed in words:
        inside = [t for t in tiles if t.body.y0 <= printed.box.y0 and printed.box.y1 <= t.body.y1]
        assert len(inside) == 1, printed
    for before, after in zip(tiles, tiles[1:], strict=False):
        assert before.body.y1 == after.body.y0
        assert after.carried is not None and after.carried.contains_center(words[0].box)
    assert [tile.index for tile in tiles] == list(range(len(tiles)))


@settings(deadline=None, max_examples=30)
@given(
    width=st.integers(100, 700), high=st.integers(20, 700), dpi=st.integers(110, 300), carried=st.booleans()
)
def test_a_tile_becomes_whole_tokens_with_nothing_scaled(
    width: int, high: int, dpi: int, carried: bool
) -> None:
    def render(at: int, region: Box | None) -> Pixels:
        assert region is not None and at == dpi
        size = (max(1, round(region.height * at / 72)), max(1, round(region.width * at / 72)), 3)
        return np.zeros(size, np.uint8)

    head = Box(0, 0, width, 12) if carried else None
    image = compose(Tile(0, 0, Box(0, 50, width, 50 + high), head, dpi, 1, 1, 1), render)
    assert image.shape[0] % 32 == 0 and image.shape[1] % 32 == 0
    dark = int((image[:, 0] == 0).all(axis=-1).sum())
    assert dark == max(1, round(high * dpi / 72)) + (max(1, round(12 * dpi / 72)) if carried else 0)


def test_tiles_are_about_as_large_as_models_read_best() -> None:
    tiles = plan_tiles(page(table(55)))
    assert len(tiles) > 1
    for tile in tiles:
        area = sum(part.height for part in tile.parts) * tile.body.width * (tile.dpi / 72) ** 2
        assert area / 1024 <= 1.1 * TILE_TOKENS


def test_a_tile_is_halved_in_white_space_with_the_header_kept() -> None:
    content = page(table(20))
    (tile,) = plan_tiles(content)[:1]
    halves = split(tile, content)
    assert halves is not None
    upper, lower = halves
    assert (upper.body.y0, lower.body.y1) == (tile.body.y0, tile.body.y1)
    assert upper.body.y1 == lower.body.y0
    assert not any(w.box.y0 < upper.body.y1 < w.box.y1 for w in content.words)
    assert lower.carried is not None and lower.carried.contains_center(content.words[0].box)
    assert split(Tile(0, 0, Box(0, 60, 595, 80), None, 150, 1, 3, 9), content) is None


def test_a_page_without_words_is_cut_where_there_is_no_ink() -> None:
    dpi = 100
    pixels = np.full((int(HEIGHT * dpi / 72), int(WIDTH * dpi / 72), 3), 255, np.uint8)
    for top in range(60, 1100, 20):
        pixels[top : top + 12, 80:700] = 0
    content = PageContent(1, WIDTH, HEIGHT, 0, "none", (), images=(Box(0, 0, WIDTH, HEIGHT),))
    tiles = plan_blind(content, pixels, dpi)
    assert len(tiles) > 1
    assert (tiles[0].body.y0, tiles[-1].body.y1) == (0.0, HEIGHT)
    for tile in tiles[:-1]:
        assert (pixels[int(tile.body.y1 * dpi / 72)] == 255).all()
