"""A kernel with services, as a person has it, and callers outside of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tests.bench.client import Connection, Request
from tests.kernels import Kernel

# Two services that say which version they are: an answer in which they differ would be mixed of two cells.
VERSION_CELL = """
from workbench import wb, Service, RESTChannel
class Inner(Service):
    name = "bench.inner"
    def handle(self):
        return {version}
class Outer(Service):
    name = "bench.outer"
    def handle(self):
        return "{version} %s" % self.invoke("bench.inner")
wb.define(RESTChannel("bench.outer"))
import time
_ = print(time.monotonic())
"""
OUTER = Request("/bench/outer")


@contextmanager
def kernel() -> Iterator[tuple[Kernel, int]]:
    """A kernel of the kind `workbench` with version 0 of the two services, and the port it serves them on."""
    with Kernel("workbench", env={"WORKBENCH_PORT": "0", "WORKBENCH_STORE": "memory://"}) as started:
        started.run(VERSION_CELL.format(version=0))
        yield started, port_of(started)


def port_of(started: Kernel) -> int:
    """The port that the workbench of a kernel serves on."""
    said = started.run("print(wb.url)").stdout
    found = re.search(r":(\d+)\s*$", said)
    if found is None:
        raise AssertionError(f"The kernel's workbench has no address: {said!r}")
    return int(found[1])


class Callers:
    """Connections that ask again and again, in a thread beside the bench, until the end of the block.

    Args:
        told: Gets the instant [s, monotonic], the time of the call [s], status and body of every answer.
        connections: How many, each asking as soon as it has its answer.
        pause_seconds: Wait of each between an answer and its next request [s].
    """

    def __init__(
        self,
        port: int,
        request: Request,
        told: Callable[[float, float, int, bytes], None],
        *,
        connections: int = 1,
        pause_seconds: float = 0.0,
    ) -> None:
        self._port, self._request, self._told = port, request, told
        self._connections, self._pause_seconds = connections, pause_seconds
        self._stop = Event()
        self._failures: list[BaseException] = []
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(30)
        if self._failures:
            raise self._failures[0]

    def _run(self) -> None:
        try:
            asyncio.run(self._ask_all())
        except BaseException as exc:
            self._failures.append(exc)

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask() for _ in range(self._connections)))

    async def _ask(self) -> None:
        request = self._request.encoded(self._port)
        connection = await Connection.open(self._port)
        while not self._stop.is_set():
            began = time.monotonic()
            status, body = await connection.ask(request)
            now = time.monotonic()
            self._told(now, now - began, status, body)
            if self._pause_seconds:
                await asyncio.sleep(self._pause_seconds)
        await connection.close()


async def at_once(port: int, request: Request, number: int) -> list[tuple[float, int]]:
    """Make so many calls at the same time, each on a connection of its own; time [s] and status of each."""
    given = request.encoded(port)

    async def one() -> tuple[float, int]:
        connection = await Connection.open(port)
        began = time.monotonic()
        status, _ = await connection.ask(given)
        took = time.monotonic() - began
        await connection.close()
        return took, status

    return list(await asyncio.gather(*(one() for _ in range(number))))
