"""Documents that are broken, huge or misleading, made where they are needed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pymupdf


def pdf(path: Path, pages: Sequence[str], **save: object) -> Path:
    """A PDF with one line of text per page."""
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 72), text)
        document.save(path, **save)
    return path


def encrypted_pdf(path: Path, password: str) -> Path:
    return pdf(
        path, ["secret figures 1,234"], encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw="o"
    )


def truncated_pdf(path: Path, pages: int, kept: float) -> Path:
    """A PDF of which only the first part of the bytes is there."""
    pdf(path, [f"page {number} of the whole" for number in range(1, pages + 1)])
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    return path


def png_bomb(path: Path, side: int) -> Path:
    """A valid PNG of `side` × `side` white pixels in one bit each: small on disk, huge in memory."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\x00" + b"\xff" * ((side + 7) // 8)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * side, 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def misleading_pdf(path: Path, lines: Sequence[str], said: Mapping[str, str]) -> Path:
    """A PDF whose map to Unicode says `said[character]` for what is printed as `character`."""
    with pymupdf.open() as document:
        page = document.new_page()
        for number, line in enumerate(lines):
            page.insert_text((72, 90 + 20 * number), line, fontsize=12)
        font = page.get_fonts()[0][0]
        codes = [chr(code) for code in range(33, 127)]
        entries = "".join(f"<{ord(code):02x}> <{ord(said.get(code, code)):04x}>\n" for code in codes)
        cmap = (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
            "1 begincodespacerange <00> <ff> endcodespacerange\n"
            f"{len(codes)} beginbfchar\n{entries}endbfchar endcmap end end"
        )
        xref = document.get_new_xref()
        document.update_object(xref, "<<>>")
        document.update_stream(xref, cmap.encode())
        document.xref_set_key(font, "ToUnicode", f"{xref} 0 R")
        document.save(path)
    return path
