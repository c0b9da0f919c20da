from pathlib import Path

import pymupdf
import pytest

from extractors.pages.textlayer import reading_turn, text_layer
from schemas.box import Box


def page_with(
    *texts: tuple[float, float, str], size: float = 10, rotate: int = 0, **kwargs: int
) -> pymupdf.Page:
    document = pymupdf.open()
    page = document.new_page(width=400, height=300)
    for x, y, text in texts:
        page.insert_text((x, y), text, fontsize=size, rotate=rotate, **kwargs)
    page.parent_document = document  # a page dies with its document
    return page


def test_words_stand_one_font_size_high_around_their_baseline() -> None:
    content = text_layer(page_with((50, 100, "Net sales")))
    assert [word.text for word in content.words] == ["Net", "sales"]
    first = content.words[0]
    assert first.box.x0 == pytest.approx(50, abs=1)
    assert (first.box.y0, first.box.y1) == pytest.approx((92, 102), abs=0.1)
    assert first.size == pytest.approx(10)
    assert (content.width, content.height, content.text_source) == (400, 300, "text_layer")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_entry_is_honoured(rotation: int) -> None:
    page = page_with((50, 100, "Total"))
    page.set_rotation(rotation)
    content = text_layer(page)
    box = content.words[0].box
    expected = {
        0: (50, 92),
        90: (300 - 102, 50),
        180: (400 - box.width - 50, 300 - 102),
        270: (92, 400 - box.height - 50),
    }[rotation]
    assert (box.x0, box.y0) == pytest.approx(expected, abs=1)
    assert content.rotation == rotation
    assert content.page == 1


@pytest.mark.parametrize("printed", [90, 180, 270])
def test_text_printed_sideways_is_turned_to_read(printed: int) -> None:
    page = page_with((150, 150, "Sideways heading"), rotate=printed)
    turn = reading_turn(page)
    assert turn == printed  # printed counterclockwise, so turned back clockwise by as much
    content = text_layer(page, turn)
    assert content == text_layer(page, None)
    first, second = content.words
    assert first.box.x1 < second.box.x0
    assert first.box.height == pytest.approx(10, abs=0.1)
    assert Box(0, 0, content.width, content.height).contains_center(first.box)


def test_rotation_entry_and_turn_cancel_out() -> None:
    page = page_with((150, 150, "Upside down and back"), rotate=90)
    page.set_rotation(90)
    assert reading_turn(page) == 0
    assert text_layer(page, None).words[0].box.height == pytest.approx(10, abs=0.1)


def test_crop_box_moves_the_origin_and_hides_what_is_outside() -> None:
    page = page_with((50, 100, "inside"), (350, 280, "outside"))
    page.set_cropbox(pymupdf.Rect(40, 60, 240, 260))
    content = text_layer(page)
    assert [word.text for word in content.words] == ["inside"]
    assert content.words[0].box.x0 == pytest.approx(10, abs=1)
    assert content.words[0].box.y1 == pytest.approx(42, abs=0.1)
    assert (content.width, content.height) == (200, 200)


def test_words_printed_twice_count_once() -> None:
    content = text_layer(page_with((50, 100, "Bold"), (50.3, 100, "Bold"), (50, 140, "Bold")))
    assert [word.text for word in content.words] == ["Bold", "Bold"]


def test_invisible_text_is_read_only_where_it_is_all_there_is() -> None:
    page = page_with((50, 100, "scanned words"), render_mode=3)
    assert [word.text for word in text_layer(page).words] == ["scanned", "words"]
    page.insert_text(
        (
            50,
            150,
        ),
        "three visible words",
        fontsize=10,
    )
    assert [word.text for word in text_layer(page).words] == ["three", "visible", "words"]


def test_watermarks_are_no_words() -> None:
    page = page_with((50, 100, "kept"))
    page.insert_text((100, 200), "DRAFT", fontsize=40, morph=(pymupdf.Point(100, 200), pymupdf.Matrix(40)))
    assert [word.text for word in text_layer(page).words] == ["kept"]


