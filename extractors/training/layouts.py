"""How does one row of a table stand on paper? Labels and amounts in columns, entries of a ledger, headers, lines of text.

In: a random generator and a `Row` (where it begins and ends, its fonts; pixels of the fine image). Out: `Laid`: the printed pieces
with the place of each, the row's cells in reading order, and where dot leaders may run.

What the first cell is: the text with which a row begins; in a ledger its number or date, when a text follows; else "" (a row that
begins with amounts or years, as a part of a wide table does).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from extractors.training.amounts import (
    draw_amount,
    draw_kind,
    draw_marked,
    draw_notation,
    draw_note,
    fits_apart,
)
from extractors.training.labels import label, second_line, sentence
from extractors.training.pieces import Font, Laid, Placed, Row, edges, fit
from extractors.training.words import (
    code,
    column_head,
    date,
    day,
    headers,
    name,
    phrase,
    pick,
    run_of_months,
    small_text,
    unit,
)

# of rows with 1, 2, ... columns of amounts
COLUMN_SHARES = (0.11, 0.28, 0.2, 0.12, 0.08, 0.05, 0.04, 0.04, 0.04, 0.02, 0.01, 0.01)
PART_SHARES = (0.42, 0.28, 0.14, 0.07, 0.05, 0.02, 0.01, 0.01)  # the same in the right parts of rows
MOST_LETTERS = 112  # bytes of a row with its cell breaks, so that a model's answer can hold it
MARKERS = "123456789abcdefg"  # of footnotes
HANGING = (")", "%", "*")  # may stand right of a column's edge


def lay(rng: np.random.Generator, row: Row) -> Laid:
    """Return a row of one of the kinds that tables have, in about the shares in which they come."""
    kind, reach = rng.random(), 0.0
    for share, way in WAYS:
        reach += share
        if kind < reach:
            return way(rng, row)
    return text_line(rng, row)


def data(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out a label and amounts, right-aligned in their columns; now and then a column is blank, or the label was cut before."""
    text = label(rng)
    if rng.random() < 0.1 and " " in text:
        words = text.split(" ")
        text = " ".join(words[int(rng.integers(1, len(words))) :])
    return _data(rng, row, text, COLUMN_SHARES)


