"""What does each row of a statement say? Laid-out rows → line items with label, level, path, section and values.

In: a `Layout`. Out: `RawItem`s in printed order: wrapped labels joined, footnote markers set aside, section labels kept as items
without values. Levels count indentation steps from 0; a path holds the section labels above an item, outermost first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from extractors.statements.layout import Layout
from extractors.statements.periods import fold
from extractors.statements.realign import Placed
from extractors.statements.sides import NOTE_HEADER, Side

INDENT_STEP = 3.5  # points; labels that start closer together stand at one level, as skewed scans do
SAME_LINE = 0.75  # of the usual distance between rows: a value row so near below a bare label belongs to it
LONG_LABEL = 0.55  # of the label column's width: a label that fills it may go on in the next row

_OPEN_END = re.compile(
    r"(?:\b(?:and|or|of|to|for|the|in|from|by|with|than|including|et|de|du|des|und|von|der|en|van)|[,(/&])\s*$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"^(?:[a-zà-ÿ(]|and\b|of\b|or\b|\$\d)")
_ENUMERATED = re.compile(
    r"^\(?(?:[a-z]{1,2}|[ivx]{1,4}|\d{1,2})[).]\s", re.IGNORECASE
)  # "a) Löhne und Gehälter"
_TOTAL = re.compile(
    r"^\W*(?:grand\s*|sub-?\s*)?total(?:s|e|es)?\b|合计|总计|总额|合計|總計|小计|^summe\b|^gesamt|^totaal\b|^suma\b|^net\s+cash\b|^net\s+(?:income|loss|earnings|profit)"
    r"|^(?:gross|operating)\s+(?:profit|income|loss|margin)|^net\s+(?:current\s+)?(?:assets|liabilities)"
)
_MARKER_END = re.compile(
    r"(?<=[A-Za-z)]{2})(?:\((?:[a-z]|\d{1,2})\)|\d{1,2})$|(?<=[a-z)])\s*[*†‡§]+$|\s*[¹²³⁴⁵⁶⁷⁸⁹⁰ᵃᵇᶜ]+$"
)
_LEADERS = re.compile(r"(?:\s*[.·…_]){3,}\s*$|\s+[.·]\s*$")
_NOTE_REF = re.compile(
    r"\s+\d{1,2}(?:\s?[,&]\s?\d{1,2})*$"
)  # "Tangible assets 10": the note, printed close to its label
_NOTE_NUMBER = re.compile(r"^\d{1,2}(?:\W+\d{1,2})*$")
NOTE_SHARE = 0.25  # of the labels with values; so many that end in a small number show a column of notes
# Headings that print no figures of their own; a reader may join one to the first row below it.
_HEADING = re.compile(
    r"^(capital and reserves|(?:non-?)?(?:current|fixed) assets|(?:non-?)?current liabilities|equity and liabilities)\s+(?=[A-Z])",
    re.IGNORECASE,
)
# A heading that a reader of scans joined to the row below it; the row's own label begins with a capital behind it.
_GLUED_HEADING = re.compile(
    r"^cash\s+flows?\s+(?:from|used\s+in)\s+(?:\w+\s+){0,2}?(?:operating|investing|financing)\s+activities:?\s+(?=(?-i:[A-Z]))",
    re.IGNORECASE,
)
_ACCOMPANYING = re.compile(
    r"\b(?:accompanying|attached)\s*notes\b|\bsee\s*(?:the\s*)?notes\b|\bnotes\s*(?:are\s*an?|form)\b"
)
_SENTENCE = re.compile(r"\W*(?:see|the|these|refer)\b")
_PAGE_NUMBER = re.compile(r"^\W*(?:F-?)?\d{1,3}\W*$")
_YEAR = re.compile(r"^\W*(?:fy\s*)?((?:19|20)\d\d)\W*$", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


CONTESTED = "the page's own words show another label for this row"
UNSURE_LABEL = "the recogniser was not sure of this row's label"
# Lowest probability of a letter under which a label is in doubt. Of 631 right labels of worn copies 2.5 % are below, of 450 of scanned
# company accounts 0.4 %: letters of right labels may be unsure too.
SURE_LABEL = 0.5


@dataclass(frozen=True, slots=True)
class RawItem:
    """One row as printed. `values` holds (index of the value column in its side, cell) pairs."""

    row: int
    label: str
    level: int
    path: tuple[str, ...]
    section: bool  # a label without values that heads the rows below it
    total: bool  # worded as a total or a result, or printed without a label below a rule
    values: tuple[tuple[int, Placed], ...]
    bold: bool = False
    ruled: bool = False  # a rule stands above a value
    doubt: str | None = None  # what speaks against the label as it was read


@dataclass(frozen=True, slots=True)
class _Row:
    row: int
    label: str
    x0: float | None
    x1: float | None
    y: float
    values: tuple[tuple[int, Placed], ...]
    bold: bool
    doubt: str | None


def read_items(layout: Layout, side: Side) -> tuple[RawItem, ...]:
    """Return the line items of one side of a laid-out table, in printed order."""
    rows = _join_wrapped([_row(layout, side, number) for number in layout.grid if number >= layout.body_row])
    rows = _drop_notes([row for row in _drop_footer(rows) if row.label or row.values])
    rows = [part for row in rows for part in _split_heading(row)]
    steps = _levels([row.x0 for row in rows if row.x0 is not None])
    items: list[RawItem] = []
    stack: list[tuple[int, str, int | None]] = []  # level, label, level of the first item below it
    for position, row in enumerate(rows):
        level = _level(row.x0, steps) if row.x0 is not None else (items[-1].level if items else 0)
        section = bool(not row.values and _heads(rows, position))
        stack = _close(stack, level, section)
        path = tuple(label for _, label, _ in stack)
        if section:
            stack.append((level, row.label, None))
        else:
            stack = [(lv, label, level if child is None else child) for lv, label, child in stack]
        folded = fold(row.label)
        ruled = any(p.cell.ruled_above for _, p in row.values)
        total = bool(row.values) and (bool(_TOTAL.search(folded)) or not row.label)
        items.append(
            RawItem(row.row, row.label, level, path, section, total, row.values, row.bold, ruled, row.doubt)
        )
        if total and row.label:
            stack = [s for s in stack if not _closes(folded, s[1]) or s[0] < level - 1]
    return tuple(items)


def _row(layout: Layout, side: Side, number: int) -> _Row:
    cells = layout.grid[number]
    first_value = side.value_cols[0] if side.value_cols else len(cells)
    last_label = max(side.label_cols, default=-1)
    left = min(side.label_cols, default=0)
    labels = [p for p in cells if left <= p.col <= max(last_label, left)]
    if side.label_cols and side.value_cols:
        # a long label may reach into the note column
        labels += [p for p in cells if last_label < p.col < first_value and p.col not in side.note_cols
                   and p.amount is None and any(c.isalpha() for c in p.text)]  # fmt: skip
    values = tuple(
        (side.value_cols.index(p.col), p)
        for p in cells
        if p.col in side.value_cols and any(c.isdigit() or p.amount is not None for c in p.text)
    )
    if is_year_row([p.text for _, p in values]):
        values = ()
    text = clean_label(" ".join(p.text for p in labels))
    if values:
        text = _GLUED_HEADING.sub("", text)
    y = median(p.cell.box.center[1] for p in cells)
    return _Row(
        number,
        text,
        labels[0].cell.box.x0 if labels and text else None,
        max(p.cell.box.x1 for p in labels) if labels and text else None,
        y,
        values,
        bool(labels) and all(p.cell.bold for p in labels),
        _doubt(labels),
    )


def _doubt(labels: Sequence[Placed]) -> str | None:
    """Return what speaks against a label: another reading of the page, or the recogniser where no second look agreed with it."""
    if any(p.cell.grounding == "mismatch" for p in labels):
        return CONTESTED
    if any(
        p.cell.source == "ocr" and p.cell.grounding == "unavailable" and p.cell.confidence < SURE_LABEL
        for p in labels
    ):
        return UNSURE_LABEL
    return None


def is_year_row(texts: Sequence[str]) -> bool:
    """Tell whether a row prints nothing but years that follow each other: a header repeated in the body of a table."""
    years = [int(found[1]) if (found := _YEAR.match(text)) else 0 for text in texts]
    steps = {b - a for a, b in zip(years, years[1:], strict=False)}
    return len(years) >= 2 and all(years) and steps in ({1}, {-1}, {0, 1}, {0, -1})


def clean_label(text: str) -> str:
    """Return a printed label without leader dots, footnote markers and doubled spaces."""
    text = _SPACES.sub(" ", text).strip()
    text = _LEADERS.sub("", text)
    return _MARKER_END.sub("", text).strip()


def _join_wrapped(rows: Sequence[_Row]) -> list[_Row]:
    """Join a label that runs over several rows, and values that stand a little below their label."""
    gaps = [b.y - a.y for a, b in zip(rows, rows[1:], strict=False) if b.y > a.y]
    pitch = median(gaps) if gaps else 0.0
    right = max((row.x1 for row in rows if row.x1 is not None), default=0.0)
    left = min((row.x0 for row in rows if row.x0 is not None), default=0.0)
    out: list[_Row] = []
    for row in rows:
        previous = out[-1] if out else None
        if previous is None or not previous.label:
            out.append(row)
        elif not previous.values and row.values and not row.label and row.y - previous.y < SAME_LINE * pitch:
            out[-1] = replace(previous, values=row.values)
        elif not previous.values and row.label and _wraps(previous, row, left, right):
            x0 = min(x for x in (previous.x0, row.x0) if x is not None)
            out[-1] = replace(row, label=f"{previous.label} {row.label}", x0=x0 if previous.x0 is None else previous.x0,
                              bold=previous.bold, doubt=previous.doubt or row.doubt)  # fmt: skip
        elif previous.values and not row.values and row.label and _trails(previous, row, left, right):
            out[-1] = replace(previous, label=f"{previous.label} {row.label}", x1=row.x1,
                              doubt=previous.doubt or row.doubt)  # fmt: skip
        else:
            out.append(row)
    return out


def _drop_footer(rows: Sequence[_Row]) -> list[_Row]:
    """Leave out the page's footer below "see accompanying notes": the section's name and the page number alone."""
    end = next((i for i, row in enumerate(rows) if _is_footer(row)), None)
    if end is None or any(len(row.values) > 1 for row in rows[end:]):
        return list(rows)
    lone = [p for row in rows[end:] for _, p in row.values]
    return list(rows[:end]) if all(_PAGE_NUMBER.match(p.text) for p in lone) else list(rows)


def _is_footer(row: _Row) -> bool:
    """Tell whether a row refers to the notes; with the page number beside it, where the footer's lines were joined."""
    label = fold(row.label)
    return bool(_ACCOMPANYING.search(label)) and (not row.values or bool(_SENTENCE.match(label)))


