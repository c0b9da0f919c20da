"""Files that a reader of documents must survive: what is wrong with each one, and how it should end.

Out: one small file each, and a truth that names the failure's category, or the statement that can be read all the same.
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from struct import pack

import pymupdf
import reportlab
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from sample_docs.drawing import annual, statements
from sample_docs.drawing.figures import books
from sample_docs.drawing.grid import Grid, Truth
from sample_docs.drawing.sheet import LETTER, Look, Sheet

PASSWORD = "tarnwick"  # of encrypted.pdf
ENTITY = "Tarnwick Instruments, Inc."
HUGE = 20_000  # pixels per side
FONT, BOLD = "Vera", "VeraBd"  # Bitstream Vera comes with reportlab and may be embedded


def _failing(
    path: Path, category: str, note: str, media_type: str = "application/pdf", pages: int = 0
) -> Truth:
    return Truth(path.name, media_type, n_pages=pages, failures=[{"category": category}], notes=[note])


def _one_page(path: Path, grid: Grid, look: Look, encrypt: StandardEncryption | None = None) -> Truth:
    """Draw one statement on one page."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, LETTER, truth, "Sample", ENTITY, encrypt)
    _statement(sheet, grid, look)
    sheet.save()
    return truth


def _statement(sheet: Sheet, grid: Grid, look: Look) -> None:
    sheet.text(54, 70, ENTITY, 11, look.bold)
    sheet.text(54, 90, grid.title or "", 15, look.bold)
    if grid.unit_text and grid.stub != grid.unit_text:
        sheet.text(54, 106, grid.unit_text, 8.5, look.font)
    sheet.table(54, 116, 504, grid, look)


def encrypted(path: Path) -> Truth:
    """A PDF that asks for a password; with it, the balance sheet can be read."""
    lock = StandardEncryption(PASSWORD, ownerPassword=PASSWORD + "-owner", canPrint=0, strength=128)
    truth = _one_page(path, statements.balance_sheet(books()), annual.STATEMENT, lock)
    truth.failures = [{"category": "encrypted"}]
    truth.notes = [
        f"Password: {PASSWORD}. The statement is what a reader that is given the password should find."
    ]
    return truth


def truncated(path: Path) -> Truth:
    """The first third of the annual report: a forgiving reader opens it, and finds sixteen pages, most of them blank."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.pdf"
        annual.draw(whole)
        data = whole.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    return _failing(
        path, "corrupt", "Breaks off after a third of its bytes; its later pages would come out blank."
    )


def header_only(path: Path) -> Truth:
    """The first line of a PDF and nothing after it."""
    path.write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<")
    return _failing(path, "corrupt", "Breaks off in its first object.")


def empty(path: Path) -> Truth:
    """No bytes at all."""
    path.write_bytes(b"")
    return _failing(path, "empty", "Zero bytes.")


def not_a_pdf(path: Path) -> Truth:
    """A text file that is named as a PDF."""
    path.write_text(
        "Dear Ingrid,\n\nthe accounts that you asked for are in the other folder.\n\nYours, Tom\n", "utf-8"
    )
    return _failing(path, "unsupported", "A text file named .pdf.", "text/plain")


def _one_bit_png(side: int) -> bytes:
    """A black and white PNG, all white but a black frame, made row by row so that it needs little memory here."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    packer, width = zlib.compressobj(9), side // 8
    full, row = b"\0" + b"\0" * width, b"\0" + b"\0" + b"\xff" * (width - 2) + b"\0"
    parts = [packer.compress(full if n < 8 or n >= side - 8 else row) for n in range(side)]
    body = b"".join(parts) + packer.flush()
    header = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def huge_picture(path: Path) -> Truth:
    """A PNG of 20,000 × 20,000 pixels in a few kilobytes: 1.2 GB as RGB."""
    path.write_bytes(_one_bit_png(HUGE))
    return _failing(path, "too_large", "20,000 × 20,000 pixels, 400 million in all.", "image/png", 1)


