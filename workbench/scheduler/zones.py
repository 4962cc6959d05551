"""Wall-clock times in a time zone, the instants they name, and what the three kinds of job make of clock changes.

The rule: days keep the wall clock, hours keep elapsed time. By the kind of job, a local time that

- does not exist, since the clocks skip it: a one-time job runs at the first instant after the gap. So does an interval
  of weeks or days, whose later times keep the wall clock. So does a cron expression of fixed times (neither its minute
  nor its hour begins with `*`): all its times in one gap become one run, in the first minute after the gap.
- comes twice: one-time jobs, intervals of weeks or days and cron expressions of fixed times run the first time only.

Hours, minutes and seconds of an interval are elapsed time, no clock change shifts them; beside days they are added
after these. Cron expressions whose minute or hour begins with `*` follow what the clock shows: what is skipped does not
come, what comes twice runs twice. A field of seconds changes nothing of all this.

It holds for clocks that change by any amount at any time: by half an hour (Australia/Lord_Howe), by two
(Antarctica/Troll), by a whole day (Pacific/Apia in 2011), at midnight or one minute after it.

Source: for cron, Debian's cron(8), "Daylight Saving Time and other time changes"; for a time that is given once,
RFC 5545, 3.3.5, but the end of the gap where that adds its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from workbench.core.errors import WorkbenchError, nearest

EARLIEST_YEAR, LATEST_YEAR = 1970, 2999
MINUTE = "%Y-%m-%d %H:%M"

SHORT = 5
_OFFSET = re.compile(r"(?:UTC|GMT|Etc/UTC|Etc/GMT)? ?([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)
_OFFSET_BEGINS = re.compile(r"(?:[A-Z]{3,4}|Etc/\w+)? ?[+-]?\d", re.IGNORECASE)
_PROBE = timedelta(days=5)
"""Distance at which changes of clocks are looked for; since 1970 no zone has had two within 6 days (tzdata 2025)."""

_MACHINE_OWN = ("localtime", "posixrules", "posix/", "right/")


def zone_problem(name: str) -> str:
    """What is wrong with a zone's name, or nothing."""
    if _is_shared(name):
        try:
            ZoneInfo(name)
            return ""
        except (KeyError, ValueError, OSError):
            pass
    meant = _fixed_offset(name) or _nearest(name, {each for each in available_timezones() if _is_shared(each)})
    hint = f"did you mean {meant!r}?" if meant else "write an IANA name, e.g. 'Europe/Warsaw' or 'UTC'"
    return f"{name!r} is not a known time zone; {hint}"


def zone_of(name: str) -> ZoneInfo:
    """The zone of a name.

    Raises:
        WorkbenchError: There is none.
    """
    if problem := zone_problem(name):
        raise WorkbenchError(f"The time zone {problem}.")
    return ZoneInfo(name)


def _is_shared(name: str) -> bool:
    """Whether a zone is the same on every machine."""
    return not name.startswith(_MACHINE_OWN)


def _fixed_offset(name: str) -> str:
    """The zone that `UTC+2` means; its IANA name has the other sign."""
    found = _OFFSET.fullmatch(name)
    zone = f"Etc/GMT{'-' if found[1] == '+' else '+'}{int(found[2])}" if found else ""
    return zone if zone in available_timezones() else ""


def _nearest(name: str, known: set[str]) -> str:
    """The zone, or the zone of the city, that a name was meant to be.

    A short one must be the same but for its capitals: PST is no EST, and 'local' no place.
    """
    name = name.removeprefix("posix/").removeprefix("right/")
    if _OFFSET_BEGINS.match(name) or not _is_shared(name):
        return ""
    cities = {each.rpartition("/")[2] for each in known}
    name = name.replace(" ", "_") if name.replace(" ", "_").casefold() in map(str.casefold, cities) else name
    meant = nearest(name, known) or nearest(name.replace(" ", "_"), cities)
    if meant is None or (len(name) <= SHORT and meant.casefold() != name.casefold()):
        same = (each for each in sorted(cities) if each.casefold() == name.casefold())
        meant = next(same, "") if len(name) <= SHORT else ""
    return meant if not meant or meant in known else min(each for each in known if each.endswith(f"/{meant}"))


