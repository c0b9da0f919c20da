"""Which token comes next in each answer, and how sure the model was of it.

In: logits (rows × vocabulary) and, per answer, its grammar and temperature. Out: a `Choice` per row. The vocabulary is large
(151,936 tokens in Qwen models), so a mask is never spread over all of it: the grammar rules out either nearly everything or
nearly nothing, and only the smaller of the two sets is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from extractors.worker.constraint import Constraint
from extractors.worker.engine import Floats

WORD = 32  # tokens of one word of a mask


class Sampling(Protocol):
    """What the choice of a token needs to know of an answer."""

    @property
    def odds(self) -> bool:
        """Whether anybody wants to know how sure the model was; it costs a pass over the vocabulary."""

    @property
    def constraint(self) -> Constraint | None:
        """Its grammar state; None for free text."""

    @property
    def temperature(self) -> float:
        """0 for greedy."""

    @property
    def random(self) -> np.random.Generator | None:
        """Where it draws from when not greedy."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen token: its log-probability on the raw logits, and the probability that the schema ruled out.

    Both are 0 where nobody asked for odds.
    """

    token: int
    logprob: float
    forbidden: float


@dataclass(frozen=True, slots=True)
class Allowed:
    """The tokens that a grammar lets come, as the smaller set of those it allows and those it does not."""

    tokens: NDArray[np.int64]
    ruled_out: bool  # `tokens` are those that may not come

    @classmethod
    def of(cls, bits: NDArray[np.int32], n_vocab: int) -> Allowed:
        """Read a mask of one bit per token."""
        few = np.count_nonzero(bits) <= np.count_nonzero(~bits)
        words = bits if few else ~bits
        at = np.flatnonzero(words)
        spread = np.unpackbits(words[at].view(np.uint8), bitorder="little").reshape(len(at), WORD)
        row, column = np.nonzero(spread)
        tokens = at[row] * WORD + column
        return cls(tokens[: np.searchsorted(tokens, n_vocab)], not few)

    def forbidden(self, odds: Floats, total: float) -> float:
        """Return the share of `odds`, whose sum is `total`, that may not come."""
        share = float(odds[self.tokens].sum(dtype=np.float64)) / total
        return min(1.0, max(0.0, share if self.ruled_out else 1.0 - share))

    def best(self, row: Floats, odds: Floats | None, best: int) -> int:
        """Return the likeliest token that may come, when `best` is the likeliest of all. May write to `odds`."""
        at = int(np.searchsorted(self.tokens, best))
        named = at < len(self.tokens) and int(self.tokens[at]) == best
        if named != self.ruled_out:
            return best
        if (
            not self.ruled_out
        ):  # without any that may come the grammar will refuse `best`, and end its own answer only
            return int(self.tokens[row[self.tokens].argmax()]) if len(self.tokens) else best
        if odds is not None:
            odds[self.tokens] = 0.0
            token = int(odds.argmax())
            if odds[token] > 0.0:
                return token
        possible = row.copy()  # without odds, or where all that may come is too unlikely for single precision
        possible[self.tokens] = -np.inf
        return int(possible.argmax())

    def only(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights with 0 for what may not come."""
        if self.ruled_out:
            weights[self.tokens] = 0.0
            return weights
        kept = np.zeros_like(weights)
        kept[self.tokens] = weights[self.tokens]
        return kept


class Chooser:
    """Picks one token per row. Holds the scratch rows that every step reuses."""

    def __init__(self, rows: int, n_vocab: int) -> None:
        self._odds = np.empty(n_vocab, np.float32)
        self._bits = np.zeros((n_vocab + WORD - 1) // WORD, np.int32)
        self._n_vocab = n_vocab

    def choose(self, logits: Floats, answers: Sequence[Sampling]) -> list[Choice]:
        """Return a choice per row of `logits` (rows × vocabulary), greedy where the temperature is 0."""
        return [self._choose(row, answer) for row, answer in zip(logits, answers, strict=True)]

    def _choose(self, row: Floats, answer: Sampling) -> Choice:
        """Choose from one row; row by row, so that its 600 kB stay in the processor's cache."""
        token = best = int(row.argmax())
        if not answer.odds and answer.temperature == 0:
            if answer.constraint is not None:
                answer.constraint.mask(self._bits)
                token = Allowed.of(self._bits, self._n_vocab).best(row, None, best)
            return Choice(token, 0.0, 0.0)
        top = float(row[best])
        odds = self._odds
        np.subtract(row, row[best], out=odds)
        np.exp(odds, out=odds)
        total = float(odds.sum())
        forbidden, allowed = 0.0, None
        if answer.constraint is not None:
            answer.constraint.mask(self._bits)
            allowed = Allowed.of(self._bits, self._n_vocab)
            forbidden = allowed.forbidden(odds, total)
            token = allowed.best(row, odds, best)
        if answer.temperature > 0 and answer.random is not None:
            weights = np.exp((row - top).astype(np.float64) / answer.temperature)
            if allowed is not None:
                weights = allowed.only(weights)
            reach = np.cumsum(weights)
            if reach[-1] > 0:
                drawn = np.searchsorted(reach, answer.random.random() * reach[-1], "right")
                token = min(int(drawn), self._n_vocab - 1)
        logprob = float(row[token]) - top - float(np.log(total))
        return Choice(token, min(0.0, logprob), forbidden)
