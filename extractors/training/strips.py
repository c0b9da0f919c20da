"""What does the small reader learn from? Single rows of tables, drawn with their cells and worn like scans.

In: a random generator, a split and a strength of wear. Out: `Strip`s: grey images of STRIP_HEIGHT x STRIP_WIDTH pixels that hold one
row of a table (or its header, a heading, a line of text), and the cells as printed, from left to right.

What the cells are: the label comes first, "" where the row has none; then every printed cell in reading order. A column that is
blank in this row leaves no trace in it and therefore has no cell: columns are known by where cells stand on the page, not by
counting. Dot leaders and rules are not text. A currency sign belongs to its amount, with a space where it stands apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from extractors.training.amounts import draw_amount, draw_notation, draw_note
from extractors.training.degrade import Grey, degrade
from extractors.training.fonts import Split, Style, draw_family, draw_style, face, font_file
from extractors.training.words import date, headers, label, phrase, pick, sentence

STRIP_HEIGHT, STRIP_WIDTH = 32, 768  # pixels; a multiple of what one image token covers
SMALLEST_TEXT, LARGEST_TEXT = 10.5, 20.0  # pixels per em
MOST_COLUMNS = 5
MOST_LABEL = 64  # letters
CELL_GAP = 0.75  # em of white between two cells, at least
FINEST = 2.2  # times the strip's resolution at which a row is drawn before it is scaled down


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One row of a table as the reader sees it, and what it says."""

    image: Grey  # uint8, STRIP_HEIGHT x STRIP_WIDTH, paper bright
    cells: tuple[str, ...]  # as printed: the label first ("" when there is none), then the other cells


@dataclass(slots=True)
class _Row:
    """A row under construction, in pixels of the fine image."""

    scale: float  # fine pixels per strip pixel
    em: float
    left: float
    right: float
    regular: ImageFont.FreeTypeFont
    label_font: ImageFont.FreeTypeFont

    @property
    def gap(self) -> float:
        return CELL_GAP * self.em


def draw_strip(rng: np.random.Generator, split: Split, strength: float = 1.0) -> Strip:
    """Return a strip drawn by `rng` with fonts of `split`, worn with `strength` (0 clean, 1 a poor scan).

    The same generator state, split, strength and installed fonts give the same strip. Raises UsageError without fonts.
    """
    family, style = draw_family(rng, split), draw_style(rng)
    # Straight at the strip's size, as pages are rendered; or finer and scaled down, as scans are.
    scale = 1.0 if rng.random() < 0.4 else float(rng.uniform(1.2, FINEST))
    em = float(rng.uniform(SMALLEST_TEXT, LARGEST_TEXT)) * scale
    size = max(8, round(em))
    regular = face(font_file(rng, split, family, style), size)
    label_style: Style = "regular" if style == "italic" and rng.random() < 0.5 else style
    label_font = face(font_file(rng, split, family, label_style), size)
    width = STRIP_WIDTH * scale
    row = _Row(
        scale,
        float(size),
        float(rng.uniform(1, 40)) * scale,
        width - float(rng.exponential(30) if rng.random() < 0.8 else rng.uniform(0, 260)) * scale - 2 * scale,
        regular,
        label_font,
    )
    row.right = max(row.right, 0.45 * width)
    kind = rng.random()
    if kind < 0.7:
        placed, cells, leaders = _data(rng, row)
    elif kind < 0.84:
        placed, cells, leaders = _header(rng, row)
    elif kind < 0.95:
        placed, cells, leaders = _heading(rng, row, label(rng))
    else:
        placed, cells, leaders = _heading(rng, row, sentence(rng))
    return Strip(_paint(rng, row, placed, leaders, split, strength), cells)


_Drawn = tuple[list[tuple[float, str, ImageFont.FreeTypeFont]], tuple[str, ...], tuple[float, float] | None]


