"""Sums among printed rows: nested totals, deductions, errors, chance, and random statements built and solved."""

from __future__ import annotations

import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.checks.arithmetic import find_sums

Numbers = list[list[Decimal | None]]


def rows(*values: tuple[int | None, ...]) -> Numbers:
    return [[None if v is None else Decimal(v) for v in row] for row in values]


def none(table: Numbers) -> list[bool]:
    return [False] * len(table)


def likely(table: Numbers, *which: int) -> list[bool]:
    return [i in which for i in range(len(table))]


def test_nested_totals() -> None:
    table = rows((2120, 1915), (1292, 1218), (954, 901), (4366, 4034), (741, 937), (5107, 4971))
    found = find_sums(table, likely(table, 3, 5), none(table))
    assert [(s.total, s.addends) for s in found] == [(3, (0, 1, 2)), (5, (3, 4))]
    assert all(o == 0 for s in found for o in s.off)


def test_deductions_are_solved_for() -> None:
    table = rows((66608, 62286), (63106, 59269), (16, 210), (3486, 2807))
    (found,) = find_sums(table, likely(table, 3), none(table))
    assert (found.addends, found.signs) == ((0, 1, 2), (1, -1, -1))


def test_one_wrong_period_is_told() -> None:
    table = rows((100, 90, 80), (57, 40, 30), (150, 130, 110))
    (found,) = find_sums(table, likely(table, 2), none(table))
    assert found.off == (Decimal(-7), Decimal(0), Decimal(0))


def test_exchanged_columns_are_told() -> None:
    exact = rows((1200, 3400), (5678, 1234), (4600, 6906), (11478, 11540))
    assert find_sums(exact, likely(exact, 3), none(exact))[0].off == (0, 0)
    exchanged = rows((1200, 3400), (1234, 5678), (4600, 6906), (11478, 11540))
    (found,) = find_sums(exchanged, likely(exchanged, 3), none(exchanged))
    assert found.off == (Decimal(4444), Decimal(-4444))


def test_exact_sums_come_before_rounded_ones() -> None:
    table = rows((1, 1), (299, 244), (300, 245))
    (found,) = find_sums(table, likely(table, 2), none(table))
    assert (found.addends, found.off) == ((0, 1), (Decimal(0), Decimal(0)))


def test_rounding_is_allowed_for() -> None:
    table = [[Decimal(x) for x in r] for r in (("10.4", "20.1"), ("10.4", "20.3"), ("20.9", "40.4"))]
    (found,) = find_sums(table, likely(table, 2), none(table))
    assert found.off == (Decimal("0.1"), Decimal("0.0"))


def test_a_barrier_closes_what_is_open() -> None:
    table = rows((500, 450), (500, 450), (200, 150), (300, 300), (500, 450))
    found = find_sums(table, likely(table, 1, 4), none(table), barriers=[2])
    assert [(s.total, s.addends) for s in found] == [(1, (0,)), (4, (2, 3))]


def test_signs_of_a_signed_statement_must_be_borne_out() -> None:
    table = rows((1000, 900), (-50, 0), (1050, 900))
    assert find_sums(table, likely(table, 2), none(table), signed=False)[0].signs == (1, -1)
    (found,) = find_sums(table, likely(table, 2), none(table), signed=True)
    assert found.signs == (1, 1) and found.off == (Decimal(100), Decimal(0))


def test_unrelated_rows_are_no_sums() -> None:
    table = rows((1234, 8765), (2345, 654), (99999, 5), (31, 77))
    assert find_sums(table, none(table), none(table)) == ()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(2, 8), min_size=1, max_size=3))
def test_built_totals_are_found(seed: int, sizes: list[int]) -> None:
    """Groups of figures under totals, in three periods; the figures are drawn so that none is a sum by chance."""
    rng = random.Random(seed)
    values: list[tuple[int, ...]] = []
    groups: dict[int, list[int]] = {}
    for size in sizes:
        first = len(values)
        values += [
            tuple(rng.choice((-1, 1)) * rng.randint(10**4, 10**7) for _ in range(3)) for _ in range(size)
        ]
        values.append(tuple(sum(column) for column in zip(*values[first:], strict=True)))
        groups[len(values) - 1] = list(range(first, first + size))
    table = rows(*values)
    found = {s.total: s for s in find_sums(table, likely(table, *groups), none(table))}
    assert {total: list(s.addends) for total, s in found.items()} == groups
    assert all(o == 0 for s in found.values() for o in s.off)


def test_a_result_that_is_printed_again_counts_once() -> None:
    """Profit is shared out and printed again, and so is the other income; the last row adds one of each."""
    table = rows((1520, 1837), (4, 21), (1516, 1816), (1520, 1837), (185, 115), (-3, 5), (188, 110), (185, 115), (1705, 1952))  # fmt: skip
    found = {s.total: s for s in find_sums(table, likely(table, 0, 3, 4, 7, 8), none(table))}
    assert (found[8].addends, found[8].off) == ((3, 7), (Decimal(0), Decimal(0)))


def test_one_line_and_its_sum_are_not_both_added() -> None:
    table = rows((-89234, -17459), (3226, 0), (3226, 0), (-86008, -17459))
    (found,) = find_sums(table, likely(table, 3), none(table))
    assert (found.addends, found.off) == ((0, 2), (Decimal(0), Decimal(0)))


def test_what_a_row_holds_is_no_part_of_the_total() -> None:
    table = rows(
        (75233, 49507), (296192, 299181), (3282, 873), (34887, 40115), (5335, 3645), (406312, 388803)
    )
    found = {
        s.total: s.addends
        for s in find_sums(table, likely(table, 5), none(table), asides=[2, 4], signed=True)
    }
    assert found == {5: (0, 1, 3)}


def test_parts_printed_below_their_sum_are_no_part_of_the_total() -> None:
    zero = (Decimal(0), Decimal(0))
    table = rows((390385, 373976), (3749, 4478), (30025, 28861), (26903, 25738), (3114, 3114), (8, 9), (424159, 407315))  # fmt: skip
    found = find_sums(table, likely(table, 6), none(table), signed=True)
    assert {s.total: (s.addends, s.off) for s in found} == {2: ((3, 4, 5), zero), 6: ((0, 1, 2), zero)}
    wrong = [*table[:5], rows((7, 9))[0], table[6]]  # with a part misread nothing vouches for the total
    assert not any(s.off == zero for s in find_sums(wrong, likely(wrong, 6), none(wrong), signed=True))


def test_a_last_part_that_is_what_the_others_leave_does_not_take_their_sum() -> None:
    table = rows((390385, 373976), (3749, 4478), (30905, 29827), (26903, 25738), (3114, 3114), (888, 975), (425039, 408281))  # fmt: skip
    found = find_sums(table, likely(table, 6), none(table), signed=True)
    assert {s.total: (s.addends, s.signs) for s in found} == {
        5: ((2, 3, 4), (1, -1, -1)),
        6: ((0, 1, 2), (1, 1, 1)),
    }


def test_a_part_of_a_sum_of_nothing_is_no_total() -> None:
    table = rows((-10249, 1239), (13299, -800), (-752, -321), (-2298, -118), (10249, -1239))
    found = {s.total: s.addends for s in find_sums(table, likely(table, 0, 4), none(table), signed=True)}
    assert found == {4: (1, 2, 3)}
