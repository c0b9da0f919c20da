"""In what unit are a table's figures printed? Unit notes → currency, scale and the rows they do not govern.

In: printed texts around and inside a table, nearest first ("(In millions, except per share data)", "£'000", 单位:万元). Out: a
`UnitNote` with its own citation, and for each row the scale that holds for it. A scale nobody printed is None, never 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rapidfuzz.distance import Levenshtein

from extractors.statements.periods import fold
from schemas.amount import CURRENCY_CODES

RowUnit = Literal["money", "per_share", "shares", "percent", "ratio", "count"]

_HUNDRED = {"thousand": 10**3, "million": 10**6, "billion": 10**9}

# Words for a scale, folded (lower case, no accents). Order matters: the longest or most special first.
_SCALE_WORDS: tuple[tuple[str, int], ...] = (
    (r"millions?\s*of|in\s*millions?|\bmillions?\b|\bmillionen\b|\bmillones\b|\bmilhoes\b|\bmiljoen\b|\bmln\.?(?![a-z])|\bmio\.?(?![a-z])"
     r"|\bmeur\b|\bmusd\b|\bmgbp\b|\bmchf\b|\bmsek\b", 10**6),
    (r"in\s*billions?|billions?\s*of|\bbillions?\b|\bmilliarden\b|\bmilliards?\b|\bmrd\.?(?![a-z])|\bmiljard\b", 10**9),
    (r"in\s*thousands?|thousands?\s*of|\bthousands?\b|000'?\s*s?\s*omitted|\btausend\b|\bteur\b|\btchf\b|\bmilliers\b|\bmiles\b"
     r"|\bmilhares\b|\bduizend(?:en)?\b|\bkeur\b|\bkusd\b|\btsd\.?(?![a-z])|\bksek\b|\btgbp\b", 10**3),
    (r"\bcrores?\b", 10**7),
    (r"\blakhs?\b|\blacs?\b", 10**5),
)  # fmt: skip
_SCALES = tuple((re.compile(words), scale) for words, scale in _SCALE_WORDS)
# Signs that carry their scale with them: £'000, $000s, €m, RMB'000, k€, T€, R$ mil, x € 1.000.
_SIGN_SCALES = (
    (re.compile(r"(?:[£$€¥]|rmb|hk\$|us\$|usd|eur|gbp|chf|aud|cad|nzd|sgd|zar|rand|rm|ringgit|\br)\s*['’‘`´\"“”.]?\s*0\s*0\s*0\s*(?:['’]?s)?(?!\d)"), 10**3),
    (re.compile(r"['’‘`´]\s*000(?:['’]?s)?(?!\d)"), 10**3),
    (re.compile(r"(?<!\d)000['’]s"), 10**3),
    (re.compile(r"x\s*(?:[€$£]|eur)\s*1[.,]000(?![.,\d])"), 10**3),
    (re.compile(r"x\s*(?:[€$£]|eur)\s*1[.,]000[.,]000(?![.,\d])"), 10**6),
    (re.compile(r"r\$\s*mil(?![a-z])|(?<![a-z])em\s*mil\s*reais"), 10**3),
    (re.compile(r"(?:[£$€¥]|us\$|a\$|hk\$|rmb|eur|usd|gbp|chf|cad|aud|sek|nok|dkk)\s*['’]?(?:m|mn|mm)(?![a-z0-9])"), 10**6),
    (re.compile(r"(?:[£$€¥])\s*(?:k)(?![a-z0-9])"), 10**3),
    (re.compile(r"(?:[£$€¥])\s*(?:bn|b)(?![a-z0-9])"), 10**9),
    (re.compile(r"(?<![a-z0-9])k\s*[€$£]|(?<![a-z0-9])t\s*€"), 10**3),
    (re.compile(r"(?<![a-z0-9])m\s*[€$£](?![a-z0-9])"), 10**6),
)  # fmt: skip
_CHINESE_NOTE = re.compile(
    r"(?:单位|單位|単位|货币单位|金额单位)\s*[:：]?\s*(?:人民币|人民幣|rmb)?\s*(?P<s>百万|百萬|千万|千萬|十亿|亿|億|万|萬|千)?\s*(?P<c>元|円|美元|港元|欧元|日元)"
    r"|(?:人民币|人民幣|以|rmb)\s*(?P<s2>百万|百萬|千万|亿|億|万|萬|千)\s*(?P<c2>元|円|美元|港元)"
    r"|^\W*(?P<s3>百万|百萬|千万|亿|億|万|萬|千)(?P<c3>元|円|美元|港元)\W*$"
)
_CHINESE_SCALES = {"百万": 10**6, "百萬": 10**6, "千万": 10**7, "千萬": 10**7, "十亿": 10**9, "亿": 10**8, "億": 10**8, "万": 10**4,
                   "萬": 10**4, "千": 10**3}  # fmt: skip
_CHINESE_CURRENCIES = {"元": "CNY", "円": "JPY", "美元": "USD", "港元": "HKD", "欧元": "EUR", "日元": "JPY"}

_CURRENCIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words), code)
    for words, code in (
        (r"us\s*\$|u\.s\.\s*\$|u\.?s\.?\s*dollars?|united\s*states\s*dollars?", "USD"),
        (r"hk\s*\$|hong\s*kong\s*dollars?", "HKD"),
        (r"(?<![a-z])a\$|australian\s*dollars?", "AUD"),
        (r"(?<![a-z])c\$|canadian\s*dollars?", "CAD"),
        (r"nz\s*\$|new\s*zealand\s*dollars?", "NZD"),
        (r"(?<![a-z])s\$|singapore\s*dollars?", "SGD"),
        (r"nt\s*\$|new\s*taiwan\s*dollars?", "TWD"),
        (r"(?<![a-z])r\$|\breais\b|\bbrazilian\s*real\b", "BRL"),
        (r"£|\bpounds?\s*sterling\b|\bin\s*sterling\b", "GBP"),
        (r"€|\beuros?\b|\bteur\b|\bmeur\b|\bkeur\b|t€", "EUR"),
        (r"\brmb\b|renminbi|人民币|人民幣|\byuan\b", "CNY"),
        (r"₹|\brs\.?(?![a-z])|\brupees?\b|\binr\b", "INR"),
        (r"\byen\b|円|日元", "JPY"),
        (r"swiss\s*francs?|\bchf\b|\btchf\b|\bmchf\b", "CHF"),
        (r"\bkorean\s*won\b|₩", "KRW"),
        (r"港元|港币|港幣", "HKD"),
        (r"美元", "USD"),
        (r"swedish\s*kron", "SEK"),
        (r"norwegian\s*kron", "NOK"),
        (r"danish\s*kron", "DKK"),
        (r"\bringgit\b|(?<![a-z])rm\s*['’]?\s*(?:000|m(?:illion|n)?)(?![a-z])", "MYR"),
        (r"\bsouth\s*african\s*rand\b|\brand\s*(?:thousand|million)|\bin\s*rand\b", "ZAR"),
    )
)
_CODE = re.compile(r"(?<![A-Za-z])[TMKtmk]?([A-Z]{3})(?![A-Za-z])")
_PRESENTED = re.compile(
    r"(?:presentation\s*currency|reporting\s*currency|(?:are|is)\s*(?:presented|reported|expressed|stated)\s*in|amounts\s*(?:are\s*)?in)\b[^.]{0,60}?"
    r"(?P<currency>(?:australian|canadian|new\s*zealand|hong\s*kong|singapore|new\s*taiwan|united\s*states|u\.?\s*s\.?)\s*dollars?|us\s*\$|a\$|c\$|nz\$|hk\$|s\$)"
)
_DOLLAR = re.compile(r"\$|\bdollars?\b", re.IGNORECASE)

_SHARES_SCALED = (
    re.compile(r"shares?\s*(?:amounts?|data)?,?\s*(?:(?:which|that)\s*)?(?:are\s*)?(?:reflected\s*|presented\s*|expressed\s*|stated\s*|shown\s*)?in\s*(?P<s>thousand|million|billion)s?"),
    re.compile(r"(?:number\s*of\s*)?shares[^()]*?(?:which\s*are|that\s*are)\s*(?:reflected|presented|expressed|stated)?\s*in\s*(?P<s>thousand|million|billion)s?"),
    re.compile(r"(?P<s>thousand|million|billion)s?\s*of\s*shares"),
)  # fmt: skip
_EXCEPT = re.compile(r"\bexcept(?:ing)?\b|\bexcluding\b|\bother\s*than\b|\bunless\b")
_SHARES_EXEMPT = re.compile(
    r"\bexcept\b[^()]*?(?:\bshares?\s*(?:and|or|,|&|data|amounts?|information|counts?|figures)|\bnumber\s*of\s*shares"
    r"|\bshare\s*(?:and|/|&)\s*per|\bunits?\s*and\s*per)"
)
_PER_SHARE_ONLY = re.compile(
    r"\bexcept\s*(?:for\s*)?(?:earnings?\s*|income\s*|loss\s*|dividends?\s*|amounts?\s*)?per[\s-]*(?:common\s*|ordinary\s*)?share"
)
_PLAIN_NOTE = re.compile(r"\b(?:in|expressed\s*in|amounts?\s*in|stated\s*in|figures\s*in)\s*(?:u\.?s\.?\s*|united\s*states\s*|canadian\s*)?(?:dollars|euros?|pounds?(?:\s*sterling)?|yen)\b"
                         r"|\bin\s*(?:eur|usd|gbp|chf|€|£|\$)(?![a-z0-9'’])|\bbetrage\s*in\s*(?:eur|€)|^\W*(?:eur|€|£|\$|chf|gbp|usd)\W*$")  # fmt: skip
_SIGN_IN_HEADER = re.compile(r"(?:^|\s)(?:[£€$¥]|EUR|CHF|GBP|USD|CNY|RMB)\s*$|^[£€$¥](?:\s|$)|\s[£€$¥]\s")
_WORDS_IN_HEADER = re.compile(
    r"^(?:in\s+)?(?:(?:us|u\.s\.|united\s+states|canadian|australian|hong\s+kong|singapore|new\s+zealand)\s+)?(?:dollars|euros?|pounds?(?:\s+sterling)?|yen)\b"
)
_SPELLED_AMOUNT = re.compile(
    r"\d[\d.,]*\s*(?:million|billion|thousand|mio|mrd|mn|bn|crore|lakh|millionen|milliarden|millones|milhoes|miljoen)"
)
# A note that was misread: in brackets, or with what else such notes say.
_LIKE_NOTE = re.compile(r"^\W*[(（\[]|[)）\]]\W*$|\bexcept\b")
_OTHER_WORDS = frozenset({"bullion", "bullions", "mission", "missions", "minion", "minions", "billones"})
MAX_MISREAD = 100  # characters
# Letters of "millions" that may be lost or exchanged, its first one never: one, for two make it of "milling" and "billings"; two
# where the note says "except" as well.
MISSPELT, MISSPELT_IN_NOTE = 1, 2
MAX_NOTE = 160  # characters: a longer line is prose, its "millions" is not a unit note

# The words between "per" and "share"; run together, only those that name a kind of share: "performance share" is none.
_KINDS_OF_SHARES = r"(?:\s*(?:basic|diluted|common|ordinary|equity|capital|preferred|class|limited|american|depositary|voting))*"
_PER_SHARE = re.compile(
    rf"\bper(?:{_KINDS_OF_SHARES}\s*|\s+(?:\w+\s*){{0,3}}?)(?:shares?|ads|adr|unit)\b"
    r"|\beps\b|earnings\s*per|per\s*action\b|par\s*action|je\s*aktie|por\s*accion|por\s*acao"
    r"|per\s*aandeel|每股|一株当たり|1株当たり"
)
# "Dividends declared ($2.10 per share)" names the rate; what the row prints is the money.
_RATE_NAMED = re.compile(
    rf"[$£€¥]?\s*\d[\d.,]*\s*(?:cents?|pence|p)?\s*(?:per|a)(?:{_KINDS_OF_SHARES}\s*|\s+(?:\w+\s*){{0,3}}?)(?:shares?|ads|unit)\b"
)
_MONEY_DESPITE = re.compile(
    r"par\s*value|authori[sz]ed|stated\s*value|liquidation\s*preference|issued\s*and|at\s*cost|nominal\s*value"
)
_SHARE_COUNT = re.compile(
    r"(?:weighted|average|avg)\W.{0,60}?\b(?:shares?|units|equivalents)\b|\bshares?\b.{0,40}\bweighted\b|\bshares?\s*outstanding\b"
    r"|\bnumber\s*of\s*(?:\w+\s*){0,3}shares\b|\bshares?\s*used\s*in\b|\bdiluted\s*shares\b|\bbasic\s*shares\b|anzahl\s*(?:der\s*)?aktien"
    r"|nombre\s*(?:moyen\s*)?(?:d')?actions|股数|股份数"
)
_OPEN_COUNT = re.compile(r"\bshares\b.*\bused\s*(?:in|for|to)\s*\w*\W*$")
_SHARES_HEADER = re.compile(
    r"\b(?:shares?|units)(?:\s*(?:issued|outstanding))?(?:\s*[(（][^()（）]*[)）])?\W*$|\bnumber\s*of\s*(?:\w+\s*){0,3}(?:shares|units)\b|股数$"
)
_MINOR = re.compile(r"\bpence\b|\bcents\b|\bcent\b(?!r)|[(（]\s*(?:p|c|¢)\s*[)）]|\bin\s*(?:p|c|¢)\W*$|分/股")
# "Treasury shares" and their like stand for an amount; where they are counted, "Number" or "Shares" stands below.
_SHARES_AT_COST = re.compile(r"\b(?:restricted|treasury|deferred|own|unissued|unearned)\s*shares?\W*$")
_IN_BRACKETS = re.compile(r"[(（]([^()（）]*)[)）]")
# "Weighted average number of common shares outstanding, in millions": the row's own scale without brackets.
_SHARES_IN = re.compile(
    r"\b(?:shares|units)\b[^()]*[,;:–—-]\s*(?:\w+\s+)?in\s+(?P<s>thousand|million|billion)s?\b"
)
_VALUED_SHARES = re.compile(
    r"(?:issuance|repurchase|purchase|sale|retirement|proceeds|cost|value|tax|stock-based|award)s?\b"
)
_BASIC_OR_DILUTED = re.compile(
    r"^\W*(?:basic|diluted|basic\s*and\s*diluted|dilutive|effect\s*of\s*dilut|assuming\s*dilution|unverwassert|verwassert)"
)
_PERCENT = re.compile(  # "32% equity-method investment" is money: its sign belongs to the name
    r"(?<!\d)(?<!\d )%|\bpercent(?:age)?\s*(?:of|change|rate|$)|\bper\s*cent\s*of\b|\beffective\s*tax\s*rate\b|\bin\s*prozent\b|率\s*$"
)
_COUNT = re.compile(
    r"\bnumber\s*of\s*(?!shares)|^\W*(?:average\s*|total\s*|full-time\s*)*employees\W*(?:\(.*\))?\W*$|\bheadcount\b|\bstores\s*(?:open|at)\b|anzahl\s*(?:der\s*)?mitarbeiter"
)


@dataclass(frozen=True, slots=True)
class UnitNote:
    """What is printed about a table's unit. `text` is the citation."""

    text: str | None = None
    scale: int | None = None  # multiplier of money rows; None: nobody says
    currency: str | None = None  # ISO code
    share_scale: int | None = None  # multiplier of share counts; None: as the money rows


