"""Which period does a column speak of? Header and caption texts → start, end and months.

In: printed texts (column headers from the top down, captions, titles). Out: `Period`s. Nothing is invented: a column whose
texts, captions and sister statements name no year gets no end date. Ends are the printed days; a start is given when it
follows (whole months that end on a month's last day, weeks that are counted, a printed "from … to …", or the day after the
sister column's end).
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rapidfuzz import fuzz, process

from extractors.statements.spacing import respaced
from schemas.remember import remembered

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱ", " " * 21)  # footnote marks: "2021¹" is a year, no number
FIRST_YEAR, LAST_YEAR = 1900, 2100  # years outside are amounts
TWO_DIGIT_PIVOT = 70  # '69 is 2069, '70 is 1970
DAYS_PER_MONTH = 30.4375
MONTH_LIKENESS = 80  # rapidfuzz ratio from which a misread word between a day and a year is that month
SAME_YEAR_SLACK = 10  # days by which years of 52 or 53 weeks end apart from the calendar's

_MONTHS = [
    "january januar janvier enero janeiro januari jan ene janv",
    "february februar fevrier febrero fevereiro februari feb fev fevr",
    "march marz mars marzo marco maart mar mrz mrt maerz",
    "april avril abril apr abr avr",
    "may mai mayo maio mei",
    "june juni juin junio junho jun",
    "july juli juillet julio julho jul juil",
    "august aout agosto augustus aug ago",
    "september septembre septiembre setembro sept sep set",
    "october oktober octobre octubre outubro oct okt out",
    "november novembre noviembre novembro nov",
    "december dezember decembre diciembre dezembro dec dez dic",
]
MONTH_OF = {name: i for i, names in enumerate(_MONTHS, 1) for name in names.split()}
_LONG_MONTHS = [name for name in MONTH_OF if len(name) >= 5]
_NAME = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_YEAR = r"(?:19|20)\d\d(?!\d|[,.]\d)"

_DATE_PATTERNS = [
    re.compile(r"(?P<y>(?:19|20)\d\d)\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*日?"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<![\d.,])(?P<d>\d{1,2})\s*\.\s*(?P<m>\d{1,2})\s*\.\s*(?P<y>(?:19|20)\d\d|\d\d)(?![\d.,])"),
    re.compile(r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>(?:19|20)\d\d|\d\d)(?![\d/])"),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})\s*(?:st|nd|rd|th|\.|er|º|o)?\s*(?:of\s+|de\s+)?(?P<n>{_NAME})(?![a-z])\.?,?\s*(?:de\s+|del\s+)?"
        rf"(?P<y>{_YEAR})?"
    ),
    re.compile(
        rf"(?<![a-z])(?P<n>{_NAME})\.?\s*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)\s*,?\s*(?P<y>{_YEAR})?"
    ),
    re.compile(rf"(?:ended|at|ending|of)(?P<n>{_NAME})\.?\s*(?P<d>\d{{1,2}})(?!\d)\s*,?\s*(?P<y>{_YEAR})?"),
]
_MONTH_YEAR = re.compile(rf"(?<![a-z])(?<!\d)(?<!\d )(?P<n>{_NAME})\.?,?\s+(?:de\s+)?(?P<y>{_YEAR})")
_FISCAL_PAIR = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)\s*[/\u2013-]\s*(?P<t>(?:19|20)?\d\d)(?!\d|[/.-]\d)")
_BARE_YEAR = re.compile(rf"(?<![\d.,$£€¥])(?P<y>{_YEAR})")
_SHORT_FISCAL = re.compile(r"\bfy\s*'?(?P<t>\d\d)(?!\d)")
_MISREAD = re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})\s*(?P<w>[a-z0-9]{{5,10}})\s+(?P<y>{_YEAR})")

_COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fifteen": 15, "eighteen": 18, "twenty-six": 26, "thirty-nine": 39, "fifty-two": 52,
    "fifty-three": 53, "drei": 3, "sechs": 6, "neun": 9, "zwolf": 12, "trois": 3, "neuf": 9, "douze": 12, "tres": 3, "seis": 6,
    "nueve": 9, "doce": 12, "nove": 9, "doze": 12, "drie": 3, "zes": 6, "negen": 9, "twaalf": 12,
}  # fmt: skip
_COUNT = r"(?P<c>\d{1,2}|" + "|".join(sorted(_COUNTS, key=len, reverse=True)).replace("-", r"[\s-]?") + r")"
_IN_MONTHS = re.compile(rf"(?<![a-z]){_COUNT}[\s-]*(?:months?|monate?n?|mois|meses|maanden)(?![a-z])|(?<![a-z]){_COUNT.replace('?P<c>', '')}"
                        rf"\s*个月")  # fmt: skip
_IN_WEEKS = re.compile(rf"(?<![a-z]){_COUNT}[\s-]*(?:weeks?|wochen|semaines|semanas|weken)(?![a-z])")
_YEAR_SPAN = re.compile(
    r"(?:fiscal\s*)?years?\s*end(?:ed|ing)|for\s*the\s*years?|fiscal\s*years?|(?:financial\s*)?year\s*to\b|geschaftsjahr|wirtschaftsjahr"
    r"|exercices?\s*clos|exercice|ejercicios?|exercicios?|boekjaar|年度|年\s*1\s*[-\u2013\u2014至~]\s*12\s*月|\bannual\b|twelve\s*months"
)
_QUARTER_SPAN = re.compile(
    r"quarters?\s*end(?:ed|ing)|for\s*the\s*quarters?|\bquartal\b|\btrimestre\b|\bkwartaal\b|第[一二三四]季度"
)
_HALF_SPAN = re.compile(
    r"half[\s-]*years?\s*end(?:ed|ing)|\bhalbjahr\b|\bsemestre\b|\bhalfjaar\b|半年度|年\s*1\s*[-\u2013\u2014至~]\s*6\s*月"
)
_CHINESE_MONTHS = re.compile(
    r"(?P<y>(?:19|20)\d\d)\s*年\s*(?P<a>\d{1,2})\s*(?:月\s*)?[-\u2013\u2014至~]\s*(?P<b>\d{1,2})\s*月(?!\s*\d)"
)
_CHINESE_YEAR = re.compile(
    r"(?P<y>(?:19|20)\d\d)\s*年度"
)  # by law the calendar year in mainland China, where this word heads columns
_FROM_TO = re.compile(r"\b(?:to|through|bis|au|al|ate|tot|until)\b|至|[\u2013-]")
_RANGE_WORD = re.compile(r"\b(?:to|through|bis|au|al|ate|tot|until)\b|至|\s[\u2013\u2014-]\s")
_RESTATED = re.compile(
    r"restate[dm]|restatement|as\s+adjusted|as\s+revised|\brevised\b|recast|angepasst|retraite|reexpresad|reapresentad|aangepast|重述|经重列|调整后"
)
_CURRENT = re.compile(
    r"期末|年末|本期|本年|this\s*year|current\s*(?:year|period)|laufendes\s*jahr|berichtsjahr|exercice\s*n\b|ejercicio\s*actual|当期"
)
_PRIOR = re.compile(
    r"期初|年初|上期|上年|去年|last\s*year|(?:prior|previous|preceding)\s*(?:year|period)|vorjahr|exercice\s*n\s*-\s*1|ejercicio\s*anterior"
    r"|vorig\s*jaar|前期"
)
_HEADER_MARK = re.compile(r"(?:19|20)\d\d\s*(?:([¹²³⁴⁵⁶⁷⁸⁹*†‡ᵃᵇᶜ])|[(（]([1-9a-c*])[)）])")
_NOTE_MARK = re.compile(r"^\s*[(（]?([1-9a-c¹²³⁴⁵⁶⁷⁸⁹*†‡ᵃᵇᶜ])(?:[)）.:]|\s)\s*[A-Z]")
_PLAIN = str.maketrans("¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜ", "123456789abc")
_OPENING = re.compile(r"期初|年初")


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date as far as it is printed. `at` is where it starts in the text."""

    year: int | None
    month: int | None
    day: int | None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Period:
    """What a column speaks of. An instant (balance sheet) has neither start nor months."""

    end: date | None = None
    start: date | None = None
    months: int | None = None
    restated: bool = False
    text: str = ""  # the header it was read from


