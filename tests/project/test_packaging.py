"""The wheel holds what a person needs, and importing the package costs next to nothing."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests.kernels import ROOT, kernel_env
from workbench import __version__


def python(*arguments: str, timeout: float = 120) -> str:
    command = [sys.executable, *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env=kernel_env(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder))
    (path,) = folder.glob("*.whl")
    assert path.name == f"notebook_workbench-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_wheel_brings_the_kernel(wheel: zipfile.ZipFile) -> None:
    brought = f"notebook_workbench-{__version__}.data/data/share/jupyter/kernels/workbench/"
    files = {name.removeprefix(brought) for name in wheel.namelist() if name.startswith(brought)}
    assert files == {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_the_wheel_brings_the_extension_of_jupyterlab_as_it_was_built(wheel: zipfile.ZipFile) -> None:
    brought = f"notebook_workbench-{__version__}.data/data/share/jupyter/labextensions/notebook-workbench/"
    files = {name.removeprefix(brought): wheel.read(name) for name in wheel.namelist() if name.startswith(brought)}
    built = ROOT / "workbench" / "lab" / "labextension"
    assert files == {str(path.relative_to(built)): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert not [name for name in wheel.namelist() if name.startswith("workbench/lab/")]


def test_the_wheel_brings_every_notebook_and_nothing_that_running_them_left(wheel: zipfile.ZipFile) -> None:
    brought = f"notebook_workbench-{__version__}.data/data/share/workbench/notebooks/"
    files = {name.removeprefix(brought) for name in wheel.namelist() if name.startswith(brought)}
    assert files == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_the_wheel_brings_every_module_and_only_the_package(wheel: zipfile.ZipFile) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "workbench").rglob("*.py")}
    assert modules <= set(wheel.namelist())
    assert {Path(name).parts[0].partition("-")[0] for name in wheel.namelist()} == {"workbench", "notebook_workbench"}


def test_the_wheel_says_that_it_is_typed_and_free(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "workbench/py.typed" in names
    licence = wheel.read(f"notebook_workbench-{__version__}.dist-info/licenses/LICENSE").decode()
    assert "The workbench authors" in licence
    metadata = Parser().parsestr(wheel.read(f"notebook_workbench-{__version__}.dist-info/METADATA").decode())
    assert (metadata["Version"], metadata["License-Expression"]) == (__version__, "BSD-3-Clause")


def test_the_wheel_brings_the_command_and_the_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    entries = wheel.read(f"notebook_workbench-{__version__}.dist-info/entry_points.txt").decode()
    assert "[console_scripts]\nworkbench = workbench.cli.main:main" in entries
    assert "[pytest11]\nworkbench = workbench.testing.plugin" in entries
    python("-c", "import workbench.cli.main, workbench.testing.plugin; workbench.cli.main.main")


def test_the_import_is_quicker_than_that_of_asyncio() -> None:
    """The figure itself, 0.3 s, is judged by the bench `start`; here two imports meet the same mood of the machine."""
    timed = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"
    took = [[float(python("-c", timed.format(each))) for each in ("workbench", "asyncio")] for _ in range(5)]
    assert statistics.median(ours / peer for ours, peer in took) <= 1.0, took


def test_the_import_brings_no_client_library_and_no_notebook() -> None:
    heavy = ["tornado", "apscheduler", "redis", "dropbox", "requests", "IPython", "ipywidgets", "anywidget", "aiosmtpd"]
    loaded = python("-c", f"import workbench, sys, json; print(json.dumps([m for m in {heavy} if m in sys.modules]))")
    assert json.loads(loaded) == []


def test_an_installed_wheel_finds_the_notebooks_it_brought(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--ignore-installed"]
    subprocess.run([*install, "--prefix", str(tmp_path), str(wheel.filename)], check=True, timeout=120)
    (package,) = tmp_path.rglob("workbench/__init__.py")
    code = "from workbench.cli.examples import examples; print(*(path.name for path in examples()))"
    env = kernel_env(PYTHONPATH=str(package.parents[1]), PYTHONUSERBASE=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb")), done.stderr
