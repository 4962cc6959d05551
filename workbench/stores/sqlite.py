"""A store in one SQLite file, shared by the threads and processes of one machine."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from workbench.core.errors import StoreUnavailable
from workbench.core.ports import Swap
from workbench.stores.files import Place, make_private
from workbench.stores.values import NotACounter, valid_key
from workbench.stores.wal import kind_of, to_wal

log = logging.getLogger("workbench.stores")
T = TypeVar("T")

BUSY_SECONDS = 2.0
"""Longest wait for another process's write [s]; one write takes about 20 microseconds."""

CHECKPOINT_EVERY = 500
"""Writes of this process between two checkpoints."""

PAGE = 500

APPLICATION_ID = 0x776F726B
"""Says in the file's header that it is ours: `work`."""

MIGRATIONS: tuple[str, ...] = ("CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",)
"""Statement n brings schema n to schema n + 1."""

_PUT = "INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)"
_ADD = "INSERT INTO entry (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_REPLACE = "UPDATE entry SET value = ? WHERE key = ? AND value = ?"
_REMOVE = "DELETE FROM entry WHERE key = ? AND value = ?"
_TEXT = "CAST(value AS TEXT)"
_COUNT = f"CAST({_TEXT} AS INTEGER)"
_INCR = f"""
INSERT INTO entry (key, value) VALUES (:key, CAST(:by AS BLOB))
ON CONFLICT (key) DO UPDATE SET value = CAST({_COUNT} + :by AS BLOB)
WHERE CAST({_COUNT} AS TEXT) = {_TEXT} AND typeof({_COUNT} + :by) = 'integer'
RETURNING {_COUNT}
"""

_REASONS = {
    "SQLITE_BUSY": "is locked by another process for more than {seconds:g} s. Fix: end the process that holds it",
    "SQLITE_LOCKED": "is locked by another process for more than {seconds:g} s. Fix: end the process that holds it",
    "SQLITE_FULL": "is full: its disk or its size limit has no room left. Fix: free some space",
    "SQLITE_READONLY": "is read-only. Fix: make the file and its folder writable, or set WORKBENCH_STORE elsewhere",
    "SQLITE_PERM": "may not be opened. Fix: make the file and its folder writable, or set WORKBENCH_STORE elsewhere",
    "SQLITE_CANTOPEN": "cannot be opened or made: its folder is read-only or not there. "
    "Fix: make it writable, or set WORKBENCH_STORE elsewhere",
    "SQLITE_NOTADB": "is not a SQLite file. Fix: move that file away, or name another",
    "SQLITE_CORRUPT": "is damaged. Fix: move it away (a new one is made), or restore a copy",
    "SQLITE_IOERR": "cannot be read or written: its disk reports an error. Fix: check the disk",
}


_making = Lock()


def _renew_making() -> None:
    global _making
    _making = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_making)


