"""What the clients of one WebSocket channel have in common, and what each is to those who work for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from workbench.channels.deadlines import Deadlines
from workbench.channels.gate import Gate
from workbench.channels.live import Opening
from workbench.channels.websocket.definition import SocketAddress
from workbench.channels.websocket.frames import GOING_AWAY
from workbench.channels.websocket.hook import Hooks
from workbench.channels.websocket.session import Session, Verify


class Visitor(Protocol):
    """A client, on the loop's thread.

    Attributes:
        id: By which the channel knows it.
        address: Where it comes from.
        user: Name of the security definition that let it in; '' if the channel has none.
        since: When it connected.
        session: Whether it has said who it is.
    """

    id: str
    address: str
    user: str
    since: datetime
    session: Session

    @property
    def is_connected(self) -> bool:
        """Whether it can be sent anything."""
        ...

    @property
    def ended_with(self) -> tuple[int, str]:
        """Code and reason of the close that ended its connection."""
        ...

    def open_session(self, message: str | bytes) -> None:
        """Take its first message, which says who it is."""
        ...

    def push(self, messages: Sequence[str | bytes]) -> None:
        """Send messages, if it is still there."""
        ...

    def leave(self, why: str, code: int = GOING_AWAY) -> None:
        """Take leave, which ends its connection soon."""
        ...


class Place(NamedTuple):
    """What the clients of a channel have in common, and which of them have not said who they are (`strangers`)."""

    channel: SocketAddress
    opening: Opening
    gate: Callable[[], Gate]
    hooks: Hooks
    verify: Verify
    strangers: Deadlines[Visitor]
