"""Kinds of files by their first bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from extractors.errors import EmptyError, ParquetryError, UnsupportedError
from extractors.sniff import HEAD_BYTES, NotADocumentError, sniff

PDF = b"%PDF-1.7\n1 0 obj\n"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_what_programs_write_is_known(kind: str) -> None:
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, kind)
    assert sniff(written.getvalue()[:HEAD_BYTES]) == f"image/{kind.lower()}"


def test_a_pdf_may_start_late() -> None:
    assert sniff(b"junk from a mail gateway\r\n" * 20 + PDF) == "application/pdf"
    with pytest.raises(UnsupportedError):
        sniff(b"x" * HEAD_BYTES + PDF)


def test_an_archive_that_holds_a_pdf_is_an_archive() -> None:
    with pytest.raises(UnsupportedError, match="ZIP archive"):
        sniff(b"PK\x03\x04" + PDF)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"GIF89a", "GIF"),
        (b"\xd0\xcf\x11\xe0", "Office"),
        (b"BM and other words", "plain text"),
        (b"\x00\x01\x02", "not known"),
    ],
)
def test_what_is_no_document_is_told_by_what_it_is(head: bytes, told: str) -> None:
    with pytest.raises(NotADocumentError, match=told):
        sniff(head, "notes.txt")
    with pytest.raises(UnsupportedError, match=told) as error:
        sniff(head, "claims.PDF")
    assert not isinstance(error.value, NotADocumentError)


def test_nothing_is_empty() -> None:
    with pytest.raises(EmptyError, match=r"a\.pdf has zero bytes"):
        sniff(b"", "a.pdf")


@given(st.binary(max_size=64))
def test_sniffing_gives_a_known_type_or_our_own_error(head: bytes) -> None:
    try:
        assert sniff(head).split("/")[0] in ("image", "application")
    except ParquetryError as error:
        assert error.category in ("empty", "unsupported")
