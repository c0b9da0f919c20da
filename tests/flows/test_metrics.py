"""The figures for Prometheus, read back as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.datasets import Datasets
from flows.metrics import FILE, write_metrics
from flows.summary import Outcome, Summary


def summary(*outcomes: Outcome) -> Summary:
    made = Summary("geometry", None, {}, unchanged=0, passed_over=0, removed=0, given_up=0, seconds=4.0)
    for outcome in outcomes:
        made.add(outcome)
    return made


GOOD = Outcome("a", "a.pdf", "new", "ok", 8, 2, 5, 1, 3.0, stages=(("text", 1.0), ("tables", 2.0)))
LOCKED = Outcome(
    "b", "b.pdf", "new", "failed", 0, 0, 0, 0, 1.0, failures=(("encrypted", "needs a password"),)
)


def figures(out: Datasets) -> dict[str, float]:
    text = (out.get(FILE) or b"").decode()
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def out(tmp_path) -> Datasets:
    datasets = Datasets(tmp_path)
    datasets.prepare()
    return datasets


def test_a_run_leaves_its_figures(out):
    write_metrics(out, summary(GOOD, LOCKED))
    told = figures(out)
    assert told["parquetry_documents ok"] == told["parquetry_documents failed"] == 1
    assert told["parquetry_documents_with_failures encrypted"] == 1
    assert told["parquetry_documents_with_failures timeout"] == 0
    assert (told["parquetry_pages"], told["parquetry_pages_per_second"]) == (8, 2.0)
    assert (told["parquetry_needs_review"], told["parquetry_stage_seconds tables"]) == (1, 2.0)
    assert told["parquetry_last_success_time_seconds"] == told["parquetry_run_end_time_seconds"] > 1.7e9


def test_the_last_success_outlives_runs_that_fail(out):
    write_metrics(out, summary(LOCKED))
    assert figures(out)["parquetry_last_success_time_seconds"] == 0
    write_metrics(out, summary(GOOD))
    good = figures(out)["parquetry_last_success_time_seconds"]
    write_metrics(out, summary(GOOD), ended=False)
    assert figures(out)["parquetry_last_success_time_seconds"] == good
    out.put(FILE, b"\xff not ours")
    write_metrics(out, summary(LOCKED))
    assert figures(out)["parquetry_last_success_time_seconds"] == 0
