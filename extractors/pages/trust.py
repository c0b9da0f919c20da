"""Answers whether a PDF page's own text layer says what a reader of the printed page would see.

In: the page, the content its text layer gives, and its render function. Out: a `Verdict`: the words that can be
trusted, and whether the rest of the page has to be read from its pixels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray
from rapidfuzz import fuzz

from extractors.engine import Pixels, Render
from extractors.pages.ocr import recognise
from extractors.pages.pictures import pictures_of_text
from schemas.box import Box
from schemas.page import PageContent, Word
from schemas.remember import remembered

INK_DPI = 50  # enough to see whether anything is printed at a place
INK_CONTRAST = 40  # grey levels between paper and ink
WORD_CONTRAST, SIGN_CONTRAST = 20, 5  # the same within a word's box; a dash is thin and must not get lost
INK_PIXELS = 12  # fewer on a page are dust
UNPRINTED = 0.5  # of the words without ink under them: the layer belongs to another picture
GARBLED = 0.2  # of the characters without meaning: the layer is worthless; below, single words are
COVERING = 0.6  # of the page; a picture larger than this makes the page a scan
FEW_WORDS = 30  # beside a scan: a stamp, a date, a page number
STRANGE_WORDS = 0.3  # of the longer words without a vowel, or with signs inside: not a language
SIGNS = frozenset('!"#*+:;<=>?@[\\]^_`{|}~')
MANY_SIGNS, FEW_LETTERS = 0.15, 50  # share of the characters on a page that has more than a few
LONG_WORD = 4  # letters
SAMPLES = 5  # figures, and as many other words, that are recognised from pixels to compare
SAMPLE_LETTERS = 8  # letters of a word that is recognised: enough to tell words apart, and few to read
SAMPLE_DPI = 250
SAMPLE_ALIKE = 70.0  # per cent; a sample recognised that similar agrees
STRIP_HEIGHT = 48  # pixels; what the recogniser scales a line to
AGREEING = 0.5  # of the samples must agree
FIGURES = 12  # words with three digits or more that make a page worth a comparison of its figures
BULLETS = "\uf0b7\uf0a7\uf0d8\uf0fc\uf0e0\uf06e\uf071\uf076\uf0a8\uf0d1\uf0be\uf0f0"
INSIDE = re.compile(r"\w[!\"#$%*+:;<=>?@\\^_`{|}~\[\]]+\w")
CHAOS = re.compile(r"[a-z][A-Z]+[a-z]?")
DIGITS = re.compile(r"\D")
VOWELS = frozenset("aeiouyαειουηωаеиоуыэюяё")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is left of a text layer after the tests."""

    words: tuple[Word, ...]  # that can be trusted
    read_pixels: bool  # something is printed that these words do not say
    reason: str = ""
    regions: tuple[Box, ...] = ()  # where it is printed; none means the whole page


def examine(
    page: pymupdf.Page, content: PageContent, render: Render, figures_vouched: bool = True
) -> Verdict:
    """Test the text layer of an upright page.

    Without `figures_vouched` the page's figures are compared with its pixels even when nothing is suspicious: a font
    whose map to Unicode swaps digits looks like any other.
    """
    grey = _grey(render(INK_DPI, None))
    if not content.words:
        return Verdict((), _has_ink(grey, content), "there is no text layer")
    scan = max((box.area for box in content.images), default=0.0) > COVERING * content.width * content.height
    if scan and _mostly_invisible(page):
        return Verdict((), _has_ink(grey, content), "the text is invisible and lies over a scan")
    printed = _printed(content, grey)
    if len(printed) < UNPRINTED * len(content.words):
        return Verdict((), _has_ink(grey, content), "the text stands where nothing is printed")
    cleaned = [_without_bullet(word) for word in printed]
    good = tuple(word for word in cleaned if not _garbled(word.text))
    letters = sum(len(word.text) for word in cleaned)
    if sum(len(word.text) for word in good) < (1 - GARBLED) * letters:
        return Verdict((), True, "the characters have no meaning in Unicode")
    suspicious = _strange(good) or _lacks_maps(page)
    unproven = not figures_vouched and n_figures(good) >= FIGURES and _fonts_can_lie(page)
    if (suspicious or unproven) and not _agrees(good, render):
        return Verdict((), True, "the text says something else than the pixels")
    pictures = pictures_of_text(content, render)
    if pictures and scan and len(good) <= FEW_WORDS:
        return Verdict(good, True, "the page is a scan with a stamp on it")
    garbled = tuple(word.box for word in cleaned if _garbled(word.text))
    if garbled:
        return Verdict(good, True, "some words have no meaning in Unicode", (*garbled, *pictures))
    if pictures:
        return Verdict(good, True, "a picture on the page shows text", tuple(pictures))
    return Verdict(good, False)


