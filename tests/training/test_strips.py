from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from extractors.training.amounts import draw_amount, draw_kind, draw_notation, plain
from extractors.training.degrade import bilevel, grain
from extractors.training.fonts import face, families
from extractors.training.labels import label
from extractors.training.layouts import data, header, heading, lay, ledger, part, text_line, texts
from extractors.training.letters import classes, decode, encode
from extractors.training.pieces import CLOSE_GAP, Laid, Row
from extractors.training.strips import draw_strip
from extractors.training.wordlists import WORDS
from extractors.training.words import line_items, random_word
from extractors.vision.grounding import fold
from schemas.amount import parse_amount

SEEDS = range(150)
WIDTH = 768.0


def _row(rng: np.random.Generator) -> Row:
    path = families("train")["LiberationSans"]["regular"][0]
    size = int(rng.integers(11, 19))
    font, small = face(path, size), face(path, 9)
    return Row(
        WIDTH,
        float(size),
        float(rng.uniform(1, 40)),
        float(rng.uniform(400, 760)),
        CLOSE_GAP * size,
        font,
        font,
        font,
        small,
    )


def _laid(way: Callable[[np.random.Generator, Row], Laid]) -> list[tuple[Row, Laid]]:
    out = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        row = _row(rng)
        out.append((row, way(rng, row)))
    return out


@pytest.mark.parametrize("way", [data, part, ledger, texts, header, heading, text_line])
def test_pieces_stand_side_by_side_and_spell_the_cells(
    way: Callable[[np.random.Generator, Row], Laid],
) -> None:
    for row, laid in _laid(way):
        assert laid.placed and laid.placed[-1].end <= WIDTH
        assert all(left.end <= right.x + 0.01 for left, right in pairwise(laid.placed)), laid
        printed = "".join(piece.text for piece in laid.placed).replace(" ", "")
        assert printed == "".join(laid.cells).replace(" ", "")
        # Between two cells there is always more white than between two words.
        n_cells = sum(bool(cell) for cell in laid.cells)
        gaps = [right.x - left.end for left, right in pairwise(laid.placed)]
        assert sum(gap >= row.gap - 0.01 for gap in gaps) >= n_cells - 1


@pytest.mark.parametrize("way", [data, part, ledger, texts, header, heading, text_line])
def test_an_answer_is_never_longer_than_a_reader_is_taught_to_give(
    way: Callable[[np.random.Generator, Row], Laid],
) -> None:
    for _, laid in _laid(way):
        assert len(encode(laid.cells)) <= 128 and len(classes(laid.cells)) < 150
        assert decode(encode(laid.cells)) == laid.cells


def test_the_first_cell_is_a_label_a_number_before_a_text_or_nothing() -> None:
    assert all(laid.cells[0] == "" and len(laid.cells) > 1 for _, laid in _laid(part))
    entries = [laid.cells for _, laid in _laid(ledger)]
    numbered = [cells for cells in entries if cells[0][:1].isdigit() and len(cells) > 2]
    assert len(numbered) > len(entries) // 3
    assert all(cells[0] for cells in entries)


def test_parts_of_rows_begin_at_the_left_edge() -> None:
    begins = [laid.placed[0].x for _, laid in _laid(part)]
    assert np.mean([x < 40 for x in begins]) > 0.5


def test_rows_have_up_to_twelve_columns() -> None:
    widths = set()
    for seed in range(600):
        rng = np.random.default_rng(seed)
        widths.add(len(lay(rng, _row(rng)).cells))
    assert set(range(1, 12)) <= widths


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["–", "(—)", "–5", "a—b", "’"]))
def test_one_form_for_what_print_does_not_tell_apart(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert fold(plain(text)) == fold(text)


def test_dashes_mean_what_they_stand_for() -> None:
    assert [plain(t) for t in ("–", "—", "-", "–5,0", "$ –", "Other — net", "1’000", "Gross−net")] == [
        "—", "—", "-", "-5,0", "$ —", "Other – net", "1'000", "Gross–net",
    ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_columns_of_other_kinds_keep_separators_and_mean_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notation = draw_notation(rng)
    other = draw_kind(rng, notation)
    assert (other.thousands, other.point, other.negative) == (
        notation.thousands,
        notation.point,
        notation.negative,
    )
    text = draw_amount(rng, other)
    if notation.nil not in text and not other.after:
        found = parse_amount(text, other.point)
        assert found is not None and found.value is not None
        negative = "(" in text or other.negative in text
        assert found.value <= 0 if negative else found.value >= 0


def test_labels_are_mostly_of_no_list() -> None:
    rng = np.random.default_rng(0)
    known = {item.casefold() for item in line_items()}
    drawn = [label(rng) for _ in range(400)]
    assert 0.2 < np.mean([text.casefold() in known for text in drawn]) < 0.5
    assert max(map(len, drawn)) > 80
    listed = set(WORDS.split())
    assert np.mean([random_word(rng) in listed for _ in range(300)]) < 0.02


def test_every_drawn_letter_is_in_every_font() -> None:
    drawn = {
        letter
        for seed in range(700)
        for cell in draw_strip(np.random.default_rng(seed), "train", 0.0).cells
        for letter in cell
    }
    for split in ("train", "held_out"):
        for styles in families(split).values():
            for path in (path for paths in styles.values() for path in paths):
                font = ImageFont.truetype(path, 16, layout_engine=ImageFont.Layout.BASIC)
                blank = font.getmask("\U000f1234")
                strange = [letter for letter in drawn - {" "} if bytes(font.getmask(letter)) == bytes(blank)]
                assert not strange, (path, strange)


def test_a_threshold_keeps_the_grain_of_the_paper_white() -> None:
    rng = np.random.default_rng(2)
    page = np.full((32, 768), 225, np.uint8)
    page[8:24, 20:60] = 60
    black_white = bilevel(grain(page, rng, 12.0), 0.95)
    assert (black_white[:, 80:] == 255).mean() > 0.99
    assert (black_white[10:22, 22:58] == 0).mean() > 0.99
