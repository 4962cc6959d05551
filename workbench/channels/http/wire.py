"""HTTP/1.1 on Tornado's own connection: bytes to exchanges and back, with a bound on all that a client sends.

`HTTPServerConnectionDelegate` instead of `Application` and `RequestHandler`: the whole pipeline over it has 1.9 times
the throughput of a bare handler. Tornado's bounds are set wider than ours, so that ours can answer 414, 431 and 413.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from tornado import httputil
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from workbench.channels.answers import Answer
from workbench.channels.bodies.body import BLOCK_BYTES, IN_MEMORY_BYTES, Spool
from workbench.channels.bodies.coding import Unpacking
from workbench.channels.deadlines import Deadlines
from workbench.channels.exchange import Exchange, Link, declared_length
from workbench.channels.http import tornado_inner as inner
from workbench.channels.http.head import Head, read_head
from workbench.channels.http.link import LEAST_BYTES, READ_BYTES, StreamLink
from workbench.channels.http.returned import BIG_BYTES, RETURNED
from workbench.channels.pipeline import Pipeline
from workbench.core.errors import (
    BadRequest,
    CallerError,
    ContentTooLarge,
    HeadersTooLarge,
    InsufficientStorage,
    URITooLong,
)

log = logging.getLogger("workbench.http")

LINE_BYTES = 8 * 1024
HEADER_BYTES = 32 * 1024
SWALLOWED_BYTES = 1024 * 1024
LINGERED_BYTES = 64 * 1024 * 1024
PHRASES = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}


class Bounds(NamedTuple):
    """How long clients may take, how many there may be, and how much they may send.

    Attributes:
        idle_seconds: Longest time between two requests of a connection, and for a head [s].
        body_seconds: Longest time for each 64 KiB of a body [s].
        linger_seconds: Longest time that a refused body is read on, so that its sender gets the answer [s].
        reader_seconds: Longest time for each 64 KiB of an answer to be taken [s].
        sweep_seconds: Time between two looks for clients that are late [s].
        connections: Most connections at once.
        line_bytes: Longest request line [bytes].
        header_bytes: Most of all headers of a request [bytes].
        memory_bytes: From when on a body lies on disk [bytes].
    """

    idle_seconds: float = 75.0
    body_seconds: float = 60.0
    linger_seconds: float = 5.0
    reader_seconds: float = 30.0
    sweep_seconds: float = 5.0
    connections: int = 2000
    line_bytes: int = LINE_BYTES
    header_bytes: int = HEADER_BYTES
    memory_bytes: int = IN_MEMORY_BYTES


class Wire(httputil.HTTPServerConnectionDelegate):
    """Makes a message for each request of a connection."""

    def __init__(self, pipeline: Pipeline, bounds: Bounds, deadlines: Deadlines[IOStream]) -> None:
        self._pipeline, self._bounds, self._deadlines = pipeline, bounds, deadlines

    def start_request(self, server_conn: object, request_conn: httputil.HTTPConnection) -> Message:
        """Begin a request."""
        assert isinstance(request_conn, HTTP1Connection)
        inner.parse_heads_with(request_conn, read_head)
        self._deadlines.put(request_conn.stream, self._bounds.idle_seconds)
        return Message(self._pipeline, request_conn, self._bounds, self._deadlines)

    def on_close(self, server_conn: object) -> None:
        """A connection has ended."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self._deadlines.lift(server_conn.stream)


