"""The marks a PDF page carries of itself: its words, ruled lines and pictures, found without looking at a pixel.

In: a `pymupdf.Page`, and how many degrees clockwise its content still has to be turned to read from left to right.
Out: a `PageContent` in points of the upright page (crop box and rotation entry honoured, origin top left). Boxes of
words are one font size high around their baseline, whatever the font claims, so that rows of mixed fonts line up.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import pymupdf

from extractors.pages.shading import Corners, without_shading
from schemas.box import Box
from schemas.page import PageContent, Rule, Word

ASCENT, DESCENT = 0.8, 0.2  # of the font size, above and below the baseline: what Latin type occupies
RULE_THICKNESS = 3.0  # points; a filled or stroked shape thinner than this acts as a line
MIN_RULE = 3.0  # points; shorter strokes are dots, ticks and pieces of drawings
RULE_OFFSET = 1.0  # points across; strokes closer than this belong to one drawn line
RULE_GAP = (
    1.5  # points along; pieces of one line may be this far apart, the parts of a dashed line twice as far
)
MAX_VECTORS = 20_000  # strokes on a page; more is a map or a plot, whose lines say nothing about tables
WHITE = 0xFAFAFA  # every channel at or above this is paper
LEADER_MARKS = frozenset(".·…_‥\ufffd")  # the last stands for leader dots of fonts without a character map
LEADER = re.compile(r"([.·…_‥\ufffd])\1{3,}")  # a run of four or more leads the eye and is no word
MARK = re.compile(r"\(?(?:\d{1,2}|[a-i])\)?(?:,(?:\d{1,2}|[a-i]))*")  # a footnote mark or an exponent
SUPERSCRIPT = str.maketrans("0123456789()abcdefghi", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱ")
MARK_REACH = 1.0  # of the usual size; how far behind its word a mark that stands apart may be
SMALL, RAISED = 0.85, 0.12  # of the line's largest size: how small and how far off the baseline a mark is
SPACED_LEADER = 4  # words of nothing but dots on one line; fewer may be an ellipsis or a stray mark
AXIS = math.cos(math.radians(10))  # lines more than 10 degrees off the axes are stamps and watermarks
SAME_PLACE = 0.6  # of the smaller box; a word printed twice (false bold, shadow) overlaps itself by more
FLAGS = pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_COLLECT_VECTORS
BOLD_CHAR = 8  # bit of a span's char_flags
PAINTED = 16 | 32  # bits of a span's char_flags: filled, stroked; text with neither is invisible

Turning = tuple[float, float, float, float, float, float]  # a to f of the matrix to the upright page


@dataclass(slots=True)
class _Marks:
    """One page as the PDF library gives it, still in its unturned coordinates."""

    words: list[tuple[float, float, float, float, str, int, int, int]]  # corners, text, block, line, word
    lines: dict[tuple[int, int], dict[str, Any]]  # (block, line) -> line with its spans
    vectors: list[dict[str, Any]] = field(default_factory=list)


def text_layer(page: pymupdf.Page, turn: int | None = 0) -> PageContent:
    """Return the words, rules and pictures of `page`.

    `turn` is how many degrees clockwise (0, 90, 180, 270) the content is turned after the page's own rotation; None
    decides it from the direction of the printed lines, in the same pass. `text_source` is "none" without words.
    """
    marks = _marks(page)
    if turn is None:
        turn = _turn_of(marks, page.rotation)
    upright = _upright(page, turn)
    shown = page.rect * page.derotation_matrix  # of the crop box, what lies within the media box
    area = _placed((0.0, 0.0, abs(shown.width), abs(shown.height)), upright)
    words = _words(marks, upright, page.rotation + turn, area)
    return PageContent(
        page=page.number + 1,
        width=area.width,
        height=area.height,
        rotation=(page.rotation + turn) % 360,
        text_source="text_layer" if words else "none",
        words=tuple(words),
        rules=tuple(_rules(page, marks.vectors, upright, area)),
        images=tuple(_images(page, upright, area)),
    )


def reading_turn(page: pymupdf.Page) -> int:
    """Return how many degrees clockwise (0, 90, 180, 270) the upright page must still be turned for its text to read."""
    return _turn_of(_marks(page), page.rotation)


def _marks(page: pymupdf.Page) -> _Marks:
    textpage = page.get_textpage(flags=FLAGS)
    blocks = textpage.extractDICT()["blocks"]
    text_blocks = (block for block in blocks if block["type"] == 0)  # words count only these
    lines = {
        (block_number, number): line
        for block_number, block in enumerate(text_blocks)
        for number, line in enumerate(block["lines"])
    }
    vectors = [block for block in blocks if block["type"] == 3]
    return _Marks(textpage.extractWORDS(), lines, vectors if len(vectors) <= MAX_VECTORS else [])


def _turn_of(marks: _Marks, rotation: int) -> int:
    """The turn under which most letters read from left to right; lines of one letter have no direction."""
    letters: Counter[int] = Counter()
    for line in marks.lines.values():
        angle = _angle(line["dir"], rotation)
        length = sum(len(span["text"].strip()) for span in line["spans"])
        if angle is not None and length > 1:
            letters[angle] += length
    if not letters:
        return 0
    angle, most = letters.most_common(1)[0]
    return (360 - angle) % 360 if most > letters[0] else 0


def _angle(direction: tuple[float, float], rotation: int) -> int | None:
    """Clockwise angle of a line on the page turned by `rotation`, as 0, 90, 180 or 270; None for a slanted line."""
    x, y = direction
    length = math.hypot(x, y)
    if length == 0 or max(abs(x), abs(y)) < AXIS * length:
        return None
    own = (0 if x > 0 else 180) if abs(x) >= abs(y) else (90 if y > 0 else 270)
    return (own + rotation) % 360


def _upright(page: pymupdf.Page, turn: int) -> Turning:
    """The matrix from the library's coordinates to the upright page."""
    if turn not in (0, 90, 180, 270):
        raise ValueError(f"a page is turned by 0, 90, 180 or 270 degrees, not by {turn}")
    width, height = page.rect.width, page.rect.height
    turned = {
        0: pymupdf.Matrix(1, 0, 0, 1, 0, 0),
        90: pymupdf.Matrix(0, 1, -1, 0, height, 0),
        180: pymupdf.Matrix(-1, 0, 0, -1, width, height),
        270: pymupdf.Matrix(0, -1, 1, 0, 0, width),
    }[turn]
    a, b, c, d, e, f = page.rotation_matrix * turned
    return a, b, c, d, e, f


