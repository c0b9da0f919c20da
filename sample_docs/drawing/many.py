"""Documents by the thousand, for tests of scale: many small ones, or one long one.

Out: PDFs of about two kilobytes whose one table is known from their number, and a PDF of any number of pages.
"""

from __future__ import annotations

import random
from pathlib import Path

PAGE_WIDTH, PAGE_HEIGHT = 612, 792  # points
ROWS = ("Net sales", "Cost of sales", "Gross profit", "Operating expenses", "Operating income")


def amounts(number: int, seed: int = 0) -> list[tuple[str, int, int]]:
    """The rows of document or page `number`: label, this year, last year; in thousands, gross and income add up."""
    rng = random.Random(seed * 1_000_003 + number)

    def year() -> list[int]:
        sales = rng.randint(20_000, 90_000)
        cost = sales * rng.randint(50, 70) // 100
        expenses = sales * rng.randint(10, 25) // 100
        return [sales, cost, sales - cost, expenses, sales - cost - expenses]

    return list(zip(ROWS, year(), year(), strict=True))


def _content(number: int, seed: int) -> bytes:
    """The page's drawing commands, written by hand: a drawing library would take a hundred times as long."""
    lines = ["BT /B 14 Tf 72 720 Td (Consolidated Statements of Income) Tj ET"]
    lines.append(f"BT /F 9 Tf 72 704 Td (Sample company {number:05d}, Inc. \\(In thousands\\)) Tj ET")
    lines.append("BT /F 9 Tf 72 684 Td (Years ended December 31,) Tj 250 0 Td (2024) Tj 90 0 Td (2023) Tj ET")
    lines.append("0.6 w 72 679 m 450 679 l S")
    for row, (label, new, old) in enumerate(amounts(number, seed)):
        y = 664 - 16 * row
        lines.append(f"BT /F 9 Tf 72 {y} Td ({label}) Tj ET")
        for right, value in ((342, new), (432, old)):
            text = f"{value:,}"
            # digits of Helvetica are 0.556 of the font size wide, a comma 0.278
            width = 9 * (0.556 * (len(text) - text.count(",")) + 0.278 * text.count(","))
            lines.append(f"BT /F 9 Tf {right - width:.2f} {y} Td ({text}) Tj ET")
    return "\n".join(lines).encode("ascii")


def _pdf(contents: list[bytes]) -> bytes:
    """A plain PDF with one page per content."""
    fonts = "<< /Font << /F 3 0 R /B 4 0 R >> >>"
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    ]
    for n, content in enumerate(contents):
        box = f"/MediaBox [0 0 {PAGE_WIDTH} {PAGE_HEIGHT}] /Resources {fonts}"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} /Contents {6 + 2 * n} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def make_many(folder: Path, n: int, seed: int = 0) -> list[Path]:
    """Write `n` different one-page PDFs, a thousand to a subfolder, and return their paths."""
    paths = []
    for number in range(n):
        path = folder / f"{number // 1000:03d}" / f"doc{number:05d}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_pdf([_content(number, seed)]))
        paths.append(path)
    return paths


def make_long(path: Path, n_pages: int, seed: int = 0) -> Path:
    """Write one PDF of `n_pages` pages, each with a table of its own, and return its path."""
    path.write_bytes(_pdf([_content(number, seed) for number in range(n_pages)]))
    return path
