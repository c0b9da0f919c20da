"""Answers what is said between a run and the processes that read for it: settings, requests, rows, errors, as JSON.

In: our values, or a line from a process. Out: the line, or the value. A hostile document may own the process that sends,
so what comes back is validated, and never executed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from extractors.errors import CrashError, EngineError, ParquetryError, UsageError
from extractors.isolation.task import Task
from extractors.settings import Settings
from extractors.sources import Source
from schemas.records import DocumentResult


def settings_line(settings: Settings) -> bytes:
    """Return the settings, secrets in the clear: they travel through a pipe that nobody else reads."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    secrets = {name: value for name, value in settings if isinstance(value, SecretStr)}
    return json.dumps(values | {name: value.get_secret_value() for name, value in secrets.items()}).encode()


def request_line(task: Task, path: Path, seconds: float) -> bytes:
    """Return the request to read a document whose bytes are at `path`, no page begun after `seconds`."""
    source = asdict(task.source)
    source["modified"] = task.source.modified and task.source.modified.isoformat()
    fields = {
        "source": source,
        "path": os.fspath(path),
        "earlier": len(task.pages),
        "started": task.started.isoformat(),
        "flow_run_id": task.flow_run_id,
        "seconds": seconds,
    }
    return json.dumps(fields).encode()


def result_of(payload: bytes, source: Source) -> DocumentResult:
    """Return the rows that a process sent. Raises EngineError or CrashError when they are not those of the document."""
    try:
        result = DocumentResult.model_validate_json(payload)
    except ValidationError as error:
        raise EngineError(
            f"the rows of the document are not valid ({error.error_count()} faults); report this."
        ) from error
    if result.document.doc_id != source.doc_id:
        raise CrashError("the reading process answered for another document; report this.")
    return result


def error_of(payload: bytes) -> ParquetryError | None:
    """Return the error that a process reported, of the class that its category has; None when it makes no sense."""
    try:
        body = json.loads(payload)
        category, message, retryable = str(body["category"]), str(body["message"]), bool(body["retryable"])
    except (ValueError, KeyError, TypeError):
        return None
    kinds = (kind for kind in ParquetryError.__subclasses__() if kind is not UsageError)
    error = next((kind(message) for kind in kinds if kind.category == category), ParquetryError(message))
    error.retryable = retryable
    return error
