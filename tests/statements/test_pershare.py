"""Rows per share and rows of average shares → their concept, put together from label and sections."""

from __future__ import annotations

import pytest

from extractors.statements.pershare import share_concept

EPS = "Earnings per share:"


@pytest.mark.parametrize(
    ("label", "path", "name"),
    [
        ("Basic", (EPS,), "EarningsPerShareBasic"),
        ("Class A", (EPS, "Basic"), "EarningsPerShareBasic"),
        ("Class B common stock", ("Diluted earnings per share",), "EarningsPerShareDiluted"),
        ("Class A – diluted", ("Net income per share",), "EarningsPerShareDiluted"),
        ("Basic net income per share of Class A, Class B, and Class C stock", (), "EarningsPerShareBasic"),
        ("Diluted net income per share of Class A and B common stock and Class C capital stock", (), "EarningsPerShareDiluted"),
        ("Basic and diluted", ("Net loss per share",), "EarningsPerShareBasicAndDiluted"),
        ("NET (LOSS) INCOME PER COMMON SHARE - BASIC", (), "EarningsPerShareBasic"),
        ("Net income attributable to Example Inc. common shareholders", ("Earnings per common share––diluted :",), "EarningsPerShareDiluted"),
        ("Income from continuing operations", ("Earnings per common share–basic:",), "IncomeLossFromContinuingOperationsPerBasicShare"),
        ("Diluted net income per share from discontinued operations", (), "IncomeLossFromDiscontinuedOperationsNetOfTaxPerDilutedShare"),
        ("Unverwässertes Ergebnis je Aktie", (), "EarningsPerShareBasic"), ("Verwässertes Ergebnis je Aktie", (), "EarningsPerShareDiluted"),
        ("（一）基本每股收益", (), "EarningsPerShareBasic"), ("Résultat dilué par action", (), "EarningsPerShareDiluted"),
        ("Basic", ("Shares used in computing earnings per share:",), "WeightedAverageNumberOfSharesOutstandingBasic"),
        ("Class A", ("Weighted average shares outstanding:", "Diluted"), "WeightedAverageNumberOfDilutedSharesOutstanding"),
        ("Weighted average shares outstanding - basic and diluted", (), "WeightedAverageNumberOfShareOutstandingBasicAndDiluted"),
    ],
)  # fmt: skip
def test_names(label: str, path: tuple[str, ...], name: str) -> None:
    assert share_concept(label, path) == f"us-gaap:{name}"


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("Basic", ()), ("Net income", (EPS,)), ("Dividends paid per common share", (EPS,)), ("Book value per share", ()), ("Basic materials", ()),
        ("Adjusted diluted earnings per share", ()), ("Headline earnings per share, basic", ()), ("Cumulative effect of accounting change", ("Basic " + EPS,)),
        ("Interest expense", ("Basic earnings per share",)), ("Net income", ()), ("", ("Basic earnings per share", "")),
    ],
)  # fmt: skip
def test_null_rather_than_a_guess(label: str, path: tuple[str, ...]) -> None:
    assert share_concept(label, path) is None
