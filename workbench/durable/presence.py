"""Which processes live: each holds an operating system's lock on a file of its own for as long as it runs.

A lock needs no heartbeat, which would stop under a C call that holds the interpreter's lock, and the system itself
lets go of it however the process ends. Other machines cannot see it: where a store is shared between machines, each
process also holds a lease in that store and renews it from a thread. Who finds the lease lapsed removes it, so that
everybody sees the same; a process that comes back after that goes on under another name.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import time
from contextvars import Context
from pathlib import Path
from threading import Event, Lock, Thread, current_thread

from workbench.core.errors import StoreUnavailable
from workbench.core.forking import forgets_when_forked
from workbench.core.ports import Clock, Store
from workbench.durable.leases import Lease, LeaseLost, Leases

log = logging.getLogger("workbench.presence")

STALE_SECONDS = 60.0
"""Age from which the unlocked file of a dead process is swept away; a new one is locked within milliseconds."""

LEASE_SECONDS = 30.0
"""How long a process of another machine counts as alive after its last sign [s].

It is renewed three times as often, so a call that holds the interpreter's lock for 20 s, or a store that gives no
answer for as long, is survived.
"""

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
    """This process's sign of life, and a way to ask for the others'.

    `me` is its name, `host:key`. It changes only if another machine took this process for dead meanwhile.
    """

    def __init__(
        self,
        folder: Path | None,
        store: Store | None = None,
        *,
        clock: Clock | None = None,
        host: str = "",
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Show that this process lives.

        Args:
            folder: Where processes of this machine that share a store lay their lock files; None if they share none.
            store: What they share; None leaves unsaid who else may use it, and processes of other machines are taken
                to live.
            clock: A virtual one judges leases in place of the store's, and none is renewed but by `renew`.
            host: Name of this machine; the system's by default.
            lease_seconds: How long a lease holds without being renewed [s].

        Raises:
            StoreUnavailable: The folder cannot be written, or the shared store gives no answer.
        """
        self._folder = None if folder is None else folder / "alive"
        self._host, self._seconds = host or socket.gethostname(), lease_seconds
        self._is_store_known, self._pid = store is not None, os.getpid()
        moved = clock if clock is not None and clock.is_virtual else None
        shared = store if store is not None and store.across_machines else None
        self._leases = None if shared is None else Leases(shared, moved or shared, "alive")
        self._file: int | None = None
        self._lease: Lease | None = None
        self._gone: set[str] = set()
        self._renewing, self._left = Lock(), Event()
        self._enter()
        self._thread: Thread | None = None
        if self._leases is not None and moved is None:
            run = Context().run
            self._thread = Thread(target=run, args=(self._keep_renewing,), name="workbench-alive", daemon=True)
            self._thread.start()
        forgets_when_forked(self)

    def forget(self) -> None:
        """In a forked child: the lease and the thread that renews it are the parent's."""
        self._renewing, self._left = Lock(), Event()
        self._lease = self._thread = None

    def alive(self, process: str) -> bool:
        """Whether the process of that name still runs.

        Its lock file says so if it is here, else its lease. Without a lease to ask for, a process is dead whose file
        is gone; but one of another machine is taken to live where it is not known who shares the store.

        Raises:
            StoreUnavailable: The store that holds its lease gives no answer.
        """
        host, _, key = process.rpartition(":")
        with _lock:
            if process in _mine:
                return True
            if key in self._gone:
                return False
            locked = None if self._folder is None else _is_locked(self._path(self._folder, process))
            if locked is False:
                self._gone.add(key)
        if locked is False:
            self._end_lease(process)
        if locked is not None:
            return locked
        if self._leases is not None:
            # A lapsed lease is removed, so that all see the same from now on and its owner can renew it no more.
            return self._leases.holder(process) is not None or not self._leases.forget(process)
        return self._folder is not None and not self._is_store_known and host != self._host

    def _end_lease(self, process: str) -> None:
        """End the lease of a process that is known to be dead, since whoever asks next finds no lock file of it."""
        if self._leases is not None:
            # One that stays lapses.
            with contextlib.suppress(StoreUnavailable, LeaseLost):
                if (lease := self._leases.holder(process)) is not None:
                    self._leases.release(lease)
                self._leases.forget(process)

    def neighbour(self, process: str) -> bool:
        """Whether that is another process of this machine, and it still runs."""
        return process != self.me and process.rpartition(":")[0] == self._host and self.alive(process)

    def renew(self) -> None:
        """Tell other machines that this process lives, as its thread does.

        Raises:
            StoreUnavailable: The shared store gives no answer.
        """
        with self._renewing:
            if self._leases is None or self._left.is_set():
                return
            try:
                if self._lease is not None:
                    self._lease = self._leases.renew(self._lease, self._seconds)
                    return
            except LeaseLost:
                self._let_go()
            was = self.me
            self._enter()
            log.warning(
                "The store has no sign of life of this process any more, so other machines take it for dead: what it "
                "had begun as %s counts as interrupted. It goes on as %s.",
                was,
                self.me,
            )

    def leave(self) -> None:
        """Say that this process's runs are over."""
        self._left.set()
        with self._renewing:
            lease = self._lease
            self._let_go()
            if lease is not None:
                self._end_lease(lease.name)
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(1.0)

    def _enter(self) -> None:
        self.me = f"{self._host}:{secrets.token_hex(6)}"
        if self._leases is not None:
            self._lease = self._leases.claim(self.me, self.me, self._seconds)
        if self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sweep(self._folder)
                self._file = os.open(self._path(self._folder, self.me), os.O_RDWR | os.O_CREAT, 0o600)
                _take(self._file)
            except OSError as exc:
                raise StoreUnavailable(
                    f"The folder {self._folder}, where processes that share a store show that they live, cannot be "
                    f"written: {exc.strerror}. Fix: make it writable, or set WORKBENCH_STORE elsewhere."
                ) from exc
        with _lock:
            _mine.add(self.me)

    def _let_go(self) -> None:
        self._lease = None
        with _lock:
            _mine.discard(self.me)
        if self._file is not None and self._folder is not None:
            os.close(self._file)
            self._file = None
            if self._pid == os.getpid():
                with contextlib.suppress(OSError):
                    self._path(self._folder, self.me).unlink()

    def _keep_renewing(self) -> None:
        is_answered = True
        while not self._left.wait(self._seconds / 3):
            try:
                self.renew()
                is_answered = True
            except StoreUnavailable as exc:
                if is_answered:
                    log.warning("other machines are not told that this process lives: %s", exc)
                is_answered = False

    @staticmethod
    def _path(folder: Path, process: str) -> Path:
        return folder / f"{process.rpartition(':')[2]}.lock"

    def _sweep(self, folder: Path) -> None:
        ours = {each.rpartition(":")[2] for each in _mine}
        for path in folder.glob("*.lock"):
            with contextlib.suppress(OSError):
                is_old = path.stem not in ours and time.time() - path.stat().st_mtime > STALE_SECONDS
                if is_old and _is_locked(path) is False:
                    self._gone.add(path.stem)
                    self._end_lease(f"{self._host}:{path.stem}")


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds the lock of that file; None if it is not there. The file of a dead process is removed."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    except OSError:
        return True
    try:
        _take(file)
        with contextlib.suppress(OSError):
            path.unlink()
        return False
    except OSError:
        return True
    finally:
        os.close(file)
