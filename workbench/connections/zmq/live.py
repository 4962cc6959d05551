"""Outgoing ZeroMQ: messages pushed, published, or asked and answered, each by its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import msgspec

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.pool import Pool
from workbench.connections.common.trying import Due, late
from workbench.connections.definition import Live, Opening
from workbench.connections.zmq.definition import ZeroMQConnection
from workbench.connections.zmq.session import ZeroMQSession, expect_zeromq, pyzmq
from workbench.core.current import outgoing
from workbench.core.errors import ServiceUsage
from workbench.core.payload.plain import plain

_encode = msgspec.json.Encoder(enc_hook=plain).encode


class LiveZeroMQ(Live):
    """`self.out.zmq["name"].conn`; safe to use from many threads at once."""

    def __init__(self, definition: ZeroMQConnection, opening: Opening) -> None:
        pyzmq()
        self.definition: ZeroMQConnection = definition
        patience = definition.timeout_seconds
        self._asking = Pool(definition, lambda due: ZeroMQSession(definition), definition.pool_size, patience)
        # What is pushed or published goes by one socket, in the order in which it was given.
        self._one: ZeroMQSession | None = None
        self._turn, self._is_closed = Lock(), False

    def send(self, message: Any, topic: str = "") -> Any:
        """Send a message.

        PUSH and PUB hand it to the network, and nobody confirms that it was read; it waits for somebody who pulls, and
        a message to which nobody subscribes is dropped, which its step says. The first one that is published waits a
        second at most for somebody to subscribe.

        Args:
            message: Text, bytes, or a list of these, which are its parts; anything else goes as JSON.
            topic: Of PUB, a part before it, by which subscribers choose.

        Returns:
            Of REQ the answer, as bytes, or a list of them where it has several parts; otherwise nothing.

        Raises:
            AnswerTooLarge: The answer is over `max_answer_bytes`.
            ConnectionFailed: It cannot be sent, as the address is taken.
            DeadlineExceeded, Interrupted: Nobody took or answered it in time.
            ServiceUsage: It is no message.
        """
        expect_no_loop(self.definition, "await conn.aio.send(...)")
        definition, frames = self.definition, self._frames(message, topic)
        kind, name = definition.socket_type, definition.name
        asked = {"message": message, **({"topic": topic} if topic else {})}
        with outgoing("zmq", f"ZeroMQ {name} {kind}", asked, connection=name, operation=kind) as step:
            due = Due(definition.deadline_seconds)
            if kind == "REQ":
                answer = self._asked(frames, due)
                step.answered(answer)
                return answer
            if self._sent(frames, due):
                step.end("sent")
            else:
                step.end("to nobody, who has not subscribed", "attention")
        return None

    def _frames(self, message: Any, topic: str) -> list[bytes]:
        definition = self.definition
        if topic and definition.socket_type != "PUB":
            raise ServiceUsage(f"{definition} is a {definition.socket_type}, which has no topics. Fix: leave topic out")
        parts = message if isinstance(message, list | tuple) and message and all(map(_is_part, message)) else [message]
        try:
            frames = [_as_bytes(each) for each in parts]
        except (TypeError, ValueError, RecursionError) as exc:
            raise ServiceUsage(
                f"{definition} cannot send that: {exc}. Fix: text, bytes, or what JSON can hold"
            ) from exc
        return [topic.encode(), *frames] if topic else frames

    def _asked(self, frames: list[bytes], due: Due) -> Any:
        taken, keep = self._asking.take(due), False
        try:
            taken.session.send(frames, due)
            answer, keep = taken.session.answer(due), True
        finally:
            # One that waits for an answer cannot ask anew.
            taken.end(keep)
        return answer[0] if len(answer) == 1 else answer

    def _sent(self, frames: list[bytes], due: Due) -> bool:
        with self._in_turn(due, self.definition.deadline_seconds) as one:
            return one.send(frames, due)

    @contextmanager
    def _in_turn(self, due: Due, most_seconds: float) -> Iterator[ZeroMQSession]:
        """The one socket, for this thread alone; once the connection is closed it is not kept."""
        if not self._turn.acquire(timeout=due.left(most_seconds)):
            raise late(self.definition, due)
        try:
            if self._one is None:
                self._one = ZeroMQSession(self.definition)
            yield self._one
        finally:
            self._turn.release()
            if self._is_closed:
                self._let_go()

    def ping(self, cid: str = "") -> str:
        """Begin a conversation at the address; where others connect, say whether it can be listened at."""
        expect_no_loop(self.definition, "await conn.aio.ping()")
        due = Due(self.definition.deadline_seconds)
        if self.definition.socket_method == "connect":
            return expect_zeromq(self.definition, due)
        with self._in_turn(due, self.definition.timeout_seconds):
            return f"listens at {self.definition.address}"

    def close(self) -> None:
        """Close the sockets; what has not gone yet goes within the connection's timeout."""
        self._is_closed = True
        self._asking.close()
        self._let_go()

    def _let_go(self) -> None:
        """Close the one socket; where a thread uses it, that does so afterwards."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            one, self._one = self._one, None
            if one is not None:
                one.leave()
        finally:
            self._turn.release()


def _is_part(value: Any) -> bool:
    return isinstance(value, str | bytes | bytearray | memoryview)


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else _encode(value)
