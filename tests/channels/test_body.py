"""Bodies as streams: small ones from memory, big ones from a file that ends with its call."""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import sys
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.channels.wire.test_wire import json
from tests.serving import Wire, until
from workbench.app.workbench import Workbench
from workbench.channels.bodies.body import IN_MEMORY_BYTES, Spool
from workbench.channels.deadlines import Deadlines
from workbench.channels.http.server import HTTPServer
from workbench.channels.http.wire.bounds import LEAST_BYTES
from workbench.channels.http.wire.connection import Connection
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.rest import RESTChannel
from workbench.core.secret import give, secret
from workbench.core.service import Service
from workbench.security.definitions import BasicAuth

BIG = os.urandom(1 << 20) * 10 + b"end"
MANY = 64 << 20


class Reads(Service):
    name = "reads"

    def handle(self) -> Any:
        stream = self.request.stream
        first, at = stream.read(3), stream.tell()
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"first": first.hex(), "at": at, "can": [stream.readable(), stream.seekable()], "digest": digest}


class Whole(Service):
    name = "whole"

    def handle(self) -> Any:
        self.request.stream.read(5)
        with self.request.stream as stream:
            rest = stream.read()
        again = self.request.stream.read()
        whole = self.request.raw_request
        return {"rest": len(rest), "again": again == whole, "once": self.request.raw_request is whole}


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """How many bodies lie in the folder for temporary files, which is one of this test."""
    if sys.platform != "linux":
        pytest.skip("Only Linux tells which files without a name a process has open.")
    former, tempfile.tempdir = tempfile.tempdir, str(tmp_path)

    def count() -> int:
        targets = []
        for each in Path("/proc/self/fd").iterdir():
            try:
                targets.append(str(each.readlink()))
            except FileNotFoundError:
                continue
        return sum(each.startswith(f"{tmp_path}/") and each.endswith("(deleted)") for each in targets)

    yield count
    tempfile.tempdir = former


@pytest.fixture
def served(wb: Workbench) -> Workbench:
    wb.deploy(Reads, Whole)
    wb.define(
        RESTChannel("reads", data_format="raw", max_body_bytes=MANY),
        RESTChannel("whole", data_format="raw", max_body_bytes=MANY),
        RESTChannel("usual", service="reads", data_format="raw"),
    )
    return wb


@pytest.fixture
def wire(served: Workbench) -> Iterator[Wire]:
    with Wire(served) as wire:
        yield wire


@pytest.mark.parametrize("body", [b"", b"abc", BIG[:IN_MEMORY_BYTES], BIG[: IN_MEMORY_BYTES + 1], BIG])
def test_a_body_of_any_size_is_a_stream_at_its_beginning(wire: Wire, spools: Callable[[], int], body: bytes) -> None:
    assert json(wire.request("POST /reads", body=body).answer()) == {
        "first": body[:3].hex(),
        "at": len(body[:3]),
        "can": [True, True],
        "digest": hashlib.sha256(body).hexdigest(),
    }
    until(lambda: spools() == 0, "its file was closed")


def test_a_big_body_in_chunks_comes_together(wire: Wire) -> None:
    wire.request("POST /reads", "Transfer-Encoding: chunked")
    for start in range(0, len(BIG), 100_000):
        piece = BIG[start : start + 100_000]
        wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    assert json(wire.send(b"0\r\n\r\n").answer())["digest"] == hashlib.sha256(BIG).hexdigest()


@pytest.mark.parametrize("body", [b"abcdefgh", BIG])
def test_a_stream_and_the_whole_are_apart(wire: Wire, body: bytes) -> None:
    received = json(wire.request("POST /whole", body=body).answer())
    assert received == {"rest": len(body) - 5, "again": True, "once": True}


def test_the_bound_of_a_channel_stays(wire: Wire, spools: Callable[[], int]) -> None:
    assert wire.request("POST /usual", body=BIG[:IN_MEMORY_BYTES]).answer().status == 200
    received = wire.request("POST /usual", body=BIG).answer()
    assert (received.status, json(received)["details"]) == (413, f"The body is over {IN_MEMORY_BYTES} bytes")


def test_a_body_that_grows_over_its_bound_leaves_no_file(served: Workbench, spools: Callable[[], int]) -> None:
    served.define(RESTChannel("reads", data_format="raw", max_body_bytes=9 << 20))
    with Wire(served) as wire:
        wire.request("POST /reads", "Transfer-Encoding: chunked")
        wire.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BIG), BIG))
        assert wire.answer().status == 413
        until(lambda: spools() == 0, "its file was closed")


class Waits(Service):
    name = "waits"
    reached, go = threading.Event(), threading.Event()
    read: bytes | None = None

    def handle(self) -> None:
        self.reached.set()
        self.go.wait(20)
        type(self).read = self.request.stream.read()


