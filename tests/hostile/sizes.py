"""Families of files that are small on disk and large to read: bombs, masses of things, sizes, nesting."""

from __future__ import annotations

import io
import random
import zipfile
import zlib

from PIL import Image

from tests.hostile.raw import (
    BOMB,
    Family,
    chunk,
    deflated,
    jpeg_size,
    page_pdf,
    picture,
    png,
    raw_pdf,
    stream,
    tiff,
)


def bombs(rng: random.Random) -> Family:
    flate = b"/Filter/FlateDecode"
    for name, piece in (
        ("spaces", b" "),
        ("saves", b"q "),
        ("text", b"BT (x) Tj ET "),
        ("paths", b"0 0 m 9 9 l S "),
    ):
        yield f"content-{name}.pdf", lambda p=piece: page_pdf(deflated(p, BOMB), entries=flate)
    yield (
        "content-doubly.pdf",
        lambda: page_pdf(
            zlib.compress(deflated(b" ", BOMB), 9), entries=b"/Filter[/FlateDecode/FlateDecode]"
        ),
    )
    yield (
        "ascii-hex-many-filters.pdf",
        lambda: page_pdf(b"41" * 500, entries=b"/Filter[" + b"/ASCIIHexDecode" * 2000 + b"]"),
    )
    image = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8" + flate
    draws, use = b"500 0 0 700 40 40 cm /X Do", b"/XObject<</X 10 0 R>>"
    for side in (20_000, 60_000):
        yield (
            f"image-{side}.pdf",
            lambda s=side: page_pdf(
                draws,
                resources=use,
                more={
                    10: stream(deflated(b"\xff", min(s * s, BOMB)), b"%s/Width %d/Height %d" % (image, s, s))
                },
            ),
        )
    yield (
        "to-unicode.pdf",
        lambda: page_pdf(
            more={
                5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 10 0 R>>",
                10: stream(deflated(b"<41> <0042>\n", BOMB), flate),
            }
        ),
    )
    yield (
        "font-file.pdf",
        lambda: page_pdf(
            more={
                5: b"<</Type/Font/Subtype/TrueType/BaseFont/ABCDEF+Big/FirstChar 32/LastChar 33/Widths[500 500]/FontDescriptor 10 0 R>>",
                10: b"<</Type/FontDescriptor/FontName/ABCDEF+Big/Flags 4/FontFile2 11 0 R>>",
                11: stream(deflated(b"\x00\x01\x00\x00", BOMB), flate),
            }
        ),
    )
    yield (
        "object-stream.pdf",
        lambda: page_pdf(
            more={10: stream(deflated(b"1 0 ", BOMB), b"/Type/ObjStm/N 100000000/First 900000000" + flate)}
        ),
    )
    side = 30_000
    yield "side.png", lambda: png(side, side, deflated(b"\xff", side * side // 8 + side), depth=1)
    yield "colour.png", lambda: png(18_000, 18_000, deflated(b"\x80", BOMB), kind=2)
    yield (
        "comment.png",
        lambda: png(
            10, 10, zlib.compress(b"\x00" * 110), chunk(b"zTXt", b"a\x00\x00" + deflated(b"x", BOMB))
        ),
    )
    yield (
        "profile.png",
        lambda: png(
            10, 10, zlib.compress(b"\x00" * 110), chunk(b"iCCP", b"a\x00\x00" + deflated(b"x", BOMB))
        ),
    )
    yield "pixels.tiff", lambda: tiff(20_000, 20_000, deflated(b"\x00", 20_000 * 20_000), 8)
    yield "archive.pdf", archive
    yield "archive.zip", archive
    yield "huge.jpg", lambda: jpeg_size(picture("JPEG", seed=7), 65_000, 65_000)


def archive() -> bytes:
    """A ZIP file that unpacks to much more."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
        packed.open("0", "w") as inner,
    ):
        for _ in range(200):
            inner.write(b"\x00" * 1_000_000)
    return out.getvalue()


def masses(rng: random.Random) -> Family:
    many = 1_000_000
    sound = page_pdf
    yield (
        "million-objects.pdf",
        lambda: raw_pdf(
            {
                1: b"<</Type/Catalog/Pages 2 0 R>>",
                2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
                **dict.fromkeys(range(4, many), b"null"),
            }
        ),
    )
    yield "million-saves.pdf", lambda: sound(b"q " * many)
    yield "million-operands.pdf", lambda: sound(b"1 " * many + b"m")
    yield (
        "many-words.pdf",
        lambda: sound(
            b"BT /F 1 Tf "
            + b"".join(
                b"1 0 0 1 %d %d Tm (%d) Tj " % (5 * (i % 110), 3 * (i // 110) % 840, i % 99)
                for i in range(60_000)
            )
            + b"ET"
        ),
    )
    yield (
        "one-word-many-times.pdf",
        lambda: sound(b"BT /F 9 Tf 72 700 Td " + b"(1,234) Tj " * 100_000 + b"ET"),
    )
    yield (
        "many-rules.pdf",
        lambda: sound(
            b"".join(
                b"%d 0 m %d 842 l S 0 %d m 595 %d l S " % (i % 595, i % 595, i % 842, i % 842)
                for i in range(40_000)
            )
        ),
    )
    yield (
        "grid.pdf",
        lambda: sound(
            b"".join(b"%d 0 m %d 842 l S " % (i * 2, i * 2) for i in range(300))
            + b"".join(b"0 %d m 595 %d l S " % (i * 2, i * 2) for i in range(420))
        ),
    )
    yield "many-clips.pdf", lambda: sound(b"0 0 9 9 re W n " * 50_000)
    yield (
        "million-annotations.pdf",
        lambda: sound(
            page=b"/MediaBox[0 0 595 842]/Annots[" + b"<</Subtype/Link/Rect[0 0 9 9]>>" * 50_000 + b"]"
        ),
    )
    yield "long-line.pdf", lambda: sound(b"BT /F 9 Tf 72 700 Td (" + b"9" * many + b") Tj ET")
    yield "long-name.pdf", lambda: sound(b"/" + b"n" * many + b" gs")
    yield "long-string.pdf", lambda: sound(b"(" * 200_000 + b")" * 200_000 + b" Tj")
    yield (
        "six-thousand-pages.pdf",
        lambda: (
            page_pdf()
            .replace(b"/Kids[3 0 R]", b"/Kids[" + b"3 0 R " * 6000 + b"]")
            .replace(b"/Count 1", b"/Count 6000")
        ),
    )
    yield (
        "ten-thousand-fonts.pdf",
        lambda: sound(resources=b"/Pattern<<" + b"".join(b"/P%d 5 0 R" % i for i in range(10_000)) + b">>"),
    )
    tiny = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8"
    yield (
        "ten-thousand-tiny-images.pdf",
        lambda: sound(
            b"".join(b"q 5 0 0 8 %d %d cm /X Do Q " % (i % 100 * 5, i // 100 * 8) for i in range(10_000)),
            resources=b"/XObject<</X 10 0 R>>",
            more={10: stream(b"\x40", tiny + b"/Width 1/Height 1")},
        ),
    )


def sizes(rng: random.Random) -> Family:
    image = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8"
    for width, height in ((10_000, 1), (1, 10_000), (1_000_000, 1_000_000), (0, 0), (-5, 7), (2**31 - 1, 1)):
        yield (
            f"image-{width}x{height}.pdf",
            lambda w=width, h=height: page_pdf(
                b"q 500 0 0 700 40 40 cm /X Do Q",
                resources=b"/XObject<</X 10 0 R>>",
                more={10: stream(b"\x55" * 10_000, b"%s/Width %d/Height %d" % (image, w, h))},
            ),
        )
    for width, height in ((10_000, 1), (1, 10_000), (100_000, 1), (1, 1), (2, 65_000)):
        for kind in ("PNG", "TIFF", "BMP"):
            yield (
                f"{width}x{height}.{kind.lower()}",
                lambda w=width, h=height, k=kind: picture(k, w, h, w + h),
            )
    yield "65500x1.jpg", lambda: picture("JPEG", 65_500, 1, 8)
    yield "1x16000.webp", lambda: picture("WEBP", 1, 16_000, 9)
    for width, height in ((0, 0), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (1_000_000, 1_000_000)):
        yield f"says-{width}x{height}.png", lambda w=width, h=height: png(w, h, zlib.compress(b"\x00" * 99))
        yield f"says-{width}x{height}.tiff", lambda w=width, h=height: tiff(w, h, b"\x00" * 99)
    for box in (
        b"0 0 1e9 1e9",
        b"0 0 14400 14400",
        b"0 0 0.001 0.001",
        b"0 0 100000 1",
        b"0 0 1 100000",
        b"0 0 3e38 3e38",
    ):
        yield "page.pdf", lambda b=box: page_pdf(page=b"/MediaBox[%s]" % b)
    yield "user-unit.pdf", lambda: page_pdf(page=b"/MediaBox[0 0 595 842]/UserUnit 1000000")
    yield "pages-behind-themselves.tiff", lambda: tiff(10, 10, b"\x00" * 100, next_at=8 + 100)
    yield "thousand-frames.tiff", frames


def frames() -> bytes:
    """A TIFF file of a thousand tiny pages."""
    out = io.BytesIO()
    pages = [Image.new("L", (8, 8), number % 255) for number in range(1000)]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


def nesting(rng: random.Random) -> Family:
    for depth in (100, 10_000, 300_000):
        yield (
            f"arrays-{depth}.pdf",
            lambda d=depth: page_pdf(page=b"/MediaBox[0 0 595 842]/X " + b"[" * d + b"]" * d),
        )
        yield (
            f"dictionaries-{depth}.pdf",
            lambda d=depth: page_pdf(page=b"/MediaBox[0 0 595 842]/X " + b"<</X " * d + b"1" + b">>" * d),
        )
        yield f"arrays-in-content-{depth}.pdf", lambda d=depth: page_pdf(b"[" * d + b"]" * d + b" TJ")
        yield f"marked-{depth}.pdf", lambda d=depth: page_pdf(b"/A BMC " * d + b"EMC " * d)
        yield (
            f"transforms-{depth}.pdf",
            lambda d=depth: page_pdf(b"q 1.01 0 0 1.01 1 1 cm " * d + b"BT /F 9 Tf (1) Tj ET"),
        )
    for depth in (50, 2000):
        yield f"page-tree-{depth}.pdf", lambda d=depth: page_tree(d)
        yield f"forms-{depth}.pdf", lambda d=depth: forms(d)
    yield "billion-draws.pdf", lambda: forms(10, 9)


def page_tree(depth: int) -> bytes:
    """A page at the end of a chain of page tree nodes."""
    nodes = {
        10 + i: b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (9 + i if i else 2, 11 + i)
        for i in range(depth)
    }
    last = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]>>" % (9 + depth)
    return raw_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[10 0 R]/Count 1>>",
            **nodes,
            10 + depth: last,
        }
    )


def forms(depth: int, times: int = 1) -> bytes:
    """Forms that draw a form, each `times` times."""
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
    more = {
        10 + i: stream(b"/X Do " * times, head + b"/Resources<</XObject<</X %d 0 R>>>>" % (11 + i))
        for i in range(depth)
    }
    more[10 + depth] = stream(b"0 0 9 9 re f", head)
    return page_pdf(b"/X Do", resources=b"/XObject<</X 10 0 R>>", more=more)
