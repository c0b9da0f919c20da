"""What is to be done for this folder, and why: new, changed, read otherwise than before, failed before, or nothing.

In: a listing and the index of the output. Out: a `Plan`: documents to read, rows to relabel, documents that are gone.
Planning opens only files that the index has not seen in this version; it writes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from extractors.engine import Engine
from extractors.errors import ParquetryError, UnreadableError
from extractors.settings import READER_VERSION, Settings, fingerprint_of, reading_key
from extractors.sniff import NotADocumentError
from extractors.sources import Listed, Source, identify, merge_same
from flows.index import Index, Known, Seen
from schemas.records import SCHEMA_VERSION

Reason = Literal[
    "new",  # these bytes are not in the output
    "changed",  # a source has other bytes than before
    "new_model",  # read by another engine or model before
    "new_prompt",  # read with other prompts before
    "new_schema",  # written with another meaning of the columns, or for another schema of one's own, before
    "new_settings",  # read with other settings, or by an older reader, before
    "failed_before",  # the last reading failed, and another attempt is allowed
    "interrupted",  # the last writing was broken off
    "asked",  # reading again was asked for
]
REASONS: tuple[str, ...] = get_args(Reason)
MAX_ATTEMPTS = 3  # readings of the same bytes in the same way before a failure is left alone
UNREAD = "unread-"  # starts the doc_id of a file whose bytes could not be read or are no document
RETAINED = ("unreadable", "transport")  # the file may be what it was: rows of an earlier reading stay

OnFile = Callable[[int, int], None]  # (files looked into, files listed)


@dataclass(frozen=True, slots=True)
class Way:
    """How documents are read in this run: whatever beside the bytes decides the rows."""

    key: str
    engine: str
    model: str | None
    parts: dict[str, Any] = field(hash=False)

    def fingerprint(self, doc_id: str) -> str:
        """Return the fingerprint of a document read this way."""
        return fingerprint_of(doc_id, self.key)


@dataclass(frozen=True, slots=True)
class ToRead:
    """One document to read, or one file to record as not readable."""

    source: Source
    file: str  # whose rows are replaced, or the name of new files
    reason: Reason
    fingerprint: str
    attempts: int = 0  # failed readings so far
    keeps: bool = False  # `file` holds rows of the same bytes, which a failed reading must not erase
    error: ParquetryError | None = field(default=None, hash=False, compare=False)  # why it cannot be opened


@dataclass(frozen=True, slots=True)
class Relabel:
    """A document whose bytes were read before, and now stand at other uris."""

    file: str
    source_uri: str
    also_at: tuple[str, ...]
    removed: bool = False  # none of its sources is there any more


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in order."""

    to_read: tuple[ToRead, ...]
    relabel: tuple[Relabel, ...] = ()
    clear: tuple[str, ...] = ()  # files of documents whose sources all hold other bytes now
    unchanged: int = 0  # documents that are done
    given_up: tuple[Known, ...] = ()  # documents that failed before and are not tried again
    passed_over: int = 0  # files that are no documents
    seen: Mapping[str, Seen] = field(default_factory=dict, hash=False)
    limit: int | None = None  # documents to read in one run; the others are left for the next

    @property
    def now(self) -> tuple[ToRead, ...]:
        """What is read in this run."""
        return self.to_read[: self.limit]

    @property
    def reasons(self) -> dict[str, int]:
        """How many documents are to be read, by reason."""
        counted: Counter[str] = Counter(item.reason for item in self.to_read)
        return {reason: counted[reason] for reason in REASONS if reason in counted}


@dataclass(frozen=True, slots=True)
class Again:
    """Which documents are to be read again although they are done or given up."""

    everything: bool = False
    categories: frozenset[str] | None = None  # of failures; empty for any
    max_attempts: int = MAX_ATTEMPTS

    def wants_failed(self, known: Known) -> bool:
        """Tell whether a document that failed before gets another attempt."""
        if known.attempts >= self.max_attempts:
            return False
        if self.categories is None:
            return known.retryable
        return not self.categories or bool(self.categories & set(known.categories))


def way_of(settings: Settings, engine: Engine, own: str | None = None) -> Way:
    """Return how `engine` reads under `settings`; `own` is the version of a schema of the user's own."""
    parts: dict[str, Any] = {
        "engine": [engine.name, engine.model],
        "prompts": engine.prompts,
        "schema": [SCHEMA_VERSION, own] if own else SCHEMA_VERSION,
        "reader": [READER_VERSION, settings.ocr, settings.ocr_dpi, settings.max_pixels],
    }
    return Way(
        reading_key(settings, engine.name, engine.model, engine.prompts, own),
        engine.name,
        engine.model,
        parts,
    )


def make_plan(
    listed: Iterable[Listed],
    index: Index,
    way: Way,
    settings: Settings,
    *,
    in_scope: Callable[[str], bool],
    exists: Callable[[str], bool],
    ways: Mapping[str, Mapping[str, Any]] | None = None,
    interrupted: frozenset[str] = frozenset(),
    missing: Iterable[str] = (),
    again: Again | None = None,
    on_file: OnFile | None = None,
) -> Plan:
    """Compare a listing with what the output holds.

    `in_scope` tells whether a uri belongs to the folder that was listed, `exists` whether a uri that was not listed is
    still there (left out by a glob, say). `missing` are uris that were asked for and are not there. `ways` are the parts of earlier ways by their key; they only name reasons.
    """
    again = again or Again()
    entries = tuple(listed)
    sources, unread, seen, passed_over = _look_into(entries, index, settings, on_file)
    names_known = {uri for known in index.known.values() for uri in known.names}
    unread += [
        (
            unread_source(Listed(uri, 0, None)),
            UnreadableError(f"{uri} is not there; correct the manifest, or bring it back."),
        )
        for uri in missing
        if uri not in names_known
    ]
    held = {uri for source in sources for uri in (source.uri, *source.also_at)}
    by_doc = {known.doc_id: known for known in index.known.values()}
    doubtful = {source.uri for source, error in unread if error.category in RETAINED}
    listed_uris = {entry.uri for entry in entries}

    def left(known: Known) -> frozenset[str]:
        """The names of a known document that no other content has taken, and that are or may be there."""
        if known.doc_id.startswith(UNREAD):
            return frozenset(uri for uri in known.names - held if not in_scope(uri))
        return frozenset(
            uri
            for uri in known.names - held
            if uri in doubtful or not in_scope(uri) or (uri not in listed_uris and exists(uri))
        )

    now = {source.doc_id for source in sources} | {source.doc_id for source, _ in unread}
    orphaned = {
        known.file: known for known in index.known.values() if known.doc_id not in now and not left(known)
    }
    by_name = {uri: known for known in orphaned.values() for uri in known.names}
    taken: set[str] = set()
    to_read: list[ToRead] = []
    relabel: list[Relabel] = []
    given_up: list[Known] = []
    unchanged = 0

    pairs: list[tuple[Source, ParquetryError | None]] = [*((source, None) for source in sources), *unread]
    for source, error in pairs:
        fingerprint = way.fingerprint(source.doc_id)
        known = by_doc.get(source.doc_id)
        if known is None:
            heirs = (by_name.get(uri) for uri in (source.uri, *source.also_at))
            before = next((k for k in heirs if k and k.file not in taken), None)
            file = before.file if before else _free_name(source.doc_id, index.known, taken)
            taken.add(file)
            reason: Reason = "changed" if before and not before.doc_id.startswith(UNREAD) else "new"
            to_read.append(ToRead(source, file, reason, fingerprint, error=error))
            continue
        names = frozenset((source.uri, *source.also_at)) | left(known)
        first = known.source_uri if known.source_uri in names else source.uri
        labelled = replace(source, uri=first, also_at=tuple(sorted(names - {first})))
        why = _why(known, fingerprint, way, ways or {}, settings, interrupted, again)
        if why:
            attempts = known.attempts if known.fingerprint == fingerprint else 0
            keeps = known.status != "failed" and why != "interrupted"
            to_read.append(ToRead(labelled, known.file, why, fingerprint, attempts, keeps, error))
            continue
        if names != known.names or known.removed:
            relabel.append(Relabel(known.file, first, labelled.also_at))
        if known.status == "ok":
            unchanged += 1
        else:
            given_up.append(known)

    clear: list[str] = []
    for file, known in orphaned.items():
        if file in taken:
            continue
        if known.names & held or known.doc_id.startswith(UNREAD):
            clear.append(file)
        elif not known.removed:
            relabel.append(Relabel(file, known.source_uri, known.also_at, removed=True))
    for known in (
        index.known.values()
    ):  # a document that lost some of its names to other content, and is itself not here
        if known.doc_id not in now and known.file not in orphaned and (names := left(known)) != known.names:
            first = known.source_uri if known.source_uri in names else min(names)
            relabel.append(Relabel(known.file, first, tuple(sorted(names - {first}))))
    return Plan(
        tuple(to_read), tuple(relabel), tuple(clear), unchanged, tuple(given_up), passed_over,
        {**{u: s for u, s in index.seen.items() if not in_scope(u)}, **seen},
    )  # fmt: skip


