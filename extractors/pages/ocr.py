"""Answers which words stand in an upright picture of text, and where, by optical character recognition.

In: RGB pixels and where lines of text were detected in them. Out: `TextLine`s in pixels, cut into words at the spaces
that were recognised, with boxes that follow the ink. The models travel in the rapidocr wheel: nothing is downloaded.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractors.engine import Pixels
from extractors.errors import EngineError

Quads = NDArray[np.float32]  # lines × 4 corners × (x, y), pixels, clockwise from the top left
Recognised = tuple[str, list[float], list[float]]  # a line's text; per character its probability and middle
Mask = NDArray[np.bool_]  # height × width; True where there is ink

THREADS = 4  # of one process at most; OMP_NUM_THREADS, which the pool of processes sets, goes before
LOWEST_SCORE = 0.3  # mean probability of a line's characters; below it a picture was read as text
DETECTED_PIXELS = 6_000_000  # looked at in one go: the detector needs some 250 bytes for each
BAND_PIXELS = (
    3_000_000  # of a larger picture in one go: five seconds of a processor between looks at the clock
)
WIDEST = 6_000  # pixels; a wider picture is scaled down before lines are looked for
OVERLAP, EDGE = (
    150,
    2,
)  # pixel rows that neighbouring bands share, and that a line must keep from a band's edge
SIDEWAYS = 2.5  # times as high as wide and as the usual line: text that runs up or down the margin
TALL = 0.3  # of the line's height; a mark this high is a letter
INK_CONTRAST = 60  # grey levels
LINES_AT_ONCE = 200  # recognised between two looks at the clock: a few seconds; most pages have fewer
LINES_WHEN_LATE = (
    20  # read all the same when finding lines took the time; of a dense page, to see how long lines take
)
LEAST_SIDE = 8  # pixels; no line of writing fits into a thinner picture, and the detector refuses it
FLAT = 8  # grey levels between the darkest and the lightest pixel; below it there is nothing to read
DARK_GROUND = 0.5  # of a line's box is ink; letters alone cover a third or so
PAPER_ROW = 0.9  # of a row of pixels is light; letters never fill so much
SPECK = 3  # pixels; dirt of this size would stretch the boxes of words
JOIN_GAP = 0.22  # of the line's height; a narrower gap inside a figure is no space
TIGHT_GAP = 0.08  # of the line's height; no space is as narrow, though one was recognised
SURE_SPACE, SURE_IN_FIGURE = 0.7, 0.95  # probability above which a space is one whatever the ink says
COMMA_GAP = 0.1  # of the line's height; after a comma that cannot be inside a figure this is a space
SPLIT_GAP = 1.1  # of the line's height; a wider gap ends a word though no space was recognised
ASCENT, DESCENT = 0.8, 0.2  # of the font size around the baseline: the height of a word's box
CAP_HEIGHT, X_HEIGHT, BELOW = (
    0.7,
    0.5,
    0.2,
)  # of the font size: capitals and digits, small letters, descenders
SMALL_LETTERS = frozenset("acemnorsuvwxz·-–—=+~:.,;_'\"")
DESCENDERS = frozenset("gjpqyQ()[]{}|/$_")
FIGURE = frozenset("0123456789.,()'’%-–—")


@dataclass(frozen=True, slots=True)
class TextWord:
    """A recognised word: x in pixels; its height is the line's."""

    text: str
    x0: float
    x1: float
    score: float  # lowest probability among its characters


@dataclass(frozen=True, slots=True)
class TextLine:
    """A recognised line; y0 to y1 is one font size around its baseline, pixels."""

    words: tuple[TextWord, ...]
    y0: float
    y1: float
    score: float  # mean probability of its characters


_engine: Any = None
_lock = threading.Lock()


def engine() -> Any:
    """Return this process's OCR engine, loading its models (about a second) at the first call. Raises EngineError."""
    global _engine
    with _lock:
        if _engine is None:
            try:
                import rapidocr

                models = Path(rapidocr.__file__).parent / "models"
                _engine = rapidocr.RapidOCR(
                    params={
                        "Global.log_level": "error",
                        "Global.use_preprocess_img": False,
                        "Global.use_vertical_padding": False,
                        "Det.model_path": str(next(models.glob("*_det_*.onnx"))),
                        "Rec.model_path": str(next(models.glob("*_rec_*.onnx"))),
                        "EngineConfig.onnxruntime.intra_op_num_threads": n_threads(),
                        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                    }
                )
                _engine._load_det_model()
                _engine._load_rec_model()
            except Exception as error:
                raise EngineError(
                    f"OCR cannot start ({error}); reinstall rapidocr and onnxruntime."
                ) from error
        return _engine