@pytest.fixture
def waiting(served: Workbench) -> Workbench:
    Waits.reached.clear()
    Waits.go.clear()
    Waits.read = None
    served.deploy(Waits)
    served.define(RESTChannel("waits", data_format="raw", max_body_bytes=MANY, timeout_seconds=0.2))
    return served


def test_a_service_past_its_time_keeps_the_body_until_it_ends(waiting: Workbench, spools: Callable[[], int]) -> None:
    with Wire(waiting) as wire:
        assert wire.request("POST /waits", body=BIG).answer().status == 504
    assert spools() == 1
    Waits.go.set()
    until(lambda: spools() == 0, "its file was closed")
    assert Waits.read == BIG


def test_a_sender_that_goes_away_leaves_no_file(waiting: Workbench, spools: Callable[[], int]) -> None:
    with Wire(waiting) as wire:
        wire.request("POST /waits", f"Content-Length: {len(BIG)}").send(BIG[:-1])
        until(lambda: spools() == 1, "it came in")
    until(lambda: spools() == 0, "its file was closed")
    assert not Waits.reached.is_set()


def test_a_refused_call_leaves_no_file(served: Workbench, spools: Callable[[], int]) -> None:
    served.define(RESTChannel("reads", data_format="raw", max_body_bytes=MANY, limit="1/h"))
    with Wire(served) as wire:
        assert [wire.request("POST /reads", body=BIG).answer().status for _ in range(2)] == [200, 429]
    until(lambda: spools() == 0, "its file was closed")


def test_a_stranger_is_refused_before_the_body_takes_room(served: Workbench, spools: Callable[[], int]) -> None:
    give("BODY_TEST_PASSWORD", "right")
    served.define(
        BasicAuth("me", password=secret("BODY_TEST_PASSWORD")),
        RESTChannel("reads", data_format="raw", max_body_bytes=MANY, security="me", limit="3/h"),
    )
    right, wrong = (f"Authorization: Basic {b64encode(each).decode()}" for each in (b"me:right", b"me:wrong"))
    for given in (wrong, wrong):
        with Wire(served) as wire:
            # One byte is kept back, so that the answer comes before the body is whole.
            wire.request("POST /reads", given, f"Content-Length: {len(BIG)}").send(BIG[:-1])
            assert wire.answer().status == 401
            assert spools() == 0
    with Wire(served) as wire:
        assert wire.request("POST /reads", right, body=BIG).answer().status == 200
        # The limit of the channel was asked first, once for each of the three.
        assert wire.request("POST /reads", right, body=BIG).answer().status == 429


def test_a_service_that_fails_leaves_no_file(served: Workbench, spools: Callable[[], int]) -> None:
    class Fails(Service):
        name = "fails"

        def handle(self) -> None:
            raise ValueError(self.request.stream.read(1))

    served.deploy(Fails)
    served.define(RESTChannel("fails", data_format="raw", max_body_bytes=MANY))
    with Wire(served) as wire:
        assert wire.request("POST /fails", body=BIG).answer().status == 500
    until(lambda: spools() == 0, "its file was closed")


def test_an_async_service_reads_a_big_body(served: Workbench, spools: Callable[[], int]) -> None:
    class Sums(Service):
        name = "sums"

        async def handle(self) -> int:
            return len(self.request.stream.read()) + len(self.request.raw_request)

    served.deploy(Sums)
    served.define(RESTChannel("sums", data_format="raw", max_body_bytes=MANY))
    with Wire(served) as wire:
        assert json(wire.request("POST /sums", body=BIG).answer()) == 2 * len(BIG)
    until(lambda: spools() == 0, "its file was closed")


def test_what_runs_in_the_background_has_the_body_until_it_ends(waiting: Workbench, spools: Callable[[], int]) -> None:
    read: list[bytes] = []

    class Later(Service):
        name = "later"

        def handle(self) -> None:
            Waits.go.wait(20)
            read.append(self.request.payload["data"].read())

    class Passes(Service):
        name = "passes"

        def handle(self) -> None:
            self.invoke_async("later", {"data": self.request.stream})

    waiting.deploy(Later, Passes)
    waiting.define(RESTChannel("passes", data_format="raw", max_body_bytes=MANY))
    with Wire(waiting) as wire:
        assert wire.request("POST /passes", body=BIG).answer().status == 200
    assert spools() == 1
    Waits.go.set()
    until(lambda: spools() == 0, "its file was closed")
    assert read == [BIG]


