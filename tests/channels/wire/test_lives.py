"""How a connection lives and ends: half-closed callers, pipelines, bounds on memory, and what is told at the end."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import pytest

from tests.serving import Wire, until
from workbench.app.workbench import Workbench
from workbench.channels.http.server import HTTPServer
from workbench.channels.http.wire.bounds import AHEAD_BYTES, LEAST_BYTES, Bounds
from workbench.channels.rest import RESTChannel
from workbench.core.secret import give, secret
from workbench.core.service import Service
from workbench.security.definitions import BasicAuth

MIB = 1 << 20


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return self.request.raw_request


class Sizes(Service):
    name = "sizes"

    def handle(self) -> int:
        return len(self.request.stream.read())


class Waits(Service):
    """Waits until it may answer."""

    name = "waits"
    reached: ClassVar[threading.Event]
    go: ClassVar[threading.Event]
    count: ClassVar[int]

    def handle(self) -> str:
        cls = type(self)
        cls.count += 1
        cls.reached.set()
        cls.go.wait(30)
        return str(cls.count)


class Big(Service):
    name = "big"
    count: ClassVar[int]

    async def handle(self) -> bytes:
        Big.count += 1
        return b"x" * (8 * MIB)


class Dated(Service):
    name = "dated"

    def handle(self) -> None:
        self.response.headers = {"X-A": "1", "date": "Tue, 15 Nov 1994 08:12:31 GMT"}


@pytest.fixture
def served(wb: Workbench) -> Iterator[Workbench]:
    Waits.reached, Waits.go, Waits.count, Big.count = threading.Event(), threading.Event(), 0, 0
    wb.deploy(Echo, Sizes, Waits, Big, Dated)
    wb.define(
        RESTChannel("echo", data_format="raw"),
        RESTChannel("sizes", data_format="raw"),
        *(RESTChannel(each) for each in ("waits", "big", "dated")),
    )
    wb.start()
    yield wb
    Waits.go.set()


def server_with(wb: Workbench, **bounds: float) -> HTTPServer:
    """A second server on the same pipeline; stop it."""
    parts = wb._parts
    most = Bounds(**bounds)  # type: ignore[arg-type]
    return HTTPServer(parts.pipeline, parts.loop.run, 0, bounds=most, certificate=parts.server.certificate)


# Callers who send nothing more.
def test_a_caller_who_sends_nothing_more_gets_the_answer(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("POST /echo", body=b"all").socket.shutdown(socket.SHUT_WR)
        assert wire.answer().body == b"all"
        assert wire.is_closed


def test_a_caller_who_sends_nothing_more_gets_an_answer_that_takes_its_time(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("GET /waits")
        assert Waits.reached.wait(30)
        wire.socket.shutdown(socket.SHUT_WR)
        Waits.go.set()
        assert wire.answer().body == b"1"
        assert wire.is_closed


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"\r\n",
        b"POST /ec",
        b"no HTTP\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabc",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r",
    ],
)
def test_a_caller_who_sends_nothing_more_gets_the_answers_to_all_that_was_whole(served: Workbench, half: bytes) -> None:
    with Wire(served) as wire:
        for number in range(50):
            wire.request("POST /echo", body=b"%d" % number)
        wire.send(half).socket.shutdown(socket.SHUT_WR)
        assert [wire.answer().body for _ in range(50)] == [b"%d" % number for number in range(50)]
        if half.startswith(b"no HTTP"):
            assert wire.answer().status == 400
        assert wire.is_closed


def test_a_caller_who_sends_nothing_more_gets_a_big_answer_whole(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("GET /big").socket.shutdown(socket.SHUT_WR)
        until(lambda: Big.count, "it is answered")
        assert len(wire.answer().body) == 8 * MIB
        assert wire.is_closed


@pytest.mark.parametrize(
    "sent", [b"", b"GET /ec", b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabc"]
)
def test_a_caller_who_sends_nothing_more_before_a_request_is_whole_is_let_go(served: Workbench, sent: bytes) -> None:
    with Wire(served) as wire:
        wire.send(sent).socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed
    until(lambda: served._parts.server.connection_count == 0, "it is forgotten")


# Who sends more than one request, and who reads nothing.
def test_a_pipeline_is_answered_in_order_whoever_is_slow(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("GET /waits").request("POST /echo", body=b"after").request("GET /ping")
        assert Waits.reached.wait(30)
        wire.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            wire.socket.recv(1)
        wire.socket.settimeout(30)
        Waits.go.set()
        assert [wire.answer().body for _ in range(3)] == [b"1", b"after", b'{"pong":"workbench"}']


def test_what_is_sent_ahead_is_not_read_before_its_turn_and_none_is_lost(served: Workbench) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    count = 20_000
    with Wire(served) as wire:
        wire.request("GET /waits")
        assert Waits.reached.wait(30)
        sends = threading.Thread(target=lambda: wire.socket.sendall(request * count))
        sends.start()
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._is_paused, "its client has to wait")
        assert len(connection._kept) < 8 * AHEAD_BYTES
        assert served.call("POST /echo", data=b"others").body == b"others"
        Waits.go.set()
        assert wire.answer().status == 200
        assert {len(wire.answer().body) for _ in range(count)} == {1000}
        sends.join(30)


def test_who_reads_no_answer_gets_no_further_one_made(served: Workbench) -> None:
    with Wire(served) as wire:
        for _ in range(20):
            wire.request("GET /big")
        until(lambda: Big.count, "the first is made")
        assert served.call("POST /echo", data=b"others").body == b"others"
        assert Big.count <= 2  # one may be in the system's buffers
        assert [len(wire.answer().body) for _ in range(20)] == [8 * MIB] * 20


def test_what_was_sent_behind_a_body_that_was_refused_on_its_way_to_disk_is_answered(served: Workbench) -> None:
    give("LIVES_TEST_PASSWORD", "right")
    served.define(
        BasicAuth("me", password=secret("LIVES_TEST_PASSWORD")),
        RESTChannel("sizes", data_format="raw", security="me"),
    )
    server = server_with(served, memory_bytes=10)
    with Wire(server) as wire:
        for _ in range(3):
            body = b"x" * (LEAST_BYTES + 100)
            wire.send(b"POST /sizes HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            wire.request("GET /ping")
        assert [wire.answer().status for _ in range(6)] == [401, 200] * 3
    server.stop()


def test_what_comes_while_a_body_goes_to_disk_is_taken_once_it_is_there(served: Workbench) -> None:
    server, go = server_with(served, memory_bytes=10), threading.Event()

    async def hold_disk() -> None:
        """Have all threads that write to disk busy."""
        for _ in range(50):
            asyncio.get_running_loop().run_in_executor(None, go.wait, 30)

    try:
        with Wire(server) as wire:
            served._parts.loop.run(hold_disk())
            wire.request("POST /sizes", f"Content-Length: {2 * LEAST_BYTES}").send(b"x" * (LEAST_BYTES + 1))
            (connection,) = until(lambda: server._server.connections, "it is there")  # type: ignore[union-attr]
            until(lambda: connection._spooling, "it goes to disk")
            wire.send(b"x" * (LEAST_BYTES - 1)).request("GET /ping")
            until(lambda: len(connection._kept) > LEAST_BYTES, "the rest is here")
            go.set()
            assert wire.answer().body == b"%d" % (2 * LEAST_BYTES)
            assert wire.answer().status == 200
    finally:
        go.set()
        server.stop()


def test_a_last_answer_is_taken_whole_by_who_has_sent_more_behind_its_request(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        head = f"GET /big HTTP/1.1\r\nHost: {wire.host}\r\nConnection: close\r\n\r\n"
        wire.send(head.encode() + b"x" * 4 * AHEAD_BYTES)
        until(lambda: Big.count, "it is answered")
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._is_full, "the client has not taken all")
        size = 0
        while connection._transport is not None and connection._transport.get_write_buffer_size():
            size += len(wire.more())
        for _ in range(20):
            served._parts.loop.run(asyncio.sleep(0))
        while more := wire.more():
            size += len(more)
    assert size > 8 * MIB


def test_a_reset_in_the_middle_leaves_nothing(served: Workbench) -> None:
    for sent in (b"GET /pi", b"POST /sizes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\nabc"):
        with Wire(served) as wire:
            wire.send(sent)
            until(lambda: served._parts.server.connection_count == 1, "it is there")
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: served._parts.server.connection_count == 0, "it is forgotten")
    assert served._parts.server.held_bytes == 0


# What is told at the end.
def test_one_too_many_is_told_so(served: Workbench) -> None:
    server = server_with(served, connections=1)
    with Wire(server) as first:
        assert first.request("GET /ping").answer().status == 200
        for _ in range(3):
            with Wire(server) as other:
                answer = other.request("GET /ping").answer()
                assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (
                    503,
                    "1",
                    "close",
                )
                assert other.is_closed
        assert first.request("GET /ping").answer().status == 200
    until(lambda: server.connection_count == 0, "there is room")
    with Wire(server) as next_one:
        assert next_one.request("GET /ping").answer().status == 200
    server.stop()


@pytest.mark.parametrize(
    "sent",
    [b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 100_000, b"\r\n" * 50_000],
    ids=["a line", "empty lines"],
)
def test_a_head_without_end_is_told_so_before_the_end(served: Workbench, sent: bytes) -> None:
    with Wire(served) as wire:
        wire.send(sent)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert b"The head is over 98304 bytes" in answer.body
        assert wire.is_closed


def test_who_goes_on_sending_after_the_last_word_is_cut_off(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.send(b"no HTTP\r\n\r\n")
        assert wire.answer().status == 400

        def is_cut() -> bool:
            try:
                wire.socket.sendall(b"x" * 100_000)
            except ConnectionError:
                return True
            return False

        until(is_cut, "it is cut off")
    until(lambda: served._parts.server.connection_count == 0, "it is forgotten")


def test_who_says_nothing_after_the_last_word_is_let_go(served: Workbench) -> None:
    server = server_with(served, linger_seconds=0.1, sweep_seconds=0.05)
    with Wire(server) as wire:
        wire.send(b"no HTTP\r\n\r\n")
        assert wire.answer().status == 400
        until(lambda: server.connection_count == 0, "it is let go")
    server.stop()


def test_each_answer_has_its_date_once(served: Workbench) -> None:
    with Wire(served) as wire:
        dates = [wire.request(f"GET {path}").answer().all("date") for path in ("/ping", "/nowhere", "/dated")]
        assert [len(each) for each in dates] == [1, 1, 1]
        assert parsedate_to_datetime(dates[0][0]).year >= 2026
        assert dates[2] == ["Tue, 15 Nov 1994 08:12:31 GMT"]


# What all bodies may hold together.
@pytest.fixture
def narrow(served: Workbench) -> Iterator[HTTPServer]:
    """A server whose bodies may hold 1 MiB of memory together."""
    server = server_with(served, bodies_bytes=MIB)
    server.start()
    yield server
    server.stop()


def test_bodies_over_the_common_bound_lie_on_disk_and_all_are_answered(narrow: HTTPServer) -> None:
    count, size = 20, 700_000
    wires = [Wire(narrow) for _ in range(count)]
    try:
        held = []
        for wire in wires:
            wire.request("POST /sizes", f"Content-Length: {size}").send(b"x" * (size - 1))
            held.append(narrow.held_bytes)
        until(lambda: narrow.held_bytes <= MIB + count * LEAST_BYTES, "what is too much is on disk")
        # What comes in one read, 256 KiB, of each that is being written.
        assert max(held) <= MIB + count * 4 * LEAST_BYTES
        for wire in wires:
            assert wire.send(b"x").answer().body == b"%d" % size
        until(lambda: narrow.held_bytes == 0, "nothing is held")
    finally:
        for wire in wires:
            wire.socket.close()


def test_a_body_that_nobody_reads_is_refused_over_the_common_bound(narrow: HTTPServer) -> None:
    with Wire(narrow) as holds, Wire(narrow) as wire:
        holds.request("POST /ping", f"Content-Length: {3 * MIB}").send(b"x" * (MIB - 1))
        until(lambda: narrow.held_bytes >= MIB - 1, "it is held")
        wire.request("POST /ping", f"Content-Length: {3 * MIB}").send(b"x" * 200_000)
        assert wire.answer().status == 503
        assert narrow.held_bytes == MIB - 1
    until(lambda: narrow.held_bytes == 0, "nothing is held")


def test_nothing_is_held_of_a_body_that_cannot_be_unpacked(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("POST /echo", "Content-Encoding: gzip", body=b"x" * 50_000)
        assert wire.answer().status == 400
        until(lambda: served._parts.server.held_bytes == 0, "nothing is held")


Ends = Callable[[Wire], Any]


@pytest.mark.parametrize(
    ("line", "size", "sent", "ends"),
    [
        ("POST /echo", 100_000, 100_000, lambda wire: wire.answer().status == 200),
        ("POST /echo", 100_000, 50_000, lambda wire: wire.socket.close()),
        ("POST /nowhere", 100_000, 100_000, lambda wire: wire.answer().status == 404),
        ("POST /echo", 20_000_000, 0, lambda wire: wire.answer().status == 413),
    ],
    ids=["answered", "gone", "refused", "too large"],
)
def test_nothing_is_held_of_what_is_over(served: Workbench, line: str, size: int, sent: int, ends: Ends) -> None:
    with Wire(served) as wire:
        wire.request(line, f"Content-Length: {size}").send(b"x" * sent)
        assert ends(wire) in (True, None)
        until(lambda: served._parts.server.held_bytes == 0, "nothing is held")
