"""Which reading errors are caught? Alters what a reader gave at known places and counts what becomes of each.

    python benchmarks/injected_errors.py PDF_DIR [--rate 0.02] [--rounds 10] [--seed 1] [--only STEM ...] [--scan]

Takes born-digital PDFs with financial statements, reads them, and alters a seeded share of the statements' figures before
anything else sees them: one digit replaced, one digit lost, the sign, three digits more or fewer, two columns exchanged, a row
dropped. Settings: `text layer`, where the altered reading is then grounded against the page's own words as a model's reading is;
`OCR`, where nothing but the checks can tell; and, with `--scan`, `scan`: all that is done with a scan's figures, the second reading of
each and the looks that failed checks drive, on grainy pictures of the pages. Prints for each kind the shares that were corrected,
flagged, or silently wrong.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from statements import BLUR, NOISE

from extractors.assemble import join_tables
from extractors.checks.look_again import Eyes
from extractors.checks.unclaimed import with_unclaimed
from extractors.document import understand
from extractors.engine import Pixels, Render
from extractors.geometry.engine import GeometryEngine, outside_lines, read_tables
from extractors.pages.ocr import recognise
from extractors.pages.opening import open_document
from extractors.pages.second_look import LOOK_DPI, POINTS_PER_INCH, crop, judged, needs_look
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from extractors.vision.grounding import ground_table
from schemas.box import Box
from schemas.page import PageContent, PageReading, ReadCell, TableFragment
from schemas.records import Check, Fact

KINDS = ("digit", "lost digit", "sign", "scale", "columns", "row")
OCR_SCORE = 0.97  # what a recogniser says of itself, right or wrong
SCAN_DPI = 200


@dataclass(frozen=True)
class Document:
    """A document as read, and what it states when nothing is altered."""

    name: str
    contents: tuple[PageContent, ...]
    readings: tuple[PageReading, ...]
    facts: dict[tuple[str, int, int], Fact]
    checks: tuple[Check, ...]
    pictures: tuple[Pixels, ...] = ()  # of the pages, as a scanner gives them
    seconds: dict[tuple[int, Box], str] = field(
        default_factory=dict
    )  # what a second reading of a figure says

    def render(self, number: int, rotation: int, skew: float) -> Render:
        """Return the render function of a scanned page."""
        picture = self.pictures[number - 1]
        return lambda dpi, region: shown(picture, dpi, region)


Place = tuple[int, int, int, int]  # page, index of the fragment on it, row, column


def grainy(pixels: Pixels, seed: int) -> Pixels:
    """Return a page as a scanner gives it."""
    soft = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), BLUR)
    grain = np.random.default_rng(seed).normal(0, NOISE, soft.shape[:2])[:, :, None]
    return np.asarray(np.clip(soft + grain, 0, 255), np.uint8)


def shown(picture: Pixels, dpi: int, region: Box | None) -> Pixels:
    """Return a region (points) of a picture at `SCAN_DPI`, scaled to `dpi`."""
    scale = SCAN_DPI / POINTS_PER_INCH
    x0, y0, x1, y1 = (max(0, round(v * scale)) for v in region or (0, 0, 1e6, 1e6))
    part = picture[y0 : max(y0 + 1, y1), x0 : max(x0 + 1, x1)]
    size = [max(1, round(side * dpi / SCAN_DPI)) for side in part.shape[1::-1]]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def scanned(document: Document, pictures: Sequence[Pixels]) -> Document:
    """Return the document with pictures of its pages and a second reading of each figure, as scans get it."""
    out = replace(document, pictures=tuple(pictures))
    for reading in as_ocr(document.readings):
        picture = shown(pictures[reading.page - 1], LOOK_DPI, None)
        cells = [c for f in reading.fragments for c in f.cells if needs_look(c)]
        boxes = [c.value_box or c.box for c in cells]
        read = recognise([crop(picture, box, LOOK_DPI / POINTS_PER_INCH) for box in boxes])
        out.seconds.update({(reading.page, box): text for box, (text, _, _) in zip(boxes, read, strict=True)})
    return out


def open_documents(folder: Path, only: Sequence[str], scan: bool) -> list[Document]:
    settings, out = Settings(engine="geometry"), []
    for path in sorted(folder.glob("*.pdf")):
        if only and not any(name in path.name for name in only):
            continue
        with open_document(identify(find_sources(path)[0], settings), settings) as document:
            pages = tuple(document.pages(1))
            contents = tuple(page.content for page in pages)
            pictures = [grainy(page.render(SCAN_DPI, None), page.content.page) for page in pages if scan]
        readings = tuple(_reading(c, read_tables(c)) for c in contents)
        facts, checks = state(readings, path.stem)
        read = Document(path.stem, contents, readings, facts, checks)
        out.append(scanned(read, pictures) if scan else read)
    return out


def _reading(content: PageContent, fragments: Sequence[TableFragment]) -> PageReading:
    return PageReading(page=content.page, width=content.width, height=content.height, rotation=content.rotation,
                       text_source=content.text_source, fragments=tuple(fragments), lines=outside_lines(content, fragments))  # fmt: skip


def state(
    readings: Sequence[PageReading], name: str, eyes: Eyes | None = None
) -> tuple[dict[tuple[str, int, int], Fact], tuple[Check, ...]]:
    _, _, facts, checks, _ = understand(join_tables(readings, name), readings, eyes)
    return {(f.table_id, f.row, f.col): f for f in facts}, checks


def digit(text: str, rng: random.Random) -> str:
    spots = [i for i, c in enumerate(text) if c.isdigit()]
    spot = rng.choice(spots)
    other = rng.choice([d for d in "0123456789" if d != text[spot]])
    return text[:spot] + other + text[spot + 1 :]


def lost_digit(text: str, rng: random.Random) -> str:
    spots = [i for i, c in enumerate(text) if c.isdigit()]
    spot = rng.choice(spots)
    return text[:spot] + text[spot + 1 :] if len(spots) > 1 else digit(text, rng)


def sign(text: str, rng: random.Random) -> str:
    return re.sub(r"[()]", "", text) if "(" in text else re.sub(r"([\d.,]*\d)", r"(\1)", text, count=1)


def scale(text: str, rng: random.Random) -> str:
    shorter = re.sub(r",\d{3}(?!.*,\d{3})", "", text)
    return shorter if shorter != text else re.sub(r"(\d)(?!.*\d)", r"\1,000", text)


ALTER: dict[str, Callable[[str, random.Random], str]] = {
    "digit": digit, "lost digit": lost_digit, "sign": sign, "scale": scale
}  # fmt: skip


def alter(document: Document, rate: float, rng: random.Random) -> tuple[list[PageReading], dict[Place, str]]:
    """Return readings with about `rate` of the statements' figures altered, and what was done where."""
    wanted = {(f.page, f.raw_text, round(f.bbox.y0)) for f in document.facts.values() if f.value}
    done: dict[Place, str] = {}
    readings = []
    for reading in document.readings:
        fragments = []
        for index, fragment in enumerate(reading.fragments):
            cells = {(c.row, c.col): c for c in fragment.cells}
            figures = [c for c in fragment.cells if c.row >= fragment.n_header_rows and c.value_box
                       and (c.page, c.text.strip(), round(c.value_box.y0)) in wanted]  # fmt: skip
            for cell in figures:
                if rng.random() >= rate or (reading.page, index, cell.row, cell.col) in done:
                    continue
                kind = rng.choice(KINDS)
                touched = _apply(kind, cell, cells, figures, rng)
                done.update({(reading.page, index, row, col): kind for row, col in touched})
            fragments.append(fragment.model_copy(update={"cells": tuple(cells[k] for k in sorted(cells))}))
        readings.append(replace(reading, fragments=tuple(fragments)))
    return readings, done


