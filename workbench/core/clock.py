"""Where time comes from, so that a test or a replay can bring its own."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from math import floor

WORDS = {
    **{"YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "DDDD": "%j", "DD": "%d", "D": "%d"},
    **{"dddd": "%A", "ddd": "%a", "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S"},
    **{"s": "%S", "A": "%p", "a": "%p", "ZZZ": "%Z", "ZZ": "%z", "Z": "%z", "DDD": "%j", "Do": "%d", "d": "%u"},
    **{"W": "%G-W%V-%u", "X": "", "x": ""},
}
"""What each word of Arrow is in `strftime`. Source: "Supported Tokens" in the documentation of Arrow."""

SINCE_EPOCH = {"X": 1, "x": 1_000_000}
"""Words that are a count since the epoch, and what they count in a second: seconds, microseconds."""

_WORD = re.compile(rf"\[[^\]]*\]|S+|{'|'.join(sorted(WORDS, key=len, reverse=True))}")


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
    A format without a `%` is in Zato's other words, those of the library Arrow: `YYYY-MM-DD HH:mm:ss`.
    """

    def __init__(self, clock: SystemClock | VirtualClock) -> None:
        self._clock = clock

    def _formatted(self, instant: datetime, format: str, needs_format: bool) -> str | datetime:
        return self._clock.told(written(instant, format)) if needs_format else instant

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

    def reformat(self, value: str, from_: str, to: str) -> str:
        """The text of a time in another format; raises ValueError for text that is not of the first."""
        return written(read(value, from_), to)

    def isoutcnow(self) -> str:
        """Now, UTC, ISO 8601."""
        return self._clock.told(self._clock.now().isoformat())

    def isonow(self, tz: str = "UTC") -> str:
        """Now in the zone `tz`, ISO 8601."""
        return self._clock.told(self._in(tz).isoformat())

    def one_day_from(self, date: str | datetime, format: str = "%Y-%m-%d", needs_format: bool = True) -> str | datetime:
        """A day after a time, which is a datetime or ISO 8601."""
        return self._later(date, timedelta(days=1), format, needs_format)

    def one_hour_from(
        self, date: str | datetime, format: str = "%Y-%m-%d", needs_format: bool = True
    ) -> str | datetime:
        """An hour after a time; its day, as in Zato, unless the format says more."""
        return self._later(date, timedelta(hours=1), format, needs_format)

    def one_minute_from(
        self, date: str | datetime, format: str = "%Y-%m-%d", needs_format: bool = True
    ) -> str | datetime:
        """A minute after a time; its day, as in Zato, unless the format says more."""
        return self._later(date, timedelta(minutes=1), format, needs_format)

    def _later(self, date: str | datetime, by: timedelta, format: str, needs_format: bool) -> str | datetime:
        later = (date if isinstance(date, datetime) else datetime.fromisoformat(date)) + by
        return written(later, format) if needs_format else later


def written(moment: datetime, format: str) -> str:
    """A time in a format; one without a `%` is in Arrow's words, in which `[...]` is text."""
    if "%" in format:
        return moment.strftime(format)
    return _WORD.sub(lambda found: _part(moment, found[0]), format)


def _part(moment: datetime, word: str) -> str:
    if word[0] == "[":
        return word[1:-1]
    if word[0] == "S":
        return f"{moment.microsecond:06}".ljust(len(word), "0")[: len(word)]
    if word in SINCE_EPOCH:
        # Whole seconds first, since a float has not all microseconds of today; before the epoch, too, these go on.
        return str(floor(moment.timestamp()) * SINCE_EPOCH[word] + moment.microsecond * SINCE_EPOCH[word] // 1_000_000)
    text = moment.strftime(WORDS[word])
    if word == "ZZ":
        return f"{text[:3]}:{text[3:]}" if text else ""
    if word == "a":
        return text.lower()
    if word == "Do":
        return f"{moment.day}{_ordinal(moment.day)}"
    if word == "DDD":
        return text.lstrip("0")
    return text.lstrip("0") or "0" if len(word) == 1 and word in "MDHhms" else text


def _ordinal(day: int) -> str:
    """What follows the number of a day in English: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def read(text: str, format: str) -> datetime:
    """The time that text says in a format; in its own zone, if it has one. Raises ValueError."""
    if format in SINCE_EPOCH:
        try:
            return datetime.fromtimestamp(float(text) / SINCE_EPOCH[format], UTC)
        except (OverflowError, OSError) as exc:
            raise ValueError(f"{text!r:.80} is no time since the epoch: {exc}") from exc
    if "%" not in format:
        words = _WORD.findall(format)
        if counts := sorted(SINCE_EPOCH.keys() & words):
            raise ValueError(f"{counts[0]} says a whole time. Fix: read it by the format {counts[0]!r} alone")
        if "Do" in words:
            text = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text)
        format = _WORD.sub(lambda found: _code(found[0]), format)
    return datetime.strptime(text, format)  # noqa: DTZ007  # it stays in its own zone, whatever that is


def _code(word: str) -> str:
    if word[0] == "[":
        return word[1:-1]
    return "%f" if word[0] == "S" else WORDS[word]
