"""Do the statements agree with each other? Ledgers → findings of the rules that join them.

In: the ledgers of a document's primary statements. Out: findings for: assets = liabilities + equity; opening cash + change = closing
cash; opening cash = last year's closing cash; net income across statements; closing cash against the balance sheet; earnings per
share × shares against net income. A rule whose figures are not printed gives nothing; one whose figures may differ for a good
reason (restricted cash, participating securities) is `not_evaluable` when they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from math import log10

from extractors.checks.ledger import Ledger, LedgerRow, find_row
from extractors.checks.suspects import Finding
from extractors.statements.periods import fold
from extractors.statements.scales import minor_units
from schemas.records import Check, CheckStatus, Fact

G = "us-gaap:"
NET_INCOME = (G + "ProfitLoss", G + "NetIncomeLoss")
_BEGIN = re.compile(r"\b(?:cash|balance)\b.*\b(?:beginning|start|opening)\b|\bopening\b.*\bcash\b|期初现金")
_END = re.compile(r"\b(?:cash|balance)\b.*\b(?:end|closing)\b|\bclosing\b.*\bcash\b|期末现金")
_CHANGE = re.compile(
    r"^(?:net\s*)?\(?(?:increase|decrease|change|movement)\)?.{0,30}(?:cash|during\s*the\s*(?:year|period))|净增加额"
)
_EQUITY_SIDE = re.compile(
    r"^(?:total\s+)?(?:liabilities|equity).*(?:equity|liabilities|deficit)|负债和.*总计|负债及|^summe\s+passiva|^total\s+(?:du\s+)?passif|^totaal\s+passiva"
)
_FUNDS = re.compile(
    r"(?:share|stock)holders?\W*s?\W*\s*(?:funds|equity|deficit)|^total\s+(?:equity|capital\s+and\s+reserves)|^equity$|^capital\s+and\s+reserves"
)
PRINTED_ROUNDING = Decimal("1.05")  # of the half digits: shares are averages that were rounded before
HUNDREDTH = Decimal("0.01")  # of a currency: a penny or a cent
FAR = Decimal("0.03")  # of the result: minority interests move it less than that from one year to the next
NEAR_POWER = 0.05  # of a decade: EPS × shares this near to a power of ten of net income is a wrong scale
_RESULT = re.compile(r"\b(?:income|loss|earnings|profit)\b|净利润")


def check_identities(ledgers: Sequence[Ledger]) -> list[Finding]:
    """Return the findings of all rules between and within a document's primary statements."""
    by_kind = {ledger.statement.kind: ledger for ledger in reversed(ledgers)}
    income, balance = by_kind.get("income_statement"), by_kind.get("balance_sheet")
    cash, wider = by_kind.get("cash_flow_statement"), by_kind.get("comprehensive_income")
    findings: list[Finding] = []
    if balance:
        findings += _balance(balance)
    if cash:
        findings += _roll_forward(cash)
    if income:
        for other in (cash, wider):
            if other:
                findings += _net_income(income, other)
        findings += _per_share(income)
    if cash and balance:
        findings += _closing_cash(cash, balance)
    return findings


def _finding(
    ledger: Ledger,
    name: str,
    detail: str,
    facts: Iterable[tuple[Fact, int]],
    room: Decimal,
    *,
    soft: bool = False,
) -> Finding:
    """A check that Σ sign × value = 0. The first fact is the one whose value is expected."""
    parts = tuple(facts)
    off = -sum((sign * fact.value for fact, sign in parts if fact.value is not None), Decimal(0))
    first, sign = parts[0]
    assert first.value is not None
    status: CheckStatus = "pass" if abs(off) <= room else "not_evaluable" if soft else "fail"
    check = Check(
        table_id=ledger.statement.table.table_id,
        check=name,
        detail=detail,
        column=first.col,
        expected=first.value + sign * off,
        actual=first.value,
        tolerance=room,
        status=status,
    )
    return Finding(check, parts, off)


def _pairs(
    first: LedgerRow | None, second: LedgerRow | None, ledger: Ledger, other: Ledger
) -> Iterator[tuple[Fact, Fact]]:
    """The facts of two rows in the same period (by end, and months where both have them)."""
    if first is None or second is None:
        return
    for a, key in zip(first.facts, ledger.periods, strict=True):
        for b, theirs in zip(second.facts, other.periods, strict=True):
            same = (
                key[0] == theirs[0]
                and key[0] is not None
                and (key[1] == theirs[1] or None in (key[1], theirs[1]))
            )
            if same and a is not None and b is not None and a.value is not None and b.value is not None:
                yield a, b


def _unit(*facts: Fact) -> Decimal:
    return Decimal(max(f.scale or 1 for f in facts))


