"""What a call worked with is gone with its answer: nothing waits for the cyclic collector, and nothing keeps it."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from tests.serving import Wire, until
from workbench.app.workbench import Workbench
from workbench.channels.exchange import Exchange
from workbench.channels.http.wire.arrival import Arrival
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.rest import RESTChannel
from workbench.channels.soap import SOAPChannel
from workbench.core.call import Call
from workbench.core.errors import Conflict
from workbench.core.service import Service

BODY = b'{"text": "' + b"x" * 100_000 + b'"}'
SOAP = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><put><a>1</a></put></e:Body></e:Envelope>'
)
RPC = b'[{"jsonrpc": "2.0", "method": "%s", "params": {"a": 1}, "id": 1}, {"jsonrpc": "2.0", "method": "nothing"}]'


class Sync(Service):
    name = "sync"

    def handle(self) -> Any:
        return {"length": len(str(self.request.payload))}


class Async(Service):
    name = "async"

    async def handle(self) -> Any:
        return {"length": len(str(self.request.payload))}


class AsyncWaits(Service):
    name = "async.waits"

    async def handle(self) -> Any:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return {"length": len(str(self.request.payload))}


class Outer(Service):
    name = "outer"

    def handle(self) -> Any:
        self.invoke_async("sync", self.request.raw_request)
        return self.invoke("sync", self.request.raw_request)


class Refuses(Service):
    name = "refuses"

    def handle(self) -> None:
        raise Conflict(f"there are {len(str(self.request.payload))} already")


class Fails(Service):
    name = "fails"

    def handle(self) -> None:
        payload = self.request.payload
        raise ValueError(f"no good: {len(str(payload))}")


class FailsAsync(Service):
    name = "fails.async"

    async def handle(self) -> None:
        payload = self.request.payload
        await asyncio.sleep(0)
        raise ValueError(f"no good: {len(str(payload))}")


class Unsayable(Service):
    name = "unsayable"

    def handle(self) -> Any:
        return threading.Lock()


class Hangs(Service):
    name = "hangs"
    go: ClassVar[threading.Event]

    def handle(self) -> None:
        self.go.wait(30)


class HangsAsync(Service):
    name = "hangs.async"

    async def handle(self) -> None:
        await asyncio.sleep(30)


SERVICES = (Sync, Async, AsyncWaits, Outer, Refuses, Fails, FailsAsync, Unsayable, Hangs, HangsAsync)


@pytest.fixture(scope="module", autouse=True)
def _no_look_sees_what_there_was_before() -> Iterator[None]:
    """A look at all that the tests before this file have left takes seconds."""
    yield
    gc.unfreeze()


@pytest.fixture
def held(wb: Workbench) -> Iterator[Any]:
    """The requests, calls and services that are alive, with the cyclic collector off; on channels of every kind."""
    Hangs.go = threading.Event()
    wb.deploy(*SERVICES)
    wb.define(
        *(RESTChannel(cls.name, path=f"/{cls.name}") for cls in SERVICES if cls not in (Hangs, HangsAsync)),
        RESTChannel("hangs", timeout_seconds=0.1),
        RESTChannel("hangs.async", path="/hangs.async", timeout_seconds=0.1),
        # Long enough to be seen by a look at all objects there are.
        RESTChannel("slow", service="hangs", timeout_seconds=3),
        RESTChannel("slow.async", path="/slow.async", service="hangs.async", timeout_seconds=3),
        RESTChannel("small", service="sync", max_body_bytes=1000),
        JSONRPCChannel("rpc", services=("sync", "async", "fails", "fails.async")),
        SOAPChannel("soap", service="sync"),
        SOAPChannel("soap.fails", path="/soap.fails", service="fails"),
    )
    wb.start()
    kinds = (Exchange, Arrival, Call, Service)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield lambda: [each for each in gc.get_objects() if isinstance(each, kinds)]
    finally:
        Hangs.go.set()
        gc.enable()


@contextmanager
def unrecorded() -> Iterator[None]:
    """Without pytest's own handlers, which keep every record that is logged, and so its error."""
    loggers = logging.getLogger(), logging.getLogger("workbench.service")
    handlers = [each.handlers for each in loggers]
    for each in loggers:
        each.handlers = [logging.NullHandler()]
    try:
        yield
    finally:
        for each, former in zip(loggers, handlers, strict=True):
            each.handlers = former


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/sync", BODY, 200),
        ("/async", BODY, 200),
        ("/async.waits", BODY, 200),
        ("/outer", BODY, 200),
        ("/sync", b"{no json" + BODY, 400),
        ("/async", b"{no json" + BODY, 400),
        ("/async.waits", b"{no json" + BODY, 400),
        ("/nowhere", BODY, 404),
        ("/refuses", BODY, 409),
        ("/small", BODY, 413),
        ("/fails", BODY, 500),
        ("/fails.async", BODY, 500),
        ("/unsayable", BODY, 500),
        ("/hangs.async", BODY, 504),
        ("/rpc", RPC % b"sync", 200),
        ("/rpc", RPC % b"async", 200),
        ("/rpc", RPC % b"fails", 200),
        ("/rpc", RPC % b"fails.async", 200),
        ("/rpc", b"{no json", 200),
        ("/soap", SOAP, 200),
        ("/soap", b"<no xml", 400),
        ("/soap.fails", SOAP, 500),
        ("/ping", b"", 200),
    ],
)
def test_an_answered_request_is_gone_while_its_connection_stays(
    wb: Workbench, held: Any, path: str, body: bytes, status: int
) -> None:
    with unrecorded(), Wire(wb) as wire:
        assert wire.request(f"POST {path}", "Content-Type: application/json", body=body).answer().status == status
        until(lambda: not _with_bodies(held()), f"nothing is held: {path}")


