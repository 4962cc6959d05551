"""A small HTTP client on a raw socket, so that the measuring costs little; and `wrk` where it is installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

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
        if self.body:
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


def load(port: int, request: Request, seconds: int, connections: int = 16) -> tuple[int, float]:
    """Keep a server busy for `seconds` [s] from another process; the calls it answered with 2xx, and the time [s].

    Raises:
        Refused: An answer was no 2xx.
    """
    if WRK:
        return _wrk(port, request, seconds, connections)
    command = [sys.executable, "-m", "tests.bench.client", str(port), str(seconds), str(connections)]
    given = request.encoded(port)
    done = subprocess.run(command, input=given, capture_output=True, timeout=seconds + 20, check=True)
    answered, failed, took = done.stdout.split()
    if int(failed):
        raise Refused(f"{failed.decode()} calls of {request.path} failed")
    return int(answered), float(took)


def _wrk(port: int, request: Request, seconds: int, connections: int) -> tuple[int, float]:
    options = [f"-H{name}: {value}" for name, value in request.headers.items()]
    with TemporaryDirectory() as folder:
        if request.body:
            script = Path(folder, "request.lua")
            script.write_text(f"wrk.method = {request.method!r}\nwrk.body = [==[{request.body.decode()}]==]\n")
            options += ["-s", str(script)]
        command = [WRK or "", "-t1", f"-c{connections}", f"-d{seconds}s", *options]
        target = f"http://127.0.0.1:{port}{request.path}"
        done = subprocess.run([*command, target], capture_output=True, text=True, timeout=seconds + 20, check=True)
    found = re.search(r"(\d+) requests in ([\d.]+)s", done.stdout)
    if found is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise Refused(f"wrk says of {request.path}:\n{done.stdout}{done.stderr}")
    return int(found[1]), float(found[2])


async def _keep_busy(port: int, request: bytes, seconds: float, connections: int) -> tuple[int, int, float]:
    began = time.monotonic()
    until = began + seconds

    async def one() -> tuple[int, int]:
        good = bad = 0
        connection = await Connection.open(port)
        while time.monotonic() < until:
            status, _ = await connection.ask(request)
            good, bad = good + (status < 300), bad + (status >= 300)
        await connection.close()
        return good, bad

    counts = await asyncio.gather(*(one() for _ in range(connections)))
    return sum(good for good, _ in counts), sum(bad for _, bad in counts), time.monotonic() - began


if __name__ == "__main__":
    arguments = int(sys.argv[1]), sys.stdin.buffer.read(), float(sys.argv[2]), int(sys.argv[3])
    print(*asyncio.run(_keep_busy(*arguments)))
