"""A WebSocket channel in force: its route on the server that all channels share, and the clients that are connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from workbench.channels.deadlines import Deadlines
from workbench.channels.exchange import Exchange, Link
from workbench.channels.gate import Caller, Gate
from workbench.channels.http.live import LiveHTTPChannel, Mounts
from workbench.channels.live import LiveChannel, Opening
from workbench.channels.websocket.client import Client
from workbench.channels.websocket.definition import SocketAddress
from workbench.channels.websocket.frames import GOING_AWAY, SERVICE_RESTART, VIOLATION, Frames
from workbench.channels.websocket.handshake import Host, accepted, deflating, protocol_for, wants_session
from workbench.channels.websocket.hook import Hooks
from workbench.channels.websocket.messages import news
from workbench.channels.websocket.place import Place, Visitor
from workbench.channels.websocket.session import FULL, MOST_STRANGERS, SESSION_SECONDS, Session
from workbench.core import current
from workbench.core.errors import ServiceUnavailable, UnknownName
from workbench.core.forking import forgets_when_forked

if TYPE_CHECKING:
    from websockets.extensions import ServerExtensionFactory
    from websockets.server import ServerProtocol

SWEEP_SECONDS = 0.25
"""How often to look which clients have to be pinged [s]."""


class LiveWebSocketChannel(LiveHTTPChannel):
    """Takes connections while it is open; hot deploys and new limits leave them open."""

    def __init__(self, definition: SocketAddress, mounts: Mounts, opening: Opening) -> None:
        super().__init__(definition, mounts)
        self._definition, self._opening = definition, opening
        self._is_replaced = False
        self._offered: Sequence[ServerExtensionFactory] = ()
        self.forget()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: leave clients to the parent, whose server they came by."""
        self._clients: dict[str, Client] = {}
        self._hooks = Hooks(self._opening, self._definition.timeout_seconds)
        self._strangers: Deadlines[Visitor] = Deadlines(_too_late, SWEEP_SECONDS, self._opening.clock.monotonic)
        self._place = Place(
            self._definition, self._opening, lambda: self.gate, self._hooks, self._verify, self._strangers
        )
        self._pings: Deadlines[Frames] = Deadlines(self._late, SWEEP_SECONDS, self._opening.clock.monotonic)

    @property
    def gate(self) -> Gate:
        """Who may come in, as users and limits are now."""
        return self._opening.gate(self._definition)

    @property
    def clients(self) -> list[Client]:
        """Who is connected to this process now, the longest first; not who waits for the hook, nor who is sent away."""
        return [client for client in list(self._clients.values()) if client.is_in and client.is_connected]

    def broadcast(self, data: Any) -> int:
        """Send the same to every client, of whichever process that serves this channel; to how many.

        Where several worker processes serve, all clients get what is broadcast in one order, maybe after an answer that
        leaves later; clients of the others are counted as these have told last, within two seconds.

        Args:
            data: Anything that JSON can say; or bytes, which follow in a message of their own.

        Raises:
            TypeError: JSON cannot say the data.
            ServiceUsage: They are over 32 MiB, and several processes serve.
        """
        with current.outgoing("websocket", f"broadcast to {self._definition.name}", {"data": data}) as step:
            messages = news(self._opening.clock.now(), data)
            elsewhere = self._opening.everywhere(self._definition.name, messages)
            count = self.push(messages) if elsewhere is None else len(self.clients) + elsewhere
            step.answered(count)
            return count

    def push(self, messages: Sequence[str | bytes], sent: Callable[[], object] = lambda: None) -> int:
        """Send messages to the clients of this process, soon; to how many.

        Args:
            messages: What is sent.
            sent: Called on the loop's thread once they are.
        """
        clients = self.clients
        self._opening.land(_push, clients, messages, sent)
        return len(clients)

    def open(self, instead_of: LiveChannel | None = None) -> None:
        protocol_for(str(self._definition))  # Who defines it is told if the package is not there.
        self._offered = (deflating(),) if self._definition.compression else ()
        super().open(instead_of)
        if isinstance(instead_of, LiveWebSocketChannel):
            instead_of._is_replaced = True

    def close(self) -> None:
        """Take no more clients, and take leave of those that are there; a new channel in its place asks them back."""
        super().close()
        changed, gone = (SERVICE_RESTART, "The channel has changed"), (GOING_AWAY, "The channel is closed")
        self._opening.land(self._take_leave, *(changed if self._is_replaced else gone))

    def __repr__(self) -> str:
        count = len(self.clients)
        return f"{super().__repr__()}, {count} client{'s' * (count != 1)}"

    def _take_leave(self, code: int, why: str) -> None:
        for client in list(self._clients.values()):
            client.leave(why, code)

    def settle(self, timeout: float) -> bool:
        """Wait until its clients have left, and its hook is told of each; whether that is so within `timeout` [s]."""
        if not self._definition.hook_service:
            return True
        return bool(self._opening.run(self._settled(timeout)))

    async def _settled(self, seconds: float) -> bool:
        deadline = monotonic() + seconds
        while self._clients and monotonic() < deadline:
            await asyncio.sleep(0.01)
        return await self._hooks.settle(deadline - monotonic()) and not self._clients

    def accept(self, exchange: Exchange, host: Host) -> Callable[[Link], None]:
        """Judge a handshake; what then takes the connection.

        Raises:
            Unauthorized: The credentials are missing or wrong.
            BadRequest: It is no handshake.
            ServiceUnavailable: As many clients are connected as may be, or have not said who they are, or have left
                without its hook being told yet.
        """
        if not (says_later := wants_session(exchange.headers)):
            self._verify(exchange)
        elif len(self._clients) - self._known >= MOST_STRANGERS:
            raise ServiceUnavailable("Too many clients have not said who they are")
        if len(self._hooks) >= self._definition.max_clients:
            raise ServiceUnavailable("Too many clients have left of whom the hook is not told yet")
        hello, agreed = accepted(exchange, str(self._definition), self._offered)
        protocol = protocol_for(str(self._definition), agreed)
        client = Client(exchange, self._place, Session(exchange.headers, not says_later), host, self._ended)
        return partial(self._begin, client, hello, protocol)

    def _verify(self, caller: Caller) -> None:
        """Raise unless who asks is known, and there is room for it; strangers take no room of those who are known."""
        self.gate.verify(caller)
        if self._known >= self._definition.max_clients:
            raise ServiceUnavailable(FULL)

    @property
    def _known(self) -> int:
        return sum(client.session.is_open for client in self._clients.values())

    def _begin(self, client: Client, hello: bytes, protocol: ServerProtocol, link: Link) -> None:
        self._clients[client.id] = client
        frames = client.begin(protocol, link)
        self._pings.put(frames, self._definition.ping_seconds)
        link.write(hello)  # Last: a client that has it is there, for whoever asks.

    def _ended(self, client: Client) -> None:
        self._clients.pop(client.id, None)
        if client.frames is not None:
            self._pings.lift(client.frames)

    def _late(self, frames: Frames) -> None:
        self._pings.put(frames, self._definition.ping_seconds)
        frames.late()


def channel_named(channels: Mapping[str, LiveChannel], name: str) -> LiveWebSocketChannel:
    """The WebSocket channel of that name.

    Raises:
        UnknownName: There is none.
    """
    known = {each: live for each, live in channels.items() if isinstance(live, LiveWebSocketChannel)}
    if name not in known:
        raise UnknownName("WebSocket channel", name, known)
    return known[name]


def _too_late(client: Visitor) -> None:
    client.leave(f"Nothing says within {SESSION_SECONDS:g} s who this is", VIOLATION)


def _push(clients: list[Client], messages: Sequence[str | bytes], sent: Callable[[], object]) -> None:
    for client in clients:
        client.push(messages)
    sent()
