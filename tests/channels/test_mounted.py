"""Applications of Tornado's own kind beside channels: same port, same guard, same wire."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    ResponseStartLine,
)
from tornado.web import Application, RequestHandler, StaticFileHandler, stream_request_body

from tests.serving import Wire, token_of, until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.errors import ServiceUsage
from workbench.core.service import Service

BIG = 5_000_000


class Hello(RequestHandler):
    def get(self) -> None:
        self.write({"hello": self.get_query_argument("to", "you"), "from": self.request.remote_ip})

    head = get

    def post(self) -> None:
        self.set_status(201, "Made")
        self.set_header("X-Own", "1")
        self.set_header("X-Zato-CID", "mine")
        self.add_header("Set-Cookie", "a=1")
        self.add_header("Set-Cookie", "b=2")
        self.write(self.get_body_argument("name", "") or self.request.body)


class Nothing(RequestHandler):
    def get(self) -> None:
        self.set_status(204)


class Fails(RequestHandler):
    def get(self) -> None:
        raise RuntimeError("no good")


class Parts(RequestHandler):
    """Sends three parts, each once it may."""

    may: asyncio.Semaphore

    async def get(self) -> None:
        if length := self.get_query_argument("length", ""):
            self.set_header("Content-Length", length)
        for part in ("one ", "two ", "three"):
            await Parts.may.acquire()
            self.write(part)
            await self.flush()


class Waits(RequestHandler):
    reached, gone = threading.Event(), threading.Event()

    async def get(self) -> None:
        Waits.reached.set()
        while not Waits.gone.is_set():
            await asyncio.sleep(0.005)
        self.write("late")

    def on_connection_close(self) -> None:
        Waits.gone.set()


@stream_request_body
class Counts(RequestHandler):
    def prepare(self) -> None:
        self.size = 0

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def post(self) -> None:
        self.write(str(self.size))


@pytest.fixture
def mounted(wb: Workbench, tmp_path: Path) -> Workbench:
    (tmp_path / "big.bin").write_bytes(bytes(range(200)) * (BIG // 200))
    Parts.may = asyncio.Semaphore(0)
    Waits.reached.clear()
    Waits.gone.clear()
    pages = {"hello": Hello, "nothing": Nothing, "fails": Fails, "parts": Parts, "waits": Waits, "counts": Counts}
    handlers: list[Any] = [(f"/x/{name}", handler) for name, handler in pages.items()]
    wb.mount("/x", Application([*handlers, (r"/x/files/(.*)", StaticFileHandler, {"path": str(tmp_path)})]))
    wb.start()
    return wb


def let(wb: Workbench, parts: int = 1) -> None:
    """Let the handler of parts send some."""

    async def release() -> None:
        for _ in range(parts):
            Parts.may.release()

    wb._parts.loop.run(release())


def test_a_handler_answers_beside_the_channels(mounted: Workbench) -> None:
    class Mine(Service):
        name = "mine"

        def handle(self) -> str:
            return "mine"

    mounted.deploy(Mine)
    mounted.define(RESTChannel("mine", path="/x/mine"))
    with Wire(mounted) as wire:
        answer = wire.request("GET /x/hello?to=me").answer()
        assert answer.body == b'{"hello": "me", "from": "127.0.0.1"}'
        assert answer.all("server") == ["workbench"]
        assert len(answer.all("date")) == len(answer.all("content-length")) == 1
        assert len(answer.headers["x-zato-cid"]) == 24
        assert wire.request("GET /x/mine").answer().body == b"mine"
        assert wire.request("GET /x/nowhere").answer().status == 404
        assert wire.request("GET /xy/hello").answer().status == 404
        nothing = wire.request("GET /x/nothing").answer()
        assert (nothing.status, len(nothing.all("date"))) == (204, 1)
        assert wire.request("GET /x/fails").answer().status == 500
        assert wire.request("GET /ping").answer().status == 200
    assert next(iter(trace.root.name for trace in mounted.traffic)) == "GET /x/hello"


def test_status_headers_and_bodies_go_both_ways(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        form = wire.request(
            "POST /x/hello", "Content-Type: application/x-www-form-urlencoded", body=b"name=%C5%82"
        ).answer()
        assert (form.line, form.body.decode()) == ("HTTP/1.1 201 Made", "ł")
        assert (form.all("set-cookie"), form.headers["x-own"]) == (["a=1", "b=2"], "1")
        assert [len(each) for each in form.all("x-zato-cid")] == [24]
        wire.request("POST /x/counts", "Transfer-Encoding: chunked").send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert wire.answer().body == b"5"
        head = wire.request("HEAD /x/hello").answer(bodiless=True)
        assert int(head.headers["content-length"]) == len(b'{"hello": "you", "from": "127.0.0.1"}')
        assert wire.request("POST /x/counts", body=b"abc").answer().body == b"3"


def test_a_file_is_sent_whole_to_a_slow_reader_and_unchanged_files_are_told(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        answer = wire.request("GET /x/files/big.bin").answer()
        assert answer.body == bytes(range(200)) * (BIG // 200)
        again = wire.request("GET /x/files/big.bin", f"If-None-Match: {answer.headers['etag']}").answer()
        assert (again.status, again.body) == (304, b"")
        part = wire.request("GET /x/files/big.bin", "Range: bytes=5-9").answer()
        assert (part.status, part.body) == (206, bytes(range(5, 10)))


def test_parts_go_out_as_they_come_in_chunks(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        let(mounted)
        wire.request("GET /x/parts").request("GET /x/hello")
        came = b""
        while b"one " not in came:
            came += wire.more()
        assert b"two " not in came
        assert b"Transfer-Encoding: chunked\r\n" in came
        let(mounted, 2)
        while not came.endswith(b"}"):
            came += wire.more()
    body, _, after = came.partition(b"\r\n\r\n")[2].partition(b"0\r\n\r\n")
    assert body == b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n"
    assert after.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("line", ["GET /x/parts HTTP/1.0", "GET /x/parts?length=13 HTTP/1.1"])
def test_parts_go_out_as_they_are_where_chunks_are_not_known_or_not_needed(mounted: Workbench, line: str) -> None:
    let(mounted, 3)
    with Wire(mounted) as wire:
        wire.request(line, "Connection: close")
        came = b""
        while more := wire.more():
            came += more
    head, _, body = came.partition(b"\r\n\r\n")
    assert body == b"one two three"
    assert b"Transfer-Encoding" not in head


def test_an_answer_shorter_than_it_says_ends_the_connection(
    mounted: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    let(mounted, 3)
    with Wire(mounted) as wire:
        wire.request("GET /x/parts?length=20")
        came = b""
        while more := wire.more():
            came += more
    assert came.partition(b"\r\n\r\n")[2] in (b"one two three", b"")
    (told,) = (each.getMessage() for each in caplog.records if "Content-Length" in each.getMessage())
    assert f"(cid:{mounted.traffic[-1].cid}). Fix: " in told
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")


def test_an_answer_longer_than_it_says_ends_there_and_so_does_the_connection(mounted: Workbench) -> None:
    let(mounted, 2)
    with Wire(mounted) as wire:
        wire.request("GET /x/parts?length=5")
        came = b""
        while len(came.partition(b"\r\n\r\n")[2]) < 5 and (more := wire.more()):
            came += more
        let(mounted)
        while more := wire.more():
            came += more
    assert came.endswith(b"\r\n\r\none t")


def test_what_tornado_does_not_take_for_a_request_is_the_callers_fault(
    mounted: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    with Wire(mounted) as wire:
        wire.send(f"GET /x/hello HTTP/1.1\r\nHost: a b\r\nX-Workbench-Token: {token_of(mounted)}\r\n\r\n")
        answer = wire.answer()
        assert (answer.status, len(answer.headers["x-zato-cid"])) == (400, 24)
        assert b"Invalid Host header" in answer.body
        assert wire.request("GET /x/hello").answer().status == 200
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


class Broken(HTTPServerConnectionDelegate):
    """An application of one's own that fails: before its answer, with the whole of it at hand, or within its parts."""

    error: Exception = RuntimeError("no good")

    def __init__(self, says: list[bytes], **headers: str) -> None:
        self._says, self._headers = says, HTTPHeaders({name.replace("_", "-"): each for name, each in headers.items()})

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        says, headers, error = self._says, self._headers, self.error

        class Fails(HTTPMessageDelegate):
            def finish(self) -> None:
                start = ResponseStartLine("HTTP/1.1", 200, "OK")
                for number, each in enumerate(says):
                    if number:
                        request_conn.write(each)
                    else:
                        request_conn.write_headers(start, headers, each)
                raise error

        return Fails()


