"""A client of a WebSocket channel: what services do with it, and its connection from its beginning to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any

from workbench.channels.exchange import Exchange, Link
from workbench.channels.websocket.asking import ClientGone
from workbench.channels.websocket.calls import Calls
from workbench.channels.websocket.frames import CUT_OFF, GOING_AWAY, LONGEST_REASON_BYTES, VIOLATION, Frames
from workbench.channels.websocket.handshake import Host
from workbench.channels.websocket.inbox import Inbox
from workbench.channels.websocket.messages import news
from workbench.channels.websocket.place import Place
from workbench.channels.websocket.session import LONGEST_BYTES, SESSION_SECONDS, Session
from workbench.channels.websocket.visit import Visit
from workbench.core import current
from workbench.core.cid import new_cid
from workbench.core.errors import ServiceUsage
from workbench.core.ports import Showable

if TYPE_CHECKING:
    from websockets.server import ServerProtocol


log = logging.getLogger("workbench.channels")
ANSWER_SECONDS = 5.0
"""How long an answer of a client is waited for, unless a service says so [s]. Source: Zato 3.1, `invoke_client`."""


class Client(Showable):
    """A client that is connected, as services and persons see it.

    Attributes:
        id: By which the channel knows it.
        address: Where it comes from.
        user: Name of the security definition that let it in; '' if the channel has none.
        since: When it connected.
    """

    def __init__(
        self, exchange: Exchange, place: Place, session: Session, host: Host, ended: Callable[[Client], None]
    ) -> None:
        self._place, self.session, self._host, self._ended_for = place, session, host, ended
        self._channel, self._opening = place.channel, place.opening
        self.id, self.address, self.user = new_cid(), exchange.address, place.channel.security
        self.since = place.opening.clock.now()
        self._calls = Calls(self, place, exchange)
        self._inbox = Inbox(self, place, self._calls, host)
        self._visit = Visit(self, place, self._calls)
        self.frames: Frames | None = None
        self._reading: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._loops_thread = 0

    # What services and persons call, from any thread.
    @property
    def is_in(self) -> bool:
        """Whether it is there for services: once it has said who it is, and the hook of its channel has let it in."""
        return self._visit.is_in

    @property
    def is_connected(self) -> bool:
        """Whether it can be sent anything."""
        return self.frames is not None and self.frames.is_open

    def send(self, data: Any) -> None:
        """Send something by itself, not as an answer; it goes out soon, and nobody tells whether it is read.

        Args:
            data: Anything that JSON can say; or bytes, which follow in a message of their own.

        Raises:
            ClientGone: It has left.
            TypeError: JSON cannot say the data.
        """
        with current.outgoing("websocket", f"send to a client of {self._channel.name}", {"data": data}):
            if not self.is_connected:
                raise ClientGone(self)
            self._opening.land(self.push, news(self._opening.clock.now(), data))

    def invoke(self, data: Any, timeout: float = ANSWER_SECONDS) -> Any:
        """Ask it something, and wait for its answer; what that says. An async service awaits `aio.invoke(...)`.

        Its answer comes behind what it has sent before, of which no more is read while `max_waiting` messages wait.

        Args:
            data: Anything that JSON can say; or bytes, which follow in a message of their own.
            timeout: Longest wait [s].

        Raises:
            ClientSilent: It has not answered in time.
            ClientGone: It has left, before or meanwhile.
            ServiceUsage: It has 100 questions open; or its channel is raw, where no answer says what it answers.
            TypeError: JSON cannot say the data.
        """
        if get_ident() == self._loops_thread:
            raise ServiceUsage(
                "invoke would hold the server, which has to read the answer. Fix: await self.wsx.client.aio.invoke(...)"
            )
        with current.outgoing("websocket", f"ask a client of {self._channel.name}", {"data": data}) as step:
            said = self._opening.run(self._ask(data, timeout))
            step.answered(said)
            return said

    @property
    def aio(self) -> AwaitedClient:
        """The same for async services: `await self.wsx.client.aio.invoke(data)`."""
        return AwaitedClient(self)

    async def _ask(self, data: Any, timeout: float) -> Any:
        """Ask, on the loop."""
        if self._channel.data_format == "raw":
            raise ServiceUsage(
                f"{self} cannot be asked: what comes on a raw channel is not read, so no answer is known as one. "
                f"Fix: send(data), or data_format='json'."
            )
        id = new_cid()
        messages = news(self._opening.clock.now(), data, id=id, timeout=timeout)
        if not self.is_connected:
            raise ClientGone(self)
        return await self._inbox.questions.ask(str(self), id, lambda: self.push(messages), timeout)

    def close(self, reason: str = "") -> None:
        """End its connection, with a reason that it is told.

        Raises:
            ServiceUsage: The reason is over 123 bytes, all that a WebSocket can say.
        """
        if (size := len(reason.encode())) > LONGEST_REASON_BYTES:
            raise ServiceUsage(
                f"{self} cannot be told a reason of {size} bytes. "
                f"Fix: at most {LONGEST_REASON_BYTES}; send() what is longer before."
            )
        self._opening.land(self.leave, reason)

    @property
    def ended_with(self) -> tuple[int, str]:
        """Code and reason of the close that ended its connection; 1006 if there was none."""
        return self.frames.ended_with if self.frames is not None else (CUT_OFF, "")

    @property
    def counts(self) -> tuple[int, int]:
        """How many messages came of it, and how many it was sent: answers, and what services send by themselves."""
        return (self.frames.received, self.frames.sent) if self.frames is not None else (0, 0)

    def __repr__(self) -> str:
        whose = f" as {self.user}" if self.user else ""
        return f"client {self.id} of {self._channel}{whose}"

    # What its channel, its server and its messages call, on the loop's thread.
    def begin(self, protocol: ServerProtocol, link: Link) -> Frames:
        """Take its connection."""
        self._link, self._loops_thread = link, get_ident()
        self.frames = frames = Frames(protocol, link, self._channel, self._opening.clock, self._inbox)
        self._host.clients.add(self)
        self._reading = asyncio.ensure_future(frames.read())
        self._reading.add_done_callback(self._ended)
        if self.session.is_open:
            self._enter()
        else:
            self._place.strangers.put(self, SESSION_SECONDS)
            frames.allow(LONGEST_BYTES)
        return frames

    def open_session(self, message: str | bytes) -> None:
        """Take its first message, which says who it is."""
        answer = self.session.open(message, self._place.verify, self._opening.clock.now())
        if self.session.is_open and self.frames is not None:
            self._place.strangers.lift(self)
            self.frames.allow(self._channel.max_message_bytes)
            self._enter()
        self.push(answer)  # Last: a client that has it is there.
        if not self.session.is_open:
            log.warning("%s has not said rightly who it is, and is sent away", self)
            self.leave(self.session.why, VIOLATION)

    def _enter(self) -> None:
        """Be there for services, once the hook has agreed."""
        self._calls.user = self._place.gate().user
        if self._channel.hook_service:
            self._inbox.begin(self._visit.begin())
        else:
            self._visit.is_in = True

    def push(self, messages: Sequence[str | bytes]) -> None:
        """Send messages, if it is still there."""
        if self.frames is not None:
            self.frames.send(messages)

    @property
    def is_busy(self) -> bool:
        """Whether a message of it is at work, or waits to be."""
        return self._inbox.is_busy

    def leave(self, why: str, code: int = GOING_AWAY) -> None:
        """Take leave, which ends its connection soon."""
        if self.frames is not None:
            self.frames.close(code, why)

    def cut(self) -> None:
        """End its connection now."""
        if self._link is not None:
            self._link.close()

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket; for the child it has left."""
        if self._link is not None:
            self._link.forget()
        self._link = self.frames = None

    def _ended(self, reading: asyncio.Task[None]) -> None:
        """Its connection is over: nobody waits for what runs, and what waits does not begin."""
        if not reading.cancelled():
            reading.exception()
        self._calls.cancel()
        self._inbox.clear()
        self._host.clients.discard(self)
        self._place.strangers.lift(self)
        self._inbox.questions.end(ClientGone(self))
        self._ended_for(self)
        self._visit.end()


class AwaitedClient:
    """What of a client is awaited, by async services."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def invoke(self, data: Any, timeout: float = ANSWER_SECONDS) -> Any:
        """Ask it something; what its answer says. Arguments and errors are those of `Client.invoke`."""
        client = self._client
        with current.outgoing("websocket", f"ask a client of {client._channel.name}", {"data": data}) as step:
            said = await client._ask(data, timeout)
            step.answered(said)
            return said
