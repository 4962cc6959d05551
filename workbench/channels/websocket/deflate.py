"""Compressed messages: permessage-deflate (RFC 7692), each by itself, and bounded while it inflates.

No message is compressed with what an earlier one said: a connection keeps no window between messages, so that a
thousand of them cost no more memory than one, and how long a message is says nothing of an earlier one. Within one
message it does: who has a say in a part of it, and sees how long it is on its way, can guess the rest, though all is
encrypted (CRIME, BREACH). So a channel compresses only where its definition says so; on loopback nothing is gained.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

SMALLEST_BYTES, LARGEST_BYTES = 256, 1 << 20
"""Shorter messages would gain nothing; longer ones would hold up the loop, on which all are sent [bytes]."""

LEVEL = 1
"""Of zlib: the fastest, for the same reason."""


class Deflating(ServerPerMessageDeflateFactory):
    """Agrees with each client of a channel on how messages are compressed; keeps the last, which many may get."""

    def __init__(self) -> None:
        super().__init__(True, True, compress_settings={"level": LEVEL})
        self._bits, self._said, self._deflated = 0, b"", b""

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        """What is agreed, of what a client offers; raises NegotiationError if nothing can be."""
        agreed, made = super().process_request_params(params, accepted_extensions)
        return agreed, Deflate(self, made.remote_max_window_bits, made.local_max_window_bits)

    def deflated(self, by: Deflate, message: bytes) -> bytes:
        """A message, compressed once for all clients of an equal window."""
        if (self._bits, self._said) != (by.local_max_window_bits, message):
            self._deflated = by.deflated(message)
            self._bits, self._said = by.local_max_window_bits, message
        return self._deflated


class Deflate(PerMessageDeflate):
    """Compresses messages to one client where that is worth it, and takes what it has compressed."""

    def __init__(self, of_channel: Deflating, remote_max_window_bits: int, local_max_window_bits: int) -> None:
        super().__init__(True, True, remote_max_window_bits, local_max_window_bits, {"level": LEVEL})
        self._of_channel = of_channel

    def encode(self, frame: Frame) -> Frame:
        """A frame as it goes out; all of ours are whole messages."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY) or not SMALLEST_BYTES <= len(frame.data) <= LARGEST_BYTES:
            return frame
        return Frame(frame.opcode, self._of_channel.deflated(self, bytes(frame.data)), frame.fin, rsv1=True)

    def deflated(self, message: bytes) -> bytes:
        """A message, compressed."""
        return bytes(super().encode(Frame(Opcode.BINARY, message)).data)