@pytest.mark.parametrize(
    "application", [Broken([]), Broken([b"whole"], Content_Length="5")], ids=["before its answer", "before it is out"]
)
def test_an_application_that_fails_before_anything_is_out_is_answered_for(
    mounted: Workbench, application: Broken
) -> None:
    mounted.mount("/own", application)
    with Wire(mounted) as wire:
        assert wire.request("GET /own").answer().status == 500
        assert wire.request("GET /ping").answer().status == 200
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")


@pytest.mark.parametrize(
    "application",
    [Broken([b"one ", b"two "]), Broken([b"one ", b"two "], Content_Length="20"), Broken([b"", b"on"])],
    ids=["in chunks", "with a length", "after its head"],
)
def test_an_application_that_fails_within_its_answer_is_cut_off_and_named(
    mounted: Workbench, application: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    mounted.mount("/own", application)
    with Wire(mounted) as wire:
        wire.request("GET /own").request("GET /ping")
        came = b""
        while more := wire.more():
            came += more
    assert not came.endswith(b"0\r\n\r\n")
    assert b"pong" not in came
    (told,) = (each.getMessage() for each in caplog.records)
    assert told == f"a mounted application failed (cid:{mounted.traffic[-1].cid})"
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")


def test_a_request_that_is_found_to_be_none_within_its_answer_is_cut_off(
    mounted: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    application = Broken([b"one ", b"two "])
    application.error = HTTPInputError("no good")
    mounted.mount("/own", application)
    with Wire(mounted) as wire:
        wire.request("GET /own").request("GET /ping")
        came = b""
        while more := wire.more():
            came += more
    assert not came.endswith(b"0\r\n\r\n")
    assert b"pong" not in came
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")
    assert [each.getMessage() for each in caplog.records] == []


def test_an_answer_that_stops_since_its_caller_is_gone_is_no_wrong_length(
    mounted: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    let(mounted)
    with Wire(mounted) as wire:
        wire.request("GET /x/parts?length=20")
        while b"one " not in wire.more():
            pass
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: mounted._parts.server.connection_count == 0, "it is gone")
    let(mounted, 2)
    until(lambda: not mounted._parts.loop.run(_has_permits()), "the handler has sent all")
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")
    assert [each.getMessage() for each in caplog.records] == []


async def _has_permits() -> bool:
    return not Parts.may.locked()


def test_what_the_guard_refuses_reaches_no_handler(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        assert wire.request("GET /x/hello", "Sec-Fetch-Site: cross-site").answer().status == 403
        assert wire.request("POST /x/hello", "Origin: http://evil.example", body=b"x").answer().status == 403
        assert wire.send(b"GET /x/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n").answer().status == 403


def test_a_handler_is_told_that_its_caller_is_gone(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        wire.request("GET /x/waits")
        assert Waits.reached.wait(30)
        wire.socket.close()
    until(Waits.gone.is_set, "the handler is told")
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")


def test_a_caller_that_sends_nothing_more_has_its_answer_and_a_server_that_drains_waits_for_it(
    mounted: Workbench,
) -> None:
    goes_on = threading.Event()

    class Slow(RequestHandler):
        gone = 0

        async def get(self) -> None:
            Waits.reached.set()
            while not goes_on.is_set():
                await asyncio.sleep(0.005)
            self.write("after all")

        def on_connection_close(self) -> None:
            Slow.gone += 1
            Waits.gone.set()

    mounted.mount("/slow", Application([("/slow", Slow)]))
    with Wire(mounted) as wire:
        wire.request("GET /slow")
        assert Waits.reached.wait(30)
        wire.socket.shutdown(socket.SHUT_WR)
        assert Waits.gone.wait(30)
        assert mounted._parts.pipeline.in_flight == 1
        stopping = threading.Thread(target=mounted.stop, args=(20.0,))
        stopping.start()
        until(lambda: mounted._parts.pipeline.draining, "the server drains")
        goes_on.set()
        assert wire.answer().body == b"after all"
        stopping.join(30)
    assert (Slow.gone, mounted._parts.pipeline.in_flight) == (1, 0)


def test_a_handler_is_told_the_address_of_a_caller_behind_a_trusted_proxy(tmp_path: Path) -> None:
    with Workbench(port=0, folder=tmp_path, proxies="127.0.0.1") as wb:
        wb.mount("/x", Application([("/x/hello", Hello)]))
        with Wire(wb) as wire:
            answer = wire.request("GET /x/hello", "X-Forwarded-For: 10.7.0.1").answer()
            assert answer.body == b'{"hello": "you", "from": "10.7.0.1"}'
            assert wire.request("GET /nowhere", "X-Forwarded-For: 10.7.0.2").answer().status == 404
        assert [trace.root.address for trace in wb.traffic] == ["10.7.0.1", "10.7.0.2"]  # type: ignore[attr-defined]


def test_applications_put_and_removed_from_many_threads_are_all_there(wb: Workbench) -> None:
    application, begins = Application(), threading.Barrier(8)

    def work(number: int) -> None:
        begins.wait(30)
        for each in range(200):
            wb.mount(f"/x/{number}/{each}", application)
            wb.mount(f"/gone/{number}/{each}", application)
            assert wb.unmount(f"/gone/{number}/{each}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert sorted(wb._parts.pipeline.mounted.by_prefix) == sorted(f"/x/{i}/{j}" for i in range(8) for j in range(200))


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("GET /x/hello", ("Upgrade: websocket",)),  # without Connection, it is for nobody
        ("POST /x/hello", ("Upgrade: websocket", "Connection: upgrade")),
        ("GET /x/hello", ("Upgrade: h2c", "Connection: upgrade")),
    ],
)
def test_an_upgrade_that_is_no_handshake_is_passed_over(
    mounted: Workbench, line: str, headers: tuple[str, ...]
) -> None:
    with Wire(mounted) as wire:
        assert wire.request(line, *headers).answer().status < 300


def test_a_server_that_drains_waits_for_a_handler(mounted: Workbench) -> None:
    with Wire(mounted) as wire:
        wire.request("GET /x/waits")
        assert Waits.reached.wait(30)
        stopping = threading.Thread(target=mounted.stop, args=(20.0,))
        stopping.start()
        Waits.gone.set()
        assert wire.answer().body == b"late"
        stopping.join(30)
        assert not stopping.is_alive()


def test_a_handler_within_its_answer_is_told_that_its_caller_sends_nothing_more(mounted: Workbench) -> None:
    class Goes(RequestHandler):
        async def get(self) -> None:
            self.write("one ")
            await self.flush()
            while not Waits.gone.is_set():
                await asyncio.sleep(0.002)
            self.write("two")

        def on_connection_close(self) -> None:
            Waits.gone.set()

    mounted.mount("/goes", Application([("/goes", Goes)]))
    with Wire(mounted) as wire:
        wire.request("GET /goes")
        came = b""
        while b"one " not in came:
            came += wire.more()
        wire.socket.shutdown(socket.SHUT_WR)
        while more := wire.more():
            came += more
    assert came.endswith(b"3\r\ntwo\r\n0\r\n\r\n")
    until(lambda: mounted._parts.pipeline.in_flight == 0, "nothing is in flight")


def test_a_handler_that_waits_no_longer_for_its_caller_may_wait_again(mounted: Workbench) -> None:
    tried = threading.Event()

    class Impatient(RequestHandler):
        async def get(self) -> None:
            self.write(b"x" * BIG)
            first = self.flush()
            try:
                await asyncio.wait_for(self.flush(), 0.01)
            except TimeoutError:
                tried.set()
            await asyncio.gather(first, self.flush())
            self.write("the end")

    mounted.mount("/impatient", Application([("/impatient", Impatient)]))
    with Wire(mounted) as wire:
        wire.request("GET /impatient")
        assert tried.wait(30)
        came = bytearray()
        while not came.endswith(b"0\r\n\r\n") and (more := wire.more()):
            came += more
    assert came.endswith(b"7\r\nthe end\r\n0\r\n\r\n")


def test_parts_wait_behind_a_head_that_is_not_taken(mounted: Workbench) -> None:
    class Long(RequestHandler):
        sent = 0

        async def get(self) -> None:
            self.set_header("X-Long", "x" * BIG)
            for _ in range(50):
                self.write(b"x" * 100_000)
                await self.flush()
                Long.sent += 1

    mounted.mount("/long", Application([("/long", Long)]))
    with Wire(mounted) as wire:
        wire.request("GET /long")
        until(lambda: mounted._parts.server._server.connections, "it is connected")  # type: ignore[union-attr]
        (connection,) = mounted._parts.server._server.connections  # type: ignore[union-attr]
        until(lambda: connection._is_full, "the client has not taken the head")
        for _ in range(200):
            mounted._parts.loop.run(asyncio.sleep(0))
        assert Long.sent == 0
        came = bytearray()
        while not came.endswith(b"0\r\n\r\n") and (more := wire.more()):
            came += more
    assert Long.sent == 50


def test_an_application_goes_and_another_comes(mounted: Workbench) -> None:
    class Other(RequestHandler):
        def get(self) -> None:
            self.write("other")

    with Wire(mounted) as wire:
        mounted.mount("/x/", Application([("/x/hello", Other)]))
        mounted.mount("/x/hello/deep", Application([("/x/hello/deep", Hello)]))
        assert wire.request("GET /x/hello").answer().body == b"other"
        assert wire.request("GET /x/hello/deep").answer().body.startswith(b"{")
        assert mounted.unmount("/x")
        assert not mounted.unmount("/x")
        assert wire.request("GET /x/hello").answer().status == 404


@pytest.mark.parametrize("prefix", ["x", "", "/", "/workbench", "/workbench/x", "/ping", "/openapi.json"])
def test_an_application_cannot_be_mounted_where_it_would_not_be_asked(wb: Workbench, prefix: str) -> None:
    with pytest.raises(ServiceUsage, match="Nothing can be mounted at .* Fix:"):
        wb.mount(prefix, Application())


def test_only_an_application_can_be_mounted(wb: Workbench) -> None:
    with pytest.raises(ServiceUsage, match="A str cannot be mounted. Fix: give a tornado.web.Application"):
        wb.mount("/x", "application")  # type: ignore[arg-type]
