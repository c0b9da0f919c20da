"""Which sample documents are there, and how is each one made? Run `python -m sample_docs.make` to draw them all.

In: nothing but this code and its seeds. Out: the documents of this folder, the same bytes every time, and beside each
one its truth as JSON: tables as cells, statements with the printed and the base-unit form of every value.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from sample_docs.drawing import annual
from sample_docs.drawing.grid import Truth

HERE = Path(__file__).parent

DOCUMENTS: dict[str, Callable[[Path], Truth]] = {
    "tarnwick_annual_report_2024.pdf": annual.draw,
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
