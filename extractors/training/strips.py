"""What does the small reader learn from? Single rows of tables, drawn with their cells and worn like scans.

In: a random generator, a split and a strength of wear. Out: `Strip`s: grey images of STRIP_HEIGHT x STRIP_WIDTH pixels that hold one
row of a table (or its header, a heading, a line of text), and the cells as printed, from left to right.

What the cells are: the label comes first, "" where the row begins with amounts; then every printed cell in reading order. A column
that is blank in this row leaves no trace in it and therefore has no cell: columns are known by where cells stand on the page, not by
counting. Dot leaders and rules are not text. A currency sign belongs to its amount, with a space where it stands apart. Dashes and
quotes that print hardly tells apart have one form (`amounts.plain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw

from extractors.training.amounts import CURRENCIES, draw_note, plain
from extractors.training.degrade import Grey, degrade
from extractors.training.fonts import Split, Style, draw_family, draw_style, face, font_file
from extractors.training.labels import label
from extractors.training.layouts import lay
from extractors.training.pieces import CELL_GAP, CLOSE_GAP, RAISED, Laid, Placed, Row
from extractors.training.words import pick

STRIP_HEIGHT, STRIP_WIDTH = 32, 768  # pixels; a multiple of what one image token covers
SMALLEST_TEXT, LARGEST_TEXT = 14.0, 23.0  # pixels per em; a band's size is known to some 15 %
USUAL_TEXT = 20.0  # pixels per em of rows that are cut out where there is room
FILLING = 18.5  # pixels per em below which a row is as wide as the strip: that is why it was made small
LEAST_WEAR = 0.3  # strength at which light print on a dark ground can still be read
USUAL_LEAST = 16.0  # pixels per em below which rows are cut in two, as `bands` does
EDGE = 8  # pixels of white left of a row that was cut out
BRIGHT = 200  # grey level above which the paper's grey fills the strip
COARSEST, FINEST = 0.7, 2.0  # times the strip's resolution at which a row is drawn before it is scaled


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One row of a table as the reader sees it, and what it says."""

    image: Grey  # uint8, STRIP_HEIGHT x STRIP_WIDTH, paper bright
    cells: tuple[str, ...]  # as printed: the label first ("" when there is none), then the other cells


def draw_strip(rng: np.random.Generator, split: Split, strength: float = 1.0) -> Strip:
    """Return a strip drawn by `rng` with fonts of `split`, worn with `strength` (0 clean, 1 a poor scan).

    The same generator state, split, strength and installed fonts give the same strip. Raises UsageError without fonts.
    """
    family, style = draw_family(rng, split), draw_style(rng)
    # Straight at the strip's size, as pages are rendered; or finer and scaled down, or coarser and scaled up, as scans are.
    kind = rng.random()
    scale = (
        1.0 if kind < 0.3 else float(rng.uniform(COARSEST, 1.0) if kind < 0.5 else rng.uniform(1.0, FINEST))
    )
    em = _text_size(rng) * scale
    size = max(8, round(em))
    regular = face(font_file(rng, split, family, style), size)
    label_style: Style = "regular" if style == "italic" and rng.random() < 0.5 else style
    label_font = face(font_file(rng, split, family, label_style), size)
    row = Row(
        STRIP_WIDTH * scale,
        float(size),
        float(EDGE + rng.uniform(-2, 2) if rng.random() < 0.55 else rng.uniform(1, 40)) * scale,
        _right_end(rng, em / scale) * scale,
        (CLOSE_GAP if rng.random() < 0.25 else CELL_GAP) * size,
        regular,
        label_font,
        face(font_file(rng, split, family, "bold"), size) if rng.random() < 0.25 else regular,
        face(font_file(rng, split, family, style), max(7, round(RAISED * size)))
        if rng.random() < 0.15
        else None,
    )
    laid = lay(rng, row)
    return Strip(_paint(rng, row, scale, laid, split, strength), tuple(plain(cell) for cell in laid.cells))


def _text_size(rng: np.random.Generator) -> float:
    """Return a size of text (strip pixels per em): the usual one, or what it takes to make a wide row fit."""
    kind = rng.random()
    if kind < 0.55:
        return float(rng.uniform(USUAL_TEXT - 1.5, USUAL_TEXT + 1.5))
    return float(
        rng.uniform(USUAL_LEAST, FILLING) if kind < 0.85 else rng.uniform(SMALLEST_TEXT, LARGEST_TEXT)
    )


