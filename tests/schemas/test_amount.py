"""Printed figures → decimals: fixed examples of every form, and Decimals printed in random styles read back."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.amount import Amount, confusion_candidates, decide_decimal_point, parse_amount


def value(text: str, point: str = ".") -> Decimal | None:
    amount = parse_amount(text, point)
    return None if amount is None else amount.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32,765", "32765"), ("588.5", "588.5"), ("(547)", "-547"), ("( 547 )", "-547"), ("(207 )", "-207"), ("(547", "-547"),
        ("547)", "-547"), ("$ (4,935)", "-4935"), ("($4,935)", "-4935"), ("($8.30)", "-8.30"), ("$(8.30)", "-8.30"),
        ("-12", "-12"), ("−12", "-12"), ("–12", "-12"), ("‐12", "-12"), ("12-", "-12"), ("12−", "-12"), ("-$12", "-12"),
        ("$-12", "-12"), ("△1,234", "-1234"), ("▲1,234", "-1234"), ("+7", "7"), (".29", "0.29"), ("(.02)", "-0.02"),
        ("£1,234", "1234"), ("1,234 €", "1234"), ("EUR 1,234", "1234"), ("1,234 CHF", "1234"), ("US$1.5", "1.5"), ("R$ 2", "2"),
        ("１，２３４", "1234"), ("（１２３）", "-123"), ("￥12", "12"), ("1.5万", "15000"), ("3亿", "300000000"), ("2百万", "2000000"),
        ("12,34,567", "1234567"), ("1,00,00,000", "10000000"), ("三千二百万", "32000000"), ("壹佰贰拾", "120"),
        ("1'234.50", "1234.50"), ("1’234", "1234"), ("1\u00a0234", "1234"), ("3.2 million", "3200000"), ("12%", "12"),
        ("(3.5)%", "-3.5"), ("(3.5%)", "-3.5"), ("5‰", "5"), ("1.5x", "1.5"), ("12.5p", "12.5"), ("5,363(1)", "5363"),
        ("5,363¹", "5363"), ("5,363①", "5363"), ("5,363 *", "5363"), ("5,363(a)", "5363"), ("0", "0"), ("1.234.567", "1234567"), ("Rs. 12,345", "12345"),
        ("\u00ad12", "-12"), ("$\u00ad1,234", "-1234"), ("12\u00ad", "-12"), ("1,\u00ad234", "1234"),
        ("\u02d712", "-12"), ("1,234CR", "1234"), ("DR 1,234.50", "1234.50"), ("3 per mille", "3"), ("$(1.5)M", "-1500000"),
        ("人民币1,234元", "1234"), ("US$ 1,234 USD", "1234"), ("1٬234", "1234"), ("1, 234", "1234"), ("(1 ,234)", "-1234"),
    ],
)  # fmt: skip
def test_printed_forms(text: str, expected: str) -> None:
    assert value(text) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "expected", "unit", "currency"),
    [
        ("10.09 pence", "10.09", "pence", None), ("(10.09 pence)", "-10.09", "pence", None), ("1 penny", "1", "pence", None),
        ("(0.89) cent", "-0.89", "cent", None), ("HK(0.89) cent", "-0.89", "cent", "HKD"), ("HK$0.89 cents", "0.89", "cent", "HKD"),
        ("12.3 US cents", "12.3", "cent", "USD"), ("RMB(0.89) cent", "-0.89", "cent", "CNY"), ("12 per cent", "12", "percent", None),
    ],
)  # fmt: skip
def test_hundredths_of_a_currency(text: str, expected: str, unit: str, currency: str | None) -> None:
    amount = parse_amount(text)
    assert amount and (amount.value, amount.unit, amount.currency) == (Decimal(expected), unit, currency)


@pytest.mark.parametrize(
    "text", ["US cents", "cents", "US 12", "HK 12", "cent(0.89)", "£000", "$ 000", "000"]
)
def test_without_a_figure_or_its_cents_there_is_no_amount(text: str) -> None:
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,56", "1234.56"),
        ("1 234,5", "1234.5"),
        ("-1.234", "-1234"),
        ("12,5 %", "12.5"),
        ("1.234,–", "1234"),
        ("0,5", "0.5"),
    ],
)
def test_comma_is_the_decimal_point(text: str, expected: str) -> None:
    assert value(text, ",") == Decimal(expected)


@pytest.mark.parametrize("text", ["-", "–", "—", "$ —", "£-", "(-)", "—%", "nil", "Nil", "--", "－", "— (1)"])
def test_dash_is_nil(text: str) -> None:
    amount = parse_amount(text)
    assert amount is not None and amount.nil and amount.value == 0


@pytest.mark.parametrize(
    "text",
    ["", "   ", "Net sales", "31.12.2018", "12/31/2018", "2017-2018", "2017–2018", "1,23", "12,3456", "N/A", "n.m.", "$", "()", "%",
     "Note 3", "1,2,3", "--5", "((5))", "-(5)", "5-6", "FY18", "June 30, 2023", "一"],
)  # fmt: skip
def test_no_figure(text: str) -> None:
    assert parse_amount(text) is None


def test_parts_are_kept_apart() -> None:
    amount = parse_amount("£(1,234.50)%(2)")
    assert amount == Amount(
        "£(1,234.50)%(2)", Decimal("-1234.50"), 2, "GBP", "£", "percent", negative="parentheses", marker="(2)"
    )
    dollars = parse_amount("$5")
    assert dollars is not None and dollars.symbol == "$" and dollars.currency is None
    assert parse_amount("12 CR") == Amount("12 CR", Decimal(12), side="CR", doubt="side")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [("(547", "unclosed"), ("1 234", "spaced"), ("1.234.567", "separators"), ("14 (8)", "marker"), ("1,2S4", "unreadable"),
     ("S 1,234", "sign"), ("▲1,234", "sign"), ("▼ 5", "sign"), ("△1,234", None), ("1, 234", "spaced"), ("1,234CR", "side"), ("DR 5", "side"),
     ("32,765", None), ("(547)", None)],
)  # fmt: skip
def test_doubts(text: str, doubt: str | None) -> None:
    amount = parse_amount(text)
    assert amount is not None and amount.doubt == doubt


def test_confused_letters_are_not_repaired_silently() -> None:
    assert value("1,2S4") is None
    assert {a.value for a in confusion_candidates("(1,2S4)")} == {Decimal(-1254)}
    assert {a.value for a in confusion_candidates("O")} == set()
    assert confusion_candidates("1,254") == ()


STYLES = st.fixed_dictionaries(
    {
        "point": st.sampled_from([".", ","]),
        "grouping": st.sampled_from(["none", "western", "indian", "space", "apostrophe"]),
        "negative": st.sampled_from(["(%s)", "( %s )", "-%s", "−%s", "%s-", "(%s", "△%s"]),
        "currency": st.sampled_from(["%s", "$%s", "$ %s", "£%s", "%s €", "EUR %s", "%s USD", "HK$%s"]),
        "unit": st.sampled_from(["%s", "%s%%", "%s %%", "%s‰", "%sx"]),
        "marker": st.sampled_from(["", "*", "¹", "(a)", " †", "(12)"]),
        "full_width": st.booleans(),
    }
)


def grouped(digits: str, separator: str, *, indian: bool = False) -> str:
    head, tail = digits[:-3], digits[-3:]
    size = 2 if indian else 3
    parts = [head[max(0, i - size) : i] for i in range(len(head), 0, -size)][::-1]
    return separator.join([*parts, tail])


@settings(max_examples=600)
@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2), st.integers(0, 2), STYLES)
def test_a_printed_decimal_is_read_back(number: Decimal, places: int, style: dict[str, str]) -> None:
    number = round(number, places)
    whole, _, fraction = f"{abs(number):f}".partition(".")
    point = style["point"]
    separator = {"none": "", "western": "," if point == "." else ".", "space": "\u00a0", "apostrophe": "'"}
    if style["grouping"] == "indian":
        text = grouped(whole, ",", indian=True) if point == "." else whole
    else:
        text = grouped(whole, separator[style["grouping"]])
    if fraction:
        text += point + fraction
    if number < 0:
        text = style["negative"] % text
    text = (style["unit"] % text) if style["currency"] == "%s" else (style["currency"] % text)
    if style["full_width"]:
        text = text.translate({ord("0") + i: 0xFF10 + i for i in range(10)})
    if not (number < 0 and style["negative"] in ("(%s", "%s-")):
        text += style["marker"]
    amount = parse_amount(text, point)
    assert amount is not None, text
    assert amount.value == number, text
    assert amount.decimals == places


MINUS_SIGNS = "-\u02d7\u207b\u208b\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\ufe58\ufe63\uff0d"
WHOLE = st.integers(1, 10**9).map(lambda n: f"{n:,}")


def plain(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@given(
    WHOLE, st.sampled_from(MINUS_SIGNS), st.sampled_from(["", " "]), st.sampled_from(["", "$", "€ ", "USD "])
)
def test_every_minus_sign_is_one(text: str, minus: str, gap: str, currency: str) -> None:
    assert value(f"{minus}{gap}{currency}{text}") == -plain(text)
    assert value(f"{currency}{text}{gap}{minus}") == -plain(text)


@given(
    st.text(alphabet=MINUS_SIGNS, min_size=1, max_size=3),
    st.sampled_from(["%s", "$%s", "(%s)", "%s %%", "€ %s"]),
)
def test_every_dash_alone_is_nil(dashes: str, around: str) -> None:
    amount = parse_amount(around % dashes)
    assert amount is not None and amount.nil and amount.value == 0


@given(WHOLE, st.sampled_from(["CR", "DR", "Cr", "dr.", "Cr."]), st.booleans())
def test_credit_and_debit_leave_the_sign_open(text: str, side: str, first: bool) -> None:
    amount = parse_amount(f"{side} {text}" if first else f"{text} {side}")
    assert amount is not None
    assert (amount.value, amount.side, amount.doubt) == (plain(text), side.upper().rstrip("."), "side")


@given(
    st.decimals(min_value=Decimal("0.1"), max_value=9999, places=1),
    st.sampled_from([("万", 10**4), ("亿", 10**8), ("百万", 10**6), (" million", 10**6), ("bn", 10**9), (" Mio.", 10**6), (" lakh", 10**5), (" crore", 10**7)]),
    st.booleans(),
)  # fmt: skip
def test_magnitudes_multiply(number: Decimal, word: tuple[str, int], negative: bool) -> None:
    text = f"({number}{word[0]})" if negative else f"{number}{word[0]}"
    amount = parse_amount(text)
    assert amount is not None
    assert (amount.value, amount.magnitude) == ((-number if negative else number) * word[1], word[1])


@given(WHOLE, st.integers(0, 30), st.sampled_from("OlSIBZ"))
@example("67,240,568", 0, "B")
def test_a_confused_digit_is_never_read_and_always_a_candidate(text: str, at: int, letter: str) -> None:
    digit = {"O": "0", "l": "1", "S": "5", "I": "1", "B": "8", "Z": "2"}[letter]
    places = [i for i, c in enumerate(text) if c == digit]
    if not places or sum(c.isdigit() for c in text) < 3:
        return
    spot = places[at % len(places)]
    confused = text[:spot] + letter + text[spot + 1 :]
    amount = parse_amount(confused)
    if amount is not None and amount.magnitude > 1:  # "12B" may be billions
        assert amount.doubt == "marker"
        return
    assert value(confused) is None
    assert plain(text) in {a.value for a in confusion_candidates(confused)}


@given(WHOLE, st.sampled_from(["(%s", "%s)", "$(%s", "(%s %%"]))
def test_half_a_pair_of_parentheses_is_negative_and_doubted(text: str, around: str) -> None:
    amount = parse_amount(around.replace("%s", text).replace("%%", "%"))
    assert amount is not None
    assert (amount.value, amount.doubt) == (-plain(text), "unclosed")


CHINESE = "零一二三四五六七八九"


def in_characters(number: int) -> str:
    """A number below 10,000 as it is written out: 3050 is 三千零五十."""
    text, gap = "", False
    for power, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            text += ("零" if gap and text else "") + CHINESE[digit] + unit
        gap = not digit
    return text


@given(st.integers(1, 9999), st.sampled_from([("万", 10**4), ("亿", 10**8)]))
def test_numbers_written_out_in_characters(number: int, section: tuple[str, int]) -> None:
    assert value(in_characters(number) + section[0]) == number * section[1]


@given(st.text(max_size=80), st.sampled_from([".", ","]))
def test_any_text_is_safe(text: str, point: str) -> None:
    amount = parse_amount(text, point)
    assert amount is None or amount.value is None or amount.value.is_finite()


@given(st.text(alphabet="0123456789.,()-$ %OlS", max_size=14))
def test_nothing_but_printed_digits_makes_the_value(text: str) -> None:
    amount = parse_amount(text)
    if amount is not None and amount.value is not None and not amount.nil and amount.marker is None:
        printed = "".join(c for c in text if c.isdigit()).lstrip("0")
        assert str(abs(amount.value)).replace(".", "").lstrip("0").rstrip("0") == printed.rstrip("0")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234", "56,789", "(12)"], "."), (["1.234", "56.789"], ","), (["1.234,50"], ","), (["1,234.50"], "."),
        (["1.234.567", "12"], ","), (["0,5", "1"], ","), (["31.12.2018", "28.6.15"], "."), ([], "."), (["12,34,567"], "."),
        (["1,2", "35,529,910", "(19,264,701)"], "."), (["1 234,5", "7"], ","), (["1'234.50"], "."), (["4 210", "1 325", "2 115", "850"], ","), (["14 250", "850"], "."), (["4 210", "1,325", "2,100"], "."),
    ],
)  # fmt: skip
def test_decimal_point_by_vote(texts: list[str], expected: str) -> None:
    assert decide_decimal_point(texts) == expected


@pytest.mark.parametrize("text", ["𐩀", "1,𐩀𐩀𐩀", "𐩀.5", "(𐩀)", "1.𐩀", "⑤", "⑴", "②12", "𐩀万"])
def test_digits_that_form_no_decimal_number_are_no_figure(text: str) -> None:
    assert parse_amount(text) is None
    assert parse_amount(text, ",") is None


@settings(max_examples=300)
@given(
    st.text(st.characters(categories=["Nd", "No", "Nl"]), min_size=1, max_size=6), st.sampled_from([".", ","])
)
def test_numerals_of_any_script_are_read_or_left(text: str, point: str) -> None:
    amount = parse_amount(text, point)
    assert amount is None or amount.value is None or amount.value >= 0
