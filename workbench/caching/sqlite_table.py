"""Entries of caches in one SQLite file, which the processes of one machine share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from workbench.caching.table import Change
from workbench.core.errors import StoreUnavailable
from workbench.stores.files import make_private
from workbench.stores.wal import to_wal

T = TypeVar("T")
BUSY_SECONDS = 5.0
"""Longest wait for another process's transaction [s]."""

_MADE = (
    "CREATE TABLE IF NOT EXISTS cache_entry (cache TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL, "
    "until REAL, kept BLOB NOT NULL, PRIMARY KEY (cache, key)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS cache_used ON cache_entry (cache, used)",
    "CREATE INDEX IF NOT EXISTS cache_until ON cache_entry (cache, until)",
)
_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM cache_entry WHERE cache = :cache)"
_WRITE = f"""
INSERT INTO cache_entry (cache, key, used, until, kept) VALUES (:cache, :key, {_NEXT}, :until, :kept)
ON CONFLICT (cache, key) DO UPDATE SET until = :until, kept = :kept
"""
_USE = f"{_WRITE}, used = {_NEXT}"
_LATER = """
SELECT count(*) FROM cache_entry WHERE cache = ?1
AND used > (SELECT used FROM cache_entry WHERE cache = ?1 AND key = ?2)
"""


class SQLiteTable:
    """The entries of one cache in a file. Commits outlive the process; after a power cut the last may be missing.

    Args:
        path: The file; it and its folder are made if they are not there. None keeps entries in memory.
        cache: The name of the cache.
    """

    def __init__(self, path: Path | None, cache: str) -> None:
        self._path, self._cache = path, cache
        try:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                make_private(self._path)
            self._connection = sqlite3.connect(
                self._path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                to_wal(self._connection, BUSY_SECONDS)
                self._connection.execute("PRAGMA synchronous = NORMAL")
                for statement in _MADE:
                    self._connection.execute(statement)
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError) as exc:
            raise self._unavailable(exc) from exc

    def change(self, work: Callable[[Change], T]) -> T:
        """Do a piece of work as one transaction; see Table."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                done = work(_SQLiteChange(self._connection, self._cache))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return done
        except sqlite3.Error as exc:
            raise self._unavailable(exc) from exc

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _unavailable(self, exc: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            f"Cache {self._cache!r} has no answer from its file {self._path}: {exc}. "
            "Fix: have file and folder writable, with room on their disk, or name another file in store=."
        )


class _SQLiteChange:
    """One transaction."""

    def __init__(self, connection: sqlite3.Connection, cache: str) -> None:
        self._run, self._cache = connection.execute, cache
        self._run_many = connection.executemany

    def read(self, key: str) -> bytes | None:
        row = self._run("SELECT kept FROM cache_entry WHERE cache = ? AND key = ?", (self._cache, key)).fetchone()
        return row[0] if row is not None else None

    def count(self) -> int:
        return int(self._run("SELECT count(*) FROM cache_entry WHERE cache = ?", (self._cache,)).fetchone()[0])

    def position(self, key: str) -> int:
        return int(self._run(_LATER, (self._cache, key)).fetchone()[0])

    def expired(self, now: float) -> list[str]:
        query = "SELECT key FROM cache_entry WHERE cache = ? AND until <= ?"
        return [key for (key,) in self._run(query, (self._cache, now))]

    def oldest(self, most: int) -> list[str]:
        query = "SELECT key FROM cache_entry WHERE cache = ? ORDER BY used LIMIT ?"
        return [key for (key,) in self._run(query, (self._cache, most))]

    def newest(self, most: int) -> list[tuple[str, bytes]]:
        query = "SELECT key, kept FROM cache_entry WHERE cache = ? ORDER BY used DESC LIMIT ?"
        return list(self._run(query, (self._cache, most)))

    def write(self, key: str, kept: bytes, until: float, *, used: bool) -> None:
        values = {"cache": self._cache, "key": key, "kept": kept, "until": until}
        self._run(_USE if used else _WRITE, values)

    def drop(self, keys: Iterable[str]) -> None:
        self._run_many("DELETE FROM cache_entry WHERE cache = ? AND key = ?", [(self._cache, key) for key in keys])
