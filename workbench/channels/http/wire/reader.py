"""Cuts off who takes what was written too slowly: an answer, or what another protocol sends."""

from __future__ import annotations

import asyncio

from workbench.channels.http.wire.bounds import LEAST_BYTES


class Reader:
    """The other side of a connection, as one who reads.

    Attributes:
        total: How much was written to it so far; whoever writes adds to it, before [bytes].

    Args:
        seconds: Longest time for each 64 KiB to be taken, or for all there is, if that is less [s].
    """

    __slots__ = ("_is_watched", "_seconds", "_transport", "total")

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport, self._seconds = transport, seconds
        self.total, self._is_watched = 0, False

    @property
    def unsent_bytes(self) -> int:
        """How much of what was written the other side has not taken yet [bytes]."""
        return self._transport.get_write_buffer_size()

    @property
    def _written(self) -> int:
        """The same as it goes over the wire, which is more by TLS [bytes]."""
        return self.total + int(self._transport.get_extra_info("overhead_bytes", 0))

    def watch(self) -> None:
        """Cut the connection unless all that is written by now, or 64 KiB of it, is taken in time."""
        if self._is_watched or not (unsent := self.unsent_bytes):
            return
        self._is_watched = True
        goal = min(self._written, self._written - unsent + LEAST_BYTES)
        asyncio.get_running_loop().call_later(self._seconds, self._look, goal)

    def _look(self, goal: int) -> None:
        self._is_watched = False
        if self._written - self.unsent_bytes < goal:
            self._transport.abort()
        else:
            self.watch()