def read_header_note(text: str) -> UnitNote | None:
    """Return the unit that the header of a value column states; a currency alone ("2016 £", "US dollars") means base units there."""
    if len({scale for pattern, scale in _SCALES if pattern.search(fold(text))}) > 1:
        return None  # "Thousands of Millions of yen U.S. dollars": two headers run into one, whose unit is whose?
    note = read_note(text)
    if note is not None and note.scale is None:
        plain = _SIGN_IN_HEADER.search(text) or _WORDS_IN_HEADER.search(fold(text))
        return replace(note, scale=1) if plain else note
    if note is None and _SIGN_IN_HEADER.search(text):
        return UnitNote(" ".join(text.split()), 1)
    return note


def read_note(text: str) -> UnitNote | None:
    """Return the unit that one printed line or header cell states, or None when it states none."""
    if not text or len(text) > MAX_NOTE:
        return None
    folded = fold(text)
    if _SPELLED_AMOUNT.search(folded):
        return None  # "increased by $2 million": an amount, no unit note
    scale = _chinese_scale(folded) or _sign_scale(folded) or _word_scale(folded)
    if scale is None and _PLAIN_NOTE.search(folded):
        scale = 1
    currency = read_currency(text)
    if scale is None and currency is None:
        return None
    return UnitNote(_citation(text), scale, currency, _share_scale(folded))