def n_threads() -> int:
    """Return how many threads the models of this process may use."""
    cores = os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, max(1, int(asked)) if asked.isdigit() else THREADS)


def detect_lines(pixels: Pixels) -> Quads:
    """Return the corners of the lines of text in the picture, top first."""
    return detect_until(pixels, math.inf)[0]


def detect_until(pixels: Pixels, until: float) -> tuple[Quads, float]:
    """Return the corners of the lines of text in the picture, top first, and down to which pixel row was looked.

    A large picture is looked at in bands, none begun after `until` (seconds of `time.monotonic`) but the first.
    """
    height, width = pixels.shape[:2]
    if width > WIDEST:
        smaller = cv2.resize(
            pixels, (WIDEST, max(1, round(height * WIDEST / width))), interpolation=cv2.INTER_AREA
        )
        quads, looked = detect_until(np.asarray(smaller, np.uint8), until)
        return np.asarray(quads * (width / WIDEST), np.float32), min(height, looked * width / WIDEST)
    whole = height * width <= DETECTED_PIXELS
    rows = max(4 * OVERLAP, height if whole else min(BAND_PIXELS, DETECTED_PIXELS) // width)
    found, looked = [], 0
    for top in range(0, max(1, height - OVERLAP), rows - OVERLAP):
        if top and time.monotonic() >= until:
            break
        looked = min(top + rows, height)
        band = pixels[top : top + rows]
        quads = _detect(band)
        if len(quads):
            first = quads[:, :, 1].min(axis=1) <= EDGE
            last = quads[:, :, 1].max(axis=1) >= len(band) - 1 - EDGE
            cut = (first & (top > 0)) | (last & (top + rows < height))  # whole in the neighbouring band
            found.append(quads[~cut] + np.array([0, top], np.float32))
    return _distinct(np.concatenate(found)) if found else np.zeros((0, 4, 2), np.float32), float(looked)


def _detect(pixels: Pixels) -> Quads:
    if min(pixels.shape[:2]) < LEAST_SIDE or int(pixels.max()) - int(pixels.min()) < FLAT:
        return np.zeros((0, 4, 2), np.float32)
    boxes = engine().text_det(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)).boxes  # the models were trained on BGR
    return (
        np.zeros((0, 4, 2), np.float32) if boxes is None else np.asarray(boxes, np.float32).reshape(-1, 4, 2)
    )


def _distinct(quads: Quads) -> Quads:
    """Drop lines that two overlapping bands both found."""
    low, high = quads.min(axis=1), quads.max(axis=1)
    kept: list[int] = []
    for index in range(len(quads)):
        across = np.minimum(high[index], high[kept]) - np.maximum(low[index], low[kept])
        shared = np.prod(np.clip(across, 0, None), axis=1)
        if not (shared > 0.5 * np.prod(high[index] - low[index])).any():
            kept.append(index)
    return quads[kept]


def whole_line(pixels: Pixels) -> Quads:
    """Return the corners of the picture itself, as one line."""
    height, width = pixels.shape[:2]
    return np.array([[(0, 0), (width, 0), (width, height), (0, height)]], np.float32)


def recognise(crops: list[Pixels]) -> list[Recognised]:
    """Return for each picture of one line its text, and per character the probability and the middle (0 to 1 across)."""
    from rapidocr.ch_ppocr_rec import TextRecInput

    if not crops:
        return []
    swapped = [cv2.cvtColor(crop, cv2.COLOR_RGB2BGR) for crop in crops]
    read = engine().text_rec(TextRecInput(img=swapped, return_word_box=True))
    lines = []
    for text, info in zip(read.txts, read.word_results, strict=True):
        columns = iter([column for word in info.word_cols for column in word])
        length = max(float(info.line_txt_len), 1.0)
        middles, last = [], 0.0
        for character in text:
            last = last if character.isspace() else (next(columns, last * length) + 0.5) / length
            middles.append(last)
        lines.append((text, [float(score) for score in info.confs][: len(text)], middles))
    return lines


