"""Opening documents and giving out their pages."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw

from extractors.errors import EncryptedError, ParquetryError, TooLargeError, UnreadableError
from extractors.pages.opening import OpenPage, open_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from tests.hostile import makers

NO_OCR = Settings(ocr=False)


def read(path: Path, settings: Settings = NO_OCR, first: int = 1, last: int | None = None) -> list[OpenPage]:
    with open_document(identify(find_sources(path)[0], settings), settings) as document:
        return list(document.pages(first, last))


def refused(path: Path, settings: Settings = NO_OCR) -> str:
    with pytest.raises(ParquetryError) as error:
        read(path, settings)
    return error.value.category


def drawn(size: tuple[int, int], text: str = "") -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((size[0] // 10, size[1] // 10), text, fill="black", font_size=40)
    return image


def test_pages_come_one_by_one_and_from_any_page_on(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "a.pdf", ["first page", "second page", "third page"])
    pages = read(path, first=2)
    assert [page.content.page for page in pages] == [2, 3]
    assert [word.text for word in pages[0].content.words] == ["second", "page"]
    assert [page.content.page for page in read(path, first=1, last=1)] == [1]
    assert pages[0].content.text_source == "text_layer"
    assert not pages[0].failures


def test_blank_pages_have_no_text_and_no_failure(tmp_path: Path) -> None:
    page = read(makers.pdf(tmp_path / "blank.pdf", [""]), Settings())[0]
    assert (page.content.text_source, page.content.words, page.failures) == ("none", (), ())


def test_rotation_and_crop_box_are_honoured(tmp_path: Path) -> None:
    with pymupdf.open() as document:
        page = document.new_page(width=600, height=800)
        page.insert_text((250, 420), "Total 1,234", fontsize=12)
        page.insert_text((10, 20), "outside of the crop box")
        page.set_cropbox((200, 300, 500, 700))
        page.set_rotation(90)
        document.save(tmp_path / "turned.pdf")
    with open_document(identify(find_sources(tmp_path)[0], NO_OCR), NO_OCR) as opened_document:
        opened = next(opened_document.pages())
        pixels = opened.render(144, None)
    content = opened.content
    assert sorted(word.text for word in content.words) == ["1,234", "Total"]
    assert pixels.shape[:2] == (round(content.height * 2), round(content.width * 2))
    figure = next(word for word in content.words if word.text == "1,234")
    assert (
        figure.box.width > figure.box.height
    )  # upright, though the page's rotation lays the text on its side
    x0, y0, x1, y1 = (round(edge * 2) for edge in figure.box)
    inside = (pixels[y0:y1, x0:x1] < 128).any(axis=2).sum()
    assert inside > 50
    assert (pixels < 128).any(axis=2).sum() < 4 * inside  # the ink is where the words are


def test_an_encrypted_document_needs_its_password(tmp_path: Path) -> None:
    path = makers.encrypted_pdf(tmp_path / "secret.pdf", "sesame")
    with pytest.raises(EncryptedError, match="PARQUETRY_PASSWORD"):
        read(path)
    assert refused(path, Settings(ocr=False, password="wrong")) == "encrypted"  # type: ignore[arg-type]
    page = read(path, Settings(ocr=False, password="sesame"))[0]  # type: ignore[arg-type]
    assert [word.text for word in page.content.words] == ["secret", "figures", "1,234"]


def test_a_truncated_document_gives_its_pages_and_says_what_is_lost(tmp_path: Path) -> None:
    pages = read(makers.truncated_pdf(tmp_path / "cut.pdf", pages=12, kept=0.6))
    assert [page.content.page for page in pages] == list(range(1, 13))
    whole = [page.content.page for page in pages if page.content.words]
    assert whole == [1, 2, 3, 4, 5, 6, 7, 8]
    for page in pages[:8]:
        assert [word.text for word in page.content.words][:2] == ["page", str(page.content.page)]
    assert [page.failed for page in pages] == 8 * [False] + 4 * [True]
    assert {failure.category for page in pages for failure in page.failures} == {"corrupt"}


def test_a_file_cut_where_nothing_can_be_recovered_is_corrupt(tmp_path: Path) -> None:
    assert refused(makers.truncated_pdf(tmp_path / "cut.pdf", pages=1, kept=0.05)) == "corrupt"


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n", b"%PDF-1.4\n" + b"\x00\xff" * 500, b"\x89PNG\r\n\x1a\n" + bytes(50)]
)
def test_what_is_broken_throughout_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.pdf").write_bytes(content)
    assert refused(tmp_path / "broken.pdf") == "corrupt"


def test_limits_on_pages_and_pixels(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "long.pdf", ["x"] * 6)
    with pytest.raises(TooLargeError, match="max_pages"):
        read(path, Settings(ocr=False, max_pages=5))
    assert refused(makers.png_bomb(tmp_path / "bomb.png", 20_000)) == "too_large"
    assert refused(makers.png_bomb(tmp_path / "large.png", 8_000)) == "too_large"


def test_a_document_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "a.pdf", ["one", "two"])
    source = identify(find_sources(path)[0], NO_OCR)
    with pytest.raises(UnreadableError, match="changed"), open_document(source, NO_OCR) as document:
        next(document.pages())
        path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_images_are_pages_of_their_size_in_points(tmp_path: Path, kind: str) -> None:
    drawn((1240, 1754)).save(tmp_path / "page.img", kind, dpi=(150, 150))
    content = read(tmp_path / "page.img")[0].content
    assert (content.page, content.rotation) == (1, 0)
    assert (content.width, content.height) == pytest.approx((595, 842), abs=1.0)


def test_a_page_that_would_need_ocr_says_so_when_ocr_is_off(tmp_path: Path) -> None:
    drawn((600, 800), "words").save(tmp_path / "page.png")
    page = read(tmp_path / "page.png")[0]
    assert [failure.category for failure in page.failures] == ["unsupported"]
    assert "OCR is off" in page.failures[0].message


def test_every_frame_of_a_tiff_is_a_page_and_a_huge_one_costs_only_itself(tmp_path: Path) -> None:
    frames = [drawn((400, 300)), drawn((3000, 3000)), drawn((300, 400)).convert("1")]
    frames[0].save(tmp_path / "many.tif", save_all=True, append_images=frames[1:], dpi=(100, 100))
    pages = read(tmp_path / "many.tif", Settings(ocr=False, max_pixels=1_000_000))
    assert [page.content.page for page in pages] == [1, 2, 3]
    assert [page.failed for page in pages] == [False, True, False]
    assert pages[1].failures[0].category == "too_large"
    assert (pages[2].content.width, pages[2].content.height) == pytest.approx((216, 288))


def test_exif_orientation_and_transparency(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(image).rectangle((0, 0, 50, 50), fill="black")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "photo.jpg", exif=exif, dpi=(100, 100))
    clear = Image.new("RGBA", (300, 400), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((10, 10, 60, 60), fill=(255, 0, 0, 255))
    clear.save(tmp_path / "clear.png", dpi=(100, 100))
    photo, png = read(tmp_path / "photo.jpg")[0], read(tmp_path / "clear.png")[0]
    assert photo.content.width < photo.content.height
    pixels = photo.render(100, None)
    assert pixels[10, -10].max() < 60  # the mark of the top left corner has come to the top right
    assert pixels[10, 10].min() > 200
    assert tuple(png.render(100, None)[200, 200]) == (255, 255, 255)
    assert tuple(png.render(100, None)[30, 30]) == (255, 0, 0)


def test_a_truncated_image_is_corrupt_and_recorded(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    raw = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(raw[: len(raw) // 2])
    page = read(tmp_path / "cut.png")[0]
    assert page.failed
    assert page.failures[0].category == "corrupt"


def test_a_name_that_is_not_utf8_is_opened_all_the_same(tmp_path: Path) -> None:
    pdf = pymupdf.open()
    pdf.new_page().insert_text((72, 72), "Net sales 1,234")
    path = Path(os.fsdecode(os.fsencode(str(tmp_path)) + b"/report-\xff\xfe.pdf"))
    path.write_bytes(pdf.tobytes())
    assert [word.text for word in read(path)[0].content.words] == ["Net", "sales", "1,234"]
