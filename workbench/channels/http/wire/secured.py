"""TLS between a socket and a connection: bytes go through it both ways, under the bounds that the connection has."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import Any, cast

from workbench.channels.http.wire.connection import Connection
from workbench.core.errors import BadRequest

HANDSHAKE = 0x16
"""The first byte of whoever speaks TLS. Source: RFC 8446, 5.1."""

RECORD_BYTES = 1 << 14
"""What one record holds at most [bytes]. Source: RFC 8446, 5.1."""

PIECE_BYTES = 64 * 1024
"""How much is sealed at a time: OpenSSL keeps room for it for as long as the connection lasts [bytes]."""

log = logging.getLogger("workbench.http")


class _Nobody(asyncio.BufferedProtocol):
    """Whom nothing is told any more."""


_nobody = _Nobody()


class Secured(asyncio.Transport, asyncio.BufferedProtocol):
    """What a connection takes for its transport, and the transport of its socket for a protocol.

    That of asyncio keeps up to a whole answer where nobody can see that it is not taken, knows no connection that is
    closed in one direction, and tells of a client only after its handshake. Here deadlines run from the first byte on.

    Args:
        context: The certificate, and what else TLS is told.
        connection: What speaks HTTP.
        place: Where what comes is read into.
    """

    def __init__(self, context: ssl.SSLContext, connection: Connection, place: memoryview) -> None:
        super().__init__()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._connection: Connection | None = connection
        self._protocol: asyncio.BaseProtocol = connection
        self._place, self._early = place, b""
        self._is_open = self._is_plain = self._is_paused = self._has_ended = self._is_last = False
        self._is_cut = False
        self._given = self._sealed = 0
        self._socket: asyncio.Transport

    # What the socket's transport tells.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has begun; the handshake is its client's turn."""
        self._socket = cast(asyncio.Transport, transport)
        self._protocol.connection_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where what comes is read into."""
        return self._place

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        if self._is_plain:
            cast(asyncio.BufferedProtocol, self._protocol).buffer_updated(nbytes)
        elif self._connection is not None and self._place[0] != HANDSHAKE:
            self._is_plain = True
            self._connection.refuse(BadRequest("This address speaks TLS: begin it with https, or wss"))
        elif not self._has_ended:
            self._connection = None
            self._incoming.write(self._place[:nbytes])
            if self._is_open or self._shake_hands():
                self._read()

    def eof_received(self) -> bool | None:
        """The client sends nothing more, whether or not TLS has said so: HTTP knows where its messages end."""
        if self._is_plain:
            return cast(asyncio.BufferedProtocol, self._protocol).eof_received()
        if self._is_open:
            self._is_cut = True
            self._read()  # or later, if the protocol wants no more for now
        return self._is_open and not self._socket.is_closing()

    def pause_writing(self) -> None:
        """The client has not taken all that was written."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client has taken all of it."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        protocol, self._protocol, self._connection = self._protocol, _nobody, None
        protocol.connection_lost(exc)

    # What goes on between the two.
    def _shake_hands(self) -> bool:
        """Go on with the handshake; whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as exc:
            log.info("%s and this server agree on no TLS: %s", self._address, exc.reason or exc)
            self._flush()  # what says why
            self._socket.close()
            return False
        self._is_open = True
        self._flush()
        early, self._early = self._early, b""
        self.write(early)
        if self._is_last:
            self.write_eof()
        return True

    @property
    def _address(self) -> str:
        return str((self._socket.get_extra_info("peername") or ("a client",))[0])

    def _read(self) -> None:
        """Hand over what has come, until the protocol wants no more for now."""
        while not (self._is_paused or self._has_ended or self._socket.is_closing()):
            protocol = cast(asyncio.BufferedProtocol, self._protocol)
            try:
                size = self._fill(cast(memoryview, protocol.get_buffer(-1)))
            except ssl.SSLError as exc:
                self._break(exc)
                return
            if size:
                protocol.buffer_updated(size)
            elif size is None or self._is_cut:
                self._has_ended = True
                if not protocol.eof_received():
                    self.close()
            else:
                break
        self._flush()

    def _fill(self, place: memoryview) -> int | None:
        """Read what has come, many short records together, none in part; how much it is, None at the end [bytes].

        Raises:
            ssl.SSLError: The client breaks TLS.
        """
        size = 0
        try:
            while len(place) - size >= RECORD_BYTES:
                # A size, since it is told where to.
                if not (more := int(self._tls.read(len(place) - size, cast(bytearray, place[size:])))):
                    return size or None
                size += more
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            return size or None
        return size

    def _break(self, error: ssl.SSLError) -> None:
        """Cut off a client that breaks TLS."""
        log.info("%s is cut off, since it breaks TLS: %s", self._address, error.reason or error)
        self._flush()
        self._socket.abort()

    def _flush(self) -> None:
        """Send what TLS wants sent."""
        self._give(self._outgoing.read())

    def _give(self, sealed: bytes) -> None:
        if sealed and not self._socket.is_closing():
            self._sealed += len(sealed)
            self._socket.write(sealed)

    def _take_leave(self) -> None:
        """Say that nothing more is sent, as TLS does it."""
        # OpenSSL would look for the other side's leave in what has come, where requests may stand.
        came = self._incoming.read()
        with suppress(ssl.SSLError):  # the other side has not taken leave
            self._tls.unwrap()
        self._incoming.write(came)
        self._flush()

    # What the connection asks.
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; before the handshake is complete they wait for it."""
        if self._is_plain:
            self._socket.write(data)
        elif not self._is_open:
            self._early += data
        elif not self._socket.is_closing():
            left, sealed = memoryview(data), list[bytes]()
            self._given += len(left)
            try:
                while left:
                    left = left[self._tls.write(left[:PIECE_BYTES]) :]
                    sealed.append(self._outgoing.read())
            except ssl.SSLError as exc:
                self._break(exc)
            else:
                self._give(b"".join(sealed))

    def write_eof(self) -> None:
        """Say that nothing more is sent; what the client sends can still be read."""
        if self._is_open:
            self._take_leave()
        if self._is_open or self._is_plain:
            self._socket.write_eof()
        self._is_last = True

    def can_write_eof(self) -> bool:
        """Whether it can say so."""
        return True

    def close(self) -> None:
        """End it once all is sent, without waiting for the client to take leave. Source: RFC 8446, 6.1."""
        if not self._socket.is_closing():
            if self._is_open and not self._is_last:
                self._take_leave()
            self._socket.close()

    def abort(self) -> None:
        """End it now."""
        self._socket.abort()

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._socket.is_closing()

    def pause_reading(self) -> None:
        """Hand over no more for now."""
        self._is_paused = True
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        """Hand over more; first what has come already."""
        self._is_paused = False
        self._socket.resume_reading()
        if self._is_open:
            asyncio.get_running_loop().call_soon(self._read)

    def get_write_buffer_size(self) -> int:
        """How much the client has not taken yet, as it goes over the wire [bytes]."""
        return self._socket.get_write_buffer_size() + len(self._early)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """From when on the protocol is told of what the client has not taken [bytes]."""
        return self._socket.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say from when on."""
        self._socket.set_write_buffer_limits(high, low)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another protocol take what comes."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who takes what comes."""
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket's transport knows; also `overhead_bytes`, which TLS has written besides what it was given."""
        return self._sealed - self._given if name == "overhead_bytes" else self._socket.get_extra_info(name, default)
