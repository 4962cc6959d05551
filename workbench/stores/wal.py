"""Readers of a SQLite file that do not wait for its writer: its write-ahead log."""

from __future__ import annotations

import sqlite3
import time

AGAIN_SECONDS = 0.005
"""Between two tries to change a file [s]; the change takes less."""


def to_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Have a file keep a write-ahead log. SQLite itself fails at once where another connection makes the same change.

    Args:
        connection: One to the file, in no transaction.
        seconds: Longest wait for others [s].

    Raises:
        sqlite3.Error: It cannot be.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if kind_of(exc) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_SECONDS)


def kind_of(exc: sqlite3.Error) -> str:
    """The primary result code: `SQLITE_IOERR_WRITE` is `SQLITE_IOERR`."""
    return "_".join(getattr(exc, "sqlite_errorname", "SQLITE_ERROR").split("_")[:2])
