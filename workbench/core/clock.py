"""Where time comes from, so that a test or a replay can bring its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock."""

    is_virtual = False

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return datetime.now(UTC)

    def time(self) -> float:
        """The instant as seconds since the epoch, UTC [s]."""
        return time.time()

    def monotonic(self) -> float:
        """A reading that never goes back, for durations [s]."""
        return time.monotonic()

    def told(self, text: str) -> str:
        """The text of an instant that a service is told; a test's clock remembers it."""
        return text


class VirtualClock:
    """A clock that moves only when told."""

    is_virtual = True

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._elapsed = 0.0
        self._set(start.timestamp())

    def _set(self, seconds: float) -> None:
        self._seconds, self._now = seconds, datetime.fromtimestamp(seconds, UTC)

    def now(self) -> datetime:
        """The instant, aware, UTC."""
        return self._now

    def time(self) -> float:
        """The instant as seconds since the epoch, UTC [s]."""
        return self._seconds

    def monotonic(self) -> float:
        """Seconds advanced so far [s]."""
        return self._elapsed

    def told(self, text: str) -> str:
        """The text of an instant that a service is told."""
        return text

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds` [s]."""
        self._set(self._seconds + seconds)
        self._elapsed += seconds

    def set(self, instant: datetime) -> None:
        """Set it to `instant` (aware), as a person sets the clock on a wall; monotonic time stays."""
        self._set(instant.timestamp())

    def move_to(self, instant: datetime) -> None:
        """Move to `instant` (aware); monotonic time moves by the same, never back."""
        seconds = instant.timestamp()
        self._elapsed += max(seconds - self._seconds, 0.0)
        self._set(seconds)


class ServiceTime:
    """`self.time`: the clock as a service author asks it, in UTC unless a zone is named.

    Every method answers text by Zato's default format `%Y-%m-%d %H:%M:%S`, or a datetime with `needs_format=False`.
    """

    def __init__(self, clock: SystemClock | VirtualClock) -> None:
        self._clock = clock

    def _formatted(self, instant: datetime, format: str, needs_format: bool) -> str | datetime:
        return self._clock.told(instant.strftime(format)) if needs_format else instant

    def utcnow(self, format: str = "%Y-%m-%d %H:%M:%S", needs_format: bool = True) -> str | datetime:
        """Now, UTC."""
        return self._formatted(self._clock.now(), format, needs_format)

    def now(self, format: str = "%Y-%m-%d %H:%M:%S", tz: str = "UTC", needs_format: bool = True) -> str | datetime:
        """Now in the zone `tz` (IANA name)."""
        return self._formatted(self._in(tz), format, needs_format)

    def today(self, format: str = "%Y-%m-%d", tz: str = "UTC", needs_format: bool = True) -> str | datetime:
        """This day in the zone `tz`."""
        return self.now(format, tz, needs_format)

    def yesterday(self, format: str = "%Y-%m-%d", tz: str = "UTC", needs_format: bool = True) -> str | datetime:
        """The day before this one in the zone `tz`, at the same time by its clocks."""
        return self._formatted(self._in(tz) - timedelta(days=1), format, needs_format)

    def tomorrow(self, format: str = "%Y-%m-%d", tz: str = "UTC", needs_format: bool = True) -> str | datetime:
        """The day after this one in the zone `tz`, at the same time by its clocks."""
        return self._formatted(self._in(tz) + timedelta(days=1), format, needs_format)

    def _in(self, tz: str) -> datetime:
        from zoneinfo import ZoneInfo

        return self._clock.now().astimezone(ZoneInfo(tz))

    def isoutcnow(self) -> str:
        """Now, UTC, ISO 8601."""
        return self._clock.told(self._clock.now().isoformat())