def _drop_notes(rows: Sequence[_Row]) -> list[_Row]:
    """Leave out the row that says which notes explain its columns, and take note numbers off labels where their column stands too close."""
    rows = [row for row in rows if not _is_note_row(row)]
    valued = [row for row in rows if row.values and row.label]
    noted = [row for row in rows if _NOTE_REF.search(row.label)]
    if len(noted) < 2 or len(noted) < NOTE_SHARE * len(valued):
        return list(rows)
    return [
        replace(row, label=_NOTE_REF.sub("", row.label)) if _NOTE_REF.search(row.label) else row
        for row in rows
    ]


def _is_note_row(row: _Row) -> bool:
    """Tell whether a row is labelled as notes and holds their numbers: "Notes 10 10 12"."""
    return bool(
        row.values
        and NOTE_HEADER.match(fold(row.label))
        and all(_NOTE_NUMBER.match(p.text) for _, p in row.values)
    )


def _split_heading(row: _Row) -> list[_Row]:
    """Part a section heading from the label of the row that it was joined to."""
    found = _HEADING.match(row.label) if row.values else None
    if found is None or not row.label[found.end()].isupper():
        return [row]
    return [replace(row, label=found[1], values=()), replace(row, label=row.label[found.end() :])]


def _wraps(first: _Row, second: _Row, left: float, right: float) -> bool:
    """A label without values goes on below when it ends openly or the next one begins in the middle of a sentence."""
    if first.label.endswith(":") or _ENUMERATED.match(second.label):
        return False
    if _OPEN_END.search(first.label):
        return True
    return bool(_GOES_ON.match(second.label)) and not _GOES_ON.match(first.label)


