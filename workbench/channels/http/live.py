"""The live channel of every HTTP kind: its route on the server that they share."""

from __future__ import annotations

from typing import Any, Protocol

from workbench.channels.live import LiveChannel


class Mounts(Protocol):
    """The routes of the HTTP server."""

    @property
    def url(self) -> str:
        """Address of the server; '' while it is stopped."""
        ...

    def mount(self, live: LiveHTTPChannel) -> None:
        """Put up a channel's route, in one step with taking down that of a former one of the same name."""
        ...

    def unmount(self, live: LiveHTTPChannel) -> None:
        """Take down the route of this very channel; nothing happens if it has none."""
        ...

    def has(self, live: LiveHTTPChannel) -> bool:
        """Whether this very channel has a route."""
        ...


class LiveHTTPChannel(LiveChannel):
    """A route on the shared HTTP server."""

    def __init__(self, definition: Any, mounts: Mounts) -> None:
        super().__init__(definition)
        self.channel, self._mounts = definition, mounts

    @property
    def state(self) -> str:
        """`open`; `stopped` while the server is, `inactive` if its definition says so, `closed` without a route."""
        if not self._mounts.has(self):
            return "closed"
        if not self.channel.active:
            return "inactive"
        return "open" if self._mounts.url else "stopped"

    @property
    def url(self) -> str:
        return f"{self._mounts.url}{self.channel.path}" if self.state == "open" else ""

    def open(self, instead_of: LiveChannel | None = None) -> None:
        """Put its route up, in one step with taking down the former one's."""
        self._mounts.mount(self)

    def close(self) -> None:
        """Take its route down: callers get 404."""
        self._mounts.unmount(self)
