"""The limit of one object, counted in this process on calls leased from a store that others share."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future
from threading import Lock
from time import monotonic

from workbench.core.ports import Clock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import Line
from workbench.limiting.local.budgets import Lines, Solo
from workbench.limiting.local.limiter import Counts, LocalLimiter
from workbench.limiting.local.meters import Meter
from workbench.limiting.plan import Group
from workbench.limiting.shared.leases import LeasedMeter, Leaser
from workbench.limiting.shared.limiter import PATIENCE_SECONDS, count_of

_WAITS = Decision("", "", denied="wait")
"""Neither yes nor no: a lease is on its way."""


def leasable(limit: Limit) -> bool:
    """Whether a limit is counted on leases: callers apart and sliding spans are always counted one by one."""
    return not limit.exact and limit.per == "network" and limit.window == "calendar"


def leased_counts(leaser: Leaser, kind: type[LeasedMeter] = LeasedMeter) -> Counts:
    """The meters of one object on leases."""

    def new_meter(limit: Limit, group: Group, line: Line, lock: Lock) -> Meter:
        return kind(count_of(limit, group, line), lock, leaser)

    return Counts(new_meter)


class LeasedLines(Lines):
    """Lines of which an empty meter may only wait for its lease."""

    def _refused(self, now: float, key: str, address: str | None, cid: str) -> Decision:
        empty = [meter for meter in self.meters if isinstance(meter, LeasedMeter) and meter.full(now, key)]
        if any(meter.down for meter in empty):
            return self._store_down(address, cid)
        if not any(meter.settled for meter in empty):
            for meter in empty:
                meter.thirst += 1
            return _WAITS
        return super()._refused(now, key, address, cid)

    def _store_down(self, address: str | None, cid: str) -> Decision:
        said = Decision(
            self.limit.on, self.limit.name, limit=self._passed.limit, network=self._passed.network, denied="store"
        )
        said.allowed = self.limit.shadow or self.limit.if_store_down == "allow"
        said.address, said.cid = address or "", cid
        return said


class LeasedSolo(LeasedLines, Solo):
    """One leased meter: no lock while its lease has calls left."""


class ApproximateLimiter(LocalLimiter):
    """Answers from this process alone; only a call that comes faster than its lease waits for it, some milliseconds."""

    kinds = LeasedSolo, LeasedLines

    def __init__(
        self, limit: Limit, clock: Clock, counts: Counts, leaser: Leaser, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        super().__init__(limit, clock, counts)
        self._leaser, self._patience = leaser, patience_seconds
        self._counted = self.check
        self._waiting: dict[AbstractEventLoop, list[tuple[Future[Decision], str | None, str]]] = {}
        self._guard = Lock()
        self.check = self._check_on_loop  # type: ignore[assignment]
        self.check_blocking = self._check_blocking
        leaser.listen(self)

    def _check_on_loop(self, address: str | None, cid: str) -> Decision | Future[Decision]:
        generation = self._leaser.generation
        said = self._counted(address, cid)
        return self._wait_on_loop(address, cid, generation) if said is _WAITS else said

    def _check_blocking(self, address: str | None, cid: str) -> Decision:
        generation = self._leaser.generation
        said = self._counted(address, cid)
        if said is not _WAITS:
            return said
        deadline = monotonic() + self._patience
        while said is _WAITS and (patience := deadline - monotonic()) > 0:
            self._leaser.wait(generation, patience)
            generation = self._leaser.generation
            said = self._counted(address, cid)
        return self._too_late(address, cid) if said is _WAITS else said

    def _wait_on_loop(self, address: str | None, cid: str, generation: int) -> Future[Decision]:
        loop = asyncio.get_running_loop()
        future: Future[Decision] = loop.create_future()
        with self._guard:
            self._waiting.setdefault(loop, []).append((future, address, cid))
        loop.call_later(self._patience, self._expire, future, address, cid)
        if self._leaser.generation != generation:  # it came between the question and the wait
            self.leased()
        return future

    def leased(self) -> None:
        """Leases have come: those who wait ask again, each on its loop. Called in the leaser's thread."""
        with self._guard:
            waiting, self._waiting = self._waiting, {}
        for loop, calls in waiting.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._again, loop, calls)

    def _again(self, loop: AbstractEventLoop, calls: list[tuple[Future[Decision], str | None, str]]) -> None:
        for place, (future, address, cid) in enumerate(calls):
            if future.done():
                continue
            said = self._counted(address, cid)
            if said is _WAITS:
                with self._guard:
                    self._waiting.setdefault(loop, []).extend(calls[place:])
                return
            future.set_result(said)

    def _expire(self, future: Future[Decision], address: str | None, cid: str) -> None:
        if not future.done():
            future.set_result(self._too_late(address, cid))

    def _too_late(self, address: str | None, cid: str) -> Decision:
        place = self.plan.place(address)
        assert place is not None
        budget = self.budgets[place]
        assert isinstance(budget, LeasedLines)
        return budget._store_down(address, cid)
