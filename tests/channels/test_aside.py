"""Bodies of SOAP and JSON-RPC that take long to read are read beside the loop: others are answered meanwhile."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from tests.serving import Wire, until
from workbench import JSONRPCChannel, RESTChannel, Service, SOAPChannel, Workbench
from workbench.channels.bodies.aside import LARGE_BYTES
from workbench.channels.json_rpc import JSONRPC, Batch
from workbench.channels.soap import SOAP_11

MIB = 1024 * 1024


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        return {"items": len(self.request.payload["item"])}


class Hello(Service):
    name = "hello"

    async def handle(self) -> str:
        return "hello"


def envelope(inside: str) -> bytes:
    """A SOAP 1.1 message."""
    return f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body><Ask>{inside}</Ask></e:Body></e:Envelope>'.encode()


def call_of(params: str) -> bytes:
    """A JSON-RPC call."""
    return f'{{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {{"item": [{params}]}}}}'.encode()


def soap(size: int) -> tuple[bytes, str]:
    """A message of small elements of about so many bytes, and what its answer holds."""
    count = size // len("<item>1</item>")
    return envelope("<item>1</item>" * count), f"<items>{count}</items>"


def rpc(size: int) -> tuple[bytes, str]:
    count = size // len("[],")
    return call_of(",".join(["[]"] * count)), json.dumps({"items": count}, separators=(",", ":"))


Made = Callable[[int], tuple[bytes, str]]
WAYS = [pytest.param("/soap", soap, id="SOAP"), pytest.param("/rpc", rpc, id="JSON-RPC")]


@pytest.fixture
def served(wb: Workbench) -> Workbench:
    wb.deploy(Echo, Hello)
    wb.define(SOAPChannel("soap", service="echo"), JSONRPCChannel("rpc", services=("echo",)), RESTChannel("hello"))
    wb.start()
    return wb


class Slow(JSONRPC):
    """Reads as JSON-RPC does, once it may."""

    began: ClassVar[threading.Semaphore]
    go: ClassVar[threading.Semaphore]
    most: ClassVar[int]
    running: ClassVar[int]

    def read(self, body: bytes, new_call: Any) -> Batch:
        cls = Slow
        cls.running += 1
        cls.most = max(cls.most, cls.running)
        cls.began.release()
        try:
            assert cls.go.acquire(timeout=30)
            return super().read(body, new_call)
        finally:
            cls.running -= 1


class SlowChannel(JSONRPCChannel, tag="slow channel", frozen=True, kw_only=True):
    """A channel whose bodies take long to read."""

    def dialect(self) -> JSONRPC:
        return Slow(self.leads_to, self.max_elements)


@pytest.fixture
def slow(served: Workbench) -> Iterator[Workbench]:
    Slow.began, Slow.go, Slow.most, Slow.running = threading.Semaphore(0), threading.Semaphore(0), 0, 0
    served.define(SlowChannel("slow", services=("echo",)))
    yield served
    Slow.go.release(100)


@pytest.mark.parametrize(("path", "made"), WAYS)
@pytest.mark.parametrize("size", [100, LARGE_BYTES, MIB])
def test_a_body_of_any_size_is_answered(served: Workbench, path: str, made: Made, size: int) -> None:
    body, wanted = made(size)
    answer = served.call(f"POST {path}", body)
    assert (answer.status, wanted in answer.text) == (200, True)


@pytest.mark.parametrize("path", ["/soap", "/rpc"])
def test_a_big_body_that_cannot_be_read_is_refused_as_a_small_one(served: Workbench, path: str) -> None:
    small, big = (served.call(f"POST {path}", b"no" * (size // 2)) for size in (10, LARGE_BYTES))
    assert small.status == big.status
    assert ("Invalid" in small.text, "Invalid" in big.text) == (True, True)


def test_others_are_answered_while_a_big_body_is_read(slow: Workbench) -> None:
    body, wanted = rpc(LARGE_BYTES)
    with Wire(slow) as wire:
        wire.request("POST /slow", body=body)
        assert Slow.began.acquire(timeout=30)
        for _ in range(10):
            assert slow.call("GET /hello").text == "hello"
        assert Slow.running == 1
        Slow.go.release()
        assert wanted in wire.answer().body.decode()


def test_big_bodies_are_read_one_at_a_time_and_each_is_answered(slow: Workbench) -> None:
    body, wanted = rpc(LARGE_BYTES)
    wires = [Wire(slow).request("POST /slow", body=body) for _ in range(5)]
    for _ in wires:
        assert Slow.began.acquire(timeout=30)
        Slow.go.release()
    assert [wanted in wire.answer().body.decode() for wire in wires] == [True] * 5
    assert Slow.most == 1
    for wire in wires:
        wire.socket.close()


def test_what_waits_to_be_read_is_a_call_in_flight_and_one_whose_caller_is_gone_is_not_read(slow: Workbench) -> None:
    body, wanted = rpc(LARGE_BYTES)
    pipeline = slow._parts.pipeline
    with Wire(slow) as first, Wire(slow) as last:
        first.request("POST /slow", body=body)
        assert Slow.began.acquire(timeout=30)
        with Wire(slow) as gone:
            gone.request("POST /slow", body=body)
            until(lambda: pipeline.in_flight == 2, "the second one waits")
            resets(gone)
        last.request("POST /slow", body=body)
        until(lambda: pipeline.in_flight == 3, "the third one waits")
        until(lambda: _is_gone(slow), "the server knows that the second caller is gone")
        Slow.go.release(2)
        assert wanted in first.answer().body.decode()
        assert wanted in last.answer().body.decode()
        assert Slow.began.acquire(timeout=30)
        assert not Slow.began.acquire(blocking=False), "two were read"
    until(lambda: pipeline.in_flight == 0, "nothing is in flight")


def resets(wire: Wire) -> None:
    """Have the end of a connection say that nothing can be received any more; without, only that nothing is sent."""
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_caller_who_has_said_that_he_sends_nothing_more_has_his_big_body_read(slow: Workbench) -> None:
    body, wanted = rpc(LARGE_BYTES)
    with Wire(slow) as first, Wire(slow) as half:
        first.request("POST /slow", body=body)
        assert Slow.began.acquire(timeout=30)
        half.request("POST /slow", body=body)
        until(lambda: slow._parts.pipeline.in_flight == 2, "the second one waits")
        half.socket.shutdown(socket.SHUT_WR)
        Slow.go.release(2)
        assert wanted in first.answer().body.decode()
        assert wanted in half.answer().body.decode()
        assert half.is_closed


def _is_gone(wb: Workbench) -> bool:
    return wb._parts.server.connection_count == 2


def test_a_caller_is_answered_many_times_while_ten_others_send_envelopes_of_small_elements(served: Workbench) -> None:
    """Read on the loop, one body is one pause: a caller gets one answer to three for each, and not hundreds."""
    body, wanted = soap(MIB)
    answers = 0
    with ThreadPoolExecutor(10) as senders, Wire(served) as bystander:
        sent = [senders.submit(_asked, served, "/soap", body) for _ in range(10)]
        while not all(each.done() for each in sent):
            assert bystander.request("GET /hello").answer().body == b"hello"
            answers += 1
        assert all(wanted in each.result() for each in sent)
    assert answers > 20 * len(sent)


def _asked(wb: Workbench, path: str, body: bytes) -> str:
    with Wire(wb, seconds=50) as wire:
        return wire.request(f"POST {path}", body=body).answer().body.decode()


def test_an_error_of_a_big_body_is_the_callers(slow: Workbench) -> None:
    with Wire(slow) as wire:
        wire.request("POST /slow", body=b"no" * LARGE_BYTES)
        assert Slow.began.acquire(timeout=30)
        Slow.go.release()
        assert b"-32700" in wire.answer().body
