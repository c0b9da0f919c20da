"""Settings: where they come from, which goes first, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractors.errors import UsageError
from extractors.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_given_goes_before_variables_and_these_before_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "parquetry.toml").write_text("page_timeout = 1\nocr_dpi = 100\nmax_pages = 7\n")
    monkeypatch.setenv("PARQUETRY_PAGE_TIMEOUT", "2")
    monkeypatch.setenv("PARQUETRY_OCR_DPI", "150")
    read = read_settings(page_timeout=3)
    assert (read.page_timeout, read.ocr_dpi, read.max_pages) == (3, 150, 7)
    assert read.max_bytes == Settings.model_fields["max_bytes"].default


@pytest.mark.parametrize(
    "text",
    [
        "http://a:7860,http://b:7860",
        " http://a:7860, http://b:7860 ",
        "http://a:7860 http://b:7860",
        '["http://a:7860", "http://b:7860"]',
    ],
)
def test_addresses_of_workers_in_a_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARQUETRY_WORKER_URLS", text)
    assert read_settings().worker_urls == ("http://a:7860", "http://b:7860")


def test_addresses_of_workers_in_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "parquetry.toml").write_text('worker_urls = ["http://a:7860"]\n')
    assert read_settings().worker_urls == ("http://a:7860",)
    monkeypatch.setenv("PARQUETRY_WORKER_URLS", "")
    assert read_settings().worker_urls == ()


@pytest.mark.parametrize(
    ("variable", "text"),
    [("PAGE_TIMEOUT", "soon"), ("PAGE_TIMEOUT", "-1"), ("OCR_DPI", "9000"), ("WORKER_URLS", "[http:")],
)
def test_a_wrong_variable_is_named(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PARQUETRY_{variable}", text)
    with pytest.raises(UsageError, match=f"PARQUETRY_{variable}, or {variable.lower()} in parquetry.toml"):
        read_settings()


def test_a_name_that_nobody_knows_is_refused(home: Path) -> None:
    (home / "parquetry.toml").write_text("page_timout = 10\n")
    with pytest.raises(UsageError, match=r"page_timout in parquetry\.toml"):
        read_settings()


def test_a_file_that_is_no_toml_is_told(home: Path) -> None:
    (home / "parquetry.toml").write_text("page_timeout: 10\n")
    with pytest.raises(UsageError, match="no TOML"):
        read_settings()


def test_a_secret_is_in_no_message(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "parquetry.toml").write_text('password = ["open-sesame"]\n')
    with pytest.raises(UsageError, match="PARQUETRY_PASSWORD") as error:
        read_settings()
    assert "open-sesame" not in str(error.value)
    monkeypatch.setenv("PARQUETRY_PASSWORD", "open-sesame")
    assert "open-sesame" not in repr(read_settings())


def test_what_concerns_others_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's variables and that of the log begin alike."""
    monkeypatch.setenv("PARQUETRY_WORKER_PORT", "7860")
    monkeypatch.setenv("PARQUETRY_LOG", "json")
    assert read_settings() == Settings()
