"""Watches over jobs: a planned time that did not start, a run that takes far too long, one that ends far too soon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heappop, heappush
from threading import Lock

from workbench.core.errors import StoreUnavailable, UnknownName
from workbench.core.events import Events
from workbench.core.ports import Clock
from workbench.scheduler import plan
from workbench.scheduler.agenda import Due
from workbench.scheduler.history import History
from workbench.scheduler.ledger import CHANGED, PAUSED
from workbench.scheduler.records import JobChanged, JobRecord, Run, RunEnded, RunStarted, WatchChanged
from workbench.scheduler.runs.bounds import Bounds, Paced
from workbench.scheduler.runs.cadence import span
from workbench.scheduler.runs.lengths import LATEST, LONGER_SECONDS, Lengths
from workbench.scheduler.runs.lines import NO_THREAD, Running

log = logging.getLogger("workbench.scheduler")

START, LONG, FAST = "start", "long", "fast"

SOONEST_SECONDS = 1.0
"""What a planned time past its grace has to start in, once it is looked at [s]; its start says how late it is."""


class Watches:
    """Looks at jobs while time passes and runs begin and end; tells `WatchChanged` once for each change of state.

    That a watch has tripped is kept in the store, so that of several processes one tells it, and a restart does not
    tell it again. Lengths of earlier runs are read once, aside: when a run takes long, or some seconds after one has
    ended, which waits until then to be measured.
    """

    def __init__(
        self,
        history: History,
        clock: Clock,
        events: Events,
        record: Callable[[str], JobRecord],
        aside: Callable[[Callable[[], None]], None],
        bounds: Bounds = Bounds(),  # noqa: B008
    ) -> None:
        """Watch nothing yet.

        Args:
            history: Rows, and the state of watches.
            clock: Says what is late.
            events: Heard for runs, and told `WatchChanged`.
            record: The job of a name.
            aside: Has something done on another thread.
            bounds: Whether time passes in a run, so that its length says something.
        """
        self._time_passes = bounds.time_passes
        self._history, self._clock, self._events, self._record, self._aside = history, clock, events, record, aside
        # Of time that passes, whatever the clock is set to.
        self._deadlines: list[tuple[float, str, datetime]] = []
        self._decided: dict[str, datetime] = {}
        # The latest planned time of each job that started late: no run of one before it says that all is well again.
        self._late: dict[str, datetime] = {}
        self._lengths: dict[str, Lengths] = {}
        self._tripped: dict[str, dict[str, str]] = {}
        self._unread: dict[str, list[Run]] = {}
        self._to_read = Paced(clock)
        self._is_aside = False
        self._lock = Lock()
        events.subscribe(RunStarted, self._started)
        events.subscribe(RunEnded, self._ended)
        events.subscribe(JobChanged, self._changed)

    def expect(self, due: Iterable[Due]) -> None:
        """Await that these planned times start."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        for each in due:
            job = each.record.definition
            # One that nobody looked at in time is told when it is late, or has its row.
            if job.watch_start and each.unseen_until is None and each.after is None and not each.again:
                seconds = (each.planned - now).total_seconds() + job.grace_seconds
                deadline = elapsed + max(seconds, SOONEST_SECONDS)
                with self._lock:
                    heappush(self._deadlines, (deadline, job.name, each.planned))

    def look(self, running: Iterable[Running]) -> None:
        """See which planned times should have started by now, and which runs take too long."""
        now, elapsed, overdue = self._clock.now(), self._clock.monotonic(), []
        with self._lock:
            while self._deadlines and self._deadlines[0][0] <= elapsed:
                _, name, planned = heappop(self._deadlines)
                if not self._is_decided(name, planned):
                    overdue.append((name, planned))
        unread = [each.record.definition.name for each in running if self._is_unread(each, now)]
        if self._is_aside:
            with self._lock:
                for name, planned in overdue:
                    heappush(self._deadlines, (elapsed, name, planned))
        elif (names := unread + self._to_read.take()) or overdue:
            self._is_aside = True
            self._aside(lambda: self._look_aside(overdue, names))

    def tripped(self, name: str) -> dict[str, str]:
        """The watches of a job that have tripped: words by watch.

        Raises:
            StoreUnavailable: The store gave no answer.
        """
        return self._history.tripped(name)

    def _is_decided(self, name: str, planned: datetime) -> bool:
        return name in self._decided and planned <= self._decided[name]

    def _is_unread(self, running: Running, now: datetime) -> bool:
        """Look at a run that goes on; whether earlier ones must be read to say if it takes too long."""
        job, seconds = running.record.definition, (now - running.since).total_seconds()
        if not job.watch_long or running.run.by_hand or seconds <= LONGER_SECONDS:
            return False
        lengths = self._lengths.get(job.name)
        if lengths is None:
            return True
        if not self._has_tripped(job.name, LONG) and (norm := lengths.norm) and seconds > norm.longest:
            usual = f"95 % of its last {norm.runs} good runs took at most {span(norm.usual)}"
            words = f"it has been running for {span(seconds)}; {usual}"
            self._aside(lambda: self._trip(job.name, LONG, words))
        return False

    def _look_aside(self, overdue: list[tuple[str, datetime]], names: list[str]) -> None:
        try:
            for name, planned in overdue:
                self._look_for(name, planned)
            for name in names:
                self._read(name)
        finally:
            self._is_aside = False

    def _look_for(self, name: str, planned: datetime) -> None:
        """Tell that a planned time has not started, unless another process decided about it, or it is not to start."""
        if (record := self._known(name)) is None or not record.definition.active:
            return
        try:
            covers = [run for run in self._history.runs(name) if not run.by_hand]
            is_there = any(run.planned <= planned <= (run.until or run.planned) for run in covers)
            if is_there or self._history.is_paused(name):
                return
        except StoreUnavailable as exc:
            log.debug("whether job %r has started elsewhere is not known: %s", name, exc)
        if not self._is_decided(name, planned):
            self._late[name] = planned
            grace = span(record.definition.grace_seconds)
            self._trip(name, START, f"planned at {planned:%Y-%m-%d %H:%M:%S} UTC, it did not start within {grace}")

    def _read(self, name: str) -> None:
        """Read how long earlier runs took, and take in those that have ended meanwhile."""
        try:
            runs = [run for run in self._history.runs(name, 2 * LATEST) if _is_good(run)]
            tripped = self._history.tripped(name)
        except StoreUnavailable as exc:
            log.debug("how long runs of job %r took is not known: %s", name, exc)
            self._to_read.put([name])
            return
        with self._lock:
            ended = self._unread.pop(name, [])
            keys = {run.key for run in ended}
            self._lengths[name] = Lengths(run.seconds or 0.0 for run in runs if run.key not in keys)
            self._tripped[name] = tripped | self._tripped.get(name, {})
        for run in ended:
            self._measure(run)

    def _started(self, event: RunStarted) -> None:
        run = event.run
        if run.by_hand or run.attempt > 1:
            return
        self._decide(run)
        if (record := self._known(run.job)) is None or not record.definition.watch_start:
            return
        late = run.late_seconds or 0.0
        if late > record.definition.grace_seconds:
            self._late[run.job] = run.planned
            self._trip(run.job, START, f"planned at {run.planned:%Y-%m-%d %H:%M:%S} UTC, it started {span(late)} late")
        else:
            self._started_in_time(run)

    def _ended(self, event: RunEnded) -> None:
        run = event.run
        if run.by_hand:
            return
        if run.started is None:
            self._decide(run)
            is_missed = run.outcome == "missed" and run.error not in (PAUSED, CHANGED)
            record = self._known(run.job) if is_missed or run.error == NO_THREAD else None
            if record is not None and record.definition.watch_start:
                self._trip(run.job, START, _missed(run))
            return
        if run.ok and self._is_last(run):
            # Nothing comes after it that could start in time; what was late has run well.
            self._clear(run.job, START)
        if not self._time_passes:
            return
        with self._lock:
            if is_unread := run.job not in self._lengths:
                self._unread.setdefault(run.job, []).append(run)
        if is_unread:
            self._to_read.put([run.job])
        else:
            self._measure(run)

    def _measure(self, run: Run) -> None:
        """Compare a run that has ended with those before it; it counts for those after it."""
        seconds, record, lengths = run.seconds, self._known(run.job), self._lengths.get(run.job)
        if record is None or lengths is None or seconds is None or seconds < 0:
            return
        norm = lengths.norm
        if run.late_seconds is not None and run.late_seconds <= record.definition.grace_seconds:
            self._started_in_time(run)
        if norm is not None and seconds <= norm.longest:
            self._clear(run.job, LONG)
        if not _is_good(run):
            return
        lengths.add(seconds)
        if norm is None or not record.definition.watch_fast:
            return
        if seconds < norm.shortest:
            usual = f"95 % of its last {norm.runs} good runs took at least {span(norm.least)}"
            self._trip(run.job, FAST, f"it ended well after {span(seconds)}; {usual}")
        else:
            self._clear(run.job, FAST)

    def _started_in_time(self, run: Run) -> None:
        late = self._late.get(run.job)
        if late is None or late < run.planned:
            self._clear(run.job, START)

    def _is_last(self, run: Run) -> bool:
        """Whether it is the late one that the watch told of, and its job has no planned time after it."""
        record = self._known(run.job) if self._late.get(run.job) == run.planned else None
        return record is not None and plan.next_time(record.definition, record.anchor, run.planned) is None

    def _decide(self, run: Run) -> None:
        with self._lock:
            until = run.until or run.planned
            self._decided[run.job] = max(until, self._decided.get(run.job, until))

    def _known(self, name: str) -> JobRecord | None:
        try:
            return self._record(name)
        except (UnknownName, StoreUnavailable):
            return None

    def _changed(self, event: JobChanged) -> None:
        if event.what != "removed":
            return
        self._to_read.drop(event.job)
        with self._lock:
            for each in (self._decided, self._late, self._lengths, self._tripped, self._unread):
                each.pop(event.job, None)

    def _has_tripped(self, name: str, watch: str) -> bool:
        return watch in self._tripped.get(name, ())

    def _trip(self, name: str, watch: str, words: str) -> None:
        with self._lock:
            if self._has_tripped(name, watch):
                return
            self._tripped.setdefault(name, {})[watch] = words
        try:
            is_new = self._history.trip(name, watch, words)
        except StoreUnavailable:
            # Told twice rather than not at all.
            is_new = True
        if is_new:
            log.warning("job %r: %s. Fix: see wb.jobs[%r].runs, and what else runs.", name, words, name)
            self._events.emit(WatchChanged(name, watch, True, words, self._clock.now()))

    def _clear(self, name: str, watch: str) -> None:
        if not self._tripped.get(name):
            # As nearly always: no lock for that.
            return
        with self._lock:
            if not self._has_tripped(name, watch):
                return
            del self._tripped[name][watch]
        try:
            is_new = self._history.clear(name, watch)
        except StoreUnavailable as exc:
            log.debug("that job %r is well again is not written: %s", name, exc)
            return
        if is_new:
            self._events.emit(WatchChanged(name, watch, False, "it is well again", self._clock.now()))


def _missed(run: Run) -> str:
    first = f"{run.planned:%Y-%m-%d %H:%M:%S} UTC"
    if run.times > 1:
        return f"{run.times} planned times did not start, from {first} on: {run.error}"
    return f"planned at {first}, it did not start: {run.error}"


def _is_good(run: Run) -> bool:
    return run.ok and not run.by_hand and run.seconds is not None