def unread_source(listed: Listed) -> Source:
    """Return what stands for a file whose bytes could not be read: its doc_id comes from its uri."""
    digest = hashlib.sha256(listed.uri.encode()).hexdigest()
    doc_id = UNREAD + digest[: 64 - len(UNREAD)]
    return Source(listed.uri, listed.byte_size, doc_id, "application/octet-stream", (), listed.modified)


def _look_into(
    entries: tuple[Listed, ...], index: Index, settings: Settings, on_file: OnFile | None
) -> tuple[list[Source], list[tuple[Source, ParquetryError]], dict[str, Seen], int]:
    """Return (documents, unreadable files with their errors, what was seen, how many files were passed over)."""
    found: list[Source] = []
    unread: list[tuple[Source, ParquetryError]] = []
    seen: dict[str, Seen] = {}
    passed_over = 0
    for number, entry in enumerate(entries, 1):
        before = index.seen.get(entry.uri)
        if before and before.version == entry.version:
            seen[entry.uri] = before
            if before.doc_id:
                found.append(
                    Source(entry.uri, entry.byte_size, before.doc_id, before.media_type, (), entry.modified)
                )
            else:
                passed_over += 1
        else:
            try:
                source = identify(entry, settings)
                found.append(source)
                seen[entry.uri] = Seen(entry.version, source.doc_id, source.media_type)
            except NotADocumentError:
                passed_over += 1
                seen[entry.uri] = Seen(entry.version, "", "")
            except ParquetryError as error:
                unread.append((unread_source(entry), error))
        if on_file:
            on_file(number, len(entries))
    return merge_same(found), unread, seen, passed_over


def _free_name(doc_id: str, known: Mapping[str, Known], taken: set[str]) -> str:
    """Return the document's id as file name, numbered where another document has moved in there."""
    name, number = doc_id, 1
    while name in known or name in taken:
        number += 1
        name = f"{doc_id}-{number}"
    return name


def _why(
    known: Known,
    fingerprint: str,
    way: Way,
    ways: Mapping[str, Mapping[str, Any]],
    settings: Settings,
    interrupted: frozenset[str],
    again: Again,
) -> Reason | None:
    """Return why a known document is read again, or None."""
    if known.file in interrupted:
        return "interrupted"
    if again.everything:
        return "asked"
    if known.fingerprint != fingerprint:
        return _difference(ways.get(known.fingerprint.rsplit("-", 1)[-1], {}), way)
    if known.status == "ok":
        return None
    if (
        "too_large" in known.categories
        and known.byte_size <= settings.max_bytes
        and known.doc_id.startswith(UNREAD)
    ):
        return "failed_before"
    return "failed_before" if again.wants_failed(known) else None


def _difference(before: Mapping[str, Any], way: Way) -> Reason:
    names: tuple[tuple[str, Reason], ...] = (
        ("engine", "new_model"),
        ("prompts", "new_prompt"),
        ("schema", "new_schema"),
    )
    return next(
        (reason for part, reason in names if part in before and before[part] != way.parts[part]),
        "new_settings",
    )