def _citation(text: str) -> str:
    bracketed = re.search(r"[(（][^()（）]*[)）]", text)
    if bracketed and bracketed[0] != text.strip():
        inner = fold(bracketed[0])
        if _word_scale(inner) or _sign_scale(inner) or _chinese_scale(inner):
            return bracketed[0]
    return " ".join(text.split())


def _word_scale(folded: str) -> int | None:
    said = _EXCEPT.split(folded)[0] if _EXCEPT.search(folded) else folded
    governed = said
    for shares in _SHARES_SCALED:
        governed = shares.sub(" ", governed)
    if not any(pattern.search(governed) for pattern, _ in _SCALES):
        governed = said  # "$ and shares in millions": one scale for both
    hits = [(m.start(), scale) for pattern, scale in _SCALES if (m := pattern.search(governed))]
    return min(hits)[1] if hits else _misread_scale(folded)


def _misread_scale(folded: str) -> int | None:
    """Return the scale of a note whose word a recogniser misspelt, "(n mullons except per share data)"; None where it is no note."""
    if len(folded) > MAX_MISREAD or not _LIKE_NOTE.search(folded):
        return None
    most = MISSPELT_IN_NOTE if _EXCEPT.search(folded) else MISSPELT
    found = {
        scale
        for token in re.findall(r"[a-z]+", folded)
        for word, scale in _HUNDRED.items()
        if token[0] == word[0]
        and token not in _OTHER_WORDS
        and min(Levenshtein.distance(token, whole) for whole in (word, word + "s")) <= most
    }
    return found.pop() if len(found) == 1 else None


