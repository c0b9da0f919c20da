"""The command line: `parquetry COMMAND`. What each command does lives in its own module and is loaded when it is asked for.

Exit codes, for scripts: 0 all ok · 1 bad usage · 2 some documents failed · 3 nothing could be done · 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.train_cli import train

if TYPE_CHECKING:
    from rich.console import Console

    from flows.parameters import RunParameters
    from flows.summary import Summary


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

app = typer.Typer(
    name="parquetry",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn folders of PDFs and scans into Parquet that a person can trust:
every number verified against its page, or flagged.

    parquetry run sample_docs --out out         # read what is new or changed

    parquetry show out                          # the statements, in the terminal

    parquetry report out                        # the pages beside their tables, in a browser

Settings come from options, then `PARQUETRY_*` variables, then `parquetry.toml` in the working folder.

Exit codes: 0 all ok · 1 bad usage · 2 some documents failed · 3 nothing could be done · 130 stopped by Ctrl-C.
""",
)
models = typer.Typer(
    no_args_is_help=True, help="The vision models: what is here, fetch one, check its files."
)
app.add_typer(models, name="models")
app.add_typer(train, name="train")

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


@app.command(no_args_is_help=True)
def run(
    folder: Annotated[
        list[str], typer.Argument(help="Folders or files: paths, or URLs such as s3://bucket/reports.")
    ],
    out: Out,
    include: Include = None,
    exclude: Exclude = None,
    recursive: Annotated[bool, typer.Option(help="Look into folders below.")] = True,
    engine: Engine = None,
    worker_url: WorkerUrl = None,
    model: Model = None,
    schema: Schema = None,
    examples: Examples = None,
    rows: Rows = None,
    password_file: PasswordFile = None,
    workers: Workers = None,
    limit: Limit = None,
    wait: Wait = 0.0,
    everything: Annotated[
        bool, typer.Option("--everything", help="Read unchanged documents again, too.")
    ] = False,
    dry_run: DryRun = False,
    direct: Direct = False,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
) -> None:
    """Read the new and changed documents of a folder into Parquet.

    With a Prefect API configured (`PREFECT_API_URL` or a profile) this is a flow run, seen in the UI; without one it runs
    directly. A second run over an unchanged folder costs a listing.

        parquetry run reports --out out

        parquetry run s3://bucket/reports --out s3://bucket/out --include '*.pdf' --workers 8

        parquetry run reports --out out --engine vision --worker-url http://127.0.0.1:7860

        parquetry run invoices --out out --schema mypackage.Invoice --worker-url http://127.0.0.1:7860
    """
    given = {
        "folders": folder, "out": out, "include": include, "exclude": exclude, "recursive": recursive, "engine": engine,
        "worker_urls": worker_url, "model": model, "own_schema": schema, "examples": examples, "own_rows": rows, "password_file": password_file, "workers": workers, "limit": limit, "wait": wait,
        "again": "everything" if everything else None,
    }  # fmt: skip
    _run(_parameters(given), dry_run=dry_run, direct=direct, quiet=quiet, log_format=log_format)


