"""How long a person with a folder of Zato's services waits until they see what of it runs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Row
from tests.kernels import ROOT, kernel_env

SERVICES, ROUNDS, WANTED_SECONDS = 200, 5, 3.0
MODULE = '''\
from datetime import datetime

from zato.server.service import Int, List, Service

from shared import double


class GetThing(Service):
    """Gets thing {number}."""

    name = "big.get-{number}"

    class SimpleIO:
        input_required = Int("id"), "name"
        output_optional = Int("total"), List("rows")

    def handle(self):
        self.logger.info("asked for %s", self.request.input.id)
        rows = [self.out.rest["CRM"].conn.get(self.cid, {{"id": each}}).data for each in range(5)]
        self.kvdb.conn.set("last", str(datetime.now()))
        self.response.payload.total = double(self.request.input.id)
        self.response.payload.rows = rows

    def after_handle(self):
        self.cache.default.set("last", self.request.input.name)
'''
CHANNEL = "  - {{name: big.{number}, service: big.get-{number}, url_path: /big/{number}, is_active: true}}\n"
OUTGOING = "outgoing_rest:\n  - {name: CRM, host: 'https://crm.example.com', url_path: /, is_active: true}\n"


def rows() -> Iterator[Row]:
    """A folder of services with a channel each, tried from a shell in a fresh process; the first only fills caches."""
    with TemporaryDirectory() as place:
        folder = Path(place, "big")
        folder.mkdir()
        for number in range(SERVICES):
            (folder / f"thing_{number}.py").write_text(MODULE.format(number=number))
        (folder / "shared.py").write_text("def double(value):\n    return value * 2\n")
        channels = "".join(CHANNEL.format(number=number) for number in range(SERVICES))
        (folder / "enmasse.yaml").write_text(f"channel_rest:\n{channels}{OUTGOING}")
        waits = [_tried(folder) for _ in range(ROUNDS + 1)][1:]
    note = f"{SERVICES} modules and channels, from the shell's prompt to the next"
    yield Row(
        "workbench import-zato of a folder", "s", [cpu for cpu, _ in waits], wanted=WANTED_SECONDS, note=f"CPU; {note}"
    )
    yield Row("workbench import-zato of a folder", "s", [waited for _, waited in waits], note=note)


def _tried(folder: Path) -> tuple[float, float]:
    """How long it takes: of CPU time, and to wait [s]."""
    command = [sys.executable, "-m", "workbench.cli.main", "import-zato", str(folder)]
    env = kernel_env(PYTHONPATH=str(ROOT), WORKBENCH_STORE="memory://")
    began, before = time.perf_counter(), _cpu_of_children()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    took = time.perf_counter() - began
    said = f"{SERVICES} services and {SERVICES + 1} definitions of {SERVICES + 1} files are live."
    assert said in done.stdout, done
    return _cpu_of_children() - before, took


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
