"""The stay of one client, as the hook of its channel is told of it: that it comes, and later that it has left."""

from __future__ import annotations

import logging
from typing import Any

from workbench.channels.websocket.calls import Calls
from workbench.channels.websocket.frames import VIOLATION
from workbench.channels.websocket.hook import CONNECTED, DISCONNECTED, reason_of
from workbench.channels.websocket.place import Place, Visitor
from workbench.core.call import Call
from workbench.core.failure import words_of_error
from workbench.core.payload.bunch import bunchify
from workbench.core.trace import Step

log = logging.getLogger("workbench.channels")


class Visit:
    """What a hook is told of one client; on the loop's thread.

    Args:
        client: Which.
        place: Its channel.
        calls: Makes the calls of the hook.

    Attributes:
        is_in: Whether the client is there for services: once it has said who it is, and a hook has let it in.
    """

    def __init__(self, client: Visitor, place: Place, calls: Calls) -> None:
        self._client, self._channel, self._hooks, self._calls = client, place.channel, place.hooks, calls
        self.is_in = self._is_over = False

    async def begin(self) -> None:
        """Have the hook let it in, or send it away."""
        try:
            call, root = self._new_call("connected", CONNECTED)
            self._calls.running = call
            await self._hooks.connected(call, root)
            self.is_in = True
        except Exception as exc:
            log.warning("%s is refused by its hook: %s", self._client, words_of_error(exc))
            self._client.leave(reason_of(exc), VIOLATION)
        finally:
            self._calls.running = None
        if self._is_over:
            self.end()

    def end(self) -> None:
        """Have the hook told that it has left, if it was let in: now, or once that is decided."""
        self._is_over = True
        if self.is_in and self._channel.hook_service:
            self._hooks.disconnected(lambda: self._new_call("disconnected", DISCONNECTED))

    def _new_call(self, what: str, hook_type: str) -> tuple[Call, Step]:
        call, root = self._calls.new(self._channel.hook_service, self._told(hook_type), what)
        root.steps.append(call.step)
        return call, root

    def _told(self, hook_type: str) -> dict[str, Any]:
        """What a hook is given."""
        client = self._client
        said: dict[str, Any] = {
            "hook_type": hook_type,
            "channel": self._channel.name,
            "pub_client_id": client.id,
            "peer_address": client.address,
            "connection_time": client.since.isoformat(),
            "user": client.user,
        }
        if hook_type == DISCONNECTED:
            said["code"], said["reason"] = client.ended_with
        return {"ctx": bunchify(said)}