@dataclass(frozen=True, slots=True)
class HeaderPeriod:
    """What one column's own header says, before captions and sister columns complete it."""

    text: str = ""
    year: int | None = None
    month: int | None = None
    day: int | None = None
    start: date | None = None
    months: int | None = None
    weeks: int | None = None
    relative: int | None = None  # 0: the current period, -1: the one before
    opening: bool = False  # the balance at the start of the year (期初, 年初)
    restated: bool = False


@remembered
def fold(text: str) -> str:
    """Return `text` in lower case without accents, full-width forms and raised marks, for matching."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").translate(_RAISED))
    return unicodedata.normalize(
        "NFC", "".join(c for c in decomposed if not unicodedata.combining(c))
    ).casefold()


def find_dates(text: str) -> tuple[PrintedDate, ...]:
    """Return the dates printed in `text`, in order; the year is None in "December 31,". Bare years come as (year, None, None)."""
    spaced = respaced(fold(text))
    folded = spaced.text
    found: list[PrintedDate] = []
    folded = _CHINESE_MONTHS.sub(lambda m: _keep_month(found, m, int(m["b"])), folded)
    folded = _CHINESE_YEAR.sub(lambda m: _keep_month(found, m, 12), folded)
    for pattern in _DATE_PATTERNS:
        folded = pattern.sub(lambda m: _keep(found, m), folded)
    if not any(d.month for d in found):
        folded = _MISREAD.sub(lambda m: _keep_misread(found, m), folded)
    folded = _MONTH_YEAR.sub(lambda m: _keep(found, m), folded)
    folded = _FISCAL_PAIR.sub(lambda m: _keep_pair(found, m), folded)
    folded = _SHORT_FISCAL.sub(lambda m: _keep(found, m), folded)
    _BARE_YEAR.sub(lambda m: _keep(found, m), folded)
    return tuple(replace(d, at=spaced.origin(d.at)) for d in sorted(found, key=lambda d: d.at))


def _keep(found: list[PrintedDate], match: re.Match[str]) -> str:
    parts = match.groupdict()
    year = _year(parts.get("y") or parts.get("t"))
    day, month = parts.get("d"), parts.get("m")
    if "a" in parts:
        first, second = int(parts["a"]), int(parts["b"])
        if first > 12 >= second:
            day, month = parts["a"], parts["b"]
        elif second > 12 >= first or first == second:
            day, month = parts["b"], parts["a"]
        else:
            return match[0]  # 3/4/2018: March or April; not decided here
    number = MONTH_OF[parts["n"]] if parts.get("n") else int(month) if month else None
    if number is not None and not 1 <= number <= 12:
        return match[0]
    if number is not None and day is None:
        day = str(calendar.monthrange(year or 2000, number)[1])
    if day is not None and not 1 <= int(day) <= calendar.monthrange(year or 2000, number or 1)[1]:
        return match[0]
    found.append(PrintedDate(year, number, int(day) if day else None, match.start()))
    return " " * len(match[0])


def _keep_month(found: list[PrintedDate], match: re.Match[str], month: int) -> str:
    """The last day of the month that a Chinese span ends with."""
    if not 1 <= month <= 12:
        return match[0]
    year = int(match["y"])
    found.append(PrintedDate(year, month, calendar.monthrange(year, month)[1], match.start()))
    return " " * len(match[0])


def _keep_pair(found: list[PrintedDate], match: re.Match[str]) -> str:
    first = int(match["y"])
    second = int(match["t"]) if len(match["t"]) == 4 else first - first % 100 + int(match["t"])
    if second != first + 1:
        return match[0]
    found.append(PrintedDate(second, None, None, match.start()))
    return " " * len(match[0])


def _keep_misread(found: list[PrintedDate], match: re.Match[str]) -> str:
    best = process.extractOne(match["w"], _LONG_MONTHS, scorer=fuzz.ratio, score_cutoff=MONTH_LIKENESS)
    if best is None or not 1 <= int(match["d"]) <= calendar.monthrange(int(match["y"]), MONTH_OF[best[0]])[1]:
        return match[0]
    found.append(PrintedDate(int(match["y"]), MONTH_OF[best[0]], int(match["d"]), match.start()))
    return " " * len(match[0])


def _year(digits: str | None) -> int | None:
    if digits is None:
        return None
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= TWO_DIGIT_PIVOT else 2000)


def find_span(text: str) -> tuple[int | None, int | None]:
    """Return (months, weeks) of a span named in `text` ("Three months ended", "52 weeks", "Year ended"), or (None, None)."""
    folded = respaced(fold(text)).text
    weeks = _IN_WEEKS.search(folded)
    if weeks:
        count = _count(weeks["c"])
        return round(count * 7 / DAYS_PER_MONTH), count
    months = _IN_MONTHS.search(folded)
    if months:
        return _count(next(g for g in months.groups() if g)), None
    chinese = _CHINESE_MONTHS.search(folded)
    if chinese and int(chinese["b"]) >= int(chinese["a"]):
        return int(chinese["b"]) - int(chinese["a"]) + 1, None
    for pattern, count in ((_HALF_SPAN, 6), (_QUARTER_SPAN, 3), (_YEAR_SPAN, 12)):
        if pattern.search(folded):
            return count, None
    return None, None


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _COUNTS[text] if text in _COUNTS else _COUNTS[_tens(text)]


def _tens(text: str) -> str:
    """Return a count of two words as it is listed: "fifty two" and "fiftytwo" as "fifty-two"."""
    return next(
        name for name in _COUNTS if "-" in name and name.replace("-", "") == re.sub(r"[\s-]", "", text)
    )


def read_header(text: str) -> HeaderPeriod:
    """Return what one column's header (its levels joined from the top, by spaces) says of its period."""
    folded = respaced(fold(text)).text
    dates = find_dates(text)
    months, weeks = find_span(text)
    full = [d for d in dates if d.year and d.month and d.day]
    start: date | None = None
    if len(full) >= 2 and _FROM_TO.search(folded) and _as_date(full[0]) < _as_date(full[-1]):
        start, chosen = _as_date(full[0]), full[-1]
        months = months or round(((_as_date(chosen) - start).days + 1) / DAYS_PER_MONTH)
    else:
        chosen = full[-1] if full else _merge(dates)
    relative = -1 if _PRIOR.search(folded) else 0 if _CURRENT.search(folded) else None
    return HeaderPeriod(text, chosen.year, chosen.month, chosen.day, start, months, weeks, relative,
                        bool(_OPENING.search(folded)), bool(_RESTATED.search(folded)))  # fmt: skip


