"""Applications of Tornado's own kind, served beside channels: behind the same guard, by the same wire."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import finalize

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from workbench.channels.answers import SWITCHING_PROTOCOLS, Answer, Sink, error_answer
from workbench.channels.exchange import Exchange, Link
from workbench.channels.guard import is_own_path
from workbench.channels.http.detached import Detached
from workbench.channels.http.own_headers import OF_THE_WIRE
from workbench.channels.websocket.frames import GOING_AWAY, SERVICE_RESTART
from workbench.channels.websocket.handshake import TakenOver, is_handshake
from workbench.core.errors import BadRequest, ServiceUsage

log = logging.getLogger("workbench.http")


class Mounted:
    """The applications by the path below which they answer; on the loop's thread, but any may put, remove and take.

    Args:
        clients: Whose connections speak another protocol by now.
    """

    def __init__(self, clients: set[TakenOver]) -> None:
        self.by_prefix: dict[str, HTTPServerConnectionDelegate] = {}
        """Replaced, never changed: the loop reads it."""
        self._clients, self._changing = clients, Lock()
        self.talks: set[Talk] = set()
        """What is being answered."""

    def put(self, prefix: str, application: HTTPServerConnectionDelegate) -> None:
        """Have an application answer at a path, and at all below it, from now on.

        WebSockets of the one that was there are asked back, as those of a channel that changes.

        Raises:
            ServiceUsage: The path is none, or the server's own; or it is no application.
        """
        path = prefix.rstrip("/")
        if not path.startswith("/") or is_own_path(path) or is_own_path(f"{path}/"):
            raise ServiceUsage(
                f"Nothing can be mounted at {prefix!r}. Fix: a path as '/x', but not /workbench or /ping."
            )
        if not isinstance(application, HTTPServerConnectionDelegate):
            raise ServiceUsage(
                f"A {type(application).__name__} cannot be mounted. Fix: give a tornado.web.Application."
            )
        with self._changing:
            self.by_prefix = {**self.by_prefix, path: application}
        self._take_leave(SERVICE_RESTART, "The application has changed")

    def remove(self, prefix: str) -> bool:
        """Have none answer there any more, and take leave of its WebSockets; whether one did."""
        path = prefix.rstrip("/")
        with self._changing:
            left = {each: application for each, application in self.by_prefix.items() if each != path}
            was_there, self.by_prefix = len(left) < len(self.by_prefix), left
        self._take_leave(GOING_AWAY, "The application is gone")
        return was_there

    def _take_leave(self, code: int, why: str) -> None:
        """Send away who speaks with an application that is mounted nowhere any more; from any thread."""
        for each in list(self._clients):
            if isinstance(each, Detached):
                each.io_loop.add_callback(self._stay, each, code, why)

    def _stay(self, client: Detached, code: int = SERVICE_RESTART, why: str = "The application has changed") -> None:
        """Send a client away unless its application is mounted."""
        if all(each is not client.application for each in self.by_prefix.values()):
            client.leave(why, code)

    def take_over(self, application: HTTPServerConnectionDelegate, link: Link | None) -> Detached:
        """Give an application's handler the connection of its WebSocket."""
        client = Detached(application, link, self._clients)
        self._stay(client)
        return client

    def take(self, former: Mounted) -> None:
        """Have the applications of a former workbench answer here, too, but where others do already."""
        with self._changing:
            self.by_prefix = {**former.by_prefix, **self.by_prefix}

    def find(self, exchange: Exchange) -> Talk | None:
        """What answers a request; the longest prefix counts."""
        path = exchange.path
        while path and self.by_prefix:
            if (application := self.by_prefix.get(path)) is not None:
                return Talk(application, self, is_handshake(exchange.method, exchange.headers))
            path = path.rpartition("/")[0]
        return None


class Context:
    """What Tornado knows of a connection as a whole."""

    def __init__(self, address: str, protocol: str) -> None:
        self.remote_ip, self.protocol, self.address = address, protocol, (address, 0)


