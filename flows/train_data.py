"""What is a model taught with? Labelled images from verified documents and from drawn ones, in a form that trainers read.

In: an output folder of `parquetry run` with the documents it was read from, a person's corrections, a number of drawn documents, a
seed. Out: a folder with `train.jsonl` and `held_out.jsonl` (ShareGPT style, one conversation a line), their images, and `about.json`.

Only what is true is taught: cells whose grounding is `exact` or that a person corrected, whose checks do not fail and that need no
review. Whole documents are held out, never single tiles; an image is written once; the same inputs and seed give the same files.

Corrections are JSON lines, one cell each: {"doc_id": "…", "table_id": "…", "row": 3, "col": 1, "text": "1,234"}. `doc_id` may be its
first letters, and an empty text says that the cell does not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from extractors.engine import Pixels
from extractors.errors import ParquetryError, UsageError
from extractors.pages.opening import open_document
from extractors.prompting import QUESTIONS, load_prompts
from extractors.settings import Settings
from extractors.training.drawing import draw_page
from extractors.training.fonts import Split
from extractors.training.samples import (
    Sample,
    TaskKind,
    TrueCell,
    TrueTable,
    drawn_content,
    drawn_render,
    drawn_tables,
    row_samples,
    tile_samples,
)
from extractors.training.strips import draw_strip
from extractors.vision.rowreader import row_schema
from flows.datasets import Datasets
from flows.pictures import find_source
from flows.stored import StoredDocument, known_documents
from schemas.box import Box
from schemas.reading import TileAnswer

HELD_OUT_SHARE = 0.1  # of the documents
LEAST_TEXT_CONFIDENCE = 0.97  # of a recogniser, for a text without figures that nothing else vouches for
STRIPS_PER_DOCUMENT = 40  # rows of one drawn document
ABOUT = "about.json"

Kind = Literal["verified", "corrected", "drawn"]
Place = tuple[str, int, int]  # table_id, row, column


class Correction(BaseModel):
    """What a person says that a cell holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    doc_id: str = Field(min_length=6)
    table_id: str
    row: int = Field(ge=0)
    col: int = Field(ge=0)
    text: str


@dataclass
class DataSummary:
    """What was written, and what was left out."""

    written: Counter[tuple[Split, Kind]] = field(default_factory=Counter)
    documents: Counter[Split] = field(default_factory=Counter)
    repeated: int = 0  # images that were there already
    unread: dict[str, str] = field(default_factory=dict)  # source → why its document could not be used


def read_corrections(path: Path) -> dict[str, dict[Place, str]]:
    """Return {doc_id or its beginning: {place: text}}. Raises UsageError with the line that is wrong."""
    out: dict[str, dict[Place, str]] = defaultdict(dict)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = Correction.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors()[0]
            raise UsageError(
                f"{path}, line {number}: {'.'.join(map(str, problem['loc']))} {problem['msg']}. Mend the line and try again."
            ) from error
        out[found.doc_id][found.table_id, found.row, found.col] = found.text
    return dict(out)


def split_of(document: str, seed: int, share: float = HELD_OUT_SHARE) -> Split:
    """Return the split of a document: by its name and the seed alone, so that more documents move none."""
    digest = hashlib.sha256(f"{seed}:{document}".encode()).digest()
    return "held_out" if int.from_bytes(digest[:8], "big") < share * 2**64 else "train"


def write_data(
    folder: Path,
    *,
    output: Datasets | None = None,
    corrections: Mapping[str, Mapping[Place, str]] | None = None,
    drawn: int = 0,
    task: TaskKind = "table",
    seed: int = 0,
    strength: float = 1.0,
    held_out: float = HELD_OUT_SHARE,
    settings: Settings | None = None,
) -> DataSummary:
    """Write the labelled images of `output` (verified or corrected) and of `drawn` drawn documents into `folder`.

    Raises UsageError when there is nothing to write from, or `folder` holds something already.
    """
    if output is None and not drawn:
        raise UsageError(
            "There is nothing to teach from: give an output folder, a number of drawn documents, or both."
        )
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; give a new folder, so that no old data is mixed in.")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    summary = DataSummary()
    files = {
        split: (folder / f"{split}.jsonl").open("w", encoding="utf-8") for split in ("train", "held_out")
    }
    seen: set[str] = set()
    try:
        for name, split, kind, samples in _documents(
            output, corrections or {}, drawn, task, seed, strength, held_out, settings or Settings(), summary
        ):
            summary.documents[split] += 1
            for page, sample in samples:
                key = hashlib.sha256(sample.image.tobytes() + sample.task.encode()).hexdigest()[:24]
                if key in seen:
                    summary.repeated += 1
                    continue
                seen.add(key)
                _write_image(folder / "images" / f"{key}.png", sample.image)
                told: Kind = "corrected" if sample.corrected else kind
                provenance = {"document": name, "page": page, "tile": sample.tile, "kind": told}
                files[split].write(json.dumps(_line(key, sample, provenance), ensure_ascii=False) + "\n")
                summary.written[split, told] += 1
    finally:
        for file in files.values():
            file.close()
    about = {
        "task": task,
        "seed": seed,
        "held_out_share": held_out,
        "strength": strength,
        "drawn_documents": drawn,
        "schema": row_schema() if task == "row" else TileAnswer.model_json_schema(),
        "prompts": load_prompts().version,
        "samples": {f"{split} {kind}": n for (split, kind), n in sorted(summary.written.items())},
    }
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return summary