class Message(httputil.HTTPMessageDelegate):
    """One request as it arrives."""

    __slots__ = (
        "_bound",
        "_bounds",
        "_chunks",
        "_connection",
        "_deadlines",
        "_exchange",
        "_is_whole",
        "_lingers",
        "_next",
        "_pipeline",
        "_refusal",
        "_size",
        "_spooled",
        "_started",
        "_unpacking",
    )

    def __init__(
        self, pipeline: Pipeline, connection: HTTP1Connection, bounds: Bounds, deadlines: Deadlines[IOStream]
    ) -> None:
        self._pipeline, self._connection, self._bounds, self._deadlines = pipeline, connection, bounds, deadlines
        self._chunks: list[bytes] = []
        self._size = self._bound = self._spooled = 0
        self._next = LEAST_BYTES
        self._exchange: Exchange | None = None
        self._refusal: Exception | None = None
        self._unpacking: Unpacking | None = None
        self._lingers = self._is_whole = False

    def headers_received(
        self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders
    ) -> None:
        """Judge the head; a refusal waits for a short body, and answers before a long or an announced one."""
        assert isinstance(start_line, httputil.RequestStartLine)
        self._deadlines.put(self._connection.stream, self._bounds.body_seconds)
        assert isinstance(headers, Head)
        plain = headers.plain
        self._exchange = exchange = Exchange(
            start_line.method, start_line.path, plain, _address(self._connection), self._send
        )
        self._started = start_line
        try:
            bounds = self._bounds
            if len(start_line.path) > bounds.line_bytes:
                raise URITooLong(f"The request line is over {bounds.line_bytes} bytes")
            if headers.size > bounds.header_bytes:
                raise HeadersTooLarge(f"The headers are over {bounds.header_bytes} bytes")
            self._pipeline.check_head(exchange)
            if exchange.takes_over is not None and start_line.version != "HTTP/1.1":
                raise BadRequest("Only a connection of HTTP/1.1 can be taken over")  # RFC 9110, 7.8
        except Exception as exc:
            self._refusal = exc
            self._bound = SWALLOWED_BYTES
            if "Expect" in plain or declared_length(plain) > SWALLOWED_BYTES:
                self._pipeline.refuse(exchange, exc)
        else:
            if exchange.takes_over is not None:
                self._hand_over(exchange, exchange.takes_over)
                return
            self._bound = self._pipeline.body_bound(exchange)
            self._unpacking = exchange.unpacking

    def _hand_over(self, exchange: Exchange, takes_over: Callable[[Link], None]) -> None:
        """Give the connection away; its server forgets it, and so do our deadlines."""
        stream = self._connection.detach()
        self._deadlines.lift(stream)
        self._exchange = None
        exchange.end_here()
        takes_over(StreamLink(stream, self._bounds.reader_seconds))

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Take a piece of the body; no more comes before what is returned has ended."""
        if self._unpacking is not None and self._refusal is None:
            try:
                chunk = self._unpacking.unpacked(chunk)
            except CallerError as exc:
                self._refuse(exc)
        self._size += len(chunk)
        if self._lingers:
            if self._size > self._bound + LINGERED_BYTES:
                self._connection.finish()
        elif self._size > self._bound:
            self._refuse(ContentTooLarge(f"The body is over {self._bound} bytes"))
        else:
            if self._refusal is None:
                self._chunks.append(chunk)
            if self._size >= self._next:
                return self._go_on()
        return None

    def _go_on(self) -> Awaitable[None] | None:
        """Give a sender that has sent 64 KiB more time, and have what is too much for memory written to disk."""
        self._deadlines.put(self._connection.stream, self._bounds.body_seconds)
        self._next = self._size + LEAST_BYTES
        most = BLOCK_BYTES if self._spooled else self._bounds.memory_bytes
        return self._spool() if self._refusal is None and self._size - self._spooled > most else None

    async def _spool(self) -> None:
        """Write to a file what is in memory; on another thread, since a disk may let the whole loop wait."""
        exchange = self._exchange
        assert exchange is not None
        chunks, self._chunks, self._spooled = self._chunks, [], self._size
        try:
            if exchange.spool is None:
                await self._pipeline.admit(exchange)
                exchange.spool = Spool()
            await asyncio.get_running_loop().run_in_executor(None, exchange.spool.write, chunks)
        except OSError as exc:
            log.error(
                "a body of over %d bytes cannot be kept (cid:%s): %s. Fix: make room in the folder for temporary "
                "files, or set TMPDIR to one that has it.",
                self._bounds.memory_bytes,
                exchange.cid,
                exc,
            )
            self._refuse(InsufficientStorage())
        except Exception as exc:
            self._refuse(exc)
        else:
            if not self._is_whole:
                self._deadlines.put(self._connection.stream, self._bounds.body_seconds)

    def _refuse(self, error: Exception) -> None:
        self._chunks.clear()
        self._refusal = self._refusal or error
        if self._exchange is not None:
            self._pipeline.refuse(self._exchange, self._refusal)

    def finish(self) -> None:
        """The request is complete."""
        self._deadlines.lift(self._connection.stream)
        self._is_whole = True
        exchange = self._exchange
        if self._lingers:
            inner.close_after_answer(self._connection)
            self._connection.finish()
            return
        if exchange is None:
            return
        if self._unpacking is not None and self._refusal is None:
            try:
                self._unpacking.end()
            except CallerError as exc:
                self._refusal = exc
        if self._refusal is not None:
            self._pipeline.refuse(exchange, self._refusal)
            return
        self._connection.set_close_callback(self.on_connection_close)
        if self._size > self._bounds.memory_bytes:
            exchange.work = (asyncio.ensure_future(self._handle_spooled(exchange)),)
            return
        chunks, self._chunks = self._chunks, []
        exchange.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._pipeline.handle(exchange)

    async def _handle_spooled(self, exchange: Exchange) -> None:
        await self._spool()
        if self._refusal is None:
            self._pipeline.handle(exchange)

    def on_connection_close(self) -> None:
        """The caller went away before the answer."""
        if self._exchange is None:
            return
        if self._is_whole:
            self._pipeline.abandon(self._exchange)
        else:
            self._exchange.drop()
            self._let_go()

    def _let_go(self) -> None:
        """Keep nothing of the request: the connection keeps this until its next one begins."""
        self._exchange = self._refusal = None
        self._chunks.clear()
        if self._size >= BIG_BYTES:
            RETURNED.add(self._size)

    def _send(self, answer: Answer) -> None:
        self._let_go()
        connection = self._connection
        if connection.stream is None or connection.stream.closed():
            return
        if self._pipeline.leaving:
            inner.close_after_answer(connection)
        bodiless = self._started.method == "HEAD" or answer.status in (204, 304)
        early = not inner.is_read(connection) and _body_pending(connection)
        head = _head(self._started, connection, answer, early)
        written = inner.write(connection, head if bodiless else head + answer.body)
        if early and "Expect" not in (inner.request_headers(connection) or ()):
            # If we closed now, with bytes unread, the system would reset the connection and the sender lose the answer.
            self._lingers = True
            self._deadlines.put(connection.stream, self._bounds.linger_seconds)
        else:
            connection.finish()
        if not written.done():
            _close_slow_reader(connection.stream, written, self._bounds.reader_seconds)


def _head(request: httputil.RequestStartLine, connection: HTTP1Connection, answer: Answer, early: bool) -> bytes:
    """Status line and headers as bytes; building them here costs a third of what HTTPHeaders costs."""
    lines = [
        f"HTTP/1.1 {answer.status} {answer.reason or PHRASES.get(answer.status, 'Unknown')}\r\nServer: workbench\r\n"
    ]
    lines += [f"{name}: {value}\r\n" for name, value in answer.headers]
    if answer.status not in (204, 304):
        lines.append(f"Content-Length: {len(answer.body)}\r\n")
    if inner.closes_after_answer(connection) or early:
        lines.append("Connection: close\r\n")
    elif request.version == "HTTP/1.0":
        lines.append("Connection: Keep-Alive\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def _body_pending(connection: HTTP1Connection) -> bool:
    """Whether an answer goes out before the body is in, which ends the connection."""
    headers = inner.request_headers(connection)
    return headers is not None and ("Content-Length" in headers or "Transfer-Encoding" in headers)


def _address(connection: HTTP1Connection) -> str:
    return str(getattr(connection.context, "remote_ip", "") or "")


def _close_slow_reader(stream: IOStream, written: asyncio.Future[None], seconds: float) -> None:
    """Close the connection of a client that takes less than 64 KiB of an answer in this time [s]."""
    left = inner.unsent_bytes(stream)

    def look() -> None:
        if written.done() or stream.closed():
            return
        if left - inner.unsent_bytes(stream) < LEAST_BYTES:
            stream.close()
        else:
            _close_slow_reader(stream, written, seconds)

    timer = asyncio.get_running_loop().call_later(seconds, look)
    written.add_done_callback(lambda _: timer.cancel())


class BoundedServer(HTTPServer):
    """Tornado's server with a bound on open connections."""

    most_connections = 0
    handed_over: Callable[[], int] = staticmethod(lambda: 0)
    """How many connections speak another protocol by now."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a connection, or close it at once when there are too many."""
        if inner.connection_count(self) + self.handed_over() >= self.most_connections:
            stream.close()
            return
        stream.set_nodelay(True)
        # Tornado would switch it on and off again around every answer: two system calls and 20 lines of Python.
        stream.set_nodelay = _keep_nodelay  # type: ignore[method-assign]
        super().handle_stream(stream, address)


