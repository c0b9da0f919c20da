"""Draw README's picture: a page of a sample document beside the table that was read from it.

    python docs/make_picture.py out docs/page-and-table.png

Everything on the right comes from the Parquet datasets in `out`; the green frames on the page are the boxes of the facts.
"""

from __future__ import annotations

import html
import sys
from pathlib import Path

import pandas as pd
import pymupdf

DOCUMENT, KIND = "tarnwick_annual_report_2024.pdf", "income_statement"
CROP = (40, 74, 572, 610)  # points of the page that are shown
SCALE = 1.6  # pixels per point
GREEN, RED = (0.10, 0.55, 0.25), (0.80, 0.15, 0.10)

STYLE = """
* { font-family: sans-serif; font-size: 8.2px; }
h1 { font-size: 9px; } table { border-collapse: collapse; } td { padding: 2.3px 4px; border-bottom: 0.3px solid #ccc; }
.n { text-align: right; } .h { font-weight: bold; } .ok { color: #1a8c40; } .bad { color: #cc2619; }
"""


def main(out: Path, picture: Path) -> None:
    """Read the datasets and write the PNG."""
    documents = pd.read_parquet(out / "documents")
    document = documents[documents.source_uri.str.endswith("/" + DOCUMENT)].iloc[0]
    facts = pd.read_parquet(out / "facts")
    facts = facts[(facts.doc_id == document.doc_id) & (facts.statement == KIND)]
    facts = facts[facts.table_id == facts.table_id.iloc[0]]
    page_number = int(facts.page.iloc[0])

    with pymupdf.open(document.source_uri) as pdf:
        page = pdf[page_number - 1]
        for fact in facts.itertuples():
            box = pymupdf.Rect(*(fact.bbox[k] for k in ("x0", "y0", "x1", "y1"))) + (-1, -1, 1, 1)
            page.draw_rect(box, color=RED if fact.needs_review else GREEN, width=0.5)
        width, height = CROP[2] - CROP[0], CROP[3] - CROP[1]
        canvas = pymupdf.open()
        sheet = canvas.new_page(width=2 * width + 20, height=height)
        sheet.show_pdf_page(pymupdf.Rect(0, 0, width, height), pdf, page_number - 1, clip=pymupdf.Rect(CROP))
        sheet.insert_htmlbox(pymupdf.Rect(width + 20, 4, 2 * width + 14, height - 4), table(facts), css=STYLE)
        sheet.get_pixmap(matrix=pymupdf.Matrix(SCALE, SCALE)).save(picture)


def table(facts: pd.DataFrame) -> str:
    """Return the facts of one statement as HTML: a row per line item, base units, and how each was verified."""
    ends = sorted(facts.period_end.dropna().unique(), reverse=True)
    head = "".join(f'<td class="n h">{end:%Y-%m-%d}</td>' for end in ends)
    lines = [
        f'<tr><td class="h">facts (USD, base units)</td>{head}<td class="h">grounding</td><td class="h">check</td></tr>'
    ]
    for _, row in facts.groupby("row"):
        by_end = {f.period_end: f for f in row.itertuples()}
        first = next(iter(row.itertuples()))
        values = "".join(
            f'<td class="n {"bad" if by_end[end].needs_review else "ok"}">{number(by_end[end].value)}</td>'
            if end in by_end
            else "<td></td>"
            for end in ends
        )
        lines.append(
            f"<tr><td>{html.escape(first.label)}</td>{values}<td>{first.grounding}</td><td>{first.check_status}</td></tr>"
        )
    return "<table>" + "".join(lines) + "</table>"


def number(value: object) -> str:
    """Return a Decimal with thousands separators and no needless zeros."""
    text = f"{value:,.9f}".rstrip("0").rstrip(".")
    return text or "0"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
