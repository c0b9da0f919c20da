"""Answers what is printed on a page that has only pixels: sets it upright, recognises its words and finds its rules.

In: the page's rasteriser and size in points. Out: a `Scan`: the content in points of the upright page, and its render
function. A page whose text layer says only a part of what is printed keeps that part (`read_rest`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from extractors.engine import Pixels, Render
from extractors.pages.dashes import faint_strokes, lonely_dashes, with_dashes
from extractors.pages.ocr import (
    Mask,
    Quads,
    TextLine,
    detect_until,
    ink_mask,
    mean_score,
    read_lines,
    whole_line,
)
from extractors.pages.render import POINTS_PER_INCH, Pose, Raster, around, corners, upright_render
from extractors.pages.scan_rules import find_rules
from extractors.pages.separators import with_commas
from extractors.pages.signs import part_signs, with_dollars, with_pounds
from extractors.pages.upright import runs_sideways, sharpest_skew, skew_of
from extractors.settings import Settings
from schemas.box import Box
from schemas.page import PageContent, Rule, Word

SURE = 0.9  # mean probability of the characters above which nobody asks whether the page is upside down
LEGIBLE_DIGIT = 16.0  # pixels; smaller digits are confused
DIGIT_HEIGHT = 0.5  # of the height of a detected line, which has margins
SMALLEST_SHARE = 0.05  # of the lines may be smaller than what the dpi is chosen for: specks, superscripts
HIGHEST_DPI = 300  # scanners give no more, and smaller print is not read
DETECT_DPI = 150  # finds the same lines as 200 in half the time; letters are read at the full resolution
ABOVE_BASELINE = 0.78  # of a word's box
LETTER = 1.5  # times the box's height; no stroke of a letter is longer
ONE_LINE = 30.0  # points; a region this low is a word or a line
MARGIN = 1.0  # points around a region
SAME_PLACE = 0.3  # of the smaller box; a recognised word that covers this much of a known one is that word
FIND_SHARE, READ_SHARE = (
    0.3,
    0.6,
)  # of page_timeout: no further part is looked at for lines, no further line read
PROBE_LINES = 8  # long lines that are read both ways up when it is in doubt


@dataclass(frozen=True, slots=True)
class Scan:
    """A page read from its pixels."""

    content: PageContent
    render: Render
    pose: Pose
    read_to: float = math.inf  # points from the top; lines that begin below were not read for want of time


def read_scan(
    number: int, raster: Raster, width: float, height: float, settings: Settings, most_dpi: float = math.inf
) -> Scan:
    """Read page `number` of `width` × `height` points from its pixels, at `most_dpi`. Raises EngineError when OCR cannot run.

    A page too dense for its time is read from the top as far as the time goes, and says how far that is.
    """
    began = time.monotonic()
    found_by, read_by = began + FIND_SHARE * settings.page_timeout, began + READ_SHARE * settings.page_timeout
    pose, usual = Pose(width, height), round(max(1, min(settings.ocr_dpi, most_dpi)))
    pixels = _shown(raster, pose, usual, settings)
    quads, found_to = _detected(pixels, usual, found_by)
    if runs_sideways(quads):
        pose = replace(pose, turn=90)
        pixels = _shown(raster, pose, usual, settings)
        quads, found_to = _detected(pixels, usual, found_by)
    looked = found_to / pixels.shape[0]  # of the page's height
    if skew := sharpest_skew(ink_mask(pixels), skew_of(quads)):
        quads = _turned(quads, pose, replace(pose, skew=-skew), pixels)
        pose = replace(pose, skew=-skew)
    dpi = max(usual, round(min(legible_dpi(quads, usual), most_dpi)))
    if skew or dpi > usual:
        before = pixels.shape[1]
        pixels = _shown(raster, pose, dpi, settings)
        quads = np.asarray(quads * (pixels.shape[1] / before), np.float32)
    width, height = pose.upright_size
    scale = pixels.shape[1] / width
    lines, drawn, marks, read_to = _lines_and_rules(pixels, quads, scale, read_by)
    if mean_score(lines) < SURE and time.monotonic() < read_by and _reads_better_flipped(pixels, quads):
        pose = replace(pose, turn=(pose.turn + 180) % 360)
        pixels, quads = _flipped(pixels, quads)
        lines, drawn, marks, read_to = _lines_and_rules(pixels, quads, scale, read_by)
        read_to = 0.0 if looked < 1 else read_to  # what was not looked at is now the top
    elif looked < 1:
        read_to = min(read_to, looked * pixels.shape[0])
    page = Box(0.0, 0.0, width, height)
    words = with_pounds(with_dollars(with_dashes(_words(lines, scale))))
    words = with_commas(words, marks, scale)
    words = (*words, *lonely_dashes(marks | faint_strokes(pixels, words, scale), words, scale))
    rules = _outside_words([_rule(rule, scale, page) for rule in drawn], words)
    content = PageContent(
        page=number,
        width=width,
        height=height,
        rotation=pose.turn,
        text_source="ocr" if words else "none",
        words=words,
        rules=tuple(rules),
        images=(page,),
        skew=pose.skew,
    )
    return Scan(content, upright_render(raster, pose, settings.max_pixels), pose, read_to / scale)


def _lines_and_rules(
    pixels: Pixels, quads: Quads, scale: float, until: float = math.inf
) -> tuple[list[TextLine], list[Rule], Mask, float]:
    """Return the recognised lines and the rules, in pixels, the ink that is no rule, and from which row on no line was read."""
    ink = ink_mask(pixels)
    drawn, covered = find_rules(ink, scale * POINTS_PER_INCH)
    marks = ink & ~covered
    lines, read_to = read_lines(pixels, quads, marks, until)
    return lines, drawn, marks, read_to


def with_known_words(scan: Scan, pose: Pose, known: Sequence[Word]) -> PageContent:
    """Return the scan's content with words in place that the text layer says of it, upright by `pose`."""
    words = []
    for word in known:
        stored = around([pose.stored(x, y) for x, y in corners(word.box)])
        words.append(replace(word, box=scan.pose.upright_box(stored)))
    read = [
        word for word in scan.content.words if not any(_same_place(word.box, other.box) for other in words)
    ]
    first = max((word.line for word in read), default=-1) + 1
    words = [replace(word, line=first + word.line) for word in words]
    return replace(scan.content, words=(*read, *words))