def read_lines(
    pixels: Pixels, quads: Quads, ink: Mask, until: float = math.inf
) -> tuple[list[TextLine], float]:
    """Recognise the detected lines of an upright picture, and say from which pixel row on they were left unread.

    `ink` must be free of ruled lines. Lines are read from the top, and those that are left after `until` (seconds of
    `time.monotonic`) are not read. The row is infinite when all were.
    """
    boxes = sorted(_line_boxes(quads, pixels.shape), key=lambda box: box[1])
    lines: list[TextLine] = []
    read = 0
    for part in in_time(len(boxes), until):
        some, read = boxes[part], part.stop
        crops = [_crop(pixels, box) for box in some]
        for box, (text, scores, middles) in zip(some, recognise(crops), strict=True):
            if text.strip() and sum(scores) / len(scores) >= LOWEST_SCORE:
                lines.append(_text_line(text, scores, middles, box, ink))
    return lines, math.inf if read == len(boxes) else float(boxes[read][1])


def in_time(n_lines: int, until: float) -> Iterator[slice]:
    """Yield which lines to recognise between two looks at the clock; the first even after `until`, then none."""
    began, read = time.monotonic(), 0
    while read < n_lines:
        now = time.monotonic()
        if read and now >= until:
            return
        part = slice(read, min(n_lines, read + _at_once(n_lines, read, now - began, until - now)))
        yield part
        read = part.stop


def _at_once(n_lines: int, n_read: int, taken: float, left: float) -> int:
    """Return how many lines to recognise before the next look at the clock, so that it is not overdrawn by much.

    `taken` and `left` are seconds: those that the lines read so far took, and those until no further one is begun.
    """
    few = min(LINES_WHEN_LATE, LINES_AT_ONCE)
    if left <= 0:
        return few
    if n_lines <= LINES_AT_ONCE or left == math.inf:
        return LINES_AT_ONCE
    if not n_read:
        return few
    return int(max(few, min(LINES_AT_ONCE, left * n_read / max(taken, 1e-6))))


def mean_score(lines: list[TextLine]) -> float:
    """Return the mean probability over all characters; 0 without any."""
    letters = [(len(word.text), line.score) for line in lines for word in line.words]
    return sum(n * score for n, score in letters) / max(1, sum(n for n, _ in letters))


