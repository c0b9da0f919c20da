"""The command line: `parquetry COMMAND`. What each command does lives in its own module and is loaded when it is asked for.

Exit codes, for scripts: 0 all ok · 1 bad usage · 2 some documents failed · 3 nothing could be done · 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from flows.options import BadUsage, Engine, ExitCode, Model, OutArgument, Wait, WorkerUrl, console
from flows.run_cli import backfill, retry_failed, run
from flows.train_cli import train

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

app.command(no_args_is_help=True)(run)
app.command(no_args_is_help=True)(backfill)
app.command("retry-failed", no_args_is_help=True)(retry_failed)


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

    show_output(console(), out, document, tables=tables, failures=failures, review=review)


@app.command(no_args_is_help=True)
def compact(out: OutArgument, wait: Wait = 0.0) -> None:
    """Copy an output's datasets into few large files (OUT/compact), so that queries over thousands of documents are quick.

    Runs may write and readers may read meanwhile. What has not changed since the last time is not copied again.

        parquetry compact out

        parquetry compact s3://bucket/out --wait 3600
    """
    from flows.compact import compact as bring_up
    from flows.compact import told
    from flows.datasets import Datasets

    console().print(told(bring_up(Datasets(out), wait=wait)), highlight=False, markup=False, soft_wrap=True)


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

    terminal = console()
    for path in write_reports(out, document, to):
        terminal.print(str(path), highlight=False, soft_wrap=True)


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
    show_similar(console(), out, document, page, labels=labels, most=most, given=given)


@app.command()
def doctor(engine: Engine = None, worker_url: WorkerUrl = None) -> None:
    """Say what is installed, which engine would run, and what is missing with the command that mends it."""
    from flows.doctor import examine

    if not examine(console(), engine, tuple(worker_url or ())):
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

    watch_folder(console(), folder, out, quiet_seconds)


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

    list_models(console())


@models.command("pull")
def models_pull(
    name: Annotated[str | None, typer.Argument(help="A model; the default one when not given.")] = None,
) -> None:
    """Fetch a model's files from the Hugging Face hub."""
    from flows.workers import pull_model

    pull_model(console(), name)


@models.command("verify")
def models_verify(
    name: Annotated[str | None, typer.Argument(help="A model; all that are here when not given.")] = None,
) -> None:
    """Compare a model's files with their published checksums."""
    from flows.workers import verify_models

    if not verify_models(console(), name):
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


def _say_error(message: str) -> None:
    from flows.stored import showable

    console(stderr=True).print(showable(message), style="red", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
