"""What does a statement state? A `Statement` → its `Fact`s, one for each printed value, in base units.

In: one statement. Out: facts with scale and sign applied, each with the box of its own word, and with what can be said against
it before any check: an unprinted scale, a missing period, an unreadable or doubtful figure, a column it does not stand in.
Look-alikes give no facts: their figures are those of the primary statements in other words, or another entity's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from extractors.checks.confidence import MISREAD_SIGN, UNCLOSED
from extractors.statements.lostpoints import POINT_LOST, lost_points
from extractors.statements.rollforward import period_at
from extractors.statements.scales import RowUnit, minor_units
from extractors.statements.statement import Column, LineItem, Statement, Value, measure
from schemas.amount import Amount
from schemas.arrow import fits_money
from schemas.records import Fact

SURE_OCR = 0.90  # recogniser score (0-1) under which a figure that nothing else vouches for is not sure
OUT_OF_COLUMN = 14.0  # points between a figure's right edge and its column's: it may belong to another column

FEW_ROWS = 4  # figures of a column that say where it stands, and whether its rows have labels
SLIPS = 0.2  # of a statement's amounts; fewer with decimals among whole ones are misread
MOSTLY = 0.6  # of a statement's amounts are whole: then one with decimals may be one per share
NAMELESS = "no line item stands beside this column's figures"

DECIMALS = "it has decimals, and the other amounts have none: its row may not be in their unit"

DOUBTS = {
    "unreadable": "a character of the figure cannot be read",
    "unclosed": UNCLOSED,
    "spaced": "spaces split the figure: it may be two",
    "separators": "its separators are not those of the rest of the document",
    "marker": "what follows the figure may be a footnote or a second figure",
    "sign": MISREAD_SIGN,
    "side": "CR or DR beside the figure: its sign depends on the document",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the figures of a column stand, points: the left edge of the widest, the right edge of most."""

    left: float
    edge: float


def state_facts(statement: Statement) -> tuple[Fact, ...]:
    """Return the facts of a primary statement, in printed order; none for a look-alike."""
    if not statement.primary:
        return ()
    places, nameless, whole = _places(statement), _nameless(statement), _whole(statement)
    in_thousandths, mostly_whole = _in_thousandths(statement), _mostly_whole(statement)
    pointless = _lost_per_share(statement) | lost_points(
        {
            (item.row, value.column): value.placed.amount
            for item in statement.items
            for value in item.values
            if value.placed.amount
        }
    )
    facts = []
    for item in statement.items:
        for value in item.values:
            fact = _fact(statement, item, value, places)
            scanned = value.placed.cell.source != "text_layer"
            if scanned and (item.row, value.column) in pointless:
                fact = doubted(fact, POINT_LOST)
            if value.column in nameless:
                fact = doubted(fact, NAMELESS)
            if (whole or (in_thousandths and scanned)) and _split_in_thousandths(statement, item, value):
                fact = doubted(fact, DOUBTS["separators"])
            elif scanned and mostly_whole and _has_decimals(statement, item, value):
                fact = doubted(fact, DECIMALS)
            facts.append(fact)
    return tuple(facts)


def _whole(statement: Statement) -> bool:
    """Tell whether a statement's amounts are printed without decimals, but for a few."""
    decimals = _decimals(statement)
    return len(decimals) >= FEW_ROWS and sum(d > 0 for d in decimals) <= SLIPS * len(decimals)


def _mostly_whole(statement: Statement) -> bool:
    """Tell whether most amounts of money are printed without decimals."""
    decimals = [
        value.placed.amount.decimals
        for item in statement.items
        for value in item.values
        if value.placed.amount and measure(item, statement.columns[value.column])[0] == "money"
    ]
    return len(decimals) >= FEW_ROWS and sum(d == 0 for d in decimals) >= MOSTLY * len(decimals)


def _has_decimals(statement: Statement, item: LineItem, value: Value) -> bool:
    """Tell whether an amount of money has decimals; numbers of shares may have them beside whole amounts."""
    amount = value.placed.amount
    money = measure(item, statement.columns[value.column])[0] == "money"
    return money and amount is not None and amount.decimals > 0


def _lost_per_share(statement: Statement) -> frozenset[tuple[int, int]]:
    """Return the places of whole figures in rows per share whose other figures have decimals: "812" beside 9.72."""
    found = set()
    for item in statement.items:
        figures = {
            value.column: value.placed.amount.decimals > 0
            for value in item.values
            if value.placed.amount and value.placed.amount.value
        }
        if item.unit == "per_share" and any(figures.values()):
            found |= {(item.row, column) for column, has_decimals in figures.items() if not has_decimals}
    return frozenset(found)


def _in_thousandths(statement: Statement) -> bool:
    """Tell whether a statement's amounts have three decimals or none, but for a few: commas between thousands, read as points."""
    decimals = _decimals(statement)
    return len(decimals) >= FEW_ROWS and sum(d not in (0, 3) for d in decimals) <= SLIPS * len(decimals)


def _decimals(statement: Statement) -> list[int]:
    return [
        value.placed.amount.decimals
        for item in statement.items
        for value in item.values
        if value.placed.amount and not value.placed.amount.nil and _counts(statement, item, value)
    ]


def _split_in_thousandths(statement: Statement, item: LineItem, value: Value) -> bool:
    """Tell whether a figure prints three digits after its point, as a misread comma between thousands does: (490.284)."""
    amount = value.placed.amount
    return amount is not None and amount.decimals == 3 and _counts(statement, item, value)


def _counts(statement: Statement, item: LineItem, value: Value) -> bool:
    return measure(item, statement.columns[value.column])[0] in ("money", "shares")


