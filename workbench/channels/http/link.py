"""A connection that speaks another protocol than HTTP by now: its bytes, both ways; a slow reader is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from tornado.iostream import IOStream, StreamClosedError

from workbench.channels.http import tornado_inner as inner

LEAST_BYTES = 64 * 1024
"""What a client must send within `body_seconds`, or take within `reader_seconds`; or all there is, if that is less."""
READ_BYTES = 16 * 1024  # Each read clears a buffer of this size first.


class StreamLink:
    """A connection of Tornado's that was detached from its server; used on the loop's thread alone.

    Args:
        stream: Its bytes.
        reader_seconds: Longest time for each 64 KiB to be taken [s].
    """

    def __init__(self, stream: IOStream, reader_seconds: float) -> None:
        self._stream, self._reader_seconds = stream, reader_seconds
        self._written: asyncio.Future[None] | None = None
        self._total, self._is_watched = 0, False

    @property
    def unsent_bytes(self) -> int:
        """How much of what was written the other side has not taken yet [bytes]."""
        return inner.unsent_bytes(self._stream)

    async def read(self) -> bytes:
        """What comes next; empty when nothing more does."""
        try:
            return await self._stream.read_bytes(READ_BYTES, partial=True)
        except StreamClosedError:
            return b""

    def write(self, data: bytes) -> None:
        """Send bytes, in their order; who takes them too slowly is cut off."""
        if self._stream.closed():
            return
        self._total += len(data)
        with contextlib.suppress(StreamClosedError):
            self._written = self._stream.write(data)
            self._written.add_done_callback(_heard)
        if self.unsent_bytes and not self._is_watched:
            self._watch()

    def _watch(self) -> None:
        """Cut the connection unless all that is written by now, or 64 KiB of it, is taken in time."""
        self._is_watched = True
        goal = min(self._total, self._total - self.unsent_bytes + LEAST_BYTES)

        def look() -> None:
            self._is_watched = False
            if self._stream.closed() or not self.unsent_bytes:
                return
            if self._total - self.unsent_bytes < goal:
                self.close()
            else:
                self._watch()

        asyncio.get_running_loop().call_later(self._reader_seconds, look)

    def end(self) -> None:
        """Say that nothing more is sent, once all is; what the other side sends can still be read."""
        if self._written is not None and not self._written.done():
            self._written.add_done_callback(lambda _: self._end())
        else:
            self._end()

    def _end(self) -> None:
        if not self._stream.closed():
            with contextlib.suppress(OSError):
                self._stream.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Cut it now."""
        self._stream.close()

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket."""
        if self._stream.socket is not None:
            self._stream.socket.close()


def _heard(written: asyncio.Future[None]) -> None:
    """Take the error of a connection that is gone, which its reader is told, too."""
    if not written.cancelled():
        written.exception()