def _right_end(rng: np.random.Generator, em: float) -> float:
    """Return where a row ends (strip pixels): small text fills the strip, larger text has what room it needs."""
    if em < FILLING and rng.random() < 0.7:
        return STRIP_WIDTH - float(rng.uniform(2, 14))
    short = float(rng.exponential(30)) if rng.random() < 0.6 else float(rng.uniform(0, 330))
    return max(0.45 * STRIP_WIDTH, STRIP_WIDTH - 2 - short)


def _paint(
    rng: np.random.Generator,
    row: Row,
    scale: float,
    laid: Laid,
    split: Split,
    strength: float,
) -> Grey:
    """Put a laid out row on paper with its surroundings, scale it to the strip, wear it, and cut it out of its page."""
    drawn, leaders = laid.placed, laid.leaders
    high, wide = round(STRIP_HEIGHT * scale), round(STRIP_WIDTH * scale)
    inverse = strength > 0 and rng.random() < 0.04
    tint = int(rng.integers(205, 250)) if rng.random() < 0.12 else 255
    ink = int(rng.integers(0, 90)) if rng.random() < 0.7 else 0
    base = (
        STRIP_HEIGHT / 2 + float(rng.uniform(-2.5, 2.5)) * (0.3 + 0.7 * min(1.0, strength))
    ) * scale + 0.26 * row.em
    base = min(base, high - 0.3 * row.em)
    # The band that a cut leaves of the page; what lies outside it is white.
    top = max(0.0, base - row.em * float(rng.uniform(0.9, 1.25)))
    bottom = min(float(high), base + row.em * float(rng.uniform(0.35, 0.55)))
    if rng.random() < 0.3:
        top, bottom = 0.0, float(high)
    image = Image.new("L", (wide, high), 255)
    canvas = ImageDraw.Draw(image)
    if tint < 255:
        canvas.rectangle((0, round(top), wide, round(bottom)), fill=tint)
    if rng.random() < 0.06:
        _patches(rng, canvas, row, drawn, top, bottom)
    for piece in drawn:
        canvas.text((piece.x, base - piece.rise), piece.text, font=piece.font, fill=ink, anchor="ls")
    if leaders and leaders[1] - leaders[0] > 3 * row.gap:
        _lead(rng, canvas, row, leaders, base, ink)
    if rng.random() < 0.35:
        _rule(rng, canvas, row, scale, drawn, base, top, bottom)
    if rng.random() < 0.3 * min(1.0, 0.2 + strength):
        _peek(rng, image, row, scale, (base, top, bottom), ink)
    pixels = np.asarray(image, np.uint8)
    if inverse:
        pixels = _inverted(rng, pixels, (0, high) if rng.random() < 0.3 else (round(top), round(bottom)))
    if (high, wide) != (STRIP_HEIGHT, STRIP_WIDTH):
        way = (cv2.INTER_AREA if rng.random() < 0.6 else cv2.INTER_LINEAR) if scale > 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=way), np.uint8)
    # White print does not outlive a threshold.
    worn = degrade(pixels, rng, min(strength, LEAST_WEAR) if inverse else strength)
    if strength > 0 and rng.random() < 0.4:
        worn = _cut(rng, worn, max(piece.end for piece in drawn) / scale, top / scale, bottom / scale)
    return worn


def _inverted(rng: np.random.Generator, pixels: Grey, band: tuple[int, int]) -> Grey:
    """Print a band white on a dark ground, as the heads of tables are."""
    ground = float(rng.uniform(0, 110)) if rng.random() < 0.7 else 0.0
    out = pixels.copy()
    out[band[0] : band[1]] = np.asarray(
        ground + (255 - pixels[band[0] : band[1]]) * ((255 - ground) / 255), np.uint8
    )
    return out


def _cut(rng: np.random.Generator, worn: Grey, end: float, top: float, bottom: float) -> Grey:
    """Leave nothing of the page but the band around the row; the rest of the strip is blank paper."""
    paper = int(np.median(worn[:, ::8]))
    blank = np.full_like(worn, paper if paper > BRIGHT else 255)
    y0, y1 = max(0, round(top)), min(STRIP_HEIGHT, round(bottom))
    x1 = min(STRIP_WIDTH, round(end + float(rng.uniform(4, 12))))
    blank[y0:y1, :x1] = worn[y0:y1, :x1]
    return blank


