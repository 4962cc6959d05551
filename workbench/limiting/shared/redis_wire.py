"""Connections to Redis that send whatever has come meanwhile at once: one on each loop, one for all threads."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from workbench.limiting.shared.resp import Replies, ReplyError, command


class Server:
    """Where a server is and how to get in, from a URL as `redis://`, `rediss://` or `unix://`."""

    def __init__(self, url: str) -> None:
        from redis.connection import SSLConnection, parse_url

        given: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        self.path: str | None = given.get("path")
        self.host, self.port = given.get("host", "localhost"), int(given.get("port", 6379))
        self.tls: ssl.SSLContext | None = None
        if given.get("connection_class") is SSLConnection:
            self.tls = ssl.create_default_context(cafile=given.get("ssl_ca_certs"))
            if given.get("ssl_cert_reqs") == "none":
                self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.greeting: list[bytes] = []
        if given.get("password"):
            user = [given["username"]] if given.get("username") else []
            self.greeting.append(command("AUTH", *user, given["password"]))
        if int(given.get("db") or 0):
            self.greeting.append(command("SELECT", int(given["db"])))

    def __str__(self) -> str:
        return f"Redis at {self.path or f'{self.host}:{self.port}'}"

    def connect(self, timeout_seconds: float) -> socket.socket:
        """Open a blocking socket."""
        if self.path is not None:
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.settimeout(timeout_seconds)
            try:
                plain.connect(self.path)
            except OSError:
                plain.close()
                raise
            return plain
        plain = socket.create_connection((self.host, self.port), timeout_seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname=self.host)

    async def attach(self, protocol: asyncio.Protocol) -> None:
        """Open a connection on the running loop."""
        loop = asyncio.get_running_loop()
        if self.path is not None:
            await loop.create_unix_connection(lambda: protocol, self.path)
        else:
            await loop.create_connection(lambda: protocol, self.host, self.port, ssl=self.tls)


Answered = Callable[[Any], None]
"""Takes a reply, a ReplyError, or an OSError where there was none."""


class LoopWire(asyncio.Protocol):
    """A connection on one loop: a lone command leaves at once, the others of a turn of the loop leave together."""

    def __init__(self, server: Server, lost: Callable[[OSError], None]) -> None:
        self._server, self._lost = server, lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._replies, self._waiting = Replies(), deque[Answered]()
        self._unsent: list[bytes] = []
        self._flushing = self.dead = False
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._server.attach(self)
        except OSError as exc:
            self.end(exc)

    def send(self, raw: bytes, answered: Answered) -> None:
        """Send a command; its reply comes later, in order."""
        self._waiting.append(answered)
        if self._transport is not None and len(self._waiting) == 1:
            self._transport.write(raw)
            return
        self._unsent.append(raw)
        if self._transport is not None and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is not None and self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        for raw in reversed(self._server.greeting):
            self._unsent.insert(0, raw)
            self._waiting.appendleft(self._greeted)
        self._flush()

    def _greeted(self, reply: Any) -> None:
        if isinstance(reply, ReplyError):
            self.end(ConnectionRefusedError(str(reply)))

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._replies.feed(data)
        except ReplyError as exc:
            return self.end(ConnectionError(str(exc)))
        for reply in replies:
            if self._waiting:
                self._waiting.popleft()(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(exc if isinstance(exc, OSError) else ConnectionResetError("the server closed the connection"))

    def end(self, why: OSError, *, lost: bool = True) -> None:
        """Close; whoever waits is told why there is no reply. `lost` says that it is the server's doing."""
        if self.dead:
            return
        self.dead = True
        if self._transport is not None:
            self._transport.close()
        self._connecting.cancel()
        if lost:
            self._lost(why)
        while self._waiting:
            self._waiting.popleft()(why)


class _Turn:
    """A thread with commands of its own, waiting for replies or for its turn to lead."""

    __slots__ = ("commands", "leads", "replies", "woken")

    def __init__(self, commands: Sequence[bytes]) -> None:
        self.commands, self.leads = commands, False
        self.replies: list[Any] | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class ThreadWire:
    """A blocking connection for all threads: whoever finds it free leads and sends what the others bring meanwhile."""

    def __init__(self, server: Server, timeout_seconds: float) -> None:
        self._server, self._timeout = server, timeout_seconds
        self._socket: socket.socket | None = None
        self._replies = Replies()
        self._guard, self._brought, self._led = threading.Lock(), deque[_Turn](), False

    def ask(self, commands: Sequence[bytes]) -> list[Any]:
        """Send commands, wait for their replies; each may be a ReplyError. Raises OSError."""
        turn = _Turn(commands)
        with self._guard:
            self._brought.append(turn)
            turn.leads, self._led = not self._led, True
        if not turn.leads and not turn.woken.acquire(timeout=2 * self._timeout):
            self._give_up(turn)
        if turn.leads and turn.replies is None:
            self._lead()
        if turn.replies is None:
            raise TimeoutError(f"{self._server} gave no reply")
        failed = [reply for reply in turn.replies if isinstance(reply, OSError)]
        if failed:
            raise failed[0]
        return turn.replies

    def _give_up(self, turn: _Turn) -> None:
        """Leave the queue, unless the lead has just been handed over."""
        with self._guard:
            if not turn.leads and turn in self._brought:
                self._brought.remove(turn)
                raise TimeoutError(f"{self._server} is busy")

    def _lead(self) -> None:
        """Serve everyone here once, then hand the lead to whoever has come meanwhile."""
        with self._guard:
            turns = list(self._brought)
            self._brought.clear()
        try:
            replies = self._exchange([raw for turn in turns for raw in turn.commands])
        except (OSError, ReplyError) as exc:
            self.close()
            why = exc if isinstance(exc, OSError) else ConnectionError(str(exc))
            replies = [why] * sum(len(turn.commands) for turn in turns)
        at = 0
        for turn in turns:
            turn.replies, at = replies[at : at + len(turn.commands)], at + len(turn.commands)
        with self._guard:
            next_one = self._brought[0] if self._brought else None
            self._led = next_one is not None
            if next_one is not None:
                next_one.leads = True
                next_one.woken.release()
        for turn in turns:
            if not turn.leads:
                turn.woken.release()

    def _exchange(self, commands: list[bytes]) -> list[Any]:
        if self._socket is not None:
            try:
                return self._sent(self._socket, commands)
            except ConnectionError:  # the server was restarted meanwhile; at worst a call counts twice
                self.close()
        return self._sent(self._open(), commands)

    def _sent(self, wire: socket.socket, commands: list[bytes]) -> list[Any]:
        wire.sendall(b"".join(commands))
        return self._read(wire, len(commands))

    def _open(self) -> socket.socket:
        wire = self._socket = self._server.connect(self._timeout)
        wire.settimeout(self._timeout)
        self._replies = Replies()
        if self._server.greeting:
            wire.sendall(b"".join(self._server.greeting))
            refused = [each for each in self._read(wire, len(self._server.greeting)) if isinstance(each, ReplyError)]
            if refused:
                raise ConnectionRefusedError(str(refused[0]))
        return wire

    def _read(self, wire: socket.socket, number: int) -> list[Any]:
        replies: list[Any] = []
        while len(replies) < number:
            received = wire.recv(65536)
            if not received:
                raise ConnectionResetError("the server closed the connection")
            replies += self._replies.feed(received)
        return replies

    def close(self) -> None:
        """Close the socket; the next question opens another."""
        wire, self._socket = self._socket, None
        if wire is not None:
            wire.close()
