"""The counts of limits as rows of SQLite, decided and written inside one transaction of the caller."""

from __future__ import annotations

import sqlite3
from typing import Any

from workbench.limiting.shared.limiter import SEPARATOR, Answer, Count, CountUse, Granted, Question

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS count (key TEXT PRIMARY KEY, expires REAL, start REAL, used INTEGER,"
    " last_at REAL, last_from TEXT, last_cid TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS stamp (key TEXT, number INTEGER, at REAL, PRIMARY KEY (key, number)) WITHOUT ROWID",
)
MOST_ROWS_KEPT = 50_000
_CROWD, _OVERFLOW = f"{SEPARATOR}crowd", f"{SEPARATOR}overflow"
_READ = "SELECT start, used, last_at, last_from, last_cid FROM count WHERE key = ?"
_WRITE = "INSERT OR REPLACE INTO count VALUES (?, ?, ?, ?, ?, ?, ?)"


class Row:
    """One counter: of a calendar window, `used` are its calls; of a sliding one, all calls ever let through."""

    __slots__ = ("known", "last_at", "last_cid", "last_from", "period", "start", "used")

    def __init__(self, period: int, start: float, used: int, *last: Any) -> None:
        self.period, self.start, self.used, self.known = period, start, used, True
        self.last_at, self.last_from, self.last_cid = last or (None, "", "")


class Ledger:
    """Rows read once and kept while no other process writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        for statement in SCHEMA:
            connection.execute(statement)
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, Row] = {}
        self._version = -1

    def begin(self) -> None:
        """Start, the write lock held: forget rows that another process may have changed."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(self._rows) > MOST_ROWS_KEPT:
            self._rows.clear()
            self._version = version
        self._changed.clear()

    def write(self) -> None:
        """Write the rows that have changed; the caller commits."""
        self._connection.executemany(
            _WRITE,
            [
                (key, row.start + 2.0 * row.period, row.start, row.used, row.last_at, row.last_from, row.last_cid)
                for key, row in self._changed.items()
            ],
        )

    def abandon(self) -> None:
        """The transaction was rolled back: what is kept is not in the file."""
        self._rows.clear()
        self._changed.clear()

    def decide(self, question: Question, now: float) -> Answer:
        """Count one call on all of its counters, or on none."""
        full, keys, rows, used, waits = -1, [], [], [], []
        for place, count in enumerate(question.counts):
            key, row = self._place(count, question.caller, now)
            taken, wait = self._use(count, key, row, now, question.budget.tells)
            if full < 0 and taken >= count.rate:
                full = place
            keys.append(key)
            rows.append(row)
            used.append(taken)
            waits.append(wait)
        if full >= 0:
            row = rows[full]
            return Answer(full, used, waits, row.last_at, row.last_from, row.last_cid)
        for count, key, row in zip(question.counts, keys, rows, strict=True):
            self._take(count, key, row, question, now)
        return Answer(-1, [each + 1 for each in used], waits)

    def used(self, count: Count, now: float) -> CountUse:
        """How far a counter is used now."""
        ends_at = None if count.sliding else now // count.period * count.period + count.period
        if count.most:
            return CountUse(0, self._row(count.key + _CROWD, count, now).used, ends_at)
        return CountUse(self._use(count, count.key, self._row(count.key, count, now), now)[0], 0, ends_at)

    def forget(self, prefix: str) -> None:
        """Remove the counters of one object, or all for an empty prefix."""
        for table in ("count", "stamp"):
            if prefix:
                low, high = prefix + SEPARATOR, prefix + chr(ord(SEPARATOR) + 1)
                self._connection.execute(f"DELETE FROM {table} WHERE key >= ? AND key < ?", (low, high))
            else:
                self._connection.execute(f"DELETE FROM {table}")
        self._rows.clear()

    def purge(self, now: float) -> None:
        """Remove what has expired."""
        expired = "SELECT key FROM count WHERE expires < ?"
        self._connection.execute(f"DELETE FROM stamp WHERE key IN ({expired})", (now,))
        self._connection.execute("DELETE FROM count WHERE expires < ?", (now,))
        self._rows.clear()

    def lease(self, count: Count, want: int, now: float) -> Granted:
        """Take up to `want` calls of the current window at once."""
        row = self._row(count.key, count, now)
        granted = max(0, min(want, count.rate - row.used))
        row.used += granted
        row.known = True
        self._changed[count.key] = row
        return Granted(granted, row.start, now, max(0, count.rate - row.used))

    def give_back(self, count: Count, number: int, start: float, now: float) -> None:
        """Put back leased calls of the window that started at `start`, if it is still the current one."""
        row = self._row(count.key, count, now)
        if row.start == start:
            row.used = max(0, row.used - number)
            self._changed[count.key] = row

    def _place(self, count: Count, caller: str, now: float) -> tuple[str, Row]:
        """A caller's counter; callers beyond `most` share one. Only a counter whose window has expired makes room."""
        if not count.most:
            return count.key, self._row(count.key, count, now)
        key = f"{count.key}{SEPARATOR}{caller}"
        row = self._row(key, count, now)
        if row.known or self._row(count.key + _CROWD, count, now).used < count.most:
            return key, row
        key = count.key + _OVERFLOW
        return key, self._row(key, count, now)

    def _row(self, key: str, count: Count, now: float) -> Row:
        row = self._rows.get(key)
        if row is None:
            found = self._connection.execute(_READ, (key,)).fetchone()
            row = Row(count.period, *found) if found else Row(count.period, float("-inf"), 0)
            self._rows[key] = row
            row.known = found is not None
        crowd = key.endswith(_CROWD)
        if count.sliding and not crowd:
            if row.known and now - row.start > 2.0 * count.period:
                row.known = False
        elif not row.start - count.period <= now < row.start + count.period:
            row.start, row.used, row.known = now // count.period * count.period, 0, False
        return row

    def _use(self, count: Count, key: str, row: Row, now: float, told: bool = True) -> tuple[int, float]:
        if not count.sliding:
            return row.used, row.start + count.period - now
        if not row.used or now - row.start > count.period:
            return 0, float(count.period)
        numbered = (key, row.used - count.rate + 1)
        found = self._connection.execute("SELECT at FROM stamp WHERE key = ? AND number = ?", numbered).fetchone()
        if found and now - found[0] <= count.period:
            return count.rate, max(0.0, found[0] + count.period - now)
        if not told:
            return 0, 0.0
        first = self._connection.execute(
            "SELECT count(*), min(at) FROM stamp WHERE key = ? AND number > ? AND at >= ?",
            (key, row.used - count.rate, now - count.period),
        ).fetchone()
        return first[0], count.period if first[1] is None else max(0.0, first[1] + count.period - now)

    def _take(self, count: Count, key: str, row: Row, question: Question, now: float) -> None:
        if not row.known and count.most and not key.endswith(_OVERFLOW):
            crowd = self._row(count.key + _CROWD, count, now)
            crowd.used, crowd.known = crowd.used + 1, True
            self._changed[count.key + _CROWD] = crowd
        row.used, row.known = row.used + 1, True
        row.last_at, row.last_from, row.last_cid = now, question.address or "", question.cid
        if count.sliding:
            row.start = now  # of a sliding counter: its newest call
            self._connection.execute("INSERT OR REPLACE INTO stamp VALUES (?, ?, ?)", (key, row.used, now))
            self._connection.execute("DELETE FROM stamp WHERE key = ? AND number <= ?", (key, row.used - count.rate))
        self._changed[key] = row
