"""What the callers of one network have left: their lines checked together, all or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import ceil
from threading import Lock

from workbench.core.clock import SystemClock
from workbench.core.ports import Clock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import UNIT_NAMES, Line
from workbench.limiting.local.meters import CalendarMeter, Meter
from workbench.limiting.networks import caller_key
from workbench.limiting.plan import Group


def reader(clock: Clock, window: str) -> Callable[[], float]:
    """How a meter reads the time: the calendar's, or one that never goes back for spans [s]."""
    if type(clock) is SystemClock:
        return time.time if window == "calendar" else time.monotonic
    return clock.time if window == "calendar" else clock.monotonic


class Budget:
    """What is asked about each call of the callers of one network."""

    meters: Sequence[Meter] = ()

    def check(self, address: str | None, cid: str) -> Decision:
        """Count one call on every line, or on none."""
        raise NotImplementedError


class Passing(Budget):
    """Callers that nothing is counted for: let through, or denied."""

    def __init__(self, decision: Decision, shadow: bool = False) -> None:
        self._decision, self._shadow = decision, shadow

    def check(self, address: str | None, cid: str) -> Decision:
        said = self._decision
        if not said.denied:
            return said
        denied = Decision(said.on, said.name, network=said.network, denied=said.denied)
        denied.allowed, denied.address, denied.cid = self._shadow, address or "", cid
        return denied


class Lines(Budget):
    """Any number of meters, checked and taken under the lock of their object."""

    def __init__(self, limit: Limit, group: Group, meters: Sequence[Meter], lock: Lock, clock: Clock) -> None:
        self.limit, self.group, self.meters, self.lock = limit, group, meters, lock
        self._clock, self._now = clock, reader(clock, limit.window)
        self._acquire, self._release = lock.acquire, lock.release
        self._apart, self._tell = limit.per == "address", limit.tell_caller and not limit.shadow
        texts = ", ".join(line.limit_text for line in group.binding)
        self._passed = Decision(limit.on, limit.name, limit=texts, network=group.network_text)
        self._policies = [f'"{limit.on}-{UNIT_NAMES[line.unit]}"' for line in group.binding]
        self._policy = ", ".join(
            f"{policy};q={max(0, line.rate or 0)};w={line.period_seconds}"
            for policy, line in zip(self._policies, group.binding, strict=True)
        )

    def pass_as(self, decision: Decision) -> None:
        """Tell this of each call that is let through, in place of the lines that are counted here."""
        self._passed = decision

    def check(self, address: str | None, cid: str) -> Decision:
        key = address or ""
        if self._apart and ":" in key:
            key = caller_key(key)
        self._acquire()
        try:
            while True:
                now = self._now()
                for meter in self.meters:
                    if meter.full(now, key):
                        return self._refused(now, key, address, cid)
                for meter in self.meters:
                    if not meter.take(now, key, address, cid):
                        self._give_back(meter)
                        break
                else:
                    return self._told(now, key) if self._tell else self._passed
        finally:
            self._release()

    def _give_back(self, failed: Meter) -> None:
        for meter in self.meters[: self.meters.index(failed)]:
            if isinstance(meter, CalendarMeter):  # the only kind that others take from without the lock
                meter.give_back()

    def _told(self, now: float, key: str) -> Decision:
        told = Decision(self.limit.on, self.limit.name, limit=self._passed.limit, network=self._passed.network)
        told.headers = self._headers(now, key)
        return told

    def _refused(self, now: float, key: str, address: str | None, cid: str) -> Decision:
        """Say no, with the lock held; the line that is named is the first full one in order of definition."""
        full = [(line, meter) for line, meter in self._pairs() if meter.full(now, key)]
        line, meter = full[0]
        meter.refused += 1
        said = Decision(
            self.limit.on, self.limit.name, limit=line.limit_text, network=self.group.network_text, denied="limit"
        )
        said.allowed, said.address, said.cid = self.limit.shadow, address or "", cid
        if (last := meter.last(key)) is not None:
            said.last_from, said.last_cid = last.address or "", last.cid
            said.last_at = last.at if self.limit.window == "calendar" else self._clock.time() - (now - last.at)
        if self._tell:
            said.headers = self._headers(now, key)
            if all(meter.limit for _, meter in full):
                wait = max(meter.wait(now, key) for _, meter in full)
                said.headers += (("Retry-After", str(self._whole(wait))),)
        return said

    def _pairs(self) -> list[tuple[Line, Meter]]:
        return list(zip(self.group.binding, self.meters, strict=True))

    def _headers(self, now: float, key: str) -> tuple[tuple[str, str], ...]:
        states = ", ".join(
            f"{policy};r={meter.left(now, key)};t={self._whole(meter.wait(now, key))}"
            for policy, meter in zip(self._policies, self.meters, strict=True)
        )
        return ("RateLimit-Policy", self._policy), ("RateLimit", states)

    def _whole(self, wait: float) -> int:
        """Whole seconds that are never too early: a sliding span still holds its first instant at its end."""
        return ceil(wait) if self.limit.window == "calendar" else int(wait) + 1


class Solo(Lines):
    """One calendar meter that all callers share: no lock while the window has calls left (see CalendarMeter)."""

    def __init__(self, limit: Limit, group: Group, meter: CalendarMeter, lock: Lock, clock: Clock) -> None:
        super().__init__(limit, group, [meter], lock, clock)
        self._meter = meter

    def check(self, address: str | None, cid: str) -> Decision:
        floor, end, tokens = self._meter.window
        now = self._now()
        if floor <= now < end and next(tokens, None):
            self._meter.last_taken = (now, address, cid)
            if self._tell:
                return self._told(now, "")
            return self._passed
        return super().check(address, cid)
