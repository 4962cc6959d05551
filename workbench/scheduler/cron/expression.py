"""Cron expressions: the times they name, and what is wrong with those that name none.

The dialect: 5 fields (minute, hour, day of month, month, weekday), or 6 with seconds FIRST; `*`, lists, ranges, steps,
names, `?` for `*` in the two day fields; Sunday is 0 and 7; `L` last day, `LW` last weekday of the month, `15W` the
weekday nearest to day 15 within its month, `5L` last Friday, `1#2` second Monday; `@hourly` and its like. Vixie's rule
for days: if both day fields are restricted, either may match; if one begins with `*`, both must.

Clock changes: see `scheduler.zones`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from cronsim import CronSimError
from cronsim.cronsim import Field

from workbench.scheduler.cron.matching import NEAREST_WEEKDAY, Matching
from workbench.scheduler.zones import LATEST_YEAR, steady_spans

ALIASES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
VALID = "0 9 * * 1-5"

LATEST = datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC)
"""Later than any planned time that counts."""

_FEW = 100
"""Instants that are met one by one; those of a rare expression are years apart, and each year costs its count."""

_ALMOST = timedelta(microseconds=1)
_WIDEST = timedelta(hours=27)
"""More than any two zones differ by, and than clocks ever changed by: a day, in Samoa. Source: tzdata."""

_LONGEST_GAP = timedelta(days=50 * 366)
"""Time without any match after which an expression has ended; 29 February on a given weekday is 40 years at most."""

_DAY, _WEEKDAY = 3, 5
_FIELDS = (
    ("second", "seconds are 0-59, e.g. '0' or '*/15'"),
    ("minute", "minutes are 0-59, e.g. '0', '0,30' or '*/15'"),
    ("hour", "hours are 0-23, e.g. '9', '9-17' or '*/2'"),
    ("day of month", "days are 1-31, e.g. '1', '1,15', 'L' or '15W'"),
    ("month", "months are 1-12 or names, e.g. '1', 'JAN' or '3-9'"),
    ("weekday", "weekdays are 0-7 (0 and 7 are Sunday) or names, e.g. '1-5', 'MON' or '5L'"),
)
_SPAN = re.compile(r"(\w+)-(\w+)(?:/\w+)?")
_STEPPED_SPAN = re.compile(r"\b(\w+)-(\w+)/[1-9][0-9]*\b")


def fields(text: str) -> list[str]:
    """The fields in capitals, aliases and forms of our own expanded; 5 of them, or 6 with seconds first."""
    upper = text.upper().strip()
    parts = ALIASES.get(upper, upper).split()
    if len(parts) not in (5, 6):
        return parts
    day, weekday = len(parts) - 3, len(parts) - 1
    for place in (day, weekday):
        parts[place] = "*" if parts[place] == "?" else parts[place]
    parts[day] = re.sub(r"\b(\d+)-L\b", r"\1-31", parts[day])
    parts[weekday] = re.sub(r"\b(MON|TUE|WED|THU|FRI|SAT|[1-6])-SUN\b", r"\1-7", parts[weekday])
    return [_without_single_spans(place, part) for place, part in enumerate(parts, 6 - len(parts))]


def _without_single_spans(place: int, part: str) -> str:
    # cronsim reads 9-9/2 as 9/2, which goes on to the end of the field.
    def shortened(span: re.Match[str]) -> str:
        try:
            is_single = Field(place).int(span[1]) == Field(place).int(span[2])
        except CronSimError:
            return span[0]
        return span[1] if is_single else span[0]

    return _STEPPED_SPAN.sub(shortened, part) if "/" in part else part


def values(place: int, term: str) -> list[int]:
    """The values that a valid term of a field stands for, place 0 being the seconds; a Sunday is 0."""
    found = [each for each in Field(place).parse(term) if isinstance(each, int)]
    return sorted({each % 7 for each in found} if place == _WEEKDAY else found)


def problem(text: str) -> str:
    """What is wrong with an expression, each bad field named with valid ones, or nothing."""
    parts = fields(text)
    if text.strip().startswith("@") and text.strip().upper() not in ALIASES:
        hint = "; for an interval, define an IntervalJob" if text.strip().lower().startswith("@every") else ""
        return f"{text!r} is not one of {', '.join(alias.lower() for alias in ALIASES)}{hint}"
    if len(parts) not in (5, 6):
        return (
            f"{text!r} has {len(parts)} fields, not 5 (minute, hour, day of month, month, weekday) or 6 (seconds "
            f"first); a valid one is {VALID!r}, 09:00 Monday to Friday"
        )
    skipped = 6 - len(parts)
    bad = [
        f"{name} {part!r} is not right: {_backwards(place, part) or rule}"
        for place, ((name, rule), part) in enumerate(zip(_FIELDS[skipped:], parts, strict=True), skipped)
        if not _parses(place, part)
    ]
    if not bad and not _ever_comes(text):
        bad = [f"{text!r} never comes: no month has such a day. Change the day of month, month or weekday"]
    return f"{'; '.join(bad)}; a valid expression is {VALID!r}, 09:00 Monday to Friday" if bad else ""


def _parses(place: int, part: str) -> bool:
    if place == _DAY:
        terms = part.split(",")
        if any(term.startswith("L") and "/" in term for term in terms):
            return False
        part = ",".join(term for term in terms if not NEAREST_WEEKDAY.fullmatch(term)) or "*"
    try:
        Field(place).parse(part)
    except (CronSimError, AssertionError, TypeError):
        return False
    return True


def _backwards(place: int, part: str) -> str:
    """What is said of a range whose end comes before its beginning."""
    for term in part.split(","):
        span = _SPAN.fullmatch(term)
        ends = [] if span is None else [span[1], span[2]]
        if ends and all(_parses(place, end) for end in ends) and not _parses(place, "-".join(ends)):
            return f"{term!r} goes backwards; write two ranges, one up to the end and one from the beginning"
    return ""


def _ever_comes(text: str) -> bool:
    try:
        return next(times(text, UTC, datetime(2000, 1, 1, tzinfo=UTC)), None) is not None
    except CronSimError:
        return False


def is_fixed(text: str) -> bool:
    """Whether a valid expression names fixed times: neither its minute nor its hour begins with `*`."""
    return _matching(text).is_fixed


def times(text: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants (UTC) that a valid expression names in `zone`, later than `after`, in order.

    It ends where nothing comes for 50 years.
    """
    matching, last = _matching(text), after
    for stretch in _stretches(matching, zone, after):
        if stretch.begin - last > _LONGEST_GAP:
            return
        for at in stretch.times(matching):
            if at > last:
                last = at
                yield at


