"""Which vectors are alike, and what kind of thing each is, judged by the labelled ones next to it.

In: embeddings, one row each (float32, pages × width, any length). Out: cosines after the mean of all rows is taken off: image
embeddings of one model all point much the same way, and only what is left tells pages apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5  # labelled examples that vote on a kind
FEWEST_CENTRED = 3  # rows: the mean of fewer says nothing about what they have in common

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a page was taken for, and the share of the votes for it, 0 to 1."""

    name: str
    share: float


def centred(vectors: Vectors) -> Vectors:
    """Return the rows without their mean, of length 1 (of length 0 where nothing is left)."""
    rows = np.asarray(vectors, np.float64)
    if len(rows) >= FEWEST_CENTRED:
        rows = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0), np.float32)


def nearest(rows: Vectors, to: int, most: int) -> list[tuple[int, float]]:
    """Return (row, cosine) of the `most` rows of `centred` that are most like row `to`, without it, the likest first."""
    cosines = rows @ rows[to]
    order = [int(i) for i in np.argsort(-cosines, kind="stable") if i != to]
    return [(i, float(cosines[i])) for i in order[:most]]


def classify(rows: Vectors, labels: Mapping[int, str], neighbours: int = NEIGHBOURS) -> list[Kind | None]:
    """Return the kind of every row of `centred` by vote of the labelled rows nearest to it.

    A vote weighs as much as the cosine, nothing below 0. A labelled row does not vote on itself, so that the kinds of the
    labelled rows tell how good the labels are. None where no labelled row is anything like it.
    """
    at = np.array(sorted(labels), np.int64)
    out: list[Kind | None] = []
    for i, row in enumerate(rows):
        others = at[at != i]
        cosines = rows[others] @ row
        votes: dict[str, float] = defaultdict(float)
        for j in np.argsort(-cosines, kind="stable")[:neighbours]:
            votes[labels[int(others[j])]] += max(0.0, float(cosines[j]))
        total = sum(votes.values())
        best = max(votes, key=lambda name: votes[name], default="")
        out.append(Kind(best, votes[best] / total) if total > 0 else None)
    return out
