"""How does the small reader spell an answer? Bytes, the six marks of its family, and a token for what stands between two cells.

In: the cells of a strip, or tokens. Out: tokens (int), the classes of the letters in order, or cells; and the tokeniser's tables for
export. An answer is a JSON array of strings; its quotes and commas between cells are one token each, so that the decoder spends its
steps on what is printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
PADDING, TURN, END_OF_ANSWER, IMAGE_START, IMAGE_END, IMAGE = range(256, 262)
BETWEEN, FIRST, LAST, HALF = range(262, 266)
JOINS = {BETWEEN: '","', FIRST: '["', LAST: '"]', HALF: '",'}  # the half is there because a merge joins two
MERGES = (('"', ","), ('",', '"'), ("[", '"'), ('"', "]"))
N_TOKENS = 288  # a multiple of 32, so that rows fit any quantisation
CELL_BREAK, NO_LETTER = 256, 257  # classes beside the bytes: a step to the next cell, and nothing
N_CLASSES = 258


def encode(cells: Sequence[str]) -> list[int]:
    """Return the tokens of an answer, its end included."""
    out = [FIRST]
    for number, cell in enumerate(cells):
        if number:
            out.append(BETWEEN)
        out += json.dumps(cell, ensure_ascii=False)[1:-1].encode()
    return [*out, LAST, END_OF_ANSWER]


def decode(tokens: Iterable[int]) -> tuple[str, ...]:
    """Return the cells that tokens spell, as far as they go; what is no JSON string is taken as it stands."""
    cells = [bytearray()]
    for token in tokens:
        if token in (LAST, END_OF_ANSWER):
            break
        if token == BETWEEN:
            cells.append(bytearray())
        elif token < 256:
            cells[-1].append(token)
    return tuple(_plain(bytes(cell)) for cell in cells)


def _plain(cell: bytes) -> str:
    text = cell.decode(errors="replace")
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def classes(cells: Sequence[str]) -> list[int]:
    """Return the classes of a strip's letters from left to right, with a break between two cells."""
    out: list[int] = []
    for number, cell in enumerate(cells):
        if number:
            out.append(CELL_BREAK)
        out += cell.encode()
    return out


def byte_letters() -> list[str]:
    """Return the printable letter by which byte-level BPE writes each byte (GPT-2's table)."""
    own = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in own else chr(next(spare)) for byte in range(256)]


def vocabulary() -> list[str]:
    """Return every token in order as a tokeniser's file writes it, filled up to N_TOKENS."""
    letters = byte_letters()
    out = [*letters, *MARKS, *("".join(letters[b] for b in text.encode()) for text in JOINS.values())]
    return [*out, *(f"[PAD{number}]" for number in range(len(out), N_TOKENS))]
