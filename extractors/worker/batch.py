"""The rows of one decode call, in memory that every call reuses.

In: sequence, position and token or embedding of each row. Out: a `llama_batch` that points into arrays, or for wide image rows a
`llama_batch_ext`, into which llama.cpp copies each row once: a `llama_batch` it would copy again and again, growing as it goes.
For 1,024 rows of 16,384 floats (Qwen3-VL-8B) that saves 80 ms per call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from extractors.errors import EngineError

WIDE = 2048  # floats of a row; below it the copies cost less than a Python call per row


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


class RowBatch:
    """A kept `llama_batch_ext` of image rows of one context. Close it before the context."""

    def __init__(self, context: llama.llama_context_p, width: int) -> None:
        self._batch = llama.llama_batch_ext_init(context)
        self._width = width

    def close(self) -> None:
        """Free the batch."""
        llama.llama_batch_ext_free(self._batch)

    def of_rows(
        self, rows: NDArray[np.float32], sequences: NDArray[np.int32], positions: NDArray[np.int32]
    ) -> llama.llama_batch_ext_p:
        """Return the batch with these rows, rows × width (contiguous); positions 4 × rows."""
        llama.llama_batch_ext_clear(self._batch)
        places = np.ascontiguousarray(positions.T)
        row, place = llama.llama_embd(), ctypes.POINTER(llama.llama_pos)
        row.n_rows, row.n_embd = 1, self._width
        data, step = rows.ctypes.data, rows.strides[0]
        at, jump = places.ctypes.data, places.strides[0]
        for i, sequence in enumerate(sequences.tolist()):
            row.data = ctypes.cast(data + i * step, ctypes.POINTER(ctypes.c_float))
            if llama.llama_batch_ext_add_embd(self._batch, sequence, row) != i:
                raise EngineError("An image row was refused; see the worker's log.")
            llama.llama_batch_ext_set_pos(self._batch, i, ctypes.cast(at + i * jump, place))
        return self._batch