def doubted(fact: Fact, reason: str) -> Fact:
    """Return the fact with one more reason to look at it."""
    reasons = [fact.review_reason] if fact.review_reason else []
    return fact.model_copy(update={"needs_review": True, "review_reason": "; ".join([*reasons, reason])})


def _nameless(statement: Statement) -> set[int]:
    """Return the columns most of whose figures have no line item beside them: their labels were lost."""
    named: dict[int, list[bool]] = {}
    for item in statement.items:
        for value in item.values:
            named.setdefault(value.column, []).append(sum(map(str.isalpha, item.label)) > 1)
    return {c for c, labels in named.items() if len(labels) >= FEW_ROWS and sum(labels) * 2 < len(labels)}


def _fact(
    statement: Statement, item: LineItem, value: Value, places: Mapping[tuple[int, int], Place]
) -> Fact:
    column = statement.columns[value.column]
    cell, amount = value.placed.cell, value.placed.amount
    unit, scale = measure(item, column)
    number = base_value(amount, scale)
    reasons = list(_reasons(statement, item, column, value, number, places))
    period = period_at(item, column)
    box = cell.value_box or cell.box
    return Fact(
        fact_id=f"{item.table_id}-r{item.row:04d}-c{cell.col:02d}",
        table_id=item.table_id,
        row=item.row,
        col=cell.col,
        statement=statement.kind,
        label=item.label,
        label_path=(*((column.component,) if column.component else ()), *item.path),
        concept=item.concept if column.part_of is None else None,  # it names the whole figure
        period_start=period.start,
        period_end=period.end,
        months=period.months,
        currency=statement.currency if _in_currency(item, unit, amount) else None,
        scale=scale,
        raw_text=value.placed.text,
        value=number,
        page=cell.page,
        bbox=box,
        grounding=cell.grounding,
        check_status="not_evaluable",
        confidence=cell.confidence,
        needs_review=bool(reasons),
        review_reason="; ".join(reasons) or None,
        restated=column.period.restated,
        reading=cell.source if cell.first_text is None else "second_look",
        first_text=cell.first_text,
    )


def _in_currency(item: LineItem, unit: RowUnit, amount: Amount | None) -> bool:
    """Pence and cents are given as printed, and not as pounds or dollars."""
    if amount is not None and amount.unit in ("pence", "cent"):
        return False
    return unit == "money" or (unit == "per_share" and not minor_units(item.label, item.path))


def base_value(amount: Amount | None, scale: int | None) -> Decimal | None:
    """Return the figure in base units. Where nobody printed the scale, the figure is left as printed (and flagged)."""
    if amount is None or amount.value is None:
        return None
    number = amount.value * (
        scale if scale is not None and amount.unit is None and amount.magnitude == 1 else 1
    )
    return number if fits_money(number) else None


def _reasons(
    statement: Statement,
    item: LineItem,
    column: Column,
    value: Value,
    number: Decimal | None,
    places: Mapping[tuple[int, int], Place],
) -> Iterator[str]:
    cell, amount = value.placed.cell, value.placed.amount
    if amount is None or number is None:
        yield "the text is no figure that can be read"
    elif amount.doubt:
        yield DOUBTS[amount.doubt]
    if measure(item, column)[1] is None and number:
        yield "no unit note found: the scale is unknown"
    if item.moment == "opening" and column.period.end and period_at(item, column).end is None:
        yield "the day of this opening balance is not printed"
    elif period_at(item, column).end is None:
        yield "no period found for this row" if column.component else "no period found for this column"
    if cell.grounding == "mismatch":
        yield cell.note or "the page's own text shows another figure here"
    elif cell.note:
        yield cell.note
    if item.doubt:
        yield item.doubt
    if column.contested:
        yield "the page's own words show another header for this column"
    if _outside(value, places.get((value.column, cell.page))):
        yield "the figure stands outside its column"
    if cell.grounding == "unavailable" and (cell.source == "vision" or cell.confidence < SURE_OCR):
        yield (
            "nothing on the page confirms the reading"
            if cell.source == "vision"
            else "the recogniser was not sure"
        )


def _outside(value: Value, place: Place | None) -> bool:
    """Tell whether a figure ends away from its column's usual right edge; a dash may be set in the middle below its figures."""
    cell, amount = value.placed.cell, value.placed.amount
    if place is None or abs(cell.box.x1 - place.edge) <= OUT_OF_COLUMN:
        return False
    nil = amount is not None and amount.nil
    return not (nil and place.left <= cell.box.x0 and cell.box.x1 <= place.edge)


def _places(statement: Statement) -> dict[tuple[int, int], Place]:
    """Return where the figures of each column usually stand on each page; the same table may be set elsewhere on the next."""
    values = [value for item in statement.items for value in item.values]
    whole: dict[int, list[Value]] = {}
    paged: dict[tuple[int, int], list[Value]] = {}
    for value in values:
        whole.setdefault(value.column, []).append(value)
        paged.setdefault((value.column, value.placed.cell.page), []).append(value)
    found = {}
    for (column, page), here in paged.items():
        those = here if len(here) >= FEW_ROWS else whole[column]
        if len(those) >= FEW_ROWS:
            found[column, page] = _place(those)
    return found


def _place(values: Sequence[Value]) -> Place:
    edge = median(value.placed.cell.box.x1 for value in values)
    figures = [v.placed.cell for v in values if not (v.placed.amount and v.placed.amount.nil)]
    lefts = [(cell.value_box or cell.box).x0 for cell in figures if abs(cell.box.x1 - edge) <= OUT_OF_COLUMN]
    return Place(min(lefts, default=edge), edge)
