"""WebSocket channels: an address at which clients stay connected, and each of their messages is a call."""

from __future__ import annotations

from workbench.channels.live import LiveChannel, Opening
from workbench.channels.websocket.definition import SocketAddress
from workbench.channels.websocket.live import LiveWebSocketChannel


class WebSocketChannel(SocketAddress, tag="websocket channel", frozen=True, kw_only=True):
    """An address at which WebSocket clients connect; each message is a call of its service, and gets an answer.

    A client gives its credentials when it connects. Limits of its user and of the service count each message; one that
    is beyond them is answered so, and the client stays connected. Limits of endpoints do not apply.
    """

    def live(self, opening: Opening) -> LiveChannel:
        return opening.http(self, lambda channel, mounts: LiveWebSocketChannel(channel, mounts, opening))
