"""Image files: their pixels as RGB on white, and their size on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extractors.errors import CorruptError, TooLargeError
from extractors.pages.imagefile import decode, open_image, page_dpi
from extractors.sources import Source


@pytest.mark.parametrize(
    ("size", "dpi", "long_side"),
    [
        ((2480, 3508), (300, 300), 842),  # a scanner that says what it did
        ((1240, 1754), (72, 72), 842),  # a program that does not know says 72
        ((1240, 1754), None, 842),
        ((4000, 3000), (1, 1), 842),
        ((600, 800), (72, 72), 800),  # believable: a small page
        ((1728, 1100), (204, 98), 808),  # a fax: pixels are not square
    ],
)
def test_resolutions_are_believed_when_they_make_a_page(
    size: tuple[int, int], dpi: tuple[int, int] | None, long_side: float
) -> None:
    image = Image.new("1", size)
    if dpi:
        image.info["dpi"] = dpi
    x, y = page_dpi(image)
    assert max(size[0] / x, size[1] / y) * 72 == pytest.approx(long_side, abs=2)


def test_transparent_is_white_and_what_is_opaque_keeps_its_colour() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (200, 10, 20, 255))
    assert decode(image).tolist() == [[[255, 255, 255], [200, 10, 20]]]


def test_sixteen_bits_are_spread_over_all_greys() -> None:
    image = Image.fromarray(np.array([[1000, 3000, 5000]], np.uint16))
    assert decode(image)[0, :, 0].tolist() == [0, 127, 255]


def test_a_photo_taken_sideways_is_set_upright() -> None:
    image = Image.new("RGB", (2, 1), "white")
    image.putpixel((0, 0), (0, 0, 0))
    image.getexif()[0x0112] = 6  # turned a quarter clockwise to be seen
    assert decode(image)[:, :, 0].tolist() == [[0], [255]]


def source(path: Path, media_type: str) -> Source:
    return Source(str(path), path.stat().st_size, "0" * 64, media_type)


def test_a_file_that_is_cut_off_or_of_another_kind_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(CorruptError, match="scan or export"), open_image(path, source(path, "image/tiff")):
        pass
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(CorruptError), open_image(path, source(path, "image/png")):
        pass


def test_an_image_too_large_for_any_memory_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.new("RGB", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[18:26] = (60_000).to_bytes(4, "little") + (60_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(TooLargeError, match="scale it down"), open_image(path, source(path, "image/bmp")):
        pass
