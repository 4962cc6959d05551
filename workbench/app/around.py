"""What a service reaches through `self`, beside its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from workbench.app.configuration.settings import Settings
from workbench.app.configuration.startup.groups import server_config
from workbench.caching.caches import Caches
from workbench.connections.kvdb.live import Kvdb
from workbench.connections.live import LiveConnections
from workbench.core.call import Call, Connections, Encryption
from workbench.core.payload.tree import Tree
from workbench.core.ports import Clock
from workbench.runtime.recording import held
from workbench.runtime.traffic import Log, Traffic


class Nobody:
    """Stands for a WebSocket channel, and for a client of one, where calls reach nobody."""

    clients: Sequence[Any] = ()
    id = user = ""
    address = None

    def broadcast(self, data: Any) -> int:
        """Send to nobody."""
        return 0

    def send(self, data: Any) -> None:
        """Send to nobody."""

    def close(self, reason: str = "") -> None:
        """Nobody leaves."""


def nobody_of(name: str) -> Nobody:
    """Stands for every WebSocket channel, of whatever name."""
    return Nobody()


class Around:
    """What a service reaches through `self`."""

    def __init__(
        self,
        connections: LiveConnections,
        clock: Clock,
        log: Log,
        traffic: Traffic,
        kvdb: Callable[[], Kvdb],
        encryption: Encryption,
    ) -> None:
        self.connections: Connections = connections
        self.clock, self.log, self.traffic, self._kvdb = clock, log, traffic, kvdb
        self.encryption = encryption
        self.caches, self.user_config = Caches(clock), Tree()
        self.server_config: Callable[[], Tree] = Tree
        self.invoker: Any = None
        self.websocket: Callable[[str], Any] = nobody_of
        self.client: Any = Nobody()
        self.watched: set[Call] = set()

    def configure(self, settings: Settings) -> None:
        """Take what services read of configuration."""
        self.user_config = Tree(settings.configuration.user, "user_config")
        self.server_config = cache(partial(server_config, settings.folder, settings.configuration))

    @property
    def kvdb(self) -> Kvdb:
        """Redis."""
        return self._kvdb()

    def held(self, call: Call, connection: str, live: Any) -> Any:
        """A connection as the service of this call holds it."""
        return held(call, connection, live)

    def inline(self, call: Call) -> bool:
        """Whether a person waits for this call in the cell that made it."""
        root = call
        while root.parent is not None:
            root = root.parent
        return root in self.watched
