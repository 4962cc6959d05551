"""Runs of planned times that are past: those that a job would have had, or that had no run when they came."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import NamedTuple

from workbench.core.errors import StoreUnavailable, WorkbenchError
from workbench.core.ports import Clock
from workbench.scheduler import plan
from workbench.scheduler.history import History
from workbench.scheduler.ledger import Ledger
from workbench.scheduler.records import JobRecord, Run
from workbench.scheduler.runs.extra import Extra

log = logging.getLogger("workbench.scheduler")

MOST_TIMES = 1_000
"""Planned times of one backfill, unless it says otherwise; each keeps a row of about 1 kB until its job is removed."""

HAS_RUN, OPEN, NOT_KEPT = "have run", "may still run by the schedule", "are so old that their rows are not kept"

_ALMOST = timedelta(microseconds=1)


class Filling(NamedTuple):
    """What a backfill is to be: see `Job.backfill`."""

    start: datetime
    end: datetime
    name: str
    most: int = MOST_TIMES
    dry: bool = True


class Backfill:
    """A backfill of one job: `times` that it runs (UTC), the oldest first, one after another.

    Attributes:
        job, name: Its job, and what its runs are called by.
        times: What it runs, or would run if it is dry.
        left_out: How many planned times of the span it leaves out, by reason.
        runs: The runs it has made so far.
        why: Why it has stopped before its end; empty if it has not.
    """

    def __init__(self, job: str, name: str, times: list[datetime], left_out: Counter[str], *, dry: bool) -> None:
        """Hold what is to run; nothing runs yet."""
        self.job, self.name, self.times, self.left_out = job, name, times, left_out
        self.runs: list[Run] = []
        self.why = ""
        self._dry = dry
        self._over = Event()
        self._run_waiting: Callable[[], object] = bool

    @property
    def state(self) -> str:
        """`dry`, `on`, `stopped` or `ended`."""
        if self._dry:
            return "dry"
        if not self._over.is_set():
            return "on"
        return "stopped" if self.why else "ended"

    def stop(self) -> None:
        """Begin no further run; one that goes on ends."""
        self.why = self.why or "it was told to stop"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended or stopped, `timeout` [s] at most; whether it has."""
        if self._dry:
            return True
        self._run_waiting()
        return self._over.wait(timeout)

    def __repr__(self) -> str:
        count = len(self.times)
        times = f"{count:,} planned {'time' if count == 1 else 'times'}"
        span = f", {self.times[0]:%Y-%m-%d %H:%M:%S} to {self.times[-1]:%Y-%m-%d %H:%M:%S} UTC" if self.times else ""
        left = "".join(f"; {number:,} left out, which {why}" for why, number in self.left_out.items() if number)
        outcomes = Counter(run.outcome for run in self.runs)
        made = "".join(f", {number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
        how = {
            "dry": "Dry: nothing has run. Fix: dry=False runs them.",
            "on": "It goes on.",
            "stopped": f"Stopped, since {self.why}.",
            "ended": "Ended.",
        }[self.state]
        return f"Backfill {self.name!r} of job {self.job!r}: {times}{span}{made}{left}. {how}"


class Ways(NamedTuple):
    """How a backfill has something run.

    `beside` makes a claimed run on the thread that calls; `aside` has something done on another thread; `held` says
    which planned times of a job are about to run; `run_waiting` does what waits for the thread that calls, if any.
    """

    beside: Callable[[JobRecord, Run, Extra], Run]
    aside: Callable[[Callable[[], None]], None]
    held: Callable[[str], Collection[datetime]]
    run_waiting: Callable[[], object]


class Backfills:
    """The backfills of one process, one for each job at a time. Each planned time is backfilled once, by one process.

    Runs of a backfill are made beside the schedule, as those by hand: no retries, nothing follows them, no watch looks.
    """

    def __init__(self, history: History, ledger: Ledger, clock: Clock, ways: Ways) -> None:
        self._history, self._ledger, self._clock, self._ways = history, ledger, clock, ways
        self.is_closing = False
        """Whether no further run is to begin."""
        self._on: dict[str, Backfill] = {}
        self._lock = Lock()

    def of(self, name: str) -> Backfill | None:
        """The backfill of a job that goes on here; None if there is none."""
        return self._on.get(name)

    def begin(self, record: JobRecord, filling: Filling) -> Backfill:
        """Say what would run, and begin with it unless it is dry.

        Raises:
            WorkbenchError: The span is none of the past or has too many times, or another backfill goes on.
        """
        found = self._found(record, filling)
        if filling.dry:
            return found
        name = record.definition.name
        with self._lock:
            if (other := self._on.get(name)) is not None:
                raise WorkbenchError(
                    f"Job {name!r} is being backfilled by {other.name!r}. "
                    f"Fix: wait for it, or wb.jobs[{name!r}].backfilling.stop()"
                )
            self._on[name] = found
        found._run_waiting = self._ways.run_waiting
        self._ways.aside(lambda: self._step(record, found, iter(found.times)))
        return found

    def _found(self, record: JobRecord, filling: Filling) -> Backfill:
        name, (start, end) = record.definition.name, filling[:2]
        if not start < end <= self._clock.now():
            raise WorkbenchError(
                f"Job {name!r} cannot be backfilled from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC. "
                f"Fix: a start before the end, and an end that has come."
            )
        made = [run for run in self._history.runs(name) if run.by != "hand" and run.started is not None]
        has_run = {run.planned for run in made}
        # What has no row yet, and what this process holds, is the schedule's to run.
        is_open = {*self._ledger.open_times(record, start - _ALMOST), *self._ways.held(name)}
        left_out: Counter[str] = Counter()
        times: list[datetime] = []
        for at in self._planned(record, start, end, left_out):
            if at in has_run or at in is_open:
                left_out[HAS_RUN if at in has_run else OPEN] += 1
                continue
            times.append(at)
            if len(times) > filling.most:
                raise WorkbenchError(
                    f"The backfill of job {name!r} has more than {filling.most:,} planned times. "
                    f"Fix: a shorter span, or a larger most="
                )
        return Backfill(name, filling.name, times, left_out, dry=filling.dry)

    def _planned(self, record: JobRecord, start: datetime, end: datetime, left_out: Counter[str]) -> Iterator[datetime]:
        """The planned times from `start` up to, but not with, `end`; those whose rows are gone are only counted."""
        job, until = record.definition, end - _ALMOST
        first, left = self._history.known_since(record)
        yield from plan.past_times(job, record.anchor, start - _ALMOST, min(until, first))
        kept = max(start - _ALMOST, first)
        if left is not None and left > kept:
            left_out[NOT_KEPT] += plan.how_many(job, record.anchor, kept, min(left, until))
            kept = left
        yield from plan.past_times(job, record.anchor, kept, until)

    def _step(self, record: JobRecord, backfill: Backfill, times: Iterator[datetime]) -> None:
        """Make the next run, and have the one after it made later."""
        is_over = True
        try:
            is_over = not self._made(record, backfill, times)
        except StoreUnavailable as exc:
            backfill.why = f"the store refused it: {exc}"
            log.warning("backfill %r of job %r stops: %s", backfill.name, backfill.job, exc)
        finally:
            if is_over:
                with self._lock:
                    del self._on[backfill.job]
                backfill._over.set()
        if not is_over:
            self._ways.aside(lambda: self._step(record, backfill, times))

    def _made(self, record: JobRecord, backfill: Backfill, times: Iterator[datetime]) -> bool:
        """Make the next run, if one is to be made; whether one may come after it."""
        if not backfill.why and self.is_closing:
            backfill.why = "its process ends"
        if not backfill.why and not self._history.has(record):
            backfill.why = "its job was changed or removed"
        if backfill.why or (at := next(times, None)) is None:
            return False
        run = Run.planned_by(record, at, started=self._clock.now())
        claimed = self._history.claim_backfill(run, backfill.name)
        if claimed is None:
            backfill.left_out[HAS_RUN] += 1
        else:
            backfill.runs.append(self._ways.beside(record, claimed, record.definition.extra))
        return True
