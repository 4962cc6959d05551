"""All limits of an application, and the counters they go on from when a cell defines them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.core.clock import VirtualClock
from workbench.core.ports import Clock
from workbench.limiting.definition import LEVELS, Limit
from workbench.limiting.explain import Explanation, explain
from workbench.limiting.local.budgets import Lines, reader
from workbench.limiting.local.limiter import Counts, LocalLimiter
from workbench.limiting.shared.approximate import ApproximateLimiter, leasable, leased_counts
from workbench.limiting.shared.leases import Leaser
from workbench.limiting.shared.limiter import SharedCounters, SharedLimiter, Use, prefix_of
from workbench.limiting.shared.reserved import ReservedLimiter, ReservedMeter, reservable

if TYPE_CHECKING:
    from workbench.limiting.simulate import Arrival, Simulation


class Limits:
    """The limits of one application by (on, name); safe to use from any thread."""

    def __init__(self, clock: Clock, store: SharedCounters | None = None) -> None:
        """Make an empty registry.

        Args:
            clock: The time of counters in this process; a store has its own.
            store: Counters that other processes share, closed with the registry; None counts in this process alone.
        """
        self._clock, self._store, self._alone = clock, store, store is None
        self._counts: dict[tuple[str, str], Counts] = {}
        self._limiters: dict[tuple[str, str], LocalLimiter | SharedLimiter] = {}
        self._leaser = None if store is None else Leaser(store, clock)

    def define(self, limit: Limit) -> None:
        """Put a limit in force; its counts go on where network, unit, `per` and `window` of a line are as before."""
        if limit.identity in self._limiters and self._limiters[limit.identity].limit == limit:
            return
        self._limiters[limit.identity] = self._made(limit)

    def _made(self, limit: Limit) -> LocalLimiter | SharedLimiter:
        if self._alone or self._store is None or self._leaser is None:
            return LocalLimiter(limit, self._clock, self._counts.setdefault(limit.identity, Counts()))
        if reservable(limit, self._store):
            counts = self._counts.setdefault(limit.identity, leased_counts(self._leaser, ReservedMeter))
            return ReservedLimiter(limit, self._clock, counts, self._leaser, self._store)
        if not leasable(limit):
            if (leased := self._counts.pop(limit.identity, None)) is not None:
                self._leaser.retire(leased.meters.values())
            return SharedLimiter(limit, self._store)
        self._store.open()
        counts = self._counts.setdefault(limit.identity, leased_counts(self._leaser))
        return ApproximateLimiter(limit, self._clock, counts, self._leaser, self._store.patience_seconds)

    async def leave_loop(self) -> None:
        """Let go of what belongs to the running loop, which is about to end."""
        if self._store is not None:
            await self._store.leave_loop()

    def close(self) -> None:
        """Give unused leases back and close the store."""
        if self._leaser is not None:
            self._leaser.close()
        if self._store is not None:
            self._store.close()

    def use_clock(self, clock: Clock) -> Clock:
        """Count by another clock from now on, all counts of this process anew; gives the former one.

        A store has a clock of its own, so a virtual one counts in this process alone.
        """
        before, self._clock = self._clock, clock
        self._alone = self._store is None or isinstance(clock, VirtualClock)
        if self._leaser is not None:
            self._leaser.retire(meter for counts in self._counts.values() for meter in counts.meters.values())
        self._counts.clear()
        for limit in list(self):
            del self._limiters[limit.identity]
            self.define(limit)
        return before

    def remove(self, on: str, name: str) -> bool:
        """Lift a limit; whether it was there. Counts of this process are forgotten, shared ones expire."""
        self._counts.pop((on, name), None)
        return self._limiters.pop((on, name), None) is not None

    def limiter(self, on: str, name: str) -> LocalLimiter | SharedLimiter | None:
        """What checks the calls of one object, None if it has no limit."""
        return self._limiters.get((on, name))

    def __iter__(self) -> Iterator[Limit]:
        return iter([limiter.limit for limiter in self._limiters.values()])

    def reset(self, on: str | None = None, name: str | None = None) -> int:
        """Start all counts anew, or those of one level, or of one object; how many limits that were.

        Raises:
            StoreUnavailable: The shared counters gave no answer within 2 s.
        """
        chosen = [key for key in self._limiters if on in (None, key[0]) and name in (None, key[1])]
        for key in chosen:
            limiter = self._limiters[key]
            if isinstance(limiter, LocalLimiter):
                limiter.counts.clear()
            else:
                limiter.forget_refused()
            if self._store is not None:
                self._store.forget(prefix_of(limiter.limit))
        return len(chosen)

    def explain(
        self, address: str | None, *, channel: str | None = None, user: str | None = None, service: str | None = None
    ) -> Explanation:
        """Which lines count for a call from an address, level by level; without any name, of all limits."""
        named = {"channel": channel, "user": user, "service": service}
        if not any(named.values()):
            chosen = sorted(self, key=lambda limit: (LEVELS.index(limit.on), limit.name))
        else:
            found = (self._limiters.get((on, name)) for on, name in named.items() if name is not None)
            chosen = [limiter.limit for limiter in found if limiter is not None]
        return Explanation(row for limit in chosen for row in explain(limit, address))

    def simulate(self, traffic: Iterable[Arrival], *, exact: bool | None = None, processes: int = 4) -> Simulation:
        """Who of this traffic would be let through by the limits in force, all of them unused at its start.

        `exact` is True or False to see all of them exact or approximate; see `workbench.limiting.simulate`.
        """
        from workbench.limiting.simulate import simulate

        return simulate(self, traffic, exact=exact, processes=processes)

    def use(self) -> list[Use]:
        """How far each line that counts is used now; raises StoreUnavailable."""
        return [row for limiter in list(self._limiters.values()) for row in self._use(limiter)]

    def _use(self, limiter: LocalLimiter | SharedLimiter) -> Iterator[Use]:
        if isinstance(limiter, SharedLimiter):
            yield from limiter.use()
            return
        limit = limiter.limit
        now = reader(self._clock, limit.window)()
        for budget in limiter.budgets:
            if not isinstance(budget, Lines):
                continue
            for line, meter in zip(budget.group.binding, budget.meters, strict=True):
                with limiter.counts.lock:
                    used, addresses = meter.used(now)
                    anew = now + meter.wait(now, "") if limit.window == "calendar" else None
                at = None if anew is None else datetime.fromtimestamp(anew, UTC)
                yield Use(limit.on, limit.name, str(line), used, meter.limit, meter.refused, addresses, at)
