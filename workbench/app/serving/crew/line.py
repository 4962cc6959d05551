"""What a supervisor and a worker process tell each other: JSON, an object a line, on a socket that ends with either."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
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


class Leave(msgspec.Struct, tag=True):
    """To let its callers go and end, since another has come in its place."""


class Ready(msgspec.Struct, tag=True):
    """A worker process takes connections.

    Attributes:
        own_url: Where its own addresses answer.
        addresses: Method and path of each, and whether it answers without the token.
        told: What is served, as `serve --json` says it.
        lines: The same in words, after the first line.
    """

    own_url: str
    addresses: list[tuple[str, str, bool]]
    told: dict[str, Any]
    lines: list[str]


class Left(msgspec.Struct, tag=True):
    """A worker process that was told to leave takes no further connection."""


class Counted(msgspec.Struct, tag=True):
    """How many requests it has answered, and how many of them with 500 or more."""

    answered: int
    failed: int


class Clicked(msgspec.Struct, tag=True):
    """Somebody has made, changed or removed something by click, which the others know once they start anew."""


ToWorker = Begin | Crew | Leave
ToSupervisor = Ready | Left | Counted | Clicked

encode = msgspec.json.Encoder(enc_hook=str).encode
read_to_supervisor = msgspec.json.Decoder(ToSupervisor).decode
_read_to_worker = msgspec.json.Decoder(ToWorker).decode


class Line:
    """A worker process's end.

    Args:
        number: Of its socket.

    Attributes:
        leaves: Whether another has come in its place.

    Raises:
        WorkbenchError: The supervisor has ended.
    """

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)
        self._lines = self._read()
        self._writing = threading.Lock()
        self.leaves = False
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
        rest = b""
        with suppress(OSError):  # which it is if the supervisor ended before it had read all
            while heard := self._socket.recv(READ_BYTES):
                *lines, rest = (rest + heard).split(b"\n")
                yield from lines

    def tell(self, said: ToSupervisor) -> None:
        """Tell the supervisor; one that is gone hears nothing, and `_listen` ends this process."""
        try:
            with self._writing:
                self._socket.sendall(encode(said) + b"\n")
        except OSError:
            return

    def tell_left(self) -> None:
        """Tell the supervisor that this process takes no further connection."""
        self.tell(Left())

    def _listen(self) -> None:
        """Hear the supervisor until it says to leave, or has ended; then end as after SIGTERM."""
        for heard in self._lines:
            message = _read_to_worker(heard)
            if isinstance(message, Crew):
                self.begin.member.crew = message.workers
            elif isinstance(message, Leave):
                self.leaves = True
                break
        os.kill(os.getpid(), signal.SIGTERM)

    def count(self, events: Events, clicked: Callable[[], Any]) -> Callable[[], None]:
        """Tell each second what has changed: how much was answered, and what was made by click.

        Args:
            events: Of the workbench.
            clicked: What was made by click, in any form that compares.

        Returns:
            What ends it.
        """
        counted, ends = Counted(0, 0), threading.Event()

        def count(event: Answered) -> None:
            counted.answered += 1
            counted.failed += event.step.mood == "failed"

        def tell() -> None:
            told, known = (0, 0), clicked()
            while not ends.wait(TELL_SECONDS):
                if (now := (counted.answered, counted.failed)) != told:
                    told = now
                    self.tell(Counted(*now))
                if (found := clicked()) != known:
                    known = found
                    self.tell(Clicked())

        unsubscribe = events.subscribe(Answered, count)
        threading.Thread(target=tell, name="workbench-counted", daemon=True).start()

        def end() -> None:
            unsubscribe()
            ends.set()

        return end
