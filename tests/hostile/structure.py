"""Families of files whose outside is wrong: passwords, cuts, references in circles, names, kinds, actions, flipped bytes."""

from __future__ import annotations

import random
import struct

import pymupdf

from tests.conftest import SAMPLES
from tests.hostile.raw import (
    PASSWORD,
    Bytes,
    Family,
    embedded,
    encrypted,
    flipped,
    page_pdf,
    picture,
    raw_pdf,
    stream,
    table_pdf,
    with_catalogue,
)

FLIPS = 22  # fuzzed variants of each sample document
OCR_FLIPS = 3  # of those that are read by OCR: seconds each

METHODS = (
    pymupdf.PDF_ENCRYPT_RC4_40,
    pymupdf.PDF_ENCRYPT_RC4_128,
    pymupdf.PDF_ENCRYPT_AES_128,
    pymupdf.PDF_ENCRYPT_AES_256,
)


def known_password(rng: random.Random) -> Family:
    for method in METHODS:
        yield "user.pdf", lambda m=method: encrypted(200 + m, m, PASSWORD, "other")
        yield "owner.pdf", lambda m=method: encrypted(300 + m, m, "", "other")


def unknown_password(rng: random.Random) -> Family:
    for method in METHODS:
        yield "user.pdf", lambda m=method: encrypted(400 + m, m, "not told", "other")
    yield (
        "broken-dictionary.pdf",
        lambda: raw_pdf({1: b"<</Type/Catalog>>"}, b"/Encrypt<</Filter/Standard/V 9>>"),
    )


def truncated(rng: random.Random) -> Family:
    for number in range(24):
        kept = (number + rng.random()) / 24
        yield "pages.pdf", lambda k=kept, n=number: (raw := table_pdf(500 + n, 3))[: int(len(raw) * k) + 9]
    sources: tuple[tuple[str, Bytes], ...] = (
        ("table.png", lambda: picture("PNG", seed=1)),
        ("table.jpg", lambda: picture("JPEG", seed=2)),
        ("progressive.jpg", lambda: picture("JPEG", seed=3, progressive=True)),
        ("table.tiff", lambda: picture("TIFF", seed=4, compression="tiff_lzw")),
        ("table.webp", lambda: picture("WEBP", seed=5)),
        ("table.bmp", lambda: picture("BMP", seed=6)),
    )
    for name, make in sources:
        for _ in range(6):
            kept = rng.random()
            yield name, lambda k=kept, make=make: (raw := make())[: int(len(raw) * k) + 4]


def loops(rng: random.Random) -> Family:
    good = page_pdf()
    start = good.rindex(b"startxref")
    table = int(good[start:].split()[1])
    trailer = b"trailer\n<</Size 6/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    yield (
        "prev-itself.pdf",
        lambda: good[: good.rindex(b"trailer")] + trailer % (table, table),
    )
    yield "startxref-behind.pdf", lambda: raw_pdf({1: b"<</Type/Catalog>>"}, startxref=10**9)
    yield "startxref-zero.pdf", lambda: good[:start] + b"startxref\n0\n%%EOF"
    yield "length-itself.pdf", lambda: good.replace(b"/Length 50", b"/Length 4 0 R")
    yield "kids-itself.pdf", lambda: good.replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]")
    yield (
        "kids-thousand-times.pdf",
        lambda: page_pdf().replace(b"/Kids[3 0 R]", b"/Kids[" + b"3 0 R " * 1000 + b"]"),
    )
    yield "count-lies.pdf", lambda: good.replace(b"/Count 1", b"/Count 999999999")
    yield "count-negative.pdf", lambda: good.replace(b"/Count 1", b"/Count -7")
    yield (
        "parent-itself.pdf",
        lambda: good.replace(b"/Parent 2 0 R", b"/Parent 3 0 R").replace(b"/MediaBox[0 0 595 842]", b""),
    )
    yield (
        "reference-chain.pdf",
        lambda: page_pdf(more={10: b"11 0 R", 11: b"10 0 R"}, page=b"/MediaBox 10 0 R"),
    )
    yield (
        "form-draws-itself.pdf",
        lambda: page_pdf(
            b"/X Do",
            resources=b"/XObject<</X 10 0 R>>",
            more={
                10: stream(
                    b"/X Do /X Do",
                    b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 10 0 R>>>>",
                )
            },
        ),
    )
    yield (
        "contents-itself.pdf",
        lambda: page_pdf(page=b"/MediaBox[0 0 595 842]", more={10: b"[10 0 R 10 0 R]"}).replace(
            b"/Contents 4 0 R", b"/Contents 10 0 R"
        ),
    )
    yield (
        "outline-loop.pdf",
        lambda: page_pdf(
            catalogue=b"/Outlines 10 0 R",
            more={10: b"<</First 11 0 R/Last 11 0 R>>", 11: b"<</Title(x)/Next 11 0 R/Parent 10 0 R>>"},
        ),
    )
    yield "root-is-page.pdf", lambda: good.replace(b"/Root 1 0 R", b"/Root 3 0 R")
    yield "no-root.pdf", lambda: good.replace(b"/Root 1 0 R", b"")
    yield "pages-missing.pdf", lambda: good.replace(b"/Pages 2 0 R", b"/Pages 77 0 R")