def huge_page(path: Path) -> Truth:
    """A PDF page that is 20,000 × 20,000 points: at 200 dpi three billion pixels. Its words can be read all the same."""
    truth = Truth(path.name, entity=ENTITY)
    sheet = Sheet(path, (HUGE, HUGE), truth, "Wall chart", ENTITY)
    factor = HUGE / LETTER[0]
    sheet.canvas.scale(factor, factor)
    sheet.width = sheet.height = LETTER[0]
    _statement(sheet, statements.comprehensive_income(books()), annual.STATEMENT)
    sheet.save()
    truth.notes = [
        "Readable from its text layer, or at a low resolution; a reader that refuses it says too_large."
    ]
    return truth


def _register_fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))


def _with_other_text_layer(path: Path, other: Callable[[int], int]) -> None:
    """Change what the glyphs claim to mean (their ToUnicode maps), and nothing of what is seen."""

    def swap(match: re.Match[bytes]) -> bytes:
        return b"<%04X>" % other(int(match[1], 16))

    document = pymupdf.open(path)
    for number in range(1, document.xref_length()):
        stream = document.xref_stream(number) if document.xref_is_stream(number) else None
        if (
            stream is not None
            and b"beginbfrange" in stream
            or stream is not None
            and b"beginbfchar" in stream
        ):
            head, body = stream.split(b"endcodespacerange", 1)
            changed = re.sub(rb"(?<=[\[ >])<([0-9A-Fa-f]{4})>", swap, body)
            document.update_stream(number, head + b"endcodespacerange" + changed)
    data = document.tobytes(no_new_id=True, deflate=True)
    document.close()
    path.write_bytes(data)


def garbled_text_layer(path: Path) -> Truth:
    """A page that looks right and whose text layer is nonsense: other letters, and no known characters for digits."""
    _register_fonts()
    look = replace(annual.STATEMENT, font=FONT, bold=BOLD, size=7.8)
    truth = _one_page(path, statements.income_statement(books()), look)
    _with_other_text_layer(
        path, lambda code: code - 29 if 0x41 <= code < 0x80 else code if code == 0x20 else 0xE000 + code
    )
    truth.notes = [
        "Letters are moved by 29 code points, digits and signs are in the private area: the picture tells the values."
    ]
    return truth


def lying_text_layer(path: Path) -> Truth:
    """A page whose text layer reads well and gives other digits than those that are printed."""
    _register_fonts()
    look = replace(annual.STATEMENT, font=FONT, bold=BOLD, size=7.8)
    grid = statements.comprehensive_income(books())
    truth = _one_page(path, grid, look)
    _with_other_text_layer(path, lambda code: 0x30 + (code - 0x30 + 3) % 10 if 0x30 <= code <= 0x39 else code)
    truth.notes = [
        "Every digit of the text layer is three more than the printed one; only a look at the picture tells."
    ]
    return truth


def png_named_pdf(path: Path) -> Truth:
    """A picture that is named as a PDF: its content decides, so it is read as a picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.pdf"
        truth = _one_page(page, statements.comprehensive_income(books()), annual.STATEMENT)
        with pymupdf.open(page) as document:
            clip = pymupdf.Rect(36, 40, 576, 320)
            document[0].get_pixmap(dpi=150, clip=clip, colorspace=pymupdf.csGRAY).save(path, "png")
    truth.doc, truth.media_type = path.name, "image/png"
    return truth


def slow_page(path: Path, depth: int = 9, width: int = 10) -> None:
    """Write a page of a few kilobytes whose drawing takes `width ** depth` steps; not part of the folder."""
    document = pymupdf.open()
    page = document.new_page()
    inner = None
    for level in range(depth):
        number = document.get_new_xref()
        calls = b"/N Do " * width if inner else b"0 0 m 9 9 l S "
        resources = f"/Resources << /XObject << /N {inner} 0 R >> >>" if inner else ""
        document.update_object(
            number, f"<< /Type /XObject /Subtype /Form /BBox [0 0 {600 + level} 800] {resources} >>"
        )
        document.update_stream(number, calls)
        inner = number
    document.xref_set_key(page.xref, "Resources", f"<< /XObject << /N {inner} 0 R >> >>")
    contents = document.get_new_xref()
    document.update_object(contents, "<<>>")
    document.update_stream(contents, b"/N Do")
    document.xref_set_key(page.xref, "Contents", f"{contents} 0 R")
    path.write_bytes(document.tobytes(no_new_id=True))
    document.close()
