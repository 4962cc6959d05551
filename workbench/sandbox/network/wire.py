"""A listening port on loopback whose connections can be made to misbehave, whatever protocol they speak."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from workbench.sandbox.faults import Trouble
from workbench.sandbox.network.loop import PEERS

MOST_CONNECTIONS = 200
HELD_BYTES = 1 << 20
TICK_SECONDS = 0.05


class Wire:
    """The port of one peer: `protocol()` makes what speaks on each connection, `trouble()` says what spoils it.

    All methods run on the peers' loop.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.BaseProtocol],
        trouble: Callable[[], Trouble],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.protocol, self.trouble, self._tls = protocol, trouble, tls
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen; after a refusal, on the same port."""
        if self._server is not None:
            return
        held, self._held = self._held or self._bound(self.port), None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), sock=held, ssl=self._tls)
        self.port = held.getsockname()[1]
        PEERS.at_end.add(self.close)

    async def refuse(self) -> None:
        """Be down: cut what is open and refuse what comes, but keep the port from others."""
        if self._server is not None:
            await self._close_server()
            self._held = self._bound(self.port)

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        PEERS.at_end.discard(self.close)
        await self._close_server()
        if self._held is not None:
            self._held.close()
            self._held = None

    async def _close_server(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            # A connection that asyncio has accepted and not yet set up would leak if its server closed now.
            for listening in server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            for _ in range(3):
                await asyncio.sleep(0)
            server.close()
        for link in list(self.links):
            link.cut()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        # A socket that is bound and does not listen refuses like a closed port, and nobody else can take it.
        # Said to be TCP, or asyncio would leave Nagle's delay on: 40 ms for an answer of two pieces.
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        return held


class Link(asyncio.Protocol):
    """One accepted connection, between the socket and the peer's protocol."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.inner: asyncio.BaseProtocol = wire.protocol()
        self._loop = asyncio.get_running_loop()
        self._received: deque[tuple[float, bytes | None]] = deque()
        self._received_bytes = 0
        self._outgoing = bytearray()
        self._sent: tuple[Trouble | None, int] = (None, 0)
        self._pumping = self._full = self._told_to_pause = self._choked = False
        self.ending = self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if len(self.wire.links) >= MOST_CONNECTIONS:
            self.transport.abort()
            return
        self.wire.links.add(self)
        self.inner.connection_made(Door(self))

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.wire.links:
            self.wire.links.discard(self)
            self.over = True
            self._received.clear()
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._full = True
        self._tell()

    def resume_writing(self) -> None:
        self._full = False
        self._tell()

    def _tell(self) -> None:
        # A stream protocol must not be paused twice, and both the socket and the pump may have a reason.
        pause = self._full or self._pumping
        if pause != self._told_to_pause and not self.over:
            self._told_to_pause = pause
            (self.inner.pause_writing if pause else self.inner.resume_writing)()

    def data_received(self, data: bytes) -> None:
        seconds = self.wire.trouble().faults.delay_seconds
        if seconds or self._received:
            self._hold(data, seconds)
        else:
            self._feed(data)

    def eof_received(self) -> bool:
        if self._received:
            self._hold(None, 0.0)
            return self.transport.get_extra_info("ssl_object") is None
        return self._feed_end()

    def _hold(self, data: bytes | None, seconds: float) -> None:
        last = self._received[-1][0] if self._received else 0.0
        self._received.append((max(last, self._loop.time() + seconds), data))
        self._received_bytes += len(data or b"")
        if self._received_bytes > HELD_BYTES and not self._choked:
            self._choked = True
            self.transport.pause_reading()
        if len(self._received) == 1:
            self._loop.call_at(self._received[0][0], self._release)

    def _release(self) -> None:
        while self._received and self._received[0][0] <= self._loop.time():
            data = self._received[0][1]
            if data is None:
                if not self._feed_end():
                    self.transport.close()
            else:
                self._received_bytes -= len(data)
                self._feed(data)
            if self._received:
                self._received.popleft()
        if self._received:
            self._loop.call_at(self._received[0][0], self._release)
        elif self._choked and not self.over:
            self._choked = False
            self.transport.resume_reading()

    def _feed(self, data: bytes) -> None:
        if isinstance(self.inner, asyncio.BufferedProtocol):
            while data:
                room = cast(memoryview, self.inner.get_buffer(len(data)))
                count = min(len(room), len(data))
                room[:count] = data[:count]
                self.inner.buffer_updated(count)
                data = data[count:]
        else:
            cast(asyncio.Protocol, self.inner).data_received(data)

    def _feed_end(self) -> bool:
        stays_open = bool(cast(asyncio.Protocol, self.inner).eof_received())
        return stays_open and self.transport.get_extra_info("ssl_object") is None

    def send(self, data: bytes) -> None:
        """Send as the faults in force allow."""
        trouble = self.wire.trouble()
        faults = trouble.faults
        if self._outgoing or faults.bytes_per_second:
            self._outgoing += data
            if not self._pumping:
                self._pumping = True
                self._tell()
                self._pump()
        else:
            self._write(data, trouble)

    def _pump(self) -> None:
        rate = self.wire.trouble().faults.bytes_per_second
        count = max(1, int(rate * TICK_SECONDS)) if rate else len(self._outgoing)
        self._write(bytes(self._outgoing[:count]), self.wire.trouble())
        del self._outgoing[:count]
        if self._outgoing and not self.over:
            self._loop.call_later(max(TICK_SECONDS, 1 / rate) if rate else 0, self._pump)
            return
        self._pumping = False
        if self.ending:
            self.transport.close()
        else:
            self._tell()

    def _write(self, data: bytes, trouble: Trouble) -> None:
        most = trouble.faults.hang_up_after_bytes
        if most is not None:
            sent = self._sent[1] if self._sent[0] is trouble else 0
            if sent + len(data) > most:
                trouble.strikes()
                self.transport.write(data[: most - sent])
                self._outgoing.clear()
                self.transport.close()
                self.over = True
                return
            self._sent = (trouble, sent + len(data))
        if not self.over:
            self.transport.write(data)

    @property
    def waiting_bytes(self) -> int:
        """What is yet to be sent at the pace in force [bytes]."""
        return len(self._outgoing)

    def end(self) -> None:
        """Close once everything has been sent."""
        self.ending = True
        if not self._outgoing:
            self.transport.close()

    def cut(self) -> None:
        """Close at once."""
        self._outgoing.clear()
        self.transport.abort()


class Door(asyncio.Transport):
    """The transport that the peer's protocol sees."""

    # asyncio asks for it before it puts TLS on top.
    _start_tls_compatible = True

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link, self._real = link, link.transport

    def write(self, data: Any) -> None:
        if not self._link.over:
            self._link.send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._link.end()

    def abort(self) -> None:
        self._link.cut()

    def _force_close(self, exc: BaseException | None) -> None:
        # asyncio's TLS layer calls this name on the transport below it.
        self._link.cut()

    def is_closing(self) -> bool:
        return self._link.over or self._link.ending or self._real.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._real.pause_reading()

    def resume_reading(self) -> None:
        self._real.resume_reading()

    def is_reading(self) -> bool:
        return self._real.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._link.inner = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._link.inner

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._real.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._real.get_write_buffer_size() + self._link.waiting_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._real.get_write_buffer_limits()
