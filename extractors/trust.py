"""Answers whether a PDF page's own text layer says what a reader of the printed page would see.

In: the page, the content its text layer gives, and a render function. Out: None when the layer is to be trusted, else
the reason it is not, in words.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import pymupdf

from extractors.engine import Render
from schemas.page import PageContent

BAD_SHARE = 0.05  # of the characters may be unmapped before a layer is garbled
COVERING = 0.6  # of the page; a picture larger than this makes the page a scan
INK_DPI = 40  # enough to see whether anything is printed
INK_CONTRAST = 40  # grey levels between paper and ink
INK_PIXELS = 12  # fewer are dust


def distrust(page: pymupdf.Page, content: PageContent, render: Render) -> str | None:
    """Return why the text layer cannot be trusted, or None when it can."""
    if not content.words:
        return "there is no text"
    text = "".join(word.text for word in content.words)
    bad = sum(_unmapped(character) for character in text)
    if bad > BAD_SHARE * len(text):
        return f"{bad} of {len(text)} characters have no meaning in Unicode"
    return None


def has_ink(content: PageContent, render: Render) -> bool:
    """Tell whether anything at all is printed on the page."""
    grey = render(INK_DPI, None).min(axis=2)
    paper = float(np.median(grey))
    return int((np.abs(grey.astype(np.int16) - paper) > INK_CONTRAST).sum()) > INK_PIXELS


def _unmapped(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Co", "Cc", "Cn", "Cs")