def _balance(balance: Ledger) -> list[Finding]:
    findings = []
    assets = find_row(balance, [G + "Assets"])
    equity_side = find_row(balance, [G + "LiabilitiesAndStockholdersEquity"], _EQUITY_SIDE, last=True)
    if assets and equity_side and assets is not equity_side and equity_side.item.row > assets.item.row:
        for a, b in _pairs(assets, equity_side, balance, balance):
            findings.append(
                _finding(
                    balance,
                    "balance",
                    "total assets = total liabilities and equity",
                    ((b, -1), (a, 1)),
                    _unit(a, b),
                )
            )
        return findings
    net = find_row(balance, ["ifrs-full:NetAssetsLiabilities"])
    if net:
        after = [row for row in balance.rows if row.item.row > net.item.row]
        named = [row for row in after if _FUNDS.search(fold(row.item.label))]
        funds = named[-1] if named else after[-1] if after and not after[-1].item.label else None
        for a, b in _pairs(net, funds, balance, balance):
            findings.append(
                _finding(
                    balance, "balance", "net assets = capital and reserves", ((b, -1), (a, 1)), Decimal(0)
                )
            )
        return findings
    liabilities, equity = (
        find_row(balance, [G + "Liabilities"]),
        find_row(
            balance,
            [
                G + "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
                G + "StockholdersEquity",
            ],
        ),
    )
    if assets and liabilities and equity:
        for period in range(len(balance.periods)):
            facts = [row.facts[period] for row in (assets, liabilities, equity)]
            present = [f for f in facts if f is not None and f.value is not None]
            if len(present) == 3:
                signed = zip(present, (1, -1, -1), strict=True)
                findings.append(
                    _finding(
                        balance,
                        "balance",
                        "total assets = liabilities + equity",
                        signed,
                        _unit(*present),
                        soft=True,
                    )
                )
    return findings


def _roll_forward(cash: Ledger) -> list[Finding]:
    begin = find_row(cash, [G + "CashBeginningOfPeriod"], _BEGIN)
    end = find_row(cash, [G + "CashEndOfPeriod"], _END, last=True)
    change = find_row(cash, [G + "CashPeriodIncreaseDecrease"], _CHANGE, last=True)
    findings = []
    if begin and end and change:
        for period in range(len(cash.periods)):
            b, c, e = begin.facts[period], change.facts[period], end.facts[period]
            if b and c and e and None not in (b.value, c.value, e.value):
                parts = ((e, -1), (b, 1), (c, 1))
                findings.append(
                    _finding(
                        cash,
                        "cash_roll_forward",
                        "opening cash + change = closing cash",
                        parts,
                        _unit(b, c, e),
                        soft=True,
                    )
                )
    if begin and end:
        dated = [(key[0], key[1] or 0, i) for i, key in enumerate(cash.periods) if key[0]]
        for now, before in pairwise(sorted(dated, reverse=True)):
            opening, closing = begin.facts[now[2]], end.facts[before[2]]
            if (
                opening
                and closing
                and None not in (opening.value, closing.value)
                and _follows(opening, closing)
            ):
                both = ((opening, -1), (closing, 1))
                findings.append(
                    _finding(
                        cash,
                        "opening_cash",
                        "opening cash = closing cash of the period before",
                        both,
                        Decimal(0),
                        soft=True,
                    )
                )
    return findings


def _follows(opening: Fact, closing: Fact) -> bool:
    return (
        opening.period_start is not None
        and closing.period_end is not None
        and opening.period_start == closing.period_end + timedelta(days=1)
    )


def _net_income(income: Ledger, other: Ledger) -> list[Finding]:
    """The net income that another statement starts from is one of the income statement's results."""
    theirs = find_row(
        other,
        NET_INCOME,
        re.compile(
            r"^(?:consolidated\s+)?net\s+(?:income|loss|earnings)\b|^(?:profit|loss).{0,20}for\s+the\s+(?:financial\s+)?(?:year|period)"
        ),
    )
    if theirs is None:
        return []
    ours = [
        row
        for row in income.rows
        if row.item.concept in NET_INCOME
        or re.search(
            r"^(?:consolidated\s+)?net\s+(?:income|loss|earnings)|(?:profit|loss).{0,20}for\s+the\s+",
            fold(row.item.label),
        )
    ]
    findings = []
    for fact in theirs.facts:
        candidates = [pair for row in ours for pair in _pairs(row, theirs, income, other) if pair[1] is fact]
        if fact is None or not candidates:
            continue
        equal = next((c for c in candidates if c[0].value == fact.value), None)
        same_concept = [c for c in candidates if c[0].concept is not None and c[0].concept == fact.concept]
        chosen = equal or (same_concept or candidates)[0]
        detail = f"net income here = {chosen[0].label!r} of the income statement"
        findings.append(
            _finding(
                other, "net_income", detail, ((fact, -1), (chosen[0], 1)), Decimal(0), soft=not same_concept
            )
        )
    return findings


