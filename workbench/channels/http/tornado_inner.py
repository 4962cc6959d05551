"""Every private attribute of Tornado that we use, in one place; `tests/channels/test_inner.py` says if one is gone.

pyproject.toml allows the minor version of Tornado that this was tested with, and no later one.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream

PRIVATE = {
    HTTP1Connection: (
        "_parse_headers",
        "_read_finished",
        "_request_headers",
        "_disconnect_on_finish",
        "_pending_write",
    ),
    IOStream: ("_write_buffer",),
    HTTPServer: ("_connections",),
}
"""The attributes by the class whose objects have them."""


def parse_heads_with(connection: HTTP1Connection, parse: Callable[[bytes], tuple[str, HTTPHeaders]]) -> None:
    """Have a connection read the heads of its requests with our parser, which is three times as quick."""
    connection._parse_headers = parse  # type: ignore[assignment, method-assign]


def is_read(connection: HTTP1Connection) -> bool:
    """Whether the request is complete."""
    return connection._read_finished


def request_headers(connection: HTTP1Connection) -> HTTPHeaders | None:
    """Headers of the request that a connection is at."""
    return connection._request_headers


def closes_after_answer(connection: HTTP1Connection) -> bool:
    """Whether the connection ends with this answer."""
    return connection._disconnect_on_finish


def close_after_answer(connection: HTTP1Connection) -> None:
    """Have the connection end with this answer."""
    connection._disconnect_on_finish = True


def write(connection: HTTP1Connection, data: bytes) -> Future[None]:
    """Send bytes, as `connection.write` does, which makes a second Future and a callback for the same."""
    written: Future[None] = connection.stream.write(data)
    connection._pending_write = written
    return written


def unsent_bytes(stream: IOStream) -> int:
    """How much of what was written the other side has not taken yet [bytes]."""
    return len(stream._write_buffer or b"")  # None once it is closed


def connections_of(server: HTTPServer) -> Iterable[HTTP1ServerConnection]:
    """The open connections of a server."""
    return server._connections


def connection_count(server: HTTPServer) -> int:
    """How many connections are open."""
    return len(server._connections)
