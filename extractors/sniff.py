"""Answers what kind of file this is, by its first bytes: names lie.

In: the first `HEAD_BYTES` of a file, and its name for what is said about it. Out: a media type, or the error that says
what the file is instead.
"""

from __future__ import annotations

from pathlib import Path

from extractors.errors import EmptyError, UnsupportedError

HEAD_BYTES = 1024  # readers accept a PDF whose header stands anywhere in the first 1024 bytes
DOCUMENT_SUFFIXES = (  # of names that claim to be a page document, readable here or not
    ".pdf", ".ps", ".xps", ".djvu",
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif", ".heic", ".jp2",
)  # fmt: skip
BMP_HEADER_SIZES = (
    12,
    40,
    52,
    56,
    64,
    108,
    124,
)  # bytes; every version of the format; "BM" alone also starts words
OTHER_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"%!PS", "a PostScript file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
)


class NotADocumentError(UnsupportedError):
    """Not a document, and its name does not claim to be one (a note, a spreadsheet): callers may pass over it."""


def sniff(head: bytes, name: str = "the file") -> str:
    """Return the media type that the first `HEAD_BYTES` bytes show. Raises EmptyError or UnsupportedError."""
    if not head:
        raise EmptyError(f"{name} has zero bytes; fetch or scan it again.")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return "image/tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES:
        return "image/bmp"
    kind = next((kind for start, kind in OTHER_KINDS if head.startswith(start)), None)
    if kind is None and b"%PDF-" in head[:HEAD_BYTES]:
        return "application/pdf"
    kind = kind or ("plain text" if _is_text(head) else "of a kind that is not known")
    claims = Path(name).suffix.lower() in DOCUMENT_SUFFIXES or name == "the file"
    error = UnsupportedError if claims else NotADocumentError
    raise error(
        f"{name} is {kind}, not a PDF, PNG, JPEG, TIFF, WEBP or BMP; convert it to PDF, or leave it out."
    )


def _is_text(head: bytes) -> bool:
    return b"\x00" not in head and sum(byte < 9 or 13 < byte < 32 for byte in head) <= len(head) // 50
