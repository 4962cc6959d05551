"""One body as it arrives: kept in memory or on disk under its bound, unpacked, or swallowed once it is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from workbench.channels.bodies.body import BLOCK_BYTES, Spool
from workbench.channels.exchange import Exchange
from workbench.channels.http.returned import RETURNED
from workbench.channels.http.wire.bounds import LEAST_BYTES, SWALLOWED_BYTES
from workbench.channels.http.wire.common import Common
from workbench.core.errors import CallerError, ContentTooLarge, InsufficientStorage, ServiceUnavailable

log = logging.getLogger("workbench.http")


class Arrival:
    """The body of one request.

    Args:
        refusal: Why the request is refused already, whatever its body is.
        more_time: Gives its sender the time for another 64 KiB.
    """

    __slots__ = (
        *("_bound", "_bounds", "_chunks", "_exchange", "_held", "_memory", "_more_time", "_next", "_pipeline"),
        *("_refusal", "_size", "_spooled", "_unpacking"),
    )

    def __init__(
        self, exchange: Exchange, refusal: Exception | None, common: Common, more_time: Callable[[], None]
    ) -> None:
        self._exchange: Exchange | None = exchange
        self._pipeline, self._bounds, self._memory = common.pipeline, common.bounds, common.memory
        self._refusal, self._more_time = refusal, more_time
        self._bound = SWALLOWED_BYTES if refusal is not None else common.pipeline.body_bound(exchange)
        self._unpacking = exchange.unpacking if refusal is None else None
        self._chunks: list[bytes] = []
        self._size = self._spooled = self._held = 0
        self._next = LEAST_BYTES

    def took(self, piece: bytes) -> Awaitable[None] | None:
        """Take a piece; no more may come before what is returned has ended."""
        if self._unpacking is not None and self._refusal is None:
            try:
                piece = self._unpacking.unpacked(piece)
            except CallerError as exc:
                self.refuse(exc)
                return None
        self._size += len(piece)
        if self._size > self._bound:
            self.refuse(ContentTooLarge(f"The body is over {self._bound} bytes"))
            return None
        if self._refusal is None:
            self._chunks.append(piece)
            self._hold(len(piece))
        if self._size < self._next:
            return None
        self._next = self._size + LEAST_BYTES
        self._more_time()
        return self._make_room() if self._refusal is None else None

    def _make_room(self) -> Awaitable[None] | None:
        """Have what is too much for memory written to disk."""
        if self._exchange is not None and self._exchange.endpoint is None:  # nobody would read it from a file
            if self._memory.is_short:
                self.refuse(ServiceUnavailable("Too many bodies are on their way"))
            return None
        most = BLOCK_BYTES if self._spooled else self._bounds.memory_bytes
        if self._memory.is_short:
            most = LEAST_BYTES - 1
        return self._spool() if self._size - self._spooled > most else None

    async def _spool(self) -> None:
        """Write to a file what is in memory; on another thread, since a disk may let the whole loop wait."""
        exchange = self._exchange
        if exchange is None:
            return
        chunks, self._chunks, self._spooled = self._chunks, [], self._size
        try:
            if exchange.spool is None:
                await self._pipeline.admit(exchange)
                exchange.spool = Spool()
            await asyncio.get_running_loop().run_in_executor(None, exchange.spool.write, chunks)
        except OSError as exc:
            log.error(
                "a body of over %d bytes cannot be kept (cid:%s): %s. Fix: make room in the folder for temporary "
                "files, or set TMPDIR to one that has it.",
                self._bounds.memory_bytes,
                exchange.cid,
                exc,
            )
            self.refuse(InsufficientStorage())
        except Exception as exc:
            self.refuse(exc)
        finally:
            self._hold(-self._held + sum(map(len, self._chunks)))

    def _hold(self, more: int) -> None:
        self._held += more
        self._memory.held += more

    def refuse(self, error: Exception) -> None:
        """Have the request answered with this error, or with what it was refused for before."""
        self._chunks.clear()
        self._refusal = self._refusal or error
        if self._exchange is not None:
            self._pipeline.refuse(self._exchange, self._refusal)

    def finish(self) -> None:
        """It is complete: have the request answered."""
        exchange = self._exchange
        if exchange is None:
            return
        if self._unpacking is not None and self._refusal is None:
            try:
                self._unpacking.end()
            except CallerError as exc:
                self._refusal = exc
        if self._refusal is not None:
            self._pipeline.refuse(exchange, self._refusal)
        elif self._spooled or (self._size > self._bounds.memory_bytes and exchange.endpoint is not None):
            exchange.work = (asyncio.ensure_future(self._handle_spooled(exchange)),)
        else:
            chunks, self._chunks = self._chunks, []
            exchange.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            self._pipeline.handle(exchange)

    async def _handle_spooled(self, exchange: Exchange) -> None:
        await self._spool()
        if self._exchange is not None:
            self._pipeline.handle(exchange)

    def let_go(self) -> None:
        """Keep nothing of it: its request is answered, or nobody waits for an answer."""
        self._exchange = self._refusal = None
        self._more_time = _nothing
        self._chunks.clear()
        self._hold(-self._held)
        RETURNED.add(self._size)


def _nothing() -> None:
    """Nobody needs more time."""
