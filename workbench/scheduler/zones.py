"""Wall-clock times in a time zone, and the instants they name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from workbench.core.errors import WorkbenchError, nearest

EARLIEST_YEAR, LATEST_YEAR = 1970, 2999
MINUTE = "%Y-%m-%d %H:%M"

SHORT = 5
_OFFSET = re.compile(r"(?:UTC|GMT|Etc/UTC|Etc/GMT)? ?([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)
_OFFSET_BEGINS = re.compile(r"(?:[A-Z]{3,4}|Etc/\w+)? ?[+-]?\d", re.IGNORECASE)
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
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(microseconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


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
