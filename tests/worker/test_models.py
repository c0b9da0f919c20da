from __future__ import annotations

import fnmatch
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from extractors.errors import TransportError, UsageError, WriteError
from extractors.worker.models import BEST_FIRST, PROFILES, HubName, Profile, find_model, profile, pull, verify

REPO = "somebody/Small-VL-GGUF"
PROFILE = Profile("small", REPO, "[!m]*Q8_0.gguf", "mmproj*F16.gguf", 0.001)
FILES = {
    "Small-VL-Q4_K_M.gguf": b"other" * 10,
    "Small-VL-Q8_0.gguf": bytes(range(256)) * 4000,
    "mmproj-Small-VL-F16.gguf": b"tower" * 5000,
    "mmproj-Small-VL-Q8_0.gguf": b"no" * 10,
    "README.md": b"# hello",
}
COMMIT = "a" * 40


class Hub:
    """A hub on this machine: lists a repository and serves its files, from the middle where asked."""

    def __init__(self) -> None:
        self.served: list[tuple[str, str]] = []  # file name, range
        self.spoil = False
        self.dead_after: int | None = None  # downloads, after which none is answered
        self.drops = 0  # downloads still to be broken off in the middle
        self.before_drop = 100_000  # bytes
        self.ignores_ranges = False
        self.claims = 1  # what a file's stated size is multiplied by
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                if self.path.startswith(f"/api/v1/models/{REPO}/repo/files"):
                    return self.reply(200, json.dumps(hub.scope_listing()).encode(), {})
                if self.path.startswith(f"/api/models/{REPO}"):
                    return self.reply(200, json.dumps(hub.listing()).encode(), {})
                name = self.path.rsplit("/", 1)[-1]
                if (
                    "/resolve/" in self.path and REPO in self.path and name in FILES
                ):  # as the hubs do: elsewhere, signed
                    digest = hashlib.sha256(FILES[name]).hexdigest()
                    linked = {
                        "X-Linked-ETag": f'"{digest}"',
                        "X-Linked-Size": str(len(FILES[name])),
                        "X-Repo-Commit": COMMIT,
                    }
                    return self.reply(
                        302, b"", {"Location": f"{hub.url}/cdn/{REPO}/{digest}/{name}", **linked}
                    )
                if REPO not in self.path or name not in FILES:
                    return self.reply(404, b"", {"X-Error-Code": "RepoNotFound"})
                data = FILES[name]
                digest = hashlib.sha256(data).hexdigest()
                headers = {"ETag": f'"{digest}"', "X-Linked-ETag": f'"{digest}"', "X-Repo-Commit": COMMIT,
                           "X-Linked-Size": str(len(data)), "Accept-Ranges": "bytes"}  # fmt: skip
                asked = self.headers.get("Range", "")
                if self.command == "GET":
                    hub.served.append((name, asked))
                if hub.spoil:
                    data = b"x" * len(data)
                if hub.dead_after is not None and len(hub.served) > hub.dead_after:
                    self.close_connection = True
                    return None
                if hub.drops and self.command == "GET":
                    hub.drops -= 1
                    start = int(asked[6:].split("-")[0]) if asked else 0
                    self.send_response(206 if asked else 200)
                    self.send_header("Content-Length", str(len(data) - start))
                    self.end_headers()
                    self.wfile.write(data[start : start + hub.before_drop])
                    self.close_connection = True
                    return None
                if (
                    not hub.ignores_ranges
                    and asked.startswith("bytes=")
                    and asked[6:].split("-")[0].isdigit()
                ):
                    start = int(asked[6:].split("-")[0])
                    headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
                    return self.reply(206, data[start:], headers)
                return self.reply(200, data, headers)

            def reply(self, status: int, data: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def scope_listing(self) -> dict[str, object]:
        files = [
            {"Path": n, "Size": self.claims * len(d), "Sha256": hashlib.sha256(d).hexdigest()}
            for n, d in FILES.items()
        ]
        return {"Code": 200, "Data": {"Files": files}}

    def listing(self) -> dict[str, object]:
        siblings = []
        for name, data in FILES.items():
            entry: dict[str, object] = {"rfilename": name, "size": self.claims * len(data)}
            if name.endswith(".gguf"):
                digest = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 130, "oid": digest}
            siblings.append(entry)
        return {
            "id": REPO,
            "modelId": REPO,
            "sha": COMMIT,
            "siblings": siblings,
            "tags": [],
            "private": False,
        }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    running = Hub()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_a_model_is_fetched_checked_and_found(hub: Hub, tmp_path: Path) -> None:
    assert find_model(PROFILE, tmp_path) is None
    assert verify(PROFILE, tmp_path) == []
    told: list[tuple[str, int]] = []
    files = pull(PROFILE, tmp_path, hub.url, on_file=lambda name, size: told.append((name, size)))
    assert files.model.read_bytes() == FILES["Small-VL-Q8_0.gguf"]
    assert files.mmproj.read_bytes() == FILES["mmproj-Small-VL-F16.gguf"]
    assert told == [("Small-VL-Q8_0.gguf", 1_024_000), ("mmproj-Small-VL-F16.gguf", 25_000)]
    assert find_model(PROFILE, tmp_path) == files
    assert [file.ok for file in verify(PROFILE, tmp_path)] == [True, True]


