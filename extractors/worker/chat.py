"""From OpenAI chat messages to the tokens and images of a prompt.

The model's own chat template is rendered with a placeholder for every piece of content; what stands between placeholders is
the template's and may hold control tokens, while content is tokenised as plain text, so that a document's words can never
act as control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jinja2
import jinja2.sandbox

from extractors.errors import UsageError
from extractors.worker.engine import Tokens
from extractors.worker.images import Image
from extractors.worker.request import Segment

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLACEHOLDER = re.compile("\ue000([0-9]+)\ue001")  # private-use letters, which no template contains


@dataclass(frozen=True)
class Message:
    """One turn: text and images in order."""

    role: str
    parts: tuple[str | Image, ...]


class Speaker(Protocol):
    """What a prompt needs of a model: its chat template, its tokeniser, and the tokens around an image."""

    image_open: Tokens
    image_close: Tokens

    def chat_template(self) -> str | None:
        """Return the Jinja chat template, if there is one."""
        ...

    def tokenize(self, text: str, special: bool = False) -> Tokens:
        """Return token ids. Only with `special` do markers in the text become control tokens."""
        ...


class ChatFormat:
    """A model's chat template, ready to render. Raises UsageError when the template is broken."""

    def __init__(self, model: Speaker) -> None:
        self._model = model
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(model.chat_template() or CHATML)
        except jinja2.TemplateError as error:
            raise UsageError(f"The model's chat template cannot be read: {error}.") from error

    def segments(self, messages: Sequence[Message]) -> list[Segment]:
        """Return token runs and images in order; neighbouring token runs are joined."""
        contents: list[str | Image] = []
        rendered_messages = []
        for message in messages:
            marks = []
            for part in message.parts:
                marks.append(f"\ue000{len(contents)}\ue001")
                contents.append(part)
            rendered_messages.append({"role": message.role, "content": "".join(marks)})
        try:
            text = self._template.render(messages=rendered_messages, add_generation_prompt=True, tools=None)
        except jinja2.TemplateError as error:
            raise UsageError(f"The messages do not fit the model's chat template: {error}.") from error
        out: list[Segment] = []
        for i, piece in enumerate(PLACEHOLDER.split(text)):
            content = contents[int(piece)] if i % 2 else None
            if isinstance(content, Image):
                _append(out, self._model.image_open)
                out.append(content)
                _append(out, self._model.image_close)
            elif content is not None:
                _append(out, self._model.tokenize(content))
            elif piece:
                _append(out, self._model.tokenize(piece, special=True))
        return out


def _append(segments: list[Segment], tokens: Tokens) -> None:
    if segments and isinstance(segments[-1], list):
        segments[-1] = segments[-1] + tokens
    elif tokens:
        segments.append(list(tokens))


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)
