"""The page to try the worker, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.worker_process import RunningWorker, running_worker

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 60_000  # milliseconds that the browser waits for an answer of a busy machine

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(tmp_path_factory.mktemp("worker"), seed=15, slots=2) as running:
        yield running


@pytest.fixture(scope="module")
def page(worker: RunningWorker) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(SECONDS)
        yield opened
        browser.close()


def picture(folder: Path, seed: int) -> Path:
    path = folder / "page.png"
    pixels = np.random.default_rng(seed).integers(0, 255, (160, 224, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def read(page: Page, url: str, image: Path, task: str, length: int = 200) -> str:
    page.goto(url)
    page.set_input_files("#file", image)
    page.select_option("#task", task)
    if task == "free":
        page.fill("#question", "What is it?")
    page.fill("#length", str(length))
    page.click("#go")
    page.locator("#go:enabled").wait_for()
    return page.inner_text("#status")


def test_an_image_is_read_and_shown_with_times_and_confidence(
    page: Page, worker: RunningWorker, tmp_path: Path
) -> None:
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    drawn = 0
    for seed in range(20):
        status = read(page, worker.url, picture(tmp_path, seed), "table", 4000)
        assert "tokens, ended by" in status and "mean confidence" in status
        assert page.is_visible("#image") and page.is_visible("#json")
        if "ended by stop" in status:
            shown = page.evaluate("JSON.parse(document.querySelector('#json').textContent)")
            rows = [row for table in shown["tables"] for row in table["rows"]]
            cells = page.locator("#tables tr").evaluate_all(
                "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
            )
            assert cells == rows
            drawn += len(rows)
        if drawn:
            break
    assert drawn > 0
    assert wrong == []
    assert all(url.startswith((worker.url, "blob:", "data:")) for url in asked)


def test_a_free_question_and_a_refusal(page: Page, worker: RunningWorker, tmp_path: Path) -> None:
    assert "tokens, ended by" in read(page, worker.url, picture(tmp_path, 1), "free", 20)
    assert page.inner_text("#json") != ""
    assert "cells" in read(page, worker.url, picture(tmp_path, 1), "describe", 16_384)
