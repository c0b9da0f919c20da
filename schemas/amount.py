"""What number is printed here? A printed figure → a Decimal with its sign, currency, unit and doubts. Pure.

In: the text of one cell (or word) and the document's decimal point ("." or ","). Out: an `Amount`, or None when the text is
no figure. The value is the number as printed: sign and magnitude words in the cell itself ("3.2 million", 1.5万) are applied,
the scale of the table ("in millions") is not, and a percentage stays the number before its sign (12.5 % → 12.5).
Nothing is repaired: a figure with an unreadable character has value None and a doubt, and `confusion_candidates` lists what it
could have been, for a check to prove.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, product
from typing import Literal

from schemas.remember import remembered

AmountUnit = Literal["percent", "per_mille", "basis_point", "ratio", "pence", "cent"]
NegativeForm = Literal["parentheses", "leading", "trailing", "triangle"]
DecimalPoint = Literal[".", ","]
Doubt = Literal[
    "unreadable",  # a character that is no digit stands where a digit must
    "unclosed",  # one parenthesis of two
    "spaced",  # groups held apart by plain spaces where that is not the custom: perhaps two figures
    "separators",  # grouped with the other convention's separator
    "marker",  # what follows may be a footnote or a second figure
    "sign",  # a letter stands where a currency sign is printed: "S 1,234"
    "side",  # CR or DR: which of them is negative depends on the kind of document
]

MAX_LENGTH = 64  # characters; a longer text is prose
MAX_DIGITS = 29  # before the point: what decimal128(38, 9) can hold
MAX_CANDIDATES = 64  # readings of one confused figure worth trying

_DASHES = "-\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\ufe58\ufe63\u30fc\u2500"
_MINUS = "-\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\ufe58\ufe63"
_CIRCLED = "".join(
    map(chr, (*range(0x2460, 0x249C), *range(0x24EA, 0x2500), *range(0x2776, 0x2794)))
)  # ①, ⑴, ⒈: marks
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱ⁽⁾ªº" + _CIRCLED
_CIRCLED_FIRST = re.compile(rf"\s*[{_CIRCLED}]")
_SYMBOLS = "*†‡§¶#"
_SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\n\r"
_APOSTROPHES = "'\u2019\u02bc\u0060\u00b4"
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"), None)

# The longest sign first, so that "US$" is not read as "$". None: the sign alone does not say which currency.
CURRENCY_SIGNS: dict[str, str | None] = {
    "US$": "USD", "U.S.$": "USD", "HK$": "HKD", "NT$": "TWD", "NZ$": "NZD", "MX$": "MXN", "CA$": "CAD", "AU$": "AUD",
    "SG$": "SGD", "R$": "BRL", "A$": "AUD", "C$": "CAD", "S$": "SGD", "Rs.": "INR", "Rs": "INR", "kr.": None, "kr": None,
    "Fr.": "CHF", "RMB¥": "CNY", "人民币": "CNY", "人民幣": "CNY", "RMB": "CNY", "港元": "HKD", "港币": "HKD", "美元": "USD",
    "欧元": "EUR", "日元": "JPY", "元": "CNY", "円": "JPY", "원": "KRW", "$": None, "£": "GBP", "€": "EUR", "¥": None, "₹": "INR",
    "₩": "KRW", "₽": "RUB", "₺": "TRY", "₫": "VND", "฿": "THB", "₪": "ILS", "₴": "UAH", "₱": "PHP", "₦": "NGN", "₡": "CRC",
}  # fmt: skip
CURRENCY_CODES = frozenset(
    re.findall(
        "[A-Z]{3}",
        "USD EUR GBP JPY CNY CHF CAD AUD NZD HKD SGD TWD KRW INR BRL MXN ZAR SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH"
        " ILS AED SAR QAR KWD BHD OMR EGP NGN KES GHS THB IDR MYR PHP VND PKR BDT LKR CLP COP PEN ARS UYU ISK HRK RSD KZT"
        " CNH",
    )
)
MAGNITUDES: dict[str, int] = {
    "百万": 10**6, "百萬": 10**6, "千万": 10**7, "千萬": 10**7, "万亿": 10**12, "萬億": 10**12, "十亿": 10**9, "亿": 10**8, "億": 10**8,
    "万": 10**4, "萬": 10**4, "千": 10**3, "thousand": 10**3, "million": 10**6, "millions": 10**6, "billion": 10**9,
    "billions": 10**9, "trillion": 10**12, "mn": 10**6, "mio": 10**6, "mio.": 10**6, "mrd": 10**9, "mrd.": 10**9, "bn": 10**9,
    "lakh": 10**5, "lakhs": 10**5, "lac": 10**5, "crore": 10**7, "crores": 10**7, "m": 10**6, "k": 10**3, "b": 10**9,
}  # fmt: skip
_SUFFIX_UNITS: dict[str, AmountUnit] = {
    "%": "percent", "pct": "percent", "percent": "percent", "per cent": "percent", "‰": "per_mille", "per mille": "per_mille",
    "bps": "basis_point", "bp": "basis_point", "x": "ratio", "×": "ratio", "倍": "ratio", "p": "pence", "pence": "pence", "penny": "pence", "¢": "cent",
    "cent": "cent", "cents": "cent",
}  # fmt: skip
# Whose cents: "12.3 US cents", "HK(0.89) cent". Two letters alone are no currency.
_CENTS_OF: dict[str, str] = {"us": "USD", "u.s.": "USD", "hk": "HKD", "euro": "EUR"}
THOUSANDS = "000"  # "£000" says in what a column counts; nobody prints nothing with three noughts
_NIL_WORDS = frozenset({"nil", "none", "无", "無", "零", "keine", "néant", "nihil"})
# What a recogniser takes for a digit, and the digits it may have been.
CONFUSIONS: dict[str, str] = {
    "O": "0", "o": "0", "Q": "0", "D": "0", "l": "1", "I": "1", "i": "1", "|": "1", "!": "1", "]": "1", "[": "1",
    "Z": "2", "z": "2", "A": "4", "S": "5", "s": "5", "G": "6", "b": "6", "T": "7", "?": "7", "B": "8", "g": "9", "q": "9",
}  # fmt: skip

_CHINESE_DIGITS = {c: i for i, cs in enumerate(
    ["零〇", "一壹", "二贰貳两兩", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖"]) for c in cs}  # fmt: skip
_CHINESE_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_CHINESE_SECTIONS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}

_SIGN_PATTERN = "|".join(re.escape(s) for s in sorted(CURRENCY_SIGNS, key=len, reverse=True))
_PREFIX = re.compile(rf"({_SIGN_PATTERN}|[A-Z]{{3}}(?![A-Za-z]))\s*")
_SUFFIX_CURRENCY = re.compile(rf"\s*({_SIGN_PATTERN}|(?<![A-Za-z])[A-Z]{{3}})$")
_SUFFIX_MAGNITUDE = re.compile(
    r"(?<=[\d\s)])\s*(" + "|".join(re.escape(m) for m in sorted(MAGNITUDES, key=len, reverse=True)) + r")$",
    re.IGNORECASE,
)
_SUFFIX_UNIT = re.compile(
    r"\s*(" + "|".join(re.escape(u) for u in sorted(_SUFFIX_UNITS, key=len, reverse=True)) + r")$",
    re.IGNORECASE,
)
_CENTS_PREFIX = re.compile(r"(US|U\.S\.|HK)\s*(?=[(\d])")
_CENTS_SUFFIX = re.compile(r"(?<=[\d)\s])(US|U\.S\.|HK|euro)\s*$", re.IGNORECASE)
_MISREAD_SIGN = re.compile(r"[SsfFEL§]\s+(?=[(\d])")  # what a recogniser may make of $, £ and €
_MARKER = re.compile(r"(?P<gap>\s*)(?P<mark>\((?:[a-zA-Z]|\d{1,2}|[ivx]{1,4})\)|\[(?:[a-zA-Z]|\d{1,2})\])$")
_SIDE = re.compile(r"\s*(?<![A-Za-z])(CR|DR)\.?$", re.IGNORECASE)
_SIDE_FIRST = re.compile(r"^(CR|DR)\.?\s+(?=[\d$£€¥])", re.IGNORECASE)
# A text layer may give a minus sign as a soft hyphen; between letters and digits it is one, and means nothing.
_SOFT_MINUS = re.compile(
    r"(?<![^\s(（$£€¥₹])\u00ad(?=\s*[\d$£€¥₹.,(（])|(?<=[\d)])\u00ad(?=\s*$)|^\s*\u00ad+\s*$"
)
_SPLIT_GROUP = re.compile(r"(?<=\d)(?: ,|, )(?=\d{3}(?!\d))")  # "1, 234": the text layer parts the figure
_SHORT_GROUP = {".": re.compile(r",\d{1,2}$"), ",": re.compile(r"\.\d{1,2}$")}  # by the decimal point
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{2,4}")
_PLAIN = re.compile(r"\d+")
_SUPERSCRIPT_END = re.compile(rf"\s*[{re.escape(_SUPERSCRIPTS + _SYMBOLS)}]+$")


@dataclass(frozen=True, slots=True)
class Amount:
    """One printed figure. `value` is None only when a character of the figure cannot be read."""

    text: str  # as given
    value: Decimal | None
    decimals: int = 0  # digits printed after the point
    currency: str | None = None  # ISO code, where the sign says it alone ("$" and "¥" do not)
    symbol: str | None = None  # the currency sign or code as printed
    unit: AmountUnit | None = None
    magnitude: int = 1  # of a word or character in the cell itself, already in `value`
    nil: bool = False  # a printed dash or "nil"
    negative: NegativeForm | None = None
    side: Literal["CR", "DR"] | None = None  # the value is unsigned then
    marker: str | None = None  # footnote marker that was set aside
    doubt: Doubt | None = None


@remembered
def parse_amount(text: str, decimal_point: str = ".") -> Amount | None:
    """Return the figure that `text` prints, or None when it prints none (words, dates, ranges, blanks).

    `decimal_point` is the document's own convention, "." or "," (see `decide_decimal_point`). Never raises on any text.
    """
    if not text or len(text) > MAX_LENGTH:
        return None
    body, marker = _set_superscripts_aside(_SOFT_MINUS.sub("-", text).translate(_INVISIBLE))
    if _CIRCLED_FIRST.match(body):
        return None
    body = _simplify(body)
    if not body:
        return None
    whole = _SPLIT_GROUP.sub(",", body) if decimal_point == "." else body
    state = _Peeled(whole, decimal_point)
    if whole != body:
        state.doubt = "spaced"
    state.peel()
    if marker:
        state.marker = marker
    if state.failed or state.body == THOUSANDS:
        return None
    if _is_nil(state.body):
        if state.negative and state.negative != "parentheses":
            return None
        return Amount(text, Decimal(0), nil=True, currency=state.currency, symbol=state.symbol, unit=state.unit,
                      marker=state.marker)  # fmt: skip
    return _number(text, state, decimal_point)


class _Peeled:
    """The figure's body while sign, currency, unit and marker are taken off it, outside in."""

    def __init__(self, body: str, decimal_point: str) -> None:
        self.body = body
        self.short_group = _SHORT_GROUP[decimal_point]
        self.currency: str | None = None
        self.symbol: str | None = None
        self.unit: AmountUnit | None = None
        self.magnitude = 1
        self.negative: NegativeForm | None = None
        self.side: Literal["CR", "DR"] | None = None
        self.marker: str | None = None
        self.doubt: Doubt | None = None
        self.failed = False

    def peel(self) -> None:
        """Take off one layer after another until none comes off."""
        for step in (self._side, self._footnote):
            step()
        while True:
            before = self.body
            for layer in (self._prefix, self._suffix, self._parentheses, self._minus):
                layer()
                self.body = self.body.strip()
                if self.failed:
                    return
            if self.body == before:
                return

    def _side(self) -> None:
        found = _SIDE.search(self.body)
        first = _SIDE_FIRST.match(self.body)
        if first and not found:
            self.side = "CR" if first[1].upper() == "CR" else "DR"
            self.doubt = "side"
            self.body = self.body[first.end() :]
        elif found and any(c.isdigit() for c in self.body[: found.start()]):
            self.side = "CR" if found[1].upper() == "CR" else "DR"
            self.doubt = "side"
            self.body = self.body[: found.start()]

    def _footnote(self) -> None:
        found = _MARKER.search(self.body)
        if not found:
            return
        rest = self.body[: found.start()]
        nil = bool(found["gap"]) and _is_nil(rest.strip("$£€¥ "))
        if not (nil or any(c.isdigit() for c in rest)):
            return
        self.marker, self.body = found["mark"], rest
        if found["gap"] and found["mark"].strip("()[]").isdigit():
            self.doubt = "marker"

    def _prefix(self) -> None:
        misread = _MISREAD_SIGN.match(self.body)
        if misread and self.symbol is None:
            self.body = self.body[misread.end() :]
            self.doubt = self.doubt or "sign"
            return
        found = _PREFIX.match(self.body)
        if found and self._take_currency(found[1]):
            self.body = self.body[found.end() :]

    def _suffix(self) -> None:
        unit = _SUFFIX_UNIT.search(self.body)
        if unit and self.unit is None and unit.start() > 0:
            self.unit = _SUFFIX_UNITS[unit[1].lower()]
            self.body = self.body[: unit.start()]
            if self.unit == "cent" and self.symbol is None:
                self._take_whose_cents()
            return
        size = _SUFFIX_MAGNITUDE.search(self.body)
        if size and size[1] in CONFUSIONS and self.short_group.search(self.body[: size.start()]):
            size = None  # "240,56B": the letter stands where the last digit of a group must
        if size and self.magnitude == 1 and size.start() > 0:
            self.magnitude = MAGNITUDES[size[1].lower()]
            if size[1] in CONFUSIONS and self.symbol is None:
                self.doubt = self.doubt or "marker"  # "12B": billions, or a misread digit
            self.body = self.body[: size.start()]
            return
        found = _SUFFIX_CURRENCY.search(self.body)
        if found and found.start() > 0 and self._take_currency(found[1]):
            self.body = self.body[: found.start()]

    def _take_whose_cents(self) -> None:
        whose = _CENTS_PREFIX.match(self.body) or _CENTS_SUFFIX.search(self.body)
        if whose:
            self.symbol, self.currency = whose[1], _CENTS_OF[whose[1].lower()]
            self.body = self.body[: whose.start()] + self.body[whose.end() :]

    def _take_currency(self, sign: str) -> bool:
        if self.symbol is not None and self.symbol != sign:
            again = CURRENCY_SIGNS.get(sign) or (sign if sign in CURRENCY_CODES else None)
            return again is not None and again == self.currency  # 人民币 1,234 元, US$ 1,234 USD
        if sign in CURRENCY_SIGNS:
            self.symbol, self.currency = sign, CURRENCY_SIGNS[sign]
            return True
        if sign in CURRENCY_CODES:
            self.symbol = self.currency = sign
            return True
        return False

    def _parentheses(self) -> None:
        opens, closes = self.body.startswith("("), self.body.endswith(")")
        if not (opens or closes):
            return
        inner = self.body[opens : len(self.body) - closes]
        if "(" in inner or ")" in inner:
            if not (opens and not closes):  # "(5.4)" inside "(5.4)%)": not a figure we know
                self.failed = True
            return
        self._negate("parentheses")
        if opens != closes:
            self.doubt = self.doubt or "unclosed"
        self.body = inner

    def _minus(self) -> None:
        if len(self.body) < 2 or _is_nil(self.body):
            return
        if self.body[0] in _MINUS:
            self._negate("leading")
            self.body = self.body[1:]
        elif self.body[0] in "△▲∆Δ▵▼▽":
            if self.body[0] in "▲▼":
                self.doubt = self.doubt or "sign"  # a Japanese minus, or an arrow that says up or down
            self._negate("triangle")
            self.body = self.body[1:]
        elif self.body[0] == "+":
            self.body = self.body[1:]
        elif self.body[-1] in _MINUS:
            # "12.-" and "12,–" are the Swiss and German way to print no cents
            if self.body[-2] in ".,":
                self.body = self.body[:-2]
                return
            self._negate("trailing")
            self.body = self.body[:-1]

    def _negate(self, form: NegativeForm) -> None:
        if self.negative is not None or self.side is not None:
            self.failed = True
        self.negative = form


