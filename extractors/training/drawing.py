"""How are whole pages with tables drawn, with their truth? For fine-tuning and its tests, where no labelled document is at hand.

In: a random generator, a split of fonts, a strength of wear. Out: `DrawnPage`s: grey pixels at PAGE_DPI, and every table with its
cells, their rows, columns and boxes in pixels. Statements add up: each total is the sum of the rows above it, so that checks hold.
The same generator state and installed fonts give the same page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extractors.training.amounts import Notation, draw_notation, write
from extractors.training.degrade import Grey, degrade, skew
from extractors.training.fonts import Split, draw_family, face, font_file
from extractors.training.labels import label, sentence
from extractors.training.words import CONCEPTS, LAST_LATIN, headers, pick

PAGE_DPI = 200
PAGE_SIZES = ((1654, 2339), (1700, 2200))  # pixels at PAGE_DPI: A4 and letter
SMALLEST_POINTS, LARGEST_POINTS = 7.5, 11.0  # of the text
MOST_SKEW = 1.0  # degrees
CHINESE_FONTS = ("wqy-microhei.ttc", "wqy-zenhei.ttc", "NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc")
STAMPS = ("PAID", "COPY", "RECEIVED", "AUDITED", "FILED 14 MAR", "KOPIE", "ENTWURF")
CHINESE_NUMERALS = "一二三四五六七八九十"

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels
Language = Literal["latin", "chinese"]
Ruling = Literal["none", "totals", "rows", "grid", "shaded"]


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A printed cell: where it stands in its table and on the page."""

    row: int
    col: int
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """A table with its printed cells, row by row; header rows come first."""

    title: str
    n_rows: int
    n_columns: int
    n_header_rows: int
    cells: tuple[DrawnCell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPage:
    """A page as it came out of the scanner, and what it says."""

    image: Grey
    tables: tuple[DrawnTable, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the tables of one page look."""

    language: Language
    em: float  # pixels
    pitch: float  # pixels from one row to the next
    ruling: Ruling
    leaders: bool
    notation: Notation
    regular: ImageFont.FreeTypeFont
    bold: ImageFont.FreeTypeFont
    ink: int


def draw_page(
    rng: np.random.Generator, split: Split, strength: float = 1.0, language: Language = "latin"
) -> DrawnPage:
    """Return a page with one or two tables between lines of text. Raises UsageError without fonts."""
    wide, high = PAGE_SIZES[int(rng.integers(len(PAGE_SIZES)))]
    layout = _layout(rng, split, language)
    image = Image.new("L", (wide, high), 255)
    pen = ImageDraw.Draw(image)
    y = float(rng.uniform(0.05, 0.1)) * high
    tables = []
    for _ in range(int(rng.integers(1, 3))):
        y = _prose(rng, pen, layout, wide, y)
        table, y = _table(rng, pen, layout, (wide, high), y + layout.pitch)
        if table:
            tables.append(table)
        y += 2 * layout.pitch
    if y < 0.85 * high:
        _prose(rng, pen, layout, wide, y)
    if strength > 0 and rng.random() < 0.15:
        _stamp(rng, image, layout)
    pixels: Grey = np.asarray(image, np.uint8)
    if strength > 0 and rng.random() < 0.7:
        degrees = float(rng.uniform(-1, 1)) * MOST_SKEW * strength
        pixels = skew(pixels, degrees)
        tables = [_turned(table, degrees, wide, high) for table in tables]
    return DrawnPage(degrade(pixels, rng, strength, most_skew=0.0), tuple(tables))


def _layout(rng: np.random.Generator, split: Split, language: Language) -> Layout:
    em = round(float(rng.uniform(SMALLEST_POINTS, LARGEST_POINTS)) * PAGE_DPI / 72)
    family = draw_family(rng, split)
    regular = face(font_file(rng, split, family, "regular"), em)
    bold = face(font_file(rng, split, family, "bold"), em)
    if language == "chinese":
        regular = bold = face(chinese_font(), em)
    notation = replace(draw_notation(rng), percent=None, currency=None, after="")
    return Layout(
        language, em, em * float(rng.uniform(1.25, 2.0)), _ruling(rng), bool(rng.random() < 0.15), notation, regular, bold,
        int(rng.integers(0, 60)),
    )  # fmt: skip


def _ruling(rng: np.random.Generator) -> Ruling:
    kinds: tuple[Ruling, ...] = ("none", "totals", "totals", "rows", "grid", "shaded")
    return kinds[int(rng.integers(len(kinds)))]


@lru_cache(1)
def chinese_font() -> str:
    """Return the file of an installed font with Chinese letters. Raises UsageError when there is none."""
    from extractors.errors import UsageError
    from extractors.training.fonts import FOLDERS

    for folder in FOLDERS:
        for name in CHINESE_FONTS:
            found = sorted(folder.rglob(name)) if folder.is_dir() else []
            if found:
                return str(found[0])
    raise UsageError("No font with Chinese letters is installed; install fonts-wqy-microhei, for example.")


@lru_cache(1)
def chinese_items() -> tuple[str, ...]:
    """Return the Chinese labels of the known concepts."""
    entries = json.loads(CONCEPTS.read_text(encoding="utf-8"))["concepts"]
    found = {text for entry in entries for text in entry["labels"] if all(ord(c) > LAST_LATIN for c in text)}
    return tuple(sorted(found))


def _label(rng: np.random.Generator, layout: Layout, room: float) -> str:
    if layout.language == "chinese":
        numeral = f"{pick(rng, CHINESE_NUMERALS)}、" if rng.random() < 0.15 else ""
        text = numeral + pick(rng, chinese_items())
        while layout.bold.getlength(text) > room:
            text = text[:-1]
        return text
    text = label(rng)
    while layout.bold.getlength(text) > room and " " in text:
        text = text.rpartition(" ")[0]
    return text if layout.bold.getlength(text) <= room else text[:8]


def _prose(rng: np.random.Generator, pen: ImageDraw.ImageDraw, layout: Layout, wide: int, y: float) -> float:
    """Print a few lines of running text; return where the next line may stand."""
    if layout.language == "chinese":
        return y
    for _ in range(int(rng.integers(0, 6))):
        text = sentence(rng)
        while layout.regular.getlength(text) > 0.86 * wide:
            text = text.rpartition(" ")[0]
        pen.text((0.07 * wide, y), text, font=layout.regular, fill=layout.ink, anchor="ls")
        y += 1.3 * layout.em
    return y


@dataclass(slots=True)
class _Line:
    """A row before it is printed: the label's indent in em, its texts, and whether it is a total."""

    texts: list[str]
    indent: int = 0
    total: bool = False
    header: bool = False


def _lines(rng: np.random.Generator, layout: Layout, n_columns: int, room: float, n_rows: int) -> list[_Line]:
    """Write a table's rows: a header, then sections whose totals add up."""
    year = int(rng.integers(1998, 2030))
    heads = [str(year - i) for i in range(n_columns)]
    if rng.random() < 0.2 and layout.language == "latin":
        heads = [pick(rng, headers()) for _ in range(n_columns)]
    out = [_Line([_label(rng, layout, room) if rng.random() < 0.3 else "", *heads], header=True)]
    largest = 10 ** min(9, layout.notation.most_digits + layout.notation.decimals)
    while len(out) < n_rows:
        if rng.random() < 0.5:
            out.append(_Line([_label(rng, layout, room)] + [""] * n_columns))
        sums = np.zeros(n_columns, np.int64)
        for _ in range(int(rng.integers(2, 7))):
            values = rng.integers(1, largest, n_columns) * np.where(rng.random(n_columns) < 0.15, -1, 1)
            values[rng.random(n_columns) < 0.05] = 0
            sums += values
            out.append(
                _Line([_label(rng, layout, room), *(_amount(layout.notation, int(v)) for v in values)], 1)
            )
        out.append(
            _Line([_label(rng, layout, room), *(_amount(layout.notation, int(v)) for v in sums)], 0, True)
        )
    return out


def _amount(notation: Notation, value: int) -> str:
    """Return an amount, in units of its last decimal, as printed."""
    if value == 0:
        return notation.nil
    digits = str(abs(value)).rjust(notation.decimals + 1, "0")
    cut = len(digits) - notation.decimals
    text = write(digits[:cut], notation, digits[cut:])
    if value > 0:
        return text
    return f"({text})" if notation.negative == "parentheses" else notation.negative + text


def _table(
    rng: np.random.Generator, pen: ImageDraw.ImageDraw, layout: Layout, size: tuple[int, int], y: float
) -> tuple[DrawnTable | None, float]:
    """Print a table from `y` down; return it, and where it ends. None when there is no room."""
    wide, high = size
    left, right = 0.07 * wide, wide * float(rng.uniform(0.75, 0.94))
    n_columns = int(rng.choice((1, 2, 2, 3, 3, 4, 5)))
    longest = layout.bold.getlength(
        _amount(layout.notation, -(10 ** min(9, layout.notation.most_digits + layout.notation.decimals)))
    )
    pitch = max(1.35 * longest, 5.5 * layout.em)
    n_columns = max(1, min(n_columns, int(0.62 * (right - left) / pitch)))
    room = right - left - n_columns * pitch - 2 * layout.em
    most = int((0.93 * high - y) / layout.pitch) - 2
    if most < 6:
        return None, y
    lines = _lines(rng, layout, n_columns, room, min(most - 4, int(rng.integers(6, 34))))[:most]
    title = _label(rng, layout, right - left)
    pen.text((left, y), title, font=layout.bold, fill=layout.ink, anchor="ls")
    y += 1.6 * layout.pitch
    top = y - 0.8 * layout.pitch
    cells: list[DrawnCell] = []
    for number, line in enumerate(lines):
        font = layout.bold if line.total or line.header else layout.regular
        if layout.ruling == "shaded" and number % 2:
            pen.rectangle((left, y - 0.75 * layout.pitch, right, y + 0.25 * layout.pitch), fill=226)
        for column, text in enumerate(line.texts):
            if not text:
                continue
            length = font.getlength(text)
            edge = right - (n_columns - column) * pitch - 0.3 * layout.em
            x = left + (0.4 + 1.2 * line.indent) * layout.em if column == 0 else edge - length
            pen.text((x, y), text, font=font, fill=layout.ink, anchor="ls")
            x0, y0, x1, y1 = font.getbbox(text, anchor="ls")
            cells.append(DrawnCell(number, column, text, (x + x0, y + y0, x + x1, y + y1)))
            if line.total and column and layout.ruling in ("totals", "shaded"):
                pen.line(
                    (edge - length, y - 0.95 * layout.em, edge, y - 0.95 * layout.em),
                    fill=layout.ink,
                    width=2,
                )
        if layout.leaders and line.texts[0] and len(line.texts) > 1 and line.texts[1]:
            _leaders(
                pen,
                layout,
                cells[-len([t for t in line.texts if t])],
                right - n_columns * pitch + pitch - longest,
                y,
            )
        if layout.ruling in ("rows", "grid"):
            pen.line((left, y + 0.3 * layout.pitch, right, y + 0.3 * layout.pitch), fill=90, width=2)
        y += layout.pitch
    if layout.ruling == "grid":
        bottom = y - 0.7 * layout.pitch
        pen.line((left, top, right, top), fill=90, width=2)
        for x in (left, *(right - k * pitch for k in range(n_columns + 1))):
            pen.line((x, top, x, bottom), fill=90, width=2)
    return DrawnTable(title, len(lines), n_columns + 1, 1, tuple(cells)), y


def _leaders(pen: ImageDraw.ImageDraw, layout: Layout, cell: DrawnCell, until: float, y: float) -> None:
    room = until - cell.box[2] - layout.em
    n = int(room / layout.regular.getlength(" ."))
    pen.text((cell.box[2] + 0.2 * layout.em, y), " ." * n, font=layout.regular, fill=layout.ink, anchor="ls")


def _stamp(rng: np.random.Generator, image: Image.Image, layout: Layout) -> None:
    """Press a turned rubber stamp on the page: pale enough to read through."""
    side = int(12 * layout.em)
    stamp = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(stamp)
    grey = int(rng.integers(130, 200))
    pen.ellipse((4, 4, side - 4, side - 4), outline=grey, width=6)
    pen.text((side / 2, side / 2), pick(rng, STAMPS), font=layout.bold, fill=grey, anchor="mm")
    stamp = stamp.rotate(float(rng.uniform(-30, 30)), fillcolor=255)
    x, y = (int(rng.integers(0, full - side)) for full in image.size)
    under = np.asarray(image.crop((x, y, x + side, y + side)))
    image.paste(Image.fromarray(np.minimum(under, np.asarray(stamp))), (x, y))


def _turned(table: DrawnTable, degrees: float, wide: int, high: int) -> DrawnTable:
    """Turn the boxes of a table as `skew` turns the pixels."""
    angle = np.deg2rad(degrees)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))

    def turned(box: Box) -> Box:
        x, y = (box[0] + box[2]) / 2 - wide / 2, (box[1] + box[3]) / 2 - high / 2
        dx, dy = x * cos - y * sin - x, x * sin + y * cos - y
        return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy

    return replace(table, cells=tuple(replace(cell, box=turned(cell.box)) for cell in table.cells))


def save_document(path: Path, pages: Sequence[DrawnPage], seed: int) -> None:
    """Write pages as a PDF of pictures without any text, and their truth beside it as `NAME.truth.json`."""
    images = [Image.fromarray(page.image) for page in pages]
    images[0].save(path, "PDF", save_all=True, append_images=images[1:], resolution=PAGE_DPI)
    tables = [
        {
            "page": number,
            "title": table.title,
            "n_rows": table.n_rows,
            "n_cols": table.n_columns,
            "n_header_rows": table.n_header_rows,
            "cells": [asdict(cell) for cell in table.cells],
        }
        for number, page in enumerate(pages, 1)
        for table in page.tables
    ]
    truth = {"doc": path.name, "n_pages": len(pages), "dpi": PAGE_DPI, "seed": seed, "tables": tables}
    path.with_suffix(".truth.json").write_text(
        json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
