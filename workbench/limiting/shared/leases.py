"""Approximate counts: each process leases calls of a window from the store ahead of its need and counts those itself.

A lease is taken off the window's rate in the store before it is used, so all processes together never let more through
than the rate; what they may let through less is what a process holds unused when the window ends, or when it is killed.
A process holds about what it needs for two ticks, and gives back what it has not touched for ten.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import length_hint
from typing import ClassVar, Protocol
from weakref import WeakSet

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Clock
from workbench.limiting.local.budgets import reader
from workbench.limiting.local.meters import CHUNK, CalendarMeter, Meter
from workbench.limiting.shared.limiter import Count, Granted

TICK_SECONDS = 0.01
IDLE_TICKS = 10
ASK_AGAIN_SECONDS = 0.05
DOWN_SECONDS = 0.5


class Leases(Protocol):
    """A store that grants leases."""

    is_on_this_machine: bool

    def lease(self, wanted: Sequence[tuple[Count, int]]) -> list[Granted]:
        """Take up to so many calls of each counter's current window; raises StoreUnavailable."""
        ...

    def give_back(self, unused: Sequence[tuple[Count, int, float]]) -> None:
        """Put back calls of the window that started then; raises StoreUnavailable."""
        ...


class Listener(Protocol):
    """Whoever has calls that wait for a lease."""

    def leased(self) -> None:
        """Leases have come; called in the leaser's thread."""
        ...


