from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from extractors.likeness import Kind, centred, classify, nearest

COMMON = np.array([10.0, 10.0, 10.0])  # what all embeddings of a model have in common
ROWS = centred(
    COMMON + np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0.1, 0.9, 0], [0, 0, 1], [0, 0.1, 0.9]])
)


def test_what_all_have_in_common_does_not_count() -> None:
    raw = COMMON + np.array([1, 0, 0]), COMMON + np.array([0, 1, 0])
    assert raw[0] @ raw[1] / np.linalg.norm(raw[0]) / np.linalg.norm(raw[1]) > 0.99
    assert ROWS[0] @ ROWS[1] > 0.9
    assert ROWS[0] @ ROWS[2] < 0


def test_the_likest_come_first_and_never_itself() -> None:
    order = [i for i, _ in nearest(ROWS, 2, 3)]
    assert order[0] == 3
    assert 2 not in order and len(order) == 3


def test_neighbours_vote_and_no_page_votes_on_itself() -> None:
    kinds = classify(ROWS, {0: "balance sheet", 1: "balance sheet", 2: "letter", 3: "letter"}, neighbours=1)
    assert kinds[:4] == [Kind("balance sheet", 1.0)] * 2 + [Kind("letter", 1.0)] * 2
    wrong = classify(ROWS, {0: "letter", 1: "balance sheet", 2: "letter", 3: "letter"}, neighbours=1)
    assert wrong[0] == Kind("balance sheet", 1.0)  # by its neighbour, whatever its own label says


def test_a_page_like_no_example_has_no_kind() -> None:
    assert classify(ROWS, {0: "a"})[0] is None  # nothing but itself
    assert classify(ROWS, {0: "a", 1: "a"})[2] is None  # it points the other way


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=st.floats(-9, 9, width=32)
    )
)
def test_rows_have_length_one_or_are_nothing(vectors: np.ndarray) -> None:
    rows = centred(vectors)
    lengths = np.linalg.norm(rows, axis=1)
    assert rows.shape == vectors.shape
    assert np.all(np.isclose(lengths, 1.0, atol=1e-5) | (lengths == 0))
