"""Which job is due next: one heap over all jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from workbench.scheduler import plan
from workbench.scheduler.records import JobRecord, Run

HICCUP = timedelta(seconds=60)
"""How late a planned time may be and still run as if it were on time; for older ones the job's policy decides."""


def hiccup(record: JobRecord) -> timedelta:
    """How late a planned time of that job may be and still run as if it were on time; less if its policy says less."""
    oldest = record.definition.missed_seconds
    return HICCUP if oldest is None else min(HICCUP, timedelta(seconds=oldest))


class Due(NamedTuple):
    """A planned time that has come.

    `unseen_until`: it and the times after it up to then came and went while nobody looked at the clock. `is_retry`: the
    store refused it before, and that has been told. `run`: the run it has become already. `after`: the attempt that it
    comes after.
    """

    record: JobRecord
    planned: datetime
    unseen_until: datetime | None = None
    is_retry: bool = False
    run: Run | None = None
    after: Run | None = None


class Agenda:
    """The next planned time of each job. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, str]] = []
        self._entries: dict[str, tuple[int, JobRecord, datetime | None]] = {}
        # What follows each job's next time, so that nothing begins anew at each of them.
        self._following: dict[str, Iterator[datetime]] = {}
        self._turn = 0

    def set(self, record: JobRecord, at: datetime | None) -> None:
        """Note when the job is due next; None once it has no more planned times."""
        self._following.pop(record.definition.name, None)
        self._note(record, at)

    def _note(self, record: JobRecord, at: datetime | None) -> None:
        self._turn += 1
        name = record.definition.name
        self._entries[name] = (self._turn, record, at)
        if at is not None:
            heappush(self._heap, (at, self._turn, name))

    def drop(self, name: str) -> None:
        """Forget a job."""
        self._entries.pop(name, None)
        self._following.pop(name, None)

    def at(self, name: str) -> datetime | None:
        """When the job is due next."""
        entry = self._entries.get(name)
        return None if entry is None else entry[2]

    def next_at(self) -> datetime | None:
        """When any job is due next."""
        while self._heap and self._is_stale():
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime) -> list[Due]:
        """The planned times that have come, earliest first; each job moves on to its next."""
        due = []
        while (at := self.next_at()) is not None and at <= now:
            record = self._entries[heappop(self._heap)[2]][1]
            oldest = now - hiccup(record)
            if at > oldest:
                due.append(Due(record, at))
            else:
                due.append(Due(record, at, oldest))
                self._following.pop(record.definition.name, None)
            self._note(record, self._next(record, max(at, oldest)))
        return due

    def _next(self, record: JobRecord, after: datetime) -> datetime | None:
        """The first planned time later than `after`; only `_following` that has come as far may be there."""
        name = record.definition.name
        if (following := self._following.get(name)) is None:
            following = self._following[name] = plan.times(record.definition, record.anchor, after)
        return next((at for at in following if at > after), None)

    def _is_stale(self) -> bool:
        _, turn, name = self._heap[0]
        entry = self._entries.get(name)
        return entry is None or entry[0] != turn
