"""What the commands of the command line have in common: options, exit codes, bad usage, and where they print.

Light to import: nothing heavier than typer is loaded until a command needs it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    USAGE = 1
    SOME_FAILED = 2
    NOTHING_DONE = 3
    STOPPED = 130


BadUsage: Any = typer.BadParameter.__bases__[
    0
]  # click's UsageError, or that of the copy of click inside newer typers

Out = Annotated[
    str, typer.Option("--out", "-o", help="Output root: a path, or a URL such as s3://bucket/out.")
]
OutArgument = Annotated[str, typer.Argument(help="Output root of earlier runs.")]
Include = Annotated[
    list[str] | None, typer.Option(help="Glob of files to read, such as '*.pdf' or '2024/**'. Repeatable.")
]
Exclude = Annotated[list[str] | None, typer.Option(help="Glob of files to leave out. Repeatable.")]
Engine = Annotated[str | None, typer.Option(help="geometry, vision, or auto: vision when a worker answers.")]
WorkerUrl = Annotated[list[str] | None, typer.Option(help="Address of a vision worker. Repeatable.")]
Model = Annotated[str | None, typer.Option(help="Model to ask the worker for.")]
Schema = Annotated[
    str | None,
    typer.Option(
        help="A Pydantic model of your own to read as well: mypackage.Invoice or invoice.py:Invoice. Its module is imported."
    ),
]
Examples = Annotated[
    str | None, typer.Option(help="Folder of examples for --schema: images or texts, each with its JSON.")
]
Rows = Annotated[
    str | None,
    typer.Option(
        help="What a row of --schema is: occurrence, page or document; by the model when not given."
    ),
]
PasswordFile = Annotated[
    str | None, typer.Option(help="File whose first line is the password of encrypted PDFs.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Documents read at once; one per core when not given.")
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Read at most this many documents, leave the rest for later.")
]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait while another run writes to the same output.")
]
Direct = Annotated[
    bool, typer.Option("--direct", help="Run here and now even where a Prefect API is configured.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and why; write nothing.")]
LogFormat = Annotated[
    Literal["text", "json"],
    typer.Option(
        envvar="PARQUETRY_LOG",
        help="json: one line of JSON per event on standard error, for a log collector.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the summary.")]


def console(stderr: bool = False) -> Console:
    """Return the terminal to print to."""
    from rich.console import Console

    return Console(stderr=stderr)
