"""A small HTTP client on a raw socket, so that the measuring costs little; and `wrk` where it is installed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import percentile

WRK = shutil.which("wrk")
CLIENT = "wrk" if WRK else "this package's client in Python"
"""What keeps servers busy. Figures of the two do not compare: the one in Python is slower than some servers."""


@dataclass(frozen=True)
class Request:
    """What is asked again and again."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encoded(self, port: int) -> bytes:
        """The request as bytes."""
        headers = {"Host": f"127.0.0.1:{port}", **self.headers}
        if self.body or self.method != "GET":
            headers["Content-Length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


class Connection:
    """One kept connection; not safe for several at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to a server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; status and body of the answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)", head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        return int(head[9:12]), body

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


class Refused(AssertionError):
    """A server answered what was not asked for, so its figures would mean nothing."""


@dataclass(frozen=True)
class Loaded:
    """What a server gave under load.

    Args:
        calls: Those it answered with 2xx.
        seconds: How long it was asked [s].
        p50_ms: How long a call took, the median [ms].
        p99_ms: What 99 of 100 calls did not exceed [ms].
        client_seconds: CPU time of who asked [s].
    """

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client_seconds: float = 0.0


def load(port: int, request: Request, seconds: int, connections: int = 16) -> Loaded:
    """Keep a server busy for `seconds` [s] from another process, over so many connections.

    Raises:
        Refused: An answer was no 2xx, or did not come.
    """
    before = _ended_children_seconds()
    found = (_wrk if WRK else _own)(port, request, seconds, connections)
    return replace(found, client_seconds=_ended_children_seconds() - before)


def _ended_children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _own(port: int, request: Request, seconds: int, connections: int) -> Loaded:
    command = [sys.executable, "-m", "tests.bench.client", str(port), str(seconds), str(connections)]
    given = request.encoded(port)
    answered, failed, *figures = _run(command, request, seconds, given).split()
    if int(failed):
        raise Refused(f"{failed} calls of {request.path} failed")
    return Loaded(int(answered), *map(float, figures))


def _wrk(port: int, request: Request, seconds: int, connections: int) -> Loaded:
    options = [f"-H{name}: {value}" for name, value in request.headers.items()]
    with TemporaryDirectory() as folder:
        if request.body or request.method != "GET":
            script = Path(folder, "request.lua")
            script.write_text(f"wrk.method = {request.method!r}\nwrk.body = [==[{request.body.decode()}]==]\n")
            options += ["-s", str(script)]
        command = [WRK or "", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", *options]
        target = f"http://127.0.0.1:{port}{request.path}"
        said = _run([*command, target], request, seconds)
    if "Non-2xx" in said or "Socket errors" in said:
        raise Refused(f"wrk says of {request.path}:\n{said}")
    return told_by_wrk(said)


def _run(command: list[str], request: Request, seconds: int, given: bytes = b"") -> str:
    """What a program says that asks for so long [s]."""
    done = subprocess.run(command, input=given, capture_output=True, timeout=seconds + 20, check=False)
    if done.returncode:
        raise Refused(f"{request.path} was not answered:\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


MS_BY_UNIT = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def told_by_wrk(text: str) -> Loaded:
    """What wrk prints with `--latency`.

    Raises:
        Refused: It says nothing of the calls.
    """
    counted = re.search(r"(\d+) requests in ([\d.]+)s", text)
    waits = {
        share: float(value) * MS_BY_UNIT[unit] for share, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(\w+)", text)
    }
    if counted is None or not {"50", "99"} <= waits.keys():
        raise Refused(f"wrk tells no figures:\n{text}")
    return Loaded(int(counted[1]), float(counted[2]), waits["50"], waits["99"])


async def _keep_busy(
    port: int, request: bytes, seconds: float, connections: int
) -> tuple[int, int, *tuple[float, ...]]:
    began = time.monotonic()
    until = began + seconds
    waits: list[float] = []

    async def one() -> int:
        bad = 0
        connection = await Connection.open(port)
        while (asked := time.monotonic()) < until:
            status, _ = await connection.ask(request)
            waits.append((time.monotonic() - asked) * 1000)
            bad += status >= 300
        await connection.close()
        return bad

    failed = sum(await asyncio.gather(*(one() for _ in range(connections))))
    took = time.monotonic() - began
    return len(waits) - failed, failed, took, percentile(waits, 0.5), percentile(waits, 0.99)


if __name__ == "__main__":
    arguments = int(sys.argv[1]), sys.stdin.buffer.read(), float(sys.argv[2]), int(sys.argv[3])
    print(*asyncio.run(_keep_busy(*arguments)))
