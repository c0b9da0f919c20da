"""Which tables look like financial statements, and which of them are the entity's own? Joined tables → `Candidate`s.

In: the document's joined tables, its page readings and its decimal point. Out: candidates in reading order, each with its parts (a
reader may cut one statement into several tables), the texts that can name it and what kind it is; and for each why it is not primary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from rapidfuzz import fuzz

from extractors.statements.kinds import TITLE_WORD, KindGuess, guess_kind, title_kind
from extractors.statements.layout import Layout, lay_out
from extractors.statements.lineitems import RawItem, is_year_row, read_items
from extractors.statements.periods import fold, read_header
from extractors.statements.realign import Placed
from extractors.statements.scales import read_note
from extractors.statements.sides import NOTE_HEADER, Side
from schemas.box import Box
from schemas.page import JoinedTable, Line, PageReading

TITLE_LINES = 8  # printed lines above a table in which its title and unit note stand
STATEMENT_PAGES = 12  # a document's primary statements stand within so many pages
MIN_ITEMS = 3  # rows with values; fewer are no statement
SAME_TITLE = 90  # rapidfuzz ratio of two titles that are the same but for a mark of continuation
SAME_EDGE = 14.0  # points between the right edges of one column in two tables of one page
LINE_PITCH = 1.9  # heights of a label's box between it and the line that it goes on from

_MIDDLE = re.compile(
    r"^(?:[a-zà-ÿ]|\([^()]*\)$)"
)  # a small letter, or a remark in brackets; "(Loss)/profit" begins a label
_OPEN_TITLE = re.compile(r"\b(?:statements?|of|and|or|other|in|profit|changes|&)\s*$")
_TO_NOTES = re.compile(
    r"\bnotes\b"
)  # "See notes to the financial statements", the foot of the statement above
# A row that speaks of another statement: "Reconciliation of cash reported in the consolidated balance sheet:".
_MENTION = re.compile(
    r"\breconciliations?\s*(?:of|to|from)\b(?!\s*movements)|\b(?:reported|shown|presented|recogni[sz]ed|included|reflected)\b.{0,12}\b(?:in|within|on)\b"
    r"|\b(?:as\s*per|per|to|from)\s*the\b|\bon\s*the\s*(?:consolidated\s*)?balance"
)
_CONTINUED = re.compile(r"continued|cont['’]?d\b|fortsetzung|suite\)|continuacion|续")
_YEAR_AND_UNIT = re.compile(r"(?:19|20)\d\d\s*[£$€¥]\W*(?:000|m|k)?", re.IGNORECASE)
_HEADER_BELOW = re.compile(r"(?:19|20)\d\d\s+.*(?:19|20)\d\d|\bnotes?\b|£|€|\$|ended|期末|本期")


@dataclass(frozen=True, slots=True)
class Part:
    """One table's share of a statement. `columns` maps each value column (all sides in order) to the statement's column."""

    table: JoinedTable
    layout: Layout
    items: tuple[tuple[RawItem, ...], ...]  # for each side of the layout
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A range of rows, with the tables that go on with it, that looks like a statement."""

    parts: tuple[Part, ...]
    titles: tuple[str, ...]  # nearest first
    guess: KindGuess
    headers: tuple[str, ...]  # for each value column of the first part

    @property
    def first(self) -> Part:
        """The part that carries title and headers."""
        return self.parts[0]

    @property
    def labels(self) -> list[str]:
        """All row labels, in order."""
        return [i.label for part in self.parts for side in part.items for i in side if i.label]


def find_candidates(
    tables: Sequence[JoinedTable], pages: Sequence[PageReading], decimal_point: str
) -> tuple[Candidate, ...]:
    """Return the tables that look like statements, in reading order."""
    found: list[Candidate] = []
    for table in tables:
        pieces = _pieces(table, pages, decimal_point)
        previous = found[-1] if found else None
        if len(pieces) == 1 and previous is not None:
            longer = _continued(previous, pieces[0]) or _overleaf(previous, pieces[0])
            if longer is not None:
                found[-1] = longer
                continue
        for titles, part in pieces:
            headers = tuple(h for side in part.layout.sides for h in side.headers)
            labels = [i.label for side in part.items for i in side if i.label]
            if sum(bool(i.values) for side in part.items for i in side) < MIN_ITEMS:
                continue
            guess = guess_kind(titles, labels, headers)
            if guess is not None:
                found.append(Candidate((part,), titles, guess, headers))
    return tuple(found)