def _fit(font: ImageFont.FreeTypeFont, text: str, room: float) -> str:
    """Return the words of `text` that fit into `room`, at least one word or its head."""
    text = text[:MOST_LABEL].rstrip()
    while text and font.getlength(text) > room:
        text = text.rpartition(" ")[0] or text[: len(text) // 2]
        text = text.rstrip()
    return text


def _heading(rng: np.random.Generator, row: _Row, text: str) -> _Drawn:
    text = _fit(row.label_font, text, row.right - row.left)
    x = row.left
    if rng.random() < 0.15:
        x = (row.left + row.right - row.label_font.getlength(text)) / 2
    return [(x, text, row.label_font)], (text,), None


def _edges(rng: np.random.Generator, row: _Row, n: int, start: float) -> list[float]:
    """Return the right edges of `n` columns between `start` and the row's right end, evenly or not."""
    shares = np.ones(n) if rng.random() < 0.75 else rng.uniform(0.7, 1.3, n)
    reach = np.cumsum(shares) / shares.sum()
    return [float(start + (row.right - start) * share) for share in reach]


def _data(rng: np.random.Generator, row: _Row) -> _Drawn:
    """Lay out a label and one to five amounts, right-aligned in their columns; now and then a column is blank."""
    notation = draw_notation(rng)
    n = int(rng.choice(MOST_COLUMNS, p=(0.14, 0.38, 0.23, 0.15, 0.1))) + 1
    amounts = [draw_amount(rng, notation) for _ in range(n)]
    text = "" if rng.random() < 0.03 else label(rng)
    widest = max(row.regular.getlength(amount) for amount in amounts) + row.gap
    while n > 1 and n * widest > 0.75 * (row.right - row.left):
        n -= 1
    amounts = amounts[:n]
    spare = row.right - row.left - n * widest
    text = _fit(row.label_font, text, max(spare, 0.2 * (row.right - row.left)))
    end = row.left + row.label_font.getlength(text)
    loosest = max(end, row.right - n * widest * float(rng.uniform(1.0, 2.2)))
    columns = _edges(rng, row, n, loosest)
    drawn = [(row.left, text, row.label_font)] if text else []
    cells = [text]
    if rng.random() < 0.12:
        note = draw_note(rng)
        room = row.regular.getlength(note)
        first = columns[0] - max(row.regular.getlength(amount) for amount in amounts)
        if first - end > room + 2 * row.gap:
            x = float(rng.uniform(end + row.gap, first - room - row.gap))
            drawn.append((x, note, row.regular))
            cells.append(note)
            end = x + room
    hanging = rng.random() < 0.6  # the closing parenthesis stands right of the column's edge
    leaders: tuple[float, float] | None = None
    previous = end
    for number, (amount, edge) in enumerate(zip(amounts, columns, strict=True)):
        if n > 1 and rng.random() < 0.06:
            continue
        body = amount[:-1] if hanging and amount.endswith((")", "%")) and number < n else amount
        edge = min(edge, row.right - (row.regular.getlength(amount) - row.regular.getlength(body)))
        x = edge - row.regular.getlength(body)
        if x < previous + row.gap:
            x = previous + row.gap
        if x + row.regular.getlength(amount) > STRIP_WIDTH * row.scale:
            break
        sign, space, figures = amount.partition(" ")
        if (
            space and sign and not any(c.isdigit() for c in sign)
        ):  # a sign that stands apart at its column's left
            inner = x + row.regular.getlength(sign + space)
            left = previous + row.gap if number else max(previous + row.gap, edge - widest * 1.1)
            nearest = x
            x = float(rng.uniform(min(left, nearest), nearest)) if rng.random() < 0.7 else nearest
            x = max(x, inner - 6 * row.em)
            drawn += [(x, sign, row.regular), (inner, figures, row.regular)]
        else:
            drawn.append((x, amount, row.regular))
        if leaders is None:
            leaders = (previous, x)
        cells.append(amount)
        last, printed, font = drawn[-1]
        previous = last + font.getlength(printed)
    if rng.random() > 0.15 or not text:
        leaders = None
    return drawn, tuple(cells), leaders


def _header(rng: np.random.Generator, row: _Row) -> _Drawn:
    """Lay out years, dates or words above columns, with or without something above the labels."""
    n = int(rng.integers(1, MOST_COLUMNS + 1))
    alike = rng.random()
    if alike < 0.55:
        year = int(rng.integers(1996, 2031))
        texts = [str(year - i) for i in range(n)] if rng.random() < 0.6 else [date(rng) for _ in range(n)]
    elif alike < 0.85:
        texts = [pick(rng, headers()) for _ in range(n)]
    else:
        texts = [phrase(rng, 1, 2).capitalize() for _ in range(n)]
    text = ""
    if rng.random() < 0.4:
        text = pick(rng, headers()) if rng.random() < 0.6 else label(rng)
    widest = max(row.regular.getlength(each) for each in texts) + row.gap
    while n > 1 and n * widest > 0.8 * (row.right - row.left):
        n -= 1
    texts = texts[:n]
    text = _fit(row.label_font, text, max(0.0, row.right - row.left - n * widest))
    end = row.left + (row.label_font.getlength(text) if text else 0.0)
    columns = _edges(rng, row, n, max(end, row.right - n * widest * float(rng.uniform(1.0, 2.2))))
    drawn = [(row.left, text, row.label_font)] if text else []
    cells = [text]
    middle = rng.random() < 0.35
    previous, pitch = end if text else end - row.gap, (columns[-1] - max(end, 0)) / n
    for each, edge in zip(texts, columns, strict=True):
        room = row.regular.getlength(each)
        x = edge - room - (max(0.0, (pitch - room) / 2) if middle else 0.0)
        x = max(x, previous + row.gap)
        if x + room > STRIP_WIDTH * row.scale:
            break
        drawn.append((x, each, row.regular))
        cells.append(each)
        previous = x + room
    return drawn, tuple(cells), None


def _paint(
    rng: np.random.Generator,
    row: _Row,
    drawn: list[tuple[float, str, ImageFont.FreeTypeFont]],
    leaders: tuple[float, float] | None,
    split: Split,
    strength: float,
) -> Grey:
    """Put a laid out row on paper with its surroundings, scale it to the strip, and wear it."""
    scale = row.scale
    high, wide = round(STRIP_HEIGHT * scale), round(STRIP_WIDTH * scale)
    inverse = strength > 0 and rng.random() < 0.02
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
    for x, text, font in drawn:
        canvas.text((x, base), text, font=font, fill=ink, anchor="ls")
    if leaders and leaders[1] - leaders[0] > 3 * row.gap:
        _lead(rng, canvas, row, leaders, base, ink)
    if rng.random() < 0.35:
        _rule(rng, canvas, row, drawn, base, top, bottom)
    if rng.random() < 0.3 * min(1.0, 0.2 + strength):
        _peek(rng, image, row, split, base, top, bottom, ink)
    pixels = np.asarray(image, np.uint8)
    if inverse:
        pixels = np.asarray(255 - pixels, np.uint8)
    if (high, wide) != (STRIP_HEIGHT, STRIP_WIDTH):
        way = cv2.INTER_AREA if rng.random() < 0.6 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=way), np.uint8)
    return degrade(pixels, rng, strength)


