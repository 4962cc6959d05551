"""Runs what is due: claims the planned time, has the service invoked, writes how it went."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from itertools import count, takewhile
from threading import Condition, Event, current_thread
from typing import NamedTuple

from msgspec.structs import replace

from workbench.core.errors import StoreUnavailable, listed
from workbench.core.events import Events
from workbench.core.masking import mask
from workbench.core.ports import Clock
from workbench.scheduler.agenda import HICCUP, Due
from workbench.scheduler.history import History
from workbench.scheduler.ledger import NOBODY_LOOKED, PAUSED, Ledger
from workbench.scheduler.pool import SPARES, Pool
from workbench.scheduler.ports import Invoke
from workbench.scheduler.records import JobRecord, Run, RunEnded, RunLost, RunStarted, bounded, shown

log = logging.getLogger("workbench.scheduler")

KEEP_RUNS = 500
"""Runs of one job whose records are kept; up to 50 more until the next pruning."""

LONGEST_QUEUE = 10
"""Planned times of one job that wait while it is still busy; those beyond are skipped, each with a record."""

MOST_UNSEEN = 60
"""Planned times of one job that may wait besides, since nobody looked at the clock when they came: one hiccup's worth
of a job that runs every second."""

UNSEEN_SECONDS = 2.0
"""How late somebody looks at a planned time that is called unseen [s]; the alarm looks once a second at least."""

LONG_SECONDS = 60.0
"""Length of a run from which the log speaks of it, once [s]."""

WAITS_SECONDS = 0.5
"""How long a planned time waits before the log speaks of it, if every thread is held [s]."""

THREADS = 16
"""Runs side by side; one that takes long no longer counts, see `Pool`."""


class Bounds(NamedTuple):
    """How much the scheduler runs at once and keeps.

    Attributes:
        threads: Runs side by side, slow ones not counted.
        spares: Further threads, which stand in for slow runs.
        waiting: Planned times of one job that wait while it is busy.
        runs: Runs of one job whose records are kept.
    """

    threads: int = THREADS
    spares: int = SPARES
    waiting: int = LONGEST_QUEUE
    runs: int = KEEP_RUNS


class _Running(NamedTuple):
    """A run that this process is busy with, and its job."""

    record: JobRecord
    since: datetime


class _Line:
    """The planned times of one job that wait here, behind the one that is claimed or runs."""

    def __init__(self, first: Due, now: datetime, most: int) -> None:
        self._most = most
        self.current, self.since, self.ready = first, now, now
        self.waiting: deque[Due] = deque()
        self.has_begun = self.is_told = False

    def takes(self, due: Due, now: datetime) -> bool:
        """Whether the time may wait, too: more of them if the job was not busy, or nobody looked, when it came."""
        if due.run is not None:
            return True
        unseen = due.planned <= self.since or (now - due.planned).total_seconds() > UNSEEN_SECONDS
        return len(self.waiting) < self._most + (MOST_UNSEEN if unseen else 0)


class Runner:
    """Planned runs of one job come one after another, those of different jobs side by side.

    Nothing here touches the store on the thread that says what is due: a slow disk delays no other job.
    """

    def __init__(
        self,
        history: History,
        clock: Clock,
        invoke: Invoke,
        events: Events,
        is_current: Callable[[JobRecord], bool],
        bounds: Bounds = Bounds(),  # noqa: B008
    ) -> None:
        """Make a runner of nothing yet; `is_current` says whether a job is still to run as this process knows it."""
        self._history, self._clock, self._invoke, self._events = history, clock, invoke, events
        self._is_current, self._bounds = is_current, bounds
        self._pool = Pool(bounds.threads, bounds.spares)
        self._changed = Condition()
        self._in_flight = 0
        self._lines: dict[str, _Line] = {}
        self._numbers = count()
        self._running: dict[int, _Running] = {}
        self._told = -1
        self._is_catching_up = False
        self.claims_nothing = False
        """Whether planned times that are not claimed yet are left to other processes."""
        self.ledger = Ledger(history, clock, lambda run: events.emit(RunEnded(run)))

    def fire(self, due: Due) -> None:
        """Have a planned time run as soon as its job is free; returns at once."""
        name, now = due.record.definition.name, self._clock.now()
        with self._changed:
            self._in_flight += 1
            line = self._lines.get(name)
            if line is None:
                self._lines[name] = _Line(due, now, self._bounds.waiting)
            elif line.takes(due, now):
                line.waiting.append(due)
                return
        if line is None:
            self._pool.submit(partial(self._run_planned, due))
        else:
            why = "the job is still busy"
            if not line.has_begun and self._pool.is_full:
                why = "other jobs hold every thread"
            why = f"{why}, and {len(line.waiting)} earlier planned times wait already"
            self._pool.submit(partial(self._skip, due, why))

    def held(self, name: str) -> list[datetime]:
        """The planned times of a job that this process is about to run, or runs."""
        with self._changed:
            line = self._lines.get(name)
            return [] if line is None else [due.planned for due in (line.current, *line.waiting)]

    def by_hand(self, record: JobRecord, extra: str, wait: bool, timeout: float | None) -> Run:
        """Run a job now, beside its schedule; raises nothing that the run or the store could cause."""
        definition, now = record.definition, self._clock.now()
        run = Run(
            job=definition.name,
            service=definition.service,
            by="hand",
            planned=now,
            started=now,
            series=record.series,
        )
        try:
            run = self._history.claim(run) or run
        except StoreUnavailable as exc:
            log.warning("the run of job %r by hand is not recorded: %s", definition.name, exc)
        if wait and current_thread().name.startswith("workbench-job-"):
            # A run that executes another job must not wait for a second thread of the same pool.
            return self._perform(record, run, extra)
        ended: list[Run] = []
        over = Event()

        def task() -> None:
            try:
                ended.append(self._perform(record, run, extra))
            finally:
                over.set()
                self._leave()

        with self._changed:
            self._in_flight += 1
        # The context goes along: a run by hand sees what the cell that asks for it sees.
        self._pool.submit(partial(copy_context().run, task), urgent=True)
        if wait:
            over.wait(timeout)
        return ended[0] if ended else run

    def settle(self, timeout: float) -> bool:
        """Wait until nothing runs or is about to; whether that came within `timeout` [s]."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run ends, `timeout` [s] at most."""
        with self._changed:
            self._changed.wait(timeout)

    def write_rest(self) -> None:
        """Try again what the store refused: to write how runs ended, and to account for planned times."""
        with self._changed:
            if self._is_catching_up or not (self._history.attempts.has_unwritten or self.ledger.is_behind):
                return
            self._is_catching_up = True
            self._in_flight += 1
        self._pool.submit(self._write_rest)

    def aside(self, task: Callable[[], None]) -> None:
        """Have something done on a thread of its own that `settle` waits for."""

        def do() -> None:
            try:
                task()
            finally:
                self._leave()

        with self._changed:
            self._in_flight += 1
        self._pool.submit(do)

    def running_since(self, name: str) -> datetime | None:
        """When the oldest run of a job that goes on here began (UTC); None if there is none."""
        ours = (each.since for each in list(self._running.values()) if each.record.definition.name == name)
        return min(ours, default=None)

    def tell_long_runs(self) -> None:
        """Log each run that has taken long by now, once."""
        now = self._clock.now()
        long_since = now - timedelta(seconds=LONG_SECONDS)
        # Numbers are in order of the begin: those after the last one told, up to the first that is young.
        untold = sorted(each for each in list(self._running.items()) if each[0] > self._told)
        for number, each in takewhile(lambda item: item[1].since <= long_since, untold):
            self._told, job = number, each.record.definition
            log.warning(
                "job %r has been running service %r for %d s, since %s. Its later planned times wait, or are skipped. "
                "Fix: give what the service waits for a timeout.",
                job.name,
                job.service,
                (now - each.since).total_seconds(),
                each.since.isoformat(timespec="seconds"),
            )

    def tell_waiting(self) -> None:
        """Log each planned time that waits since every thread is held, once."""
        if not self._pool.is_full:
            return
        now = self._clock.now()
        with self._changed:
            lines = [each for each in self._lines.values() if not (each.has_begun or each.is_told)]
            late = [each for each in lines if (now - each.ready).total_seconds() >= WAITS_SECONDS]
            for line in late:
                line.is_told = True
        holders = listed({each.record.definition.name for each in list(self._running.values())})
        for line in late:
            log.warning(
                "job %r, due at %s, waits: all %d threads are held by runs of %s. "
                "Fix: give what those services wait for a timeout, or restart.",
                line.current.record.definition.name,
                line.current.planned.isoformat(timespec="seconds"),
                self._pool.bound,
                holders,
            )

    def close(self) -> None:
        """Have the threads end after their tasks."""
        self._pool.close()

    def _run_planned(self, due: Due) -> None:
        name = due.record.definition.name
        try:
            run = self._claimed(due)
            if run is not None:
                self._lines[name].has_begun = True
                self._perform(due.record, run, due.record.definition.extra)
        finally:
            self._next_in_line(name)
            self._leave()

    def _claimed(self, due: Due) -> Run | None:
        """The run of a planned time, if it is this process's to make; all else that came with the time is recorded."""
        if due.run is not None:
            return due.run
        if self.claims_nothing:
            self.ledger.fall_behind(due.record)
            return None
        run = None
        try:
            if not self._is_current(due.record):
                return None
            if self._may_claim(due):
                run = self._history.claim(Run.planned_by(due.record, due.planned, started=self._clock.now()))
            if due.unseen_until is not None:
                self.ledger.settle(due.record, due.unseen_until, NOBODY_LOOKED, self.held(due.record.definition.name))
        except StoreUnavailable as exc:
            self._refused(due, exc, is_lost=run is None)
        return run

    def _may_claim(self, due: Due) -> bool:
        record, planned = due.record, due.planned
        if (paused_at := self._history.paused_at(record.definition.name)) is not None:
            if planned <= paused_at:
                self.ledger.miss(record, planned, PAUSED)
            return False
        # So late, another process may have recorded it together with others.
        return self._clock.now() - planned < HICCUP or not self.ledger.has(record, planned)

    def _skip(self, due: Due, why: str) -> None:
        try:
            if self._is_current(due.record) and self._may_claim(due):
                run = Run.planned_by(due.record, due.planned, outcome="skipped", error=why, ended=self._clock.now())
                if (claimed := self._history.claim(run)) is not None:
                    self._events.emit(RunEnded(claimed))
        except StoreUnavailable as exc:
            self._refused(due, exc)
        finally:
            self._leave()

    def _perform(self, record: JobRecord, run: Run, extra: str) -> Run:
        number = next(self._numbers)
        self._running[number] = _Running(record, self._clock.now())
        try:
            self._events.emit(RunStarted(run))
            run = self._history.attempts.perform(run, partial(self._invoked, record, extra))
        finally:
            del self._running[number]
        self._write(run)
        self._events.emit(RunEnded(run))
        return run

    def _invoked(self, record: JobRecord, extra: str, run: Run) -> Run:
        definition = record.definition
        result = self._invoke(
            definition.service,
            extra,
            job_name=definition.name,
            job_type=definition.job_type,
            planned_at=run.planned,
        )
        return replace(
            run,
            ended=self._clock.now(),
            outcome=result.outcome,
            cid=result.cid,
            error=mask(result.error or ""),
            returned=shown(result.returned),
            log=bounded(tuple(result.lines)),
        )

    def _write(self, run: Run) -> None:
        if not run.key:
            return
        try:
            if self._history.end(run):
                self._leave_behind(run.job)
        except StoreUnavailable as exc:
            log.warning("the end of a run of job %r is not written yet: %s", run.job, exc)

    def _leave_behind(self, name: str) -> None:
        try:
            if (record := self._history.job(name)) is not None:
                self.ledger.leave_behind(record)
        except StoreUnavailable as exc:
            log.warning("old runs of job %r stay until the next pruning: %s", name, exc)

    def _write_rest(self) -> None:
        try:
            for run in self._history.end_rest():
                self._leave_behind(run.job)
            for due in self.ledger.catch_up(self.held):
                self.fire(due)
        except StoreUnavailable as exc:
            log.debug("planned times without a row wait for the store: %s", exc)
        finally:
            with self._changed:
                self._is_catching_up = False
            self._leave()

    def _refused(self, due: Due, exc: StoreUnavailable, *, is_lost: bool = True) -> None:
        name = due.record.definition.name
        self.ledger.fall_behind(due.record)
        if is_lost and not due.is_retry:
            log.warning(
                "job %r does not run at %s yet, but late or not at all, once the store answers again: %s",
                name,
                due.planned.isoformat(),
                exc,
            )
            self._events.emit(RunLost(name, due.planned, str(exc)))

    def _next_in_line(self, name: str) -> None:
        with self._changed:
            line = self._lines[name]
            if not line.waiting:
                del self._lines[name]
                return
            line.current = due = line.waiting.popleft()
            line.has_begun = line.is_told = False
            line.ready = self._clock.now()
        self._pool.submit(partial(self._run_planned, due))

    def _leave(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()
