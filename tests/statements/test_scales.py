"""Unit notes → scale, currency, share scale; labels → what a row counts."""

import pytest

from extractors.statements.scales import (
    RowUnit,
    UnitNote,
    best_note,
    heads_shares,
    minor_units,
    own_scale,
    read_currency,
    read_header_note,
    read_note,
    row_unit,
    scale_of,
)


@pytest.mark.parametrize(
    ("text", "scale", "currency", "shares"),
    [
        ("(Millions, except per share amounts)", 10**6, None, None), ("(Dollars in millions, except per share data)", 10**6, None, None),
        ("(in millions, except share data)", 10**6, None, 1), ("(In thousands, except share and per share data)", 10**3, None, 1),
        ("(In millions, except number of shares, which are reflected in thousands, and per-share amounts)", 10**6, None, 10**3),
        ("$ in thousands, shares in millions", 10**3, None, 10**6), ("$ and shares in millions, except per share amounts", 10**6, None, 10**6),
        ("£'000", 10**3, "GBP", None), ("£000", 10**3, "GBP", None), ("2016 £’000", 10**3, "GBP", None), ("RMB'000", 10**3, "CNY", None),
        ("单位：万元", 10**4, "CNY", None), ("单位:元 币种:人民币", 1, "CNY", None), ("人民币百万元", 10**6, "CNY", None),
        ("(単位：百万円)", 10**6, "JPY", None), ("in TEUR", 10**3, "EUR", None), ("Mio. €", 10**6, "EUR", None),
        ("en milliers d'euros", 10**3, "EUR", None), ("(en millones de euros)", 10**6, "EUR", None),
        ("Em milhares de reais", 10**3, "BRL", None), ("(x € 1.000)", 10**3, "EUR", None), ("bedragen in duizenden euro's", 10**3, "EUR", None),
        ("₹ in crores", 10**7, "INR", None), ("(Rs. in lakhs)", 10**5, "INR", None), ("CHF million", 10**6, "CHF", None),
        ("Expressed in U.S. dollars", 1, "USD", None), ("(000's omitted)", 10**3, None, None), ("$m", 10**6, None, None),
        ("HK$ million", 10**6, "HKD", None), ("£", 1, "GBP", None),
    ],
)  # fmt: skip
def test_unit_notes(text: str, scale: int, currency: str | None, shares: int | None) -> None:
    note = read_note(text)
    assert note is not None and (note.scale, note.currency, note.share_scale) == (scale, currency, shares)


@pytest.mark.parametrize(
    "text", ["Net sales increased by $2 million", "Year ended December 31", "2 MAY 2016", "x" * 300, ""]
)
def test_no_unit_note(text: str) -> None:
    assert read_note(text) is None


def test_a_sign_in_a_header_means_base_units_only_where_no_scale_is_printed() -> None:
    assert read_header_note("2016 £") == UnitNote("2016 £", 1, "GBP")
    assert best_note(["2016 £"], ["EXAMPLE LIMITED"]).scale == 1
    assert best_note(["2016 £"], ["All figures in £ thousands"]).scale == 1000


def test_no_citation_leaves_the_scale_open() -> None:
    assert best_note(["2018", "2017"], ["CONSOLIDATED BALANCE SHEETS"]) == UnitNote()


@pytest.mark.parametrize(
    ("label", "path", "expected"),
    [
        ("Basic earnings per share", (), "per_share"), ("Basic", ("Earnings per share:",), "per_share"),
        ("Diluted", ("Weighted average shares outstanding:",), "shares"), ("Weighted-average basic shares", (), "shares"),
        ("Weighted-average shares used in computing earnings per share", (), "shares"), ("Repurchases of common stock", (), "money"),
        ("Proceeds from issuance of shares", (), "money"), ("Dividends declared ($2.04 per share)", (), "money"),
        ("Dividends declared per common share", (), "per_share"), ("Dividends percommonshare", (), "per_share"), ("Earnings per Class A share", (), "per_share"),
        ("Tax withholdings related to restricted and performance share vesting", (), "money"), ("Performance share units", (), "money"),
        ("Conversion of performance rights to shares", (), "money"), ("基本每股收益", (), "per_share"), ("Gross margin", (), "money"),
        ("Effective tax rate", (), "percent"), ("32% equity-method investment received", (), "money"), ("Net sales", ("Revenues:",), "money"),
    ],
)  # fmt: skip
def test_what_a_row_counts(label: str, path: tuple[str, ...], expected: RowUnit) -> None:
    assert row_unit(label, path, balance=False) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [("Common stock, $0.01 par value per share; 300 authorized", "money"), ("Treasury stock, at cost (12,345 shares)", "money"),
     ("Net asset value per share", "per_share"), ("Common shares outstanding", "shares")],
)  # fmt: skip
def test_what_a_row_of_a_balance_sheet_counts(label: str, expected: RowUnit) -> None:
    assert row_unit(label, (), balance=True) == expected


def test_a_fractional_row_takes_the_unit_of_its_section() -> None:
    path = ("Earnings per common share––basic:",)
    assert row_unit("Discontinued operations", path, balance=False, inherit=True) == "per_share"
    assert row_unit("Discontinued operations", path, balance=False) == "money"


def test_scales_of_rows() -> None:
    note = UnitNote("(in millions, except shares in thousands)", 10**6, "USD", 10**3)
    assert [scale_of(unit, note) for unit in ("money", "shares", "per_share", "percent")] == [
        10**6,
        10**3,
        1,
        1,
    ]
    assert scale_of("money", UnitNote()) is None


@pytest.mark.parametrize(
    ("label", "scale"),
    [
        ("Weighted average shares (in thousands)", 1000),
        ("Shares outstanding (millions)", 10**6),
        ("Dividends (in 2022)", None),
        ("Common stock (5,000,000 authorized)", None),
    ],
)
def test_a_row_may_print_a_scale_of_its_own(label: str, scale: int | None) -> None:
    assert own_scale(label) == scale
    assert scale_of("shares", UnitNote("(in millions)", 10**6), own_scale(label)) == (scale or 10**6)


def test_employees_who_are_paid_are_money_and_employees_who_are_counted_are_not() -> None:
    assert row_unit("Payments to suppliers and employees", (), balance=False) == "money"
    assert row_unit("Net sales", ("(n mullons except per share data)",), balance=False) == "money"
    assert row_unit("Average number of employees", (), balance=False) == "count"
    assert row_unit("Employees (full-time equivalents)", (), balance=False) == "count"


@pytest.mark.parametrize(
    ("header", "shares"),
    [("Common Stock Shares", True), ("Number of shares", True), ("Common Shares", True), ("Treasury shares at cost", False),
     ("Common Stock Amount", False)],
)  # fmt: skip
def test_columns_that_count_shares(header: str, shares: bool) -> None:
    assert heads_shares(header) == shares


def test_pence_and_cents_are_known() -> None:
    assert minor_units("Basic (pence)") and minor_units("Diluted", ("Earnings per share (cents)",))
    assert not minor_units("Basic", ("Earnings per share",))


@pytest.mark.parametrize(
    "text", ["Other real estate owned, net", "Sterling Bancorp", "We won a contract", "Rand Capital"]
)
def test_words_that_only_look_like_currencies(text: str) -> None:
    assert read_currency(text) is None


@pytest.mark.parametrize(
    ("label", "scale"),
    [
        ("Weighted average number of common shares outstanding, in millions (Note 23)", 10**6),
        ("Weighted average shares - in thousands", 10**3),
        ("Shares issued in thousands of transactions", None),
        ("Cash, in millions of accounts", None),
    ],
)
def test_a_row_of_shares_may_print_its_scale_behind_a_comma(label: str, scale: int | None) -> None:
    assert own_scale(label) == own_scale("Basic", (label,)) == scale


@pytest.mark.parametrize(
    ("header", "scale"),
    [("US dollars 31 December 2022", 1), ("Euro 2022", 1), ("US dollars in thousands", 1000), ("Group US dollars", None)],
)  # fmt: skip
def test_the_name_of_a_currency_over_a_column_means_base_units(header: str, scale: int | None) -> None:
    note = read_header_note(header)
    assert note is not None and note.scale == scale
    assert best_note([header], ["(in millions)"]).scale == (1000 if scale == 1000 else 10**6)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("(n mullons except per share data)", 10**6), ("(dn mullions)", 10**6), ("(In thousaads)", 10**3), ("(ln miltions)", 10**6),
        ("(in bil1ions)", None), ("(gold bullion)", None), ("(see our mission)", None), ("Mullions and windows", None), ("(Note 12)", None),
        ("(unbilled receivables and billings)", None), ("(milling)", None), ("(en billones)", None),
    ],
)  # fmt: skip
def test_a_misspelt_scale_of_a_note_is_understood(text: str, scale: int | None) -> None:
    note = read_note(text)
    assert (note.scale if note else None) == scale
