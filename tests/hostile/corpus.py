"""Hundreds of broken and hostile files, the same ones for the same seed.

In: a seed. Out: `Made` files, each by name with a function that gives its bytes, so that a sample costs only itself. A
family is a generator of files of one kind; `EXPECTED` says which families must be read without any failure.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image

from tests.conftest import SAMPLES
from tests.small import small_pdf

PASSWORD = "sesame"  # of the encrypted files whose password the run is given
READABLE = {"actions", "known-password", "names"}  # families whose every file is read without a failure
BOMB = 1 << 30  # bytes that a compression bomb unpacks to
FLIPS = 22  # fuzzed variants of each sample document
OCR_FLIPS = 3  # of those that are read by OCR: seconds each

Bytes = Callable[[], bytes]


@dataclass(frozen=True)
class Made:
    """One file of the corpus."""

    family: str
    name: str  # the file's name; bytes that are not UTF-8 are escaped as `os.fsdecode` does
    content: Bytes


def corpus(seed: int = 1) -> list[Made]:
    """Return all files of the corpus; their bytes are made when they are asked for."""
    made = []
    for make in FAMILIES:
        family = make.__name__.replace("_", "-")
        for number, (name, content) in enumerate(make(random.Random(f"{seed}/{family}"))):
            plain = family == "names"
            made.append(Made(family, name if plain else f"{family}-{number:03}-{name}", content))
    return made


def write(made: list[Made], folder: Path) -> None:
    """Write files of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in made:
        (folder / file.name).write_bytes(file.content())


Family = Iterator[tuple[str, Bytes]]


def raw_pdf(objects: dict[int, bytes], trailer: bytes = b"", startxref: int | None = None) -> bytes:
    """A PDF of the given objects with a right cross-reference table; object 1 is the catalogue."""
    out, at = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        at[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    size = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % at[number] if number in at else b"0000000000 65535 f \n"
    where = table if startxref is None else startxref
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, where)
    return bytes(out)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object's body."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def page_pdf(
    content: bytes = b"BT /F 12 Tf 72 700 Td (Total assets 1,234) Tj ET",
    page: bytes = b"/MediaBox[0 0 595 842]",
    resources: bytes = b"",
    catalogue: bytes = b"",
    entries: bytes = b"",
    more: dict[int, bytes] | None = None,
) -> bytes:
    """A PDF of one page. Objects from 10 on are free for `more`."""
    return raw_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalogue,
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>%s>>%s>>"
            % (resources, page),
            4: stream(content, entries),
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            **(more or {}),
        }
    )


def table_pdf(sales: int = 100, pages: int = 1) -> bytes:
    """A sound PDF with a ruled table per page."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return small_pdf(Path(folder) / "sound.pdf", sales, pages).read_bytes()


def picture(kind: str, width: int = 300, height: int = 200, seed: int = 0, **save: object) -> bytes:
    """An image file with noise in it."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **save)
    return out.getvalue()


