"""Labels → standard concepts, and null rather than a bad guess."""

import json

import pytest

from extractors.statements.concepts import DATA, find_concept, normalise
from schemas.arrow import STATEMENT_KINDS
from schemas.records import StatementKind


@pytest.mark.parametrize(
    ("kind", "label", "path", "concept"),
    [
        ("income_statement", "Net sales", (), "us-gaap:Revenues"), ("income_statement", "TURNOVER", (), "us-gaap:Revenues"),
        ("balance_sheet", "TOTAL ASSETS", (), "us-gaap:Assets"), ("balance_sheet", "Total assets (Note 3)", (), "us-gaap:Assets"),
        ("balance_sheet", "Total Iiabilities and equity", (), "us-gaap:LiabilitiesAndStockholdersEquity"),
        ("income_statement", "Basic", ("Earnings per share:",), "us-gaap:EarningsPerShareBasic"),
        ("income_statement", "Diluted", ("Weighted average shares outstanding:",),
         "us-gaap:WeightedAverageNumberOfDilutedSharesOutstanding"),
        ("income_statement", "四、净利润", (), "us-gaap:ProfitLoss"), ("balance_sheet", "Summe Aktiva", (), "us-gaap:Assets"),
        ("balance_sheet", "NET CURRENT ASSETS", (), "ifrs-full:NetCurrentAssetsLiabilities"),
        ("cash_flow_statement", "Net cash (used in) provided by  quite other things", (), None),
        ("income_statement", "Total", (), None), ("balance_sheet", "Net sales", (), None), ("income_statement", "", (), None),
    ],
)  # fmt: skip
def test_concepts(kind: StatementKind, label: str, path: tuple[str, ...], concept: str | None) -> None:
    assert find_concept(kind, label, path) == concept


def test_the_published_list_is_sound() -> None:
    entries = json.loads(DATA.read_text(encoding="utf-8"))["concepts"]
    seen: dict[tuple[str, str], str] = {}
    for entry in entries:
        assert entry["concept"].startswith(("us-gaap:", "ifrs-full:"))
        assert set(entry["statements"]) <= set(STATEMENT_KINDS)
        for kind in entry["statements"]:
            for label in entry["labels"]:
                key = (kind, normalise(label))
                assert seen.setdefault(key, entry["concept"]) == entry["concept"], key


def test_a_label_that_differs_by_a_word_is_another_label() -> None:
    creditors = "Creditors: amounts falling due after more than one year"
    assert find_concept("balance_sheet", creditors) == "us-gaap:LiabilitiesNoncurrent"
    assert (
        find_concept("balance_sheet", "Creditors: arnounts falling due after more than one year")
        == "us-gaap:LiabilitiesNoncurrent"
    )
    assert find_concept("balance_sheet", "Debtors: amounts falling due after more than one year") is None
