"""Which rows the next decode call takes from the answers that are going on.

In: the active answers and how many rows there is room for. Out: image rows or tokens of many answers in one batch, with their
sequences and positions; and, once they are in the cache, the answers moved on behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extractors.worker.answer import Answer
from extractors.worker.engine import Floats, Tokens


@dataclass(frozen=True, slots=True)
class ImageRows:
    """Image rows of one decode call."""

    rows: Floats  # rows × input width
    sequences: NDArray[np.int32]
    positions: NDArray[np.int32]  # 4 × rows
    owners: list[tuple[Answer, int]]  # whose, and how many


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Tokens of one decode call."""

    tokens: Tokens
    sequences: NDArray[np.int32]
    positions: NDArray[np.int32]
    wanted: NDArray[np.bool_]  # whose logits choose the next token
    parts: list[tuple[Answer, int, bool]]  # whose, how many, and whether a token is to be chosen behind them


def next_images(active: Sequence[Answer], room: int) -> ImageRows | None:
    """Return at most `room` image rows of the answers whose prompt goes on with an image; None when there are none."""
    rows: list[Floats] = []
    positions: list[NDArray[np.int32]] = []
    owners: list[tuple[Answer, int]] = []
    for answer in active:
        if not answer.todo or isinstance(answer.todo[0], list) or room == 0:
            continue
        image, embedded = answer.image_now()
        n = min(room, len(embedded) - answer.offset)
        part = slice(answer.offset, answer.offset + n)
        rows.append(embedded[part])
        positions.append(image.positions(answer.position)[:, part])
        owners.append((answer, n))
        room -= n
    if not owners:
        return None
    sequences = np.concatenate([np.full(n, answer.sequence, np.int32) for answer, n in owners])
    together = rows[0] if len(rows) == 1 else np.concatenate(rows)
    return ImageRows(together, sequences, np.concatenate(positions, axis=1), owners)


def images_fed(fed: ImageRows) -> Iterator[Answer]:
    """Move the owners on behind their rows; yield those whose images are all in the cache now."""
    for answer, n in fed.owners:
        answer.offset += n
        image, embedded = answer.image_now()
        if answer.offset == len(embedded):
            answer.position += image.n_positions
            answer.offset = 0
            answer.todo.popleft()
            if not any(isinstance(s, tuple) for s in answer.todo):
                yield answer


def next_tokens(active: Sequence[Answer], room: int) -> TokenRows | None:
    """Return the chosen tokens of every answer, and prompt text as far as `room` rows reach; None when there is nothing."""
    parts: list[tuple[Answer, Tokens, bool]] = []
    for answer in active:
        if not answer.todo:
            parts.append((answer, answer.pending, True))
            room -= len(answer.pending)
    for answer in active:
        if room > 0 and answer.todo and isinstance(answer.todo[0], list):
            segment = answer.todo[0]
            part = segment[answer.offset : answer.offset + room]
            whole = answer.offset + len(part) == len(segment)
            parts.append((answer, part, whole and len(answer.todo) == 1))
            room -= len(part)
    if not parts:
        return None
    tokens: Tokens = []  # lists: most steps feed a few tokens, for which numpy's calls cost more than they save
    sequences: list[int] = []
    positions: list[int] = []
    wanted: list[bool] = []
    for answer, part, last in parts:
        n = len(part)
        tokens += part
        sequences += [answer.sequence] * n
        positions += range(answer.position, answer.position + n)
        wanted += [False] * (n - 1)
        wanted.append(last)
    return TokenRows(
        tokens,
        np.array(sequences, np.int32),
        np.array(positions, np.int32),
        np.array(wanted, np.bool_),
        [(answer, len(part), last) for answer, part, last in parts],
    )


def tokens_fed(fed: TokenRows) -> tuple[list[Answer], int]:
    """Move the owners on behind their tokens; return those to choose a token for, and how many prompt tokens were fed."""
    of_prompts = 0
    for answer, n, _ in fed.parts:
        answer.position += n
        if not answer.todo:
            answer.pending = []
            continue
        of_prompts += n
        answer.offset += n
        if answer.offset == len(answer.todo[0]):
            answer.todo.popleft()
            answer.offset = 0
    return [answer for answer, _, last in fed.parts if last], of_prompts
