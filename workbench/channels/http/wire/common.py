"""What all connections of one server have in common."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from workbench.channels.deadlines import Deadlines
from workbench.channels.http.wire.bounds import Bounds, Memory
from workbench.channels.pipeline import Pipeline

READ_BYTES = 64 * 1024
"""What is read at a time [bytes]."""


class Read:
    """Where what comes is read into.

    asyncio would make room for 256 KiB anew for each read: 18 us. All connections can have one place, since what it
    holds is taken at once; but not on Windows, where a read begins long before it ends.
    """

    def __init__(self) -> None:
        self._shared = memoryview(bytearray(READ_BYTES)) if os.name == "posix" else None

    def place(self) -> memoryview:
        """The place of one connection."""
        return self._shared if self._shared is not None else memoryview(bytearray(READ_BYTES))


class Common(NamedTuple):
    """What all connections of one server have in common; used on the loop's thread.

    Attributes:
        pipeline: What answers.
        deadlines: What ends a connection whose client is late.
        memory: What the bodies on their way hold.
        read: Where each of them reads into.
        head_bytes: Longest head that is read whole [bytes].
        connections: Those that are open and speak HTTP; each takes itself out.
    """

    pipeline: Pipeline
    bounds: Bounds
    deadlines: Deadlines[Any]
    memory: Memory
    connections: set[Any]
    read: Read
    head_bytes: int
