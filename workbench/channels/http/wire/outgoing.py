"""An answer that goes out in parts: each as a chunk, or as it is where the length is known or the end tells it."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable

from workbench.channels.answers import Parts

log = logging.getLogger("workbench.http")


class Outgoing:
    """The body of one answer.

    Args:
        parts: Who writes it.
        write: Sends bytes.
        ended: Told at its end whether it was what its head says.
        cid: Of its request.
        is_old: Whether the client speaks HTTP/1.0, which has no chunks.
        is_bodiless: Whether the answer has no body, whatever is written.
    """

    def __init__(
        self,
        parts: Parts,
        write: Callable[[bytes], None],
        ended: Callable[[bool], None],
        cid: str,
        *,
        is_old: bool,
        is_bodiless: bool,
    ) -> None:
        self._parts, self._write, self._ended, self._cid = parts, write, ended, cid
        self._is_chunked, self._is_bodiless = parts.length is None and not is_old and not is_bodiless, is_bodiless
        self._left = None if is_bodiless else parts.length
        self._is_full = False
        self._waiting: list[Future[None]] = []

    def write_part(self, data: bytes) -> Future[None]:
        """Send more of it, though no more than its head says; done once the client has taken enough for more."""
        if self._left is not None:
            # What is too much would be read as the next answer.
            data, self._left = data[: max(self._left, 0)], self._left - len(data)
        if data and not self._is_bodiless:
            self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)
        taken: Future[None] = asyncio.get_running_loop().create_future()
        if self._is_full:
            self._waiting.append(taken)  # one for each: who waits no longer cancels it
        else:
            taken.set_result(None)
        return taken

    def end_parts(self) -> None:
        """It is complete."""
        if self._is_chunked:
            self._write(b"0\r\n\r\n")
        if self._left:
            log.error(
                "an answer is not as long as its Content-Length says: its connection is cut off (cid:%s). "
                "Fix: have the application leave Content-Length out, or send as much as it says.",
                self._cid,
            )
        self._ended(not self._left)

    def break_off(self) -> None:
        """It will never be complete."""
        self._ended(False)

    def lost(self) -> None:
        """The client is gone: how much it gets is nothing to anybody."""
        self._left = None
        self.go_on()
        self._parts.lost()

    def may_be_lost(self) -> None:
        """The client sends nothing more, and may be gone."""
        self._parts.may_be_lost()

    def wait(self) -> None:
        """Have who writes wait from now on."""
        self._is_full = True

    def go_on(self) -> None:
        """Have who waits go on."""
        self._is_full, waiting, self._waiting = False, self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
