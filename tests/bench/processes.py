"""Servers under measurement: each in a process of its own, asked in turn, its CPU time read before and after."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import psutil

from tests.bench.client import Request, load
from tests.bench.servers.computing import COMPUTE, REST
from tests.bench.servers.ports import wait_until_it_listens
from tests.kernels import ROOT, kernel_env

ROUNDS = 7
ROUND_SECONDS = 1
T = TypeVar("T")


@dataclass
class Measured:
    """What the rounds of one server gave, one value a round.

    Args:
        cpu_us: CPU time of the server's processes a call [us].
        per_second: Calls answered in a second.
        p50_ms: How long a caller waited, the median [ms].
        p99_ms: What 99 of 100 callers did not exceed [ms].
        client_us: CPU time of who asked, a call [us].
    """

    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    client_us: list[float] = field(default_factory=list)


class Served:
    """A server's process: `python -m tests.bench.servers.<program>`, which prints its port and serves until ended.

    Args:
        program: Its module.
        told: What it reads as the first line of its input, in JSON; nothing if None.
    """

    def __init__(self, program: str, told: Any = None) -> None:
        command = [sys.executable, "-m", f"tests.bench.servers.{program}"]
        self._home = TemporaryDirectory(prefix="bench-")
        env = kernel_env(JUPYTER_RUNTIME_DIR=self._home.name)
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ps = psutil.Process(self._process.pid)
        assert self._process.stdout is not None
        if told is not None:
            self.tell(json.dumps(told))
        line = self._process.stdout.readline()
        if not line.strip().isdecimal():
            self.end()
            raise RuntimeError(f"{' '.join(command)} did not come up: {line!r}")
        self.port = int(line)
        try:
            wait_until_it_listens(self.port)  # some say their port before it is theirs
        except RuntimeError:
            self.end()
            raise

    @property
    def runtime_folder(self) -> str:
        """Where a workbench of this process says how it can be asked."""
        return self._home.name

    def tell(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def cpu_seconds(self) -> float:
        """CPU time that it and its children have used so far, in user and system [s]."""
        return sum(float(each.user + each.system) for each in (one.cpu_times() for one in self._tree()))

    def _tree(self) -> list[psutil.Process]:
        return [self._ps, *self._ps.children(recursive=True)]

    def end(self) -> None:
        """End the process and its children."""
        with suppress(psutil.NoSuchProcess):
            for each in self._tree():
                each.kill()
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._home.cleanup()


@contextmanager
def served(*programs: str, told: Any = None) -> Iterator[list[Served]]:
    """Several servers, each told the same, until the end of the block."""
    with ExitStack() as ends:
        servers = []
        for program in programs:
            servers.append(Served(program, told))
            ends.callback(servers[-1].end)
        yield servers


def rotated(ways: Sequence[T], number: int) -> list[T]:
    """In which order round `number` takes them: who is first changes, and who comes after whom stays."""
    first = number % len(ways)
    return [*ways[first:], *ways[:first]]


class Asked(NamedTuple):
    """What a server is asked in each round, over how many connections at once, and whether it computes beside that."""

    server: Served
    request: Request
    connections: int = 16
    is_computing: bool = False


def measure(asked: Mapping[str, Asked], rounds: int = ROUNDS, seconds: int = ROUND_SECONDS) -> dict[str, Measured]:
    """Load one server after the other, round by round, so that the machine's moods meet all alike.

    Each round, in which each has so many seconds [s], begins with another of them. A first round warms them up and
    does not count.
    """
    found, names = {name: Measured() for name in asked}, list(asked)
    for number in range(rounds + 1):
        for name in rotated(names, number):
            server, request, connections, is_computing = asked[name]
            if is_computing:
                server.tell(COMPUTE)
            cpu = server.cpu_seconds()
            loaded = load(server.port, request, seconds, connections)
            spent = server.cpu_seconds() - cpu
            if is_computing:
                server.tell(REST)
            if number:
                found[name].cpu_us.append(spent / loaded.calls * 1e6)
                found[name].per_second.append(loaded.calls / loaded.seconds)
                found[name].p50_ms.append(loaded.p50_ms)
                found[name].p99_ms.append(loaded.p99_ms)
                found[name].client_us.append(loaded.client_seconds / loaded.calls * 1e6)
    return found
