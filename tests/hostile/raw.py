"""Files byte by byte: PDF, PNG, TIFF and JPEG files that say of themselves what they are told to say, and damaged ones."""

from __future__ import annotations

import io
import random
import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image

from tests.small import small_pdf

PASSWORD = "sesame"  # of the encrypted files whose password the run is given
BOMB = 1 << 30  # bytes that a compression bomb unpacks to

Bytes = Callable[[], bytes]
Family = Iterator[tuple[str, Bytes]]  # of a file's name and its bytes, made when they are asked for


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
    with tempfile.TemporaryDirectory() as folder:
        return small_pdf(Path(folder) / "sound.pdf", sales, pages).read_bytes()


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
        return re.sub(
            rb"\(D:\d{14}", b"(D:20240101000000", document.tobytes(no_new_id=True)
        )  # when it was embedded


def encrypted(sales: int, method: int, user: str, owner: str) -> bytes:
    """A sound PDF, encrypted."""
    with pymupdf.open(stream=table_pdf(sales), filetype="pdf") as document:
        return bytes(document.tobytes(encryption=method, user_pw=user, owner_pw=owner))


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
