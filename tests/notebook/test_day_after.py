"""The notebooks of this project run again on the day after: on what the day before has left, however that day ended."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.kernels import Kernel

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOAKS = bool(os.environ.get("WORKBENCH_SOAK"))
SAMPLE = sorted(each.name for each in NOTEBOOKS.glob("*.ipynb")) if SOAKS else ["02-scheduler.ipynb"]
KILLED = (False, True, False) if SOAKS else (True, False)
"""Whether the kernel is killed at the end of each day, or shut down."""

pytestmark = pytest.mark.timeout(300)


def run(notebook: Path, *, killed: bool) -> None:
    """Run all of it in a kernel of its own, which is then shut down, or killed."""
    env = {"JPY_SESSION_NAME": notebook.name, "JUPYTER_RUNTIME_DIR": str(notebook.parent / "runtime")}
    with Kernel("workbench", cwd=notebook.parent, env=env) as kernel:
        for cell in json.loads(notebook.read_text())["cells"]:
            if cell["cell_type"] == "code":
                code, fails = "".join(cell["source"]), "raises-exception" in cell["metadata"].get("tags", ())
                kernel.wait(kernel.send_as(cell["id"], code), 60, fails=fails, code=code)
        if killed:
            kernel.kill()


@pytest.mark.parametrize("name", SAMPLE)
def test_a_notebook_runs_again_in_a_fresh_kernel(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".*", "runtime"))
    for killed in KILLED:
        run(folder / name, killed=killed)