class Talk(HTTPConnection):
    """One request and its answer, as Tornado's handlers know a connection.

    Args:
        application: What answers.
        mounted: Where it is mounted.
        may_take_over: Whether the request asks for a WebSocket.
    """

    def __init__(self, application: HTTPServerConnectionDelegate, mounted: Mounted, may_take_over: bool) -> None:
        self._application, self._mounted, self.may_take_over = application, mounted, may_take_over
        self._talks = mounted.talks
        self._exchange: Exchange | None = None
        self._whole: Answer | None = None
        self._sink: Sink | None = None
        self._gone: Callable[[], None] | None = None
        self._handler: object = None
        self.length: int | None = None
        self.context: Context

    def serve(self, exchange: Exchange, scheme: str) -> None:
        """Have a complete request answered, which came by `http` or `https`."""
        self._exchange, self.context = exchange, Context(exchange.address, scheme)
        self._talks.add(self)
        exchange.work = (asyncio.ensure_future(self._give(exchange)),)

    async def _give(self, exchange: Exchange) -> None:
        """Give a request to the handler, at its pace."""
        target = f"{exchange.path}?{exchange.query}" if exchange.query else exchange.path
        start = RequestStartLine(exchange.method, target, "HTTP/1.1")
        try:
            delegate = self._application.start_request(self, self)
            if (waits := delegate.headers_received(start, HTTPHeaders(exchange.headers))) is not None:
                await waits
            if exchange.body and (waits := delegate.data_received(exchange.body)) is not None:
                await waits
            delegate.finish()
        except HTTPInputError as exc:
            self._fail(exchange, BadRequest(str(exc)))
        except Exception as exc:
            log.error("a mounted application failed (cid:%s)", exchange.cid, exc_info=exc)
            self._fail(exchange, exc)

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with an error; an answer that has begun breaks off instead."""
        self._talks.discard(self)
        sink, self._sink, self._exchange = self._sink, None, None
        if sink is not None:
            sink.break_off()
        else:
            exchange.answer(error_answer(error, exchange.cid))

    def lost(self) -> None:
        """The caller is gone."""
        self._talks.discard(self)
        self.may_be_lost()

    def may_be_lost(self) -> None:
        """The caller sends nothing more: the handler is told, as by Tornado; whoever still reads has its answer."""
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()

    # What the wire calls once an answer goes out in parts.
    def begin(self, sink: Sink) -> None:
        """Take where its parts go."""
        self._sink = sink

    # What Tornado calls.
    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Have the handler told if its caller goes away."""
        self._gone = callback
        self._handler = getattr(callback, "__self__", self._handler)

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> Future[None]:
        """Begin the answer; one that is complete goes out at its end, in one write."""
        assert isinstance(start_line, ResponseStartLine)
        exchange = self._exchange
        if exchange is None:
            return _done()
        pairs = [(name, value) for name, value in headers.get_all() if name.lower() not in OF_THE_WIRE]
        body = chunk or b""
        answer = Answer(start_line.code, [("X-Zato-CID", exchange.cid), *pairs], body, start_line.reason)
        length = headers.get("Content-Length")
        self.length = int(length) if length is not None else None
        if start_line.code == SWITCHING_PROTOCOLS:
            answer.headers.append(("Connection", "Upgrade"))
        if self.length == len(body) or start_line.code in (SWITCHING_PROTOCOLS, 204, 304):
            self._whole = answer
            return _done()
        exchange.answer(answer._replace(body=b"", parts=self))
        return self.write(body)

    def write(self, chunk: bytes) -> Future[None]:
        """Send more of it."""
        return self._sink.write_part(chunk) if self._sink is not None else _done()

    def detach(self) -> Detached:
        """Give the connection away behind the answer to a handshake, as a handler of WebSockets asks.

        Raises:
            ServiceUsage: It is none.
        """
        exchange, self._exchange, answer = self._exchange, None, self._whole
        is_accepted = self.may_take_over and answer is not None and answer.status == SWITCHING_PROTOCOLS
        if exchange is None or not is_accepted:
            error = ServiceUsage("Only the connection of a WebSocket can be taken over. Fix: use a WebSocketHandler.")
            if exchange is not None:
                self._fail(exchange, error)
            raise error
        links: list[Link] = []
        exchange.takes_over = links.append
        exchange.end_here(answer)
        client, handler = self._mounted.take_over(self._application, links[0] if links else None), self._handler
        if handler is not None:
            # Tornado 6.5 drops a handler whose awaited on_message fails, and leaves its stream to Python.
            finalize(handler, client.io_loop.add_callback, client.close).atexit = False
        self._handler = None
        return client

    def finish(self) -> None:
        """The answer is complete; one to a handshake goes out once the handler takes the connection."""
        self._talks.discard(self)
        if self._whole is not None and self._whole.status == SWITCHING_PROTOCOLS:
            return
        exchange, self._exchange = self._exchange, None
        if exchange is not None and self._whole is not None:
            exchange.answer(self._whole)
        elif self._sink is not None:
            self._sink.end_parts()
        self._sink = self._gone = self._handler = None


def _done() -> Future[Any]:
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
