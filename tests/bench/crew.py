"""Two worker processes beside one: calls a second, once what the client takes of the cores is subtracted.

The client and two workers want three cores. Where a machine has two, what counts is what the workers would answer if
the client ran elsewhere: calls a second of the CPU time that was theirs, times their number, at most one core for each.
What others on the machine take is subtracted with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.bench.client import Request, load
from tests.bench.figures import Row
from tests.bench.processes import rotated
from tests.kernels import kernel_env

ROUNDS, ROUND_SECONDS = 9, 2
MODULE = """
from workbench import RESTChannel, Service, wb

class Hello(Service):
    name = "hello"

    def handle(self):
        return {"said": "Hello"}

wb.define(RESTChannel("free", service="hello"), RESTChannel("exact", service="hello", limit="1000000000/d"))
"""


class Crew:
    """`workbench serve --workers N` of a folder of its own."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir()
        (folder / "hello.py").write_text(MODULE)
        env = kernel_env(JUPYTER_RUNTIME_DIR=str(folder / "runtime"), WORKBENCH_STORE="")
        command = [sys.executable, "-m", "workbench.cli.main", "serve", str(folder / "hello.py"), "--json"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--workers", str(size)], env=env, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.port, self.size = int(told["url"].rpartition(":")[2]), size
        self._workers = [psutil.Process(each) for each in told.get("workers", [self.process.pid])]

    def per_second(self, path: str) -> float:
        """Calls a second, if each worker had a core of its own."""
        before = self._cpu_seconds()
        calls = load(self.port, Request(path), ROUND_SECONDS).calls
        return calls / (self._cpu_seconds() - before) * self.size

    def _cpu_seconds(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self._workers)

    def end(self) -> None:
        """End all of it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def crews(*sizes: int) -> Iterator[list[Crew]]:
    """One of each size, until the end of the block."""
    with TemporaryDirectory(prefix="bench-") as folder:
        made = [Crew(Path(folder, str(size)), size) for size in sizes]
        try:
            yield made
        finally:
            for each in made:
                each.end()


def rows() -> Iterator[Row]:
    """Without a limit, and with one exact limit, which the one process counts in memory and the two on leases."""
    found: dict[tuple[str, int], list[float]] = {}
    with crews(1, 2) as made:
        ways = [(path, crew) for path in ("/free", "/exact") for crew in made]
        for number in range(ROUNDS + 1):
            for path, crew in rotated(ways, number):
                answered = crew.per_second(path)
                if number:
                    found.setdefault((path, crew.size), []).append(answered)
    note = f"a core for each; {os.cpu_count()} here, shared with the client"
    for path, what, wanted in (("/free", "no limit", 1.6), ("/exact", "one exact limit", 1.3)):
        ours, peer = found[path, 2], found[path, 1]
        yield Row(
            f"2 worker processes, {what}",
            "calls/s",
            ours,
            peer,
            "one process",
            wanted,
            more_is_better=True,
            note=note,
        )
