"""Files that a transfer has taken for itself, by renaming them, and those that a dead one has left behind."""

from __future__ import annotations

import atexit
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from workbench.connections.files.errors import FileThere, NoSuchFile
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import CLAIMED, joined
from workbench.core.errors import ConnectionFailed
from workbench.durable.presence import Presence
from workbench.stores.files import own_folder

OWNER = re.compile(r"(?P<key>[0-9a-f]{12})\.(?P<run>\d+)\.(?P<at>\d+)\.(?P<host>[^/]+)")
ELSEWHERE_SECONDS = 6 * 3600.0
"""Age from which a claim of another machine, which cannot be asked, counts as left behind."""

_active: set[str] = set()
_numbers = count(1)


@cache
def _presence() -> Presence:
    """This process's sign of life for others of this machine; the system takes it back however the process ends."""
    uid = os.getuid() if hasattr(os, "getuid") else 0
    presence = Presence(own_folder(Path(tempfile.gettempdir()) / f"workbench-transfers-{uid}"))
    atexit.register(presence.leave)
    return presence


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_presence.cache_clear)


class Claims:
    """The claims of one transfer in one folder.

    `in/x` is moved to `in/.claimed/<owner>/x`: a rename succeeds for one process only.
    """

    def __init__(self, conn: LiveFiles, folder: str) -> None:
        self._conn, self._folder = conn, folder
        self._all = joined(folder, CLAIMED)
        host, _, key = _presence().me.rpartition(":")
        self.owner = f"{key}.{next(_numbers)}.{int(time.time())}.{re.sub(r'[^A-Za-z0-9.-]', '-', host) or 'host'}"
        self._mine = joined(self._all, self.owner)
        self._is_made = False

    def __enter__(self) -> Claims:
        _active.add(self.owner)
        return self

    def __exit__(self, *exc: object) -> None:
        _active.discard(self.owner)
        if self._is_made:
            # What could not be given back stays there; the next transfer finds it, since this one is over.
            with suppress(ConnectionFailed):
                self._conn.remove_folder(self._mine)

    def take(self, name: str) -> str | None:
        """Claim a file of the folder; where it is now, or None if somebody else was faster."""
        return self._move(joined(self._folder, name), name)

    def give_back(self, name: str) -> bool:
        """Put a claimed file back, for it could not be handled; nothing is replaced. Whether it is there again."""
        with suppress(ConnectionFailed):
            self._conn.move(joined(self._mine, name), joined(self._folder, name))
            return True
        return False

    def left_behind(self) -> Iterator[tuple[str, str]]:
        """Take over what dead transfers had claimed: each name, and where it is now."""
        if self._conn.look(self._all) is None:
            return
        owners = [info.name for info in self._conn.list(self._all) if info.is_dir]
        for owner in owners:
            if owner == self.owner or not _is_over(owner):
                continue
            theirs = joined(self._all, owner)
            with suppress(NoSuchFile):
                for info in self._conn.list(theirs):
                    if not info.is_dir and (path := self._move(info.path, info.name)) is not None:
                        yield info.name, path
            with suppress(ConnectionFailed):
                self._conn.remove_folder(theirs)

    def _move(self, source: str, name: str) -> str | None:
        if not self._is_made:
            self._conn.make_folder(self._mine)
            self._is_made = True
        target = joined(self._mine, name)
        try:
            self._conn.move(source, target)
        except (NoSuchFile, FileThere):
            # FileThere: one of that name was left behind, and is handled first; the new one waits for the next run.
            return None
        return target


def _is_over(owner: str) -> bool:
    """Whether the transfer of that name has ended without giving everything back."""
    parts = OWNER.fullmatch(owner)
    if parts is None:
        return False
    presence = _presence()
    host, _, key = presence.me.rpartition(":")
    if parts["host"] != re.sub(r"[^A-Za-z0-9.-]", "-", host):
        return time.time() - int(parts["at"]) > ELSEWHERE_SECONDS
    if parts["key"] == key:
        return owner not in _active
    return not presence.alive(f"{host}:{parts['key']}")
