"""Where on a page tables without a ruled grid stand.

In: the printed rows of a page (without the words that grids hold) and its rules. Out: runs of consecutive rows that
are read as one table each: rows of several pieces, most with values, with the header rows above them and the section
rows between them; and rows of text in columns, where rules above and below show that they are a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from extractors.geometry.captions import CAPTION
from extractors.geometry.columns import Placed, find_columns, place
from extractors.geometry.rulings import USUAL_TYPE
from extractors.geometry.wrap import LOWER, OPEN_END, TIGHT
from extractors.pages.rows import Measure, Piece, PrintedRow, has_digits, joined, pieces
from schemas.box import union
from schemas.page import Rule

MIN_ROWS = 2  # rows with values before a run is a table
MAX_GAP = 3.2  # line heights of white between two rows of one table
EMPTY_ROW = 1.1  # times the height of one row left empty, in a table that is set so loosely that this is more
MIN_LOOSE = 4  # gaps between rows with values that tell how loosely they are set
HEADER_GAP = 1.6  # line heights of white between header rows
WIDER_GAP = 1.3  # times the usual gap between rows; header rows of a loosely set table stand as far apart
TITLE_GAP = 1.2  # line heights of white above the title of a next table
INWARDS = 2.0  # line heights; how far inside the labels' left edge a centred title starts
PROSE_LOWER = 0.5  # of the lines of running text start with a small letter
PROSE_LINE = 3  # words; lines of running text have more on average
MIN_PROSE = 4  # lines of running text beside a table
LARGER = 1.4  # line heights; what is set so much larger is a title
PROSE_WIDTH = 30  # line heights; a line of text in one column of a page is about this wide
PROSE_WORDS = 9  # words of a full line of text
INKED = 0.93  # of a full line of text is words and usual blanks
PIECE_WORDS = 4  # words between the wide blanks of justified type
MAX_SINGLES = 6  # rows of one piece in a row inside a table: a section, its subsection, a wrapped label
MAX_CROSSING = 2  # full lines of text across the value columns: one may be a long label, two are a paragraph
OVER_VALUES = 4  # line heights; how far a label without values may reach over the value columns
ACROSS = 0.9  # of a table's width; a rule at least this long closes its header at the top
EDGE = 3.0  # points; ends of rules closer than this are aligned
MIN_STACK = 3  # rules of one width: above the header, below it, and below the table
SEVERAL = 0.5  # of the rows between such rules have several pieces where they are a table
APART = 1.5  # line heights of white between tables side by side
MIN_LABELS = 3  # rows of a table beside another one
LABEL_LETTERS = 3  # letters of a label
TEXT_COLUMNS, TEXT_ROWS = 3, 4  # columns and rows that show text without rules to be a table
SHORT = 4  # words in a piece of such a table, on average
TEXT_FILLED = 0.75  # of its places hold text
PAIR_ROWS = (
    4  # rows of two pieces that show a table of text in two columns, below a caption or a bold heading
)
PAIR_EDGE = 0.5  # line heights; the second column's pieces all start this close to one place
MIN_TICKS = 4  # numbers in equal steps that make an axis
EQUAL_STEPS = 0.6  # of the numbers of an axis follow the one before at the same step
MAX_AXES = 2  # one at the left, perhaps one at the right; a full table with more counts evenly
SPARSE = 0.5  # of the places; a table without labels, or with an axis, that is emptier is a chart
BESIDE = 0.5  # numbers beside each tick of an axis; a table has more
TICK_SIGNS = str.maketrans({"−": "-", "–": "-", ",": None, "%": None})
TICK = re.compile(r"[-−–]?\d[\d,]*(?:\.\d+)?%?")


@dataclass(frozen=True, slots=True)
class _Cut:
    """A row with its pieces."""

    row: PrintedRow
    pieces: list[Piece]

    @property
    def data(self) -> bool:
        """Several pieces, and a value after the first."""
        return len(self.pieces) > 1 and any(piece.numeric for piece in self.pieces[1:])


def find_regions(rows: Sequence[PrintedRow], rules: Sequence[Rule], scale: Measure) -> list[list[PrintedRow]]:
    """Return the rows of every table found among `rows`, which stand from top to bottom."""
    cut = [_Cut(row, pieces(row.words, scale.blank)) for row in rows]
    across = [rule for rule in rules if rule.horizontal]
    regions: list[list[PrintedRow]] = []
    left: list[PrintedRow] = []
    start, floor = 0, 0
    widest = _widest_gap(cut, scale.height)
    while start < len(cut):
        if not cut[start].data:
            start += 1
            continue
        end = _last_row(cut, start, scale.height, widest)
        if sum(row.data for row in cut[start : end + 1]) >= MIN_ROWS:
            top = _first_row(cut, start, end, floor, across, scale.height)
            end = _before_repeated_header(cut, top, start, end, across)
            end = _with_tail(cut, end, scale.height)
            left.extend(rows[floor:top])
            regions.extend(_side_by_side(rows[top : end + 1], scale))
            floor = end + 1
        start = end + 1
    left.extend(rows[floor:])
    ruled = _ruled_text(left, [(region[0].middle, region[-1].middle) for region in regions], rules, scale)
    taken = {id(row) for region in ruled for row in region}
    return regions + ruled + _plain_text([row for row in left if id(row) not in taken], scale)


def _plain_text(rows: Sequence[PrintedRow], scale: Measure) -> list[list[PrintedRow]]:
    """The rows of tables of text without rules: short pieces in three or more columns, row after row."""
    regions = _pairs(rows, scale)
    taken = {id(row) for region in regions for row in region}
    run: list[PrintedRow] = []
    for row in [*(row for row in rows if id(row) not in taken), None]:
        cut = pieces(row.words, scale.blank) if row else []
        near = not run or (row is not None and row.box.y0 - run[-1].box.y1 <= HEADER_GAP * scale.height)
        if row is not None and near and len(cut) >= TEXT_COLUMNS and len(row.words) <= SHORT * len(cut):
            run.append(row)
            continue
        if len(run) >= TEXT_ROWS:
            columns = find_columns(run, scale)
            filled = sum(len(place(member, columns, scale)) for member in run)
            if len(columns) >= TEXT_COLUMNS and filled >= TEXT_FILLED * len(run) * len(columns):
                regions.append(run)
        run = (
            [row]
            if row is not None and len(cut) >= TEXT_COLUMNS and len(row.words) <= SHORT * len(cut)
            else []
        )
    return regions


def _pairs(rows: Sequence[PrintedRow], scale: Measure) -> list[list[PrintedRow]]:
    """The rows of tables of text in two columns without rules: short pieces, two in each row, both flush left.

    Addresses, terms with their meaning and facts on a cover page look the same, so the heading has to say that it is a table: a
    caption stands right above, or the first row alone is bold.
    """
    regions: list[list[PrintedRow]] = []
    run: list[PrintedRow] = []
    captioned = False
    for number, row in enumerate([*rows, None]):
        cut = pieces(row.words, scale.blank) if row else []
        pair = row is not None and len(cut) == 2 and len(row.words) <= 2 * SHORT
        if run and row is not None and pair and row.box.y0 - run[-1].box.y1 <= HEADER_GAP * scale.height:
            run.append(row)
            continue
        bold = [all(word.bold for word in member.words) for member in run]
        headed = captioned or (bold[:1] == [True] and not any(bold[1:]))
        if len(run) > PAIR_ROWS and headed and _flush(run, scale):
            regions.append(run)
        run = [row] if row is not None and pair else []
        above = rows[number - 1] if run and number else None
        captioned = (
            above is not None
            and bool(CAPTION.match(joined(above.words)))
            and run[0].box.y0 - above.box.y1 <= MAX_GAP * scale.height
        )
    return regions


def _flush(rows: Sequence[PrintedRow], scale: Measure) -> bool:
    """Tell whether the pieces of both columns start at one place each, with white space between the columns throughout."""
    cut = [pieces(row.words, scale.blank) for row in rows]
    starts = [[row[column].box.x0 for row in cut] for column in (0, 1)]
    flush = all(max(lefts) - min(lefts) <= PAIR_EDGE * scale.height for lefts in starts)
    return flush and max(row[0].box.x1 for row in cut) + APART * scale.height <= min(starts[1])


def _side_by_side(rows: Sequence[PrintedRow], scale: Measure) -> list[list[PrintedRow]]:
    """Part tables that stand side by side: behind a wide white space labels begin again, with values after them."""
    columns = find_columns(rows, scale)
    placed = [place(row, columns, scale) for row in rows]
    if len(columns) > 2 and _running_text(placed):
        beside = [
            [word for word in row.words if word.box.x0 >= columns[1].x0 - scale.blank_points] for row in rows
        ]
        return find_regions(
            [PrintedRow(tuple(words), union(word.box for word in words)) for words in beside if words],
            (),
            scale,
        )
    for number in range(2, len(columns) - 1):
        x0, x1 = columns[number - 1].x1, columns[number].x0
        crossed = any(word.box.x0 < x1 and word.box.x1 > x0 for row in rows for word in row.words)
        if crossed or x1 - x0 < APART * scale.height or not _labels(placed, number) or not _labels(placed, 0):
            continue
        sides = (
            [[word for word in row.words if word.box.x1 <= x0] for row in rows],
            [[word for word in row.words if word.box.x0 >= x1] for row in rows],
        )
        return [
            [PrintedRow(tuple(words), union(word.box for word in words)) for words in side if words]
            for side in sides
        ]
    return [list(rows)]


def _running_text(placed: Sequence[Sequence[Placed]]) -> bool:
    """Tell whether the first column is text that runs on from line to line beside the table."""
    lines = [item.piece for row in placed for item in row if item.first == 0]
    lower = sum(line.text[:1].islower() for line in lines)
    words = sum(len(line.words) for line in lines)
    return len(lines) >= MIN_PROSE and lower >= PROSE_LOWER * len(lines) and words > PROSE_LINE * len(lines)


def _labels(placed: Sequence[Sequence[Placed]], column: int) -> bool:
    """Tell whether a column holds labels of most rows: words, and a value in the column after it."""
    own = [item for row in placed for item in row if item.first == column]
    words = [item for item in own if not item.piece.numeric and len(item.piece.text) >= LABEL_LETTERS]
    after = [item for row in placed for item in row if item.first == column + 1]
    values = [item for item in after if item.piece.numeric]
    return len(words) >= max(MIN_LABELS, SEVERAL * len(placed)) and len(values) >= SEVERAL * len(words)


def _ruled_text(
    rows: Sequence[PrintedRow], taken: Sequence[tuple[float, float]], rules: Sequence[Rule], scale: Measure
) -> list[list[PrintedRow]]:
    """The rows of tables of text: rows in columns between rules that start and end at the same places.

    `taken` are the heights between which tables were already found.
    """
    regions: list[list[PrintedRow]] = []
    taken = list(taken)
    for x0, x1, heights in _stacked_rules(rules, scale.height):
        top, bottom = heights[0], heights[-1]
        inside = [
            r for r in rows if top < r.middle < bottom and x0 - EDGE <= r.box.x0 and r.box.x1 <= x1 + EDGE
        ]
        several = sum(len(pieces(row.words, scale.blank)) > 1 for row in inside)
        header = [row for row in inside if row.middle < heights[1]]
        if any(first < bottom and top < last for first, last in taken) or not 0 < len(header) < len(inside):
            continue
        if several >= max(MIN_ROWS, SEVERAL * len(inside)) and len(find_columns(inside, scale)) > 1:
            regions.append(inside)
            taken.append((top, bottom))
    return regions


def _stacked_rules(rules: Sequence[Rule], line_height: float) -> list[tuple[float, float, list[float]]]:
    """Three or more horizontal rules with the same ends: left and right end, and their heights in order."""
    stacks: list[tuple[float, float, list[float]]] = []
    edge = EDGE * max(1.0, line_height / USUAL_TYPE)
    for rule in sorted((rule for rule in rules if rule.horizontal), key=lambda rule: rule.y0):
        for x0, x1, heights in stacks:
            if abs(rule.x0 - x0) <= edge and abs(rule.x1 - x1) <= edge:
                heights.append((rule.y0 + rule.y1) / 2)
                break
        else:
            stacks.append((rule.x0, rule.x1, [(rule.y0 + rule.y1) / 2]))
    return [stack for stack in stacks if len(stack[2]) >= MIN_STACK]


def _widest_gap(cut: Sequence[_Cut], height: float) -> float:
    """The white between two rows of one table at most: where rows are set loosely, one of them may be left empty."""
    gaps = [
        below.row.box.y0 - above.row.box.y1
        for above, below in zip(cut, cut[1:], strict=False)
        if above.data and below.data
    ]
    usual = [gap for gap in gaps if 0 <= gap <= MAX_GAP * height]
    loose = EMPTY_ROW * (2 * median(usual) + height) if len(usual) >= MIN_LOOSE else 0.0
    return max(MAX_GAP * height, loose)


def _last_row(cut: Sequence[_Cut], start: int, height: float, widest: float) -> int:
    """The last row of the run: rows follow closely, and rows of one piece stay within the label column."""
    last, singles, crossing = start, 0, 0
    values = cut[start].pieces[1].box.x0
    for number in range(start + 1, len(cut)):
        row = cut[number]
        if row.row.box.y0 - cut[number - 1].row.box.y1 > widest:
            break
        if row.data:
            last, singles, crossing = number, 0, 0
            values = min(values, row.pieces[1].box.x0)
            continue
        if CAPTION.match(joined(row.row.words)) or _opens_another(cut, start, number, height):
            break
        singles += 1
        crossing += row.pieces[0].box.x1 > values and _prose(row, height)
        if singles > MAX_SINGLES or crossing >= MAX_CROSSING:
            break
    return last


def _opens_another(cut: Sequence[_Cut], start: int, number: int, height: float) -> bool:
    """Tell whether a line set apart and inwards is the title of a next table: a header row comes before values."""
    row = cut[number]
    apart = row.row.box.y0 - cut[number - 1].row.box.y1 > TITLE_GAP * height
    left = min(other.pieces[0].box.x0 for other in cut[start:number])
    inwards = row.pieces[0].box.x0 > left + INWARDS * height
    if len(row.pieces) > 1 or not apart or not inwards:
        return False
    following = next(
        (other for other in cut[number + 1 : number + MAX_SINGLES] if len(other.pieces) > 1), None
    )
    return following is not None and not following.data


def _prose(row: _Cut, height: float) -> bool:
    """Tell whether a row is a full line of text, perhaps with the wide blanks of justified type."""
    wide = row.row.box.width > PROSE_WIDTH * height and len(row.row.words) >= PROSE_WORDS
    if len(row.pieces) == 1 or not wide:
        return wide
    inked = sum(piece.box.width for piece in row.pieces)
    return inked > INKED * row.row.box.width and len(row.row.words) >= PIECE_WORDS * len(row.pieces)


def _first_row(
    cut: Sequence[_Cut], start: int, end: int, floor: int, across: Sequence[Rule], height: float
) -> int:
    """The first header row: rows above the first values that stand over the value columns."""
    body = [row for row in cut[start : end + 1] if row.data]
    values = min(row.pieces[1].box.x0 for row in body)
    gaps = [below.row.box.y0 - above.row.box.y1 for above, below in zip(body, body[1:], strict=False)]
    widest = max(HEADER_GAP * height, WIDER_GAP * median(gaps) if gaps else 0.0)
    top, singles = start, 0
    for number in range(start - 1, floor - 1, -1):
        row = cut[number]
        ruled = number + 1 == start and _ruled(cut, number, start, start, end, across)
        apart = cut[number + 1].row.box.y0 - row.row.box.y1 > (MAX_GAP * height if ruled else widest)
        title = CAPTION.match(joined(row.row.words)) or row.row.box.height > LARGER * height
        closed = top < start and _ruled(cut, number, number + 1, start, end, across)
        if apart or title or closed or _prose(row, height):
            break
        if len(row.pieces) == 1 and row.pieces[0].box.x0 < values - height:
            singles += 1  # a section or the first line of a label, if a header stands above it
            if singles > MAX_SINGLES or row.pieces[0].box.x1 > values + OVER_VALUES * height:
                break
        elif row.pieces[-1].box.x1 > values:
            top, singles = number, 0
        else:
            break
    return top


def _ruled(cut: Sequence[_Cut], above: int, below: int, start: int, end: int, across: Sequence[Rule]) -> bool:
    """Tell whether a rule across the rows `start` to `end` runs between the rows `above` and `below`."""
    frame = union(row.row.box for row in cut[start : end + 1])
    return any(
        cut[above].row.middle < (rule.y0 + rule.y1) / 2 < cut[below].row.middle
        and min(rule.x1, frame.x1) - max(rule.x0, frame.x0) >= ACROSS * frame.width
        for rule in across
    )


def _with_tail(cut: Sequence[_Cut], end: int, height: float) -> int:
    """The last row with the further lines of its label, which have no values of their own."""
    while end + 1 < len(cut):
        last, below = cut[end], cut[end + 1]
        label, text = last.pieces[0], below.pieces[0].text
        tight = below.row.box.y0 - last.row.box.y1 <= TIGHT * height
        under = (
            len(below.pieces) == 1
            and label.box.x0 - height <= below.row.box.x0
            and below.row.box.x1 <= label.box.x1 + height
        )
        if not (tight and under and (LOWER.match(text) or OPEN_END.search(label.text))):
            break
        end += 1
    return end


def _before_repeated_header(
    cut: Sequence[_Cut], top: int, start: int, end: int, across: Sequence[Rule]
) -> int:
    """The last row before the stub head of this table comes again, as it does where a second table begins."""
    header = [row for row in cut[top:start] if len(row.pieces) > 1]
    if start < end and _ruled(cut, start, start + 1, start, end, across):
        header.append(cut[start])  # a header of numbers, closed by a rule
    heads = {row.pieces[0].text for row in header if not row.pieces[0].numeric}
    last = start
    for number in range(start + 1, end + 1):
        row = cut[number]
        if len(row.pieces) > 1 and row.pieces[0].text in heads and number - start > MIN_ROWS:
            return last
        if row.data:
            last = number
    return end


def is_chart(cells: Sequence[tuple[int, int, str]]) -> bool:
    """Tell whether scattered numbers are a chart: the ticks of an axis with little beside them, or no words at all.

    `cells` are row, column and text.
    """
    rows, columns = {row for row, _, _ in cells}, {col for _, col, _ in cells}
    sparse = len(cells) < SPARSE * len(rows) * len(columns)
    if sparse and not any(letter.isalpha() for _, _, text in cells for letter in text):
        return True
    axes = {column for column in columns if _is_axis([text for _, col, text in cells if col == column])}
    if not axes or (len(axes) > MAX_AXES and not sparse):
        return False
    ticked = {row for row, col, text in cells if col in axes and TICK.fullmatch(text)}
    beside = sum(1 for row, col, text in cells if row in ticked and col not in axes and has_digits(text))
    return sparse or beside < BESIDE * len(ticked)


def _is_axis(texts: Sequence[str]) -> bool:
    """Tell whether the numbers of a column follow each other in equal steps, which are not one (as of years)."""
    ticks = [float(text.translate(TICK_SIGNS)) for text in texts if TICK.fullmatch(text)]
    steps = Counter(round(b - a, 6) for a, b in zip(ticks, ticks[1:], strict=False))
    step, equal = max(steps.items(), key=lambda item: item[1], default=(0.0, 0))
    return len(ticks) >= MIN_TICKS and equal >= EQUAL_STEPS * len(ticks) and abs(step) not in (0, 1)
