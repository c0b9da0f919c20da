"""Where on a page is a text, a number or a date printed? All places, so that the right one can be chosen.

In: the page's words, and a value. Out: `Place`s: the words that print it, and whether letter by letter. A place never parts a word
or a grouped number: "234" is not found in "1 234 567", nor "12" in "2012".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from extractors.pages.rows import joined, measure, pieces, printed_rows
from extractors.statements.periods import find_dates
from extractors.vision.grounding import fold
from schemas.amount import decide_decimal_point, parse_amount
from schemas.box import Box, union
from schemas.page import PageContent, Word

MOST_NUMBER_WORDS = 4  # that one figure takes inside running text: a sign, groups, a currency
MOST_DATE_WORDS = 5
EDGES = ".,;:!?\"'“”‘’()[]"  # marks beside a figure in running text
SLASHED = re.compile(r"(?<![\d/-])(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d\d)(?![\d/-])")


@dataclass(frozen=True)
class Place:
    """Words that print a value."""

    words: tuple[int, ...]  # indices into the page's words
    box: Box
    text: str
    exact: bool = False  # letter by letter
    doubt: str | None = None


class PrintedPage:
    """The words of a page, ready to be searched."""

    def __init__(self, content: PageContent) -> None:
        self.words = [word for word in content.words if word.text.strip()]
        self._number = {id(word): i for i, word in enumerate(self.words)}
        self._rows = printed_rows(self.words)
        self._point = decide_decimal_point(word.text for word in self.words)

    def texts(self, value: str) -> list[Place]:
        """Return where a text is printed, over line ends too."""
        wanted = fold(value)
        if not wanted:
            return []
        found: dict[tuple[int, ...], Place] = {}
        for order, folded, starts in self._orders:
            at = folded.find(wanted)
            while at >= 0:
                end = at + len(wanted)
                if not _parts(folded, at, starts) and not _parts(folded, end, starts):
                    first, last = bisect_left(starts, at + 1) - 1, bisect_left(starts, end) - 1
                    run = tuple(order[first : last + 1])
                    found.setdefault(run, self._place(run, " ".join(value.split())))
                at = folded.find(wanted, at + 1)
        return sorted(found.values(), key=lambda place: (place.box.y0, place.box.x0))

    def numbers(self, value: Decimal) -> list[Place]:
        """Return where a figure of this value is printed."""
        return self._figures.get(value, [])

    def dates(self, value: date) -> list[Place]:
        """Return where a date is printed. One whose day and month cannot be told apart comes with a doubt."""
        return self._dates.get(value, [])

    def _place(self, run: Sequence[int], wanted: str = "", doubt: str | None = None) -> Place:
        words = [self.words[i] for i in run]
        text = joined(words)
        return Place(tuple(run), union(word.box for word in words), text, text == wanted, doubt)

    @cached_property
    def _orders(self) -> list[tuple[list[int], str, list[int]]]:
        """The words row by row, and in the text source's own order: word numbers, folded text, where each word starts."""
        by_row = [self._number[id(word)] for row in self._rows for word in row.words]
        out = []
        for order in (by_row, list(range(len(self.words)))):
            parts = [fold(self.words[i].text) for i in order]
            starts, at = [], 0
            for part in parts:
                starts.append(at)
                at += len(part)
            out.append((order, "".join(parts), starts))
        return out

    @cached_property
    def _figures(self) -> dict[Decimal, list[Place]]:
        found: dict[Decimal, list[Place]] = defaultdict(list)
        for run in self._figure_runs():
            words = [self.words[i] for i in run]
            text = joined(words)
            amount = parse_amount(text, self._point) or parse_amount(text.strip(EDGES), self._point)
            if amount is None or amount.value is None:
                continue
            values = {amount.value, amount.value / amount.magnitude}
            if amount.side:
                values |= {-value for value in values}
            for value in values:
                found[value].append(self._place(run, f"{value:f}", amount.doubt and "the printed figure is hard to read"))  # fmt: skip
        return found

    def _figure_runs(self) -> Iterator[list[int]]:
        """Yield the runs of words that print one figure, each the longest there."""
        blank = measure(self.words).blank
        for row in self._rows:
            for piece in pieces(row.words, blank):
                numbers = [self._number[id(word)] for word in piece.words]
                if not any(_has_digit(word) or word.text in "-–—" for word in piece.words):
                    continue
                if parse_amount(piece.text, self._point):
                    yield numbers
                    continue
                yield from self._inside(numbers)

    def _inside(self, numbers: list[int]) -> Iterator[list[int]]:
        """Yield the figures inside running text."""
        at = 0
        while at < len(numbers):
            for length in range(min(MOST_NUMBER_WORDS, len(numbers) - at), 0, -1):
                run = numbers[at : at + length]
                text = joined([self.words[i] for i in run])
                if any(map(str.isdigit, text)) and (
                    parse_amount(text, self._point) or parse_amount(text.strip(EDGES), self._point)
                ):
                    yield run
                    at += length
                    break
            else:
                at += 1

    @cached_property
    def _dates(self) -> dict[date, list[Place]]:
        found: dict[date, list[Place]] = defaultdict(list)
        for row in self._rows:
            numbers = [self._number[id(word)] for word in row.words]
            for at, first in enumerate(numbers):
                if not any(map(str.isalnum, self.words[first].text)):
                    continue
                for length in range(1, min(MOST_DATE_WORDS, len(numbers) - at) + 1):
                    run = numbers[at : at + length]
                    dates = self._dates_in(self._joined(run))
                    if dates and dates == self._dates_in(self._joined(run[1:])):
                        break  # it is printed without the first word
                    if dates:
                        doubt = "day and month cannot be told apart" if len(dates) > 1 else None
                        for day in dates:
                            found[day].append(self._place(run, day.isoformat(), doubt))
                        break
        return found

    def _joined(self, run: Sequence[int]) -> str:
        return " ".join(self.words[i].text for i in run)

    def _dates_in(self, text: str) -> set[date]:
        """Return the date that a text prints; two when day and month may be exchanged."""
        if not any(map(str.isdigit, text)):
            return set()
        slashed = SLASHED.search(text)
        if slashed:
            first, second, year = (int(part) for part in slashed.groups())
            year += 2000 if year < 100 else 0
            orders = [(first, second), (second, first)]
            if self._day_first is not None:
                orders = orders[:1] if self._day_first else orders[1:]
            return {day for d, m in orders if (day := _date(year, m, d))}
        for printed in find_dates(text):
            day = _date(printed.year or 0, printed.month or 0, printed.day or 0)
            if day and re.search(rf"(?<!\d)0?{day.day}(?!\d)", text):
                return {day}
        return set()

    @cached_property
    def _day_first(self) -> bool | None:
        """Which of two numbers is the day, where some date of the page shows it."""
        votes = set()
        for word in self.words:
            for first, second, _ in SLASHED.findall(word.text):
                if int(first) > 12 >= int(second):
                    votes.add(True)
                if int(second) > 12 >= int(first):
                    votes.add(False)
        return votes.pop() if len(votes) == 1 else None


def _parts(text: str, at: int, starts: Sequence[int]) -> bool:
    """Tell whether a cut at `at` would part a word or a number."""
    if at <= 0 or at >= len(text):
        return False
    where = bisect_left(starts, at)
    if where < len(starts) and starts[where] == at:
        return False
    return (
        text[at - 1].isalnum()
        and text[at].isalnum()
        or text[at - 1] in ".,"
        and text[at].isdigit()
        or (text[at] in ".," and text[at - 1].isdigit() and text[at + 1 : at + 2].isdigit())
    )


def _has_digit(word: Word) -> bool:
    return any(map(str.isdigit, word.text))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