# What a row stands for is counted when it is written, and again when it is told.
@lru_cache(maxsize=256)
def count(text: str, zone: tzinfo, after: datetime, until: datetime) -> int:
    """How many instants a valid expression names later than `after`, up to and with `until`; without trying each."""
    matching, total = _matching(text), 0
    for stretch in _stretches(matching, zone, after):
        if stretch.begin > until:
            break
        total += stretch.how_many(matching, after, until)
    return total


def nth(text: str, zone: tzinfo, after: datetime, number: int) -> datetime:
    """The instant of that number, from 1, that a valid expression names later than `after`; `LATEST` if it has fewer.

    Of many, the span that has it is found by counting, and halved down to an hour.
    """
    if number <= _FEW:
        *_, last = islice(chain([LATEST], times(text, zone, after)), number + 1)
        return last
    days = min(number / _matching(text).per_day + 2, (LATEST - after).days)
    end = after + timedelta(days=days)
    while count(text, zone, after, end) < number:
        if end == LATEST:
            return LATEST
        end += min(end - after, LATEST - end)
    while end - after > timedelta(hours=1):
        middle = after + (end - after) / 2
        if (found := count(text, zone, after, middle)) < number:
            after, number = middle, number - found
        else:
            end = middle
    return next(islice(times(text, zone, after), number - 1, None), LATEST)


class _Stretch(NamedTuple):
    """What a clock shows from `begin` (UTC) on: from `wall` up to, but not with, `end`, at one offset.

    `skipped`: from when on it would have shown what it skips just before `wall`, if that is to come now.
    """

    begin: datetime
    wall: datetime
    end: datetime
    offset: timedelta
    skipped: datetime | None

    def times(self, matching: Matching) -> Iterator[datetime]:
        """The instants (UTC) that match, in order, where times twice are what comes late and in time."""
        yield from self._late(matching)
        for wall in matching.times(self.wall, self.end):
            yield (wall - self.offset).replace(tzinfo=UTC)

    def how_many(self, matching: Matching, after: datetime, until: datetime) -> int:
        """How many match later than `after`, up to and with `until`."""
        first, end = (_wall(each + _ALMOST, self.offset) for each in (after, until))
        found = matching.count(max(self.wall, first), min(self.end, end))
        if self.skipped is None or matching.has_minute(self.wall):
            return found
        return found + sum(after < at <= until for at in self._late(matching))

    def _late(self, matching: Matching) -> Iterator[datetime]:
        if self.skipped is not None and next(matching.times(self.skipped, self.wall), None) is not None:
            for second in matching.seconds:
                yield self.begin + timedelta(seconds=second)


def _stretches(matching: Matching, zone: tzinfo, after: datetime) -> Iterator[_Stretch]:
    """What the clock of the zone shows later than `after`, without what does not count of it.

    To times that are fixed counts what is skipped, but not what has been shown before.
    """
    day = matching.day_from((after.astimezone(UTC) - _WIDEST).date())
    if day is None:
        return
    begin = max(after.astimezone(UTC), datetime(day.year, day.month, day.day, tzinfo=UTC) - _WIDEST)
    shown: datetime | None = None
    # From before it, to know what the clock has shown already.
    for span in steady_spans(zone, begin - _WIDEST):
        wall, end, skipped = _wall(span.begin, span.offset), _wall(span.end, span.offset), None
        if matching.is_fixed and shown is not None:
            skipped = shown if shown < wall else None
            wall = max(shown, wall)
        if span.end > begin:
            here = _wall(begin, span.offset)
            yield _Stretch(span.begin, max(wall, here), end, span.offset, skipped if span.begin >= begin else None)
        shown = end if shown is None else max(shown, end)


def _wall(at: datetime, offset: timedelta) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) + offset


@lru_cache(maxsize=1_024)
def _matching(text: str) -> Matching:
    return Matching(fields(text))
