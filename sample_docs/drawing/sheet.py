"""How a page is drawn: a canvas that counts points from the top left corner, prose, and tables in several looks.

In: text and `Grid`s. Out: a PDF that has the same bytes every time, and the truth of what was drawn, page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor, black
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from sample_docs.drawing.grid import Entry, Grid, Truth

rl_config.invariant = 1  # fixed dates and ids: the same bytes on every run

LETTER, A4 = (612.0, 792.0), (595.0, 842.0)  # points


@dataclass(frozen=True)
class Look:
    """How a table is set. Lengths in points."""

    size: float = 8.5
    row: float = 13.0  # from one base line to the next
    font: str = "Helvetica"
    bold: str = "Helvetica-Bold"
    indent: float = 11.0  # per level
    shade: Color | None = None  # every other row
    leader: bool = False  # dots from the label to the first amount
    rules: str = "totals"  # or "all" (a ruled grid), "rows" (a hairline under every row)
    header_fill: Color | None = None
    header_color: Color = black
    accent: Color = black  # rules of the header
    columns_gap: float = 14.0  # white on the left of each value column that rules leave free
    bold_totals: bool = True


class Sheet:
    """A document being drawn. `page` counts from 1; y grows downwards."""

    def __init__(
        self,
        path: Path,
        size: tuple[float, float],
        truth: Truth,
        title: str,
        author: str,
        encrypt: StandardEncryption | None = None,
    ) -> None:
        self.width, self.height = size
        self.canvas = Canvas(str(path), pagesize=size, pageCompression=1, invariant=1, encrypt=encrypt)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(author)
        self.canvas.setCreator("Parquetry sample documents")
        self.truth = truth
        self.page = 1

    def next_page(self) -> None:
        """Finish the page and begin the next."""
        self.canvas.showPage()
        self.page += 1

    def resize(self, width: float, height: float, stored_upright: bool = True, rotate: bool = False) -> None:
        """Give the page just begun another size in points, as the reader sees it.

        With `stored_upright` false the page is stored on its side: portrait, its text running up. `rotate` then
        adds the entry that turns it for the reader; without it the text stays on its side.
        """
        self.width, self.height = width, height
        self.canvas.setPageRotation(90 if rotate else 0)
        # the canvas swaps the two itself on a page that is turned
        self.canvas.setPageSize((width, height) if stored_upright or rotate else (height, width))
        if not stored_upright:
            self.canvas.translate(height, 0)
            self.canvas.rotate(90)

    def save(self) -> None:
        """Finish the document."""
        self.canvas.showPage()
        self.canvas.save()
        self.truth.n_pages = self.page

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 9.5,
        font: str = "Helvetica",
        align: str = "left",
        color: Color = black,
    ) -> float:
        """Draw one line of text with its base line at `y`; return its width."""
        width = float(stringWidth(text, font, size))
        start = x - {"left": 0.0, "right": width, "center": width / 2}[align]
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        self.canvas.drawString(start, self.height - y, text)
        return width

    def line(
        self, x0: float, y0: float, x1: float, y1: float, width: float = 0.5, color: Color = black
    ) -> None:
        """Draw a rule."""
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(width)
        self.canvas.line(x0, self.height - y0, x1, self.height - y1)

    def fill(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        """Fill a rectangle."""
        self.canvas.setFillColor(color)
        self.canvas.rect(x0, self.height - y1, x1 - x0, y1 - y0, stroke=0, fill=1)

    def prose(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        size: float = 9.5,
        font: str = "Times-Roman",
        leading: float = 1.32,
        color: Color = black,
    ) -> float:
        """Set paragraphs (parted by blank lines) justified in a column; return the base line after the last."""
        for paragraph in text.strip().split("\n\n"):
            lines = list(wrap(" ".join(paragraph.split()), width, font, size))
            for number, words in enumerate(lines):
                last = number == len(lines) - 1
                line = self.canvas.beginText(x, self.height - y)
                line.setFont(font, size)
                line.setFillColor(color)
                if not last and " " in words:
                    line.setWordSpace((width - stringWidth(words, font, size)) / words.count(" "))
                line.textOut(words)
                line.setWordSpace(0)  # it would stay on for the rest of the page
                self.canvas.drawText(line)
                y += size * leading
            y += size * 0.55
        return y

    def table(
        self,
        x: float,
        y: float,
        width: float,
        grid: Grid,
        look: Look,
        breaks: Mapping[int, Callable[[], float]] | None = None,
    ) -> float:
        """Draw a table with the top of its header at `y`, add it to the truth, and return the y below its last row.

        `breaks` says before which rows a new page begins; each is called, turns the page and returns the y at which
        the table goes on with its header repeated.
        """
        y = self._header(x, y, width, grid, look)
        pages: list[int] = []
        for index, row in enumerate(grid.rows):
            if breaks and index in breaks:
                self._foot(x, y, width, look)
                y = self._header(x, breaks[index](), width, grid, look)
            pages.append(self.page)
            y = self._row(x, y, width, grid, row, look, self._label_lines(grid, row, width, look), index)
        self._foot(x, y, width, look)
        self.truth.add(grid, pages)
        return y

    def _foot(self, x: float, y: float, width: float, look: Look) -> None:
        if look.rules in ("all", "rows"):
            self.line(x, y, x + width, y, 0.6, look.accent)

    def _edges(self, x: float, width: float, grid: Grid) -> list[tuple[float, float]]:
        """Left and right edge of every value column, flush with the right end of the table."""
        right, edges = x + width, []
        for column in reversed(grid.columns):
            edges.append((right - column.width, right))
            right -= column.width
        return edges[::-1]

    def _note_width(self, grid: Grid) -> float:
        return 0.0 if grid.note_header is None else 40.0

    def _label_width(self, width: float, grid: Grid) -> float:
        return width - sum(column.width for column in grid.columns) - self._note_width(grid)

    def _label_lines(self, grid: Grid, row: Entry, width: float, look: Look) -> list[str]:
        if row.section:
            room = width - row.level * look.indent - 8
        else:
            room = self._label_width(width, grid) - row.level * look.indent - 6
        return list(wrap(row.label, room, self._row_font(row, look), look.size)) or [""]

    def _row_font(self, row: Entry, look: Look) -> str:
        bold = row.bold if row.bold is not None else row.section or (row.total and look.bold_totals)
        return look.bold if bold else look.font

    def _header(self, x: float, y: float, width: float, grid: Grid, look: Look) -> float:
        edges, top = self._edges(x, width, grid), y
        size, step = look.size - 0.3, look.size + 2.6
        heads = max(len(column.header.split("\n")) for column in grid.columns) if grid.headed else 0
        high = (len(grid.spans) + heads) * step + len(grid.spans) * 3 + 7
        if look.header_fill is not None and grid.n_header_rows:
            self.fill(x, top, x + width, top + high, look.header_fill)
        elif look.rules == "all" and grid.n_header_rows:
            self.line(x, top, x + width, top, 0.6, look.accent)
        for spans in grid.spans:
            y += step
            for text, first, last in spans:
                left, right = edges[first][0] + look.columns_gap, edges[last][1]
                self.text((left + right) / 2, y, text, size, look.bold, "center", look.header_color)
                if first != last and look.rules != "all":
                    self.line(left, y + 3.2, right, y + 3.2, 0.5, look.header_color)
            y += 3
        if grid.headed:
            for (left, right), column in zip(edges, grid.columns, strict=True):
                lines = column.header.split("\n")
                for number, text in enumerate(lines):
                    at = y + (heads - len(lines) + number + 1) * step
                    place = {
                        "right": right - 3,
                        "left": left + look.columns_gap,
                        "center": (left + right) / 2,
                    }
                    self.text(place[column.align], at, text, size, look.bold, column.align, look.header_color)
            base = y + heads * step
            if grid.stub:
                italic = (
                    look.font + "-Oblique"
                    if grid.stub.startswith("(") and look.font == "Helvetica"
                    else look.bold
                )
                self.text(x + 3, base, grid.stub, size, italic, "left", look.header_color)
            if grid.note_header is not None:
                middle = edges[0][0] - 12
                self.text(middle, base, grid.note_header, size, look.bold, "center", look.header_color)
            y = base + 4.5
            if look.header_fill is None:
                self.line(x, y, x + width, y, 0.9, look.accent)
        if look.rules == "all":
            spanned = top + len(grid.spans) * (step + 3)
            inside = {
                n for spans in grid.spans for _, first, last in spans for n in range(first + 1, last + 1)
            }
            self._uprights(x, top, spanned, width, grid, look, inside)
            self._uprights(x, spanned, y, width, grid, look)
            for n in inside:
                self.line(edges[n - 1][0] + 4, spanned, edges[n][1], spanned, 0.5, look.accent)
        return y + (2.5 if look.rules != "all" else 0.0)

    def _uprights(
        self,
        x: float,
        y0: float,
        y1: float,
        width: float,
        grid: Grid,
        look: Look,
        without: Iterable[int] = (),
    ) -> None:
        edges = self._edges(x, width, grid)
        lefts = [left + 4 for n, (left, _) in enumerate(edges) if n not in without]
        if grid.note_header is not None:
            lefts.append(edges[0][0] + 4 - self._note_width(grid))
        for at in [x, *lefts, x + width]:
            self.line(at, y0, at, y1, 0.5, look.accent)

    def _row(
        self,
        x: float,
        y: float,
        width: float,
        grid: Grid,
        row: Entry,
        look: Look,
        lines: list[str],
        index: int,
    ) -> float:
        edges, font = self._edges(x, width, grid), self._row_font(row, look)
        top = y
        y += row.gap
        bottom = y + look.row * len(lines)
        if look.shade is not None and index % 2 == 1:
            self.fill(x, y, x + width, bottom, look.shade)
        if look.rules == "rows" and index:
            self.line(x, y, x + width, y, 0.25, HexColor(0xB5B5B5))
        if look.rules == "all":
            self.line(x, y, x + width, y, 0.5, look.accent)
            self._uprights(x, top, bottom, width, grid, look)
        drop = look.row * 0.5 + look.size * 0.34  # from the top of a row to its base line
        left = x + 3 + row.level * look.indent
        for number, line in enumerate(lines):
            end = left + self.text(left, y + drop + number * look.row, line, look.size, font)
        base = bottom - look.row + drop
        if row.marker:
            self.text(end + 1, base - look.size * 0.36, row.marker, look.size * 0.62, font)
        printed = grid.printed(row)
        if row.note:
            self.text(edges[0][0] - 12, base, row.note, look.size, look.font, "center")
        if look.leader and any(printed) and row.values:
            self._leader(end + (8 if row.marker else 3), edges[0][0] + 2, base, look)
        for number, ((start, right), text, column) in enumerate(
            zip(edges, printed, grid.columns, strict=False)
        ):
            if text is None:
                continue
            # a closing parenthesis hangs in the margin, so that the digits stand in one line
            hangs = (
                grid.notation.negative == "parentheses" and column.align == "right" and text[-1] not in ")%"
            )
            hang = float(stringWidth(")", font, look.size)) if hangs else 0.0
            place = {
                "right": right - 3 - hang,
                "left": start + look.columns_gap,
                "center": (start + right) / 2,
            }
            if row.sign and not isinstance(row.values[number], str):
                self.text(start + look.columns_gap, base, grid.sign, look.size, font)
            self.text(place[column.align], base, text, look.size, font, column.align)
        if look.rules in ("totals", "rows") and row.values:
            self._total_rules(edges, printed, row, y, bottom, look)
        return bottom

    def _total_rules(
        self,
        edges: list[tuple[float, float]],
        printed: list[str | None],
        row: Entry,
        top: float,
        bottom: float,
        look: Look,
    ) -> None:
        for (start, right), text in zip(edges, printed, strict=False):
            if text is None:
                continue
            left = start + look.columns_gap
            if row.total and look.rules == "totals":
                self.line(left, top + 0.6, right, top + 0.6, 0.5)
            if row.under:
                self.line(left, bottom - 0.4, right, bottom - 0.4, 0.5)
            if row.under == "double":
                self.line(left, bottom + 1.4, right, bottom + 1.4, 0.5)

    def _leader(self, start: float, end: float, y: float, look: Look) -> None:
        step = float(stringWidth(" .", look.font, look.size))
        count = int((end - start) // step)
        if count > 1:
            self.text(end, y, " ." * count, look.size, look.font, "right")


def wrap(text: str, width: float, font: str, size: float) -> Iterable[str]:
    """Yield the lines of `text` that fit in `width` points; Chinese text may break between any two characters."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if stringWidth(longer, font, size) <= width:
            line = longer
            continue
        if line and word.isascii():
            yield line
            line = word
            continue
        line = longer
        while stringWidth(line, font, size) > width and len(line) > 1 and not line.isascii():
            cut = next(n for n in range(len(line), 0, -1) if stringWidth(line[:n], font, size) <= width)
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line
