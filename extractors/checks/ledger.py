"""Which figures of a statement stand beside each other in time? Statements and facts → a `Ledger` of rows by period.

In: a statement and the document's facts. Out: rows of facts, one place for each period. Inner and outer amount columns of one period
become one; a row that prints an inner amount and an outer subtotal becomes two rows, the subtotal second. Rows that count shares,
percentages or amounts per share are not money and are kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from extractors.statements.periods import fold
from extractors.statements.statement import Column, LineItem, Statement
from schemas.records import Fact

Key = tuple[date | None, int | None, str]  # end, months, header where neither is known

_STRONG_TOTAL = re.compile(
    r"^\W*(?:grand\s*|sub-?\s*)?totals?\b|合计|总计|合計|總計|小计|^summe\b|^totaal\b|^suma\b|^net\s+cash\s+(?:provided|used|from|generated|flow)"
)
_LIKELY_TOTAL = re.compile(
    r"^(?:consolidated\s+)?(?:net|gross)\b|^operating\s+(?:income|profit|loss|earnings|\()|\bbefore\b.*\btax|^(?:income|loss|profit|earnings|\(loss\)).*\b(?:before|from|after|for)\b"
    r"|^comprehensive|\bend\s+of\b|^shareholders?\W*\s*funds|,\s*net$|[—–-]\s*net$|\battributable\s+to\b|^(?:increase|decrease|change)\b.*cash"
    r"|净额|净利润|营业利润|利润总额|总额|净增加额|余额$|ergebnis|resultat|resultado|resultaat|lucro"
)
# What a statement of comprehensive income adds to the result: with figures beside them, these are sums.
_COMPREHENSIVE = re.compile(
    r"^(?:total\s+)?other\s+comprehensive\s+(?:income|loss|expense|result|\()|^items\s+(?:\w+\s+){0,4}(?:recycl|reclassif)"
)
_ASIDE = re.compile(r"^\W*(?:of\s+which|thereof|davon|dont|waarvan|di\s+cui|de\s+los\s+cuales|其中)\b")
_RESULT = re.compile(
    r"^gross\s+(?:profit|margin|loss)|^operating\s+(?:income|profit|loss|\(loss\)|earnings)|^(?:income|loss|profit|earnings|\(loss\)).{0,40}\bbefore\b.{0,30}\btax"
    r"|^(?:income|loss|profit|earnings|\(loss\)).{0,12}\bfrom\s+operations|^(?:consolidated\s+)?net\s+(?:income|loss|earnings|profit)"
    r"|^(?:profit|loss|\(loss\)).{0,30}\bfor\s+the\b|^(?:total\s+)?comprehensive\s+(?:income|loss)|^net\s+\(?(?:increase|decrease|change)"
    r"|\bcash\b.{0,60}\bend\s+of\b|^balances?\b.{0,40}(?:end|\d{4})|营业利润|利润总额|净利润$|净增加额"
)
_NET_POSITION = re.compile(r"^(?:consolidated\s+)?net\s+(?:assets|current)")
_DEDUCTED = re.compile(r"^\W*(?:less|deduct|minus|abzuglich|moins|menos|af|减)\b|^减[:：]")
_ASSET_SIDE_END = re.compile(
    r"^(?:total\s+assets|net\s+(?:assets|liabilities)(?:\W*\(?(?:assets|liabilities)\)?)?|资产(?:总计|合计|总额)|資產總計|summe\s+aktiva|total\s+(?:de\s+l.)?actif|total\s+activos?"
    r"|total\s+do\s+ativo|totaal\s+activa)\W*$"
)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row: an item and its fact in each period (None where nothing is printed)."""

    item: LineItem
    facts: tuple[Fact | None, ...]

    def value(self, period: int) -> Decimal | None:
        """The value in base units of one period, None where nothing readable is printed."""
        fact = self.facts[period]
        return fact.value if fact else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """A statement's rows by period."""

    statement: Statement
    periods: tuple[Key, ...]
    rows: tuple[LedgerRow, ...]  # money rows, in printed order
    others: tuple[LedgerRow, ...]  # rows per share, of shares, of percent
    place: Mapping[int, int] = field(
        default_factory=dict
    )  # index of a statement's column -> index of its period

    def strong(self, row: int) -> bool:
        """Tell whether a row is printed as a total of the rows above it."""
        item = self.rows[row].item
        return bool(_STRONG_TOTAL.search(fold(item.label))) or (not item.label and item.ruled)

    def result(self, row: int) -> bool:
        """Tell whether a row is one of the results that a statement computes from the rows above it."""
        label = fold(self.rows[row].item.label)
        position = self.statement.kind != "cash_flow_statement" and bool(_NET_POSITION.search(label))
        return self.strong(row) or position or bool(_RESULT.search(label))

    def likely(self, row: int) -> bool:
        """Tell whether a row is worded as a total or a result."""
        label = fold(self.rows[row].item.label)
        wider = self.statement.kind in ("income_statement", "comprehensive_income")
        if wider and _COMPREHENSIVE.search(label):
            return True
        return not label or self.strong(row) or self.rows[row].item.total or bool(_LIKELY_TOTAL.search(label))

    def aside(self, row: int) -> bool:
        """Tell whether a row says what the row above it holds: "of which pledged"."""
        return bool(_ASIDE.search(fold(self.rows[row].item.label)))

    def deducted(self, row: int) -> bool:
        """Tell whether a row is worded as a deduction."""
        return bool(_DEDUCTED.search(fold(self.rows[row].item.label)))

    def two_sided(self) -> bool:
        """Tell whether this is a balance sheet of assets on one side and liabilities and equity on the other."""
        labels = [fold(row.item.label) for row in self.rows]
        return self.statement.kind == "balance_sheet" and any(
            _ASSET_SIDE_END.match(label) and not label.startswith("net") for label in labels
        )

    def barriers(self) -> tuple[int, ...]:
        """Return the rows before which a new part of the statement begins: what follows the total of the assets."""
        return tuple(i + 1 for i, row in enumerate(self.rows) if _ASSET_SIDE_END.match(fold(row.item.label)))


