"""Who would be let through: traffic played against limits by the server's own code, on a clock of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from workbench.core.clock import VirtualClock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import LEVELS, Limit
from workbench.limiting.registry import Limits


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
        return f"<{self.passed} of {len(self)} calls pass>"


def simulate(limits: Iterable[Limit], traffic: Iterable[Arrival]) -> Simulation:
    """Play traffic against limits that start unused; nothing live is asked or counted.

    Endpoint, user and service are asked in this order, and a call that one refuses is not asked of the next.
    """
    arrivals = sorted(traffic, key=lambda arrival: arrival.at)
    clock = VirtualClock(arrivals[0].at if arrivals else datetime(2026, 1, 1, tzinfo=UTC))
    registry = Limits(clock)
    for limit in limits:
        registry.define(limit)
    outcomes = Simulation()
    for number, arrival in enumerate(arrivals, 1):
        clock.move_to(arrival.at)
        decisions = tuple(_asked(registry, arrival, f"simulated-{number}"))
        outcomes.append(Outcome(arrival, all(said.allowed for said in decisions), decisions))
    return outcomes


def _asked(registry: Limits, arrival: Arrival, cid: str) -> Iterator[Decision]:
    for on, name in zip(LEVELS, (arrival.channel, arrival.user, arrival.service), strict=True):
        limiter = None if name is None else registry.limiter(on, name)
        if limiter is None:
            continue
        decision = limiter.check_blocking(arrival.address, cid)
        yield decision
        if not decision.allowed:
            return
