"""A peer: Tornado's HTTP server with the least that answers: no handler, no route, no ETag, no line of log."""

from __future__ import annotations

import asyncio

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    ResponseStartLine,
)
from tornado.netutil import bind_sockets

from tests.bench.servers.orders import GREETING

BODY = GREETING.encode()


class Answer(HTTPMessageDelegate):
    """Says hello to whatever was asked."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def finish(self) -> None:
        headers = HTTPHeaders({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(BODY))})
        self._connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, BODY)
        self._connection.finish()


class Delegate(HTTPServerConnectionDelegate):
    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> Answer:
        return Answer(request_conn)


async def serve() -> None:
    """Serve until the process is ended."""
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Delegate()).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
