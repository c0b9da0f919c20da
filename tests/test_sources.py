"""Listing, identifying and fetching documents."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from PIL import Image

from extractors.errors import (
    EmptyError,
    TooLargeError,
    UnreadableError,
    UnsupportedError,
    UsageError,
)
from extractors.settings import Settings
from extractors.sniff import NotADocumentError
from extractors.sources import find_sources, identify, local_copy, merge_same

SETTINGS = Settings()
PDF = b"%PDF-1.7\n1 0 obj\n"


def write(path: Path, content: bytes = PDF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(root: Path, **options: object) -> list[str]:
    return [Path(entry.uri).relative_to(root).as_posix() for entry in find_sources(root, **options)]  # type: ignore[arg-type]


def test_lists_a_folder_tree_in_order_without_hidden_and_unfinished_files(tmp_path: Path) -> None:
    for name in ("b.pdf", "a/x.PDF", "a/deep/y.tif", ".hidden.pdf", ".git/z.pdf", "new.pdf.part", "~$b.pdf"):
        write(tmp_path / name)
    assert names(tmp_path) == ["a/deep/y.tif", "a/x.PDF", "b.pdf"]
    assert names(tmp_path, recursive=False) == ["b.pdf"]


def test_globs_select_by_name_or_path_in_any_letter_case(tmp_path: Path) -> None:
    for name in ("2023/a.pdf", "2024/b.PDF", "2024/c.tif", "2024/drafts/d.pdf"):
        write(tmp_path / name)
    assert names(tmp_path, include=["*.pdf"]) == ["2023/a.pdf", "2024/b.PDF", "2024/drafts/d.pdf"]
    assert names(tmp_path, include=["2024/*.pdf"]) == ["2024/b.PDF"]
    assert names(tmp_path, include=["2024/**/*.pdf"]) == ["2024/b.PDF", "2024/drafts/d.pdf"]
    assert names(tmp_path, exclude=["**/drafts/**", "*.tif"]) == ["2023/a.pdf", "2024/b.PDF"]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "secret.pdf")
    root = tmp_path / "root"
    inside = write(root / "a.pdf")
    (root / "out.pdf").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "loop").symlink_to(root)
    (root / "in.pdf").symlink_to(inside)
    (root / "broken.pdf").symlink_to(tmp_path / "nowhere.pdf")
    (root / "itself.pdf").symlink_to(root / "itself.pdf")
    assert names(root) == ["a.pdf", "in.pdf"]


def test_links_out_of_the_folder_are_followed_when_that_is_asked_for(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "b.pdf")
    (outside.parent / "back").symlink_to(outside.parent)
    (outside.parent / "home").symlink_to(tmp_path / "root")
    root = tmp_path / "root"
    write(root / "a.pdf")
    (root / "out.pdf").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "again").symlink_to(outside.parent)
    (root / "loop").symlink_to(root)
    (root / "broken.pdf").symlink_to(tmp_path / "nowhere.pdf")
    (root / "itself.pdf").symlink_to(root / "itself.pdf")
    found = [Path(entry.uri).relative_to(root).as_posix() for entry in find_sources(root, follow_links=True)]
    assert found in (["a.pdf", "folder/b.pdf", "out.pdf"], ["a.pdf", "again/b.pdf", "out.pdf"])
    flat = find_sources(root, recursive=False, follow_links=True)
    assert [Path(entry.uri).name for entry in flat] == ["a.pdf", "out.pdf"]


def test_a_listing_opens_nothing_and_shows_every_change(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf")
    path.chmod(0)
    before = find_sources(tmp_path)[0]
    assert before == find_sources(tmp_path)[0]
    path.chmod(0o600)
    path.write_bytes(PDF + b"more")
    after = find_sources(tmp_path)[0]
    os.utime(path, ns=(0, 1))
    older = find_sources(tmp_path)[0]
    assert len({before.version, after.version, older.version}) == 3


def test_a_single_file_and_a_missing_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf")
    assert [entry.uri for entry in find_sources(path)] == [str(path)]
    with pytest.raises(UnreadableError, match="does not exist"):
        find_sources(tmp_path / "none")


def test_identity_is_the_content_and_both_names_are_kept(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.pdf"), write(tmp_path / "sub" / "copy.bin")
    write(tmp_path / "other.pdf", PDF + b"2")
    sources = merge_same(identify(entry, SETTINGS) for entry in find_sources(tmp_path))
    assert [(source.uri, source.also_at) for source in sources] == [
        (str(first), (str(second),)),
        (str(tmp_path / "other.pdf"), ()),
    ]
    assert sources[0].doc_id == hashlib.sha256(PDF).hexdigest()
    assert sources[0].media_type == "application/pdf"
    assert sources[0].byte_size == len(PDF)


def test_names_that_are_not_utf8_can_be_opened_again(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), b"caf\xe9.pdf")  # noqa: PTH118
    with open(raw, "wb") as file:  # noqa: PTH123
        file.write(PDF)
    entry = find_sources(tmp_path)[0]
    assert entry.uri.startswith("file://")
    entry.uri.encode()
    with local_copy(identify(entry, SETTINGS), SETTINGS) as path:
        assert path.read_bytes() == PDF


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [
        ("a.png", "PNG", "image/png"),
        ("a.jpg", "JPEG", "image/jpeg"),
        ("a.tif", "TIFF", "image/tiff"),
        ("a.webp", "WEBP", "image/webp"),
        ("a.bmp", "BMP", "image/bmp"),
    ],
)
def test_the_type_comes_from_the_content(tmp_path: Path, name: str, kind: str, media_type: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / name, kind)
    (tmp_path / name).rename(tmp_path / "misnamed.pdf")
    assert identify(find_sources(tmp_path)[0], SETTINGS).media_type == media_type


@pytest.mark.parametrize(
    "head", [b"GIF89a", b"PK\x03\x04", b"Hello %PDX", b"BM and other words", b"\x00\x01\x02"]
)
def test_other_content_is_unsupported_whatever_its_name(tmp_path: Path, head: bytes) -> None:
    write(tmp_path / "claims.pdf", head * 5)
    write(tmp_path / "notes.txt", head * 5)
    claims, notes = find_sources(tmp_path)
    with pytest.raises(UnsupportedError) as error:
        identify(claims, SETTINGS)
    assert not isinstance(error.value, NotADocumentError)
    with pytest.raises(NotADocumentError):
        identify(notes, SETTINGS)


def test_empty_and_large_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "empty.pdf", b"")
    write(tmp_path / "large.pdf", PDF + bytes(2000))
    empty, large = find_sources(tmp_path)
    with pytest.raises(EmptyError):
        identify(empty, SETTINGS)
    with pytest.raises(TooLargeError, match="max_bytes"):
        identify(large, Settings(max_bytes=1000))


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf")
    listed = find_sources(tmp_path)[0]
    path.write_bytes(PDF + b"grown")
    with pytest.raises(UnreadableError, match="changed"):
        identify(listed, SETTINGS)
    source = identify(find_sources(tmp_path)[0], SETTINGS)
    with pytest.raises(UnreadableError, match="changed"), local_copy(source, SETTINGS):
        path.write_bytes(PDF + b"grown again")
    path.unlink()
    with pytest.raises(UnreadableError, match="gone"), local_copy(source, SETTINGS):
        pass


def test_object_storage_is_read_like_a_folder(tmp_path: Path) -> None:
    storage = fsspec.filesystem("memory")
    storage.pipe({"/bucket/in/a.pdf": PDF, "/bucket/in/deep/b.pdf": PDF, "/bucket/in/c.txt": b"text"})
    try:
        listed = find_sources("memory://bucket/in", include=["*.pdf"])
        assert [entry.uri for entry in listed] == [
            "memory:///bucket/in/a.pdf",
            "memory:///bucket/in/deep/b.pdf",
        ]
        source = merge_same(identify(entry, SETTINGS) for entry in listed)[0]
        assert source.also_at == ("memory:///bucket/in/deep/b.pdf",)
        with local_copy(source, SETTINGS) as path:
            assert path.read_bytes() == PDF
        assert not path.exists()
        with (
            pytest.raises(UnreadableError, match="changed"),
            local_copy(replace(source, doc_id="0"), SETTINGS),
        ):
            pass
        with pytest.raises(TooLargeError), local_copy(source, Settings(max_bytes=3)):
            pass
        storage.rm("/bucket/in/a.pdf")
        with pytest.raises(UnreadableError, match="gone"):
            identify(listed[0], SETTINGS)
        with pytest.raises(UnreadableError, match="does not exist"):
            find_sources("memory://bucket/none")
    finally:
        storage.rm("/bucket", recursive=True)


def test_addresses_that_make_no_sense_are_usage_errors() -> None:
    with pytest.raises(UsageError):
        find_sources("nosuch://bucket")
    with pytest.raises(UsageError, match="chained"):
        find_sources("zip://*.pdf::memory://a.zip")
