"""What a run decides to do, and why, from a listing and what the output holds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.settings import Settings
from extractors.sources import find_sources
from flows.folder import share
from flows.index import Index, Known
from flows.listing import exists
from flows.plan import Again, Plan, ToRead, make_plan, unread_source, way_of


class Engine:
    """Names an engine: a plan needs no more of it."""

    def __init__(self, name="geometry", model=None, prompts=None):
        self.name, self.model, self.prompts = name, model, prompts


SETTINGS = Settings()
WAY = way_of(SETTINGS, Engine())


def put(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"%PDF-1.7\n{content}")
    return path


def doc_id(content: str) -> str:
    return hashlib.sha256(f"%PDF-1.7\n{content}".encode()).hexdigest()


def plan_of(folder: Path, index: Index, way=WAY, settings=SETTINGS, **options) -> Plan:
    return make_plan(
        find_sources(folder), index, way, settings, in_scope=lambda uri: uri.startswith(f"{folder}/"), exists=exists,
        **options,
    )  # fmt: skip


def after(folder: Path, index: Index, way=WAY, **plan_options) -> Index:
    """Return the index as a run leaves it that reads all documents without a fault."""
    plan = plan_of(folder, index, way, **plan_options)
    known = dict(index.known)
    for change in plan.relabel:
        known[change.file] = replace(
            known[change.file], source_uri=change.source_uri, also_at=change.also_at, removed=change.removed
        )
    for file in plan.clear:
        del known[file]
    for item in plan.to_read:
        known[item.file] = Known(
            item.file, item.source.doc_id, item.fingerprint, item.source.uri, item.source.also_at,
            "failed" if item.error else "ok", item.source.byte_size, attempts=1 if item.error else 0,
            categories=(item.error.category,) if item.error else (), retryable=bool(item.error and item.error.retryable),
        )  # fmt: skip
    return Index(known, dict(plan.seen))


EMPTY = Index({}, {})


def reasons(plan: Plan) -> dict[str, str]:
    return {Path(item.source.uri).name: item.reason for item in plan.to_read}


def test_a_new_folder_is_new_and_then_unchanged(tmp_path):
    put(tmp_path, "a.pdf", "a")
    put(tmp_path, "deep/b.pdf", "b")
    first = plan_of(tmp_path, EMPTY)
    assert reasons(first) == {"a.pdf": "new", "b.pdf": "new"}
    assert [item.file for item in first.to_read] == [doc_id("a"), doc_id("b")]
    second = plan_of(tmp_path, after(tmp_path, EMPTY))
    assert (second.to_read, second.relabel, second.clear, second.unchanged) == ((), (), (), 2)


def test_an_unchanged_folder_opens_no_file(tmp_path, monkeypatch):
    put(tmp_path, "a.pdf", "a")
    (tmp_path / "note.txt").write_text("not a document")
    index = after(tmp_path, EMPTY)
    monkeypatch.setattr("flows.plan.identify", lambda *_: pytest.fail("a file was opened"))
    plan = plan_of(tmp_path, index)
    assert (plan.unchanged, plan.passed_over) == (1, 1)


def test_other_bytes_take_over_the_file_of_the_old_ones(tmp_path):
    put(tmp_path, "a.pdf", "old")
    index = after(tmp_path, EMPTY)
    put(tmp_path, "a.pdf", "newer")
    plan = plan_of(tmp_path, index)
    assert [(item.reason, item.file, item.source.doc_id) for item in plan.to_read] == [
        ("changed", doc_id("old"), doc_id("newer"))
    ]
    index = after(tmp_path, index)
    put(tmp_path, "b.pdf", "old")  # the first content comes back under another name: its file is taken
    assert [(item.reason, item.file) for item in plan_of(tmp_path, index).to_read] == [
        ("new", f"{doc_id('old')}-2")
    ]


def test_a_renamed_file_is_not_read_again(tmp_path):
    put(tmp_path, "a.pdf", "a").rename(tmp_path / "a.pdf")
    index = after(tmp_path, EMPTY)
    (tmp_path / "a.pdf").rename(tmp_path / "renamed.pdf")
    plan = plan_of(tmp_path, index)
    assert plan.to_read == ()
    assert [(change.source_uri, change.also_at, change.removed) for change in plan.relabel] == [
        (f"{tmp_path}/renamed.pdf", (), False)
    ]


def test_the_same_bytes_under_two_names_are_one_document(tmp_path):
    put(tmp_path, "a.pdf", "same")
    put(tmp_path, "z.pdf", "same")
    (item,) = plan_of(tmp_path, EMPTY).to_read
    assert (item.source.uri, item.source.also_at) == (f"{tmp_path}/a.pdf", (f"{tmp_path}/z.pdf",))
    index = after(tmp_path, EMPTY)
    put(tmp_path, "z.pdf", "other")  # one of the two names gets other bytes: the first document stays
    plan = plan_of(tmp_path, index)
    assert [(item.reason, item.file) for item in plan.to_read] == [("new", doc_id("other"))]
    assert [(change.file, change.also_at) for change in plan.relabel] == [(doc_id("same"), ())]


def test_a_document_without_any_source_left_is_cleared_when_its_names_hold_other_bytes(tmp_path):
    put(tmp_path, "a.pdf", "a")
    put(tmp_path, "b.pdf", "b")
    index = after(tmp_path, EMPTY)
    put(tmp_path, "a.pdf", "b")
    plan = plan_of(tmp_path, index)
    assert (plan.to_read, plan.clear) == ((), (doc_id("a"),))
    assert [(c.file, c.source_uri, c.also_at) for c in plan.relabel] == [
        (doc_id("b"), f"{tmp_path}/b.pdf", (f"{tmp_path}/a.pdf",))
    ]


def test_a_deleted_source_is_recorded_once_and_forgotten_when_it_is_back(tmp_path):
    put(tmp_path, "a.pdf", "a")
    put(tmp_path, "b.pdf", "b")
    index = after(tmp_path, EMPTY)
    (tmp_path / "a.pdf").unlink()
    assert [(c.file, c.removed) for c in plan_of(tmp_path, index).relabel] == [(doc_id("a"), True)]
    index = after(tmp_path, index)
    assert plan_of(tmp_path, index).relabel == ()
    put(tmp_path, "a.pdf", "a")
    assert [(c.file, c.removed) for c in plan_of(tmp_path, index).relabel] == [(doc_id("a"), False)]


def test_other_folders_and_files_left_out_by_a_glob_are_not_called_gone(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    put(here, "a.pdf", "a")
    put(here, "b.tif.pdf", "b")
    put(there, "c.pdf", "c")
    index = after(there, after(here, EMPTY))
    assert len(index.known) == 3
    plan = make_plan(
        find_sources(here, include=["a*"]), index, WAY, SETTINGS, in_scope=lambda uri: uri.startswith(f"{here}/"),
        exists=exists,
    )  # fmt: skip
    assert (plan.to_read, plan.relabel, plan.clear, plan.unchanged) == ((), (), (), 1)


@pytest.mark.parametrize(
    ("engine", "settings", "reason"),
    [
        (Engine("vision", "qwen"), SETTINGS, "new_model"),
        (Engine("geometry", None, "p2"), SETTINGS, "new_prompt"),
        (Engine(), Settings(ocr_dpi=300), "new_settings"),
        (Engine(), Settings(ocr=False), "new_settings"),
    ],
)
def test_another_way_to_read_reads_again_and_says_why(tmp_path, engine, settings, reason):
    put(tmp_path, "a.pdf", "a")
    index = after(tmp_path, EMPTY)
    way = way_of(settings, engine)
    plan = plan_of(tmp_path, index, way, settings, ways={WAY.key: WAY.parts})
    assert reasons(plan) == {"a.pdf": reason}
    assert plan.to_read[0].keeps  # a failed second reading must not erase a good first one
    assert plan_of(tmp_path, after(tmp_path, index, way), way, settings).to_read == ()


def test_a_new_schema_version_reads_again(tmp_path, monkeypatch):
    put(tmp_path, "a.pdf", "a")
    index = after(tmp_path, EMPTY)
    monkeypatch.setattr("flows.plan.SCHEMA_VERSION", "next")
    monkeypatch.setattr("extractors.settings.SCHEMA_VERSION", "next")
    plan = plan_of(tmp_path, index, way_of(SETTINGS, Engine()), ways={WAY.key: WAY.parts})
    assert reasons(plan) == {"a.pdf": "new_schema"}


def test_limits_and_addresses_read_nothing_again(tmp_path):
    put(tmp_path, "a.pdf", "a")
    index = after(tmp_path, EMPTY)
    settings = Settings(page_timeout=7, max_pages=10, worker_urls=("http://127.0.0.1:1",))
    assert plan_of(tmp_path, index, way_of(settings, Engine()), settings).to_read == ()


def test_bad_files_are_recorded_and_left_alone_until_they_change(tmp_path):
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "text.pdf").write_text("just text")
    plan = plan_of(tmp_path, EMPTY)
    assert {Path(i.source.uri).name: i.error.category for i in plan.to_read} == {
        "empty.pdf": "empty", "text.pdf": "unsupported",
    }  # fmt: skip
    index = after(tmp_path, EMPTY)
    again = plan_of(tmp_path, index)
    assert (again.to_read, len(again.given_up)) == ((), 2)
    put(tmp_path, "empty.pdf", "now whole")
    item = plan_of(tmp_path, index).to_read[0]
    assert (item.reason, item.source.doc_id) == ("new", doc_id("now whole"))
    assert item.file in index.known  # it takes the place of the failure
    assert plan_of(tmp_path, after(tmp_path, index)).clear == ()


def test_an_unreadable_file_keeps_the_rows_of_its_earlier_reading(tmp_path, monkeypatch):
    path = put(tmp_path, "a.pdf", "a")
    index = after(tmp_path, EMPTY)
    put(tmp_path, "a.pdf", "a")
    from extractors.errors import UnreadableError

    def closed(*_):
        raise UnreadableError("closed")

    monkeypatch.setattr("flows.plan.identify", closed)
    plan = plan_of(tmp_path, Index(index.known, {}))
    assert [(i.source.doc_id[:7], i.error.category) for i in plan.to_read] == [("unread-", "unreadable")]
    assert (plan.relabel, plan.clear) == ((), ())
    index = after(tmp_path, Index(index.known, {}))
    monkeypatch.undo()
    plan = plan_of(tmp_path, index)
    assert plan.to_read == ()
    assert plan.clear == (
        unread_source(find_sources(path)[0]).doc_id,
    )  # readable again: the failure's row goes


def known(status="failed", attempts=1, categories=("timeout",), retryable=False, fingerprint=None) -> Known:
    return Known(
        doc_id("a"), doc_id("a"), fingerprint or WAY.fingerprint(doc_id("a")), "", (), status, 10, False, attempts,
        categories, retryable,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "again", "read"),
    [
        (known(retryable=True, categories=("transport",)), Again(), True),
        (known(retryable=True, categories=("transport",), attempts=3), Again(), False),
        (known(), Again(), False),
        (known(), Again(categories=frozenset()), True),
        (known(), Again(categories=frozenset({"timeout"})), True),
        (known(), Again(categories=frozenset({"crash"})), False),
        (known(attempts=5), Again(categories=frozenset(), max_attempts=5), False),
        (known(attempts=4, status="partial"), Again(categories=frozenset(), max_attempts=5), True),
        (known(status="ok"), Again(categories=frozenset()), False),
        (known(status="ok"), Again(everything=True), True),
        (known(attempts=9, fingerprint="another-way"), Again(), True),
    ],
)
def test_who_is_tried_again(tmp_path, before, again, read):
    path = put(tmp_path, "a.pdf", "a")
    index = Index({before.file: replace(before, source_uri=str(path))}, {})
    plan = plan_of(tmp_path, index, again=again)
    assert len(plan.to_read) == int(read)
    if read and before.fingerprint == WAY.fingerprint(doc_id("a")):
        assert plan.to_read[0].attempts == before.attempts


def test_an_interrupted_exchange_is_done_again(tmp_path):
    put(tmp_path, "a.pdf", "a")
    plan = plan_of(tmp_path, after(tmp_path, EMPTY), interrupted=frozenset({doc_id("a")}))
    assert reasons(plan) == {"a.pdf": "interrupted"}
    assert not plan.to_read[0].keeps  # what its files hold is not known


def test_what_a_manifest_names_and_is_not_there_fails(tmp_path):
    plan = plan_of(tmp_path, EMPTY, missing=[f"{tmp_path}/gone.pdf"])
    assert [(i.source.uri, i.error.category) for i in plan.to_read] == [
        (f"{tmp_path}/gone.pdf", "unreadable")
    ]


names = st.sampled_from([f"{n}.pdf" for n in "abcd"])
contents = st.sampled_from(["1", "22", "333"])


@given(st.lists(st.dictionaries(names, contents), min_size=1, max_size=6))
def test_after_any_history_the_output_is_what_the_folder_holds(tmp_path_factory, history):
    folder = tmp_path_factory.mktemp("folder")
    index = EMPTY
    for state in history:
        for path in folder.iterdir():
            path.unlink()
        for name, content in state.items():
            put(folder, name, content)
        index = after(folder, index)
        there = {k.doc_id: k for k in index.known.values() if not k.removed}
        assert len({k.doc_id for k in index.known.values()}) == len(index.known)
        assert there.keys() == {doc_id(content) for content in state.values()}
        for found in there.values():
            assert found.names == {f"{folder}/{n}" for n, c in state.items() if doc_id(c) == found.doc_id}
        assert all(file == k.file for file, k in index.known.items())
        assert plan_of(folder, index).to_read == ()


@given(st.lists(st.integers(0, 5_000_000), max_size=600))
def test_tasks_hold_every_document_once_and_small_ones_share(sizes):
    from extractors.sources import Source

    items = tuple(
        ToRead(Source(f"/{n}", size, f"{n}", "application/pdf"), f"{n}", "new", "f")
        for n, size in enumerate(sizes)
    )
    tasks = list(share(items))
    assert sorted(item.file for task in tasks for item in task) == sorted(item.file for item in items)
    assert all(len(task) == 1 or all(i.source.byte_size <= 2_000_000 for i in task) for task in tasks)
    assert all(len(task) <= 25 for task in tasks)
