"""Which fragments are one table? Joins what was read on single pages into whole tables.

In: the readings of all pages, in page order. Out: `JoinedTable`s whose rows count over all their pages while every cell
keeps its own page and box. A repeated header and a repeated carried-forward row are dropped; nothing else is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz

from schemas.box import Box, union
from schemas.page import JoinedTable, Line, PageReading, ReadCell, TableFragment

EDGE_SHIFT = 0.03  # of the page width: columns of a continued table move less than this from page to page
WIDTH_CHANGE = (
    0.12  # of the wider part: parts of one table differ less in width (MinerU allows 0.10; OCR boxes breathe)
)
SAME_TEXT = (
    88  # rapidfuzz ratio (0-100) above which two header cells or titles are the same, allowing for OCR
)
SAME_HEADING_OCR = 72  # the same for one heading of a scan: two letters of a short word may be misread
RUNNING_BAND = 0.12  # of the page height at the top and bottom, where running headers and footers stand
TITLE_GAP = (
    3.0  # of the line height between a title and what it stands above; beyond it belongs to something else
)
LONGEST_TITLE = 120  # characters; a longer line is a sentence

# Unit notes ("(In millions)", 单位：万元) and sentences stand above tables too.
NO_TITLE = re.compile(
    r"^[（(].*[)）]$|[.:;。：；]$|\bin (thousands|millions|billions|tsd|mio)\b|^(单位|單位|编制单位|編製單位)|"
    r"^(in|as of|as at|at|for the|years? ended|months ended)\b|^\W*\d{4}\D{0,3}\d{0,2}\D{0,3}\d{0,2}\D?$",
    re.I,
)
CONTINUED = re.compile(
    r"\(?\b(continued|cont'?d|cont\.|continuation|concluded|fortsetzung|forts\.|suite|continuación|continuação)\b|"
    r"[（(]?(续表?|續表?|接上页|承上頁)[)）]?$",
    re.I,
)
BROUGHT_FORWARD = re.compile(
    r"^(balance |total |amount )?(brought|b/?f|carried over from)\b.{0,20}(forward|fwd|previous page)?|"
    r"^(übertrag|vortrag|report à nouveau|承前页|承前頁|transporte)\b",
    re.I,
)
CARRIED_FORWARD = re.compile(
    r"^(balance |total |amount )?(carried|c/?f)\b.{0,20}(forward|fwd|over|next page)?|"
    r"^(übertrag|à reporter|过次页|過次頁|a transportar)\b",
    re.I,
)
DIGITS = re.compile(r"\d+")
PAGE_NUMBER = re.compile(r"^(page|seite|p\.)?\s*[-–—]?\s*[\divxlc]+\s*[-–—]?(\s*(of|/|von)\s*\d+)?$", re.I)


def join_tables(readings: Sequence[PageReading], doc_id: str) -> tuple[JoinedTable, ...]:
    """Return the document's tables in reading order; a table that goes on over the page break is one table."""
    running = running_lines(readings)
    groups: list[list[TableFragment]] = []
    by_page = {reading.page: reading for reading in readings}
    for reading in readings:
        for position, fragment in enumerate(in_reading_order(reading.fragments)):
            previous = groups[-1][-1] if groups else None
            if position == 0 and previous and continues(previous, fragment, by_page, running):
                groups[-1].append(fragment)
            else:
                groups.append([fragment])
    numbers: Counter[int] = Counter()
    tables = []
    for group in groups:
        numbers[group[0].page] += 1
        table_id = f"{doc_id[:16]}-p{group[0].page:04d}-t{numbers[group[0].page]:02d}"
        tables.append(stack(table_id, group, by_page, running))
    return tuple(tables)


def in_reading_order(fragments: Sequence[TableFragment]) -> list[TableFragment]:
    """Return one page's fragments from top to bottom, side by side ones from left to right."""
    return sorted(fragments, key=lambda f: (f.box.y0, f.box.x0))


def running_lines(readings: Sequence[PageReading]) -> set[str]:
    """Return the normalised texts that stand in the top or bottom band of several pages: running headers and footers."""
    seen: Counter[str] = Counter()
    for reading in readings:
        band = RUNNING_BAND * reading.height
        texts = {
            plain(line.text)
            for line in reading.lines
            if line.box.y1 < band or line.box.y0 > reading.height - band
        }
        seen.update(texts)
    return {text for text, count in seen.items() if count > 1}


