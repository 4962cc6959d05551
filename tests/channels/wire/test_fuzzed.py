"""Whatever comes, each answer has a status line, none is 500, nothing raises, and the connection ends.

`make soak` tries a million cases. They come over real sockets to the server's own loop, which is where they are sent
from, too: a connection over TCP from another thread takes ten times as long.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import pytest
from tornado.web import Application, RequestHandler
from websockets.client import ClientProtocol
from websockets.protocol import State

from tests.channels.wire.grammar import Case, Chance, case, split
from tests.channels.wire.test_lives import server_with
from tests.serving import until
from tests.soak.load.memory import Memory
from workbench.app.workbench import Workbench
from workbench.channels.http.server import HTTPServer
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.rest import RESTChannel
from workbench.channels.soap import SOAPChannel
from workbench.channels.websocket.channel import WebSocketChannel
from workbench.core.service import Service

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
COUNT = 1_000_000 if SOAK else 1_500
SEED = 18
AT_ONCE = 40
WAIT_SECONDS = 60.0
MOST_GROWTH_BYTES = 32 << 20
HEAD = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [^\r\n]*\r\n((?:[!-9;-~]+: [^\r\n]*\r\n)*)\r\n")
LENGTH = re.compile(rb"(?:^|\r\n)Content-Length: ([0-9]+)\r\n")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


class Echo(Service):
    name = "echo"

    async def handle(self) -> bytes:
        return b"=" + bytes(self.request.raw_request or b"")


class Sync(Service):
    name = "sync"

    def handle(self) -> int:
        return len(self.request.raw_request or b"")


class Says(Service):
    name = "says"

    async def handle(self) -> Any:
        return self.request.payload


class Form(Service):
    name = "form"

    def handle(self) -> Any:
        return [self.request.payload, [each.size for each in self.request.files]]


class Page(RequestHandler):
    """A handler of Tornado's own kind."""

    async def get(self) -> None:
        self.write("hello ")
        if self.request.path == "/x/parts":
            await self.flush()
        self.write("you")

    head = get

    def post(self) -> None:
        self.write(str(len(self.request.body)))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0, folder=tmp_path_factory.mktemp("wb")) as made:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made.deploy(Echo, Sync, Says, Form)
        made.define(
            *(RESTChannel(name, service="echo", data_format="raw", method="POST") for name in ("echo", "sync")),
            RESTChannel("small", service="echo", data_format="raw", max_body_bytes=1_000),
            RESTChannel("canary", service="says", method="GET"),
            RESTChannel("form", method="POST"),
            JSONRPCChannel("rpc", services="says"),
            SOAPChannel("soap", service="says"),
            WebSocketChannel("ws", path="/ws", service="says", max_message_bytes=100_000),
        )
        made.mount("/x", Application([("/x/(?:hello|parts|counts)", Page)]))
        made.start()
        yield made


@pytest.fixture
def server(served: Workbench) -> Iterator[HTTPServer]:
    """A server on the same pipeline whose bodies lie on disk early."""
    made = server_with(served, memory_bytes=1_500)
    made.start()
    yield made
    made.stop()