def _set_superscripts_aside(text: str) -> tuple[str, str | None]:
    found = _SUPERSCRIPT_END.search(text)
    if not found or not text[: found.start()].strip():
        return text, None
    return text[: found.start()], unicodedata.normalize("NFKC", found[0].strip())


def _simplify(text: str) -> str:
    text = unicodedata.normalize("NFKC", "".join(" " if c in _SPACES else c for c in text)).strip()
    text = text.replace("\u066c", "'")
    digits = "".join(str(unicodedata.digit(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    return re.sub(r"(?<=\()\s+|\s+(?=\))", "", digits)


def _is_nil(body: str) -> bool:
    squeezed = body.replace(" ", "")
    return squeezed.lower() in _NIL_WORDS or (0 < len(squeezed) <= 5 and all(c in _DASHES for c in squeezed))


def _number(text: str, state: _Peeled, decimal_point: str) -> Amount | None:
    body = state.body
    read = _digits(body, decimal_point)
    if read is None:
        chinese = _chinese(body)
        if chinese is not None:
            read = str(chinese), None
        elif _looks_confused(body, decimal_point):
            return Amount(text, None, currency=state.currency, symbol=state.symbol, unit=state.unit, negative=state.negative,
                          marker=state.marker, doubt="unreadable")  # fmt: skip
        else:
            return None
    plain, doubt = read
    whole, _, fraction = plain.partition(".")
    if len(whole) > MAX_DIGITS:
        return None
    value = Decimal(plain) * state.magnitude
    if state.negative and value:
        value = -value
    return Amount(text, value, len(fraction), state.currency, state.symbol, state.unit, state.magnitude, False, state.negative,
                  state.side, state.marker, state.doubt or doubt)  # fmt: skip


def _digits(body: str, decimal_point: str) -> tuple[str, Doubt | None] | None:
    """Return the digits with "." as the point, and a doubt about the grouping; None when they form no number."""
    if _PLAIN.fullmatch(body):
        return body, None
    if not body or not body[-1].isdecimal() and body[-1] != decimal_point or _DATE.fullmatch(body):
        return None
    other = "," if decimal_point == "." else "."
    whole, point, fraction = body.rpartition(decimal_point)
    if not point:
        whole, fraction = body, ""
    elif not (fraction.isdecimal() or fraction == ""):
        return None
    if decimal_point in whole:
        # 1.234.567 where the point is the decimal sign elsewhere: it can only be grouping
        grouped = _ungroup(body, decimal_point)
        return (grouped, "separators") if grouped else None
    if point and not whole:
        return ("0." + fraction, None) if fraction else None
    plain: str | None = None
    doubt: Doubt | None = None
    if whole.isdecimal():
        plain = whole
    else:
        for separator in (other, " ", *_APOSTROPHES):
            plain = _ungroup(whole, separator)
            if plain:
                doubt = "spaced" if separator == " " and decimal_point == "." else None
                break
    if not plain:
        return None
    return (f"{plain}.{fraction}" if fraction else plain), doubt


def _ungroup(text: str, separator: str) -> str | None:
    groups = text.split(separator)
    if len(groups) < 2 or not all(g.isdecimal() and g.isascii() for g in groups) or len(groups[-1]) != 3:
        return None
    first, middle = groups[0], groups[1:-1]
    western = len(first) <= 3 and all(len(g) == 3 for g in middle)
    indian = len(first) <= 2 and all(len(g) == 2 for g in middle) and separator == ","
    return "".join(groups) if western or indian else None


def _chinese(body: str) -> int | None:
    """Return the value of a number written in Chinese characters, such as 三千二百万; None for anything else."""
    if len(body) < 2 or not any(c in _CHINESE_UNITS or c in _CHINESE_SECTIONS for c in body):
        return None
    total = section = digit = 0
    for c in body:
        if c in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[c]
        elif c in _CHINESE_UNITS:
            section += (digit or 1) * _CHINESE_UNITS[c]
            digit = 0
        elif c in _CHINESE_SECTIONS:
            section += digit
            total = (
                (total + section) * _CHINESE_SECTIONS[c]
                if _CHINESE_SECTIONS[c] > 10**4
                else total + section * 10**4
            )
            section = digit = 0
        else:
            return None
    return total + section + digit


def _looks_confused(body: str, decimal_point: str) -> bool:
    if sum(c.isdecimal() for c in body) * 2 < sum(c.isalnum() for c in body):
        return False
    return next(_readings(body, decimal_point), None) is not None


def _readings(body: str, decimal_point: str) -> Iterator[str]:
    spots = [i for i, c in enumerate(body) if c in CONFUSIONS]
    if not 0 < len(spots) <= 3:
        return
    for choice in product(*(CONFUSIONS[body[i]] for i in spots)):
        letters = list(body)
        for spot, digit in zip(spots, choice, strict=True):
            letters[spot] = digit
        candidate = "".join(letters)
        if _digits(candidate, decimal_point):
            yield candidate


def confusion_candidates(text: str, decimal_point: str = ".") -> tuple[Amount, ...]:
    """Return what an unreadable figure could be when its letters are digits a recogniser confused; () when it is readable.

    None of them is known to be right: a check or the pixels must choose, and the choice must be flagged.
    """
    amount = parse_amount(text, decimal_point)
    if amount is None or amount.value is not None:
        return ()
    found = []
    for reading in islice(_replaced(text), MAX_CANDIDATES):
        other = parse_amount(reading, decimal_point)
        if other is not None and other.value is not None:
            found.append(other)
    return tuple(found)


def _replaced(text: str) -> Iterator[str]:
    spots = [i for i, c in enumerate(text) if c in CONFUSIONS]
    for choice in product(*(CONFUSIONS[text[i]] for i in spots[:4])):
        letters = list(text)
        for spot, digit in zip(spots, choice, strict=False):
            letters[spot] = digit
        yield "".join(letters)


_BOTH = re.compile(r"(?<![\d.,])\d{1,3}(?:([.,'’ ])\d{3})+([.,])\d{1,9}(?!\d|[.,]\d)")
_REPEATED = re.compile(r"(?<![\d.,])\d{1,3}(?:([.,])\d{3})(?:\1\d{3})+(?![\d]|[.,]\d)")
_INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?!\d)")
_SPACED = re.compile(r"(?<![\d.,] )(?<![\d.,])\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?![\d.,]| \d)")
_SINGLE = re.compile(r"(?<![\d.,/])(\d+)([.,])(\d+)(?![\d/]|[.,]\d)")
STRONG_VOTE = 5  # a figure that can only be read one way
LEAST_SPACED = 3  # figures grouped with spaces; fewer may be two figures side by side
WEAK_VOTE = 1  # one separator before three digits: most probably grouping


def decide_decimal_point(texts: Iterable[str]) -> DecimalPoint:
    """Return the decimal point of a document, voted by its figures; "." when they do not say.

    A figure with both separators, or one repeated, is strong evidence; "1.234" alone is weak evidence for ",".
    """
    votes, spaced = {".": 0, ",": 0}, 0
    for text in texts:
        if len(text) > MAX_LENGTH or _DATE.search(text):
            continue
        for point, weight in _votes(text):
            votes[point] += weight
        spaced += bool(_SPACED.search(text))
    if spaced >= LEAST_SPACED:  # who groups with spaces writes a comma before the decimals
        votes[","] += spaced * WEAK_VOTE
    return "," if votes[","] > votes["."] else "."


def _votes(text: str) -> Iterator[tuple[str, int]]:
    swap = {".": ",", ",": "."}
    if _INDIAN.search(text):
        yield ".", STRONG_VOTE
        return
    both = _BOTH.search(text)
    if both and both[1] != both[2]:
        yield both[2], STRONG_VOTE
        return
    repeated = _REPEATED.search(text)
    if repeated:
        yield swap[repeated[1]], STRONG_VOTE
        return
    single = _SINGLE.search(text)
    if single:
        whole, separator, fraction = single.groups()
        if len(fraction) != 3 or whole == "0" or len(whole) > 3:
            # "1,2" may be a list of note numbers: short figures weigh less than grouped ones
            yield separator, STRONG_VOTE if len(whole) + len(fraction) > 3 else 2 * WEAK_VOTE
        else:
            yield swap[separator], WEAK_VOTE
