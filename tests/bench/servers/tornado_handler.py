"""A peer: a RequestHandler of Tornado, as a person writes it, with no auth, no limit, no CID and no trace."""

from __future__ import annotations

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.bench.servers.orders import GREETING


class Hello(RequestHandler):
    def get(self) -> None:
        self.write(GREETING)


async def serve() -> None:
    """Serve until the process is ended."""
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/hello", Hello)])).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
