"""A locker whose files are a temporary folder."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from locker_peer.engine import Conversation
from locker_peer.faults import LockerFaults
from workbench.sandbox.faults import Faults
from workbench.sandbox.file_tree import FilePeer


class LockerServer(FilePeer):
    """Takes and gives files; `put` has one arrive."""

    kind: ClassVar[str] = "locker"
    label: ClassVar[str] = "Locker"
    fault_fields: ClassVar[type[Faults]] = LockerFaults

    def protocol(self) -> asyncio.BaseProtocol:
        return Conversation(self)