def _lead(
    rng: np.random.Generator,
    canvas: ImageDraw.ImageDraw,
    row: _Row,
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
    row: _Row,
    drawn: list[tuple[float, str, ImageFont.FreeTypeFont]],
    base: float,
    top: float,
    bottom: float,
) -> None:
    """Draw lines above or below the row, under its amounts, or between its columns."""
    thick = max(1, round(row.scale * float(rng.choice((0.7, 1.0, 1.8)))))
    grey = int(rng.integers(0, 170))
    wide = canvas.im.size[0]
    kind = rng.random()
    under = min(base + row.em * float(rng.uniform(0.24, 0.42)), canvas.im.size[1] - 1.0)
    over = max(0.0, base - row.em * float(rng.uniform(0.88, 1.1)))
    if kind < 0.45:
        for x, text, font in drawn[1:]:
            start, end = x - float(rng.uniform(0, 1.5)) * row.em, x + font.getlength(text)
            for y in (under, under + 2.5 * row.scale) if rng.random() < 0.25 else (under,):
                canvas.line((start, y, end, y), fill=grey, width=thick)
            if rng.random() < 0.3:
                canvas.line((start, over, end, over), fill=grey, width=thick)
    elif kind < 0.85:
        for y in ((under,), (over,), (over, under))[int(rng.integers(3))]:
            canvas.line((0, y, wide, y), fill=grey, width=thick)
    else:
        for x, _text, _font in drawn[1:]:
            at = x - 0.5 * row.gap
            canvas.line((at, top, at, bottom), fill=grey, width=thick)
        canvas.line(
            (max(0.0, row.left - 0.4 * row.em), top, max(0.0, row.left - 0.4 * row.em), bottom),
            fill=grey,
            width=thick,
        )


def _peek(
    rng: np.random.Generator,
    image: Image.Image,
    row: _Row,
    split: Split,
    base: float,
    top: float,
    bottom: float,
    ink: int,
) -> None:
    """Let the lowest or uppermost pixels of a neighbouring row stand at the band's edge."""
    text = (
        f"{label(rng)}     {label(rng)}"
        if rng.random() < 0.5
        else "  ".join(draw_note(rng) * 3 for _ in range(4))
    )
    deep = float(rng.uniform(0.5, 3.0)) * row.scale
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
