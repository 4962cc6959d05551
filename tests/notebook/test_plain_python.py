"""The same first line in a plain Python process, where nobody runs cells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.kernels import kernel_env

SCRIPT = """
from workbench import wb, Service, RESTChannel

class Hello(Service):
    name = "hello"

    def handle(self):
        return "there"

wb.deploy(Hello)
wb.define(RESTChannel("hello"))
print(wb.invoke("hello"), wb.call("/hello").status, wb, sep="|")
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = kernel_env(WORKBENCH_PORT="0", WORKBENCH_STORE="memory://", JUPYTER_RUNTIME_DIR=str(folder / "runtime"))
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=30)


def test_a_script_deploys_defines_and_calls_and_ends_by_itself(tmp_path: Path) -> None:
    done = run(SCRIPT, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("there|200|Workbench: 1 service, 1 channel, ")
    assert list((tmp_path / "runtime").glob("workbench-*.json")) == []


def test_the_import_says_nothing_and_needs_no_ipython(tmp_path: Path) -> None:
    done = run("from workbench import wb, Service; import sys; print('IPython' in sys.modules, repr(wb.url))", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False ''\n", "")


def test_an_unknown_name_is_said_as_python_says_it(tmp_path: Path) -> None:
    done = run("from workbench import Servise", tmp_path)
    assert "ImportError: cannot import name 'Servise' from 'workbench'" in done.stderr
