"""Clients of a server that speaks TLS: those that do, in every way, and those that do not."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import tornado.web

from tests.channels.websocket.conftest import PATH, Bench
from tests.serving import Wire, connected, port_of, until
from tests.soak.load.memory import Memory
from tests.tls import AUTHORITY, TLSSocket, client_context
from workbench.app.workbench import Workbench
from workbench.channels.deadlines import Deadlines
from workbench.channels.http.server import HTTPServer
from workbench.channels.http.wire.bounds import Bounds
from workbench.channels.http.wire.connection import Connection
from workbench.channels.rest import RESTChannel
from workbench.core.service import Service


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return self.request.stream.read()


class Big(Service):
    name = "big"

    def handle(self) -> bytes:
        return b"x" * 30_000_000


@pytest.fixture
def served(wb: Workbench) -> Workbench:
    wb.deploy(Echo)
    wb.define(RESTChannel("echo", data_format="raw", max_body_bytes=1 << 26))
    wb.start()
    return wb


class Narrow(HTTPServer):
    """A second server on the same pipeline: 250 at once, readers of 64 KiB a second, a clock that a test moves [s]."""

    def __init__(self, wb: Workbench) -> None:
        self.at = 0.0
        parts, deadlines = wb._parts, Deadlines[Connection](Connection.cut, 0.02, lambda: self.at)
        bounds, certificate = Bounds(connections=250, reader_seconds=1.0), parts.server.certificate
        super().__init__(parts.pipeline, parts.loop.run, 0, bounds=bounds, deadlines=deadlines, certificate=certificate)

    def lets_all_go(self) -> None:
        """Let time pass until nobody is left."""

        def is_empty() -> bool:
            self.at += Bounds().idle_seconds
            return not self.connection_count

        until(is_empty, "nobody is left")


@pytest.fixture
def narrow(served: Workbench) -> Iterator[Narrow]:
    server = Narrow(served)
    server.start()
    yield server
    server.stop()


def plain(server: Workbench | HTTPServer) -> socket.socket:
    """A connection on which nothing has been said."""
    return socket.create_connection(("127.0.0.1", port_of(server)), 30)


def has_ended(client: socket.socket) -> bool:
    """Whether the server ends the connection, whatever it says before; waited for."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_trusts_the_authority_is_answered_by_http_1_1(served: Workbench, version: ssl.TLSVersion) -> None:
    context = client_context()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(plain(served), server_hostname="localhost") as client:
        assert client.version() == version.name.replace("_", ".")
        assert client.selected_alpn_protocol() == "http/1.1"
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        said = b""
        while more := client.recv(65536):  # ends without an error only if the server takes leave of TLS
            said += more
    assert said.endswith(b"\r\n\r\nhi")


def test_big_bodies_go_both_ways_whole(served: Workbench) -> None:
    body = random.Random(1).randbytes(20_000_000)
    answer = requests.post(f"{served.url}/echo", data=body, verify=str(AUTHORITY), timeout=60)
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(body).digest()
    assert answer.url.startswith("https://localhost:")


