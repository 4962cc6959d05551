"""A week of jobs at a glance: what is planned in each hour, or what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workbench.scheduler import plan
from workbench.scheduler.records import JobRecord, Run
from workbench.scheduler.zones import clock_change, instant

HOUR = timedelta(hours=1)
_ALMOST = timedelta(microseconds=1)
SLOT_HOURS = 3
"""Hours that one character of the text stands for."""

MOST_LISTED = 3_000
"""Planned times of one job that are gone through; of more, each hour's are counted."""

MOST_LANES = 40
"""Jobs that are shown."""

LONGEST_NAME = 24

WORST_FIRST = ("failed", "timed_out", "interrupted", "missed", "skipped", "merged", "running", "ok", "planned")


class Lane(NamedTuple):
    """One job: its name, a note, and for each hour from the beginning on how many there are of which outcome."""

    name: str
    note: str
    hours: dict[int, Counter[str]]

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(sum(each.values()) for each in self.hours.values())


class Calendar:
    """The lanes of several jobs, over the same days of one zone.

    Attributes:
        begin, end: The span (UTC).
        origin: The whole hour in which it begins, from which hours are counted (UTC).
        zone: Whose days are shown.
        lanes: The jobs that have something in it, by name.
    """

    def __init__(self, lanes: Iterable[Lane], begin: datetime, end: datetime, zone: ZoneInfo, what: str) -> None:
        """Hold them; `what` is a word for one of what is counted: `planned time`, `run`."""
        self.lanes = sorted((each for each in lanes if each.total), key=lambda each: each.name)
        self.begin, self.end, self.zone, self._what = begin, end, zone, what
        self.origin = whole_hour(begin)

    @classmethod
    def of_plan(cls, jobs: Iterable[tuple[JobRecord, str]], begin: datetime, end: datetime, zone: ZoneInfo) -> Calendar:
        """What is planned: of each job its record, and a note as `paused`."""
        lanes = [Lane(record.definition.name, note, _planned(record, begin, end)) for record, note in jobs]
        return cls(lanes, begin, end, zone, "planned time")

    @classmethod
    def of_runs(cls, runs: Iterable[Run], begin: datetime, end: datetime, zone: ZoneInfo) -> Calendar:
        """What came of planned times, and of runs by hand."""
        hours: dict[str, dict[int, Counter[str]]] = {}
        for run in runs:
            lane = hours.setdefault(run.job, {})
            lane.setdefault(int((run.planned - whole_hour(begin)) / HOUR), Counter())[run.outcome] += run.times
        return cls([Lane(name, "", each) for name, each in hours.items()], begin, end, zone, "run")

    @property
    def days(self) -> list[datetime]:
        """Where each day of the zone begins within the span (UTC)."""
        day, found = self.begin.astimezone(self.zone).date(), list[datetime]()
        while (at := instant(datetime(day.year, day.month, day.day), self.zone)) < self.end:  # noqa: DTZ001
            found += [at] if at >= self.origin else []
            day += timedelta(days=1)
        return found

    @property
    def changes(self) -> list[str]:
        """What the clocks of the zone do within the span: `Sun 25: clocks change: ...`."""
        local = [each.astimezone(self.zone) for each in (self.begin, *self.days, self.end)]
        return [f"{before:%a %d}: {said}" for before, at in pairwise(local) if (said := clock_change(before, at))]

    @property
    def busiest(self) -> str:
        """The hour with the most of all, in words; '' if there is nothing."""
        counts = Counter[int]()
        for lane in self.lanes:
            for hour, found in lane.hours.items():
                counts[hour] += sum(found.values())
        if not counts:
            return ""
        hour, most = max(counts.items(), key=lambda pair: (pair[1], -pair[0]))
        at = (self.origin + hour * HOUR).astimezone(self.zone)
        return f"busiest hour from {at:%a %d %H:%M}: {self.counted(most)}"

    def counted(self, number: int) -> str:
        """`1 planned time`, `3 planned times`."""
        return f"{number:,} {self._what}{'' if number == 1 else 's'}"

    @property
    def title(self) -> str:
        """Which days of which zone, and how much there is."""
        begin, end = (each.astimezone(self.zone) for each in (self.begin, self.end))
        total = self.counted(sum(lane.total for lane in self.lanes))
        return f"{begin:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M}, {self.zone.key}: {total}"

    @property
    def left_out(self) -> str:
        """How many jobs are not shown, in words; '' if all are."""
        left = len(self.lanes) - MOST_LANES
        return f"and {left} more {'job' if left == 1 else 'jobs'}" if left > 0 else ""

    def __repr__(self) -> str:
        if not self.lanes:
            return f"{self.title}."
        shown = self.lanes[:MOST_LANES]
        width = max(len(shortened(lane.name)) for lane in shown)
        hours = -(-(self.end - self.origin) // HOUR)
        starts = {int((day - self.origin) / HOUR) // SLOT_HOURS: day for day in self.days}
        rows = [self.title, f"{'':<{width}} {_head(starts, -(-hours // SLOT_HOURS), self.zone)}".rstrip()]
        for lane in shown:
            slots = "".join(_drawn(lane, slot, slot in starts) for slot in range(-(-hours // SLOT_HOURS)))
            rows.append(f"{shortened(lane.name):<{width}} {slots}  {lane.note}".rstrip())
        told = [self.left_out, *self.changes, self.busiest, f"a digit: how many in {SLOT_HOURS} h, + is more than 9"]
        return "\n".join([*rows, *filter(None, told)])


def whole_hour(at: datetime) -> datetime:
    """The hour that an instant (UTC) is in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def worst(found: Counter[str]) -> str:
    """The outcome that a person should know of first."""
    return min(found, key=lambda each: WORST_FIRST.index(each) if each in WORST_FIRST else 0)


def shortened(name: str) -> str:
    """A name that fits beside its lane."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _planned(record: JobRecord, begin: datetime, end: datetime) -> dict[int, Counter[str]]:
    job, anchor, origin = record.definition, record.anchor, whole_hour(begin)
    if not job.active:
        return {}
    times = list(islice(_until(plan.times(job, anchor, begin), end), MOST_LISTED + 1))
    found: dict[int, Counter[str]] = {}
    if len(times) <= MOST_LISTED:
        for at in times:
            found.setdefault(int((at - origin) / HOUR), Counter())["planned"] += 1
        return found
    edges = [origin + hour * HOUR - _ALMOST for hour in range(int((end - origin) / HOUR) + 2)]
    for hour, (first, last) in enumerate(pairwise(edges)):
        if count := plan.how_many(job, anchor, max(first, begin), min(last, end)):
            found[hour] = Counter(planned=count)
    return found


def _until(times: Iterator[datetime], end: datetime) -> Iterator[datetime]:
    for at in times:
        if at > end:
            return
        yield at.astimezone(UTC)


def _head(starts: dict[int, datetime], slots: int, zone: ZoneInfo) -> str:
    """The days over their slots; one that has no room is left out."""
    text = ""
    for slot, day in sorted(starts.items()):
        if len(text) <= slot + 1 and (name := f"|{day.astimezone(zone):%a %d}"):
            text = f"{text:<{slot}}{name}"
    return text[: max(slots, len(text))]


def _drawn(lane: Lane, slot: int, is_first_of_day: bool) -> str:
    hours = range(slot * SLOT_HOURS, (slot + 1) * SLOT_HOURS)
    count = sum(sum(lane.hours[hour].values()) for hour in hours if hour in lane.hours)
    if not count:
        return "|" if is_first_of_day else "."
    return str(count) if count <= 9 else "+"