def test_a_stream_kept_beyond_its_call_says_so(served: Workbench) -> None:
    kept: list[Any] = []

    class Keeps(Service):
        name = "keeps"

        def handle(self) -> None:
            kept.append(self.request.stream)

    served.deploy(Keeps)
    served.define(RESTChannel("keeps", data_format="raw", max_body_bytes=MANY))
    with Wire(served) as wire:
        assert wire.request("POST /keeps", body=BIG).answer().status == 200

    def says() -> str:
        try:
            return str(kept[0].read())
        except ValueError as exc:
            return str(exc)

    until(lambda: says() == "This body is gone, since its call has ended. Fix: read it before that.", "it is gone")


def test_a_big_batch_of_json_rpc_is_read(served: Workbench, spools: Callable[[], int]) -> None:
    class Counts(Service):
        name = "counts"

        def handle(self) -> int:
            return len(self.request.payload["text"])

    served.deploy(Counts)
    served.define(JSONRPCChannel("rpc", services="counts", max_body_bytes=MANY))
    text = b"a" * (9 << 20)
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "counts", "params": {"text": "%b"}}' % text
    with Wire(served) as wire:
        assert json(wire.request("POST /rpc", body=body).answer())["result"] == len(text)
    until(lambda: spools() == 0, "its file was closed")


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Have the system refuse larger files to this process, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("most", [0, 9 << 20, len(BIG) - 1])
def test_a_full_disk_is_507_and_the_sender_gets_to_read_it(
    served: Workbench, spools: Callable[[], int], most: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Wire(served) as wire:
        with no_file_over(most):
            received = wire.request("POST /reads", body=BIG).answer()
        assert (received.status, json(received)["details"]) == (507, "Insufficient Storage")
        assert b"temporary" not in received.body
    until(lambda: spools() == 0, "its file was closed")
    assert "Fix: make room in the folder for temporary files" in caplog.text
    with Wire(served) as wire:
        assert wire.request("POST /reads", body=BIG).answer().status == 200


def test_no_folder_for_temporary_files_is_507(served: Workbench, spools: Callable[[], int], tmp_path: Path) -> None:
    tempfile.tempdir = str(tmp_path / "nowhere")
    with Wire(served) as wire:
        assert wire.request("POST /reads", body=BIG).answer().status == 507


# Who sends slowly.
class Hand:
    """A clock that is moved by hand."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def slow(served: Workbench) -> Iterator[tuple[Wire, Hand, Deadlines[Connection]]]:
    """A connection to a second server on the same pipeline, which judges its sender by a clock moved by hand."""
    clock = Hand()
    deadlines: Deadlines[Connection] = Deadlines(Connection.cut, 0.01, clock)
    served.start()
    server = HTTPServer(served._parts.pipeline, served._parts.loop.run, 0, deadlines=deadlines)
    with Wire(server) as wire:
        yield wire, clock, deadlines
    server.stop()


def test_a_sender_that_goes_on_may_take_longer_than_one_that_does_not(
    slow: tuple[Wire, Hand, Deadlines[Connection]],
) -> None:
    wire, clock, deadlines = slow
    wire.request("POST /reads", f"Content-Length: {20 * LEAST_BYTES}")
    for _ in range(20):
        until(lambda: deadlines.left_seconds == 60.0, "it has its time again")
        clock.at += 50.0
        wire.send(b"x" * LEAST_BYTES)
    assert wire.answer().status == 200


def test_a_sender_of_drops_is_cut_off_however_steady(slow: tuple[Wire, Hand, Deadlines[Connection]]) -> None:
    wire, clock, deadlines = slow
    wire.request("POST /reads", f"Content-Length: {20 * LEAST_BYTES}").send(b"x" * (LEAST_BYTES - 1))
    until(lambda: deadlines.left_seconds == 60.0, "it has its time")
    clock.at += 61.0
    assert wire.is_closed


def test_a_spool_is_read_at_many_places_at_once() -> None:
    spool = Spool()
    spool.write([b"abc", b"def"])
    first, second = spool.open(), spool.open()
    assert (first.read(2), second.read(), first.read(), first.read(1)) == (b"ab", b"abcdef", b"cdef", b"")
    assert (first.seek(-2, 2), first.read(), first.seek(1), first.seek(1, 1), first.read(1)) == (4, b"ef", 1, 2, b"c")
    with pytest.raises((ValueError, OSError)):
        first.seek(-1)
    first.close()
    assert second.seek(0) == 0
    assert spool.read() == second.read() == b"abcdef"
    spool.release()


def test_a_half_sent_body_ends_with_its_server(served: Workbench, spools: Callable[[], int]) -> None:
    with socket.create_connection(("127.0.0.1", int(served.start().rsplit(":", 1)[1])), 10) as half:
        half.sendall(b"POST /reads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
        refused = half.recv(1000)
    assert refused.startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", int(served.start().rsplit(":", 1)[1])), 10) as half:
        half.sendall(b"POST /reads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n" + BIG)
        until(lambda: spools() == 1, "it came in")
        served.stop()
        until(lambda: spools() == 0, "its file was closed")
