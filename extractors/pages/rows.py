"""Which words stand on one printed line, and which of them belong together in one piece.

In: the words of a page. Out: `PrintedRow`s from top to bottom, each with its words from left to right, and `Piece`s:
runs of words that a reader takes in as one ("$ 1,234", "(56)", "Net sales"). Lengths are in units of the line height
(the height of a row's tallest usual word) or of the width of a blank, so that nothing depends on the type size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from schemas.box import Box, union
from schemas.page import Rule, Word
from schemas.remember import remembered

SAME_LINE = (
    0.4  # of the line height; centres closer than this stand on one line (superscripts stay with their line)
)
BLANK = (
    0.27  # of the line height: the usual width of a blank in proportional type, where none can be measured
)
WIDEST_BLANK = (
    0.7  # of the line height: above it a gap is never just a blank (the blank of a typewriter is 0.6)
)
MIN_BLANKS = 3  # gaps between words from which the width of a blank is measured
PIECE_GAP = 2.0  # blanks; words farther apart than this stand in different pieces
LEAST = 0.1  # points; type lower than this is not there to be read
TOUCHING = 0.5  # blanks; a minus sign that stands this close belongs to its number
NUMBER_GAP = 1.45  # blanks; two numbers side by side are two values unless they stand this close
CURRENCY_REACH = 14.0  # line heights; how far left of its number an aligned currency sign may stand
CLOSING_REACH = 1.3  # line heights; how far right of its number a closing bracket or a percent sign may stand

SIDEWAYS = 1.5  # times as tall as wide: a line of text that is printed sideways

CURRENCY = re.compile(r"(?:US|C|A|HK|NZ|R)?[$£€¥₹]|(?:USD|EUR|GBP|CHF|RMB)")
OPENING = re.compile(r"(?:[$£€¥₹]\s?)?[(\[]")
CLOSING = re.compile(r"[)\]]?%?[)\]]?")
MARKS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱ")  # raised, as the text layer gives footnote marks
_MARK = f"[{''.join(sorted(MARKS))}]"
TYPED_RULE = re.compile(r"[-–—_=─━═]{4,}")
DIGITS = re.compile(
    r"[(\[+\-–—−‐±~≈<>≤≥]*(?:[$£€¥₹]|US\$)?[(\[+\-–—−‐±]*"
    r"(?:\d(?:[\d.,'’٬٫·/:]*\d)?|[.,]\d+)"
    r"(?:[–—−-](?:\d[\d.,]*|[.,]\d+))?"
    r"\s?(?:[%‰xX×]|pp|bps|[kKmMbB]n?)?[)\]%]*[*†‡§¶#^]*(?:\([a-z0-9]{1,2}\))*"
    rf"(?:{_MARK}|,(?={_MARK}))*"
)
NIL = re.compile(r"[(\[$£€]*(?:[-–—−‐]{1,3}|N/?A|n/?a|n/?m|NM|[.…]{2,3}|[*†‡§#xX]|nil|Nil|NIL)[)\]%]*")
GROUP_BLANK = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
SIGN_BLANK = re.compile(r" (?=\D)|(?<=\D) ")
MINUS = re.compile(r"[-–—−‐]")
GROUP = re.compile(r"\d{3}(?:[.,]\d+)?[)\]%*]*")
LEADING_GROUP = re.compile(r"[(\[+\-–—−$£€]*\d{1,3}(?:\s\d{3})*")


@dataclass(frozen=True, slots=True)
class Measure:
    """The type of a page or a table: what its lengths are measured in."""

    height: float  # points: the usual height of a word
    blank: float  # of the height of the words beside it: the usual width of a blank

    @property
    def blank_points(self) -> float:
        """The width of a blank in type of the usual height, points."""
        return self.blank * self.height


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """The words of one printed line over the whole width they were looked for in, from left to right."""

    words: tuple[Word, ...]
    box: Box

    @property
    def middle(self) -> float:
        """Height of the middle of the line on the page, points."""
        return (self.box.y0 + self.box.y1) / 2


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one row that belong together."""

    words: tuple[Word, ...]
    box: Box

    @property
    def text(self) -> str:
        """The words joined by blanks."""
        return joined(self.words)

    @property
    def numeric(self) -> bool:
        """True when the piece is a value: a number, a dash or another sign for "nothing"."""
        return is_value(self.text)


@remembered
def is_value(text: str) -> bool:
    """Tell whether `text` is a printed value: digits with their signs, or a sign that stands for no value."""
    tight = _tight(text)
    return bool(DIGITS.fullmatch(tight) or NIL.fullmatch(tight))


@remembered
def has_digits(text: str) -> bool:
    """Tell whether `text` is a printed number (and not a dash that stands for one)."""
    return bool(DIGITS.fullmatch(_tight(text)))


def _tight(text: str) -> str:
    """The text without the blanks inside one number: between groups of three digits, and beside signs."""
    return SIGN_BLANK.sub("", GROUP_BLANK.sub("", text)) if " " in text else text


def is_mark(text: str) -> bool:
    """Tell whether `text` is nothing but a raised footnote mark."""
    return text[0] in MARKS and all(letter in MARKS for letter in text)


def joined(words: Iterable[Word]) -> str:
    """Return the words as one text: blanks between them, none before a raised mark."""
    text = ""
    for word in words:
        text += word.text if not text or word.text[0] in MARKS and is_mark(word.text) else f" {word.text}"
    return text


