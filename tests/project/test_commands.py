"""`make` and `.ci/run` find a Python that fits, and say how to fix what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import ROOT


def run(*command: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    # Nothing of a make that runs these tests.
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "PYTHON", "VENV"))}
    env |= {"PATH": path} if path else {}
    return subprocess.run(
        [str(each) for each in command],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with next to nothing on it, and no Python."""
    for tool in ("bash", "sh", "dirname", "id", "env", "timeout", "sed", "make"):
        if found := shutil.which(tool):
            (tmp_path / tool).symlink_to(found)
    return str(tmp_path)


def test_make_alone_lists_its_commands() -> None:
    commands = [line.split()[:2] for line in run("make").stdout.splitlines()]
    assert commands == [["make", each] for each in ("lab", "test", "demo", "bench", "soak", "lab-assets", "clean")]


def test_a_python_given_by_hand_has_an_environment_of_its_own() -> None:
    done = run("make", "--dry-run", "--always-make", "test", f"PYTHON={sys.executable}")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"{sys.executable} -m venv .cache/venv-{version}" in done.stdout
    assert f".cache/venv-{version}/bin/python -m pytest --nbval tests" in done.stdout


def test_the_first_command_installs_what_every_notebook_needs() -> None:
    done = run("make", "--dry-run", "--always-make", "lab", "VENV=.cache/none")
    assert "--editable '.[all]'" in done.stdout


def test_a_python_that_does_not_fit_is_refused_with_the_fix() -> None:
    done = run("make", "test", "PYTHON=false")
    assert done.returncode != 0
    assert "No Python 3.11 to 3.13 with venv was found as false." in done.stderr
    assert "Fix: install one" in done.stderr


def test_no_python_at_all_is_said_with_the_fix(bare_path: str) -> None:
    done = run("make", "lab", "VENV=.cache/none", path=bare_path)
    assert done.returncode != 0
    assert "No Python 3.11 to 3.13 with venv was found." in done.stderr


def test_ci_names_what_is_missing_where_it_cannot_install(bare_path: str) -> None:
    done = run(ROOT / ".ci" / "run", path=bare_path)
    assert done.returncode == 1
    assert "no apt-get to install it" in done.stderr
    assert {"chromium", "redis-server", "wrk", "python3-venv"} <= set(done.stderr.split())


def test_make_lab_has_the_command_on_the_path_of_its_terminals() -> None:
    done = run("make", "--dry-run", "--always-make", "lab", "VENV=/somewhere/venv", f"PYTHON={sys.executable}")
    assert 'PATH="/somewhere/venv/bin:$PATH" /somewhere/venv/bin/python -m jupyterlab' in done.stdout
