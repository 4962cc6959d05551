"""Which job is due next: one heap over all jobs.

A clock that is set back shows times again that have had their rows. What goes on then is what follows the clock, as
where clocks change: intervals of hours or less, and cron expressions whose minute or hour begins with `*`. Their runs
are not planned ones, since each planned time has its row already; they are counted apart. Fixed times wait for the
next that has not been. Source: cron(8) of Debian, "Daylight Saving Time and other time changes".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from workbench.core.ports import Clock
from workbench.scheduler import plan
from workbench.scheduler.records import JobRecord, Run

log = logging.getLogger("workbench.scheduler")

SET_BACK = timedelta(seconds=0.5)
"""How far a clock is set back at least for its times to come again; a job of 1 s is late by that at most."""

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
    comes after. `again` names the time that the clock shows again, and is empty where it does not.
    """

    record: JobRecord
    planned: datetime
    unseen_until: datetime | None = None
    is_retry: bool = False
    run: Run | None = None
    after: Run | None = None
    again: str = ""


class Again(NamedTuple):
    """What a clock that was set back shows again: all up to `until`; `called` names that, alike in all processes."""

    until: datetime
    called: str


SetBack = Callable[[timedelta, Again, list[str]], None]
"""Told by how much the clock was set back, what it shows again, and of which jobs."""


class _Shown(NamedTuple):
    """What a clock that was set back shows again of a job: times up to `until`, counted from `anchor`."""

    series: str
    anchor: datetime
    until: datetime
    name: str

    def next_time(self, record: JobRecord, after: datetime) -> datetime | None:
        """The next of them, or else the next planned time."""
        at = plan.next_time(record.definition, self.anchor, after)
        is_again = at is not None and at <= self.until
        return at if is_again else plan.next_time(record.definition, record.anchor, max(after, self.until))


class Agenda:
    """The next planned time of each job. Not safe for threads by itself."""

    def __init__(self, clock: Clock, set_back: SetBack, again: Callable[[str], Again | None]) -> None:
        """Hold no job yet.

        Args:
            clock: Says what is due.
            set_back: Told that the clock was set back, before anything is due then.
            again: What of a job a clock that was set back shows again; None if none was.
        """
        self._clock, self._set_back, self._again = clock, set_back, again
        self._looked_at, self._elapsed = clock.now(), clock.monotonic()
        self._shown: dict[str, _Shown] = {}
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

    def due(self) -> list[Due]:
        """The planned times that have come, earliest first; each job moves on to its next."""
        due = self._look()
        return due + self._come(self._looked_at)

    def _come(self, now: datetime) -> list[Due]:
        due = []
        while (at := self.next_at()) is not None and at <= now:
            record = self._entries[heappop(self._heap)[2]][1]
            oldest = now - hiccup(record)
            shown = self._shown_again(record, at)
            if shown is not None:
                due += [Due(record, at, again=shown.name)] if at > oldest else []
                # What comes for the first time after it is looked at as ever, however late that is.
                self.set(record, shown.next_time(record, max(at, min(oldest, shown.until))))
                continue
            if at > oldest:
                due.append(Due(record, at))
            else:
                due.append(Due(record, at, oldest))
                self._following.pop(record.definition.name, None)
            self._note(record, self._next(record, max(at, oldest)))
        return due

    def _look(self) -> list[Due]:
        """Look at the clock; if it was set back since the last look, what had come by then and was not taken yet.

        What the clock shows again is due again.
        """
        due: list[Due] = []
        now, elapsed = self._clock.now(), self._clock.monotonic()
        by = self._looked_at + timedelta(seconds=elapsed - self._elapsed) - now
        if by >= SET_BACK:
            log.warning("the clock was set back by %s: jobs that follow it go on, fixed times run once", by)
            due = self._come(self._looked_at)
            # Named by how far it was set back, which all processes of the machine see alike.
            called = f"{now:%Y%m%d}b{by.total_seconds():.0f}"
            self._set_back(by, Again(self._looked_at, called), list(self._entries))
            for _, record, at in list(self._entries.values()):
                if at is not None:
                    self.show_again(record)
        self._looked_at, self._elapsed = now, elapsed
        return due

    def show_again(self, record: JobRecord) -> None:
        """Have a job that follows the clock be due at what a clock that was set back shows again, if that is to come.

        Once all of it has come again, what is due comes for the first time.
        """
        again, now = self._again(record.definition.name), self._clock.now()
        if again is None or again.until <= now or not plan.follows_clock(record.definition):
            return
        anchor = plan.anchor_before(record.definition, record.anchor, now)
        shown = self._shown[record.definition.name] = _Shown(record.series, anchor, again.until, again.called)
        self.set(record, shown.next_time(record, now))

    def _shown_again(self, record: JobRecord, at: datetime) -> _Shown | None:
        shown = self._shown.get(record.definition.name)
        if shown is None or (at <= shown.until and shown.series == record.series):
            return shown
        del self._shown[record.definition.name]
        return None

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
