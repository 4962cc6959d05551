"""A client of a WebSocket channel: its messages become calls, one after another, and it can be sent more."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.channels.answers import told
from workbench.channels.deadlines import Deadlines
from workbench.channels.exchange import Exchange, Link
from workbench.channels.gate import Gate
from workbench.channels.live import Opening
from workbench.channels.websocket.asking import ClientGone, Questions
from workbench.channels.websocket.definition import SocketAddress
from workbench.channels.websocket.frames import GOING_AWAY, INTERNAL_ERROR, LONGEST_REASON_BYTES, VIOLATION, Frames
from workbench.channels.websocket.handshake import Host
from workbench.channels.websocket.hook import CONNECTED, DISCONNECTED, Hooks, reason_of
from workbench.channels.websocket.messages import ANSWERED, FAILED, news, outgoing, understood
from workbench.channels.websocket.session import LONGEST_BYTES, SESSION_SECONDS, Sender, Session, Verify
from workbench.core import current
from workbench.core.call import Call, ChannelInfo, ChannelSecurity, HTTPInput
from workbench.core.cid import new_cid
from workbench.core.errors import ServiceUnavailable, ServiceUsage, Unauthorized
from workbench.core.failure import mood_of_error, words_of_error
from workbench.core.mood import mood_of_status
from workbench.core.payload.bunch import bunchify
from workbench.core.ports import Showable
from workbench.core.trace import Step

if TYPE_CHECKING:
    from websockets.server import ServerProtocol


log = logging.getLogger("workbench.channels")
ANSWER_SECONDS = 5.0
"""How long an answer of a client is waited for, unless a service says so [s]. Source: Zato 3.1, `invoke_client`."""


class Place(NamedTuple):
    """What the clients of a channel have in common, and which of them have not said who they are (`strangers`)."""

    channel: SocketAddress
    opening: Opening
    gate: Callable[[], Gate]
    hooks: Hooks
    verify: Verify
    strangers: Deadlines[Client]


class Client(Showable):
    """A client that is connected, as services and persons see it.

    Attributes:
        id: By which the channel knows it.
        address: Where it comes from.
        user: Name of the security definition that let it in; '' if the channel has none.
        since: When it connected.
        is_in: Whether it is there for services: once it has said who it is, and the hook of its channel has let it in.
    """

    def __init__(
        self, exchange: Exchange, place: Place, session: Session, host: Host, ended: Callable[[Client], None]
    ) -> None:
        self._place, self.session, self._host, self._ended_for = place, session, host, ended
        self._channel, self._opening, self._gate, self._hooks = place.channel, place.opening, place.gate, place.hooks
        self.id, self.address, self.user = new_cid(), exchange.address, place.channel.security
        self.since, self.is_in = place.opening.clock.now(), False
        self._http = HTTPInput(
            exchange.method, exchange.path, exchange.query, exchange.headers, exchange.address, exchange.params
        )
        self._waiting: deque[str | bytes] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self.frames: Frames | None = None
        self._reading: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None
        self._call: Call | None = None
        self._link: Link | None = None
        self._questions = Questions()
        self._loops_thread, self.has_left = 0, False

    # What services and persons call, from any thread.
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
        return await self._questions.ask(str(self), id, lambda: self.push(messages), timeout)

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
    def counts(self) -> tuple[int, int]:
        """How many messages came of it, and how many it was sent: answers, and what services send by themselves."""
        return (self.frames.received, self.frames.sent) if self.frames is not None else (0, 0)

    def __repr__(self) -> str:
        whose = f" as {self.user}" if self.user else ""
        return f"client {self.id} of {self._channel}{whose}"

    # What its channel and its server call, on the loop's thread.
    def begin(self, protocol: ServerProtocol, link: Link) -> Frames:
        """Take its connection."""
        self._link, self._loops_thread = link, get_ident()
        self.frames = frames = Frames(protocol, link, self._channel, self._opening.clock, self)
        self._host.clients.add(self)
        self._reading = asyncio.ensure_future(frames.read())
        self._reading.add_done_callback(self._ended)
        if self.session.is_open:
            self._enter()
        else:
            self._place.strangers.put(self, SESSION_SECONDS)
            frames.allow(LONGEST_BYTES)
        return frames

    def _open_session(self, message: str | bytes) -> None:
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
        if self._channel.hook_service:
            self._working = asyncio.ensure_future(self._arrive())
        else:
            self.is_in = True

    async def _arrive(self) -> None:
        """Have the hook let it in, then answer what it has sent meanwhile; of who is refused, nothing."""
        try:
            self._call, root = self._new_call(self._channel.hook_service, self._told(CONNECTED), "connected")
            root.steps.append(self._call.step)
            await self._hooks.connected(self._call, root)
            self.is_in = True
        except Exception as exc:
            log.warning("%s is refused by its hook: %s", self, words_of_error(exc))
            self.leave(reason_of(exc), VIOLATION)
        finally:
            self._call = None
        if self.is_in and self.has_left:
            self._hooks.disconnected(self._departed)
        await self._work()  # of who is refused it drops what waits, behind which its end would not be read

    def _departed(self) -> tuple[Call, Step]:
        call, root = self._new_call(self._channel.hook_service, self._told(DISCONNECTED), "disconnected")
        root.steps.append(call.step)
        return call, root

    def _told(self, hook_type: str) -> dict[str, Any]:
        """What a hook is given."""
        said: dict[str, Any] = {
            "hook_type": hook_type,
            "channel": self._channel.name,
            "pub_client_id": self.id,
            "peer_address": self.address,
            "connection_time": self.since.isoformat(),
            "user": self.user,
        }
        if hook_type == DISCONNECTED and self.frames is not None:
            said["code"], said["reason"] = self.frames.ended_with
        return {"ctx": bunchify(said)}

    def push(self, messages: list[str | bytes]) -> None:
        """Send messages, if it is still there."""
        if self.frames is not None:
            self.frames.send(messages)

    def took(self, message: str | bytes) -> None:
        """Have a message answered, after those that wait; or have it, if it is an answer, whoever waits for that."""
        if not self.session.is_open:
            self._open_session(message)
            return
        if (
            isinstance(message, str)
            and self._channel.data_format == "json"
            and self._questions.take(str(self), message)
        ):
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        if self._working is None or self._working.done():
            self._working = asyncio.ensure_future(self._work())

    async def has_room(self) -> None:
        """Wait while as many messages wait as may, or as many bytes as the longest may have."""
        channel = self._channel
        while len(self._waiting) >= channel.max_waiting or self._waiting_bytes >= channel.max_message_bytes:
            self._room.clear()
            await self._room.wait()

    async def _work(self) -> None:
        """Answer the messages that wait, in their order."""
        while self._waiting and self.is_connected:
            message = self._waiting.popleft()
            self._waiting_bytes -= len(message)
            self._room.set()
            try:
                await self._answer(message)
            except Exception:
                log.exception("%s could not answer a message", self._channel)
                self.leave("", INTERNAL_ERROR)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._room.set()

    async def _answer(self, message: str | bytes) -> None:
        """Run the call of one message, and send what came of it."""
        gate = self._gate()
        incoming, refusal = understood(message, self._channel.data_format)
        call, root = self._new_call(self._channel.service, incoming.payload, "message")
        self._call, value = call, None
        refusal = refusal or await self._refused(gate, call, root)
        root.steps.append(call.step)
        if refusal is None:
            value, error = await self._run(call)
        else:
            error = refusal
            call.step.end(words_of_error(error), mood_of_error(error))
        meta = {"id": call.cid, "timestamp": self._opening.clock.now().isoformat(), "in_reply_to": incoming.id}
        status, messages = self._reply(call, meta, value, error)
        root.end(str(status), mood_of_status(status))
        self._call = None
        self.push(messages)
        if isinstance(refusal, Unauthorized):
            self.leave("The credentials are not valid any more", VIOLATION)

    def _new_call(self, service: str, payload: Any, what: str) -> tuple[Call, Step]:
        """A call that it leads to, and the step around it."""
        channel, invoker = self._channel, self._opening.invoker
        info = ChannelInfo(channel.name, channel.type, "dict", self._gate().user, channel.kind)
        root = Step("websocket", f"{what} {self._http.path}")
        call = invoker.new_call(service, payload, info)
        call.http, call.address, call.client = self._http, self.address, self
        invoker.record(call, root)
        return call, root

    async def _refused(self, gate: Gate, call: Call, root: Step) -> Exception | None:
        """Ask the gate as it is now; what refuses, or None."""
        if self._host.draining:
            return ServiceUnavailable("Stopping")
        try:
            admitted = gate.admit(Sender(call, self.address, self.session.headers, root))
            if not isinstance(admitted, ChannelSecurity):
                await admitted
        except Exception as exc:
            return exc
        return None

    async def _run(self, call: Call) -> tuple[Any, BaseException | None]:
        """Run a call within its time; its answer or its error."""
        ended: asyncio.Future[tuple[Any, BaseException | None]] = asyncio.get_running_loop().create_future()
        seconds = self._channel.timeout_seconds
        self._opening.turns.run(call, seconds, lambda value, error: ended.set_result((value, error)))
        return await ended

    def _reply(
        self, call: Call, meta: dict[str, Any], value: Any, error: BaseException | None
    ) -> tuple[int, list[str | bytes]]:
        """The status, and the messages that tell an answer or an error."""
        if error is None and call.response is not None:
            try:
                status = int(call.response.status_code)
                kind = ANSWERED if status < 400 else FAILED
                return status, outgoing({**meta, "msg_type": kind, "status": status}, value)
            except Exception as exc:
                error = exc
        assert error is not None
        self._opening.invoker.failed(call, error)
        status, details = told(error)
        return status, outgoing({**meta, "msg_type": FAILED, "status": status, "error_message": details}, None)

    # What its server calls.
    @property
    def is_busy(self) -> bool:
        """Whether a message of it is at work, or waits to be."""
        return self._working is not None and not self._working.done()

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
        if self._call is not None:
            self._call.cancelled = True
        self._waiting.clear()
        self._host.clients.discard(self)
        self._place.strangers.lift(self)
        self._questions.end(ClientGone(self))
        self.has_left = True
        self._ended_for(self)
        if self.is_in and self._channel.hook_service:
            self._hooks.disconnected(self._departed)


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
