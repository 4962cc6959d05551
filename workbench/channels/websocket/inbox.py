"""What a client sends: its messages become calls, one after another, and its answers go to whoever has asked."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any

from workbench.channels.answers import told
from workbench.channels.gate import Gate
from workbench.channels.websocket.asking import Questions
from workbench.channels.websocket.calls import Calls
from workbench.channels.websocket.frames import INTERNAL_ERROR, VIOLATION
from workbench.channels.websocket.handshake import Host
from workbench.channels.websocket.messages import ANSWERED, FAILED, outgoing, understood
from workbench.channels.websocket.place import Place, Visitor
from workbench.channels.websocket.session import Sender
from workbench.core.call import Call, ChannelSecurity
from workbench.core.errors import ServiceUnavailable, Unauthorized
from workbench.core.failure import mood_of_error, words_of_error
from workbench.core.mood import mood_of_status
from workbench.core.trace import Step

log = logging.getLogger("workbench.channels")


class Inbox:
    """The messages of one client, on the loop's thread.

    Args:
        client: Whose.
        place: Its channel.
        calls: Makes the calls of its messages.
        host: The server that it came by.

    Attributes:
        questions: What it was asked, and has not answered yet.
        waiting_bytes: How long the messages are that wait [bytes; characters of text].
    """

    def __init__(self, client: Visitor, place: Place, calls: Calls, host: Host) -> None:
        self._client, self._place, self._calls, self._host = client, place, calls, host
        self._channel, self._opening = place.channel, place.opening
        self.questions = Questions()
        self._waiting: deque[str | bytes] = deque()
        self.waiting_bytes = 0
        self._room = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a message of it is at work, or waits to be."""
        return self._working is not None and not self._working.done()

    def took(self, message: str | bytes) -> None:
        """Have a message answered, after those that wait; or have it, if it is an answer, whoever waits for that."""
        if not self._client.session.is_open:
            self._client.open_session(message)
            return
        is_text = isinstance(message, str) and self._channel.data_format == "json"
        if is_text and self.questions.take(str(self._client), str(message)):
            return
        self._waiting.append(message)
        self.waiting_bytes += len(message)
        if not self.is_busy:
            self._working = asyncio.ensure_future(self._work())

    def begin(self, arriving: Coroutine[Any, Any, None]) -> None:
        """Have its hook let it in, and only then answer what it has sent meanwhile; of who is refused, nothing."""
        self._working = asyncio.ensure_future(self._arrive(arriving))

    def clear(self) -> None:
        """Answer nothing that waits."""
        self._waiting.clear()
        self.waiting_bytes = 0
        self._room.set()

    async def has_room(self) -> None:
        """Wait while as many messages wait as may, or as many bytes as the longest may have."""
        channel = self._channel
        while len(self._waiting) >= channel.max_waiting or self.waiting_bytes >= channel.max_message_bytes:
            self._room.clear()
            await self._room.wait()

    async def _arrive(self, arriving: Coroutine[Any, Any, None]) -> None:
        await arriving
        await self._work()  # of who is refused it drops what waits, behind which its end would not be read

    async def _work(self) -> None:
        """Answer the messages that wait, in their order."""
        while self._waiting and self._client.is_connected:
            message = self._waiting.popleft()
            self.waiting_bytes -= len(message)
            self._room.set()
            try:
                await self._answer(message)
            except Exception:
                log.exception("%s could not answer a message", self._channel)
                self._client.leave("", INTERNAL_ERROR)
        self.clear()

    async def _answer(self, message: str | bytes) -> None:
        """Run the call of one message, and send what came of it."""
        gate, (incoming, refusal) = self._place.gate(), understood(message, self._channel.data_format)
        self._calls.user = gate.user
        call, root = self._calls.new(self._channel.service, incoming.payload, "message")
        self._calls.running, value = call, None
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
        self._calls.running = None
        self._client.push(messages)
        if isinstance(refusal, Unauthorized):
            self._client.leave("The credentials are not valid any more", VIOLATION)

    async def _refused(self, gate: Gate, call: Call, root: Step) -> Exception | None:
        """Ask the gate as it is now; what refuses, or None."""
        if self._host.draining:
            return ServiceUnavailable("Stopping")
        try:
            admitted = gate.admit(Sender(call, self._client.address, self._client.session.headers, root))
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
