"""`self.wsx`: what a service sends to WebSocket clients besides its answer."""

from __future__ import annotations

from typing import Any

from workbench.core.call import Call
from workbench.core.errors import ServiceUsage


class WSX:
    """`self.wsx`: to whom a service can send more than its answer."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def client(self) -> Any:
        """The client whose message led to this call: `.send(data)`, `.invoke(data)`, `.id`, `.user`, `.close()`.

        Raises:
            ServiceUsage: No message of a WebSocket client did.
        """
        call: Call | None = self._call
        while call is not None and call.client is None:
            call = call.parent
        around = self._call.surroundings
        if (client := call.client if call is not None else around.client) is None:
            refusal = ServiceUsage(
                f"Service {self._call.service!r} was not called by a message of a WebSocket client. "
                f"Fix: send to all clients of a channel, by self.wsx.channel[name].broadcast(data)."
            )
            if self._call.replay is None:
                raise refusal
            client = FormerClient(refusal)
        return around.held(self._call, "WebSocket client", client)

    @property
    def channel(self) -> WSXChannels:
        """WebSocket channels by name, each with `.broadcast(data)` and `.clients`."""
        return WSXChannels(self._call)


class FormerClient:
    """Stands for the client of a call that is run again: the record may answer for it, and nobody else does."""

    def __init__(self, refusal: ServiceUsage) -> None:
        self._refusal = refusal

    def send(self, data: Any) -> None:
        """Raise."""
        raise self._refusal

    def invoke(self, data: Any, timeout: float = 5.0) -> Any:
        """Raise."""
        raise self._refusal

    def close(self, reason: str = "") -> None:
        """Raise."""
        raise self._refusal

    @property
    def aio(self) -> FormerClientAwaited:
        """The same for async services."""
        return FormerClientAwaited(self._refusal)

    def __getattr__(self, name: str) -> Any:
        raise self._refusal


class FormerClientAwaited:
    """What of it is awaited."""

    def __init__(self, refusal: ServiceUsage) -> None:
        self._refusal = refusal

    async def invoke(self, data: Any, timeout: float = 5.0) -> Any:
        """Raise."""
        raise self._refusal


class WSXChannels:
    """`self.wsx.channel`: WebSocket channels by name."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def __getitem__(self, name: str) -> Any:
        around = self._call.surroundings
        return around.held(self._call, name, around.websocket(name))
