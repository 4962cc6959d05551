"""One connection: its requests one after another, each answered before the next one is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from functools import partial
from typing import cast

from workbench.channels.answers import Answer, error_answer
from workbench.channels.exchange import Exchange
from workbench.channels.http.wire.arrival import Arrival
from workbench.channels.http.wire.bounds import AHEAD_BYTES, LINGERED_BYTES, SWALLOWED_BYTES
from workbench.channels.http.wire.chunks import Chunks
from workbench.channels.http.wire.common import Common
from workbench.channels.http.wire.head import CHUNKED, Fields, Line, Malformed, head_of
from workbench.channels.http.wire.link import TransportLink
from workbench.channels.http.wire.outgoing import Outgoing
from workbench.channels.http.wire.reader import Reader
from workbench.channels.http.wire.writer import BODILESS, CONTINUE, bytes_of
from workbench.core.cid import new_cid
from workbench.core.errors import BadRequest, CallerError, HeadersTooLarge, ServiceUnavailable, URITooLong

log = logging.getLogger("workbench.http")


class Connection(asyncio.BufferedProtocol):
    """A client's connection, for as long as it speaks HTTP.

    Args:
        common: What all connections of its server have in common.
        sock: Its socket, which a forked child closes.
        address: Where the client is.
        is_welcome: Whether there is room for it; it is told if not.
    """

    __slots__ = (
        *("_address", "_arrival", "_chunks", "_common", "_discards", "_exchange", "_fields", "_has_ended", "_is_full"),
        *("_is_next", "_is_paused", "_is_whole", "_kept", "_left", "_line", "_outgoing", "_place"),
        *("_reader", "_refusal", "_spooling", "_transport", "sock"),
    )

    def __init__(self, common: Common, sock: socket.socket, address: str, is_welcome: bool = True) -> None:
        self._common, self.sock, self._address = common, sock, address
        self._transport: asyncio.Transport | None = None
        self._reader: Reader
        self._line: Line
        self._fields: Fields
        self._exchange: Exchange | None = None
        self._outgoing: Outgoing | None = None
        self._refusal: Exception | None = None if is_welcome else ServiceUnavailable("Too many are connected")
        self._arrival: Arrival | None = None
        self._chunks: Chunks | None = None
        self._spooling: asyncio.Future[None] | None = None
        self._kept, self._place = b"", common.read.place()
        self._left = self._discards = 0
        self._is_whole = self._is_full = self._is_next = self._is_paused = self._has_ended = False
        common.connections.add(self)

    # What the transport tells.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has begun."""
        transport = cast(asyncio.Transport, transport)  # in all but the class where a loop is not asyncio's own
        self._transport, bounds = transport, self._common.bounds
        self._reader = Reader(transport, bounds.reader_seconds)
        transport.set_write_buffer_limits(0)  # so that we are told when all is taken
        if self._refusal is None:
            self._common.deadlines.put(self, bounds.idle_seconds)
        else:
            self._end_with(self._refusal)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where what comes is read into."""
        return self._place

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._came(bytes(self._place[:nbytes]))

    def _came(self, data: bytes) -> None:
        if self._discards:
            self._discard(len(data))
            return
        if self._kept:
            data = self._kept + data
        if self._is_busy:
            self._kept = data
            if len(data) > AHEAD_BYTES and not self._is_paused and self._transport is not None:
                self._is_paused = True
                self._transport.pause_reading()
        elif self._exchange is None:
            self._begin(data)
        else:
            self._take(data)

    @property
    def _is_busy(self) -> bool:
        """Whether what comes has to wait."""
        if self._is_next or self._is_full or self._spooling is not None or self._outgoing is not None:
            return True
        return self._exchange is not None and self._is_whole

    def eof_received(self) -> bool:
        """The client sends nothing more; what it has asked for in full it gets. Whether the connection stays open."""
        self._has_ended, exchange = True, self._exchange
        if exchange is not None:
            # Whether it still reads cannot be told: the service is told that it may be gone.
            if self._is_whole:
                self._common.pipeline.abandon(exchange)
            return self._is_busy
        if self._outgoing is not None:
            self._outgoing.may_be_lost()
        elif self._kept:
            self._go_on_soon()
        return not self._discards and self._is_busy

    def pause_writing(self) -> None:
        """The client has not taken all that was written."""
        self._is_full = True
        if self._outgoing is not None:
            self._outgoing.wait()
        self._reader.watch()

    def resume_writing(self) -> None:
        """The client has taken all of it."""
        self._is_full = False
        if self._outgoing is not None:
            self._outgoing.go_on()
        elif self._discards:
            self._common.deadlines.put(self, self._common.bounds.linger_seconds)
        else:
            if self._exchange is None and self._transport is not None:
                self._common.deadlines.put(self, self._common.bounds.idle_seconds)
            self._go_on_soon()  # asyncio ends a connection twice that is closed from within this

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over; a request that was not complete is forgotten, and of another one the service is told."""
        self._transport, self._kept = None, b""
        self._common.connections.discard(self)
        self._common.deadlines.lift(self)
        exchange, outgoing, self._outgoing = self._exchange, self._outgoing, None
        if outgoing is not None:
            outgoing.lost()
        if exchange is None:
            return
        if self._is_whole and self._spooling is None:
            exchange.is_lost = True
            self._common.pipeline.abandon(exchange)
        else:
            exchange.drop()
            self._let_go()

    # A request comes in.
    def _begin(self, data: bytes) -> None:
        """Read a head, if all of it is here."""
        self._kept = data
        try:
            head = head_of(data, self._common.head_bytes)
        except CallerError as exc:
            self.refuse(exc)
            return
        if head is None:
            return
        self._line, self._fields, target, end = line, fields, _, _ = head
        self._kept = data[end:]
        self._exchange = exchange = Exchange(line.method, target, fields.plain, self._address, self._send)
        self._judge(exchange)
        if exchange.takes_over is not None and self._refusal is None:
            exchange.end_here()
            self._hand_over(exchange)
        elif fields.length:
            self._expect_body(exchange)
        else:
            self._is_whole = True
            if self._refusal is not None:
                self._common.pipeline.refuse(exchange, self._refusal)
            else:
                self._common.pipeline.handle(exchange)
                if self._exchange is exchange:
                    self._common.deadlines.lift(self)

    def _judge(self, exchange: Exchange) -> None:
        """Keep why a request is refused by its head; in no variable, which the error's own frames would hold."""
        bounds = self._common.bounds
        try:
            if len(self._line.target) > bounds.line_bytes:
                raise URITooLong(f"The request line is over {bounds.line_bytes} bytes")
            if self._fields.size > bounds.header_bytes:
                raise HeadersTooLarge(f"The headers are over {bounds.header_bytes} bytes")
            self._common.pipeline.check_head(exchange)
            if self._line.is_old and (exchange.takes_over or (exchange.talk and exchange.talk.may_take_over)):
                raise BadRequest("Only a connection of HTTP/1.1 can be taken over")  # RFC 9110, 7.8
        except Exception as exc:
            self._refusal = exc

    def _expect_body(self, exchange: Exchange) -> None:
        """Go on to the body; a refusal waits for a short one, and answers before a long or an announced one."""
        self._is_whole, fields, common = False, self._fields, self._common
        self._chunks = Chunks(common.bounds.header_bytes) if fields.length == CHUNKED else None
        self._left = fields.length
        self._arrival = Arrival(exchange, self._refusal, common, self._more_time)
        if self._refusal is not None and (fields.expects or fields.length > SWALLOWED_BYTES):
            common.pipeline.refuse(exchange, self._refusal)
            return
        if fields.expects and not self._line.is_old and not self._kept:
            self._write(CONTINUE)
        self._more_time()
        if self._kept:
            kept, self._kept = self._kept, b""
            self._take(kept)

    def _take(self, data: bytes) -> None:
        """Take what has come of the body."""
        arrival = self._arrival
        assert arrival is not None
        if (chunks := self._chunks) is None:
            piece, self._kept = (data, b"") if len(data) <= self._left else (data[: self._left], data[self._left :])
            self._left -= len(piece)
            self._is_whole = not self._left
        else:
            try:
                piece, self._kept = chunks.take(data)
            except Malformed as exc:
                arrival.refuse(exc)
                return
            self._is_whole = chunks.is_whole
        waits = arrival.took(piece) if piece else None
        if waits is not None:
            self._spooling = asyncio.ensure_future(waits)
            self._spooling.add_done_callback(partial(self._spooled, arrival))
        elif self._exchange is not None:  # else it is refused
            self._took()

    def _spooled(self, arrival: Arrival, spooling: asyncio.Future[None]) -> None:
        """What was too much for memory is on disk, or its request was refused meanwhile."""
        self._spooling = None
        if self._arrival is not arrival:
            self._go_on()
        elif self._is_whole:
            self._took()
        else:
            self._more_time()
            self._go_on()

    def _took(self) -> None:
        """Go on behind a piece of the body."""
        arrival = self._arrival
        if self._is_whole and arrival is not None:
            self._common.deadlines.lift(self)
            arrival.finish()
        elif self._chunks is not None and self._chunks.has_more:
            self._go_on_soon()
        else:
            self._read_on()

    def _more_time(self) -> None:
        self._common.deadlines.put(self, self._common.bounds.body_seconds)

    def _go_on_soon(self) -> None:
        """Go on once others have had their turn: a client who sends many at once does not hold them up."""
        if not self._is_next:
            self._is_next = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._is_next = False
        self._go_on()

    def _go_on(self) -> None:
        """Look at what has come since, now that nothing stands before it."""
        if self._transport is None or self._transport.is_closing() or self._discards or self._is_busy:
            return
        kept, self._kept = self._kept, b""
        if self._exchange is not None:
            self._take(kept)
        elif kept:
            self._begin(kept)
        if self._has_ended and not self._is_busy:
            self.close()  # for what nobody will send
        elif not self._is_busy or len(self._kept) <= AHEAD_BYTES:
            self._read_on()

    def _read_on(self) -> None:
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    def _hand_over(self, exchange: Exchange) -> None:
        """Give the connection away; its server forgets it."""
        transport, takes_over = self._transport, exchange.takes_over
        assert transport is not None
        assert takes_over is not None
        self._exchange = self._transport = None
        self._common.connections.discard(self)
        self._common.deadlines.lift(self)
        takes_over(TransportLink(transport, self.sock, self._reader, self._place, self._kept, self._has_ended))

    # An answer goes out.
    def _send(self, answer: Answer) -> None:
        is_whole, exchange, self._exchange = self._is_whole, self._exchange, None
        assert exchange is not None
        self._let_go()
        transport, line, fields = self._transport, self._line, self._fields
        if transport is None or transport.is_closing():
            return
        parts, to_head = answer.parts, line.method == "HEAD"
        closes = not is_whole or fields.closes or (line.is_old and not fields.keeps) or self._common.pipeline.leaving
        closes = closes or (parts is not None and parts.length is None and line.is_old)
        data = bytes_of(answer, to_head, closes, line.is_old)
        self._reader.total += len(data)
        transport.write(data)
        if not is_whole:
            self._linger(LINGERED_BYTES)
        elif exchange.takes_over is not None:
            self._hand_over(exchange)
        elif parts is None:
            self._answered(closes)
        else:
            is_bodiless = to_head or answer.status in BODILESS
            ended = partial(self._sent, closes)
            self._outgoing = Outgoing(
                parts, self._write, ended, exchange.cid, is_old=line.is_old, is_bodiless=is_bodiless
            )
            if self._is_full:  # by its head
                self._outgoing.wait()
            parts.begin(self._outgoing)

    def _sent(self, closes: bool, is_right: bool) -> None:
        """An answer in parts is out; one that is not what its head says ends in a way that tells so."""
        self._outgoing = None
        if not is_right:
            self.cut()
        elif self._transport is not None:
            self._answered(closes)

    def _answered(self, closes: bool) -> None:
        """Go on to the next request, or end."""
        if closes and (self._kept or self._is_paused):
            self._linger(SWALLOWED_BYTES)
        elif closes:
            self.close()
        elif not self._is_full:
            self._common.deadlines.put(self, self._common.bounds.idle_seconds)
            if self._kept or self._is_paused or self._has_ended:
                self._go_on_soon()

    def _let_go(self) -> None:
        """Keep nothing of the request."""
        self._refusal = None
        if self._arrival is not None:
            self._arrival.let_go()
            self._arrival = self._chunks = None

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._reader.total += len(data)
            self._transport.write(data)

    def refuse(self, error: CallerError) -> None:
        """Answer what is no request, and end the connection: where the next one would begin is not known."""
        log.info("%s sends what is no request: %s", self._address, error)
        self._end_with(error)

    def _end_with(self, error: Exception) -> None:
        """Answer what was not asked by a request."""
        self._write(bytes_of(error_answer(error, new_cid()), False, True, False))
        self._linger(SWALLOWED_BYTES)

    def _linger(self, most: int) -> None:
        """Say that nothing more is sent, and read on a while what nobody wants.

        If we closed now, with bytes unread, the system would reset the connection, and the sender lose the answer.
        Source: RFC 9112, 9.6.
        """
        if (transport := self._transport) is None or self._has_ended:
            return self.close()
        self._discards, self._kept = most, b""
        with contextlib.suppress(OSError):
            transport.write_eof()
        if not self._is_full:  # else once all is taken, which its reader is watched for
            self._common.deadlines.put(self, self._common.bounds.linger_seconds)
        self._read_on()

    def _discard(self, size: int) -> None:
        self._discards = max(self._discards - size, 0)
        if not self._discards:
            self.cut()

    # What its server asks.
    def close(self) -> None:
        """End it once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()