def _pieces(
    table: JoinedTable, pages: Sequence[PageReading], decimal_point: str
) -> list[tuple[tuple[str, ...], Part]]:
    """Cut a table at the titles inside it and lay out each piece, with the texts that can name it."""
    above = _lines_above(table, pages)
    if not any(title_kind(line.text) or read_header(line.text).year for line in above):
        above = [*_foot_before(table, pages), *above]
    outside = _whole_titles([line.text for line in reversed(above)][:TITLE_LINES])
    if table.title and table.title not in outside:
        outside.append(table.title)
    cuts = _inner_titles(table)
    starts = [0, *[start for _, start, _ in cuts]]
    ends = [*[row for row, _, _ in cuts], table.n_rows]
    pieces = []
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if last <= first:
            continue
        layout = lay_out(table, decimal_point, first, last, () if number else above)
        layout = replace(layout, sides=tuple(side for side in layout.sides if side.value_cols))
        inner = [cuts[number - 1][2]] if number else []
        titles = tuple([*inner, *layout.captions, *outside])
        items = tuple(
            _opened(read_items(layout, side), layout, _page_lines(table, pages) if not number else ())
            for side in layout.sides
        )
        width = sum(len(side.value_cols) for side in layout.sides)
        if width:
            pieces.append((titles, Part(table, layout, items, tuple(range(width)))))
    return pieces


def _opened(items: tuple[RawItem, ...], layout: Layout, above: Sequence[Line]) -> tuple[RawItem, ...]:
    """Give the first row the line right above the table where its label begins in the middle of a sentence."""
    first = next(iter(items), None)
    cell = next((p.cell for p in layout.grid.get(first.row, ()) if p.col == 0), None) if first else None
    if first is None or cell is None or not _MIDDLE.match(first.label) or not first.values:
        return items
    for line in reversed(above):
        near = 0 < cell.box.y0 - line.box.y0 <= LINE_PITCH * cell.box.height
        if near and abs(line.box.x0 - cell.box.x0) <= SAME_EDGE and not re.search(r"\d|[.:]$", line.text):
            return (replace(first, label=f"{line.text} {first.label}"), *items[1:])
    return items


def _page_lines(table: JoinedTable, pages: Sequence[PageReading]) -> Sequence[Line]:
    return next((p.lines for p in pages if p.page == table.fragments[0].page), ())


def _whole_titles(lines: Sequence[str]) -> list[str]:
    """Join titles that run over two lines ("Statement of profit or" / "loss"); nearest first, as they come."""
    out: list[str] = []
    for text in lines:
        open_end = _OPEN_TITLE.search(fold(text)) and not _TO_NOTES.search(fold(text))
        if out and open_end and (title_kind(out[-1]) or title_kind(f"{text} {out[-1]}")):
            out[-1] = f"{text} {out[-1]}"
        else:
            out.append(text)
    return out


def _lines_above(table: JoinedTable, pages: Sequence[PageReading]) -> list[Line]:
    """The lines between a table and the table above it on its page, top first; those over a table beside it are that one's."""
    first = table.fragments[0]
    page = next((p for p in pages if p.page == first.page), None)
    others = [f for f in page.fragments if f is not first] if page else []
    beside = [f for f in others if _stand_beside(f.box, first.box)]
    upper = [f.box.y1 for f in others if f not in beside and f.box.y1 <= first.box.y0 + 1]
    top = max(upper, default=float("-inf"))
    return [
        line
        for line in table.above
        if line.box.y0 >= top - 1
        and (_shares_width(line.box, first.box) or not any(_shares_width(line.box, f.box) for f in beside))
    ]


def _foot_before(table: JoinedTable, pages: Sequence[PageReading]) -> list[Line]:
    """The lines below the last table of the page before, where they title a statement: a page may break between title and table.

    They are set down as if they stood right above the table, which is the first of its own page.
    """
    first = table.fragments[0]
    own = next((p for p in pages if p.page == first.page), None)
    before = next((p for p in pages if p.page == first.page - 1), None)
    if own is None or before is None or any(f.box.y0 < first.box.y0 for f in own.fragments):
        return []
    bottom = max((f.box.y1 for f in before.fragments), default=float("inf"))
    foot = sorted((line for line in before.lines if line.box.y0 >= bottom - 1), key=lambda line: line.box.y0)
    titled = [
        n for n, line in enumerate(foot) if title_kind(line.text) and TITLE_WORD.search(fold(line.text))
    ]
    if not titled:
        return []
    down = first.box.y0 - foot[-1].box.y1
    return [line.model_copy(update={"box": _lowered(line.box, down)}) for line in foot[titled[0] :]]


