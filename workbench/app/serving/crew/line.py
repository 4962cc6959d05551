"""What a supervisor and a worker process tell each other: JSON, an object a line, on a socket that ends with either."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from workbench.app.serving.crew.member import Member, WorkerFacts
from workbench.channels.exchange import Answered
from workbench.core.errors import WorkbenchError
from workbench.core.events import Events
from workbench.core.forking import forgets_when_forked

LONGEST_LINE = 64 << 20
READ_BYTES = 64 << 10
TELL_SECONDS = 1.0
"""How often a worker process tells how much it has answered [s]."""
LAST_SECONDS = 5.0
"""Longest wait at the end until the supervisor has been told the last [s]."""


class Begin(msgspec.Struct, tag=True):
    """What a worker process is to do: serve a file so, and then answer on these sockets, by their numbers.

    Of a folder, `not_live` has the files that failed where it is served already; None where it is not.
    """

    file: str
    how: dict[str, Any]
    listeners: list[int]
    member: Member
    not_live: list[str] | None = None


class Crew(msgspec.Struct, tag=True):
    """How all of them stand."""

    workers: tuple[WorkerFacts, ...]


class Compare(msgspec.Struct, tag=True):
    """To tell now what it has by click, since the supervisor compares all of them."""


class Leave(msgspec.Struct, tag=True):
    """To let its callers go and end, since another has come in its place."""


class Broadcast(msgspec.Struct, tag=True):
    """What goes to all clients of a WebSocket channel, whichever process they came to; one tells it, and all hear it.

    Attributes:
        channel: Its name.
        text: The message.
        body: The one that follows it, if it has bytes.
    """

    channel: str
    text: str
    body: bytes | None = None


class Ready(msgspec.Struct, tag=True):
    """A worker process takes connections.

    Attributes:
        own_url: Where its own addresses answer.
        addresses: Method and path of each, and whether it answers without the token.
        told: What is served, as `serve --json` says it.
        lines: The same in words, after the first line.
        clicks: What it has by click, as `Clicked` tells it.
    """

    own_url: str
    addresses: list[tuple[str, str, bool]]
    told: dict[str, Any]
    lines: list[str]
    clicks: str


class Left(msgspec.Struct, tag=True):
    """A worker process that was told to leave takes no further connection."""


class Counted(msgspec.Struct, tag=True):
    """How many requests it has answered, how many of them with 500 or more, and how many clients each WebSocket channel
    has there."""

    answered: int
    failed: int
    clients: dict[str, int]


class Clicked(msgspec.Struct, tag=True):
    """What it has in force by click, as a digest: told when that has changed, and when it is asked."""

    clicks: str


ToWorker = Begin | Crew | Compare | Leave | Broadcast
ToSupervisor = Ready | Left | Counted | Clicked | Broadcast

encode = msgspec.json.Encoder(enc_hook=str).encode
read_to_supervisor = msgspec.json.Decoder(ToSupervisor).decode
_read_to_worker = msgspec.json.Decoder(ToWorker).decode


class Line:
    """A worker process's end.

    Args:
        number: Of its socket.

    Attributes:
        leaves: Whether another has come in its place.
        broadcast: Told what any process broadcasts; it must return at once.

    Raises:
        WorkbenchError: The supervisor has ended.
    """

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)
        self._lines = self._read()
        self._writing, self._looks = threading.Lock(), threading.Event()
        self._compares = 0
        self.leaves = False
        self.broadcast: Callable[[Broadcast], object] = lambda said: None
        os.set_inheritable(number, False)
        if (told := next(self._lines, None)) is None:
            self._socket.close()
            raise WorkbenchError("The supervisor ended before it said what to serve. Fix: run workbench serve again.")
        first = _read_to_worker(told)
        assert isinstance(first, Begin)
        self.begin = first
        self.listeners = [socket.socket(fileno=each) for each in first.listeners]
        for each in first.listeners:
            os.set_inheritable(each, False)
        forgets_when_forked(self)
        threading.Thread(target=self._listen, name="workbench-supervisor", daemon=True).start()

    def forget(self) -> None:
        """In a forked child: these sockets are the parent's."""
        for each in [self._socket, *self.listeners]:
            each.close()

    def _read(self) -> Iterator[bytes]:
        """Each line that comes, until the supervisor has ended; one that was killed may leave half of one.

        A file of the socket's own would have a lock, which a forked child would find taken for ever.
        """
        parts: list[bytes] = []
        with suppress(OSError):  # which it is if the supervisor ended before it had read all
            while heard := self._socket.recv(READ_BYTES):
                *ends, rest = heard.split(b"\n")
                for end in ends:
                    yield b"".join([*parts, end])
                    parts.clear()
                parts.append(rest)

    def tell(self, said: ToSupervisor) -> None:
        """Tell the supervisor; one that is gone hears nothing, and `_listen` ends this process."""
        self.write(encode(said))

    def write(self, said: bytes) -> None:
        """The same of what is encoded already."""
        try:
            with self._writing:
                self._socket.sendall(said + b"\n")
        except OSError:
            return

    def tell_left(self) -> None:
        """Tell the supervisor that this process takes no further connection."""
        self.tell(Left())

    def _listen(self) -> None:
        """Hear the supervisor until it has ended; then, or when it says to leave, end as after SIGTERM, once."""
        for heard in self._lines:
            message = _read_to_worker(heard)
            if isinstance(message, Crew):
                self.begin.member.crew = message.workers
            elif isinstance(message, Compare):
                self._compares += 1
                self._looks.set()
            elif isinstance(message, Broadcast):
                self.broadcast(message)
            elif isinstance(message, Leave):
                self.leaves = True
                os.kill(os.getpid(), signal.SIGTERM)
        if not self.leaves:
            os.kill(os.getpid(), signal.SIGTERM)

    @contextmanager
    def counting(
        self, events: Events, clicks: Callable[[], str], told: str, clients: Callable[[], dict[str, int]]
    ) -> Iterator[None]:
        """Tell each second what has changed: what it has answered, its clients, and what it has by click; at the end
        once more.

        Args:
            events: Of the workbench.
            clicks: What it has by click, as a digest.
            told: What it had when it was ready, which the supervisor knows.
            clients: How many clients each WebSocket channel has.
        """
        answered = failed = 0
        ends = threading.Event()

        def count(event: Answered) -> None:
            nonlocal answered, failed
            answered += 1
            failed += event.step.mood == "failed"

        def counted() -> Counted:
            return Counted(answered, failed, clients())

        thread = threading.Thread(target=self._tell, args=(counted, clicks, told, ends), name="workbench-counted")
        thread.daemon = True
        unsubscribe = events.subscribe(Answered, count)
        thread.start()
        try:
            yield
        finally:
            unsubscribe()
            ends.set()
            self._looks.set()
            thread.join(LAST_SECONDS)

    def _tell(
        self, counted: Callable[[], Counted], clicks: Callable[[], str], known: str, ends: threading.Event
    ) -> None:
        """Tell what has changed, at each look, until it ends; what is asked is told in any case."""
        told, compared, is_over = Counted(0, 0, {}), 0, False
        while not is_over:
            self._looks.wait(TELL_SECONDS)
            self._looks.clear()
            is_over, compares = ends.is_set(), self._compares
            if (now := counted()) != told:
                told = now
                self.tell(now)
            if (found := clicks()) != known or compares != compared:
                known, compared = found, compares
                self.tell(Clicked(found))
