"""`make demo` confirms what the first notebooks promise, and notices when something is not so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import ROOT

pytestmark = pytest.mark.timeout(120)
NOTEBOOK = ROOT / "notebooks" / "00-hello.ipynb"


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.demo", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110, check=False
    )


def test_everything_is_confirmed() -> None:
    done = demo()
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().endswith("Everything was confirmed.")
    assert "WRONG" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("right", "wrong", "step"),
    [
        ("Hello {name}", "Hullo {name}", "WRONG  GET /api/hello?name=Grace"),
        ("wb.sandbox()", "wb.sandbocks()", "WRONG  The story goes on."),
    ],
)
def test_what_is_not_so_is_noticed(tmp_path: Path, right: str, wrong: str, step: str) -> None:
    changed = tmp_path / NOTEBOOK.name
    text = NOTEBOOK.read_text()
    assert right in text
    changed.write_text(text.replace(right, wrong))
    done = demo(changed)
    assert done.returncode == 1, done.stdout
    assert step in done.stdout
    assert "NOT confirmed" in done.stdout.rstrip().splitlines()[-1]


def test_a_notebook_without_calls_is_refused() -> None:
    done = demo("nowhere.ipynb")
    assert done.returncode == 2
    assert "No calls are written down for 'nowhere.ipynb'; there are: 00-hello.ipynb" in done.stderr
