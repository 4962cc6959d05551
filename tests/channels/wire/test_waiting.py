"""What has come and waits for its turn: it is bounded, others go before it, and none of it is lost at the end."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from tests.channels.wire.test_lives import MIB, Big, Echo, Sizes, Waits, server_with
from tests.serving import Wire, until
from workbench.app.workbench import Workbench
from workbench.channels.http.wire.bounds import AHEAD_BYTES, LEAST_BYTES
from workbench.channels.http.wire.chunks import AT_ONCE
from workbench.channels.http.wire.common import READ_BYTES
from workbench.channels.rest import RESTChannel
from workbench.channels.websocket.channel import WebSocketChannel

HEAD = b"POST %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@pytest.fixture
def served(wb: Workbench) -> Iterator[Workbench]:
    Waits.reached, Waits.go, Waits.count = threading.Event(), threading.Event(), 0
    Big.count = 0
    wb.deploy(Echo, Sizes, Waits, Big)
    wb.define(RESTChannel("echo", data_format="raw"), RESTChannel("sizes", data_format="raw"))
    wb.define(RESTChannel("waits"), RESTChannel("big"))
    wb.define(WebSocketChannel("ws", path="/ws", service="echo"))
    wb.start()
    yield wb
    Waits.go.set()


def chunks_of(count: int) -> bytes:
    """A body of so many chunks of a byte each."""
    return b"1\r\nx\r\n" * count + b"0\r\n\r\n"


def most_kept(wb: Workbench, sent: bytes, goes_on: Callable[[Wire], bool]) -> int:
    """Send all this while answers are read; how much of it waited at most [bytes]."""
    most = 0
    with Wire(wb) as wire:
        connection: Any = until(lambda: next(iter(wb._parts.server._server.connections), None), "it is there")  # type: ignore[union-attr]
        sends = threading.Thread(target=lambda: wire.socket.sendall(sent))

        async def watch() -> None:
            nonlocal most
            while sends.is_alive() or connection._kept:
                most = max(most, len(connection._kept))
                await asyncio.sleep(0)

        sends.start()
        watching = threading.Thread(target=wb._parts.loop.run, args=(watch(),))
        watching.start()
        while goes_on(wire):
            pass
        for each in (sends, watching):
            each.join(60)
            assert not each.is_alive()
    return most


def test_requests_that_are_answered_at_once_are_not_read_before_their_turn(served: Workbench) -> None:
    count, left = 16_000, 16_000

    def read(wire: Wire) -> bool:
        nonlocal left
        assert wire.answer().status == 404
        left -= 1
        return left > 0

    sent = (HEAD % (b"/nowhere", b"")) * count
    assert len(sent) > 8 * AHEAD_BYTES
    assert most_kept(served, sent, read) <= AHEAD_BYTES + READ_BYTES


def test_chunks_that_wait_are_not_read_before_their_turn(served: Workbench) -> None:
    count = 300_000

    def read(wire: Wire) -> bool:
        assert wire.answer().body == b"%d" % count
        return False

    sent = HEAD % (b"/sizes", CHUNKED) + chunks_of(count)
    assert most_kept(served, sent, read) <= AHEAD_BYTES + READ_BYTES


def test_others_have_their_turn_between_the_chunks_of_one(served: Workbench) -> None:
    """In one turn of the loop a connection reads its share of chunks, however many reads have brought them."""
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    done, count = threading.Event(), 200_000
    counting = threading.Thread(target=served._parts.loop.run, args=(count_turns(),))
    with Wire(served) as wire:
        wire.send(HEAD % (b"/sizes", CHUNKED))
        counting.start()
        until(lambda: turns, "turns are counted")
        before = turns
        wire.send(chunks_of(count))
        assert wire.answer().body == b"%d" % count
        after = turns
    done.set()
    counting.join(30)
    assert after - before >= count / AT_ONCE


# Callers who send nothing more, while what they sent waits.
@pytest.mark.parametrize(("path", "status"), [(b"/sizes", 200), (b"/nowhere", 404)])
def test_who_half_closes_behind_chunks_that_wait_gets_every_answer(served: Workbench, path: bytes, status: int) -> None:
    for count in (10, AT_ONCE - 1, 8 * AT_ONCE):
        with Wire(served) as wire:
            wire.send(HEAD % (path, CHUNKED) + chunks_of(count)).request("GET /ping").request("GET /nowhere")
            wire.socket.shutdown(socket.SHUT_WR)
            assert [wire.answer().status for _ in range(3)] == [status, 200, 404], count
            assert wire.is_closed


def test_who_half_closes_in_the_middle_of_chunks_that_wait_is_let_go(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.send(HEAD % (b"/sizes", CHUNKED) + b"1\r\nx\r\n" * 5 * AT_ONCE).socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed
    until(lambda: served._parts.server.connection_count == 0, "it is forgotten")
    assert served._parts.server.held_bytes == 0


def test_who_half_closes_while_a_body_goes_to_disk_gets_every_answer(served: Workbench) -> None:
    server, go = server_with(served, memory_bytes=10), threading.Event()

    async def hold_disk() -> None:
        """Have all threads that write to disk busy."""
        for _ in range(50):
            asyncio.get_running_loop().run_in_executor(None, go.wait, 30)

    try:
        with Wire(server) as wire:
            served._parts.loop.run(hold_disk())
            wire.request("POST /sizes", f"Content-Length: {LEAST_BYTES + 1000}").send(b"x" * (LEAST_BYTES + 1))
            (connection,) = until(lambda: server._server.connections, "it is there")  # type: ignore[union-attr]
            until(lambda: connection._spooling, "it goes to disk")
            wire.send(b"x" * 999).request("GET /ping").socket.shutdown(socket.SHUT_WR)
            until(lambda: connection._has_ended, "the end is here")
            go.set()
            assert wire.answer().body == b"%d" % (LEAST_BYTES + 1000)
            assert wire.answer().status == 200
            assert wire.is_closed
    finally:
        go.set()
        server.stop()


# What stands behind a request that ends the connection, or gives it away.
def test_a_long_head_whose_beginning_came_ahead_of_its_turn_is_read_to_its_end(served: Workbench) -> None:
    begun = f"GET /ping HTTP/1.1\r\nHost: localhost\r\nX: {'x' * AHEAD_BYTES}"
    with Wire(served) as wire:
        wire.request("POST /waits")
        assert Waits.reached.wait(30)
        [connection] = served._parts.server._server.connections  # type: ignore[union-attr]
        wire.send(begun)
        until(lambda: connection._is_paused, "so much has come that no more is read")
        Waits.go.set()
        assert wire.answer().status == 200
        assert wire.send("\r\n\r\n").answer().status == 431
        assert wire.request("GET /ping").answer().status == 200


def test_who_sends_more_behind_the_last_request_is_not_reset(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("GET /waits", "Connection: close")
        assert Waits.reached.wait(30)
        wire.send(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2_000)
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._is_paused, "they wait")
        Waits.go.set()
        assert (answer := wire.answer()).body == b"1"
        assert answer.headers["connection"] == "close"
        assert wire.socket.recv(1) == b""  # a reset would raise


@pytest.mark.parametrize("count", [1, 2_000])
def test_a_websocket_asked_for_behind_another_request_gets_all_its_messages(served: Workbench, count: int) -> None:
    message = b'{"id": 1, "data": "%b"}' % (b"x" * 100)
    with Wire(served) as wire:
        wire.request("GET /waits")
        assert Waits.reached.wait(30)
        wire.request("GET /ws", *UPGRADE)
        frames = Frame(Opcode.TEXT, message).serialize(mask=True) * count
        sends = threading.Thread(target=wire.socket.sendall, args=(frames,))
        sends.start()
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._is_paused if count > 1 else connection._kept, "its messages wait")
        Waits.go.set()
        assert wire.answer().body == b"1"
        assert wire.answer(bodiless=True).status == 101
        came = wire._kept
        while came.count(b"x" * 100) < count:
            more = wire.more()
            assert more, "it ends too early"
            came += more
        sends.join(30)


def test_a_websocket_whose_client_has_sent_all_before_it_began_gets_its_answer_and_ends(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("GET /waits")
        assert Waits.reached.wait(30)
        wire.request("GET /ws", *UPGRADE).send(Frame(Opcode.TEXT, b'"all"').serialize(mask=True))
        wire.socket.shutdown(socket.SHUT_WR)
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._has_ended, "the end is here")
        Waits.go.set()
        assert wire.answer().body == b"1"
        assert wire.answer(bodiless=True).status == 101
        while wire.more():
            pass
    until(lambda: served._parts.server.connection_count == 0, "it is forgotten")


def test_a_body_goes_on_once_its_client_has_taken_what_was_written_before(served: Workbench) -> None:
    """The transport may say that it is full in the middle of a request: for 100 Continue behind other answers."""
    with Wire(served) as wire:
        wire.request("POST /echo", "Content-Length: 4", "Expect: 100-continue")
        assert wire.answer(bodiless=True).status == 100
        (connection,) = served._parts.server._server.connections  # type: ignore[union-attr]

        async def tell(what: Callable[[], None]) -> None:
            what()

        served._parts.loop.run(tell(connection.pause_writing))
        wire.send(b"body")
        until(lambda: connection._kept, "the body waits")
        served._parts.loop.run(tell(connection.resume_writing))
        assert wire.answer().body == b"body"


@pytest.mark.parametrize("headers", [(), ("Connection: close",)])
def test_a_connection_whose_last_answer_is_taken_slowly_ends_once(
    served: Workbench, caplog: pytest.LogCaptureFixture, headers: tuple[str, ...]
) -> None:
    """asyncio would end it twice, and log that, if we closed it while it tells us that all is taken."""
    with Wire(served) as wire:
        wire.request("GET /big").request("GET /big", *headers).socket.shutdown(socket.SHUT_WR)
        until(lambda: Big.count, "it is answered")
        assert [len(wire.answer().body) for _ in range(2)] == [8 * MIB] * 2
        assert wire.is_closed
    until(lambda: served._parts.server.connection_count == 0, "it is forgotten")
    served._parts.loop.run(asyncio.sleep(0))
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []
