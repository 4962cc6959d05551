"""No answer fills the memory: what is over `max_answer_bytes` is refused in words, and can be streamed."""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, FILES, opened
from workbench.connections import catalog
from workbench.connections.common.errors import AnswerTooLarge
from workbench.connections.common.fields import LARGEST_ANSWER_BYTES
from workbench.connections.definition import Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed

MOST = 100_000
BIG = bytes(range(256)) * 1024
UNBOUNDED = {
    "smtp": "a mail server answers in lines of 512 characters, within deadline_seconds",
    "sql": "rows are as many as the statement asks for",
}
"""Kinds without such a bound, and why."""


def test_every_kind_has_the_bound_or_a_reason_why_not() -> None:
    without = {
        row.kind
        for row in catalog.ROWS
        if "max_answer_bytes" not in catalog.definition_class(row.kind).__struct_fields__
    }
    assert without == UNBOUNDED.keys()


@pytest.mark.parametrize("kind", FILES)
def test_a_file_over_the_bound_is_refused_and_streamed(kind: str) -> None:
    with opened(kind, max_answer_bytes=MOST) as (conn, _):
        conn.write("big.bin", BIG)
        conn.write("fits.bin", BIG[:MOST])
        with pytest.raises(AnswerTooLarge, match=r"is over 100,000 bytes.* Fix: stream it \(with conn.open") as refused:
            conn.read("big.bin")
        assert str(EXAMPLES[kind]) in str(refused.value)
        assert conn.read("fits.bin") == BIG[:MOST]
        with conn.open("big.bin") as stream:
            assert stream.read() == BIG


@pytest.mark.parametrize("kind", ["ftp", "sftp"])
def test_a_file_whose_size_is_not_told_is_refused_where_it_grows_over_the_bound(kind: str) -> None:
    with opened(kind, max_answer_bytes=MOST) as (conn, peer):
        peer.put("big.bin", BIG)
        with peer.fail(size_told="none"), pytest.raises(AnswerTooLarge):
            conn.read("big.bin")
        assert conn.list()[0].name == "big.bin"


@pytest.mark.parametrize("kind", ["ftp", "sftp"])
def test_a_listing_over_the_bound_is_refused(kind: str) -> None:
    with opened(kind, max_answer_bytes=1000) as (conn, peer):
        peer.put("1.txt", b"")
        assert len(conn.list()) == 1
        for number in range(20):
            peer.put(f"{number}-{'x' * 100}.txt", b"")
        with pytest.raises(AnswerTooLarge):
            conn.list()


def test_a_mail_over_the_bound_is_refused() -> None:
    with opened("imap", max_answer_bytes=MOST) as (conn, peer):
        peer.put(b"Subject: big\r\n\r\n" + b"x" * MOST)
        with pytest.raises(AnswerTooLarge, match="IMAP 'My IMAP' is over 100,000 bytes.* Fix: delete that mail, or"):
            list(conn.get())


def test_an_answer_about_a_text_message_has_the_bound() -> None:
    with opened("twilio", max_answer_bytes=10) as (conn, _), pytest.raises(AnswerTooLarge, match="SMS 'My SMS'"):
        conn.send("text", to="+48123456789")


class Endless:
    """A server that answers each request with a head and then with blocks for as long as they are taken."""

    def __init__(self, head: bytes, block: bytes) -> None:
        self._head, self._block = head, block
        self.sent, self.asked = 0, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                with taken, suppress(OSError):
                    taken.settimeout(20)
                    taken.recv(65536)
                    self.asked += 1
                    taken.sendall(self._head)
                    while True:
                        taken.sendall(self._block)
                        self.sent += len(self._block)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)


@contextmanager
def endless(head: str, block: bytes = bytes(1 << 16)) -> Iterator[Endless]:
    server = Endless(head.replace("\n", "\r\n").encode(), block)
    try:
        yield server
    finally:
        server.close()


def rest(server: Endless, **more: Any) -> LiveREST:
    definition = RESTConnection("Rates", host=server.host, path="/x", max_answer_bytes=MOST, **more)
    return LiveREST(definition, Opening(lambda wanted, owner: "", SystemClock()))


HEADS = {
    "without a length": "HTTP/1.1 200 OK\n\n",
    "with a length": f"HTTP/1.1 200 OK\nContent-Length: {1 << 40}\n\n",
    "of a refusal": f"HTTP/1.1 503 No\nContent-Length: {1 << 40}\n\n",
    "of a redirect": f"HTTP/1.1 302 Found\nLocation: /y\nContent-Length: {1 << 40}\n\n",
}
MOST_ON_THE_WAY = 32 * 1024 * 1024
"""What sockets may hold between the two sides; systems let it grow to some MiB [bytes]."""


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_an_answer_without_an_end_is_refused_at_the_bound_and_not_asked_for_again(head: str) -> None:
    with endless(head) as server:
        conn = rest(server)
        with pytest.raises(AnswerTooLarge, match="REST 'Rates' is over 100,000 bytes"):
            conn.get("cid")
        conn.close()
        assert server.asked == 1
        assert server.sent < MOST_ON_THE_WAY


def test_headers_without_an_end_are_refused() -> None:
    with endless("HTTP/1.1 200 OK\n", b"X-A: b\r\n" * 100) as server:
        conn = rest(server, retries=0)
        with pytest.raises(ConnectionFailed):
            conn.get("cid")
        conn.close()
        assert server.sent < MOST_ON_THE_WAY


def _bomb() -> bytes:
    return gzip.compress(bytes(300 * 1024 * 1024), 1)


@pytest.mark.parametrize(
    "pack", [_bomb, lambda: gzip.compress(gzip.compress(bytes(64 * 1024 * 1024)))], ids=["once", "twice"]
)
def test_an_answer_that_unpacks_to_more_than_the_bound_is_refused(pack: Callable[[], bytes]) -> None:
    body = pack()
    coding = "gzip" if len(body) > 10_000 else "gzip, gzip"
    with endless(f"HTTP/1.1 200 OK\nContent-Encoding: {coding}\nContent-Length: {len(body)}\n\n", body) as server:
        conn = rest(server)
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                conn.get("cid")
            assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
        finally:
            tracemalloc.stop()
        conn.close()


def test_a_stream_goes_on_working_for_what_is_over_the_bound() -> None:
    with endless(f"HTTP/1.1 200 OK\nContent-Length: {1 << 40}\n\n") as server:
        conn = rest(server)
        with conn.open("/x") as stream:
            taken = sum(len(stream.read(1 << 20)) for _ in range(10))
        conn.close()
        assert taken == 10 << 20 > 50 * MOST


def test_the_usual_bound_lets_through_what_apis_answer() -> None:
    with opened("rest") as (conn, peer):
        peer.reply("/rates", text="x" * (8 << 20))
        assert len(conn.get("cid").text) == 8 << 20
        assert conn.definition.max_answer_bytes == LARGEST_ANSWER_BYTES == 64 * 1024 * 1024
