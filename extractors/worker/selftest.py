"""Does the loaded model see? Asked once before a worker serves anything."""

from __future__ import annotations

import numpy as np

from extractors.errors import UsageError
from extractors.worker.engine import LanguageModel
from extractors.worker.images import WHITE, prepare_image

SIDES = 128, 256  # pixels, height and width of the test images
MAX_TOKENS = 4096  # more than they take
SAME = 1e-6  # logits that differ by less say that both images look alike to the model


def self_test(model: LanguageModel) -> None:
    """Read two known images and check that what the model sees differs. Raises UsageError when it is blind."""
    blank = np.full((*SIDES, 3), WHITE, np.uint8)
    striped = blank.copy()
    striped[32:96:16] = 0
    striped[:, 64:192:32] = 0
    seen = []
    for pixels in (blank, striped):
        image = prepare_image(pixels, MAX_TOKENS)
        rows = model.encode(image)
        sequence = np.zeros(image.n_tokens, np.int32)
        ok = len(rows) > 0 and bool(np.isfinite(rows).all()) and bool(np.any(rows))
        ok = ok and model.decode_image(rows, sequence, image.positions(0))
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
    if np.allclose(seen[0], seen[1], rtol=0, atol=SAME):
        raise UsageError("The model answers a blank and a striped image alike: it does not see images. Give the mmproj "
                         "file that belongs to the model.")  # fmt: skip