def _sign_scale(folded: str) -> int | None:
    return next((scale for pattern, scale in _SIGN_SCALES if pattern.search(folded)), None)


def _chinese_scale(folded: str) -> int | None:
    found = _CHINESE_NOTE.search(folded)
    if not found:
        return None
    word = found["s"] or found["s2"] or found["s3"]
    return _CHINESE_SCALES[word] if word else 1


def _share_scale(folded: str) -> int | None:
    for pattern in _SHARES_SCALED:
        found = pattern.search(folded)
        if found:
            return _HUNDRED[found["s"]]
    if _SHARES_EXEMPT.search(folded) and not _PER_SHARE_ONLY.search(folded):
        return 1
    return None


def read_currency(text: str) -> str | None:
    """Return the ISO code of the currency that `text` names; a bare dollar sign says none."""
    folded = fold(text)
    chinese = _CHINESE_NOTE.search(folded)
    if chinese:
        return _CHINESE_CURRENCIES[chinese["c"] or chinese["c2"] or chinese["c3"]]
    for pattern, code in _CURRENCIES:
        if pattern.search(folded):
            return code
    for code in _CODE.findall(text):
        if code in CURRENCY_CODES and code != "ALL":
            return str(code)
    return None


def read_presentation(text: str) -> str | None:
    """Return the ISO code of the dollar that a text says statements are presented in: "presented in Australian dollars"."""
    found = _PRESENTED.search(fold(text))
    return read_currency(found["currency"]) if found else None


