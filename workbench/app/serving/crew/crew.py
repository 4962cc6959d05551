"""Keeps as many worker processes as are wanted, and ends them all."""

from __future__ import annotations

import asyncio
import socket
import threading
from asyncio import Lock
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.serving.crew.backing_off import BackingOff
from workbench.app.serving.crew.line import Begin
from workbench.app.serving.crew.member import Member, WorkerFacts
from workbench.app.serving.crew.worker import Hears, Worker, start

OVERTIME_SECONDS = 8.0
"""How much longer than calls may take a worker process is given to end; then it is killed [s]."""
LEAVE_SECONDS = 5.0
"""Longest wait until those told to leave take no further connection, or those asked have told their clicks [s]."""
TELL_SECONDS = 1.0
BETWEEN_SECONDS = 0.1
"""How long to wait before it is looked again whether definitions are still handed round [s]."""


class Plan(NamedTuple):
    """What is served, and how.

    Attributes:
        file: The notebook or module.
        command: The program of a worker process.
        how: What it is told of how to serve.
        size: How many serve.
        listeners: Where they answer.
        member: What each knows of the others, but its number.
        drain_seconds: Longest wait for calls in flight at the end [s].
        say: Says a line to whoever looks.
    """

    file: Path
    command: Sequence[str]
    how: dict[str, Any]
    size: int
    listeners: Sequence[socket.socket]
    member: Member
    drain_seconds: float
    say: Callable[[str], None]


class Place:
    """The place of one of them: the process that has it, and how often such ended."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.backing_off = BackingOff()
        self.changing = Lock()


class Crew:
    """The worker processes of one supervisor.

    Attributes:
        places: One for each that is wanted; empty before the first is ready.
        status: The exit status if the first could not serve; 0 if its file has ended the run itself.
        keeping: What sees to it that they are there; ends only with an error.
        clicked: Told when those that serve may not have the same by click any more.
        defining: Held while definitions are handed round, and while all of them tell what they have by click.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.places: list[Place] = []
        self.status = 1
        self.ending = asyncio.Event()
        self.clicked: Callable[[], None] = lambda: None
        self.defining = threading.Lock()
        self._all: list[Worker] = []
        self._missing: set[Worker] = set()
        self._hears = Hears(lambda: self.clicked(), self._hand_round)
        self.keeping: list[asyncio.Task[None]] = []

    @property
    def facts(self) -> tuple[WorkerFacts, ...]:
        """What is told of all of them that live."""
        return tuple(each.facts for each in self._all)

    @property
    def ready(self) -> list[Worker]:
        """Those who take connections, the one first whose panel is shown."""
        return [each.worker for each in list(self.places) if each.worker.state == "ready"]

    @property
    def is_ending(self) -> bool:
        """Whether all of them are about to end."""
        return self.ending.is_set()

    @property
    def newest(self) -> Worker | None:
        """The one that has the newest by click: somebody changed it there last, or it has begun since and read it."""
        return max((each for each in self._all if each.clicks), key=attrgetter("clicks_at"), default=None)

    async def compare(self) -> None:
        """Have each that serves tell what it has by click, while nothing is handed round.

        One that does not answer counts as it was told last.
        """
        while not self.defining.acquire(blocking=False):
            await asyncio.sleep(BETWEEN_SECONDS)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await asyncio.gather(*(each.tell_clicks() for each in self.ready))
        finally:
            self.defining.release()

    async def start(self, number: int) -> Worker:
        """Start one; raises OSError."""
        plan = self.plan
        member = Member(number, plan.member.supervisor, plan.member.own_url, plan.member.token)
        listeners = [each.fileno() for each in plan.listeners]
        before = self.places[0].worker.told if self.places else None
        not_live = before.told.get("not_live") if before is not None else None
        begin = Begin(str(plan.file), plan.how, listeners, member, not_live)
        worker = await start(plan.command, begin, self._hears)
        self._all = [each for each in self._all if not each.ended.is_set()] + [worker]
        self._missing.intersection_update(self._all)
        if self.is_ending:
            worker.terminate()
        return worker

    def _hand_round(self, broadcast: bytes) -> None:
        """Hand all of them what one of them broadcasts, in one order for all, also to those that start or leave."""
        for each in self._all:
            if each.hand(broadcast):
                self._missing.discard(each)
            elif each not in self._missing:
                self._missing.add(each)
                self.plan.say(
                    f"Worker process {each.number} (pid {each.pid}) takes nothing from others now, so that its "
                    f"WebSocket clients miss what is broadcast. Fix: see what holds it, by workbench log; or kill it."
                )

    async def begin(self) -> bool:
        """Start the first, and once it is ready the others; whether they serve.

        One that fails before anybody serves has said why, and the others would fail alike.
        """
        first = await self.start(1)
        if not await first.is_up():
            self.status = first.code if first.code is not None and first.code >= 0 else self.status
            return False
        self.places = [Place(first)]
        others = [await self.start(number) for number in range(2, self.plan.size + 1)]
        await asyncio.gather(*(each.is_up() for each in others))
        self.places += map(Place, others)
        self.keeping = [asyncio.create_task(self._keep(each)) for each in self.places]
        self.keeping.append(asyncio.create_task(self._tell()))
        return not self.is_ending

    async def _keep(self, place: Place) -> None:
        """Have a process in this place, whatever becomes of it."""
        while True:
            worker = place.worker
            await worker.ended.wait()
            async with place.changing:
                if self.is_ending:
                    return
                if place.worker is not worker:
                    continue
                await self._replace(place)
            if await place.worker.is_up():
                self.clicked()

    async def _replace(self, place: Place) -> None:
        """Start one in place of one that has ended, after a while if such ended before."""
        worker = place.worker
        wait = place.backing_off.wait_seconds(worker.ready_seconds)
        when = f"in {wait:g} s, since {place.backing_off.ends} have ended soon" if wait else "now"
        self.plan.say(
            f"Worker process {worker.number} (pid {worker.pid}) {worker.how_it_ended}; another starts {when}."
        )
        await asyncio.sleep(wait)
        while True:
            try:
                place.worker = await self.start(worker.number)
                return
            except OSError as exc:
                wait = place.backing_off.wait_seconds(0.0)
                self.plan.say(f"Worker process {worker.number} cannot start ({exc}); tried again in {wait:g} s.")
                await asyncio.sleep(wait)

    async def _tell(self) -> None:
        told: tuple[WorkerFacts, ...] = ()
        while True:
            if (facts := self.facts) != told:
                told = facts
                for each in self.ready:
                    each.tell_crew(facts)
            await asyncio.sleep(TELL_SECONDS)

    def let_go(self, worker: Worker) -> None:
        """Have one leave that another has come for; if it does not in time, it is killed."""
        worker.leave()
        asyncio.get_running_loop().create_task(self._expect_end([worker]))

    def terminate(self) -> None:
        """Have all of them end, and those that start meanwhile; calls in flight may take their time."""
        self.ending.set()
        for worker in self._all:
            worker.terminate()

    async def end(self) -> None:
        """Have all of them end, and wait for it; nobody connects any more."""
        self.terminate()
        for task in self.keeping:
            task.cancel()
        for each in self.plan.listeners:
            each.close()
        await self._expect_end(self._all)

    async def expect_left(self, workers: Sequence[Worker]) -> None:
        """Wait until those that were told to leave take no further connection; who still may is told of."""
        if await _have_come([each.left for each in workers], LEAVE_SECONDS):
            return
        for each in workers:
            if not each.left.is_set():
                within = f"has not left the address within {LEAVE_SECONDS:g} s"
                self.plan.say(f"Worker process {each.number} (pid {each.pid}) {within}; until it ends it may answer.")

    async def _expect_end(self, workers: Sequence[Worker]) -> None:
        if await _have_come([each.ended for each in workers], self.plan.drain_seconds + OVERTIME_SECONDS):
            return
        for each in workers:
            if not each.ended.is_set():
                self.plan.say(f"Worker process {each.number} (pid {each.pid}) does not end, and is killed.")
                each.kill()
        await asyncio.gather(*(each.ended.wait() for each in workers))

    def kill(self) -> None:
        """End all of them at once."""
        for each in self._all:
            each.kill()


async def _have_come(events: Iterable[asyncio.Event], seconds: float) -> bool:
    """Wait for all of them, so long [s]; whether all have come."""
    with suppress(TimeoutError):
        # Of a wait_for that is cancelled, asyncio tells the end of what it gathered as an error that nobody has heard.
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(each.wait() for each in events))
        return True
    return False
