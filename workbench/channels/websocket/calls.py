"""The calls that one client of a WebSocket channel leads to: of its messages, and of the hook for it."""

from __future__ import annotations

from typing import Any

from workbench.channels.exchange import Exchange
from workbench.channels.websocket.place import Place, Visitor
from workbench.core.call import Call, ChannelInfo, ChannelSecurity, HTTPInput
from workbench.core.trace import Step


class Calls:
    """Makes the calls of one client.

    Attributes:
        user: Whose calls they are; set as it is let in, and anew with each message: who leaves may do so after its
            user is gone.
        running: The one whose answer the client waits for now.
    """

    def __init__(self, client: Visitor, place: Place, exchange: Exchange) -> None:
        self._client, self._channel, self._invoker = client, place.channel, place.opening.invoker
        self._http = HTTPInput(
            exchange.method, exchange.path, exchange.query, exchange.headers, exchange.address, exchange.params
        )
        self.user: ChannelSecurity
        self.running: Call | None = None

    def new(self, service: str, payload: Any, what: str) -> tuple[Call, Step]:
        """A call of a service, and the step around it."""
        channel = self._channel
        info = ChannelInfo(channel.name, channel.type, "dict", self.user, channel.kind)
        root = Step("websocket", f"{what} {self._http.path}")
        call = self._invoker.new_call(service, payload, info)
        call.http, call.address, call.client = self._http, self._client.address, self._client
        self._invoker.record(call, root)
        return call, root

    def cancel(self) -> None:
        """Have the one that runs know that nobody waits for it any more."""
        if self.running is not None:
            self.running.cancelled = True
