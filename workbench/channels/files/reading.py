"""Files as services get them: bytes that were read whole, and what JSON, XML or CSV they are."""

from __future__ import annotations

import csv
import io
import os
import stat
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import msgspec

from workbench.channels.bodies.xml import as_dict, element_of
from workbench.channels.files.definition import WatchedFolder
from workbench.channels.files.errors import FileRefused, StillWritten
from workbench.core.errors import BadRequest

OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A link leads nowhere, and a named pipe is not waited for."""

ENDINGS = {".json": "json", ".xml": "xml", ".csv": "csv"}


class Look(NamedTuple):
    """How a file is at one moment: what differs once somebody has written to it."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Look:
        """How it is, by what the system says."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


def shown(name: str) -> str:
    """A name as text that everything can carry: bytes that are no UTF-8, and signs that do not show, as \\xff."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def read_whole(path: Path, most: int) -> tuple[bytes, Look]:
    """The bytes of a file, and how it was when they were read.

    Raises:
        FileRefused: It is no regular file, larger than `most` [bytes], or cannot be read.
        StillWritten: It was changed while it was read.
    """
    name = shown(path.name)
    if not stat.S_ISREG(path.lstat().st_mode):
        raise FileRefused(f"{name} is a link or no file at all, which is not followed. Fix: put the file itself there.")
    try:
        descriptor = os.open(path, OPEN)
    except OSError as exc:
        raise FileRefused(f"{name} cannot be read: {exc.strerror}. Fix: give this user the right to.") from exc
    with os.fdopen(descriptor, "rb") as file:
        before = Look.of(os.fstat(descriptor))
        if before.size > most:
            raise FileRefused(
                f"{name} has {before.size:,} bytes, and at most {most:,} are read. "
                f"Fix: max_file_bytes={before.size} for the channel, or smaller files."
            )
        try:
            body = file.read(most + 1)
        except OSError as exc:
            raise FileRefused(f"{name} cannot be read: {exc.strerror}. Fix: see to the disk, put it back.") from exc
        if Look.of(os.fstat(descriptor)) != before or len(body) != before.size:
            raise StillWritten(f"{name} was changed while it was read")
    return body, before


def parsed(name: str, body: bytes, channel: WatchedFolder) -> Any:
    """What a file holds: JSON as it is, XML as a dict, CSV as a list of dicts by the names in its first row, or bytes.

    Raises:
        FileRefused: It is not what it should be.
    """
    how: str = channel.parse_with
    if how == "auto":
        how = ENDINGS.get(PurePath(name).suffix.lower(), "raw")
    try:
        if how == "json":
            return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        if how == "xml":
            return as_dict(element_of(body, "File channel"))
        return _rows(body, channel) if how == "csv" else body
    except (msgspec.DecodeError, UnicodeDecodeError, BadRequest, csv.Error, RecursionError) as exc:
        said = str(exc).removesuffix(".")
        raise FileRefused(f"{shown(name)} is no {how.upper()} that can be read: {said}. Fix: correct it.") from exc


def _rows(body: bytes, channel: WatchedFolder) -> list[dict[str, str]]:
    text = body.decode(channel.csv_encoding).removeprefix("\ufeff")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=channel.csv_delimiter, strict=True)
    names = next(lines, [])
    if len(set(names)) != len(names) or "" in names:
        raise csv.Error("the names in its first row must differ, and none may be empty")
    rows = []
    for line in lines:
        if line and len(line) != len(names):
            raise csv.Error(f"line {lines.line_num} has {len(line)} fields, and the first row names {len(names)}")
        if line:
            rows.append(dict(zip(names, line, strict=True)))
    return rows
