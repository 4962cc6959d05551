"""How a request becomes a WebSocket: found by its path, judged as any request, and answered 101."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from workbench.channels.exchange import Exchange, declared_length
from workbench.channels.http.pages import asks_for_a_page
from workbench.channels.routes import Routes
from workbench.channels.websocket.session import CREATE_SESSION
from workbench.core.errors import BadRequest, CallerError, MissingDependency, NotFound, Unauthorized

if TYPE_CHECKING:
    from websockets.extensions import Extension, ServerExtensionFactory
    from websockets.server import ServerProtocol

_KEY = re.compile(r'ApiKey header="([A-Za-z0-9-]+)"')
"""The challenge of a key, of which browsers know nothing."""

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


def is_handshake(method: str, headers: Mapping[str, str]) -> bool:
    """Whether it asks as RFC 6455, 4.1 says; what asks otherwise is answered as if it had not (RFC 9110, 7.8)."""
    names = {each.strip().lower() for each in headers.get("Connection", "").split(",")}
    return method == "GET" and wants_upgrade(headers) and "upgrade" in names


def wants_session(headers: Mapping[str, str]) -> bool:
    """Whether who asks for a WebSocket says in its first message who it is."""
    return CREATE_SESSION in (each.strip() for each in headers.get("Sec-Websocket-Protocol", "").split(","))


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
    root.channel, root.service = channel.name, channel.service
    root.user = "" if wants_session(exchange.headers) else channel.security
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
    exchange.socket = live.name, _key_header(live, exchange)
    return True


def _key_header(live: Any, exchange: Exchange) -> str:
    """The header whose value the page has to ask for, since the browser does not; '' if the browser has done so."""
    try:
        live.gate.verify(exchange)
    except Unauthorized as exc:
        if (asked := _KEY.fullmatch(exc.challenge)) is None:
            raise
        return asked[1]
    return ""


def protocol_for(kind: str, agreed: Sequence[Extension] | None = None) -> ServerProtocol:
    """The protocol of one connection.

    Args:
        kind: What needs the package.
        agreed: The extensions that were agreed in its handshake; None for the handshake itself.

    Raises:
        MissingDependency: The package is not installed.
    """
    try:
        from websockets.protocol import State
        from websockets.server import ServerProtocol
    except ImportError as exc:
        raise MissingDependency(kind, "websockets", "websocket") from exc
    state = State.CONNECTING if agreed is None else State.OPEN
    protocol = ServerProtocol(state=state, logger=_protocol_log)
    protocol.extensions = list(agreed or ())
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
    from websockets.typing import Subprotocol

    if declared_length(exchange.headers) or "Transfer-Encoding" in exchange.headers:
        raise BadRequest("A request for a WebSocket has no body")
    if wants_session(exchange.headers):
        protocol.available_subprotocols = [Subprotocol(CREATE_SESSION)]
    response = protocol.accept(Request(exchange.path, Headers(exchange.headers), exchange.method))
    if response.status_code != 101:
        raise BadRequest(f"This is no WebSocket handshake: {protocol.handshake_exc}")
    response.headers["X-Zato-CID"] = exchange.cid
    return response.serialize(), protocol.extensions
