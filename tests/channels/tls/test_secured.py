"""What a loop may tell in an order of its own: an end before what had come has been taken."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from tests.tls import Pair, TLSSocket
from workbench.channels.http.wire.secured import RECORD_BYTES, Secured

SAID = b"what was said" * 20


class Takes(asyncio.BufferedProtocol):
    """Takes one piece, then no more until it is asked."""

    def __init__(self) -> None:
        self.came, self.place = bytearray(), memoryview(bytearray(RECORD_BYTES))
        self.ended_after: int | None = None
        self.ended = asyncio.Event()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.place

    def buffer_updated(self, nbytes: int) -> None:
        self.came += self.place[:nbytes]
        self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.ended_after = len(self.came)
        self.ended.set()
        return False


async def _half_closed(files: Pair) -> tuple[bytes, int | None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    ours, its = socket.socketpair()
    protocol, loop = Takes(), asyncio.get_running_loop()
    secured = Secured(context, protocol, memoryview(bytearray(1 << 16)))  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        await loop.connect_accepted_socket(lambda: secured, ours)
        client = await loop.run_in_executor(None, TLSSocket, its)
        client.sendall_in_records(SAID, 100)
        while not protocol.came:
            await asyncio.sleep(0.001)
        secured.eof_received()  # as uvloop does once reading is resumed, before what is to be called soon
        while not protocol.ended.is_set():
            protocol.transport.resume_reading()
            await asyncio.sleep(0.001)
        client.close()
    return bytes(protocol.came), protocol.ended_after


def test_what_had_come_before_an_end_is_taken_before_it(files: Pair) -> None:
    came, ended_after = asyncio.run(_half_closed(files))
    assert (came, ended_after) == (SAID, len(SAID))