@app.command(no_args_is_help=True)
def backfill(
    folder: Annotated[
        list[str] | None, typer.Argument(help="Folders or files, as many as there are.")
    ] = None,
    *,
    out: Out,
    manifest: Annotated[
        str | None, typer.Option(help="CSV or Parquet file with a column `uri`, instead of folders.")
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    since: Annotated[datetime | None, typer.Option(help="Only files changed at or after this day.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only files changed before this day.")] = None,
    engine: Engine = None,
    worker_url: WorkerUrl = None,
    model: Model = None,
    schema: Schema = None,
    examples: Examples = None,
    rows: Rows = None,
    password_file: PasswordFile = None,
    workers: Workers = None,
    limit: Limit = None,
    wait: Wait = 0.0,
    summary: Annotated[Path | None, typer.Option(help="Write the summary to this JSON file, too.")] = None,
    dry_run: DryRun = False,
    direct: Direct = False,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
) -> None:
    """Read years of folders, or the documents of a manifest. Stop it whenever you like: the next one carries on.

    parquetry backfill archive/2019 archive/2020 --out out --dry-run

    parquetry backfill --manifest documents.csv --out out --summary backfill.json

    parquetry backfill archive --out out --since 2020-01-01 --until 2021-01-01 --limit 1000
    """
    given = {
        "folders": folder, "manifest": manifest, "out": out, "include": include, "exclude": exclude, "since": since,
        "until": until, "engine": engine, "worker_urls": worker_url, "model": model, "own_schema": schema, "examples": examples, "own_rows": rows, "password_file": password_file, "workers": workers, "limit": limit,
        "wait": wait,
    }  # fmt: skip
    _run(
        _parameters(given),
        dry_run=dry_run,
        direct=direct,
        quiet=quiet,
        log_format=log_format,
        summary_file=summary,
    )


@app.command("retry-failed", no_args_is_help=True)
def retry_failed(
    out: Out,
    category: Annotated[
        list[str] | None, typer.Option(help="Only failures of this kind, such as timeout. Repeatable.")
    ] = None,
    max_attempts: Annotated[
        int, typer.Option(min=1, help="Leave documents alone that failed so often already.")
    ] = 5,
    engine: Engine = None,
    worker_url: WorkerUrl = None,
    model: Model = None,
    schema: Schema = None,
    examples: Examples = None,
    rows: Rows = None,
    password_file: PasswordFile = None,
    workers: Workers = None,
    limit: Limit = None,
    wait: Wait = 0.0,
    dry_run: DryRun = False,
    direct: Direct = False,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
) -> None:
    """Read the documents of an output again that failed, in whole or in part. Attempts are counted over all runs.

    parquetry retry-failed --out out

    parquetry retry-failed --out out --category timeout --category memory --workers 1
    """
    given = {
        "out": out, "again": "failed", "categories": category, "max_attempts": max_attempts, "engine": engine,
        "worker_urls": worker_url, "model": model, "own_schema": schema, "examples": examples, "own_rows": rows, "password_file": password_file, "workers": workers, "limit": limit, "wait": wait,
    }  # fmt: skip
    _run(_parameters(given), dry_run=dry_run, direct=direct, quiet=quiet, log_format=log_format)


@app.command(no_args_is_help=True)
def show(
    out: OutArgument,
    document: Annotated[
        str | None, typer.Argument(help="A document: part of its name, or the start of its doc_id.")
    ] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="All tables, not only the financial statements.")
    ] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="What did not work, and what to do about it.")
    ] = False,
    review: Annotated[bool, typer.Option("--review", help="The values that need review, and why.")] = False,
) -> None:
    """Show what an output holds: its documents, or one document's statements as tables, with flags of doubt.

    parquetry show out

    parquetry show out annual-report

    parquetry show out --failures
    """
    from flows.show import show_output

    show_output(_console(), out, document, tables=tables, failures=failures, review=review)


@app.command(no_args_is_help=True)
def report(
    out: OutArgument,
    document: Annotated[
        str | None, typer.Argument(help="A document: part of its name, or the start of its doc_id.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the pages; OUT/report when not given.")] = None,
) -> None:
    """Write an HTML page per document: each page's picture beside its tables, boxes drawn, doubts marked.

    parquetry report out

    parquetry report out annual-report --to /tmp/review
    """
    from flows.report import write_reports

    console = _console()
    for path in write_reports(out, document, to):
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command(no_args_is_help=True)
def similar(
    out: OutArgument,
    document: Annotated[
        str | None, typer.Argument(help="A document: part of its name, or the start of its doc_id.")
    ] = None,
    page: Annotated[int, typer.Argument(min=1, help="The page that others are compared with.")] = 1,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV file with columns document, page, kind: tell the kind of all pages."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many pages to show.")] = 10,
    worker_url: WorkerUrl = None,
    model: Model = None,
) -> None:
    """Find the pages that look like a given one, or tell what kind each page is by labelled examples.

    A vision worker embeds the pages; the vectors are kept in OUT/embeddings, so each page is embedded once.

    parquetry similar out annual-report 7 --worker-url http://127.0.0.1:7860

    parquetry similar out --labels kinds.csv
    """
    from flows.similar import show_similar

    given = {"worker_urls": tuple(worker_url) if worker_url else None, "model": model}
    show_similar(_console(), out, document, page, labels=labels, most=most, given=given)


@app.command()
def doctor(engine: Engine = None, worker_url: WorkerUrl = None) -> None:
    """Say what is installed, which engine would run, and what is missing with the command that mends it."""
    from flows.doctor import examine

    if not examine(_console(), engine, tuple(worker_url or ())):
        raise typer.Exit(ExitCode.NOTHING_DONE)


