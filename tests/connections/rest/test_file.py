"""Files behind a REST connection, read as streams from servers that cut, change, forget and lie."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.connections.rest.test_rest import Script, http, says
from workbench.connections.files.errors import AccessRefused, Interrupted, NoSuchFile, Refused, UnsafeName
from workbench.connections.rest.file import BLOCK_BYTES, fetched
from workbench.core.errors import ConnectionFailed, DeadlineExceeded
from workbench.core.secret import secret
from workbench.sandbox.http.source import HTTPSource

BIG = os.urandom(BLOCK_BYTES) * 5 + b"end"


@pytest.fixture(params=["data", "file"])
def kept(request: pytest.FixtureRequest, source: HTTPSource, tmp_path: Path) -> HTTPSource:
    """A server that gives BIG at /big, of memory or of its disk."""
    (tmp_path / "big").write_bytes(BIG)
    source.reply("/big", **({"data": BIG} if request.param == "data" else {"file": tmp_path / "big"}))
    return source


def asked(source: HTTPSource) -> list[str]:
    return [request.headers.get("Range", "whole") for request in source.requests]


def test_a_file_is_read_as_a_stream(opened: Any, kept: HTTPSource) -> None:
    with opened(kept.url).open("/big") as stream:
        assert (stream.size, stream.read(3), stream.tell()) == (len(BIG), BIG[:3], 3)
        assert stream.read() == BIG[3:]
    assert asked(kept) == ["whole"]
    assert kept.requests[0].headers["Accept-Encoding"] == "identity"


def test_without_a_path_it_is_the_connections_own(opened: Any, source: HTTPSource) -> None:
    source.reply("/days/ż ółw/x", data=b"1")
    client = opened(source.url, path="/days/{day}/x")
    assert client.open(params={"day": "ż ółw", "page": 2}).read() == b"1"
    assert source.requests[-1].query == "page=2"
    assert client.open("days/ż ółw/x?page=3", {"size": 5}).read() == b"1"
    assert source.requests[-1].query == "page=3&size=5"


def test_credentials_headers_and_the_cid_go_out(opened: Any, source: HTTPSource) -> None:
    source.reply("/a", data=b"1")
    client = opened(source.url, api_key=secret("KEY"), username="me", password=secret("PASSWORD"), headers={"X-A": "1"})
    assert client.for_call("c1").open("/a").read() == b"1"
    headers = source.requests[-1].headers
    assert (headers["X-API-Key"], headers["X-A"], headers["Authorization"][:6]) == ("k-123", "1", "Basic ")


@pytest.mark.parametrize("path", ["/../a", "//evil.example/a", "/a\r\nX: 1", "/a\\b"])
def test_a_path_cannot_lead_elsewhere(opened: Any, source: HTTPSource, path: str) -> None:
    with pytest.raises(UnsafeName):
        opened(source.url).open(path)
    assert source.requests[:] == []


def test_a_cut_is_gone_on_from(opened: Any, kept: HTTPSource) -> None:
    with kept.fail(cut_body_after_bytes=2 * BLOCK_BYTES + 7, times=2):
        assert opened(kept.url).open("/big").read() == BIG
    first, second, third = asked(kept)
    assert (first, second) == ("whole", f"bytes={2 * BLOCK_BYTES}-")
    assert third.startswith("bytes=")
    assert all("If-Range" in request.headers for request in kept.requests[1:])


def test_what_cannot_give_a_part_is_read_again_up_to_the_cut(opened: Any, kept: HTTPSource) -> None:
    client = opened(kept.url)
    with kept.fail(cut_body_after_bytes=2 * BLOCK_BYTES, times=1), client.open("/big") as stream:
        assert stream.read(BLOCK_BYTES) == BIG[:BLOCK_BYTES]
        kept.fail(ignore_range=True)
        assert stream.read() == BIG[BLOCK_BYTES:]


@pytest.mark.parametrize("other", [BIG[::-1], BIG[:-1]])
def test_a_file_that_changes_meanwhile_is_never_mixed(opened: Any, source: HTTPSource, other: bytes) -> None:
    source.reply("/big", data=BIG)
    with source.fail(cut_body_after_bytes=2 * BLOCK_BYTES, times=1), opened(source.url).open("/big") as stream:
        assert stream.read(BLOCK_BYTES) == BIG[:BLOCK_BYTES]
        source.reply("/big", data=other)
        with pytest.raises(ConnectionFailed, match="'/big' was changed while it was read. Fix: read again"):
            stream.read()


def test_without_a_version_a_cut_ends_it(opened: Any, source: HTTPSource) -> None:
    source.reply("/big", data=BIG)
    with source.fail(no_etag=True):
        assert opened(source.url).open("/big").read() == BIG
    source.requests.clear()
    with source.fail(cut_body_after_bytes=2 * BLOCK_BYTES, no_etag=True), pytest.raises(Interrupted, match="hung up"):
        opened(source.url).open("/big").read()
    assert asked(source) == ["whole"]


def test_a_date_tells_versions_apart_too(opened: Any, source: HTTPSource) -> None:
    day = {"Last-Modified": "Sat, 28 Nov 2026 01:00:00 GMT", "ETag": 'W/"weak"'}
    source.reply("/big", data=BIG, headers=day)
    with source.fail(cut_body_after_bytes=2 * BLOCK_BYTES, times=1):
        assert opened(source.url).open("/big").read() == BIG
    assert source.requests[-1].headers["If-Range"] == day["Last-Modified"]


def test_a_part_from_the_middle(opened: Any, kept: HTTPSource) -> None:
    client = opened(kept.url)
    assert fetched(client.sender, "/big", len(BIG) - 3).read() == b"end"
    assert fetched(client.sender, "/big", len(BIG)).read() == b""
    with kept.fail(ignore_range=True):
        assert fetched(client.sender, "/big", len(BIG) - 3).read() == b"end"


def hashed(name: str, contents: bytes) -> str:
    return base64.b64encode(hashlib.new(name, contents).digest()).decode()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-MD5", hashed("md5", BIG)),
        ("Digest", f"unknown=abc,SHA-256={hashed('sha256', BIG)}"),
        ("Repr-Digest", f"sha-512=:{hashed('sha512', BIG)}:, sha-256=:{hashed('sha256', BIG)}:"),
        ("Content-Digest", f"sha-256=:{hashed('sha256', BIG)}:"),
    ],
    ids=["Content-MD5", "Digest", "Repr-Digest", "Content-Digest"],
)
def test_a_hash_that_is_told_is_checked(opened: Any, source: HTTPSource, header: str, value: str) -> None:
    source.reply("/good", data=BIG, headers={header: value})
    source.reply("/bad", data=BIG[::-1], headers={header: value})
    client = opened(source.url)
    with source.fail(cut_body_after_bytes=2 * BLOCK_BYTES, times=1):
        assert client.open("/good").read() == BIG
    with pytest.raises(ConnectionFailed, match=f"what arrived is not what it says in {header}"):
        client.open("/bad").read()


@pytest.mark.parametrize(
    ("status", "error"), [(404, NoSuchFile), (410, NoSuchFile), (401, AccessRefused), (403, AccessRefused)]
)
def test_a_refusal_is_said_as_of_files(opened: Any, source: HTTPSource, status: int, error: type[Exception]) -> None:
    source.reply("/a", text="no", status=status)
    with pytest.raises(error):
        opened(source.url).open("/a")
    assert len(source.requests) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 400, 500])
def test_what_is_no_file_is_refused(opened: Any, source: HTTPSource, status: int) -> None:
    source.reply("/a", status=status)
    with pytest.raises(Refused, match=f"at /a answered {status} "):
        opened(source.url).open("/a")


def test_a_status_that_passes_is_tried_again_and_one_that_stays_is_not(opened: Any, source: HTTPSource) -> None:
    source.reply("/a", status=503, times=1)
    source.reply("/a", status=429, headers={"Retry-After": "0"}, times=1)
    source.reply("/a", data=b"1")
    assert opened(source.url).open("/a").read() == b"1"
    source.reply("/b", status=429, headers={"Retry-After": "60"})
    with pytest.raises(ConnectionFailed, match="asks to wait 60 s, which is over deadline_seconds"):
        opened(source.url).open("/b")


def test_a_dead_server_is_said_within_the_deadline(opened: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = opened(
            f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.2, deadline_seconds=0.5, retries=9
        )
        with pytest.raises(DeadlineExceeded, match="did not do it within 0.5 s"):
            client.open("/a")


def test_one_that_goes_silent_in_the_middle_is_given_up(opened: Any) -> None:
    over = threading.Event()

    def act(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "a"\r\n\r\nhalf')
        over.wait(10)

    with Script(*[act] * 5) as script:
        stream = opened(script.host, timeout_seconds=0.2, deadline_seconds=5, retries=1).open("/a")
        with pytest.raises(Interrupted, match="was silent in the middle"):
            stream.read()
        over.set()


def test_chunks_tell_the_end_and_nothing_at_all_does_not(opened: Any) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    with Script(says(chunked + b"0\r\n\r\n"), says(chunked)) as script:
        client = opened(script.host, retries=0)
        stream = client.open("/a")
        assert (stream.size, stream.read()) == (None, b"abc")
        with pytest.raises(Interrupted, match="hung up in the middle"):
            client.open("/a").read()
    with Script(says(b"HTTP/1.1 200 OK\r\n\r\nabc")) as script:
        client = opened(script.host, retries=0)
        with pytest.raises(ConnectionFailed, match="tells neither a length nor a hash"):
            client.open("/a")


def test_a_body_coded_unasked_is_decoded(opened: Any) -> None:
    import gzip

    coded = gzip.compress(BIG)
    with Script(says(http("200 OK", coded, b"Content-Encoding: gzip", b'ETag: "a"'))) as script:
        stream = opened(script.host).open("/a")
        assert (stream.size, stream.stamp, stream.read()) == (None, None, BIG)


@pytest.mark.parametrize("part", [b"bytes 0-2/6", b"bytes 3-5/*", b"lines 3-5/6", b""])
def test_a_part_that_was_not_asked_for_is_refused(opened: Any, part: bytes) -> None:
    header = [b"Content-Range: " + part] if part else []
    with Script(says(http("206 Partial Content", b"def", b'ETag: "a"', *header))) as script:
        client = opened(script.host)
        if part == b"bytes 3-5/*":
            assert fetched(client.sender, "/a", 3).read() == b"def"
        else:
            with pytest.raises(ConnectionFailed, match="was asked for what begins at 3"):
                fetched(client.sender, "/a", 3)


def test_a_stream_left_open_in_the_middle_costs_nobody_a_connection(opened: Any, kept: HTTPSource) -> None:
    client: Any = opened(kept.url, pool_size=1)
    for _ in range(3):
        with client.open("/big") as stream:
            assert stream.read(1) == BIG[:1]
    assert client.open("/big").read() == BIG
