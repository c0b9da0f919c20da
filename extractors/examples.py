"""Which examples show the model what is wanted? A folder of pairs: an image or a text, and the JSON that is right for it.

In: a folder, and the model that the JSON must fit. Out: `Example`s in the order of their names. The order never changes, so that
the examples are the beginning that all questions share.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel, ValidationError

from extractors.errors import UsageError

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
TEXTS = (".txt", ".md")
MOST_IMAGES = 3  # a question of its own image beside them: the most that workers take by default is four
MOST_EXAMPLES = 12
MOST_BYTES = 20_000_000  # of one file
LONGEST_SIDE = (
    1024  # pixels of an example's image: it shows the form of an answer, and every token of it costs cache
)
TOKEN_PIXELS = 32


@dataclass(frozen=True)
class Example:
    """One example: an image (PNG bytes) or a text, and the answer to it."""

    name: str
    image: bytes | None
    text: str | None
    answer: str  # JSON of {"items": [...]}, compact

    @property
    def digest(self) -> str:
        """A hash of what is shown."""
        return hashlib.sha256(self.image or (self.text or "").encode()).hexdigest()


def load_examples(folder: str, model: type[BaseModel]) -> tuple[Example, ...]:
    """Return the examples of a folder. The JSON is one answer, or a list of all answers that the image shows.

    Raises UsageError when there are none or too many, when a partner is missing, or when a JSON does not fit the model.
    """
    home = Path(folder).expanduser()
    if not home.is_dir():
        raise UsageError(f"The folder of examples {home} does not exist; check --examples.")
    shown = sorted(path for path in home.iterdir() if path.suffix.lower() in IMAGES + TEXTS)
    answers = {path.stem: path for path in home.glob("*.json")}
    examples = []
    for path in shown:
        answer = answers.pop(path.stem, None)
        if answer is None:
            raise UsageError(
                f"{path} has no answer beside it; write {path.stem}.json, or take it out of --examples."
            )
        examples.append(_example(path, answer, model))
    if answers:
        lone = next(iter(answers.values()))
        raise UsageError(f"{lone} has no image or text beside it; add {lone.stem}.png or {lone.stem}.txt.")
    if not examples:
        raise UsageError(f"{home} holds no examples; put pairs there such as one.png and one.json.")
    n_images = sum(example.image is not None for example in examples)
    if n_images > MOST_IMAGES or len(examples) > MOST_EXAMPLES:
        raise UsageError(
            f"{home} holds {len(examples)} examples, {n_images} of them images; give at most {MOST_EXAMPLES}, with {MOST_IMAGES} images."
        )
    return tuple(examples)


def _example(path: Path, answer: Path, model: type[BaseModel]) -> Example:
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES} bytes; make it smaller.")
    try:
        given = json.loads(answer.read_text("utf-8"))
        items = given if isinstance(given, list) else [given]
        checked = [model.model_validate_json(json.dumps(item)) for item in items]
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise UsageError(
            f"{answer} does not fit {model.__name__}: {place}: {fault['msg']}; mend the example."
        ) from error
    except (ValueError, OSError) as error:
        raise UsageError(f"{answer} is no JSON ({error}); mend the example.") from error
    whole = [json.loads(item.model_dump_json(by_alias=True)) for item in checked]
    text = json.dumps({"items": whole}, ensure_ascii=False, separators=(",", ":"))
    if path.suffix.lower() in TEXTS:
        try:
            return Example(path.stem, None, path.read_text("utf-8"), text)
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is no UTF-8 text; save it as UTF-8.") from error
    return Example(path.stem, _png_of(path), None, text)


def _png_of(path: Path) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UsageError(f"{path} is no image that can be read; save it as PNG.")
    scale = min(1.0, LONGEST_SIDE / max(pixels.shape[:2]))
    if scale < 1.0:
        size = (max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    high, wide = (side + -side % TOKEN_PIXELS for side in pixels.shape[:2])
    canvas = np.full((high, wide, 3), 255, np.uint8)
    canvas[: pixels.shape[0], : pixels.shape[1]] = pixels
    ok, data = cv2.imencode(".png", canvas)
    if not ok:
        raise UsageError(f"{path} could not be prepared as PNG; save it as PNG.")
    return bytes(data)
