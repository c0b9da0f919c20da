"""Is an answer going round in circles? Looked for in its last tokens, so that a runaway is stopped early.

Repetition penalties are no remedy: they damage tables, whose cells repeat by right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LONGEST_CYCLE = 256  # tokens: a long table row
ROUNDS = 4  # a cycle must come this often in a row
SHORTEST_RUN = 96  # tokens: below it a run of blank cells or of dashes is no loop
CHECK_EVERY = 16  # tokens between two looks


def is_looping(tokens: Sequence[int]) -> bool:
    """Tell whether the last tokens are one cycle of up to LONGEST_CYCLE tokens, ROUNDS times over."""
    if len(tokens) < SHORTEST_RUN:
        return False
    tail = np.asarray(tokens[-ROUNDS * LONGEST_CYCLE :])
    n = len(tail)
    for period in (np.flatnonzero(tail[-2::-1] == tail[-1]) + 1)[:LONGEST_CYCLE]:
        run = max(ROUNDS * int(period), SHORTEST_RUN)
        if run > n or period > LONGEST_CYCLE:
            continue
        last = tail[n - run :]
        if np.array_equal(last[period:], last[:-period]):
            return True
    return False
