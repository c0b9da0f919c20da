"""Statements in six languages, drawn as PDFs and read from file to facts: sign, scale, currency, period and checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pymupdf
import pytest

from extractors.document import extract_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from schemas.records import DocumentResult, Fact

LEFT, EDGES, PITCH = (
    60.0,
    (430.0, 530.0),
    16.0,
)  # points: labels, right edges of the columns, between two lines


@dataclass(frozen=True)
class Drawn:
    """A statement as it is drawn, and what its facts must say. `expected` is by label: the two values in base units."""

    kind: str
    title: Sequence[str]
    header: Sequence[str]
    rows: Sequence[tuple[str, str, str]]
    currency: str
    periods: Sequence[tuple[date | None, date]]
    expected: dict[str, tuple[str, str]]
    font: str = "helv"


def year(y: int) -> tuple[date, date]:
    return date(y, 1, 1), date(y, 12, 31)


def day(y: int) -> tuple[None, date]:
    return None, date(y, 12, 31)


GERMAN = Drawn(
    "income_statement",
    ["Beispiel AG", "Konzern-Gewinn- und Verlustrechnung", "für das Geschäftsjahr vom 1. Januar bis 31. Dezember 2023", "in TEUR"],
    ["2023", "2022"],
    [
        ("Umsatzerlöse", "12.345,6", "11.210,4"), ("Herstellungskosten", "-7.120,3", "-6.900,1"), ("Bruttoergebnis vom Umsatz", "5.225,3", "4.310,3"),
        ("Vertriebskosten", "-1.200,0", "-1.150,5"), ("Verwaltungskosten", "-900,2", "-880,0"), ("Betriebsergebnis", "3.125,1", "2.279,8"),
        ("Finanzergebnis", "-125,1", "-79,8"), ("Ergebnis vor Steuern", "3.000,0", "2.200,0"), ("Ertragsteuern", "-900,0", "-660,0"),
        ("Jahresüberschuss", "2.100,0", "1.540,0"),
    ],
    "EUR",
    [year(2023), year(2022)],
    {"Umsatzerlöse": ("12345600", "11210400"), "Herstellungskosten": ("-7120300", "-6900100"), "Jahresüberschuss": ("2100000", "1540000")},
)  # fmt: skip
FRENCH = Drawn(
    "balance_sheet",
    ["Exemple SA", "Bilan consolidé", "(en milliers d'euros)"],
    ["31 décembre 2023", "31 décembre 2022"],
    [
        ("Immobilisations corporelles", "4 210", "4 050"), ("Stocks", "1 325", "1 240"), ("Créances clients", "2 115", "1 980"),
        ("Trésorerie et équivalents", "850", "730"), ("Total actif", "8 500", "8 000"), ("Capital social", "1 000", "1 000"),
        ("Réserves", "3 200", "2 900"), ("Emprunts", "2 300", "2 250"), ("Dettes fournisseurs", "2 000", "1 850"), ("Total passif", "8 500", "8 000"),
    ],
    "EUR",
    [day(2023), day(2022)],
    {"Stocks": ("1325000", "1240000"), "Total actif": ("8500000", "8000000"), "Total passif": ("8500000", "8000000")},
)  # fmt: skip
SPANISH = Drawn(
    "income_statement",
    ["Ejemplo, S.A.", "Cuenta de pérdidas y ganancias consolidada", "Ejercicios terminados el 31 de diciembre", "(en millones de euros)"],
    ["2023", "2022"],
    [
        ("Importe neto de la cifra de negocios", "3.450", "3.120"), ("Coste de ventas", "(2.010)", "(1.870)"), ("Margen bruto", "1.440", "1.250"),
        ("Gastos de personal", "(640)", "(600)"), ("Otros gastos de explotación", "(210)", "(200)"), ("Resultado de explotación", "590", "450"),
        ("Gastos financieros", "(40)", "(50)"), ("Resultado antes de impuestos", "550", "400"), ("Impuesto sobre beneficios", "(130)", "(100)"),
        ("Resultado del ejercicio", "420", "300"),
    ],
    "EUR",
    [year(2023), year(2022)],
    {"Coste de ventas": ("-2010000000", "-1870000000"), "Resultado del ejercicio": ("420000000", "300000000")},
)  # fmt: skip
DUTCH = Drawn(
    "balance_sheet",
    ["Voorbeeld B.V.", "Geconsolideerde balans per 31 december 2023", "(x EUR 1.000)"],
    ["31-12-2023", "31-12-2022"],
    [
        ("Vaste activa", "5.100", "4.900"), ("Voorraden", "1.250", "1.150"), ("Vorderingen", "2.050", "1.950"), ("Liquide middelen", "600", "500"),
        ("Totaal activa", "9.000", "8.500"), ("Eigen vermogen", "4.400", "4.100"), ("Langlopende schulden", "2.600", "2.500"),
        ("Kortlopende schulden", "2.000", "1.900"), ("Totaal passiva", "9.000", "8.500"),
    ],
    "EUR",
    [day(2023), day(2022)],
    {"Voorraden": ("1250000", "1150000"), "Totaal activa": ("9000000", "8500000")},
)  # fmt: skip
PORTUGUESE = Drawn(
    "income_statement",
    ["Exemplo S.A.", "Demonstração do resultado consolidado", "Exercícios findos em 31 de dezembro", "(Em milhares de reais)"],
    ["2023", "2022"],
    [
        ("Receita líquida", "98.765", "91.234"), ("Custo das vendas", "(60.100)", "(57.000)"), ("Lucro bruto", "38.665", "34.234"),
        ("Despesas com vendas", "(9.000)", "(8.500)"), ("Despesas gerais e administrativas", "(7.665)", "(7.234)"),
        ("Lucro operacional", "22.000", "18.500"), ("Despesas financeiras", "(2.000)", "(2.500)"),
        ("Lucro antes do imposto de renda", "20.000", "16.000"), ("Imposto de renda", "(6.000)", "(4.800)"), ("Lucro líquido", "14.000", "11.200"),
    ],
    "BRL",
    [year(2023), year(2022)],
    {"Receita líquida": ("98765000", "91234000"), "Custo das vendas": ("-60100000", "-57000000"), "Lucro líquido": ("14000000", "11200000")},
)  # fmt: skip
CHINESE = Drawn(
    "income_statement",
    ["示例股份有限公司", "合并利润表", "2023年度", "单位：万元 币种：人民币"],
    ["2023年度", "2022年度"],
    [
        ("一、营业总收入", "1,000.50", "900.00"), ("减：营业成本", "600.00", "550.00"), ("销售费用", "50.00", "45.00"), ("管理费用", "40.50", "35.00"),
        ("二、营业利润", "310.00", "270.00"), ("三、利润总额", "310.00", "270.00"), ("减：所得税费用", "77.50", "67.50"), ("四、净利润", "232.50", "202.50"),
    ],
    "CNY",
    [year(2023), year(2022)],
    {"一、营业总收入": ("10005000", "9000000"), "四、净利润": ("2325000", "2025000")},
    "china-s",
)  # fmt: skip
CHINESE_SHEET = Drawn(
    "balance_sheet",
    ["示例股份有限公司", "合并资产负债表", "2023年12月31日", "单位：元 币种：人民币"],
    ["期末余额", "期初余额"],
    [
        ("货币资金", "1,200,000.00", "1,100,000.00"), ("应收账款", "800,000.00", "750,000.00"), ("流动资产合计", "2,000,000.00", "1,850,000.00"),
        ("固定资产", "3,000,000.00", "2,900,000.00"), ("资产总计", "5,000,000.00", "4,750,000.00"), ("短期借款", "1,500,000.00", "1,450,000.00"),
        ("负债合计", "1,500,000.00", "1,450,000.00"), ("实收资本", "2,000,000.00", "2,000,000.00"), ("未分配利润", "1,500,000.00", "1,300,000.00"),
        ("所有者权益合计", "3,500,000.00", "3,300,000.00"), ("负债和所有者权益总计", "5,000,000.00", "4,750,000.00"),
    ],
    "CNY",
    [day(2023), day(2022)],
    {"货币资金": ("1200000", "1100000"), "资产总计": ("5000000", "4750000")},
    "china-s",
)  # fmt: skip
ALL = {
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
    "nl": DUTCH,
    "pt": PORTUGUESE,
    "zh": CHINESE,
    "zh_sheet": CHINESE_SHEET,
}


def draw(drawn: Drawn, path: Path) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page(width=595, height=842)

        def put(x: float, y: float, text: str, *, flush_right: bool = False) -> None:
            name = "helv" if text.isascii() else drawn.font
            x -= pymupdf.Font(name).text_length(text, 10) if flush_right else 0
            page.insert_text((x, y), text, fontname=name, fontsize=10)

        y = 60.0
        for line in drawn.title:
            put(LEFT, y, line)
            y += PITCH
        y += PITCH
        for edge, text in zip(EDGES, drawn.header, strict=True):
            put(edge, y, text, flush_right=True)
        for label, *values in drawn.rows:
            y += PITCH
            put(LEFT, y, label)
            for edge, text in zip(EDGES, values, strict=True):
                put(edge, y, text, flush_right=True)
        pdf.save(path)


def read(path: Path) -> DocumentResult:
    settings = Settings(engine="geometry")
    return extract_document(identify(find_sources(str(path))[0], settings), settings)


def of(facts: Sequence[Fact], label: str) -> list[Fact]:
    return sorted((f for f in facts if f.label == label), key=lambda f: f.col)


@pytest.mark.parametrize("name", ALL)
def test_a_statement_is_read_whole(name: str, tmp_path: Path) -> None:
    drawn = ALL[name]
    draw(drawn, tmp_path / f"{name}.pdf")
    result = read(tmp_path / f"{name}.pdf")
    facts = result.facts
    assert {f.statement for f in facts} == {drawn.kind}
    assert len(facts) == 2 * len(drawn.rows)
    assert {f.currency for f in facts} == {drawn.currency}
    for label, values in drawn.expected.items():
        found = of(facts, label)
        assert [f.value for f in found] == [Decimal(v) for v in values], label
        assert [(f.period_start, f.period_end) for f in found] == list(drawn.periods), label
    assert {c.status for c in result.checks} == {"pass"}
    assert not any(f.needs_review for f in facts)
