"""`wb.limits`: every limit in force; which lines apply to a caller, which calls would pass, how much is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.app.book import Book
from workbench.app.collections import Collection
from workbench.channels.definition import ChannelDefinition
from workbench.core.clock import VirtualClock
from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition, NameTaken, ServiceUsage, UnknownName
from workbench.core.origin import Origin
from workbench.core.trace import RequestStep, Trace
from workbench.limiting.definition import Limit, On
from workbench.limiting.explain import Explanation
from workbench.limiting.networks import number
from workbench.limiting.registry import Limits
from workbench.limiting.shared.limiter import Use
from workbench.limiting.simulate import Arrival, Simulation
from workbench.runtime.registry import Version

MOST_SIMULATED = 100_000


class LimitsInForce(Collection[Limit]):
    """Limits by object, short forms included: `wb.limits["service api.sample"]`."""

    def __init__(
        self,
        limits: Limits,
        remove: Callable[[str], object],
        channels: Callable[[], Mapping[str, Definition]],
        known: Callable[[str], Iterable[str]],
        traffic: Callable[[], Iterable[Arrival]],
        rebuild: Callable[[], None],
    ) -> None:
        super().__init__("limit", lambda: {each.full_name: each for each in limits}, remove, _in_words)
        self._limits, self._channels, self._known = limits, channels, known
        self._traffic, self._rebuild = traffic, rebuild

    def reset(self, on: str | None = None, name: str | None = None) -> None:
        """Count anew: everything, one level (`channel`, `user`, `service`), or one object."""
        self._limits.reset(on, name)

    @contextmanager
    def frozen(self) -> Iterator[VirtualClock]:
        """Have limits count from zero on a clock that stands still until told, and anew by the real one afterwards.

        So no minute turns between two calls of a test: `with wb.limits.frozen() as clock: ...; clock.advance(60)`.
        """
        clock = VirtualClock()
        real = self._limits.use_clock(clock)
        self._rebuild()
        try:
            yield clock
        finally:
            self._limits.use_clock(real)
            self._rebuild()

    def use(self) -> list[Use]:
        """How far each line is used now."""
        return self._limits.use()

    def explain(self, address: str | None, *, user: str = "", channel: str = "", service: str = "") -> Explanation:
        """Which lines count for a call from `address`, level by level, and why; and which can never refuse anybody.

        A channel brings its services with it, and its user if it has one. `None` is a call without an address: a job's.

        Raises:
            UnknownName: There is no such channel, user or service.
            ServiceUsage: `address` is none.
        """
        _check_address(address)
        names, services = self._levels(channel, user, service)
        found = self._limits.explain(address, **names, service=services[0] if services else None)
        for other in services[1:]:
            found += self._limits.explain(address, service=other)
        return found

    def simulate(
        self,
        traffic: Iterable[Arrival] | None = None,
        *,
        address: str | None = None,
        channel: str = "",
        user: str = "",
        service: str = "",
        calls: int = 0,
        seconds: float = 60.0,
        start: datetime | None = None,
    ) -> Simulation:
        """Play traffic against the limits in force, by the server's own code on a clock of its own.

        Args:
            traffic: Calls to play; without it, `calls` of them (at most 100,000) spread evenly over `seconds` [s], or
                else the recorded calls of `wb.traffic`.
            address: Where the made-up calls come from.
            channel, user, service: The way they take; a channel brings its service and user.
            start: When the first one comes; the beginning of 2026 by default, a full minute, hour and day.
        """
        _check_address(address)
        names, services = self._levels(channel, user, service)
        if not calls and (address or channel or user or service):
            raise ServiceUsage("simulate is told who calls, and not how often. Fix: add calls=100.")
        if len(services) > 1:
            raise ServiceUsage(f"Channel {channel!r} leads to {', '.join(services)}. Fix: add service={services[0]!r}.")
        if calls > MOST_SIMULATED:
            raise ServiceUsage(f"simulate plays at most {MOST_SIMULATED:,} calls. Fix: fewer calls in fewer seconds.")
        if traffic is None and calls:
            first, step = start or datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=seconds / calls)
            names |= {"service": services[0] if services else None}
            traffic = [Arrival(first + i * step, address, **names) for i in range(calls)]
        return self._limits.simulate(self._traffic() if traffic is None else traffic)

    def _levels(self, channel: str, user: str, service: str) -> tuple[dict[str, Any], list[str]]:
        """The channel and the user that a call meets, and the services that it may lead to."""
        levels = (("channel", "channels", channel), ("user", "security", user), ("service", "services", service))
        for level, collection, name in levels:
            if name and name not in (known := list(self._known(collection))):
                raise UnknownName(level, name, known)
        definition = self._channels().get(channel)
        user = user or getattr(definition, "security", "")
        services = [service] if service else list(getattr(definition, "leads_to", ()))
        return {"channel": channel or None, "user": user or None}, services


def _check_address(address: str | None) -> None:
    if address is not None and number(address) is None:
        raise ServiceUsage(f"{address!r} is no address. Fix: write one, as 10.0.0.7 or 2001:db8::1, or None for none.")


def _in_words(limit: Limit) -> str:
    lines = [line.strip() for line in limit.lines.splitlines() if line.strip()]
    kind = "" if limit.exact else " (approximate)"
    return ", ".join(lines) + kind


def arrivals(traffic: Iterable[Trace]) -> list[Arrival]:
    """Recorded requests as they came: when, from where, by which channel, user and service."""
    return [
        Arrival(
            datetime.fromtimestamp(trace.at, UTC),
            trace.root.address,
            trace.root.channel or None,
            trace.root.user or None,
            trace.root.service or None,
        )
        for trace in traffic
        if isinstance(trace.root, RequestStep)
    ]


def short_limit(definition: Definition) -> str:
    """The `limit=` of a channel or a user; '' if it has none."""
    return str(getattr(definition, "limit", ""))


def twice(service: str) -> NameTaken:
    """The error of a service whose limit comes from its class and from a Limit."""
    return NameTaken("The limit of service", service, "its class's limit =", "a Limit", fix="keep one")


def check_limit(limit: Limit, origin: Origin, book: Book, services: Mapping[str, Version]) -> None:
    """Raise NameTaken for a Limit of an object that has a `limit=` itself; they would contradict each other.

    InvalidDefinition if it is an endpoint of a kind that limits of endpoints are not for.
    """
    if limit.on == "service":
        live = services.get(limit.name)
        if live is not None and live.cls.limit:
            raise twice(limit.name)
        return
    owner = book.definition("channels" if limit.on == "channel" else "security", limit.name)
    if isinstance(owner, ChannelDefinition) and not owner.takes_limit:
        raise InvalidDefinition("Limit", limit.name, {"on": _for_endpoints(owner)})
    if owner is not None and short_limit(owner):
        raise NameTaken("The limit of", limit.name, f"{owner} limit=", f"Limit in {origin}", fix="keep one")


def _for_endpoints(channel: ChannelDefinition) -> str:
    return (
        f"cannot be limited as an endpoint, since {channel} is none. "
        f"Fix: limit its service or its user, which count each message"
    )


def check_short_limit(on: On, definition: Definition, book: Book) -> None:
    """Raise NameTaken for a `limit=` of an object that has a Limit, too; InvalidDefinition if it may have none."""
    there = book.origin("limits", f"{on} {definition.name}")
    if there is not None and isinstance(definition, ChannelDefinition) and not definition.takes_limit:
        raise InvalidDefinition(definition.kind, definition.name, {"name": _for_endpoints(definition)})
    if there is not None and short_limit(definition):
        raise NameTaken("The limit of", definition.name, f"Limit in {there}", f"{definition} limit=", fix="keep one")
