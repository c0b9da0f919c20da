"""What a GGUF file says of itself: the key-value pairs at its beginning, read without loading the model.

In: a path. Out: numbers, texts and bools by key; a list as its length, since only that is wanted. The form is that of ggml's
docs/gguf.md, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from extractors.errors import UsageError

MAGIC = b"GGUF"
SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
TEXT, LIST = 8, 9
MOST_KEYS = 10_000
LONGEST_TEXT = 16_000_000  # bytes; a chat template or a merge is far below it
MOST_ENTRIES = 10_000_000


def read_head(path: Path) -> dict[str, int | float | str | bool]:
    """Return the key-value pairs. Raises UsageError when the file is no GGUF, or breaks off."""
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise UsageError(f"{path} is no GGUF file; fetch it again with `parquetry models pull`.")
            _, _, n_pairs = struct.unpack("<IQQ", file.read(20))
            if n_pairs > MOST_KEYS:
                raise ValueError("too many keys")
            return {_text(file): _value(file, _number(file, "<I")) for _ in range(n_pairs)}
    except (OSError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} breaks off or is damaged ({error}); check it with `parquetry models verify`."
        ) from error


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _text(file: BinaryIO) -> str:
    length = _number(file, "<Q")
    if length > LONGEST_TEXT:
        raise ValueError("a text is too long")
    data = file.read(length)
    if len(data) < length:
        raise ValueError("the file ends inside a text")
    return data.decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> int | float | str | bool:
    if kind in SCALARS:
        form = SCALARS[kind]
        value: int | float | bool = struct.unpack(form, file.read(struct.calcsize(form)))[0]
        return value
    if kind == TEXT:
        return _text(file)
    if kind != LIST:
        raise ValueError(f"a value of the unknown type {kind}")
    inner, length = _number(file, "<I"), _number(file, "<Q")
    if length > MOST_ENTRIES:
        raise ValueError("a list is too long")
    if inner in SCALARS:
        file.seek(struct.calcsize(SCALARS[inner]) * length, 1)
    else:
        for _ in range(length):
            if inner == TEXT:
                file.seek(_number(file, "<Q"), 1)
            else:
                _value(file, inner)
    return length
