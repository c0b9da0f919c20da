"""What can be asked of the language model and its vision tower: the only module that touches llama.cpp.

In: token ids, RGB pixels, positions. Out: image rows (float32, tokens × input width), logits (float32, rows × vocabulary).
A position is where a token stands for the rotary embedding; a cell is a place in the KV cache. An image of nx × ny tokens
takes nx·ny cells and max(nx, ny) positions.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as llama
import numpy as np
from llama_cpp import mtmd_cpp as mtmd
from numpy.typing import NDArray

from extractors.errors import EngineError, UsageError
from extractors.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

TOKEN_PIXELS = 32  # side of the square that one image token covers: patch 16 × merge 2
MIN_IMAGE_PIXELS = 8 * TOKEN_PIXELS**2  # below it the vision tower would blow the image up
WHITE = 255
ALL_LAYERS = 0x7FFFFFFF
KV_TYPES = {"f32": 0, "f16": 1, "q8_0": 8}  # ggml type numbers
FULL, NO_CELLS = 0, 1  # llama_decode: done; no free KV cells, nothing was changed

Tokens = list[int]
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    if level in (3, 4):  # warning, error
        log.info("llama.cpp: %s", text.decode(errors="replace").rstrip())


@dataclass(frozen=True, slots=True)
class Image:
    """An image as the vision tower will see it: sides are multiples of 32 pixels."""

    pixels: Pixels  # height × width × 3, RGB
    key: str  # sha256 of the pixels and their shape

    @property
    def columns(self) -> int:
        """Image tokens side by side."""
        return int(self.pixels.shape[1]) // TOKEN_PIXELS

    @property
    def rows(self) -> int:
        """Image tokens one below the other."""
        return int(self.pixels.shape[0]) // TOKEN_PIXELS

    @property
    def n_tokens(self) -> int:
        """KV cells that it takes."""
        return self.columns * self.rows

    @property
    def n_positions(self) -> int:
        """Positions that it takes."""
        return max(self.columns, self.rows)


def prepare_image(pixels: Pixels, max_tokens: int) -> Image:
    """Pad with white on the right and below to multiples of 32 pixels; scale down first when above `max_tokens`."""
    import cv2

    height, width = pixels.shape[:2]
    budget = max_tokens * TOKEN_PIXELS**2
    if _padded(height) * _padded(width) > budget:
        scale = (budget / (_padded(height) * _padded(width))) ** 0.5
        while _padded(int(height * scale)) * _padded(int(width * scale)) > budget:
            scale *= 0.995
        size = max(1, int(width * scale)), max(1, int(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = pixels.shape[:2]
    high, wide = _padded(height), _padded(width)
    while high * wide < MIN_IMAGE_PIXELS:
        high, wide = (high + TOKEN_PIXELS, wide) if high <= wide else (high, wide + TOKEN_PIXELS)
    canvas = np.full((high, wide, 3), WHITE, np.uint8)
    canvas[:height, :width] = pixels
    return Image(canvas, hashlib.sha256(repr(canvas.shape).encode() + canvas.tobytes()).hexdigest())


def _padded(side: int) -> int:
    return max(TOKEN_PIXELS, side + -side % TOKEN_PIXELS)


class _Batch:
    """Reusable arrays behind one `llama_batch`."""

    def __init__(self, rows: int) -> None:
        self.tokens = np.zeros(rows, np.int32)
        self.sequences = np.zeros(rows, np.int32)
        self.one = np.ones(rows, np.int32)
        self.wanted = np.zeros(rows, np.int8)
        step = self.sequences.itemsize
        self.pointers = (self.sequences.ctypes.data + step * np.arange(rows, dtype=np.uint64)).astype(
            np.uint64
        )

    def fill(
        self, sequences: NDArray[np.int32], positions: NDArray[np.int32], wanted: NDArray[np.bool_]
    ) -> llama.llama_batch:
        """Return a batch over these rows; the caller sets `token` or `embd`."""
        n = len(sequences)
        self.sequences[:n] = sequences
        self.wanted[:n] = wanted
        batch = llama.llama_batch()
        batch.n_tokens = n
        batch.pos = positions.ctypes.data_as(ctypes.POINTER(llama.llama_pos))
        batch.n_seq_id = self.one.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        batch.seq_id = self.pointers.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(llama.llama_seq_id)))
        batch.logits = self.wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        return batch


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
        self.n_input = int(llama.llama_model_n_embd_inp(self.model))
        self.context = self._open_context(settings)
        self.memory = llama.llama_get_memory(self.context)
        self.n_cells = int(llama.llama_n_ctx(self.context))
        self.n_batch = int(llama.llama_n_batch(self.context))
        self.vision = self._open_vision(settings.mmproj, settings)
        self._batch = _Batch(self.n_batch)
        self.image_open, self.image_close = self._image_frame()
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

    def _open_vision(self, path: Path, settings: WorkerSettings) -> mtmd.mtmd_context_p:
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = self.on_gpu
        params.print_timings = False
        params.warmup = self.on_gpu
        params.image_max_tokens = settings.image_max_tokens
        if settings.threads:
            params.n_threads = settings.threads
        vision = mtmd.mtmd_init_from_file(str(path).encode(), self.model, params)
        if not vision:
            raise UsageError(
                f"{path} does not load beside this model. Use the mmproj file that was published with it."
            )
        self._free.callback(mtmd.mtmd_free, vision)
        if not mtmd.mtmd_support_vision(vision):
            raise UsageError(
                f"{path} has no vision tower. Use the mmproj file that was published with the model."
            )
        if not mtmd.mtmd_decode_use_mrope(vision) or mtmd.mtmd_decode_use_non_causal(vision, None):
            raise UsageError(f"{path} places image tokens in a way that is not supported here. Use a Qwen2-VL to Qwen3-VL "
                             "model, or serve this one with llama-server and give its URL with --worker-url.")  # fmt: skip
        return vision

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

    def _chunks(self, image: Image) -> tuple[contextlib.ExitStack, list[int]]:
        """Return mtmd's view of an image, and what frees it."""
        stack = contextlib.ExitStack()
        height, width = image.pixels.shape[:2]
        pixels = np.ascontiguousarray(image.pixels)
        bitmap = mtmd.mtmd_bitmap_init(width, height, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        try:
            chunks = mtmd.mtmd_input_chunks_init()
            stack.callback(mtmd.mtmd_input_chunks_free, chunks)
            marker = mtmd.mtmd_default_marker()
            text = mtmd.mtmd_input_text()
            text.text, text.text_len, text.add_special, text.parse_special = marker, len(marker), False, True
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            code = mtmd.mtmd_tokenize(self.vision, chunks, ctypes.byref(text), bitmaps, 1)
        finally:
            mtmd.mtmd_bitmap_free(bitmap)
        if code != 0:
            stack.close()
            raise EngineError(
                f"The vision tower refused an image of {width} × {height} pixels (code {code})."
            )
        found = [mtmd.mtmd_input_chunks_get(chunks, i) for i in range(mtmd.mtmd_input_chunks_size(chunks))]
        return stack, found

    def _image_frame(self) -> tuple[Tokens, Tokens]:
        """Return the tokens that the model expects before and after an image."""
        blank = np.full((96, 96, 3), WHITE, np.uint8)
        stack, chunks = self._chunks(Image(blank, ""))
        frame: tuple[Tokens, Tokens] = ([], [])
        seen = 0
        with stack:
            for chunk in chunks:
                if mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
                    n = ctypes.c_size_t()
                    tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(n))
                    frame[min(seen, 1)].extend(tokens[: n.value])
                else:
                    seen += 1
        if seen != 1:
            raise UsageError("The model takes no images. Serve a vision-language model with its mmproj file.")
        return frame

    def encode(self, image: Image) -> Floats:
        """Run the vision tower: rows of image.n_tokens × input width. Raises EngineError when it fails."""
        stack, chunks = self._chunks(image)
        with stack:
            for chunk in chunks:
                if mtmd.mtmd_input_chunk_get_type(chunk) != mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE:
                    continue
                n = int(mtmd.mtmd_input_chunk_get_n_tokens(chunk))
                if n != image.n_tokens:
                    raise EngineError(
                        f"The vision tower made {n} tokens of an image that should give {image.n_tokens}."
                    )
                if mtmd.mtmd_encode_chunk(self.vision, chunk) != 0:
                    raise EngineError("The vision tower failed on the image; see the worker's log.")
                rows = mtmd.mtmd_get_output_embd(self.vision)
                return np.ctypeslib.as_array(rows, (n * self.n_input,)).copy().reshape(n, self.n_input)
        raise EngineError("The vision tower gave no image tokens.")

    @staticmethod
    def image_positions(image: Image, start: int) -> NDArray[np.int32]:
        """Return (time, y, x, 0) positions, 4 × n_tokens, of an image whose first position is `start`."""
        i = np.arange(image.n_tokens)
        out = np.zeros((4, image.n_tokens), np.int32)
        out[0], out[1], out[2] = start, start + i // image.columns, start + i % image.columns
        return out

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
        n = len(tokens)
        batch = self._batch.fill(sequences, np.ascontiguousarray(positions, np.int32), wanted)
        self._batch.tokens[:n] = tokens
        batch.token = self._batch.tokens.ctypes.data_as(ctypes.POINTER(llama.llama_token))
        if not self._decode(batch):
            return None
        n_wanted = int(np.count_nonzero(wanted))
        if not n_wanted:
            return np.empty((0, self.n_vocab), np.float32)
        logits = llama.llama_get_logits(self.context)
        return np.ctypeslib.as_array(logits, (n_wanted * self.n_vocab,)).reshape(n_wanted, self.n_vocab)

    def decode_image(self, rows: Floats, sequences: NDArray[np.int32], positions: NDArray[np.int32]) -> bool:
        """Decode image rows (at most `n_batch`; positions 4 × rows). False when the KV cache has no room."""
        rows = np.ascontiguousarray(rows, np.float32)
        positions = np.ascontiguousarray(positions, np.int32)
        batch = self._batch.fill(sequences, positions, np.zeros(len(rows), np.bool_))
        batch.embd = rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        return self._decode(batch)

    def _decode(self, batch: llama.llama_batch) -> bool:
        code = llama.llama_decode(self.context, batch)
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


