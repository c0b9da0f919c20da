"""The rows of one decode call, in memory that every call reuses.

In: sequence, position and token or embedding of each row. Out: a `llama_batch` that points into kept arrays, or for wide image rows a
`llama_batch_ext`, into which llama.cpp copies each row once: a `llama_batch` it would copy again and again, growing as it goes.
For 1,024 rows of 16,384 floats (Qwen3-VL-8B) that saves 80 ms per call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from extractors.errors import EngineError

POSITIONS = 4  # of an image token: time, y, x and one that is not used
WIDE = 2048  # floats of a row; below it the copies cost less than a Python call per row


class Batch:
    """Reusable arrays behind one `llama_batch` of at most `rows` rows."""

    def __init__(self, rows: int) -> None:
        self._tokens = np.zeros(rows, np.int32)
        self._positions = np.zeros(POSITIONS * rows, np.int32)
        self._sequences = np.zeros(rows, np.int32)
        self._wanted = np.zeros(rows, np.int8)
        self._one = np.ones(rows, np.int32)
        step = self._sequences.itemsize
        self._pointers = (self._sequences.ctypes.data + step * np.arange(rows, dtype=np.uint64)).astype(
            np.uint64
        )
        self._token = _pointer(self._tokens, llama.llama_token)
        batch = self._batch = llama.llama_batch()
        batch.pos = _pointer(self._positions, llama.llama_pos)
        batch.n_seq_id = _pointer(self._one, ctypes.c_int32)
        batch.seq_id = _pointer(self._pointers, ctypes.POINTER(llama.llama_seq_id))
        batch.logits = _pointer(self._wanted, ctypes.c_int8)

    def of_tokens(
        self,
        tokens: Sequence[int],
        sequences: NDArray[np.int32],
        positions: NDArray[np.int32],
        wanted: NDArray[np.bool_],
    ) -> llama.llama_batch:
        """Return the batch with text: one position per row; logits are computed where `wanted`."""
        n = self._batch.n_tokens = len(tokens)
        self._tokens[:n] = tokens
        self._positions[:n] = positions
        self._sequences[:n] = sequences
        self._wanted[:n] = wanted
        self._batch.token, self._batch.embd = self._token, None
        return self._batch

    def of_rows(
        self, rows: NDArray[np.float32], sequences: NDArray[np.int32], positions: NDArray[np.int32]
    ) -> llama.llama_batch:
        """Return the batch with image rows, rows × input width; positions 4 × rows. `rows` must outlive the call."""
        n = self._batch.n_tokens = len(rows)
        self._positions[: POSITIONS * n] = positions.ravel()
        self._sequences[:n] = sequences
        self._wanted[:n] = 0
        self._batch.token, self._batch.embd = None, _pointer(rows, ctypes.c_float)
        return self._batch


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))


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
