"""`wb.clock` and `wb.jobs`: where a trip begins. What a service on a trip asks of them, the trip answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from workbench.app.configuration.settings import SettingsInForce
from workbench.app.parts import Parts
from workbench.app.scheduling.travel.events import Event
from workbench.app.scheduling.travel.trip import Trip, Way
from workbench.core.errors import ServiceUsage
from workbench.scheduler.jobs import Jobs
from workbench.scheduler.zones import moment as instant_of
from workbench.scheduler.zones import zone_of


class TravelClock:
    """The clock of a workbench, from which trips depart; whatever else its own clock can do, this one can, too."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return self._parts().clock.now()

    def time(self) -> float:
        """Seconds since the epoch, UTC [s]."""
        return self._parts().clock.time()

    def monotonic(self) -> float:
        """A reading that never goes back [s]."""
        return self._parts().clock.monotonic()

    @property
    def is_virtual(self) -> bool:
        """Whether it stands still until it is moved."""
        return self._parts().clock.is_virtual

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._parts().clock, name)

    def travel(
        self,
        days: float = 0,
        hours: float = 0,
        *,
        start: datetime | str | None = None,
        until: datetime | None = None,
        dry: bool = False,
        real: bool = False,
    ) -> Trip:
        """Run every job that is due within the next days at once, on a copy: `with wb.clock.travel(days=7) as trip:`.

        The trip has been made once the block begins, which then looks at `trip.runs`, `trip.account("job")` and
        `trip.peers`. The engine is the one that runs the jobs, retries and policies are theirs. What is copied: jobs
        and their runs, pauses, the files, mails, replies and tables of peers, and an embedded Redis. Limits count from
        zero; traffic and log are the trip's own; there is no server. Nothing comes back, and jobs go on meanwhile.

        Time stands still while a run is made, so no run is late, overlaps, or comes to its time limit. A service sees
        the travelled time as `self.time` and `wb.clock`; `datetime.now()` and `time.time()` say what they always do,
        and `sleep` takes its time.

        Args:
            days, hours: How far it goes; both count.
            start: From when on, a text being read in the zone of `wb.settings`; now by default. What jobs have planned
                before it is left out.
            until: Or up to when, aware.
            dry: Run no service: each run ends ok, so that only the plan is seen.
            real: Have connections call where they call now, instead of peers; the trip says first whom it calls.

        Raises:
            ServiceUsage: There is nothing to travel, or so much that memory would not hold it, or it begins in the
                past.
        """
        if until is not None and (days or hours or until.tzinfo is None):
            raise ServiceUsage(
                "A trip goes on for days= and hours=, or until= an aware datetime. Fix: give one of them."
            )
        span, zone = timedelta(days=days, hours=hours), ZoneInfo(_zone_here(self._parts()))

        def end(begin: datetime) -> datetime:
            return begin + span if until is None else until.astimezone(UTC)

        way = Way(dry, real, zone=zone, start=None if start is None else instant_of(start, zone))
        return Trip(self._parts(), end, way)


class TravelJobs(Jobs):
    """All jobs of the application by name, and what would become of them."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        super().__init__(lambda: parts().scheduler)
        self._parts = parts

    def _zone(self) -> str:
        return _zone_here(self._parts())

    def simulate(
        self,
        days: float = 1,
        *,
        start: datetime | str | None = None,
        events: Iterable[Event] = (),
        dry: bool = True,
        timezone: str = "",
    ) -> Trip:
        """What becomes of the next days if things happen: `wb.jobs.simulate(events=[Stop("13:00"), Start("15:20")])`.

        It is a trip as `wb.clock.travel` makes, on which the process stops and starts again, or the clock is set.

        Args:
            days: How far it goes.
            start: From when on, a text as `2035-01-01 00:00` being read in the zone; now by default.
            events: `Stop`, `Start` and `SetClock`, in any order.
            dry: Run no service; False runs them against copies of peers.
            timezone: Zone of the start, of the events' times and of the calendar; that of `wb.settings` by default.

        Raises:
            ServiceUsage: An event cannot happen when it says, or the start is past.
        """
        zone = zone_of(timezone or self._zone())
        way = Way(dry, False, tuple(events), zone, None if start is None else instant_of(start, zone))
        with Trip(self._parts(), lambda begin: begin + timedelta(days=days), way) as trip:
            return trip


def _zone_here(parts: Parts) -> str:
    return SettingsInForce(parts.settings).timezone