def test_what_is_here_is_not_fetched_again_and_what_is_damaged_is(hub: Hub, tmp_path: Path) -> None:
    files = pull(PROFILE, tmp_path, hub.url)
    hub.served.clear()
    pull(PROFILE, tmp_path, hub.url)
    assert hub.served == []
    files.mmproj.write_bytes(b"damaged")
    assert [file.ok for file in verify(PROFILE, tmp_path)] == [True, False]
    pull(PROFILE, tmp_path, hub.url)
    assert [name for name, _ in hub.served] == ["mmproj-Small-VL-F16.gguf"]
    assert [file.ok for file in verify(PROFILE, tmp_path)] == [True, True]


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    pull(PROFILE, tmp_path, hub.url)
    files = find_model(PROFILE, tmp_path)
    assert files is not None
    whole = FILES["Small-VL-Q8_0.gguf"]
    files.model.unlink()
    files.model.with_name(f"{files.model.name}.partial").write_bytes(whole[:400_000])
    hub.served.clear()
    pull(PROFILE, tmp_path, hub.url)
    assert hub.served == [("Small-VL-Q8_0.gguf", "bytes=400000-")]
    assert files.model.read_bytes() == whole


@pytest.mark.parametrize("hub_name", ["huggingface", "modelscope"])
def test_a_connection_that_drops_again_and_again_costs_nothing_twice(
    hub: Hub, tmp_path: Path, hub_name: HubName
) -> None:
    hub.drops = 8
    files = pull(PROFILE, tmp_path, hub.url, hub=hub_name)
    assert files.model.read_bytes() == FILES["Small-VL-Q8_0.gguf"]
    ranges = [asked for name, asked in hub.served if name == "Small-VL-Q8_0.gguf"]
    starts = [int(asked[6:-1]) if asked else 0 for asked in ranges]
    assert len(starts) == 9 and starts == sorted(set(starts))  # each goes on where the last one stopped
    assert [file.ok for file in verify(PROFILE, tmp_path)] == [True, True]


def test_a_connection_that_never_holds_is_given_up_and_kept_for_later(hub: Hub, tmp_path: Path) -> None:
    hub.drops, hub.before_drop = 1, 50_000
    hub.dead_after = 1
    with pytest.raises(TransportError, match="Pull again: it goes on where it stopped"):
        pull(PROFILE, tmp_path, hub.url)
    hub.dead_after = None
    hub.served.clear()
    assert pull(PROFILE, tmp_path, hub.url).model.read_bytes() == FILES["Small-VL-Q8_0.gguf"]
    assert hub.served[0][1] == "bytes=50000-"