def plain(text: str) -> str:
    """Return the text as compared: case folded, digits and white space gone, no continuation mark."""
    return re.sub(r"[\s\d()（）.,:–—-]+", "", CONTINUED.sub("", text)).casefold()


def continues(
    first: TableFragment, second: TableFragment, by_page: dict[int, PageReading], running: set[str]
) -> bool:
    """Tell whether `second` goes on where `first` broke off at the foot of the page before."""
    if second.page != first.page + 1:
        return False
    upper, lower = by_page[first.page], by_page[second.page]
    if [f for f in upper.fragments if f.box.y0 >= first.box.y1] or in_reading_order(upper.fragments)[
        -1
    ] != first:
        return False
    below = telling_lines([line for line in upper.lines if line.box.y0 >= first.box.y1 - 1], running)
    repeated_above = running | {plain(line.text) for line in upper.lines if line.box.y1 <= first.box.y0 + 1}
    above = telling_lines([line for line in lower.lines if line.box.y1 <= second.box.y0 + 1], repeated_above)
    marked = any(CONTINUED.search(line.text) for line in above) or bool(CONTINUED.search(second.title or ""))
    if not same_columns(first, second, upper.width):
        return False
    repeated = header_repeats(first, second)
    if not marked and (above or below or (second.title and plain(second.title) not in repeated_above)):
        return False
    return repeated or second.n_header_rows == 0


def telling_lines(lines: Sequence[Line], running: set[str]) -> list[Line]:
    """Return the lines that are neither running headers or footers nor page numbers."""
    return [
        line for line in lines if plain(line.text) not in running and not PAGE_NUMBER.match(line.text.strip())
    ]


def same_columns(first: TableFragment, second: TableFragment, page_width: float) -> bool:
    """Tell whether the two parts have as many columns, at the same places, over about the same width."""
    if first.n_cols != second.n_cols:
        return False
    if abs(first.box.width - second.box.width) > WIDTH_CHANGE * max(first.box.width, second.box.width):
        return False
    upper, lower = column_spans(first), column_spans(second)
    both = upper.keys() & lower.keys()
    near = [c for c in both if edge_shift(upper[c], lower[c]) <= EDGE_SHIFT * page_width]
    return len(near) >= max(1, len(both) - 1)


def column_spans(fragment: TableFragment) -> dict[int, tuple[float, float]]:
    """Return each column's left and right text edge in points, from body cells that stand in it alone."""
    spans: dict[int, tuple[float, float]] = {}
    for cell in fragment.cells:
        if cell.col_span == 1 and cell.row >= fragment.n_header_rows:
            x0, x1 = spans.get(cell.col, (cell.box.x0, cell.box.x1))
            spans[cell.col] = (min(x0, cell.box.x0), max(x1, cell.box.x1))
    return spans