def self_test(model: LanguageModel) -> None:
    """Read two known images and check that what the model sees differs. Raises UsageError when it is blind."""
    blank = np.full((128, 256, 3), WHITE, np.uint8)
    striped = blank.copy()
    striped[32:96:16] = 0
    striped[:, 64:192:32] = 0
    seen = []
    for pixels in (blank, striped):
        image = prepare_image(pixels, 4096)
        rows = model.encode(image)
        sequence = np.zeros(image.n_tokens, np.int32)
        ok = len(rows) > 0 and bool(np.isfinite(rows).all()) and bool(np.any(rows))
        ok = ok and model.decode_image(rows, sequence, model.image_positions(image, 0))
        tokens = model.image_close or model.tokenize("\n")
        at = image.n_positions + np.arange(len(tokens), dtype=np.int32)
        last = np.arange(len(tokens)) == len(tokens) - 1
        logits = model.decode_tokens(tokens, sequence[: len(tokens)], at, last) if ok else None
        if logits is None or not np.isfinite(logits).all():
            raise UsageError(
                "The model gave no usable answer for a test image. Check the files with `parquetry models verify`."
            )
        seen.append(logits[0].copy())
        model.forget(0)
    if np.allclose(seen[0], seen[1], rtol=0, atol=1e-6):
        raise UsageError("The model answers a blank and a striped image alike: it does not see images. Give the mmproj "
                         "file that belongs to the model.")  # fmt: skip