def deflated(piece: bytes, size: int = BOMB) -> bytes:
    """`piece` over and over to `size` bytes, compressed, without ever holding it."""
    packer, block = zlib.compressobj(9), piece * (1_000_000 // len(piece) + 1)
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join(parts) + packer.flush()


def png(width: int, height: int, data: bytes, more: bytes = b"", kind: int = 0, depth: int = 8) -> bytes:
    """A PNG file whose header says what it is told to."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flipped(raw: bytes, rng: random.Random, flips: int) -> bytes:
    """The bytes with some of them changed, doubled or taken out."""
    out = bytearray(raw)
    for _ in range(flips):
        at = rng.randrange(len(out))
        kind = rng.random()
        if kind < 0.8:
            out[at] = rng.randrange(256)
        elif kind < 0.9:
            del out[at : at + rng.randrange(1, 40)]
        else:
            out[at:at] = out[at : at + rng.randrange(1, 40)]
    return bytes(out)


def encrypted(sales: int, method: int, user: str, owner: str) -> bytes:
    """A sound PDF, encrypted."""
    with pymupdf.open(stream=table_pdf(sales), filetype="pdf") as document:
        return bytes(document.tobytes(encryption=method, user_pw=user, owner_pw=owner))


METHODS = (
    pymupdf.PDF_ENCRYPT_RC4_40,
    pymupdf.PDF_ENCRYPT_RC4_128,
    pymupdf.PDF_ENCRYPT_AES_128,
    pymupdf.PDF_ENCRYPT_AES_256,
)


def known_password(rng: random.Random) -> Family:
    for method in METHODS:
        yield "user.pdf", lambda m=method: encrypted(200 + m, m, PASSWORD, "other")
        yield "owner.pdf", lambda m=method: encrypted(300 + m, m, "", "other")


def unknown_password(rng: random.Random) -> Family:
    for method in METHODS:
        yield "user.pdf", lambda m=method: encrypted(400 + m, m, "not told", "other")
    yield (
        "broken-dictionary.pdf",
        lambda: raw_pdf({1: b"<</Type/Catalog>>"}, b"/Encrypt<</Filter/Standard/V 9>>"),
    )


def truncated(rng: random.Random) -> Family:
    for number in range(24):
        kept = (number + rng.random()) / 24
        yield "pages.pdf", lambda k=kept, n=number: (raw := table_pdf(500 + n, 3))[: int(len(raw) * k) + 9]
    sources: tuple[tuple[str, Bytes], ...] = (
        ("table.png", lambda: picture("PNG", seed=1)),
        ("table.jpg", lambda: picture("JPEG", seed=2)),
        ("progressive.jpg", lambda: picture("JPEG", seed=3, progressive=True)),
        ("table.tiff", lambda: picture("TIFF", seed=4, compression="tiff_lzw")),
        ("table.webp", lambda: picture("WEBP", seed=5)),
        ("table.bmp", lambda: picture("BMP", seed=6)),
    )
    for name, make in sources:
        for _ in range(6):
            kept = rng.random()
            yield name, lambda k=kept, make=make: (raw := make())[: int(len(raw) * k) + 4]


def loops(rng: random.Random) -> Family:
    good = page_pdf()
    start = good.rindex(b"startxref")
    table = int(good[start:].split()[1])
    trailer = b"trailer\n<</Size 6/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    yield (
        "prev-itself.pdf",
        lambda: good[: good.rindex(b"trailer")] + trailer % (table, table),
    )
    yield "startxref-behind.pdf", lambda: raw_pdf({1: b"<</Type/Catalog>>"}, startxref=10**9)
    yield "startxref-zero.pdf", lambda: good[:start] + b"startxref\n0\n%%EOF"
    yield "length-itself.pdf", lambda: good.replace(b"/Length 50", b"/Length 4 0 R")
    yield "kids-itself.pdf", lambda: good.replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]")
    yield (
        "kids-thousand-times.pdf",
        lambda: page_pdf().replace(b"/Kids[3 0 R]", b"/Kids[" + b"3 0 R " * 1000 + b"]"),
    )
    yield "count-lies.pdf", lambda: good.replace(b"/Count 1", b"/Count 999999999")
    yield "count-negative.pdf", lambda: good.replace(b"/Count 1", b"/Count -7")
    yield (
        "parent-itself.pdf",
        lambda: good.replace(b"/Parent 2 0 R", b"/Parent 3 0 R").replace(b"/MediaBox[0 0 595 842]", b""),
    )
    yield (
        "reference-chain.pdf",
        lambda: page_pdf(more={10: b"11 0 R", 11: b"10 0 R"}, page=b"/MediaBox 10 0 R"),
    )
    yield (
        "form-draws-itself.pdf",
        lambda: page_pdf(
            b"/X Do",
            resources=b"/XObject<</X 10 0 R>>",
            more={
                10: stream(
                    b"/X Do /X Do",
                    b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 10 0 R>>>>",
                )
            },
        ),
    )
    yield (
        "contents-itself.pdf",
        lambda: page_pdf(page=b"/MediaBox[0 0 595 842]", more={10: b"[10 0 R 10 0 R]"}).replace(
            b"/Contents 4 0 R", b"/Contents 10 0 R"
        ),
    )
    yield (
        "outline-loop.pdf",
        lambda: page_pdf(
            catalogue=b"/Outlines 10 0 R",
            more={10: b"<</First 11 0 R/Last 11 0 R>>", 11: b"<</Title(x)/Next 11 0 R/Parent 10 0 R>>"},
        ),
    )
    yield "root-is-page.pdf", lambda: good.replace(b"/Root 1 0 R", b"/Root 3 0 R")
    yield "no-root.pdf", lambda: good.replace(b"/Root 1 0 R", b"")
    yield "pages-missing.pdf", lambda: good.replace(b"/Pages 2 0 R", b"/Pages 77 0 R")


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


def tiff(width: int, height: int, data: bytes, compression: int = 1, next_at: int = 0) -> bytes:
    """A grey TIFF file of one strip; `next_at` is where its header says that the next page begins."""
    entries = ((256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, compression), (262, 3, 1),
               (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data)))  # fmt: skip
    start = 8 + len(data) + len(data) % 2
    table = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    return (
        b"II*\x00"
        + struct.pack("<I", start)
        + data
        + b"\x00" * (len(data) % 2)
        + table
        + struct.pack("<I", next_at)
    )


def jpeg_size(raw: bytes, width: int, height: int) -> bytes:
    """A JPEG file whose header says another size."""
    at = raw.index(b"\xff\xc0") + 5
    return raw[:at] + struct.pack(">HH", height, width) + raw[at + 4 :]


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


def actions(rng: random.Random) -> Family:
    sound = table_pdf
    for number, action in enumerate((
        b"<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1:9/x'\\); while\\(1\\){})>>", b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>>>",
        b"<</S/URI/URI(http://127.0.0.1:9/steal)>>", b"<</S/GoToR/F(\\\\\\\\127.0.0.1\\\\share\\\\x.pdf)/D[0/Fit]>>",
        b"<</S/SubmitForm/F<</FS/URL/F(http://127.0.0.1:9/)>>>>", b"<</S/ImportData/F(/etc/passwd)>>",
        b"<</S/GoToE/T<</R/C/N(x)>>>>", b"<</S/Rendition>>", b"<</S/Named/N/Print>>", b"<</S/Hide/T(x)/Next<</S/Hide/T(y)>>>>",
    )):  # fmt: skip
        yield "open.pdf", lambda a=action, n=number: with_catalogue(sound(700 + n), "OpenAction", a.decode())
        yield (
            "leave.pdf",
            lambda a=action, n=number: with_catalogue(
                sound(720 + n), "AA", f"<</WC {a.decode()}/DC {a.decode()}>>"
            ),
        )
    yield "embedded.pdf", lambda: embedded(sound(790))
    yield (
        "form.pdf",
        lambda: with_catalogue(sound(791), "AcroForm", "<</Fields[]/NeedAppearances true/XFA(<xdp/>)>>"),
    )


def with_catalogue(raw: bytes, key: str, value: str) -> bytes:
    """A sound PDF with an entry in its catalogue."""
    with pymupdf.open(stream=raw, filetype="pdf") as document:
        document.xref_set_key(document.pdf_catalog(), key, value)
        return bytes(document.tobytes(no_new_id=True))


def embedded(raw: bytes) -> bytes:
    """A sound PDF that carries other files."""
    with pymupdf.open(stream=raw, filetype="pdf") as document:
        document.embfile_add("virus.exe", b"MZ" + b"\x00" * 1000, filename="../../../../etc/cron.d/virus")
        document.embfile_add("self.pdf", raw, filename="self.pdf")
        return bytes(document.tobytes(no_new_id=True))


def fonts(rng: random.Random) -> Family:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_font("F", fontbuffer=pymupdf.Font("helv").buffer)
        page.insert_text((72, 72), "Total assets 1,234 (56)", fontname="F")
        sound = bytes(document.tobytes(expand=255, clean=True, no_new_id=True))
    at = sound.index(b"/FontFile") if b"/FontFile" in sound else 0
    for flips in (1, 3, 10, 30, 100, 300, 1000, 3000):
        for _ in range(3):
            seed = rng.random()
            yield (
                f"flipped-{flips}.pdf",
                lambda f=flips, s=seed: sound[:at] + flipped(sound[at:], random.Random(s), f),
            )
    for _ in range(16):
        seed = rng.random()
        yield (
            "cmap.pdf",
            lambda s=seed: page_pdf(
                more={
                    5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 10 0 R>>",
                    10: stream(cmap(random.Random(s))),
                }
            ),
        )
    for name, font in (
        ("type3-itself", b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 40/LastChar 60/Widths[1]/CharProcs<</a 10 0 R>>/Encoding<</Differences[40/a 41/a 44/a 49/a 50/a]>>/Resources<</Font<</F 5 0 R>>>>>>"),
        ("type0-itself", b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[5 0 R]>>"),
        ("widths", b"<</Type/Font/Subtype/TrueType/BaseFont/X/FirstChar -2147483648/LastChar 2147483647/Widths[1e38 -1e38 null(x)]>>"),
        ("matrix", b"<</Type/Font/Subtype/Type3/FontBBox[0 0 0 0]/FontMatrix[0 0 0 0 0 0]/CharProcs<<>>/FirstChar 0/LastChar 0/Widths[]>>"),
        ("number", b"42"), ("missing", b"null"), ("encoding", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[-5/a 99999999/b/c(x)]>>>>"),
    ):  # fmt: skip
        yield (
            f"{name}.pdf",
            lambda f=font: page_pdf(more={5: f, 10: stream(b"1 0 d0 BT /F 1 Tf (111) Tj ET")}),
        )


def cmap(rng: random.Random) -> bytes:
    """A map to Unicode with anything in it."""
    words = (b"begincmap", b"endcmap", b"1 begincodespacerange", b"<00>", b"<ffffffff>", b"endcodespacerange", b"99999999 beginbfrange",
             b"<00> <ff> <0041>", b"<00> <ffffffff> <0000>", b"<ff> <00> [<0041>]", b"endbfrange", b"1 beginbfchar", b"<41> <d800>", b"<41> /x",
             b"endbfchar", b"/Self usecmap", b"<41> <" + b"0041" * 5000 + b">", b"1 begincidrange <00> <ff> -1 endcidrange", b"(", b"<<", b"[")  # fmt: skip
    return b"\n".join(rng.choice(words) for _ in range(rng.randrange(5, 80)))


NUMBERS = (
    b"NaN",
    b"inf",
    b"-inf",
    b"1e999",
    b"-1e999",
    b"99999999999999999999",
    b"-0",
    b"0.0000000001",
    b"--5",
    b"1.2.3",
    b"+.",
    b"2147483648",
    b"1e38",
    b"-1e38",
)


def coordinates(rng: random.Random) -> Family:
    operators = (b"%s %s m %s %s l S", b"%s %s %s %s re f", b"BT /F 12 Tf 1 0 0 1 %s %s Tm (12) Tj ET", b"%s 0 0 %s 0 0 cm BT /F 12 Tf (34) Tj ET",
                 b"BT /F %s Tf 72 700 Td (Sales 1,234) Tj ET", b"q %s %s %s %s 72 700 cm BT /F 12 Tf (56) Tj ET Q", b"%s w 0 0 m 9 9 l S", b"[%s %s] 0 d 0 0 m 9 9 l S")  # fmt: skip
    for _ in range(24):
        seed = rng.random()

        def content(seed: float = seed) -> bytes:
            chance = random.Random(seed)
            pieces = [b"BT /F 12 Tf 72 700 Td (Total assets 1,234) Tj ET"]
            for _ in range(40):
                operator = chance.choice(operators)
                numbers = tuple(chance.choice(NUMBERS) for _ in range(operator.count(b"%s")))
                pieces.append(operator % numbers)
            return page_pdf(b"\n".join(pieces))

        yield "numbers.pdf", content


def boxes(rng: random.Random) -> Family:
    for box in (
        b"595 842 0 0",
        b"-595 -842 0 0",
        b"0 0 0 0",
        b"0 0 595 0",
        b"NaN 0 595 842",
        b"0 0 inf 842",
        b"1 2 3",
        b"",
        b"(a)(b)(c)(d)",
        b"null null null null",
        b"1e20 1e20 2e20 2e20",
        b"100000 100000 100595 100842",
    ):
        yield "media.pdf", lambda b=box: page_pdf(page=b"/MediaBox[%s]" % b)
        yield "crop.pdf", lambda b=box: page_pdf(page=b"/MediaBox[0 0 595 842]/CropBox[%s]" % b)
    for turn in (
        b"45",
        b"89",
        b"-90",
        b"450",
        b"999999999999",
        b"1.5",
        b"NaN",
        b"(90)",
        b"null",
        b"3 0 R",
        b"-2147483648",
    ):
        yield "rotate.pdf", lambda t=turn: page_pdf(page=b"/MediaBox[0 0 595 842]/Rotate %s" % t)
    yield "no-box.pdf", lambda: page_pdf(page=b"")


def mislabelled(rng: random.Random) -> Family:
    contents: tuple[tuple[str, Bytes], ...] = (
        ("png", lambda: picture("PNG", seed=20)), ("jpg", lambda: picture("JPEG", seed=21)), ("tiff", lambda: picture("TIFF", seed=22)),
        ("pdf", lambda: table_pdf(810)), ("gif", lambda: picture("GIF", seed=23)),
    )  # fmt: skip
    for name, make in contents:
        for suffix in ("pdf", "png", "tiff", "jpg"):
            if suffix != name:
                yield f"{name}.{suffix}", lambda m=make, s=suffix: m() + s.encode()
    for name, raw in (
        ("text.pdf", b"Total assets 1,234\n" * 20), ("page.pdf", b"<html><body>404 not found</body></html>"), ("program.pdf", b"\x7fELF" + bytes(500)),
        ("zero.pdf", b""), ("zero.png", b""), ("zero.tiff", b""), ("nothing.pdf", bytes(5000)), ("head.pdf", b"%PDF-1.7\n"), ("newline.pdf", b"\n"),
        ("noise.pdf", random.Random(5).randbytes(20_000)), ("noise.jpg", b"\xff\xd8\xff" + random.Random(6).randbytes(20_000)),
        ("noise.tiff", b"II*\x00" + random.Random(7).randbytes(20_000)), ("noise.webp", b"RIFF\x00\x00\x00\x00WEBP" + random.Random(8).randbytes(2000)),
        ("noise.bmp", b"BM" + bytes(12) + struct.pack("<I", 40) + random.Random(9).randbytes(2000)), ("late.pdf", b" " * 1020 + b"%PDF-1.7"),
        ("script.pdf", b"%!PS\n{} loop"), ("word.pdf", b"\xd0\xcf\x11\xe0" + bytes(600)), ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("two.pdf", b"%PDF-1.7\n%PDF-1.4\n"), ("eof.pdf", b"%PDF-1.7\n%%EOF\n" * 100),
    ):  # fmt: skip
        yield name, lambda r=raw: r


def names(rng: random.Random) -> Family:
    for number, name in enumerate((
        "line\nbreak.pdf", "tab\t.pdf", "n" * 251 + ".pdf", "קובץ-‮fdp.exe.pdf", "تقرير.pdf", "📈🧾.pdf", "quo'te\"s.pdf", "--out.pdf", "-rf.pdf",
        "percent%20%00.pdf", "latin-\udce9\udcff.pdf", "semi;colon|pipe&.pdf", "$(touch x).pdf", "[bold]red.pdf", "*?.pdf", "back\\slash.pdf",
        " leading and trailing .pdf", "UPPER.PDF", "no suffix", "e\u0301 and é.pdf", "null.pdf", "CON.pdf", "bell\x07\x1b[31m.pdf", "<script>alert(1)</script>".replace("/", "_") + ".pdf",
    )):  # fmt: skip
        yield name, lambda n=number: table_pdf(900 + n)


def fuzzed(rng: random.Random) -> Family:
    read_by_ocr = {".jpg", ".tiff"}
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix not in {".pdf", ".jpg", ".tiff"}:
            continue
        slow = path.suffix in read_by_ocr or path.stem.endswith(("_scan", "three_pages"))
        for _ in range(OCR_FLIPS if slow else FLIPS):
            seed, flips = rng.random(), int(10 ** rng.uniform(0, 3))
            yield path.name, lambda p=path, s=seed, f=flips: flipped(p.read_bytes(), random.Random(s), f)


FAMILIES = (
    known_password, unknown_password, truncated, loops, bombs, masses, sizes, nesting, actions, fonts, coordinates, boxes, mislabelled, names, fuzzed,
)  # fmt: skip
