"""How a request becomes a WebSocket: found by its path, judged as any request, and answered 101."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from workbench.channels.exchange import Exchange, declared_length
from workbench.channels.http.pages import asks_for_a_page
from workbench.channels.routes import Routes
from workbench.core.errors import BadRequest, CallerError, MissingDependency, NotFound

if TYPE_CHECKING:
    from websockets.extensions import Extension, ServerExtensionFactory
    from websockets.server import ServerProtocol

_protocol_log = logging.getLogger("workbench.websocket")
_protocol_log.setLevel(logging.WARNING)  # at DEBUG it would log what messages say


class UpgradeRequired(CallerError):
    """A request to the address of a WebSocket channel that does not ask for a WebSocket."""

    status, phrase = 426, "Upgrade Required"

    def headers(self) -> list[tuple[str, str]]:
        return [("Upgrade", "websocket"), ("Connection", "Upgrade")]


class TakenOver(Protocol):
    """Whose connection speaks another protocol than HTTP by now; on the loop's thread."""

    @property
    def is_busy(self) -> bool:
        """Whether something of it runs, or waits to."""
        ...

    def leave(self, why: str) -> None:
        """Take leave as the protocol does it, which ends the connection soon."""
        ...

    def cut(self) -> None:
        """End the connection now."""
        ...

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket."""
        ...


class Host(Protocol):
    """The server that a connection came by.

    Attributes:
        clients: Whose connections it has given away, for as long as they are open.
        draining: Whether each new call is refused.
    """

    clients: set[TakenOver]
    draining: bool


def wants_upgrade(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for a WebSocket."""
    return headers.get("Upgrade", "").lower() == "websocket"


def take_over(exchange: Exchange, sockets: Routes[Any], host: Host) -> bool:
    """Have the channel at a request's path take its connection; False if there is none.

    Raises:
        CallerError: The channel refuses: the credentials, the request itself.
        ServiceUnavailable: It has as many clients as it may have.
    """
    try:
        live, exchange.params = sockets.find("GET", exchange.path)
    except NotFound:
        return False
    root, channel = exchange.root, live.channel
    root.channel, root.service, root.user = channel.name, channel.service, channel.security
    exchange.takes_over = live.accept(exchange, host)
    return True


def has_page(exchange: Exchange, sockets: Routes[Any]) -> bool:
    """Whether a browser that has no WebSocket yet is shown the page by which to try the channel at this path.

    Raises:
        Unauthorized: The channel has a user, whose credentials the browser has to ask for.
        UpgradeRequired: It is no browser, or no channel's path but for WebSockets.
    """
    try:
        live, _ = sockets.find("GET", exchange.path)
    except NotFound:
        return False
    if exchange.method != "GET" or not asks_for_a_page(exchange.headers):
        raise UpgradeRequired("Connect here with a WebSocket client")
    live.gate.verify(exchange)
    exchange.socket = live
    return True


def protocol_for(kind: str, max_message_bytes: int = 0, extensions: Sequence[Extension] = ()) -> ServerProtocol:
    """The protocol of one connection: of its handshake, or of messages of at most so many bytes.

    Args:
        kind: What needs the package.
        max_message_bytes: Largest message; 0 for the handshake.
        extensions: What was agreed in the handshake.

    Raises:
        MissingDependency: The package is not installed.
    """
    try:
        from websockets.protocol import State
        from websockets.server import ServerProtocol
    except ImportError as exc:
        raise MissingDependency(kind, "websockets", "websocket") from exc
    state = State.OPEN if max_message_bytes else State.CONNECTING
    if extensions:
        # What cannot be compressed is longer for having been tried; `Frames` counts what it inflates to.
        max_message_bytes += max_message_bytes // 8 + 64
    protocol = ServerProtocol(state=state, max_size=max_message_bytes, logger=_protocol_log)
    protocol.extensions = list(extensions)
    return protocol


def deflating() -> ServerExtensionFactory:
    """What agrees with clients of a channel that messages are compressed."""
    from workbench.channels.websocket.deflate import Deflating

    return Deflating()


def accepted(
    exchange: Exchange, kind: str, offered: Sequence[ServerExtensionFactory]
) -> tuple[bytes, Sequence[Extension]]:
    """The answer to a handshake, and the extensions that are agreed of those that are offered.

    Raises:
        BadRequest: It is none, or has a body.
        MissingDependency: The package is not installed; `kind` is what needs it.
    """
    protocol = protocol_for(kind)
    protocol.available_extensions = offered
    from websockets.datastructures import Headers
    from websockets.http11 import Request

    if declared_length(exchange.headers) or "Transfer-Encoding" in exchange.headers:
        raise BadRequest("A request for a WebSocket has no body")
    response = protocol.accept(Request(exchange.path, Headers(exchange.headers), exchange.method))
    if response.status_code != 101:
        raise BadRequest(f"This is no WebSocket handshake: {protocol.handshake_exc}")
    response.headers["X-Zato-CID"] = exchange.cid
    return response.serialize(), protocol.extensions