def _lowered(box: Box, down: float) -> Box:
    return Box(box.x0, box.y0 + down, box.x1, box.y1 + down)


def _stand_beside(a: Box, b: Box) -> bool:
    return not _shares_width(a, b) and a.y0 < b.y1 and b.y0 < a.y1


def _shares_width(a: Box, b: Box) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1


def _inner_titles(table: JoinedTable) -> list[tuple[int, int, str]]:
    """Return (title row, first row behind it, title) of statements that begin inside a table: a title row with a header row close below or beside it."""
    rows: dict[int, list[str]] = {}
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        rows.setdefault(cell.row, []).append(cell.text)
    found = []
    for row, texts in rows.items():
        text = " ".join(texts)
        if row < max(2, table.n_header_rows):
            continue
        if len(texts) > 1 and _heads_columns(texts[1:]) and title_kind(texts[0]):
            found.append((row, row, texts[0]))
            continue
        if len(texts) > 3:
            continue
        begun = rows.get(row - 1, [])  # a mention may run over two lines
        whole = f"{begun[0]} {text}" if len(begun) == 1 else text
        if title_kind(text) is None or not TITLE_WORD.search(fold(text)) or _MENTION.search(fold(whole)):
            continue
        below = [" ".join(rows.get(r, [])) for r in range(row + 1, row + 4)]
        if any(_HEADER_BELOW.search(fold(b)) or read_note(b) for b in below):
            found.append((row, row + 1, text))
    return found


def _heads_columns(texts: Sequence[str]) -> bool:
    """Tell whether the cells beside a label head columns: years that follow each other, or years with their unit."""
    dated = [text for text in texts if _YEAR_AND_UNIT.fullmatch(text)]
    rest = [text for text in texts if text not in dated]
    return is_year_row(texts) or (len(dated) > 1 and all(NOTE_HEADER.match(fold(text)) for text in rest))


def _continued(candidate: Candidate, piece: tuple[tuple[str, ...], Part]) -> Candidate | None:
    """Return the candidate with a table that goes on with it: next on the page, untitled, undated, in the same columns."""
    titles, part = piece
    last = candidate.parts[-1]
    if part.table.fragments[0].page != last.table.fragments[-1].page or candidate.guess.title is None:
        return None
    headers = [h for side in part.layout.sides for h in side.headers]
    if any(read_header(h).year for h in headers) or any(read_header(t).year for t in part.layout.captions):
        return None
    if any(title_kind(t) and TITLE_WORD.search(fold(t)) for t in titles) or _prose_between(titles):
        return None
    columns = _same_columns(candidate, part)
    return None if columns is None else _lengthened(candidate, replace(part, columns=columns))


def _overleaf(candidate: Candidate, piece: tuple[tuple[str, ...], Part]) -> Candidate | None:
    """Return the candidate with a table that goes on with it on the next page, under the same title and the same dates.

    A table that is a whole statement of its own is another statement, however alike the title, unless that says "continued".
    """
    titles, part = piece
    kind = candidate.guess.kind
    if part.table.fragments[0].page != candidate.parts[-1].table.fragments[-1].page + 1:
        return None
    title = next((t for t in titles if title_kind(t)), None)
    if title is None or candidate.guess.title is None or title_kind(title) != kind:
        return None
    if fuzz.ratio(_bare(title), _bare(candidate.guess.title)) < SAME_TITLE:
        return None
    headers = [h for side in part.layout.sides for h in side.headers]
    if [read_header(h).year for h in headers] != [read_header(h).year for h in candidate.headers]:
        return None
    guess = guess_kind(titles, [i.label for side in part.items for i in side if i.label], headers)
    whole = guess is not None and guess.whole and guess.kind == kind
    goes_on = bool(_CONTINUED.search(fold(title)))
    return None if whole and candidate.guess.whole and not goes_on else _lengthened(candidate, part)


def _bare(title: str) -> str:
    return re.sub(r"[\W\d]", "", _CONTINUED.sub("", fold(title)))


def _lengthened(candidate: Candidate, part: Part) -> Candidate:
    longer = replace(candidate, parts=(*candidate.parts, part))
    guess = guess_kind(candidate.titles, longer.labels, candidate.headers)
    return replace(longer, guess=guess) if guess and guess.kind == candidate.guess.kind else longer


def _prose_between(titles: Sequence[str]) -> bool:
    """Footnotes and paragraphs between two tables end the first one."""
    return any(len(t) > 110 or re.match(r"^\(?[a-z0-9]\)\s+\w", t) for t in titles)


