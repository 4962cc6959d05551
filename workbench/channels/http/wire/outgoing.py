"""An answer that goes out in parts: each as a chunk, or as it is where the length is known or the end tells it."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable

from workbench.channels.answers import Parts


class Outgoing:
    """The body of one answer.

    Args:
        parts: Who writes it.
        write: Sends bytes.
        ended: Told at its end whether it was as long as its head says.
        is_old: Whether the client speaks HTTP/1.0, which has no chunks.
        is_bodiless: Whether the answer has no body, whatever is written.
    """

    def __init__(
        self,
        parts: Parts,
        write: Callable[[bytes], None],
        ended: Callable[[bool], None],
        *,
        is_old: bool,
        is_bodiless: bool,
    ) -> None:
        self.parts, self._write, self._ended = parts, write, ended
        self._is_chunked, self._is_bodiless = parts.length is None and not is_old and not is_bodiless, is_bodiless
        self._left = None if is_bodiless else parts.length
        self._room: Future[None] | None = None

    def write_part(self, data: bytes) -> Future[None]:
        """Send more of it, though no more than its head says; done once the client has taken enough for more."""
        loop = asyncio.get_running_loop()
        if self._left is not None:
            # What is too much would be read as the next answer.
            data, self._left = data[: max(self._left, 0)], self._left - len(data)
        if data and not self._is_bodiless:
            self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)
        if self._room is not None:
            return self._room
        done: Future[None] = loop.create_future()
        done.set_result(None)
        return done

    def end_parts(self) -> None:
        """It is complete."""
        if self._is_chunked:
            self._write(b"0\r\n\r\n")
        self._ended(not self._left)

    def break_off(self) -> None:
        """It will not be complete: the connection ends in a way that tells so."""
        self._ended(False)

    def wait(self) -> None:
        """Have who writes wait from now on."""
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def go_on(self) -> None:
        """Have who waits go on."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)
