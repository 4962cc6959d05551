"""Which processes live: each holds an operating system's lock on a file of its own for as long as it runs.

A lock needs no heartbeat, which would stop under a C call that holds the interpreter's lock, and the system itself
lets go of it however the process ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from pathlib import Path
from threading import Lock

from workbench.core.errors import StoreUnavailable

STALE_SECONDS = 60.0
"""Age from which the unlocked file of a dead process is swept away; a new one is locked within milliseconds."""

if os.name == "nt":
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _take(file: int) -> None:
        # POSIX locks, not flock: a child that a service forks must not keep its parent alive.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_mine: set[str] = set()
_lock = Lock()


def _forget_mine() -> None:
    global _lock
    _lock = Lock()
    _mine.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_mine)


class Presence:
    """This process's sign of life, and a way to ask for the others'."""

    def __init__(self, folder: Path | None) -> None:
        """Show that this process lives.

        Args:
            folder: Where processes of this machine that share a store lay their lock files; None if they share none.

        Raises:
            StoreUnavailable: The folder cannot be written.
        """
        self._folder = None if folder is None else folder / "alive"
        self._host = socket.gethostname()
        self.me = f"{self._host}:{secrets.token_hex(6)}"
        self._file: int | None = None
        if self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sweep(self._folder)
                self._file = os.open(self._path(self._folder, self.me), os.O_RDWR | os.O_CREAT, 0o600)
                _take(self._file)
            except OSError as exc:
                raise StoreUnavailable(
                    f"The folder {self._folder}, where processes that share a store show that they live, cannot be "
                    f"written: {exc.strerror}. Mend: make it writable, or set WORKBENCH_STORE elsewhere."
                ) from exc
        with _lock:
            _mine.add(self.me)

    def alive(self, process: str) -> bool:
        """Whether the process of that name still runs; one on another machine is taken to."""
        with _lock:
            if process in _mine:
                return True
            host, _, _ = process.rpartition(":")
            if self._folder is None:
                return False
            return host != self._host or not _is_free(self._path(self._folder, process))

    def neighbour(self, process: str) -> bool:
        """Whether that is another process of this machine, and it still runs."""
        return process != self.me and process.rpartition(":")[0] == self._host and self.alive(process)

    def leave(self) -> None:
        """Say that this process's runs are over."""
        with _lock:
            _mine.discard(self.me)
        if self._file is not None and self._folder is not None:
            os.close(self._file)
            self._file = None
            with contextlib.suppress(OSError):
                self._path(self._folder, self.me).unlink()

    @staticmethod
    def _path(folder: Path, process: str) -> Path:
        return folder / f"{process.rpartition(':')[2]}.lock"

    def _sweep(self, folder: Path) -> None:
        ours = {each.rpartition(":")[2] for each in _mine}
        for path in folder.glob("*.lock"):
            with contextlib.suppress(OSError):
                if path.stem not in ours and time.time() - path.stat().st_mtime > STALE_SECONDS:
                    _is_free(path)


def _is_free(path: Path) -> bool:
    """Whether nobody holds the lock of that file; the file of a dead process is removed."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        _take(file)
        with contextlib.suppress(OSError):
            path.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(file)
