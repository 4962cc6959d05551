"""The account of a job: what was planned, from its definitions alone, and what became of it, from its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from workbench.scheduler import plan
from workbench.scheduler.agenda import HICCUP
from workbench.scheduler.records import JobRecord, Run

_ALMOST = timedelta(microseconds=1)

ENDS = ("ok", "failed", "timed_out", "interrupted", "missed", "skipped", "merged", "paused")
"""How a planned time may end; `paused` has no row, since a pause is kept as a whole."""

OPEN = ("running", "waiting")
"""What a planned time is before it has ended."""

LOST = "unaccounted"


class Window(NamedTuple):
    """A definition, and when it was in force: after `first`, up to and with `last`."""

    record: JobRecord
    first: datetime
    last: datetime

    def planned(self, after: datetime, until: datetime) -> int:
        """Planned times later than `after`, up to and with `until`, within the window."""
        after, until = max(after, self.first), min(until, self.last)
        if not self.record.definition.active or after >= until:
            return 0
        return plan.how_many(self.record.definition, self.record.anchor, after, until)


class Pause(NamedTuple):
    """A pause of a job: after `first`, up to and with `last`."""

    first: datetime
    last: datetime


class Account:
    """`planned 168 = 165 ok + 1 failed + 2 missed`."""

    def __init__(self, job: str, since: datetime, until: datetime, planned: int, by_outcome: Counter[str]) -> None:
        """Hold the sum.

        Args:
            job: Name of the job.
            since: Planned times later than that are counted (UTC).
            until: Up to and with that (UTC).
            planned: How many there are, from the definitions alone.
            by_outcome: How many of them ended how; also `running` and `waiting`, which have not ended, `unaccounted`,
                and `by hand`, `again` and `backfilled`, runs beside the schedule.
        """
        self.job, self.since, self.until, self.planned = job, since, until, planned
        self.by_hand, self.again = by_outcome.pop("by hand", 0), by_outcome.pop("again", 0)
        self.backfilled = by_outcome.pop("backfilled", 0)
        self.by_outcome = {each: by_outcome[each] for each in (*ENDS, *OPEN, LOST) if by_outcome[each]}
        self._strange = sorted(each for each in by_outcome if each not in (*ENDS, *OPEN, LOST))
        self.by_outcome |= {each: by_outcome[each] for each in self._strange if by_outcome[each]}

    @property
    def unaccounted(self) -> int:
        """Planned times that nothing is known of; 0 unless somebody deleted rows or there is a defect."""
        return self.by_outcome.get(LOST, 0)

    @property
    def holds(self) -> bool:
        """Whether every planned time ended as exactly one thing, or still waits or runs."""
        return not self.unaccounted and not self._strange and sum(self.by_outcome.values()) == self.planned

    def __repr__(self) -> str:
        parts = [f"{count} {outcome.replace('_', ' ')}" for outcome, count in self.by_outcome.items()]
        sum_of = f"planned {self.planned} = {' + '.join(parts) or '0'}"
        hand = f"; {self.by_hand} by hand" if self.by_hand else ""
        hand += f"; {self.again} again, since the clock was set back" if self.again else ""
        hand += f"; {self.backfilled} backfilled" if self.backfilled else ""
        return f"{self.job!r} since {self.since:%Y-%m-%d %H:%M:%S} UTC: {sum_of}{hand}."


def account(
    windows: Iterable[Window],
    rows: Collection[Run],
    pauses: Collection[Pause],
    held: Collection[datetime],
    now: datetime,
) -> Counter[str]:
    """Count how the planned times within the windows ended, each once.

    Args:
        windows: The definitions and when they were in force, from the earliest on; they do not overlap.
        rows: The job's rows, in any order.
        pauses: When the job was paused.
        held: Planned times that this process is about to run.
        now: What is younger than a minute without a row is about to run, and called `waiting`.

    Returns:
        Planned times by outcome; `twice` and `not planned` count rows that should not be there.
    """
    found: Counter[str] = Counter()
    planned = [row for row in last_attempts(rows) if not row.by_hand]
    found["by hand"] = sum(row.by == "hand" for row in rows)
    found["again"] = sum(row.by == "clock" for row in rows)
    for window in windows:
        found.update(_in_window(window, planned, pauses, held, now))
    return found


def _in_window(
    window: Window, rows: list[Run], pauses: Collection[Pause], held: Collection[datetime], now: datetime
) -> Counter[str]:
    found: Counter[str] = Counter()
    at, is_busy = window.first, False
    for row in rows:
        last = row.until or row.planned
        if last <= window.first or row.planned > window.last:
            continue
        if row.planned <= at > window.first:
            found["twice"] += window.planned(row.planned - _ALMOST, min(at, last))
        found.update(_gap(window, at, row.planned - _ALMOST, pauses, held, now, is_busy))
        times = window.planned(max(at, row.planned - _ALMOST), last)
        found[row.outcome] += times
        if times == 0 and row.planned > at:
            found["not planned"] += 1
        is_busy = is_busy or row.outcome == "running"
        at = max(at, last)
    found.update(_gap(window, at, window.last, pauses, held, now, is_busy))
    return found


def _gap(
    window: Window,
    after: datetime,
    until: datetime,
    pauses: Collection[Pause],
    held: Collection[datetime],
    now: datetime,
    is_busy: bool,
) -> Counter[str]:
    """What the planned times without a row are."""
    count = window.planned(after, until)
    if not count:
        return Counter()
    paused = sum(window.planned(max(after, pause.first), min(until, pause.last)) for pause in pauses)
    if is_busy:
        waiting = count - paused
    else:
        young = max(after, now - HICCUP)
        waiting = window.planned(young, until)
        waiting -= sum(window.planned(max(young, pause.first), min(until, pause.last)) for pause in pauses)
        waiting += sum(after < at <= min(until, young) for at in held)
    return Counter({"paused": paused, "waiting": waiting, LOST: count - paused - waiting})


def last_attempts(rows: Collection[Run]) -> Iterator[Run]:
    """Of each planned time the row of its last attempt, in order; runs by hand each."""
    last: dict[object, Run] = {}
    for row in rows:
        key = row.key if row.by_hand else row.planned
        if key not in last or row.attempt > last[key].attempt:
            last[key] = row
    yield from sorted(last.values(), key=lambda row: row.planned)
