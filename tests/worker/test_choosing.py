from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from extractors.worker.choosing import Allowed, Chooser


@dataclass
class Masked:
    """An answer whose grammar allows a fixed set of tokens."""

    allowed: NDArray[np.bool_]
    temperature: float = 0.0
    random: np.random.Generator | None = None
    odds: bool = True

    @property
    def constraint(self) -> Masked:
        return self

    def mask(self, bits: NDArray[np.int32]) -> None:
        padded = np.zeros(bits.size * 32, np.uint8)
        padded[: len(self.allowed)] = self.allowed
        bits[:] = np.packbits(padded, bitorder="little").view(np.int32)


@given(
    n=st.integers(1, 200), share=st.sampled_from([0.01, 0.2, 0.5, 0.9, 1.0]), seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 3.0, 400.0]),
)  # fmt: skip
def test_the_likeliest_allowed_token_is_taken_however_many_are_allowed(
    n: int, share: float, seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal((1, n)) * scale).astype(np.float32)
    allowed = rng.random(n) < share
    allowed[rng.integers(n)] = True
    (choice,) = Chooser(1, n).choose(logits, [Masked(allowed)])
    exact = logits[0].astype(np.float64) - logits[0].max()
    odds = np.exp(exact)
    assert choice.token == int(np.where(allowed, logits[0], -np.inf).argmax())
    (quick,) = Chooser(1, n).choose(logits, [Masked(allowed, odds=False)])
    assert (quick.token, quick.logprob, quick.forbidden) == (choice.token, 0.0, 0.0)
    assert choice.forbidden == pytest.approx(odds[~allowed].sum() / odds.sum(), abs=1e-5)
    assert choice.logprob == pytest.approx(exact[choice.token] - np.log(odds.sum()), rel=1e-5, abs=1e-4)


@given(n=st.integers(1, 200), share=st.sampled_from([0.05, 0.5, 0.95]), seed=st.integers(0, 2**32 - 1))
def test_only_allowed_tokens_are_drawn(n: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((1, n)).astype(np.float32)
    allowed = rng.random(n) < share
    allowed[rng.integers(n)] = True
    for i in range(5):
        (choice,) = Chooser(1, n).choose(logits, [Masked(allowed, 1.5, np.random.default_rng(i))])
        assert allowed[choice.token]


@given(n=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_a_mask_is_read_whole(n: int, seed: int) -> None:
    allowed = np.random.default_rng(seed).random(n) < 0.5
    bits = np.zeros((n + 31) // 32, np.int32)
    Masked(allowed).mask(bits)
    read = Allowed.of(bits, n)
    named = np.zeros(n, np.bool_)
    named[read.tokens] = True
    assert np.array_equal(named, ~allowed if read.ruled_out else allowed)


def test_where_nothing_may_come_the_best_is_given_for_the_grammar_to_refuse() -> None:
    logits = np.array([[0.0, 2.0, 1.0]], np.float32)
    (choice,) = Chooser(1, 3).choose(logits, [Masked(np.zeros(3, np.bool_))])
    assert (choice.token, choice.forbidden) == (1, 1.0)
