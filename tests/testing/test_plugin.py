"""`pytest --nbval` compares what is stable of a notebook, in kernels that leave nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import kernel_env

pytestmark = pytest.mark.timeout(120)
DEPLOY = (
    "from workbench import wb, Service\nclass A(Service):\n    name = 'a'\n    def handle(self):\n        return 1\n"
)
ENVIRONMENT = "import os\nprint(os.environ.get('WORKBENCH_STORE'), os.environ.get('WORKBENCH_PORT'))"


def shown(text: str, html: str) -> dict[str, Any]:
    """A display as it is saved."""
    data = {"text/plain": [text], "text/html": [html]}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def printed(text: str) -> dict[str, Any]:
    """A print as it is saved."""
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def write(path: Path, *cells: tuple[str, list[dict[str, Any]]]) -> None:
    """A notebook of these cells and saved outputs."""
    made = [
        {"cell_type": "code", "source": source, "outputs": outputs, "metadata": {}, "execution_count": 1, "id": str(n)}
        for n, (source, outputs) in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))


def nbval(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Test the notebooks of a folder."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-rA", "-p", "no:cacheprovider"]
    given = kernel_env(JUPYTER_RUNTIME_DIR=str(folder / "runtime"), IPYTHONDIR=str(folder / "ipython")) | env
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=100, check=False)


GREETING = "Workbench on. Services go live when their cell has run. Type wb to see everything."


def test_live_html_may_differ_and_stable_text_not_and_the_kernel_keeps_to_itself(tmp_path: Path) -> None:
    saved = [shown(GREETING, "another port"), shown("a v1 is live.", "other colours")]
    write(tmp_path / "same.ipynb", (DEPLOY, saved), (ENVIRONMENT, [printed("memory:// 0\n")]))
    write(tmp_path / "other.ipynb", (DEPLOY, [shown(GREETING, ""), shown("a v7 is live.", "")]))
    done = nbval(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "1 failed, 2 passed" in done.stdout
    assert re.search(r"FAILED other\.ipynb", done.stdout)
    assert len(re.findall(r"PASSED same\.ipynb", done.stdout)) == 2
    assert not (tmp_path / ".workbench").exists()


def test_what_a_person_has_set_stays(tmp_path: Path) -> None:
    write(tmp_path / "one.ipynb", (ENVIRONMENT, [printed("sqlite:///mine.db 0\n")]))
    assert nbval(tmp_path, WORKBENCH_STORE="sqlite:///mine.db").returncode == 0


def test_nbval_leaves_scratch_cells_out(tmp_path: Path) -> None:
    write(tmp_path / "one.ipynb", ("1", []), ("raise RuntimeError", []), ("2", []))
    notebook = json.loads((tmp_path / "one.ipynb").read_text())
    notebook["cells"][1]["metadata"]["tags"] = ["scratch"]
    (tmp_path / "one.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "pytest", "--nbval", "--co", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, env=kernel_env(), capture_output=True, text=True, timeout=100, check=False
    )
    assert [line for line in done.stdout.splitlines() if "::" in line] == [
        "one.ipynb::Cell 0",
        "one.ipynb::Cell 2",
    ], done.stdout


@pytest.mark.parametrize("options", [[], ["--nbval-lax"]])
def test_other_tests_are_left_alone(tmp_path: Path, options: list[str]) -> None:
    wanted = "memory://" if options else None
    text = f"import os\n\ndef test_it():\n    assert os.environ.get('WORKBENCH_STORE') == {wanted!r}\n"
    (tmp_path / "test_one.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=kernel_env(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout
