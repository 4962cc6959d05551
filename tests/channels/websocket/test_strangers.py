"""What strangers send: no handshake, foreign pages, frames that are none, more than is borne; the others are served."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from tests.channels.websocket.conftest import KEY, PATH, Bench, Raw
from tests.serving import Wire, until
from workbench.app.asking.websocket import NotConnected
from workbench.core.errors import ServiceUsage

MOST = 1000


def test_a_page_of_another_site_may_not_connect(bench: Bench) -> None:
    bench.define()
    for header in ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site"):
        with Raw(bench.wb) as raw:
            assert raw.handshake(header).status == 403
    with Raw(bench.wb) as raw:
        assert raw.handshake(f"Origin: http://{raw.host}", "Sec-Fetch-Site: same-origin").status == 101
    with bench.raw():  # no Origin at all: a program
        assert bench.live.clients


def test_a_foreign_host_name_may_not_connect(bench: Bench) -> None:
    bench.define()
    with Raw(bench.wb) as raw:
        raw.host = "rebound.example"
        assert raw.handshake().status == 403


@pytest.mark.parametrize(
    "headers",
    [
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 8"),
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: short", "Sec-WebSocket-Version: 13"),
        ("Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"),
    ],
    ids=["no key", "old version", "short key", "no connection"],
)
def test_a_bad_handshake_is_refused(bench: Bench, headers: tuple[str, ...]) -> None:
    bench.define()
    with Wire(bench.wb) as wire:
        refused = wire.request(f"GET {PATH}", *headers).answer()
    assert refused.status == 400
    assert json.loads(refused.body)["result"] == "Error"
    assert bench.live.clients == []


def test_a_handshake_with_a_body_is_refused(bench: Bench) -> None:
    bench.define()
    usual = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
    with Wire(bench.wb) as wire:
        assert wire.request(f"GET {PATH}", *usual, body=b"\x81\x80mask").answer().status == 400
    assert bench.live.clients == []


def test_a_handshake_by_post_is_refused(bench: Bench) -> None:
    bench.define()
    with Raw(bench.wb) as raw:
        assert raw.handshake(line=f"POST {PATH}").status == 400


def test_an_unknown_path_is_not_found(bench: Bench) -> None:
    bench.define()
    with pytest.raises(NotConnected, match="404.*opens when the cell has ended"):
        bench.connect("/ws/nowhere")
    with pytest.raises(ServiceUsage, match="Fix: begin it with a slash"):
        bench.connect("http://localhost/ws")


def test_a_request_that_wants_no_websocket_is_told_what_is_needed(bench: Bench) -> None:
    bench.define()
    with Wire(bench.wb) as wire:
        refused = wire.request(f"GET {PATH}").answer()
        assert (refused.status, refused.headers["upgrade"]) == (426, "websocket")
        assert wire.request("GET /ping").answer().status == 200


def test_a_request_of_old_http_is_not_taken_over(bench: Bench) -> None:
    bench.define()
    with Raw(bench.wb) as raw:
        assert raw.handshake(line=f"GET {PATH} HTTP/1.0").status == 400


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda raw: raw.frame(Opcode.TEXT, b"\xff\xfe"), 1007),
        (lambda raw: raw.frame(Opcode.TEXT, b"\xc3", fin=False).frame(Opcode.CONT, b"\x28"), 1007),
        (lambda raw: raw.frame(Opcode.TEXT, b"x" * (MOST + 1)), 1009),
        (lambda raw: raw.send(b"\x81\xff" + (1 << 62).to_bytes(8, "big") + b"mask"), 1009),
        (
            lambda raw: [
                raw.frame(Opcode.TEXT, b"x", fin=False),
                *(raw.frame(Opcode.CONT, b"x" * 99, fin=False) for _ in range(20)),
            ],
            1009,
        ),
        (lambda raw: raw.frame(Opcode.TEXT, b"x", mask=False), 1002),
        (lambda raw: raw.frame(Opcode.CONT, b"x"), 1002),
        (lambda raw: raw.frame(Opcode.TEXT, b"x", fin=False).frame(Opcode.TEXT, b"x"), 1002),
        (lambda raw: raw.send(b"\xc1\x80mask"), 1002),
        (lambda raw: raw.send(b"\x83\x80mask"), 1002),
        (lambda raw: raw.send(b"\x89\xfe\x00\x7emask" + bytes(126)), 1002),
        (lambda raw: raw.send(b"\x09\x80mask"), 1002),
        (lambda raw: raw.frame(Opcode.CLOSE, b"\x03"), 1002),
    ],
    ids=[
        *("not UTF-8", "not UTF-8 in parts", "too large", "far too large", "too large in parts", "not masked"),
        *(
            "a part of nothing",
            "begun twice",
            "reserved bit",
            "unknown kind",
            "long ping",
            "ping in parts",
            "bad close",
        ),
    ],
)
def test_what_no_client_may_send_ends_its_connection_with_a_code(
    bench: Bench, send: Callable[[Raw], Any], code: int
) -> None:
    bench.define(max_message_bytes=MOST)
    with bench.connect() as other, bench.raw() as raw:
        send(raw)
        closed = raw.closed_with()
        assert closed is not None
        assert closed[0] == code
        assert other.ask({"x": 1}).ok
    assert bench.got == [{"x": 1}]
    bench.nobody_is_left()


def test_a_message_of_exactly_the_bound_is_taken_whole_or_in_parts(bench: Bench) -> None:
    bench.define(max_message_bytes=MOST, data_format="raw")
    with bench.raw() as raw:
        raw.frame(Opcode.BINARY, b"x" * MOST)
        raw.frame(Opcode.BINARY, b"x", fin=False).frame(Opcode.CONT, b"x" * (MOST - 1))
        until(lambda: len(bench.got) == 2, "both messages came")
    assert [len(each) for each in bench.got] == [MOST, MOST]


def test_a_client_that_sends_parts_for_ever_is_ended_in_time(bench: Bench) -> None:
    bench.define(ping_seconds=1, pings_missed=2)
    ended = threading.Event()

    def go_on(raw: Raw) -> None:
        with suppress(OSError):
            while not ended.wait(0.01):
                raw.frame(Opcode.CONT, b"", fin=False)

    with bench.raw() as raw:
        raw.frame(Opcode.TEXT, b"", fin=False).frame(Opcode.PING, b"")
        assert raw.next() is not None  # the message has begun
        sends = threading.Thread(target=go_on, args=(raw,))
        sends.start()
        bench.clock.advance(2)
        closed = raw.closed_with()
        ended.set()
        sends.join(30)
    assert closed == (1008, "A message is not complete in time")
    bench.nobody_is_left()


def test_a_client_that_never_reads_is_cut_off_and_others_are_not(bench: Bench) -> None:
    bench.define(max_unsent_bytes=200_000)
    with bench.connect() as other, bench.raw() as raw:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        until(lambda: len(bench.live.clients) == 2, "both are there")

        def is_cut() -> bool:
            bench.live.broadcast("x" * 100_000)
            other.receive()
            return len(bench.live.clients) == 1

        until(is_cut, "the one that does not read is cut off")
        assert other.ask(1).ok


def test_more_clients_than_the_bound_are_refused_until_one_leaves(bench: Bench) -> None:
    bench.define(max_clients=2)
    with bench.connect():
        with bench.connect(), pytest.raises(NotConnected, match="503"):
            bench.connect()
        until(lambda: len(bench.live.clients) == 1, "one has left")
        with bench.connect() as client:
            assert client.ask(1).ok


def test_messages_beyond_those_that_may_wait_are_not_read_and_none_is_lost(bench: Bench) -> None:
    bench.define(max_waiting=2, data_format="raw")
    goes_on = threading.Event()
    bench.does = lambda service: goes_on.wait(30)
    size, count = 60_000, 200
    with bench.raw() as raw:
        raw.socket.setblocking(False)
        frames = b"".join(_frame(size) for _ in range(count))
        sent = 0

        def is_stuck() -> bool:
            nonlocal sent
            try:
                sent += raw.socket.send(frames[sent:])
            except BlockingIOError:
                return True
            return False

        until(is_stuck, "the client cannot send more")
        assert sent < len(frames)
        raw.socket.settimeout(30)
        goes_on.set()
        raw.send(frames[sent:])
        until(lambda: len(bench.got) == count, "all messages came")
    assert {len(each) for each in bench.got} == {size}


def _frame(size: int) -> bytes:
    return Frame(Opcode.BINARY, b"x" * size).serialize(mask=True)


def test_a_thousand_connect_and_leave_and_nothing_of_them_stays(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        client.ask(0)
    bench.nobody_is_left()
    files = _open_files()
    for number in range(1000):
        with bench.raw() as raw:
            if number % 3 == 1:
                raw.frame(Opcode.TEXT, b"1")
            elif number % 3 == 2:
                raw.frame(Opcode.CLOSE, b"\x03\xe8")
    bench.nobody_is_left()
    assert bench.wb._parts.pipeline.clients == set()
    until(lambda: _open_files() <= files + 2, "no socket stays open")
    with bench.connect() as client:
        assert client.ask({"x": 1}).ok


def _open_files() -> int:
    """How many files this process has open; 0 where the system does not tell."""
    there = Path("/proc/self/fd")
    return len(list(there.iterdir())) if there.is_dir() else 0


def test_a_flood_of_pings_is_answered_and_lets_others_through(bench: Bench) -> None:
    bench.define()
    with bench.connect() as other, bench.raw() as raw:
        flood = _ping() * 5_000
        sends = threading.Thread(target=lambda: raw.socket.sendall(flood))
        sends.start()
        reads = threading.Thread(target=lambda: [raw.next() for _ in range(5_000)])
        reads.start()
        assert other.ask({"x": 1}, timeout_seconds=30).ok
        sends.join(30)
        reads.join(30)
        assert not reads.is_alive()


def _ping() -> bytes:
    return Frame(Opcode.PING, b"").serialize(mask=True)
