"""Crowds who send or read as slowly as they may, or much at once: others are served, and memory is bounded.

A tenth of each crowd comes always, all of it under `make soak`.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.bench.client import Connection, Request
from tests.kernels import ROOT
from tests.serving import until
from tests.soak.load.callers import Callers
from tests.soak.load.memory import Memory
from workbench.channels.http.wire.bounds import Bounds

MIB = 1 << 20
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
SLOW_SENDERS, SLOW_READERS, SENDERS = (1_000, 500, 50) if SOAK else (100, 50, 5)
SECONDS = 20.0 if SOAK else 1.0
RATE = 60.0
"""Calls a second beside a crowd [1/s]."""
ANSWER_BYTES = MIB
BODY_BYTES = 8 * MIB
HEADS = (
    b"GET /sync HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
    b"POST /size HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
    b"",
)


class Server:
    """A server in a process of its own, and what it held at most."""

    def __init__(self, pid: int, port: int) -> None:
        self.port, self._pid = port, pid
        self.begin()

    def begin(self) -> None:
        """Count its memory from here."""
        self.memory = Memory(self._pid)
        self.memory.look()

    @property
    def connections(self) -> int:
        """Sockets that the process has open."""
        count = 0
        for each in Path(f"/proc/{self._pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                count += str(each.readlink()).startswith("socket:")
        return count

    def more_mib(self) -> float:
        """How much more it held at most than at first [MiB]."""
        return (max(self.memory.resident) - self.memory.resident[0]) / MIB

    async def watch(self) -> None:
        """Look at its memory all the time."""
        while True:
            self.memory.look()
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with (folder / "log").open("wb") as log, ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.soak.load.served"],
                cwd=ROOT,
                env=os.environ | {"JUPYTER_RUNTIME_DIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        )
        assert process.stdin is not None
        assert process.stdout is not None
        stack.callback(process.wait, 60)
        stack.callback(process.stdin.close)
        port = int(process.stdout.readline())
        asyncio.run(Callers(port, RATE).call(1.0))  # so that it is warm
        yield Server(process.pid, port)


@pytest.fixture
def server(served: Server) -> Server:
    served.begin()
    return served


async def connected(port: int, **options: int) -> socket.socket:
    """A connection to it, whose socket has these options."""
    made = socket.socket()
    made.setblocking(False)
    for name, value in options.items():
        made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


async def called_beside(server: Server, crowd: list[socket.socket], drop: bytes = b"") -> Callers:
    """Call for a while, in which the crowd is as it is, or sends a byte a second each."""
    callers = Callers(server.port, RATE)

    async def drip() -> None:
        while True:
            for each in crowd:
                with suppress(BlockingIOError):
                    each.send(drop)
            await asyncio.sleep(1.0)

    around = [asyncio.ensure_future(server.watch()), *([asyncio.ensure_future(drip())] if drop else [])]
    try:
        await callers.call(SECONDS, callers=6)
    finally:
        for each in around:
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
    return callers


def judge(callers: Callers, server: Server, most_mib: float, what: str) -> None:
    """Nobody's call failed, and memory kept within its bound."""
    at = [f"{each / MIB:.0f}" for each in server.memory.resident[:: max(1, len(server.memory.resident) // 20)]]
    print(f"\n{what}: {callers.counts.total()} calls beside, {server.more_mib():.0f} MiB more at most; {at}")
    assert callers.wrong == [], callers.wrong
    # A machine that does much else may stand still for a second: there each of the six was answered.
    assert callers.counts.total() > (RATE * SECONDS / 3 if SOAK else 5)
    assert server.more_mib() <= most_mib


@pytest.mark.timeout(300)
def test_others_are_served_beside_those_who_send_a_byte_a_second(server: Server) -> None:
    async def run() -> Callers:
        crowd = []
        for number in range(SLOW_SENDERS):
            crowd.append(await connected(server.port))
            await asyncio.get_running_loop().sock_sendall(crowd[-1], HEADS[number % len(HEADS)])
        callers = await called_beside(server, crowd, b"a")
        assert server.connections >= SLOW_SENDERS, "they have been cut off"
        for each in crowd:
            each.close()
        return callers

    judge(asyncio.run(run()), server, 64, f"{SLOW_SENDERS} slow senders")
    until(lambda: server.connections < 40, "they are forgotten")


@pytest.mark.timeout(300)
def test_others_are_served_beside_those_who_read_nothing(server: Server) -> None:
    async def run() -> Callers:
        crowd = []
        for _ in range(SLOW_READERS):
            crowd.append(await connected(server.port, SO_RCVBUF=4096))
            await asyncio.get_running_loop().sock_sendall(
                crowd[-1], b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
            )
        for each in crowd:
            await asyncio.to_thread(select.select, [each], [], [], 60)  # its answer has begun
        callers = await called_beside(server, crowd)
        for each in crowd:
            each.close()
        return callers

    # Each holds the one answer that it does not take, however many it has asked for.
    judge(asyncio.run(run()), server, 64 + 1.5 * SLOW_READERS * ANSWER_BYTES / MIB, f"{SLOW_READERS} slow readers")


@pytest.mark.timeout(300)
def test_what_big_bodies_took_is_given_back_whichever_threads_had_it(server: Server) -> None:
    body = Request("/size", "POST", body=b"x" * (9 * MIB)).encoded(server.port)

    async def send() -> int:
        connection = await Connection.open(server.port)
        status, _ = await connection.ask(body)
        await connection.close()
        return status

    async def run() -> list[int]:
        return await asyncio.gather(*(send() for _ in range(8)))

    def settled() -> bool:
        server.memory.look()
        return server.memory.resident[-1] - server.memory.resident[0] <= 32 * MIB

    for _ in range(2):
        assert asyncio.run(run()) == [200] * 8
        until(settled, "it is given back")


@pytest.mark.timeout(300)
def test_big_bodies_at_once_stay_within_their_common_bound(server: Server) -> None:
    async def send(whole: list[asyncio.Event], number: int) -> bytes:
        """Send all but the end; the end once all have come so far."""
        sent, loop = await connected(server.port), asyncio.get_running_loop()
        head = b"POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % BODY_BYTES
        await loop.sock_sendall(sent, head)
        await loop.sock_sendall(sent, b"x" * (BODY_BYTES - 1))
        whole[number].set()
        for each in whole:
            await each.wait()
        await loop.sock_sendall(sent, b"x")
        came = b""
        while more := await loop.sock_recv(sent, 65536):
            came += more
        sent.close()
        return came

    async def run() -> list[bytes]:
        watching = asyncio.ensure_future(server.watch())
        whole = [asyncio.Event() for _ in range(SENDERS)]
        came = await asyncio.gather(*(send(whole, number) for number in range(SENDERS)))
        watching.cancel()
        return came

    came = asyncio.run(run())
    print(f"\n{SENDERS} bodies of {BODY_BYTES // MIB} MiB: {server.more_mib():.0f} MiB more at most")
    assert [each.rpartition(b"\r\n\r\n")[2] for each in came] == [b"%d" % BODY_BYTES] * SENDERS
    # Each is put together once before its service has it; 64 KiB of each are on their way to disk.
    assert server.more_mib() <= min(Bounds().bodies_bytes / MIB, 2 * SENDERS * BODY_BYTES / MIB) + 128
