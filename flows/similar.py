"""Pages that look like a given one, and the kind of every page by labelled examples: `parquetry similar`.

In: an output root, whose documents are drawn again from their sources, and a worker that embeds images. Out: a list of pages. The
embeddings are kept in `embeddings/` beside the datasets, one file per document and model, and made once:

    doc_id string · page int32 (from 1) · model string · vector list<float32>, of length 1
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from extractors.errors import UnreadableError, UsageError
from extractors.likeness import Kind, centred, classify, nearest
from extractors.settings import Settings, read_settings
from extractors.worker.client import WorkerClient
from flows.datasets import Datasets
from flows.index import Known
from flows.pictures import page_pictures
from flows.stored import find_document, known_documents, showable

FOLDER = "embeddings"
SIDE = 512  # pixels of a page's longer side: 256 image tokens or less; how a page is laid out shows, its letters do not
AT_ONCE = 4  # images of one request
COLUMNS: dict[str, pa.DataType] = {
    "doc_id": pa.string(),
    "page": pa.int32(),
    "model": pa.string(),
    "vector": pa.list_(pa.float32()),
}


@dataclass(frozen=True, slots=True)
class PageOf:
    """A page of a document of the output, from 1."""

    known: Known
    page: int

    @property
    def name(self) -> str:
        """The last part of its document's uri."""
        return showable(self.known.source_uri.rstrip("/").rsplit("/", 1)[-1])


def show_similar(
    console: Console,
    uri: str,
    query: str | None,
    page: int,
    *,
    labels: Path | None = None,
    most: int = 10,
    given: Mapping[str, object] | None = None,
) -> None:
    """Print the pages most like one, or, with `labels`, the kind of every page (of one document with `query`).

    Raises UsageError, UnreadableError, or what a worker that cannot be asked raises.
    """
    if query is None and labels is None:
        raise UsageError("Name a document whose page others are compared with, or give --labels FILE.")
    settings = read_settings(**{name: value for name, value in (given or {}).items() if value is not None})
    out = Datasets(uri)
    wanted = find_document(out, query).known if query else None
    pages, vectors, notes = _embeddings(console, out, settings)
    for note in notes:
        console.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    rows = centred(vectors)
    if labels is not None:
        marked = read_labels(out, labels, pages)
        _print_kinds(console, pages, classify(rows, marked), marked, wanted)
        return
    assert wanted is not None
    at = next((i for i, one in enumerate(pages) if one.known == wanted and one.page == page), None)
    if at is None:
        raise UsageError(f"{wanted.source_uri} has no page {page} that could be drawn.")
    table = Table("document", "page", "likeness", header_style="bold", box=None, padding=(0, 2, 0, 0))
    for i, cosine in nearest(rows, at, most):
        table.add_row(Text(pages[i].name), str(pages[i].page), f"{cosine:.3f}")
    console.print(Text(f"Most like {pages[at].name}, page {page}:"))
    console.print(table)


