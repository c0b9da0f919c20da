"""How a document is to be read: one frozen model, filled from arguments, `PARQUETRY_*` variables or `parquetry.toml`.

Settings that change what is read are part of a document's fingerprint (`reading_key`); limits and addresses are not.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from extractors.errors import UsageError
from schemas.records import SCHEMA_VERSION

PREFIX, TOML = "PARQUETRY_", "parquetry.toml"

ID_LETTERS = 39  # of a document's id in its fingerprint: 32 of a hash, with room for a mark before it
READER_VERSION = "3"  # raised when reading the same page gives other cells or facts than before

EngineName = Literal["auto", "geometry", "vision"]


class Settings(BaseSettings):
    """Everything `extract_document` may be told. All fields have a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file=TOML, frozen=True, extra="forbid")

    engine: EngineName = Field(
        "auto", description="vision needs a worker; auto takes it when one answers, else geometry"
    )
    worker_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="OpenAI-compatible workers, for instance http://127.0.0.1:7860; commas between several",
    )
    worker_token: SecretStr | None = Field(None, description="bearer token of the workers")
    model: str | None = Field(
        None, description="model name to ask the worker for; its first one when not given"
    )
    own_schema: str | None = Field(
        None,
        description="a Pydantic model of your own to read as well, such as mypackage.Invoice; its module is imported",
    )
    examples: str | None = Field(
        None, description="folder of examples for own_schema: images or texts with JSON"
    )
    own_rows: Literal["occurrence", "page", "document"] | None = Field(
        None, description="what one row of own_schema is; page for a model with lists, else occurrence"
    )
    ocr: bool = Field(True, description="read pages without a trustworthy text layer by OCR")
    ocr_dpi: int = Field(
        200, ge=72, le=600, description="resolution for OCR, lowered to stay within max_pixels"
    )
    follow_links: bool = Field(
        False, description="follow symbolic links that lead out of the folder that is read"
    )
    max_bytes: int = Field(500_000_000, gt=0, description="largest file in bytes")
    max_pages: int = Field(5_000, gt=0, description="most pages of one document")
    max_pixels: int = Field(40_000_000, gt=0, description="most pixels of one rendered page or one image")
    page_timeout: float = Field(120.0, gt=0, description="seconds for one page before its process is ended")
    document_timeout: float = Field(
        3600.0, gt=0, description="seconds for one document before its process is ended"
    )
    max_memory: int = Field(
        4_000_000_000, gt=0, description="bytes of memory for the process that reads a document"
    )
    password: SecretStr | None = Field(
        None, description="password for encrypted PDFs; never stored or logged"
    )

    @field_validator("worker_urls", mode="before")
    @classmethod
    def _part_addresses(cls, value: Any) -> Any:
        """Take the text of a variable apart: addresses with commas between them, or a JSON list."""
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.lstrip().startswith("[") else value.replace(",", " ").split()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `parquetry.toml` in the working folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**given: Any) -> Settings:
    """Return what is given, over the environment, over `parquetry.toml`. Raises UsageError, which shows no value."""
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = "; ".join(f"{_where(fault['loc'], given)}: {fault['msg']}" for fault in error.errors())
        raise UsageError(f"A setting is wrong. {faults}.") from None
    except SettingsError as error:
        raise UsageError(f"A {PREFIX}* variable is wrong: {error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{TOML} in the working folder is no TOML ({error}); mend it.") from None


def _where(location: tuple[int | str, ...], given: dict[str, Any]) -> str:
    """Return where a setting with a fault may stand."""
    name = str(location[0]) if location else ""
    if name in given or not name:
        return name
    return (
        f"{PREFIX}{name.upper()}, or {name} in {TOML}"
        if name in Settings.model_fields
        else f"{name} in {TOML}"
    )


def reading_key(
    settings: Settings, engine: str, model: str | None, prompts: str | None, own: str | None = None
) -> str:
    """Return a short hash of everything beside the bytes that decides what is read from a document.

    `own` is the version of the schema of the user's own that is read as well.
    """
    parts: list[object] = [
        READER_VERSION,
        SCHEMA_VERSION,
        engine,
        model,
        prompts,
        settings.ocr,
        settings.ocr_dpi,
        settings.max_pixels,
    ]
    parts += [own] if own else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def fingerprint_of(doc_id: str, key: str) -> str:
    """Return the fingerprint of a document: its content, and the `reading_key` of the way it is read."""
    return f"{doc_id[:ID_LETTERS]}-{key}"