def _line(key: str, sample: Sample, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a conversation in the ShareGPT style."""
    asked = [{"from": "human", "value": "<image>"}]
    if sample.task == "table":
        asked = [
            {"from": "system", "value": load_prompts().instructions["table"]},
            {"from": "human", "value": f"<image>{QUESTIONS['table']}"},
        ]
    return {
        "id": key,
        "image": f"images/{key}.png",
        "conversations": [*asked, {"from": "gpt", "value": sample.answer}],
        "task": sample.task,
        "schema": "row" if sample.task == "row" else "TileAnswer",
        "provenance": dict(provenance),
    }


def _write_image(path: Path, image: Pixels) -> None:
    flat = image[:, :, 0] if (image[:, :, :1] == image).all() else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), np.ascontiguousarray(flat))


_Document = tuple[str, Split, Kind, Iterable[tuple[int, Sample]]]


def _documents(
    output: Datasets | None,
    corrections: Mapping[str, Mapping[Place, str]],
    drawn: int,
    task: TaskKind,
    seed: int,
    strength: float,
    held_out: float,
    settings: Settings,
    summary: DataSummary,
) -> Iterator[_Document]:
    for known in known_documents(output) if output else ():
        stored = StoredDocument(output, known) if output else None
        if stored is None:
            continue
        mended = {
            place: text
            for key, each in corrections.items()
            if known.doc_id.startswith(key)
            for place, text in each.items()
        }
        try:
            samples = list(_read_samples(stored, mended, task, settings))
        except (ParquetryError, OSError, ValueError, RuntimeError) as error:
            summary.unread[known.source_uri] = str(error)
            continue
        yield known.doc_id, split_of(known.doc_id, seed, held_out), "verified", samples
    for number in range(drawn):
        name = f"drawn-{seed}-{number}"
        split = split_of(name, seed, held_out)
        yield (
            name,
            split,
            "drawn",
            _drawn_samples(np.random.default_rng((seed, number)), split, strength, task),
        )


def _drawn_samples(
    rng: np.random.Generator, split: Split, strength: float, task: TaskKind
) -> Iterator[tuple[int, Sample]]:
    """Draw one document: a page with its tiles, or strips. Fonts of one split never draw for the other."""
    if task == "row":
        for number in range(STRIPS_PER_DOCUMENT):
            strip = draw_strip(rng, split, strength)
            answer = json.dumps(list(strip.cells), ensure_ascii=False, separators=(",", ":"))
            yield 1, Sample(np.repeat(strip.image[:, :, None], 3, axis=2), "row", answer, number, False)
        return
    page = draw_page(rng, split, strength)
    for sample in tile_samples(drawn_content(page), drawn_render(page), drawn_tables(page)):
        yield 1, sample


def _read_samples(
    stored: StoredDocument, mended: Mapping[Place, str], task: TaskKind, settings: Settings
) -> Iterator[tuple[int, Sample]]:
    """Return the samples of a document that was read: its pages are opened again, its cells taken from the output."""
    source = find_source(stored.known.source_uri, stored.known.doc_id, settings)
    tables = _tables_by_page(stored, mended)
    make = row_samples if task == "row" else tile_samples
    with open_document(source, settings) as document:
        for number in sorted(tables):
            for page in document.pages(number, number):
                for sample in make(page.content, page.render, tables[number]):
                    yield number, sample


def _tables_by_page(stored: StoredDocument, mended: Mapping[Place, str]) -> dict[int, list[TrueTable]]:
    """Return the tables of every page with their cells as verified as the output says."""
    failed = {check["table_id"] for check in stored.rows["checks"] if check["status"] == "fail"}
    out: dict[int, list[TrueTable]] = defaultdict(list)
    for table in stored.rows["tables"]:
        name = table["table_id"]
        pages: dict[int, list[TrueCell]] = defaultdict(list)
        cells = sorted(stored.cells_by_table.get(name, {}).items())
        for place, cell in cells:
            text = mended.get((name, *place))
            if text == "":
                continue
            fact = stored.facts_by_cell.get((name, *place))
            verified = text is not None or is_verified(cell, fact, name in failed)
            pages[cell["page"]].append(
                TrueCell(*place, text if text is not None else cell["text"], Box(**cell["bbox"]), verified,
                         cell["row_span"], cell["col_span"], text is not None)
            )  # fmt: skip
        for page, own in pages.items():
            first = min(cell.row for cell in own)
            head = table["n_header_rows"] if page == table["page_first"] else first
            title = table["title"] if page == table["page_first"] else None
            out[page].append(TrueTable(title, table["n_cols"], head, tuple(own)))
    return out


def is_verified(cell: Mapping[str, Any], fact: Mapping[str, Any] | None, failed: bool) -> bool:
    """Tell whether a cell of an output may be taught: printed exactly so, no check failing, no doubt left.

    `failed` says that a check of its table failed. A text without figures that came from a recogniser counts when the
    recogniser was sure.
    """
    if cell["needs_review"] or cell["grounding"] == "mismatch":
        return False
    if fact is not None and (failed or fact["needs_review"] or fact["check_status"] == "fail"):
        return False
    if cell["grounding"] == "exact":
        return True
    has_figures = any(letter.isdigit() for letter in cell["text"])
    return not has_figures and cell["source"] == "ocr" and cell["confidence"] >= LEAST_TEXT_CONFIDENCE