def test_a_request_past_its_time_is_gone_once_its_service_has_ended(wb: Workbench, held: Any) -> None:
    with unrecorded(), Wire(wb) as wire:
        assert wire.request("POST /hangs", body=BODY).answer().status == 504
        kinds = (Exchange, Arrival)
        until(lambda: not [each for each in _with_bodies(held()) if isinstance(each, kinds)], "nobody holds it")
        Hangs.go.set()
        until(lambda: not _with_bodies(held()), "nothing is held")


@pytest.mark.parametrize("path", ["/slow", "/slow.async"])
def test_a_request_whose_caller_went_away_is_gone_once_its_service_has_ended(
    wb: Workbench, held: Any, path: str
) -> None:
    with unrecorded(), Wire(wb) as wire:
        wire.request(f"POST {path}", body=BODY)
        until(lambda: any(isinstance(each, Service) for each in held()), "the service runs")
        Hangs.go.set()
        wire.socket.close()
        until(lambda: not held(), "nothing is held")


def test_a_request_whose_caller_went_away_in_its_middle_is_gone(wb: Workbench, held: Any) -> None:
    with unrecorded(), Wire(wb) as wire:
        wire.request("POST /sync", "Content-Length: 100000").send(b"x" * 50_000)
        until(held, "the request has begun")
    until(lambda: not held(), "nothing is held")


def test_what_a_failed_call_of_a_person_worked_with_is_gone_with_the_error(wb: Workbench) -> None:
    class Body(dict[str, str]):
        """A payload that can be watched."""

    wb.deploy(Fails)
    body = Body(text="x")
    gone = weakref.ref(body)
    with pytest.raises(ValueError, match="no good") as caught:
        wb.invoke("fails", body)
    assert caught.traceback[-1].name == "handle"
    del body, caught
    gc.collect()
    assert gone() is None
    assert "failed: ValueError" in repr(wb.traffic[-1])


def _with_bodies(alive: list[Any]) -> list[Any]:
    """Those of a connection's next, which has not begun, left out."""
    return [each for each in alive if not (isinstance(each, Arrival) and each._exchange is None and not each._chunks)]
