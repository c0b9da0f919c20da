"""The rows of one decode call, in arrays that every call reuses.

In: sequence, position and token or embedding of each row. Out: a `llama_batch` that points into the arrays.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray


class Batch:
    """Reusable arrays behind one `llama_batch` of at most `rows` rows."""

    def __init__(self, rows: int) -> None:
        self._tokens = np.zeros(rows, np.int32)
        self._sequences = np.zeros(rows, np.int32)
        self._one = np.ones(rows, np.int32)
        self._wanted = np.zeros(rows, np.int8)
        step = self._sequences.itemsize
        self._pointers = (self._sequences.ctypes.data + step * np.arange(rows, dtype=np.uint64)).astype(
            np.uint64
        )

    def of_tokens(
        self,
        tokens: Sequence[int],
        sequences: NDArray[np.int32],
        positions: NDArray[np.int32],
        wanted: NDArray[np.bool_],
    ) -> llama.llama_batch:
        """Return a batch of text: one position per row; logits are computed where `wanted`."""
        self._tokens[: len(tokens)] = tokens
        batch = self._of(sequences, positions, wanted)
        batch.token = self._tokens.ctypes.data_as(ctypes.POINTER(llama.llama_token))
        return batch

    def of_rows(
        self, rows: NDArray[np.float32], sequences: NDArray[np.int32], positions: NDArray[np.int32]
    ) -> llama.llama_batch:
        """Return a batch of image rows, rows × input width; positions 4 × rows. The arrays must outlive the call."""
        batch = self._of(sequences, positions, np.zeros(len(rows), np.bool_))
        batch.embd = rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        return batch

    def _of(
        self, sequences: NDArray[np.int32], positions: NDArray[np.int32], wanted: NDArray[np.bool_]
    ) -> llama.llama_batch:
        n = len(sequences)
        self._sequences[:n] = sequences
        self._wanted[:n] = wanted
        batch = llama.llama_batch()
        batch.n_tokens = n
        batch.pos = positions.ctypes.data_as(ctypes.POINTER(llama.llama_pos))
        batch.n_seq_id = self._one.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.seq_id = self._pointers.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(llama.llama_seq_id)))
        batch.logits = self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        return batch
