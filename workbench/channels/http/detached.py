"""The connection of a WebSocket that a mounted application speaks by itself, as Tornado's handlers know a stream."""

from __future__ import annotations

import asyncio
import logging
import struct
from asyncio import Future
from typing import Any

from tornado.httputil import HTTPServerConnectionDelegate
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from workbench.channels.exchange import Link
from workbench.channels.websocket.frames import CLOSING_SECONDS, GOING_AWAY
from workbench.channels.websocket.handshake import TakenOver

log = logging.getLogger("workbench.http")

MOST_UNSENT_BYTES = 100 * 1024 * 1024
"""What a client may leave lying of what handlers write without waiting for it; Tornado has no such bound [bytes]."""

CLOSE, OPCODE = 0x8, 0x0F
"""The frame that takes leave, and where in a frame's first byte its kind stands. Source: RFC 6455, 5.2."""


class Detached:
    """What a `WebSocketHandler` calls of `tornado.iostream.IOStream`: that needs a socket, and TLS is not in one.

    Nothing is read ahead of what the handler asks for but by the wire, which has its bound, and who takes too slowly
    what is written is cut off by it.

    Args:
        application: Whose handler has it.
        link: The connection; None if its client is gone already.
        clients: Where it stands as long as it is open.
    """

    def __init__(self, application: HTTPServerConnectionDelegate, link: Link | None, clients: set[TakenOver]) -> None:
        self.application, self.io_loop = application, IOLoop.current()
        self._link, self._clients = link, clients
        self._came, self._wanted = bytearray(), 0
        self._read: Future[bytes] | None = None
        self._writes: list[Future[None]] = []
        self._has_read = self._has_left = self._is_closed = False
        if link is not None:
            clients.add(self)
            link.hear(self._look)

    # What the handler asks.
    def closed(self) -> bool:
        """Whether nothing can be sent any more; the other side's leave may still be read."""
        return self._is_closed or self._has_left or self._link is None or self._link.is_over

    def read_bytes(self, num_bytes: int) -> Future[bytes]:
        """The next so many bytes; StreamClosedError if there are no more."""
        read: Future[bytes] = asyncio.get_running_loop().create_future()
        self._read, self._wanted = read, num_bytes
        self._look()
        return read

    def write(self, data: bytes) -> Future[None]:
        """Send a frame; done once the other side has taken all. Behind one that takes leave nothing is sent.

        Raises:
            StreamClosedError: The connection is over.
        """
        link = self._link
        if link is None or link.is_over or self._is_closed:
            raise StreamClosedError
        written: Future[None] = asyncio.get_running_loop().create_future()
        self._writes.append(written)
        if link.unsent_bytes > MOST_UNSENT_BYTES:
            log.warning(
                "a client of a mounted application takes its messages too slowly, and is cut off with over %s bytes "
                "unread. Fix: await self.write_message(...), which waits for the client.",
                f"{MOST_UNSENT_BYTES:,}",
            )
            link.close()
        elif not self._has_left:
            self._has_left = data[0] & OPCODE == CLOSE
            link.write(data)
        self._look()
        return written

    def set_nodelay(self, value: bool) -> None:
        """Do nothing: small messages are never held back."""

    def close(self) -> None:
        """End it once all is sent; the other side has 2 s to do so, too."""
        if self._link is not None and not self._is_closed:
            self._is_closed = True
            self._link.end()
            self.io_loop.call_later(CLOSING_SECONDS, self._link.close)
        self._look()

    # What its server calls.
    @property
    def is_busy(self) -> bool:
        """Whether the handler is at a message."""
        return self._has_read and self._read is None and not self.closed()

    def leave(self, why: str, code: int = GOING_AWAY) -> None:
        """Take leave once in the handler's place, which reads the answer to it; the connection ends within 2 s."""
        if (link := self._link) is not None and not (link.is_over or self._has_left or self.closed()):
            reason = why.encode()
            self.write(struct.pack(">BBH", 0x80 | CLOSE, 2 + len(reason), code) + reason)
            self.io_loop.call_later(CLOSING_SECONDS, link.close)

    def cut(self) -> None:
        """End it now."""
        if self._link is not None:
            self._link.close()

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket."""
        if self._link is not None:
            self._link.forget()

    def _look(self) -> None:
        """See what has changed: give the handler what it waits for, and let go of a connection that is over."""
        if (link := self._link) is not None:
            self._take(link)
            if link.is_over:
                self._let_go(link)
            elif not link.unsent_bytes:
                for each in self._writes:
                    if not each.done():
                        each.set_result(None)
                self._writes.clear()
        read, came = self._read, self._came
        if read is None:
            return
        if len(came) >= self._wanted and not self._is_closed:
            self._read, self._has_read = None, True
            if not read.done():
                read.set_result(bytes(came[: self._wanted]))
                del came[: self._wanted]
        elif self._is_closed or self._link is None or self._link.has_ended:
            self._read = None
            _fail(read)

    def _take(self, link: Link) -> None:
        """Take what the handler waits for, or what nobody wants any more."""
        if self._is_closed:
            while link.take():
                pass
            if link.has_ended and not link.unsent_bytes:
                link.close()
        elif self._read is not None:
            while len(self._came) < self._wanted and (piece := link.take()):
                self._came += piece

    def _let_go(self, link: Link) -> None:
        """It is over: what has come may still be read."""
        while not self._is_closed and (piece := link.take()):
            self._came += piece
        link.hear(lambda: None)
        self._link = None
        self._clients.discard(self)
        for each in self._writes:
            _fail(each)
        self._writes.clear()


def _fail(waits: Future[Any]) -> None:
    if not waits.done():
        waits.set_exception(StreamClosedError())
        waits.exception()  # whoever does not look at it has chosen not to
