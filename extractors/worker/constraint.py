"""Which tokens may come next so that the answer fits its JSON schema, and which of them is taken.

In: logits of one decode step (rows × vocabulary) and one grammar state per row. Out: one `Choice` per row. The best token
is tried first and a mask over the vocabulary is applied only where the grammar forbids it, so that constrained decoding
costs about as much as free decoding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import llguidance
import llguidance.llamacpp
import numpy as np
from numpy.typing import NDArray

from extractors.errors import UsageError
from extractors.worker.asked import tightened
from extractors.worker.engine import Floats, LanguageModel, Tokens

COMPACT = {
    "whitespace_flexible": False,
    "item_separator": ",",
    "key_separator": ":",
}  # no tokens spent on white space
GRAMMARS_KEPT = 64  # compiled schemas


class Constraint:
    """The state of one answer inside its grammar. Raises UsageError when the schema cannot be honoured."""

    def __init__(self, tokenizer: llguidance.LLTokenizer, grammar: str) -> None:
        self._matcher = llguidance.LLMatcher(tokenizer, grammar)
        if self._matcher.is_error():
            reason = self._matcher.get_error().strip().splitlines()[0]
            raise UsageError(
                f"The JSON schema cannot be used to constrain the answer: {reason}. Simplify it."
            )

    def mask(self, bits: NDArray[np.int32]) -> None:
        """Write the allowed tokens into `bits`, one bit per token."""
        self._matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)

    def take(self, token: int) -> Tokens:
        """Go on by a token; return the tokens that can only follow now and were taken too."""
        if not self._matcher.consume_token(token):
            raise UsageError(f"The grammar refused a token it had allowed: {self._matcher.get_error()}")
        forced: Tokens = self._matcher.compute_ff_tokens()
        return forced[: self._matcher.try_consume_tokens(forced)] if forced else []

    @property
    def done(self) -> bool:
        """True when nothing can follow: the answer is complete."""
        return bool(self._matcher.is_stopped())

    @property
    def complete(self) -> bool:
        """True when the answer would be valid if it ended here."""
        return bool(self._matcher.is_accepting())


class Grammars:
    """Compiles JSON schemas for one model's vocabulary."""

    def __init__(self, model: LanguageModel) -> None:
        self._tokenizer = llguidance.llamacpp.lltokenizer_from_vocab(
            model.vocab, eos_token=model.end_tokens()
        )
        self._compiled = lru_cache(GRAMMARS_KEPT)(self._compile)

    @staticmethod
    def _compile(schema: str) -> str:
        return str(llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=COMPACT))

    def constraint(self, schema: dict[str, Any]) -> Constraint:
        """Return a fresh constraint for a schema. Raises UsageError when the schema cannot be honoured."""
        text = json.dumps(tightened(schema))
        try:
            return Constraint(self._tokenizer, self._compiled(text))
        except ValueError as error:
            raise UsageError(f"The JSON schema cannot be used to constrain the answer: {error}") from error


class Sampling(Protocol):
    """What the choice of a token needs to know of an answer."""

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
    """A chosen token: its log-probability on the raw logits, and the probability that the schema ruled out."""

    token: int
    logprob: float
    forbidden: float


class Chooser:
    """Picks one token per row. Holds the scratch rows that every step reuses."""

    def __init__(self, rows: int, n_vocab: int) -> None:
        self._scratch = np.empty((rows, n_vocab), np.float32)
        self._bits = np.zeros((rows, (n_vocab + 31) // 32), np.int32)
        self._n_vocab = n_vocab

    def choose(self, logits: Floats, answers: Sequence[Sampling]) -> list[Choice]:
        """Return a choice per row of `logits` (rows × vocabulary), greedy where the temperature is 0."""
        n = len(answers)
        best = logits.argmax(axis=1)
        top = logits[np.arange(n), best]
        odds = self._scratch[:n]
        np.subtract(logits, top[:, None], out=odds)
        np.exp(odds, out=odds)
        total = odds.sum(axis=1)
        return [
            self._choose(
                logits[i], odds[i], int(best[i]), float(top[i]), float(total[i]), self._bits[i], answer
            )
            for i, answer in enumerate(answers)
        ]

    def _choose(
        self,
        row: Floats,
        odds: Floats,
        best: int,
        top: float,
        total: float,
        bits: NDArray[np.int32],
        answer: Sampling,
    ) -> Choice:
        token, forbidden = best, 0.0
        allowed: NDArray[np.float32] | None = None
        if answer.constraint is not None:
            answer.constraint.mask(bits)
            unpacked = np.unpackbits(bits.view(np.uint8), bitorder="little")[: self._n_vocab]
            allowed = unpacked.astype(np.float32)
            forbidden = min(1.0, max(0.0, 1.0 - float(odds @ allowed) / total))
            if not unpacked[best]:
                possible = odds * allowed
                token = int(possible.argmax())
                if possible[token] == 0.0:  # all that may come is too unlikely for single precision
                    token = int(np.where(unpacked, row, -np.inf).argmax())
        if answer.temperature > 0 and answer.random is not None:
            weights = np.exp((row - top).astype(np.float64) / answer.temperature)
            if allowed is not None:
                weights *= allowed
            reach = np.cumsum(weights)
            if reach[-1] > 0:
                token = min(
                    int(np.searchsorted(reach, answer.random.random() * reach[-1], "right")),
                    self._n_vocab - 1,
                )
        logprob = float(row[token]) - top - float(np.log(total))
        return Choice(token, min(0.0, logprob), forbidden)