def test_leaders_are_cut_out() -> None:
    content = text_layer(page_with((50, 100, "Sales..........1,234")))
    assert [word.text for word in content.words] == ["Sales", "1,234"]
    sales, amount = content.words
    assert sales.box.x1 < amount.box.x0
    assert amount.box.x1 == pytest.approx(
        50 + pymupdf.get_text_length("Sales..........1,234", fontsize=10), abs=1
    )


def test_rules_come_from_lines_thin_fills_and_frames() -> None:
    page = page_with((50, 100, "x"))
    page.draw_line((20, 50), (120, 50))
    page.draw_line((120.5, 50), (220, 50))  # touches: one line
    page.draw_rect(pymupdf.Rect(20, 80, 220, 81), color=None, fill=(0, 0, 0))
    page.draw_rect(pymupdf.Rect(20, 90, 220, 110), color=None, fill=(0.9, 0.9, 1))  # shading: no rule
    page.draw_rect(pymupdf.Rect(300, 200, 380, 260))  # a frame: four rules
    page.draw_rect(pymupdf.Rect(20, 150, 220, 150.5), color=None, fill=(1, 1, 1))  # white on paper
    rules = text_layer(page).rules
    across = sorted((rule.y0, rule.x0, rule.x1) for rule in rules if rule.horizontal)
    down = sorted((rule.x0, rule.y0, rule.y1) for rule in rules if not rule.horizontal)
    assert len(across) == 4
    assert len(down) == 2
    for rule, expected in zip(
        across, [(50, 20, 220), (80, 20, 220), (200, 300, 380), (260, 300, 380)], strict=True
    ):
        assert rule == pytest.approx(expected, abs=0.5)
    for rule, expected in zip(down, [(300, 200, 260), (380, 200, 260)], strict=True):
        assert rule == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rules_keep_to_their_words_when_the_page_is_turned(rotation: int) -> None:
    page = page_with((50, 100, "Total"))
    page.draw_line((50, 104), (90, 104))
    page.draw_rect(pymupdf.Rect(50, 106, 90, 107), color=None, fill=(0, 0, 0))
    page.set_cropbox(pymupdf.Rect(10, 20, 390, 280))
    page.set_rotation(rotation)
    content = text_layer(page, (360 - rotation) % 360)
    upright = text_layer(page_with((50, 100, "Total")))
    word = content.words[0].box
    assert word.x0 == pytest.approx(upright.words[0].box.x0 - 10, abs=0.1)
    assert word.y1 == pytest.approx(102 - 20, abs=0.1)
    assert sorted((r.x0, r.y0, r.x1) for r in content.rules) == [
        pytest.approx((40, 84, 80), abs=0.1),
        pytest.approx((40, 86, 80), abs=0.1),
    ]


def test_images_are_placed(tmp_path: Path) -> None:
    page = page_with((50, 100, "x"))
    page.insert_image(pymupdf.Rect(100, 120, 200, 170), pixmap=pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 20, 10)))
    assert [tuple(map(round, box)) for box in text_layer(page).images] == [(100, 120, 200, 170)]


def test_turn_must_be_a_right_angle() -> None:
    with pytest.raises(ValueError, match="0, 90, 180 or 270"):
        text_layer(page_with((50, 100, "x")), 45)


def test_leaders_set_with_spaces_are_no_words():
    pdf = pymupdf.open()
    page = pdf.new_page(width=400, height=100)
    page.insert_text((20, 50), "Inventories . . . . . . . . . 1,058")
    page.insert_text((20, 70), "and so on ...")
    assert [word.text for word in text_layer(page).words] == [
        "Inventories",
        "1,058",
        "and",
        "so",
        "on",
        "...",
    ]


def test_a_crop_box_beyond_the_media_box_does_not_stretch_the_page() -> None:
    pdf = pymupdf.open()
    page = pdf.new_page(width=594, height=774)
    page.insert_text((100, 100), "61,827")
    pdf.xref_set_key(page.xref, "CropBox", "[0 0 630 810]")
    content = text_layer(pymupdf.open("pdf", pdf.tobytes())[0])
    assert (content.width, content.height) == (594, 774)
    assert content.words[0].box.x0 == pytest.approx(100, abs=1)
