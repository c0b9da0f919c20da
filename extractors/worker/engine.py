"""What can be asked of the language model and its vision tower. With `tower` and `batch`, all that touches llama.cpp.

In: token ids, images, positions. Out: image rows (float32, tokens × input width), logits (float32, rows × vocabulary).
A position is where a token stands for the rotary embedding; a cell is a place in the KV cache. An image of nx × ny tokens
takes nx·ny cells and max(nx, ny) positions.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
from collections.abc import Sequence
from pathlib import Path

import llama_cpp as llama
import numpy as np
from llama_cpp import mtmd_cpp as mtmd
from numpy.typing import NDArray

from extractors.errors import EngineError, UsageError
from extractors.worker.batch import WIDE, Batch, RowBatch
from extractors.worker.images import Image
from extractors.worker.settings import WorkerSettings
from extractors.worker.tower import VisionTower

log = logging.getLogger(__name__)

ALL_LAYERS = 0x7FFFFFFF
KV_TYPES = {"f32": 0, "f16": 1, "q8_0": 8}  # ggml type numbers
FULL, NO_CELLS = 0, 1  # llama_decode and llama_process: done; no free KV cells, nothing was changed

Tokens = list[int]
Floats = NDArray[np.float32]


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    if level in (3, 4):  # warning, error
        log.info("llama.cpp: %s", text.decode(errors="replace").rstrip())


class LanguageModel:
    """A loaded model, its KV cache and its vision tower. Decode from one thread; encode from one other.

    Raises:
        UsageError: a file is missing or does not load, or the pair cannot read images.

    """

    def __init__(self, settings: WorkerSettings) -> None:
        for what, path in (("model", settings.model), ("mmproj", settings.mmproj)):
            if path is None or not path.is_file():
                raise UsageError(f"The {what} file {path or '(none given)'} does not exist. Give its path with --{what}, or "
                                 "fetch one with `parquetry models pull`.")  # fmt: skip
        assert settings.model and settings.mmproj
        llama.llama_backend_init()
        llama.llama_log_set(_log, ctypes.c_void_p(0))
        mtmd.mtmd_helper_log_set(_log, ctypes.c_void_p(0))
        self.on_gpu = bool(llama.llama_supports_gpu_offload()) and settings.n_gpu_layers != 0
        self._free = contextlib.ExitStack()
        self.model = self._load(settings.model, settings)
        self.vocab = llama.llama_model_get_vocab(self.model)
        self.n_vocab = int(llama.llama_vocab_n_tokens(self.vocab))
        self.n_width = int(llama.llama_model_n_embd(self.model))  # of a token; image rows may be wider
        self.n_input = int(llama.llama_model_n_embd_inp(self.model))
        self.context = self._open_context(settings)
        self.memory = llama.llama_get_memory(self.context)
        self.n_cells = int(llama.llama_n_ctx(self.context))
        self.n_batch = int(llama.llama_n_batch(self.context))
        self._tower = VisionTower(settings.mmproj, self.model, settings, self.on_gpu)
        self._free.callback(self._tower.close)
        self.image_open, self.image_close = self._tower.image_open, self._tower.image_close
        self._batch = Batch(self.n_batch)
        self._rows = RowBatch(self.context, self.n_input) if self.n_input >= WIDE else None
        if self._rows:
            self._free.callback(self._rows.close)
        self._adapters = {name: self._load_adapter(path) for name, path in settings.adapters.items()}
        self._adapter: str | None = None

    def _load(self, path: Path, settings: WorkerSettings) -> llama.llama_model_p:
        params = llama.llama_model_default_params()
        params.n_gpu_layers = ALL_LAYERS if settings.n_gpu_layers < 0 else settings.n_gpu_layers
        params.main_gpu = settings.main_gpu
        params.split_mode = llama.LLAMA_SPLIT_MODE_NONE
        # Repacked weight buffers use AMX tiles, which GCC 12 miscompiles: quantised models would crash on such CPUs.
        params.use_extra_bufts = self.on_gpu
        model = llama.llama_model_load_from_file(str(path).encode(), params)
        if not model:
            raise UsageError(
                f"{path} does not load as a GGUF language model. Check it with `parquetry models verify`."
            )
        self._free.callback(llama.llama_model_free, model)
        return model

    def _open_context(self, settings: WorkerSettings) -> llama.llama_context_p:
        params = llama.llama_context_default_params()
        params.n_ctx = settings.context
        params.n_batch = settings.batch
        params.n_ubatch = min(settings.ubatch, settings.batch)
        params.n_seq_max = settings.slots + settings.kept + 1
        params.kv_unified = True
        params.flash_attn_type = self._flash_attention(settings)
        params.n_outputs_max = params.n_seq_max
        params.type_k = params.type_v = KV_TYPES[settings.kv_type]
        params.no_perf = True
        if settings.threads:
            params.n_threads = params.n_threads_batch = settings.threads
        context = llama.llama_init_from_model(self.model, params)
        if not context:
            raise UsageError(
                f"No room for a context of {settings.context} cells. Lower --context, --slots or --kv-type."
            )
        self._free.callback(llama.llama_free, context)
        return context

    def _flash_attention(self, settings: WorkerSettings) -> int:
        """On a CPU it sums in half precision, and answers would depend on what else is in the batch."""
        chosen = {
            "on": llama.LLAMA_FLASH_ATTN_TYPE_ENABLED,
            "off": llama.LLAMA_FLASH_ATTN_TYPE_DISABLED,
            "auto": llama.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        }
        if self.on_gpu or settings.kv_type == "q8_0":  # a quantised cache cannot do without
            chosen["auto"] = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
        return int(chosen[settings.flash_attention])

    def _load_adapter(self, path: Path) -> llama.llama_adapter_lora_p:
        adapter = llama.llama_adapter_lora_init(self.model, str(path).encode()) if path.is_file() else None
        if not adapter:
            raise UsageError(
                f"The adapter {path} does not load for this model. Give a LoRA made for it, as GGUF."
            )
        return adapter

    def close(self) -> None:
        """Free the model, its context and its vision tower."""
        self._free.close()

    # Text

    def tokenize(self, text: str, special: bool = False) -> Tokens:
        """Return token ids. Only with `special` do markers such as <|im_end|> in the text become control tokens."""
        data = text.encode()
        room = len(data) + 2
        out = (llama.llama_token * room)()
        n = llama.llama_tokenize(self.vocab, data, len(data), out, room, False, special)
        if n < 0:
            raise EngineError("The prompt could not be turned into tokens; shorten it.")
        return list(out[:n])

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; nothing for control tokens."""
        buffer = ctypes.create_string_buffer(256)
        n = llama.llama_token_to_piece(self.vocab, token, buffer, 256, 0, False)
        return buffer.raw[:n] if n > 0 else b""

    def ends(self, token: int) -> bool:
        """Tell whether a token ends the answer."""
        return bool(llama.llama_vocab_is_eog(self.vocab, token))

    def end_tokens(self) -> Tokens:
        """Return all tokens that end an answer."""
        return [token for token in range(self.n_vocab) if llama.llama_vocab_is_eog(self.vocab, token)]

    def chat_template(self) -> str | None:
        """Return the Jinja chat template of the GGUF file, if it carries one."""
        template = llama.llama_model_chat_template(self.model, None)
        return template.decode() if template else None

    # Images

    def encode(self, image: Image) -> Floats:
        """Run the vision tower: rows of image.n_tokens × input width. Raises EngineError when it fails."""
        return self._tower.encode(image)

    # Decoding

    def decode_tokens(
        self,
        tokens: Sequence[int],
        sequences: NDArray[np.int32],
        positions: NDArray[np.int32],
        wanted: NDArray[np.bool_],
    ) -> Floats | None:
        """Decode one row per token, at most `n_batch`; return a view of the wanted rows' logits, in order.

        None when the KV cache has no room (nothing changed). The view is valid until the next decode.
        """
        if not self._decode(self._batch.of_tokens(tokens, sequences, positions, wanted)):
            return None
        n_wanted = int(np.count_nonzero(wanted))
        if not n_wanted:
            return np.empty((0, self.n_vocab), np.float32)
        logits = llama.llama_get_logits(self.context)
        return np.ctypeslib.as_array(logits, (n_wanted * self.n_vocab,)).reshape(n_wanted, self.n_vocab)

    def decode_image(self, rows: Floats, sequences: NDArray[np.int32], positions: NDArray[np.int32]) -> bool:
        """Decode image rows (at most `n_batch`; positions 4 × rows). False when the KV cache has no room."""
        rows = np.ascontiguousarray(rows, np.float32)
        if self._rows is None:
            return self._decode(self._batch.of_rows(rows, sequences, positions))
        batch = self._rows.of_rows(rows, sequences, positions)
        return self._done(llama.llama_process(self.context, llama.LLAMA_PROCESS_TYPE_DECODE, batch))

    def _decode(self, batch: llama.llama_batch) -> bool:
        return self._done(llama.llama_decode(self.context, batch))

    @staticmethod
    def _done(code: int) -> bool:
        if code in (FULL, NO_CELLS):
            return bool(code == FULL)
        raise EngineError(f"llama_decode failed with code {code}.")

    # Sequences in the KV cache

    def forget(self, sequence: int, start: int = -1) -> None:
        """Drop a sequence's cells from position `start` on; all of them by default."""
        llama.llama_memory_seq_rm(self.memory, sequence, start, -1)

    def share(self, source: int, target: int) -> None:
        """Let `target` begin with all cells of `source`, which are shared and not copied."""
        llama.llama_memory_seq_cp(self.memory, source, target, -1, -1)

    def use_adapter(self, name: str | None) -> None:
        """Switch the LoRA adapter for what is decoded from now on. No sequence may be alive across a switch."""
        if name == self._adapter:
            return
        chosen = [self._adapters[name]] if name else []
        adapters = (llama.llama_adapter_lora_p_ctypes * len(chosen))(*chosen)
        scales = (ctypes.c_float * len(chosen))(*[1.0] * len(chosen))
        if llama.llama_set_adapters_lora(self.context, adapters, len(chosen), scales) != 0:
            raise EngineError(f"The adapter {name} could not be applied; see the worker's log.")
        self._adapter = name

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the LoRA adapters."""
        return tuple(self._adapters)
