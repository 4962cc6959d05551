"""Attempts that are to be made again, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from heapq import heappop, heappush
from threading import Lock

from workbench.scheduler.agenda import HICCUP, Due
from workbench.scheduler.definitions import JobDefinition
from workbench.scheduler.records import JobRecord, Run

LONGEST_BACKOFF_SECONDS = 3_600.0
"""Longest wait before another attempt [s]."""


def retry_at(job: JobDefinition, run: Run) -> datetime | None:
    """When the next attempt after that one is due; None if there is to be none."""
    if run.by_hand or run.ended is None:
        return None
    if run.outcome == "interrupted":
        most = max(job.retries, 1) if job.on_interrupt == "retry" else 0
    else:
        most = job.retries if run.outcome in ("failed", "timed_out") else 0
    if run.attempt > most:
        return None
    return run.ended + timedelta(seconds=min(job.retry_seconds * 2 ** (run.attempt - 1), LONGEST_BACKOFF_SECONDS))


class Retries:
    """The next attempts, by when they are due; each is kept once. Safe for threads."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str, Due]] = []
        self._keys: set[str] = set()
        self._lock = Lock()

    def add(self, record: JobRecord, run: Run) -> bool:
        """Keep the next attempt after that run, if its job wants one; whether it does."""
        at = retry_at(record.definition, run)
        if at is None:
            return False
        with self._lock:
            if run.key not in self._keys:
                self._keys.add(run.key)
                heappush(self._heap, (at, run.key, Due(record, run.planned, after=run)))
        return True

    def look(self, record: JobRecord, runs: list[Run], now: datetime) -> None:
        """Keep what a process that ended left to be tried again, unless that is due for more than a minute."""
        ours = [run for run in runs if not run.by_hand and run.series == record.series]
        for run in {run.planned: run for run in sorted(ours, key=lambda run: run.attempt)}.values():
            at = retry_at(record.definition, run)
            if at is not None and at > now - HICCUP:
                self.add(record, run)

    def set_back(self, by: timedelta) -> None:
        """Keep attempts as far off as they were."""
        with self._lock:
            self._heap = [(at - by, key, due) for at, key, due in self._heap]

    def next_at(self) -> datetime | None:
        """When the next attempt is due."""
        with self._lock:
            return self._heap[0][0] if self._heap else None

    def due(self, now: datetime) -> list[Due]:
        """The attempts that have come, earliest first."""
        found = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                _, key, due = heappop(self._heap)
                self._keys.discard(key)
                found.append(due)
        return found