def _placed(corners: Iterable[float], upright: Turning) -> Box:
    """A rectangle of the library carried to the upright page (right angles only, so two corners are enough)."""
    x0, y0, x1, y1 = corners
    a, b, c, d, e, f = upright
    x0, y0, x1, y1 = a * x0 + c * y0 + e, b * x0 + d * y0 + f, a * x1 + c * y1 + e, b * x1 + d * y1 + f
    return Box(x0 if x0 < x1 else x1, y0 if y0 < y1 else y1, x1 if x0 < x1 else x0, y1 if y0 < y1 else y0)


def _words(marks: _Marks, upright: Turning, rotation: int, area: Box) -> list[Word]:
    words: list[Word] = []
    hidden: list[Word] = []
    numbers: dict[tuple[int, int], int] = {}
    printed: defaultdict[tuple[str, int], list[Box]] = defaultdict(list)  # by text and height on the page
    for x0, y0, x1, y1, text, block, line_number, _ in marks.words:
        text = text.strip("\u200b\u200e\u200f\ufeff\u00ad \t")
        line = marks.lines.get((block, line_number))
        if not text or line is None or x1 <= x0 or y1 <= y0:
            continue
        if _angle(line["dir"], rotation) is None:
            continue
        span = _span_at(line, (x0 + x1) / 2, (y0 + y1) / 2)
        size = span["size"]
        box = _placed(_one_size_high((x0, y0, x1, y1), line["dir"], span["origin"], size), upright)
        if not area.contains_center(box) or _printed_already(text, box, printed):
            continue
        printed[text, int(box.y0)].append(box)
        number = numbers.setdefault((block, line_number), len(numbers))
        bold = bool(span["flags"] & pymupdf.TEXT_FONT_BOLD or span["char_flags"] & BOLD_CHAR)
        visible = span["alpha"] > 0 and span["char_flags"] & PAINTED
        for part, part_box in _parts(text, box, line, upright):
            (words if visible else hidden).append(Word(part, part_box, number, 1.0, size, bold))
    # Invisible text is the layer of a scan where it is all there is; beside visible text it is nobody's to read.
    words = words if len(words) >= len(hidden) else words + hidden
    return _with_raised_marks(without_spaced_leaders(words))