def names_restatement(text: str) -> bool:
    """Tell whether a text says that figures were restated, adjusted or revised."""
    return bool(_RESTATED.search(respaced(fold(text)).text))


def header_mark(header: str) -> str | None:
    """Return the footnote mark that a column header carries behind its year, as plain text: "1" of "2021¹"."""
    found = _HEADER_MARK.search(header)
    return (found[1] or found[2]).translate(_PLAIN) if found else None


def note_mark(text: str) -> str | None:
    """Return the mark that a footnote begins with, as plain text: "1" of "1. Comparative information has been restated"."""
    found = _NOTE_MARK.match(text)
    return found[1].translate(_PLAIN) if found else None


def _as_date(printed: PrintedDate) -> date:
    assert printed.year and printed.month and printed.day
    return date(printed.year, printed.month, printed.day)


def _merge(dates: Sequence[PrintedDate]) -> PrintedDate:
    """Put "December 31," and "2018" together; the last of each kind counts, for lower levels are more exact."""
    day = next((d for d in reversed(dates) if d.month and d.day), None)
    years = [d.year for d in dates if d.year]
    return PrintedDate(years[-1] if years else None, day.month if day else None, day.day if day else None)


def complete_periods(
    headers: Sequence[HeaderPeriod],
    captions: Sequence[str],
    *,
    instant: bool,
    known_ends: Iterable[date] = (),
) -> tuple[Period, ...]:
    """Return one `Period` for each header.

    `captions` are texts that hold for the whole table, the nearest first ("for the year ended 30 September 2016").
    `known_ends` are full dates that sister statements of the document print: where a caption gives 28 June 2015, they tell
    that the year before ended on 29 June 2014.
    """
    known = sorted(set(known_ends))
    caption_dates = [d for text in captions for d in _ends_printed(text)]
    spans = [find_span(text) for text in captions]
    months, weeks = next((s for s in spans if s[0]), (None, None))
    printed = {(h.months, h.weeks) for h in headers if h.months}
    if len(printed) == 1:
        months, weeks = next(iter(printed))  # a header over the middle column speaks for all
    ends = _ends(headers, caption_dates, known, instant)
    out = []
    for header, end in zip(headers, ends, strict=True):
        count = None if instant else header.months or months
        start = None if instant else header.start
        if not instant and start is None and end is not None and count:
            start = _start(end, count, header.weeks or weeks, ends)
        out.append(Period(end, start, count, header.restated, header.text))
    return tuple(_infer_months(out)) if not instant else tuple(out)


