"""Where have the spaces of a header been lost? Folded texts → the same with spaces between the words of dates and spans.

In: a text in lower case, as a text layer or OCR gives it ("threemonthsended june30,2018"). Out: the text with a space between words
that run together, and for each of its characters the place in the text that was given. Only words that headers of periods are made
of are told apart, and only where they fill a whole run of letters: any other text comes back as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from schemas.remember import remembered

LONGEST_RUN = 60  # letters; a longer run is no header
SHORTEST_RUN = 4  # letters; "asat" is the shortest that is looked into


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# words that make a run of letters a header's: of time, or of what columns are called
_TELLING = _words(
    """january february march april june july august september october november december
    month months week weeks year years quarter quarters ended ending period periods fiscal financial restated adjusted revised reported
    januar februar marz april juni juli oktober dezember monat monate monaten jahr jahre geschaftsjahr quartal halbjahr
    janvier fevrier mars avril juin juillet aout septembre octobre novembre decembre mois exercice clos
    enero febrero marzo abril junio julio agosto septiembre octubre noviembre diciembre meses ejercicio terminado terminados
    janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro exercicio findo findos
    januari februari maart augustus maanden boekjaar"""
)
# words that stand between them, and are none of a header's alone
_OTHER = _words(
    """for the at as of to from through until and on is may mai mei mayo note notes unaudited audited balance balances half full
    first second third fourth date inception previously current prior last this one two three four six seven eight nine ten eleven twelve thirteen
    jan feb mar apr jun jul aug sep sept oct nov dec fourteen fifteen eighteen twenty thirty forty fifty
    zum vom bis drei sechs neun zwolf au du le les trois douze de del al el los seis nueve doce
    nove doze em tot drie zes negen twaalf"""
)
_WORDS = _TELLING | _OTHER
_LONGEST_WORD = max(map(len, _WORDS))
_RUN = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Spaced:
    """A text with the spaces that it had lost. `places[i]` is where its character i stands in the text that was given."""

    text: str
    places: tuple[int, ...] | None  # None where nothing was added

    def origin(self, at: int) -> int:
        """Return the place in the given text of the character at `at`."""
        return at if self.places is None else self.places[at]


@remembered
def respaced(folded: str) -> Spaced:
    """Return a folded text with spaces between the words of dates and spans that run together, with each other or with digits."""
    cuts: set[int] = set()
    for run in _RUN.finditer(folded):
        start, end = run.span()
        words = split(run[0])
        if not words:
            continue
        at = start
        for word in words[:-1]:
            at += len(word)
            cuts.add(at)
        if start and folded[start - 1].isdigit():
            cuts.add(start)
        if end < len(folded) and folded[end].isdigit():
            cuts.add(end)
    if not cuts:
        return Spaced(folded, None)
    out: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(folded):
        if place in cuts:
            out.append(" ")
            places.append(place)
        out.append(letter)
        places.append(place)
    return Spaced("".join(out), tuple(places))


@lru_cache(8192)
def split(run: str) -> tuple[str, ...]:
    """Return the words that a run of letters is made of, the longest first; none where other letters are left over."""
    if run in _WORDS:
        return (run,)
    if not SHORTEST_RUN <= len(run) <= LONGEST_RUN:
        return ()
    ways: list[tuple[str, ...] | None] = [()] + [None] * len(run)  # how the first letters are made of words
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - _LONGEST_WORD), end):
            before = ways[start]
            if before is not None and run[start:end] in _WORDS:
                ways[end] = (*before, run[start:end])
                break
    words = ways[len(run)] or ()
    return words if any(word in _TELLING for word in words) or words == ("as", "at") else ()
