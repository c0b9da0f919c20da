"""Odd real documents: none may crash or hang, each gives its pages or a failure that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extractors.errors import ParquetryError
from extractors.isolation.pool import ReaderPool
from extractors.pages.opening import open_document
from extractors.settings import Settings
from extractors.sources import find_sources, identify
from tests.conftest import ROOT

PASSWORDS = {
    "encrypted.pdf": "userpassword",
    "password-example.pdf": "test",
    "2206.01062_pg3.pdf": "1234",
}


@pytest.fixture
def catalogue(eval_dir: Path) -> dict[str, dict[str, object]]:
    entries = json.loads((eval_dir / "robust" / "catalogue.json").read_text())
    return {entry["file"]: entry for entry in entries}


def test_every_odd_document_gives_its_pages_or_says_why_not(
    eval_dir: Path, catalogue: dict[str, dict[str, object]]
) -> None:
    settings = Settings(ocr=False)
    refused = {}
    listed = find_sources(eval_dir / "robust", include=["*.pdf"])
    assert len(listed) == len(catalogue)
    for entry in listed:
        name = Path(entry.uri).name
        expected = catalogue[name]["pages"]
        try:
            with open_document(identify(entry, settings), settings) as document:
                pages = list(document.pages())
        except ParquetryError as error:
            refused[name] = error.category
            assert expected == ""
            continue
        assert [page.content.page for page in pages] == list(range(1, int(str(expected)) + 1)), name
        for page in pages:
            content = page.content
            assert content.width > 0
            assert content.height > 0
            inside = [
                0 <= word.box.center[0] <= content.width and 0 <= word.box.center[1] <= content.height
                for word in content.words
            ]
            assert all(inside), name
            assert all(word.box.width > 0 and word.box.height > 0 for word in content.words), name
            assert {failure.stage for failure in page.failures} <= {"ocr"}, page.failures
            if content.text_source == "none" and not page.failures:
                assert "no-text" in str(catalogue[name]["what"]), name
    assert refused == {**dict.fromkeys(PASSWORDS, "encrypted"), "empty.pdf": "empty"}


@pytest.mark.parametrize("name", sorted(PASSWORDS))
def test_passwords_open_what_is_locked(eval_dir: Path, name: str) -> None:
    settings = Settings(ocr=False, password=PASSWORDS[name])  # type: ignore[arg-type]
    source = identify(find_sources(eval_dir / "robust" / name)[0], settings)
    with open_document(source, settings) as document:
        assert any(page.content.words for page in document.pages())


@pytest.mark.slow
def test_every_odd_document_is_read_in_a_process_of_its_own(
    eval_dir: Path, catalogue: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    settings = Settings(engine="geometry", page_timeout=600)
    with ReaderPool(settings) as pool:
        for entry in find_sources(eval_dir / "robust", include=["*.pdf"]):
            name = Path(entry.uri).name
            if not entry.byte_size:
                continue
            result = pool.read(identify(entry, settings))
            if name in PASSWORDS:
                assert [failure.category for failure in result.failures] == ["encrypted"]
                continue
            assert result.document.status == "ok", result.failures
            assert result.document.n_pages == catalogue[name]["pages"]
            if "scan-no-text" in str(catalogue[name]["what"]):
                assert {page.text_source for page in result.pages} == {"ocr"}
