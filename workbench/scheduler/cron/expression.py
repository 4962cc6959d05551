"""Cron expressions: the times they name, and what is wrong with those that name none.

The dialect: 5 fields (minute, hour, day of month, month, weekday), or 6 with seconds FIRST; `*`, lists, ranges, steps,
names, `?` for `*` in the two day fields; Sunday is 0 and 7; `L` last day, `LW` last weekday of the month, `15W` the
weekday nearest to day 15 within its month, `5L` last Friday, `1#2` second Monday; `@hourly` and its like. Vixie's rule
for days: if both day fields are restricted, either may match; if one begins with `*`, both must.

Clock changes, as in Debian's cron: a fixed time (neither minute nor hour begins with `*`) that the clocks skip comes
at the first minute after the gap, and one that comes twice fires the first time; other expressions follow the real
time through both passes. A field of seconds changes nothing of this.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile

from cronsim import CronSim, CronSimError
from cronsim.cronsim import Field

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

_ALMOST = timedelta(microseconds=1)

_DAY, _WEEKDAY = 3, 5
_FIELDS = (
    ("second", "seconds are 0-59, e.g. '0' or '*/15'"),
    ("minute", "minutes are 0-59, e.g. '0', '0,30' or '*/15'"),
    ("hour", "hours are 0-23, e.g. '9', '9-17' or '*/2'"),
    ("day of month", "days are 1-31, e.g. '1', '1,15', 'L' or '15W'"),
    ("month", "months are 1-12 or names, e.g. '1', 'JAN' or '3-9'"),
    ("weekday", "weekdays are 0-7 (0 and 7 are Sunday) or names, e.g. '1-5', 'MON' or '5L'"),
)
_NEAREST_WEEKDAY = re.compile(r"(0?[1-9]|[12][0-9]|3[01])W")
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
    if text.strip().startswith("@") and len(parts) == 1:
        return f"{text!r} is not one of {', '.join(alias.lower() for alias in ALIASES)}"
    if len(parts) not in (5, 6):
        return (
            f"{text!r} has {len(parts)} fields, not 5 (minute, hour, day of month, month, weekday) or 6 (seconds "
            f"first); a valid one is {VALID!r}, 09:00 Monday to Friday"
        )
    skipped = 6 - len(parts)
    bad = [
        f"{name} {part!r} is not right: {rule}"
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
        part = ",".join(term for term in terms if not _NEAREST_WEEKDAY.fullmatch(term)) or "*"
    try:
        Field(place).parse(part)
    except (CronSimError, AssertionError, TypeError):
        return False
    return True


def _ever_comes(text: str) -> bool:
    try:
        return next(times(text, UTC, datetime(2000, 1, 1, tzinfo=UTC)), None) is not None
    except CronSimError:
        return False


def times(text: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants (UTC) that a valid expression names in `zone`, later than `after`, in order.

    It ends where nothing comes for 50 years.
    """
    last = after
    zone = UTC if getattr(zone, "key", "") == "UTC" else zone
    for local in _Times(fields(text), after.astimezone(zone)):
        at = local.astimezone(UTC)
        # In the second pass of a repeated hour cronsim names the first pass once more.
        if at > last:
            last = at
            yield at


def count(text: str, zone: tzinfo, after: datetime, until: datetime) -> int:
    """How many instants a valid expression names later than `after`, up to and with `until`.

    By arithmetic over days; only those with a change of clocks are walked through.
    """
    sim = _Times(fields(text), after.astimezone(zone))
    first, last = after.astimezone(zone), until.astimezone(zone)
    total, changing_from = 0, None
    day = first.date()
    while day <= last.date():
        if not _keeps_its_offset(day, zone):
            changing_from = changing_from or max(after, _midnight(day, zone) - _ALMOST)
        else:
            if changing_from is not None:
                total += _walked(text, zone, changing_from, _midnight(day, zone) - _ALMOST)
                changing_from = None
            if day.month in sim.months and sim.match_day(day):
                total += sim.on_a_day(last.time() if day == last.date() else time.max)
                total -= sim.on_a_day(first.time()) if day == first.date() else 0
        day += timedelta(days=1)
    return total if changing_from is None else total + _walked(text, zone, changing_from, until)


def _walked(text: str, zone: tzinfo, after: datetime, until: datetime) -> int:
    return sum(1 for _ in takewhile(lambda at: at <= until, times(text, zone, after)))


def _midnight(day: date, zone: tzinfo, fold: int = 0) -> datetime:
    return datetime.combine(day, time(fold=fold), zone).astimezone(UTC)


def _keeps_its_offset(day: date, zone: tzinfo) -> bool:
    """Whether the clocks are the same from midnight to midnight."""
    midnights = {_midnight(each, zone, fold) for each in (day, day + timedelta(days=1)) for fold in (0, 1)}
    return len(midnights) == 2 and max(midnights) - min(midnights) == timedelta(days=1)


class _Times(CronSim):
    """cronsim with `15W`."""

    def __init__(self, parts: list[str], start: datetime) -> None:
        day = len(parts) - 3
        terms = parts[day].split(",")
        rest = [term for term in terms if not _NEAREST_WEEKDAY.fullmatch(term)]
        self._nearest = [int(term[:-1]) for term in terms if _NEAREST_WEEKDAY.fullmatch(term)]
        super().__init__(" ".join([*parts[:day], ",".join(rest) or "1", *parts[day + 1 :]]), start)
        if not rest:
            self.days = set()
        if self.dt.tzinfo not in (None, UTC) and not parts[-5].startswith("*") and not parts[-4].startswith("*"):
            # cronsim does this for 5 fields alone.
            self.fixup_tz, self.dt = self.dt.tzinfo, self.dt.replace(tzinfo=None)

    def match_dom(self, d: date) -> bool:
        """Whether the day-of-month field matches."""
        return super().match_dom(d) or any(d == _weekday_nearest_to(d, day) for day in self._nearest)

    def on_a_day(self, until: time) -> int:
        """Times of a day that matches, up to and with `until`."""
        hours = sum(each < until.hour for each in self.hours)
        minutes = sum(each < until.minute for each in self.minutes)
        in_minute = sum(each <= until.second for each in self.seconds) if until.minute in self.minutes else 0
        in_hour = minutes * len(self.seconds) + in_minute if until.hour in self.hours else 0
        return hours * len(self.minutes) * len(self.seconds) + in_hour


def _weekday_nearest_to(month: date, day: int) -> date | None:
    """The weekday nearest to `day` within its month, as in Quartz; None where the month has no such day."""
    days = calendar.monthrange(month.year, month.month)[1]
    if day > days:
        return None
    on = month.replace(day=day)
    if on.weekday() == calendar.SATURDAY:
        return on - timedelta(days=1) if day > 1 else on + timedelta(days=2)
    if on.weekday() == calendar.SUNDAY:
        return on + timedelta(days=1) if day < days else on - timedelta(days=2)
    return on
