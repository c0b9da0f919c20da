from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractors.worker.repetition import LONGEST_CYCLE, ROUNDS, SHORTEST_RUN, is_looping


@given(
    st.lists(st.integers(0, 400), max_size=50),
    st.lists(st.integers(0, 400), min_size=1, max_size=LONGEST_CYCLE),
)
def test_a_cycle_is_found_whatever_came_before(before: list[int], cycle: list[int]) -> None:
    rounds = max(ROUNDS, -(-SHORTEST_RUN // len(cycle)))
    assert is_looping(before + cycle * rounds)


@given(st.integers(1, 100), st.integers(3, 40))
def test_rows_that_differ_are_no_cycle(n_rows: int, width: int) -> None:
    tokens: list[int] = []
    for row in range(n_rows):
        tokens += [1000 + row, *range(width)]  # the same cells over and over under labels of their own
    assert not is_looping(tokens)


def test_a_short_run_is_no_loop() -> None:
    assert not is_looping([7] * (SHORTEST_RUN - 1))
    assert is_looping([7] * SHORTEST_RUN)
    assert not is_looping([])


def test_a_cycle_that_has_ended_is_no_loop() -> None:
    assert not is_looping([1, 2, 3] * 100 + [9])
