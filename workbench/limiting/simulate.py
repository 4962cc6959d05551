"""Who would be let through: traffic played against limits by the server's own code, on a clock of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from workbench.core.clock import VirtualClock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import LEVELS, Limit
from workbench.limiting.local.limiter import LocalLimiter
from workbench.limiting.shared.approximate import ApproximateLimiter, leasable, leased_counts
from workbench.limiting.shared.leases import IDLE_TICKS, TICK_SECONDS, Leaser
from workbench.limiting.shared.limiter import Count, Granted


class Arrival(NamedTuple):
    """One call of recorded or made-up traffic: when it comes (aware), from where, and by which objects it goes."""

    at: datetime
    address: str | None = None
    channel: str | None = None
    user: str | None = None
    service: str | None = None


class Outcome(NamedTuple):
    """What became of one call; `decisions` are those of its levels up to the one that refused it."""

    arrival: Arrival
    allowed: bool
    decisions: tuple[Decision, ...]

    @property
    def refused_by(self) -> Decision | None:
        """The decision that refused it."""
        return None if self.allowed else self.decisions[-1]


class Tally(NamedTuple):
    """How often one line was asked last, and what it said."""

    on: str
    name: str
    network: str
    limit: str
    passed: int
    refused: int


class Simulation(list[Outcome]):
    """The outcomes, in order of time."""

    @property
    def passed(self) -> int:
        """Calls let through by every level."""
        return sum(outcome.allowed for outcome in self)

    @property
    def refused(self) -> int:
        """Calls that some level refused."""
        return len(self) - self.passed

    def tallies(self) -> list[Tally]:
        """Per level, network and line: calls it let through, calls it refused (or would have, under shadow)."""
        passed: Counter[tuple[str, str, str, str]] = Counter()
        refused: Counter[tuple[str, str, str, str]] = Counter()
        for outcome in self:
            for said in outcome.decisions:
                (refused if said.denied else passed)[said.on, said.name, said.network, said.limit] += 1
        keys = sorted({*passed, *refused}, key=lambda key: (LEVELS.index(key[0]), *key[1:]))
        return [Tally(*key, passed[key], refused[key]) for key in keys]

    def __repr__(self) -> str:
        return f"{self.passed} of {len(self)} calls pass"


def simulate(
    limits: Iterable[Limit], traffic: Iterable[Arrival], *, exact: bool | None = None, processes: int = 4
) -> Simulation:
    """Play traffic against limits that start unused; nothing live is asked or counted.

    Endpoint, user and service are asked in this order, and a call that one refuses is not asked of the next.

    Args:
        limits: The limits.
        traffic: The calls, in any order.
        exact: True or False to see all limits exact or approximate; None for each as it is defined.
        processes: Among how many processes the calls go round; only approximate limits tell them apart.
    """
    arrivals = sorted(traffic, key=lambda arrival: arrival.at)
    clock = VirtualClock(arrivals[0].at if arrivals else datetime(2026, 1, 1, tzinfo=UTC))
    played = [limit if exact is None else limit.replace(exact=exact) for limit in limits]
    cluster = _Cluster(played, clock, processes)
    outcomes = Simulation()
    for number, arrival in enumerate(arrivals):
        clock.move_to(arrival.at)
        limiters = cluster.limiters(number % processes)
        decisions = tuple(_asked(limiters, arrival, f"simulated-{number + 1}"))
        outcomes.append(Outcome(arrival, all(said.allowed for said in decisions), decisions))
    return outcomes


class _MemoryLeases:
    """The store that the processes of a simulation lease from."""

    is_on_this_machine = True

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._used: dict[str, tuple[float, int]] = {}

    def lease(self, wanted: Sequence[tuple[Count, int]]) -> list[Granted]:
        """Take calls of each counter's current window."""
        return [self._one(count, want) for count, want in wanted]

    def _one(self, count: Count, want: int) -> Granted:
        now = self._clock.time()
        start, used = self._used.get(count.key, (0.0, 0))
        if start != now // count.period * count.period:
            start, used = now // count.period * count.period, 0
        number = max(0, min(want, count.rate - used))
        self._used[count.key] = start, used + number
        return Granted(number, start, now, count.rate - used - number)

    def give_back(self, unused: Sequence[tuple[Count, int, float]]) -> None:
        """Put calls back if their window has not ended."""
        for count, number, start in unused:
            known, used = self._used.get(count.key, (0.0, 0))
            if known == start:
                self._used[count.key] = start, used - number


class _Cluster:
    """What each of several processes would check with: exact counts shared by all, approximate ones on leases."""

    def __init__(self, limits: Iterable[Limit], clock: VirtualClock, processes: int) -> None:
        self._clock, self._ticked_at = clock, clock.monotonic()
        leases = _MemoryLeases(clock)
        self._leasers = [Leaser(leases, clock, threaded=False) for _ in range(processes)]
        self._limiters: list[dict[tuple[str, str], LocalLimiter]] = [{} for _ in range(processes)]
        self._leases = False
        for limit in limits:
            self._leases |= leasable(limit)
            shared = LocalLimiter(limit, clock)
            for leaser, limiters in zip(self._leasers, self._limiters, strict=True):
                limiters[limit.identity] = (
                    ApproximateLimiter(limit, clock, leased_counts(leaser), leaser) if leasable(limit) else shared
                )

    def limiters(self, process: int) -> dict[tuple[str, str], LocalLimiter]:
        """What one process checks with, its leaser's ticks up to now done."""
        if not self._leases:
            return self._limiters[process]
        ticks = int((self._clock.monotonic() - self._ticked_at) / TICK_SECONDS)
        self._ticked_at += ticks * TICK_SECONDS
        for _ in range(min(ticks, 2 * IDLE_TICKS)):
            for leaser in self._leasers:
                leaser.step()
        return self._limiters[process]


def _asked(limiters: dict[tuple[str, str], LocalLimiter], arrival: Arrival, cid: str) -> Iterator[Decision]:
    for on, name in zip(LEVELS, (arrival.channel, arrival.user, arrival.service), strict=True):
        limiter = None if name is None else limiters.get((on, name))
        if limiter is None:
            continue
        decision = limiter.check_blocking(arrival.address, cid)
        yield decision
        if not decision.allowed:
            return
