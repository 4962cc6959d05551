"""An exact limit with a high rate, counted on leases until its last calls, and those one by one.

A lease is taken off the store's count before it is used, so never one call too many is let through. Nor is one too few,
as long as nobody holds unused calls when the count is full: so the last `RESERVE` calls of a window are leased to
nobody, and by the time that they are counted one by one, each process has given back what it does not use, which takes
0.2 s at most. What a process holds that is killed is lost, as its calls in flight are.

Lower rates are counted one by one throughout: at them the store is not what a call waits for.
"""

from __future__ import annotations

import asyncio
from asyncio import Future

from msgspec.structs import replace

from workbench.core.ports import Clock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.grammar import Line
from workbench.limiting.local.budgets import Lines
from workbench.limiting.local.limiter import Counts
from workbench.limiting.shared.approximate import ApproximateLimiter
from workbench.limiting.shared.leases import LeasedMeter, Leaser
from workbench.limiting.shared.limiter import SharedCounters, SharedLimiter

RESERVE = 10_000
"""Calls of each window that are counted one by one.

More than processes can count so within the 0.2 s in which unused leases are back: SQLite counts some 5,000 a second.
"""
LEAST_RATE = 10 * RESERVE
"""From which rate on leases are worth it: below it, most of a window would be counted one by one."""


class ReservedMeter(LeasedMeter):
    """Holds more, so that a call hardly ever waits for its lease: of so high a rate it is little."""

    __slots__ = ()
    ahead = 5


def reservable(limit: Limit, store: SharedCounters) -> bool:
    """Whether an exact limit is counted on leases: its windows must be this machine's, and no caller told the count."""
    if not limit.exact or limit.per != "network" or limit.window != "calendar" or limit.tell_caller:
        return False
    rates = [line.rate for line in limit.parsed() if line.rate is not None]
    return store.is_on_this_machine and bool(rates) and min(rates) >= LEAST_RATE


class ReservedLimiter(SharedLimiter):
    """Answers from this process alone while it has leases, and asks the store for the last calls of a window."""

    def __init__(self, limit: Limit, clock: Clock, counts: Counts, leaser: Leaser, store: SharedCounters) -> None:
        super().__init__(limit, store)
        self._counts = counts
        reduced = replace(limit, lines="\n".join(map(_reduced, limit.parsed())), exact=False)
        self._leased = ApproximateLimiter(reduced, clock, counts, leaser, store.patience_seconds)
        for mine, whole in zip(self._leased.budgets, self.budgets, strict=True):
            if isinstance(mine, Lines):
                mine.pass_as(whole.passed)

    def check(self, address: str | None, cid: str) -> Decision | Future[Decision]:
        """Count one call, or refuse it and count nothing; on the loop's thread."""
        said = self._leased.check(address, cid)
        if isinstance(said, Decision):
            return super().check(address, cid) if _is_open(said) else said
        return asyncio.ensure_future(self._settled(said, address, cid))

    async def _settled(self, leasing: Future[Decision], address: str | None, cid: str) -> Decision:
        said: Decision | Future[Decision] = await leasing
        if isinstance(said, Decision) and _is_open(said):
            said = super().check(address, cid)
        return said if isinstance(said, Decision) else await said

    def check_blocking(self, address: str | None, cid: str) -> Decision:
        """The same, for a thread that may wait."""
        said = self._leased.check_blocking(address, cid)
        return super().check_blocking(address, cid) if _is_open(said) else said

    def forget_refused(self) -> None:
        """Count anew how many calls were refused; what is held is given back."""
        super().forget_refused()
        self._counts.clear()


def _is_open(said: Decision) -> bool:
    """Whether leases do not decide a call: there are no more of them, or none come."""
    return said.denied in ("limit", "store")


def _reduced(line: Line) -> str:
    rate = "*" if line.rate is None else f"{line.rate - RESERVE}/{line.unit}"
    return f"{line.network_text} = {rate}"