def _ends_printed(text: str) -> tuple[PrintedDate, ...]:
    """The dates of a caption without the one that a range begins with ("vom 1. Januar bis 31. Dezember 2024")."""
    dates, folded = find_dates(text), fold(text)
    pairs = zip(dates, dates[1:], strict=False)
    opened = {a for a, b in pairs if a.month and b.month and _RANGE_WORD.search(folded[a.at : b.at])}
    return tuple(d for d in dates if d not in opened)


def _ends(
    headers: Sequence[HeaderPeriod],
    caption_dates: Sequence[PrintedDate],
    known: Sequence[date],
    instant: bool,
) -> list[date | None]:
    full = [_as_date(d) for d in caption_dates if d.year and d.month and d.day]
    day = next(((d.month, d.day) for d in caption_dates if d.month and d.day), None)
    header_day = next(((h.month, h.day) for h in headers if h.month and h.day), None)
    latest = max((d.year for d in caption_dates if d.year), default=None)
    out: list[date | None] = []
    for header in headers:
        year = header.year
        if year is None and header.relative is not None and latest is not None:
            year = latest + header.relative
            if header.opening and instant:
                out.append(date(latest - 1, 12, 31))
                continue
        if year is None:
            out.append(_lone_date(header, headers, full))
        elif header.month and header.day:
            whole = any(d.year and d.month and d.day for d in find_dates(header.text))
            chosen = date(year, header.month, header.day) if whole else None
            out.append(chosen or _safe_date(year, header.month, header.day))
        else:
            out.append(_end_in(year, full, known, day or header_day))
    return out


