"""Which of these readings does the picture of one figure show? Asked of a vision worker, with the crop and the candidates.

In: the pixels of one printed figure and its candidate readings. Out: the reading that the model sees, or None where it sees none of
them, is not sure, or could not be asked. It is asked twice, the candidates in both orders, so that their order does not decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from extractors.engine import Pixels
from extractors.errors import ParquetryError
from extractors.prompting import messages
from extractors.vision.asking import png
from extractors.vision.tiling import TOKEN_PIXELS
from extractors.worker.client import Reply, WorkerClient
from extractors.worker.confidence import value_odds

NONE = "?"  # what the model says when it sees none of the candidates
SURE = 0.9  # probability of its least likely token from which an answer counts
STEERED = 0.5  # probability that the schema ruled out, above which the model wanted to say something else
ANSWER_TOKENS = 48


class Choice(BaseModel):
    """The model's answer."""

    printed: str


def choose_figure(
    client: WorkerClient, model: str | None, figure: Pixels, candidates: Sequence[str]
) -> str | None:
    """Return the candidate that the model sees in the picture both times it is asked; None when it does not."""
    image = png(on_canvas(figure))
    options = list(dict.fromkeys(candidates))
    first = _ask(client, model, image, options)
    if first is None:
        return None
    return first if _ask(client, model, image, options[::-1]) == first else None


def choice_schema(candidates: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of an answer."""
    return {
        "type": "object",
        "properties": {"printed": {"type": "string", "enum": [*candidates, NONE]}},
        "required": ["printed"],
        "additionalProperties": False,
    }


def on_canvas(figure: Pixels) -> Pixels:
    """Return the picture on white paper whose sides are whole numbers of the model's patches."""
    high, wide = (side + -side % TOKEN_PIXELS for side in figure.shape[:2])
    canvas = np.full((high, wide, 3), 255, np.uint8)
    canvas[: figure.shape[0], : figure.shape[1]] = figure
    return canvas


def _ask(client: WorkerClient, model: str | None, image: bytes, candidates: Sequence[str]) -> str | None:
    hint = "One of: " + " | ".join(candidates)
    try:
        reply = client.ask(
            messages("figure", image, hint), choice_schema(candidates), model=model, max_tokens=ANSWER_TOKENS
        )
        printed = Choice.model_validate_json(reply.text).printed
    except (ParquetryError, ValidationError):
        return None
    return printed if printed in candidates and _sure(reply) else None


def _sure(reply: Reply) -> bool:
    odds = value_odds(reply.text, reply.tokens).get(("printed",))
    return odds is not None and math.exp(odds.lowest) >= SURE and odds.forbidden <= STEERED