def test_a_server_that_ignores_ranges_begins_anew(hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / PROFILE.name
    home.mkdir()
    (home / "Small-VL-Q8_0.gguf.partial").write_bytes(FILES["Small-VL-Q8_0.gguf"][:1000])
    hub.ignores_ranges = True
    assert pull(PROFILE, tmp_path, hub.url).model.read_bytes() == FILES["Small-VL-Q8_0.gguf"]


def test_a_disk_without_room_is_told_before_and_on_the_way(hub: Hub, tmp_path: Path) -> None:
    hub.claims = 10**12
    with pytest.raises(WriteError, match="room for .* PARQUETRY_MODELS"):
        pull(PROFILE, tmp_path, hub.url)
    assert hub.served == []
    hub.claims = 1
    home = tmp_path / PROFILE.name
    (home / "Small-VL-Q8_0.gguf.partial").symlink_to(
        "/dev/full"
    )  # a device on which every write finds the disk full
    with pytest.raises(WriteError, match="No space left on device.*free some space"):
        pull(PROFILE, tmp_path, hub.url)
    assert find_model(PROFILE, tmp_path) is None


def test_the_other_hub_gives_the_same_files(hub: Hub, tmp_path: Path) -> None:
    files = pull(PROFILE, tmp_path, hub.url, hub="modelscope")
    assert files.model.read_bytes() == FILES["Small-VL-Q8_0.gguf"]
    assert [file.ok for file in verify(PROFILE, tmp_path)] == [True, True]


def test_a_file_that_arrives_damaged_is_not_kept(hub: Hub, tmp_path: Path) -> None:
    hub.spoil = True
    with pytest.raises(TransportError, match="damaged"):
        pull(PROFILE, tmp_path, hub.url)
    assert not (tmp_path / PROFILE.name / "Small-VL-Q8_0.gguf").exists()
    assert find_model(PROFILE, tmp_path) is None


def test_without_a_hub_or_a_model_the_message_says_what_to_do(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="could not be listed"):
        pull(PROFILE, tmp_path, "http://127.0.0.1:9")
    lost = Profile("lost", "somebody/Nothing-GGUF", "*", "*", 0.0)
    with pytest.raises(UsageError, match="no model somebody/Nothing-GGUF"):
        pull(lost, tmp_path, hub.url)
    renamed = Profile("renamed", REPO, "*Q5_K_M.gguf", "mmproj*", 0.0)
    with pytest.raises(UsageError, match="no file like"):
        pull(renamed, tmp_path, hub.url)


def test_the_known_models() -> None:
    assert profile().repo == "Qwen/Qwen3-VL-8B-Instruct-GGUF"
    assert profile("QWEN3-VL-2B-Q8_0").name == "qwen3-vl-2b-q8_0"
    assert {name.split("-")[2] for name in PROFILES} == {"8b", "4b", "2b"}
    assert {name.rsplit("-", 1)[1] for name in PROFILES} == {"q4_k_m", "q8_0", "f16"} and len(PROFILES) == 9
    assert set(BEST_FIRST) <= set(PROFILES)
    with pytest.raises(UsageError, match="models list"):
        profile("gpt-9")


# The files of Qwen's own repositories, as they are named there.
PUBLISHED = [
    f"{projector}Qwen3VL-{{size}}-Instruct-{bits}.gguf"
    for projector, bits in (
        ("", "Q4_K_M"),
        ("", "Q8_0"),
        ("", "F16"),
        ("mmproj-", "F16"),
        ("mmproj-", "Q8_0"),
    )
]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_picks_its_own_files(name: str) -> None:
    wanted = PROFILES[name]
    _, _, size, bits = name.split("-")
    published = [file.format(size=size.upper()) for file in PUBLISHED]
    picked = [
        [file for file in published if fnmatch.fnmatchcase(file, pattern)]
        for pattern in (wanted.model_pattern, wanted.mmproj_pattern)
    ]
    assert picked == [
        [f"Qwen3VL-{size.upper()}-Instruct-{bits.upper()}.gguf"],
        [f"mmproj-Qwen3VL-{size.upper()}-Instruct-F16.gguf"],
    ]
    assert wanted.repo == f"Qwen/Qwen3-VL-{size.upper()}-Instruct-GGUF"
    assert (wanted.tile_tokens * wanted.token_pixels**2, wanted.max_tile_tokens, wanted.temperature) == (
        1024**2,
        4096,
        0.0,
    )
