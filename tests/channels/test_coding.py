"""Packed bodies: read under the channel's bound, or refused by name."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Wire
from workbench import RESTChannel, Service, Workbench
from workbench.channels.bodies.body import IN_MEMORY_BYTES
from workbench.channels.bodies.coding import Unpacking, unpacking_of
from workbench.core.errors import BadRequest, ContentTooLarge, UnsupportedMediaType

BODY = b'{"a":1}'


def bare(body: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(body) + made.flush()


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return {"got": self.request.payload, "coding": self.request.http.headers.get("Content-Encoding")}


class Size(Service):
    name = "size"

    def handle(self) -> int:
        return sum(map(len, iter(lambda: self.request.stream.read(1 << 16), b"")))


@pytest.fixture
def wire(wb: Workbench) -> Iterator[Wire]:
    wb.deploy(Echo, Size)
    wb.define(
        RESTChannel("echo", max_body_bytes=2000),
        RESTChannel("size", data_format="raw", max_body_bytes=3 * IN_MEMORY_BYTES),
    )
    with Wire(wb) as made:
        yield made


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("GZip", gzip.compress(BODY, mtime=0)),
        ("x-gzip", gzip.compress(BODY, mtime=0)),
        ("gzip", gzip.compress(BODY[:3], mtime=0) + gzip.compress(BODY[3:], mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", bare(BODY)),
        ("identity", BODY),
        ("", BODY),
        ("identity, gzip", gzip.compress(BODY, mtime=0)),
    ],
)
def test_a_packed_body_is_read_as_it_was_before(wire: Wire, coding: str, body: bytes) -> None:
    received = wire.request("POST /echo", f"Content-Encoding: {coding}", body=body).answer()
    assert (received.status, received.body) == (200, b'{"got":{"a":1},"coding":null}')
    assert wire.request("POST /echo", body=BODY).answer().status == 200


def test_a_packed_body_may_come_in_any_pieces() -> None:
    for packed, coding in ((gzip.compress(BODY, mtime=0) * 2, "gzip"), (zlib.compress(BODY * 2), "deflate")):
        unpacking = Unpacking(coding, 100)
        assert b"".join(unpacking.unpacked(bytes([each])) for each in packed) == BODY * 2
        unpacking.end()


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "aes128gcm"])
def test_another_coding_is_a_415_that_names_it_and_what_is_read(wire: Wire, coding: str) -> None:
    received = wire.request("POST /echo", f"Content-Encoding: {coding}", body=b"\x0b\x03\x80x").answer()
    assert received.status == 415
    assert f"No Content-Encoding '{coding}' is read here, but gzip and deflate are" in received.body.decode()
    assert received.all("accept-encoding") == ["gzip, deflate"]


@pytest.mark.parametrize(
    ("coding", "body", "said"),
    [
        ("gzip", b"plain", "but is not so encoded"),
        ("gzip", gzip.compress(BODY, mtime=0)[:-3], "but is cut off"),
        ("gzip", gzip.compress(BODY, mtime=0) + b"more", "but is not so encoded"),
        ("gzip", gzip.compress(BODY, mtime=0)[:-8] + bytes(8), "but is not so encoded"),
        ("deflate", zlib.compress(BODY) + b"more", "but goes on after its end"),
        ("deflate", b"x", "but is cut off"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_a_400(wire: Wire, coding: str, body: bytes, said: str) -> None:
    received = wire.request("POST /echo", f"Content-Encoding: {coding}", body=body).answer()
    assert received.status == 400
    assert f"The body says Content-Encoding: {coding}, {said}" in received.body.decode()


def test_what_unpacks_to_more_than_the_bound_is_a_413(wire: Wire) -> None:
    fits = b'"' + b"x" * 1998 + b'"'
    assert wire.request("POST /echo", "Content-Encoding: gzip", body=gzip.compress(fits)).answer().status == 200
    received = wire.request("POST /echo", "Content-Encoding: gzip", body=gzip.compress(b" " + fits)).answer()
    assert (received.status, b"over 2000 bytes" in received.body) == (413, True)


def test_a_bomb_costs_no_more_memory_than_its_bound() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        Unpacking("gzip", 1024 * 1024).unpacked(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * 1024 * 1024


def test_what_unpacks_to_nothing_is_bounded_as_it_came() -> None:
    empty_blocks = zlib.compress(b"")[:2] + b"\x00\x00\x00\xff\xff" * 1000
    with pytest.raises(ContentTooLarge):
        Unpacking("deflate", 2000).unpacked(empty_blocks)


def test_a_packed_body_too_big_for_memory_is_read_from_disk(wire: Wire) -> None:
    size = 2 * IN_MEMORY_BYTES + 5
    received = wire.request("POST /size", "Content-Encoding: gzip", body=gzip.compress(bytes(size))).answer()
    assert received.body == str(size).encode()
    bomb = gzip.compress(bytes(3 * IN_MEMORY_BYTES + 1))
    assert wire.request("POST /size", "Content-Encoding: gzip", body=bomb).answer().status == 413


def test_an_empty_body_is_whole_whatever_it_says() -> None:
    unpacking = unpacking_of({"Content-Encoding": "gzip"}, 10)
    assert unpacking is not None
    unpacking.end()
    with pytest.raises(UnsupportedMediaType):
        unpacking_of({"Content-Encoding": "br"}, 10)
    with pytest.raises(BadRequest):
        Unpacking("gzip", 10).unpacked(b"xxx")
