"""The connection of one client: whole messages out of frames, pings, and an orderly end; on the loop's thread alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from workbench.channels.exchange import Link
from workbench.channels.websocket.definition import SocketAddress
from workbench.core.ports import Clock

if TYPE_CHECKING:
    from websockets.server import ServerProtocol


log = logging.getLogger("workbench.channels")
CLOSING_SECONDS = 2.0
"""How long the other side has to end a connection that was closed here [s]."""

INFLATED_BYTES = 1024
"""How much of what may be compressed is looked at before those that wait are counted: inflated, 1,032 times as much.
Source: zlib's technical details, on the maximum compression factor.
"""

GOING_AWAY, CUT_OFF, INVALID_DATA, VIOLATION = 1001, 1006, 1007, 1008
TOO_BIG, INTERNAL_ERROR, SERVICE_RESTART = 1009, 1011, 1012
"""Close codes. Source: RFC 6455, 7.4.1, and IANA's registry of WebSocket close codes for 1012."""

LONGEST_REASON_BYTES = 123
"""Of the reason in a close frame, beside its code. Source: RFC 6455, 5.5."""


class Takes(Protocol):
    """Who is given the messages of a connection."""

    @property
    def is_busy(self) -> bool:
        """Whether it is at one, so that silence means nothing."""
        ...

    def took(self, message: str | bytes) -> None:
        """Take a whole message: text, or bytes; returns at once."""
        ...

    async def has_room(self) -> None:
        """Wait until more can be taken; nothing is read meanwhile."""
        ...


class Frames:
    """Reads and writes one connection.

    Args:
        protocol: The protocol, past its handshake.
        link: The connection.
        channel: Its bounds.
        clock: Where time comes from.
        takes: Who is given the messages.

    Attributes:
        received, sent: How many messages came, and went.
    """

    def __init__(
        self, protocol: ServerProtocol, link: Link, channel: SocketAddress, clock: Clock, takes: Takes
    ) -> None:
        self._protocol, self._link, self._channel, self._clock, self._takes = protocol, link, channel, clock, takes
        self._parts = bytearray()
        self._is_text = self._is_paused = False
        self._begun: float | None = None
        self._missed, self._last = 0, clock.monotonic()
        self.received = self.sent = 0
        self.allow(channel.max_message_bytes)

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return self._protocol.state.name == "OPEN"

    @property
    def ended_with(self) -> tuple[int, str]:
        """Code and reason of the close that came first; 1006 if there was none."""
        protocol = self._protocol
        close = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent or protocol.close_rcvd
        return (int(close.code), close.reason) if close is not None else (CUT_OFF, "")

    def allow(self, max_message_bytes: int) -> None:
        """Take messages up to so long from the next one on [bytes]."""
        extra = max_message_bytes // 8 + 64 if self._protocol.extensions else 0
        # What cannot be compressed is longer for having been tried; `_take` counts what it inflates to.
        self._most, self._protocol.max_message_size = max_message_bytes, max_message_bytes + extra

    async def read(self) -> None:
        """Take what comes until the connection ends."""
        try:
            while data := await self._link.read():
                size = INFLATED_BYTES if self._protocol.extensions else len(data)
                for start in range(0, len(data), size):
                    await self._took(data[start : start + size])
        finally:
            self._link.close()

    async def _took(self, data: bytes) -> None:
        """Take a piece of what came, then wait for room."""
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            self._take(frame)
        self._flush()
        await asyncio.sleep(0)  # What is there already is read at once: others must have their turn, too.
        self._is_paused = True
        await self._takes.has_room()
        self._is_paused = False

    def _take(self, frame: Any) -> None:
        self._missed, kind = 0, frame.opcode.name
        if kind in ("TEXT", "BINARY"):
            self._is_text, self._begun = kind == "TEXT", self._clock.monotonic()
        elif kind != "CONT":
            return
        if not self.is_open:
            return
        if len(self._parts) + len(frame.data) > self._most:
            self._parts.clear()
            self._protocol.fail(TOO_BIG, f"over {self._most} bytes")
            return
        self._parts += frame.data
        if not frame.fin:
            return
        message, self._parts, self._begun = bytes(self._parts), bytearray(), None
        self.received += 1
        self._last = self._clock.monotonic()
        self._give(message)

    def _give(self, message: bytes) -> None:
        try:
            took = message.decode() if self._is_text else message
        except UnicodeDecodeError:
            self._protocol.fail(INVALID_DATA, "A text message is not UTF-8")
        else:
            self._takes.took(took)

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Send messages, one directly after another; who is closed or takes too little gets none."""
        if not self.is_open:
            return
        for each in messages:
            if isinstance(each, str):
                self._protocol.send_text(each.encode())
            else:
                self._protocol.send_binary(each)
        self._last = self._clock.monotonic()
        self.sent += 1
        self._flush()

    def _flush(self) -> None:
        """Send what the protocol has to send; a client that leaves too much of it lying is cut off."""
        for data in self._protocol.data_to_send():
            if self._link.unsent_bytes > self._channel.max_unsent_bytes:
                self._end("takes its messages too slowly")
                return
            if data:
                self._link.write(data)
            else:
                self._link.end()
                self._close_soon()

    def _end(self, why: str) -> None:
        log.warning("a client of %s %s, and is cut off", self._channel, why)
        self._link.close()

    def late(self) -> None:
        """Ask whether the other side is there, or end a connection that is silent, idle, or has half a message."""
        channel, now = self._channel, self._clock.monotonic()
        if not self.is_open:
            self._link.close()
        elif self._is_paused:
            return  # An answer to a ping could not be read now.
        elif self._missed >= channel.pings_missed:
            self._end("does not answer pings")
        elif self._begun is not None and now - self._begun >= channel.ping_seconds * channel.pings_missed:
            self.close(VIOLATION, "A message is not complete in time")
        elif now - self._last >= channel.idle_seconds and not self._takes.is_busy:
            self.close(GOING_AWAY, "Idle")
        else:
            self._missed += 1
            self._protocol.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Take leave; the connection ends once the other side has done so, too, or after 2 s."""
        if self.is_open:
            self._protocol.send_close(code, reason)
            self._flush()
            self._close_soon()

    def _close_soon(self) -> None:
        asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._link.close)
