"""A package on another's machine: only the wheel is there; under `make soak`, for each takes minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.kernels import ROOT, kernel_env
from tests.sharing.running import LONGEST_SECONDS, run
from tests.testing.notebooks import code, write
from workbench.sharing.python import python_in

HERE_SECONDS, MADE_SECONDS = 60.0, 150.0
"""Longest time to green where an environment exists, and where one is made with packages in pip's cache [s]."""
RUN = "from pathlib import Path\nPath({!r}).write_text('it ran')"


def ran_in(folder: Path, *command: str | Path) -> float:
    """Run a command to its end; how long it took [s]."""
    env = kernel_env(JUPYTER_RUNTIME_DIR=str(folder / "runtime"), XDG_CACHE_HOME=str(folder / "cache"))
    env |= {"PIP_CACHE_DIR": subprocess.check_output([sys.executable, "-m", "pip", "cache", "dir"], text=True).strip()}
    env.pop("PYTHONPATH", None)
    began = time.monotonic()
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=env, capture_output=True, text=True, timeout=1_200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began


def by_the_wheel_alone(fresh: CommandLine) -> None:
    """What needs nothing besides is green at once; what does, in an environment made for it, the next time at once."""
    folder = fresh.folder
    for name in ("00-hello", "04-rest-and-ftp-to-dropbox"):
        done = run(fresh, "share", str(ROOT / "notebooks" / f"{name}.ipynb"), "--to", f"{name}.zip")
        assert done.returncode == 0, done
    build = (sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "--no-build-isolation")
    ran_in(folder, *build, "--wheel-dir", folder)
    ran_in(folder, sys.executable, "-m", "venv", folder / "only")
    (wheel,) = folder.glob("*.whl")
    ran_in(folder, python_in(folder / "only"), "-m", "pip", "install", "--quiet", "--no-compile", wheel)
    command = (python_in(folder / "only").with_name("workbench"), "open")
    assert ran_in(folder, *command, "00-hello.zip", "--test", "--yes") <= HERE_SECONDS
    arriving = (*command, "04-rest-and-ftp-to-dropbox.zip", "--test", "--yes")
    # The first fills pip's cache.
    ran_in(folder, *arriving, "--to", folder / "first")
    for pointer in (folder / "cache").rglob("*.json"):
        if "environments" in pointer.parts[-2]:
            pointer.unlink()
    assert ran_in(folder, *arriving, "--to", folder / "second") <= MADE_SECONDS
    assert ran_in(folder, *arriving, "--to", folder / "third") <= HERE_SECONDS


def in_jupyterlab(fresh: CommandLine) -> None:
    """It is open there and nothing of it runs, nor settings of Jupyter that lie about, which are code."""
    ran = fresh.folder / "ran"
    (fresh.folder / "jupyter_server_config.py").write_text(RUN.format(str(ran)))
    (fresh.folder / "p").mkdir()
    write(fresh.folder / "p" / "a b.ipynb", code(RUN.format(str(ran))))
    with (fresh.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            fresh.command("open", "p", "--yes", "--no-browser"),
            cwd=fresh.folder,
            env=fresh.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        told = server(fresh.folder / "runtime", process)
        with urllib.request.urlopen(f"{told['url']}api/sessions?token={told['token']}", timeout=20) as answer:
            assert json.load(answer) == []
        address = f"{told['url']}api/contents/a%20b.ipynb?content=0&token={told['token']}"
        with urllib.request.urlopen(address, timeout=20) as found:
            assert json.load(found)["type"] == "notebook"
        assert not ran.exists()
    finally:
        process.terminate()
        process.wait(20)


def server(runtime: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """What a JupyterLab that has started says of itself."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end and process.poll() is None:
        for each in runtime.glob("jpserver-*.json"):
            try:
                told: dict[str, str] = json.loads(each.read_text())
            except ValueError:
                continue
            return told
        time.sleep(0.1)
    raise AssertionError("JupyterLab did not start")


def a_notebook_as_it_is(fresh: CommandLine) -> None:
    """A single file, in this Python."""
    write(fresh.folder / "a.ipynb", code("print(1)"))
    done = run(fresh, "open", "a.ipynb", "--test", "--yes")
    assert done.returncode == 0, done
    assert "1 passed" in done.stdout


WAYS = [a_notebook_as_it_is]
WAYS += [in_jupyterlab, by_the_wheel_alone] if os.environ.get("WORKBENCH_SOAK") else []


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_package_is_opened(way: Callable[[CommandLine], None], fresh: CommandLine) -> None:
    way(fresh)
