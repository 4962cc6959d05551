"""Wall-clock times in a time zone, and the instants they name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from workbench.core.errors import nearest

EARLIEST_YEAR, LATEST_YEAR = 1970, 2999
MINUTE = "%Y-%m-%d %H:%M"

_MACHINE_OWN = ("localtime", "posixrules", "posix/", "right/")


def zone_problem(name: str) -> str:
    """What is wrong with a zone's name, or nothing."""
    if not name.startswith(_MACHINE_OWN):
        try:
            ZoneInfo(name)
            return ""
        except (KeyError, ValueError, OSError):
            pass
    known = available_timezones()
    meant = nearest(name, known) or nearest(name.replace(" ", "_"), {each.rpartition("/")[2] for each in known})
    if meant is not None and meant not in known:
        meant = min(each for each in known if each.endswith(f"/{meant}"))
    hint = f"did you mean {meant!r}?" if meant else "write an IANA name, e.g. 'Europe/Warsaw' or 'UTC'"
    return f"{name!r} is not a known time zone; {hint}"


def read_wall(text: str, zone: ZoneInfo) -> datetime:
    """The wall-clock time that a text names in `zone`, naive, to the second.

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
    if read.microsecond:
        raise ValueError(f"{text!r} is finer than a second; write whole seconds")
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
