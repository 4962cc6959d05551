"""A trip: a span of time that is played at once on a copy of the workbench, and what came of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from threading import Event as Flag
from threading import Thread, get_ident
from time import monotonic
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.app.parts import Parts
from workbench.app.scheduling.travel.events import Event, in_order
from workbench.app.scheduling.travel.rooms import MOST_RUNS, TripParts, outside_of
from workbench.core.clock import VirtualClock
from workbench.core.errors import ServiceUsage
from workbench.runtime.traffic import Log, Traffic
from workbench.sandbox.catalog import Sandbox
from workbench.scheduler.account import Account
from workbench.scheduler.jobs import Jobs
from workbench.scheduler.records import Run, RunEnded
from workbench.scheduler.runs.calendar import Calendar
from workbench.scheduler.waits import play
from workbench.scheduler.zones import zone_of

log = logging.getLogger("workbench.travel")
_SCHEDULER = logging.getLogger("workbench.scheduler")

LONGEST_REST_SECONDS = 60.0
"""How long what services have sent into the background may take before the trip goes on [s]."""

SHOWN = 10


class CallsForReal(NamedTuple):
    """An event: a trip begins that calls real accounts; `text` says which."""

    text: str


class Way(NamedTuple):
    """How a trip is made: see `TravelClock.travel` and `TravelJobs.simulate`."""

    dry: bool = False
    real: bool = False
    events: tuple[Event, ...] = ()
    zone: ZoneInfo = ZoneInfo("UTC")
    start: datetime | None = None


class Trip:
    """A span of time on a copy of the workbench; entering it plays it, leaving it lets go of the copy.

    Attributes:
        begin, end: The span (UTC).
        runs: Every run that was made, in the order in which they ended; each attempt, and rows without a run.
        notes: What the scheduler had to say, as after a restart.
    """

    def __init__(self, home: Parts, end: Callable[[datetime], datetime], way: Way) -> None:
        """Have a trip that has not begun.

        Args:
            home: The rooms of the workbench.
            end: Says where it ends, from where it begins (UTC).
            way: How it is made.

        Raises:
            ServiceUsage: It would begin in the past.
        """
        if way.start is not None and way.start < home.clock.now():
            raise ServiceUsage(f"No trip begins at {way.start:%F %T} UTC, which is past. Fix: start= a time to come.")
        self._home, self._end_of, self._way = home, end, way
        self._is_begun = self._is_stopped = False
        self._clock = VirtualClock()
        self.begin = way.start or home.clock.now()
        self.end = end(self.begin)
        self.runs: list[Run] = []
        self.notes: list[str] = []
        self._rooms: TripParts | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Trip:
        if self._is_begun:
            raise ServiceUsage("A trip is made once. Fix: call wb.clock.travel(...) again.")
        self._is_begun = True
        way = self._way
        rooms = self._rooms = TripParts(self._home, self._clock, dry=way.dry, real=way.real, start=way.start)
        try:
            self._begin(rooms)
            self._go(rooms)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop its peers; what it has recorded stays."""
        self._is_stopped = True
        if self._rooms is not None:
            self._rooms.close()

    # What came of it

    @property
    def jobs(self) -> Jobs:
        """The jobs as they are at its end."""
        return self._made.scheduler.jobs

    @property
    def peers(self) -> Sandbox:
        """The copies of the peers; what they have received, the trip has sent."""
        return self._made.sandbox

    @property
    def traffic(self) -> Traffic:
        """The calls of its services."""
        return self._made.traffic

    @property
    def log(self) -> Log:
        """What they logged and printed."""
        return self._made.log

    def account(self, name: str) -> Account:
        """What became of every planned time of a job within the trip."""
        return self._made.scheduler.account(name, self.begin)

    @property
    def accounts(self) -> list[Account]:
        """That of each job that had planned times."""
        found = (self.account(name) for name in self._made.scheduler.names())
        return [each for each in found if each.planned]

    def calendar(self, *, timezone: str = "") -> Calendar:
        """What came of each hour of the trip, job by job; a picture in a notebook.

        Args:
            timezone: Whose days are shown; the zone of the trip by default.

        Raises:
            WorkbenchError: There is no such zone.
        """
        zone = zone_of(timezone) if timezone else self._way.zone
        return Calendar.of_runs(self.runs, self.begin, self.end, zone)

    @property
    def calls(self) -> dict[str, str]:
        """The hosts that a trip with `real=True` calls or may call, each by the name of its connection."""
        return outside_of(self._home) if self._way.real else {}

    @property
    def _made(self) -> TripParts:
        if self._rooms is None:
            raise ServiceUsage("The trip has not begun. Fix: with wb.clock.travel(...) as trip: ...")
        return self._rooms

    def __repr__(self) -> str:
        span = f"{self.begin:%Y-%m-%d %H:%M:%S} to {self.end:%Y-%m-%d %H:%M:%S} UTC"
        if self._rooms is None:
            calls = f" It will call {_named(self.calls)} for real." if self.calls else ""
            return f"Trip from {span}, not begun.{calls} Fix: with wb.clock.travel(...) as trip: ..."
        by_outcome = Counter[str]()
        for run in self.runs:
            by_outcome[run.outcome] += run.times
        said = "".join(f", {count} {outcome.replace('_', ' ')}" for outcome, count in sorted(by_outcome.items()))
        dry = " No service ran." if self._way.dry else ""
        rows = [f"Trip from {span}: {_counted(len(self.runs), 'run')}{said}.{dry}"]
        accounts = self.accounts
        rows += [f"  {each}" for each in accounts[:SHOWN]]
        rows += [f"  and {len(accounts) - SHOWN} more jobs"] if len(accounts) > SHOWN else []
        return "\n".join(rows)

    # How it is made

    def _begin(self, rooms: TripParts) -> None:
        self.begin = self._clock.now()
        self.end = self._end_of(self.begin)
        if self.end <= self.begin:
            raise ServiceUsage("The trip ends before it begins. Fix: days=7, or until= a time to come.")
        planned = rooms.planned(self.end)
        if (total := sum(planned.values())) > MOST_RUNS:
            most = max(planned, key=planned.__getitem__)
            raise ServiceUsage(
                f"The trip has {total:,} planned times, {planned[most]:,} of them of job {most!r}; the most are "
                f"{MOST_RUNS:,}. Fix: travel a shorter time, or wb.jobs[{most!r}].pause() before it."
            )
        rooms.events.subscribe(RunEnded, lambda ended: self.runs.append(ended.run))
        if calls := self.calls:
            warned = CallsForReal(f"This trip of {_counted(total, 'planned time')} calls {_named(calls)} for real.")
            log.warning("%s", warned.text)
            self._home.events.emit(warned)

    def _go(self, rooms: TripParts) -> None:
        events = in_order(self._way.events, self.begin, self.end, self._way.zone)
        done = Flag()

        def go() -> None:
            try:
                with _Notes(self.notes):
                    for at, event in events:
                        self._play(rooms, at)
                        event.happen(rooms, self._way.zone)
                    self._play(rooms, self.end)
            except _Stopped:
                pass
            except BaseException as exc:
                self._failure = exc
            finally:
                done.set()

        # On a thread of its own, so that an interrupt reaches who waits, and no service.
        Thread(target=go, name="workbench-trip", daemon=True).start()
        while not done.wait(1.0):
            pass
        if self._failure is not None:
            raise self._failure

    def _play(self, rooms: TripParts, until: datetime) -> None:
        if rooms.has_jobs:
            play(rooms.scheduler, until, partial(self._rest, rooms))
        elif until > self._clock.now():
            self._clock.move_to(until)

    def _rest(self, rooms: TripParts) -> None:
        """Wait for what services have sent into the background, and for the runs that it asks for."""
        if self._is_stopped:
            raise _Stopped
        if rooms.invoker.settle(0.0):
            return
        end = monotonic() + LONGEST_REST_SECONDS
        while not rooms.invoker.settle(0.0):
            if monotonic() > end or self._is_stopped:
                self.notes.append(f"WARNING what went into the background runs for {LONGEST_REST_SECONDS:g} s; gone on")
                return
            rooms.invoker.settle(0.02)
            rooms.scheduler.settle()


class _Stopped(Exception):
    """Nobody waits for the trip any more."""


class _Notes(logging.Filter):
    """Keeps what the scheduler says on this thread for the trip, instead of telling it of the jobs at home."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self._notes, self._thread = notes, get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self._notes.append(f"{record.levelname} {record.getMessage()}")
        return False

    def __enter__(self) -> _Notes:
        _SCHEDULER.addFilter(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _SCHEDULER.removeFilter(self)


def _named(calls: Mapping[str, str]) -> str:
    return ", ".join(f"{host} ({name})" for name, host in calls.items())


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
