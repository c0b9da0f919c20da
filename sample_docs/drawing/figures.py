"""The books of the invented company: five years whose statements follow from each other, so that every total is true.

Out: one `Year` per fiscal year, amounts in whole millions. The balance sheet rolls forward from the cash flows and
the income, so assets equal liabilities and equity to the unit without a plug.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

SEED = 20241231
FIRST, LAST = 2020, 2024
SEGMENTS = ("Marine Sensors", "Industrial Flow", "Laboratory Systems")


@dataclass
class Year:
    """One fiscal year; flows of the year and balances at its end, both by name."""

    year: int
    flow: dict[str, int]
    balance: dict[str, int]
    basic_shares: Decimal  # millions, weighted average
    diluted_shares: Decimal
    dividend: Decimal  # per share
    segment_sales: tuple[int, ...]
    segment_profit: tuple[int, ...]  # the last one is corporate

    def per_share(self, shares: Decimal) -> Decimal:
        """Earnings per share in currency units."""
        return cents(Decimal(self.flow["net_tarnwick"]) / shares)


def cents(value: Decimal) -> Decimal:
    """Round to two places, half up as accounts do."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def percent(part: int, whole: int, places: str = "0.1") -> Decimal:
    """Return `part` as a percentage of `whole`."""
    return (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal(places), ROUND_HALF_UP)


OPENING = {
    "cash": 812, "securities": 304, "receivables": 1187, "inventories": 1043, "prepaid": 236,
    "property": 1748, "rou": 312, "goodwill": 2207, "intangibles": 934, "other_assets": 418,
    "short_debt": 250, "payables": 698, "accrued": 871, "taxes_payable": 94,
    "long_debt": 2350, "deferred_tax": 286, "pension": 347, "lease_liability": 268, "other_liabilities": 205,
    "common": 178, "paid_in": 1466, "aoci": -412, "treasury": -1380, "nci": 61,
}  # fmt: skip
ASSETS = (
    "cash",
    "securities",
    "receivables",
    "inventories",
    "prepaid",
    "property",
    "rou",
    "goodwill",
    "intangibles",
    "other_assets",
)
CURRENT_ASSETS = ASSETS[:5]
CURRENT_LIABILITIES = ("short_debt", "payables", "accrued", "taxes_payable")
LONG_LIABILITIES = ("long_debt", "deferred_tax", "pension", "lease_liability", "other_liabilities")
OWN_EQUITY = ("common", "paid_in", "retained", "aoci", "treasury")


def add_up(year: Year) -> None:
    """Fill in the totals of the balance sheet."""
    b = year.balance
    b["current_assets"] = sum(b[name] for name in CURRENT_ASSETS)
    b["assets"] = sum(b[name] for name in ASSETS)
    b["current_liabilities"] = sum(b[name] for name in CURRENT_LIABILITIES)
    b["liabilities"] = b["current_liabilities"] + sum(b[name] for name in LONG_LIABILITIES)
    b["own_equity"] = sum(b[name] for name in OWN_EQUITY)
    b["equity"] = b["own_equity"] + b["nci"]
    assert b["assets"] == b["liabilities"] + b["equity"]


def income(rng: random.Random, year: int) -> tuple[dict[str, int], tuple[int, ...], tuple[int, ...]]:
    """Return the flows of the income statement and the sales and profits of the segments."""
    growth = 1 + 0.058 * (year - FIRST)
    sales = tuple(int(base * growth * rng.uniform(0.96, 1.05)) for base in (3050, 2290, 1480))
    total = sum(sales)
    f = {"services": int(total * rng.uniform(0.27, 0.30))}
    f["products"] = total - f["services"]
    f["sales"] = total
    f["cost_products"] = int(f["products"] * rng.uniform(0.575, 0.595))
    f["cost_services"] = int(f["services"] * rng.uniform(0.46, 0.48))
    f["cost"] = f["cost_products"] + f["cost_services"]
    f["gross"] = total - f["cost"]
    f["selling"] = int(total * rng.uniform(0.172, 0.182))
    f["research"] = int(total * rng.uniform(0.058, 0.064))
    f["amortization"] = rng.randint(96, 124)
    f["restructuring"] = {2022: 0, 2020: 74}.get(year, rng.randint(18, 61))
    f["operating_expenses"] = f["selling"] + f["research"] + f["amortization"] + f["restructuring"]
    f["operating"] = f["gross"] - f["operating_expenses"]
    f["interest_expense"] = rng.randint(98, 121)
    f["interest_income"] = rng.randint(14, 39)
    f["other_income"] = rng.choice((-1, 1)) * rng.randint(3, 22)
    f["before_tax"] = f["operating"] - f["interest_expense"] + f["interest_income"] + f["other_income"]
    f["tax"] = int(f["before_tax"] * rng.uniform(0.205, 0.238))
    f["net"] = f["before_tax"] - f["tax"]
    f["net_nci"] = rng.randint(6, 13)
    f["net_tarnwick"] = f["net"] - f["net_nci"]
    shares_of_profit = (0.46, 0.34, 0.28)
    profits = [int(f["operating"] * share * rng.uniform(0.95, 1.05)) for share in shares_of_profit]
    profits.append(f["operating"] - sum(profits))
    return f, sales, tuple(profits)


