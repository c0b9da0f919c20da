"""The documentation tells of every column, and its queries run."""

from __future__ import annotations

import re

import duckdb
import pytest

from schemas.arrow import DATASETS, SCHEMAS
from tests.conftest import ROOT
from tests.flows.test_datasets import out, write  # noqa: F401

TEXT = (ROOT / "docs" / "datasets.md").read_text()
SECTIONS = {name: part for name in DATASETS for part in re.findall(rf"(?ms)^## {name}:.*?(?=^## |\Z)", TEXT)}


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_column_is_described(dataset):
    columns = set(re.findall(r"\w+", " ".join(re.findall(r"(?m)^\| ([^|]+) \|", SECTIONS[dataset]))))
    described = columns | set(re.findall(r"`(\w+)`", SECTIONS[dataset]))
    assert set(SCHEMAS[dataset].names) <= described


def test_every_query_runs(out, monkeypatch):  # noqa: F811
    write(out, "aa", ["1", "2"])
    monkeypatch.chdir(out.path(".."))
    queries = re.findall(r"(?s)```sql\n(.*?)```", TEXT)
    assert len(queries) == 6
    for query in queries:
        duckdb.sql(query).fetchall()
