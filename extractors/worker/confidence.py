"""Tell how sure the model was of each value of a JSON answer.

In: the answer's text and its tokens with log-probabilities. Out: for every string, number, true, false and null its path in the
document and the lowest and mean log-probability of the tokens that wrote it, and the most that the schema ruled out there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

Path = tuple[str | int, ...]
_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class TokenOdds:
    """A token of an answer: its bytes, its log-probability, and the probability that the schema ruled out."""

    data: bytes
    logprob: float
    forbidden: float = 0.0


@dataclass(frozen=True, slots=True)
class ValueOdds:
    """Of one value: natural logarithms of probabilities, and a probability."""

    lowest: float
    mean: float
    forbidden: float


def value_odds(text: str, tokens: Sequence[TokenOdds]) -> dict[Path, ValueOdds]:
    """Return the odds of every value in a complete JSON `text`. Empty when tokens and text do not fit each other."""
    if b"".join(token.data for token in tokens) != text.encode():
        return {}
    ends = list(accumulate(len(token.data) for token in tokens))
    at = [0, *accumulate(len(letter.encode()) for letter in text)]  # letter -> byte
    out: dict[Path, ValueOdds] = {}
    first = 0
    for path, start, stop in value_spans(text):
        while ends[first] <= at[start]:
            first += 1
        last = first
        while ends[last] < at[stop]:
            last += 1
        part = tokens[first : last + 1]
        logprobs = [token.logprob for token in part]
        out[path] = ValueOdds(
            min(logprobs), sum(logprobs) / len(part), max(token.forbidden for token in part)
        )
    return out


def value_spans(text: str) -> Iterator[tuple[Path, int, int]]:
    """Yield (path, start, end) of every scalar of a JSON text, in order; quotes included. Raises ValueError if invalid."""
    yield from _spans(text, _skip(text, 0), ())[1]


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _spans(text: str, at: int, path: Path) -> tuple[int, list[tuple[Path, int, int]]]:
    """Return where the value at `at` ends, and the spans in it."""
    opening = text[at : at + 1]
    if opening not in ("{", "["):
        end = scanstring(text, at + 1)[1] if opening == '"' else _SCALAR.raw_decode(text, at)[1]
        return end, [(path, at, end)]
    out: list[tuple[Path, int, int]] = []
    closing = "}" if opening == "{" else "]"
    at, number = _skip(text, at + 1), 0
    while text[at : at + 1] != closing:
        key: Any = number
        if opening == "{":
            key, at = scanstring(text, at + 1)
            at = _skip(text, _skip(text, at) + 1)  # the colon
        at, inner = _spans(text, at, (*path, key))
        out.extend(inner)
        at, number = _skip(text, at), number + 1
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise ValueError(f"Expected , or {closing} at letter {at}.")
    return at + 1, out