def names_dollar(text: str) -> bool:
    """Tell whether `text` prints a bare dollar sign or the word dollars, which alone does not say whose."""
    return bool(_DOLLAR.search(text))


def best_note(headers: Iterable[str], nearest_first: Iterable[str]) -> UnitNote:
    """Return the unit of a table from its column headers and the texts around it: the nearest scale, the nearest currency.

    A currency sign alone in a column header ("£") counts as scale 1 only when no other text states a scale.
    """
    notes = [note for text in headers if (note := read_header_note(text))]
    notes += [note for text in nearest_first if (note := read_note(text))]
    scaled = next((n for n in notes if n.scale is not None and n.scale != 1), None) or next(
        (n for n in notes if n.scale is not None), None
    )
    named = next((n for n in notes if n.currency is not None), None)
    if scaled is None:
        return named or UnitNote()
    currency = scaled.currency or (named.currency if named else None)
    shares = scaled.share_scale
    if shares is None:
        shares = next((n.share_scale for n in notes if n.share_scale is not None), None)
    return replace(scaled, currency=currency, share_scale=shares)


def row_unit(label: str, path: Sequence[str], *, balance: bool, inherit: bool = False) -> RowUnit:
    """Tell what a row counts, from its label and the section labels above it (outermost first).

    On a balance sheet a label such as "Common stock, $0.01 par value per share" is money; there only book or net asset value
    per share is not. "Basic" and "Diluted" have the unit of the section above them, and so has any row with `inherit`: its
    figures have digits after the point where those of the money rows have none.
    """
    own = _unquoted(fold(label))
    # "(n mullons except per share data)" heads no earnings per share
    above = [p for p in map(fold, path) if not _EXCEPT.search(p)]
    if above and _OPEN_COUNT.search(above[-1]) and not inherit:
        return "shares"  # "Number of shares used in computing:", then "- basic earnings per share"
    if balance:
        if (
            _PER_SHARE.search(own)
            and re.search(r"(?:asset|book)\s*value|每股净资产", own)
            and not _MONEY_DESPITE.search(own)
        ):
            return "per_share"
        counted = re.match(
            r"^\W*(?:number\s*of\s*)?(?:\w+\s*){0,3}shares?\s*(?:outstanding|issued|authori[sz]ed)\W*$", own
        )
        return "shares" if counted else "money"
    unit = _share_unit(own)
    if unit is not None:
        return unit
    if inherit or _BASIC_OR_DILUTED.match(own):
        for text in reversed(above):
            unit = _share_unit(text)
            if unit is not None:
                return unit
    if _PERCENT.search(own):
        return "percent"
    return "count" if _COUNT.search(own) else "money"