def cash_flows(rng: random.Random, f: dict[str, int], b: dict[str, int], year: int) -> None:
    """Add the flows of the cash flow statement and of other comprehensive income to `f`."""
    f["depreciation"] = rng.randint(214, 262)
    f["stock_compensation"] = rng.randint(58, 83)
    f["deferred_taxes"] = rng.randint(-42, 24)
    f["disposal_gain"] = rng.randint(4, 27) if year != 2023 else 0
    for name, low, high in (
        ("d_receivables", -96, 31), ("d_inventories", -118, 64), ("d_prepaid", -22, 17),
        ("d_payables", -38, 74), ("d_accrued", -29, 58), ("d_taxes", -14, 19),
    ):  # fmt: skip
        f[name] = rng.randint(low, high)
    f["operating_cash"] = (
        f["net"] + f["depreciation"] + f["amortization"] + f["stock_compensation"] + f["deferred_taxes"]
        - f["disposal_gain"] + f["d_receivables"] + f["d_inventories"] + f["d_prepaid"] + f["d_payables"]
        + f["d_accrued"] + f["d_taxes"]
    )  # fmt: skip
    f["capex"] = -rng.randint(271, 348)
    f["acquisitions"] = {2021: -386, 2023: -214}.get(year, 0)
    f["disposals"] = f["disposal_gain"] + rng.randint(6, 20) if f["disposal_gain"] else 0
    f["buy_securities"] = -rng.randint(148, 236)
    f["sell_securities"] = rng.randint(131, 215)
    f["investing_cash"] = (
        f["capex"] + f["acquisitions"] + f["disposals"] + f["buy_securities"] + f["sell_securities"]
    )
    f["new_debt"] = {2021: 600, 2024: 450}.get(year, 0)
    f["repaid_debt"] = -b["short_debt"]
    f["dividends"] = -int(f["net_tarnwick"] * rng.uniform(0.31, 0.36))
    f["repurchases"] = -rng.randint(280, 410)
    f["options"] = rng.randint(21, 46)
    f["nci_paid"] = -rng.randint(3, 8)
    f["financing_cash"] = (
        f["new_debt"] + f["repaid_debt"] + f["dividends"] + f["repurchases"] + f["options"] + f["nci_paid"]
    )
    f["fx_cash"] = rng.randint(-24, 16)
    f["cash_change"] = f["operating_cash"] + f["investing_cash"] + f["financing_cash"] + f["fx_cash"]
    f["interest_paid"] = f["interest_expense"] - rng.randint(-6, 9)
    f["taxes_paid"] = f["tax"] - f["deferred_taxes"] - f["d_taxes"]
    f["oci_fx"] = f["fx_cash"] + rng.randint(-96, 58)
    f["oci_pension"] = rng.randint(-31, 44)
    f["oci_hedges"] = rng.randint(-17, 19)
    f["oci"] = f["oci_fx"] + f["oci_pension"] + f["oci_hedges"]
    f["oci_nci"] = rng.randint(-3, 1)
    f["comprehensive"] = f["net"] + f["oci"]
    f["comprehensive_nci"] = f["net_nci"] + f["oci_nci"]
    f["comprehensive_tarnwick"] = f["comprehensive"] - f["comprehensive_nci"]


def roll_forward(b: dict[str, int], f: dict[str, int], rng: random.Random) -> dict[str, int]:
    """Return the balances at the end of a year from those at its beginning and the year's flows."""
    n = {name: b[name] for name in (*OPENING, "retained")}
    n["cash"] += f["cash_change"]
    n["securities"] -= f["buy_securities"] + f["sell_securities"]
    n["receivables"] -= f["d_receivables"]
    n["inventories"] -= f["d_inventories"]
    n["prepaid"] += f["oci_hedges"] - f["d_prepaid"]
    n["property"] -= f["capex"] + f["depreciation"] + f["disposals"] - f["disposal_gain"]
    bought = -f["acquisitions"]
    n["goodwill"] += (bought * 3) // 5 + f["oci_fx"] - f["fx_cash"]
    n["intangibles"] += bought - (bought * 3) // 5 - f["amortization"]
    lease = rng.randint(-18, 26)
    n["rou"] += lease
    n["lease_liability"] += lease
    n["payables"] += f["d_payables"]
    n["accrued"] += f["d_accrued"]
    n["taxes_payable"] += f["d_taxes"]
    due = {2020: 300, 2021: 275, 2022: 250, 2023: 350, 2024: 400}[f["year"]]
    n["short_debt"] = due
    n["long_debt"] += f["new_debt"] - due
    n["deferred_tax"] += f["deferred_taxes"]
    n["pension"] -= f["oci_pension"]
    n["paid_in"] += f["stock_compensation"] + f["options"]
    n["retained"] += f["net_tarnwick"] + f["dividends"]
    n["aoci"] += f["oci"] - f["oci_nci"]
    n["treasury"] += f["repurchases"]
    n["nci"] += f["comprehensive_nci"] + f["nci_paid"]
    return n


def books(seed: int = SEED) -> dict[int, Year]:
    """Return the years 2019 (balances only) to 2024."""
    rng = random.Random(seed)
    opening = dict(OPENING)
    liabilities = sum(opening[name] for name in CURRENT_LIABILITIES + LONG_LIABILITIES)
    others = sum(opening[name] for name in ("common", "paid_in", "aoci", "treasury", "nci"))
    opening["retained"] = sum(opening[name] for name in ASSETS) - liabilities - others
    shares = Decimal("182.4")
    years = {FIRST - 1: Year(FIRST - 1, {}, opening, shares, shares, Decimal(0), (), ())}
    add_up(years[FIRST - 1])
    for year in range(FIRST, LAST + 1):
        flow, sales, profit = income(rng, year)
        flow["year"] = year
        before = years[year - 1].balance
        cash_flows(rng, flow, before, year)
        balance = roll_forward(before, flow, rng)
        shares -= Decimal(rng.randint(14, 31)) / 10
        diluted = shares + Decimal(rng.randint(11, 19)) / 10
        dividend = cents(Decimal(-flow["dividends"]) / shares)
        years[year] = Year(year, flow, balance, shares, diluted, dividend, sales, profit)
        add_up(years[year])
    return years
