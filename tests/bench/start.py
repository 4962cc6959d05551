"""How long a person waits at the beginning: the import, and a fresh kernel up to its first answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.cells import OUTER, VERSION_CELL, at_once, port_of
from tests.bench.figures import Row
from tests.kernels import ROOT, Kernel, kernel_env

IMPORTS, KERNELS = 9, 4
TIMED = "import time; began = time.perf_counter(); import workbench; {more}; print(time.perf_counter() - began)"


MADE = (
    "import time; from workbench.app import singleton; began = time.process_time(); singleton.the_workbench(); "
    "print(time.process_time() - began)"
)
FILES = {
    "workbench.toml": """
hosts = ["api.example.com"]
threads = 64
[user.billing]
url = "https://billing.example.com"
[connection."My Data Source"]
timeout_seconds = 5
[component_enabled]
ftp = false
[simple_io.int]
suffix = ["_count", "_nr"]
[profile.production]
sandbox = false
""",
    "server.conf": "[main]\nport=17010\n[kvdb]\nhost=localhost\nport=6379\n[component_enabled]\nsms=False\n",
    "simple-io.conf": "[bool]\nprefix=by_, has_, is_\n[int]\nexact=id\nsuffix=_count, _id\n",
    "pickup.conf": "[json]\npickup_from=./json\nservices=zato.pickup.log-json\n",
}
"""What lies beside a notebook that has all of it."""


PICKUP = '[pickup.orders]\npickup_from = "in"\nservices = ["shop.orders"]\n'


def rows() -> Iterator[Row]:
    """Fresh processes each time; the first one only fills the bytecode cache."""
    yield Row("import workbench", "s", [_import("") for _ in range(IMPORTS + 1)][1:], wanted=0.3)
    whole = [_import("workbench.Workbench, workbench.Service, workbench.RESTChannel") for _ in range(IMPORTS + 1)][1:]
    yield Row("import, and the names of a first cell", "s", whole)
    note = "of CPU time: workbench.toml and three files of Zato beside a workbench that is made"
    yield Row("what configuration adds to a start", "s", _adds(FILES), wanted=0.005, note=note)
    watched = FILES | {"workbench.toml": FILES["workbench.toml"] + PICKUP}
    note = "with a watched folder, whose kind of definition is read for the first time"
    yield Row("what configuration adds to a start", "s", _adds(watched), note=note)
    yield Row("kernel's start to the first 200", "s", [_first_answer() for _ in range(KERNELS + 1)][1:], wanted=3.0)


def _import(more: str) -> float:
    command = [sys.executable, "-c", TIMED.format(more=more or "None")]
    run = subprocess.run(command, cwd=ROOT, env=kernel_env(), capture_output=True, text=True, timeout=60, check=True)
    return float(run.stdout)


def _adds(files: Mapping[str, str]) -> list[float]:
    """How much longer it takes with these files than without any, in turn [s of CPU time]."""
    with TemporaryDirectory() as bare, TemporaryDirectory() as full:
        for file, text in files.items():
            (Path(full) / file).write_text(text)
        return [_made(full) - _made(bare) for _ in range(IMPORTS + 1)][1:]


def _made(folder: str) -> float:
    """How long a workbench takes to be made in a fresh process, its modules imported [s of CPU time]."""
    env = kernel_env(PYTHONPATH=str(ROOT), WORKBENCH_STORE="memory://")
    command = [sys.executable, "-c", MADE]
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    return float(run.stdout)


def _first_answer() -> float:
    """From the start of the process to a 200 of a service defined in its first cell [s]."""
    began = time.monotonic()
    with Kernel("workbench", env={"WORKBENCH_PORT": "0"}) as kernel:
        kernel.run(VERSION_CELL.format(version=1))
        [(_, status)] = asyncio.run(at_once(port_of(kernel), OUTER, 1))
        took = time.monotonic() - began
    assert status == 200
    return took
