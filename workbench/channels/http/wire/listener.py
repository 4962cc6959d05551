"""Takes connections from sockets, as many as there may be, and ends them all together."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from tornado.netutil import add_accept_handler

from workbench.channels.deadlines import Deadlines
from workbench.channels.http.wire.bounds import Bounds, Memory
from workbench.channels.http.wire.common import Common, Read
from workbench.channels.http.wire.connection import Connection
from workbench.channels.http.wire.secured import Secured
from workbench.channels.pipeline import Pipeline

log = logging.getLogger("workbench.http")

TURNED_AWAY = 100
"""How many that are too many are told so at once; further ones are closed without a word."""


class Listener:
    """Serves HTTP on sockets of this loop.

    Args:
        pipeline: What answers.
        bounds: How long clients may take, and how many there may be.
        deadlines: What watches them instead of our own; on a clock of its own, say.
        tls: Gives what a connection that begins speaks TLS by; without it, none does.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        bounds: Bounds,
        deadlines: Deadlines[Connection] | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        if deadlines is None:
            # One pass every 5 s costs less than two timers a request.
            deadlines = Deadlines(Connection.cut, bounds.sweep_seconds)
        self.memory = Memory(bounds.bodies_bytes)
        self.connections: set[Connection] = set()
        self._turned_away: set[Connection] = set()
        common = Common(pipeline, bounds, deadlines, self.memory, self.connections, Read(), bounds.head_bytes)
        self._common, self._of_the_turned_away = common, common._replace(connections=self._turned_away)
        self._most = min(bounds.connections, _files_left())
        self._tls = tls
        self._listeners: dict[socket.socket, Any] = {}
        self._opening: set[asyncio.Future[Any]] = set()

    def add(self, sockets: Sequence[socket.socket]) -> None:
        """Take connections that come by these."""
        for each in sockets:
            self._listeners[each] = add_accept_handler(each, self._accept)

    def stop(self) -> None:
        """Take no more connections."""
        for each, end in self._listeners.items():
            end()
            each.close()
        self._listeners.clear()

    async def close(self) -> None:
        """Close every connection, once what was written to it is sent; those that are not told in time are cut."""
        try:
            while left := [*self.connections, *self._turned_away]:
                for each in left:
                    each.close()
                await asyncio.sleep(0.005)
        finally:
            for each in [*self.connections, *self._turned_away]:
                each.cut()

    def forget(self) -> None:
        """In a forked child: let go of the parent's sockets."""
        for each in [*self._listeners, *(each.sock for each in (*self.connections, *self._turned_away))]:
            each.close()

    def _accept(self, sock: socket.socket, address: Any) -> None:
        """Take a connection; tell the client if there are too many."""
        taken_over = len(self._common.pipeline.clients)
        if len(self.connections) + taken_over < self._most:
            self._open(Connection(self._common, sock, str(address[0])), sock)
        elif len(self._turned_away) < TURNED_AWAY:
            log.warning("a client is turned away: %d are connected. Fix: raise `connections`.", self._most)
            self._open(Connection(self._of_the_turned_away, sock, str(address[0]), is_welcome=False), sock)
        else:
            sock.close()

    def _open(self, connection: Connection, sock: socket.socket) -> None:
        protocol: asyncio.BufferedProtocol = connection
        if self._tls is not None:
            protocol = Secured(self._tls(), connection, self._common.read.place())
        opening = asyncio.ensure_future(asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, sock))
        self._opening.add(opening)
        opening.add_done_callback(lambda done: self._opened(connection, done))

    def _opened(self, connection: Connection, opening: asyncio.Future[Any]) -> None:
        self._opening.discard(opening)
        if opening.cancelled() or opening.exception() is not None:
            connection.connection_lost(None)
            connection.sock.close()


def _files_left() -> int:
    """Connections that leave this process files for its own use; out of files, the accepting loop would spin."""
    try:
        import resource
    except ImportError:
        return 1 << 30
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if most == resource.RLIM_INFINITY else max(64, most - 256)