def _apply(
    kind: str,
    cell: ReadCell,
    cells: dict[tuple[int, int], ReadCell],
    figures: Sequence[ReadCell],
    rng: random.Random,
) -> list[tuple[int, int]]:
    mates = [c for c in figures if c.row == cell.row and (c.row, c.col) in cells]
    if kind == "row":
        for key in [k for k in cells if k[0] == cell.row]:
            del cells[key]
        return [(c.row, c.col) for c in mates]
    if (cell.row, cell.col) not in cells:
        return []
    if kind == "columns":
        others = [
            c
            for c in mates
            if c.col != cell.col and cells[c.row, c.col].text != cells[cell.row, cell.col].text
        ]
        if not others:
            return []
        other = rng.choice(others)
        a, b = cells[cell.row, cell.col], cells[other.row, other.col]
        cells[cell.row, cell.col] = a.model_copy(update={"text": b.text})
        cells[other.row, other.col] = b.model_copy(update={"text": a.text})
        return [(cell.row, cell.col), (other.row, other.col)]
    text = ALTER[kind](cells[cell.row, cell.col].text, rng)
    cells[cell.row, cell.col] = cells[cell.row, cell.col].model_copy(update={"text": text})
    return [(cell.row, cell.col)]


def as_ocr(readings: Sequence[PageReading]) -> list[PageReading]:
    """The same readings as if a recogniser alone had given them."""
    changed = {"source": "ocr", "grounding": "unavailable", "confidence": OCR_SCORE}
    return [
        replace(r, fragments=tuple(f.model_copy(update={"cells": tuple(c.model_copy(update=changed) for c in f.cells)})
                                   for f in r.fragments))
        for r in readings
    ]  # fmt: skip