def read_rest(
    content: PageContent, render: Render, regions: tuple[Box, ...], settings: Settings
) -> tuple[PageContent, int]:
    """Return the content with the words and rules added that only the pixels of `regions` show, and how many time was left for.

    The page is upright already. A region as small as a word is read as one line, without looking for lines in it.
    """
    line = max((word.line for word in content.words), default=-1) + 1
    words, rules, read = list(content.words), list(content.rules), 0
    read_by = time.monotonic() + READ_SHARE * settings.page_timeout
    for at, region in enumerate(regions):
        if at and time.monotonic() >= read_by:
            break
        small = region.height <= ONE_LINE
        region = region.grow(MARGIN).intersect(Box(0.0, 0.0, content.width, content.height))
        pixels = render(settings.ocr_dpi, region)
        scale = pixels.shape[1] / region.width
        quads, found_to = (
            (whole_line(pixels), math.inf) if small else _detected(pixels, settings.ocr_dpi, read_by)
        )
        lines, drawn, _, read_to = _lines_and_rules(pixels, quads, scale, read_by)
        read += min(found_to, read_to) >= pixels.shape[0]
        known = [word.box for word in words]
        for found in _words(lines, scale):
            box = found.box
            box = Box(box.x0 + region.x0, box.y0 + region.y0, box.x1 + region.x0, box.y1 + region.y0)
            if not any(_same_place(box, other) for other in known):
                words.append(replace(found, box=box, line=line + found.line))
        line = max((word.line for word in words), default=-1) + 1
        if not small:
            rules.extend(_rule(rule, scale, region) for rule in drawn)
    return replace(content, words=tuple(words), rules=tuple(rules), text_source="text_layer"), read


def _rule(rule: Rule, scale: float, region: Box) -> Rule:
    return Rule(
        rule.x0 / scale + region.x0,
        rule.y0 / scale + region.y0,
        rule.x1 / scale + region.x0,
        rule.y1 / scale + region.y0,
    )


