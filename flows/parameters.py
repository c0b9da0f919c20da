"""What a run may be told: one model for the command line, for a direct call, and for the form in Prefect's UI.

Whatever is left out comes from `PARQUETRY_*` variables or `parquetry.toml` (see `extractors.settings`). No secret is a
parameter, because parameters are stored and shown: give a password by variable, file or Prefect Secret block.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from extractors.errors import UnreadableError
from extractors.own.schema import RowIs
from extractors.settings import EngineName, Settings, read_settings
from flows.plan import MAX_ATTEMPTS, Again
from schemas.records import FailureCategory


def default_workers() -> int:
    """Return how many documents are read at once: one per core that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class RunParameters(BaseModel):
    """One run over folders, over the documents a manifest names, or over those that failed before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folders: tuple[str, ...] = Field(
        (), description="Folders or files with documents: paths, or URLs such as s3://bucket/reports"
    )
    manifest: str | None = Field(
        None,
        description="Instead of folders: a CSV or Parquet file with the documents' addresses in a column `uri`",
    )
    out: str = Field(
        title="Output", description="Where the datasets are written: a path, or a URL such as s3://bucket/out"
    )
    include: tuple[str, ...] = Field(
        (), description="Globs of files to read, such as *.pdf or 2024/**; all when empty"
    )
    exclude: tuple[str, ...] = Field((), description="Globs of files to leave out")
    recursive: bool = Field(True, description="Look into folders below")
    since: datetime | None = Field(None, description="Only files changed at or after this time")
    until: datetime | None = Field(None, description="Only files changed before this time")
    limit: int | None = Field(None, ge=1, description="Read at most this many documents in this run")
    engine: EngineName | None = Field(
        None, description="geometry, vision, or auto: vision when a worker answers"
    )
    worker_urls: tuple[str, ...] = Field((), description="Addresses of vision workers")
    model: str | None = Field(None, description="Model to ask the worker for")
    own_schema: str | None = Field(
        None,
        description="A Pydantic model of your own to read as well: mypackage.Invoice or invoice.py:Invoice. Its module is imported.",
    )
    examples: str | None = Field(
        None, description="Folder of examples for it: images or texts, each with its JSON"
    )
    own_rows: RowIs | None = Field(
        None, description="What one row of it is; page for a model with lists, else occurrence"
    )
    ocr: bool | None = Field(None, description="Read pages without a trustworthy text layer by OCR")
    page_timeout: float | None = Field(
        None, gt=0, description="Seconds for one page before its process is ended"
    )
    document_timeout: float | None = Field(None, gt=0, description="Seconds for one document")
    password_file: str | None = Field(
        None, description="File whose first line is the password of encrypted PDFs"
    )
    password_block: str | None = Field(None, description="Prefect Secret block that holds that password")
    workers: int = Field(default_factory=default_workers, ge=1, le=256, description="Documents read at once")
    dask: str | None = Field(
        None,
        description="Read on a Dask cluster: its address, such as tcp://host:8786, or local for one made for the run",
    )
    wait: float = Field(0.0, ge=0, description="Seconds to wait while another run writes to the same output")
    again: Literal["needed", "failed", "everything"] = Field(
        "needed",
        description="needed: new and changed documents; failed: those in the output that failed; everything: all",
    )
    categories: tuple[FailureCategory, ...] = Field(
        (), description="With again=failed: only failures of these kinds"
    )
    max_attempts: int = Field(
        MAX_ATTEMPTS, ge=1, description="Readings of a document that fails before it is left alone"
    )

    @model_validator(mode="after")
    def _has_documents(self) -> Self:
        if bool(self.folders) + bool(self.manifest) + (self.again == "failed") != 1:
            raise ValueError(
                "give folders, or a manifest, or again=failed: one of the three tells which documents"
            )
        return self

    def settings(self) -> Settings:
        """Return how documents are read: what was given here, over the environment, over `parquetry.toml`."""
        given: dict[str, Any] = {
            name: value
            for name in (
                "engine",
                "worker_urls",
                "model",
                "own_schema",
                "examples",
                "own_rows",
                "ocr",
                "page_timeout",
                "document_timeout",
            )
            if (value := getattr(self, name)) not in (None, ())
        }
        if self.password_file:
            given["password"] = read_password(self.password_file)
        return read_settings(**given)

    def reread(self) -> Again:
        """Return which documents are read again although nothing about them changed."""
        categories = frozenset(self.categories) if self.again == "failed" else None
        return Again(self.again == "everything", categories, self.max_attempts)


def read_password(path: str) -> str:
    """Return the first line of a file. Raises UnreadableError, which never shows what is in it."""
    try:
        return Path(path).expanduser().read_text().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise UnreadableError(
            f"No password can be read from {path} ({type(error).__name__}); check the file."
        ) from None
