"""The scheduler: keeps jobs, says what is due, has it run; the same under the machine's clock and a virtual one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from workbench.core.errors import UnknownName
from workbench.core.events import Events
from workbench.core.ports import Clock, Store
from workbench.durable.presence import Presence
from workbench.scheduler import plan, waits
from workbench.scheduler.account import Account, last_attempts
from workbench.scheduler.agenda import HICCUP, Agenda
from workbench.scheduler.defining import Defining
from workbench.scheduler.definitions import AnyJob
from workbench.scheduler.history import History
from workbench.scheduler.jobs import Jobs
from workbench.scheduler.ports import Invoke
from workbench.scheduler.preview import Difference, Preview
from workbench.scheduler.reconciler import Reconciler
from workbench.scheduler.records import Away, Change, JobChanged, JobRecord, Run, Tally
from workbench.scheduler.runner import Runner
from workbench.scheduler.runs.backfill import Backfill, Filling
from workbench.scheduler.runs.bounds import Bounds
from workbench.scheduler.runs.extra import Extra
from workbench.scheduler.runs.watches import Watches

if TYPE_CHECKING:
    from workbench.scheduler.alarm import Alarm

log = logging.getLogger("workbench.scheduler")


class Scheduler:
    """The jobs of one application.

    Definitions and runs live in the store, so that they outlast the process; what is due next lives here. A stored job
    fires only after `define` has been called with it in this process.
    """

    def __init__(
        self,
        store: Store,
        app: str,
        clock: Clock,
        invoke: Invoke,
        events: Events,
        *,
        folder: Path | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008
    ) -> None:
        """Make a scheduler that fires nothing yet.

        Args:
            store: Where jobs and runs are kept.
            app: Name of the application they belong to.
            clock: The machine's, or a virtual one that the caller moves.
            invoke: Runs a service; called on threads named `workbench-job-N`.
            events: Told `JobChanged`, `RunStarted`, `RunEnded`, `RunLost` and `WatchChanged`.
            folder: Where the processes that share the store show that they live; the store's own `folder` if not given.
            bounds: How much is run at once and kept.
        """
        self.clock, self._events = clock, events
        self._presence = Presence(folder or store.folder, store, clock=clock)
        self._history = history = History(store, app, clock, self._presence, bounds.runs)
        self._runner = runner = Runner(history, clock, invoke, events, self._is_current, bounds)
        self._ledger, self._agenda = runner.ledger, Agenda(clock, runner.set_back, history.again)
        self._reconciler = Reconciler(history, self._ledger, clock, runner.held, runner.is_busy, self._rearm)
        self._defining = Defining(history, self._ledger, clock, events, self._go_live, self._wake)
        self._reconciler.every_seconds = bounds.look_seconds
        self.watches = Watches(history, clock, events, self.record, partial(runner.aside, of_its_own=True), bounds)
        self._live: dict[str, JobRecord] = {}
        self._lock, self._closed = RLock(), False
        self._alarm: Alarm | None = None
        self.jobs = Jobs(lambda: self)

    # What is defined

    def define(self, definition: AnyJob, source: str = "") -> Change:
        """Take a job in, from now on live in this process.

        An equal definition changes nothing; other schedule fields start its count anew; any other change keeps it.

        Raises:
            InvalidDefinition: It would never run, since all its times are past.
            StoreUnavailable: It cannot be kept; nothing has changed.
        """
        return self._defining.define(definition, source)

    def together(self, names: Sequence[str] = ()) -> AbstractContextManager[object]:
        """Take what this thread defines in a block in at its end, in one write, all or nothing; `names` is read first.

        Raises:
            StoreUnavailable: It cannot be kept; nothing has changed.
        """
        return self._defining.together(names)

    def remember(self, name: str) -> Callable[[], None]:
        """The way back to how a job is stored now; one that is not is removed on it."""
        raw = self._defining.raw(name)
        return lambda: self.put_back(name, self._history.read(name, raw))

    def put_back(self, name: str, record: JobRecord | None) -> None:
        """Undo a definition: the job becomes what `stored` answered before it, or is removed if that was None."""
        if record is not None:
            self._defining.put_back(name, record)
        elif name in self.jobs:
            self.remove(name)

    def stored(self, name: str) -> JobRecord | None:
        """The job as the store has it, for `put_back`; None if there is none."""
        return self._history.job(name)

    def remove(self, name: str) -> None:
        """Forget a job with its runs; one that runs right now ends unrecorded."""
        self.record(name)
        with self._defining.lock:
            self._drop(name)
            self._history.remove(name)
        self._events.emit(JobChanged(name, "removed"))

    def pause(self, name: str, until: datetime | None = None) -> None:
        """Let planned times pass without a run, in every process; up to `until` if that is given."""
        self.record(name)
        self._history.pause(name, until)
        self._events.emit(JobChanged(name, "paused"))

    def resume(self, name: str) -> None:
        """End the pause."""
        self.record(name)
        self._history.resume(name)
        self._events.emit(JobChanged(name, "resumed"))

    # What there is

    def names(self) -> list[str]:
        """Every job, those that wait for their cell included; one that another process has removed is forgotten."""
        stored = {record.definition.name for record in self._history.jobs()}
        for name in self._live.keys() - stored:
            self._forget_if_removed(name)
        return sorted(stored | self._live.keys())

    def _forget_if_removed(self, name: str) -> None:
        with self._defining.lock:
            # It may have been defined since the store was read.
            if name not in self._live or self._history.job(name) is not None:
                return
            self._drop(name)
        self._events.emit(JobChanged(name, "removed"))

    def _drop(self, name: str) -> None:
        with self._lock:
            self._live.pop(name, None)
            self._agenda.drop(name)

    def record(self, name: str) -> JobRecord:
        """The job as it is here, or as the store has it; raises UnknownName."""
        record = self._live.get(name) or self._history.job(name)
        if record is None:
            raise UnknownName("job", name, self.names())
        return record

    def state(self, name: str) -> str:
        """`waiting`, `inactive`, `paused`, `finished` or `on`."""
        record = self.record(name)
        if name not in self._live:
            return "waiting"
        if not record.definition.active:
            return "inactive"
        if self._history.is_paused(name):
            return "paused"
        with self._lock:
            return "finished" if self._agenda.at(name) is None else "on"

    def paused_until(self, name: str) -> datetime | None:
        """When the pause of a job ends by itself (UTC); None if it does not, or there is none."""
        return None if (pause := self._history.pause_of(name)) is None else pause.until

    def runs(self, name: str, most: int | None = None) -> list[Run]:
        """The kept runs of a job, oldest first; if `most` is given, the latest without its backfills."""
        return self._history.runs(self.record(name).definition.name, most)

    def next_at(self, name: str | None = None) -> datetime | None:
        """When the job, or any job, is due next (UTC)."""
        if name is not None and self.state(name) != "on":
            return None
        with self._lock:
            at = self._agenda.next_at() if name is None else self._agenda.at(name)
        retry_at = self._runner.retries.next_at() if name is None else None
        return min((each for each in (at, retry_at) if each is not None), default=None)

    def running_since(self, name: str) -> datetime | None:
        """When the oldest run of the job that this process is busy with began (UTC); None if it runs none."""
        return self._runner.running_since(name)

    def account(self, name: str, since: datetime | None = None) -> Account:
        """What became of every planned time of a job; see `Jobs.account`."""
        return self._history.sum_up(self.record(name), since, self._runner.held(name))

    def tally(self, name: str, runs: int) -> Tally:
        """How the last `runs` planned times of a job's schedule went."""
        record = self.record(name)
        ended = [
            run
            for run in last_attempts(self._history.runs(name))
            if run.series == record.series and not run.by_hand and run.outcome != "running"
        ]
        is_whole = runs == record.repeats and self.state(name) == "finished"
        return Tally(name, ended, self._history.left_behind(record), runs, is_whole)

    def preview(self, name: str, count: int) -> Preview:
        """The next planned times of a job (UTC), whatever its state."""
        record, now = self.record(name), self.clock.now()
        return Preview.of(record.definition, record.anchor, now, count)

    def away(self) -> Away:
        """What came while no process of this place was there, of the jobs that are back."""
        return Away(list(self._ledger.absences))

    def difference(self, definition: AnyJob, count: int) -> Difference:
        """The next planned times of a job as it is, and as it would be with that definition."""
        return Difference.of(self.record(definition.name), definition, self.clock.now(), count)

    # What runs

    def execute(self, name: str, extra: Extra | None = None, *, wait: bool = True, timeout: float | None = None) -> Run:
        """Run a job now, whatever its state; see `Job.execute`."""
        record = self.record(name)
        return self._runner.by_hand(record, record.definition.extra if extra is None else extra, wait, timeout)

    def backfill(self, name: str, filling: Filling) -> Backfill:
        """Run planned times that are past, or say which; see `Job.backfill`."""
        return self._runner.backfills.begin(self.record(name), filling)

    def backfilling(self, name: str) -> Backfill | None:
        """The backfill of a job that goes on in this process; None if there is none."""
        return self._runner.backfills.of(name)

    def wait(self, name: str, runs: int = 1, timeout: float = 10.0) -> Tally:
        """Wait until the schedule has made that many runs; see `Job.wait`."""
        return waits.wait(self, name, runs, timeout)

    def wait_for_change(self, timeout: float) -> None:
        """Wait until a run ends, `timeout` [s] at most."""
        self._runner.wait_for_change(timeout)

    def tick(self) -> int:
        """Fire everything that is due by the clock; how much that was. The runs go on beside."""
        if self._runner.claims_nothing:
            return 0
        with self._lock:
            due = self._agenda.due()
            # Under the lock, so that whoever finds nothing due can rely on `settle`.
            self._runner.fire(due)
        # After it, since every microsecond before counts for each of them.
        self.watches.expect(due)
        fired = len(due) + self._runner.fire_retries()
        self._runner.write_rest()
        self._runner.end_late()
        self._runner.tell()
        self.watches.look(list(self._runner.running.values()))
        if self._reconciler.is_time:
            self._runner.aside(self.reconcile)
        self._ledger.note_seen(self._live, self._runner.aside)
        return fired

    def reconcile(self) -> None:
        """Check the accounts of live jobs, as is done every minute: what is wrong is mended, and logged."""
        live = dict(self._live)
        self._reconciler.look(live)
        for record in live.values():
            if record.definition.on_interrupt == "retry":
                self._runner.look_for_retries(record)

    def play(self, until: datetime) -> int:
        """Move a virtual clock to `until` by way of every planned time, each with its runs ended before the next.

        Raises:
            TypeError: The clock is the machine's.
        """
        return waits.play(self, until)

    def settle(self, timeout: float = waits.LONGEST_SECONDS) -> bool:
        """Wait until nothing runs; whether that came within `timeout` [s]."""
        return self._runner.settle(timeout)

    @contextmanager
    def claiming_nothing(self) -> Iterator[None]:
        """Leave planned times that come within the block to other processes; what none took is looked at after it."""
        self._runner.claims_nothing = True
        try:
            yield
        finally:
            self._runner.claims_nothing = self._closed

    # Its own life

    def start(self, place: str = "") -> None:
        """Let the machine's clock fire what is due, from the thread `workbench-clock`; once is enough.

        A virtual clock fires nothing by itself: `tick`, `play` and `wait` do. `place` names where a process like this
        one runs again: what other places make of jobs until then is told by `away`.
        """
        if place and self._ledger.seen is None:
            self._ledger.seen = self._history.seen(place)
        if self._alarm is None and not self.clock.is_virtual:
            from workbench.scheduler.alarm import Alarm

            self._alarm = Alarm(self._tick_safely, self._seconds_to_next)
            self._alarm.start()

    def close(self, timeout: float = 2.0) -> bool:
        """Fire nothing more, and wait for what runs, `timeout` [s] at most; what goes on ends with the process.

        Returns:
            Whether all has ended, so that nothing will be written any more.
        """
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.stop()
        if self._live and self._ledger.seen is not None:
            self._ledger.seen.note()
        with self._lock:
            self._closed = self._runner.claims_nothing = True
            self._agenda = Agenda(self.clock, self._runner.set_back, self._history.again)
            self._live.clear()
        settled = self._runner.settle(timeout)
        self._runner.close()
        if settled:
            self._presence.leave()
        return settled

    def _go_live(self, record: JobRecord, since: datetime | None = None, mark: datetime | None = None) -> None:
        """Have a job fire here: from `since` on, or from its `mark`, up to when its planned times are accounted for."""
        definition, name, at = record.definition, record.definition.name, None
        with self._lock:
            before = self._live.get(name)
            if before is not None and (before == record or record.goes_on(before)):
                # A time that has just come and not been looked at yet is still due.
                self._live[name] = record
                self._agenda.set(record, self._agenda.at(name))
                return
        if definition.active:
            # Outside the lock, since it asks the store.
            at = plan.next_time(definition, record.anchor, since) if since else self._ledger.start(record, mark)
            self._runner.look_for_retries(record)
        with self._lock:
            if not self._closed:
                self._live[name] = record
                self._agenda.set(record, at)
                if definition.active:
                    self._agenda.show_again(record)

    def _rearm(self, record: JobRecord, at: datetime) -> bool:
        """Make a job due at `at` if it is due at no time to come; whether it was so."""
        name = record.definition.name
        with self._lock:
            due = self._agenda.at(name)
            is_stalled = self._live.get(name) == record and (due is None or due < self.clock.now() - HICCUP)
            if is_stalled:
                self._agenda.set(record, at)
        return is_stalled

    def _is_current(self, record: JobRecord) -> bool:
        """Whether the store still has the job as this process knows it; follows a change by another process."""
        if self._history.has(record):
            return True
        name = record.definition.name
        stored = self._history.job(name)
        if stored is None:
            self._drop(name)
        elif name in self._live:
            self._go_live(stored)
        # Only the service, its text or the source changed: the planned time stands, the next one follows the change.
        return stored is not None and stored.definition.active and stored.series == record.series

    def _seconds_to_next(self) -> float:
        at = None if self._runner.claims_nothing else self.next_at()
        return float("inf") if at is None else max(0.0, (at - self.clock.now()).total_seconds())

    def _tick_safely(self) -> None:
        try:
            self.tick()
        except Exception:
            log.exception("the scheduler could not look at what is due; it tries again")

    def _wake(self) -> None:
        self._ledger.note_seen(self._live, lambda note: note())
        # Outside our locks, since it asks what is due next.
        if (alarm := self._alarm) is not None:
            alarm.wake()