def _same_columns(candidate: Candidate, part: Part) -> tuple[int, ...] | None:
    """Map a part's value columns to those of the candidate by their right edges; None where they do not all match."""
    ours = _edges(candidate.first)
    mapped = []
    for edge in _edges(part):
        best = min(range(len(ours)), key=lambda i: abs(ours[i] - edge), default=None)
        if best is None or abs(ours[best] - edge) > SAME_EDGE or best in mapped:
            return None
        mapped.append(best)
    return tuple(mapped)


def _edges(part: Part) -> list[float]:
    edges = []
    for side, items in zip(part.layout.sides, part.items, strict=True):
        for index in range(len(side.value_cols)):
            found = [p.cell.box.x1 for item in items for i, p in item.values if i == index]
            edges.append(median(found) if found else float("nan"))
    return edges


def why_not_primary(candidates: Sequence[Candidate]) -> list[str | None]:
    """Return for each candidate why it is not primary, or None where it is; each kind has one primary statement."""
    verdicts = [_look(candidate.guess) for candidate in candidates]
    first = _first_page(candidates, verdicts)
    for i, candidate in enumerate(candidates):
        apart = verdicts[i] is None and not first <= _page(candidate) < first + STATEMENT_PAGES
        if apart and (
            not candidate.guess.title or _kind_within(candidates, verdicts, candidate.guess.kind, first)
        ):
            verdicts[i] = "it stands apart from the document's other statements"
    for kind in {c.guess.kind for c in candidates}:
        ours = [i for i, c in enumerate(candidates) if c.guess.kind == kind and verdicts[i] is None]
        titled = [i for i in ours if candidates[i].guess.title]
        for i in ours:
            if titled and i not in titled:
                verdicts[i] = "untitled, while another table is titled as this statement"
        field = titled or ours
        best = max(field, key=lambda i: (candidates[i].guess.score, len(candidates[i].labels)), default=None)
        chosen = [] if best is None else _other_dates(candidates, best, field)
        for i in field:
            if i not in chosen:
                verdicts[i] = "another table is the primary statement of this kind"
    return verdicts


def _first_page(candidates: Sequence[Candidate], verdicts: Sequence[str | None]) -> int:
    """Return the first page of the run of pages that holds the most and best statements: they stand together."""
    open_ones = [c for c, verdict in zip(candidates, verdicts, strict=True) if verdict is None]

    def weight(first: int) -> float:
        best: dict[str, float] = {}
        for c in open_ones:
            if first <= _page(c) < first + STATEMENT_PAGES:
                best[c.guess.kind] = max(best.get(c.guess.kind, 0.0), c.guess.score)
        return sum(best.values())

    pages = sorted({_page(c) for c in open_ones})
    return max(pages, key=lambda page: (weight(page), -page), default=1)


def _kind_within(
    candidates: Sequence[Candidate], verdicts: Sequence[str | None], kind: str, first: int
) -> bool:
    return any(
        c.guess.kind == kind and verdict is None and first <= _page(c) < first + STATEMENT_PAGES
        for c, verdict in zip(candidates, verdicts, strict=True)
    )


def _other_dates(candidates: Sequence[Candidate], best: int, field: Sequence[int]) -> list[int]:
    """Return the best one and those under the same title on the pages beside it: quarter and half-year may have a page each."""
    chosen = [best]
    for order in (sorted(field, reverse=True), sorted(field)):  # outwards in both directions
        for i in order:
            near = any(abs(_page(candidates[i]) - _page(candidates[j])) == 1 for j in chosen)
            title, first = candidates[i].guess.title, candidates[best].guess.title
            if (
                i not in chosen
                and near
                and title
                and first
                and fuzz.ratio(_bare(title), _bare(first)) >= SAME_TITLE
            ):
                chosen.append(i)
    return chosen


def _page(candidate: Candidate) -> int:
    return candidate.first.table.fragments[0].page


def _look(guess: KindGuess) -> str | None:
    if guess.look_alike:
        return f"the title says {guess.look_alike!r}"
    if guess.parent_only:
        return "parent company only"
    return None if guess.whole else "an extract: it lacks rows that a whole statement has"


def cells_of(part: Part) -> list[Placed]:
    """Return all cells of a part's rows."""
    return [placed for cells in part.layout.grid.values() for placed in cells]


def side_columns(part: Part) -> list[tuple[Side, int]]:
    """Return (side, index of its first value column among all sides) for each side of a part."""
    out, offset = [], 0
    for side in part.layout.sides:
        out.append((side, offset))
        offset += len(side.value_cols)
    return out