def is_typed_rule(word: Word) -> bool:
    """Tell whether a word is a line drawn with a typewriter: dashes, underscores or equal signs."""
    return bool(TYPED_RULE.fullmatch(word.text))


@remembered
def _closes(text: str) -> bool:
    """Tell whether a word is a closing bracket or a percent sign that stands apart, or a raised mark."""
    return is_mark(text) or bool(CLOSING.fullmatch(text))


@remembered
def _opens(text: str) -> bool:
    """Tell whether a text is an opening bracket, perhaps behind a currency sign."""
    return bool(OPENING.fullmatch(text))


def typed_rule(word: Word) -> Rule:
    """Return the rule that such a word draws; underscores run along its foot, dashes through its middle."""
    y = word.box.y1 if "_" in word.text else word.box.center[1]
    return Rule(word.box.x0, y, word.box.x1, y)


def line_height(words: Sequence[Word]) -> float:
    """Return the usual height of a word in points; 10 where there is none."""
    return max(LEAST, median(word.box.height for word in words)) if words else 10.0


def level_words(words: Sequence[Word]) -> list[Word]:
    """Return the words that read from left to right, without those of lines that run up or down the page."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    upright = set()
    for number, line in lines.items():
        box = union(word.box for word in line)
        letters = sum(len(word.text) for word in line)
        if letters < 3 or box.height <= SIDEWAYS * box.width:
            upright.add(number)
    return [word for word in words if word.line in upright]


def printed_rows(words: Iterable[Word]) -> list[PrintedRow]:
    """Put words whose middles are level on one row; rows from top to bottom, words from left to right."""
    rows: list[list[Word]] = []
    middles: list[float] = []  # of each row, weighted by letters, so that a stray mark does not move it
    letters: list[int] = []
    heights: list[float] = []  # of each row's first word
    for word in sorted(words, key=_downwards):
        _, y0, _, y1 = word.box
        middle, height, length = (y0 + y1) / 2, y1 - y0, len(word.text)
        best, least = len(rows), math.inf
        for number in range(max(0, len(rows) - 3), len(rows)):
            distance = abs(middle - middles[number])
            if distance < least and distance < SAME_LINE * max(height, heights[number]):
                best, least = number, distance
        if best == len(rows):
            rows.append([])
            middles.append(0.0)
            letters.append(0)
            heights.append(height)
        rows[best].append(word)
        letters[best] += length
        middles[best] += (middle - middles[best]) * length / letters[best]
    ordered = [tuple(sorted(row, key=_left)) for row in rows]
    result = [PrintedRow(row, _around(row)) for row in ordered]
    return sorted(result, key=lambda row: row.middle)


def _downwards(word: Word) -> tuple[float, float]:
    x0, y0, _, y1 = word.box
    return y0 + y1, x0


def _left(word: Word) -> float:
    return word.box[0]


def _around(words: Sequence[Word]) -> Box:
    return words[0].box if len(words) == 1 else union([word.box for word in words])


def measure(words: Sequence[Word], rows: Sequence[PrintedRow] | None = None) -> Measure:
    """Return the usual height of `words` and the usual width of the blanks between them; `rows` are theirs if known."""
    gaps = []
    for row in printed_rows(words) if rows is None else rows:
        for left, right in zip(row.words, row.words[1:], strict=False):
            gap = right.box.x0 - left.box.x1
            height = max(left.box.height, right.box.height)
            if 0 < gap <= WIDEST_BLANK * height:
                gaps.append(gap / height)
    return Measure(line_height(words), median(gaps) if len(gaps) >= MIN_BLANKS else BLANK)


def glued(words: Sequence[Word]) -> list[list[Word]]:
    """Join currency signs, brackets and percent signs that stand apart with the number they belong to."""
    groups: list[list[Word]] = []
    for word in words:
        if groups and (_closes(word.text) or is_value(word.text) or _opens(word.text)):
            last = groups[-1]
            height = max(word.box.height, last[-1].box.height)
            gap = word.box.x0 - last[-1].box.x1
            before = "".join([part.text for part in last])
            near = gap <= CLOSING_REACH * height
            if near and (is_mark(word.text) or (_closes(word.text) and is_value(before))):
                last.append(word)
                continue
            opens = CURRENCY.fullmatch(before) or _opens(before)
            if opens and gap <= CURRENCY_REACH * height and (is_value(word.text) or _opens(word.text)):
                last.append(word)
                continue
        groups.append([word])
    return groups


def pieces(words: Sequence[Word], blank: float) -> list[Piece]:
    """Cut a row's words into pieces at gaps wider than a few blanks, and between values that stand side by side.

    `blank` is the width of a blank as a share of the height of the words beside it.
    """
    result: list[list[Word]] = []
    for group in glued(words):
        if result and _belongs(result[-1], group, blank):
            result[-1].extend(group)
        else:
            result.append(list(group))
    return [Piece(tuple(group), _around(group)) for group in result]


def _belongs(left: Sequence[Word], right: Sequence[Word], blank: float) -> bool:
    height = max(left[-1].box.height, right[0].box.height, LEAST)
    gap = (right[0].box.x0 - left[-1].box.x1) / height
    if gap > PIECE_GAP * blank:
        return False
    after = joined(right)
    if not is_value(after):
        return True
    before = joined(left)
    if MINUS.fullmatch(before) and gap <= TOUCHING * blank:
        return True
    if is_value(before):
        grouped = GROUP.fullmatch(after) and LEADING_GROUP.fullmatch(before)
        return bool(grouped) and gap <= NUMBER_GAP * blank
    return True
