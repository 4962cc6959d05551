"""The limit of one object, counted exactly in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Lock

from workbench.core.ports import Clock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import Line
from workbench.limiting.local.budgets import Budget, Lines, Passing, Solo
from workbench.limiting.local.by_address import CalendarMeterByAddress, SlidingMeterByAddress
from workbench.limiting.local.meters import CalendarMeter, Meter, SlidingMeter
from workbench.limiting.plan import Group, Plan

MOST_KNOWN = 8192
_HAS_GIL = bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class Counts:
    """The meters of one object and their lock; they outlive a redefinition that leaves their network and unit alone."""

    def __init__(self, new_meter: Callable[[Limit, Group, Line, Lock], Meter] | None = None) -> None:
        self.lock = Lock()
        self.meters: dict[tuple[str, ...], Meter] = {}
        self._new_meter = new_meter or _new_meter

    def take_over(self, limit: Limit, plan: Plan) -> list[list[Meter]]:
        """The meters of each group, known ones going on from their counts; what no line needs any more is dropped."""
        with self.lock:
            known, self.meters = self.meters, {}
            return [[self._meter(known, limit, group, line) for line in group.binding] for group in plan.groups]

    def _meter(self, known: dict[tuple[str, ...], Meter], limit: Limit, group: Group, line: Line) -> Meter:
        key = (group.network_text, line.unit, limit.per, limit.window)
        rate = max(0, line.rate or 0)
        meter = known.get(key)
        if meter is None:
            meter = self._new_meter(limit, group, line, self.lock)
        elif meter.limit != rate:
            meter.change(rate)
        self.meters[key] = meter
        return meter

    def clear(self) -> None:
        """Forget all counts."""
        with self.lock:
            for meter in self.meters.values():
                meter.clear()
                meter.refused = 0


def _new_meter(limit: Limit, _: Group, line: Line, __: Lock) -> Meter:
    rate, length = max(0, line.rate or 0), line.period_seconds
    if limit.per == "address" and limit.window == "calendar":
        return CalendarMeterByAddress(rate, length, limit.max_addresses)
    if limit.per == "address":
        return SlidingMeterByAddress(rate, length, limit.max_addresses)
    return CalendarMeter(rate, length) if limit.window == "calendar" else SlidingMeter(rate, length)


class LocalLimiter:
    """A limiter whose counters are in this process: `check` answers at once, from any thread."""

    kinds: tuple[type[Solo], type[Lines]] = Solo, Lines

    def __init__(self, limit: Limit, clock: Clock, counts: Counts | None = None) -> None:
        self.limit, self.plan, self.counts = limit, Plan(limit), counts or Counts()
        meters = self.counts.take_over(limit, self.plan)
        self.budgets = [self._budget(group, mine, clock) for group, mine in zip(self.plan.groups, meters, strict=True)]
        self._free = Passing(Decision(limit.on, limit.name, network="others"))
        self._denied = Passing(Decision(limit.on, limit.name, network="others", denied="address"), limit.shadow)
        self._budget_by_address: dict[str | None, Budget] = {}
        for_all = len(self.budgets) == 1 and self.plan.groups[0].network is None
        self.check: Callable[[str | None, str], Decision] = self.budgets[0].check if for_all else self._check
        self.check_blocking = self.check

    def _check(self, address: str | None, cid: str) -> Decision:
        budget = self._budget_by_address.get(address)
        if budget is None:
            budget = self._find(address)
        return budget.check(address, cid)

    def _find(self, address: str | None) -> Budget:
        place = self.plan.place(address)
        if place is not None:
            budget = self.budgets[place]
        else:
            budget = self._denied if self.limit.deny_others and address is not None else self._free
        if len(self._budget_by_address) >= MOST_KNOWN:
            self._budget_by_address.clear()
        self._budget_by_address[address] = budget
        return budget

    def _budget(self, group: Group, meters: list[Meter], clock: Clock) -> Budget:
        if not meters:
            return Passing(Decision(self.limit.on, self.limit.name, network=group.network_text))
        solo, lines = self.kinds
        if len(meters) == 1 and isinstance(meters[0], CalendarMeter) and _HAS_GIL:
            return solo(self.limit, group, meters[0], self.counts.lock, clock)
        return lines(self.limit, group, meters, self.counts.lock, clock)