def _closing_cash(cash: Ledger, balance: Ledger) -> list[Finding]:
    end = find_row(cash, [G + "CashEndOfPeriod"], _END, last=True)
    held = find_row(balance, [G + "CashAndCashEquivalentsAtCarryingValue"])
    ends = [row for row in cash.rows if _END.search(fold(row.item.label))] or ([end] if end else [])
    findings = []
    for a, b in _pairs(held, ends[-1] if ends else None, balance, cash):
        best = next(
            (
                row.facts[i]
                for row in ends
                for i, f in enumerate(row.facts)
                if f is not None and f.value == a.value and f.period_end == a.period_end
            ),
            b,
        )
        if best is not None:
            findings.append(
                _finding(
                    cash,
                    "closing_cash",
                    "closing cash = cash on the balance sheet",
                    ((best, -1), (a, 1)),
                    Decimal(0),
                    soft=True,
                )
            )
    return findings


def _per_share(income: Ledger) -> list[Finding]:
    """Earnings per share × shares is one of the results, for basic and diluted earnings and for each row of them."""
    results = [row for row in income.rows if _RESULT.search(fold(row.item.label))]
    findings: list[Finding] = []
    for kind in ("basic", "diluted"):
        named = [row for row in income.others if kind in fold(row.item.label)]
        counts = [row for row in named if row.item.unit == "shares"]
        for row in named:
            if row.item.unit == "per_share" and counts and results:
                findings += _earnings(income, row, counts[0], results, kind)
    return findings


def _earnings(
    income: Ledger, eps: LedgerRow, shares: LedgerRow, results: Sequence[LedgerRow], kind: str
) -> Iterator[Finding]:
    """One row of earnings per share against the result that it fits in most periods.

    Where it fits in one period it must nearly fit in all; where it fits in none, only a power of ten between them is an error, for
    preferred dividends and participating securities may lie between. Earnings in pence or cents are hundredths of the result's unit.
    """
    unit = HUNDREDTH if _in_hundredths(eps) else Decimal(1)
    periods = [
        p
        for p in range(len(income.periods))
        if (e := eps.facts[p]) is not None and e.value and (s := shares.facts[p]) is not None and s.value
    ]
    fits = {
        i: [p for p in periods if _fits(eps.facts[p], shares.facts[p], row.facts[p], unit)]
        for i, row in enumerate(results)
    }
    best = max(fits, key=lambda i: (len(fits[i]), results[i].item.concept in NET_INCOME))
    for p in periods:
        e, s, r = eps.facts[p], shares.facts[p], results[best].facts[p]
        if e is None or s is None or r is None or e.value is None or s.value is None or not r.value:
            continue
        product = e.value * unit * s.value
        power = _power_of_ten(abs(product / r.value))
        far = abs(product - r.value) > FAR * abs(r.value)
        status: CheckStatus = (
            "pass" if p in fits[best] else "fail" if (fits[best] and far) or power else "not_evaluable"
        )
        wrong_scale = f" (10^{power} apart: a scale is wrong)" if power and not fits[best] else ""
        room = _rounding(e, s, r, unit)
        check = Check(
            table_id=income.statement.table.table_id,
            check="earnings_per_share",
            detail=f"{kind} earnings per share × shares = {r.label!r}{wrong_scale}",
            column=e.col,
            expected=r.value,
            actual=product,
            tolerance=room,
            status=status,
        )
        # by how much a unit of each figure's last digit moves the product, or the result
        moves = {
            e: 2 * _half_digit(e) * unit * abs(s.value),
            s: 2 * _half_digit(s) * abs(e.value) * unit,
            r: 2 * _half_digit(r),
        }
        blunt = frozenset(fact.fact_id for fact, moved in moves.items() if moved < room)
        yield Finding(check, ((e, 1), (s, 1), (r, -1)), None, blunt)


def _in_hundredths(eps: LedgerRow) -> bool:
    """Tell whether a row of earnings per share is printed in pence or cents: by its label, or beside most of its figures."""
    amounts = [value.placed.amount for value in eps.item.values]
    beside = sum(amount is not None and amount.unit in ("pence", "cent") for amount in amounts)
    return minor_units(eps.item.label, eps.item.path) or 2 * beside > len(amounts)


def _fits(eps: Fact | None, shares: Fact | None, result: Fact | None, unit: Decimal) -> bool:
    if eps is None or shares is None or result is None:
        return False
    if eps.value is None or shares.value is None or not result.value:
        return False
    return abs(eps.value * unit * shares.value - result.value) <= _rounding(eps, shares, result, unit)


def _rounding(eps: Fact, shares: Fact, result: Fact, unit: Decimal) -> Decimal:
    """What the printed rounding of all three allows, in base units."""
    assert eps.value is not None and shares.value is not None
    parts = abs(shares.value) * _half_digit(eps) + abs(eps.value) * _half_digit(shares)
    return PRINTED_ROUNDING * (parts * unit + _half_digit(result))


def _power_of_ten(ratio: Decimal) -> int:
    """Return the power of ten that a ratio is near to, 0 where it is near none but one."""
    exponent = log10(float(ratio)) if ratio else 0.0
    return round(exponent) if abs(exponent - round(exponent)) < NEAR_POWER else 0


def _half_digit(fact: Fact) -> Decimal:
    """Half of the last printed digit, in base units."""
    digits = re.sub(r"[^\d.]", "", fact.raw_text).partition(".")[2]
    return Decimal(fact.scale or 1).scaleb(-len(digits)) / 2