def _trails(first: _Row, second: _Row, left: float, right: float) -> bool:
    """The rest of a label may stand below its values."""
    if second.label.endswith(":"):
        return False
    if _OPEN_END.search(first.label):
        return True
    begins_small = bool(re.match(r"^[a-zà-ÿ]", second.label))
    return begins_small and not re.match(r"^[a-zà-ÿ]", first.label)


def _heads(rows: Sequence[_Row], position: int) -> bool:
    """Tell whether a label without values heads what follows: something with values does follow."""
    return any(row.values for row in rows[position + 1 :]) and len(rows[position].label) > 1


def _levels(starts: Sequence[float]) -> list[float]:
    """Return the left edges of the indentation levels, from the left."""
    steps: list[float] = []
    for x in sorted(starts):
        if not steps or x - steps[-1] > INDENT_STEP:
            steps.append(x)
    return steps


def _level(x: float, steps: Sequence[float]) -> int:
    return max((i for i, step in enumerate(steps) if step <= x + 0.01), default=0)


def _close(
    stack: list[tuple[int, str, int | None]], level: int, section: bool
) -> list[tuple[int, str, int | None]]:
    """Drop the sections that a row at `level` no longer belongs to.

    A row further left than a section's label is outside it, and so is one at the same level where the section's own rows are
    indented. A new section at the same level ends the one before, unless nothing stood below that yet ("Assets", "Current
    assets").
    """
    kept: list[tuple[int, str, int | None]] = []
    for lv, label, child in stack:
        indented = child is not None and child > lv
        if lv > level or (lv == level and (indented or (section and child is not None))):
            break
        kept.append((lv, label, child))
    return kept


def _closes(total: str, section: str) -> bool:
    """Tell whether a total names a section: "Total current assets" ends "Current assets"."""
    name = re.sub(r"\W+", " ", fold(section)).strip()
    words = re.sub(r"\W+", " ", re.sub(r"^\W*total\s+", "", total)).strip()
    return bool(name) and (words == name or name in words and len(name) > 0.6 * len(words))
