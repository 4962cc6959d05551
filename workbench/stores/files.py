"""Files and folders that are this user's alone, and whether an open file is still the one that its path names."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from workbench.core.errors import StoreUnavailable


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


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at a path from any other, for as long as it is there; None if there is none."""
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
