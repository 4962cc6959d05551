"""What a process is busy with: runs, and the planned times that wait behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

from workbench.scheduler.agenda import Due
from workbench.scheduler.records import JobRecord, Run

MOST_BESIDE = 16
"""Runs of one job side by side, if it allows that."""

MOST_TOGETHER = 64
"""Planned times that are claimed, and ends that are written, in one write of about 0.5 ms."""

MOST_UNSEEN = 60
"""Planned times of one job that may wait since nobody looked at the clock when they came: one hiccup's worth of a job
that runs every second."""

UNSEEN_SECONDS = 2.0
"""How late somebody looks at a planned time that is called unseen [s]; the alarm looks once a second at least."""

CANCELLED = "its next planned time came"
BUSY = "the job is still busy"
NO_THREAD = "other jobs hold every thread"


class Line:
    """The planned times of one job that wait here, behind the one that is claimed or runs."""

    def __init__(self, first: Due, now: datetime) -> None:
        self.current, self.since, self.ready = first, now, now
        self.waiting: deque[Due] = deque()
        self.running: Running | None = None
        self.has_begun = self.is_told = False

    def set_back(self, by: timedelta) -> None:
        """Follow a clock that was set back."""
        self.since, self.ready = self.since - by, self.ready - by

    def takes(self, due: Due, now: datetime) -> bool:
        """Whether the time may wait whatever the job's policy: it is begun already, or nobody looked when it came."""
        if due.run is not None or due.after is not None:
            return True
        is_unseen = due.planned <= self.since or (now - due.planned).total_seconds() > UNSEEN_SECONDS
        return is_unseen and len(self.waiting) < MOST_UNSEEN

    def put_last(self, due: Due) -> Due | None:
        """Have a time wait in place of the last one that is free to give way, which is returned."""
        gives_way = None
        if self.waiting and self.waiting[-1].run is None and self.waiting[-1].after is None:
            gives_way = self.waiting.pop()
        self.waiting.append(due)
        return gives_way

    def move_on(self, now: datetime) -> Due | None:
        """Take the next time out of the line; None if none waits."""
        if not self.waiting:
            return None
        self.current, self.ready = self.waiting.popleft(), now
        self.has_begun = self.is_told = False
        self.running = None
        return self.current


class Running:
    """A run that this process is busy with. Whoever closes it first says how it ended."""

    def __init__(self, record: JobRecord, run: Run, since: datetime, line: Line | None = None) -> None:
        """Begin.

        Args:
            record: Its job.
            run: Its row as it was claimed; later as it ended.
            since: When it began here.
            line: Where planned times of the job wait for it; None for a run by hand.
        """
        self.record, self.run, self.since, self.line = record, run, since, line
        self.is_closed = self.is_abandoned = self.has_freed_its_line = False
        self._cancels: list[Callable[[], None]] = []
        self._over = Event() if line is None else None

    def end(self) -> None:
        """Tell who waits for it that it has ended."""
        if self._over is not None:
            self._over.set()

    def wait(self, timeout: float | None) -> None:
        """Wait until a run by hand has ended, `timeout` [s] at most."""
        if self._over is not None:
            self._over.wait(timeout)

    def set_back(self, by: timedelta) -> None:
        """Follow a clock that was set back."""
        self.since -= by

    def is_past(self, now: datetime) -> bool:
        """Whether it is longer than its job's time limit."""
        limit = self.record.definition.time_limit_seconds
        return limit is not None and (now - self.since).total_seconds() > limit

    @property
    def past_limit(self) -> str:
        """What the row of a run says that was too long."""
        return f"it ran longer than its time limit of {self.record.definition.time_limit_seconds:g} s"

    def on_cancel(self, tell: Callable[[], None]) -> None:
        """Note how the service is told that nobody waits for it any more."""
        self._cancels.append(tell)
        if self.is_abandoned:
            tell()

    def cancel(self) -> None:
        """Tell the service."""
        for tell in self._cancels:
            tell()
