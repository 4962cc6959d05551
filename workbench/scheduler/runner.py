"""Runs what is due: claims the planned time, has the service invoked, writes how it went."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime
from functools import partial
from threading import Condition, Event, current_thread

from msgspec.structs import replace

from workbench.core.errors import StoreUnavailable, WorkbenchError
from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler.agenda import Due
from workbench.scheduler.history import History
from workbench.scheduler.pool import Pool
from workbench.scheduler.ports import Invoke, JobResult
from workbench.scheduler.records import JobRecord, Run, RunEnded, RunLost, RunStarted, bounded, shown

log = logging.getLogger("workbench.scheduler")

LONGEST_QUEUE = 10
"""Planned times of one job that wait while it is still busy; those beyond are skipped, each with a record."""

MOST_UNWRITTEN = 1_000


class Runner:
    """Planned runs of one job come one after another, those of different jobs side by side.

    Nothing here touches the store on the thread that says what is due: a slow disk delays no other job.
    """

    def __init__(self, history: History, clock: Clock, invoke: Invoke, events: Events, threads: int) -> None:
        self._history, self._clock, self._invoke, self._events = history, clock, invoke, events
        self._pool = Pool(threads)
        self._changed = Condition()
        self._in_flight = 0
        self._queues: dict[str, deque[Due]] = {}
        self._unwritten: deque[Run] = deque(maxlen=MOST_UNWRITTEN)
        self.is_current: Callable[[JobRecord], bool] = lambda record: True

    def fire(self, due: Due) -> None:
        """Have a planned time run as soon as its job is free; returns at once."""
        name = due.record.definition.name
        with self._changed:
            queue = self._queues.get(name)
            if queue is not None and len(queue) < LONGEST_QUEUE:
                self._in_flight += 1
                queue.append(due)
                return
            if queue is None:
                self._queues[name] = deque()
            self._in_flight += 1
        self._pool.submit(partial(self._skip if queue is not None else self._run_planned, due))

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
        """Try again to write runs that ended while the store gave no answer."""
        if self._unwritten:
            self._pool.submit(self._write_rest)

    def close(self) -> None:
        """Have the threads end after their tasks."""
        self._pool.close()

    def record(self, run: Run) -> None:
        """Write a record of planned times without a run, once among all processes."""
        if (claimed := self._history.claim(run)) is not None:
            self._events.emit(RunEnded(claimed))

    def _run_planned(self, due: Due) -> None:
        try:
            if self._may_run(due.record):
                run = self._claimed(due)
                if run is not None:
                    self._perform(due.record, run, due.record.definition.extra)
        except StoreUnavailable as exc:
            self._lost(due, exc)
        finally:
            self._next_in_queue(due.record.definition.name)
            self._leave()

    def _may_run(self, record: JobRecord) -> bool:
        return self.is_current(record) and not self._history.is_paused(record.definition.name)

    def _claimed(self, due: Due) -> Run | None:
        run = self._history.claim(replace(_planned_run(due), started=self._clock.now()))
        if run is not None and due.missed_from is not None:
            why = "nobody looked at the clock; the planned time before them ran late"
            self.record(missed(due.record, due.missed_from, due.missed, why))
            self._history.see(run.job, self._clock.now())
        return run

    def _skip(self, due: Due) -> None:
        why = f"the job is still busy, and {LONGEST_QUEUE} earlier planned times wait already"
        try:
            if self._may_run(due.record):
                self.record(replace(_planned_run(due), outcome="skipped", error=why, ended=self._clock.now()))
        except StoreUnavailable as exc:
            self._lost(due, exc)
        finally:
            self._leave()

    def _perform(self, record: JobRecord, run: Run, extra: str) -> Run:
        self._events.emit(RunStarted(run))
        definition = record.definition
        try:
            result = self._invoke(
                definition.service,
                extra,
                job_name=definition.name,
                job_type=definition.job_type,
                planned_at=run.planned,
            )
        except WorkbenchError as exc:
            result = JobResult("", "failed", str(exc))
        except BaseException as exc:
            result = JobResult("", "failed", f"{type(exc).__name__}: {exc}")
        run = replace(
            run,
            ended=self._clock.now(),
            outcome=result.outcome,
            cid=result.cid,
            error=result.error or "",
            returned=shown(result.returned),
            log=bounded(tuple(result.lines)),
        )
        self._write(run)
        self._events.emit(RunEnded(run))
        return run

    def _write(self, run: Run) -> None:
        if not run.key:
            return
        try:
            self._history.end(run)
        except StoreUnavailable as exc:
            log.warning("the end of a run of job %r is not written yet: %s", run.job, exc)
            self._unwritten.append(run)

    def _write_rest(self) -> None:
        for _ in range(len(self._unwritten)):
            self._write(self._unwritten.popleft())

    def _lost(self, due: Due, exc: StoreUnavailable) -> None:
        name = due.record.definition.name
        log.warning("job %r does not run at %s: %s", name, due.planned.isoformat(), exc)
        self._events.emit(RunLost(name, due.planned, str(exc)))

    def _next_in_queue(self, name: str) -> None:
        with self._changed:
            queue = self._queues[name]
            due = queue.popleft() if queue else None
            if due is None:
                del self._queues[name]
        if due is not None:
            self._pool.submit(partial(self._run_planned, due))

    def _leave(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()


def missed(record: JobRecord, first: datetime, times: int, why: str) -> Run:
    """The record of planned times that nobody looked at, from `first` on."""
    definition = record.definition
    return Run(
        job=definition.name,
        service=definition.service,
        by="schedule",
        planned=first,
        outcome="missed",
        times=times,
        error=why,
        series=record.series,
    )


def _planned_run(due: Due) -> Run:
    definition = due.record.definition
    return Run(
        job=definition.name,
        service=definition.service,
        by="schedule",
        planned=due.planned,
        series=due.record.series,
    )
