"""A worker that reads perfectly: it knows what every tile of a document shows, and answers over real HTTP.

In: for each page its tables as rows of printed texts. The tiles are planned and rendered as the vision engine does, and each is
given the rows whose words it shows; the server finds a tile by the pixels of its image.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from extractors.engine import Render
from extractors.geometry.engine import read_tables
from extractors.pages.rows import is_value, measure, pieces
from extractors.vision.asking import png as as_png
from extractors.vision.bands import draw_bands, plan_bands
from extractors.vision.grounding import ground_table
from extractors.vision.tiling import Tile, compose, plan_page, plan_tiles, split
from schemas.box import Box
from schemas.page import PageContent

Rows = list[list[str]]


@dataclass
class TrueTable:
    """A table of one page: its printed rows, header rows first."""

    rows: Rows
    head: int
    title: str | None = None


Change = Callable[[Tile, Any], Any]  # JSON, text or an HTTP status


@dataclass
class PerfectReader:
    """Use as a context manager; `url` is its address. `change` may spoil an answer: other JSON, broken text, an HTTP status."""

    change: Change = lambda tile, answer: answer
    asked: list[Tile] = field(default_factory=list)
    unknown: int = 0
    finish: str | Callable[[Tile], str] = "stop"
    name: str = "perfect"  # under which it is served
    halvings: int = 0  # how often a tile may be cut in two and still be known
    _answers: dict[str, tuple[Tile, Any]] = field(default_factory=dict)

    def learn(self, content: PageContent, render: Render, tables: Sequence[TrueTable]) -> None:
        """Take in one page. Every row that is printed on the page must be found there, letter by letter."""
        page = Box(0, 0, content.width, content.height)
        placed = [
            ground_table(t.rows, content.words, content.text_source, content.page, page) for t in tables
        ]
        tiles = list(plan_tiles(content))
        whole = tiles
        for _ in range(self.halvings):
            whole = [half for tile in whole for half in split(tile, content) or ()]
            tiles += whole
        for tile in tiles:
            png = as_png(compose(tile, render))
            shown = [_shown(table, at.row_boxes, tile) for table, at in zip(tables, placed, strict=True)]
            answer = {"tables": [table for table in shown if table["rows"]]}
            self._answers[digest(png)] = (tile, answer)

    def learn_own(self, content: PageContent, render: Render, items: Callable[[Tile], list[Any]]) -> None:
        """Take in one page for a schema of one's own: what each of its tiles shows."""
        for tile in plan_page(content):
            png = as_png(compose(tile, render))
            self._answers[digest(png)] = (tile, {"items": items(tile)})

    def learn_rows(self, content: PageContent, render: Render) -> None:
        """Take in one page as strips of one row each: what is printed in every strip, cell by cell."""
        bands = plan_bands(content, [table.box for table in read_tables(content)])
        blank = measure(content.words).blank
        for band, image in zip(bands, draw_bands(bands, content, render), strict=True):
            tile = Tile(band.index, band.table, band.box, None, 72, 1, 0, 0)
            read = [piece.text for piece in pieces(band.words, blank)]
            self._answers[digest(as_png(image))] = (tile, read if not is_value(read[0]) else ["", *read])

    def learn_image(self, image: bytes, answer: Any) -> None:
        """Take in one image (PNG bytes) and what it says."""
        tile = Tile(len(self._answers), 0, Box(0, 0, 1, 1), None, 72, 1, 0, 0)
        self._answers[digest(image)] = (tile, answer)

    def __enter__(self) -> PerfectReader:
        reader = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.reply(200, {"object": "list", "data": [{"id": reader.name, "object": "model"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.reply(*reader.answer(body))

            def reply(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and body for a chat completion request."""
        url = next(p["image_url"]["url"] for p in body["messages"][-1]["content"] if p["type"] == "image_url")
        known = self._answers.get(digest(base64.b64decode(url.split(",", 1)[1])))
        if known is None:
            self.unknown += 1
            return 400, {"error": {"message": "this tile was never shown to the reader"}}
        tile, answer = known
        self.asked.append(tile)
        changed = self.change(tile, answer)
        if isinstance(changed, int):
            return changed, {"error": {"message": "as the test asked"}}
        text = (
            changed
            if isinstance(changed, str)
            else json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
        )
        letters = [
            {"token": c, "logprob": -0.001, "bytes": list(c.encode()), "top_logprobs": []} for c in text
        ]
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": self.finish if isinstance(self.finish, str) else self.finish(tile),
            "logprobs": {"content": letters},
        }
        return 200, {"choices": [choice], "usage": {"completion_tokens": len(text)}}


def digest(image: bytes) -> str:
    """Return what an image is known by: its pixels, however they are written."""
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _shown(table: TrueTable, row_boxes: Sequence[Box | None], tile: Tile) -> dict[str, Any]:
    """Return what a tile shows of a table: the rows that stand in the carried strip or in the body."""
    rows, head = [], 0
    for row, box in enumerate(row_boxes):
        if box is None or not any(text.strip() for text in table.rows[row]):
            continue
        if any(part.contains_center(box) for part in tile.parts):
            rows.append(table.rows[row])
            head += row < table.head
    title = table.title if head == table.head and tile.carried is None else None
    return {"title": title, "head": head, "rows": rows}
