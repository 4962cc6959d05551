"""Files and folders that are this user's alone, and whether an open file is still the one that its path names."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from workbench.core.errors import StoreUnavailable

LOOK_SECONDS = 0.02
"""Between two looks whether a file is still there [s]. What is written in that time after it was deleted is lost, as is
what was written just before; a look at each call cost a burst of jobs a third of its time."""


def make_private(path: Path) -> None:
    """Make a file of SQLite if there is none, and it and what SQLite keeps beside it this user's alone.

    Only a file that is new, and so locked by nobody, is opened: closing one drops the process's locks on it. SQLite
    gives the -wal and -shm files that it makes the rights of this one, whatever the umask.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        # Of another user's file the rights stay; so they do on a disk that has none.
        with suppress(OSError):
            if each.stat().st_mode & 0o077:
                each.chmod(0o600)


class Place:
    """The path of an open file, which can be written for ever after it was deleted, so that nobody finds it."""

    def __init__(self, path: Path) -> None:
        """Take the file that is there now for the open one."""
        self._path, self._identity, self._look_at = path, _identity(path), 0.0

    def is_kept(self) -> bool:
        """Whether the open file is still the one that its path names, as of `LOOK_SECONDS` ago at the most."""
        now = time.monotonic()
        if now < self._look_at:
            return True
        is_kept = _identity(self._path) == self._identity
        self._look_at = now + LOOK_SECONDS if is_kept else 0.0
        return is_kept


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def own_folder(path: Path) -> Path:
    """Make a folder, in one that is everybody's such as the temporary one, that only this user can enter.

    Raises:
        StoreUnavailable: Somebody else made it first, or a link of its name.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        state = path.lstat()
        is_ours = stat.S_ISDIR(state.st_mode) and (not hasattr(os, "getuid") or state.st_uid == os.getuid())
        if is_ours and os.name != "nt" and state.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be made: {exc.strerror}. Fix: set TMPDIR to a folder of yours.") from exc
    if not is_ours:
        raise StoreUnavailable(
            f"{path} belongs to another user, or is a link, so nothing is kept there. "
            f"Fix: have it removed, or set TMPDIR to a folder of yours."
        )
    return path