def as_scan(document: Document, readings: Sequence[PageReading]) -> list[PageReading]:
    """The same readings as those of a scan: by a recogniser, each figure read a second time."""

    def looked(cell: ReadCell) -> ReadCell:
        second = document.seconds.get((cell.page, cell.value_box or cell.box))
        return judged(cell, second) if second is not None and needs_look(cell) else cell

    return [
        replace(
            r,
            text_source="ocr",
            fragments=tuple(f.model_copy(update={"cells": tuple(map(looked, f.cells))}) for f in r.fragments),
        )
        for r in as_ocr(readings)
    ]


def as_grounded(document: Document, readings: Sequence[PageReading]) -> list[PageReading]:
    """The same readings grounded against the page's words, as a model's readings are."""
    out = []
    for content, reading in zip(document.contents, readings, strict=True):
        fragments = []
        for fragment in reading.fragments:
            grid = [["" for _ in range(fragment.n_cols)] for _ in range(fragment.n_rows)]
            for cell in fragment.cells:
                grid[cell.row][cell.col] = cell.text
            words = [w for w in content.words if fragment.box.contains_center(w.box)]
            placed = ground_table(grid, words, content.text_source, content.page, fragment.box)
            kept = {(c.row, c.col): c for c in placed.cells}
            cells = [
                kept[c.row, c.col].model_copy(
                    update={"col_span": c.col_span, "row_span": c.row_span, "indent": c.indent}
                )
                for c in fragment.cells
                if (c.row, c.col) in kept
            ]
            fragments.append(fragment.model_copy(update={"cells": tuple(cells)}))
        out.append(replace(reading, fragments=with_unclaimed(fragments, content.words)))
    return out


def outcome(document: Document, place: tuple[str, int, int], kind: str, facts: dict[tuple[str, int, int], Fact],
            checks: Sequence[Check]) -> str:  # fmt: skip
    """Return what became of one altered place: of the value of its row, period and component, wherever it stands now."""
    was = document.facts[place]
    same = [f for f in facts.values() if (f.table_id, f.row) == place[:2] and (f.period_end, f.months) == (was.period_end, was.months)
            and f.label_path[:1] == was.label_path[:1]]  # fmt: skip
    if any(f.value == was.value for f in same) and all(f.value == was.value or f.needs_review for f in same):
        return "corrected"
    if same:
        return (
            "flagged"
            if all(f.needs_review or f.value is None for f in same if f.value != was.value)
            else "silent"
        )
    failed = {(c.table_id, c.check, c.detail) for c in checks if c.status == "fail"}
    before = {(c.table_id, c.check, c.detail) for c in document.checks if c.status == "fail"}
    return "flagged" if any(key[0] == place[0] for key in failed - before) else "silent"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rate", type=float, default=0.02)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--scan", action="store_true")
    options = arguments.parse_args()
    documents = open_documents(options.folder, options.only, options.scan)
    for setting in ("text layer", "OCR", "scan") if options.scan else ("text layer", "OCR"):
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        checked: dict[str, Counter[str]] = defaultdict(Counter)
        for number in range(options.rounds):
            for document in documents:
                rng = random.Random(f"{options.seed}/{number}/{document.name}")
                readings, done = alter(document, options.rate, rng)
                altered, eyes = as_ocr(readings), None
                if setting == "text layer":
                    altered = as_grounded(document, readings)
                elif setting == "scan":
                    altered, eyes = as_scan(document, readings), Eyes(document.render, True, GeometryEngine())
                facts, checks = state(altered, document.name, eyes)
                for place, kind in _by_table(document, done).items():
                    result = outcome(document, place, kind, facts, checks)
                    counts[kind][result] += 1
                    if document.facts[place].check_status == "pass":
                        checked[kind][result] += 1
        print(f"\n{setting}: altered figures, then the same in checked rows")
        for kind in KINDS:
            print(f"  {kind:11s}", _shares(counts[kind]), "|", _shares(checked[kind]))
        print(
            "  all        ",
            _shares(sum(counts.values(), Counter())),
            "|",
            _shares(sum(checked.values(), Counter())),
        )


def _by_table(document: Document, done: dict[Place, str]) -> dict[tuple[str, int, int], str]:
    """Translate places on pages into places in joined tables, by the box of the unaltered cell."""
    spots = {(f.page, round(f.bbox.x1), round(f.bbox.y0)): key for key, f in document.facts.items()}
    out = {}
    for (page, index, row, col), kind in done.items():
        fragment = next(r for r in document.readings if r.page == page).fragments[index]
        cell = next(c for c in fragment.cells if (c.row, c.col) == (row, col))
        box = cell.value_box or cell.box
        key = spots.get((page, round(box.x1), round(box.y0)))
        if key is not None:
            out[key] = kind
    return out


def _shares(counts: Counter[str]) -> str:
    total = max(1, counts.total())
    return f"n {counts.total():4d}  " + "  ".join(
        f"{k} {counts[k] / total:6.1%}" for k in ("corrected", "flagged", "silent")
    )


if __name__ == "__main__":
    main()