def n_figures(words: Sequence[Word]) -> int:
    """Return how many words hold three digits or more."""
    return sum(len(DIGITS.sub("", word.text)) >= 3 for word in words)


def _grey(pixels: Pixels) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _has_ink(grey: NDArray[np.uint8], content: PageContent) -> bool:
    """Tell whether anything is printed beside the lines that the page's own drawing makes."""
    paper = int(np.median(grey))
    ink = np.abs(grey.astype(np.int16) - paper) > INK_CONTRAST
    across, down = grey.shape[1] / content.width, grey.shape[0] / content.height
    for rule in content.rules:
        x0, x1 = int(rule.x0 * across), int(rule.x1 * across)
        y0, y1 = int(rule.y0 * down), int(rule.y1 * down)
        ink[max(0, y0 - 1) : max(0, y1 + 2), max(0, x0 - 1) : max(0, x1 + 2)] = False
    return int(ink.sum()) > INK_PIXELS


def _printed(content: PageContent, grey: NDArray[np.uint8]) -> list[Word]:
    """Return the words under which there is some contrast: white on white and text off the picture are not printed."""
    across, down = grey.shape[1] / content.width, grey.shape[0] / content.height
    boxes = np.array([word.box for word in content.words]) * (across, down, across, down)
    corners = np.maximum(boxes.astype(int), 0) + (0, 0, 2, 2)
    printed = []
    for word, (x0, y0, x1, y1) in zip(content.words, corners.tolist(), strict=True):
        part = grey[y0:y1, x0:x1]
        contrast = WORD_CONTRAST if _spoken(word.text) else SIGN_CONTRAST
        if part.size and int(part.max()) - int(part.min()) > contrast:
            printed.append(word)
    return printed


@remembered
def _spoken(text: str) -> bool:
    """Tell whether a word holds a letter or a digit."""
    return any(letter.isalnum() for letter in text)


def _mostly_invisible(page: pymupdf.Page) -> bool:
    """Tell whether most of the text is drawn without ink, or before the picture that covers it."""
    drawn = [(kind, pymupdf.Rect(box)) for kind, box in page.get_bboxlog()]
    pictures = [
        number
        for number, (kind, box) in enumerate(drawn)
        if "image" in kind and abs(box) > COVERING * abs(page.rect)
    ]
    shown = hidden = 0.0
    for number, (kind, box) in enumerate(drawn):
        if kind == "ignore-text" or (kind.endswith("-text") and pictures and number < pictures[-1]):
            hidden += abs(box)
        elif kind.endswith("-text"):
            shown += abs(box)
    return hidden > shown


def _without_bullet(word: Word) -> Word:
    text = word.text.lstrip(BULLETS)
    if (
        text != word.text and text[:1].isalpha()
    ):  # before a figure the sign may have been a minus: leave it to be read
        return replace(word, text=text)
    return word


@remembered
def _garbled(text: str) -> bool:
    """Tell whether a word holds characters without a meaning. A lone private sign is a bullet or an arrow."""
    if len(text) == 1 and text in BULLETS:
        return False
    return any(
        character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cs", "Cc")
        for character in text
    )


def _strange(words: Sequence[Word]) -> bool:
    """Tell whether the words look like no language: full of signs, the longer ones without vowels or odd inside."""
    text = "".join(word.text for word in words)
    if len(text) > FEW_LETTERS and sum(letter in SIGNS for letter in text) > MANY_SIGNS * len(text):
        return True
    kinds = [kind for word in words if (kind := _oddities(word.text))]
    if len(kinds) < 10:
        return False
    mute, odd = (sum(kind[place] for kind in kinds) for place in (0, 1))
    return max(mute, odd) > STRANGE_WORDS * len(kinds)


