"""Headers and figures of columns that compare periods, against those of columns that hold a period's own figures."""

from __future__ import annotations

import pytest

from extractors.statements.asides import all_percent, aside_kind
from schemas.amount import Amount, parse_amount


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Increase (decrease)", "change"), ("$ Change", "change"), ("2023 vs. 2022", "change"), ("Variance Favorable (Unfavorable)", "change"),
        ("Change from December 31, 2022", "change"), ("Inc/(Dec)", "change"), ("Veränderung", "change"), ("Variation", "change"),
        ("Variação", "change"), ("Mutatie", "change"), ("增减变动", "change"), ("Year-over-year change", "change"),
        ("% change", "percent"), ("Percent change 2018 vs. 2017", "percent"), ("%", "percent"), ("% of revenue", "percent"),
        ("Percent of net sales 2023", "percent"), ("Veränderung in %", "percent"), ("本期比上期增减（%）", "percent"), ("变动比例", "percent"),
        ("per cent of turnover", "percent"), ("Var. %", "percent"),
    ],
)  # fmt: skip
def test_columns_that_compare(header: str, kind: str) -> None:
    assert aside_kind(header) == kind


@pytest.mark.parametrize(
    "header",
    [
        "2018", "Year ended December 31, 2018", "Dec 25, 2021", "31 Dec 2022", "期末余额", "As restated 2017", "Note", "",
        "Foreign exchange reserve £’000", "Change in fair value reserve", "Cumulative exchange variation", "Exchange differences",
        "Increase in capital", "8% preference shares", "7.5 % convertible notes", "Revaluation surplus", "Acme Inc. 2023", "其他综合收益",
    ],
)  # fmt: skip
def test_columns_with_figures_of_their_own(header: str) -> None:
    assert aside_kind(header) is None


def amounts(*texts: str) -> list[Amount]:
    return [a for text in texts if (a := parse_amount(text))]


def test_figures_with_percent_signs_make_a_column_of_percentages() -> None:
    assert all_percent(amounts("100.0%", "60.5%", "—", "(3.2)%"))
    assert not all_percent(amounts("100", "60", "39.5%", "12%"))
    assert not all_percent(amounts("5%", "6%"))
