"""What a request may say, in OpenAI's terms: a chat completion, or images to embed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ImageUrl(BaseModel):
    """An image of a message."""

    url: str


class Part(BaseModel):
    """A piece of a message."""

    type: Literal["text", "image_url"]
    text: str = ""
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]


class JsonSchema(BaseModel):
    """A schema that the answer must fit."""

    name: str = "answer"
    body: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """Free text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None


class StreamOptions(BaseModel):
    """What else a stream brings."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The fields of a chat completion request that have an effect here; others are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(0.0, ge=0.0, le=2.0)
    seed: int = 0
    logprobs: bool = False
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] = 1
    timeout: float | None = Field(
        None, gt=0, description="seconds for the whole answer; the worker's own limit is the most"
    )


class EmbeddingRequest(BaseModel):
    """The fields of an embeddings request that have an effect here; others are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = ""
    input: str | list[str] = Field(min_length=1, description="images as data URLs")
    encoding_format: Literal["float", "base64"] = "float"

    @property
    def urls(self) -> list[str]:
        """The images' data URLs, in order."""
        return [self.input] if isinstance(self.input, str) else self.input