def ink_mask(pixels: Pixels) -> Mask:
    """Return where there is ink: what stands out from the paper around it, darker or (on dark ground) lighter."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    side = max(15, min(grey.shape) // 20) | 1
    across, down = (max(1, round(length / 4)) for length in grey.shape[::-1])
    small = cv2.resize(grey, (across, down), interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(small, min(side // 4 | 1, 51))
    paper = cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    ink = (cv2.absdiff(grey, paper) > INK_CONTRAST).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] > SPECK
    large[0] = False  # the paper
    return np.asarray(large[labels])


def _line_boxes(quads: Quads, shape: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    boxes = []
    for quad in quads:
        x0, y0 = np.floor(quad.min(axis=0)).astype(int)
        x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
        boxes.append((max(0, int(x0)), max(0, int(y0)), min(shape[1], int(x1)), min(shape[0], int(y1))))
    boxes = [box for box in boxes if box[2] - box[0] > 2 and box[3] - box[1] > 2]
    if not boxes:
        return []
    usual = float(np.median([box[3] - box[1] for box in boxes]))
    return [
        box
        for box in boxes
        if not (box[3] - box[1] > SIDEWAYS * usual and box[3] - box[1] > SIDEWAYS * (box[2] - box[0]))
    ]


def _crop(pixels: Pixels, box: tuple[int, int, int, int]) -> Pixels:
    x0, y0, x1, y1 = box
    return np.ascontiguousarray(pixels[y0:y1, x0:x1])


def _text_line(
    text: str, scores: list[float], middles: list[float], box: tuple[int, int, int, int], ink: Mask
) -> TextLine:
    x0, y0, x1, y1 = box
    height = y1 - y0
    marks = _letters(ink[y0:y1, x0:x1])
    columns: Mask = np.any(marks, axis=0)
    width = x1 - x0
    pieces: list[tuple[int, int, int, int]] = []  # first and end character, first and end pixel column
    start, left = 0, 0
    at = [min(width - 1, max(0, round(middle * width))) for middle in middles]
    letters = [index for index, character in enumerate(text) if not character.isspace()]
    for before, after in zip(letters, letters[1:], strict=False):
        gap = _widest_gap(columns, at[before], at[after])
        spaced = after - before > 1
        size = gap[1] - gap[0]
        in_figure = text[before] in FIGURE and text[after] in FIGURE
        doubted = spaced and max(scores[before + 1 : after], default=0.0) < (
            SURE_IN_FIGURE if in_figure else SURE_SPACE
        )
        joined = doubted and size < (JOIN_GAP if in_figure else TIGHT_GAP) * height
        unspaced = size > COMMA_GAP * height and _ends_phrase(text, before)
        if (spaced and not joined) or unspaced or size > SPLIT_GAP * height:
            middle = (gap[0] + gap[1]) // 2 if size else (at[before] + at[after]) // 2
            pieces.append((start, before + 1, left, middle))
            start, left = after, middle
    pieces.append((start, letters[-1] + 1, left, width))
    words = []
    for first, end, low, high in pieces:
        inked = np.flatnonzero(columns[low:high])
        word_x0, word_x1 = (low + inked[0], low + inked[-1] + 1) if len(inked) else (low, high)
        word = "".join(text[first:end].split())
        if word:
            words.append(
                TextWord(word, float(x0 + word_x0), float(x0 + word_x1), min(scores[first:end], default=0.0))
            )
    top, bottom = _ink_rows(marks)
    line_y0, line_y1 = _around_baseline(text, y0 + top, y0 + bottom, height)
    return TextLine(tuple(words), line_y0, line_y1, sum(scores) / len(scores))


def _letters(part: Mask) -> Mask:
    """Return the marks of a line's letters: its ink, or what a dark ground leaves out where the type is light."""
    if part.mean() <= DARK_GROUND:
        return part
    light = ~part
    light[light.mean(axis=1) > PAPER_ROW] = False  # the paper above and below a dark band
    return light if light.any() else part


def _ends_phrase(text: str, at: int) -> bool:
    """Tell whether the character is a comma that parts words and not the digits of one figure: "31,2024"."""
    if text[at] != "," or at == 0:
        return False
    digits = re.match(r"\d*", text[at + 1 :])
    return not text[at - 1].isdigit() or (digits is not None and len(digits.group()) not in (1, 2, 3))


def _widest_gap(columns: Mask, left: int, right: int) -> tuple[int, int]:
    """Return start and end of the longest run of columns without ink between two characters."""
    best, start = (left, left), None
    for column in range(left, right + 1):
        if columns[column]:
            start = None
            continue
        start = column if start is None else start
        if column + 1 - start > best[1] - best[0]:
            best = (start, column + 1)
    return best


def _ink_rows(part: Mask) -> tuple[int, int]:
    """Return the first and end row of the letters: of the tall marks, for specks and commas say nothing of them."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(part.astype(np.uint8), connectivity=8)
    marks = stats[1:]
    tall = marks[marks[:, cv2.CC_STAT_HEIGHT] >= TALL * part.shape[0]]
    marks = tall if len(tall) else marks
    if len(marks) == 0:
        return 0, part.shape[0]
    tops = marks[:, cv2.CC_STAT_TOP]
    return int(tops.min()), int((tops + marks[:, cv2.CC_STAT_HEIGHT]).max())


def _around_baseline(text: str, top: float, bottom: float, height: float) -> tuple[float, float]:
    """Return top and bottom of a box one font size high around the baseline that the ink and the letters suggest."""
    below = BELOW if any(letter in DESCENDERS for letter in text) else 0.0
    above = X_HEIGHT if all(letter in SMALL_LETTERS or letter.isspace() for letter in text) else CAP_HEIGHT
    size = (bottom - top) / (above + below)
    if set(text) <= set("-–—=_.·:, "):  # a dash fills nothing: the detector's box says how high the line is
        size = height * 0.7
        middle = (top + bottom) / 2
        return middle - size / 2, middle + size / 2
    baseline = bottom - below * size
    return baseline - ASCENT * size, baseline + DESCENT * size
