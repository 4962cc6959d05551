"""One socket of pyzmq, used by one thread at a time, and what to say if nobody is at its other end."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workbench.connections.common.errors import AnswerTooLarge, Interrupted, hung_up, silent, unreachable
from workbench.connections.common.trying import Due, late
from workbench.connections.zmq.definition import ZeroMQConnection
from workbench.core.errors import ConnectionFailed, MissingDependency

SIGNATURE_BYTES = 10
GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f" + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
"""How a peer begins a conversation. Source: ZMTP 3.0 (ZeroMQ RFC 23), `greeting`."""
JOINING_SECONDS = 1.0
"""How long the first message that is published waits for somebody to subscribe [s]."""


def pyzmq() -> Any:
    """The library, imported at first use.

    Raises:
        MissingDependency: It is not installed.
    """
    try:
        import zmq
    except ImportError as exc:
        raise MissingDependency("ZeroMQ", "pyzmq") from exc
    return zmq


def who(definition: ZeroMQConnection) -> str:
    """The connection and its address."""
    return f"{definition} at {definition.address}"


def expect_zeromq(definition: ZeroMQConnection, due: Due) -> str:
    """Whether somebody at the address speaks ZeroMQ, by a conversation of its own; says in which version.

    Raises:
        ConnectionFailed: Nobody does.
        Interrupted: Nobody does now.
    """
    timeout, (place, port) = definition.timeout_seconds, definition.place
    heard = b""
    try:
        with _connected(place, port, due.left(timeout)) as plain, due.cutting(lambda: plain.shutdown(socket.SHUT_RDWR)):
            plain.sendall(GREETING)
            while len(heard) < SIGNATURE_BYTES + 1 and (piece := plain.recv(64)):
                heard += piece
    except OSError as exc:
        if due.over:
            raise late(definition, due) from exc
        raise unreachable(definition, definition.address, timeout, exc, "address") from exc
    if due.over:
        raise late(definition, due)
    if not heard:
        raise hung_up(who(definition))
    if heard[0] != 0xFF or len(heard) <= SIGNATURE_BYTES:
        raise ConnectionFailed(f"{who(definition)} does not speak ZeroMQ. Fix: check address")
    return f"ZMTP {heard[SIGNATURE_BYTES]}"


def _connected(place: str, port: int, timeout_seconds: float) -> socket.socket:
    if port:
        return socket.create_connection((place, port), timeout_seconds)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(timeout_seconds)
    try:
        made.connect(place)
    except BaseException:
        made.close()
        raise
    return made


class ZeroMQSession:
    """One socket.

    Nothing is queued for somebody who is not there: a message waits until it can go to a connection.

    Args:
        definition: What it is, and where.

    Raises:
        ConnectionFailed: Its address cannot be listened at.
    """

    is_dead = False

    def __init__(self, definition: ZeroMQConnection) -> None:
        zmq = self._zmq = pyzmq()
        self._definition, self._topics, self._is_first = definition, set[bytes](), True
        # What is published goes by the type that hears who subscribes; over the wire it is the same.
        kind = {"PUSH": zmq.PUSH, "PUB": zmq.XPUB, "REQ": zmq.REQ}[definition.socket_type]
        self._socket = zmq.Context.instance().socket(kind)
        self._ends: Any = None
        try:
            self._prepare()
        except BaseException:
            self.leave()
            raise

    def _prepare(self) -> None:
        zmq, definition, made = self._zmq, self._definition, self._socket
        made.setsockopt(zmq.IMMEDIATE, 1)
        made.setsockopt(zmq.IPV6, 1)
        made.setsockopt(zmq.LINGER, int(definition.timeout_seconds * 1000))
        if definition.socket_type == "PUB":
            # A subscriber that is slow has us wait, and loses nothing.
            made.setsockopt(zmq.XPUB_NODROP, 1)
        if definition.socket_type == "REQ":
            # Of what is larger the library tells nobody: it ends the conversation, and begins another.
            made.setsockopt(zmq.MAXMSGSIZE, definition.max_answer_bytes)
            self._ends = made.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        with self._in_words(f"cannot {definition.socket_method} there"):
            getattr(made, definition.socket_method)(definition.address)

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        """Have what the library raises told in its words; raises ConnectionFailed."""
        try:
            yield
        except self._zmq.ZMQError as exc:
            taken = exc.errno in (errno.EADDRINUSE, self._zmq.EADDRINUSE)
            fix = "take another port, or end who has it" if taken else "check address"
            said = self._zmq.strerror(exc.errno)
            raise ConnectionFailed(f"{who(self._definition)} {what}: {said}. Fix: {fix}") from exc

    def send(self, frames: list[bytes], due: Due) -> bool:
        """Send one message; whether there is somebody whom it goes to.

        Raises:
            DeadlineExceeded, Interrupted: It could not go in time.
        """
        if self._definition.socket_type == "PUB":
            return self._publish(frames, due)
        self._wait(self._zmq.POLLOUT, due)
        self._ended()  # what was before is nobody's answer
        with self._in_words("did not take the message"):
            self._socket.send_multipart(frames, self._zmq.NOBLOCK)
        return True

    def _ended(self) -> bool:
        """Whether a conversation has ended since this was asked last."""
        ended = False
        while self._ends is not None and self._ends.poll(0):
            self._ends.recv_multipart()
            ended = True
        return ended

    def _publish(self, frames: list[bytes], due: Due) -> bool:
        if self._is_first:
            # Who subscribes is known a moment after the connection.
            self._is_first = False
            self._socket.poll(int(due.left(JOINING_SECONDS) * 1000), self._zmq.POLLIN)
        while self._socket.poll(0, self._zmq.POLLIN):
            said = self._socket.recv()
            (self._topics.add if said[:1] == b"\1" else self._topics.discard)(said[1:])
        if not any(frames[0].startswith(topic) for topic in self._topics):
            return False
        began = time.monotonic()
        while True:
            try:
                self._socket.send_multipart(frames, self._zmq.NOBLOCK)
                return True
            except self._zmq.Again:
                # POLLOUT is of any subscriber, not of the slow one.
                if due.over_in(0.01) or time.monotonic() - began > self._definition.timeout_seconds:
                    raise self._no_one(due) from None
                time.sleep(0.01)

    def answer(self, due: Due) -> list[bytes]:
        """What came back.

        Raises:
            AnswerTooLarge: It is over `max_answer_bytes`.
            DeadlineExceeded, Interrupted: Nothing has, in time or before who was asked hung up.
        """
        definition = self._definition
        self._wait(self._zmq.POLLIN, due)
        frames: list[bytes] = self._socket.recv_multipart()
        if sum(map(len, frames)) > definition.max_answer_bytes:
            raise AnswerTooLarge(who(definition), definition.max_answer_bytes)
        return frames

    def _wait(self, event: int, due: Due) -> None:
        """Wait until the socket can do that, or the conversation has ended in which an answer was to come."""
        zmq, poller = self._zmq, self._zmq.Poller()
        poller.register(self._socket, event)
        if event == zmq.POLLIN and self._ends is not None:
            poller.register(self._ends, zmq.POLLIN)
        timeout = due.left(self._definition.timeout_seconds)
        if not (ready := dict(poller.poll(max(1, int(timeout * 1000))))):
            raise self._no_one(due)
        # An answer that came before the end counts.
        if self._socket not in ready and not self._socket.poll(0, event):
            raise self._without_answer(due)

    def _without_answer(self, due: Due) -> Exception:
        """Why a conversation has ended in place of an answer: who was asked is gone, or it was too large."""
        try:
            expect_zeromq(self._definition, due)
        except ConnectionFailed:
            return hung_up(who(self._definition))
        fix = "ask for less, see that nobody has restarted it meanwhile, or"
        return AnswerTooLarge(who(self._definition), self._definition.max_answer_bytes, fix)

    def _no_one(self, due: Due) -> Exception:
        """Why a message could not go, or an answer did not come."""
        # A wait may end a moment before its time.
        if due.over_in(0.01):
            return late(self._definition, due)
        if self._definition.socket_method == "bind":
            return Interrupted(
                f"{who(self._definition)}: nobody took the message within {self._definition.timeout_seconds:g} s. "
                f"Fix: start who connects there, or raise timeout_seconds"
            )
        try:
            expect_zeromq(self._definition, due)
        except ConnectionFailed as exc:
            return exc
        return Interrupted(silent(who(self._definition), self._definition.timeout_seconds))

    def cut(self) -> None:
        """Nothing: a socket is no other thread's to close, and no wait of ours is longer than its call may take."""

    def leave(self) -> None:
        """Close it; what has not gone yet goes within the connection's timeout."""
        if self._ends is not None:
            self._socket.disable_monitor()
            self._ends.close()
        self._socket.close()
