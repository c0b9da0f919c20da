"""Answers what a broken PDF still says of itself: whether it breaks off, where, and how many pages it once had.

In: the path of its bytes, or a page of what was recovered. Out: numbers of objects and pages.
"""

from __future__ import annotations

import re
from pathlib import Path

import pymupdf

TAIL_BYTES = 2048  # a complete PDF says %%EOF within these
HEAD_OF_LINEARIZED = 4096  # bytes; a linearised PDF states its page count in its first object
RAW_BYTES = 64_000_000  # of a broken PDF that are searched for the number of pages it once had


def content_xrefs(page: pymupdf.Page) -> list[int]:
    """Return the numbers of the objects that hold what is printed on the page, whether they are there or not."""
    kind, value = page.parent.xref_get_key(page.xref, "Contents")
    return [int(number) for number in re.findall(r"(\d+) \d+ R", value)] if kind in ("xref", "array") else []


def is_content(pdf: pymupdf.Document, xref: int) -> bool:
    """Tell whether the object can be what is printed on a page."""
    if not 0 < xref < pdf.xref_length():
        return False
    return bool(pdf.xref_is_stream(xref)) or pdf.xref_object(xref).strip().startswith("[")


def cut_object(path: Path) -> int | None:
    """Return the number of the object in whose middle the file ends."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - RAW_BYTES))
        raw = file.read()
    start = raw.rfind(b" obj")
    number = re.search(rb"(\d+)\s+\d+\Z", raw[max(0, start - 20) : start]) if start >= 0 else None
    return int(number.group(1)) if number and b"endobj" not in raw[start:] else None


def breaks_off(path: Path) -> bool:
    """Tell whether the file's end is missing."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        return b"%%EOF" not in file.read()


def pages_said(path: Path) -> int:
    """Return the largest number of pages that a broken PDF's own bytes speak of; 0 when they do not."""
    with path.open("rb") as file:
        raw = file.read(RAW_BYTES)
    said = [int(count) for count in re.findall(rb"/Type\s*/Pages\b[^>]{0,2000}?/Count\s+(\d{1,6})", raw)]
    said += [int(count) for count in re.findall(rb"/Count\s+(\d{1,6})[^>]{0,2000}?/Type\s*/Pages\b", raw)]
    said += [
        int(count)
        for count in re.findall(rb"/Linearized\b[^>]{0,200}?/N\s+(\d{1,6})", raw[:HEAD_OF_LINEARIZED])
    ]
    return max(said, default=0)
