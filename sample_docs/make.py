"""Which sample documents are there, and how is each one made? Run `python -m sample_docs.make` to draw them all.

In: nothing but this code and its seeds. Out: the documents of this folder, the same bytes every time, and beside each
one its truth as JSON: tables as cells, statements with the printed and the base-unit form of every value.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sample_docs.drawing import annual, banking, chinese, ferries, german, hostile, scans, wide
from sample_docs.drawing.grid import Truth

HERE = Path(__file__).parent
SCAN_DPI = 200
ANNUAL_SCANNED = (7, 8, 9, 10, 11, 13)  # the statements, and a page of notes
ANNUAL_GREY = (8, 13)  # these keep their grey levels


def annual_scan(path: Path) -> Truth:
    """The statements of the annual report as a skewed, noisy scan without a text layer."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tarnwick_annual_report_2024.pdf"
        truth = annual.draw(source)
        images = scans.scan_pages(source, ANNUAL_SCANNED, SCAN_DPI, 7, grey=ANNUAL_GREY)
    scans.save_pdf(path, images, SCAN_DPI)
    return scans.scanned_truth(truth, path.name, "application/pdf", ANNUAL_SCANNED)


def ferries_tiff(path: Path) -> Truth:
    """British accounts as a TIFF of four pages, the third of them fed upside down."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "brackwater_accounts.pdf"
        truth = ferries.draw(source)
        images = scans.scan_pages(source, (1, 2, 3, 4), SCAN_DPI, 11, tilt=0.8)
    images[2] = images[2].rotate(180)
    scans.save_tiff(path, images, SCAN_DPI)
    moved = scans.scanned_truth(truth, path.name, "image/tiff", (1, 2, 3, 4))
    moved.notes = ["Page 3 was fed upside down."]
    return moved


def invoice_photo(path: Path) -> Truth:
    """The invoice as a photograph: perspective, uneven light, slight blur."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "invoice.pdf"
        truth = banking.draw_invoice(source)
        page = scans.page_image(source, 1, 190)
    scans.save_jpeg(path, scans.photographed(page, np.random.default_rng(5)))
    return scans.scanned_truth(truth, path.name, "image/jpeg", (1,))


DOCUMENTS: dict[str, Callable[[Path], Truth]] = {
    "tarnwick_annual_report_2024.pdf": annual.draw,
    "tarnwick_annual_report_2024_scan.pdf": annual_scan,
    "tarnwick_securities_three_pages.pdf": wide.draw_long,
    "tarnwick_monthly_landscape.pdf": wide.draw_landscape,
    "lanting_annual_report_2024_zh.pdf": chinese.draw,
    "kellinghaus_jahresabschluss_2024.pdf": german.draw,
    "brackwater_accounts_2024.tiff": ferries_tiff,
    "invoice.pdf": banking.draw_invoice,
    "invoice_photo.jpg": invoice_photo,
    "bank_statement.pdf": banking.draw_statement,
    "hostile/encrypted.pdf": hostile.encrypted,
    "hostile/truncated.pdf": hostile.truncated,
    "hostile/header_only.pdf": hostile.header_only,
    "hostile/empty.pdf": hostile.empty,
    "hostile/text_named.pdf": hostile.not_a_pdf,
    "hostile/png_named.pdf": hostile.png_named_pdf,
    "hostile/huge_page.pdf": hostile.huge_page,
    "hostile/huge_picture.png": hostile.huge_picture,
    "hostile/garbled_text_layer.pdf": hostile.garbled_text_layer,
    "hostile/lying_text_layer.pdf": hostile.lying_text_layer,
}


def make(folder: Path, names: list[str] | None = None) -> None:
    """Draw the named documents (all of them by default) with their truth into `folder`."""
    for name, draw in DOCUMENTS.items():
        if names and name not in names:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_truth(path, draw(path))


def write_truth(path: Path, truth: Truth) -> None:
    """Write the truth of the document at `path` beside it."""
    path.with_suffix(".truth.json").write_text(to_json(truth), encoding="utf-8")


def to_json(truth: Truth) -> str:
    """Return the truth as JSON with one cell or row per line, so that a change is seen in a diff."""
    text = json.dumps(truth.as_dict(), ensure_ascii=False, indent=1)
    return _flatten(text) + "\n"


def _flatten(text: str) -> str:
    """Join the innermost objects and lists, which hold nothing but plain values, into one line each."""
    lines: list[str] = []
    held: list[str] = []
    for line in text.split("\n"):
        bare = line.strip()
        if bare.endswith(("{", "[")):
            lines += held
            held = [line]
        elif held and bare.rstrip(",") in ("}", "]"):
            body = " ".join(part.strip() for part in held[1:])
            lines.append(f"{held[0]}{body}{bare}")
            held = []
        elif held:
            held.append(line)
        else:
            lines.append(line)
    return "\n".join(lines + held)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="documents to draw; all of them by default")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to draw into")
    arguments = parser.parse_args()
    make(arguments.out, arguments.names)