def _unquoted(folded: str) -> str:
    """Drop amounts that a label quotes: "Dividends declared ($2.04 per share)" is money."""
    return re.sub(r"\([^()]*[$£€]\s*[\d.,]+[^()]*\)|[—–-]\s*[$£€]\s*[\d.,]+\s*per\s.*$", " ", folded)


def _share_unit(folded: str) -> RowUnit | None:
    folded = _RATE_NAMED.sub(" ", folded)
    if _PER_SHARE.search(folded) and not _MONEY_DESPITE.search(folded) and not _counted(folded):
        return "per_share"
    return "shares" if _counted(folded) and not _VALUED_SHARES.match(folded) else None


def _counted(folded: str) -> bool:
    """A count of shares, not an amount for each: "Weighted-average shares used in computing earnings per share"."""
    found = _SHARE_COUNT.search(folded)
    per = _PER_SHARE.search(folded)
    return bool(found and (per is None or found.start() < per.start()) and not _MONEY_DESPITE.search(folded))


def heads_shares(header: str) -> bool:
    """Tell whether a column of an equity statement holds numbers of shares: "Common Stock Shares", "Number of shares"."""
    folded = fold(header)
    return bool(_SHARES_HEADER.search(folded)) and not _SHARES_AT_COST.search(folded)


def own_scale(label: str, path: Sequence[str] = ()) -> int | None:
    """Return the scale that a row's label, or the nearest section above it, prints for itself: in brackets, or behind its shares."""
    for text in (label, *path[-1:]):
        behind = _SHARES_IN.search(fold(text))
        if behind:
            return _HUNDRED[behind["s"]]
        for inner in _IN_BRACKETS.findall(fold(text)):
            if not re.search(r"\d", inner.replace("000", "")) and (
                scale := _word_scale(inner) or _sign_scale(inner)
            ):
                return scale
    return None


def minor_units(label: str, path: Sequence[str] = ()) -> bool:
    """Tell whether a per-share row is printed in hundredths of the currency: "Basic (pence)", "Earnings per share (cents)"."""
    return any(_MINOR.search(fold(text)) for text in (label, *path[-1:]))


def scale_of(unit: RowUnit, note: UnitNote, own: int | None = None) -> int | None:
    """Return the multiplier of a row of this unit: its own, else that of the table's note; None when money's is not printed."""
    if own is not None and unit in ("money", "shares"):
        return own
    if unit == "money":
        return note.scale
    if unit == "shares":
        return note.share_scale if note.share_scale is not None else note.scale
    return 1
