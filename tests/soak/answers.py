"""Many callers of one REST connection, and a server that says more than it is asked, or less; who got whose answer.

The calls go in rounds. What a server says late, it says between two rounds: bytes that meet a request on its way are
told from the answer to it by nobody.
"""

from __future__ import annotations

import fcntl
import random
import socket
import ssl
import struct
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from workbench.connections.definition import Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed

CALLERS = 32
ARRIVAL_SECONDS = 10.0


def answer(body: str, status: str = "200 OK", *, chunked: bool = False) -> bytes:
    """A whole answer."""
    if chunked:
        return f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def interim(*statuses: int) -> bytes:
    """Interim answers, one after the other."""
    return b"".join(b"HTTP/1.1 %d Wait\r\nLink: </x.css>\r\n\r\n" % each for each in statuses)


@dataclass
class Manner:
    """How a request is answered: these bytes, one `send` each; then the connection ends, or it gets `late` bytes."""

    sends: list[bytes]
    ends: bool = False
    late: bytes = b""


def manner_of(who: str, chance: random.Random) -> Manner:
    """A manner by chance; the surplus is the answer of `who`, which a later caller must not get."""
    own, other = answer(who, chunked=chance.random() < 0.3), answer(who, chunked=chance.random() < 0.3)
    some = interim(*chance.choices((100, 102, 103), k=chance.randrange(1, 6)))
    surplus = chance.choice((other, other * 2, interim(103) + other, b"\r\n", b"x", other[:9], b"\0" * 20_000))
    return chance.choices(
        [
            Manner([own]),
            Manner([some + own]),
            Manner([some, own]),
            Manner([own], ends=True),
            Manner([own + surplus]),
            Manner([some + own + surplus]),
            Manner([own + surplus], ends=True),
            Manner([own], late=surplus),
            Manner([some, own], late=surplus),
            Manner([], ends=True),
            Manner([own[:-1]], ends=True),
            Manner([some], ends=True),
            Manner([interim(101) + own]),
        ],
        [20, 10, 10, 5, 8, 5, 3, 10, 5, 2, 2, 2, 2],
    )[0]


class Server:
    """Answers `METHOD /who` as `manner_of(who)` says, within TLS if there is a context for it."""

    def __init__(self, manner_of: Callable[[str], Manner], tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._manner_of = manner_of
        self.asked: Counter[str] = Counter()
        self.connections = 0
        self._late: list[tuple[socket.socket, bytes]] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.host = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(connected)
            thread = threading.Thread(target=self._speak, args=(connected,))
            self._threads.append(thread)
            thread.start()

    def _speak(self, connected: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(suppress(OSError))
            if self._tls is not None:
                connected = self._tls.wrap_socket(connected, server_side=True)
            file = stack.enter_context(stack.enter_context(connected).makefile("rb"))
            while (line := file.readline()).endswith(b"\r\n"):
                length = 0
                while (each := file.readline()) not in (b"\r\n", b""):
                    if each.lower().startswith(b"content-length:"):
                        length = int(each.split(b":")[1])
                file.read(length)
                who = line.split()[1].decode().strip("/")
                manner = self._manner_of(who)
                with self._lock:
                    self.asked[who] += 1
                    if manner.late:
                        self._late.append((connected, manner.late))
                for data in manner.sends:
                    connected.sendall(data)
                if manner.ends:
                    break
        with self._lock:
            self._open.discard(connected)

    def say_late(self) -> int:
        """Send all that is to be sent late, and wait until it has arrived; on how many connections it did."""
        with self._lock:
            late, self._late = self._late, []
        arrived = 0
        for connected, data in late:
            with suppress(OSError):
                connected.sendall(data)
                ends = time.monotonic() + ARRIVAL_SECONDS
                # What is acknowledged is where the other side can read it; then the queue is empty.
                while struct.unpack("i", fcntl.ioctl(connected, termios.TIOCOUTQ, b"\0" * 4))[0]:
                    assert time.monotonic() < ends, "what was sent did not arrive"
                    time.sleep(0.0005)
                arrived += 1
        return arrived

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connected in self._open:
                with suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@dataclass
class Found:
    """What became of the calls; `wrong` are pairs of a caller and what it got instead of its answer."""

    own: int = 0
    failed: int = 0
    late: int = 0
    connections: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)


def soak(calls: int, seed: int) -> Found:
    """Make at least `calls` calls, 32 at a time."""
    manners: dict[str, Manner] = {}
    chance, found = random.Random(seed), Found()
    definition = RESTConnection("Soak", host="http://127.0.0.1", path="/{who}", retries=0, pool_size=CALLERS)
    with Server(manners.__getitem__) as server, ThreadPoolExecutor(CALLERS) as threads:
        client = LiveREST(definition.replace(host=server.host, data_format=""), _opening())
        for number in range(0, calls, CALLERS):
            round_ = {f"{number + each}": manner_of(f"{number + each}", chance) for each in range(CALLERS)}
            manners.update(round_)
            for who, got in zip(round_, threads.map(lambda who: _asked(client, who), round_), strict=True):
                _note(found, who, got)
            found.late += server.say_late()
        client.close()
        found.connections = server.connections
        found.repeated = [who for who, times in server.asked.items() if times > 1]
    return found


def _note(found: Found, who: str, got: str | None) -> None:
    if got is None:
        found.failed += 1
    elif got == f"200 {who}":
        found.own += 1
    else:
        found.wrong.append((who, got))


def _asked(client: LiveREST, who: str) -> str | None:
    method = "POST" if int(who) % 3 == 0 else "GET"
    try:
        response = client.call(method, "soak", "text" if method == "POST" else None, {"who": who})
    except ConnectionFailed:
        return None
    return f"{response.status_code} {response.text}"


def _opening() -> Opening:
    return Opening(lambda wanted, owner: "", SystemClock())