class Trouble(logging.Handler):
    """Hears of all that went wrong, wherever: in the loop's callbacks, in the pipeline, in a mounted application."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


@pytest.mark.timeout(7_200 if SOAK else 300)
def test_no_bytes_bring_the_wire_out_of_step(served: Workbench, server: HTTPServer) -> None:
    trouble, memory = Trouble(), Memory(os.getpid())
    logging.getLogger().addHandler(trouble)
    logging.disable(logging.WARNING)  # pytest keeps every line that is logged, which would count as growth
    try:
        done = 0
        while done < COUNT:
            numbers = range(done, min(done + max(COUNT // 10, AT_ONCE), COUNT))
            served._parts.loop.run(_tried(server, iter(numbers), trouble))
            done = numbers.stop
            memory.look()
    finally:
        logging.disable(logging.NOTSET)
        logging.getLogger().removeHandler(trouble)
    pipeline = served._parts.pipeline
    until(lambda: not (server.connection_count or server.held_bytes or pipeline.in_flight), "all is over")
    print(f"\n{COUNT} cases of seed {SEED}: {memory}")
    assert max(memory.resident) - memory.resident[1] <= MOST_GROWTH_BYTES, str(memory)


async def _tried(server: HTTPServer, numbers: Iterator[int], trouble: Trouble) -> None:
    """Try cases, some at a time; the first failure ends it."""

    async def some() -> None:
        for number in numbers:
            tried = case(SEED, number)
            try:
                came = await _came(server, tried)
                _judge(came, tried)
                if number % 10 == 0 and tried.end == "half-closes":
                    other = Case(split(Chance(number), tried.sent), "half-closes")
                    _compare(_statuses(came), _statuses(await _came(server, other)))
                assert not trouble.heard, trouble.heard
            except (AssertionError, TimeoutError) as exc:
                exc.add_note(f"case {number} of seed {SEED}: {tried.end} after {tried.pieces!r:.4000}")
                raise

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


async def _came(server: HTTPServer, tried: Case) -> bytes:
    """All that a client gets before the connection ends."""
    loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    server._server._accept(theirs, ("127.0.0.1", 0))  # type: ignore[union-attr]

    async def send() -> None:
        with suppress(ConnectionError):
            for piece in tried.pieces:
                await loop.sock_sendall(ours, piece)
                await asyncio.sleep(0)
            if tried.end == "half-closes":
                ours.shutdown(socket.SHUT_WR)

    came = bytearray()
    with ours:
        async with asyncio.timeout(WAIT_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(send())
            with suppress(ConnectionError):
                while tried.end == "half-closes" and (more := await loop.sock_recv(ours, 65536)):
                    came += more
        if tried.end == "resets":
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return bytes(came)


def _judge(came: bytes, tried: Case) -> None:
    """Each answer is whole and none is our fault."""
    statuses = _statuses(came)
    # 501: a mounted application is asked for a WebSocket.
    assert not [each for each in statuses if each >= 500 and each != 501], came
    assert b"-32603" not in came, came


def _statuses(came: bytes) -> list[int]:
    """Of all answers, each of which says how long it is; 101 is the last one, and frames follow."""
    found, at = list[int](), 0
    while at < len(came):
        head = HEAD.match(came, at)
        assert head is not None, came[at : at + 300]
        at, status, lines = head.end(), int(head[1]), head[2]
        found.append(status)
        if status == 101:
            protocol = ClientProtocol(None, state=State.OPEN, max_size=None)  # type: ignore[arg-type]
            protocol.receive_data(came[at:])
            assert protocol.parser_exc is None, came[at:]
            break
        # An answer to HEAD has a length and no body; no body of ours begins like an answer.
        if at == len(came) or came.startswith(b"HTTP/1.1 ", at):
            continue
        at = _end_of_body(came, at, lines)
    return [each for each in found if each != 100]


def _end_of_body(came: bytes, at: int, lines: bytes) -> int:
    if (length := LENGTH.search(lines)) is not None:
        assert at + int(length[1]) <= len(came), f"cut off: {lines!r}"
        return at + int(length[1])
    if b"Transfer-Encoding: chunked\r\n" not in lines:
        assert b"Connection: close\r\n" in lines, lines  # its end tells how long it is
        return len(came)
    size = 1
    while size:
        chunk = CHUNK.match(came, at)
        assert chunk is not None, came[at : at + 100]
        size = int(chunk[1], 16)
        at = chunk.end() + size + 2
        assert came[at - 2 : at] == b"\r\n", came[at : at + 100]
    return at


def _compare(one: list[int], other: list[int]) -> None:
    """The same bytes in other pieces get the same answers, up to a refusal: a body may be refused before it ends."""
    both = list(zip_longest(one, other))
    at = next((at for at, (first, second) in enumerate(both) if first != second), None)
    if at is not None:
        last = both[at] if None not in both[at] else both[at - 1]
        assert min(last) >= 400, (one, other)
