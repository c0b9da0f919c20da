"""Imports go one way: flows → extractors → schemas, and the contract of the datasets holds column by column."""

from __future__ import annotations

import ast

import pytest

from schemas.arrow import DATASETS, RECORDS, SCHEMAS
from tests.conftest import ROOT

ORDER = {"schemas": 0, "extractors": 1, "flows": 2}
# What each folder of extractors may use of the others. All of them use the modules beside them: errors, settings, the seams.
FOLDERS = {
    "pages": set(),
    "statements": set(),
    "worker": set(),
    "geometry": {"pages", "statements"},
    "checks": {"pages", "statements"},
    "vision": {"pages", "statements", "geometry", "worker"},
    "own": {"pages", "statements", "vision", "worker"},
    "isolation": {"pages", "own"},
    "training": {"pages", "vision", "worker"},
    "reader": set(),
}
MODULES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))

CONTRACT = {
    "documents": "doc_id fingerprint source_uri media_type byte_size n_pages n_tables n_facts status engine model "
    "schema_version started_at seconds flow_run_id",
    "pages": "doc_id page width height rotation text_source n_tiles status seconds",
    "tables": "doc_id table_id page_first page_last bbox title kind currency scale unit_text n_rows n_cols "
    "n_header_rows engine confidence html",
    "cells": "doc_id table_id row col row_span col_span role text value unit page bbox source grounding confidence "
    "needs_review",
    "facts": "doc_id fact_id table_id row col statement label label_path concept period_start period_end months "
    "currency scale raw_text value page bbox grounding check_status confidence needs_review review_reason",
    "checks": "doc_id table_id check detail column expected actual tolerance status",
    "failures": "doc_id source_uri page tile stage category message attempts retryable raw_output at",
}


def imported_packages(source: str) -> set[str]:
    """Return the top-level names that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    mine = ORDER[path.relative_to(ROOT).parts[0]]
    against = {name for name in imported_packages(path.read_text()) if ORDER.get(name, -1) > mine}
    assert against == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_of_extractors_use_each_other_one_way(folder):
    used = set()
    for path in (ROOT / "extractors" / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("extractors."):
                used.add(node.module.split(".")[1])
    assert used & set(FOLDERS) - {folder} == FOLDERS[folder]


def test_every_folder_of_extractors_has_its_place():
    assert set(FOLDERS) == {path.parent.name for path in (ROOT / "extractors").glob("*/__init__.py")}


def test_only_flows_know_prefect():
    users = {p.relative_to(ROOT).parts[0] for p in MODULES if "prefect" in imported_packages(p.read_text())}
    assert users == {"flows"}


@pytest.mark.parametrize("dataset", DATASETS)
def test_contract_columns_are_all_there(dataset):
    assert set(CONTRACT[dataset].split()) <= set(SCHEMAS[dataset].names)


@pytest.mark.parametrize("dataset", DATASETS)
def test_records_and_arrow_columns_agree(dataset):
    assert set(SCHEMAS[dataset].names) - {"doc_id"} == set(RECORDS[dataset].model_fields) - {"doc_id"}