class SQLiteStore:
    """One connection behind one lock, in WAL mode, reopened in a forked child.

    One connection, since SQLite's writers take turns anyway and a queue on a lock costs microseconds where SQLite's own
    waiting sleeps for milliseconds. Commits survive the death of the process; after a power cut the last ones may be
    missing (`synchronous=NORMAL`). Checkpoints, which do wait for the disk, run on a connection of their own, so that
    they hold up nobody but the call that starts them.
    """

    across_machines = False

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS, max_pages: int | None = None) -> None:
        """Open or make the file.

        Args:
            path: The file; its folder is made if it is not there.
            busy_seconds: Longest wait for another process [s].
            max_pages: Size limit of the file [pages of 4,096 bytes]; None leaves it to the disk.
        """
        self.path = path.absolute()
        self.url = f"sqlite:///{self.path}"
        self.folder: Path | None = self.path.parent
        self._busy_seconds, self._max_pages = busy_seconds, max_pages
        self._inherited: list[sqlite3.Connection] = []
        self._closed = False
        self._open()

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        rows = self._run("SELECT value FROM entry WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""
        asked, found = list(keys), dict[str, bytes]()
        for first in range(0, len(asked), PAGE):
            page = asked[first : first + PAGE]
            found |= self._run(f"SELECT key, value FROM entry WHERE key IN ({', '.join('?' * len(page))})", page)
        return found

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        valid_key(key)
        self._run(_PUT, (key, value))
        self._wrote()

    def put_all(self, values: Mapping[str, bytes]) -> None:
        """Set several values in one write: all of them or none."""
        for key in values:
            valid_key(key)
        self._do(lambda: self._in_one_write(lambda: self._connection.executemany(_PUT, values.items())))
        self._wrote()

    def _in_one_write(self, write: Callable[[], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            answer = write()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return answer

    def delete(self, key: str) -> bool:
        """Remove it; whether it was there."""
        rows = self._run("DELETE FROM entry WHERE key = ? RETURNING 1", (key,))
        self._wrote()
        return bool(rows)

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, with their values, in order of the key.

        What is written meanwhile may or may not be seen; nothing is locked between two pages.
        """
        first, last = max(prefix, f"{after}\0"), prefix + chr(0x10FFFF)
        query = f"SELECT key, value FROM entry WHERE key >= ? AND key < ? ORDER BY key LIMIT {PAGE}"
        while page := self._run(query, (first, last)):
            yield from page
            if len(page) < PAGE:
                return
            first = page[-1][0] + "\0"

    def add(self, key: str, value: bytes) -> bool:
        """Set the value only if the key is absent, atomically; whether it was set."""
        return self.swap(key, None, value)

    def incr(self, key: str, by: int = 1) -> int:
        """Add to a counter (absent counts as 0), atomically; the new value."""
        valid_key(key)
        try:
            rows = self._run(_INCR, {"key": key, "by": by})
        except OverflowError:
            raise NotACounter(key) from None
        if not rows:
            raise NotACounter(key)
        self._wrote()
        return int(rows[0][0])

    def swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        """Set the value only if it is `expected` now, atomically; whether it was. None is no value."""
        return self.swap_all([Swap(key, expected, value)])[0]

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        """Make several swaps in one write, in order; of each, whether its value was as expected, so that it is set."""
        for each in swaps:
            valid_key(each.key)
        swapped = self._do(lambda: self._swap_all(swaps))
        # What only adds is waited for by what it begins: no checkpoint holds it up.
        self._wrote(sum(each.expected is not None for each in swaps))
        return swapped

    def _swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        if len(swaps) < 2:
            # A statement is a write by itself, at half the cost.
            return [self._swapped(*each) for each in swaps]
        return self._in_one_write(lambda: [self._swapped(*each) for each in swaps])

    def _swapped(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        ask = self._connection.execute
        if expected is None and value is None:
            return ask("SELECT 1 FROM entry WHERE key = ?", (key,)).fetchone() is None
        if expected is None:
            done = ask(_ADD, (key, value))
        elif value is None:
            done = ask(_REMOVE, (key, expected))
        else:
            done = ask(_REPLACE, (value, key, expected))
        return done.rowcount > 0

    def time(self) -> float:
        """The machine's clock, which all users of the file share: seconds since the epoch, UTC [s]."""
        return time.time()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if not self._closed and self._pid == os.getpid():
                self._side.close()
                self._connection.close()
            self._closed = True

    def _run(self, query: str, values: Sequence[Any] | dict[str, Any]) -> list[Any]:
        return self._do(lambda: self._connection.execute(query, values).fetchall())

    def _do(self, ask: Callable[[], T]) -> T:
        if self._pid != os.getpid():
            self._leave_to_parent()
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"The store {self.path} is closed. Fix: open it again.")
            if not self._place.is_kept():
                raise StoreUnavailable(
                    f"The store {self.path} was deleted or replaced while it was open; nothing is written any more. "
                    f"Fix: put a copy back if there is one, and restart; without one, a restart makes a new file."
                )
            try:
                return ask()
            except sqlite3.Error as exc:
                raise self._unavailable(exc) from exc

    def _leave_to_parent(self) -> None:
        # SQLite forbids touching, and even closing, a connection that came through a fork.
        self._inherited += [self._connection, self._side]
        self._open()

    def _open(self) -> None:
        self._lock, self._side_lock = Lock(), Lock()
        self._pid, self._writes = os.getpid(), 0
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreUnavailable(
                f"The folder {self.path.parent} of the store cannot be made: {exc.strerror}. "
                f"Fix: make it writable, or set WORKBENCH_STORE elsewhere."
            ) from exc
        try:
            with _making:
                make_private(self.path)
                self._connection = self._connect()
                self._place = Place(self.path)
            try:
                self._prepare()
                self._side = self._connect()
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as exc:
            raise self._unavailable(exc) from exc

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if self._max_pages is not None:
                connection.execute(f"PRAGMA max_page_count = {self._max_pages:d}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        to_wal(self._connection, self._busy_seconds)
        if self._schema() == len(MIGRATIONS):
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            known = self._schema()
            for statement in MIGRATIONS[known:]:
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _schema(self) -> int:
        """The schema's number, 0 in a new file; refuses files of others and of newer versions."""
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        owner = int(self._connection.execute("PRAGMA application_id").fetchone()[0])
        tables = int(self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
        if owner != APPLICATION_ID and (version or tables):
            raise StoreUnavailable(f"{self.path} holds the database of another program. Fix: name another file.")
        if version > len(MIGRATIONS):
            raise StoreUnavailable(
                f"The store {self.path} was written by a newer workbench (schema {version}, this one knows up to "
                f"{len(MIGRATIONS)}). Fix: pip install -U notebook-workbench"
            )
        return version

    def _wrote(self, count: int = 1) -> None:
        before, self._writes = self._writes, self._writes + count
        is_time = before // CHECKPOINT_EVERY < self._writes // CHECKPOINT_EVERY
        if not is_time or not self._side_lock.acquire(blocking=False):
            return
        try:
            self._side.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as exc:
            log.warning("%s; what was written stays safe in its -wal file", self._unavailable(exc))
        finally:
            self._side_lock.release()

    def _unavailable(self, exc: sqlite3.Error) -> StoreUnavailable:
        reason = _REASONS.get(kind_of(exc), f"gave no answer: {exc}. Fix: check the file")
        return StoreUnavailable(f"The store {self.path} {reason.format(seconds=self._busy_seconds)}.")
