"""Which rows of a statement are sums of rows above them? Printed numbers → `Sum`s. Pure.

In: one row of numbers for each printed row and one column for each period (None where nothing is printed). Out: for each row that is
a signed sum of rows above it: those rows, their signs and, for each period, by how much the printed total differs. Rows that a
total has taken up are not open to later totals, the total itself is: so nested totals are found from the inside out.
The numbers alone decide; wording only says which rows deserve the benefit of the doubt when one period does not add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log2

import numpy as np
from numpy.typing import NDArray

MAX_ADDENDS = 60  # rows under one total
MAX_SIGNED = 11  # rows for which every choice of signs is tried
SPARE_BITS = 14.0  # evidence beyond the choices tried, in bits, from which a match is no chance (1 in 16,000)
LIKELY_TOTAL_BITS = 5.0  # the same for a row that is worded as a total
PARTIAL_BITS = 9.0  # the same where one period does not add up and the signs were chosen
LARGEST = 10**15  # in last printed units; larger figures are not added here

Row = Sequence[Decimal | None]


@dataclass(frozen=True, slots=True)
class Sum:
    """Row `total` is the sum of `signs` × `addends` in every period where `off` is 0 (or within rounding)."""

    total: int
    addends: tuple[int, ...]
    signs: tuple[int, ...]
    off: tuple[
        Decimal | None, ...
    ]  # printed total minus the sum, for each period; None where no total is printed


@dataclass(frozen=True, slots=True)
class _Grid:
    values: NDArray[np.int64]  # rows × periods, in last printed units, 0 where nothing is printed
    printed: NDArray[np.bool_]
    unit: Decimal


def find_sums(
    rows: Sequence[Row],
    likely: Sequence[bool],
    subtracted: Sequence[bool],
    barriers: Iterable[int] = (),
    *,
    asides: Iterable[int] = (),
    signed: bool = False,
) -> tuple[Sum, ...]:
    """Return the totals among `rows`, in order.

    `likely` marks rows worded or ruled as totals, `subtracted` rows worded as deductions ("Less: …"), tried with a minus first.
    `barriers` are rows before which everything open is closed (a new statement part begins there). `asides` are rows that say
    what the row above them holds ("of which …") and are no part of a total. In a `signed` statement every figure is printed with the
    sign it is added with, as in cash flow statements: others must be borne out by two periods.
    """
    grid = _grid(rows)
    stops, spoken = set(barriers), set(asides)
    open_rows: list[int] = []
    start = 0
    found: list[Sum] = []
    for total in range(len(rows)):
        if total in stops:
            open_rows, start = [], total
        if not grid.printed[total].any():
            continue
        solution = _solve(grid, total, open_rows, likely[total], subtracted, start, signed)
        if likely[total] and (solution is None or _doubtful(solution, grid.unit)):
            parts, solutions = _restated(grid, total, open_rows, spoken)
            if not solutions:
                parts, solutions = _restated(grid, total, _with_heads(open_rows, found, likely), spoken)
            if solutions:
                found += solutions[:-1]
                open_rows, solution = parts, solutions[-1]
        if solution is not None:
            found.append(solution)
            taken = set(solution.addends)
            open_rows = [row for row in open_rows if row not in taken]
        open_rows.append(total)
    return tuple(found)


def _grid(rows: Sequence[Row]) -> _Grid:
    exponents = [int(v.as_tuple().exponent) for row in rows for v in row if v is not None]
    decimals = max((-e for e in exponents), default=0)
    unit = Decimal(1).scaleb(-max(0, decimals))
    width = max((len(row) for row in rows), default=0)
    values = np.zeros((len(rows), width), dtype=np.int64)
    printed = np.zeros((len(rows), width), dtype=bool)
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if value is not None and abs(value / unit) < LARGEST:
                values[i, j] = int(value / unit)
                printed[i, j] = True
    return _Grid(values, printed, unit)


def _solve(
    grid: _Grid,
    total: int,
    open_rows: Sequence[int],
    likely: bool,
    subtracted: Sequence[bool],
    start: int,
    signed: bool,
) -> Sum | None:
    """Return how the row adds up, or None.

    Exact sums come first, then sums within rounding, then for likely totals sums of rows that others have taken up, and last
    sums that hold in all periods but one (or in the better part): there a figure is wrong.
    """
    periods = np.flatnonzero(grid.printed[total])
    target = grid.values[total, periods]
    if not target.any() or not open_rows:
        return None
    bits = np.array([log2(abs(int(t)) + 1) for t in target])
    needed = LIKELY_TOTAL_BITS if likely else SPARE_BITS
    rounded: tuple[float, Sum] | None = None
    partial: tuple[float, Sum] | None = None
    for tried, addends, signs in _attempts(grid, open_rows, subtracted, target, periods):
        off = target - np.asarray(signs, dtype=np.int64) @ grid.values[addends][:, periods]
        agree = off == 0
        copy = len(addends) == 1
        if signed and not _borne_out(grid, addends, signs, subtracted, periods, agree):
            continue
        if max(signs) < 0 and not likely and len(addends) > 1:
            continue  # parts of a sum of nothing: each is what the others leave, and none of them a total
        if agree.all():
            plain = likely and min(signs) > 0
            if (plain or bits.sum() - tried >= needed) and not (copy and not likely):
                return _sum(grid, total, addends, signs, periods, off)
            continue
        near = np.abs(off) <= (len(addends) + 1) // 2
        room = (bits - log2(len(addends) + 2)).clip(0)
        evidence = float(bits[agree].sum() + room[near & ~agree].sum()) - tried
        if copy or (evidence < needed and not _exchanged(off, near)):
            continue
        if near.all():
            if (likely or evidence > 2 * SPARE_BITS) and (rounded is None or evidence > rounded[0]):
                rounded = evidence, _sum(grid, total, addends, signs, periods, off)
            continue
        exchanged = _exchanged(off, near)
        if exchanged or near.sum() >= len(periods) - 1 or near.sum() > len(periods) / 2:
            if exchanged:
                evidence += float(log2(abs(int(off[~near][0])) + 1))
            natural = min(signs) > 0 or tuple(signs) == (1, -1)  # a sum, or a result less the row after it
            doubtful = LIKELY_TOTAL_BITS if natural else PARTIAL_BITS
            enough = evidence >= (doubtful if likely else 2 * SPARE_BITS)
            if max(signs) < 0:
                continue  # a total of the other sign is no slip of one period
            if enough and (partial is None or evidence > partial[0]):
                partial = evidence, _sum(grid, total, addends, signs, periods, off)
    if rounded is not None:
        return rounded[1]
    if partial is not None and min(partial[1].signs) > 0:
        return partial[1]
    pair = _pair(grid, total, target, periods, bits, start) if likely else None
    return pair or (partial[1] if partial else None)


def _doubtful(solution: Sum, unit: Decimal) -> bool:
    """Tell whether a sum misses in some period by more than rounding to the `unit` can put it off."""
    room = (len(solution.addends) + 1) // 2 * unit
    return any(off is not None and abs(off) > room for off in solution.off)


def _restated(
    grid: _Grid, total: int, open_rows: Sequence[int], asides: Collection[int]
) -> tuple[list[int], list[Sum]]:
    """Return the rows that make up a total once what says a thing twice is left out, and the sums found; the total's comes last.

    Said twice is what a row above holds ("of which"), a figure that is printed again further down, as a result is after the lines that
    share it out, and the parts that are printed below their sum. What is left must add up to the last digit in all periods.
    """
    periods = np.flatnonzero(grid.printed[total])
    target = grid.values[total, periods]
    bits = sum(log2(abs(int(t)) + 1) for t in target)
    rows = _once(grid, [row for row in open_rows if row not in asides])
    heads: list[Sum] = []
    while len(rows) > 1:
        for k in range(1, min(len(rows), MAX_ADDENDS) + 1):
            addends = rows[-k:]
            off = target - grid.values[addends][:, periods].sum(axis=0)
            if k > 1 and not off.any() and bits - log2(len(open_rows) + 1) >= SPARE_BITS:
                return rows, [*heads, _sum(grid, total, addends, (1,) * k, periods, off)]
        head = _head(grid, rows)
        if head is None:
            break
        heads.append(head)
        rows = rows[: rows.index(head.total) + 1]
    return [], []


def _with_heads(open_rows: Sequence[int], found: Sequence[Sum], likely: Sequence[bool]) -> list[int]:
    """The open rows, the last of some parts (which is their sum less the others) exchanged for the sum printed above them."""
    heads = {
        s.total: s.addends[0]
        for s in found
        if not likely[s.total] and len(s.signs) > 1 and s.signs == (1, *(-1,) * (len(s.signs) - 1))
    }
    return [heads.get(row, row) for row in open_rows]


def _once(grid: _Grid, rows: Sequence[int]) -> list[int]:
    """The rows but those whose figures are printed again in a later one."""
    later: set[bytes] = set()
    kept = []
    for row in reversed(rows):
        figures = grid.values[row].tobytes()
        if figures not in later or not grid.values[row].any():
            kept.append(row)
        later.add(figures)
    return kept[::-1]


def _head(grid: _Grid, rows: Sequence[int]) -> Sum | None:
    """Return the row that the last rows add up to, which are printed below it as its parts."""
    for k in range(2, min(len(rows) - 1, MAX_ADDENDS) + 1):
        head, parts = rows[-k - 1], rows[-k:]
        periods = np.flatnonzero(grid.printed[head])
        target = grid.values[head, periods]
        off = target - grid.values[parts][:, periods].sum(axis=0)
        bits = sum(log2(abs(int(t)) + 1) for t in target)
        if not off.any() and bits - log2(len(rows)) >= SPARE_BITS:
            return _sum(grid, head, parts, (1,) * k, periods, off)
    return None


def _borne_out(
    grid: _Grid,
    addends: Sequence[int],
    signs: Sequence[int],
    subtracted: Sequence[bool],
    periods: NDArray[np.int64],
    agree: NDArray[np.bool_],
) -> bool:
    """Tell whether the minus signs are worded, or hold in all periods and for rows with figures in two of them."""
    turned = [a for a, sign in zip(addends, signs, strict=True) if sign < 0 and not subtracted[a]]
    if not turned:
        return True
    figures = (grid.values[turned][:, periods] != 0).sum(axis=1)
    return bool(agree.all() and (figures >= min(2, len(periods))).all())


def _exchanged(off: NDArray[np.int64], near: NDArray[np.bool_]) -> bool:
    """Tell whether two periods miss by the same amount with opposite signs: two figures of one row have changed places."""
    wrong = off[~near]
    return len(wrong) == 2 and int(wrong.sum()) == 0


def _pair(
    grid: _Grid,
    total: int,
    target: NDArray[np.int64],
    periods: NDArray[np.int64],
    bits: NDArray[np.float64],
    start: int,
) -> Sum | None:
    """Return the total as a sum or difference of two rows above it (from `start` on), though other totals took them up."""
    rows = np.array(
        [r for r in range(max(start, total - MAX_ADDENDS), total) if grid.values[r, periods].any()],
        dtype=np.int64,
    )
    values = grid.values[rows][:, periods]
    for sign in (1, -1):
        both = values[:, None, :] + sign * values[None, :, :]
        hits = np.argwhere((both == target).all(axis=2))
        hits = hits[hits[:, 0] < hits[:, 1]] if sign > 0 else hits[hits[:, 0] != hits[:, 1]]
        if len(hits) and bits.sum() - 2 * log2(len(rows) + 1) >= SPARE_BITS:
            first, second = hits[-1]
            return _sum(
                grid, total, [int(rows[first]), int(rows[second])], [1, sign], periods, np.zeros_like(target)
            )
    return None


def _sum(
    grid: _Grid,
    total: int,
    addends: Sequence[int],
    signs: Sequence[int],
    periods: NDArray[np.int64],
    off: NDArray[np.int64],
) -> Sum:
    differences: list[Decimal | None] = [None] * grid.values.shape[1]
    for period, difference in zip(periods, off, strict=True):
        differences[int(period)] = int(difference) * grid.unit
    return Sum(total, tuple(addends), tuple(int(s) for s in signs), tuple(differences))


def _attempts(
    grid: _Grid,
    open_rows: Sequence[int],
    subtracted: Sequence[bool],
    target: NDArray[np.int64],
    periods: NDArray[np.int64],
) -> Iterable[tuple[float, list[int], tuple[int, ...]]]:
    """Yield (bits of choice, addends, signs), the simplest first: plain sums, worded signs, one minus, every choice of signs."""
    longest = min(len(open_rows), MAX_ADDENDS)
    for k in range(1, longest + 1):
        addends = list(open_rows[-k:])
        yield log2(k), addends, (1,) * k
    for k in range(1, longest + 1):
        addends = list(open_rows[-k:])
        worded = tuple(-1 if subtracted[a] else 1 for a in addends)
        if -1 in worded:
            yield log2(k) + 1, addends, worded
        opposite = (1, *(-1,) * (k - 1))
        if k > 1:
            yield log2(k) + 1, addends, opposite  # a result less all that follows it
        yield log2(k) + 1, addends, (-1,) * k
    for k in range(2, min(len(open_rows), MAX_SIGNED) + 1):
        addends = list(open_rows[-k:])
        matrix = _signs(k)
        sums = matrix @ grid.values[addends][:, periods]
        matches = (sums == target).sum(axis=1)
        best = int(matches.max())
        if best == 0 or (best < len(periods) and best < 2 and len(periods) > 2):
            continue
        rows = np.flatnonzero(matches == best)
        # of equal choices the one with the fewest minus signs: zeros may have either
        row = rows[int(np.argmax(matrix[rows].sum(axis=1)))]
        yield float(k), addends, tuple(int(s) for s in matrix[row])


def _signs(k: int) -> NDArray[np.int64]:
    """All 2^k choices of signs, one a row."""
    counts = np.arange(2**k, dtype=np.int64)[:, None] >> np.arange(k, dtype=np.int64)[None, :]
    return 1 - 2 * (counts & 1)
