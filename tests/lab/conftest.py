"""One JupyterLab and one browser for all tests of this folder; a page for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed. Install: pip install playwright")

from playwright.sync_api import Browser, Page, sync_playwright

from tests.kernels import ROOT
from tests.lab.lab import CHROMIUM, FLAGS, Lab


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the notebooks, so that nothing of the checkout is saved over."""
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".*"))
    return folder


@pytest.fixture(scope="module")
def lab(shown: Path) -> Iterator[Lab]:
    """A JupyterLab on the copy."""
    lab = Lab(shown, {"WORKBENCH_PORT": "0"})
    try:
        yield lab.wait()
    finally:
        lab.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if not CHROMIUM:
        pytest.skip("chromium is not installed. Install: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    yield page
    page.close()