def part(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out amounts alone, from the left edge on: the right part of a row that was too wide for one strip."""
    if rng.random() < 0.85:
        row.left = min(row.left, 0.8 * row.em)
    return _data(rng, row, "", PART_SHARES)


def _amounts(rng: np.random.Generator, n: int) -> list[str]:
    """Return the amounts of a row: alike, with percents or ratios at the end, or each column in its own way."""
    notation = draw_notation(rng)
    kind = rng.random()
    first_only = rng.random() < 0.3  # the sign of a currency stands in some columns only
    out = []
    for number in range(n):
        own = notation
        if (kind < 0.1 and number and number >= n - 1 - int(n > 3)) or kind > 0.93:
            own = draw_kind(rng, notation)
        elif first_only and number and rng.random() < 0.7:
            own = draw_kind(rng, notation, plain=True)
        out.append(draw_amount(rng, own))
    if rng.random() < 0.06:
        at = int(rng.integers(n))
        out[at] = draw_marked(rng, out[at])
    return out


def _data(rng: np.random.Generator, row: Row, text: str, shares: Sequence[float]) -> Laid:
    n = int(rng.choice(len(shares), p=shares)) + 1
    amounts = _amounts(rng, n)
    fonts = [row.regular] * n
    if row.strong is not row.regular:
        fonts[0 if rng.random() < 0.8 else n - 1] = row.strong
    room = row.right - row.left
    widest = max(row.strong.getlength(amount) for amount in amounts) + row.gap
    n = max(1, min(n, int((0.97 if not text else 0.8) * room / widest)))
    amounts = amounts[:n]
    while n > 1 and sum(len(amount) + 2 for amount in amounts) > MOST_LETTERS - 16:
        n -= 1
        amounts = amounts[:n]
    left = MOST_LETTERS - sum(len(amount.encode()) + 1 for amount in amounts)
    text = fit(row.label_font, text, max(room - n * widest, 0.2 * room), left)
    placed, cells = ([Placed(row.left, text, row.label_font)] if text else []), [text]
    end = placed[0].end if text else row.left - row.gap
    if text and row.small and rng.random() < 0.35:
        marker = Placed(end + 0.05 * row.em, f"({pick(rng, MARKERS)})", row.small, 0.32 * row.em)
        placed.append(marker)
        cells[0] += marker.text
        end = marker.end
    if text:
        loosest = max(end, row.right - n * widest * float(rng.uniform(1.0, 2.2)))
        columns = edges(rng, row.right, n, loosest)
    else:
        start = row.left - row.gap
        last = min(
            row.right,
            start
            + n * widest * float(rng.uniform(1.0, 1.1) if rng.random() < 0.3 else rng.uniform(1.0, 2.8)),
        )
        columns = edges(rng, last, n, start)
        if n == 1 and rng.random() < 0.6:
            columns = [start + widest]
    if text and rng.random() < 0.12:
        note = draw_note(rng)
        size = row.regular.getlength(note)
        first = columns[0] - widest + row.gap
        if first - end > size + 2 * row.gap:
            x = float(rng.uniform(end + row.gap, first - size - row.gap))
            placed.append(Placed(x, note, row.regular))
            cells.append(note)
            end = x + size
    hanging = rng.random() < 0.6  # the closing parenthesis stands right of the column's edge
    leaders: tuple[float, float] | None = None
    previous = end
    blank = 0.06 if n > 1 else 0.0
    for number, (amount, edge, font) in enumerate(zip(amounts, columns, fonts, strict=False)):
        if rng.random() < blank and len(cells) + n - number > 2:
            continue
        body = amount[:-1] if hanging and amount.endswith(HANGING) else amount
        edge = min(edge, row.right - (font.getlength(amount) - font.getlength(body)))
        x = max(edge - font.getlength(body), previous + row.gap)
        if x + font.getlength(amount) > row.width:
            break
        pieces = _pieces(rng, row, amount, font, x, previous, max(previous + row.gap, edge - widest * 1.1))
        placed += pieces
        if leaders is None:
            leaders = (previous, pieces[0].x)
        cells.append(amount)
        previous = placed[-1].end
    if rng.random() > 0.15 or not text:
        leaders = None
    return Laid(tuple(placed), tuple(cells), leaders)


def _pieces(
    rng: np.random.Generator, row: Row, amount: str, font: Font, x: float, previous: float, start: float
) -> list[Placed]:
    """Return an amount in one piece; or in two, its sign at the left of its column, its percent sign apart, its marker raised."""
    sign, space, figures = amount.partition(" ")
    if space and fits_apart(sign):
        inner = x + font.getlength(sign + space)
        x = min(x, max(start, inner - 7 * row.em)) if rng.random() < 0.75 else x
        if rng.random() < 0.3:
            x = float(
                rng.uniform(
                    min(x, inner - font.getlength(sign + space)), inner - font.getlength(sign + space)
                )
            )
        return [Placed(max(x, previous + row.gap), sign, font), Placed(inner, figures, font)]
    if row.small and amount.endswith(")") and amount[-3:-2] == "(" and amount[:-3]:
        end = x + font.getlength(amount[:-3])
        return [
            Placed(x, amount[:-3], font),
            Placed(end + 0.05 * row.em, amount[-3:], row.small, 0.32 * row.em),
        ]
    return [Placed(x, amount, font)]


def ledger(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out an entry: a number, date or code, a text, perhaps a unit or a second text, then figures of different kinds."""
    notation = draw_kind(rng, draw_notation(rng), plain=True)
    first = rng.random()
    heads = []
    if first < 0.4:
        heads.append(
            pick(
                rng,
                (
                    str(int(rng.integers(1, 100))),
                    f"{rng.integers(1, 30)}.",
                    f"{rng.integers(1, 9)}.{rng.integers(1, 9)}",
                ),
            )
        )
    elif first < 0.75:
        heads.append(day(rng))
    elif first < 0.88:
        heads.append(code(rng))
    if heads and rng.random() < 0.1:
        heads.append(code(rng) if rng.random() < 0.5 else day(rng))
    words = label(rng) if rng.random() < 0.5 else small_text(rng)
    tails = []
    extra = rng.random()
    if extra < 0.12:
        tails.append(unit(rng))
    elif extra < 0.25:
        tails.append(small_text(rng) if rng.random() < 0.6 else code(rng))
    figures = []
    for _ in range(int(rng.choice(5, p=(0.22, 0.3, 0.22, 0.2, 0.06))) + (0 if heads else 1)):
        figures.append(day(rng) if rng.random() < 0.1 else draw_amount(rng, draw_kind(rng, notation)))
    figures = figures or [draw_amount(rng, notation)]
    cells = [*heads, words, *tails, *figures]
    return _spread(rng, row, cells, len(heads), len(heads) + 1 + len(tails))


def texts(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out columns of words: names and places, fields of a form with what was filled in."""
    ways: Sequence[Callable[[np.random.Generator], str]] = (
        small_text,
        name,
        code,
        day,
        unit,
        label,
        column_head,
    )
    n = int(rng.integers(2, 6))
    cells = [small_text(rng), *(pick(rng, ways)(rng) for _ in range(n - 1))]
    if rng.random() < 0.35:
        cells = [cell + (":" if number % 2 == 0 else "") for number, cell in enumerate(cells)]
    return _spread(rng, row, cells, 0, len(cells))


def _spread(rng: np.random.Generator, row: Row, cells: list[str], elastic: int, n_texts: int) -> Laid:
    """Put cells beside one another; the one at `elastic` gives way where room is short, and has most of it where it is not."""

    def needed() -> float:
        return sum(row.regular.getlength(cell) + row.gap for cell in cells) - row.gap

    room = row.right - row.left
    while len(cells) > elastic + 1 and (
        needed() - row.regular.getlength(cells[elastic]) > 0.85 * room
        or sum(len(cell.encode()) + 1 for cell in cells if cell is not cells[elastic]) > MOST_LETTERS - 14
    ):
        cells.pop(elastic + 1)
        n_texts = min(n_texts, len(cells))
    spare = room - (needed() - row.regular.getlength(cells[elastic]))
    letters = MOST_LETTERS - sum(len(cell.encode()) + 1 for i, cell in enumerate(cells) if i != elastic)
    cells[elastic] = fit(row.label_font, cells[elastic], max(spare, 2 * row.em), letters) or "x"
    spare = max(0.0, room - needed()) * float(rng.uniform(0.0, 1.0) if rng.random() < 0.6 else 1.0)
    shares = (
        rng.dirichlet(np.where(np.arange(len(cells)) == elastic, 3.0, 0.7))
        if rng.random() < 0.6
        else np.eye(len(cells))[elastic]
    )
    x, placed = row.left, []
    for number, cell in enumerate(cells):
        font = (
            row.label_font
            if number == elastic
            else row.strong
            if number % 2 or len(cells) > n_texts
            else row.regular
        )
        before, after = (0.0, spare * shares[number]) if number < n_texts else (spare * shares[number], 0.0)
        x += float(before)
        piece = Placed(x, cell, font)
        if piece.end > row.width:
            break
        placed.append(piece)
        x = piece.end + row.gap + float(after)
    return Laid(tuple(placed), tuple(piece.text for piece in placed))


def header(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out years, dates or words above columns, with or without something above the labels."""
    n = int(rng.choice(len(COLUMN_SHARES), p=COLUMN_SHARES)) + 1
    alike = rng.random()
    year = int(rng.integers(1996, 2031))
    if alike < 0.36:
        heads = [str(year - i) for i in range(n)]
        if rng.random() < 0.25:
            heads = [*heads[:2], *("Change", "% Change", "Change %", "%")[int(rng.integers(2)) :][: n - 1]]
        elif rng.random() < 0.2:
            heads = [str(year - i % 2) for i in range(n)]
    elif alike < 0.44:
        heads = run_of_months(rng, n)
    elif alike < 0.6:
        heads = [date(rng) for _ in range(n)]
    elif alike < 0.86:
        heads = [column_head(rng) for _ in range(n)]
    else:
        heads = [phrase(rng, 1, 2).capitalize() for _ in range(n)]
    text = ""
    if rng.random() < 0.45:
        text = pick(rng, headers()) if rng.random() < 0.6 else label(rng)
    at_left = not text and rng.random() < 0.25
    if at_left:
        row.left = min(row.left, 0.8 * row.em)
    room = row.right - row.left
    font = row.strong
    widest = max(font.getlength(each) for each in heads) + row.gap
    n = max(1, min(len(heads), int(0.85 * room / widest)))
    heads = heads[:n]
    while n > 1 and sum(len(each.encode()) + 1 for each in heads) > MOST_LETTERS - 16:
        n -= 1
        heads = heads[:n]
    letters = MOST_LETTERS - sum(len(each.encode()) + 1 for each in heads)
    text = fit(row.label_font, text, max(0.0, room - n * widest), letters)
    placed, cells = ([Placed(row.left, text, row.label_font)] if text else []), [text]
    end = placed[0].end if text else row.left
    if at_left:
        start = row.left - row.gap
        columns = edges(rng, min(row.right, start + n * widest * float(rng.uniform(1.0, 2.0))), n, start)
    else:
        columns = edges(rng, row.right, n, max(end, row.right - n * widest * float(rng.uniform(1.0, 2.2))))
    middle = rng.random() < 0.35
    previous, pitch = end if text else row.left - row.gap, (columns[-1] - max(end, 0)) / n
    for each, edge in zip(heads, columns, strict=True):
        size = font.getlength(each)
        x = max(edge - size - (max(0.0, (pitch - size) / 2) if middle else 0.0), previous + row.gap)
        if x + size > row.width:
            break
        placed.append(Placed(x, each, font))
        cells.append(each)
        previous = x + size
    if not text and any(c.isalpha() for c in cells[1:2][0][:1]) and placed[0].x < row.left + 2 * row.em:
        cells = cells[1:]  # a word at the left edge is the first cell
    return Laid(tuple(placed), tuple(cells))


def heading(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out a label alone: a heading, or the first or second line of a long label."""
    return _line(rng, row, second_line(rng) if rng.random() < 0.3 else label(rng))


def text_line(rng: np.random.Generator, row: Row) -> Laid:
    """Lay out running text."""
    return _line(rng, row, sentence(rng))


def _line(rng: np.random.Generator, row: Row, text: str) -> Laid:
    text = fit(row.label_font, text, row.right - row.left, MOST_LETTERS)
    x = row.left
    if rng.random() < 0.15:
        x = (row.left + row.right - row.label_font.getlength(text)) / 2
    return Laid((Placed(x, text, row.label_font),), (text,))


WAYS: Sequence[tuple[float, Callable[[np.random.Generator, Row], Laid]]] = (
    (0.38, data), (0.2, part), (0.12, ledger), (0.03, texts), (0.11, header), (0.11, heading), (0.05, text_line),
)  # fmt: skip
