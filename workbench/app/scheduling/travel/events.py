"""What may happen within a time that is simulated: the process of the jobs stops, starts again, its clock is set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from workbench.app.scheduling.travel.rooms import TripParts
from workbench.core.errors import ServiceUsage
from workbench.scheduler.zones import instant, read_wall

_DAY = timedelta(days=1)


class Event(Protocol):
    """One of them: at a time of day, which is the first to come; or at a date and time, as `2035-01-01 13:00`."""

    @property
    def at(self) -> str | datetime:
        """When it happens; a text is read in the zone of the simulation."""
        ...

    def happen(self, rooms: TripParts, zone: ZoneInfo) -> None:
        """Have it happen now, by the clock of the rooms.

        Raises:
            ServiceUsage: It cannot.
        """
        ...


@dataclass(frozen=True)
class Stop:
    """The process ends: no planned time runs until `Start`."""

    at: str | datetime

    def happen(self, rooms: TripParts, zone: ZoneInfo) -> None:
        """End the jobs' process."""
        if not rooms.stop_jobs():
            raise ServiceUsage(f"{self} finds the jobs stopped already. Fix: Start(...) before it, or leave it out.")


@dataclass(frozen=True)
class Start:
    """The process starts again, and its jobs are defined as before: what came meanwhile is the matter of policies."""

    at: str | datetime

    def happen(self, rooms: TripParts, zone: ZoneInfo) -> None:
        """Begin another process of the jobs."""
        if not rooms.start_jobs():
            raise ServiceUsage(f"{self} finds the jobs running. Fix: Stop(...) before it, or leave it out.")


@dataclass(frozen=True)
class SetClock:
    """The machine's clock is set forward or back, as a person does. What a zone's clocks do needs none."""

    at: str | datetime
    to: str | datetime

    def happen(self, rooms: TripParts, zone: ZoneInfo) -> None:
        """Set it to a time of the same day, or to a date and time; jobs look at it as they do each second."""
        rooms.look()
        self._set(rooms, zone)
        rooms.look()

    def _set(self, rooms: TripParts, zone: ZoneInfo) -> None:
        now = rooms.departure.now()
        if isinstance(self.to, str) and (clock := _time_of_day(self.to)) is not None:
            rooms.departure.set(instant(datetime.combine(now.astimezone(zone), clock), zone))
        else:
            rooms.departure.set(moment(self.to, now, zone))


def in_order(events: tuple[Event, ...], begin: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, Event]]:
    """The events by the instants (UTC) at which they happen, the first one first.

    Raises:
        ServiceUsage: One happens before or after the span, or its time cannot be read.
    """
    found = [(moment(each.at, begin, zone), each) for each in events]
    for at, event in found:
        if not begin < at <= end:
            span = f"{begin.astimezone(zone):%Y-%m-%d %H:%M} to {end.astimezone(zone):%Y-%m-%d %H:%M} in {zone.key}"
            raise ServiceUsage(
                f"{event} is outside of the time that is simulated, {span}. Fix: move it, or more days=."
            )
    return sorted(found, key=lambda pair: pair[0])


def moment(told: str | datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) that a text or a datetime names; of a time of day, the first later than `after`.

    Raises:
        ServiceUsage: It cannot be read.
    """
    if isinstance(told, datetime):
        return instant(told, zone) if told.tzinfo is None else told.astimezone(UTC)
    if (clock := _time_of_day(told)) is not None:
        today = datetime.combine(after.astimezone(zone), clock)
        return min(at for at in (instant(today, zone), instant(today + _DAY, zone)) if at > after)
    try:
        return instant(read_wall(told, zone), zone)
    except ValueError as exc:
        raise ServiceUsage(f"No event can happen then: {exc}. Fix: '13:00', or '2035-01-01 13:00'.") from None


def _time_of_day(text: str) -> time | None:
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is None else None
