"""A reading process that falls ill on certain pages, for real: it hangs, crashes, or eats memory."""

from __future__ import annotations

import ctypes
import time

from extractors.engine import Engine
from extractors.isolation import child
from extractors.own.reader import OwnReader
from extractors.pages.opening import OpenPage
from schemas.page import PageReading

read_safely = child.read_safely


def fall_ill(page: OpenPage, engine: Engine, own: OwnReader | None = None) -> PageReading:
    words = {word.text for word in page.content.words}
    if "HANG" in words:
        while True:
            time.sleep(60)
    if "CRASH" in words:
        ctypes.string_at(0)
    if "SLOW" in words:
        time.sleep(0.5)
    if "STRANGE" in words:
        print("RESULT this goes to standard error and harms nobody", flush=True)
    if "EAT" in words:
        eaten = []
        while True:
            eaten.append(b"x" * 20_000_000)
            time.sleep(0.01)
    return read_safely(page, engine, own)


if __name__ == "__main__":
    child.read_safely = fall_ill
    child.main()
