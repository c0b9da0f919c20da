"""A run's figures for Prometheus, as a text file that its node exporter picks up.

In: a `Summary`. Out: `OUT/.parquetry/metrics.prom`, replaced in one step at the end of every run.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from flows.datasets import STATE, Datasets
from flows.summary import Summary

FILE = f"{STATE}/metrics.prom"


def write_metrics(out: Datasets, summary: Summary) -> None:
    """Write the figures of a run that has ended. Raises WriteError."""
    registry = CollectorRegistry()
    documents = Gauge(
        "parquetry_documents", "Documents of the last run by how they ended", ["status"], registry=registry
    )
    for status in ("ok", "partial", "failed", "unchanged", "given_up", "removed", "left"):
        documents.labels(status).set(getattr(summary, status))
    for name, told, value in (
        ("parquetry_pages", "Pages read by the last run", summary.pages),
        ("parquetry_tables", "Tables found by the last run", summary.tables),
        ("parquetry_facts", "Facts of financial statements found by the last run", summary.facts),
        ("parquetry_needs_review", "Values of the last run that need review", summary.needs_review),
        ("parquetry_run_seconds", "Seconds that the last run took", summary.seconds),
        ("parquetry_run_end_time_seconds", "When the last run ended, seconds since 1970", time.time()),
    ):
        Gauge(name, told, registry=registry).set(value)
    out.put(FILE, generate_latest(registry))