def actions(rng: random.Random) -> Family:
    sound = table_pdf
    for number, action in enumerate((
        b"<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1:9/x'\\); while\\(1\\){})>>", b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>>>",
        b"<</S/URI/URI(http://127.0.0.1:9/steal)>>", b"<</S/GoToR/F(\\\\\\\\127.0.0.1\\\\share\\\\x.pdf)/D[0/Fit]>>",
        b"<</S/SubmitForm/F<</FS/URL/F(http://127.0.0.1:9/)>>>>", b"<</S/ImportData/F(/etc/passwd)>>",
        b"<</S/GoToE/T<</R/C/N(x)>>>>", b"<</S/Rendition>>", b"<</S/Named/N/Print>>", b"<</S/Hide/T(x)/Next<</S/Hide/T(y)>>>>",
    )):  # fmt: skip
        yield "open.pdf", lambda a=action, n=number: with_catalogue(sound(700 + n), "OpenAction", a.decode())
        yield (
            "leave.pdf",
            lambda a=action, n=number: with_catalogue(
                sound(720 + n), "AA", f"<</WC {a.decode()}/DC {a.decode()}>>"
            ),
        )
    yield "embedded.pdf", lambda: embedded(sound(790))
    yield (
        "form.pdf",
        lambda: with_catalogue(sound(791), "AcroForm", "<</Fields[]/NeedAppearances true/XFA(<xdp/>)>>"),
    )


def mislabelled(rng: random.Random) -> Family:
    contents: tuple[tuple[str, Bytes], ...] = (
        ("png", lambda: picture("PNG", seed=20)), ("jpg", lambda: picture("JPEG", seed=21)), ("tiff", lambda: picture("TIFF", seed=22)),
        ("pdf", lambda: table_pdf(810)), ("gif", lambda: picture("GIF", seed=23)),
    )  # fmt: skip
    for name, make in contents:
        for suffix in ("pdf", "png", "tiff", "jpg"):
            if suffix != name:
                yield f"{name}.{suffix}", lambda m=make, s=suffix: m() + s.encode()
    for name, raw in (
        ("text.pdf", b"Total assets 1,234\n" * 20), ("page.pdf", b"<html><body>404 not found</body></html>"), ("program.pdf", b"\x7fELF" + bytes(500)),
        ("zero.pdf", b""), ("zero.png", b""), ("zero.tiff", b""), ("nothing.pdf", bytes(5000)), ("head.pdf", b"%PDF-1.7\n"), ("newline.pdf", b"\n"),
        ("noise.pdf", random.Random(5).randbytes(20_000)), ("noise.jpg", b"\xff\xd8\xff" + random.Random(6).randbytes(20_000)),
        ("noise.tiff", b"II*\x00" + random.Random(7).randbytes(20_000)), ("noise.webp", b"RIFF\x00\x00\x00\x00WEBP" + random.Random(8).randbytes(2000)),
        ("noise.bmp", b"BM" + bytes(12) + struct.pack("<I", 40) + random.Random(9).randbytes(2000)), ("late.pdf", b" " * 1020 + b"%PDF-1.7"),
        ("script.pdf", b"%!PS\n{} loop"), ("word.pdf", b"\xd0\xcf\x11\xe0" + bytes(600)), ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("two.pdf", b"%PDF-1.7\n%PDF-1.4\n"), ("eof.pdf", b"%PDF-1.7\n%%EOF\n" * 100),
    ):  # fmt: skip
        yield name, lambda r=raw: r


def names(rng: random.Random) -> Family:
    for number, name in enumerate((
        "line\nbreak.pdf", "tab\t.pdf", "n" * 251 + ".pdf", "קובץ-‮fdp.exe.pdf", "تقرير.pdf", "📈🧾.pdf", "quo'te\"s.pdf", "--out.pdf", "-rf.pdf",
        "percent%20%00.pdf", "latin-\udce9\udcff.pdf", "semi;colon|pipe&.pdf", "$(touch x).pdf", "[bold]red.pdf", "*?.pdf", "back\\slash.pdf",
        " leading and trailing .pdf", "UPPER.PDF", "no suffix", "e\u0301 and é.pdf", "null.pdf", "CON.pdf", "bell\x07\x1b[31m.pdf", "<script>alert(1)</script>".replace("/", "_") + ".pdf",
    )):  # fmt: skip
        yield name, lambda n=number: table_pdf(900 + n)


def fuzzed(rng: random.Random) -> Family:
    read_by_ocr = {".jpg", ".tiff"}
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix not in {".pdf", ".jpg", ".tiff"}:
            continue
        slow = path.suffix in read_by_ocr or path.stem.endswith(("_scan", "three_pages"))
        for _ in range(OCR_FLIPS if slow else FLIPS):
            seed, flips = rng.random(), int(10 ** rng.uniform(0, 3))
            yield path.name, lambda p=path, s=seed, f=flips: flipped(p.read_bytes(), random.Random(s), f)
