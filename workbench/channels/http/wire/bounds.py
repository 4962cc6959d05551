"""How long clients may take, how many there may be, and how much they may send."""

from __future__ import annotations

from typing import NamedTuple

from workbench.channels.bodies.body import IN_MEMORY_BYTES

LINE_BYTES = 8 * 1024
HEADER_BYTES = 32 * 1024
HEAD_FACTOR = 3
"""How many times as long as its bounds a head may be and still be read whole, so that its sender goes on after 431."""
LEAST_BYTES = 64 * 1024
"""What a client must send within `body_seconds`, or take within `reader_seconds`; or all there is, if that is less."""
AHEAD_BYTES = 64 * 1024
"""What is read of further requests while one has no answer yet [bytes]."""
SWALLOWED_BYTES = 1024 * 1024
"""How much of a refused body is read so that its connection can go on, and of what is no HTTP [bytes]."""
LINGERED_BYTES = 64 * 1024 * 1024
"""How much of a body is read after its refusal has gone out, so that its sender gets to read it [bytes]."""


class Bounds(NamedTuple):
    """How long clients may take, how many there may be, and how much they may send.

    Attributes:
        idle_seconds: Longest time between two requests of a connection, and for a head [s].
        body_seconds: Longest time for each 64 KiB of a body [s].
        linger_seconds: Longest time that a refused body is read on, so that its sender gets the answer [s].
        reader_seconds: Longest time for each 64 KiB of an answer to be taken [s].
        sweep_seconds: Time between two looks for clients that are late [s].
        connections: Most connections at once.
        line_bytes: Longest request line [bytes].
        header_bytes: Most of all headers of a request; also of all extensions and trailers of its chunks [bytes].
        memory_bytes: From when on a body lies on disk [bytes].
        bodies_bytes: What all bodies whose requests have no answer yet hold of memory before further ones lie on disk,
            too, from 64 KiB on [bytes].
    """

    idle_seconds: float = 75.0
    body_seconds: float = 60.0
    linger_seconds: float = 5.0
    reader_seconds: float = 30.0
    sweep_seconds: float = 5.0
    connections: int = 2000
    line_bytes: int = LINE_BYTES
    header_bytes: int = HEADER_BYTES
    memory_bytes: int = IN_MEMORY_BYTES
    bodies_bytes: int = 256 * 1024 * 1024

    @property
    def head_bytes(self) -> int:
        """Longest head that is read whole [bytes]."""
        return HEAD_FACTOR * max(self.header_bytes, self.line_bytes, HEADER_BYTES)


class Memory:
    """What the bodies of requests that have no answer yet hold of memory together; on the loop's thread.

    Args:
        most: From when on further bodies lie on disk [bytes].
    """

    def __init__(self, most: int) -> None:
        self._most, self.held = most, 0

    @property
    def is_short(self) -> bool:
        """Whether they hold as much as they may."""
        return self.held > self._most
