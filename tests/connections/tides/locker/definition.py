"""What a locker is defined by."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout


class LockerConnection(ConnectionDefinition, tag="locker", frozen=True, kw_only=True):
    """A locker at the harbour."""

    kind: ClassVar[str] = "Locker"
    attributes: ClassVar[dict[str, str]] = {"out.locker": "conn", "out.files": "conn"}
    opener: ClassVar[str] = "locker.backend:open_locker"

    host: Annotated[str, Meta(min_length=1, description="Host name or address.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 7007
    timeout_seconds: Timeout = 5.0
    deadline_seconds: Deadline = 20.0
    retries: Retries = 3
