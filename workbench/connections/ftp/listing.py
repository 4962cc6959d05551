"""What FTP servers say of their files: MLSD's facts, and the lines of LIST in the dialects that servers draw."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from workbench.connections.files.names import joined, name_of
from workbench.connections.files.protocol import FileInfo

LONGEST_LINE = 4_096
"""What is longer [characters] is no line of a listing: a path has at most 1,024 bytes, and a line holds two."""
MONTHS = {
    word: number
    for number, words in enumerate(
        # As `ls` writes them in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish, accents off.
        (
            "jan ene gen sty",
            "feb fev lut",
            "mar mrt",
            "apr avr abr kwi",
            "may mai mag mei maj",
            "jun juin giu cze",
            "jul juil lug lip",
            "aug aou ago sie",
            "sep set wrz",
            "oct okt ott out paz",
            "nov lis",
            "dec dez dic gru",
        ),
        1,
    )
    for word in words.split()
}
TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)?"
UNIX = re.compile(
    r"(?P<kind>[-dlbcpsD])(?:[-rwxsStTlL]{9}[.+@]?|\s?\[[-A-Z]{8}\])\s++"
    # Links, owner and group where each is one word; else whatever stands before a size and a time.
    r"(?:\d+\s+\S+\s+\S+\s+|\d+\s+\S+\s+|(?:\S.*?\s)??)(?:\d+,\s*)?(?P<size>\d+)\s+(?:"
    r"(?:(?P<month>[^\W\d_]\S{1,8})\s+(?P<day>\d{1,2})\.?|(?P<day_first>\d{1,2})\.?\s+(?P<month_second>[^\W\d_]\S{1,8}))"
    rf"\s+(?:{TIME}(?:\s+(?P<year_after>\d{{4}}))?|(?P<year>\d{{4}}))"
    r"|(?P<iso>\d{4}-\d\d-\d\d)\s+(?P<iso_time>\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:\s[+-]\d{4})?"
    r") (?P<name>.+)"
)
DOS = re.compile(
    r"(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d{2,4})\s+(?P<hour>\d\d):(?P<minute>\d\d)(?P<half>[AP]M)?\s+"
    r"(?:(?P<folder><(?:DIR|JUNCTION|SYMLINKD)>)|(?P<size>\d+))\s+(?P<name>.+)"
)
EPLF = re.compile(r"\+(?P<facts>[^\t]*)\t(?P<name>.+)")
OS400 = re.compile(
    r"\S+\s+(?P<size>\d+)\s+\d\d/\d\d/\d\d\s+\d\d:\d\d:\d\d\s+\*(?P<kind>D?DIR|FLR|D?STMF)\s+(?P<name>\S.*?)/?\s*"
)
NO_FILE = re.compile(r"(?:totale?|totaal|insgesamt|razem)\s+\S+|\s*")
STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")


class Listing(NamedTuple):
    """What a folder has, and the lines that nobody understood."""

    infos: list[FileInfo]
    unread: list[str]


def of_facts(line: str, folder: str) -> FileInfo | None:
    """One line of MLSD, as `type=file;size=12;modify=20260101120000; a.txt`; None for the folder itself."""
    facts_text, _, name = line.lstrip(" ").partition(" ")
    facts = dict(fact.lower().partition("=")[::2] for fact in facts_text.rstrip(";").split(";"))
    kind = facts.get("type", "")
    if kind in ("cdir", "pdir") or not name:
        return None
    is_dir = kind == "dir"
    return FileInfo(
        name,
        joined(folder, name),
        0 if is_dir else _count(facts.get("size", "")),
        instant(facts.get("modify", "")),
        is_dir,
        # ProFTPD writes `OS.unix=symlink`, others `OS.unix=slink:/where/it/leads`.
        kind.startswith(("os.unix=symlink", "os.unix=slink")),
    )


def of_mlsd(lines: Iterable[str], folder: str) -> Listing:
    """The lines of MLSD."""
    infos, unread = [], []
    for line in lines:
        facts, _, name = line.lstrip(" ").partition(" ")
        if not name or "=" not in facts:
            unread.append(line)
        elif (info := of_facts(line, folder)) is not None:
            infos.append(info)
    return Listing(infos, unread)


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


def of_list(lines: Iterable[str], folder: str, now: datetime) -> Listing:
    """The lines of LIST; times are taken for UTC, for lack of better knowledge.

    Read are the forms of `ls -l` (owners and groups of several words, days before months, ISO times, months of some
    languages, NetWare's rights), of DOS and IIS, of OS/400 and EPLF.
    """
    dialects: tuple[Callable[[str, str, datetime], FileInfo | None], ...] = (_unix, _dos, _eplf, _os400)
    infos, unread = [], []
    for line in lines:
        readers = dialects if len(line) <= LONGEST_LINE else ()
        info = next((info for read in readers if (info := read(line, folder, now)) is not None), None)
        if info is None and not NO_FILE.fullmatch(line):
            unread.append(line)
        elif info is not None and info.name not in (".", ".."):
            infos.append(info)
    return Listing(infos, unread)


def _unix(line: str, folder: str, now: datetime) -> FileInfo | None:
    found = UNIX.fullmatch(line)
    if found is None:
        return None
    if found["iso"]:
        modified = instant(re.sub(r"\D", "", found["iso"] + found["iso_time"]) + "00")
    elif month := _month(found["month"] or found["month_second"]):
        modified = _recent(found, month, now)
    else:
        return None
    is_dir, is_link = found["kind"] == "d", found["kind"] == "l"
    name = found["name"].partition(" -> ")[0] if is_link else found["name"]
    return FileInfo(name, joined(folder, name), 0 if is_dir else _count(found["size"]), modified, is_dir, is_link)


def _recent(found: re.Match[str], month: int, now: datetime) -> datetime | None:
    """The time of a line of `ls`; without a year it is one of the last twelve months."""
    day, said = found["day"] or found["day_first"], found["year"] or found["year_after"]
    year = int(said or now.year)
    modified = _time(year, month, day, found["hour"], found["minute"])
    if modified is not None and not said and modified > now + timedelta(days=1):
        return _time(year - 1, month, day, found["hour"], found["minute"])
    return modified


def _month(word: str) -> int | None:
    """The number of a month by its short name; of an old server it may come in Latin-1."""
    try:
        text = word.encode("utf-8", "surrogateescape").decode()
    except UnicodeDecodeError as exc:
        text = exc.object.decode("latin-1")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return MONTHS.get(plain.rstrip("."), MONTHS.get(plain[:3]))


def _dos(line: str, folder: str, now: datetime) -> FileInfo | None:
    found = DOS.fullmatch(line)
    if found is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] == "PM" else 0)
    year = int(found["year"])
    year += (2000 if year < 70 else 1900) if year < 100 else 0
    modified = _time(year, int(found["month"]), found["day"], hour, found["minute"])
    name, is_dir = found["name"], found["folder"] is not None
    return FileInfo(name, joined(folder, name), _count(found["size"] or ""), modified, is_dir)


def _eplf(line: str, folder: str, now: datetime) -> FileInfo | None:
    """Source: https://cr.yp.to/ftp/list/eplf.html."""
    found = EPLF.fullmatch(line)
    if found is None:
        return None
    facts = {fact[:1]: fact[1:] for fact in found["facts"].split(",")}
    name, seconds = found["name"], facts.get("m", "")
    modified = datetime.fromtimestamp(int(seconds), UTC) if re.fullmatch(r"\d{1,11}", seconds) else None
    return FileInfo(name, joined(folder, name), _count(facts.get("s", "")), modified, "/" in facts)


def _os400(line: str, folder: str, now: datetime) -> FileInfo | None:
    found = OS400.fullmatch(line)
    if found is None:
        return None
    # Which of the three numbers is the day depends on a setting of that machine.
    name, is_dir = found["name"], not found["kind"].endswith("STMF")
    return FileInfo(name, joined(folder, name), 0 if is_dir else _count(found["size"]), None, is_dir)


def _count(text: str) -> int:
    """A size; 0 for what is none, as one of a thousand digits."""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else 0


def _time(year: int, month: int, day: str, hour: str | int | None, minute: str | None) -> datetime | None:
    try:
        return datetime(year, month, int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None