def _lone_date(header: HeaderPeriod, headers: Sequence[HeaderPeriod], full: Sequence[date]) -> date | None:
    """A single value column without a year takes the caption's only date."""
    return full[0] if len(headers) == 1 and len(set(full)) == 1 and not header.year else None


def _end_in(
    year: int, full: Sequence[date], known: Sequence[date], day: tuple[int | None, int | None] | None
) -> date | None:
    printed = [d for d in full if d.year == year]
    if printed:
        return printed[0]
    sisters = [d for d in known if d.year == year]
    if day and day[0] and day[1]:
        expected = _safe_date(year, day[0], day[1])
        near = [d for d in sisters if expected and abs((d - expected).days) <= SAME_YEAR_SLACK]
        return near[0] if len(near) == 1 else expected
    yearly = [d for d in sisters if any(_year_apart(d, other) for other in known)]
    for found in (sisters, yearly):
        if len(found) == 1:
            return found[0]
    return None


def _year_apart(first: date, second: date) -> bool:
    return abs(abs((first - second).days) - 365) <= SAME_YEAR_SLACK


def _safe_date(year: int, month: int, day: int) -> date | None:
    """The day in that year; the last of February follows the leap year."""
    last = calendar.monthrange(year, month)[1]
    if month == 2 and day >= 28:
        return date(year, 2, last)
    return date(year, month, day) if day <= last else None


def _start(end: date, months: int, weeks: int | None, ends: Sequence[date | None]) -> date | None:
    if weeks:
        return end - timedelta(days=7 * weeks - 1)
    first = _months_before(end, months)
    if all(
        _ends_month(e) for e in (end, *ends) if e
    ):  # years of 52 weeks end on a month's last day by chance
        return first
    earlier = [e + timedelta(days=1) for e in ends if e and e < end]
    near = [e for e in earlier if abs((e - first).days) <= SAME_YEAR_SLACK]
    return near[0] if near else None


def _ends_month(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def _months_before(end: date, months: int) -> date:
    """The first day of a span of whole months that ends with `end`'s month (or on the day before, a span earlier)."""
    if _ends_month(end):
        index = end.year * 12 + end.month - months
        return date(index // 12, index % 12 + 1, 1)
    index = end.year * 12 + end.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(end.day, calendar.monthrange(year, month)[1])) + timedelta(days=1)


def _infer_months(periods: Sequence[Period]) -> list[Period]:
    """Give "Period ended" columns the months between their end and the one before, where that is about a year."""
    out = []
    for period in periods:
        if period.months is None and period.end:
            gaps = [(period.end - p.end).days for p in periods if p.end and p.end < period.end]
            later = [(p.end - period.end).days for p in periods if p.end and p.end > period.end]
            gap = min(gaps or later, default=0)
            if abs(gap - 365) <= SAME_YEAR_SLACK:
                start = period.start or (period.end - timedelta(days=gap - 1) if gaps else None)
                start = start or _start(period.end, 12, None, [p.end for p in periods])
                out.append(replace(period, months=12, start=start))
                continue
        out.append(period)
    return out
