"""A transfer as one thing that a service asks: recorded, answered again, and played between peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.app.parts import Parts
from workbench.connections.live import LiveConnections
from workbench.core.current import CURRENT
from workbench.runtime.recording import asking
from workbench.transfer.copying import Progress
from workbench.transfer.transfer import Transferred, place_of, transfer

Side = str | tuple[str, str]
TRANSFER = "transfer"
"""The operation of a transfer, which is asked of its source; the target is among what is sent."""


def transferred(
    parts: Parts, source: Side, target: Side, progress: bool | Callable[[Progress], object], **how: Any
) -> Transferred:
    """Move files as `Workbench.transfer` does; within a call, among what that call reaches, and in its record."""
    call, live = CURRENT.get(), parts.live
    if call is not None and isinstance(reached := call.surroundings.connections, LiveConnections):
        live = reached
    places = place_of(live, source, "files", "rest"), place_of(live, target, "files")
    if call is None:
        return transfer(*places, parts.events, progress, **how)
    sent = (places[0].path, places[1].name, places[1].path), how
    with asking(call, places[0].name, TRANSFER, sent) as asked:
        if asked.is_told:
            report: Transferred = asked.give(None)
            return report
        report = transfer(*places, parts.events, progress, **how)
        asked.returned(report, parts.traffic.record_bytes)
        return report
