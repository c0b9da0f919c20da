"""Which files a run looks at: folders, manifests, dates and globs."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from extractors.errors import UnreadableError, UsageError
from flows.index import Index
from flows.listing import Listing, list_files, read_manifest
from flows.parameters import RunParameters

EMPTY = Index({}, {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Reports of three years, each last changed on the first of March of its year."""
    for year in (2019, 2020, 2021):
        path = tmp_path / "archive" / str(year) / f"report{year}.pdf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"%PDF-1.7")
        when = datetime(year, 3, 1).timestamp()
        os.utime(path, (when, when))
    (tmp_path / "archive" / "2020" / "scan.png").write_bytes(b"png")
    return tmp_path / "archive"


def listed(**given: object) -> Listing:
    return list_files(RunParameters.model_validate({"out": "out", **given}), EMPTY)


def names(listing: Listing) -> list[str]:
    return [Path(entry.uri).name for entry in listing.files]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"since": "2020-01-01"}, ["report2020.pdf", "scan.png", "report2021.pdf"]),
        ({"until": "2020-03-01"}, ["report2019.pdf"]),  # the day itself is not before it
        ({"since": "2020-03-01", "until": "2021-03-01"}, ["report2020.pdf"]),
        ({"since": "2020-01-01", "include": ("*.pdf",)}, ["report2020.pdf", "report2021.pdf"]),
        ({"include": ("2020/**",), "exclude": ("*.png",)}, ["report2020.pdf"]),
        ({"recursive": False}, []),
    ],
)
def test_dates_and_globs(folder: Path, given: dict[str, object], expected: list[str]) -> None:
    assert names(listed(folders=(str(folder),), **given)) == expected


def test_many_folders_are_one_list_and_each_file_is_in_it_once(folder: Path) -> None:
    listing = listed(folders=(str(folder / "2021"), str(folder / "2019"), str(folder)))
    assert names(listing) == ["report2019.pdf", "report2020.pdf", "scan.png", "report2021.pdf"]
    assert listing.in_scope(f"{folder}/2019/gone.pdf")
    assert not listing.in_scope(f"{folder}-other/a.pdf")


def test_a_manifest_is_csv_or_parquet_and_dates_hold_for_it(folder: Path, tmp_path: Path) -> None:
    uris = [f"{folder}/2019/report2019.pdf", f"{folder}/2020/report2020.pdf", f"{folder}/2020/gone.pdf"]
    (tmp_path / "m.csv").write_text("\ufeffuri,year\n" + "".join(f"{uri} ,1\n" for uri in [*uris, uris[0]]))
    pq.write_table(pa.table({"uri": [*uris, None], "year": [1, 2, 3, 4]}), tmp_path / "m.parquet")
    for name in ("m.csv", "m.parquet"):
        assert read_manifest(str(tmp_path / name)) == uris
        listing = listed(manifest=str(tmp_path / name), since="2020-01-01")
        assert (names(listing), listing.missing) == (["report2020.pdf"], (uris[2],))
        assert listing.in_scope(uris[0])
        assert not listing.in_scope(f"{folder}/2021/report2021.pdf")


def test_a_manifest_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path\na.pdf\n")
    with pytest.raises(UsageError, match="column `uri`"):
        read_manifest(str(tmp_path / "m.csv"))
    with pytest.raises(UnreadableError, match="check its path"):
        read_manifest(str(tmp_path / "none.csv"))
