"""Servers under measurement: each in a process of its own, asked in turn, its CPU time read before and after."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import TypeVar

import psutil

from tests.bench.client import Request, load
from tests.kernels import ROOT, kernel_env

ROUNDS = 7
ROUND_SECONDS = 1
T = TypeVar("T")


@dataclass
class Measured:
    """What the rounds of one server gave."""

    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


class Served:
    """A server's process: `python -m tests.bench.servers.<program>`, which prints its port and serves until ended."""

    def __init__(self, program: str) -> None:
        command = [sys.executable, "-m", f"tests.bench.servers.{program}"]
        self._home = TemporaryDirectory(prefix="bench-")
        env = kernel_env(JUPYTER_RUNTIME_DIR=self._home.name)
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdecimal():
            self.end()
            raise RuntimeError(f"{' '.join(command)} did not come up: {line!r}")
        self.port = int(line)
        self._ps = psutil.Process(self._process.pid)

    @property
    def runtime_folder(self) -> str:
        """Where a workbench of this process says how it can be asked."""
        return self._home.name

    def cpu_seconds(self) -> float:
        """CPU time it has used so far, in user and system [s]."""
        times = self._ps.cpu_times()
        return float(times.user + times.system)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._home.cleanup()


@contextmanager
def served(*programs: str) -> Iterator[list[Served]]:
    """Several servers, until the end of the block."""
    with ExitStack() as ends:
        servers = []
        for program in programs:
            servers.append(Served(program))
            ends.callback(servers[-1].end)
        yield servers


def rotated(ways: Sequence[T], number: int) -> list[T]:
    """In which order round `number` takes them: who is first changes, and who comes after whom stays."""
    first = number % len(ways)
    return [*ways[first:], *ways[:first]]


def measure(asked: Mapping[str, tuple[Served, Request]], rounds: int = ROUNDS) -> dict[str, Measured]:
    """Load one server after the other, round by round, so that the machine's moods meet all alike.

    Each round begins with another of them. A first round warms them up and does not count.
    """
    found, names = {name: Measured() for name in asked}, list(asked)
    for number in range(rounds + 1):
        for name in rotated(names, number):
            server, request = asked[name]
            cpu = server.cpu_seconds()
            calls, seconds = load(server.port, request, ROUND_SECONDS)
            if number:
                found[name].cpu_us.append((server.cpu_seconds() - cpu) / calls * 1e6)
                found[name].per_second.append(calls / seconds)
    return found