def test_a_client_with_an_older_tls_or_without_trust_is_told_and_the_log_says_why(
    served: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "workbench.http")
    old = client_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), plain(served) as client:
        old.wrap_socket(client, server_hostname="localhost")
    with pytest.raises(ssl.SSLCertVerificationError), plain(served) as client:
        ssl.create_default_context(capath="/nowhere").wrap_socket(client, server_hostname="localhost")
    until(lambda: "UNKNOWN_CA" in caplog.text, "why is logged")
    assert "127.0.0.1 and this server agree on no TLS: UNSUPPORTED_PROTOCOL" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_client_without_tls_is_told_to_speak_it(served: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(port_of(served)) as wire:
        answer = wire.request("GET /ping").answer()
        assert answer.status == 400
        assert b"This address speaks TLS: begin it with https" in answer.body
        assert wire.is_closed
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert not list(served.traffic)


def test_what_is_neither_http_nor_tls_ends_without_a_trace(served: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    for number in range(150):
        first = b"\x16\x03\x01" if number % 2 else b""
        with plain(served) as client:
            client.sendall(first + chance.randbytes(chance.randrange(1, 700)))
            client.shutdown(socket.SHUT_WR)
            assert has_ended(client)
    until(lambda: not served._parts.server.connection_count, "nobody is left")
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert requests.get(f"{served.url}/ping", verify=str(AUTHORITY), timeout=30).status_code == 200


def test_a_head_in_records_of_a_byte_each_is_read_as_it_comes_and_not_byte_by_byte(served: Workbench) -> None:
    async def cpu_seconds() -> float:
        return time.thread_time()

    with connected(served) as client:
        before = served._parts.loop.run(cpu_seconds())
        head = b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"
        client.sendall_in_records(head, 1)
        assert client.recv(65536).startswith(b"HTTP/1.1 431 ")
        assert served._parts.loop.run(cpu_seconds()) - before < 2  # each byte looked at for itself: 5 s


def test_a_client_that_breaks_tls_later_is_cut_off(served: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "workbench.http")
    raw = plain(served)
    with TLSSocket(raw) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        assert has_ended(raw)
    until(lambda: not served._parts.server.connection_count, "it is gone")
    assert "is cut off, since it breaks TLS" in caplog.text


def test_two_hundred_silent_clients_count_and_are_let_go_and_hold_nobody_up(narrow: Narrow) -> None:
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(plain(narrow)) for _ in range(220)]
        for each in clients[200:]:
            each.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a handshake
        until(lambda: narrow.connection_count == 220, "all count")
        with Wire(narrow) as wire:
            assert wire.request("GET /ping").answer().status == 200
        narrow.lets_all_go()
        assert all(has_ended(each) for each in clients)


def test_beyond_the_most_a_client_is_told_so_by_tls(narrow: Narrow) -> None:
    with ExitStack() as open_ones:
        for _ in range(250):
            open_ones.enter_context(plain(narrow))
        until(lambda: narrow.connection_count == 250, "all count")
        with connected(narrow) as late:
            assert late.recv(65536).startswith(b"HTTP/1.1 503 ")


def test_who_sends_or_asks_nothing_is_let_go_in_time(narrow: Narrow) -> None:
    with connected(narrow) as idle, connected(narrow) as slow:
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        slow.sendall(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n")
        until(lambda: narrow.connection_count == 2, "both are there")
        narrow.lets_all_go()
        assert not idle.recv(1)
        assert not slow.recv(1)


def test_a_slow_reader_is_cut_off_and_a_steady_one_gets_all(served: Workbench, narrow: Narrow) -> None:
    served.deploy(Big)
    served.define(RESTChannel("big"))
    request = b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connected(narrow) as slow, connected(narrow) as steady:
        slow.sendall(request)
        steady.sendall(request)
        pause, total = threading.Event(), 0
        while more := steady.recv(1 << 20):
            total += len(more)
            pause.wait(0.02)
        assert total > 30_000_000
        until(lambda: not narrow.connection_count, "the slow one is cut off")


def test_a_connection_that_goes_on_keeps_nothing_of_a_big_answer(served: Workbench) -> None:
    served.deploy(Big)
    served.define(RESTChannel("big"))
    memory, context = Memory(os.getpid()), client_context()
    with ExitStack() as open_ones:
        for _ in range(9):
            raw = open_ones.enter_context(plain(served))
            client = open_ones.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            client.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
            left = 30_000_000
            while left > 0:
                left -= len(client.recv(1 << 20))
            memory.look()
        assert served._parts.server.connection_count == 9
    assert memory.resident[-1] - memory.resident[0] < 120_000_000  # eight answers are 240 MB


def test_a_server_that_stops_lets_silent_and_idle_clients_go(narrow: Narrow) -> None:
    with plain(narrow) as silent, connected(narrow) as idle:
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        narrow.stop(5)
        assert not idle.recv(1)
        assert has_ended(silent)


def test_every_address_that_is_told_begins_with_https(served: Workbench) -> None:
    class Tells(tornado.web.RequestHandler):
        def get(self) -> None:
            self.write(self.request.full_url())

    served.mount("/own", tornado.web.Application([("/own/.*", Tells)]))
    url = served.url
    assert url.startswith("https://localhost:")
    assert served.channels["echo"].url == f"{url}/echo"
    assert served.call("GET /own/x").text == f"{url}/own/x"
    assert served.call("GET /openapi.json").json()["servers"] == [{"url": url}]
    browser = {"Accept": "text/html"}
    assert f'href="{url}/echo"' in served.call("GET /", headers=browser).text
    led = browser | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert f'href="{url}/echo"' in served.call("GET /echo", headers=led).text
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    assert served.call("POST /echo", b"x", headers=own).status == 200
    assert served.call("POST /echo", b"x", headers={"Origin": "https://evil.example"}).status == 403
    assert "Strict-Transport-Security" not in served.call("GET /ping").headers  # it would hold for every port


def test_a_file_sent_by_hand_arrives_whole_unless_the_server_refuses_it(served: Workbench, tmp_path: Path) -> None:
    served.define(RESTChannel("small", service="echo", data_format="raw", max_body_bytes=1000))
    body, file = random.Random(2).randbytes(3_000_000), tmp_path / "sent.bin"
    file.write_bytes(body)
    assert served.call("POST /echo", file).body == body
    with file.open("rb") as opened:
        assert served.call("POST /echo", opened).body == body
    assert served.call("POST /small", file).status == 413


def test_a_call_by_hand_can_be_run_again(served: Workbench) -> None:
    assert served.call("POST /echo", b"once").trace is not None
    assert served.traffic[-1].again().answer.body == b"once"


def test_a_websocket_by_hand_is_one_by_tls(bench: Bench) -> None:
    bench.define()
    with bench.connect() as client:
        assert client.url == f"wss://localhost:{port_of(bench.wb)}{PATH}"
        assert client.ask({"x": 1}).data == {"x": 1}