def edge_shift(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return how far the better aligned edge of two columns moved, in points."""
    return min(abs(a[0] - b[0]), abs(a[1] - b[1]))


def header_repeats(first: TableFragment, second: TableFragment) -> bool:
    """Tell whether the second part begins with the first part's column header."""
    return header_overlap(first, second) > 0


def header_overlap(first: TableFragment, second: TableFragment) -> int:
    """Return how many header rows the second part repeats: all headings are the same, in every column.

    A heading of its own above the labels ("Benchmarking countries") names other rows, and would be lost when dropped.
    One part may have taken its first body row for a header; what both begin with is the header.
    """
    n_rows = min(first.n_header_rows, second.n_header_rows)
    upper, lower = header_texts(first, n_rows), header_texts(second, n_rows)
    if not n_rows or fuzz.ratio(" | ".join(upper), " | ".join(lower)) < SAME_TEXT:
        return 0
    scanned = any(cell.source == "ocr" for cell in (*first.cells, *second.cells))
    same = all(same_heading(a, b, scanned) for a, b in zip(upper, lower, strict=True))
    return n_rows if same else 0


def header_texts(fragment: TableFragment, n_rows: int) -> list[str]:
    """Return for each column the texts of its cells in the first `n_rows` rows, one below the other."""
    texts: list[list[str]] = [[] for _ in range(fragment.n_cols)]
    for cell in sorted(fragment.cells, key=lambda cell: cell.row):
        if cell.row < n_rows:
            texts[cell.col].append(cell.text)
    return [plain_header(" ".join(column)) for column in texts]


def same_heading(above: str, here: str, scanned: bool) -> bool:
    """Tell whether dropping the heading `here` loses nothing that `above` does not say; OCR may misread a sign."""
    if not here or above == here:
        return True
    if not scanned and DIGITS.findall(above) != DIGITS.findall(here):
        return False  # other years, other table
    return fuzz.ratio(above, here) >= (SAME_HEADING_OCR if scanned else SAME_TEXT)


def plain_header(text: str) -> str:
    """Return a header as compared: case folded, single spaces, digits kept since years tell columns apart."""
    return re.sub(r"\s+", " ", CONTINUED.sub("", text)).strip().casefold()


def stack(
    table_id: str, fragments: Sequence[TableFragment], by_page: dict[int, PageReading], running: set[str]
) -> JoinedTable:
    """Lay the fragments below each other as one table."""
    first, last = fragments[0], fragments[-1]
    cells = list(first.cells)
    n_rows = first.n_rows
    for previous, fragment in zip(fragments, fragments[1:], strict=False):
        dropped = repeated_rows(previous, fragment, header_overlap(first, fragment))
        for cell in fragment.cells:
            if cell.row not in dropped:
                row = n_rows + cell.row - sum(r < cell.row for r in dropped)
                cells.append(cell.model_copy(update={"row": row}))
        n_rows += fragment.n_rows - len(dropped)
    return JoinedTable(
        table_id=table_id,
        fragments=tuple(fragments),
        n_rows=n_rows,
        n_cols=first.n_cols,
        n_header_rows=min(
            [
                first.n_header_rows,
                *(header_overlap(first, part) for part in fragments[1:] if part.n_header_rows),
            ]
        ),
        cells=tuple(cells),
        title=first.title or title_above(first, by_page[first.page], running),
        above=tuple(
            sorted((x for x in by_page[first.page].lines if x.box.y1 <= first.box.y0 + 1), key=line_place)
        ),
        below=tuple(
            sorted((x for x in by_page[last.page].lines if x.box.y0 >= last.box.y1 - 1), key=line_place)
        ),
    )


def title_above(fragment: TableFragment, reading: PageReading, running: set[str]) -> str | None:
    """Return the nearest line above a table that can be its title: short, no sentence, no unit note, not far away."""
    nearest = sorted(
        (line for line in reading.lines if line.box.y1 <= fragment.box.y0 + 1), key=lambda line: -line.box.y1
    )
    edge = fragment.box.y0
    for line in telling_lines(nearest, running):
        if edge - line.box.y1 > TITLE_GAP * max(line.box.height, 1.0):
            return None
        edge = line.box.y0
        text = line.text.strip()
        if NO_TITLE.search(text) is None and len(text) <= LONGEST_TITLE and any(c.isalpha() for c in text):
            return text
        if len(text) > LONGEST_TITLE or text.endswith((".", "。")):
            return None
    return None


def line_place(line: Line) -> tuple[float, float]:
    """Sort key: from top to bottom, then from left to right."""
    return line.box.y0, line.box.x0


def repeated_rows(previous: TableFragment, fragment: TableFragment, n_header_rows: int) -> set[int]:
    """Return the rows of a continued part that only repeat what is already there: header and brought-forward."""
    opening = [c for c in fragment.cells if c.row == n_header_rows]
    closing = [c for c in previous.cells if c.row == previous.n_rows - 1]
    again = BROUGHT_FORWARD.match(label_of(opening)) and values_of(opening) == values_of(closing)
    return set(range(n_header_rows + 1 if again else n_header_rows))


def label_of(cells: Sequence[ReadCell]) -> str:
    """Return the text of a row's first cell that is not a number."""
    return next((c.text.strip() for c in sorted(cells, key=lambda c: c.col) if c.value_box is None), "")


def values_of(cells: Sequence[ReadCell]) -> list[str]:
    """Return the number texts of a row from left to right."""
    return [c.text.strip() for c in sorted(cells, key=lambda c: c.col) if c.value_box is not None]


def box_on_first_page(table: JoinedTable) -> Box:
    """Return the box around the table's parts on its first page, points."""
    first = table.fragments[0].page
    return union(f.box for f in table.fragments if f.page == first)