def _same_place(one: Box, other: Box) -> bool:
    return one.intersect(other).area > SAME_PLACE * min(one.area, other.area)


def _outside_words(rules: list[Rule], words: Sequence[Word]) -> list[Rule]:
    """Drop the strokes of large letters: what lies inside a word and above its baseline is no rule."""
    kept = []
    for rule in rules:
        x, y = (rule.x0 + rule.x1) / 2, (rule.y0 + rule.y1) / 2
        length = max(rule.x1 - rule.x0, rule.y1 - rule.y0)
        within = (
            word.box.x0 <= x <= word.box.x1
            and word.box.y0 <= y <= word.box.y0 + ABOVE_BASELINE * word.box.height
            and length <= LETTER * word.box.height
            for word in words
        )
        if not any(within):
            kept.append(rule)
    return kept


def _detected(pixels: Pixels, dpi: int, until: float = math.inf) -> tuple[Quads, float]:
    """Return the corners of the lines of text, looked for at no more than `DETECT_DPI`, and down to which row."""
    if dpi <= DETECT_DPI:
        return detect_until(pixels, until)
    across, down = (max(1, round(side * DETECT_DPI / dpi)) for side in pixels.shape[1::-1])
    smaller = np.asarray(cv2.resize(pixels, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    factor = np.array([pixels.shape[1] / across, pixels.shape[0] / down], np.float32)
    quads, looked = detect_until(smaller, until)
    return np.asarray(quads * factor, np.float32), looked / down * pixels.shape[0]


def legible_dpi(quads: Quads, dpi: int) -> int:
    """Return the dpi at which the smallest print has legible digits, where `quads` are the lines found at `dpi`."""
    if len(quads) == 0:
        return dpi
    heights = np.sort(np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1))
    digits = DIGIT_HEIGHT * float(heights[int(len(heights) * SMALLEST_SHARE)])
    return round(min(max(dpi, dpi * LEGIBLE_DIGIT / max(digits, 1.0)), max(dpi, HIGHEST_DPI)))


def _shown(raster: Raster, pose: Pose, dpi: int, settings: Settings) -> Pixels:
    return upright_render(raster, pose, settings.max_pixels)(dpi, None)


def _turned(quads: Quads, before: Pose, after: Pose, pixels: Pixels) -> Quads:
    """Return where the corners stand once the page is levelled."""
    scale = pixels.shape[1] / before.upright_size[0]
    points = [after.upright(*before.stored(x / scale, y / scale)) for x, y in quads.reshape(-1, 2)]
    return np.asarray(np.array(points) * scale, np.float32).reshape(quads.shape)


def _flipped(pixels: Pixels, quads: Quads) -> tuple[Pixels, Quads]:
    corner = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
    return np.ascontiguousarray(pixels[::-1, ::-1]), np.asarray(corner - quads[:, [2, 3, 0, 1]], np.float32)


def _reads_better_flipped(pixels: Pixels, quads: Quads) -> bool:
    """Tell whether the longest lines read better the other way up."""
    if len(quads) == 0:
        return False
    lengths = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    longest = quads[np.argsort(-lengths)[:PROBE_LINES]]
    ink = np.ones(pixels.shape[:2], bool)
    over, straight = read_lines(*_flipped(pixels, longest), ink)[0], read_lines(pixels, longest, ink)[0]
    return mean_score(over) > mean_score(straight)


def _words(lines: list[TextLine], scale: float) -> tuple[Word, ...]:
    """Return the lines' words in points, lines in reading order: row by row, from the left."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.y0 + line.y1):
        last = rows[-1][-1] if rows else None
        if last and line.y0 + line.y1 - last.y0 - last.y1 < min(line.y1 - line.y0, last.y1 - last.y0):
            rows[-1].append(line)
        else:
            rows.append([line])
    lines = [line for row in rows for line in sorted(row, key=lambda line: line.words[0].x0)]
    return tuple(
        Word(
            word.text,
            Box(word.x0 / scale, line.y0 / scale, word.x1 / scale, line.y1 / scale),
            number,
            round(word.score, 4),
        )
        for number, line in enumerate(lines)
        for whole in line.words
        for word in part_signs(whole)
    )