def read_labels(out: Datasets, path: Path, pages: Sequence[PageOf]) -> dict[int, str]:
    """Return {index in `pages`: kind} of a CSV file with columns document, page, kind. Raises UsageError."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give a CSV file in UTF-8.") from error
    index = {(one.known.file, one.page): i for i, one in enumerate(pages)}
    marked: dict[int, str] = {}
    for number, row in enumerate(rows, start=2):
        document, page, kind = (row.get(name) for name in ("document", "page", "kind"))
        if not document or not page or not kind or not page.isdecimal():
            raise UsageError(f"{path}, line {number}: give document, page (a number from 1) and kind.")
        at = index.get((find_document(out, document).known.file, int(page)))
        if at is None:
            raise UsageError(f"{path}, line {number}: {document} has no page {page} that could be drawn.")
        marked[at] = kind.strip()
    if not marked:
        raise UsageError(f"{path} labels no page; give columns document, page and kind.")
    return marked


def _print_kinds(
    console: Console,
    pages: Sequence[PageOf],
    kinds: Sequence[Kind | None],
    marked: Mapping[int, str],
    wanted: Known | None,
) -> None:
    table = Table(
        "document", "page", "kind", "votes", "", header_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for i, (one, kind) in enumerate(zip(pages, kinds, strict=True)):
        if wanted in (None, one.known):
            name, share = (kind.name, f"{kind.share:.0%}") if kind else ("unlike all", "")
            label = f"labelled {marked[i]}" if i in marked else ""
            table.add_row(Text(one.name), str(one.page), Text(name), share, Text(label))
    console.print(table)
    right = sum(kinds[i] is not None and kinds[i].name == kind for i, kind in marked.items())  # type: ignore[union-attr]
    console.print(
        f"{right} of {len(marked)} labelled pages get their label from the others.", highlight=False
    )


def _embeddings(
    console: Console, out: Datasets, settings: Settings
) -> tuple[list[PageOf], np.ndarray, list[str]]:
    """Return all pages, their vectors, and what is missing and why; make and keep those that are not kept yet."""
    documents = [known for known in known_documents(out) if not known.removed]
    pages: list[PageOf] = []
    vectors: list[Sequence[float]] = []
    notes: list[str] = []
    token = settings.worker_token.get_secret_value() if settings.worker_token else None
    client = WorkerClient(settings.worker_urls, token)
    try:
        model = settings.model or client.models()[0]
        out.fs.makedirs(out.path(FOLDER), exist_ok=True)
        out.prepare()
        for known in track(documents, "Embedding pages", console=console, transient=True):
            numbers, found = _kept(out, known, model)
            if not numbers:
                numbers, found, why = _made(out, known, model, client, settings)
                notes += [f"{known.source_uri}: {why}"] if why else []
            pages += [PageOf(known, number) for number in numbers]
            vectors += found
    finally:
        client.close()
    if not pages:
        raise UnreadableError(f"No page of {out.uri} could be drawn: {'; '.join(notes) or 'it has none'}.")
    return pages, np.asarray(vectors, np.float32), notes


def _file(known: Known, model: str) -> str:
    key = hashlib.sha256(f"{model}\n{SIDE}".encode()).hexdigest()[:12]
    return f"{FOLDER}/{known.file}-{key}.parquet"


def _kept(out: Datasets, known: Known, model: str) -> tuple[list[int], Sequence[Sequence[float]]]:
    """Return the page numbers and vectors that are kept of a document's present bytes."""
    data = out.get(_file(known, model))
    if data is None:
        return [], []
    rows = pq.read_table(pa.BufferReader(data)).to_pydict()
    if any(doc_id != known.doc_id for doc_id in rows["doc_id"]):
        return [], []
    return rows["page"], rows["vector"]


def _made(
    out: Datasets, known: Known, model: str, client: WorkerClient, settings: Settings
) -> tuple[list[int], list[list[float]], str]:
    rotations = {row["page"]: row["rotation"] for row in out.read("pages", known.file).to_pylist()}
    pictures, why = page_pictures(known.source_uri, known.doc_id, rotations, settings)
    numbers = sorted(pictures)
    vectors: list[list[float]] = []
    for some in _batches(numbers):
        vectors += client.embed([_data_url(pictures[number]) for number in some], model)
    if numbers and not why:  # what is missing now may be drawn next time
        columns: dict[str, list[Any]] = {
            "doc_id": [known.doc_id] * len(numbers),
            "page": numbers,
            "model": [model] * len(numbers),
            "vector": vectors,
        }
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns, schema=pa.schema(COLUMNS)), sink, compression="zstd")
        out.put(_file(known, model), sink.getvalue())
    return numbers, vectors, why


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(numbers), AT_ONCE):
        yield numbers[at : at + AT_ONCE]


def _data_url(picture: bytes) -> str:
    """Return a page's picture, brought to SIDE, as a data URL."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    file = io.BytesIO()
    small.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