@app.command(no_args_is_help=True)
def watch(
    folder: Annotated[str, typer.Argument(help="Folder in which documents arrive.")],
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Run here when no Prefect API is configured.")
    ] = None,
    quiet_seconds: Annotated[
        float, typer.Option(min=0.1, help="A file is complete when unchanged for so long.")
    ] = 5.0,
) -> None:
    """Wait for documents and start a run per batch of arrivals.

    With a Prefect API configured an event is emitted, which starts the deployment `on-files`; without one, `--out` is
    needed and the run is done here.

        parquetry watch incoming

        parquetry watch incoming --out out
    """
    from flows.watch import watch_folder

    watch_folder(_console(), folder, out, quiet_seconds)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def worker(context: typer.Context) -> None:
    """Start the vision worker: a process of its own that holds the model. See `parquetry worker --help`."""
    from flows.workers import start_worker

    start_worker(context.args)


@models.command("list")
def models_list() -> None:
    """List the models that are known, and which of them are here."""
    from flows.workers import list_models

    list_models(_console())


@models.command("pull")
def models_pull(
    name: Annotated[str | None, typer.Argument(help="A model; the default one when not given.")] = None,
) -> None:
    """Fetch a model's files from the Hugging Face hub."""
    from flows.workers import pull_model

    pull_model(_console(), name)


@models.command("verify")
def models_verify(
    name: Annotated[str | None, typer.Argument(help="A model; all that are here when not given.")] = None,
) -> None:
    """Compare a model's files with their published checksums."""
    from flows.workers import verify_models

    if not verify_models(_console(), name):
        raise typer.Exit(ExitCode.NOTHING_DONE)


def main() -> None:
    """Run the command line and end the process with one of the exit codes."""
    sys.exit(_main())


def _main() -> int:
    from extractors.errors import ParquetryError, UsageError

    signal.signal(signal.SIGTERM, _stop)  # a scheduler's stop is as clean as Ctrl-C
    try:
        code = int(app(standalone_mode=False) or 0)
        if code == ExitCode.STOPPED:  # newer typers turn Ctrl-C into an exit code themselves
            raise KeyboardInterrupt
        return code
    except BadUsage as error:
        error.show()
        return ExitCode.USAGE
    except UsageError as error:
        _say_error(str(error))
        return ExitCode.USAGE
    except ParquetryError as error:
        _say_error(str(error))
        return ExitCode.NOTHING_DONE
    except (KeyboardInterrupt, typer.Abort):
        _say_error("Stopped. What was finished is written; run the same command again to carry on.")
        return ExitCode.STOPPED
    except BrokenPipeError:
        return ExitCode.OK


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def _say_error(message: str) -> None:
    from flows.stored import showable

    _console(stderr=True).print(showable(message), style="red", markup=False, highlight=False, soft_wrap=True)


def _parameters(given: dict[str, Any]) -> RunParameters:
    """Return checked parameters. Raises bad usage with one line per fault."""
    from pydantic import ValidationError

    from flows.parameters import RunParameters

    try:
        return RunParameters(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"--{str(fault['loc'][0]).removeprefix('own_').replace('_', '-')}: {fault['msg']}"
            if fault["loc"]
            else str(fault["msg"])
            for fault in error.errors()
        )
        raise BadUsage(faults) from error


def _run(
    parameters: RunParameters,
    *,
    dry_run: bool,
    direct: bool,
    quiet: bool,
    log_format: str = "text",
    summary_file: Path | None = None,
) -> None:
    """Run through Prefect where it is configured, else directly; print the summary; exit with its code."""
    from flows.progress import print_summary

    console, notes = _console(), _console(stderr=True)
    if dry_run:
        from flows.backfill import print_plan

        print_plan(console, parameters)
        return
    summary = _summary(parameters, notes, direct=direct, quiet=quiet, log_format=log_format)
    print_summary(console, summary, parameters.out)
    if summary_file:
        from flows.backfill import write_summary

        write_summary(summary, summary_file)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _summary(
    parameters: RunParameters, notes: Console, *, direct: bool, quiet: bool, log_format: str
) -> Summary:
    from flows.api import check_api, prefect_api
    from flows.logs import JsonEvents
    from flows.progress import TerminalEvents

    as_json = log_format == "json"
    api = None if direct else prefect_api()
    if api:
        check_api(api)
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")  # the UI has the logs
        from flows.folder import run_as_flow

        if not as_json:
            notes.print(f"As a Prefect flow run, at {api}", highlight=False, soft_wrap=True)
        with JsonEvents() if as_json else TerminalEvents(notes, quiet) as events:
            return run_as_flow(parameters, events)
    from flows.run import run_direct

    if not (quiet or as_json):
        why = "as asked" if direct else "no Prefect API is configured"
        notes.print(f"Directly, without Prefect ({why}).", highlight=False)
    with JsonEvents() if as_json else TerminalEvents(notes, quiet) as events:
        return run_direct(parameters, events)


if __name__ == "__main__":
    main()
