"""What the vision tower makes of an image: the mtmd side of llama.cpp.

In: an `Image`. Out: its rows (float32, tokens × input width of the language model; behind the model's own width, one more for each
deepstack layer). Used from one thread at a time.
"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

import llama_cpp as llama
import numpy as np
from llama_cpp import mtmd_cpp as mtmd
from numpy.typing import NDArray

from extractors.errors import EngineError, UsageError
from extractors.worker.images import WHITE, Image
from extractors.worker.settings import WorkerSettings

Rows = NDArray[np.float32]
# A tower sees one image at a time, so "auto" may be fast; "off" sums in full precision and takes more memory.
FLASH_ATTENTION = {
    "on": llama.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "auto": llama.LLAMA_FLASH_ATTN_TYPE_AUTO,
}


class VisionTower:
    """A loaded mmproj file beside its language model. Raises UsageError when the pair cannot read images."""

    def __init__(
        self, path: Path, model: llama.llama_model_p, settings: WorkerSettings, on_gpu: bool
    ) -> None:
        self._n_input = int(llama.llama_model_n_embd_inp(model))
        self._free = contextlib.ExitStack()
        self._context = self._open(path, model, settings, on_gpu)
        self.image_open, self.image_close = self._image_frame()

    def _open(
        self, path: Path, model: llama.llama_model_p, settings: WorkerSettings, on_gpu: bool
    ) -> mtmd.mtmd_context_p:
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = on_gpu
        params.print_timings = False
        params.warmup = on_gpu
        params.flash_attn_type = FLASH_ATTENTION[settings.flash_attention]
        params.image_max_tokens = settings.image_max_tokens
        if settings.threads:
            params.n_threads = settings.threads
        vision = mtmd.mtmd_init_from_file(str(path).encode(), model, params)
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

    def close(self) -> None:
        """Free the tower."""
        self._free.close()

    def encode(self, image: Image) -> Rows:
        """Run the tower: rows of image.n_tokens × input width. Raises EngineError when it fails."""
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
                if mtmd.mtmd_encode_chunk(self._context, chunk) != 0:
                    raise EngineError("The vision tower failed on the image; see the worker's log.")
                rows = mtmd.mtmd_get_output_embd(self._context)
                return np.ctypeslib.as_array(rows, (n * self._n_input,)).copy().reshape(n, self._n_input)
        raise EngineError("The vision tower gave no image tokens.")

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
            code = mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(text), bitmaps, 1)
        finally:
            mtmd.mtmd_bitmap_free(bitmap)
        if code != 0:
            stack.close()
            raise EngineError(
                f"The vision tower refused an image of {width} × {height} pixels (code {code})."
            )
        found = [mtmd.mtmd_input_chunks_get(chunks, i) for i in range(mtmd.mtmd_input_chunks_size(chunks))]
        return stack, found

    def _image_frame(self) -> tuple[list[int], list[int]]:
        """Return the tokens that the model expects before and after an image."""
        blank = np.full((96, 96, 3), WHITE, np.uint8)
        stack, chunks = self._chunks(Image(blank, ""))
        frame: tuple[list[int], list[int]] = ([], [])
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
