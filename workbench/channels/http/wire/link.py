"""A connection that speaks another protocol than HTTP by now: its bytes, both ways; a slow reader is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from workbench.channels.http.wire.bounds import AHEAD_BYTES
from workbench.channels.http.wire.reader import Reader

READ_BYTES = 16 * 1024
"""What is handed over at a time [bytes]."""


class TransportLink(asyncio.BufferedProtocol):
    """What a connection has come to; used on the loop's thread alone.

    Args:
        transport: Its bytes.
        sock: Its socket, for a forked child.
        reader: The other side, which may be watched already.
        place: Where what comes is read into.
        came: What has come of it already.
        has_ended: Whether the other side sends nothing more.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        sock: socket.socket,
        reader: Reader,
        place: memoryview,
        came: bytes,
        has_ended: bool,
    ) -> None:
        self._transport, self._socket, self._reader, self._place = transport, sock, reader, place
        self._came, self._has_ended, self._is_paused = bytearray(came), has_ended, False
        self._awaited: asyncio.Future[None] | None = None
        self._changed: Callable[[], None] = lambda: None
        transport.set_protocol(self)
        transport.set_write_buffer_limits(0)
        transport.resume_reading()  # it may have been paused behind what came before

    # What the transport tells.
    def get_buffer(self, sizehint: int) -> memoryview:
        """Where what comes is read into."""
        return self._place

    def buffer_updated(self, nbytes: int) -> None:
        """Keep what comes until it is asked for; a sender of too much waits."""
        self._came += self._place[:nbytes]
        if len(self._came) >= AHEAD_BYTES:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def resume_writing(self) -> None:
        """All that was written is taken."""
        self._changed()

    def eof_received(self) -> bool:
        """The other side sends nothing more; it may still read."""
        self._has_ended = True
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._has_ended = True
        self._wake()

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)
        self._changed()

    # What its owner asks.
    @property
    def unsent_bytes(self) -> int:
        """How much of what was written the other side has not taken yet [bytes]."""
        return self._reader.unsent_bytes

    @property
    def has_ended(self) -> bool:
        """Whether the other side sends nothing more than what can be taken already."""
        return self._has_ended

    @property
    def is_over(self) -> bool:
        """Whether it is closed, by whichever side: nothing is sent any more."""
        return self._transport.is_closing()

    def hear(self, changed: Callable[[], None]) -> None:
        """Have the owner told of bytes that have come, of an end, and once all that was written is taken."""
        self._changed = changed

    async def read(self) -> bytes:
        """What comes next; empty when nothing more does."""
        while not self._came:
            if self._has_ended or self._transport.is_closing():
                return b""
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited
        return self.take()

    def take(self) -> bytes:
        """What has come by now, 16 KiB of it at most; empty if nothing has."""
        piece = bytes(self._came[:READ_BYTES])
        del self._came[:READ_BYTES]
        if self._is_paused and not self._came:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    def write(self, data: bytes) -> None:
        """Send bytes, in their order; who takes them too slowly is cut off."""
        if not self._transport.is_closing():
            self._reader.total += len(data)
            self._transport.write(data)
            self._reader.watch()

    def end(self) -> None:
        """Say that nothing more is sent, once all is; what the other side sends can still be read."""
        if not self._transport.is_closing():
            with contextlib.suppress(OSError):
                self._transport.write_eof()

    def close(self) -> None:
        """Cut it now."""
        self._transport.abort()

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket."""
        self._socket.close()
