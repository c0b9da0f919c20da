"""What the vision model is told: the prompt files, their version, and the messages of a question.

The instruction comes before the image and is the same for every tile, so that a worker decodes it once; only the short
question after the image differs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from extractors.examples import Example

PROMPTS = Path(__file__).parent / "prompts"
PROMPTS_VERSION = "1"  # raised when the meaning of an answer changes

Task = Literal["table", "statement", "triage", "figure", "own"]

QUESTIONS: dict[Task, str] = {
    "table": "Copy the tables.",
    "statement": "Copy the statement.",
    "triage": "How many tables?",
    "figure": "Which figure is printed?",
    "own": "Read the items.",
}


@dataclass(frozen=True)
class Prompts:
    """The instruction of each task, and the version that goes into a document's fingerprint."""

    instructions: dict[str, str]
    version: str


@lru_cache(1)
def load_prompts() -> Prompts:
    """Return the prompts of the `prompts` folder. Their version changes with every letter of them."""
    texts = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(PROMPTS.glob("*.md"))}
    digest = hashlib.sha256(repr((sorted(texts.items()), sorted(QUESTIONS.items()))).encode()).hexdigest()
    return Prompts(texts, f"{PROMPTS_VERSION}-{digest[:8]}")


def messages(task: Task, png: bytes, hint: str = "") -> list[dict[str, Any]]:
    """Return the chat messages that ask `task` about an image (PNG bytes); `hint` is added to the question."""
    question = f"{QUESTIONS[task]} {hint}".strip()
    return [
        {"role": "system", "content": load_prompts().instructions[task]},
        {"role": "user", "content": [image_part(png), {"type": "text", "text": question}]},
    ]


def own_messages(
    png: bytes, schema: dict[str, Any], examples: Sequence[Example] = ()
) -> list[dict[str, Any]]:
    """Return the messages that ask for a schema of the user's own about an image (PNG bytes), examples first.

    All but the last image is the same for every question, letter by letter.
    """
    told = f"{load_prompts().instructions['own']}\n\nThe schema:\n{json.dumps(schema, ensure_ascii=False, separators=(',', ':'))}"
    out: list[dict[str, Any]] = [{"role": "system", "content": told}]
    for example in examples:
        shown: list[dict[str, Any]] = (
            [image_part(example.image), {"type": "text", "text": QUESTIONS["own"]}]
            if example.image
            else [{"type": "text", "text": f"{example.text}\n\n{QUESTIONS['own']}"}]
        )
        out += [{"role": "user", "content": shown}, {"role": "assistant", "content": example.answer}]
    return [*out, {"role": "user", "content": [image_part(png), {"type": "text", "text": QUESTIONS["own"]}]}]


def image_part(png: bytes) -> dict[str, Any]:
    """Return an image (PNG bytes) as a part of a message."""
    url = "data:image/png;base64," + base64.b64encode(png).decode()
    return {"type": "image_url", "image_url": {"url": url}}
