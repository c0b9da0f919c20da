"""Small real documents that tests make themselves, and the output compared without its times."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pymupdf

from flows.datasets import Datasets
from schemas.arrow import DATASETS

TIMES = (  # columns that differ from run to run
    "started_at", "seconds", "seconds_text", "seconds_tables", "seconds_statements", "at", "flow_run_id", "removed_at",
)  # fmt: skip


def small_pdf(path: Path, sales: int = 100, pages: int = 1, title: str = "Balance Sheet") -> Path:
    """Write a PDF whose pages hold a ruled table of three columns; `sales` makes its bytes and values its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pdf = pymupdf.open()
    for number in range(pages):
        page = pdf.new_page(width=400, height=300)
        page.insert_text((40, 40), title, fontsize=13)
        page.insert_text((40, 56), "(in thousands of euros)", fontsize=8)
        rows = [("", "2024", "2023"), ("Cash", str(sales + number), "90"), ("Inventories", "250", "240"),
                ("Total assets", str(sales + number + 250), "330")]  # fmt: skip
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                page.insert_text((50 + 120 * c, 90 + 22 * r), text, fontsize=10)
        for r in range(len(rows) + 1):
            page.draw_line((40, 75 + 22 * r), (380, 75 + 22 * r))
        for c in range(4):
            page.draw_line((40 + 340 * c / 3, 75), (40 + 340 * c / 3, 75 + 22 * len(rows)))
    pdf.save(path, no_new_id=True)
    return path


def heed_ctrl_c() -> None:
    """In a new process: undo that a shell lets what it starts in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def content(out: Path | str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of an output, sorted, without the columns that tell times."""
    datasets = Datasets(out)
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for name in DATASETS:
        table = datasets.load(name)
        table = table.drop_columns([column for column in TIMES if column in table.column_names])
        rows[name] = sorted(tuple(map(repr, row.values())) for row in table.to_pylist())
    return rows
