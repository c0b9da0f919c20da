"""A run's figures for Prometheus, as a text file that its node exporter picks up.

In: a `Summary`. Out: `OUT/.parquetry/metrics.prom`, replaced in one step at the end of every run. When a run last succeeded
is taken over from the file before, where this one did not.
"""

from __future__ import annotations

import time
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from flows.datasets import STATE, Datasets
from flows.summary import Summary
from schemas.records import FailureCategory

FILE = f"{STATE}/metrics.prom"
SUCCESS = "parquetry_last_success_time_seconds"


def write_metrics(out: Datasets, summary: Summary, ended: bool = True) -> None:
    """Write the figures of a run that has ended, by itself or (not `ended`) broken off. Raises WriteError.

    A run is a success when it ended by itself and could work: single documents may have failed (exit codes 0 and 2).
    """
    now = time.time()
    success = now if ended and summary.exit_code != 3 else _last_success(out)
    registry = CollectorRegistry()
    documents = Gauge(
        "parquetry_documents", "Documents of the last run by how they ended", ["status"], registry=registry
    )
    for status in ("ok", "partial", "failed", "unchanged", "given_up", "removed", "left"):
        documents.labels(status).set(getattr(summary, status))
    failures = Gauge(
        "parquetry_documents_with_failures",
        "Documents of the last run that failed in whole or in part, by category",
        ["category"],
        registry=registry,
    )
    for category in get_args(FailureCategory):
        failures.labels(category).set(summary.categories.get(category, 0))
    stages = Gauge(
        "parquetry_stage_seconds",
        "Seconds that documents of the last run took by stage",
        ["stage"],
        registry=registry,
    )
    for stage, seconds in summary.stages.items():
        stages.labels(stage).set(seconds)
    for name, told, value in (
        ("parquetry_pages", "Pages read by the last run", summary.pages),
        (
            "parquetry_pages_per_second",
            "Pages per second of the last run",
            summary.pages / max(summary.seconds, 0.001),
        ),
        ("parquetry_tables", "Tables found by the last run", summary.tables),
        ("parquetry_facts", "Facts of financial statements found by the last run", summary.facts),
        ("parquetry_needs_review", "Values of the last run that need review", summary.needs_review),
        ("parquetry_run_seconds", "Seconds that the last run took", summary.seconds),
        ("parquetry_run_end_time_seconds", "When the last run ended, seconds since 1970", now),
        (SUCCESS, "When a run last ended well, seconds since 1970; 0 for never", success),
    ):
        Gauge(name, told, registry=registry).set(value)
    out.put(FILE, generate_latest(registry))


def _last_success(out: Datasets) -> float:
    try:
        text = (out.get(FILE) or b"").decode()
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    except ValueError:  # not a file of ours, or a torn one
        return 0.0
    return next((float(sample.value) for sample in samples if sample.name == SUCCESS), 0.0)
