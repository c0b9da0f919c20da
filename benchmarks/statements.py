"""How many facts of financial statements are right, and which wrong ones are silent? Scores a folder of PDFs with truth.

    python benchmarks/statements.py TRUTH_DIR --scorer SCORER_DIR [--raster DPI [--bilevel]] [--only STEM ...] [--each] [--keep FOLDER]

TRUTH_DIR holds PDFs and `*.truth.json` (complete statements with values in base units and period ends); SCORER_DIR holds
`statements_eval.py`. With `--raster` every page is first turned into a noisy grey picture at DPI and read by OCR; with `--bilevel` into black and white, as company registers keep their
scans: turned up to 0.7 degrees, more or less blurred, thin or bold by where the threshold lies, with specks of dust. Prints the
score of all documents, the share of facts that a check confirms, and the reliability table: stated confidence against the share
that is right. With `--keep` the pictures and what was read of each page are kept in FOLDER, so that a run that was cut goes on where
it stood; begin a new folder when the reading of pages has changed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pymupdf

from extractors.document import extract_document
from extractors.isolation.pool import ReaderPool
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from extractors.training import degrade
from schemas.records import DocumentResult, Fact

NOISE = 12.0  # standard deviation of the grey noise, of 255
BLUR = 0.6  # of a pixel: the softness of a scanner's lens
TURN = 0.3  # degrees that a sheet lies askew
PATIENT = 36_000.0  # seconds; a busy machine must not end a page
BINS = (0.0, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 1.0)  # edges of the reliability table


def rasterised(path: Path, dpi: int, folder: Path, seed: int = 7) -> Path:
    """Write the document's pages as noisy, slightly turned grey pictures without any text."""
    rng = np.random.default_rng(seed)
    out = pymupdf.open()
    with pymupdf.open(path) as document:
        for page in document:
            pixels = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
            image = (
                np.frombuffer(pixels.samples, np.uint8)
                .reshape(pixels.height, pixels.width)
                .astype(np.float32)
            )
            turn = cv2.getRotationMatrix2D(
                (pixels.width / 2, pixels.height / 2), float(rng.uniform(-TURN, TURN)), 1.0
            )
            image = cv2.warpAffine(image, turn, (pixels.width, pixels.height), borderValue=255)
            image = cv2.GaussianBlur(image, (0, 0), BLUR) + rng.normal(0, NOISE, image.shape)
            picture = cv2.imencode(".png", np.clip(image, 0, 255).astype(np.uint8))[1].tobytes()
            sheet = out.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, stream=picture)
    target = folder / path.name
    out.save(target, deflate=True)
    return target


def bilevel_copy(path: Path, dpi: int, folder: Path, seed: int = 5) -> Path:
    """Write the document's pages as black and white pictures without any text, each page scanned a little otherwise."""
    rng = np.random.default_rng(seed)
    out = pymupdf.open()
    with pymupdf.open(path) as document:
        for page in document:
            pixels = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
            image = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width)
            image = degrade.skew(image, float(rng.uniform(-0.7, 0.7)))
            image = degrade.blur(image, float(rng.uniform(0.8, 1.6)))
            image = degrade.blur(degrade.grain(image, rng, float(rng.uniform(4, 14))), 0.6)
            image = np.where(image < 255 * rng.uniform(0.42, 0.72), 0, 255).astype(np.uint8)
            image = degrade.specks(image, rng, int(rng.integers(5, 60)), 2)
            picture = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()
            sheet = out.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, stream=picture)
    target = folder / path.name
    out.save(target, deflate=True)
    return target


def read(path: Path, keep: Path | None = None) -> DocumentResult:
    """Read a document, page by page into a file in `keep`, from which a later call goes on."""
    if keep is None:
        settings = Settings(engine="geometry")
        return extract_document(identify(find_sources(path)[0], settings), settings)
    settings = Settings(engine="geometry", page_timeout=PATIENT, document_timeout=PATIENT)
    with ReaderPool(settings) as pool:
        return pool.read(
            identify(find_sources(path)[0], settings), spool=(keep / f"{path.stem}.pages", path.name)
        )


def drawn(path: Path, dpi: int, folder: Path, bilevel: bool = False) -> Path:
    """Return the document as pictures, drawn once."""
    target = folder / path.name
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            (bilevel_copy if bilevel else rasterised)(path, dpi, Path(scratch)).rename(target)
    return target


def as_predicted(fact: Fact) -> dict[str, Any]:
    end = fact.period_end.isoformat() if fact.period_end else None
    return {"statement": fact.statement, "label": fact.label, "period_end": end, "value": fact.value, "page": fact.page,
            "needs_review": fact.needs_review, "confidence": fact.confidence}  # fmt: skip


def documents(folder: Path, only: list[str]) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    for path in sorted(folder.glob("*.truth.json")):
        truth = json.loads(path.read_text())
        stem = path.name.removesuffix(".truth.json")
        if not only or any(name in stem for name in only):
            yield stem, folder / truth["doc"], truth


def score(facts: list[Fact], truth: dict[str, Any], scorer: Any) -> tuple[Any, list[tuple[bool, Fact]]]:
    """Return the scorer's counts, and the facts on the pages of true statements, each with whether it is right."""
    predicted = [as_predicted(f) for f in facts]
    count = scorer.score_document(predicted, truth)
    kinds = {
        (s["kind"], p)
        for s in truth["statements"]
        for p in range(s["page"], (s.get("page_last") or s["page"]) + 1)
    }
    pairs = zip(predicted, facts, strict=True)
    return count, [(bool(p.get("_hit")), f) for p, f in pairs if (f.statement, f.page) in kinds]


def reliability(judged: list[tuple[float, bool]]) -> Iterator[str]:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, right in judged:
        bins[max(i for i, edge in enumerate(BINS[:-1]) if confidence >= edge)].append((confidence, right))
    for i, facts in sorted(bins.items()):
        mean = sum(c for c, _ in facts) / len(facts)
        share = sum(right for _, right in facts) / len(facts)
        yield f"{BINS[i]:.2f}-{BINS[i + 1]:.2f}  facts {len(facts):5d}  stated {mean:.3f}  right {share:.3f}"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("truth", type=Path)
    arguments.add_argument("--scorer", type=Path, required=True)
    arguments.add_argument("--raster", type=int, metavar="DPI")
    arguments.add_argument("--bilevel", action="store_true")
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--each", action="store_true")
    arguments.add_argument("--keep", type=Path, metavar="FOLDER")
    options = arguments.parse_args()
    sys.path.insert(0, str(options.scorer))
    scorer = importlib.import_module("statements_eval")
    counts, judged, statuses = [], [], Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for stem, path, truth in documents(options.truth, options.only):
            source = drawn(path, options.raster, folder, options.bilevel) if options.raster else path
            facts = [f for f in read(source, options.keep).facts if f.value is not None]
            count, scored = score(facts, truth, scorer)
            counts.append(count)
            judged += [(f.confidence, right) for right, f in scored]
            statuses.update(f.check_status for _, f in scored)
            if options.each:
                print(stem, json.dumps(scorer.summarise(counts[-1:])), flush=True)
    print(json.dumps(scorer.summarise(counts)))
    print("checks", {status: round(n / max(1, statuses.total()), 4) for status, n in statuses.items()})
    print(*reliability(judged), sep="\n")


if __name__ == "__main__":
    main()
