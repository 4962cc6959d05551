"""Owners of claims that are names of folders: each says who made it and when, and can be asked whether that one lives.

A claim is a file that was moved into a folder called after its owner: a rename succeeds for one process only.
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path

from workbench.durable.presence import Presence
from workbench.stores.files import own_folder

OWNER = re.compile(r"(?P<key>[0-9a-f]{12})\.(?P<run>\d+)\.(?P<at>\d+)\.(?P<host>[^/]+)")
ELSEWHERE_SECONDS = 6 * 3600.0
"""Age from which a claim of another machine, or of another user of this one, counts as left behind [s].

Neither can be asked whether it lives.
"""

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


class Owner:
    """Who holds claims; `name` is a folder's name that no other owner has."""

    def __init__(self) -> None:
        host, _, key = _presence().me.rpartition(":")
        self.name = f"{key}.{next(_numbers)}.{int(time.time())}.{_plain(host) or 'host'}"

    def begin(self) -> None:
        """Hold claims from now on."""
        _active.add(self.name)

    def end(self) -> None:
        """Hold none any more: what is still claimed is left behind."""
        _active.discard(self.name)


def is_over(name: str, *, is_same_user: bool = True) -> bool:
    """Whether the owner of that name has ended, so that its claims are left behind; False for what is no owner.

    Args:
        name: Of the folder.
        is_same_user: Whether the user of this process made it; another one's cannot be asked, but by its age.
    """
    parts = OWNER.fullmatch(name)
    if parts is None:
        return False
    presence = _presence()
    host, _, key = presence.me.rpartition(":")
    if parts["host"] != _plain(host) or not is_same_user:
        return time.time() - int(parts["at"]) > ELSEWHERE_SECONDS
    if parts["key"] == key:
        return name not in _active
    return not presence.alive(f"{host}:{parts['key']}")


def _plain(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", host)
