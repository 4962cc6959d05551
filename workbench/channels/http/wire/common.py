"""What all connections of one server have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from workbench.channels.deadlines import Deadlines
from workbench.channels.http.wire.bounds import Bounds, Memory
from workbench.channels.pipeline import Pipeline


class Common(NamedTuple):
    """What all connections of one server have in common; used on the loop's thread.

    Attributes:
        pipeline: What answers.
        deadlines: What ends a connection whose client is late.
        memory: What the bodies on their way hold.
        connections: Those that are open and speak HTTP; each takes itself out.
    """

    pipeline: Pipeline
    bounds: Bounds
    deadlines: Deadlines[Any]
    memory: Memory
    connections: set[Any]
