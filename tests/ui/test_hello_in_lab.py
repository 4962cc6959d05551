"""The first notebook in a real JupyterLab: every cell runs, the lines are readable, their links answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.kernels import ROOT, kernel_env
from tests.ui.lab import Lab, Notebook

NAME = "00-hello.ipynb"
ALL_RAN = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .every(prompt => /\\d/.test(prompt.textContent))"""
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def hello(lab: Lab, page: Any) -> Iterator[Notebook]:
    """A copy of the notebook, which has run."""
    shutil.copy(ROOT / "notebooks" / NAME, lab.root)
    opened = Notebook(lab, page, NAME)
    opened.run_all()
    # The command may end before the cells do, when one fails on purpose.
    page.wait_for_function(ALL_RAN, timeout=60_000)
    yield opened
    opened.close()
    assert opened.errors == []


def plain(output: dict[str, object]) -> str:
    """An output's text."""
    data = output.get("data", {})
    assert isinstance(data, dict)
    text = output.get("text") or data.get("text/plain") or output.get("evalue", "")
    return text if isinstance(text, str) else "".join(text)  # type: ignore[arg-type]


def test_every_cell_runs_and_says_what_is_saved(hello: Notebook, page: Any) -> None:
    saved = json.loads((ROOT / "notebooks" / NAME).read_text())["cells"]
    for number, cell in enumerate(saved):
        if cell["cell_type"] != "code":
            continue
        outputs = hello.outputs(number)
        raises = "raises-exception" in cell["metadata"].get("tags", ())
        assert [each["output_type"] for each in outputs].count("error") == int(raises), outputs
        # A card's view stands beside what is saved of it, and says nothing by itself.
        said = [each for each in outputs if "application/vnd.jupyter.widget-view+json" not in each.get("data", {})]
        assert [plain(each) for each in said] == [plain(each) for each in cell["outputs"]]
    lines = page.locator(".jp-OutputArea-output", has_text="Workbench on")
    assert lines.first.is_visible()
    link = lines.first.locator("a").first.get_attribute("href")
    assert link is not None
    assert requests.get(f"{link}/ping", timeout=30).status_code == 200
    assert requests.get(f"{link}/api/hello?name=you", timeout=30).text == "Hello you!\n"
    deployed = page.locator(".jp-OutputArea-output", has_text=re.compile(r"api\.price\W*v1"))
    assert deployed.first.is_visible()
    if folder := os.environ.get("WORKBENCH_PICTURES"):
        pictures(page, Path(folder))


def pictures(page: Any, folder: Path) -> None:
    """Pictures of the whole notebook in both themes, for a person to look at."""
    former = page.viewport_size
    height = page.evaluate("document.querySelector('.jp-WindowedPanel-inner').scrollHeight") + 200
    page.set_viewport_size({"width": 1400, "height": min(int(height), 8000)})
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        page.evaluate(
            "window.jupyterapp.shell.currentWidget.content.node.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)"
        )
        page.wait_for_timeout(500)
        page.screenshot(path=str(folder / f"{NAME}-{theme.rpartition(' ')[2].lower()}.png"))
    page.set_viewport_size(former)


def nbval() -> subprocess.CompletedProcess[str]:
    """What a person types to test the notebook."""
    options = ["-p", "no:cacheprovider", "-q", "-o", "addopts="]
    env = kernel_env(JUPYTER_RUNTIME_DIR=os.environ.get("JUPYTER_RUNTIME_DIR", ""))
    env.pop("JUPYTER_RUNTIME_DIR")
    command = [sys.executable, "-m", "pytest", "--nbval", f"notebooks/{NAME}", *options]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.usefixtures("hello")
def test_the_notebook_is_a_test_that_passes_twice_beside_an_open_lab() -> None:
    for _ in range(2):
        done = nbval()
        assert done.returncode == 0, done.stdout
        assert "failed" not in done.stdout
