"""WebSockets of mounted applications: Tornado's own handlers, by our wire."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from websockets.frames import Close, Frame, Opcode

from tests.app.test_forking import child
from tests.channels.websocket.conftest import KEY, Raw
from tests.channels.wire.test_lives import server_with
from tests.serving import until
from workbench.app.workbench import Workbench
from workbench.channels.http import detached

BIG = 3_000_000
V13 = "Sec-WebSocket-Version: 13"


class Talks(WebSocketHandler):
    """Answers what it is told: itself, or what the first word says."""

    ended: list[tuple[int | None, str | None]]
    pongs: list[bytes]
    begun, goes_on = threading.Event(), threading.Event()
    here: list[Talks]

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "chat" if "chat" in subprotocols else None

    def get_compression_options(self) -> dict[str, Any] | None:
        return {} if self.get_query_argument("packed", "") else None

    def open(self) -> None:
        Talks.here.append(self)
        if self.get_query_argument("fails", ""):
            raise RuntimeError("no good")
        if greeting := self.get_query_argument("greeting", ""):
            self.write_message(greeting)

    async def on_message(self, message: str | bytes) -> None:
        word, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
        if word == "wait":
            Talks.begun.set()
            while not Talks.goes_on.is_set():
                await asyncio.sleep(0.002)
            message = "waited"
        elif word == "close":
            return self.close(int(rest), "enough")
        elif word == "fail":
            raise RuntimeError("no good")
        elif word == "ping":
            return self.ping(rest.encode())
        elif word == "send":
            for _ in range(int(rest)):
                await self.write_message(b"x" * 100_000, binary=True)
        await self.write_message(message, binary=isinstance(message, bytes))

    def on_pong(self, data: bytes) -> None:
        Talks.pongs.append(data)

    def on_close(self) -> None:
        Talks.ended.append((self.close_code, self.close_reason))


@pytest.fixture
def talking(wb: Workbench) -> Iterator[Workbench]:
    """A workbench with an application that talks."""
    Talks.ended, Talks.pongs, Talks.here = [], [], []
    Talks.begun.clear()
    Talks.goes_on.clear()
    wb.mount("/x", Application([("/x/ws", Talks)], websocket_max_message_size=2 * BIG))
    wb.start()
    yield wb
    Talks.goes_on.set()


def opened(wb: Workbench, path: str = "/x/ws", *headers: str) -> Raw:
    """A WebSocket, past its handshake."""
    raw = Raw(wb)
    answer = raw.handshake(*headers, line=f"GET {path}")
    assert answer.status == 101, answer.line
    until(lambda: wb._parts.pipeline.clients, "its server knows of it")
    return raw


def message(raw: Raw) -> str | bytes:
    """The next message."""
    frame = raw.next()
    assert frame is not None
    parts = [frame]
    while not frame.fin:
        frame = raw.next()
        assert frame is not None
        parts.append(frame)
    data = b"".join(each.data for each in parts)
    return data.decode() if parts[0].opcode is Opcode.TEXT else bytes(data)


def say(raw: Raw, what: str | bytes) -> Raw:
    return raw.frame(Opcode.TEXT, what.encode()) if isinstance(what, str) else raw.frame(Opcode.BINARY, what)


def nobody_is_left(wb: Workbench) -> None:
    until(lambda: wb._parts.server.connection_count == 0, "every connection has ended")


def test_a_handler_answers_messages_and_its_client_is_counted_and_told_of(talking: Workbench) -> None:
    with opened(talking, "/x/ws", "Sec-WebSocket-Protocol: other, chat") as raw:
        for each in ("hello", "", b"\x00\xff", b""):
            assert message(say(raw, each)) == each
        assert talking._parts.server.connection_count == 1
        say(raw, "wait").frame(Opcode.CLOSE, Close(1000, "enough").serialize())
        Talks.goes_on.set()
        assert message(raw) == "waited"
        assert raw.closed_with() == (1000, "")
        assert raw.next() is None
    until(lambda: Talks.ended == [(1000, "enough")], "the handler is told")
    nobody_is_left(talking)
    (trace,) = talking.traffic
    assert (trace.root.name, trace.root.outcome, trace.root.mood) == ("GET /x/ws", "101", "ok")


def test_the_answer_to_a_handshake_says_what_it_must_and_nothing_twice(talking: Workbench) -> None:
    with Raw(talking) as raw:
        answer = raw.handshake("Sec-WebSocket-Protocol: chat", line="GET /x/ws")
    assert (answer.line, answer.headers["sec-websocket-protocol"]) == ("HTTP/1.1 101 Switching Protocols", "chat")
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (answer.all("connection"), answer.all("upgrade")) == (["Upgrade"], ["websocket"])
    assert [len(answer.all(name)) for name in ("date", "server", "x-zato-cid")] == [1, 1, 1]
    assert [answer.all(name) for name in ("content-length", "transfer-encoding", "content-type")] == [[], [], []]


def test_what_comes_behind_a_handshake_and_before_it_is_answered_in_order(talking: Workbench) -> None:
    frames = b"".join(Frame(Opcode.TEXT, b"%d" % each).serialize(mask=True) for each in range(3))
    usual = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
    with Raw(talking) as raw:
        host = f"Host: {raw.host}\r\n"
        raw.send(f"GET /ping HTTP/1.1\r\n{host}\r\nGET /x/ws HTTP/1.1\r\n{host}{usual}\r\n".encode() + frames)
        assert raw.answer().status == 200
        assert raw.answer().status == 101
        raw.begin()
        assert [message(raw) for _ in range(3)] == ["0", "1", "2"]


def test_long_messages_go_both_ways_whole_and_in_parts(talking: Workbench) -> None:
    data = bytes(range(250)) * (BIG // 250)
    with opened(talking) as raw:
        assert message(say(raw, data)) == data
        raw.frame(Opcode.BINARY, data[:1_000_000], fin=False).frame(Opcode.PING, b"there?")
        raw.frame(Opcode.CONT, data[1_000_000:])
        pong = raw.next()
        assert pong is not None
        assert (pong.opcode, pong.data) == (Opcode.PONG, b"there?")
        assert message(raw) == data
        raw.frame(Opcode.BINARY, bytes(2 * BIG + 1))
        assert raw.closed_with() == (1009, "message too big")
    nobody_is_left(talking)


def test_a_handler_may_ping(talking: Workbench) -> None:
    with opened(talking) as raw:
        frame = say(raw, "ping well?").next()
        assert frame is not None
        assert (frame.opcode, frame.data) == (Opcode.PING, b"well?")
        raw.frame(Opcode.PONG, b"well?")
        until(lambda: Talks.pongs == [b"well?"], "the handler has the pong")


@pytest.mark.parametrize("packed", ["", "yes"])
def test_messages_are_compressed_where_both_sides_say_so(talking: Workbench, packed: str) -> None:
    from websockets.sync.client import connect

    text = "as before, " * 50_000
    address = f"{talking.url.replace('http', 'ws', 1)}/x/ws?packed={packed}"
    with connect(address, ssl=talking._parts.server.trust()) as client:
        assert client.response is not None
        assert ("permessage-deflate" in client.response.headers.get("Sec-WebSocket-Extensions", "")) == bool(packed)
        client.send(text)
        assert client.recv(30) == text


def test_either_side_takes_leave_with_its_code(talking: Workbench) -> None:
    with opened(talking) as raw:
        say(raw, "close 4001")
        assert raw.closed_with() == (4001, "enough")
        raw.frame(Opcode.CLOSE, Close(4001, "well").serialize())
        assert raw.next() is None
    with opened(talking) as raw:
        raw.frame(Opcode.CLOSE, b"")
        frame = raw.next()
        assert frame is not None
        assert (frame.opcode, frame.data) == (Opcode.CLOSE, b"")
    until(lambda: Talks.ended == [(4001, "well"), (None, None)], "the handler is told")
    nobody_is_left(talking)


@pytest.mark.parametrize("how", ["half", "closed", "reset"])
def test_a_handler_is_told_of_a_client_that_is_gone_without_a_word(talking: Workbench, how: str) -> None:
    with opened(talking) as raw:
        assert message(say(raw, "a")) == "a"
        if how == "half":
            raw.socket.shutdown(socket.SHUT_WR)
            assert raw.next() is None
        elif how == "reset":
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: Talks.ended == [(None, None)], "the handler is told")
    nobody_is_left(talking)


def test_a_handler_at_work_learns_at_its_next_message_that_its_client_is_gone(talking: Workbench) -> None:
    with opened(talking) as raw:
        say(raw, "wait")
        assert Talks.begun.wait(30)
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    nobody_is_left(talking)
    assert Talks.ended == []

    async def write() -> None:
        with pytest.raises(WebSocketClosedError):
            await Talks.here[0].write_message("late")

    talking._parts.loop.run(write())
    Talks.goes_on.set()
    until(lambda: Talks.ended == [(None, None)], "the handler is told")


@pytest.mark.parametrize("how", ["fails in open", "fails at a message"])
def test_a_handler_that_fails_has_its_connection_closed(talking: Workbench, how: str) -> None:
    with opened(talking, "/x/ws?fails=yes" if how == "fails in open" else "/x/ws") as raw:
        if how == "fails at a message":
            say(raw, "fail")
        assert raw.next() is None
    nobody_is_left(talking)
    assert Talks.ended == ([(None, None)] if how == "fails at a message" else [])


@pytest.mark.parametrize("header", ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example"])
def test_a_page_of_another_site_gets_no_websocket(talking: Workbench, header: str) -> None:
    with Raw(talking) as raw:
        if header.startswith("Host"):
            raw.host = header.partition(": ")[2]
        assert raw.handshake(*[header] * (not header.startswith("Host")), line="GET /x/ws").status == 403
    assert Talks.here == []


def test_what_the_handler_refuses_is_answered_and_the_connection_goes_on(talking: Workbench) -> None:
    class Picky(Talks):
        def prepare(self) -> None:
            if self.get_query_argument("stranger", ""):
                self.set_status(401)
                self.finish("Who is there?")

        def check_origin(self, origin: str) -> bool:
            return False

    talking.mount("/picky", Application([("/picky", Picky)]))
    with Raw(talking) as raw:
        host = raw.host
        answer = raw.handshake("Sec-Fetch-Site: none", "Origin: null", line="GET /picky")
        assert answer.status == 403
        answer = raw.handshake(line="GET /picky?stranger=yes")
        assert (answer.status, answer.body) == (401, b"Who is there?")
        usual = ("Upgrade: websocket", "Connection: Upgrade")
        assert raw.request("GET /x/ws", *usual, "Sec-WebSocket-Version: 12").answer().status == 426
        assert raw.request("GET /x/ws", *usual, "Sec-WebSocket-Version: 13").answer().status == 400
        assert raw.request("GET /x/ws").answer().status == 400
        assert raw.request("GET /ping").answer().status == 200
        assert raw.host == host
        assert raw.request("GET /x/ws HTTP/1.0", *usual, f"Sec-WebSocket-Key: {KEY}").answer().status == 400
    assert Talks.here == []


class Forgetful(WebSocketHandler):
    """Takes a connection, and keeps nothing of it."""

    def get(self) -> None:  # type: ignore[override]
        self.set_status(101)
        self.finish()
        self.detach()


def test_a_connection_whose_handler_is_gone_is_closed(talking: Workbench) -> None:
    talking.mount("/forgetful", Application([("/forgetful", Forgetful)]))
    with opened(talking, "/forgetful") as raw:
        until(lambda: gc.collect() >= 0 and not talking._parts.pipeline.clients, "it is closed")
        assert raw.next() is None


def test_only_the_connection_of_a_websocket_is_given_away(talking: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    talking.mount("/greedy", Application([("/greedy", Forgetful)]))
    with Raw(talking) as raw:
        assert raw.request("GET /greedy").answer().status == 500
        assert raw.request("GET /ping").answer().status == 200
    assert "Fix: use a WebSocketHandler." in caplog.text
    until(lambda: talking._parts.pipeline.in_flight == 0, "nothing is in flight")


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_is_gone_before_it_is_answered_leaves_nothing(talking: Workbench, reset: bool) -> None:
    reached, goes_on = threading.Event(), threading.Event()

    class Slow(Talks):
        async def prepare(self) -> None:  # type: ignore[override]
            reached.set()
            while not goes_on.is_set():
                await asyncio.sleep(0.002)

    talking.mount("/slow", Application([("/slow", Slow)]))
    with Raw(talking) as raw:
        raw.request("GET /slow", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", V13)
        assert reached.wait(30)
        if reset:
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if reset:
        nobody_is_left(talking)
    until(lambda: Talks.ended == [(None, None)], "the handler is told")
    goes_on.set()
    until(lambda: len(Talks.here) == 1, "the handler goes on")
    nobody_is_left(talking)
    assert (Talks.ended, talking._parts.pipeline.in_flight) == ([(None, None)], 0)


def test_a_slow_reader_makes_the_handler_wait_and_what_is_held_is_bounded(talking: Workbench) -> None:
    with opened(talking) as raw:
        say(raw, "send 200")
        (client,) = talking._parts.pipeline.clients
        until(lambda: client._link.unsent_bytes, "the client has not taken all")  # type: ignore[attr-defined]
        for _ in range(200):
            assert client._link.unsent_bytes <= 100_010  # type: ignore[attr-defined]
            assert len(message(raw)) == 100_000
        assert message(raw) == "send 200"


def test_a_slow_handler_makes_the_client_wait_and_what_is_held_is_bounded(talking: Workbench) -> None:
    piece = b"x" * 60_000
    with opened(talking) as raw:
        say(raw, "wait")
        assert Talks.begun.wait(30)
        (client,) = talking._parts.pipeline.clients
        sends = threading.Thread(target=lambda: [say(raw, piece) for _ in range(200)])
        sends.start()
        until(lambda: client._link._is_paused, "nothing more is read")  # type: ignore[attr-defined]
        link: Any = client._link  # type: ignore[attr-defined]
        assert len(link._came) + len(client._came) <= 256 * 1024  # type: ignore[attr-defined]
        assert talking._parts.pipeline.in_flight == 1
        Talks.goes_on.set()
        assert message(raw) == "waited"
        assert [message(raw) for _ in range(200)] == [piece] * 200
        sends.join(30)


def test_who_leaves_too_much_lying_is_cut_off(
    talking: Workbench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(detached, "MOST_UNSENT_BYTES", 1_000_000)
    with opened(talking) as raw:
        assert message(say(raw, "a")) == "a"

        async def flood() -> None:
            for _ in range(100):
                Talks.here[0].write_message(b"x" * 500_000, binary=True)

        with pytest.raises(WebSocketClosedError):
            talking._parts.loop.run(flood())
        nobody_is_left(talking)
    assert "takes its messages too slowly, and is cut off" in caplog.text
    until(lambda: Talks.ended == [(None, None)], "the handler is told")


def test_a_server_that_stops_takes_leave_after_the_message_at_work_and_takes_clients_again(talking: Workbench) -> None:
    with opened(talking) as raw, opened(talking) as silent:
        say(raw, "wait")
        assert Talks.begun.wait(30)
        stops = threading.Thread(target=lambda: talking.stop(drain_seconds=30))
        stops.start()
        until(lambda: talking._parts.pipeline.draining, "the server drains")
        Talks.goes_on.set()
        assert message(raw) == "waited"
        assert raw.closed_with() == (1001, "The server stops")
        raw.frame(Opcode.CLOSE, Close(1001, "").serialize())
        assert raw.next() is None
        assert silent.closed_with() == (1001, "The server stops")
        stops.join(30)
        assert not stops.is_alive()
        assert silent.next() is None
    assert sorted(Talks.ended, key=str) == [(1001, None), (None, None)]
    assert talking._parts.pipeline.clients == set()
    talking.start()
    with opened(talking) as raw:
        assert message(say(raw, "again")) == "again"


def test_clients_of_an_application_that_is_replaced_are_asked_back_and_others_stay(talking: Workbench) -> None:
    class Other(Talks):
        async def on_message(self, message: str | bytes) -> None:
            await self.write_message("other")

    same = Application([("/same", Talks)])
    talking.mount("/same", same)
    with opened(talking) as raw, opened(talking, "/same") as stays:
        assert (message(say(raw, "a")), message(say(stays, "a"))) == ("a", "a")
        talking.mount("/same", same)
        talking.mount("/x", Application([("/x/ws", Other)]))
        assert raw.closed_with() == (1012, "The application has changed")
        assert message(say(stays, "b")) == "b"
        with pytest.raises(WebSocketClosedError):
            talking._parts.loop.run(Talks.here[0].write_message("late"))
        raw.frame(Opcode.CLOSE, Close(1000, "").serialize())
        until(lambda: Talks.ended == [(1000, None)], "the former handler is told")
        assert talking.unmount("/same")
        assert stays.closed_with() == (1001, "The application is gone")
    with opened(talking) as raw:
        assert message(say(raw, "a")) == "other"


def test_an_application_that_is_replaced_before_it_has_answered_keeps_no_client(talking: Workbench) -> None:
    reached, goes_on = threading.Event(), threading.Event()

    class Slow(Talks):
        async def prepare(self) -> None:  # type: ignore[override]
            reached.set()
            while not goes_on.is_set():
                await asyncio.sleep(0.002)

    talking.mount("/slow", Application([("/slow", Slow)]))
    with Raw(talking) as raw:
        raw.request("GET /slow", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", V13)
        assert reached.wait(30)
        assert talking.unmount("/slow")
        goes_on.set()
        assert raw.answer().status == 101
        raw.begin()
        assert raw.closed_with() == (1012, "The application has changed")


def test_websockets_count_among_the_connections_there_may_be(talking: Workbench) -> None:
    server = server_with(talking, connections=2)
    try:
        with Raw(server) as raw, Raw(server) as other:
            assert raw.handshake(line="GET /x/ws").status == other.handshake(line="GET /x/ws").status == 101
            with Raw(server) as late:
                assert late.answer().status == 503
        until(lambda: server.connection_count == 0, "every connection has ended")
        with Raw(server) as raw:
            assert raw.handshake(line="GET /x/ws").status == 101
    finally:
        server.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_has_no_client_of_its_parent_and_does_not_hold_it(talking: Workbench) -> None:
    with opened(talking) as raw:
        assert message(say(raw, "a")) == "a"
        with child(lambda: talking._parts.pipeline.clients) as (_, said):
            assert said == "set()"
            assert message(say(raw, "b")) == "b"
            say(raw, "close 1000").frame(Opcode.CLOSE, Close(1000, "").serialize())
            assert raw.closed_with() == (1000, "enough")
            assert raw.next() is None
    nobody_is_left(talking)