def without_spaced_leaders(words: list[Word]) -> list[Word]:
    """Drop the dots of leaders set with spaces ("Sales . . . . 1,234"): each one comes as a word of its own."""
    dots = Counter(word.line for word in words if LEADER_MARKS.issuperset(word.text))
    return [
        word for word in words if dots[word.line] < SPACED_LEADER or not LEADER_MARKS.issuperset(word.text)
    ]


def _with_raised_marks(words: list[Word]) -> list[Word]:
    """Turn small figures that stand apart, raised, right behind a larger word into footnote marks."""
    usual = median(word.size for word in words) if words else 0.0
    result = []
    for word in words:
        if word.size < SMALL * usual and MARK.fullmatch(word.text):
            behind = word.box.grow(MARK_REACH * usual, 0)
            for other in words:
                if (
                    other.size * SMALL > word.size
                    and behind.x0 <= other.box.x1 <= word.box.x0 + 1
                    and other.box.y0 - 0.4 * usual < word.box.y0
                    and word.box.y1 < other.box.y1 - RAISED * other.size
                    and word.box.y1 > other.box.y0
                ):
                    word = replace(word, text=word.text.translate(SUPERSCRIPT))
                    break
        result.append(word)
    return result


def _one_size_high(
    corners: Corners, direction: tuple[float, float], origin: tuple[float, float], size: float
) -> Corners:
    """The box of a word, cut or stretched across its line to one font size around the baseline."""
    x0, y0, x1, y1 = corners
    x, y = direction
    if abs(x) >= abs(y):
        up, down = (ASCENT, DESCENT) if x > 0 else (DESCENT, ASCENT)
        return x0, origin[1] - up * size, x1, origin[1] + down * size
    left, right = (ASCENT, DESCENT) if y < 0 else (DESCENT, ASCENT)
    return origin[0] - left * size, y0, origin[0] + right * size, y1


def _span_at(line: dict[str, Any], x: float, y: float) -> dict[str, Any]:
    spans: list[dict[str, Any]] = line["spans"]
    for span in spans:
        x0, y0, x1, y1 = span["bbox"]
        if x0 <= x <= x1 and y0 <= y <= y1:
            return span
    return spans[0]


def _printed_already(text: str, box: Box, printed: dict[tuple[str, int], list[Box]]) -> bool:
    top = int(box.y0)
    return any(
        box.intersect(other).area > SAME_PLACE * min(box.area, other.area)
        for height in (top - 1, top, top + 1)
        for other in printed.get((text, height), ())
    )


def _parts(text: str, box: Box, line: dict[str, Any], upright: Turning) -> Iterator[tuple[str, Box]]:
    """Split a word from its leader, and from a raised footnote mark, which would else read as its last digit."""
    spans = line["spans"]
    largest = max(span["size"] for span in spans)
    for span in spans if len(spans) > 1 else ():
        mark = span["text"].strip()
        raised = (
            span["size"] < SMALL * largest
            and abs(span["origin"][1] - spans[0]["origin"][1]) > RAISED * largest
        )
        small = span["flags"] & pymupdf.TEXT_FONT_SUPERSCRIPT or raised
        if not (small and MARK.fullmatch(mark) and text.endswith(mark)):
            continue
        place = _placed(span["bbox"], upright)
        if place.x0 >= box.x0 - 1 and place.x1 <= box.x1 + 1:
            if len(text) > len(mark):
                yield from _without_leaders(text[: -len(mark)], Box(box.x0, box.y0, place.x0, box.y1))
            yield mark.translate(SUPERSCRIPT), Box(max(box.x0, place.x0), place.y0, box.x1, place.y1)
            return
    yield from _without_leaders(text, box)


def _without_leaders(text: str, box: Box) -> Iterator[tuple[str, Box]]:
    """Split "Sales.......1,234" at its leader, placing the parts by their share of the letters (dots are half as wide)."""
    leaders = [match.span() for match in LEADER.finditer(text)]
    if not leaders:
        yield text, box
        return
    widths = [0.5 if letter in LEADER_MARKS else 1.0 for letter in text]
    unit = box.width / sum(widths)
    ends = [0, *(place for leader in leaders for place in leader), len(text)]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        if end > start:
            left = box.x0 + unit * sum(widths[:start])
            yield text[start:end], Box(left, box.y0, left + unit * sum(widths[start:end]), box.y1)


def _rules(page: pymupdf.Page, vectors: list[dict[str, Any]], upright: Turning, area: Box) -> list[Rule]:
    """Thin fills, strokes and the edges of stroked rectangles, with the pieces of one drawn line put together."""
    fills = [
        (int(v["color"]), tuple(v["bbox"]))
        for v in vectors
        if not v["stroked"] and v["alpha"] > 0 and not _is_white(v["color"])
    ]
    shapes = without_shading(fills, RULE_THICKNESS)
    if any(
        vector["stroked"] for vector in vectors
    ):  # their boxes are padded for pointed joins, so ask for their paths
        shapes.extend(_strokes(page))
    across: list[Box] = []
    down: list[Box] = []
    for shape in shapes:
        edge = _placed(shape, upright).intersect(area)
        thick, length = sorted((edge.width, edge.height))
        if 0 <= thick <= RULE_THICKNESS < length:
            (across if edge.width >= edge.height else down).append(edge)
        elif 0 <= thick <= length <= RULE_THICKNESS and thick < length:
            (across if edge.width >= edge.height else down).append(edge)  # perhaps a dash
    return [*_joined(across, horizontal=True), *_joined(down, horizontal=False)]


def _is_white(color: int) -> bool:
    return all((color >> shift) & 0xFF >= (WHITE >> shift) & 0xFF for shift in (0, 8, 16))


def _strokes(page: pymupdf.Page) -> Iterator[Corners]:
    """The straight parts of all visible strokes, in the library's coordinates."""
    for path in page.get_cdrawings():
        color = path.get("color")
        if "s" not in path["type"] or color is None or path.get("stroke_opacity") == 0:
            continue
        if min(color) >= (WHITE & 0xFF) / 0xFF or (path.get("width") or 0) > RULE_THICKNESS:
            continue
        for item in path["items"]:
            if item[0] == "l":
                (x0, y0), (x1, y1) = item[1:3]
                yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
            elif item[0] in ("re", "qu"):
                x0, y0, x1, y1 = pymupdf.Quad(item[1]).rect if item[0] == "qu" else item[1]
                yield from ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1))


def _joined(edges: list[Box], *, horizontal: bool) -> list[Rule]:
    """Put together what lies on one line and touches. Lines that stay shorter than `MIN_RULE` are dropped."""
    pieces = [
        (y0 + y1, x0, x1, y0, y1) if horizontal else (x0 + x1, y0, y1, x0, x1) for x0, y0, x1, y1 in edges
    ]
    pieces.sort()
    bands: list[list[tuple[float, float, float, float, float]]] = []
    for piece in pieces:
        if (
            bands
            and piece[0] - bands[-1][-1][0] <= 2 * RULE_OFFSET
            and piece[0] - bands[-1][0][0] <= 4 * RULE_OFFSET
        ):
            bands[-1].append(piece)
        else:
            bands.append([piece])
    lines: list[Rule] = []
    for band in bands:
        band.sort(key=lambda piece: piece[1])
        start, end, low, high = band[0][1:]
        for _, first, last, near, far in [*band[1:], (0.0, math.inf, math.inf, 0.0, 0.0)]:
            dashed = last - first <= 2 * MIN_RULE
            if first - end <= RULE_GAP * (2 if dashed else 1):
                end, low, high = max(end, last), min(low, near), max(high, far)
                continue
            if end - start >= MIN_RULE:
                lines.append(Rule(start, low, end, high) if horizontal else Rule(low, start, high, end))
            start, end, low, high = first, last, near, far
    return lines


def _images(page: pymupdf.Page, upright: Turning, area: Box) -> Iterator[Box]:
    if not page.get_images():
        return
    for image in page.get_image_info():
        box = _placed(image["bbox"], upright).intersect(area)
        if box.width > 0 and box.height > 0:
            yield box
