"""The FTP peer's folder as its dialect shows it: paths, listings, and what faults add to them."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from stat import S_ISDIR
from typing import Any, cast

from workbench.sandbox.faults import raw
from workbench.sandbox.ftp.dialects import DIALECTS, Dialect
from workbench.sandbox.ftp.faults import FTPFaults

with warnings.catch_warnings():
    # As of the engine: it stands on asyncore.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.filesystems import AbstractedFS

LISTED_SIZE = re.compile(rb"^(-\S+\s+\d+\s+\S+\s+\S+\s+)\d+")
LISTED_OWNER = re.compile(rb"^(\S+)\s+\d+\s+\S+\s+\S+")
FACT_SIZE = re.compile(rb"size=\d+;")
FACT_TYPE = re.compile(rb"type=\w+;")


class Shelf(AbstractedFS):  # type: ignore[misc]
    """Lists the folder, and the names that a fault adds."""

    def __init__(self, root: str, cmd_channel: Any) -> None:
        super().__init__(root, cmd_channel)
        self._home = self._dialect.home
        self.cwd = self._home or "/"

    @property
    def _faults(self) -> FTPFaults:
        return cast(FTPFaults, self.cmd_channel.peer.faults)

    @property
    def _dialect(self) -> Dialect:
        return DIALECTS[self._faults.dialect]

    def ftp2fs(self, ftppath: str) -> str:
        path = self.ftpnorm(ftppath)
        if not self._home:
            return str(super().ftp2fs(path))
        if path == self._home or path.startswith(f"{self._home}/"):
            return os.path.normpath(f"{self.root}/{path[len(self._home) :]}")
        return os.path.normpath(f"{self.root}/.there is nothing beside the folder of the login/{path}")

    def fs2ftp(self, fspath: str) -> str:
        return f"{self._home}{super().fs2ftp(fspath)}".rstrip("/") or "/"

    def format_list(self, basedir: str, listing: list[str], ignore_err: bool = True) -> Iterator[bytes]:
        if self._dialect.lines == "dos":
            yield from (self._dos(basedir, name) for name in listing)
        else:
            yield from map(self._unix, super().format_list(basedir, listing, ignore_err))
        for name in self._strange():
            yield b"-rw-r--r--   1 owner    group           1 Jan 01 2026 %b\r\n" % name

    def _unix(self, line: bytes) -> bytes:
        told = self._told(LISTED_SIZE, line) if line.startswith(b"-") else line
        # No number of links, and names of several words.
        return LISTED_OWNER.sub(rb"\1 NT Users Domain Users", told) if self._dialect.lines == "domain" else told

    def _dos(self, folder: str, name: str) -> bytes:
        found = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118
        at = datetime.fromtimestamp(found.st_mtime, UTC)
        size = self._faults.size_told
        count = found.st_size if size is None else 0 if size == "none" else size
        shown = f"{'<DIR>':<14}" if S_ISDIR(found.st_mode) else f"{count:>14}"
        return f"{at:%m-%d-%y  %I:%M%p}       {shown} {name}\r\n".encode("utf-8", "surrogateescape")

    def format_mlsx(
        self, basedir: str, listing: list[str], perms: str, facts: Any, ignore_err: bool = True
    ) -> Iterator[bytes]:
        for name in listing:
            for line in super().format_mlsx(basedir, [name], perms, facts, ignore_err):
                is_link = self._dialect.tells_links and os.path.islink(os.path.join(basedir, name))  # noqa: PTH114, PTH118
                told = FACT_TYPE.sub(b"type=OS.unix=symlink;", line) if is_link else line
                yield self._told(FACT_SIZE, told) if b"type=file;" in told else told
        if self.cmd_channel.is_listing:
            for name_bytes in self._strange():
                yield b"type=file;size=1; %b\r\n" % name_bytes

    def _told(self, found: re.Pattern[bytes], line: bytes) -> bytes:
        size = self._faults.size_told
        if size is None:
            return line
        if found is LISTED_SIZE:
            return found.sub(b"\\g<1>%d" % (0 if size == "none" else size), line)
        return found.sub(b"" if size == "none" else b"size=%d;" % size, line)

    def _strange(self) -> Iterator[bytes]:
        return (raw(name) for name in self._faults.strange_names)
