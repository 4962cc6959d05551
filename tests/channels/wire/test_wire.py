"""What a stranger may send over a socket, and what comes back."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Wire, connected, token_of, until
from workbench.app.workbench import Workbench
from workbench.channels.http.server import HTTPServer
from workbench.channels.http.wire.bounds import HEADER_BYTES, LINE_BYTES, Bounds
from workbench.channels.rest import RESTChannel
from workbench.core.service import Service

BYTES = bytes(range(256)) * 4


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return self.request.raw_request


class Shows(Service):
    name = "shows"

    def handle(self) -> Any:
        http = self.request.http
        return {"method": http.method, "path": http.path, "params": http.params, "GET": http.GET, "POST": http.POST}


class Sets(Service):
    name = "sets"

    def handle(self) -> Any:
        for name, value in self.request.payload.items():
            if name == "headers":
                self.response.headers.update(value)
            elif name != "payload":
                setattr(self.response, name, value)
        return self.request.payload.get("payload")


@pytest.fixture
def served(wb: Workbench) -> Workbench:
    wb.deploy(Echo, Shows, Sets)
    wb.define(
        RESTChannel("echo", data_format="raw", max_body_bytes=2000),
        RESTChannel("shows", path="/shows/{name}"),
        RESTChannel("form", path="/form", service="shows", data_format="form"),
        RESTChannel("sets"),
        RESTChannel("any", path="/any/{rest}", service="shows", match_slash=True),
    )
    return wb


@pytest.fixture
def wire(served: Workbench) -> Iterator[Wire]:
    with Wire(served) as wire:
        yield wire


def test_every_byte_comes_back_as_it_went(wire: Wire) -> None:
    received = wire.request("POST /echo", body=BYTES).answer()
    assert (received.status, received.body) == (200, BYTES)
    assert received.headers["content-type"] == "application/octet-stream"
    assert received.headers["server"] == "workbench"
    assert len(received.headers["x-zato-cid"]) == 24


def test_a_chunked_body_comes_together(wire: Wire) -> None:
    wire.request("POST /echo", "Transfer-Encoding: chunked")
    for piece in (BYTES[:3], BYTES[3:700], BYTES[700:]):
        wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    assert wire.send(b"0\r\n\r\n").answer().body == BYTES


def test_a_connection_is_kept_and_pipelined(wire: Wire) -> None:
    for number in range(3):
        wire.request("POST /echo", body=b"%d" % number)
    assert [wire.answer().body for _ in range(3)] == [b"0", b"1", b"2"]
    assert wire.request("POST /echo", body=b"again").answer().body == b"again"


def test_connection_close_is_obeyed(wire: Wire) -> None:
    received = wire.request("POST /echo", "Connection: close", body=b"x").answer()
    assert (received.body, received.headers["connection"]) == (b"x", "close")
    assert wire.is_closed


def test_http_1_0_closes_unless_asked_to_keep(served: Workbench) -> None:
    with Wire(served) as wire:
        assert wire.request("GET /shows/a HTTP/1.0").answer().headers["connection"] == "close"
        assert wire.is_closed
    with Wire(served) as wire:
        for _ in range(2):
            received = wire.request("GET /shows/a HTTP/1.0", "Connection: keep-alive").answer()
            assert received.headers["connection"] == "Keep-Alive"


def test_head_has_the_length_and_no_body(wire: Wire) -> None:
    get = wire.request("GET /shows/a").answer()
    head = wire.request("HEAD /shows/a").answer(bodiless=True)
    assert int(head.headers["content-length"]) == len(get.body) + 1
    assert wire.request("POST /echo", body=b"next").answer().body == b"next"


def test_204_has_neither_body_nor_length(wire: Wire) -> None:
    received = wire.request("POST /sets", body=b'{"status_code": 204, "payload": "ignored"}').answer()
    assert (received.status, received.body) == (204, b"")
    assert "content-length" not in received.headers
    assert wire.request("POST /echo", body=b"next").answer().body == b"next"


def test_parameters_come_decoded_the_query_over_the_path(wire: Wire) -> None:
    shown = json(wire.request("GET /shows/a%2Fb%20%C5%82?x=1&x=2&name=q&y=%26").answer())
    assert shown == {
        "method": "GET",
        "path": "/shows/a%2Fb%20%C5%82",
        "params": {"name": "q", "x": ["1", "2"], "y": "&"},
        "GET": {"name": "q", "x": ["1", "2"], "y": "&"},
        "POST": {},
    }


def test_a_form_is_read_where_the_channel_says_so(wire: Wire) -> None:
    form = ("Content-Type: application/x-www-form-urlencoded",)
    assert json(wire.request("POST /form", *form, body=b"a=1&b=%20").answer())["POST"] == {"a": "1", "b": " "}
    assert json(wire.request("POST /shows/x", *form, body=b"a=1").answer())["POST"] == {}
    assert wire.request("POST /echo", *form, body=b"a=1&\xff").answer().body == b"a=1&\xff"


def test_the_whole_address_as_target_is_understood(wire: Wire) -> None:
    assert json(wire.request("GET http://localhost/shows/me?x=1").answer())["params"] == {"name": "me", "x": "1"}


def test_a_services_headers_status_and_type_are_sent(wire: Wire) -> None:
    body = (
        b'{"payload": "a,b", "status_code": 202, "content_type": "text/csv", "content_encoding": "gzip",'
        b' "headers": {"X-Own": 5, "Content-Length": "1", "X-Zato-CID": "mine", "Server": "mine"}}'
    )
    received = wire.request("POST /sets", body=body).answer()
    import gzip

    assert (received.status, gzip.decompress(received.body)) == (202, b"a,b")
    assert received.all("content-type") == ["text/csv"]
    assert received.all("x-own") == ["5"]
    assert received.all("server") == ["workbench"]
    assert len(received.all("x-zato-cid")) == len(received.all("content-length")) == 1


def test_a_content_type_among_the_headers_is_the_content_type(wire: Wire) -> None:
    received = wire.request("POST /sets", body=b'{"payload": "x", "headers": {"content-type": "text/x"}}').answer()
    assert received.all("content-type") == ["text/x"]


@pytest.mark.parametrize(
    "sets",
    [
        b'{"headers": {"X-A": "1\\r\\nX-Evil: 1"}}',
        b'{"headers": {"X-A\\r\\nX-Evil": "1"}}',
        b'{"headers": {"X A": "1"}}',
        b'{"headers": {"": "1"}}',
        b'{"content_type": "text/x\\r\\nX-Evil: 1"}',
        b'{"content_encoding": "br\\nX-Evil: 1"}',
        b'{"status_code": 99}',
        b'{"status_code": 101}',
        b'{"status_code": 1000}',
        b'{"status_code": "ok"}',
    ],
)
def test_what_would_break_the_answer_is_the_services_error(served: Workbench, wire: Wire, sets: bytes) -> None:
    received = wire.request("POST /sets", body=sets).answer()
    assert received.status == 500
    assert "x-evil" not in received.headers
    assert json(received)["details"] == "Internal Server Error"
    assert "ValueError" in served.log.of(received.headers["x-zato-cid"])[-1].text


def test_headers_set_before_an_error_are_kept(wire: Wire, served: Workbench) -> None:
    class Fails(Service):
        name = "fails"

        def handle(self) -> None:
            self.response.headers.update({"X-Own": "1", "Content-Type": "text/csv"})
            raise ValueError("boom")

    served.deploy(Fails)
    served.define(RESTChannel("fails"))
    received = wire.request("GET /fails").answer()
    assert (received.status, received.headers["x-own"]) == (500, "1")
    assert received.all("content-type") == ["application/json"]


# What must not get in.
def refused(received: Any, status: int, words: str) -> None:
    assert received.status == status
    assert json(received) == {
        "result": "Error",
        "cid": received.headers["x-zato-cid"],
        "details": json(received)["details"],
    }
    assert words in json(received)["details"]


def test_an_unknown_path_is_404_and_a_wrong_method_405(wire: Wire) -> None:
    refused(wire.request("GET /nope").answer(), 404, "Not Found")
    received = wire.request("BREW /sets").answer()
    refused(received, 405, "Method Not Allowed")
    assert received.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_invalid_json_is_400(wire: Wire) -> None:
    for body in (b"{", b'"\xff"', b"[" * 1900):
        refused(wire.request("POST /sets", body=body).answer(), 400, "Invalid JSON")


def test_a_long_request_line_is_414(wire: Wire) -> None:
    refused(wire.request("GET /shows/" + "a" * LINE_BYTES).answer(), 414, "The request line is over 8192 bytes")
    assert wire.request("GET /ping").answer().status == 200


def test_large_headers_are_431(wire: Wire) -> None:
    refused(wire.request("GET /ping", "X-A: " + "a" * HEADER_BYTES).answer(), 431, "headers are over 32768 bytes")
    many = [f"X-{i}: {'a' * 100}" for i in range(HEADER_BYTES // 100)]
    refused(wire.request("GET /ping", *many).answer(), 431, "headers are over")


def takes(wire: Wire, size: int) -> bool:
    """Whether the other side takes so many bytes."""
    piece = b"a" * min(size, 1_000_000)
    try:
        for _ in range(size // len(piece)):
            wire.send(piece)
    except (ConnectionError, TimeoutError):
        return False
    return True


def test_endless_headers_end_the_connection(wire: Wire) -> None:
    wire.send(f"GET /ping HTTP/1.1\r\nHost: {wire.host}\r\nX-A: ")
    assert not takes(wire, 10_000_000)


def test_a_short_body_over_the_bound_is_413_and_the_connection_goes_on(wire: Wire) -> None:
    refused(wire.request("POST /echo", body=b"a" * 2001).answer(), 413, "The body is over 2000 bytes")
    assert wire.request("POST /echo", body=b"a" * 2000).answer().body == b"a" * 2000


def test_a_long_body_is_413_and_the_sender_gets_to_read_it(served: Workbench) -> None:
    with Wire(served) as wire:
        received = wire.request("POST /echo", body=b"a" * 20_000_000).answer()
        refused(received, 413, "The body is over 2000 bytes")
        assert received.headers["connection"] == "close"
        assert wire.is_closed


@pytest.mark.parametrize(
    ("length", "status"), [(str(1 << 50), 413), ("9" * 18, 413), ("9" * 25, 400), ("9" * 5000, 400)]
)
@pytest.mark.parametrize("path", ["/echo", "/nowhere"])
def test_a_length_that_no_body_has_is_refused_once(
    served: Workbench, path: str, length: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Wire(served) as wire:
        received = wire.request(f"POST {path}", f"Content-Length: {length}").answer()
        assert received.status == (404 if status == 413 and path == "/nowhere" else status)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed
    assert "Traceback" not in caplog.text


def test_a_chunked_body_over_the_bound_is_413_and_the_sender_gets_to_read_it(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("POST /echo", "Transfer-Encoding: chunked")
        for _ in range(200):
            wire.send(b"186a0\r\n" + b"a" * 100_000 + b"\r\n")
        refused(wire.send(b"0\r\n\r\n").answer(), 413, "The body is over 2000 bytes")
        assert wire.is_closed


def test_a_body_without_end_is_cut_off(served: Workbench) -> None:
    with Wire(served) as wire:
        wire.request("POST /echo", f"Content-Length: {1 << 40}")
        assert not takes(wire, 1_000_000_000)


def test_who_asks_first_whether_to_send_is_told_at_once(wire: Wire) -> None:
    received = wire.request("POST /echo", "Expect: 100-continue", "Content-Length: 5000").answer()
    refused(received, 413, "The body is over")
    assert wire.is_closed


def test_who_asks_first_and_may_send_is_told_to_go_on(wire: Wire) -> None:
    wire.request("POST /echo", "Expect: 100-continue", "Content-Length: 5")
    assert wire.answer().status == 100
    assert wire.send(b"hello").answer().body == b"hello"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http at all\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX\x00: 1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n0123456789",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
)
def test_what_is_no_http_never_reaches_a_service(served: Workbench, sent: bytes) -> None:
    with Wire(served) as wire:
        wire.send(sent)
        wire.socket.shutdown(socket.SHUT_WR)
        came = b""
        while more := wire.more():
            came += more
        assert came == b"" or came.split(b" ", 2)[1] == b"400"
    assert not [trace for trace in served.traffic if trace.steps("service")]
    assert served.call("GET /ping").status == 200


def test_a_request_without_a_host_is_400(wire: Wire) -> None:
    refused(wire.send(b"GET /ping HTTP/1.1\r\n\r\n").answer(), 400, "Host header is missing")


def test_pages_of_other_sites_and_foreign_hosts_are_403(wire: Wire, served: Workbench) -> None:
    refused(wire.request("GET /shows/a", "Sec-Fetch-Site: cross-site").answer(), 403, "Pages of other sites")
    refused(wire.request("POST /echo", "Origin: http://evil.example", body=b"x").answer(), 403, "Pages of other sites")
    foreign = b"GET /ping HTTP/1.1\r\nHost: evil.example\r\n%b\r\n"
    refused(wire.send(foreign % b"").answer(), 403, "does not answer for that host")
    token = f"X-Workbench-Token: {token_of(served)}\r\n".encode()
    assert wire.send(foreign % token).answer().status == 200
    assert not [trace for trace in served.traffic if trace.steps("service")]


# Who is slow, and who does not go away.
@pytest.fixture
def hasty(served: Workbench) -> Iterator[HTTPServer]:
    """A second server on the same pipeline, which waits for nobody."""
    bounds = Bounds(idle_seconds=0.3, body_seconds=0.3, reader_seconds=1.0, sweep_seconds=0.05, connections=20)
    served.start()
    parts = served._parts
    server = HTTPServer(parts.pipeline, parts.loop.run, 0, bounds=bounds, certificate=parts.server.certificate)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    "drops",
    [
        b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n",
    ],
)
def test_a_slow_sender_is_cut_off(hasty: HTTPServer, drops: bytes) -> None:
    with connected(hasty) as slow:
        slow.sendall(drops)
        slow.settimeout(0.05)

        def is_cut_off() -> bool:
            try:
                slow.sendall(b"a")
                return slow.recv(100) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(is_cut_off, "its drops helped it nothing")


def test_an_idle_connection_is_closed(hasty: HTTPServer) -> None:
    with connected(hasty) as idle:
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        assert idle.recv(1000) == b""


def test_a_slow_reader_is_cut_off_and_a_steady_one_is_not(hasty: HTTPServer, served: Workbench) -> None:
    class Big(Service):
        name = "big"

        def handle(self) -> bytes:
            return b"x" * 30_000_000

    served.deploy(Big)
    served.define(RESTChannel("big"))
    request = b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with connected(hasty) as slow, connected(hasty) as steady:
        slow.sendall(request)
        steady.sendall(request)
        pause, total = threading.Event(), 0
        while more := steady.recv(1 << 20):
            total += len(more)
            pause.wait(0.02)
        assert total > 30_000_000
        until(lambda: hasty.connection_count == 0, "the slow one was cut off, too")
        gone = 0
        try:
            while more := slow.recv(1 << 20):
                gone += len(more)
        except ConnectionError:
            pass
        assert gone < 30_000_000


def test_one_connection_too_many_is_closed_and_the_others_served(hasty: HTTPServer) -> None:
    idle = [connected(hasty) for _ in range(30)]
    try:
        answered = []
        for each in idle:
            try:
                each.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answered.append(each.recv(1000)[:12] == b"HTTP/1.1 200")
            except ConnectionError:
                answered.append(False)
        assert sum(answered) == 20
    finally:
        for each in idle:
            each.close()


def test_five_hundred_idle_connections_keep_nobody_from_an_answer(served: Workbench) -> None:
    served.start()
    idle = [connected(served) for _ in range(500)]
    try:
        for each in idle[::2]:
            each.sendall(b"POST /echo HTTP/1.1\r\nHost: loc")
        assert served.call("POST /echo", data=b"still here").body == b"still here"
        # It was answered while all the others stood: each of them can still go on.
        for each in idle[::2]:
            each.sendall(b"alhost\r\nContent-Length: 2\r\n\r\nme")
        assert {each.recv(1000).rpartition(b"\r\n\r\n")[2] for each in idle[::2]} == {b"me"}
    finally:
        for each in idle:
            each.close()


def test_a_caller_who_goes_away_is_told_to_the_service(served: Workbench) -> None:
    reached, go, seen = threading.Event(), threading.Event(), []

    class Inner(Service):
        name = "inner"

        def handle(self) -> None:
            reached.set()
            go.wait(10)
            until(lambda: self.cancelled, "nobody waits")
            seen.append("inner")

    class Waits(Service):
        name = "waits"

        def handle(self) -> None:
            self.invoke("inner")
            seen.append(self.cancelled)

    class WaitsAsync(Service):
        name = "waits.async"

        async def handle(self) -> None:
            reached.set()
            while not self.cancelled:
                await asyncio.sleep(0.005)
            seen.append("async")

    served.deploy(Waits, Inner, WaitsAsync)
    served.define(RESTChannel("waits"), RESTChannel("waits.async", path="/async"))
    for path, wanted in (("/waits", ["inner", True]), ("/async", ["inner", True, "async"])):
        reached.clear()
        with Wire(served) as wire:
            wire.request(f"GET {path}")
            assert reached.wait(30)
        go.set()
        until(lambda: len(seen) >= len(wanted), "the service saw it, and the one that it had invoked before")  # noqa: B023
        assert seen == wanted


def json(received: Any) -> Any:
    import msgspec

    return msgspec.json.decode(received.body)
