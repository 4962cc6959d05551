"""What FTP servers say of their files: MLSD's facts, and the lines of LIST that older servers draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from workbench.connections.files.names import joined, name_of
from workbench.connections.files.protocol import FileInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UNIX = re.compile(
    r"(?P<kind>[-dlbcps])[-rwxsStTl]{9}[.+@]?\s+\d+\s+\S+\s+(?:\S+\s+)?(?P<size>\d+)\s+"
    r"(?P<month>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})|(?P<year>\d{4})) (?P<name>.+)"
)
DOS = re.compile(
    r"(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d{2,4})\s+(?P<hour>\d\d):(?P<minute>\d\d)(?P<half>[AP]M)?\s+"
    r"(?:(?P<folder><DIR>)|(?P<size>\d+))\s+(?P<name>.+)"
)
STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")


def of_facts(line: str, folder: str) -> FileInfo | None:
    """One line of MLSD, as `type=file;size=12;modify=20260101120000; a.txt`; None for the folder itself."""
    facts_text, _, name = line.lstrip(" ").partition(" ")
    facts = dict(fact.lower().partition("=")[::2] for fact in facts_text.rstrip(";").split(";"))
    kind = facts.get("type", "")
    if kind in ("cdir", "pdir") or not name:
        return None
    is_dir = kind == "dir"
    size = facts.get("size", "")
    return FileInfo(
        name,
        joined(folder, name),
        int(size) if size.isdecimal() and not is_dir else 0,
        instant(facts.get("modify", "")),
        is_dir,
    )


def of_fact(line: str, path: str) -> FileInfo | None:
    """The line of MLST about one path; its own name for it does not matter."""
    info = of_facts(f"{line.strip().partition(' ')[0]} x", "")
    # MLST of a folder may call it `cdir`.
    if info is None:
        return FileInfo(name_of(path), path, is_dir=True)
    return info._replace(name=name_of(path), path=path)


def instant(text: str) -> datetime | None:
    """A time of MLSD or MDTM; None if it is none."""
    found = STAMP.match(text)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = map(int, found.groups())
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


def of_list(lines: list[str], folder: str, now: datetime) -> Iterator[FileInfo]:
    """The lines of LIST, in the form of `ls -l` or of DOS; times are taken for UTC, for lack of better knowledge."""
    for line in lines:
        info = _unix(line, folder, now) or _dos(line, folder)
        if info is not None and info.name not in (".", ".."):
            yield info


def _unix(line: str, folder: str, now: datetime) -> FileInfo | None:
    found = UNIX.match(line)
    if found is None or found["month"].lower() not in MONTHS:
        return None
    month = MONTHS.index(found["month"].lower()) + 1
    name = found["name"]
    if found["kind"] == "l":
        name = name.partition(" -> ")[0]
    is_dir = found["kind"] == "d"
    year = int(found["year"] or now.year)
    modified = _time(year, month, found["day"], found["hour"], found["minute"])
    if modified is not None and not found["year"] and modified > now + timedelta(days=1):
        # A time without a year is one of the last twelve months.
        modified = _time(year - 1, month, found["day"], found["hour"], found["minute"])
    return FileInfo(name, joined(folder, name), 0 if is_dir else int(found["size"]), modified, is_dir)


def _dos(line: str, folder: str) -> FileInfo | None:
    found = DOS.match(line)
    if found is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] == "PM" else 0)
    year = int(found["year"])
    year += (2000 if year < 70 else 1900) if year < 100 else 0
    modified = _time(year, int(found["month"]), found["day"], hour, found["minute"])
    name, is_dir = found["name"], found["folder"] is not None
    return FileInfo(name, joined(folder, name), int(found["size"] or 0), modified, is_dir)


def _time(year: int, month: int, day: str, hour: str | int | None, minute: str | None) -> datetime | None:
    try:
        return datetime(year, month, int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None
