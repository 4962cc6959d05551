"""How long a person waits at the beginning: the import, and a fresh kernel up to its first answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.cells import OUTER, VERSION_CELL, at_once, port_of
from tests.bench.figures import Row
from tests.kernels import ROOT, Kernel, kernel_env

IMPORTS, KERNELS = 9, 4
TIMED = "import time; began = time.perf_counter(); import workbench; {more}; print(time.perf_counter() - began)"


def rows() -> Iterator[Row]:
    """Fresh processes each time; the first one only fills the bytecode cache."""
    yield Row("import workbench", "s", [_import("") for _ in range(IMPORTS + 1)][1:], wanted=0.3)
    whole = [_import("workbench.Workbench, workbench.Service, workbench.RESTChannel") for _ in range(IMPORTS + 1)][1:]
    yield Row("import, and the names of a first cell", "s", whole)
    yield Row("kernel's start to the first 200", "s", [_first_answer() for _ in range(KERNELS + 1)][1:], wanted=3.0)


def _import(more: str) -> float:
    command = [sys.executable, "-c", TIMED.format(more=more or "None")]
    run = subprocess.run(command, cwd=ROOT, env=kernel_env(), capture_output=True, text=True, timeout=60, check=True)
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
