"""Applications of Tornado's own kind, served beside channels: behind the same guard, by the same wire."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable
from threading import Lock
from typing import Any

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from workbench.channels.answers import Answer, Sink, error_answer
from workbench.channels.exchange import Exchange
from workbench.channels.guard import is_own_path
from workbench.channels.http.own_headers import OF_THE_WIRE
from workbench.channels.websocket.handshake import is_handshake
from workbench.core.errors import BadRequest, CallerError, ServiceUsage
from workbench.core.trace import Line

log = logging.getLogger("workbench.http")


class TakesNoWebSocket(CallerError):
    """501: a mounted application is asked for a WebSocket, which it would have to speak past the wire."""

    status, phrase = 501, "Not Implemented"


class Mounted:
    """The applications by the path below which they answer; on the loop's thread, but any may put, remove and take."""

    def __init__(self) -> None:
        self.by_prefix: dict[str, HTTPServerConnectionDelegate] = {}
        """Replaced, never changed: the loop reads it."""
        self._changing = Lock()
        self.talks: set[Talk] = set()
        """What is being answered."""

    def put(self, prefix: str, application: HTTPServerConnectionDelegate) -> None:
        """Have an application answer at a path, and at all below it, from now on.

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

    def remove(self, prefix: str) -> bool:
        """Have none answer there any more; whether one did."""
        path = prefix.rstrip("/")
        with self._changing:
            left = {each: application for each, application in self.by_prefix.items() if each != path}
            was_there, self.by_prefix = len(left) < len(self.by_prefix), left
        return was_there

    def take(self, former: Mounted) -> None:
        """Have the applications of a former workbench answer here, too, but where others do already."""
        with self._changing:
            self.by_prefix = {**former.by_prefix, **self.by_prefix}

    def find(self, exchange: Exchange) -> Talk | None:
        """What answers a request; the longest prefix counts.

        Raises:
            TakesNoWebSocket: It asks an application for a WebSocket; the trace says what its owner can do.
        """
        path = exchange.path
        while path and self.by_prefix:
            if (application := self.by_prefix.get(path)) is not None:
                if is_handshake(exchange.method, exchange.headers):
                    fix = f"Fix: define a WebSocketChannel at {exchange.path}."
                    exchange.root.steps.append(
                        Line("log", f"What is mounted at {path} gets no WebSocket. {fix}", "WARNING")
                    )
                    raise TakesNoWebSocket("A mounted application takes no WebSocket")
                return Talk(application, self.talks)
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
        talks: Those that go on.
    """

    def __init__(self, application: HTTPServerConnectionDelegate, talks: set[Talk]) -> None:
        self._application, self._talks = application, talks
        self._exchange: Exchange | None = None
        self._whole: Answer | None = None
        self._sink: Sink | None = None
        self._gone: Callable[[], None] | None = None
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
        if self.length == len(body) or start_line.code in (204, 304):
            self._whole = answer
            return _done()
        exchange.answer(answer._replace(body=b"", parts=self))
        return self.write(body)

    def write(self, chunk: bytes) -> Future[None]:
        """Send more of it."""
        return self._sink.write_part(chunk) if self._sink is not None else _done()

    def detach(self) -> Any:
        """Refuse to give the connection away, as a handler of WebSockets asks.

        Raises:
            ServiceUsage: Always.
        """
        raise ServiceUsage("A mounted application cannot take a connection over. Fix: define a WebSocketChannel.")

    def finish(self) -> None:
        """The answer is complete."""
        self._talks.discard(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None and self._whole is not None:
            exchange.answer(self._whole)
        elif self._sink is not None:
            self._sink.end_parts()
        self._sink = self._gone = None


def _done() -> Future[Any]:
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
