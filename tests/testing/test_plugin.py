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


# Without the plugins of other packages pytest starts in a third of the time; one test has it find ours by itself.
NAMED, ALONE = ("-p", "workbench.testing.plugin"), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


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


def run(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Test what is in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *options]
    given = kernel_env(JUPYTER_RUNTIME_DIR=str(folder / "runtime"), IPYTHONDIR=str(folder / "ipython")) | env
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=100, check=False)


GREETING = "Workbench on. Services go live when their cell has run. Type wb to see everything."


def test_live_html_may_differ_and_stable_text_not_and_the_kernel_keeps_to_itself(tmp_path: Path) -> None:
    saved = [shown(GREETING, "another port"), shown("a v1 is live.", "other colours")]
    write(tmp_path / "same.ipynb", (DEPLOY, saved), (ENVIRONMENT, [printed("memory:// 0\n")]))
    write(tmp_path / "other.ipynb", (DEPLOY, [shown(GREETING, ""), shown("a v7 is live.", "")]))
    write(tmp_path / "scratch.ipynb", ("x = 1", []), ("raise RuntimeError", []), ("x = 2", []))
    notebook = json.loads((tmp_path / "scratch.ipynb").read_text())
    notebook["cells"][1]["metadata"]["tags"] = ["scratch"]
    (tmp_path / "scratch.ipynb").write_text(json.dumps(notebook))
    done = run(tmp_path, "--nbval")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 4 passed" in done.stdout
    assert re.search(r"FAILED other\.ipynb", done.stdout)
    assert len(re.findall(r"PASSED same\.ipynb", done.stdout)) == 2
    assert re.findall(r"PASSED scratch\.ipynb::(Cell \d)", done.stdout) == ["Cell 0", "Cell 2"], "scratch is left out"
    assert not (tmp_path / ".workbench").exists()


def test_what_a_person_has_set_stays_and_other_tests_run_beside_notebooks(tmp_path: Path) -> None:
    write(tmp_path / "one.ipynb", (f"{ENVIRONMENT}\nassert os.environ['WORKBENCH_STORE'] == 'sqlite:///mine.db'", []))
    write_test(tmp_path, "sqlite:///mine.db", "0")
    done = run(tmp_path, "--nbval-lax", *NAMED, "-p", "nbval.plugin", WORKBENCH_STORE="sqlite:///mine.db", **ALONE)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_without_nbval_other_tests_are_left_alone(tmp_path: Path) -> None:
    write_test(tmp_path, None, None)
    done = run(tmp_path, *NAMED, **ALONE)
    assert done.returncode == 0, done.stdout


def write_test(folder: Path, store: str | None, port: str | None) -> None:
    """A test that is no notebook's, of the environment that it has."""
    test = "def test_it():\n    assert [os.environ.get(f'WORKBENCH_{each}') for each in ('STORE', 'PORT')]"
    (folder / "test_one.py").write_text(f"import os\n\n{test} == {[store, port]!r}\n")