class LeasedMeter(CalendarMeter):
    """A calendar meter whose chunks of tokens are leases; its windows are the store's, told by the local clock."""

    __slots__ = (
        "count", "demand", "down", "exhausted", "idle", "leaser", "lock", "offset", "pool", "rest", "start", "taken",
        "thirst",
    )  # fmt: skip

    ahead: ClassVar[int] = 2
    """For how many ticks it holds calls; what it holds is lost if its process is killed."""

    def __init__(self, count: Count, lock: threading.Lock, leaser: Leaser) -> None:
        super().__init__(count.rate, count.period)
        self.count, self.lock, self.leaser = count, lock, leaser
        self.pool = self.rest = self.taken = self.idle = self.thirst = 0
        self.demand = self.offset = self.start = 0.0
        self.exhausted = self.down = False

    def turn(self, now: float) -> None:
        floor, end, _ = self.window
        if not floor <= now < end:
            self._open((now + self.offset) // self.length * self.length)

    def _open(self, start: float) -> None:
        """Start a window with nothing in it; `start` is the store's."""
        self.start, local = start, start - self.offset
        self.issued = self.pool = self.taken = 0
        self.rest, self.exhausted = self.limit, False
        self.window = (local - self.length, local + self.length, repeat(1, 0))

    def more(self) -> bool:
        floor, end, tokens = self.window
        if length_hint(tokens):
            return True
        if self.pool:
            extra = min(self.pool, CHUNK)
            self.pool, self.issued = self.pool - extra, self.issued + extra
            self.window = (floor, end, repeat(1, extra))
            return True
        self.leaser.touch(self)
        return False

    @property
    def settled(self) -> bool:
        """Whether an empty meter is a full count, or only waits for its lease."""
        return self.exhausted or self.down or self.limit <= 0

    def holds(self) -> int:
        """Calls leased and not used."""
        return length_hint(self.window[2]) + self.pool

    def left(self, now: float, key: str) -> int:
        return self.holds() + self.rest

    def used(self, now: float) -> tuple[int, int]:
        floor, end, _ = self.window
        return (max(0, self.limit - self.left(now, "")) if floor <= now < end else 0), 0

    def deposit(self, granted: Granted, wanted: int, now: float) -> None:
        """Take a lease in, under the lock."""
        # Of the same clock the difference is what the answer took, and no offset.
        self.offset, self.down = 0.0 if self.leaser.is_on_this_machine else granted.now - now, False
        if granted.start != self.start:
            self._open(granted.start)
        self.pool, self.rest = self.pool + granted.number, granted.rest
        self.exhausted = wanted > 0 and granted.number == 0

    def hand_back(self) -> tuple[Count, int, float] | None:
        """Empty the meter, under the lock: what is to be put back into the store."""
        floor, end, tokens = self.window
        number = sum(tokens)
        self.issued -= number
        number, self.pool = number + self.pool, 0
        self.window = (floor, end, repeat(1, 0))
        return (self.count, number, self.start) if number else None

    def change(self, limit: int) -> None:
        unused = self.hand_back()
        if unused is not None:
            self.leaser.give_back_soon(unused)
        self.limit, self.exhausted = max(0, limit), False
        self.count = self.count._replace(rate=self.limit)

    def clear(self) -> None:
        unused = self.hand_back()
        if unused is not None:
            self.leaser.give_back_soon(unused)
        super().clear()
        self.pool = self.taken = 0
        self.start, self.exhausted = 0.0, False

    def wants(self, now: float) -> int:
        """How many calls to lease now, under the lock: the need of some ticks, or what those waiting need."""
        self.turn(now)
        holds = self.holds()
        used, before = self.issued - length_hint(self.window[2]), self.taken
        self.taken = used
        fresh = max(0, used - before)
        self.demand = max(float(fresh), 0.5 * self.demand)
        self.idle = 0 if fresh or self.thirst else self.idle + 1
        thirst, self.thirst = self.thirst, 0
        is_low = holds <= self.ahead / 2 * self.demand
        return max(thirst, int(self.ahead * self.demand) + 1 - holds) if is_low else 0


class Leaser:
    """Leases for the meters of one process, in one thread that sleeps while no meter holds or needs anything."""

    def __init__(self, leases: Leases, clock: Clock, *, threaded: bool = True) -> None:
        """Lease from a store; without a thread, whoever owns it calls `step`."""
        self._leases, self._now, self._monotonic = leases, reader(clock, "calendar"), reader(clock, "sliding")
        self.is_on_this_machine = leases.is_on_this_machine
        self._threaded, self._closed, self._down_until = threaded, False, float("-inf")
        self._guard, self._stepping = threading.Lock(), threading.Lock()
        self._active: dict[LeasedMeter, float] = {}
        self._unused: list[tuple[Count, int, float]] = []
        self._thirsty, self._thread = threading.Event(), None if threaded else threading.current_thread()
        self.generation, self._came = 0, threading.Condition()
        self._listeners: WeakSet[Listener] = WeakSet()

    def touch(self, meter: LeasedMeter) -> None:
        """A meter is empty and was asked for a call."""
        if not (meter.exhausted and meter in self._active):
            with self._guard:
                self._active.setdefault(meter, float("-inf"))
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._run, name="workbench-leases", daemon=True)
                    self._thread.start()
            self._thirsty.set()

    def listen(self, listener: Listener) -> None:
        """Tell whenever leases have come."""
        with self._guard:
            self._listeners.add(listener)

    def wait(self, generation: int, seconds: float) -> None:
        """Wait until leases have come since `generation` was read."""
        if not self._threaded:
            return self.step()
        with self._came:
            self._came.wait_for(lambda: self.generation != generation, seconds)

    def give_back_soon(self, unused: tuple[Count, int, float]) -> None:
        """Put calls back with the next tick."""
        self._unused.append(unused)
        self._thirsty.set()

    def retire(self, meters: Iterable[Meter]) -> None:
        """Give back, now, what meters hold that count no more."""
        with self._stepping:
            for meter in meters:
                if isinstance(meter, LeasedMeter):
                    with meter.lock:
                        self._rest(meter)
        self.step()

    def close(self) -> None:
        """Give everything back and end the thread."""
        self._closed = True
        self._thirsty.set()
        if self._thread is not None and self._threaded:
            self._thread.join(5.0)
        elif not self._threaded:
            self.step(last=True)

    def _run(self) -> None:
        while not self._closed:
            self._thirsty.wait(TICK_SECONDS if self._active else None)
            self._thirsty.clear()
            self.step()
        self.step(last=True)

    def step(self, *, last: bool = False) -> None:
        """One tick: lease what is needed, give back what is idle."""
        with self._stepping:
            self._step(last)

    def _step(self, last: bool) -> None:
        with self._guard:
            meters = list(self._active.items())
        wanted: list[tuple[LeasedMeter, int]] = []
        now, tick = self._now(), self._monotonic()
        if tick < self._down_until:
            return
        for meter, asked_at in meters:
            with meter.lock:
                want = meter.wants(now)
                if last or meter.idle > IDLE_TICKS:
                    self._rest(meter)
                elif want and not (meter.exhausted and tick - asked_at < ASK_AGAIN_SECONDS):
                    wanted.append((meter, want))
        unused, self._unused = self._unused, []
        try:
            if unused:
                self._leases.give_back(unused)
            granted = self._leases.lease([(meter.count, want) for meter, want in wanted]) if wanted else []
        except StoreUnavailable:  # which the store has said in the log
            self._down_until = tick + DOWN_SECONDS
            self._unused += unused
            for meter, _ in wanted:
                with meter.lock:
                    meter.down = True
            self._tell()
            return
        if wanted:
            self._deposit(wanted, granted, tick)

    def _rest(self, meter: LeasedMeter) -> None:
        unused = meter.hand_back()
        if unused is not None:
            self._unused.append(unused)
            self._thirsty.set()
        with self._guard:
            self._active.pop(meter, None)

    def _deposit(self, wanted: list[tuple[LeasedMeter, int]], granted: list[Granted], tick: float) -> None:
        for (meter, want), lease in zip(wanted, granted, strict=True):
            with meter.lock:
                meter.deposit(lease, want, self._now())
            with self._guard:
                if meter in self._active:
                    self._active[meter] = tick
        self._tell()

    def _tell(self) -> None:
        with self._came:
            self.generation += 1
            self._came.notify_all()
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.leased()
