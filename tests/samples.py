"""The sample documents and their truth, in the forms that tests want."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from extractors.sources import Source, find_sources, identify
from schemas.records import Fact
from tests.conftest import SAMPLES

BORN_DIGITAL = (
    "tarnwick_annual_report_2024.pdf",
    "lanting_annual_report_2024_zh.pdf",
    "kellinghaus_jahresabschluss_2024.pdf",
)  # those with statements and a true text layer
SCANS = ("tarnwick_annual_report_2024_scan.pdf", "brackwater_accounts_2024.tiff")
Truth = dict[str, Any]
FactKey = tuple[str, str, str | None, Decimal]  # statement, label, end of the period, value in base units


def names() -> list[str]:
    """All documents, as paths below the samples' folder."""
    found = (path.relative_to(SAMPLES) for path in SAMPLES.rglob("*.truth.json"))
    return sorted(str(path.parent / truth_of(path)["doc"]) for path in found)


def truth_of(name: str | Path) -> Truth:
    """The truth of a document, or of a truth file, below the samples' folder."""
    path = SAMPLES / name
    if not path.name.endswith(".truth.json"):
        path = path.with_suffix(".truth.json")
    truth: Truth = json.loads(path.read_text("utf-8"))
    return truth


def source_of(name: str, settings: Any) -> Source:
    """The document as the pipeline takes it."""
    (listed,) = find_sources(SAMPLES / name)
    return identify(listed, settings)


def plain_label(text: str) -> str:
    """A label as it is compared: white space closed up, footnote markers of the samples dropped."""
    return "".join(text.split()).rstrip("¹²³")


def plain_text(text: str) -> str:
    """A cell as it is compared: no white space, no leader dots, raised figures as plain ones."""
    return re.sub(r"[.…]{3,}$", "", "".join(unicodedata.normalize("NFKC", text).split()))


def true_facts(truth: Truth) -> Counter[FactKey]:
    """Every value of every statement, by what it means; rows of equity statements are compared without their dates."""
    facts: Counter[FactKey] = Counter()
    for statement in truth["statements"]:
        for row in statement["rows"]:
            for column, number in zip(statement["columns"], row["numbers"], strict=False):
                if number is not None:
                    facts[
                        statement["kind"], plain_label(row["label"]), column["period_end"], Decimal(number)
                    ] += 1
    return facts


def read_facts(facts: tuple[Fact, ...]) -> Counter[FactKey]:
    """The facts that a reading gave, in the same form."""
    ends = [
        None if f.statement == "equity_statement" or not f.period_end else f.period_end.isoformat()
        for f in facts
    ]
    return Counter(
        (fact.statement, plain_label(fact.label), end, fact.value)
        for fact, end in zip(facts, ends, strict=True)
        if fact.value is not None
    )


def cells_of(truth: Truth) -> Iterator[tuple[int, str]]:
    """Page and text of every table cell."""
    for table in truth["tables"]:
        for cell in table["cells"]:
            yield cell["page"], cell["text"]


def as_table_lines(folder: Path = SAMPLES) -> list[Truth]:
    """The tables of all documents, one per entry, in the form of the ICDAR 2013 truth: doc, pages, cells."""
    lines = []
    for path in sorted(folder.rglob("*.truth.json")):
        truth = json.loads(path.read_text("utf-8"))
        for number, table in enumerate(truth["tables"], 1):
            pages = list(range(table["page"], table["page_last"] + 1))
            stem = truth["doc"].rsplit(".", 1)[0]
            lines.append({"doc": stem, "alternate": False, "table": str(number), "pages": pages, **table})
    return lines