def _keep_nodelay(value: bool) -> None:
    """Stands in for a stream's `set_nodelay`."""


def server_of(pipeline: Pipeline, bounds: Bounds, deadlines: Deadlines[IOStream] | None = None) -> BoundedServer:
    """A server on this loop; add sockets to it.

    Args:
        pipeline: What answers.
        bounds: How long clients may take, and how many there may be.
        deadlines: What watches them instead of our own; on a clock of its own, say.
    """
    if deadlines is None:
        # One pass every 5 s costs less than two timers a request.
        deadlines = Deadlines(IOStream.close, bounds.sweep_seconds)
    server = BoundedServer(
        Wire(pipeline, bounds, deadlines),
        max_header_size=3 * max(bounds.header_bytes, bounds.line_bytes, HEADER_BYTES),
        max_body_size=1 << 62,
        max_buffer_size=64 * 1024 * 1024,
        chunk_size=READ_BYTES,
    )
    server.conn_params.header_timeout = None  # `deadlines` watches instead
    server.most_connections = min(bounds.connections, _files_left())
    server.handed_over = lambda: len(pipeline.clients)
    return server


def _files_left() -> int:
    """Connections that leave this process files for its own use; out of files, the accepting loop would spin."""
    try:
        import resource
    except ImportError:
        return 1 << 30
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if most == resource.RLIM_INFINITY else max(64, most - 256)
