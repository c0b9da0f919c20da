"""Do the statements of a scan name the same days? Facts of a document → the same, those of a day that others contradict in doubt.

In: the facts of all statements as stated. Out: the same facts; where statements name different days of one month, those whose day is
not that of most statements are to be looked at. An income statement for the year to 11 December beside a balance sheet of 31 December
is a misread one. A text layer misreads no dates: there the days stand as printed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from extractors.facts import doubted
from schemas.records import Fact

OTHER_DAY = "another statement names another day of this month"


def with_doubted_days(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Return the facts, those with an unlikely day in doubt; all of a month where no day is named by most statements."""
    tables: defaultdict[tuple[int, int], defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for fact in facts:
        if fact.period_end:
            tables[fact.period_end.year, fact.period_end.month][fact.period_end.day].add(fact.table_id)
    usual = {month: _most_named(days) for month, days in tables.items()}
    return tuple(fact if _stands(fact, usual) else doubted(fact, OTHER_DAY) for fact in facts)


def _most_named(days: dict[int, set[str]]) -> int | None:
    """Return the day that more statements name than any other; None where two are named as often."""
    ranks = Counter({day: len(named) for day, named in days.items()}).most_common(2)
    return None if len(ranks) > 1 and ranks[0][1] == ranks[1][1] else ranks[0][0]


def _stands(fact: Fact, usual: dict[tuple[int, int], int | None]) -> bool:
    end = fact.period_end
    return end is None or fact.reading == "text_layer" or usual[end.year, end.month] == end.day
