"""The commands that read documents: `parquetry run`, `backfill` and `retry-failed`.

In: options, as typed. Out: `RunParameters`, a run through Prefect or without, its summary on the terminal, an exit code.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import (
    BadUsage,
    Direct,
    DryRun,
    Engine,
    Examples,
    Exclude,
    Include,
    Limit,
    LogFormat,
    Model,
    Out,
    PasswordFile,
    Quiet,
    Rows,
    Schema,
    Wait,
    Workers,
    WorkerUrl,
    console,
)

if TYPE_CHECKING:
    from rich.console import Console

    from flows.parameters import RunParameters
    from flows.summary import Summary


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
    from flows.shipped import with_worker

    terminal, notes = console(), console(stderr=True)
    with with_worker(parameters, None if quiet or log_format == "json" else notes) as parameters:
        if dry_run:
            from flows.backfill import print_plan

            print_plan(terminal, parameters)
            return
        summary = _summary(parameters, notes, direct=direct, quiet=quiet, log_format=log_format)
    print_summary(terminal, summary, parameters.out)
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
