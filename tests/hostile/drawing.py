"""Families of files whose pages draw strangely: fonts, maps to Unicode, coordinates, page boxes."""

from __future__ import annotations

import random

import pymupdf

from tests.hostile.raw import (
    Family,
    flipped,
    page_pdf,
    stream,
)


def fonts(rng: random.Random) -> Family:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_font("F", fontbuffer=pymupdf.Font("helv").buffer)
        page.insert_text((72, 72), "Total assets 1,234 (56)", fontname="F")
        sound = bytes(document.tobytes(expand=255, clean=True, no_new_id=True))
    at = sound.index(b"/FontFile") if b"/FontFile" in sound else 0
    for flips in (1, 3, 10, 30, 100, 300, 1000, 3000):
        for _ in range(3):
            seed = rng.random()
            yield (
                f"flipped-{flips}.pdf",
                lambda f=flips, s=seed: sound[:at] + flipped(sound[at:], random.Random(s), f),
            )
    for _ in range(16):
        seed = rng.random()
        yield (
            "cmap.pdf",
            lambda s=seed: page_pdf(
                more={
                    5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 10 0 R>>",
                    10: stream(cmap(random.Random(s))),
                }
            ),
        )
    for name, font in (
        ("type3-itself", b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 40/LastChar 60/Widths[1]/CharProcs<</a 10 0 R>>/Encoding<</Differences[40/a 41/a 44/a 49/a 50/a]>>/Resources<</Font<</F 5 0 R>>>>>>"),
        ("type0-itself", b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[5 0 R]>>"),
        ("widths", b"<</Type/Font/Subtype/TrueType/BaseFont/X/FirstChar -2147483648/LastChar 2147483647/Widths[1e38 -1e38 null(x)]>>"),
        ("matrix", b"<</Type/Font/Subtype/Type3/FontBBox[0 0 0 0]/FontMatrix[0 0 0 0 0 0]/CharProcs<<>>/FirstChar 0/LastChar 0/Widths[]>>"),
        ("number", b"42"), ("missing", b"null"), ("encoding", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[-5/a 99999999/b/c(x)]>>>>"),
    ):  # fmt: skip
        yield (
            f"{name}.pdf",
            lambda f=font: page_pdf(more={5: f, 10: stream(b"1 0 d0 BT /F 1 Tf (111) Tj ET")}),
        )


def cmap(rng: random.Random) -> bytes:
    """A map to Unicode with anything in it."""
    words = (b"begincmap", b"endcmap", b"1 begincodespacerange", b"<00>", b"<ffffffff>", b"endcodespacerange", b"99999999 beginbfrange",
             b"<00> <ff> <0041>", b"<00> <ffffffff> <0000>", b"<ff> <00> [<0041>]", b"endbfrange", b"1 beginbfchar", b"<41> <d800>", b"<41> /x",
             b"endbfchar", b"/Self usecmap", b"<41> <" + b"0041" * 5000 + b">", b"1 begincidrange <00> <ff> -1 endcidrange", b"(", b"<<", b"[")  # fmt: skip
    return b"\n".join(rng.choice(words) for _ in range(rng.randrange(5, 80)))


NUMBERS = (
    b"NaN",
    b"inf",
    b"-inf",
    b"1e999",
    b"-1e999",
    b"99999999999999999999",
    b"-0",
    b"0.0000000001",
    b"--5",
    b"1.2.3",
    b"+.",
    b"2147483648",
    b"1e38",
    b"-1e38",
)


def coordinates(rng: random.Random) -> Family:
    operators = (b"%s %s m %s %s l S", b"%s %s %s %s re f", b"BT /F 12 Tf 1 0 0 1 %s %s Tm (12) Tj ET", b"%s 0 0 %s 0 0 cm BT /F 12 Tf (34) Tj ET",
                 b"BT /F %s Tf 72 700 Td (Sales 1,234) Tj ET", b"q %s %s %s %s 72 700 cm BT /F 12 Tf (56) Tj ET Q", b"%s w 0 0 m 9 9 l S", b"[%s %s] 0 d 0 0 m 9 9 l S")  # fmt: skip
    for _ in range(24):
        seed = rng.random()

        def content(seed: float = seed) -> bytes:
            chance = random.Random(seed)
            pieces = [b"BT /F 12 Tf 72 700 Td (Total assets 1,234) Tj ET"]
            for _ in range(40):
                operator = chance.choice(operators)
                numbers = tuple(chance.choice(NUMBERS) for _ in range(operator.count(b"%s")))
                pieces.append(operator % numbers)
            return page_pdf(b"\n".join(pieces))

        yield "numbers.pdf", content


def boxes(rng: random.Random) -> Family:
    for box in (
        b"595 842 0 0",
        b"-595 -842 0 0",
        b"0 0 0 0",
        b"0 0 595 0",
        b"NaN 0 595 842",
        b"0 0 inf 842",
        b"1 2 3",
        b"",
        b"(a)(b)(c)(d)",
        b"null null null null",
        b"1e20 1e20 2e20 2e20",
        b"100000 100000 100595 100842",
    ):
        yield "media.pdf", lambda b=box: page_pdf(page=b"/MediaBox[%s]" % b)
        yield "crop.pdf", lambda b=box: page_pdf(page=b"/MediaBox[0 0 595 842]/CropBox[%s]" % b)
    for turn in (
        b"45",
        b"89",
        b"-90",
        b"450",
        b"999999999999",
        b"1.5",
        b"NaN",
        b"(90)",
        b"null",
        b"3 0 R",
        b"-2147483648",
    ):
        yield "rotate.pdf", lambda t=turn: page_pdf(page=b"/MediaBox[0 0 595 842]/Rotate %s" % t)
    yield "no-box.pdf", lambda: page_pdf(page=b"")
