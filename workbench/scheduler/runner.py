"""Runs what is due: claims the planned time, has the service invoked, writes how it went."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from threading import Condition, Thread
from typing import Any

from msgspec.structs import replace

from workbench.core.errors import StoreUnavailable
from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler.agenda import Again, Due
from workbench.scheduler.history import History
from workbench.scheduler.ledger import MERGED, NOBODY_LOOKED, PAUSED, Ledger
from workbench.scheduler.ports import Invoke
from workbench.scheduler.records import JobRecord, Run, RunEnded, RunStarted
from workbench.scheduler.runs.backfill import Backfills, Ways
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.claiming import Claiming, Ready
from workbench.scheduler.runs.endings import Ending, Endings
from workbench.scheduler.runs.extra import Extra
from workbench.scheduler.runs.following import Following
from workbench.scheduler.runs.in_turn import InTurn
from workbench.scheduler.runs.lines import BUSY, CANCELLED, MOST_BESIDE, NO_THREAD, Line, Running
from workbench.scheduler.runs.pool import Pool
from workbench.scheduler.runs.telling import Telling

log = logging.getLogger("workbench.scheduler")

MOST_AT_THE_END = 50
"""Jobs whose old rows are left behind as a process ends: of one that lives for a moment only, none else would be."""


class Runner:
    """Planned runs of one job come one after another unless it allows others beside, those of different jobs do.

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
        self._pool: Pool | InTurn = Pool(bounds.threads, bounds.spares) if bounds.threads else InTurn()
        self._changed = Condition()
        self._in_flight = 0
        self._lines: dict[str, list[Line]] = {}
        self._passing: Counter[str] = Counter()
        self._numbers = count()
        self.running: dict[int, Running] = {}
        self._telling = Telling()
        self._following = Following(history, invoke, self.by_hand, self.aside)
        self._is_catching_up = False
        self.ledger = Ledger(history, clock, lambda run: events.emit(RunEnded(run)))
        self._endings = Endings(history, self.ledger, self._telling, clock, self._pool, self._go_on)
        self._claiming = Claiming(history, self.ledger, clock, events, self._telling, is_current)
        self._ready = Ready(self._claiming, self._pool, self._run_planned, self._pass_on)
        self.retries, self.look_for_retries = self._claiming.retries, self._claiming.look_for_retries
        self.backfills = Backfills(
            history, self.ledger, clock, Ways(self.beside, self.aside, self.held, self._pool.run_waiting)
        )

    @property
    def claims_nothing(self) -> bool:
        """Whether planned times that are not claimed yet are left to other processes."""
        return self._claiming.claims_nothing

    @claims_nothing.setter
    def claims_nothing(self, does: bool) -> None:
        self._claiming.claims_nothing = self.backfills.is_closing = does

    def fire(self, dues: Iterable[Due]) -> None:
        """Have planned times run as soon as their jobs let them; returns at once."""
        for due in dues:
            self._place(due)
        self._ready.claim()

    def _place(self, due: Due) -> None:
        definition, now = due.record.definition, self._clock.now()
        name, overlap = definition.name, definition.overlap
        with self._changed:
            self._in_flight += 1
            lines = self._lines.setdefault(name, [])
            if len(lines) < (MOST_BESIDE if overlap == "allow" else 1):
                lines.append(line := Line(due, now))
                self._ready.put(line)
                return
            line = lines[-1]
            if line.takes(due, now):
                line.waiting.append(due)
                return
            is_one_after = overlap in ("queue_one", "cancel_running")
            gives_way = line.put_last(due) if is_one_after else due
            cancelled = line.running if overlap == "cancel_running" else None
            self._passing[name] += gives_way is not None
            why = NO_THREAD if not line.has_begun and self._pool.is_full else BUSY
        if cancelled is not None:
            self.aside(partial(self._abandon, cancelled, "interrupted", CANCELLED, frees=True))
        if gives_way is not None:
            outcome, why = ("merged", MERGED) if is_one_after else ("skipped", why)
            self._pool.submit(partial(self._pass_over, gives_way, outcome, why))

    def fire_retries(self) -> int:
        """Have the attempts that have come made again; how many that was."""
        coming = self.retries.due(self._clock.now())
        self.fire(coming)
        return len(coming)

    def held(self, name: str) -> list[datetime]:
        """The planned times of a job that this process is about to run, or runs."""
        with self._changed:
            lines = self._lines.get(name, [])
            known = [due for line in lines for due in (line.current, *line.waiting)]
        # What of unseen times will run is not known yet.
        return [due.planned for due in known if due.unseen_until is None]

    def is_busy(self, name: str) -> bool:
        """Whether a planned time of the job runs here, or is about to run or to be passed over."""
        return name in self._lines or self._passing[name] > 0

    def by_hand(self, record: JobRecord, extra: Extra, wait: bool, timeout: float | None) -> Run:
        """Run a job now, beside its schedule; raises nothing that the run or the store could cause."""
        definition, now = record.definition, self._clock.now()
        run = Run(
            job=definition.name, service=definition.service, by="hand", planned=now, started=now, series=record.series
        )
        try:
            run = self._history.claim(run) or run
        except StoreUnavailable as exc:
            log.warning("the run of job %r by hand is not recorded: %s", definition.name, exc)
        running = Running(record, run, now)
        with self._changed:
            self._in_flight += 1
        if wait and self._pool.is_here:
            # A run that executes another job must not wait for a second thread of the same pool.
            self._run_by_hand(running, extra)
            return running.run
        # The context goes along: a run by hand sees what the cell that asks for it sees.
        self._pool.submit(partial(copy_context().run, self._run_by_hand, running, extra), urgent=True)
        if wait:
            running.wait(timeout)
        return running.run if wait else run

    def beside(self, record: JobRecord, run: Run, extra: Extra) -> Run:
        """Make a claimed run beside the schedule, on this thread; how it ended."""
        running = Running(record, run, self._clock.now())
        with self._changed:
            self._in_flight += 1
        self._run_by_hand(running, extra)
        return running.run

    def aside(self, task: Callable[[], None], *, of_its_own: bool = False) -> None:
        """Have something done on another thread that `settle` waits for; `of_its_own` also where runs hold them all."""

        def do() -> None:
            try:
                task()
            finally:
                self._leave()

        with self._changed:
            self._in_flight += 1
        thread = Thread(target=do, name="workbench-watches", daemon=True)
        thread.start() if of_its_own and isinstance(self._pool, Pool) else self._pool.submit(do, urgent=True)

    def settle(self, timeout: float) -> bool:
        """Wait until nothing runs or is about to; whether that came within `timeout` [s]."""
        self._pool.run_waiting()
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run ends, `timeout` [s] at most."""
        with self._changed:
            self._changed.wait(timeout)

    def write_rest(self) -> None:
        """Write what may wait: old rows are left behind, and what the store refused is tried again."""
        if self._endings.is_late:
            self.aside(self._endings.write, of_its_own=True)
        if names := self._endings.with_old_rows.take():
            self.aside(partial(self._endings.leave_behind, names))
        with self._changed:
            if self._is_catching_up or not (self._history.attempts.has_unwritten or self.ledger.is_behind):
                return
            self._is_catching_up = True
            self._in_flight += 1
        self._pool.submit(self._write_rest)

    def running_since(self, name: str) -> datetime | None:
        """When the oldest run of a job that goes on here began (UTC); None if there is none."""
        return min(
            (run.since for run in list(self.running.values()) if run.record.definition.name == name), default=None
        )

    def end_late(self) -> None:
        """Have each run that is past its job's time limit end as timed out, though its thread goes on."""
        now = self._clock.now()
        for each in list(self.running.values()):
            if each.is_past(now) and not each.is_closed:
                self.aside(partial(self._abandon, each, "timed_out", each.past_limit, frees=False))

    def tell(self) -> None:
        """Log each run that has taken long by now, and each planned time that every thread is held against, once."""
        now = self._clock.now()
        self._telling.long_runs(list(self.running.items()), now)
        if self._pool.is_full:
            self._telling.waiting(self._every_line(), self._pool.bound, list(self.running.values()), now)

    def set_back(self, by: timedelta, again: Again, names: list[str]) -> None:
        """Keep all that is waited for as far off as it was, now that the clock was set back; note what it shows again.

        Args:
            by: How far it was set back.
            again: What it shows again.
            names: Of these jobs.
        """
        self.aside(self._history.note_again(names, again))
        ours: list[Any] = [*self._every_line(), *self.running.copy().values(), self.retries, self.ledger]
        for each in ours:
            each.set_back(by)

    def _every_line(self) -> list[Line]:
        with self._changed:
            return [line for lines in self._lines.values() for line in lines]

    def close(self) -> None:
        """Have the threads end after their tasks, and leave old rows behind, if that takes no time to speak of."""
        if isinstance(self._pool, Pool):
            self._endings.leave_behind(self._endings.with_old_rows.rest(MOST_AT_THE_END))
        self._pool.close()

    def _run_planned(self, line: Line) -> None:
        running = None
        try:
            due = line.current
            run = self._claiming.claimed(due, partial(self._first_late, due, line))
            if run is not None:
                now = self._clock.now()
                running = line.running = Running(due.record, replace(run, started=now), now, line)
                line.has_begun = True
                self._perform(running, due.record.definition.extra)
        finally:
            if running is None or not running.is_closed:
                self._pass_on(line)
            elif running.is_abandoned and not running.has_freed_its_line:
                self._next_in_line(line)

    def _run_by_hand(self, running: Running, extra: Extra) -> None:
        try:
            self._perform(running, extra)
        finally:
            if not running.is_closed:
                running.end()
                self._leave()

    def _first_late(self, due: Due, line: Line) -> datetime | None:
        """What of the unseen times runs late, the first of it; the others go to the head of the line."""
        assert due.unseen_until is not None
        name = due.record.definition.name
        why = PAUSED if self._history.is_paused(name) else NOBODY_LOOKED
        late = self.ledger.settle_late(due.record, due.unseen_until, why, self.held(name))
        with self._changed:
            if late:
                line.current = Due(due.record, late[0])
            line.waiting.extendleft(reversed([Due(due.record, at) for at in late[1:]]))
            self._in_flight += len(late[1:])
        return late[0] if late else None

    def _pass_over(self, due: Due, outcome: str, why: str) -> None:
        try:
            if (claimed := self._claiming.passed_over(due, outcome, why)) is not None:
                self._events.emit(RunEnded(claimed))
                self._endings.passed_over(claimed)
        except StoreUnavailable as exc:
            self._claiming.refused(due, exc)
        finally:
            with self._changed:
                self._passing[due.record.definition.name] -= 1
            self._leave()

    def _perform(self, running: Running, extra: Extra) -> None:
        number = next(self._numbers)
        self.running[number] = running
        try:
            self._events.emit(RunStarted(running.run))
            run = self._history.attempts.perform(running.run, partial(self._invoked, running, extra))
        finally:
            del self.running[number]
        with self._changed:
            if running.is_closed:
                return
            running.is_closed = True
        if running.is_past(self._clock.now()):
            run = replace(run, outcome="timed_out", error=running.past_limit)
        self._endings.put(Ending(running, run, frees=True), at_once=running.line is None)

    def _abandon(self, running: Running, outcome: str, why: str, *, frees: bool) -> None:
        """Write how a run ended that goes on, since a thread cannot be stopped; its service is told."""
        with self._changed:
            if running.is_closed:
                return
            running.is_closed = running.is_abandoned = True
            running.has_freed_its_line = frees
        running.cancel()
        run = replace(running.run, outcome=outcome, error=why, ended=self._clock.now())
        self._endings.put(Ending(running, run, frees), at_once=True)

    def _go_on(self, endings: Sequence[Ending]) -> None:
        """Do what comes after runs, now that their rows are written."""
        for running, run, frees in endings:
            running.run = run
            self._events.emit(RunEnded(run))
            running.end()
            try:
                if run.by in ("schedule", "clock") and not self.retries.add(running.record, run):
                    self._following.run_after(running.record.definition, run)
            except Exception:
                log.exception("what comes after a run of job %r failed", run.job)
            if frees and running.line is not None:
                self._next_in_line(running.line)
        self._leave(len(endings))

    def _invoked(self, running: Running, extra: Extra, run: Run) -> Run:
        definition = running.record.definition
        result = self._invoke(
            definition.service,
            extra,
            job_name=definition.name,
            job_type=definition.job_type,
            planned_at=run.planned,
            on_cancel=running.on_cancel,
        )
        return result.end_of(run, self._clock.now())

    def _write_rest(self) -> None:
        try:
            self._endings.write_rest()
            for due in self.ledger.catch_up(self.held):
                self.fire([due])
            if not self._history.attempts.has_unwritten:
                self._telling.answers()
        except StoreUnavailable as exc:
            log.debug("planned times without a row wait for the store: %s", exc)
        finally:
            with self._changed:
                self._is_catching_up = False
            self._leave()

    def _pass_on(self, line: Line) -> None:
        """Let go of a planned time of which nothing comes here."""
        self._next_in_line(line)
        self._leave()

    def _next_in_line(self, line: Line) -> None:
        name = line.current.record.definition.name
        with self._changed:
            if line.move_on(self._clock.now()) is None:
                self._lines[name].remove(line)
                if not self._lines[name]:
                    del self._lines[name]
                return
            self._ready.put(line)
        self._ready.claim()

    def _leave(self, count: int = 1) -> None:
        with self._changed:
            self._in_flight -= count
            self._changed.notify_all()