def open_ledger(statement: Statement, facts: dict[tuple[str, int, int], Fact]) -> Ledger:
    """Return the rows of one statement by period. `facts` are keyed by table, row and column."""
    keys: list[Key] = []
    place: dict[int, int] = {}
    for index, column in enumerate(statement.columns):
        known = column.period.end is not None and column.component is None
        key: Key = (column.period.end, column.period.months, "") if known else _unlike(index, column)
        if key not in keys:
            keys.append(key)
        place[index] = keys.index(key)
    money: list[LedgerRow] = []
    others: list[LedgerRow] = []
    for item in statement.items:
        for row in _rows(statement, item, facts, place, len(keys)):
            (money if item.unit == "money" else others).append(row)
    return Ledger(statement, tuple(keys), tuple(money), tuple(others), place)


def _unlike(index: int, column: Column) -> Key:
    """The key of a column that stands beside no other statement's in time: without a date, a component, a part of a period."""
    return None, column.period.months, f"{index}:{column.header}"


def _rows(
    statement: Statement,
    item: LineItem,
    facts: dict[tuple[str, int, int], Fact],
    place: dict[int, int],
    width: int,
) -> Iterator[LedgerRow]:
    layers: list[list[Fact | None]] = []
    depth = [0] * width
    for value in item.values:
        fact = facts.get((item.table_id, item.row, value.placed.cell.col))
        if fact is None:
            continue
        period = place[value.column]
        while len(layers) <= depth[period]:
            layers.append([None] * width)
        layers[depth[period]][period] = fact
        depth[period] += 1
    for layer in layers:
        yield LedgerRow(item, tuple(layer))


def find_row(
    ledger: Ledger, concepts: Sequence[str], pattern: re.Pattern[str] | None = None, *, last: bool = False
) -> LedgerRow | None:
    """Return the row of one of the concepts (in their order), or the one whose label matches; None when there is none."""
    rows = list(reversed(ledger.rows)) if last else list(ledger.rows)
    for concept in concepts:
        found = next((row for row in rows if row.item.concept == concept), None)
        if found:
            return found
    if pattern is None:
        return None
    return next((row for row in rows if pattern.search(fold(row.item.label))), None)


def as_printed(fact: Fact | None) -> Decimal | None:
    """Return a fact's figure in printed units, for there it was rounded; None where nothing readable is printed."""
    if fact is None or fact.value is None:
        return None
    return fact.value / fact.scale if fact.scale else fact.value


def decimals(fact: Fact) -> int:
    """Return how many digits a fact prints after its point."""
    printed = as_printed(fact)
    exponent = printed.as_tuple().exponent if printed is not None else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def room_for(facts: Sequence[Fact], exact: bool, printed: Collection[str]) -> Decimal:
    """Return how far rounding may put a total and its parts apart, in base units.

    `exact` tells that the document's sums hold to the last digit, `printed` are the ids of facts that are the page's own text:
    figures that OCR or a model read from such a document get no room, for a misread last digit would fit in it.
    """
    if exact and not all(fact.fact_id in printed for fact in facts):
        return Decimal(0)
    return last_digit(*facts) * len(facts) / 2


def last_digit(*facts: Fact) -> Decimal:
    """Return the last printed digit of the coarsest of the facts, in base units."""
    return max(Decimal(fact.scale or 1).scaleb(-decimals(fact)) for fact in facts)