def read_wall(text: str, zone: ZoneInfo) -> datetime:
    """The wall-clock time that a text names in `zone`, naive; cut to the second, as `datetime.now()` is finer.

    A text with an offset is turned into the zone's own time.

    Raises:
        ValueError: It is no date and time, or one outside 1970-2999; the text says how to write one.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time; write it as '2035-01-01 00:00'") from None
    if not EARLIEST_YEAR <= read.year <= LATEST_YEAR:
        raise ValueError(f"{text!r} is outside the years {EARLIEST_YEAR} to {LATEST_YEAR}")
    read = read.replace(microsecond=0)
    return in_wall(read, zone) if read.tzinfo else read


def in_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """An aware moment as the zone's wall-clock time, naive.

    Raises:
        ValueError: It falls into the second pass of an hour that comes twice, which a wall-clock time cannot name.
    """
    local = moment.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    if local.fold and instant(wall, zone) != moment.astimezone(UTC):
        raise ValueError(f"'{wall:{MINUTE}}' comes twice that night and stands for the first; choose another time")
    return wall


def wall_text(wall: datetime) -> str:
    """As it is written in definitions: `2035-01-01 00:00`, with seconds only if there are any."""
    return wall.strftime(f"{MINUTE}:%S" if wall.second else MINUTE)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a wall-clock time.

    Where clocks skip it, the first instant after the gap; where it comes twice, the first of the two.
    """
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if early >= late:
        return late
    # PEP 495: in a gap, fold=1 lies before it and fold=0 after it; the change of offset is the gap's end.
    return _change_between(early, late, zone)


class Steady(NamedTuple):
    """A span in which the clock of a zone keeps its offset: instants (UTC) from `begin` up to, but not with, `end`."""

    begin: datetime
    end: datetime
    offset: timedelta


def steady_spans(zone: tzinfo, begin: datetime) -> Iterator[Steady]:
    """The spans from `begin` (UTC) on, one after the other; none is longer than a year."""
    for year in range(begin.year, MAXYEAR):
        for end in (*_changes(zone, year), datetime(year + 1, 1, 1, tzinfo=UTC)):
            if end > begin:
                yield Steady(begin, end, _offset_at(begin, zone))
                begin = end


@lru_cache(maxsize=4_096)
def _changes(zone: tzinfo, year: int) -> tuple[datetime, ...]:
    """The instants (UTC) of a year at which the clocks of a zone change."""
    if zone.utcoffset(None) is not None:
        # It has the same offset at all times.
        return ()
    found, at, end = [], datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset = _offset_at(at, zone)
    while at < end:
        later = min(at + _PROBE, end)
        if (now := _offset_at(later, zone)) != offset:
            found.append(_change_between(at, later, zone))
        at, offset = later, now
    return tuple(found)


def _change_between(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """The instant (UTC) of the one change of clocks after `early`, up to and with `late`, at a full second."""
    before = _offset_at(early, zone)
    low, high = int(early.timestamp()), -int(-late.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(datetime.fromtimestamp(middle, UTC), zone) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset_at(at: datetime, zone: tzinfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def moment(told: datetime | str, zone: ZoneInfo) -> datetime:
    """The instant (UTC) that a person tells: a text or a naive datetime is a wall-clock time of the zone.

    Raises:
        WorkbenchError: The text is no date and time.
    """
    if isinstance(told, datetime):
        return instant(told, zone) if told.tzinfo is None else told.astimezone(UTC)
    try:
        return instant(read_wall(told, zone), zone)
    except ValueError as exc:
        raise WorkbenchError(f"{exc}. Fix: '2035-01-01 08:00', or a datetime.") from None


def clock_change(before: datetime, at: datetime) -> str:
    """What the clock of a zone did between two local times, if anything."""
    if before.utcoffset() == at.utcoffset():
        return ""
    return f"clocks change: {_offset(before)} before, {_offset(at)} from here"


def _offset(at: datetime) -> str:
    text = at.strftime("%z")
    return f"UTC{text[:3]}{':' + text[3:] if text[3:] != '00' else ''}"