@remembered
def _oddities(text: str) -> tuple[bool, bool] | None:
    """Tell whether a longer word of a European script lacks vowels, and whether it is odd inside; None for others."""
    if sum(letter.isalpha() for letter in text) < LONG_WORD or any(ord(letter) >= 0x0530 for letter in text):
        return None
    mute = not VOWELS.intersection(unicodedata.normalize("NFD", text.lower()))
    return mute, bool(INSIDE.search(text) or len(CHAOS.findall(text)) > 1)


def _lacks_maps(page: pymupdf.Page) -> bool:
    """Tell whether the page uses a font whose glyphs only the font itself can name."""
    pdf = page.parent
    for xref, _, kind, _, _, encoding, *_ in page.get_fonts():
        unnamed = kind == "Type3" or (kind == "Type0" and encoding.startswith("Identity"))
        if unnamed and xref and pdf.xref_get_key(xref, "ToUnicode")[0] == "null":
            return True
    return False


def _fonts_can_lie(page: pymupdf.Page) -> bool:
    """Tell whether a glyph may look like another character than it says.

    It cannot where the renderer supplies the font itself and no map to Unicode stands between: there one code chooses
    both the shape and the character.
    """
    pdf = page.parent
    return any(
        extension != "n/a" or pdf.xref_get_key(xref, "ToUnicode")[0] != "null"
        for xref, extension, *_ in page.get_fonts()
        if xref
    )


def _agrees(words: Sequence[Word], render: Render) -> bool:
    """Tell whether samples of the figures and of the longer words read the same in the pixels."""
    long = [word for word in words if len(word.text) >= 3 and word.box.width > word.box.height]
    figures = [word for word in long if n_figures([word])]
    plain = [word for word in long if not n_figures([word])]
    letters = sorted(plain, key=lambda word: abs(len(word.text) - SAMPLE_LETTERS))[: 4 * SAMPLES]
    samples = _spread(figures), _spread(letters)
    crops = [
        render(SAMPLE_DPI, word.box.grow(0.1 * word.box.height, 0.05 * word.box.height))
        for group in samples
        for word in group
    ]
    strips = [crops[: len(samples[0])], crops[len(samples[0]) :]]
    read = iter([text for strip in strips for text in _read_strip(strip)])
    agreeing = [sum([_alike(word.text, next(read)) for word in group]) for group in samples]
    return all(count >= AGREEING * len(group) for count, group in zip(agreeing, samples, strict=True))


def _read_strip(crops: Sequence[Pixels]) -> list[str]:
    """Recognise pictures of words set side by side as one line, and return what stands in each.

    The recogniser widens short pictures to the length of a line, so five words one by one cost three times as much.
    """
    if not crops:
        return []
    parts: list[Pixels] = []
    edges = [0]  # pixels; each word ends in the middle of the white space behind it
    for crop in crops:
        width = max(1, round(crop.shape[1] * STRIP_HEIGHT / crop.shape[0]))
        scaled = cv2.resize(crop, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        paper = np.median(np.concatenate([scaled[0], scaled[-1]]), axis=0)
        white = np.broadcast_to(paper.astype(np.uint8), (STRIP_HEIGHT, STRIP_HEIGHT, 3))
        parts += [scaled, white]
        edges.append(edges[-1] + width + STRIP_HEIGHT)
    ((text, _, middles),) = recognise([np.ascontiguousarray(np.hstack(parts))])
    place = np.searchsorted(edges, np.array(middles) * edges[-1] + STRIP_HEIGHT / 2, side="right") - 1
    read = [""] * len(crops)
    for letter, number in zip(text, place, strict=True):
        read[min(max(0, int(number)), len(crops) - 1)] += letter
    return read


def _spread(words: Sequence[Word]) -> Sequence[Word]:
    """Return at most `SAMPLES` of the words, from all over the page."""
    return words[:: max(1, len(words) // SAMPLES)][:SAMPLES]


def _alike(text: str, read: str) -> bool:
    digits = DIGITS.sub("", text)
    if len(digits) >= 3:
        return digits in DIGITS.sub("", read)
    return fuzz.partial_ratio(text.casefold(), read.casefold().replace(" ", "")) >= SAMPLE_ALIKE
