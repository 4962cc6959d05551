"""One worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import signal
import socket
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import NamedTuple

from workbench.app.serving.crew.line import (
    LONGEST_LINE,
    Begin,
    Broadcast,
    Clicked,
    Compare,
    Counted,
    Crew,
    Leave,
    Left,
    Ready,
    ToWorker,
    encode,
    read_to_supervisor,
)
from workbench.app.serving.crew.member import WorkerFacts

LAST_SECONDS = 1.0
"""Longest wait for what one that has ended told last [s]."""
MOST_UNREAD_BYTES = 64 << 20
"""What one may leave unread; beyond it, it is handed no broadcast [bytes]."""


class Hears(NamedTuple):
    """Who is told of what a worker process says.

    Attributes:
        clicked: Something has changed there by click.
        broadcast: It broadcasts this line.
    """

    clicked: Callable[[], None]
    broadcast: Callable[[bytes], None]


class Worker:
    """A process that serves; `starting`, `ready`, `leaving` or `ended`.

    Attributes:
        told: What it said when it was ready.
        clicks: What it has in force by click, as a digest; '' before it has told.
        clicks_at: When the store gave it that, or a person changed it there [s, monotonic].
        left: Set once it takes no further connection, as one that has ended does not.
        code: Its exit status once it has ended, negative for a signal.
    """

    def __init__(self, number: int, process: Process, line: tuple[StreamReader, StreamWriter], hears: Hears) -> None:
        self.number, self.pid, self._process = number, process.pid, process
        self._reader, self._writer = line
        self._hears = hears
        self.state, self.since = "starting", time()
        self.clicks, self.clicks_at = "", monotonic()
        self._counted = Counted(0, 0, {})
        self._is_told = False
        self._ready_at: float | None = None
        self.ready_seconds = 0.0
        self.told: Ready | None = None
        self.code: int | None = None
        # Its end sets all three, so that nobody waits for what does not come any more.
        self._is_ready, self.left, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._has_told_clicks = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())
        self._waiting = asyncio.create_task(self._wait())

    @property
    def facts(self) -> WorkerFacts:
        """What is told of it."""
        counted = self._counted
        answered, failed, clients = counted.answered, counted.failed, counted.clients
        return WorkerFacts(self.number, self.pid, self.state, self.since, answered, failed, clients)

    @property
    def how_it_ended(self) -> str:
        """In words: `was ended by SIGKILL`, `ended with status 1`."""
        assert self.code is not None
        if self.code >= 0:
            return f"ended with status {self.code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-self.code).name}"
        return f"was ended by signal {-self.code}"

    async def is_up(self) -> bool:
        """Wait until it is ready or has ended; whether it is ready."""
        await self._is_ready.wait()
        return self.state == "ready"

    def tell(self, said: ToWorker) -> None:
        """Tell it something; one that has ended hears nothing."""
        if not self.ended.is_set() and not self._writer.is_closing():
            self._writer.write(encode(said) + b"\n")

    def hand(self, broadcast: bytes) -> bool:
        """Hand it what one of them broadcasts; whether it takes that, or has ended. Nobody waits for one that hangs."""
        if self.ended.is_set() or self._writer.is_closing():
            return True
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            return False
        self._writer.write(broadcast)
        return True

    def tell_crew(self, workers: tuple[WorkerFacts, ...]) -> None:
        """Tell it how all of them stand."""
        self.tell(Crew(workers))

    async def tell_clicks(self) -> None:
        """Have it tell now what it has by click, and wait for that."""
        self._has_told_clicks.clear()
        self.tell(Compare())
        await self._has_told_clicks.wait()

    def leave(self) -> None:
        """Have it let its callers go and end."""
        if self._may_end():
            self.tell(Leave())

    def terminate(self) -> None:
        """Have it end after calls in flight; once, since a second signal ends it at once."""
        if self._may_end():
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.code is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _may_end(self) -> bool:
        """Whether nobody has told it before; it is leaving from now on."""
        was_told, self._is_told = self._is_told, True
        self._end_of("leaving")
        return not was_told

    def _end_of(self, state: str) -> None:
        if self._ready_at is not None and self.state == "ready":
            self.ready_seconds = monotonic() - self._ready_at
        if self.state != "ended":
            self.state = state

    async def _listen(self) -> None:
        with suppress(ConnectionError):
            # One that was killed may leave half a line.
            while (heard := await self._reader.readline()).endswith(b"\n"):
                message = read_to_supervisor(heard)
                if isinstance(message, Ready):
                    self.told, self._ready_at, self.state = message, monotonic(), "ready"
                    self.clicks = message.clicks
                    self._is_ready.set()
                elif isinstance(message, Left):
                    self.left.set()
                elif isinstance(message, Counted):
                    self._counted = message
                elif isinstance(message, Broadcast):
                    self._hears.broadcast(heard)
                elif isinstance(message, Clicked):
                    self._hear_clicks(message.clicks)

    def _hear_clicks(self, clicks: str) -> None:
        self._has_told_clicks.set()
        if clicks != self.clicks:
            self.clicks, self.clicks_at = clicks, monotonic()
            self._hears.clicked()

    async def _wait(self) -> None:
        self.code = await self._process.wait()
        # What it told last is read; a child that it has forked may hold its end of the line open.
        await asyncio.wait([self._listening], timeout=LAST_SECONDS)
        self._listening.cancel()
        self._end_of("ended")
        self._writer.close()
        for each in (self._is_ready, self.left, self.ended, self._has_told_clicks):
            each.set()


async def start(command: Sequence[str], begin: Begin, hears: Hears) -> Worker:
    """Start a worker process.

    Args:
        command: The program that serves; the number of its socket is added.
        begin: What it is to do.
        hears: Who is told of what it says.

    Raises:
        OSError: The system starts no further process.
    """
    ours, theirs = socket.socketpair()
    try:
        # A group of its own: Ctrl-C is for the supervisor, which tells them.
        process = await asyncio.create_subprocess_exec(
            *command,
            str(theirs.fileno()),
            stdin=DEVNULL,
            pass_fds=(theirs.fileno(), *begin.listeners),
            process_group=0,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    worker = Worker(begin.member.number, process, await asyncio.open_connection(sock=ours, limit=LONGEST_LINE), hears)
    worker.tell(begin)
    return worker
