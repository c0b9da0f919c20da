"""Before and after a backfill: what would be done and why, and a summary in a file.

A backfill is a run like any other (`flows.run`); it differs in what it is given: many folders, or a manifest, and a
range of dates.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.errors import WriteError
from flows.parameters import RunParameters
from flows.plan import Plan
from flows.progress import REASON_TEXT, plan_line
from flows.run import plan_only
from flows.stored import showable
from flows.summary import Summary

EXAMPLES = 5  # documents named per reason


def print_plan(console: Console, parameters: RunParameters) -> Plan:
    """Print what a run would do, and why, with examples. Writes nothing. Returns the plan."""
    plan, way = plan_only(parameters)
    console.print(plan_line(plan, way), highlight=False, soft_wrap=True)
    groups = defaultdict(list)
    for item in plan.to_read:
        groups[REASON_TEXT[item.reason]].append(item.source.uri)
    groups["failed before, left alone"] = [known.source_uri for known in plan.given_up]
    groups["source is gone"] = [known.source_uri for known in plan.relabel if known.removed]
    groups["found under another name"] = [known.source_uri for known in plan.relabel if not known.removed]
    table = Table("documents", "why", "such as", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for why, uris in groups.items():
        if uris:
            more = f"\n… and {len(uris) - EXAMPLES:,} more" if len(uris) > EXAMPLES else ""
            examples = "\n".join(showable(uri) for uri in uris[:EXAMPLES])
            table.add_row(f"{len(uris):,}", why, Text(examples + more, overflow="fold"))
    if table.row_count:
        console.print(table)
    if parameters.limit and len(plan.to_read) > parameters.limit:
        console.print(
            f"--limit {parameters.limit}: the first {parameters.limit} of these now, the others later."
        )
    return plan


def write_summary(summary: Summary, path: Path) -> None:
    """Write a run's figures, and the documents that matter, as JSON. Raises WriteError."""
    figures = asdict(summary)
    figures["outcomes"] = [
        {k: v for k, v in outcome.items() if k != "known"} for outcome in figures["outcomes"]
    ]
    figures["exit_code"] = summary.exit_code
    try:
        path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise WriteError(f"The summary {path} cannot be written ({error}); choose another file.") from error
