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
from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage
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

    def invoke(self, data: Any, timeout: float = 5.0) -> Any:
        """Ask nobody.

        Raises:
            NotRehearsed: A rehearsal asks what its record does not have.
            ServiceUsage: In all other cases.
        """
        if (call := CURRENT.get()) is not None and call.replay is not None:
            call.replay.past("ask a WebSocket client what the record does not have")
        raise ServiceUsage("No WebSocket client is there to answer, since calls reach nobody here. Fix: call it live.")

    @property
    def aio(self) -> NobodyAwaited:
        """The same for async services."""
        return NobodyAwaited()

    def close(self, reason: str = "") -> None:
        """Nobody leaves."""


class NobodyAwaited:
    """What of nobody is awaited."""

    async def invoke(self, data: Any, timeout: float = 5.0) -> Any:
        """Ask nobody, which raises."""
        Nobody().invoke(data, timeout)


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