def _patches(
    rng: np.random.Generator,
    canvas: ImageDraw.ImageDraw,
    row: Row,
    drawn: Sequence[Placed],
    top: float,
    bottom: float,
) -> None:
    """Shade the cells of a column or two, as statements mark the current year."""
    grey = int(rng.integers(200, 246))
    for piece in drawn[1 if len(drawn) > 1 else 0 :]:
        if rng.random() < 0.5:
            left = piece.x - float(rng.uniform(0.1, 2.5)) * row.em
            canvas.rectangle(
                (round(left), round(top), round(piece.end + 0.3 * row.em), round(bottom)), fill=grey
            )


def _lead(
    rng: np.random.Generator,
    canvas: ImageDraw.ImageDraw,
    row: Row,
    span: tuple[float, float],
    base: float,
    ink: int,
) -> None:
    """Fill the white between a label and its first amount with dots."""
    unit = pick(rng, (".", ". ", " ."))
    room = span[1] - span[0] - 1.2 * row.gap
    n = int(room / max(1.0, row.regular.getlength(unit)))
    canvas.text((span[0] + 0.3 * row.gap, base), unit * n, font=row.regular, fill=ink, anchor="ls")


def _rule(
    rng: np.random.Generator,
    canvas: ImageDraw.ImageDraw,
    row: Row,
    scale: float,
    drawn: Sequence[Placed],
    base: float,
    top: float,
    bottom: float,
) -> None:
    """Draw lines above or below the row, under its amounts, or between its columns."""
    thick = max(1, round(scale * float(rng.choice((0.7, 1.0, 1.8)))))
    grey = int(rng.integers(0, 170))
    wide = canvas.im.size[0]
    kind = rng.random()
    under = min(base + row.em * float(rng.uniform(0.24, 0.42)), canvas.im.size[1] - 1.0)
    over = max(0.0, base - row.em * float(rng.uniform(0.88, 1.1)))
    if kind < 0.45:
        whole_columns, previous = rng.random() < 0.5, drawn[0].end
        for piece in drawn[1:] if len(drawn) > 1 else drawn:
            start, end = piece.x - float(rng.uniform(0, 1.5)) * row.em, piece.end
            if whole_columns and previous < piece.x:
                start = max(min(start, previous + 0.5 * row.gap), piece.x - 5 * row.em)
            previous = end
            for y in (under, under + 2.5 * scale) if rng.random() < 0.25 else (under,):
                canvas.line((start, y, end, y), fill=grey, width=thick)
            if rng.random() < 0.3:
                canvas.line((start, over, end, over), fill=grey, width=thick)
    elif kind < 0.85:
        for y in ((under,), (over,), (over, under))[int(rng.integers(3))]:
            canvas.line((0, y, wide, y), fill=grey, width=thick)
    else:
        for before, piece in pairwise(drawn):
            if piece.x - before.end < 0.9 * row.gap or before.text in CURRENCIES:
                continue
            at = piece.x - 0.5 * row.gap
            canvas.line((at, top, at, bottom), fill=grey, width=thick)
        canvas.line(
            (max(0.0, row.left - 0.4 * row.em), top, max(0.0, row.left - 0.4 * row.em), bottom),
            fill=grey,
            width=thick,
        )


def _peek(
    rng: np.random.Generator,
    image: Image.Image,
    row: Row,
    scale: float,
    band: tuple[float, float, float],
    ink: int,
) -> None:
    """Let the lowest or uppermost pixels of a neighbouring row stand at the band's edge."""
    base, top, bottom = band
    text = (
        f"{label(rng)}     {label(rng)}"
        if rng.random() < 0.5
        else "  ".join(draw_note(rng) * 3 for _ in range(4))
    )
    deep = float(rng.uniform(0.5, 3.0)) * scale
    above = rng.random() < 0.5
    layer = Image.new("L", image.size, 255)
    pen = ImageDraw.Draw(layer)
    x = float(rng.uniform(0, 0.5)) * image.size[0]
    if above:
        pen.text((x, top + deep), text, font=row.regular, fill=ink, anchor="ls")
        edge = round(min(top + deep + 0.25 * row.em, base - 0.8 * row.em))
        box = (0, round(top), image.size[0], max(round(top), edge))
    else:
        pen.text((x, bottom - deep + 0.72 * row.em), text, font=row.regular, fill=ink, anchor="ls")
        edge = round(max(bottom - deep, base + 0.26 * row.em))
        box = (0, min(edge, round(bottom)), image.size[0], round(bottom))
    if box[3] > box[1]:
        merged = np.minimum(np.asarray(layer.crop(box)), np.asarray(image.crop(box)))
        image.paste(Image.fromarray(merged), box[:2])
